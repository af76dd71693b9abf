//! XFS, versions 4 and 5.
//!
//! Place: the superblock is the first sector of the file system; one copy
//! opens each allocation group, which Linux never mounts by. Big endian.
//! Checksum (version 5): crc32c of the sector with `sb_crc` as zeros, stored
//! little endian at 224. Source: Linux `fs/xfs/libxfs/xfs_format.h`,
//! `struct xfs_dsb`; bounds as `xfs_validate_sb_common` has them.

use crate::bytes::{be16, be32, be64, field, le32, u8_at, unknown_bits, uuid};
use crate::decoded::{Decoded, Found, Rules};
use asl_facts::{Filesystem, Format, LogState, Look, Text};
use crc::{CRC_32_ISCSI, Crc};

/// Largest sector, which the checksum covers.
pub(crate) const LEN: usize = 32768;
/// Offset of the magic in the superblock, and the magic.
pub(crate) const MAGIC: (usize, &[u8]) = (0, b"XFSB");

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

/// Decodes the superblock that lies at `at` of the device.
#[must_use]
pub fn decode(bytes: &[u8], at: u64) -> Decoded {
    if field(bytes, MAGIC.0, MAGIC.1.len()) != MAGIC.1 {
        return Decoded::Absent;
    }
    match sound(bytes, at) {
        Ok(found) => Decoded::Found(Box::new(found)),
        Err(decoded) => decoded,
    }
}

fn sound(bytes: &[u8], at: u64) -> Result<Found, Decoded> {
    let rules = Rules {
        format: Format::Xfs,
        at,
    };
    rules.check(
        bytes.len() >= FIELDS,
        "truncated",
        0,
        format!("{} bytes", bytes.len()),
        format!("{FIELDS} bytes"),
    )?;
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
    Ok(Found {
        format: Format::Xfs,
        claims: size,
        generation: 0,
        filesystem: Filesystem {
            uuid: uuid(bytes, 32),
            label: Text::from_field(field(bytes, 108, 12)),
            version: Some(version.to_string()),
            size,
            block_size: sb_blocksize,
            // The log itself says; `xfs_log` reads it.
            log: LogState::Unknown,
            devices: 1,
            errors: incompat & INCOMPAT_NEEDSREPAIR != 0,
            unknown_features,
            damaged_copies: Vec::new(),
            look: Look::NotLooked,
        },
    })
}

fn matches_log(value: u32, log: u8) -> bool {
    1_u32.checked_shl(u32::from(log)) == Some(value)
}

fn check_crc(bytes: &[u8], rules: &Rules, sector: usize) -> Result<(), Decoded> {
    rules.check(
        bytes.len() >= sector,
        "truncated",
        0,
        format!("{} bytes", bytes.len()),
        format!("{sector} bytes"),
    )?;
    let crc = Crc::<u32>::new(&CRC_32_ISCSI);
    let mut digest = crc.digest();
    digest.update(field(bytes, 0, CRC_AT));
    digest.update(&[0; 4]);
    let after = CRC_AT.saturating_add(4);
    digest.update(field(bytes, after, sector.saturating_sub(after)));
    let (seen, computed) = (le32(bytes, CRC_AT), digest.finalize());
    rules.check(
        seen == computed,
        "checksum",
        224,
        format!("{seen:#010x}"),
        format!("{computed:#010x}"),
    )
}

/// Every field that a later division, shift or allocation relies on; returns
/// the size in bytes.
fn geometry(bytes: &[u8], rules: &Rules, sb_blocksize: u32) -> Result<u64, Decoded> {
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
