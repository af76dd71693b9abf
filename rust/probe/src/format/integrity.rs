//! dm-integrity.
//!
//! Place: one superblock in the first 4096 bytes, then the journal, then the
//! data with its tags between. Little endian. No checksum; with a journal MAC
//! the last bytes of the first sector hold one, which needs the key. Source:
//! Linux `drivers/md/dm-integrity.c`, `struct superblock`.

use crate::bytes::{le16, le32, le64, u8_at, unknown_bits};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Container, Content, Format};

/// `SB_SECTORS`.
const SUPERBLOCK: u64 = 4096;
const LEN: usize = 64;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "dm-integrity",
    kind: Kind::Container,
    minimum: SUPERBLOCK,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(0, b"integrt\0")],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

/// `SB_VERSION_6`.
const MAX_VERSION: u8 = 6;
/// `MIN_LOG2_INTERLEAVE_SECTORS` and `MAX_LOG2_INTERLEAVE_SECTORS`.
const INTERLEAVE: std::ops::RangeInclusive<u8> = 3..=31;
/// `MAX_TAG_SIZE`.
const MAX_TAG_SIZE: u16 = 424;
/// Of `MAX_SECTORS_PER_BLOCK`.
const MAX_LOG2_SECTORS_PER_BLOCK: u8 = 3;

const FLAG_HAVE_JOURNAL_MAC: u32 = 0x1;
const FLAG_RECALCULATING: u32 = 0x2;
const FLAG_DIRTY_BITMAP: u32 = 0x4;
const FLAG_FIXED_PADDING: u32 = 0x8;
const FLAG_FIXED_HMAC: u32 = 0x10;
const FLAG_INLINE: u32 = 0x20;
const KNOWN_FLAGS: u32 = FLAG_HAVE_JOURNAL_MAC
    | FLAG_RECALCULATING
    | FLAG_DIRTY_BITMAP
    | FLAG_FIXED_PADDING
    | FLAG_FIXED_HMAC
    | FLAG_INLINE;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Integrity,
        at,
    };
    rules.length(bytes, LEN)?;
    let version = u8_at(bytes, 8);
    rules.check(
        (1..=MAX_VERSION).contains(&version),
        "version",
        8,
        version,
        format!("1 to {MAX_VERSION}"),
    )?;
    // 0: the tags are on another device, the data there begins at once.
    let log2_interleave_sectors = u8_at(bytes, 9);
    let own_data = log2_interleave_sectors != 0;
    rules.check(
        !own_data || INTERLEAVE.contains(&log2_interleave_sectors),
        "interleave",
        9,
        log2_interleave_sectors,
        "0, or 3 to 31",
    )?;
    let integrity_tag_size = le16(bytes, 10);
    rules.check(
        (1..=MAX_TAG_SIZE).contains(&integrity_tag_size),
        "tag-size",
        10,
        integrity_tag_size,
        format!("1 to {MAX_TAG_SIZE}"),
    )?;
    let flags = le32(bytes, 24);
    let has = |flag: u32| flags & flag != 0;
    let journal_sections = le32(bytes, 12);
    rules.check(
        (journal_sections == 0) == has(FLAG_INLINE),
        "journal-sections",
        12,
        journal_sections,
        "0 where the tags are inline, else not 0",
    )?;
    let log2_sectors_per_block = u8_at(bytes, 28);
    let sector_size = 512_u32.checked_shl(u32::from(log2_sectors_per_block));
    rules.check(
        log2_sectors_per_block <= MAX_LOG2_SECTORS_PER_BLOCK,
        "block-size",
        28,
        log2_sectors_per_block,
        format!("at most {MAX_LOG2_SECTORS_PER_BLOCK}"),
    )?;
    let provided_data_sectors = le64(bytes, 16);
    let data_size = provided_data_sectors.checked_mul(512);
    rules.check(
        provided_data_sectors != 0 && data_size.is_some(),
        "data-sectors",
        16,
        provided_data_sectors,
        "not 0, and a size below 2^64",
    )?;

    let recalc_sector = le64(bytes, 32);
    let under_way = if has(FLAG_RECALCULATING) && recalc_sector < provided_data_sectors {
        Some("recalculating".to_owned())
    } else if has(FLAG_DIRTY_BITMAP) {
        Some("dirty-bitmap".to_owned())
    } else {
        None
    };
    let container = Container {
        // Then the kernel opens it with the key of the MAC only.
        locked: has(FLAG_HAVE_JOURNAL_MAC | FLAG_FIXED_HMAC),
        algorithm: None,
        key_bits: None,
        keyslots: Vec::new(),
        tokens: Vec::new(),
        subsystem: None,
        // Between the tags, at a place that the kernel's parameters set.
        data_offset: None,
        data_size,
        sector_size,
        generation: 0,
        under_way,
        suspended: false,
    };
    let data = data_size.filter(|_| own_data).unwrap_or(0);
    let size = SUPERBLOCK.saturating_add(data);
    let mut found = Found::new(Format::Integrity, size, Content::Container(container));
    found.superblock.version = Some(version.to_string());
    found.superblock.unknown_features = unknown_bits(u64::from(flags), u64::from(KNOWN_FLAGS), &[]);
    Ok(found)
}
