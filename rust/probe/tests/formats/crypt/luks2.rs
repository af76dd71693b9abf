//! LUKS2: its fields against luksDump, and both headers.

use super::{container, damage, judge, luks_format, with};
use crate::harness::{Image, Make, done, only, probe};
use asl_facts::{Container, Damage, Format, Outcome, Signature, Superblock};
use asl_probe::{ReadAt, probe as probe_all};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub(super) const HDR: usize = 16 << 10;
const SMALL: Make = Make {
    command: luks_format!(
        "luks2",
        "--pbkdf",
        "pbkdf2",
        "--luks2-keyslots-size",
        "512k",
        "--offset",
        "2048",
        "--label",
        "one",
        "--subsystem",
        "two"
    ),
    mib: 2,
};

pub(super) static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    std::fs::read(SMALL.image(dir.path(), "image")).unwrap()
});

/// Makes the checksum of the header at `at` good again.
pub(super) fn resum(image: &mut [u8], at: usize) {
    let size = u64::from_be_bytes(image[at + 8..][..8].try_into().unwrap());
    let size = usize::try_from(size).unwrap();
    image[at + 448..][..64].fill(0);
    let csum = Sha256::digest(&image[at..][..size]);
    image[at + 448..][..32].copy_from_slice(&csum);
}

/// The header at `at` with other bytes in its binary part.
fn binary(image: &[u8], at: usize, offset: usize, new: &[u8]) -> Vec<u8> {
    let mut image = with(image, at + offset, new);
    resum(&mut image, at);
    image
}

/// The header at `at` with another text.
pub(super) fn text(image: &[u8], at: usize, text: &[u8]) -> Vec<u8> {
    let mut image = image.to_vec();
    image[at + 4096..at + HDR].fill(0);
    image[at + 4096..][..text.len()].copy_from_slice(text);
    resum(&mut image, at);
    image
}

fn metadata(image: &[u8]) -> Value {
    let area = &image[4096..HDR];
    let end = area.iter().position(|byte| *byte == 0).unwrap();
    serde_json::from_slice(&area[..end]).unwrap()
}

/// The primary header with changed metadata.
pub(super) fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut metadata = metadata(&IMAGE);
    change(&mut metadata);
    text(&IMAGE, 0, metadata.to_string().as_bytes())
}

pub(super) fn rule(image: &[u8]) -> String {
    damage(judge("luks", &image[..64 << 10])).rule
}

pub(super) fn signature(dev: &dyn ReadAt) -> Signature {
    let mut signatures = probe(dev);
    assert_eq!(signatures.len(), 1, "{signatures:?}");
    signatures.remove(0)
}

pub(super) fn sound(dev: &dyn ReadAt) -> Superblock {
    signature(dev).superblock().unwrap().clone()
}

pub(super) fn broken(signature: &Signature) -> &Damage {
    match &signature.outcome {
        Outcome::Damaged(damage) => damage,
        Outcome::Found(found) => panic!("found {found:?}"),
    }
}

/// Rules of the damaged copies, and where they lie.
pub(super) fn copies(superblock: &Superblock) -> Vec<(&str, u64)> {
    let copies = superblock.damaged_copies.iter();
    copies
        .map(|damage| (damage.rule.as_str(), damage.offset))
        .collect()
}

fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

