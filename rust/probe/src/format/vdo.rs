//! VDO volumes, by name and UUID.
//!
//! Place: the geometry block at 0, without a copy. Little endian. Checksum:
//! crc32 of all before it, with zero bits instead of ones at the start.
//! Source: Linux `drivers/md/dm-vdo/encodings.c` (`decode_volume_geometry`)
//! and `encodings.h`.

use crate::bytes::{field, le32, le64, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Piece};
use crc::{Algorithm, CRC_32_ISO_HDLC, Crc};

const LEN: usize = 4096;
/// `VDO_BLOCK_SIZE`.
const BLOCK: u64 = 4096;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "vdo",
    kind: Kind::Member,
    minimum: BLOCK,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(0, b"dmvdo001")],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

/// `VDO_GEOMETRY_BLOCK`, the id of the header behind the magic.
const GEOMETRY_BLOCK: u32 = 5;

static ALGORITHM: Algorithm<u32> = Algorithm {
    init: 0,
    ..CRC_32_ISO_HDLC
};
static CRC: Crc<u32> = Crc::<u32>::new(&ALGORITHM);

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Vdo,
        at,
    };
    rules.length(bytes, LEN)?;
    let id = le32(bytes, 8);
    rules.check(id == GEOMETRY_BLOCK, "header", 8, id, GEOMETRY_BLOCK)?;
    let major_version = le32(bytes, 12);
    rules.check(
        matches!(major_version, 4 | 5),
        "version",
        12,
        major_version,
        "4 or 5",
    )?;
    // Version 5 put `bio_offset`, the blocks that a device lacks at its
    // start, before the two regions: id and first block of the index's, and
    // of the data's. The index's figures and the checksum follow.
    let (bio_offset, data, end) = if major_version == 4 {
        (0, 72, 89)
    } else {
        (le64(bytes, 56), 80, 97)
    };
    rules.checksum(
        u64::try_from(end).unwrap_or(0),
        le32(bytes, end),
        CRC.checksum(field(bytes, 0, end)),
    )?;
    let start_block = le64(bytes, data);
    // The first block of the data is the super block.
    let claims = start_block
        .checked_sub(bio_offset)
        .filter(|block| *block != 0)
        .and_then(|block| block.checked_add(1)?.checked_mul(BLOCK));
    rules.check(
        claims.is_some(),
        "regions",
        u64::try_from(data).unwrap_or(0),
        format!("data from block {start_block}, less {bio_offset}"),
        "behind the geometry, below 2^64 bytes",
    )?;
    let piece = Piece {
        whole: Some(uuid(bytes, 40)),
        name: None,
        role: "member".to_owned(),
        state: None,
        data_offset: None,
        generation: 0,
    };
    let mut found = Found::new(Format::Vdo, 0, Content::Piece(piece));
    found.claims = claims.unwrap_or(0);
    found.superblock.uuid = Some(uuid(bytes, 40));
    found.superblock.version = Some(major_version.to_string());
    Ok(found)
}
