//! LUKS1: its fields against luksDump, and its rules.

use super::{container, damage, judge, luks_format, with};
use crate::harness::{Make, done, only, probe};
use asl_facts::Format;
use std::path::Path;
use std::sync::LazyLock;

const MAKE: Make = Make {
    command: luks_format!("luks1"),
    mib: 4,
};

static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    std::fs::read(MAKE.image(dir.path(), "image")).unwrap()
});

fn rule(at: usize, new: &[u8]) -> String {
    damage(judge("luks", &with(&IMAGE[..592], at, new))).rule
}

/// The value behind `key` in what luksDump prints.
fn dumped(dump: &str, key: &str) -> String {
    let line = dump.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap_or_else(|| panic!("{key}: {dump}"))
        .trim()
        .to_owned()
}

fn agrees_with_luks_dump(path: &Path) {
    let (format, superblock) = only(path);
    assert_eq!(format, Format::Luks);
    let ours = container(&superblock);
    let output = done("cryptsetup", &["luksDump", &path.to_string_lossy()]);
    let dump = String::from_utf8_lossy(&output.stdout);
    let field = |key: &str| dumped(&dump, key);
    assert_eq!(superblock.version, Some(field("Version:")));
    assert_eq!(superblock.uuid, Some(field("UUID:")));
    let cipher = format!("{}-{}", field("Cipher name:"), field("Cipher mode:"));
    assert_eq!(ours.algorithm, Some(cipher));
    assert_eq!(ours.key_bits.unwrap().to_string(), field("MK bits:"));
    let sectors: u64 = field("Payload offset:").parse().unwrap();
    assert_eq!(ours.data_offset.unwrap_or(0), sectors * 512);
    let enabled: Vec<String> = (0..8)
        .filter(|slot| field(&format!("Key Slot {slot}:")) == "ENABLED")
        .map(|slot| slot.to_string())
        .collect();
    let slots: Vec<String> = ours.keyslots.iter().map(|slot| slot.id.clone()).collect();
    assert_eq!(slots, enabled);
    assert!(ours.locked && ours.under_way.is_none());
}

#[test]
fn luks1_has_the_fields_that_luks_dump_prints() {
    let dir = tempfile::tempdir().unwrap();
    agrees_with_luks_dump(&MAKE.image(dir.path(), "plain"));
    let options = Make {
        command: luks_format!("luks1", "-c", "aes-cbc-plain64", "-s", "128", "-S", "7"),
        mib: 4,
    };
    agrees_with_luks_dump(&options.image(dir.path(), "options"));

    // All eight slots.
    let full = MAKE.image(dir.path(), "full");
    let key = dir.path().join("key");
    std::fs::write(&key, [0; 32]).unwrap();
    let (full_text, key) = (full.to_string_lossy(), key.to_string_lossy());
    for _ in 1..8 {
        let iterations = ["--pbkdf-force-iterations", "1000", "-q", "--key-file", &key];
        let args = [&["luksAddKey"], &iterations[..], &[&full_text, &key]].concat();
        done("cryptsetup", &args);
    }
    agrees_with_luks_dump(&full);
    assert_eq!(container(&only(&full).1).keyslots.len(), 8);
}

#[test]
fn a_header_without_its_payload_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let whole = MAKE.image(dir.path(), "whole");
    let backup = dir.path().join("backup");
    let (whole_text, backup_text) = (whole.to_string_lossy(), backup.to_string_lossy());
    let args = [
        "luksHeaderBackup",
        "-q",
        "--header-backup-file",
        &backup_text,
        &whole_text,
    ];
    done("cryptsetup", &args);
    assert_eq!(only(&backup), only(&whole));
    // Cut inside the key material.
    let bytes = std::fs::read(&backup).unwrap();
    let signatures = probe(&bytes[..bytes.len() - 64 * 1024].to_vec());
    assert!(signatures[0].superblock().is_none(), "{signatures:?}");

    // A payload offset of 0: the header is detached.
    let detached = with(&IMAGE, 104, &[0; 4]);
    let signatures = probe(&detached);
    let superblock = signatures[0].superblock().unwrap();
    assert_eq!(container(superblock).data_offset, None);
}

/// cryptsetup-reencrypt writes this magic before it starts; blkid and every
/// tool then see no LUKS until it is done.
#[test]
fn a_reencryption_that_was_not_ended_is_seen() {
    let image = with(&IMAGE, 4, &[0xde, 0xad]);
    let signatures = probe(&image);
    let superblock = signatures[0].superblock().unwrap();
    let under_way = container(superblock).under_way.as_deref();
    assert_eq!(under_way, Some("offline-reencrypt"));
}

#[test]
fn a_broken_field_is_named() {
    let slot = |number: usize, field: usize| 208 + 48 * number + field;
    for (at, new, expected) in [
        (6, &[0, 3][..], "version"),
        (6, &[0, 0], "version"),
        (8, &[0], "cipher-name"),
        (9, b"\n", "cipher-name"),
        (40, &[0], "cipher-mode"),
        (72, &[0xff], "hash-spec"),
        (168, &[0], "uuid"),
        (170, &[0x1b], "uuid"),
        (108, &[0; 4], "key-bytes"),
        (108, &[0xff; 4], "key-bytes"),
        (104, &[0, 0, 0, 9], "keyslot-area"),
        (slot(0, 0), &[0; 4], "keyslot-state"),
        (slot(7, 0), &[0xff; 4], "keyslot-state"),
        (slot(3, 44), &[0; 4], "stripes"),
        (slot(3, 40), &[0, 0, 0, 1], "keyslot-area"),
        (slot(3, 40), &[0xff; 4], "keyslot-area"),
        (slot(3, 40), &[0, 0, 0, 8], "keyslot-overlap"),
    ] {
        assert_eq!(rule(at, new), expected, "{at}: {new:?}");
    }
    assert_eq!(damage(judge("luks", &IMAGE[..591])).rule, "truncated");
}