/// Every field that both give.
fn agrees_with_luks_dump(path: &Path) -> Container {
    let (format, superblock) = only(path);
    assert_eq!(format, Format::Luks);
    let ours = container(&superblock).clone();
    let path = path.to_string_lossy();
    let output = done("cryptsetup", &["luksDump", "--dump-json-metadata", &path]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();

    let objects = |name: &str| {
        let mut objects: Vec<(u64, Value)> = json[name]
            .as_object()
            .unwrap()
            .iter()
            .map(|(id, object)| (id.parse().unwrap(), object.clone()))
            .collect();
        objects.sort_by_key(|(id, _)| *id);
        objects
    };
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let slots: Vec<_> = objects("keyslots")
        .into_iter()
        .map(|(id, slot)| {
            (
                id.to_string(),
                word(&slot["type"]),
                word(&slot["kdf"]["type"]),
            )
        })
        .collect();
    let our_slots: Vec<_> = ours
        .keyslots
        .iter()
        .map(|slot| (slot.id.clone(), Some(slot.kind.clone()), slot.kdf.clone()))
        .collect();
    assert_eq!(our_slots, slots);
    let tokens: Vec<_> = objects("tokens")
        .iter()
        .filter_map(|(_, token)| word(&token["type"]))
        .collect();
    assert_eq!(ours.tokens, tokens);

    let segments = objects("segments");
    let backup = |segment: &Value| segment["flags"].to_string().contains("backup-");
    let regular: Vec<&Value> = segments
        .iter()
        .map(|(_, segment)| segment)
        .filter(|segment| !backup(segment))
        .collect();
    let start = regular.iter().filter_map(|s| number(&s["offset"])).min();
    assert_eq!(ours.data_offset, start.filter(|start| *start != 0));
    let sizes = regular.iter().map(|segment| number(&segment["size"]));
    assert_eq!(ours.data_size, sizes.sum::<Option<u64>>());
    if regular[0]["type"] == "crypt" {
        assert_eq!(ours.algorithm, word(&regular[0]["encryption"]));
        let sector = regular[0]["sector_size"].as_u64();
        assert_eq!(ours.sector_size.map(u64::from), sector);
    }
    let bytes = json["keyslots"]["0"]["key_size"].as_u64();
    assert_eq!(ours.key_bits.map(u64::from), bytes.map(|bytes| bytes * 8));

    let output = done("cryptsetup", &["luksDump", &path]);
    let dump = String::from_utf8_lossy(&output.stdout);
    let epoch = dump.lines().find_map(|line| line.strip_prefix("Epoch:"));
    assert_eq!(ours.generation.to_string(), epoch.unwrap().trim());
    let mandatory = json["config"]["requirements"]["mandatory"].to_string();
    let online = ours.under_way.as_deref() == Some("online-reencrypt");
    assert_eq!(online, mandatory.contains("online-reencrypt"));
    ours
}

/// An image of `make`, and a file with its key.
fn image(dir: &Path, make: &Make) -> (PathBuf, String) {
    let key = dir.join("key");
    std::fs::write(&key, [0; 32]).unwrap();
    (make.image(dir, "image"), key.to_string_lossy().into_owned())
}

#[test]
fn the_fields_are_those_of_luks_dump() {
    const MAKES: &[Make] = &[
        SMALL,
        Make {
            command: luks_format!(
                "luks2",
                "--pbkdf",
                "argon2id",
                "--pbkdf-memory",
                "32",
                "--pbkdf-parallel",
                "1",
                "--pbkdf-force-iterations",
                "4"
            ),
            mib: 18,
        },
        Make {
            command: luks_format!(
                "luks2",
                "--pbkdf",
                "pbkdf2",
                "-c",
                "aes-cbc-essiv:sha256",
                "-s",
                "256",
                "--sector-size",
                "512",
                "-S",
                "0"
            ),
            mib: 18,
        },
        Make {
            command: luks_format!("luks2", "--pbkdf", "pbkdf2", "--luks2-metadata-size", "32k"),
            mib: 18,
        },
        Make {
            command: luks_format!("luks2", "--pbkdf", "pbkdf2", "--luks2-metadata-size", "1m"),
            mib: 24,
        },
    ];
    for make in MAKES {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = image(dir.path(), make);
        let ours = agrees_with_luks_dump(&path);
        assert!(ours.locked && !ours.suspended);
        assert_eq!(copies(&only(&path).1), []);
    }
}

#[test]
fn tokens_and_more_slots_are_those_of_luks_dump() {
    let dir = tempfile::tempdir().unwrap();
    let make = Make {
        command: luks_format!("luks2", "--pbkdf", "pbkdf2"),
        mib: 18,
    };
    let (path, key) = image(dir.path(), &make);
    let path_text = path.to_string_lossy();
    for slot in ["3", "31"] {
        done(
            "cryptsetup",
            &[
                "luksAddKey",
                "-q",
                "--pbkdf",
                "pbkdf2",
                "--pbkdf-force-iterations",
                "1000",
                "-S",
                slot,
                "--key-file",
                &key,
                &path_text,
                &key,
            ],
        );
    }
    done(
        "cryptsetup",
        &["token", "add", "--key-description", "k", &path_text],
    );
    let token = dir.path().join("token");
    std::fs::write(
        &token,
        r#"{"type":"clevis","keyslots":["3"],"jwe":{"a":[{}]}}"#,
    )
    .unwrap();
    let token = token.to_string_lossy();
    done(
        "cryptsetup",
        &["token", "import", "--json-file", &token, &path_text],
    );
    let ours = agrees_with_luks_dump(&path);
    assert_eq!(ours.tokens, ["luks2-keyring", "clevis"]);
    assert_eq!(ours.keyslots.len(), 3);
    // No key is left.
    done("cryptsetup", &["luksErase", "-q", &path_text]);
    assert_eq!(agrees_with_luks_dump(&path).keyslots, []);
}

#[test]
fn an_operation_under_way_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = image(dir.path(), &SMALL);
    let common = [
        "reencrypt",
        "-q",
        "--init-only",
        "--force-offline-reencrypt",
        "--key-file",
        &key,
        "--pbkdf",
        "pbkdf2",
        "--pbkdf-force-iterations",
        "1000",
    ];
    let reencrypt = |more: &[&str]| done("cryptsetup", &[&common[..], more].concat());
    reencrypt(&[&path.to_string_lossy()]);
    let ours = agrees_with_luks_dump(&path);
    assert_eq!(ours.under_way.as_deref(), Some("online-reencrypt"));
    assert!(ours.keyslots.iter().any(|slot| slot.kind == "reencrypt"));

    // First encryption, in place: linear segments, and the header at the
    // start of the device.
    let plain = dir.path().join("plain");
    std::fs::write(&plain, vec![7; 16 << 20]).unwrap();
    let plain_text = plain.to_string_lossy();
    reencrypt(&[
        "--encrypt",
        "--type",
        "luks2",
        "--reduce-device-size",
        "8M",
        &plain_text,
    ]);
    let ours = agrees_with_luks_dump(&plain);
    assert_eq!(ours.algorithm.as_deref(), Some("aes-xts-plain64"));
    assert_eq!(ours.data_size, Some(8 << 20));

    // Last decryption: the header moves to a file of its own.
    let (path, header) = (SMALL.image(dir.path(), "last"), dir.path().join("header"));
    let (path, header_text) = (path.to_string_lossy(), header.to_string_lossy());
    done(
        "cryptsetup",
        &[
            "reencrypt",
            "-q",
            "--init-only",
            "--force-offline-reencrypt",
            "--key-file",
            &key,
            "--decrypt",
            "--header",
            &header_text,
            &path,
        ],
    );
    assert_eq!(agrees_with_luks_dump(&header).data_offset, None);
}

