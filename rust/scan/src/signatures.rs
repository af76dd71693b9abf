//! Signatures alone: no look for stores, nothing from sysfs.

use crate::ScanError;
use crate::open;
use crate::work::PROBE_BUDGET;
use asl_probe::{Fault, Metered, Probed};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// What probing one device came to, and what it cost.
#[derive(Debug)]
pub struct Signatures {
    /// What was found, unless a read failed.
    pub probed: Result<Probed, Fault>,
    /// Number of reads.
    pub reads: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// A device or image file that is open, and whose beginning and end the
/// kernel was told to read.
///
/// Opening the next ones before this one is probed lets their reads overlap,
/// also on one thread: a disk that seeks or wakes up is waited for once.
pub struct Opened {
    dev: Metered<open::Node<OwnedFd>>,
}

impl Opened {
    /// Opens it read-only.
    ///
    /// # Errors
    /// It cannot be opened, or is neither a block device nor a file.
    pub fn open(path: &Path) -> Result<Self, ScanError> {
        let node = open::path(path)?;
        node.will_read();
        let dev = Metered::new(node, PROBE_BUDGET, Arc::default());
        Ok(Self { dev })
    }

    /// Its signatures.
    #[must_use]
    pub fn signatures(&self) -> Signatures {
        let probed = asl_probe::probe(&self.dev);
        Signatures {
            probed,
            reads: self.dev.reads(),
            bytes: self.dev.bytes(),
        }
    }
}
