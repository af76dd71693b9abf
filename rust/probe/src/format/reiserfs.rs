//! ReiserFS 3.5 and 3.6.
//!
//! Place: a superblock at 64 KiB, in the oldest ones at 8 KiB; no copies.
//! Little endian, no checksum. Source: Linux 6.12 `fs/reiserfs/reiserfs.h`,
//! `struct reiserfs_super_block`.

use crate::bytes::{field, le16, le32, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Text};

const LEN: usize = 204;
const AT_MAGIC: usize = 52;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "reiserfs",
    kind: Kind::Filesystem,
    minimum: 64 * 1024 + 4096,
    places: &[Place::Start(64 * 1024), Place::Start(8 * 1024)],
    len: LEN,
    magics: &[
        (AT_MAGIC, b"ReIsErFs"),
        (AT_MAGIC, b"ReIsEr2Fs"),
        (AT_MAGIC, b"ReIsEr3Fs"),
    ],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

/// `REISERFS_VALID_FS`: unmounted, and fsck found nothing.
const VALID: u16 = 1;
/// `REISERFS_ERROR_FS` of `s_fs_state`: fsck has to run.
const NEEDS_FSCK: u16 = 0x2;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Reiserfs,
        at,
    };
    rules.length(bytes, LEN)?;
    let s_blocksize = le16(bytes, 44);
    rules.check(
        s_blocksize.is_power_of_two() && (512..=8192).contains(&s_blocksize),
        "block-size",
        44,
        s_blocksize,
        "a power of two, 512 to 8192",
    )?;
    let s_block_count = le32(bytes, 0);
    let s_free_blocks = le32(bytes, 4);
    rules.check(
        s_block_count != 0 && s_free_blocks <= s_block_count,
        "block-count",
        0,
        s_block_count,
        format!("more than 0 and at least the {s_free_blocks} free ones"),
    )?;
    // A superblock inside the journal of an older file system at 8 KiB is a
    // logged copy: it lies beyond the journal's first block.
    let journal = u64::from(le32(bytes, 12)).checked_mul(u64::from(s_blocksize));
    rules.check(
        journal.is_some_and(|journal| journal == 0 || journal > at),
        "journal",
        12,
        le32(bytes, 12),
        "a journal behind the superblock",
    )?;

    let magic = field(bytes, AT_MAGIC, 9);
    let version = match magic {
        b"ReIsEr2Fs" => "3.6",
        b"ReIsEr3Fs" => "JR",
        _ => "3.5",
    };
    let size = u64::from(s_block_count).saturating_mul(u64::from(s_blocksize));
    let mut found = Found::filesystem(Format::Reiserfs, size, u32::from(s_blocksize));
    found.superblock.version = Some(version.to_owned());
    if version != "3.5" {
        found.superblock.uuid = Some(uuid(bytes, 84));
        found.superblock.label = Text::from_field(field(bytes, 100, 16));
    }
    let (s_umount_state, s_fs_state) = (le16(bytes, 50), le16(bytes, 62));
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.errors = s_fs_state & NEEDS_FSCK != 0;
        filesystem.log = if s_umount_state == VALID {
            LogState::Clean
        } else {
            LogState::NeedsReplay { live_bytes: None }
        };
    }
    Ok(found)
}
