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
/// `obso_bucket_size_hi`, behind that list.
const BUCKET_SIZE_HI: usize = FIXED + 256 * 8;
const LEN: usize = BUCKET_SIZE_HI + 2;

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
const OBSO_LARGE_BUCKET: u64 = 0x1;
const LOG_LARGE_BUCKET: u64 = 0x2;
const KNOWN_INCOMPAT: u64 = OBSO_LARGE_BUCKET | LOG_LARGE_BUCKET;
/// The smallest bucket, sectors: a page.
const MIN_BUCKET: u64 = 8;
/// The largest block, sectors: the largest page, 64 KiB.
const MAX_BLOCK: u16 = 128;
/// The kernel wants so many.
const MIN_BUCKETS: u64 = 1 << 7;
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
    let geometry = Geometry::read(bytes, &rules, version)?;
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
        data_offset: geometry.data_offset,
        generation: le64(bytes, 112),
    };
    // A backing device does not say how long it is.
    let mut found = Found::new(Format::Bcache, geometry.size, Content::Piece(piece));
    found.claims = geometry.size.max(geometry.data_offset.unwrap_or(0));
    found.superblock.uuid = Some(uuid(bytes, 40));
    found.superblock.label = Text::from_field(field(bytes, 72, 32));
    found.superblock.version = Some(version.to_string());
    if version >= 5 {
        found.superblock.unknown_features = unknown_bits(le64(bytes, 128), KNOWN_INCOMPAT, &[]);
    }
    Ok(found)
}

struct Geometry {
    /// First byte that a backing device shows.
    data_offset: Option<u64>,
    /// All buckets of a cache, bytes; 0 for a backing device.
    size: u64,
}

impl Geometry {
    /// The bounds of the kernel's `read_super_common` and `read_super`.
    fn read(bytes: &[u8], rules: &Rules, version: u64) -> Result<Self, Refused> {
        let block_size = le16(bytes, 192);
        rules.check(
            block_size.is_power_of_two() && block_size <= MAX_BLOCK,
            "block-size",
            192,
            block_size,
            format!("a power of two up to {MAX_BLOCK} sectors"),
        )?;
        if let 1 | 4 | 6 = version {
            let data_offset = if version == 1 {
                DATA_START
            } else {
                le64(bytes, 184)
            };
            let start = data_offset.checked_mul(512);
            rules.check(
                data_offset >= DATA_START && start.is_some(),
                "data-offset",
                184,
                data_offset,
                format!("at least {DATA_START} sectors, below 2^64 bytes"),
            )?;
            return Ok(Self {
                data_offset: start,
                size: 0,
            });
        }
        let bucket_size = bucket_size(bytes, version);
        let smallest = MIN_BUCKET.max(u64::from(block_size));
        rules.check(
            bucket_size.is_some_and(|size| size.is_power_of_two() && size >= smallest),
            "bucket-size",
            194,
            le16(bytes, 194),
            format!("a power of two, at least {smallest} sectors"),
        )?;
        let nbuckets = le64(bytes, 184);
        let size = bucket_size
            .and_then(|size| size.checked_mul(512))
            .and_then(|size| size.checked_mul(nbuckets));
        rules.check(
            nbuckets >= MIN_BUCKETS && size.is_some(),
            "buckets",
            184,
            nbuckets,
            format!("at least {MIN_BUCKETS}, below 2^64 bytes"),
        )?;
        let (nr_in_set, nr_this_dev) = (le16(bytes, 196), le16(bytes, 198));
        rules.check(
            nr_this_dev < nr_in_set,
            "devices",
            198,
            format!("{nr_this_dev} of {nr_in_set}"),
            "a number below the count",
        )?;
        Ok(Self {
            data_offset: None,
            size: size.unwrap_or(0),
        })
    }
}

/// Sectors: with a feature each the field is a logarithm, or has 16 more bits
/// behind the list of journal buckets.
fn bucket_size(bytes: &[u8], version: u64) -> Option<u64> {
    let bucket_size = u64::from(le16(bytes, 194));
    let feature_incompat = if version >= 5 { le64(bytes, 128) } else { 0 };
    if feature_incompat & LOG_LARGE_BUCKET != 0 {
        1_u64.checked_shl(u32::try_from(bucket_size).ok()?)
    } else if feature_incompat & OBSO_LARGE_BUCKET != 0 {
        Some(bucket_size | u64::from(le16(bytes, BUCKET_SIZE_HI)) << 16_u32)
    } else {
        Some(bucket_size)
    }
}
