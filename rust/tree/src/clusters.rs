//! Directories and files that are chains of clusters: what the readers of
//! FAT and exFAT share.
//!
//! Ours: fatfs 0.3 asks for a device that it can write and puts no bound on a
//! chain, and what reads exFAT is as young as this. Here a chain has at most as
//! many clusters as the volume, and a directory or a head at most its bound.

use crate::device::{Cache, Shared};
use crate::tree::{Entry, MAX_ENTRIES, Refusal, Tree, bounded};
use asl_facts::Format;
use asl_probe::{Clusters, Root};
use std::collections::HashMap;

/// An entry of a directory, or of a set of entries.
pub(crate) const ENTRY: usize = 32;
/// Read at once, bytes: what the cache keeps together.
const PIECE: u64 = 16 * 1024;
/// Entries of all directories that are kept for the next path: the largest
/// directory and as much below it, so that its children do not read it anew.
const MAX_KEPT: usize = MAX_ENTRIES * 2;

/// Where the bytes of a file or directory are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The chain that begins at this cluster.
    Chain(u32),
    /// This cluster and those after it; the FAT says nothing about them.
    Run(u32),
    /// The root directory of FAT12 and FAT16.
    Region { at: u64, len: u64 },
}

/// An entry and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) entry: Entry,
    pub(crate) extent: Extent,
    /// Size of a file, bytes; of a directory where the format tells it.
    pub(crate) size: Option<u64>,
    /// Bytes of it that were written; the rest is zeros.
    pub(crate) valid: u64,
}

/// What differs between the formats.
pub(crate) struct Dialect {
    pub(crate) format: Format,
    /// The entries in the bytes of a directory.
    pub(crate) entries: fn(&[u8], &Clusters) -> Result<Vec<Node>, Refusal>,
    /// Most bytes of a directory.
    pub(crate) most: u64,
}

struct Heap {
    dev: Cache,
    map: Clusters,
}

/// A volume.
pub(crate) struct ClusterTree {
    heap: Heap,
    dialect: &'static Dialect,
    /// Directories by their path, the root's empty.
    kept: HashMap<String, Vec<Node>>,
    count: usize,
}

impl Heap {
    fn at(&self, cluster: u32) -> Result<u64, Refusal> {
        u64::from(cluster)
            .checked_sub(2)
            .filter(|index| *index < self.map.count)
            .and_then(|index| {
                index
                    .checked_mul(self.map.cluster)?
                    .checked_add(self.map.heap_at)
            })
            .ok_or_else(|| {
                let last = self.map.count.saturating_add(1);
                Refusal::Reader(format!("cluster {cluster:#x}, expected 2 to {last:#x}"))
            })
    }

    /// The cluster that follows in a chain; none at its end.
    fn next(&mut self, cluster: u32) -> Result<Option<u32>, Refusal> {
        let bits = u64::from(cluster).saturating_mul(u64::from(self.map.entry_bits));
        let at = self.map.fat_at.saturating_add(bits / 8);
        let mut bytes = [0; 4];
        let len = if self.map.entry_bits == 32 { 4 } else { 2 };
        let part = bytes.get_mut(..len).unwrap_or_default();
        self.dev.read_exact(at, part).map_err(read_failed)?;
        let entry = u32::from_le_bytes(bytes);
        let (entry, ones) = match self.map.entry_bits {
            12 if bits % 8 != 0 => (entry >> 4, 0xfff),
            12 => (entry & 0xfff, 0xfff),
            16 => (entry, 0xffff),
            _ => (entry & self.map.mask, self.map.mask),
        };
        if entry >= ones & !7 {
            return Ok(None);
        }
        self.at(entry).map(|_| Some(entry)).map_err(|refusal| {
            Refusal::Reader(format!("FAT entry {cluster:#x} at {at}: {refusal}"))
        })
    }

    /// The first `most` bytes, or those to the first piece that `ends` it.
    fn read(
        &mut self,
        extent: Extent,
        most: u64,
        ends: fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let mut rest = most;
        let mut cluster = match extent {
            Extent::Chain(first) | Extent::Run(first) => first,
            Extent::Region { at, len } => {
                self.append(&mut bytes, at, len.min(rest), ends)?;
                return Ok(bytes);
            }
        };
        for _ in 0..self.map.count {
            let len = self.map.cluster.min(rest);
            let at = self.at(cluster)?;
            rest = rest.saturating_sub(len);
            if self.append(&mut bytes, at, len, ends)? || rest == 0 {
                return Ok(bytes);
            }
            cluster = match extent {
                Extent::Run(_) => cluster.saturating_add(1),
                _ => match self.next(cluster)? {
                    Some(next) => next,
                    None => return Ok(bytes),
                },
            };
        }
        let count = self.map.count;
        Err(Refusal::Reader(format!(
            "the chain that holds cluster {cluster:#x} has more than the {count} clusters there are"
        )))
    }

