//! XFS, versions 4 and 5.
//!
//! Place: the superblock is the first sector of the file system; one copy
//! opens each allocation group, which Linux never mounts by. Big endian.
//! Checksum (version 5): crc32c of the sector with `sb_crc` as zeros, stored
//! little endian at 224. Source: Linux `fs/xfs/libxfs/xfs_format.h`,
//! `struct xfs_dsb`; bounds as `xfs_validate_sb_common` has them.

pub mod log;

use crate::bytes::{be16, be32, be64, crc32c, field, le32, u8_at, unknown_bits, uuid, zeroed};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, Text};

/// Largest sector, which the checksum covers.
const LEN: usize = 32768;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "xfs",
    kind: Kind::Filesystem,
    minimum: 512,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(0, b"XFSB")],
    decode,
    // Linux mounts by the primary only, and where the others lie is written
    // in it.
    copies: &[],
    orphans: false,
    complete: Some(judge_log),
}];

/// End of the last field that is read here.
const FIELDS: usize = 264;
const CRC_AT: usize = 224;
/// `XFS_MIN_AG_BLOCKS`.
const MIN_AG_BLOCKS: u64 = 64;
const INCOMPAT_NEEDSREPAIR: u32 = 0x10;

/// ftype, spinodes, meta_uuid, bigtime, needsrepair, nrext64, exchrange,
/// parent, metadir, zoned, zone_gaps.
const KNOWN_INCOMPAT: u64 = 0x7ff;
/// Attribute log items.
const KNOWN_LOG_INCOMPAT: u64 = 0x1;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Xfs,
        at,
    };
    rules.length(bytes, FIELDS)?;
    let version = be16(bytes, 100) & 0xf;
    rules.check(
        version == 4 || version == 5,
        "version",
        100,
        version,
        "4 or 5",
    )?;
    let sb_sectsize = be16(bytes, 102);
    rules.check(
        (512..=32768).contains(&sb_sectsize)
            && matches_log(u32::from(sb_sectsize), u8_at(bytes, 121)),
        "sector-size",
        102,
        sb_sectsize,
        "a power of two, 512 to 32768, as sb_sectlog says",
    )?;
    if version == 5 {
        check_crc(bytes, &rules, usize::from(sb_sectsize))?;
    }
    let sb_inprogress = u8_at(bytes, 126);
    rules.check(
        sb_inprogress == 0,
        "in-progress",
        126,
        sb_inprogress,
        "0: mkfs ran to its end",
    )?;
    let sb_blocksize = be32(bytes, 4);
    let size = geometry(bytes, &rules, sb_blocksize)?;

    let (incompat, log_incompat) = if version == 5 {
        (be32(bytes, 216), be32(bytes, 220))
    } else {
        (0, 0)
    };
    let mut unknown_features = unknown_bits(u64::from(incompat), KNOWN_INCOMPAT, &[]);
    unknown_features.extend(
        unknown_bits(u64::from(log_incompat), KNOWN_LOG_INCOMPAT, &[])
            .iter()
            .map(|bit| format!("log {bit}")),
    );
    let mut found = Found::filesystem(Format::Xfs, size, sb_blocksize);
    found.superblock.uuid = Some(uuid(bytes, 32));
    found.superblock.label = Text::from_field(field(bytes, 108, 12));
    found.superblock.version = Some(version.to_string());
    found.superblock.unknown_features = unknown_features;
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.errors = incompat & INCOMPAT_NEEDSREPAIR != 0;
    }
    Ok(found)
}

/// The superblock does not say whether the log is clean: the log does.
fn judge_log(dev: &dyn ReadAt, _at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let log = log::state(dev, bytes)?;
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.log = log;
    }
    Ok(())
}

fn matches_log(value: u32, log: u8) -> bool {
    1_u32.checked_shl(u32::from(log)) == Some(value)
}

fn check_crc(bytes: &[u8], rules: &Rules, sector: usize) -> Result<(), Refused> {
    rules.length(bytes, sector)?;
    let computed = crc32c(&zeroed(field(bytes, 0, sector), CRC_AT, 4));
    rules.checksum(224, le32(bytes, CRC_AT), computed)
}

/// Every field that a later division, shift or allocation relies on; returns
/// the size in bytes.
fn geometry(bytes: &[u8], rules: &Rules, sb_blocksize: u32) -> Result<u64, Refused> {
    let sb_blocklog = u8_at(bytes, 120);
    rules.check(
        (512..=65536).contains(&sb_blocksize) && matches_log(sb_blocksize, sb_blocklog),
        "block-size",
        4,
        sb_blocksize,
        "a power of two, 512 to 65536, as sb_blocklog says",
    )?;
    let sb_inodesize = be16(bytes, 104);
    let sb_inodelog = u8_at(bytes, 122);
    rules.check(
        (256..=2048).contains(&sb_inodesize)
            && u32::from(sb_inodesize) <= sb_blocksize
            && matches_log(u32::from(sb_inodesize), sb_inodelog),
        "inode-size",
        104,
        sb_inodesize,
        "a power of two, 256 to 2048, as sb_inodelog says",
    )?;
    let sb_inopblock = be16(bytes, 106);
    rules.check(
        u32::from(sb_inopblock).checked_mul(u32::from(sb_inodesize)) == Some(sb_blocksize),
        "inodes-per-block",
        106,
        sb_inopblock,
        "block size / inode size",
    )?;
    let sb_agblocks = be32(bytes, 84);
    let sb_agblklog = u8_at(bytes, 124);
    rules.check(
        u64::from(sb_agblocks) >= MIN_AG_BLOCKS
            && sb_agblocks
                .checked_next_power_of_two()
                .map(u32::trailing_zeros)
                == Some(u32::from(sb_agblklog)),
        "ag-blocks",
        84,
        sb_agblocks,
        format!("at least {MIN_AG_BLOCKS}, as sb_agblklog says"),
    )?;
    let sb_agcount = be32(bytes, 88);
    let sb_dblocks = be64(bytes, 8);
    let most = u64::from(sb_agcount).checked_mul(u64::from(sb_agblocks));
    let least = u64::from(sb_agcount)
        .checked_sub(1)
        .and_then(|full| full.checked_mul(u64::from(sb_agblocks)))
        .and_then(|blocks| blocks.checked_add(MIN_AG_BLOCKS));
    rules.check(
        least.is_some_and(|least| least <= sb_dblocks)
            && most.is_some_and(|most| sb_dblocks <= most),
        "block-count",
        8,
        sb_dblocks,
        format!("what {sb_agcount} groups of {sb_agblocks} blocks hold"),
    )?;
    let size = sb_dblocks.checked_mul(u64::from(sb_blocksize));
    rules.check(
        size.is_some(),
        "block-count",
        8,
        sb_dblocks,
        "a size below 2^64",
    )?;
    Ok(size.unwrap_or(0))
}
