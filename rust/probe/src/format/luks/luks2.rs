//! LUKS2.
//!
//! Place: two headers, each a binary part of 4096 bytes and a JSON area, 16
//! KiB to 4 MiB together (`hdr_size`); the primary at 0, the secondary right
//! behind it. Then the key slots' areas, then the payload. Big endian.
//! Checksum: of the whole header with `csum` zeroed, by `checksum_alg`. Both
//! headers are written at each change, the primary first; the higher `seqid`
//! counts. Source: LUKS2 On-Disk Format Specification 1.1.1.

use super::json;
use crate::bytes::{be16, be64, field, hex, name};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_if_readable, read_up_to, unless_over};
use asl_facts::{Container, Content, Damage, Format, Text};
use blake2::{Blake2b512, Blake2s256};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// `LUKS2_HDR_BIN_LEN`.
pub(crate) const BINARY: usize = 4096;
/// `LUKS2_HDR_16K_LEN` and `LUKS2_HDR_OFFSET_MAX`. Both headers at their
/// largest, 8 MiB, are the most that is read.
const MIN_HDR_SIZE: u64 = 16 << 10;
const MAX_HDR_SIZE: u64 = 4 << 20;
const CSUM: usize = 448;
const CSUM_LEN: usize = 64;

/// With the JSON only where `bytes` holds the whole header.
pub(crate) fn decode(bytes: &[u8], rules: &Rules) -> Result<Found, Refused> {
    rules.length(bytes, BINARY)?;
    let hdr_offset = be64(bytes, 256);
    rules.check(hdr_offset == rules.at, "place", 256, hdr_offset, rules.at)?;
    let hdr_size = be64(bytes, 8);
    rules.check(
        (MIN_HDR_SIZE..=MAX_HDR_SIZE).contains(&hdr_size)
            && hdr_size.is_power_of_two()
            && (rules.at == 0 || rules.at == hdr_size),
        "header-size",
        8,
        hdr_size,
        format!("a power of two, {MIN_HDR_SIZE} to {MAX_HDR_SIZE}, and where a secondary lies"),
    )?;
    let seqid = be64(bytes, 16);
    let uuid = name(bytes, 168, 40);
    rules.check(uuid.is_some(), "uuid", 168, "no name", "ASCII")?;

    let container = Container {
        locked: true,
        algorithm: None,
        key_bits: None,
        keyslots: Vec::new(),
        tokens: Vec::new(),
        subsystem: Text::from_field(field(bytes, 208, 48)),
        data_offset: None,
        data_size: None,
        sector_size: None,
        generation: seqid,
        under_way: None,
        suspended: false,
    };
    let headers = hdr_size.saturating_mul(2);
    let mut found = Found::new(Format::Luks, headers, Content::Container(container));
    found.superblock.uuid = uuid;
    found.superblock.label = Text::from_field(field(bytes, 24, 48));
    found.superblock.version = Some("2".to_owned());
    found.generation = seqid;
    if let Some(whole) = len(hdr_size).and_then(|len| bytes.get(..len)) {
        check_csum(whole, rules)?;
        let area = whole.get(BINARY..).unwrap_or_default();
        json::read(area, hdr_size, rules, &mut found)?;
    }
    Ok(found)
}

fn check_csum(whole: &[u8], rules: &Rules) -> Result<(), Refused> {
    let checksum_alg = name(whole, 72, 32);
    let computed = match checksum_alg.as_deref() {
        Some("sha224") => hash::<Sha224>(whole),
        Some("sha256") => hash::<Sha256>(whole),
        Some("sha384") => hash::<Sha384>(whole),
        Some("sha512") => hash::<Sha512>(whole),
        Some("blake2s-256") => hash::<Blake2s256>(whole),
        Some("blake2b-512") => hash::<Blake2b512>(whole),
        _ => Vec::new(),
    };
    rules.check(
        !computed.is_empty(),
        "checksum-type",
        72,
        checksum_alg.unwrap_or_default(),
        "sha224, sha256, sha384, sha512, blake2s-256 or blake2b-512",
    )?;
    let seen = field(whole, CSUM, computed.len());
    rules.check(seen == computed, "checksum", 448, hex(seen), hex(&computed))
}

fn hash<D: Digest>(whole: &[u8]) -> Vec<u8> {
    let behind = CSUM.saturating_add(CSUM_LEN);
    let mut hash = D::new();
    hash.update(field(whole, 0, CSUM));
    hash.update([0; CSUM_LEN]);
    hash.update(whole.get(behind..).unwrap_or_default());
    hash.finalize().to_vec()
}

fn len(hdr_size: u64) -> Option<usize> {
    usize::try_from(hdr_size).ok()
}

