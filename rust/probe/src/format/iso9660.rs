//! ISO 9660, with Joliet.
//!
//! Place: the volume descriptors are the 2 KiB sectors from 32 KiB on, up to a
//! terminator; the primary one describes the file system, a supplementary one
//! with a UCS-2 escape sequence is Joliet's. Numbers are stored in both byte
//! orders. Checksum: none, but the two orders of a number check each other.
//! Source: ECMA-119 8.4, Joliet specification; Linux `fs/isofs/inode.c`.

use crate::bytes::{be16, be32, field, le16, le32, u8_at, utf16be};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, Text};

const AT: u64 = 32 * 1024;
const SECTOR: usize = 2048;
/// Descriptors that are looked at: blkid does so too, and real discs have
/// five at most.
const LEN: usize = 16 * SECTOR;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "iso9660",
    kind: Kind::Filesystem,
    minimum: 34 * 1024,
    places: &[Place::Start(AT)],
    len: LEN,
    magics: &[(1, b"CD001")],
    decode,
    copies: &[],
    orphans: false,
    complete: Some(complete),
}];

const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const TERMINATOR: u8 = 255;

/// The descriptors of the set and where each lies in it.
fn descriptors(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (0..)
        .step_by(SECTOR)
        .zip(bytes.chunks_exact(SECTOR))
        .take_while(|(_, sector)| field(sector, 1, 5) == b"CD001")
        .take_while(|(_, sector)| u8_at(sector, 0) != TERMINATOR)
}

fn primary(bytes: &[u8]) -> Option<(usize, &[u8])> {
    descriptors(bytes).find(|(_, sector)| u8_at(sector, 0) == PRIMARY)
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let set = Rules {
        format: Format::Iso9660,
        at,
    };
    set.length(bytes, SECTOR)?;
    let found = primary(bytes);
    set.check(
        found.is_some(),
        "primary-descriptor",
        0,
        format!("type {}", u8_at(bytes, 0)),
        "one of type 1 before the terminator",
    )?;
    let (offset, sector) = found.unwrap_or_default();
    let rules = Rules {
        format: Format::Iso9660,
        at: at.saturating_add(u64::try_from(offset).unwrap_or(0)),
    };
    for (rule, offset) in [("descriptor-version", 6_usize), ("structure-version", 881)] {
        let version = u8_at(sector, offset);
        let offset = u64::try_from(offset).unwrap_or(0);
        rules.check(version == 1, rule, offset, version, 1)?;
    }
    let logical_block_size = le16(sector, 128);
    rules.check(
        matches!(logical_block_size, 512 | 1024 | 2048),
        "block-size",
        128,
        logical_block_size,
        "512, 1024 or 2048",
    )?;
    let volume_space_size = le32(sector, 80);
    let size = u64::from(volume_space_size).saturating_mul(u64::from(logical_block_size));
    rules.check(
        size > AT,
        "volume-space",
        80,
        volume_space_size,
        "more than the descriptors",
    )?;
    check_root(sector, &rules, volume_space_size)?;

    let block_size = u32::from(logical_block_size);
    let mut found = Found::filesystem(Format::Iso9660, size, block_size);
    let (created, modified) = (field(sector, 813, 17), field(sector, 830, 17));
    found.superblock.uuid = date(modified).or_else(|| date(created));
    let plain = field(sector, 40, 32);
    let joliet = descriptors(bytes).find(|(_, sector)| is_joliet(sector));
    found.superblock.label = match joliet {
        Some((_, joliet)) => merged(field(joliet, 40, 32), plain),
        None => Text::from_field(plain),
    };
    found.superblock.version = joliet.map(|_| "Joliet Extension".to_owned());
    Ok(found)
}

/// The record of the root directory in the primary descriptor.
fn check_root(sector: &[u8], rules: &Rules, volume_space_size: u32) -> Result<(), Refused> {
    let root = field(sector, 156, 34);
    let (len, flags) = (u8_at(root, 0), u8_at(root, 25));
    rules.check(
        len >= 34 && flags & 0x2 != 0,
        "root-directory",
        156,
        format!("{len} bytes, flags {flags:#x}"),
        "34 bytes, a directory",
    )?;
    let extent = le32(root, 2);
    rules.check(
        extent < volume_space_size,
        "root-directory",
        158,
        extent,
        format!("less than {volume_space_size}"),
    )
}

/// UCS-2 level 1, 2 or 3.
fn is_joliet(sector: &[u8]) -> bool {
    let escapes: [&[u8]; 3] = [b"%/@", b"%/C", b"%/E"];
    u8_at(sector, 0) == SUPPLEMENTARY && escapes.contains(&field(sector, 88, 3))
}

/// Joliet has room for 16 characters only, the plain name for 32 but not for
/// every character: where one continues the other, both make the label.
fn merged(joliet: &[u8], plain: &[u8]) -> Option<Text> {
    let (units, _) = joliet.as_chunks::<2>();
    let same = units.iter().zip(plain).all(|(unit, byte)| {
        let unit = u16::from_be_bytes(*unit);
        // What it cannot write, the plain name has as `_`.
        unit == u16::from(*byte) || *byte == b'_'
    });
    let rest = plain.get(units.len()..).unwrap_or_default();
    if !same || rest.is_empty() {
        return utf16be(joliet);
    }
    let mut whole = joliet.to_vec();
    whole.extend(rest.iter().flat_map(|byte| [0, *byte]));
    utf16be(&whole)
}

/// Sixteen digits, as blkid makes a UUID of them; none where no date is set.
fn date(field: &[u8]) -> Option<String> {
    let digits = field.get(..16)?;
    let zone = field.get(16)?;
    let unset = *zone == 0 && digits.iter().all(|digit| *digit == b'0');
    if unset || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(digits).ok()?;
    let parts = [
        (0, 4),
        (4, 6),
        (6, 8),
        (8, 10),
        (10, 12),
        (12, 14),
        (14, 16),
    ];
    let parts = parts.iter().filter_map(|(from, to)| text.get(*from..*to));
    Some(parts.collect::<Vec<_>>().join("-"))
}

/// Linux believes the little endian numbers only, since some writers got the
/// others wrong: a difference is reported and no more.
fn complete(_dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let Some((offset, sector)) = primary(bytes) else {
        return Ok(());
    };
    let rules = Rules {
        format: Format::Iso9660,
        at: at.saturating_add(u64::try_from(offset).unwrap_or(0)),
    };
    let numbers = [
        (80, le32(sector, 80), be32(sector, 84)),
        (
            120,
            u32::from(le16(sector, 120)),
            u32::from(be16(sector, 122)),
        ),
        (
            124,
            u32::from(le16(sector, 124)),
            u32::from(be16(sector, 126)),
        ),
        (
            128,
            u32::from(le16(sector, 128)),
            u32::from(be16(sector, 130)),
        ),
        (132, le32(sector, 132), be32(sector, 136)),
    ];
    for (offset, little, big) in numbers {
        if little != big {
            let damage = rules.damage("byte-orders", offset, big, little);
            found.superblock.damaged_copies.push(damage);
        }
    }
    Ok(())
}
