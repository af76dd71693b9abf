//! The one place where devices and images are opened.
//!
//! Read-only, without blocking on an empty drive, and only what sysfs lists:
//! a node that does not belong to the device (or that would make an md array
//! when opened) is refused by its number.

use crate::ScanError;
use crate::root::Root;
use asl_probe::{HEAD, ReadAt, TAIL};
use rustix::fs::{
    Advice, FileType, Mode, OFlags, SeekFrom, fadvise, fstat, major, minor, open, seek, stat,
};
use rustix::io::Errno;
use std::io;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// An open device or image.
#[derive(Debug, Clone)]
pub(crate) struct Node<F> {
    fd: F,
    size: u64,
}

impl<F: AsFd> Node<F> {
    /// What somebody else opened.
    pub(crate) fn of(fd: F, size: u64) -> Self {
        Self { fd, size }
    }

    /// Tells the kernel what is read of every device. It is a hint: whether
    /// it can be followed shows in the reads.
    pub(crate) fn will_read(&self) {
        let tail = self.size.saturating_sub(TAIL);
        for (at, len) in [(0, HEAD), (tail, TAIL)] {
            let _ = fadvise(&self.fd, at, NonZero::new(len), Advice::WillNeed);
        }
    }
}

impl<F: AsFd> AsFd for Node<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<F: AsFd> ReadAt for Node<F> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::pread(&self.fd, buf, offset)?)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// What a path of the command line names.
pub(crate) enum PathKind {
    Block { devnum: String },
    File { size: u64 },
}

pub(crate) fn kind_of(path: &Path) -> Result<PathKind, ScanError> {
    let stat = stat(path).map_err(|error| ScanError::Io {
        path: path.to_owned(),
        error: error.into(),
    })?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::BlockDevice => Ok(PathKind::Block {
            devnum: devnum(stat.st_rdev),
        }),
        FileType::RegularFile => Ok(PathKind::File {
            size: stat.st_size.try_into().unwrap_or(0),
        }),
        _ => Err(ScanError::NotProbeable {
            path: path.to_owned(),
        }),
    }
}

/// Opens the device `expected` (`major:minor`) of `size` bytes at `node`. An
/// empty number means an image file. Below another root the nodes are image
/// files too, and have no number to compare.
pub(crate) fn node(
    root: &Root,
    node: &str,
    expected: &str,
    size: u64,
) -> io::Result<Node<Arc<OwnedFd>>> {
    let fd = open(
        root.join(node),
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    if root.is_real() && !expected.is_empty() {
        let stat = fstat(&fd)?;
        let seen = match FileType::from_raw_mode(stat.st_mode) {
            FileType::BlockDevice => devnum(stat.st_rdev),
            _ => "no block device".to_owned(),
        };
        if seen != expected {
            return Err(io::Error::other(format!(
                "the node is {seen}, sysfs says {expected}"
            )));
        }
    }
    Ok(Node::of(Arc::new(fd), size))
}

/// Opens what a path of the command line names, whatever sysfs says of it.
pub(crate) fn path(path: &Path) -> Result<Node<OwnedFd>, ScanError> {
    // Opening some other node waits or has effects.
    kind_of(path)?;
    let error = |error: Errno| ScanError::Io {
        path: path.to_owned(),
        error: error.into(),
    };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = open(path, flags, Mode::empty()).map_err(error)?;
    let size = seek(&fd, SeekFrom::End(0)).map_err(error)?;
    Ok(Node::of(fd, size))
}

fn devnum(device: u64) -> String {
    format!("{}:{}", major(device), minor(device))
}