#[test]
fn a_detached_header_claims_no_payload() {
    let dir = tempfile::tempdir().unwrap();
    let (header, data) = (dir.path().join("header"), dir.path().join("data"));
    std::fs::write(&data, vec![0; 1 << 20]).unwrap();
    std::fs::File::create(&header)
        .unwrap()
        .set_len(16 << 20)
        .unwrap();
    let format: &[&str] = luks_format!("luks2", "--pbkdf", "pbkdf2", "--header");
    let paths = [&header.to_string_lossy(), &data.to_string_lossy()].map(|p| p.to_string());
    let paths = paths.each_ref().map(String::as_str);
    done(format[0], &[&format[1..], &paths].concat());
    assert_eq!(agrees_with_luks_dump(&header).data_offset, None);
    let superblock = only(&header).1;
    assert_eq!(superblock.size, 16 << 20);

    // A backup ends where the payload would begin.
    let (path, backup) = (SMALL.image(dir.path(), "whole"), dir.path().join("backup"));
    let (path_text, backup_text) = (path.to_string_lossy(), backup.to_string_lossy());
    let args = [
        "luksHeaderBackup",
        "-q",
        "--header-backup-file",
        &backup_text,
        &path_text,
    ];
    done("cryptsetup", &args);
    assert_eq!(only(&backup), only(&path));
}

