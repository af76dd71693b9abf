//! VDO volumes, by name and UUID.
//!
//! Place: the geometry block at 0. Source: Linux
//! `drivers/md/dm-vdo/encodings.h` (`struct volume_geometry`).

use crate::bytes::{le32, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Piece};

const LEN: usize = 4096;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "vdo",
    kind: Kind::Member,
    minimum: 4096,
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

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Vdo,
        at,
    };
    rules.length(bytes, 64)?;
    let id = le32(bytes, 8);
    rules.check(id == GEOMETRY_BLOCK, "header", 8, id, GEOMETRY_BLOCK)?;
    let piece = Piece {
        whole: Some(uuid(bytes, 40)),
        name: None,
        role: "member".to_owned(),
        state: None,
        data_offset: None,
        generation: 0,
    };
    let mut found = Found::new(Format::Vdo, 0, Content::Piece(piece));
    found.superblock.uuid = Some(uuid(bytes, 40));
    found.superblock.version = Some(le32(bytes, 12).to_string());
    Ok(found)
}
