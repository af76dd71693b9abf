//! GFS2, by name and UUID.
//!
//! Place: a superblock at 64 KiB, no copy, no checksum. Big endian. Source:
//! Linux `include/uapi/linux/gfs2_ondisk.h`.

use crate::bytes::{be32, field, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Look, Text};

const LEN: usize = 512;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "gfs2",
    kind: Kind::Filesystem,
    minimum: 1 << 20,
    places: &[Place::Start(64 * 1024)],
    len: LEN,
    magics: &[(0, &[0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1])],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Gfs2,
        at,
    };
    rules.length(bytes, LEN)?;
    let sb_fs_format = be32(bytes, 24);
    rules.check(
        (1801..=1899).contains(&sb_fs_format),
        "format",
        24,
        sb_fs_format,
        "1801 to 1899",
    )?;
    let (sb_bsize, sb_bsize_shift) = (be32(bytes, 36), be32(bytes, 40));
    rules.check(
        (512..=65536).contains(&sb_bsize) && 1_u32.checked_shl(sb_bsize_shift) == Some(sb_bsize),
        "block-size",
        36,
        sb_bsize,
        "a power of two, 512 to 65536, as sb_bsize_shift says",
    )?;
    // The superblock states no size: the resource groups do.
    let mut found = Found::filesystem(Format::Gfs2, 0, sb_bsize);
    found.superblock.uuid = Some(uuid(bytes, 256));
    found.superblock.label = Text::from_field(field(bytes, 160, 64));
    found.superblock.version = sb_fs_format
        .checked_sub(1800)
        .map(|version| version.to_string());
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.log = LogState::Unknown;
        filesystem.look = Look::Unreadable {
            why: "gfs2 is known by name only".to_owned(),
        };
    }
    Ok(found)
}
