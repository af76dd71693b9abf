//! Thin volumes: chunks of a pool's data, which its metadata map to volumes.
//!
//! The metadata are blocks of 4 KiB, each with its checksum. Block 0 is the
//! superblock; the tree that it names has for each volume the root of a tree
//! of its own, whose leaves say in which chunk of the data each chunk of the
//! volume is. A block is never changed in place and the superblock is written
//! last, so that what it names is whole after a power cut too. All is read
//! when the volume is read. Source: Linux
//! `drivers/md/dm-thin-metadata.c` (`struct thin_disk_superblock`),
//! `drivers/md/persistent-data/dm-btree-internal.h` (`struct node_header`).

use crate::mapped::{in_runs, read_exact};
use crate::node::{Node, View};
use crate::plan::{Made, Part};
use asl_probe::ReadAt;
use crc::{CRC_32_ISCSI, Crc};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::OnceLock;

const BLOCK: usize = 4096;
const MAGIC: u64 = 27_022_010;
/// What the checksums of the two kinds of blocks are combined with.
const SUPERBLOCK: u32 = 160_774;
const TREE: u32 = 121_107;
/// Bytes before the keys of a node of a tree.
const HEADER: usize = 32;
const LEAF: u32 = 2;
const INTERNAL: u32 = 1;
/// A tree of more levels than this leads in a circle: with 126 branches a
/// node, ten have more leaves than there are blocks.
const MAX_LEVELS: u32 = 10;
/// Low bits of what a leaf has for a chunk: when it was mapped.
const TIME_BITS: u32 = 24;

const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// What the text of the group says of a thin volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its number in the pool.
    pub(crate) device: u64,
    /// Of the pool: it must be that of the metadata, or one of the two is not
    /// current.
    pub(crate) transaction: u64,
    /// Chunks of the pool, bytes.
    pub(crate) chunk: u64,
    /// Bytes of the volume.
    pub(crate) size: u64,
}

/// A view of a thin volume.
pub(crate) struct Thin {
    meta: Node,
    data: Node,
    /// What is read where no chunk is mapped; zeros without it.
    under: Option<Node>,
    mapping: Mapping,
    /// Block of the root of the volume's tree.
    root: OnceLock<Result<u64, String>>,
}

impl Thin {
    pub(crate) fn new(meta: Node, data: Node, under: Option<Node>, mapping: Mapping) -> Self {
        Self {
            meta,
            data,
            under,
            mapping,
            root: OnceLock::new(),
        }
    }

    /// Which block of the metadata the volume's tree starts at.
    fn root(&self) -> Result<u64, String> {
        let block = self.block(0, SUPERBLOCK)?;
        let wrong = |what: &str, seen: u64, expected: u64| {
            format!("metadata of the thin pool: {what} {seen}, expected {expected}")
        };
        let magic = le64(&block, 32);
        if magic != MAGIC {
            return Err(wrong("magic", magic, MAGIC));
        }
        // Flags whose meaning is not known, for those that read.
        let unknown = u64::from(le32(&block, 360));
        if unknown != 0 {
            return Err(wrong("incompatible features", unknown, 0));
        }
        let transaction = le64(&block, 48);
        if transaction != self.mapping.transaction {
            return Err(wrong("transaction", transaction, self.mapping.transaction));
        }
        let chunk = u64::from(le32(&block, 336)).saturating_mul(512);
        if chunk != self.mapping.chunk {
            return Err(wrong("bytes a chunk", chunk, self.mapping.chunk));
        }
        let device = self.mapping.device;
        let root = self.find(le64(&block, 320), device)?;
        root.ok_or_else(|| format!("the thin pool has no volume {device}"))
    }

    /// Block `at` of the metadata, with its checksum verified.
    fn block(&self, at: u64, kind: u32) -> Result<[u8; BLOCK], String> {
        let mut block = [0; BLOCK];
        let offset = at.saturating_mul(4096);
        read_exact(&*self.meta, offset, &mut block)
            .map_err(|error| format!("block {at} of the metadata of the thin pool: {error}"))?;
        let stored = le32(&block, 0);
        // The kernel does not invert at the end.
        let computed = !CRC32C.checksum(block.get(4..).unwrap_or_default()) ^ kind;
        if stored != computed {
            return Err(format!(
                "block {at} of the metadata of the thin pool: checksum {stored:#x}, computed {computed:#x}"
            ));
        }
        let says = le64(&block, 8);
        if says != at {
            return Err(format!(
                "block {at} of the metadata of the thin pool says that it is block {says}"
            ));
        }
        Ok(block)
    }

