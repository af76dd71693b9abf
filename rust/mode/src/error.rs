//! What can be wrong with a mode file, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why a mode file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is none.
    #[error("there is no mode file")]
    Missing,
    /// It could not be read.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
    /// It is longer than any mode file.
    #[error("longer than {limit} bytes")]
    TooBig {
        /// [`crate::MAX_FILE`].
        limit: usize,
    },
    /// It is not text.
    #[error("byte {offset} is not UTF-8")]
    NotText {
        /// Offset of the first bad byte.
        offset: usize,
    },
    /// It is not TOML.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// The parser's words.
        message: String,
    },
    /// A key is not there.
    #[error("key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value is not one that the key can have.
    #[error("key `{key}`: {seen} seen, {expected} expected")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What stands there.
        seen: String,
        /// What the key demands.
        expected: &'static str,
    },
    /// It was written by a version whose files mean something else.
    #[error("schema {seen} seen, {expected} expected: written by another version")]
    OtherSchema {
        /// Its schema.
        seen: u32,
        /// Ours.
        expected: u32,
    },
    /// It was written during another boot: disks may have been swapped.
    #[error("boot_id {seen} seen, {expected} expected: written during another boot")]
    OtherBoot {
        /// Its boot.
        seen: String,
        /// This boot.
        expected: String,
    },
}

/// A mode file that is refused, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}; run `asl-admin preflight`", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// A file that could not be put in place.
#[derive(Debug, thiserror::Error)]
#[error("{}: {step}: {source}", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What was being done: `create`, `write`, `rename`, ...
    pub step: &'static str,
    /// Why it failed.
    pub source: io::Error,
}
