//! LUKS1, and the rows of both versions; `luks2` has the rest.
//!
//! Place: `struct luks_phdr`, 592 bytes at the start of the device, then the
//! material of eight key slots, then the payload. One copy, big endian, no
//! checksum: every field that has a rule is held to it. The old
//! cryptsetup-reencrypt writes another magic while it works, so that nothing
//! opens the device; blkid then sees nothing at all. Source: LUKS On-Disk
//! Format Specification 1.2.3.

mod json;
mod luks2;

use crate::bytes::{be16, be32, name};
use crate::decoded::{Found, Refused, Rules};

use crate::read::{Fault, ReadAt};
use crate::row::{Kind, Place, Row};
use asl_facts::{Container, Content, Format, Keyslot};

/// `LUKS_MAGIC`, and `LUKS2_MAGIC_1ST`.
const MAGIC: &[u8] = b"LUKS\xba\xbe";
/// `LUKS2_MAGIC_2ND`: of the secondary header.
const MAGIC_SECOND: &[u8] = b"SKUL\xba\xbe";
/// `NOMAGIC`: a re-encryption of LUKS1 was begun and not ended.
const MAGIC_REENCRYPT: &[u8] = b"LUKS\xde\xad";

/// The largest LUKS2 header that the head read holds whole: its checksum
/// needs no further read. 16 KiB is what cryptsetup makes.
const LEN: usize = 64 * 1024;
/// `LUKS2_HDR2_OFFSETS`: a secondary header lies where the primary ends, and
/// these are the sizes that one may have.
const SECOND: &[Place] = &[
    Place::Start(16 << 10),
    Place::Start(32 << 10),
    Place::Start(64 << 10),
    Place::Start(128 << 10),
    Place::Start(256 << 10),
    Place::Start(512 << 10),
    Place::Start(1 << 20),
    Place::Start(2 << 20),
    Place::Start(4 << 20),
];

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "luks",
        kind: Kind::Container,
        minimum: 4096,
        places: &[Place::Start(0)],
        len: LEN,
        magics: &[(0, MAGIC), (0, MAGIC_REENCRYPT), (0, MAGIC_SECOND)],
        decode,
        copies: SECOND,
        orphans: false,
        complete: Some(complete),
    },
    // Only the search for what was left when a primary is gone: the binary
    // header is enough to name it. The three nearest places lie in the head,
    // so an empty device costs six reads of this size.
    Row {
        name: "luks2-second",
        kind: Kind::Container,
        minimum: 32 << 10,
        places: &[Place::Start(0)],
        len: luks2::BINARY,
        magics: &[(0, MAGIC), (0, MAGIC_SECOND)],
        decode: decode_second,
        // Those that were read ahead; the one of the usual size is among
        // them. The others would cost every blank device six reads.
        copies: &[
            Place::Start(16 << 10),
            Place::Start(32 << 10),
            Place::Start(64 << 10),
        ],
        orphans: true,
        complete: None,
    },
];

/// Size of `struct luks_phdr`.
const PHDR: usize = 592;
/// `LUKS_NUMKEYS`.
const NUMKEYS: usize = 8;
const KEYBLOCKS: usize = 208;
const KEYBLOCK: usize = 48;
/// `LUKS_KEY_ENABLED` and `LUKS_KEY_DISABLED`.
const ENABLED: u32 = 0x00ac_71f3;
const DISABLED: u32 = 0x0000_dead;
/// `LUKS_STRIPES`.
const STRIPES: u32 = 4000;
/// `SECTOR_SIZE`.
const SECTOR: u64 = 512;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Luks,
        at,
    };
    // A primary header elsewhere is another device's, inside this one.
    if bytes.starts_with(MAGIC_SECOND) != (at != 0) {
        return Err(Refused::Other);
    }
    let version = be16(bytes, 6);
    if version == 2 && !bytes.starts_with(MAGIC_REENCRYPT) {
        return luks2::decode(bytes, &rules);
    }
    let expected = if at == 0 { "1 or 2" } else { "2" };
    rules.check(version == 1 && at == 0, "version", 6, version, expected)?;
    phdr(bytes, &rules)
}

fn decode_second(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    if at == 0 {
        return Err(Refused::Other);
    }
    decode(bytes, at)
}

fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    if be16(bytes, 6) != 2 {
        return Ok(());
    }
    luks2::complete(dev, at, bytes, found)
}

