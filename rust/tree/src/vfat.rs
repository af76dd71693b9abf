//! FAT12, FAT16 and FAT32 with long names.
//!
//! A directory is a list of 32-byte entries. A long name stands in entries of
//! 13 characters each before the short one, last part first, tied to it by a
//! checksum; parts that do not fit are left from a system that knew no long
//! names, and the short name holds. Source: Microsoft "FAT: General Overview
//! of On-Disk Format" 1.03; letter case of short names as Linux
//! `fs/fat/dir.c` has it.

use crate::bytes::{le16, le32, utf16le};
use crate::clusters::{ClusterTree, Dialect, ENTRY, Extent, Node};
use crate::device::Shared;
use crate::tree::{Entry, Kind, Refusal, Tree};
use asl_facts::Format;
use asl_probe::Clusters;

const FREE: u8 = 0xe5;
/// A short name that begins with 0xe5 begins with this on disk.
const IS_E5: u8 = 0x05;
const VOLUME_LABEL: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
const ATTRIBUTES: u8 = 0x3f;
const LONG_NAME: u8 = 0x0f;
/// `DIR_NTRes`: the name, the extension are lower case.
const LOWER_NAME: u8 = 0x08;
const LOWER_EXTENSION: u8 = 0x10;
/// `LDIR_Ord` of the part that stands first, and the number in it.
const LAST_PART: u8 = 0x40;
const PART: u8 = 0x1f;
/// 255 characters.
const MAX_PARTS: u8 = 20;

const DIALECT: Dialect = Dialect {
    format: Format::Vfat,
    entries,
    // The limit of the format, and of Linux.
    most: 65536 * 32,
};

pub(crate) fn open(dev: &Shared) -> Result<impl Tree + use<>, Refusal> {
    ClusterTree::open(dev, &DIALECT)
}

/// A long name of which some parts were seen.
struct Long {
    checksum: u8,
    /// The number of the part seen last; 1 completes the name.
    number: u8,
    /// From the last part to the first.
    parts: Vec<Vec<u16>>,
}

fn entries(bytes: &[u8], map: &Clusters) -> Result<Vec<Node>, Refusal> {
    let mut nodes = Vec::new();
    let mut long = None;
    for entry in bytes.as_chunks::<ENTRY>().0 {
        let [first, .., _] = *entry;
        let attributes = entry.get(11).copied().unwrap_or(0);
        if first == 0 {
            break;
        }
        if first == FREE {
            long = None;
            continue;
        }
        if attributes & ATTRIBUTES == LONG_NAME {
            long = with_part(long, entry);
            continue;
        }
        let name = long
            .take()
            .filter(|long: &Long| long.number == 1 && long.checksum == checksum(entry))
            .map_or_else(|| short_name(entry), |long| long_name(&long));
        if attributes & VOLUME_LABEL != 0 || name == b"." || name == b".." {
            continue;
        }
        nodes.push(node(entry, name, attributes, map));
    }
    Ok(nodes)
}

fn node(entry: &[u8; ENTRY], name: Vec<u8>, attributes: u8, map: &Clusters) -> Node {
    let low = u32::from(le16(entry, 26).unwrap_or(0));
    // FAT12 and FAT16 have something else there.
    let high = match map.entry_bits {
        32 => u32::from(le16(entry, 20).unwrap_or(0)),
        _ => 0,
    };
    let size = u64::from(le32(entry, 28).unwrap_or(0));
    let is_directory = attributes & DIRECTORY != 0;
    Node {
        entry: Entry {
            name,
            kind: if is_directory {
                Kind::Directory
            } else {
                Kind::File
            },
            any_case: true,
        },
        extent: Extent::Chain((high << 16 | low) & map.mask),
        size: (!is_directory).then_some(size),
        valid: size,
    }
}

/// The name with one more part; none where the part does not follow.
fn with_part(long: Option<Long>, entry: &[u8; ENTRY]) -> Option<Long> {
    let [order, .., _] = *entry;
    let checksum = *entry.get(13)?;
    let number = order & PART;
    let mut long = if order & LAST_PART != 0 {
        Some(Long {
            checksum,
            number,
            parts: Vec::new(),
        })
        .filter(|_| (1..=MAX_PARTS).contains(&number))
    } else {
        long.filter(|long| {
            long.checksum == checksum && number >= 1 && long.number.checked_sub(1) == Some(number)
        })
    }?;
    long.number = number;
    let fields = [entry.get(1..11)?, entry.get(14..26)?, entry.get(28..32)?];
    long.parts.push(utf16le(&fields.concat()).collect());
    Some(long)
}

fn long_name(long: &Long) -> Vec<u8> {
    let units: Vec<u16> = long.parts.iter().rev().flatten().copied().collect();
    String::from_utf16_lossy(&units).into_bytes()
}

