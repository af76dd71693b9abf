//! What is read from: an open device, or a view of several.

use crate::plan::{Made, Part};
use asl_probe::ReadAt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// An open device or a view of some: several views may stand on it, and the
/// readers keep it.
pub type Node = Arc<dyn View>;

/// What is read, and how it came about.
pub trait View: ReadAt + Send + Sync {
    /// What it is made of. `number` tells the number of a node in the plan
    /// that this becomes a part of.
    fn made(&self, number: &mut dyn FnMut(&Node) -> usize) -> Made<'_>;
}

/// A device, which is made of nothing else, by its name.
#[derive(Debug)]
pub struct Named<R> {
    name: String,
    dev: R,
}

impl<R: ReadAt> Named<R> {
    /// `dev`, called `name`.
    pub fn new(name: impl Into<String>, dev: R) -> Self {
        Self {
            name: name.into(),
            dev,
        }
    }
}

impl<R: ReadAt> ReadAt for Named<R> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.dev.read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.dev.size()
    }
}

impl<R: ReadAt + Send + Sync> View for Named<R> {
    fn made(&self, _: &mut dyn FnMut(&Node) -> usize) -> Made<'_> {
        Made::Device(&self.name)
    }
}

/// Some bytes of a node.
pub(crate) struct Slice {
    node: Node,
    start: u64,
    len: u64,
    /// What is lost, on `node`.
    bad: Vec<Range<u64>>,
}

impl Slice {
    /// `len` bytes of `node` from `start`; none if it has not as many.
    pub(crate) fn of(node: Node, start: u64, len: u64) -> Option<Self> {
        let end = start.checked_add(len)?;
        (end <= node.size()).then_some(Self {
            node,
            start,
            len,
            bad: Vec::new(),
        })
    }

    /// With ranges of `node` that are known to be lost.
    pub(crate) fn without_ranges(mut self, bad: Vec<Range<u64>>) -> Self {
        self.bad = bad;
        self
    }

    /// With what is known to be lost: pairs of first byte and bytes.
    pub(crate) fn without(mut self, bad: &[(u64, u64)]) -> Self {
        self.bad = bad
            .iter()
            .map(|(start, len)| *start..start.saturating_add(*len))
            .collect();
        self
    }
}

impl ReadAt for Slice {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = self.len.saturating_sub(offset);
        let count = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
        let buf = buf.get_mut(..count).unwrap_or_default();
        let Some(at) = self.start.checked_add(offset).filter(|_| count > 0) else {
            return Ok(0);
        };
        let end = at.saturating_add(rest.min(length(buf)));
        if let Some(bad) = self.bad.iter().find(|bad| bad.start < end && at < bad.end) {
            return Err(io::Error::other(format!(
                "bytes {} to {} are on the list of bad blocks",
                bad.start, bad.end
            )));
        }
        self.node.read_at(at, buf)
    }

    fn size(&self) -> u64 {
        self.len
    }
}

impl View for Slice {
    fn made(&self, number: &mut dyn FnMut(&Node) -> usize) -> Made<'_> {
        Made::View(Part::Slice {
            of: number(&self.node),
            start: self.start,
            len: self.len,
            bad: self.bad.clone(),
        })
    }
}

/// Bytes of a buffer, as an offset.
pub(crate) fn length(buf: &[u8]) -> u64 {
    u64::try_from(buf.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Node {
        Arc::new(Named::new("disk", (0..100).collect::<Vec<u8>>()))
    }

    #[test]
    fn a_slice_ends_where_it_ends() {
        let slice = Slice::of(bytes(), 10, 20).unwrap();
        let mut buf = [0; 8];
        assert_eq!(slice.read_at(16, &mut buf).unwrap(), 4);
        assert_eq!(buf[..4], [26, 27, 28, 29]);
        assert_eq!(slice.read_at(20, &mut buf).unwrap(), 0);
        assert_eq!(slice.read_at(u64::MAX, &mut buf).unwrap(), 0);
    }

    #[test]
    fn more_than_there_is_makes_no_slice() {
        assert!(Slice::of(bytes(), 90, 11).is_none());
        assert!(Slice::of(bytes(), u64::MAX, 2).is_none());
        assert!(Slice::of(bytes(), 90, 10).is_some());
    }

    #[test]
    fn a_bad_block_is_an_error_and_its_neighbours_are_not() {
        let slice = Slice::of(bytes(), 10, 80).unwrap().without(&[(20, 4)]);
        let mut buf = [0; 2];
        assert!(slice.read_at(8, &mut buf).is_ok());
        assert!(slice.read_at(9, &mut buf).is_err());
        assert!(slice.read_at(13, &mut buf).is_err());
        assert!(slice.read_at(14, &mut buf).is_ok());
    }
}