/// A whole header as any reader but the table's needs it.
pub(crate) fn header(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Luks,
        at,
    };
    let expected = if at == 0 { MAGIC } else { MAGIC_SECOND };
    let seen = bytes.get(..expected.len()).unwrap_or_default();
    rules.check(
        seen == expected,
        "magic",
        0,
        crate::bytes::hex(seen),
        crate::bytes::hex(expected),
    )?;
    decode(bytes, at)
}

fn phdr(bytes: &[u8], rules: &Rules) -> Result<Found, Refused> {
    rules.length(bytes, PHDR)?;
    let text = |at: usize, len: usize, rule: &str, offset: u64| {
        let text = name(bytes, at, len);
        rules.check(text.is_some(), rule, offset, "no name", "ASCII")?;
        Ok(text.unwrap_or_default())
    };
    let cipher_name = text(8, 32, "cipher-name", 8)?;
    let cipher_mode = text(40, 32, "cipher-mode", 40)?;
    text(72, 32, "hash-spec", 72)?;
    let uuid = text(168, 40, "uuid", 168)?;
    let payload_offset = be32(bytes, 104);
    let key_bytes = be32(bytes, 108);
    let key_bits = key_bytes.checked_mul(8).filter(|bits| *bits != 0);
    rules.check(
        key_bits.is_some(),
        "key-bytes",
        108,
        key_bytes,
        "not 0, and a number of bits below 2^32",
    )?;
    let (keyslots, end) = keyblocks(bytes, rules, key_bytes, payload_offset)?;

    let under_way = bytes
        .starts_with(MAGIC_REENCRYPT)
        .then(|| "offline-reencrypt".to_owned());
    let container = Container {
        locked: true,
        algorithm: Some(format!("{cipher_name}-{cipher_mode}")),
        key_bits,
        keyslots,
        tokens: Vec::new(),
        subsystem: None,
        // Where it is 0 the header is detached.
        data_offset: (payload_offset != 0)
            .then(|| u64::from(payload_offset).saturating_mul(SECTOR)),
        data_size: None,
        sector_size: Some(512),
        generation: 0,
        under_way,
        suspended: false,
    };
    let mut found = Found::new(Format::Luks, end, Content::Container(container));
    found.superblock.uuid = Some(uuid);
    found.superblock.version = Some("1".to_owned());
    Ok(found)
}

/// The slots that hold a key, and where the material of all slots ends.
fn keyblocks(
    bytes: &[u8],
    rules: &Rules,
    key_bytes: u32,
    payload_offset: u32,
) -> Result<(Vec<Keyslot>, u64), Refused> {
    let sectors = u64::from(key_bytes)
        .saturating_mul(u64::from(STRIPES))
        .div_ceil(SECTOR);
    let payload = u64::from(payload_offset);
    let mut keyslots = Vec::new();
    let mut areas = Vec::new();
    let blocks = (KEYBLOCKS..).step_by(KEYBLOCK).take(NUMKEYS);
    for (slot, (at, offset)) in blocks.zip((208_u64..).step_by(KEYBLOCK)).enumerate() {
        let at = |field: usize| at.saturating_add(field);
        let active = be32(bytes, at(0));
        let key_material_offset = be32(bytes, at(40));
        let stripes = be32(bytes, at(44));
        rules.check(
            matches!(active, ENABLED | DISABLED),
            "keyslot-state",
            offset,
            format!("slot {slot}: {active:#010x}"),
            format!("{ENABLED:#010x} or {DISABLED:#010x}"),
        )?;
        rules.check(
            stripes == STRIPES,
            "stripes",
            offset.saturating_add(44),
            format!("slot {slot}: {stripes}"),
            STRIPES,
        )?;
        let start = u64::from(key_material_offset);
        let end = start.saturating_add(sectors);
        rules.check(
            start > 1 && (payload == 0 || end <= payload),
            "keyslot-area",
            offset.saturating_add(40),
            format!("slot {slot}: sectors {start} to {end}"),
            format!("sectors 2 to {payload}, where the payload begins"),
        )?;
        areas.push((start, end, slot));
        if active == ENABLED {
            keyslots.push(Keyslot {
                id: slot.to_string(),
                kind: "luks1".to_owned(),
                kdf: Some("pbkdf2".to_owned()),
            });
        }
    }
    areas.sort_unstable();
    let mut last = 0;
    for (start, end, slot) in areas {
        rules.check(
            start >= last,
            "keyslot-overlap",
            208,
            format!("slot {slot}: from sector {start}"),
            format!("at least {last}, where another ends"),
        )?;
        last = end;
    }
    Ok((keyslots, last.saturating_mul(SECTOR)))
}