/// Of the short name, for the long one before it.
fn checksum(entry: &[u8; ENTRY]) -> u8 {
    let name = entry.get(..11).unwrap_or_default();
    name.iter()
        .fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// Bytes above ASCII are in a code page that the volume does not name; they
/// stay as they are, and no place of a store has any.
fn short_name(entry: &[u8; ENTRY]) -> Vec<u8> {
    let case = entry.get(12).copied().unwrap_or(0);
    let part = |from: usize, to: usize, lower: u8| {
        let mut part = entry.get(from..to).unwrap_or_default().to_vec();
        while part.last() == Some(&b' ') {
            part.pop();
        }
        if case & lower != 0 {
            part.make_ascii_lowercase();
        }
        part
    };
    let mut name = part(0, 8, LOWER_NAME);
    if let Some(first) = name.first_mut().filter(|first| **first == IS_E5) {
        *first = FREE;
    }
    let extension = part(8, 11, LOWER_EXTENSION);
    if !extension.is_empty() {
        name.push(b'.');
        name.extend(extension);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_probe::Root;

    const MAP: Clusters = Clusters {
        entry_bits: 16,
        mask: 0x0fff_ffff,
        fat_at: 0,
        heap_at: 0,
        cluster: 512,
        count: 16,
        root: Root::Chain(2),
    };

    fn short(name: &[u8; 11], attributes: u8, case: u8) -> [u8; ENTRY] {
        let mut entry = [0; ENTRY];
        entry[..11].copy_from_slice(name);
        entry[11] = attributes;
        entry[12] = case;
        entry[20] = 7;
        entry[26] = 5;
        entry[28] = 9;
        entry
    }

    fn part(order: u8, text: &str, of: &[u8; ENTRY]) -> [u8; ENTRY] {
        let mut units: Vec<u16> = text.encode_utf16().collect();
        if units.len() < 13 {
            units.push(0);
        }
        units.resize(13, 0xffff);
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let mut entry = [0; ENTRY];
        entry[0] = order;
        entry[11] = LONG_NAME;
        entry[13] = checksum(of);
        entry[1..11].copy_from_slice(&bytes[..10]);
        entry[14..26].copy_from_slice(&bytes[10..22]);
        entry[28..].copy_from_slice(&bytes[22..]);
        entry
    }

    fn names(bytes: &[[u8; ENTRY]]) -> Vec<String> {
        entries(&bytes.concat(), &MAP)
            .unwrap()
            .into_iter()
            .map(|node| String::from_utf8(node.entry.name).unwrap())
            .collect()
    }

    #[test]
    fn a_short_name_has_the_case_of_its_flags() {
        let name = b"STORE   TOM";
        for (case, expected) in [
            (0, "STORE.TOM"),
            (LOWER_NAME, "store.TOM"),
            (LOWER_NAME | LOWER_EXTENSION, "store.tom"),
        ] {
            assert_eq!(names(&[short(name, 0x20, case)]), [expected]);
        }
        assert_eq!(names(&[short(b"LOGS       ", DIRECTORY, 0)]), ["LOGS"]);
    }

    #[test]
    fn the_parts_of_a_long_name_are_put_together() {
        let file = short(b"SNAPSH~1   ", DIRECTORY, 0);
        let parts = [
            part(0x42, "-of-yesterday", &file),
            part(1, "snapshots.old", &file),
        ];
        assert_eq!(
            names(&[parts[0], parts[1], file]),
            ["snapshots.old-of-yesterday"]
        );
    }

    #[test]
    fn a_long_name_that_is_not_whole_leaves_the_short_one() {
        let file = short(b"SNAPSH~1   ", DIRECTORY, 0);
        let other = short(b"OTHER      ", DIRECTORY, 0);
        let (last, first) = (part(0x42, "shots", &file), part(1, "snap", &file));
        for bytes in [
            vec![last, file],
            vec![first, file],
            vec![first, last, file],
            vec![last, part(1, "snap", &other), file],
            vec![part(0x42, "shots", &other), part(1, "snap", &other), file],
            vec![part(0x40, "none", &file), file],
            vec![part(0x5f, "too many", &file), file],
        ] {
            assert_eq!(names(&bytes), ["SNAPSH~1"]);
        }
    }

    #[test]
    fn what_is_deleted_or_a_label_is_no_entry() {
        let kept = short(b"KEPT       ", 0x20, 0);
        let mut deleted = kept;
        deleted[0] = FREE;
        let label = short(b"LABEL      ", VOLUME_LABEL, 0);
        let dots = [
            short(b".          ", DIRECTORY, 0),
            short(b"..         ", DIRECTORY, 0),
        ];
        let bytes = [
            part(0x41, "deleted", &kept),
            deleted,
            label,
            dots[0],
            dots[1],
            kept,
            [0; ENTRY],
            kept,
        ];
        assert_eq!(names(&bytes), ["KEPT"]);
    }

    #[test]
    fn only_fat32_has_the_upper_half_of_a_cluster() {
        let file = short(b"FILE       ", 0x20, 0);
        let map = Clusters {
            entry_bits: 32,
            ..MAP
        };
        let first = |map: &Clusters| entries(&file, map).unwrap()[0].extent;
        assert_eq!(first(&MAP), Extent::Chain(5));
        assert_eq!(first(&map), Extent::Chain(0x0007_0005));
    }
}
