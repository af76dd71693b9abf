//! ext2, ext3 and ext4.
//!
//! Place: the superblock is the 1024 bytes at offset 1024; copies start block
//! groups 1, 3, 5, 7 and so on (`s_block_group_nr` tells which). Little
//! endian. Checksum: with `metadata_csum`, crc32c (seed `~0`, no final
//! inversion) of the first 0x3fc bytes, at 0x3fc. Source: Linux
//! `fs/ext4/ext4.h`, `struct ext4_super_block`.
//!
//! Copies are written by mkfs and resize only: what they say about the state
//! of the journal is of no use.

use crate::bytes::{crc32c, field, le16, le32, u8_at, unknown_bits, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Look, Text};

const AT: u64 = 1024;
const LEN: usize = 1024;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "ext",
    kind: Kind::Filesystem,
    minimum: 2048,
    places: &[Place::Start(AT)],
    len: LEN,
    magics: &[(0x38, &[0x53, 0xef])],
    decode,
    // Where group 1 begins for blocks of 1, 2 and 4 KiB and the group size
    // that mkfs takes unless told otherwise.
    copies: &[
        Place::Start(8193 * 1024),
        Place::Start(16384 * 2048),
        Place::Start(32768 * 4096),
    ],
    orphans: true,
    complete: None,
}];

const CHECKSUM: usize = 0x3fc;
/// `EXT4_MAX_BLOCK_LOG_SIZE` less `EXT4_MIN_BLOCK_LOG_SIZE`: 64 KiB blocks.
const MAX_LOG_BLOCK_SIZE: u32 = 6;
const STATE_VALID: u16 = 0x1;
const STATE_ERROR: u16 = 0x2;
const COMPAT_HAS_JOURNAL: u32 = 0x4;
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_JOURNAL_DEV: u32 = 0x8;
const INCOMPAT_64BIT: u32 = 0x80;
const RO_COMPAT_METADATA_CSUM: u32 = 0x400;

/// filetype and meta_bg: all that ext2 knows; ext3 adds recover.
const EXT2_INCOMPAT: u32 = 0x2 | 0x10;
/// sparse_super, large_file and btree_dir.
const EXT2_RO_COMPAT: u32 = 0x1 | 0x2 | 0x4;

/// What Linux mounts: filetype, recover, journal_dev (by another), meta_bg, extents, 64bit, mmp,
/// flex_bg, ea_inode, metadata_csum_seed, large_dir, inline_data, encrypt,
/// casefold.
const KNOWN_INCOMPAT: u64 = 0x2
    | 0x4
    | 0x8
    | 0x10
    | 0x40
    | 0x80
    | 0x100
    | 0x200
    | 0x400
    | 0x2000
    | 0x4000
    | 0x8000
    | 0x1_0000
    | 0x2_0000;
/// Known, and no file system that Linux would mount.
const REFUSED_INCOMPAT: &[(u64, &str)] = &[(0x1, "compression"), (0x1000, "dirdata")];

/// Told apart as libblkid does, by the features that the older drivers lack.
fn format(compat: u32, incompat: u32, ro_compat: u32) -> Format {
    let beyond =
        |incompat_known: u32| incompat & !incompat_known != 0 || ro_compat & !EXT2_RO_COMPAT != 0;
    if incompat & INCOMPAT_JOURNAL_DEV != 0 {
        Format::Jbd
    } else if compat & COMPAT_HAS_JOURNAL == 0 && !beyond(EXT2_INCOMPAT) {
        Format::Ext2
    } else if compat & COMPAT_HAS_JOURNAL != 0 && !beyond(EXT2_INCOMPAT | INCOMPAT_RECOVER) {
        Format::Ext3
    } else {
        Format::Ext4
    }
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let s_feature_compat = le32(bytes, 0x5c);
    let s_feature_incompat = le32(bytes, 0x60);
    let s_feature_ro_compat = le32(bytes, 0x64);
    let rules = Rules {
        format: format(s_feature_compat, s_feature_incompat, s_feature_ro_compat),
        at,
    };
    rules.length(bytes, LEN)?;
    if s_feature_ro_compat & RO_COMPAT_METADATA_CSUM != 0 {
        let s_checksum_type = u8_at(bytes, 0x175);
        rules.check(
            s_checksum_type == 1,
            "checksum-type",
            0x175,
            s_checksum_type,
            "1 (crc32c)",
        )?;
        let seen = le32(bytes, CHECKSUM);
        let computed = !crc32c(field(bytes, 0, CHECKSUM));
        rules.checksum(0x3fc, seen, computed)?;
    }
    let geometry = geometry(bytes, &rules, s_feature_incompat)?;
    if at != AT {
        check_group_number(bytes, &rules, &geometry)?;
    }

    let s_state = le16(bytes, 0x3a);
    let journal = s_feature_compat & COMPAT_HAS_JOURNAL != 0;
    let log = if at != AT {
        LogState::Unknown
    } else if s_feature_incompat & INCOMPAT_RECOVER != 0 {
        LogState::NeedsReplay { live_bytes: None }
    } else {
        LogState::Clean
    };
    let look = if s_feature_incompat & INCOMPAT_JOURNAL_DEV != 0 {
        Look::Unreadable {
            why: "the external journal of another file system".to_owned(),
        }
    } else if log != LogState::Clean && journal && le32(bytes, 0xe0) == 0 {
        // The reader sees no journal here and would show what was on disk
        // before the last transactions.
        Look::Unreadable {
            why: "its journal is on another device".to_owned(),
        }
    } else {
        Look::NotLooked
    };
    let mut found = Found::filesystem(rules.format, geometry.size, geometry.block_size);
    found.superblock.uuid = Some(uuid(bytes, 0x68));
    found.superblock.label = Text::from_field(field(bytes, 0x78, 16));
    found.superblock.version = Some(format!("{}.{}", le32(bytes, 0x4c), le16(bytes, 0x3e)));
    found.superblock.unknown_features = unknown_bits(
        u64::from(s_feature_incompat),
        KNOWN_INCOMPAT,
        REFUSED_INCOMPAT,
    );
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.log = log;
        // Without a journal the lost valid bit is the only trace of a crash.
        filesystem.errors = s_state & STATE_ERROR != 0 || (!journal && s_state & STATE_VALID == 0);
        filesystem.look = look;
    }
    Ok(found)
}

