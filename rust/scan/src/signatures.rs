//! Signatures alone: no look for stores, nothing from sysfs.

use crate::ScanError;
use crate::open;
use asl_probe::{Fault, Metered, Probed};
use std::path::Path;
use std::sync::Arc;

/// Most bytes that probing may read of one device.
const BUDGET: u64 = 256 << 20;

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

/// The signatures of a device or image file, on the caller's thread.
///
/// # Errors
/// It cannot be opened, or is neither a block device nor a file.
pub fn signatures(path: &Path) -> Result<Signatures, ScanError> {
    let dev = Metered::new(open::path(path)?, BUDGET, Arc::default());
    let probed = asl_probe::probe(&dev);
    Ok(Signatures {
        probed,
        reads: dev.reads(),
        bytes: dev.bytes(),
    })
}
