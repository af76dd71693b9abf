//! HFS+ and HFSX.
//!
//! Place: a volume header at 1024, the alternate 1024 bytes before the end.
//! Big endian, no checksum. The label is the name of the root folder in the
//! catalog. A volume may be wrapped in an HFS one, whose master directory
//! block at 1024 says where; to older systems it showed a note. Source: Apple
//! Technical Note TN1150.

use crate::bytes::{be16, be32, be64, field, hex, utf16be, uuid};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt, read_up_to};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Text};
use md5::{Digest, Md5};

const LEN: usize = 512;

/// Where the volume header is in its volume.
const HEADER_AT: u64 = 1024;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "hfsplus",
        kind: Kind::Filesystem,
        minimum: 4096,
        places: &[Place::Start(HEADER_AT)],
        len: LEN,
        magics: &[(0, b"H+"), (0, b"HX")],
        decode,
        copies: &[Place::End(1024)],
        orphans: false,
        complete: Some(|dev, _, bytes, found| read_label(dev, 0, bytes, found)),
    },
    Row {
        name: "hfsplus-wrapped",
        kind: Kind::Filesystem,
        minimum: 4096,
        places: &[Place::Start(HEADER_AT)],
        len: LEN,
        // `drEmbedSigWord`.
        magics: &[(124, b"H+"), (124, b"HX")],
        decode: decode_wrapper,
        copies: &[],
        orphans: false,
        complete: Some(unwrap),
    },
];

const UNMOUNTED: u32 = 1 << 8;
const INCONSISTENT: u32 = 1 << 11;
/// Namespace of the UUIDs that are made of the 64-bit id in the Finder info.
const NAMESPACE: [u8; 16] = [
    0xb3, 0xe2, 0x0f, 0x39, 0xf2, 0x92, 0x11, 0xd6, 0x97, 0xa4, 0x00, 0x30, 0x65, 0x43, 0xec, 0xac,
];
/// `kHFSRootParentID`.
const ROOT_PARENT: u32 = 1;
const MAX_NODE: usize = 32768;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Hfsplus,
        at,
    };
    rules.length(bytes, LEN)?;
    let version = be16(bytes, 2);
    let expected = if field(bytes, 0, 2) == b"H+" { 4 } else { 5 };
    // Two letters are a weak magic.
    or_other(version == expected)?;
    let block_size = be32(bytes, 40);
    rules.check(
        block_size.is_power_of_two() && block_size >= 512,
        "block-size",
        40,
        block_size,
        "a power of two, at least 512",
    )?;
    let (total_blocks, free_blocks) = (be32(bytes, 44), be32(bytes, 48));
    rules.check(
        total_blocks != 0 && free_blocks <= total_blocks,
        "block-count",
        44,
        total_blocks,
        format!("more than 0 and at least the {free_blocks} free ones"),
    )?;
    let attributes = be32(bytes, 4);
    let size = u64::from(total_blocks).saturating_mul(u64::from(block_size));
    let mut found = Found::filesystem(Format::Hfsplus, size, block_size);
    let id = field(bytes, 104, 8);
    if id != [0; 8] {
        found.superblock.uuid = Some(uuid_of(id));
    }
    found.superblock.version = Some(version.to_string());
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.errors = attributes & INCONSISTENT != 0;
        filesystem.log = if attributes & UNMOUNTED != 0 {
            LogState::Clean
        } else {
            LogState::NeedsReplay { live_bytes: None }
        };
    }
    Ok(found)
}

/// `drSigWord`.
const WRAPPER: &[u8] = b"BD";

fn decode_wrapper(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Hfsplus,
        at,
    };
    // What is at 124 means something else without it.
    or_other(field(bytes, 0, 2) == WRAPPER)?;
    rules.length(bytes, LEN)?;
    let block_size = be32(bytes, 20);
    rules.check(
        block_size != 0 && block_size.is_multiple_of(512),
        "block-size",
        20,
        block_size,
        "a multiple of 512",
    )?;
    let blocks = be16(bytes, 18);
    let (start, count) = (be16(bytes, 126), be16(bytes, 128));
    rules.check(
        count != 0 && u32::from(start).saturating_add(count.into()) <= blocks.into(),
        "embedded-extent",
        126,
        format!("{count} blocks from block {start}"),
        format!("at least 1 of the {blocks} blocks"),
    )?;
    let size = place(bytes, blocks);
    Ok(Found::filesystem(Format::Hfsplus, size, block_size))
}

