//! What can go wrong, and the exit code of each.

use crate::store::StoreFault;
use std::io;
use std::path::PathBuf;

/// Why the program ends without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("boot id: {0}")]
    BootId(#[source] io::Error),
    #[error(transparent)]
    Mode(#[from] asl_mode::ReadError),
    #[error("mode none ({code}): {reason}\nnext: {hint}")]
    NothingToServe {
        code: String,
        reason: String,
        hint: String,
    },
    #[error(
        "{path}: backend `{seen}` seen, `posix` or `remote` expected: \
         written by another version; run `asl-admin preflight`", path = path.display()
    )]
    UnknownBackend { path: PathBuf, seen: String },
    #[error("store at {root}: {fault}; run `systemctl status asl-activate`")]
    Store { root: String, fault: StoreFault },
    #[error("no socket was passed: start asl-intake.socket, or give --socket PATH")]
    NoSocket,
    #[error("socket {path}: {source}", path = path.display())]
    Listen { path: PathBuf, source: io::Error },
    #[error("{path}: {source}; run `systemctl status asl-intake`", path = path.display())]
    Ask { path: PathBuf, source: io::Error },
    #[error("{path}: {why}", path = path.display())]
    Answer { path: PathBuf, why: String },
    #[error("start the worker that reads the store: {0}")]
    Worker(#[source] io::Error),
    #[error("{path}: {source}", path = path.display())]
    Manual { path: PathBuf, source: io::Error },
}

impl Error {
    /// The documented exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Error::Mode(_) | Error::NothingToServe { .. } | Error::UnknownBackend { .. } => 4,
            _ => 1,
        }
    }
}
