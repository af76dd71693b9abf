//! DRBD with internal metadata, versions 8 and 9.
//!
//! Place: in the last whole block of 4096 bytes; what is replicated begins
//! where the device does. Big endian, no checksum. Source: Linux
//! `drivers/block/drbd/drbd_main.c` (`struct meta_data_on_disk`) and
//! drbd-utils `user/shared/drbdmeta.c`.

use crate::bytes::{be32, be64};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Piece};

const LEN: usize = 4096;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "drbd",
    kind: Kind::Member,
    minimum: 64 * 1024,
    places: &[
        Place::End(4096),
        Place::Aligned {
            align: 4096,
            before: 4096,
        },
    ],
    len: LEN,
    magics: &[
        (60, &[0x83, 0x74, 0x02, 0x6b]),
        (60, &[0x83, 0x74, 0x02, 0x6c]),
        (60, &[0x83, 0x74, 0x02, 0x6d]),
    ],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

const UNCLEAN_08: u32 = 0x8374_026c;
const MAGIC_09: u32 = 0x8374_026d;
/// `MDF_PRIMARY_IND`.
const PRIMARY: u32 = 1 << 2;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Drbd,
        at,
    };
    rules.length(bytes, 64)?;
    let magic = be32(bytes, 60);
    // The bitmap begins where the data end, so many sectors before this
    // block.
    let bm_offset = be32(bytes, 76);
    let size = 0_u32
        .wrapping_sub(bm_offset)
        .checked_mul(512)
        .and_then(|before| at.checked_sub(u64::from(before)));
    rules.check(
        size.is_some() && bm_offset != 0,
        "bitmap-offset",
        76,
        bm_offset,
        format!("a bitmap before the metadata at {at}"),
    )?;
    let nine = magic == MAGIC_09;
    let device_uuid = be64(bytes, if nine { 48 } else { 40 });
    let flags = be32(bytes, 56);
    let piece = Piece {
        whole: None,
        name: None,
        role: if flags & PRIMARY == 0 {
            "secondary"
        } else {
            "primary"
        }
        .to_owned(),
        state: Some(
            if magic == UNCLEAN_08 {
                "unclean"
            } else {
                "clean"
            }
            .to_owned(),
        ),
        data_offset: Some(0),
        generation: 0,
    };
    let mut found = Found::new(Format::Drbd, size.unwrap_or(0), Content::Piece(piece));
    found.superblock.uuid = (device_uuid != 0).then(|| format!("{device_uuid:016x}"));
    found.superblock.version = Some(if nine { "v09" } else { "v08" }.to_owned());
    Ok(found)
}
