//! What this crate says of real file systems, compared with libblkid.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

mod common;

use asl_facts::{Filesystem, Format, LogState, Outcome, Text};
use common::{Image, Make, run};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Rows: name, mkfs command, size in MiB, and the format that blkid says.
const ROWS: &[(&str, &[&str], u64)] = &[
    ("ext2", &["mke2fs", "-q", "-t", "ext2", "-L", "two"], 16),
    ("ext2-no-label", &["mke2fs", "-q", "-t", "ext2"], 16),
    (
        "ext2-rev0",
        &["mke2fs", "-q", "-t", "ext2", "-r", "0", "-O", "none"],
        16,
    ),
    (
        "ext2-block-4096",
        &["mke2fs", "-q", "-t", "ext2", "-b", "4096"],
        16,
    ),
    ("ext3", &["mke2fs", "-q", "-t", "ext3", "-L", "three"], 16),
    ("ext4", &["mke2fs", "-q", "-t", "ext4", "-L", "four"], 16),
    (
        "ext4-label-full",
        &["mke2fs", "-q", "-t", "ext4", "-L", "sixteen-bytes-ok"],
        16,
    ),
    (
        "ext4-label-blank",
        &["mke2fs", "-q", "-t", "ext4", "-L", "a b"],
        16,
    ),
    (
        "ext4-block-4096",
        &["mke2fs", "-q", "-t", "ext4", "-b", "4096"],
        16,
    ),
    (
        "ext4-no-journal",
        &["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal"],
        16,
    ),
    (
        "ext4-no-csum",
        &["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum"],
        16,
    ),
    (
        "ext4-32bit",
        &["mke2fs", "-q", "-t", "ext4", "-O", "^64bit"],
        16,
    ),
    (
        "ext4-bigalloc",
        &[
            "mke2fs", "-q", "-t", "ext4", "-O", "bigalloc", "-C", "16384",
        ],
        16,
    ),
    (
        "ext4-features",
        &[
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-O",
            "inline_data,casefold,encrypt,ea_inode,large_dir,metadata_csum_seed",
        ],
        16,
    ),
    ("xfs-5", &["mkfs.xfs", "-q", "-L", "five"], 320),
    ("xfs-5-no-label", &["mkfs.xfs", "-q"], 320),
    (
        "xfs-5-sector-4096",
        &["mkfs.xfs", "-q", "-s", "size=4096"],
        320,
    ),
    (
        "xfs-5-block-1024",
        &["mkfs.xfs", "-q", "-b", "size=1024"],
        320,
    ),
    (
        "xfs-4",
        &["mkfs.xfs", "-q", "-m", "crc=0", "-L", "four"],
        320,
    ),
    ("btrfs", &["mkfs.btrfs", "-q", "-L", "better"], 128),
    ("btrfs-no-label", &["mkfs.btrfs", "-q"], 128),
    (
        "btrfs-mixed",
        &["mkfs.btrfs", "-q", "--mixed", "-n", "4096"],
        128,
    ),
    (
        "btrfs-xxhash",
        &["mkfs.btrfs", "-q", "--csum", "xxhash"],
        128,
    ),
    (
        "btrfs-sha256",
        &["mkfs.btrfs", "-q", "--csum", "sha256"],
        128,
    ),
    (
        "btrfs-blake2",
        &["mkfs.btrfs", "-q", "--csum", "blake2"],
        128,
    ),
];

fn probe(path: &Path) -> (Format, Filesystem) {
    let mut signatures = asl_probe::probe(&Image::open(path)).unwrap();
    assert_eq!(signatures.len(), 1, "{}: {signatures:?}", path.display());
    let signature = signatures.remove(0);
    match signature.outcome {
        Outcome::Found(filesystem) => (signature.format, *filesystem),
        Outcome::Damaged(damage) => panic!("{}: {damage:?}", path.display()),
    }
}

/// `blkid -p`, one image a call: it stops at the first that it does not know.
fn blkid(path: &Path) -> BTreeMap<String, String> {
    let output = run("blkid", &["-p", "-o", "export", &path.to_string_lossy()]);
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once('='))
        // `export` quotes for a shell.
        .map(|(key, value)| (key.to_owned(), value.replace('\\', "")))
        .collect()
}

#[test]
fn type_uuid_label_and_block_size_are_those_of_blkid() {
    let dir = tempfile::tempdir().unwrap();
    for (name, command, mib) in ROWS {
        let path = Make { command, mib: *mib }.image(dir.path(), name);
        let (format, filesystem) = probe(&path);
        let expected = blkid(&path);
        let said = |key: &str| expected.get(key).map(String::as_str);
        assert_eq!(Some(format.name()), said("TYPE"), "{name}");
        assert_eq!(Some(filesystem.uuid.as_str()), said("UUID"), "{name}");
        assert_eq!(filesystem.label, said("LABEL").map(Text::from), "{name}");
        // For XFS blkid calls the sector BLOCK_SIZE; newer ones name both.
        let block_size = match format {
            Format::Xfs => said("FSBLOCKSIZE"),
            _ => said("FSBLOCKSIZE").or(said("BLOCK_SIZE")),
        };
        if let Some(block_size) = block_size {
            assert_eq!(filesystem.block_size.to_string(), block_size, "{name}");
        }
        if format != Format::Xfs && format != Format::Btrfs {
            assert_eq!(filesystem.version.as_deref(), said("VERSION"), "{name}");
        }
        assert_eq!(filesystem.log, LogState::Clean, "{name}");
        assert!(!filesystem.errors, "{name}");
        assert!(
            filesystem.unknown_features.is_empty(),
            "{name}: {filesystem:?}"
        );
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(
            filesystem.size <= size && filesystem.size > size / 2,
            "{name}"
        );
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn an_external_journal_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let command = &["mke2fs", "-q", "-O", "journal_dev", "-b", "4096"];
    let path = Make { command, mib: 16 }.image(dir.path(), "journal");
    assert_eq!(blkid(&path).get("TYPE").map(String::as_str), Some("jbd"));
    let (_, filesystem) = probe(&path);
    assert_eq!(filesystem.unknown_features, ["journal_dev"]);
}

#[test]
fn the_members_of_one_btrfs_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other");
    File::create(&other).unwrap().set_len(128 << 20).unwrap();
    let other_text = other.to_string_lossy().into_owned();
    let one = dir.path().join("one");
    File::create(&one).unwrap().set_len(128 << 20).unwrap();
    let output = run(
        "mkfs.btrfs",
        &[
            "-q",
            "-d",
            "raid1",
            "-m",
            "raid1",
            &one.to_string_lossy(),
            &other_text,
        ],
    );
    assert!(output.status.success());
    let (_, first) = probe(&one);
    let (_, second) = probe(&other);
    assert_eq!((first.devices, second.devices), (2, 2));
    assert_eq!(first.uuid, second.uuid);
}
