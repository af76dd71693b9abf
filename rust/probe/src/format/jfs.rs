//! JFS.
//!
//! Place: a superblock at 32 KiB, a copy at 60 KiB. Little endian, no
//! checksum. Source: Linux `fs/jfs/jfs_superblock.h`, `fs/jfs/jfs_filsys.h`.

use crate::bytes::{field, le16, le32, le64, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Text};

const LEN: usize = 184;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "jfs",
    kind: Kind::Filesystem,
    minimum: 16 << 20,
    places: &[Place::Start(32 * 1024)],
    len: LEN,
    magics: &[(0, b"JFS1")],
    decode,
    copies: &[Place::Start(60 * 1024)],
    orphans: true,
    complete: None,
}];

/// `FM_CLEAN`: unmounted. Everything else wants the log or fsck.
const CLEAN: u32 = 0;
/// `FM_DIRTY`: the log alone does not help.
const DIRTY: u32 = 2;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Jfs,
        at,
    };
    rules.length(bytes, LEN)?;
    let s_version = le32(bytes, 4);
    rules.check(
        (1..=2).contains(&s_version),
        "version",
        4,
        s_version,
        "1 or 2",
    )?;
    let (s_bsize, s_l2bsize) = (le32(bytes, 16), le16(bytes, 20));
    rules.check(
        (512..=4096).contains(&s_bsize) && 1_u32.checked_shl(s_l2bsize.into()) == Some(s_bsize),
        "block-size",
        16,
        s_bsize,
        "a power of two, 512 to 4096, as s_l2bsize says",
    )?;
    let (s_pbsize, s_l2pbsize) = (le32(bytes, 24), le16(bytes, 28));
    rules.check(
        (512..=4096).contains(&s_pbsize) && 1_u32.checked_shl(s_l2pbsize.into()) == Some(s_pbsize),
        "sector-size",
        24,
        s_pbsize,
        "a power of two, 512 to 4096, as s_l2pbsize says",
    )?;
    let s_l2bfactor = le16(bytes, 22);
    rules.check(
        s_l2bsize.checked_sub(s_l2pbsize) == Some(s_l2bfactor),
        "block-factor",
        22,
        s_l2bfactor,
        format!("{s_l2bsize} less {s_l2pbsize}"),
    )?;
    let s_size = le64(bytes, 8);
    let size = s_size.checked_mul(u64::from(s_pbsize));
    rules.check(
        s_size != 0 && size.is_some(),
        "size",
        8,
        s_size,
        "more than 0, and a size below 2^64",
    )?;
    let s_state = le32(bytes, 40);
    let mut found = Found::filesystem(Format::Jfs, size.unwrap_or(0), s_bsize);
    found.superblock.uuid = Some(uuid(bytes, 136));
    found.superblock.label = Text::from_field(field(bytes, 152, 16));
    found.superblock.version = Some(s_version.to_string());
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.errors = s_state & DIRTY != 0;
        filesystem.log = if s_state == CLEAN {
            LogState::Clean
        } else {
            LogState::NeedsReplay { live_bytes: None }
        };
    }
    Ok(found)
}
