//! XFS through lamxfs, which replays a version 5 log in memory.

use crate::device::{Cache, Shared};
use crate::tree::{Entry, Kind, Refusal, Tree, bounded};
use lamxfs::{BlockRead, EntryKind, Path, Xfs};

struct Reader(Cache);

impl BlockRead for Reader {
    type Error = std::io::Error;

    fn read_at(&mut self, offset_bytes: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read_exact(offset_bytes, buf)
    }
}

impl From<lamxfs::Error> for Refusal {
    fn from(error: lamxfs::Error) -> Self {
        Refusal::Reader(error.to_string())
    }
}

struct XfsTree(Xfs<Reader>);

pub(crate) fn open(dev: &Shared) -> Result<impl Tree + use<>, Refusal> {
    let size = dev.size();
    Ok(XfsTree(Xfs::open(Reader(Cache::new(dev)), size)?))
}

impl Tree for XfsTree {
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let entries = self.0.read_dir(Path::new(path.as_bytes()))?;
        bounded(path, entries.len())?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.name != b"." && entry.name != b"..")
            .map(|entry| Entry {
                name: entry.name,
                any_case: false,
                kind: match entry.kind {
                    EntryKind::Regular => Kind::File,
                    EntryKind::Directory => Kind::Directory,
                    EntryKind::Symlink | EntryKind::Other => Kind::Other,
                },
            })
            .collect())
    }

    fn head(&mut self, path: &str, max: usize) -> Result<Vec<u8>, Refusal> {
        let inode = self.0.resolve(Path::new(path.as_bytes()))?;
        let size = self.0.metadata(&inode)?.size();
        let len = size.min(max.try_into().unwrap_or(u64::MAX));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(max)];
        let count = self.0.read_file_at(&inode, 0, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    fn replays(&self) -> bool {
        true
    }
}
