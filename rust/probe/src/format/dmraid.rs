//! The metadata of other firmware RAID, by name.
//!
//! Place: all in the last sectors of the disk, but HighPoint 37x, which lies
//! near its beginning. Checksum: only Silicon, NVIDIA, JMicron and VIA have
//! one. Source: the headers of dmraid (`lib/format/ataraid`) and the
//! detection of libblkid, whose names these are. Promise has been seen in
//! more places, up to 3087 sectors before the end: those that lie in what is
//! read ahead are looked at.

use crate::bytes::{be32, field, le16, le32, u8_at};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::row::{Decode, Kind, Place, Row};
use asl_facts::{Content, Format, Piece};

const SECTOR: u64 = 512;

const fn row(
    name: &'static str,
    places: &'static [Place],
    magics: &'static [(usize, &'static [u8])],
    decode: Decode,
) -> Row {
    Row {
        name,
        kind: Kind::Member,
        minimum: 64 * 1024,
        places,
        len: 512,
        magics,
        decode,
        copies: &[],
        orphans: false,
        complete: None,
    }
}

const LAST: &[Place] = &[Place::End(SECTOR)];

pub(crate) const ROWS: &[Row] = &[
    row(
        "promise",
        &[
            Place::End(63 * SECTOR),
            Place::End(255 * SECTOR),
            Place::End(256 * SECTOR),
            Place::End(16 * SECTOR),
        ],
        &[(0, b"Promise Technology, Inc.")],
        |_, at| Ok(member("promise_fasttrack", None, None, at)),
    ),
    row("silicon", LAST, &[(0x60, &[0, 0, 0, 0x2f])], silicon),
    row(
        "nvidia",
        &[Place::End(2 * SECTOR)],
        &[(0, b"NVIDIA  ")],
        nvidia,
    ),
    row(
        "hpt37x",
        &[Place::Start(9 * SECTOR)],
        &[(32, &[0xf0, 0x16, 0x78, 0x5a]), (32, HIGHPOINT_BAD)],
        |bytes, at| Ok(highpoint("hpt37x", bytes, 32, at)),
    ),
    row(
        "hpt45x",
        &[Place::End(11 * SECTOR)],
        &[(0, &[0xf3, 0x16, 0x78, 0x5a]), (0, HIGHPOINT_BAD)],
        |bytes, at| Ok(highpoint("hpt45x", bytes, 0, at)),
    ),
    row("jmicron", LAST, &[(0, b"JM")], jmicron),
    row("lsi", LAST, &[(0, b"$XIDE$")], |_, at| {
        Ok(member("lsi_mega", None, None, at))
    }),
    row("via", LAST, &[(0, &[0x55, 0xaa])], via),
    row("adaptec", LAST, &[(0, &[0x37, 0xfc, 0x4d, 0x1e])], adaptec),
];

/// Of an array that the firmware gave up.
const HIGHPOINT_BAD: &[u8] = &[0xfd, 0x16, 0x78, 0x5a];

/// A member of an array of this firmware, with its version where it has one.
fn member(name: &str, version: Option<String>, state: Option<&str>, at: u64) -> Found {
    let piece = Piece {
        whole: None,
        name: None,
        role: "member".to_owned(),
        state: state.map(str::to_owned),
        data_offset: None,
        generation: 0,
    };
    let mut found = Found::new(
        Format::Dmraid,
        at.saturating_add(SECTOR),
        Content::Piece(piece),
    );
    found.claims = 0;
    found.superblock.version = Some(match version {
        Some(version) => format!("{name} {version}"),
        None => name.to_owned(),
    });
    found
}

fn highpoint(name: &str, bytes: &[u8], magic: usize, at: u64) -> Found {
    let broken = u8_at(bytes, magic) == 0xfd;
    member(name, None, broken.then_some("broken"), at)
}

/// The words up to `checksum1` and itself add up to 0. Its magic is short and
/// mostly zeros, so a sum that does not fit means something else.
fn silicon(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    const CHECKSUM1: usize = 0x13e;
    let disk_number = u8_at(bytes, 0x116);
    or_other(disk_number < 8 && sum16(bytes, CHECKSUM1.saturating_add(2)) == 0)?;
    let (minor_ver, major_ver) = (le16(bytes, 0x108), le16(bytes, 0x10a));
    Ok(member(
        "silicon_medley",
        Some(format!("{major_ver}.{minor_ver}")),
        None,
        at,
    ))
}

/// `size` words, `chksum` among them, add up to 0.
fn nvidia(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    const WORDS: u32 = 30;
    let rules = Rules {
        format: Format::Dmraid,
        at,
    };
    rules.length(bytes, 120)?;
    let size = le32(bytes, 8);
    rules.check(size == WORDS, "size", 8, size, WORDS)?;
    let (words, _) = field(bytes, 0, 120).as_chunks::<4>();
    let sum = words.iter().fold(0_u32, |sum, word| {
        sum.wrapping_add(u32::from_le_bytes(*word))
    });
    let chksum = le32(bytes, 12);
    rules.checksum(12, chksum, chksum.wrapping_sub(sum))?;
    let version = le16(bytes, 16);
    Ok(member("nvidia", Some(version.to_string()), None, at))
}

/// 128 bytes whose words add up to 0 or 1; two letters alone are no magic.
fn jmicron(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let mode = u8_at(bytes, 0x30);
    or_other(sum16(bytes, 128) <= 1 && mode <= 5)?;
    let [minor, major] = le16(bytes, 2).to_le_bytes();
    Ok(member(
        "jmicron",
        Some(format!("{major}.{minor}")),
        None,
        at,
    ))
}

/// The first 50 bytes add up to the next one. The magic is that of boot
/// sectors and of option ROMs too.
fn via(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let version_number = u8_at(bytes, 2);
    let sum = field(bytes, 0, 50)
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    or_other(bytes.len() > 50 && version_number <= 2 && sum == u8_at(bytes, 50))?;
    Ok(member("via", Some(version_number.to_string()), None, at))
}

/// A second magic, `DPTM`, stands in the middle.
fn adaptec(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    or_other(be32(bytes, 256) == 0x4450_544d)?;
    let resver = u8_at(bytes, 63);
    Ok(member("adaptec", Some(resver.to_string()), None, at))
}

/// The sum of so many bytes as words.
fn sum16(bytes: &[u8], len: usize) -> u16 {
    let (words, _) = field(bytes, 0, len).as_chunks::<2>();
    words
        .iter()
        .fold(0, |sum, word| sum.wrapping_add(u16::from_le_bytes(*word)))
}
