//! Stratis.
//!
//! Place: the static header in sector 1, a copy in sector 9. Little endian.
//! Checksum: crc32c of what follows it. Source: the Stratis software design,
//! "Static Header"; libblkid agrees.

use crate::bytes::{crc32c, field, hex, le32, le64, u8_at};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, is_over, read_up_to};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Piece};

const LEN: usize = 512;
const PRIMARY: u64 = 512;
const COPY: u64 = 9 * 512;
const MAGIC: &[u8] = b"!Stra0tis\x86\xff\x02^\x41rh";

pub(crate) const ROWS: &[Row] = &[Row {
    name: "stratis",
    kind: Kind::Member,
    minimum: 16 * 512,
    places: &[Place::Start(PRIMARY)],
    len: LEN,
    magics: &[(4, MAGIC)],
    decode,
    copies: &[Place::Start(COPY)],
    orphans: true,
    complete: Some(check_copy),
}];

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Stratis,
        at,
    };
    rules.length(bytes, LEN)?;
    rules.checksum(0, le32(bytes, 0), crc32c(field(bytes, 4, LEN)))?;
    let sectors = le64(bytes, 20);
    let size = sectors.checked_mul(512);
    rules.check(
        sectors != 0 && size.is_some(),
        "size",
        20,
        sectors,
        "more than 0, and a size below 2^64",
    )?;
    let ids = [32, 64].map(|at| dashed(field(bytes, at, 32)));
    for (id, offset) in ids.iter().zip([32, 64]) {
        rules.check(
            id.is_some(),
            "uuid",
            offset,
            String::from_utf8_lossy(field(bytes, usize::try_from(offset).unwrap_or(32), 32)),
            "32 hexadecimal digits",
        )?;
    }
    let [pool, device] = ids;
    let piece = Piece {
        whole: pool,
        name: None,
        role: "member".to_owned(),
        state: None,
        data_offset: None,
        // Seconds since 1970 at which the device joined the pool.
        generation: le64(bytes, 120),
    };
    let mut found = Found::new(Format::Stratis, size.unwrap_or(0), Content::Piece(piece));
    found.superblock.uuid = device;
    // Of the header, and with it of the pool's metadata; 0 in the first ones.
    let version = u8_at(bytes, 28);
    found.superblock.version = (version != 0).then(|| version.to_string());
    Ok(found)
}

/// The other header: stratisd writes one after the other, both alike.
fn check_copy(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    if at != PRIMARY {
        // The primary is told already.
        return Ok(());
    }
    let rules = Rules {
        format: Format::Stratis,
        at: COPY,
    };
    let damage = match read_up_to(dev, COPY, LEN) {
        Err(fault) if is_over(&fault.error) => return Err(fault),
        Err(fault) => rules.damage("unreadable", 0, fault.error, "the second header"),
        Ok(copy) if field(&copy, 4, 16) != MAGIC => {
            rules.damage("copy-missing", 4, hex(field(&copy, 4, 16)), hex(MAGIC))
        }
        Ok(copy) => match decode(&copy, COPY) {
            Err(Refused::Damaged(_, damage)) => damage,
            Ok(_) if copy != bytes => rules.damage(
                "copies-differ",
                0,
                format!("{:#010x}", le32(&copy, 0)),
                format!("{:#010x}", le32(bytes, 0)),
            ),
            _ => return Ok(()),
        },
    };
    found.superblock.damaged_copies.push(damage);
    Ok(())
}

/// 32 hexadecimal digits as a UUID.
fn dashed(digits: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(digits).ok()?;
    let is_id = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    is_id.then(|| {
        parts
            .iter()
            .filter_map(|(from, to)| text.get(*from..*to))
            .collect::<Vec<_>>()
            .join("-")
    })
}
