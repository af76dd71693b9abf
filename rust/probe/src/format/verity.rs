//! The hash device of dm-verity.
//!
//! Place: one superblock of 512 bytes at the start of the hash device, where
//! veritysetup was not told to put it elsewhere or to leave it out; the hash
//! tree follows in the next hash block. Little endian. No checksum. Source:
//! cryptsetup's DMVerity specification, "Verity superblock format"; Linux
//! `Documentation/admin-guide/device-mapper/verity.rst` for the tree.

use crate::bytes::{le16, le32, le64, name, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::{Container, Content, Format};

const LEN: usize = 512;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "dm-verity",
    kind: Kind::Container,
    minimum: 512,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(0, b"verity\0\0")],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

/// `VERITY_MAX_HASH_TYPE`: 0 is Chrome OS, 1 the usual one.
const MAX_HASH_TYPE: u32 = 1;
/// `VERITY_BLOCK_SIZE_OK`.
const MIN_BLOCK_SIZE: u32 = 512;
const MAX_BLOCK_SIZE: u32 = 512 << 10;
const MAX_SALT_SIZE: u16 = 256;
/// `DM_VERITY_MAX_LEVELS`.
const MAX_LEVELS: usize = 63;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Verity,
        at,
    };
    rules.length(bytes, LEN)?;
    let version = le32(bytes, 8);
    rules.check(version == 1, "version", 8, version, 1)?;
    let hash_type = le32(bytes, 12);
    rules.check(
        hash_type <= MAX_HASH_TYPE,
        "hash-type",
        12,
        hash_type,
        format!("at most {MAX_HASH_TYPE}"),
    )?;
    let algorithm = name(bytes, 32, 32);
    rules.check(algorithm.is_some(), "algorithm", 32, "no name", "ASCII")?;
    let block_size = |rule: &str, at: usize, offset: u64| {
        let size = le32(bytes, at);
        rules.check(
            (MIN_BLOCK_SIZE..=MAX_BLOCK_SIZE).contains(&size) && size.is_power_of_two(),
            rule,
            offset,
            size,
            format!("a power of two, {MIN_BLOCK_SIZE} to {MAX_BLOCK_SIZE}"),
        )?;
        Ok(size)
    };
    let data_block_size = block_size("data-block-size", 64, 64)?;
    let hash_block_size = block_size("hash-block-size", 68, 68)?;
    let data_blocks = le64(bytes, 72);
    let data_size = data_blocks.checked_mul(u64::from(data_block_size));
    rules.check(
        data_size.is_some(),
        "data-blocks",
        72,
        data_blocks,
        "a size below 2^64",
    )?;
    let salt_size = le16(bytes, 80);
    rules.check(
        salt_size <= MAX_SALT_SIZE,
        "salt-size",
        80,
        salt_size,
        format!("at most {MAX_SALT_SIZE}"),
    )?;

    let blocks = algorithm
        .as_deref()
        .and_then(digest_size)
        .and_then(|digest| tree_blocks(data_blocks, hash_block_size, digest))
        .unwrap_or(0);
    // The superblock fills a block of its own.
    let size = blocks
        .saturating_add(1)
        .saturating_mul(u64::from(hash_block_size));
    let container = Container {
        // The data lies open on its own device; the root hash only vouches.
        locked: false,
        algorithm,
        key_bits: None,
        keyslots: Vec::new(),
        tokens: Vec::new(),
        subsystem: None,
        data_offset: None,
        data_size,
        sector_size: Some(data_block_size),
        generation: 0,
        under_way: None,
        suspended: false,
    };
    let mut found = Found::new(Format::Verity, size, Content::Container(container));
    found.superblock.uuid = Some(uuid(bytes, 16));
    found.superblock.version = Some(version.to_string());
    Ok(found)
}

/// Bytes of a hash; none for an algorithm that is not known here.
fn digest_size(algorithm: &str) -> Option<u32> {
    match algorithm {
        "md5" => Some(16),
        "sha1" | "rmd160" => Some(20),
        "sha224" | "sha3-224" => Some(28),
        "sha256" | "sha3-256" | "blake2s-256" | "sm3" => Some(32),
        "sha384" | "sha3-384" => Some(48),
        "sha512" | "sha3-512" | "blake2b-512" | "wp512" => Some(64),
        _ => None,
    }
}

/// Hash blocks of all levels. A block holds a power of two of hashes, in both
/// hash types.
fn tree_blocks(data_blocks: u64, hash_block_size: u32, digest: u32) -> Option<u64> {
    let fits = hash_block_size.checked_div(digest)?;
    let bits = fits.checked_ilog2().filter(|bits| *bits != 0)?;
    let per_block = 1_u64.checked_shl(bits)?;
    let mut blocks = 0_u64;
    let mut level = data_blocks;
    for _ in 0..MAX_LEVELS {
        if level <= 1 {
            break;
        }
        level = level.div_ceil(per_block);
        blocks = blocks.checked_add(level)?;
    }
    Some(blocks)
}
