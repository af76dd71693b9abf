//! APFS containers, by name and UUID.
//!
//! Place: block 0 holds a copy of the container superblock as it was at the
//! last clean unmount; newer ones lie in the checkpoint area, which is not
//! read. Little endian. Checksum: Fletcher's with 64 bits, over the block
//! without its first 8 bytes. Source: Apple File System Reference, "Objects",
//! "Container".

use crate::bytes::{field, le32, le64, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Look};

/// Largest block.
const LEN: usize = 65536;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "apfs",
    kind: Kind::Filesystem,
    minimum: 4096,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(32, b"NXSB")],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Apfs,
        at,
    };
    let nx_block_size = le32(bytes, 36);
    rules.check(
        nx_block_size.is_power_of_two() && (4096..=65536).contains(&nx_block_size),
        "block-size",
        36,
        nx_block_size,
        "a power of two, 4096 to 65536",
    )?;
    let len = usize::try_from(nx_block_size).unwrap_or(LEN);
    rules.length(bytes, len)?;
    let seen = le64(bytes, 0);
    let computed = fletcher64(field(field(bytes, 0, len), 8, len));
    rules.check(
        seen == computed,
        "checksum",
        0,
        format!("{seen:#018x}"),
        format!("{computed:#018x}"),
    )?;
    let nx_block_count = le64(bytes, 40);
    let size = nx_block_count.checked_mul(u64::from(nx_block_size));
    rules.check(
        nx_block_count != 0 && size.is_some(),
        "block-count",
        40,
        nx_block_count,
        "more than 0, and a size below 2^64",
    )?;
    let mut found = Found::filesystem(Format::Apfs, size.unwrap_or(0), nx_block_size);
    found.generation = le64(bytes, 16);
    found.superblock.uuid = Some(uuid(bytes, 72));
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.log = LogState::Unknown;
        filesystem.look = Look::Unreadable {
            why: "apfs is known by name only".to_owned(),
        };
    }
    Ok(found)
}

/// Over 32-bit words, modulo 2^32 - 1.
fn fletcher64(bytes: &[u8]) -> u64 {
    const MODULUS: u64 = 0xffff_ffff;
    let (words, _) = bytes.as_chunks::<4>();
    let (mut low, mut high) = (0_u64, 0_u64);
    for word in words {
        low = low.wrapping_add(u64::from(u32::from_le_bytes(*word))) % MODULUS;
        high = high.wrapping_add(low) % MODULUS;
    }
    let first = MODULUS.wrapping_sub(low.wrapping_add(high) % MODULUS);
    let second = MODULUS.wrapping_sub(low.wrapping_add(first) % MODULUS);
    (second << 32_u32) | first
}
