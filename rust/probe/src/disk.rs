//! One head and one tail read of a device, and what is served from them.

use crate::buffer::Buffer;
use crate::read::{Fault, ReadAt, is_over, read_up_to, unless_over};
use crate::trace::{Purpose, Trace};
use std::cell::RefCell;
use std::io;
use std::ops::Range;

/// Head read, bytes: the end of the furthest primary superblock that lies at
/// a fixed place (btrfs and ReiserFS at 64 KiB).
pub const HEAD: u64 = 68 * 1024;
/// Tail read, bytes: the second header of DDF, 257 sectors before the end, is
/// the furthest of what is looked for on every device; md 0.90 lies up to 128
/// KiB before it. The last label of ZFS takes 256 KiB and is looked for where
/// nothing else was found: to copy it from each device would cost as much as
/// all the checks.
pub const TAIL: u64 = 132 * 1024;

/// What a failed window is read again in, bytes, and what is tried inside a
/// piece that fails once more.
const PIECE: u64 = 4096;
const SECTOR: u64 = 512;
/// Sectors of a window that may fail one by one. Behind that a piece that fails
/// is given up whole: each failed read costs milliseconds, of a dying disk
/// seconds, and the time for the device would be over before the other window
/// was read.
const MAX_BAD_SECTORS: usize = 64;

/// A device whose beginning and end were read once.
pub struct Disk<'a> {
    dev: &'a dyn ReadAt,
    /// What was read ahead, in runs: first byte, content.
    runs: Vec<(u64, Buffer)>,
    /// Ranges that cannot be read.
    bad: Vec<Range<u64>>,
    faults: RefCell<Vec<Fault>>,
    trace: Option<&'a Trace>,
}

impl<'a> Disk<'a> {
    /// Reads head and tail. Where one fails it is read piece by piece, so
    /// that a bad sector hides only what lies on it, and is asked for once
    /// and not by every format.
    ///
    /// # Errors
    /// The time for the device is over.
    pub fn read(dev: &'a dyn ReadAt) -> Result<Self, Fault> {
        Self::traced(dev, None)
    }

    /// The same; `trace` is told what is done and why.
    pub(crate) fn traced(dev: &'a dyn ReadAt, trace: Option<&'a Trace>) -> Result<Self, Fault> {
        let mut disk = Self {
            dev,
            runs: Vec::new(),
            bad: Vec::new(),
            faults: RefCell::default(),
            trace,
        };
        let size = dev.size();
        let head = HEAD.min(size);
        disk.purpose(|| Purpose::Head);
        disk.window(0..head)?;
        disk.purpose(|| Purpose::Tail);
        disk.window(size.saturating_sub(TAIL).max(head)..size)?;
        Ok(disk)
    }

