//! EROFS.
//!
//! Place: the superblock is the 128 bytes at offset 1024; there is no copy.
//! Little endian. Checksum: with the `sb_chksum` feature, crc32c (seed `~0`,
//! no final inversion) from the superblock to the end of its block, with the
//! checksum itself as zeros. Source: Linux `fs/erofs/erofs_fs.h`,
//! `struct erofs_super_block`.

use crate::bytes::{crc32c, field, le16, le32, u8_at, unknown_bits, uuid, zeroed};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, Text};

const AT: u64 = 1024;
const FIELDS: usize = 128;
/// To the end of the largest block.
const LEN: usize = 64 * 1024 - 1024;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "erofs",
    kind: Kind::Filesystem,
    minimum: 2048,
    places: &[Place::Start(AT)],
    len: LEN,
    magics: &[(0, &[0xe2, 0xe1, 0xf5, 0xe0])],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

const COMPAT_SB_CHKSUM: u32 = 0x1;
const INCOMPAT_DEVICE_TABLE: u32 = 0x8;
const INCOMPAT_48BIT: u32 = 0x80;
/// zero_padding, big_pcluster, chunked_file, device_table, ztailpacking,
/// fragments, xattr_prefixes, 48bit, metabox.
const KNOWN_INCOMPAT: u64 = 0x1ff;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Erofs,
        at,
    };
    rules.length(bytes, FIELDS)?;
    let blkszbits = u8_at(bytes, 12);
    rules.check(
        (9..=16).contains(&blkszbits),
        "block-size",
        12,
        blkszbits,
        "9 to 16",
    )?;
    let block = 1_usize.checked_shl(u32::from(blkszbits)).unwrap_or(512);
    if le32(bytes, 8) & COMPAT_SB_CHKSUM != 0 {
        check_sum(bytes, &rules, block)?;
    }
    let sb_extslots = u8_at(bytes, 13);
    let extended = usize::from(sb_extslots)
        .saturating_mul(16)
        .saturating_add(FIELDS);
    rules.check(
        extended <= block.max(4096).saturating_sub(1024),
        "extension-slots",
        13,
        sb_extslots,
        "a superblock that ends in its block, or page",
    )?;
    let incompat = le32(bytes, 80);
    let is_48bit = incompat & INCOMPAT_48BIT != 0;
    let high = if is_48bit { le16(bytes, 14) } else { 0 };
    let blocks = (u64::from(high) << 32) | u64::from(le32(bytes, 36));
    let block = u64::try_from(block).unwrap_or(512);
    let size = blocks.saturating_mul(block);
    let dirblkbits = u8_at(bytes, 90);
    rules.check(
        dirblkbits == 0,
        "directory-block-size",
        90,
        dirblkbits,
        "0: that of the others",
    )?;
    rules.check(
        size >= AT.saturating_add(128),
        "blocks",
        36,
        blocks,
        "at least those of the superblock",
    )?;

    let mut found = Found::filesystem(Format::Erofs, size, u32::try_from(block).unwrap_or(0));
    let id = uuid(bytes, 48);
    found.superblock.uuid = field(bytes, 48, 16)
        .iter()
        .any(|byte| *byte != 0)
        .then_some(id);
    found.superblock.label = Text::from_field(field(bytes, 64, 16));
    found.superblock.unknown_features = unknown_bits(u64::from(incompat), KNOWN_INCOMPAT, &[]);
    if let Some(filesystem) = found.filesystem_mut() {
        let extra_devices = if incompat & INCOMPAT_DEVICE_TABLE != 0 {
            le16(bytes, 86)
        } else {
            0
        };
        filesystem.devices = u64::from(extra_devices).saturating_add(1);
    }
    Ok(found)
}

fn check_sum(bytes: &[u8], rules: &Rules, block: usize) -> Result<(), Refused> {
    // A block below 2 KiB is summed for its whole length, wherever it ends.
    let len = if block > 1024 {
        block.saturating_sub(1024)
    } else {
        block
    };
    rules.length(bytes, len)?;
    let summed = zeroed(field(bytes, 0, len), 4, 4);
    rules.checksum(4, le32(bytes, 4), !crc32c(&summed))
}
