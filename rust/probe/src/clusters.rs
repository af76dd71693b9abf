//! What a reader of directories needs of a FAT or exFAT boot sector, judged by
//! the decoders' own rules.

use crate::format::{exfat, fat};
use crate::read::{Fault, ReadAt, read_up_to};
use asl_facts::Format;

/// Clusters and the FAT that chains them. Offsets and sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clusters {
    /// Bits of an entry of the FAT: 12, 16, 32.
    pub entry_bits: u32,
    /// Those of a 32-bit entry that name a cluster.
    pub mask: u32,
    /// Where the FAT in use is.
    pub fat_at: u64,
    /// Where cluster 2, the first, is.
    pub heap_at: u64,
    /// Size of a cluster.
    pub cluster: u64,
    /// How many there are.
    pub count: u64,
    /// The root directory.
    pub root: Root,
}

/// Where a root directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// The chain that begins at this cluster.
    Chain(u32),
    /// Before the clusters: FAT12 and FAT16.
    Region {
        /// Offset on the device, bytes.
        at: u64,
        /// Its size, bytes.
        len: u64,
    },
}

/// The clusters of the FAT or exFAT on `dev`; none where its boot sector is
/// not sound, or for another format. A copy of it counts for nothing here: who
/// only has a copy is damaged.
///
/// # Errors
/// The boot sector cannot be read.
pub fn clusters(dev: &dyn ReadAt, format: Format) -> Result<Option<Clusters>, Fault> {
    type Judge = fn(&[u8]) -> Option<Clusters>;
    let (rows, judge): (_, Judge) = match format {
        Format::Vfat => (fat::ROWS, fat::clusters),
        Format::Exfat => (exfat::ROWS, exfat::clusters),
        _ => return Ok(None),
    };
    let len = rows.iter().map(|row| row.len).max().unwrap_or(0);
    Ok(judge(&read_up_to(dev, 0, len)?))
}
