//! Stores inside real file systems, made without mounting any.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

mod exfat;
#[allow(dead_code, reason = "what seeds need is less than what fuzzing does")]
#[path = "../../../probe/tests/hostile/mod.rs"]
mod hostile;
mod make;
mod pools;
mod vfat;

use asl_facts::{Content, Evidence, Format, LogState, Look, Signature, Superblock};
use asl_probe::{Metered, ReadAt, probe};
use asl_tree::{Shared, look};
use make::{image, run};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const STORE_ID: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
const MARKER: &str =
    "format = \"asl-store\"\nversion = 1\nuuid = \"0f0e0d0c-0b0a-4908-8706-050403020100\"\n";
/// No test here needs more; a reader in a loop meets it.
const BUDGET: u64 = 1 << 30;

/// A store at `place` below a new directory.
fn tree_with_store(place: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join(place);
    for name in ["blocks", "segments", "snapshots", "logs", "meta"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("meta/store.toml"), MARKER).unwrap();
    dir
}

fn shared(bytes: Vec<u8>) -> Shared {
    Arc::new(Metered::new(bytes, BUDGET, Arc::default()))
}

fn superblock(dev: &Shared) -> (Format, Superblock) {
    let mut signatures: Vec<Signature> = probe(&**dev).unwrap().signatures;
    assert_eq!(signatures.len(), 1, "{signatures:?}");
    let signature = signatures.remove(0);
    let superblock = signature.superblock();
    let superblock = superblock.unwrap_or_else(|| panic!("{signature:?}"));
    (signature.format, superblock.clone())
}

fn look_at(bytes: Vec<u8>) -> Look {
    let dev = shared(bytes);
    let (format, superblock) = superblock(&dev);
    look(&dev, format, &superblock)
}

const FORMATS: &[(&str, u64)] = &[
    ("ext2", 16),
    ("ext3", 16),
    ("ext4", 16),
    ("xfs4", 320),
    ("xfs5", 320),
    ("btrfs", 128),
    ("fat12", 2),
    ("fat16", 16),
    ("fat32", 64),
    ("exfat", 8),
];

#[test]
fn a_store_is_read_in_every_format_at_every_place() {
    for place in ["", ".asl", "asl/domains/d1"] {
        let tree = tree_with_store(place);
        for (format, mib) in FORMATS {
            let look = look_at(image(format, *mib, tree.path()));
            let Look::Read { stores, replayed } = look else {
                panic!("{format}: {look:?}")
            };
            assert!(!replayed);
            assert_eq!(stores.len(), 1, "{format} {place}");
            assert_eq!(stores[0].path, format!("/{place}"));
            assert_eq!(stores[0].evidence, Evidence::Marker);
            assert_eq!(stores[0].id.as_deref(), Some(STORE_ID));
            assert_eq!(
                stores[0].entries,
                ["blocks", "logs", "meta", "segments", "snapshots"]
            );
        }
    }
}

/// The kernel, told not to replay, does not show what a crash left in the
/// journal; the reader must.
#[test]
fn what_only_the_journal_of_ext4_holds_is_seen() {
    let tree = tree_with_store("");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    fs::File::create(&path).unwrap().set_len(16 << 20).unwrap();
    let path_text = path.to_str().unwrap();
    let source = tree.path().to_str().unwrap();
    run(&["mke2fs", "-q", "-t", "ext4", "-d", source, path_text]);
    // The data of a file has no checksum, so it can be rewritten by hand.
    let marker = "blocks /meta/store.toml";
    let output = run(&["debugfs", "-R", marker, path_text]);
    let block: usize = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    let mut content = bytes[block * 1024..][..1024].to_vec();
    let digit = MARKER.find(STORE_ID).unwrap();
    content[digit] = b'f';
    let block_path = dir.path().join("block");
    fs::write(&block_path, &content).unwrap();
    assert_eq!(look_at(bytes).stores()[0].id.as_deref(), Some(STORE_ID));

    let commands = dir.path().join("commands");
    let write = format!("jo -c -v 3\njw -b {block} {}\njc\n", block_path.display());
    fs::write(&commands, write).unwrap();
    run(&["debugfs", "-w", "-f", commands.to_str().unwrap(), path_text]);
    let bytes = fs::read(&path).unwrap();
    assert_ne!(bytes[block * 1024 + digit], b'f');
    let dev = shared(bytes);
    let (format, superblock) = superblock(&dev);
    let log = superblock.filesystem().unwrap().log;
    assert_eq!(log, LogState::NeedsReplay { live_bytes: None });
    let look = look(&dev, format, &superblock);
    assert!(
        matches!(look, Look::Read { replayed: true, .. }),
        "{look:?}"
    );
    let id = look.stores()[0].id.clone().unwrap();
    assert_eq!(id, STORE_ID.replacen('0', "f", 1));
}

