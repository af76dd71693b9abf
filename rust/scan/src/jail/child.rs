//! The child's side.

use super::confine::confine;
use super::{Answer, MAX_DEVICES, MAX_REQUEST, Request};
use crate::open::Node;
use asl_facts::{Format, Look, Superblock};
use asl_probe::{Meter, Metered, ReadAt};
use asl_stack::{Garbled, Named};
use asl_tree::{Member, Shared};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::Resource;
use rustix::stdio::{stdin, stdout};
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    /// The devices did not come over.
    #[error("the devices: {0}")]
    Devices(#[source] io::Error),
    /// The parent asked for a view that the devices do not make up.
    #[error("the map: {0}")]
    Map(#[from] Garbled),
    /// Standard output is no socket of a parent.
    #[error("the parent: {0}")]
    Hearing(#[source] io::Error),
    /// The answer could not be given.
    #[error("the answer: {0}")]
    Answer(#[source] io::Error),
}

/// Locks this process in, takes one request, and answers with what `look`
/// says, or `look_pool` where several members were given. For the hidden
/// command of a program that [`super::Reader`] starts; the process can do
/// nothing else afterwards and must end.
///
/// # Errors
/// The process could not be locked in, in which case nothing was read, or
/// the parent is not one.
pub fn serve(
    look: impl FnOnce(&Shared, Format, &Superblock) -> Look,
    look_pool: impl FnOnce(Format, &[Member<'_>]) -> Look,
) -> Result<(), JailError> {
    let devices = devices().map_err(JailError::Devices)?;
    confine(&devices)?;
    let request = request()?;
    let devices: Vec<asl_stack::Node> = devices
        .into_iter()
        .zip(request.sizes)
        .enumerate()
        .map(|(number, (fd, size))| -> asl_stack::Node {
            Arc::new(Named::new(number.to_string(), Node::of(fd, size)))
        })
        .collect();
    let nodes = request.plan.nodes(&devices)?;
    let meter = Arc::new(Meter::new(request.budget, Arc::default()));
    let members: Vec<Member<'_>> = request
        .members
        .iter()
        .filter_map(|asked| {
            let node = nodes.get(asked.node)?.clone();
            Some(Member {
                dev: Arc::new(Metered::with(Heard::new(node), meter.clone())),
                superblock: &asked.superblock,
            })
        })
        .collect();
    alive();
    let look = match members.as_slice() {
        [one] if !request.together => look(&one.dev, request.format, one.superblock),
        members => look_pool(request.format, members),
    };
    let answer = serde_json::to_vec(&Answer {
        look,
        reads: meter.reads(),
        bytes: meter.bytes(),
    });
    let answer = answer.map_err(|error| JailError::Answer(error.into()))?;
    Parent.write_all(&answer).map_err(JailError::Answer)
}

/// Standard input, and what comes with the parent's first byte.
fn devices() -> io::Result<Vec<BorrowedFd<'static>>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DEVICES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut count = [0];
    let mut into = [IoSliceMut::new(&mut count)];
    recvmsg(stdout(), &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut devices = vec![stdin()];
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(others) = message {
            devices.extend(others.map(kept));
        }
    }
    let [count] = count;
    if devices.len() != usize::from(count).saturating_add(1) {
        let got = devices.len();
        return Err(io::Error::other(format!(
            "{got} came, and {count} beside the first were sent"
        )));
    }
    Ok(devices)
}

/// For as long as the process is there: to close it takes a call that it will
/// not have.
fn kept(fd: OwnedFd) -> BorrowedFd<'static> {
    let fd: &'static OwnedFd = Box::leak(Box::new(fd));
    fd.as_fd()
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

/// Most signs of life in a time.
const BEAT: Duration = Duration::from_millis(200);

/// A device whose reads the parent hears of: as long as they come back, it
/// waits.
struct Heard {
    node: asl_stack::Node,
    last: Mutex<Instant>,
}

impl Heard {
    fn new(node: asl_stack::Node) -> Self {
        let last = Mutex::new(Instant::now());
        Self { node, last }
    }
}

impl ReadAt for Heard {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.node.read_at(offset, buf)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= BEAT {
            *last = Instant::now();
            alive();
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.node.size()
    }
}

/// A space before the answer, which JSON does not mind.
fn alive() {
    // A parent that is gone takes no answer either.
    let _ = Parent.write_all(b" ");
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
