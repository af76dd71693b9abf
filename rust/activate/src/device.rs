//! The one place where this crate opens block devices: read-only.

use asl_facts::Signature;
use asl_probe::ReadAt;
use nix::libc::O_NONBLOCK;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Opens without waiting for a medium. Reading is enough for `BLKROSET`.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path)
}

struct Sized {
    file: File,
    size: u64,
}

impl ReadAt for Sized {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(&self.file, buf, offset)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// The signatures on a device of `size` bytes.
pub(crate) fn signatures(path: &Path, size: u64) -> io::Result<Vec<Signature>> {
    let file = open(path)?;
    asl_probe::probe(&Sized { file, size })
        .map(|probed| probed.signatures)
        .map_err(|fault| fault.error)
}
