//! DRBD with internal metadata, versions 8 and 9.
//!
//! Place: in the last whole block of 4096 bytes; what is replicated begins
//! where the device does. Big endian, no checksum. Source: Linux
//! `drivers/block/drbd/drbd_main.c` (`struct meta_data_on_disk`) and
//! drbd-utils `user/shared/drbdmeta.c`.

use crate::bytes::{be32, be64, field};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Piece};
use std::ops::RangeInclusive;

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
/// `MDF_AL_CLEAN`: version 9 has no magic of its own for an activity log that
/// must be applied.
const AL_CLEAN: u32 = 1 << 7;
/// End of `struct md_on_disk_08`, and of `struct meta_data_on_disk_9` with 32
/// peers and as many ids of the past.
const END_08: usize = 100;
const END_09: usize = 1392;
/// Data that a bit stands for, bytes: 4 KiB, and drbdmeta takes larger powers
/// of two; the bound only keeps out what is no such number.
const BITMAP_BLOCKS: RangeInclusive<u32> = 4096..=1 << 20;
/// `MDF_PRIMARY_IND`.
const PRIMARY: u32 = 1 << 2;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Drbd,
        at,
    };
    rules.length(bytes, LEN)?;
    let magic = be32(bytes, 60);
    let nine = magic == MAGIC_09;
    // Four bytes make a weak magic; what follows the structure is zeros.
    let end = if nine { END_09 } else { END_08 };
    or_other(field(bytes, end, LEN).iter().all(|byte| *byte == 0))?;
    let bm_bytes_per_bit = be32(bytes, 80);
    rules.check(
        BITMAP_BLOCKS.contains(&bm_bytes_per_bit) && bm_bytes_per_bit.is_power_of_two(),
        "bitmap-block",
        80,
        bm_bytes_per_bit,
        format!(
            "a power of two, {} to {}",
            BITMAP_BLOCKS.start(),
            BITMAP_BLOCKS.end()
        ),
    )?;
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
            if magic == UNCLEAN_08 || (nine && flags & AL_CLEAN == 0) {
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
    found.superblock.uuid = (device_uuid != 0).then(|| format!("{device_uuid:x}"));
    found.superblock.version = Some(if nine { "v09" } else { "v08" }.to_owned());
    Ok(found)
}