#[test]
fn the_other_header_stands_in_for_a_damaged_one() {
    let whole = sound(&*IMAGE);
    assert_eq!(copies(&whole), []);

    // A changed byte of the primary.
    let places = (264..480).step_by(7).chain((512..HDR).step_by(501));
    for at in [8, 16, 24, 256, HDR - 1].into_iter().chain(places) {
        let image = with(&IMAGE, at, &[!IMAGE[at]]);
        let signature = signature(&image);
        assert_eq!(signature.offset, HDR as u64, "{at}");
        let superblock = signature.superblock().unwrap();
        assert_eq!(superblock.uuid, whole.uuid);
        assert_eq!(superblock.content, whole.content);
        assert_eq!(copies(superblock).len(), 1);
    }
    // Of the secondary.
    for (at, rule) in [
        (0, "magic"),
        (8, "header-size"),
        (256, "place"),
        (5000, "checksum"),
        (HDR - 1, "checksum"),
    ] {
        let superblock = sound(&with(&IMAGE, HDR + at, &[0xa5]));
        assert_eq!(superblock.content, whole.content);
        assert_eq!(copies(&superblock)[0].0, rule, "{at}");
        assert!(superblock.damaged_copies[0].offset >= HDR as u64);
    }
    // Both.
    let both = with(&with(&IMAGE, 5000, b"?"), HDR + 5000, b"?");
    assert_eq!(broken(&signature(&both)).rule, "checksum");
    // The primary is gone.
    let zeroed = with(&IMAGE, 0, &[0; 4096]);
    let signature = signature(&zeroed);
    let damage = broken(&signature);
    assert_eq!(
        (damage.rule.as_str(), signature.offset),
        ("primary-missing", 0)
    );
    assert!(damage.expected.contains(whole.uuid.as_deref().unwrap()));
    assert!(
        damage.expected.starts_with("4c554b53babe"),
        "{}",
        damage.expected
    );
    // Both are.
    assert!(probe(&with(&zeroed, HDR, &[0; 4096])).is_empty());
}

#[test]
fn the_newer_header_is_believed() {
    let seqid = |image: &[u8], at: usize, seqid: u64| binary(image, at, 16, &seqid.to_be_bytes());
    let whole = sound(&*IMAGE);
    let old_second = sound(&seqid(&IMAGE, HDR, 1));
    assert_eq!(old_second.content, whole.content);
    assert_eq!(copies(&old_second), [("sequence", HDR as u64 + 16)]);

    let newer = binary(&seqid(&IMAGE, HDR, 77), HDR, 24, b"renamed");
    let superblock = sound(&newer);
    assert_eq!(container(&superblock).generation, 77);
    assert_eq!(superblock.label.clone().unwrap().printable(), "renamed");
    assert_eq!(copies(&superblock), [("sequence", 16)]);
    // A newer one that is damaged is none.
    let superblock = sound(&with(&newer, HDR + 5000, b"?"));
    assert_eq!(superblock.content, whole.content);
    assert_eq!(copies(&superblock)[0].0, "checksum");
}

#[test]
fn a_large_header_is_judged_by_further_reads() {
    for (size, mib) in [("128k", 18), ("4m", 32)] {
        let dir = tempfile::tempdir().unwrap();
        let command: &'static [&'static str] = match size {
            "128k" => luks_format!(
                "luks2",
                "--pbkdf",
                "pbkdf2",
                "--luks2-metadata-size",
                "128k"
            ),
            _ => luks_format!("luks2", "--pbkdf", "pbkdf2", "--luks2-metadata-size", "4m"),
        };
        let mut image = Image::open(&Make { command, mib }.image(dir.path(), "image"));
        let hdr: u64 = if size == "4m" { 4 << 20 } else { 128 << 10 };
        let whole = sound(&image);
        assert_eq!(copies(&whole), []);

        image.patch(5000, b"?");
        let superblock = sound(&image);
        assert_eq!(superblock.content, whole.content);
        assert_eq!(copies(&superblock), [("checksum", 448)]);
        // Both damaged: what the binary part says, and both damages.
        image.patch(hdr + 5000, b"?");
        let superblock = sound(&image);
        assert_eq!(superblock.uuid, whole.uuid);
        assert!(container(&superblock).keyslots.is_empty());
        assert_eq!(
            copies(&superblock),
            [("checksum", 448), ("checksum", hdr + 448)]
        );
        // A size that leads past the secondary.
        image.patches.clear();
        image.patch(8, &(hdr / 2).to_be_bytes());
        let superblock = sound(&image);
        assert_eq!(superblock.content, whole.content);
        // Zeroed: a secondary this far in is not looked for, and the device
        // does not pass for an empty one.
        image.patches = vec![(0, vec![0; 4096])];
        let probed = probe_all(&image).unwrap();
        assert!(probed.signatures.is_empty() && !probed.blank);
        // A bad sector in either.
        image.patches.clear();
        for at in [hdr - 512, hdr, hdr + 8192] {
            image.bad = Some(at..at + 512);
            let superblock = sound(&image);
            assert_eq!(superblock.content, whole.content);
            assert_eq!(copies(&superblock)[0].0, "unreadable");
        }
    }
}

