//! OCFS2, by name and UUID.
//!
//! Place: the superblock is block 2, so its offset tells the block size; no
//! checksum is verified (metaecc is optional and corrects bits, too).
//! Little endian. Source: Linux `fs/ocfs2/ocfs2_fs.h`.

use crate::bytes::{field, le16, le32, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Look, Text};

const LEN: usize = 512;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "ocfs2",
    kind: Kind::Filesystem,
    minimum: 64 * 1024,
    places: &[
        Place::Start(2 * 512),
        Place::Start(2 * 1024),
        Place::Start(2 * 2048),
        Place::Start(2 * 4096),
    ],
    len: LEN,
    magics: &[(0, b"OCFSV2")],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Ocfs2,
        at,
    };
    rules.length(bytes, LEN)?;
    let s_blocksize_bits = le32(bytes, 0xf8);
    let block_size = 1_u32.checked_shl(s_blocksize_bits);
    rules.check(
        (9..=12).contains(&s_blocksize_bits)
            && block_size.and_then(|size| u64::from(size).checked_mul(2)) == Some(at),
        "block-size",
        0xf8,
        s_blocksize_bits,
        "9 to 12, and a superblock in block 2",
    )?;
    let s_clustersize_bits = le32(bytes, 0xfc);
    rules.check(
        (12..=20).contains(&s_clustersize_bits),
        "cluster-size",
        0xfc,
        s_clustersize_bits,
        "12 to 20",
    )?;
    let i_clusters = u64::from(le32(bytes, 0x14));
    let size = i_clusters
        .checked_mul(1_u64.checked_shl(s_clustersize_bits).unwrap_or(0))
        .unwrap_or(0);
    let mut found = Found::filesystem(Format::Ocfs2, size, block_size.unwrap_or(512));
    found.superblock.uuid = Some(uuid(bytes, 0x150));
    found.superblock.label = Text::from_field(field(bytes, 0x110, 64));
    found.superblock.version = Some(format!("{}.{}", le16(bytes, 0xc0), le16(bytes, 0xc2)));
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.log = LogState::Unknown;
        filesystem.look = Look::Unreadable {
            why: "ocfs2 is known by name only".to_owned(),
        };
    }
    Ok(found)
}
