//! Readers in children: sound ones say what they say without a child, and
//! each vice of a reader is a fact about its own device.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

use asl_facts::{Device, Facts, Look, Probe};
use asl_scan::jail::Reader;
use asl_scan::{Options, probe_path, probe_path_jailed, scan};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

fn reader() -> Reader {
    Reader::new(env!("CARGO_BIN_EXE_test-reader"), [""; 0])
}

/// Runs a tool over a new file of `mib` MiB; where it is missing, fails.
fn mkfs(command: &[&str], mib: u64, path: &Path) {
    fs::File::create(path).unwrap().set_len(mib * MIB).unwrap();
    let search = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(command[0])
        .args(&command[1..])
        .arg(path)
        .env("PATH", format!("{search}:/usr/sbin:/sbin"))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

fn labelled(label: &str, path: &Path) {
    mkfs(&["mke2fs", "-q", "-t", "ext4", "-L", label], 8, path);
}

/// A store to look for.
fn store_tree() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["blocks", "segments", "snapshots", "logs", "meta"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    let marker =
        "format = \"asl-store\"\nversion = 1\nuuid = \"0f0e0d0c-0b0a-4908-8706-050403020100\"\n";
    fs::write(dir.path().join("meta/store.toml"), marker).unwrap();
    dir
}

fn look(device: &Device) -> &Look {
    let signatures = device.probe.signatures();
    assert_eq!(signatures.len(), 1, "{}: {signatures:?}", device.name);
    &signatures[0].filesystem().unwrap().1.look
}

fn why(device: &Device) -> &str {
    match look(device) {
        Look::Unreadable { why } => why,
        other => panic!("{}: {other:?}", device.name),
    }
}

/// A root with a device for each label.
fn root_of(labels: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("proc/sys/kernel/random/boot_id", "6c5f8a3e-boot\n");
    fs::create_dir_all(root.path().join("sys/class/block")).unwrap();
    fs::create_dir_all(root.path().join("dev")).unwrap();
    for (minor, label) in labels.iter().enumerate() {
        let dir = format!("sys/devices/pci0000:00/virtio{minor}/block/{label}");
        write(&format!("{dir}/dev"), &format!("259:{minor}\n"));
        write(&format!("{dir}/size"), &format!("{}\n", 8 * MIB / 512));
        write(&format!("{dir}/ro"), "0\n");
        let link = root.path().join(format!("sys/class/block/{label}"));
        symlink(format!("../../../{dir}"), link).unwrap();
        labelled(label, &root.path().join("dev").join(label));
    }
    root
}

fn scan_of(root: &TempDir, deadline: Duration, reader: Option<Reader>) -> Facts {
    let options = Options {
        root: root.path().to_owned(),
        quiet: Duration::ZERO,
        deadline,
        reader,
        ..Options::default()
    };
    scan(&options).unwrap()
}

const LATE: &str = "the reader of ext4 gave no answer within ";
const SIGSYS: &str = "the reader of ext4 was killed by SIGSYS";

/// What the reader of each label does, and what is told of it.
const VICES: &[(&str, &str)] = &[
    ("panics", "the reader of ext4 panicked: "),
    ("aborts", "the reader of ext4 was killed by SIGABRT"),
    ("spins", LATE),
    ("waits", LATE),
    (
        "eats",
        "the reader of ext4 used more than 256 MiB of memory",
    ),
    (
        "recurses",
        "the reader of ext4 used more than 8 MiB of stack",
    ),
    ("opens", SIGSYS),
    ("writes", SIGSYS),
    ("writes-at", SIGSYS),
    ("starts", SIGSYS),
    ("connects", SIGSYS),
    ("lifts", SIGSYS),
    ("borrows", SIGSYS),
    (
        "babbles",
        "the reader of ext4 gave an answer of more than 1024 KiB",
    ),
    (
        "garbles",
        "the reader of ext4 gave an answer that is none: ",
    ),
    ("leaves", "the reader of ext4 ended with exit status: 7"),
];

#[test]
fn each_vice_is_a_fact_about_its_own_device() {
    let mut labels: Vec<&str> = VICES.iter().map(|(label, _)| *label).collect();
    labels.extend(["sound-a", "sound-z"]);
    let root = root_of(&labels);
    let bytes = |label| fs::read(root.path().join("dev").join(label)).unwrap();
    let before: Vec<Vec<u8>> = labels.iter().map(bytes).collect();
    let started = Instant::now();
    let jailed = scan_of(&root, Duration::from_secs(4), Some(reader()));
    // Two rounds of sixteen.
    assert!(started.elapsed() < Duration::from_secs(20));
    for (label, words) in VICES {
        let device = jailed.device(label).unwrap();
        assert!(why(device).starts_with(words), "{label}: {}", why(device));
    }
    let direct = scan_of(&root, Duration::from_secs(60), None);
    for label in ["sound-a", "sound-z"] {
        let empty = Look::Read {
            stores: Vec::new(),
            replayed: false,
        };
        assert_eq!(*look(jailed.device(label).unwrap()), empty);
        assert_eq!(jailed.device(label), direct.device(label));
    }
    let after: Vec<Vec<u8>> = labels.iter().map(bytes).collect();
    assert!(before == after, "a device was changed");
}

#[test]
fn a_hanging_reader_takes_no_signature_with_it() {
    let root = root_of(&["waits"]);
    let started = Instant::now();
    let facts = scan_of(&root, Duration::from_secs(2), Some(reader()));
    assert!(started.elapsed() < Duration::from_secs(4));
    let device = facts.device("waits").unwrap();
    assert!(matches!(device.probe, Probe::Read { .. }), "{device:?}");
    assert!(why(device).starts_with(LATE));
}

#[test]
fn real_file_systems_are_seen_through_the_jail_as_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let tree = store_tree();
    let tree = tree.path().to_str().unwrap();
    for (name, command, mib) in [
        ("ext2", &["mke2fs", "-q", "-t", "ext2", "-d", tree][..], 16),
        ("ext4", &["mke2fs", "-q", "-t", "ext4", "-d", tree], 64),
        ("xfs", &["mkfs.xfs", "-q"], 320),
        ("btrfs", &["mkfs.btrfs", "-q", "-r", tree], 128),
        ("vfat", &["mkfs.vfat"], 64),
    ] {
        let path = dir.path().join(name);
        mkfs(command, mib, &path);
        let jailed = probe_path_jailed(&path, &reader()).unwrap();
        let direct = probe_path(&path).unwrap();
        // Reads and bytes too: the child counts its own.
        assert_eq!(jailed, direct, "{name}");
        let stores = if command.contains(&tree) { 1 } else { 0 };
        assert_eq!(look(&jailed).stores().len(), stores, "{name}");
    }
}

#[test]
fn a_log_is_replayed_inside_the_jail() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dirty");
    labelled("dirty", &path);
    let block = dir.path().join("block");
    fs::write(&block, [0; 1024]).unwrap();
    let script = format!("jo -c -v 3\njw -b 7000 {}\njc\n", block.display());
    fs::write(dir.path().join("script"), script).unwrap();
    let output = Command::new("debugfs")
        .args(["-w", "-f"])
        .arg(dir.path().join("script"))
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let jailed = probe_path_jailed(&path, &reader()).unwrap();
    assert_eq!(jailed, probe_path(&path).unwrap());
    let replayed = Look::Read {
        stores: Vec::new(),
        replayed: true,
    };
    assert_eq!(*look(&jailed), replayed);
}

#[test]
fn a_missing_reader_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    labelled("sound", &path);
    let none = Reader::new(PathBuf::from("/nonexistent/reader"), [""; 0]);
    let device = probe_path_jailed(&path, &none).unwrap();
    assert!(why(&device).starts_with("the reader of ext4 could not be started: "));
}