/// Where a block of the wrapper starts.
fn place(bytes: &[u8], block: u16) -> u64 {
    let first = u64::from(be16(bytes, 28)).saturating_mul(512);
    let blocks = u64::from(be32(bytes, 20)).saturating_mul(block.into());
    first.saturating_add(blocks)
}

/// Reads what is wrapped in place of what wraps it.
fn unwrap(dev: &dyn ReadAt, _at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let base = place(bytes, be16(bytes, 126));
    let room = place(bytes, be16(bytes, 126).saturating_add(be16(bytes, 128)));
    let at = base.saturating_add(HEADER_AT);
    let header = read_up_to(dev, at, LEN)?;
    let rules = Rules {
        format: Format::Hfsplus,
        at,
    };
    let magic = field(&header, 0, 2);
    if magic != field(bytes, 124, 2) {
        let expected = hex(field(bytes, 124, 2));
        found.broken = Some(rules.damage("embedded-header", 0, hex(magic), expected));
        return Ok(());
    }
    match decode(&header, at) {
        Ok(inner) => {
            found.superblock = inner.superblock;
            if found.superblock.size > room.saturating_sub(base) {
                let seen = format!("{} bytes", found.superblock.size);
                let expected = format!("at most the {} of its extent", room.saturating_sub(base));
                found.broken = Some(rules.damage("embedded-size", 44, seen, expected));
            }
            read_label(dev, base, &header, found)
        }
        Err(Refused::Damaged(_, damage)) => {
            found.broken = Some(damage);
            Ok(())
        }
        Err(Refused::Other) => {
            let version = be16(&header, 2);
            found.broken = Some(rules.damage("version", 2, version, "4 of H+ or 5 of HX"));
            Ok(())
        }
    }
}

/// A UUID of version 3 in Apple's namespace.
fn uuid_of(id: &[u8]) -> String {
    let mut digest: [u8; 16] = Md5::new_with_prefix(NAMESPACE)
        .chain_update(id)
        .finalize()
        .into();
    if let Some(byte) = digest.get_mut(6) {
        *byte = (*byte & 0x0f) | 0x30;
    }
    if let Some(byte) = digest.get_mut(8) {
        *byte = (*byte & 0x3f) | 0x80;
    }
    uuid(&digest, 0)
}

/// The first leaf of the catalog begins with the root folder. The volume
/// starts at `base`.
fn read_label(dev: &dyn ReadAt, base: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let block = u64::from(be32(bytes, 40));
    let catalog = Extents {
        bytes: field(bytes, 272, 80),
        block,
        base,
    };
    let Some(at) = catalog.at(0) else {
        return Ok(());
    };
    let header = read_up_to(dev, at, 64)?;
    let node_size = u64::from(be16(&header, 32));
    let first_leaf = u64::from(be32(&header, 24));
    let len = usize::try_from(node_size).unwrap_or(0).min(MAX_NODE);
    let place = first_leaf
        .checked_mul(node_size)
        .and_then(|offset| catalog.at(offset));
    let Some(at) = place.filter(|at| len >= 512 && *at < dev.size()) else {
        return Ok(());
    };
    let leaf = read_up_to(dev, at, len)?;
    // A key: its length, the parent's id, the length of the name, the name.
    let name_len = usize::from(be16(&leaf, 20)).min(255);
    if be32(&leaf, 16) == ROOT_PARENT && leaf.first_chunk::<14>().is_some() {
        let name = field(&leaf, 22, name_len.saturating_mul(2));
        found.superblock.label = utf16be(name).filter(|name: &Text| !name.0.is_empty());
    }
    Ok(())
}

/// The first eight extents of a file.
struct Extents<'a> {
    bytes: &'a [u8],
    block: u64,
    /// Where the volume starts on the device.
    base: u64,
}

impl Extents<'_> {
    /// Where byte `offset` of the file lies on the device.
    fn at(&self, offset: u64) -> Option<u64> {
        if offset >= be64(self.bytes, 0) {
            return None;
        }
        let mut rest = offset;
        let (extents, _) = self.bytes.get(16..)?.as_chunks::<8>();
        for extent in extents {
            let start = u64::from(be32(extent, 0)).checked_mul(self.block)?;
            let len = u64::from(be32(extent, 4)).checked_mul(self.block)?;
            if rest < len {
                return start.checked_add(rest)?.checked_add(self.base);
            }
            rest = rest.checked_sub(len)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_becomes_a_uuid_of_version_3() {
        let uuid = uuid_of(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(uuid.as_bytes()[14], b'3');
    }
}