    /// Who wants to know what is done, if somebody does.
    pub(crate) fn trace(&self) -> Option<&'a Trace> {
        self.trace
    }

    /// What the reads from now on are for.
    pub(crate) fn purpose(&self, purpose: impl FnOnce() -> Purpose) {
        if let Some(trace) = self.trace {
            trace.purpose(purpose());
        }
    }

    fn window(&mut self, range: Range<u64>) -> Result<(), Fault> {
        if let Err(fault) = self.run(range.clone())? {
            self.faults.borrow_mut().push(fault);
            let before = self.bad.len();
            for piece in steps(range, PIECE) {
                if self.run(piece.clone())?.is_ok() {
                    continue;
                }
                if self.bad.len().saturating_sub(before) >= MAX_BAD_SECTORS {
                    self.bad.push(piece);
                    continue;
                }
                for sector in steps(piece, SECTOR) {
                    if self.run(sector.clone())?.is_err() {
                        self.bad.push(sector);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads `range` into the run that it continues, or a new one. The outer
    /// error ends all.
    fn run(&mut self, range: Range<u64>) -> Result<Result<(), Fault>, Fault> {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        if len == 0 {
            return Ok(Ok(()));
        }
        let more = match unless_over(Buffer::read(self.dev, range.start, len))? {
            Ok(more) => more,
            Err(fault) => return Ok(Err(fault)),
        };
        let end = |(at, run): &(u64, Buffer)| {
            let len = u64::try_from(run.bytes().len()).ok()?;
            at.checked_add(len)
        };
        match self.runs.last_mut() {
            Some(run) if end(run) == Some(range.start) => run.1.append(&more),
            _ => self.runs.push((range.start, more)),
        }
        Ok(Ok(()))
    }

    /// Size of the device, bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.dev.size()
    }

    /// What was read ahead at `at`, as far as it goes, at most `len` bytes.
    fn cached(&self, at: u64, len: usize) -> Option<&[u8]> {
        self.runs.iter().find_map(|(start, run)| {
            let from = usize::try_from(at.checked_sub(*start)?).ok()?;
            let rest = run.bytes().get(from..).filter(|rest| !rest.is_empty())?;
            Some(rest.get(..len).unwrap_or(rest))
        })
    }

    /// `len` bytes at `at` without another read, fewer at the end of the
    /// device or before what cannot be read; none where they were not read
    /// ahead.
    #[must_use]
    pub fn peek(&self, at: u64, len: usize) -> Option<&[u8]> {
        let bytes = self.cached(at, len)?;
        let end = at.saturating_add(u64::try_from(bytes.len()).ok()?);
        let complete = bytes.len() == len || end >= self.size() || self.is_bad(end);
        complete.then_some(bytes)
    }

    fn is_bad(&self, at: u64) -> bool {
        self.bad.iter().any(|bad| bad.contains(&at))
    }

    /// Whether some of the `len` bytes at `at`, which were read ahead, could not
    /// be read.
    #[must_use]
    pub(crate) fn is_unreadable(&self, at: u64, len: usize) -> bool {
        let end = at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        self.bad.iter().any(|bad| bad.start < end && at < bad.end)
    }

    /// `len` bytes at `at`, fewer at the end of the device or before what
    /// cannot be read; none where nothing can be read, which is noted.
    ///
    /// # Errors
    /// The time for the device is over.
    pub fn bytes(&self, at: u64, len: usize) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(bytes) = self.peek(at, len) {
            return Ok(Some(bytes.to_vec()));
        }
        match read_up_to(self, at, len) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(fault) => self.note(fault).map(|()| None),
        }
    }

    /// Keeps a fault of the device and goes on.
    ///
    /// # Errors
    /// It is no fault: the time for the device is over.
    pub(crate) fn note(&self, fault: Fault) -> Result<(), Fault> {
        if is_over(&fault.error) {
            return Err(fault);
        }
        if !self.is_bad(fault.offset) {
            self.faults.borrow_mut().push(fault);
        }
        Ok(())
    }

    /// All that was read ahead is one value, 0x00 or 0xff, as on a new or an
    /// erased device.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let first = self.runs.first().and_then(|(_, run)| run.bytes().first());
        self.bad.is_empty()
            && first.is_none_or(|first| {
                matches!(first, 0x00 | 0xff)
                    && self.runs.iter().all(|(_, run)| is_all(run.bytes(), *first))
            })
    }

    /// The first read that failed, if one did.
    pub(crate) fn first_fault(&self) -> Option<Fault> {
        let mut faults = self.faults.borrow_mut();
        (!faults.is_empty()).then(|| faults.swap_remove(0))
    }

    /// The reads that failed.
    #[must_use]
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults.into_inner()
    }
}

impl ReadAt for Disk<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_bad(offset) {
            return Err(io::Error::other("it could not be read before"));
        }
        match self.cached(offset, buf.len()) {
            Some(bytes) => bytes.read_at(0, buf),
            // No further than what was read ahead, which comes next.
            None => {
                let starts = self
                    .runs
                    .iter()
                    .filter_map(|(start, _)| usize::try_from(start.checked_sub(offset)?).ok());
                let room = starts.min().unwrap_or(usize::MAX).min(buf.len());
                let buf = buf.get_mut(..room).unwrap_or_default();
                self.dev.read_at(offset, buf)
            }
        }
    }

    fn size(&self) -> u64 {
        self.dev.size()
    }
}

/// `range` in pieces of `step` bytes.
fn steps(range: Range<u64>, step: u64) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = start.saturating_add(step).min(range.end);
        (start < at).then_some(start..at)
    })
}

/// In words, since this looks at every byte of every empty disk.
fn is_all(bytes: &[u8], value: u8) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| *word == [value; 16]) && rest.iter().all(|byte| *byte == value)
}
