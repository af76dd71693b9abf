//! The store behind the server: one directory, read by one worker.
//!
//! A read of a dying disk can block for minutes and cannot be interrupted.
//! So every read happens in a single worker thread and is waited for only
//! [`READ_DEADLINE`]: status stays fast, and at most one thread is ever stuck.

use asl_facts::Text;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

/// Longest wait for the store. A healthy disk lists a directory in
/// milliseconds, one that has to spin up takes seconds.
const READ_DEADLINE: Duration = Duration::from_secs(3);

/// Most entries in one listing; a store's top level has about ten.
pub(crate) const MAX_ENTRIES: usize = 256;

/// What a backend can do so far.
pub(crate) trait Backend: Send + 'static {
    /// The top level, sorted by name, at most [`MAX_ENTRIES`].
    fn list(&self) -> Result<Listing, StoreFault>;
}

/// Why the store cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreFault {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Activation may have failed and left the bare mount point: that must not
    /// be served as a store.
    #[error("the directory is empty: nothing is mounted there")]
    Empty,
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("an earlier read has not come back")]
    Busy,
    #[error("the remote endpoint is not reached by this version")]
    NoRemote,
}

/// The top level of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    pub(crate) complete: bool,
}

/// One entry of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Directory,
    File,
    Other,
}

/// A directory that is mounted.
pub(crate) struct Posix {
    pub(crate) root: PathBuf,
}

impl Backend for Posix {
    fn list(&self) -> Result<Listing, StoreFault> {
        let mut entries = Vec::new();
        let mut complete = true;
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entries.len() >= MAX_ENTRIES {
                complete = false;
                break;
            }
            // Of the entry itself: a link is not followed out of the store.
            let meta = entry.metadata()?;
            let (kind, size) = match meta.file_type() {
                kind if kind.is_dir() => (Kind::Directory, None),
                kind if kind.is_file() => (Kind::File, Some(meta.len())),
                _ => (Kind::Other, None),
            };
            entries.push(Entry {
                name: Text(entry.file_name().as_bytes().to_vec()).printable(),
                kind,
                size,
            });
        }
        if entries.is_empty() {
            return Err(StoreFault::Empty);
        }
        entries.sort();
        Ok(Listing { entries, complete })
    }
}

/// A store behind an endpoint; no protocol is spoken yet.
pub(crate) struct Remote;

impl Backend for Remote {
    fn list(&self) -> Result<Listing, StoreFault> {
        Err(StoreFault::NoRemote)
    }
}

type Reply = Result<Listing, StoreFault>;

/// The worker in front of a backend.
#[derive(Debug)]
pub(crate) struct Store {
    ask: SyncSender<SyncSender<Reply>>,
    deadline: Duration,
}

impl Store {
    /// Starts the worker.
    pub(crate) fn start(backend: impl Backend) -> io::Result<Self> {
        Self::with_deadline(backend, READ_DEADLINE)
    }

    fn with_deadline(backend: impl Backend, deadline: Duration) -> io::Result<Self> {
        let (ask, asked) = mpsc::sync_channel::<SyncSender<Reply>>(crate::server::MAX_CONNECTIONS);
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                for reply in asked {
                    // Who gave up waiting needs no answer.
                    let _ = reply.try_send(backend.list());
                }
            })?;
        Ok(Self { ask, deadline })
    }

    /// Lists the top level, or says why not, within the deadline.
    pub(crate) fn list(&self) -> Reply {
        let (reply, answer) = mpsc::sync_channel(1);
        match self.ask.try_send(reply) {
            Ok(()) => {}
            // A worker that is gone never answers either.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                return Err(StoreFault::Busy);
            }
        }
        match answer.recv_timeout(self.deadline) {
            Ok(listing) => listing,
            Err(RecvTimeoutError::Timeout) => Err(StoreFault::Silent(self.deadline)),
            Err(RecvTimeoutError::Disconnected) => Err(StoreFault::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_mount_point_is_no_store() {
        let dir = tempfile::tempdir().unwrap();
        let posix = Posix {
            root: dir.path().to_owned(),
        };
        assert!(matches!(posix.list(), Err(StoreFault::Empty)));
        fs::create_dir(dir.path().join("blocks")).unwrap();
        fs::write(dir.path().join("a\x1b[2J"), b"12").unwrap();
        let listing = posix.list().unwrap();
        assert!(listing.complete);
        assert_eq!(
            listing.entries,
            [
                Entry {
                    name: "a?[2J".into(),
                    kind: Kind::File,
                    size: Some(2)
                },
                Entry {
                    name: "blocks".into(),
                    kind: Kind::Directory,
                    size: None
                },
            ]
        );
    }

    #[test]
    fn listing_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("blocks")).unwrap();
        for i in 0..MAX_ENTRIES {
            fs::write(dir.path().join(format!("f{i}")), b"").unwrap();
        }
        let root = dir.path().to_owned();
        let listing = Posix { root }.list().unwrap();
        assert_eq!(listing.entries.len(), MAX_ENTRIES);
        assert!(!listing.complete);
    }

    #[test]
    fn disk_that_never_answers_costs_one_thread_and_one_deadline() {
        struct Hung;
        impl Backend for Hung {
            fn list(&self) -> Result<Listing, StoreFault> {
                loop {
                    thread::park();
                }
            }
        }
        let store = Store::with_deadline(Hung, Duration::from_millis(1)).unwrap();
        assert!(matches!(store.list(), Err(StoreFault::Silent(_))));
        for _ in 0..crate::server::MAX_CONNECTIONS {
            assert!(store.list().is_err());
        }
        assert!(matches!(store.list(), Err(StoreFault::Busy)));
    }
}
