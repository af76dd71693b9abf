//! SquashFS 4.
//!
//! Place: the superblock is the first 96 bytes; there is no copy. Little
//! endian. Checksum: none; the tables lie in a fixed order before the end, so
//! their offsets guard each other. Source: Linux
//! `fs/squashfs/squashfs_fs.h`, `struct squashfs_super_block`; bounds as
//! `squashfs_fill_super` has them. Versions before 4 differ in layout, and no
//! current kernel reads them.

use crate::bytes::{le16, le32, le64};
use crate::decoded::{Found, Refused, Rules};
use crate::row::{Kind, Place, Row};
use asl_facts::Format;

const LEN: usize = 96;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "squashfs",
    kind: Kind::Filesystem,
    minimum: 96,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(0, b"hsqs")],
    decode,
    copies: &[],
    orphans: false,
    complete: None,
}];

/// A block of metadata.
const METADATA: u64 = 8192;
/// zlib, lzma, lzo, xz, lz4, zstd.
const COMPRESSIONS: u16 = 6;
/// A table that is not there.
const NONE: u64 = u64::MAX;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Squashfs,
        at,
    };
    rules.length(bytes, LEN)?;
    let (s_major, s_minor) = (le16(bytes, 28), le16(bytes, 30));
    rules.check(
        (s_major, s_minor) == (4, 0),
        "version",
        28,
        format!("{s_major}.{s_minor}"),
        "4.0",
    )?;
    let (block_size, block_log) = (le32(bytes, 12), le16(bytes, 22));
    rules.check(
        (4096..=1 << 20).contains(&block_size)
            && 1_u32.checked_shl(u32::from(block_log)) == Some(block_size),
        "block-size",
        12,
        block_size,
        "a power of two, 4096 to 1048576, as block_log says",
    )?;
    let no_ids = le16(bytes, 26);
    rules.check(no_ids != 0, "ids", 26, no_ids, "at least 1")?;
    let root_inode = le64(bytes, 32);
    rules.check(
        root_inode & 0xffff <= METADATA,
        "root-inode",
        32,
        format!("{root_inode:#x}"),
        format!("at most {METADATA} in the lower 16 bits"),
    )?;
    let bytes_used = tables(bytes, &rules, root_inode >> 16)?;

    let mut found = Found::filesystem(Format::Squashfs, bytes_used, block_size);
    found.superblock.version = Some(format!("{s_major}.{s_minor}"));
    let compression = le16(bytes, 20);
    if !(1..=COMPRESSIONS).contains(&compression) {
        let unknown = format!("compression {compression}");
        found.superblock.unknown_features.push(unknown);
    }
    Ok(found)
}

/// Every table begins before the next one and the last before the end.
fn tables(bytes: &[u8], rules: &Rules, root_block: u64) -> Result<u64, Refused> {
    let bytes_used = le64(bytes, 40);
    rules.check(
        bytes_used >= 96,
        "bytes-used",
        40,
        bytes_used,
        "more than a superblock",
    )?;
    let order = [
        ("inode-table", 64_usize),
        ("directory-table", 72),
        ("fragment-table", 80),
        ("export-table", 88),
        ("id-table", 48),
        ("xattr-table", 56),
    ];
    let mut least = 96_u64;
    for (rule, offset) in order {
        let start = le64(bytes, offset);
        // Fragments, exports and extended attributes may be left out.
        if start == NONE && matches!(offset, 80 | 88 | 56) {
            continue;
        }
        rules.check(
            (least..bytes_used).contains(&start),
            rule,
            u64::try_from(offset).unwrap_or(0),
            start,
            format!("{least} to {bytes_used}"),
        )?;
        least = start;
    }
    let inode_table = le64(bytes, 72).saturating_sub(le64(bytes, 64));
    rules.check(
        root_block < inode_table,
        "root-inode",
        34,
        root_block,
        format!("in the {inode_table} bytes of the inode table"),
    )?;
    Ok(bytes_used)
}
