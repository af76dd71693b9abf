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
    let root = root_with(labels, 8 * MIB);
    for label in labels {
        labelled(label, &root.path().join("dev").join(label));
    }
    root
}

/// A root with devices of `size` bytes, whose nodes are yet to be made.
fn root_with(names: &[&str], size: u64) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("proc/sys/kernel/random/boot_id", "6c5f8a3e-boot\n");
    fs::create_dir_all(root.path().join("sys/class/block")).unwrap();
    fs::create_dir_all(root.path().join("dev")).unwrap();
    for (minor, label) in names.iter().enumerate() {
        let dir = format!("sys/devices/pci0000:00/virtio{minor}/block/{label}");
        write(&format!("{dir}/dev"), &format!("259:{minor}\n"));
        write(&format!("{dir}/size"), &format!("{}\n", size / 512));
        write(&format!("{dir}/ro"), "0\n");
        let link = root.path().join(format!("sys/class/block/{label}"));
        symlink(format!("../../../{dir}"), link).unwrap();
    }
    root
}

fn scan_of(root: &TempDir, deadline: Duration, reader: Option<Reader>) -> Facts {
    let options = Options {
        root: root.path().to_owned(),
        quiet: Duration::ZERO,
        silence: deadline,
        deadline: deadline.saturating_mul(4),
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
    (
        "spins",
        "the reader of ext4 used more than 10 s of CPU time",
    ),
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
    // Two rounds of sixteen, each within its deadline.
    assert!(started.elapsed() < Duration::from_secs(33));
    for (label, words) in VICES {
        let why = why(jailed.device(label).unwrap());
        // A busy machine has no such time to give before the deadline.
        let starved = *label == "spins" && why.starts_with(LATE);
        assert!(why.starts_with(words) || starved, "{label}: {why}");
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
fn a_reader_that_gets_on_has_more_time_but_not_for_ever() {
    let root = root_of(&["trickles", "never-ends"]);
    let facts = scan_of(&root, Duration::from_secs(1), Some(reader()));
    let empty = Look::Read {
        stores: Vec::new(),
        replayed: false,
    };
    assert_eq!(*look(facts.device("trickles").unwrap()), empty);
    let endless = facts.device("never-ends").unwrap();
    assert!(why(endless).starts_with(LATE), "{}", why(endless));
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

/// Size of the devices of the ZFS pools that are kept beside the tests of
/// their reader.
const ZFS: u64 = 64 * MIB;

fn zfs(name: &str) -> Vec<u8> {
    let path = format!("../tree/tests/images/pools/{name}.xz");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let output = Command::new("xz").arg("-dc").arg(path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// A disk with a partition for each image, which the kernel does not show.
fn hidden(images: &[Vec<u8>], path: &Path) {
    let file = fs::File::create(path).unwrap();
    let sectors: Vec<u64> = images
        .iter()
        .map(|image| u64::try_from(image.len()).unwrap() / 512)
        .collect();
    file.set_len(sectors.iter().sum::<u64>() * 512 + 2 * MIB)
        .unwrap();
    let mut script = "label: gpt\n".to_owned();
    let mut at = 2048;
    for (image, sectors) in images.iter().zip(&sectors) {
        script += &format!("start={at}, size={sectors}\n");
        std::os::unix::fs::FileExt::write_all_at(&file, image, at * 512).unwrap();
        at += sectors;
    }
    let mut sfdisk = Command::new("sfdisk")
        .args(["-q", "--no-tell-kernel"])
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = sfdisk.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, script.as_bytes()).unwrap();
    drop(stdin);
    assert!(sfdisk.wait().unwrap().success());
}

fn stores(look: &Look) -> Vec<&str> {
    match look {
        Look::Read { stores, .. } => stores.iter().map(|store| store.path.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pools_are_looked_into_through_the_jail_as_without_it() {
    let names = ["mirror1", "mirror0", "one", "raidz0", "raidz2"];
    let root = root_with(&names, ZFS);
    for name in names {
        fs::write(root.path().join("dev").join(name), zfs(name)).unwrap();
    }
    let jailed = scan_of(&root, Duration::from_secs(30), Some(reader()));
    let found: Vec<(Option<String>, Vec<&str>)> = jailed
        .pools
        .iter()
        .map(|pool| {
            (
                pool.name.as_ref().map(asl_facts::Text::printable),
                stores(&pool.look),
            )
        })
        .collect();
    let all = [
        ("two", vec!["/data", "/data/deep/.amduat-asl"]),
        ("one", vec!["/data/.asl"]),
        // Without one of its three.
        ("three", vec!["/data"]),
    ];
    for (name, paths) in all {
        let entry = (Some(name.to_owned()), paths);
        assert!(found.contains(&entry), "{name}: {found:?}");
    }
    assert_eq!(
        jailed.pools,
        scan_of(&root, Duration::from_secs(60), None).pools
    );
}

#[test]
fn a_pool_on_views_is_looked_into_through_the_jail_as_without_it() {
    let root = root_with(&["vda", "vdb"], ZFS * 2 + 2 * MIB);
    let dev = root.path().join("dev");
    hidden(&[zfs("raidz0"), zfs("raidz1")], &dev.join("vda"));
    hidden(&[zfs("raidz2")], &dev.join("vdb"));
    let file = fs::OpenOptions::new()
        .write(true)
        .open(dev.join("vdb"))
        .unwrap();
    file.set_len(ZFS * 2 + 2 * MIB).unwrap();
    let jailed = scan_of(&root, Duration::from_secs(30), Some(reader()));
    assert_eq!(jailed.pools, []);
    let [pool] = jailed.virtuals.pools.as_slice() else {
        panic!("{:?}", jailed.virtuals)
    };
    let mut devices: Vec<&str> = pool.members.iter().map(|m| m.device.as_str()).collect();
    devices.sort_unstable();
    assert_eq!(devices, ["vda:p1", "vda:p2", "vdb:p1"]);
    assert_eq!(stores(&pool.look), ["/data"]);
    let direct = scan_of(&root, Duration::from_secs(60), None);
    assert_eq!(jailed.virtuals, direct.virtuals);
}

#[test]
fn a_pool_of_which_too_little_is_here_or_something_twice_is_not_read() {
    let root = root_with(&["raidz1", "one", "clone"], ZFS);
    for (node, image) in [("raidz1", "raidz1"), ("one", "one"), ("clone", "one")] {
        fs::write(root.path().join("dev").join(node), zfs(image)).unwrap();
    }
    let jailed = scan_of(&root, Duration::from_secs(30), Some(reader()));
    let mut reasons: Vec<String> = jailed
        .pools
        .iter()
        .map(|pool| match &pool.look {
            Look::Unreadable { why } => why.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    reasons.sort();
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons[0], "clone and one claim one place in it");
    assert!(reasons[1].starts_with("missing: "), "{reasons:?}");
}

/// Two devices of a btrfs whose label is the vice of its reader.
fn btrfs_pool(root: &TempDir, label: &str, names: [&str; 2]) {
    let paths = names.map(|name| root.path().join("dev").join(name));
    for path in &paths {
        fs::File::create(path).unwrap().set_len(128 * MIB).unwrap();
    }
    let search = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("mkfs.btrfs")
        .args(["-q", "-d", "raid1", "-m", "raid1", "-L", label])
        .args(&paths)
        .env("PATH", format!("{search}:/usr/sbin:/sbin"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn each_vice_on_a_pool_is_a_fact_about_that_pool() {
    let vices = [
        ("panics", "the reader of btrfs panicked: "),
        ("waits", "the reader of btrfs gave no answer within "),
        (
            "eats",
            "the reader of btrfs used more than 256 MiB of memory",
        ),
        ("opens", "the reader of btrfs was killed by SIGSYS"),
    ];
    let labels: Vec<&str> = vices
        .iter()
        .map(|(label, _)| *label)
        .chain(["sound"])
        .collect();
    let names: Vec<[String; 2]> = labels
        .iter()
        .map(|label| ["a", "b"].map(|end| format!("{label}-{end}")))
        .collect();
    let all: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let root = root_with(&all, 128 * MIB);
    for (label, [a, b]) in labels.iter().zip(&names) {
        btrfs_pool(&root, label, [a, b]);
    }
    let jailed = scan_of(&root, Duration::from_secs(4), Some(reader()));
    let look = |label: &str| {
        let label = Some(asl_facts::Text::from(label));
        let pool = jailed.pools.iter().find(|pool| pool.name == label);
        pool.unwrap().look.clone()
    };
    for (label, words) in vices {
        let Look::Unreadable { why } = look(label) else {
            panic!("{label}: {:?}", look(label))
        };
        assert!(why.starts_with(words), "{label}: {why}");
    }
    assert_eq!(stores(&look("sound")), [""; 0]);
}

#[test]
fn views_are_looked_into_through_the_jail_as_without_it() {
    let image = |label: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        labelled(label, &path);
        fs::read(path).unwrap()
    };
    let tree = store_tree();
    let store = {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        let tree = tree.path().to_str().unwrap();
        mkfs(&["mke2fs", "-q", "-t", "ext4", "-d", tree], 8, &path);
        fs::read(path).unwrap()
    };
    let root = root_with(&["vda"], 26 * MIB);
    let images = [image("waits"), store, image("connects")];
    hidden(&images, &root.path().join("dev/vda"));
    let jailed = scan_of(&root, Duration::from_secs(4), Some(reader()));
    let view = |facts: &Facts, name: &str| {
        let mut views = facts.virtuals.devices.iter();
        views.find(|device| device.name == name).unwrap().clone()
    };
    assert!(why(&view(&jailed, "vda:p1")).starts_with(LATE));
    assert_eq!(why(&view(&jailed, "vda:p3")), SIGSYS);
    let direct = scan_of(&root, Duration::from_secs(60), None);
    let seen = view(&jailed, "vda:p2");
    assert_eq!(look(&seen).stores().len(), 1);
    // Reads and bytes too.
    assert_eq!(seen, view(&direct, "vda:p2"));
}
