//! Devices that were made to be wrong, and what has to hold of any of them.
//! The mutation run, the fixtures and the fuzz targets share it.

use asl_facts::{Outcome, Signature};
use asl_probe::{Metered, Place, ReadAt, read_up_to};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

const SECTOR: u64 = 512;
/// Bytes of an extent's entry: its first sector (u32) and their number (u16).
const ENTRY: usize = 6;

/// Most reads and bytes that probing any device may cost: what a forged
/// device can ask of the slowest disk. A sound one needs 20 reads, and 9 MB
/// where two LUKS2 headers of 4 MiB are summed.
const MAX_READS: u64 = 4096;
const MAX_BYTES: u64 = 64 << 20;

/// A device of any size in few bytes: zero but for some extents.
///
/// As bytes it is the size in sectors (u32), the number of extents (u8),
/// their entries, and then the contents of all; little endian. The entries
/// stand apart so that bytes put in or taken out of a content move only that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sparse {
    pub(crate) size: u64,
    pub(crate) extents: Vec<(u64, Vec<u8>)>,
}

impl Sparse {
    /// Any bytes are one: what is missing of the contents is not there.
    pub(crate) fn parse(input: &[u8]) -> Self {
        let word = |at: usize| {
            let bytes = input.get(at..at + 4)?;
            Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
        };
        let Some(sectors) = word(0) else {
            return Self::default();
        };
        let count = usize::from(input.get(4).copied().unwrap_or(0));
        let mut content = input.get(5 + count * ENTRY..).unwrap_or_default();
        let mut extents = Vec::new();
        for entry in 0..count {
            let at = 5 + entry * ENTRY;
            let (Some(sector), Some(&[low, high])) = (word(at), input.get(at + 4..at + 6)) else {
                break;
            };
            let len = usize::from(u16::from_le_bytes([low, high])) * 512;
            let (bytes, rest) = content.split_at(len.min(content.len()));
            extents.push((sector * SECTOR, bytes.to_vec()));
            content = rest;
        }
        let size = sectors * SECTOR;
        Self { size, extents }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let number = |value: u64| u32::try_from(value / SECTOR).unwrap().to_le_bytes();
        let extents = &self.extents[..self.extents.len().min(255)];
        let mut bytes = number(self.size).to_vec();
        bytes.push(u8::try_from(extents.len()).unwrap());
        for (at, content) in extents {
            let sectors = u16::try_from(content.len().div_ceil(512)).unwrap();
            bytes.extend(number(*at));
            bytes.extend(sectors.to_le_bytes());
        }
        for (_, content) in extents {
            bytes.extend(content);
        }
        bytes
    }
}

impl ReadAt for Sparse {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.size.saturating_sub(offset)).unwrap();
        let len = buf.len().min(rest);
        let buf = &mut buf[..len];
        buf.fill(0);
        let end = offset.saturating_add(u64::try_from(len).unwrap());
        for (at, bytes) in &self.extents {
            let from = offset.max(*at);
            let to = end.min(at.saturating_add(u64::try_from(bytes.len()).unwrap()));
            if from < to {
                let count = usize::try_from(to - from).unwrap();
                let source = usize::try_from(from - at).unwrap();
                let target = usize::try_from(from - offset).unwrap();
                buf[target..][..count].copy_from_slice(&bytes[source..][..count]);
            }
        }
        Ok(len)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Remembers which sectors were asked for.
pub(crate) struct Recorder<R> {
    inner: R,
    sectors: Mutex<BTreeSet<u64>>,
}

impl<R: ReadAt> Recorder<R> {
    pub(crate) fn new(inner: R) -> Self {
        let sectors = Mutex::default();
        Self { inner, sectors }
    }

    /// What was read and is not zero, as far as `most` bytes go.
    pub(crate) fn seen(&self, most: usize) -> Sparse {
        let mut extents: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut total = 0;
        for sector in self.sectors.lock().unwrap().iter() {
            let at = sector * SECTOR;
            let mut bytes = read_up_to(&self.inner, at, 512).unwrap();
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            total += bytes.len();
            if total > most {
                break;
            }
            bytes.resize(512, 0);
            match extents.last_mut() {
                Some((start, run)) if *start + u64::try_from(run.len()).unwrap() == at => {
                    run.extend(bytes);
                }
                _ => extents.push((at, bytes)),
            }
        }
        let size = self.inner.size() / SECTOR * SECTOR;
        Sparse { size, extents }
    }
}

impl<R: ReadAt> ReadAt for Recorder<R> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read_at(offset, buf)?;
        let end = offset + u64::try_from(count).unwrap();
        let sectors = offset / SECTOR..end.div_ceil(SECTOR);
        self.sectors.lock().unwrap().extend(sectors);
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.inner.size()
    }
}

struct Borrowed<'a>(&'a dyn ReadAt);

impl ReadAt for Borrowed<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.0.size()
    }
}

/// Probes a device whatever it holds: it ends within a bounded number of
/// reads and bytes, and says of each signature where it is, and what is wrong
/// or what was found.
pub(crate) fn probe(dev: &dyn ReadAt) -> (Vec<Signature>, u64, u64) {
    let size = dev.size();
    let dev = Metered::new(Borrowed(dev), u64::MAX, Arc::default());
    let probed = asl_probe::probe(&dev).unwrap();
    let (reads, bytes) = (dev.reads(), dev.bytes());
    assert!(reads <= MAX_READS, "{reads} reads");
    assert!(bytes <= MAX_BYTES, "{bytes} bytes");
    assert!(probed.faults.is_empty(), "{:?}", probed.faults);
    assert!(!probed.blank || probed.signatures.is_empty());
    for signature in &probed.signatures {
        assert!(signature.offset < size, "{signature:?}");
        match &signature.outcome {
            Outcome::Damaged(damage) => assert!(!damage.rule.is_empty(), "{signature:?}"),
            Outcome::Found(superblock) => {
                let copies = &superblock.damaged_copies;
                assert!(copies.iter().all(|copy| !copy.rule.is_empty()));
            }
        }
    }
    (probed.signatures, reads, bytes)
}

/// Every row over the same bytes, wherever it may lie on a device that ends
/// with them or a little later.
pub(crate) fn judge(bytes: &[u8]) {
    let len = u64::try_from(bytes.len()).unwrap();
    for row in asl_probe::rows() {
        let bytes = &bytes[..bytes.len().min(row.len)];
        for place in row.places.iter().chain(row.copies) {
            let size = match place {
                Place::Start(at) => at.saturating_add(len),
                Place::End(_) | Place::Aligned { .. } => 64 << 20,
            };
            if let Some(at) = place.on(size.max(1 << 20)) {
                let _ = row.judge(bytes, at);
            }
        }
    }
}