#[test]
fn a_size_beyond_the_head_leads_back_to_the_secondary() {
    let image = with(&IMAGE, 8, &(1_u64 << 20).to_be_bytes());
    let superblock = sound(&image);
    assert_eq!(superblock.content, sound(&*IMAGE).content);
    assert_eq!(copies(&superblock).len(), 2);
}

#[test]
fn the_first_probe_costs_no_further_read() {
    struct Counting<'a>(&'a Vec<u8>, Cell<u32>);
    impl ReadAt for Counting<'_> {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            self.1.set(self.1.get() + 1);
            self.0.read_at(offset, buf)
        }
        fn size(&self) -> u64 {
            self.0.size()
        }
    }
    let counting = Counting(&IMAGE, Cell::new(0));
    assert_eq!(probe_all(&counting).unwrap().signatures.len(), 1);
    assert_eq!(counting.1.get(), 2);
}

#[test]
fn a_broken_field_is_named() {
    let one = |at: usize, new: &[u8]| rule(&binary(&IMAGE, 0, at, new));
    assert_eq!(one(6, &[0, 3]), "version");
    assert_eq!(one(72, b"sha1\0\0"), "checksum-type");
    assert_eq!(one(72, &[0]), "checksum-type");
    assert_eq!(one(168, &[0]), "uuid");
    assert_eq!(one(170, &[0x1b]), "uuid");
    assert_eq!(one(256, &[1]), "place");
    // These move where the checksum ends, so they are judged before it.
    let raw = |at: usize, new: &[u8]| rule(&with(&IMAGE, at, new));
    assert_eq!(raw(8, &[0; 8]), "header-size");
    assert_eq!(raw(8, &[0xff; 8]), "header-size");
    assert_eq!(raw(8, &(8_u64 << 20).to_be_bytes()), "header-size");
    assert_eq!(raw(14, &[0x41]), "header-size");
    assert_eq!(raw(24, b"x"), "checksum");
    assert_eq!(damage(judge("luks", &IMAGE[..4095])).rule, "truncated");
}

#[test]
fn another_hash_is_verified_too() {
    let mut image = with(&IMAGE, 72, b"sha512");
    image[448..512].fill(0);
    let csum = Sha512::digest(&image[..HDR]);
    let good = with(&image, 448, &csum);
    assert_eq!(sound(&good).content, sound(&*IMAGE).content);
    assert_eq!(rule(&with(&good, 511, &[csum[63] ^ 1])), "checksum");
}

#[test]
fn an_empty_device_costs_no_read_of_its_own() {
    struct Recording(Vec<u8>, RefCell<Vec<(u64, usize)>>);
    impl ReadAt for Recording {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            self.1.borrow_mut().push((offset, buf.len()));
            self.0.read_at(offset, buf)
        }
        fn size(&self) -> u64 {
            self.0.size()
        }
    }
    let recording = Recording(vec![0; 8 << 20], RefCell::default());
    assert!(probe_all(&recording).unwrap().blank);
    let reads = recording.1.into_inner();
    let secondary = |read: &&(u64, usize)| read.0.is_power_of_two() && read.1 == 4096;
    assert_eq!(reads.iter().filter(secondary).count(), 0, "{reads:?}");
}