struct Geometry {
    block_size: u32,
    size: u64,
    first_data_block: u32,
    blocks_per_group: u32,
}

/// Every field that a later division, shift or allocation relies on.
fn geometry(bytes: &[u8], rules: &Rules, incompat: u32) -> Result<Geometry, Refused> {
    let s_log_block_size = le32(bytes, 0x18);
    rules.check(
        s_log_block_size <= MAX_LOG_BLOCK_SIZE,
        "block-size",
        0x18,
        s_log_block_size,
        format!("at most {MAX_LOG_BLOCK_SIZE}"),
    )?;
    let block_size = 1024_u32.checked_shl(s_log_block_size).unwrap_or(1024);
    let s_rev_level = le32(bytes, 0x4c);
    rules.check(s_rev_level <= 1, "revision", 0x4c, s_rev_level, "0 or 1")?;

    let s_first_data_block = le32(bytes, 0x14);
    rules.check(
        s_first_data_block <= 1,
        "first-data-block",
        0x14,
        s_first_data_block,
        "0 or 1",
    )?;
    // A journal device has no groups and no inodes.
    if incompat & INCOMPAT_JOURNAL_DEV == 0 {
        check_groups(bytes, rules, block_size)?;
    }
    let high = if incompat & INCOMPAT_64BIT == 0 {
        0
    } else {
        let s_desc_size = le16(bytes, 0xfe);
        rules.check(
            (64..=1024).contains(&s_desc_size) && s_desc_size.is_power_of_two(),
            "descriptor-size",
            0xfe,
            s_desc_size,
            "a power of two, 64 to 1024",
        )?;
        u64::from(le32(bytes, 0x150))
    };
    let blocks = (high << 32) | u64::from(le32(bytes, 0x4));
    let size = blocks.checked_mul(u64::from(block_size));
    rules.check(
        blocks > u64::from(s_first_data_block) && size.is_some(),
        "block-count",
        0x4,
        blocks,
        "more than the first data block, and a size below 2^64",
    )?;
    Ok(Geometry {
        block_size,
        size: size.unwrap_or(0),
        first_data_block: s_first_data_block,
        blocks_per_group: le32(bytes, 0x20),
    })
}

fn check_groups(bytes: &[u8], rules: &Rules, block_size: u32) -> Result<(), Refused> {
    let s_blocks_per_group = le32(bytes, 0x20);
    let s_clusters_per_group = le32(bytes, 0x24);
    // One block of bitmap describes a group.
    let bitmap_bits = block_size.saturating_mul(8);
    rules.check(
        s_blocks_per_group != 0,
        "blocks-per-group",
        0x20,
        s_blocks_per_group,
        "not 0",
    )?;
    rules.check(
        s_clusters_per_group != 0 && s_clusters_per_group <= bitmap_bits,
        "clusters-per-group",
        0x24,
        s_clusters_per_group,
        format!("1 to {bitmap_bits}"),
    )?;
    let s_inodes_per_group = le32(bytes, 0x28);
    rules.check(
        s_inodes_per_group != 0 && s_inodes_per_group <= bitmap_bits,
        "inodes-per-group",
        0x28,
        s_inodes_per_group,
        format!("1 to {bitmap_bits}"),
    )?;
    if le32(bytes, 0x4c) == 1 {
        let s_inode_size = le16(bytes, 0x58);
        rules.check(
            s_inode_size >= 128
                && s_inode_size.is_power_of_two()
                && u32::from(s_inode_size) <= block_size,
            "inode-size",
            0x58,
            s_inode_size,
            format!("a power of two, 128 to {block_size}"),
        )?;
    }
    Ok(())
}

/// A copy knows the group it opens: bytes that a file system inside this one
/// left there do not pass for one.
fn check_group_number(bytes: &[u8], rules: &Rules, geometry: &Geometry) -> Result<(), Refused> {
    let s_block_group_nr = le16(bytes, 0x5a);
    let block = rules.at.checked_div(u64::from(geometry.block_size));
    let group = block
        .and_then(|block| block.checked_sub(u64::from(geometry.first_data_block)))
        .and_then(|block| block.checked_div(u64::from(geometry.blocks_per_group)))
        .unwrap_or(0);
    rules.check(
        group != 0 && u64::from(s_block_group_nr) == group,
        "block-group",
        0x5a,
        s_block_group_nr,
        group,
    )
}