    /// Adds a part of the device; whether it `ends`.
    fn append(
        &mut self,
        bytes: &mut Vec<u8>,
        at: u64,
        len: u64,
        ends: fn(&[u8]) -> bool,
    ) -> Result<bool, Refusal> {
        let mut done = 0_u64;
        while done < len {
            let count = PIECE.min(len.saturating_sub(done));
            let mut piece = vec![0; usize::try_from(count).unwrap_or(0)];
            self.dev
                .read_exact(at.saturating_add(done), &mut piece)
                .map_err(read_failed)?;
            done = done.saturating_add(count);
            let ended = ends(&piece);
            bytes.append(&mut piece);
            if ended {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn read_failed(error: std::io::Error) -> Refusal {
    Refusal::Reader(error.to_string())
}

/// An entry that begins with zero is the first unused one.
fn has_end(piece: &[u8]) -> bool {
    piece.chunks(ENTRY).any(|entry| entry.starts_with(&[0]))
}

impl ClusterTree {
    pub(crate) fn open(dev: &Shared, dialect: &'static Dialect) -> Result<Self, Refusal> {
        let map = asl_probe::clusters(&**dev, dialect.format)
            .map_err(|fault| Refusal::Reader(fault.to_string()))?
            .ok_or_else(|| {
                Refusal::Reader(format!("no sound boot sector of a {}", dialect.format))
            })?;
        Ok(Self {
            heap: Heap {
                dev: Cache::new(dev),
                map,
            },
            dialect,
            kept: HashMap::new(),
            count: 0,
        })
    }

    /// The entries of a directory.
    fn directory(&mut self, path: &str) -> Result<&[Node], Refusal> {
        let mut extent = match self.heap.map.root {
            Root::Chain(first) => Extent::Chain(first),
            Root::Region { at, len } => Extent::Region { at, len },
        };
        let mut size = None;
        let mut here = String::new();
        let mut names = path.split('/').filter(|name| !name.is_empty());
        loop {
            self.keep(&here, extent, size)?;
            let Some(name) = names.next() else { break };
            let node = find(self.kept.get(&here), name)
                .filter(|node| node.entry.kind.is_directory())
                .ok_or_else(|| Refusal::Reader(format!("{here}/{name}: no such directory")))?;
            (extent, size) = (node.extent, node.size);
            here = format!("{here}/{name}");
        }
        Ok(self.kept.get(&here).map(Vec::as_slice).unwrap_or_default())
    }

    fn keep(&mut self, path: &str, extent: Extent, size: Option<u64>) -> Result<(), Refusal> {
        if self.kept.contains_key(path) {
            return Ok(());
        }
        let in_path = |refusal| Refusal::Reader(format!("directory {path}/: {refusal}"));
        let most = self.dialect.most;
        let too_large = || Refusal::TooMany {
            what: "bytes of a directory",
            most: usize::try_from(most).unwrap_or(usize::MAX),
            path: format!("{path}/"),
        };
        let len = size.unwrap_or(u64::MAX);
        if size.is_some() && len > most {
            return Err(too_large());
        }
        let bytes = match size {
            Some(0) => Vec::new(),
            _ => {
                // One entry more than may be shows that there is one.
                let one_more = most.saturating_add(ENTRY.try_into().unwrap_or(0));
                self.heap
                    .read(extent, one_more.min(len), has_end)
                    .map_err(in_path)?
            }
        };
        if u64::try_from(bytes.len()).is_ok_and(|len| len > most) {
            return Err(too_large());
        }
        let nodes = (self.dialect.entries)(&bytes, &self.heap.map).map_err(in_path)?;
        bounded(path, nodes.len())?;
        if self.count.saturating_add(nodes.len()) > MAX_KEPT {
            self.kept.clear();
            self.count = 0;
        }
        self.count = self.count.saturating_add(nodes.len());
        self.kept.insert(path.to_owned(), nodes);
        Ok(())
    }
}

fn find<'a>(nodes: Option<&'a Vec<Node>>, name: &str) -> Option<&'a Node> {
    nodes?.iter().find(|node| node.entry.answers_to(name))
}

impl Tree for ClusterTree {
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let nodes = self.directory(path)?;
        Ok(nodes.iter().map(|node| node.entry.clone()).collect())
    }

    fn head(&mut self, path: &str, max: usize) -> Result<Vec<u8>, Refusal> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let node = self
            .directory(parent)?
            .iter()
            .find(|node| node.entry.answers_to(name))
            .ok_or_else(|| Refusal::Reader(format!("{path}: no such file")))?;
        let (extent, valid) = (node.extent, node.valid);
        let len = node
            .size
            .unwrap_or(0)
            .min(max.try_into().unwrap_or(u64::MAX));
        let mut bytes = match len.min(valid) {
            0 => Vec::new(),
            written => self
                .heap
                .read(extent, written, |_| false)
                .map_err(|refusal| Refusal::Reader(format!("file {path}: {refusal}")))?,
        };
        bytes.resize(usize::try_from(len).unwrap_or(max), 0);
        Ok(bytes)
    }

