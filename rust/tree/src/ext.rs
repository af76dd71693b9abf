//! ext2, ext3 and ext4 through ext4-view, which replays the journal in
//! memory.

use crate::device::{Cache, Shared};
use crate::tree::{Entry, Kind, Refusal, Tree, bounded};
use ext4_view::{Ext4, Ext4Error, Ext4Read, FileType};
use std::error::Error;

struct Reader(Cache);

impl Ext4Read for Reader {
    fn read(
        &mut self,
        start_byte: u64,
        dst: &mut [u8],
    ) -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
        Ok(self.0.read_exact(start_byte, dst)?)
    }
}

impl From<Ext4Error> for Refusal {
    fn from(error: Ext4Error) -> Self {
        Refusal::Reader(error.to_string())
    }
}

struct ExtTree(Ext4);

pub(crate) fn open(dev: &Shared) -> Result<impl Tree + use<>, Refusal> {
    Ok(ExtTree(Ext4::load(Box::new(Reader(Cache::new(dev))))?))
}

impl Tree for ExtTree {
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let mut entries = Vec::new();
        for entry in self.0.read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            let name: &[u8] = name.as_ref();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match entry.file_type()? {
                FileType::Regular => Kind::File,
                FileType::Directory => Kind::Directory,
                _ => Kind::Other,
            };
            entries.push(Entry {
                name: name.to_vec(),
                kind,
                any_case: false,
            });
            bounded(path, entries.len())?;
        }
        Ok(entries)
    }

    fn head(&mut self, path: &str, max: usize) -> Result<Vec<u8>, Refusal> {
        let mut file = self.0.open(path)?;
        let len = file
            .metadata()
            .len()
            .min(max.try_into().unwrap_or(u64::MAX));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(max)];
        let mut done = 0_usize;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match file.read_bytes(rest)? {
                0 => break,
                count => done = done.saturating_add(count),
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    fn replays(&self) -> bool {
        true
    }
}
