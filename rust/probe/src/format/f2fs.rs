//! F2FS.
//!
//! Place: a superblock of 3072 bytes at 1024, one copy at 4096 + 1024. Little
//! endian. Checksum, with the feature sb_checksum: crc32 (IEEE, reflected,
//! not inverted at the end) from the magic as its first value, over the bytes
//! before `checksum_offset`. Two checkpoint packs say whether it was
//! unmounted; each has a checksum of the same kind. Source: Linux
//! `include/linux/f2fs_fs.h`, `fs/f2fs/super.c`, `fs/f2fs/checkpoint.c`.

use crate::bytes::{crc32_le, field, le16, le32, le64, utf16le, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_up_to};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState};

const AT: u64 = 1024;
const LEN: usize = 3072;
const MAGIC: u32 = 0xf2f5_2010;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "f2fs",
    kind: Kind::Filesystem,
    minimum: 8192,
    places: &[Place::Start(AT)],
    len: LEN,
    magics: &[(0, &MAGIC.to_le_bytes())],
    decode,
    copies: &[Place::Start(4096 + 1024)],
    orphans: true,
    complete: Some(judge_checkpoint),
}];

const FEATURE_SB_CHKSUM: u32 = 0x0800;
/// encrypt, blkzoned, atomic_write, extra_attr, project_quota,
/// inode_checksum, flexible_inline_xattr, quota_ino, inode_crtime,
/// lost_found, verity, sb_checksum, casefold, compression, readonly,
/// device_alias.
const KNOWN_FEATURES: u32 = 0x1_ffff;
const MAX_DEVICES: usize = 8;
const CP_UMOUNT: u32 = 0x1;
const CP_ERROR: u32 = 0x8;
const CP_FSCK: u32 = 0x10;
/// A checkpoint pack begins with one block; blocks are 4 to 16 KiB.
const MAX_BLOCK: usize = 16 * 1024;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::F2fs,
        at,
    };
    rules.length(bytes, LEN)?;
    let feature = le32(bytes, 2180);
    if feature & FEATURE_SB_CHKSUM != 0 {
        let checksum_offset = le32(bytes, 32);
        rules.check(
            checksum_offset == 3068,
            "checksum-offset",
            32,
            checksum_offset,
            3068,
        )?;
        let computed = crc32_le(MAGIC, field(bytes, 0, 3068));
        rules.checksum(3068, le32(bytes, 3068), computed)?;
    }
    let log_blocksize = le32(bytes, 16);
    rules.check(
        (12..=14).contains(&log_blocksize),
        "block-size",
        16,
        log_blocksize,
        "12 to 14",
    )?;
    let block_size = 1_u32.checked_shl(log_blocksize).unwrap_or(4096);
    let log_sectorsize = le32(bytes, 8);
    let log_sectors_per_block = le32(bytes, 12);
    rules.check(
        log_sectorsize.checked_add(log_sectors_per_block) == Some(log_blocksize),
        "sector-size",
        8,
        log_sectorsize,
        format!("{log_blocksize} less {log_sectors_per_block}"),
    )?;
    let log_blocks_per_seg = le32(bytes, 20);
    rules.check(
        log_blocks_per_seg == 9,
        "blocks-per-segment",
        20,
        log_blocks_per_seg,
        9,
    )?;
    let block_count = le64(bytes, 36);
    let size = block_count.checked_mul(u64::from(block_size));
    rules.check(
        block_count != 0 && size.is_some(),
        "block-count",
        36,
        block_count,
        "more than 0, and a size below 2^64",
    )?;

    let devices = (0..MAX_DEVICES)
        .take_while(|index| {
            let path = index
                .checked_mul(68)
                .and_then(|skip| skip.checked_add(2201));
            path.is_some_and(|path| field(bytes, path, 1) != [0])
        })
        .count()
        .max(1);
    let mut found = Found::filesystem(Format::F2fs, size.unwrap_or(0), block_size);
    if devices > 1 {
        // The count is that of all devices together.
        found.claims = 0;
    }
    found.superblock.uuid = Some(uuid(bytes, 108));
    found.superblock.label = utf16le(field(bytes, 124, 1024));
    found.superblock.version = Some(format!("{}.{}", le16(bytes, 4), le16(bytes, 6)));
    found.superblock.unknown_features =
        crate::bytes::unknown_bits(u64::from(feature), u64::from(KNOWN_FEATURES), &[]);
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.devices = u64::try_from(devices).unwrap_or(1);
        filesystem.log = LogState::Unknown;
    }
    Ok(found)
}

/// The newer of the two checkpoints says whether it was unmounted.
fn judge_checkpoint(
    dev: &dyn ReadAt,
    _at: u64,
    bytes: &[u8],
    found: &mut Found,
) -> Result<(), Fault> {
    let block = 1_u64.checked_shl(le32(bytes, 16)).unwrap_or(4096);
    let first = u64::from(le32(bytes, 76));
    let mut newest: Option<(u64, u32)> = None;
    // A segment lies between the packs.
    for pack in [Some(first), first.checked_add(512)] {
        let Some(at) = pack.and_then(|pack| pack.checked_mul(block)) else {
            continue;
        };
        if at >= dev.size() {
            continue;
        }
        let len = usize::try_from(block).unwrap_or(MAX_BLOCK).min(MAX_BLOCK);
        let pack = read_up_to(dev, at, len)?;
        if let Some(state) = checkpoint(&pack)
            && newest.is_none_or(|(version, _)| state.0 > version)
        {
            newest = Some(state);
        }
    }
    let Some(filesystem) = found.filesystem_mut() else {
        return Ok(());
    };
    if let Some((_, flags)) = newest {
        filesystem.errors = flags & (CP_ERROR | CP_FSCK) != 0;
        filesystem.log = if flags & CP_UMOUNT != 0 {
            LogState::Clean
        } else {
            LogState::NeedsReplay { live_bytes: None }
        };
    }
    Ok(())
}

/// Version and flags of a sound checkpoint block.
fn checkpoint(block: &[u8]) -> Option<(u64, u32)> {
    let checksum_offset = usize::try_from(le32(block, 164)).ok()?;
    let last = block.len().checked_sub(4)?;
    if !(192..=last).contains(&checksum_offset) {
        return None;
    }
    let computed = crc32_le(MAGIC, field(block, 0, checksum_offset));
    (le32(block, checksum_offset) == computed).then(|| (le64(block, 0), le32(block, 132)))
}
