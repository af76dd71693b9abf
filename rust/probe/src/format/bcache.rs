//! bcache: backing and cache devices.
//!
//! Place: a superblock at 4096, no copy. Little endian. Checksum: crc64
//! (ECMA-182, all ones before and after) of all behind it up to the last
//! journal bucket that is listed. Source: Linux
//! `drivers/md/bcache/bcache_ondisk.h`, `super.c` (`read_super`).

use crate::bytes::{crc64, field, le16, le64, unknown_bits, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Piece, Text};

const AT: u64 = 4096;
/// Up to the list of journal buckets.
const FIXED: usize = 208;
/// `SB_JOURNAL_BUCKETS`.
const MAX_BUCKETS: u16 = 256;
const LEN: usize = FIXED + 256 * 8;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "bcache",
    kind: Kind::Member,
    minimum: 8192,
    places: &[Place::Start(AT)],
    len: LEN,
    magics: &[(
        24,
        &[
            0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba,
            0x6d, 0x81,
        ],
    )],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

/// `BCH_FEATURE_INCOMPAT_OBSO_LARGE_BUCKET` and its successor.
const KNOWN_INCOMPAT: u64 = 0x3;
/// `BDEV_DATA_START_DEFAULT`, sectors.
const DATA_START: u64 = 16;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Bcache,
        at,
    };
    rules.length(bytes, LEN)?;
    let keys = le16(bytes, 206);
    rules.check(
        keys <= MAX_BUCKETS,
        "journal-buckets",
        206,
        keys,
        format!("at most {MAX_BUCKETS}"),
    )?;
    let end = usize::from(keys).saturating_mul(8).saturating_add(FIXED);
    let computed = crc64(field(field(bytes, 0, end), 8, end));
    let seen = le64(bytes, 0);
    rules.check(
        seen == computed,
        "checksum",
        0,
        format!("{seen:#018x}"),
        format!("{computed:#018x}"),
    )?;
    let offset = le64(bytes, 8);
    rules.check(
        offset.checked_mul(512) == Some(at),
        "place",
        8,
        format!("sector {offset}"),
        format!("byte {at}"),
    )?;
    let version = le64(bytes, 16);
    rules.check(
        version <= 6 && version != 2,
        "version",
        16,
        version,
        "0, 1 or 3 to 6",
    )?;

    let backing = matches!(version, 1 | 4 | 6);
    let state = match le64(bytes, 104) >> 61_u32 & 0x3 {
        1 => "clean",
        2 => "dirty",
        3 => "stale",
        _ => "none",
    };
    let piece = Piece {
        // A backing device without a cache belongs to no set yet.
        whole: Some(uuid(bytes, 56)).filter(|_| field(bytes, 56, 16) != [0; 16]),
        name: None,
        role: if backing { "backing" } else { "cache" }.to_owned(),
        state: backing.then(|| state.to_owned()),
        data_offset: match version {
            1 => Some(DATA_START),
            4 | 6 => Some(le64(bytes, 184)),
            _ => None,
        }
        .and_then(|sectors| sectors.checked_mul(512)),
        generation: le64(bytes, 112),
    };
    let size = if backing {
        0
    } else {
        let bucket = u64::from(le16(bytes, 194)).saturating_mul(512);
        le64(bytes, 184).saturating_mul(bucket)
    };
    let mut found = Found::new(Format::Bcache, size, Content::Piece(piece));
    found.superblock.uuid = Some(uuid(bytes, 40));
    found.superblock.label = Text::from_field(field(bytes, 72, 32));
    found.superblock.version = Some(version.to_string());
    if version >= 5 {
        found.superblock.unknown_features = unknown_bits(le64(bytes, 128), KNOWN_INCOMPAT, &[]);
    }
    Ok(found)
}