#[test]
fn what_is_not_understood_is_unreadable_by_name() {
    let tree = tree_with_store("");
    let dev = shared(image("ext4", 16, tree.path()));
    let (format, mut superblock) = superblock(&dev);
    superblock.unknown_features = vec!["0x80000000".to_owned()];
    let Look::Unreadable { why } = look(&dev, format, &superblock) else {
        panic!()
    };
    assert!(why.contains("0x80000000"));
    superblock.unknown_features.clear();
    let Content::Filesystem(filesystem) = &mut superblock.content else {
        panic!()
    };
    filesystem.devices = 2;
    assert!(matches!(
        look(&dev, format, &superblock),
        Look::Unreadable { .. }
    ));
}

/// An image with some bytes changed.
struct Patched {
    sound: Arc<Vec<u8>>,
    changes: Vec<(u64, u8)>,
}

impl ReadAt for Patched {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.sound.read_at(offset, buf)?;
        for (at, byte) in &self.changes {
            if let Some(place) = at
                .checked_sub(offset)
                .and_then(|index| buf[..count].get_mut(usize::try_from(index).unwrap()))
            {
                *place = *byte;
            }
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.sound.size()
    }
}

/// Random damage below a sound superblock: the readers may refuse or misread,
/// they may not take the process down or read without end.
#[test]
fn damaged_metadata_never_ends_more_than_the_look() {
    let tree = tree_with_store(".asl");
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for (format, mib) in FORMATS {
        // Only what is not zero can be metadata; the rest is unused.
        let sound = Arc::new(image(format, *mib, tree.path()));
        let used: Vec<u64> = (0..)
            .zip(sound.chunks(512))
            .filter(|(_, sector)| sector.iter().any(|byte| *byte != 0))
            .map(|(index, _)| index)
            .collect();
        let damaged = |changes| -> Shared {
            let sound = sound.clone();
            let dev = Patched { sound, changes };
            Arc::new(Metered::new(dev, BUDGET, Arc::default()))
        };
        let (format, superblock) = superblock(&damaged(Vec::new()));
        for round in 0..300 {
            let most = if round % 4 == 0 { 256 } else { 8 };
            let changes = (0..next() % most + 1)
                .map(|_| {
                    let sector = used[usize::try_from(next()).unwrap() % used.len()];
                    (sector * 512 + next() % 512, next().to_le_bytes()[0])
                })
                .collect();
            let look = look(&damaged(changes), format, &superblock);
            assert_ne!(look, Look::NotLooked);
        }
    }
}

/// An ENC/ASL-LOG/1 log of one record.
fn first_log() -> Vec<u8> {
    let mut bytes = b"ASLLOG01".to_vec();
    bytes.extend([1, 0, 0, 0, 24, 0, 0, 0]);
    bytes.extend([0; 8]);
    let mut record = 1_u64.to_le_bytes().to_vec();
    record.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    let hash = Sha256::new()
        .chain_update([0; 32])
        .chain_update(&record)
        .finalize();
    bytes.extend(record);
    bytes.extend(hash);
    bytes
}

/// What the readers read of a store in each format is what a fuzzer starts
/// from: it goes to `$ASL_FUZZ_SEEDS`.
#[test]
fn what_was_read_is_enough_to_read_it_again() {
    let tree = tree_with_store(".asl");
    let most = 4 << 20;
    for (format, mib) in FORMATS {
        let image = image(format, *mib, tree.path());
        let recorder = Arc::new(hostile::Recorder::new(image));
        let dev: Shared = recorder.clone();
        let (found, superblock) = superblock(&dev);
        let expected = look(&dev, found, &superblock);
        let seen = recorder.seen(most);
        let bytes = seen.to_bytes();
        if let Some(dir) = std::env::var_os("ASL_FUZZ_SEEDS") {
            let dir = Path::new(&dir).join("tree");
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join(format), &bytes).unwrap();
        }
        let again: Shared = Arc::new(hostile::Sparse::parse(&bytes));
        assert_eq!(look(&again, found, &superblock), expected, "{format}");
        assert_eq!(expected.stores().len(), 1, "{format}");
    }
}
