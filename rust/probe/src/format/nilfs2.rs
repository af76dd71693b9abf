//! NILFS2.
//!
//! Place: a superblock at 1024, a copy in the last whole block of 4096 bytes.
//! Little endian. Checksum: crc32 (IEEE, reflected, not inverted) from
//! `s_crc_seed` over `s_bytes` bytes with `s_sum` as zeros. Source: Linux
//! `include/uapi/linux/nilfs2_ondisk.h`, `fs/nilfs2/the_nilfs.c`.

use crate::bytes::{crc32_le, field, le16, le32, le64, unknown_bits, uuid, zeroed};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Text};

const LEN: usize = 1024;
const SUM_AT: usize = 16;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "nilfs2",
    kind: Kind::Filesystem,
    minimum: 64 * 1024,
    places: &[Place::Start(1024)],
    len: LEN,
    magics: &[(6, &[0x34, 0x34])],
    decode,
    copies: &[Place::Aligned {
        align: 4096,
        before: 4096,
    }],
    orphans: true,
    complete: None,
}];

/// `NILFS_VALID_FS`: unmounted.
const VALID: u16 = 1;
/// `NILFS_ERROR_FS`.
const ERROR: u16 = 2;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Nilfs2,
        at,
    };
    rules.length(bytes, LEN)?;
    let (s_rev_level, s_bytes) = (le32(bytes, 0), le16(bytes, 8));
    // Two letters are a weak magic: without a plausible length it is none.
    or_other(s_rev_level <= 2 && (280..=LEN).contains(&usize::from(s_bytes)))?;
    let covered = field(bytes, 0, usize::from(s_bytes));
    let computed = crc32_le(le32(bytes, 12), &zeroed(covered, SUM_AT, 4));
    rules.checksum(16, le32(bytes, SUM_AT), computed)?;

    let s_log_block_size = le32(bytes, 20);
    rules.check(
        s_log_block_size <= 6,
        "block-size",
        20,
        s_log_block_size,
        "at most 6",
    )?;
    let block_size = 1024_u32.checked_shl(s_log_block_size).unwrap_or(1024);
    let s_dev_size = le64(bytes, 32);
    rules.check(s_dev_size != 0, "size", 32, s_dev_size, "more than 0")?;
    let s_blocks_per_segment = le32(bytes, 48);
    rules.check(
        s_blocks_per_segment >= 16,
        "blocks-per-segment",
        48,
        s_blocks_per_segment,
        "at least 16",
    )?;

    let s_state = le16(bytes, 116);
    let mut found = Found::filesystem(Format::Nilfs2, s_dev_size, block_size);
    found.generation = le64(bytes, 56);
    found.superblock.uuid = Some(uuid(bytes, 152));
    found.superblock.label = Text::from_field(field(bytes, 168, 80));
    found.superblock.version = Some(s_rev_level.to_string());
    found.superblock.unknown_features = unknown_bits(le64(bytes, 272), 0, &[]);
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.errors = s_state & ERROR != 0;
        filesystem.log = if s_state & VALID != 0 {
            LogState::Clean
        } else {
            LogState::NeedsReplay { live_bytes: None }
        };
    }
    Ok(found)
}
