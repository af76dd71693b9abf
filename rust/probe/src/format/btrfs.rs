//! btrfs.
//!
//! Place: a superblock of 4096 bytes at 64 KiB, copies at 64 MiB and 256 GiB,
//! all written at each commit. Little endian. Checksum: of everything after
//! its own 32 bytes, by the algorithm that `csum_type` names. Source: Linux
//! `fs/btrfs/accessors.h`, `include/uapi/linux/btrfs_tree.h`,
//! `struct btrfs_super_block`.

use crate::bytes::{crc32c, field, hex, le16, le32, le64, u8_at, unknown_bits, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Part, Text};
use blake2::Blake2b;
use sha2::digest::consts::U32;
use sha2::{Digest, Sha256};

const AT: u64 = 64 * 1024;
const LEN: usize = 4096;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "btrfs",
    kind: Kind::Filesystem,
    minimum: AT + 4096,
    places: &[Place::Start(AT)],
    len: LEN,
    magics: &[(0x40, b"_BHRfS_M")],
    decode,
    copies: &[Place::Start(64 << 20), Place::Start(256 << 30)],
    orphans: true,
    complete: None,
}];

const CSUM_SIZE: usize = 32;
/// `BTRFS_SYSTEM_CHUNK_ARRAY_SIZE`.
const SYS_CHUNK_ARRAY: u32 = 2048;
/// `BTRFS_MAX_LEVEL`.
const MAX_LEVEL: u8 = 8;
const FLAG_ERROR: u64 = 1 << 2;
const FLAG_SEEDING: u64 = 1 << 32;
const FLAGS_METADUMP: u64 = (1 << 33) | (1 << 34);

/// mixed_backref to raid1c34, zoned, raid_stripe_tree, simple_quota.
const KNOWN_INCOMPAT: u64 = 0x1fff | 0x4000 | 0x1_0000;
/// Known, and in no released kernel's set.
const REFUSED_INCOMPAT: &[(u64, &str)] = &[(0x2000, "extent_tree_v2")];

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Btrfs,
        at,
    };
    rules.length(bytes, LEN)?;
    check_csum(bytes, &rules)?;
    // A copy that was moved, or a superblock that a file happens to hold,
    // says another place.
    let bytenr = le64(bytes, 0x30);
    rules.check(bytenr == at, "place", 0x30, bytenr, at)?;
    geometry(bytes, &rules)?;

    let flags = le64(bytes, 0x38);
    let mut unknown_features = unknown_bits(le64(bytes, 0xbc), KNOWN_INCOMPAT, REFUSED_INCOMPAT);
    if flags & FLAGS_METADUMP != 0 {
        unknown_features.push("metadump".to_owned());
    }
    let log = if le64(bytes, 0x60) == 0 {
        LogState::Clean
    } else {
        LogState::NeedsReplay { live_bytes: None }
    };
    let mut found = Found::filesystem(Format::Btrfs, le64(bytes, 0x70), le32(bytes, 0x90));
    // dev_item.total_bytes: this device's share.
    found.claims = le64(bytes, 0xd1);
    found.generation = le64(bytes, 0x48);
    found.superblock.uuid = Some(uuid(bytes, 0x20));
    found.superblock.label = Text::from_field(field(bytes, 0x12b, 256));
    found.superblock.unknown_features = unknown_features;
    let part = Part {
        number: le64(bytes, 0xc9),
        uuid: Some(uuid(bytes, 0x10b)),
        size: found.claims,
        generation: found.generation,
        seed: flags & FLAG_SEEDING != 0,
    };
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.log = log;
        filesystem.devices = le64(bytes, 0x88);
        filesystem.part = Some(part);
        filesystem.errors = flags & FLAG_ERROR != 0;
    }
    Ok(found)
}

fn check_csum(bytes: &[u8], rules: &Rules) -> Result<(), Refused> {
    let body = field(bytes, CSUM_SIZE, LEN.saturating_sub(CSUM_SIZE));
    let csum_type = le16(bytes, 0xc4);
    let computed = match csum_type {
        0 => crc32c(body).to_le_bytes().to_vec(),
        1 => twox_hash::XxHash64::oneshot(0, body).to_le_bytes().to_vec(),
        2 => Sha256::digest(body).to_vec(),
        3 => Blake2b::<U32>::digest(body).to_vec(),
        _ => Vec::new(),
    };
    rules.check(
        !computed.is_empty(),
        "checksum-type",
        0xc4,
        csum_type,
        "0 (crc32c), 1 (xxhash64), 2 (sha256) or 3 (blake2b)",
    )?;
    let seen = field(bytes, 0, computed.len());
    rules.check(seen == computed, "checksum", 0, hex(seen), hex(&computed))
}

/// Every field that a later division, shift or allocation relies on.
fn geometry(bytes: &[u8], rules: &Rules) -> Result<(), Refused> {
    let power = |value: u32| value.is_power_of_two() && (4096..=65536).contains(&value);
    let (sectorsize, nodesize) = (le32(bytes, 0x90), le32(bytes, 0x94));
    rules.check(
        power(sectorsize),
        "sector-size",
        0x90,
        sectorsize,
        "a power of two, 4096 to 65536",
    )?;
    rules.check(
        power(nodesize) && nodesize >= sectorsize,
        "node-size",
        0x94,
        nodesize,
        format!("a power of two, {sectorsize} to 65536"),
    )?;
    let sys_chunk_array_size = le32(bytes, 0xa0);
    rules.check(
        sys_chunk_array_size <= SYS_CHUNK_ARRAY,
        "system-chunks",
        0xa0,
        sys_chunk_array_size,
        format!("at most {SYS_CHUNK_ARRAY}"),
    )?;
    for (rule, offset) in [
        ("root-level", 0xc6_usize),
        ("chunk-root-level", 0xc7),
        ("log-root-level", 0xc8),
    ] {
        let level = u8_at(bytes, offset);
        rules.check(
            level < MAX_LEVEL,
            rule,
            u64::try_from(offset).unwrap_or(0),
            level,
            format!("less than {MAX_LEVEL}"),
        )?;
    }
    let num_devices = le64(bytes, 0x88);
    rules.check(num_devices != 0, "devices", 0x88, num_devices, "at least 1")?;
    let total_bytes = le64(bytes, 0x70);
    rules.check(total_bytes != 0, "size", 0x70, total_bytes, "more than 0")
}