/// Reads the secondary header, and the primary where it was larger than what
/// was read ahead; the newer sound one is believed. Where such a large
/// primary and every secondary are damaged, the binary part alone was
/// believed, and the damages are listed.
pub(crate) fn complete(
    dev: &dyn ReadAt,
    at: u64,
    bytes: &[u8],
    found: &mut Found,
) -> Result<(), Fault> {
    let hdr_size = be64(bytes, 8);
    let whole = len(hdr_size).is_some_and(|len| bytes.len() >= len);
    let here = if whole {
        None
    } else {
        Some(header(dev, at, hdr_size)?)
    };
    if at != 0 {
        // A copy that stands in for a damaged primary.
        match here {
            Some(Ok(here)) => replace(found, here),
            Some(Err(damage)) => found.superblock.damaged_copies.push(damage),
            None => {}
        }
        return Ok(());
    }
    let damaged = match here {
        Some(Ok(here)) => {
            replace(found, here);
            None
        }
        Some(Err(damage)) => Some(damage),
        None => None,
    };
    let second = header(dev, hdr_size, hdr_size)?;
    match (damaged, second) {
        (None, Ok(second)) if second.generation > found.generation => {
            let stale = stale(0, found.generation, second.generation);
            replace(found, second);
            found.superblock.damaged_copies.push(stale);
        }
        (None, Ok(second)) if second.generation < found.generation => {
            let stale = stale(hdr_size, second.generation, found.generation);
            found.superblock.damaged_copies.push(stale);
        }
        (None, Ok(_)) => {}
        (None, Err(damage)) => found.superblock.damaged_copies.push(damage),
        (Some(damage), Ok(second)) => {
            replace(found, second);
            found.superblock.damaged_copies.push(damage);
        }
        (Some(damage), Err(second)) => {
            found.superblock.damaged_copies.extend([damage, second]);
            // Its size may be what is wrong of the primary.
            elsewhere(dev, hdr_size, found)?;
        }
    }
    Ok(())
}

/// A sound secondary header at one of the other places.
fn elsewhere(dev: &dyn ReadAt, not_at: u64, found: &mut Found) -> Result<(), Fault> {
    let mut at = MIN_HDR_SIZE;
    while at <= MAX_HDR_SIZE {
        if at != not_at
            && binary_is_there(dev, at)?
            && let Ok(second) = header(dev, at, at)?
        {
            replace(found, second);
            return Ok(());
        }
        at = at.saturating_mul(2);
    }
    Ok(())
}

/// Whether reading the whole header is worth it.
fn binary_is_there(dev: &dyn ReadAt, at: u64) -> Result<bool, Fault> {
    let bytes = read_if_readable(dev, at, BINARY)?;
    Ok(bytes.is_some_and(|bytes| super::header(&bytes, at).is_ok()))
}

/// The header of `hdr_size` bytes at `at`, judged as a whole.
fn header(dev: &dyn ReadAt, at: u64, hdr_size: u64) -> Result<Result<Found, Damage>, Fault> {
    let rules = Rules {
        format: Format::Luks,
        at,
    };
    // The decoder checked the size: it is 4 MiB at most.
    let wanted = len(hdr_size.min(MAX_HDR_SIZE)).unwrap_or(0);
    let bytes = match unless_over(read_up_to(dev, at, wanted))? {
        Ok(bytes) => bytes,
        Err(fault) => return Ok(Err(rules.damage("unreadable", 0, fault, "a header"))),
    };
    let found = rules
        .length(&bytes, wanted)
        .and_then(|()| super::header(&bytes, at))
        .and_then(|found| {
            let same = be16(&bytes, 6) == 2 && be64(&bytes, 8) == hdr_size;
            rules.check(same, "header-size", 8, be64(&bytes, 8), hdr_size)?;
            let (claims, size) = (found.claims, dev.size());
            rules.check(claims <= size, "size", 8, claims, format!("at most {size}"))?;
            Ok(found)
        });
    Ok(found.map_err(|refused| match refused {
        Refused::Damaged(_, damage) => damage,
        Refused::Other => rules.damage("magic", 0, "another", "LUKS2"),
    }))
}

/// What `header` says, and the damages that are known already.
fn replace(found: &mut Found, header: Found) {
    let damaged_copies = std::mem::take(&mut found.superblock.damaged_copies);
    *found = header;
    found.superblock.damaged_copies = damaged_copies;
}

fn stale(at: u64, seqid: u64, other: u64) -> Damage {
    let rules = Rules {
        format: Format::Luks,
        at,
    };
    rules.damage(
        "sequence",
        16,
        seqid,
        format!("{other}, as the other header"),
    )
}
