//! FAT: what the other formats do not have.

use crate::make::image;
use crate::{look_at, shared, superblock, tree_with_store};
use asl_facts::{Evidence, Look};
use asl_tree::look;
use std::fs;

/// `fat` at 0x0e: reserved sectors, of 512 bytes.
fn fat_at(bytes: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) * 512
}

/// DOS and many cameras write capitals only; the kernel finds them all the
/// same, and so the writer of a store does.
#[test]
fn a_store_in_capitals_is_one() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["BLOCKS", "INDEX", "LOGS"] {
        fs::create_dir_all(dir.path().join("ASL/DOMAINS/7").join(name)).unwrap();
    }
    let look = look_at(image("fat16", 16, dir.path()));
    let stores = look.stores();
    assert_eq!(stores.len(), 1, "{look:?}");
    assert_eq!(stores[0].path, "/asl/domains/7");
    assert_eq!(stores[0].evidence, Evidence::Layout);
    assert_eq!(stores[0].entries, ["blocks", "index", "logs"]);
}

#[test]
fn a_volume_that_was_not_unmounted_is_read_and_says_so() {
    let tree = tree_with_store("");
    let mut bytes = image("fat32", 64, tree.path());
    let fat_at = fat_at(&bytes);
    // Bit 27 of the second entry: cleanly unmounted.
    bytes[fat_at + 7] &= !0x08;
    let dev = shared(bytes);
    let (format, superblock) = superblock(&dev);
    assert!(superblock.filesystem().unwrap().errors);
    assert_eq!(look(&dev, format, &superblock).stores().len(), 1);
}

#[test]
fn more_entries_than_a_cluster_holds_follow_the_chain() {
    let tree = tree_with_store("");
    for number in 0..600 {
        let name = format!("a file with a long name {number}");
        fs::write(tree.path().join("logs").join(name), b"no log").unwrap();
    }
    fs::write(tree.path().join("meta/store.toml"), "none").unwrap();
    let log = crate::first_log();
    fs::write(tree.path().join("logs/~last"), log).unwrap();
    let look = look_at(image("fat16", 16, tree.path()));
    // Only the first 64 logs are tried, so this one is not.
    assert_eq!(look.stores()[0].evidence, Evidence::Layout);
    fs::write(tree.path().join("logs/!first"), crate::first_log()).unwrap();
    let look = look_at(image("fat16", 16, tree.path()));
    assert_eq!(look.stores()[0].evidence, Evidence::Log);
}

#[test]
fn a_directory_whose_chain_is_a_loop_is_unreadable() {
    let tree = tree_with_store("");
    // More than one cluster in the root, and no end in it.
    for number in 0..200 {
        fs::write(tree.path().join(format!("file {number}")), b"").unwrap();
    }
    let mut bytes = image("fat32", 64, tree.path());
    let root = fat_at(&bytes) + 8;
    bytes[root..root + 4].copy_from_slice(&2_u32.to_le_bytes());
    let Look::Unreadable { why } = look_at(bytes) else {
        panic!()
    };
    assert!(why.contains("bytes of a directory"), "{why}");
}
