//! btrfs through lambutter, always from the top-level subvolume, whatever the
//! default one is: from there every subvolume has a path. It shows the last
//! commit; a tree log is not replayed.

use crate::device::{Cache, Shared};
use crate::tree::{Entry, Kind, Refusal, Tree, bounded};
use lambutter::{BlockRead, Btrfs, Path};

/// `BTRFS_FS_TREE_OBJECTID`.
const TOP_LEVEL: u64 = 5;
/// `BTRFS_FT_*` of directory entries.
const FT_REGULAR: u8 = 1;
const FT_DIRECTORY: u8 = 2;

struct Reader(Cache);

impl BlockRead for Reader {
    type Error = std::io::Error;

    fn read_at(&mut self, offset_bytes: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read_exact(offset_bytes, buf)
    }
}

impl From<lambutter::Error> for Refusal {
    fn from(error: lambutter::Error) -> Self {
        Refusal::Reader(error.to_string())
    }
}

struct BtrfsTree(Btrfs<Reader>);

pub(crate) fn open(dev: &Shared) -> Result<impl Tree + use<>, Refusal> {
    let size = dev.size();
    let tree = Btrfs::open_subvol_id(Reader(Cache::new(dev)), size, TOP_LEVEL)?;
    Ok(BtrfsTree(tree))
}

fn path_of(path: &str) -> Result<Path<'_>, Refusal> {
    Path::new(path.as_bytes()).ok_or_else(|| Refusal::Reader(format!("{path}: not a path")))
}

impl Tree for BtrfsTree {
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let path_bytes = path_of(path)?;
        let here = self.0.resolve(path_bytes)?.subvolume();
        let entries = self.0.read_dir(path_bytes)?;
        bounded(path, entries.len())?;
        Ok(entries
            .into_iter()
            .map(|entry| Entry {
                kind: match entry.kind_byte {
                    FT_REGULAR => Kind::File,
                    FT_DIRECTORY if entry.inode.subvolume() != here => Kind::Subvolume,
                    FT_DIRECTORY => Kind::Directory,
                    _ => Kind::Other,
                },
                name: entry.name,
                any_case: false,
            })
            .collect())
    }

    fn head(&mut self, path: &str, max: usize) -> Result<Vec<u8>, Refusal> {
        let inode = self.0.resolve(path_of(path)?)?;
        let size = self.0.metadata(&inode)?.size;
        let len = size.min(max.try_into().unwrap_or(u64::MAX));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(max)];
        let mut done = 0_usize;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let offset = done.try_into().unwrap_or(u64::MAX);
            match self.0.read_file_at(&inode, offset, rest)? {
                0 => break,
                count => done = done.saturating_add(count),
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    fn replays(&self) -> bool {
        false
    }
}
