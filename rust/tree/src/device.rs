//! What the readers read from.

use asl_probe::{ReadAt, read_up_to};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// A device that a reader may keep.
pub type Shared = Arc<dyn ReadAt + Send + Sync>;

/// Unit of what is kept, bytes: the largest block that the three formats use
/// for a directory or a cluster of inodes.
const CHUNK: u64 = 16 * 1024;
/// Chunks that are kept: 4 MiB a device, because a node may have 256 MiB.
const MAX_CHUNKS: usize = 256;

/// The readers read in small pieces and the same piece many times (lamxfs
/// read 1.9 GB to replay 36 MB of log); a disk that turns must not.
pub(crate) struct Cache {
    dev: Shared,
    chunks: HashMap<u64, Vec<u8>>,
}

impl Cache {
    pub(crate) fn new(dev: &Shared) -> Self {
        Self {
            dev: dev.clone(),
            chunks: HashMap::new(),
        }
    }

    /// Fills `buf` or fails: what all three readers ask of a device.
    pub(crate) fn read_exact(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut at = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let within = at % CHUNK;
            let start = at.saturating_sub(within);
            if !self.chunks.contains_key(&start) && self.load(start).is_err() {
                // A bad sector beside the wanted bytes must not hide them.
                return exact(&self.dev, at, rest);
            }
            let chunk = self
                .chunks
                .get(&start)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let from = usize::try_from(within)
                .ok()
                .and_then(|within| chunk.get(within..))
                .unwrap_or_default();
            let count = from.len().min(rest.len());
            let (to, after) = rest
                .split_at_mut_checked(count)
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            let from = from.get(..count).filter(|from| !from.is_empty());
            to.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
            rest = after;
            at = u64::try_from(count)
                .ok()
                .and_then(|count| at.checked_add(count))
                .ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        Ok(())
    }

    fn load(&mut self, start: u64) -> io::Result<()> {
        let len = usize::try_from(CHUNK).unwrap_or(0);
        let chunk = read_up_to(&*self.dev, start, len).map_err(|fault| fault.error)?;
        if self.chunks.len() >= MAX_CHUNKS {
            self.chunks.clear();
        }
        self.chunks.insert(start, chunk);
        Ok(())
    }
}

fn exact(dev: &Shared, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let bytes = read_up_to(&**dev, offset, buf.len()).map_err(|fault| fault.error)?;
    if bytes.len() != buf.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    buf.copy_from_slice(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: std::ops::Range<u64> = 19_968..20_480;

    /// 40,000 bytes, of which one sector cannot be read.
    struct BadSector(Vec<u8>);

    impl ReadAt for BadSector {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            let end = offset.saturating_add(buf.len().try_into().unwrap());
            if offset < BAD.end && end > BAD.start {
                return Err(io::Error::other("bad sector"));
            }
            self.0.read_at(offset, buf)
        }

        fn size(&self) -> u64 {
            self.0.size()
        }
    }

    fn bytes() -> Vec<u8> {
        (0..251_u8).cycle().take(40_000).collect()
    }

    fn cache() -> Cache {
        let dev: Shared = Arc::new(BadSector(bytes()));
        Cache::new(&dev)
    }

    #[test]
    fn any_range_reads_as_without_the_cache() {
        let mut cache = cache();
        for range in [
            0..10,
            16_380..16_384,
            10..16_394,
            32_760..40_000,
            39_999..40_000_usize,
        ] {
            let mut buf = vec![0; range.len()];
            let offset = range.start.try_into().unwrap();
            cache.read_exact(offset, &mut buf).unwrap();
            assert_eq!(buf, bytes()[range]);
        }
    }

    #[test]
    fn a_bad_sector_hides_only_itself() {
        let mut cache = cache();
        let mut buf = [0; 512];
        assert!(cache.read_exact(19_456, &mut buf).is_ok());
        assert!(cache.read_exact(20_480, &mut buf).is_ok());
        assert!(cache.read_exact(19_968, &mut buf).is_err());
    }

    #[test]
    fn past_the_end_is_an_error() {
        assert!(cache().read_exact(39_999, &mut [0; 2]).is_err());
        assert!(cache().read_exact(u64::MAX, &mut [0; 2]).is_err());
    }
}
