//! Memory for the reads of every device, used again by the next one.
//!
//! Head and tail of a device are most of what is read of it. Fresh memory for
//! them would be cleared first, by the kernel or by us, which costs as much
//! as the checks of all formats together.

use crate::read::{Fault, ReadAt, read_into};
use std::cell::RefCell;
use std::mem;

/// A thread works on one device at a time, of which it keeps two runs, and
/// looks at one large structure more.
const SPARE: usize = 3;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read. What an earlier device left behind them never
/// shows.
#[derive(Default)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    len: usize,
}

impl Buffer {
    /// Reads up to `len` bytes at `offset`; fewer only at the end of the
    /// device.
    pub(crate) fn read(dev: &dyn ReadAt, offset: u64, len: usize) -> Result<Self, Fault> {
        let memory = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
        let mut buffer = Self { memory, len: 0 };
        if buffer.memory.len() < len {
            buffer.memory.resize(len, 0);
        }
        if let Some(room) = buffer.memory.get_mut(..len) {
            buffer.len = read_into(dev, offset, room)?.min(len);
        }
        Ok(buffer)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.get(..self.len).unwrap_or_default()
    }

    /// Puts the bytes of `more` behind its own.
    pub(crate) fn append(&mut self, more: &Self) {
        self.memory.truncate(self.len);
        self.memory.extend_from_slice(more.bytes());
        self.len = self.memory.len();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = mem::take(&mut self.memory);
        // A thread that ends has no spare memory left to give it to.
        let _ = BUFFERS.try_with(|buffers| {
            if let Ok(mut buffers) = buffers.try_borrow_mut()
                && buffers.len() < SPARE
            {
                buffers.push(memory);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_device_never_shows() {
        drop(Buffer::read(&vec![7; 4096], 0, 4096).unwrap());
        let buffer = Buffer::read(&vec![1; 10], 0, 4096).unwrap();
        assert_eq!(buffer.bytes(), [1; 10]);
        let mut buffer = Buffer::read(&vec![1; 10], 4, 4096).unwrap();
        assert_eq!(buffer.bytes(), [1; 6]);
        buffer.append(&Buffer::read(&vec![2; 10], 0, 2).unwrap());
        assert_eq!(buffer.bytes(), [1, 1, 1, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn a_failed_read_leaves_memory_for_the_next() {
        struct Bad;
        impl ReadAt for Bad {
            fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("bad"))
            }
            fn size(&self) -> u64 {
                8
            }
        }
        assert!(Buffer::read(&Bad, 0, 8).is_err());
        assert_eq!(Buffer::read(&vec![3; 8], 0, 8).unwrap().bytes(), [3; 8]);
    }
}
