//! dm-integrity and dm-verity.

use super::{container, damage, judge, with};
use crate::harness::{done, only, probe};
use asl_facts::Format;
use asl_probe::Decoded;
use std::path::Path;
use std::sync::LazyLock;

/// What the kernel writes for 4 bytes of tag on a device of 16 MiB, changed
/// by `change`: integritysetup needs device-mapper to make one.
pub(super) fn integrity(change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut image = vec![0; 16 << 20];
    image[..8].copy_from_slice(b"integrt\0");
    image[8] = 4;
    image[9] = 15;
    image[10..12].copy_from_slice(&4_u16.to_le_bytes());
    image[12..16].copy_from_slice(&3_u32.to_le_bytes());
    image[16..24].copy_from_slice(&31_744_u64.to_le_bytes());
    image[24..28].copy_from_slice(&8_u32.to_le_bytes());
    image[29] = 15;
    change(&mut image);
    image
}

fn integrity_rule(at: usize, new: &[u8]) -> String {
    let image = integrity(|image| image[at..][..new.len()].copy_from_slice(new));
    damage(judge("dm-integrity", &image[..512])).rule
}

/// The value behind `key` in what the tools print.
fn dumped(dump: &str, key: &str) -> String {
    let line = dump.lines().find_map(|line| line.trim().strip_prefix(key));
    let value = line.unwrap_or_else(|| panic!("{key}: {dump}"));
    value.split('[').next().unwrap().trim().to_owned()
}

fn agrees_with_integritysetup(path: &Path) {
    let output = done("integritysetup", &["dump", &path.to_string_lossy()]);
    let dump = String::from_utf8_lossy(&output.stdout);
    let (format, superblock) = only(path);
    assert_eq!(format, Format::Integrity);
    let ours = container(&superblock);
    assert_eq!(
        superblock.version,
        Some(dumped(&dump, "superblock_version"))
    );
    let sector = ours.sector_size.unwrap().to_string();
    assert_eq!(sector, dumped(&dump, "sector_size"));
    let sectors = ours.data_size.unwrap() / 512;
    assert_eq!(sectors.to_string(), dumped(&dump, "provided_data_sectors"));
    let flags = dumped(&dump, "flags");
    let recalculating = ours.under_way.as_deref() == Some("recalculating");
    assert_eq!(recalculating, flags.contains("recalculating"));
    let dirty = ours.under_way.as_deref() == Some("dirty-bitmap");
    assert_eq!(dirty, flags.contains("dirty_bitmap"));
    assert_eq!(ours.locked, flags.contains("mac"));
}

#[test]
fn integrity_has_the_fields_that_integritysetup_prints() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let flags = |version: u8, flags: u8| {
        move |image: &mut [u8]| {
            image[8] = version;
            image[24] = flags;
        }
    };
    for (version, bits) in [(1, 0), (2, 2), (3, 4), (4, 8), (5, 0x18), (5, 0x19)] {
        std::fs::write(&path, integrity(flags(version, bits))).unwrap();
        agrees_with_integritysetup(&path);
    }
    let blocks = integrity(|image| image[28] = 3);
    std::fs::write(&path, blocks).unwrap();
    agrees_with_integritysetup(&path);
}

#[test]
fn a_recalculation_that_came_to_the_end_is_over() {
    let state = |image: Vec<u8>| {
        let signatures = probe(&image);
        let ours = container(signatures[0].superblock().unwrap());
        ours.under_way.clone()
    };
    let at = |sector: u64| {
        integrity(move |image| {
            image[24] = 2;
            image[32..40].copy_from_slice(&sector.to_le_bytes());
        })
    };
    assert_eq!(state(at(31_743)).as_deref(), Some("recalculating"));
    assert_eq!(state(at(31_744)), None);
}

#[test]
fn data_on_another_device_is_not_claimed_of_this_one() {
    let image = integrity(|image| image[9] = 0);
    let signatures = probe(&image[..64 << 10].to_vec());
    let superblock = signatures[0].superblock().unwrap();
    assert_eq!(superblock.size, 4096);
    // With the data between the tags, the device is cut.
    let signatures = probe(&integrity(|_| {})[..64 << 10].to_vec());
    assert!(signatures[0].superblock().is_none());
}

