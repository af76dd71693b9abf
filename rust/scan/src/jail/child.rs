//! The child's side.

use super::confine::confine;
use super::{Answer, MAX_REQUEST, Request};
use crate::open::Node;
use asl_facts::{Format, Look, Superblock};
use asl_probe::Metered;
use asl_tree::Shared;
use rustix::io::Errno;
use rustix::process::Resource;
use rustix::stdio::{stdin, stdout};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// A resource could not be limited.
    #[error("the limit of {resource:?}: {error}")]
    Limit {
        /// The resource.
        resource: Resource,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The filter of system calls could not be made or installed.
    #[error("the filter of system calls: {0}")]
    Filter(#[from] seccompiler::Error),
    /// What the parent asked is no request.
    #[error("the request: {0}")]
    Request(#[source] serde_json::Error),
    /// Standard output is no socket of a parent.
    #[error("the parent: {0}")]
    Hearing(#[source] io::Error),
    /// The answer could not be given.
    #[error("the answer: {0}")]
    Answer(#[source] io::Error),
}

/// Locks this process in, takes one request, and answers with what `look`
/// says. For the hidden command of a program that [`super::Reader`] starts;
/// the process can do nothing else afterwards and must end.
///
/// # Errors
/// The process could not be locked in, in which case nothing was read, or
/// the parent is not one.
pub fn serve(look: impl FnOnce(&Shared, Format, &Superblock) -> Look) -> Result<(), JailError> {
    confine()?;
    let request = request()?;
    let node = Node::of(stdin(), request.size);
    let metered = Arc::new(Metered::new(node, request.budget, Arc::default()));
    let shared: Shared = metered.clone();
    let look = look(&shared, request.format, &request.superblock);
    let answer = serde_json::to_vec(&Answer {
        look,
        reads: metered.reads(),
        bytes: metered.bytes(),
    });
    let answer = answer.map_err(|error| JailError::Answer(error.into()))?;
    Parent.write_all(&answer).map_err(JailError::Answer)
}

fn request() -> Result<Request, JailError> {
    let mut bytes = Vec::new();
    // More than that is cut off and no JSON any more.
    Parent
        .take(MAX_REQUEST)
        .read_to_end(&mut bytes)
        .map_err(JailError::Hearing)?;
    serde_json::from_slice(&bytes).map_err(JailError::Request)
}

/// The socket, without the buffer and the lines of [`std::io::Stdout`].
struct Parent;

impl Read for Parent {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(stdout(), buf)?)
    }
}

impl Write for Parent {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        rustix::io::write(stdout(), buf).map_err(|error: Errno| error.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