    /// There is nothing to replay: a volume that was not unmounted is read as
    /// it is, and its superblock's facts say so.
    fn replays(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// A FAT of these entries at 0, and 16 clusters of 512 bytes at 4096,
    /// filled with their own numbers.
    fn heap(entry_bits: u32, fat: &[u8]) -> Heap {
        let mut bytes = vec![0; 4096];
        bytes[..fat.len()].copy_from_slice(fat);
        bytes.extend((2..18_u8).flat_map(|cluster| [cluster; 512]));
        let dev: Shared = Arc::new(bytes);
        Heap {
            dev: Cache::new(&dev),
            map: Clusters {
                entry_bits,
                mask: 0x0fff_ffff,
                fat_at: 0,
                heap_at: 4096,
                cluster: 512,
                count: 16,
                root: Root::Chain(2),
            },
        }
    }

    fn fat32(entries: &[u32]) -> Vec<u8> {
        entries
            .iter()
            .flat_map(|entry| entry.to_le_bytes())
            .collect()
    }

    fn read(heap: &mut Heap, extent: Extent, most: u64) -> Result<Vec<u8>, String> {
        heap.read(extent, most, |_| false)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_chain_is_followed_to_its_end_in_each_width() {
        let chained = [[2; 512], [4; 512], [3; 512]].concat();
        // 2 -> 4 -> 3 -> end; the upper four bits of FAT32 mean nothing.
        let fat12 = [0xf8, 0xff, 0xff, 0x04, 0xf0, 0xff, 0x03, 0x00];
        let fat16 = [0xf8, 0xff, 0xff, 0xff, 4, 0, 0xf8, 0xff, 3, 0];
        let fat32 = fat32(&[0, 0, 0xf000_0004, 0x0fff_fff8, 3]);
        for (bits, fat) in [(12, &fat12[..]), (16, &fat16[..]), (32, &fat32[..])] {
            let mut heap = heap(bits, fat);
            let bytes = read(&mut heap, Extent::Chain(2), 1 << 20).unwrap();
            assert!(bytes == chained, "FAT{bits}");
            let bytes = read(&mut heap, Extent::Chain(2), 700).unwrap();
            assert!(bytes == chained[..700], "FAT{bits}");
        }
    }

    #[test]
    fn a_chain_that_is_a_loop_ends_after_as_many_clusters_as_there_are() {
        let mut heap = heap(32, &fat32(&[0, 0, 3, 2]));
        let why = read(&mut heap, Extent::Chain(2), u64::MAX).unwrap_err();
        assert!(why.contains("more than the 16 clusters"), "{why}");
    }

    #[test]
    fn a_chain_into_what_is_no_cluster_is_refused() {
        for entry in [0, 1, 18, 0x0fff_fff7] {
            let mut heap = heap(32, &fat32(&[0, 0, entry]));
            let why = read(&mut heap, Extent::Chain(2), 1024).unwrap_err();
            assert!(why.contains("FAT entry 0x2 at 8"), "{why}");
            assert!(read(&mut heap, Extent::Chain(2), 512).is_ok());
        }
    }

    #[test]
    fn a_run_needs_no_fat_and_ends_with_the_clusters() {
        let mut heap = heap(32, &[]);
        let bytes = read(&mut heap, Extent::Run(16), 1024).unwrap();
        assert!(bytes == [[16; 512], [17; 512]].concat());
        assert!(read(&mut heap, Extent::Run(16), 1025).is_err());
    }
}