    /// What the tree at `root` has for `key`.
    fn find(&self, root: u64, key: u64) -> Result<Option<u64>, String> {
        let mut at = root;
        for _ in 0..MAX_LEVELS {
            let block = self.block(at, TREE)?;
            let node = Branches::of(&block)
                .ok_or_else(|| format!("block {at} of the metadata of the thin pool: no node"))?;
            let Some((known, value)) = node.last_up_to(key) else {
                return Ok(None);
            };
            if node.leaf {
                return Ok((known == key).then_some(value));
            }
            at = value;
        }
        Err(format!(
            "metadata of the thin pool: more than {MAX_LEVELS} levels"
        ))
    }

    /// Fills `buf`, which lies in one chunk.
    fn fill(&self, root: u64, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let chunk = self.mapping.chunk;
        let number = offset.checked_div(chunk).unwrap_or(0);
        let within = offset.checked_rem(chunk).unwrap_or(0);
        let found = self.find(root, number).map_err(io::Error::other)?;
        if let Some(value) = found {
            let place = value.checked_shr(TIME_BITS).unwrap_or(0);
            let start = place.saturating_mul(chunk).saturating_add(within);
            return read_exact(&*self.data, start, buf);
        }
        buf.fill(0);
        let Some(under) = &self.under else {
            return Ok(());
        };
        // It may be smaller than the volume.
        let rest = under.size().saturating_sub(offset);
        let there = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
        read_exact(&**under, offset, buf.get_mut(..there).unwrap_or_default())
    }
}

impl ReadAt for Thin {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let root = self.root.get_or_init(|| self.root());
        let root = *root.as_ref().map_err(|why| io::Error::other(why.clone()))?;
        let chunk = self.mapping.chunk;
        let in_chunk = |at: u64| {
            let within = at.checked_rem(chunk).unwrap_or(0);
            Ok((chunk.saturating_sub(within), ()))
        };
        in_runs(self.mapping.size, offset, buf, in_chunk, |(), at, buf| {
            self.fill(root, at, buf)
        })
    }

    fn size(&self) -> u64 {
        self.mapping.size
    }
}

impl View for Thin {
    fn made(&self, number: &mut dyn FnMut(&Node) -> usize) -> Made<'_> {
        Made::View(Part::Thin {
            meta: number(&self.meta),
            data: number(&self.data),
            under: self.under.as_ref().map(&mut *number),
            mapping: self.mapping,
        })
    }
}

/// A node of a tree whose keys and values have 64 bits.
struct Branches<'a> {
    leaf: bool,
    keys: &'a [[u8; 8]],
    values: &'a [[u8; 8]],
}

impl<'a> Branches<'a> {
    fn of(block: &'a [u8; BLOCK]) -> Option<Self> {
        let leaf = match le32(block, 4) & (LEAF | INTERNAL) {
            LEAF => true,
            INTERNAL => false,
            _ => return None,
        };
        let count = usize::try_from(le32(block, 16)).ok()?;
        let room = usize::try_from(le32(block, 20)).ok()?;
        let value = le32(block, 24);
        if count > room || value != 8 {
            return None;
        }
        let (words, _) = block.get(HEADER..)?.as_chunks::<8>();
        Some(Self {
            leaf,
            keys: words.get(..count)?,
            values: words.get(room..)?.get(..count)?,
        })
    }

    /// The last key that is not behind `key`, and its value.
    fn last_up_to(&self, key: u64) -> Option<(u64, u64)> {
        let keys = self.keys;
        let behind = keys.partition_point(|known| u64::from_le_bytes(*known) <= key);
        let at = behind.checked_sub(1)?;
        let number = |of: &[[u8; 8]]| of.get(at).map(|bytes| u64::from_le_bytes(*bytes));
        Some((number(keys)?, number(self.values)?))
    }
}

fn le32(block: &[u8; BLOCK], at: usize) -> u32 {
    let bytes = block.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn le64(block: &[u8; BLOCK], at: usize) -> u64 {
    let bytes = block.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