#[test]
fn a_broken_field_of_integrity_is_named() {
    for (at, new, expected) in [
        (8, &[0][..], "version"),
        (8, &[7], "version"),
        (9, &[2], "interleave"),
        (9, &[32], "interleave"),
        (10, &[0, 0], "tag-size"),
        (10, &[0xff, 0xff], "tag-size"),
        (12, &[0; 4], "journal-sections"),
        (24, &[0x20], "journal-sections"),
        (28, &[4], "block-size"),
        (28, &[0xff], "block-size"),
        (16, &[0; 8], "data-sectors"),
        (16, &[0xff; 8], "data-sectors"),
    ] {
        assert_eq!(integrity_rule(at, new), expected, "{at}: {new:?}");
    }
    let image = integrity(|image| image[25] = 1);
    let signatures = probe(&image);
    let superblock = signatures[0].superblock().unwrap();
    assert_eq!(superblock.unknown_features, ["0x100"]);
}

static VERITY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    std::fs::read(verity(dir.path(), &[]).0).unwrap()
});

/// A hash device of 1 MiB of data, and what veritysetup printed.
fn verity(dir: &Path, options: &[&str]) -> (std::path::PathBuf, String) {
    let (data, hash) = (dir.join("data"), dir.join("hash"));
    std::fs::write(&data, vec![7; 1 << 20]).unwrap();
    let paths = [&data.to_string_lossy(), &hash.to_string_lossy()].map(|path| path.to_string());
    let paths = paths.each_ref().map(String::as_str);
    let output = done("veritysetup", &[&["format"], options, &paths].concat());
    (hash, String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn verity_has_the_fields_that_veritysetup_prints() {
    for options in [
        &[][..],
        &["--hash", "sha1"],
        &["--hash", "sha512", "--salt", "-"],
        &["--data-block-size", "512", "--hash-block-size", "1024"],
        &["--format", "0"],
        &["--data-blocks", "1"],
        &["--data-blocks", "129"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (path, dump) = verity(dir.path(), options);
        let (format, superblock) = only(&path);
        assert_eq!(format, Format::Verity);
        let ours = container(&superblock);
        assert_eq!(superblock.uuid, Some(dumped(&dump, "UUID:")));
        assert_eq!(ours.algorithm, Some(dumped(&dump, "Hash algorithm:")));
        let number = |key: &str| dumped(&dump, key).parse::<u64>().unwrap();
        let block = number("Data block size:");
        assert_eq!(ours.sector_size.map(u64::from), Some(block));
        assert_eq!(ours.data_size, Some(number("Data blocks:") * block));
        let blocks = number("Hash blocks:") + 1;
        assert_eq!(
            superblock.size,
            blocks * number("Hash block size:"),
            "{options:?}"
        );
        assert!(!ours.locked);
    }
}

#[test]
fn a_broken_field_of_verity_is_named() {
    let rule = |at: usize, new: &[u8]| damage(judge("dm-verity", &with(&VERITY, at, new))).rule;
    for (at, new, expected) in [
        (8, &[0][..], "version"),
        (8, &[2], "version"),
        (12, &[2], "hash-type"),
        (32, &[0], "algorithm"),
        (33, &[0xff], "algorithm"),
        (64, &[0; 4], "data-block-size"),
        (64, &[1], "data-block-size"),
        (68, &[0, 0, 16, 0], "hash-block-size"),
        (72, &[0xff; 8], "data-blocks"),
        (80, &[1, 1], "salt-size"),
    ] {
        assert_eq!(rule(at, new), expected, "{at}: {new:?}");
    }
}

#[test]
fn a_cut_hash_tree_is_damaged() {
    let cut = VERITY[..VERITY.len() - 512].to_vec();
    let signatures = probe(&cut);
    assert!(signatures[0].superblock().is_none());
}

#[test]
fn data_with_the_magic_of_another_is_absent() {
    let image = integrity(|image| image[7] = b'x');
    assert_eq!(judge("dm-integrity", &image[..512]), Decoded::Absent);
}
