//! Scans of small root trees with real file systems as their devices.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

use asl_facts::{
    Device, DeviceKind, Evidence, Facts, Format, LiveUse, LogState, Look, Outcome, Probe, Text, Use,
};
use asl_scan::{Options, ScanError, probe_path, scan};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const STORE_ID: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
const MIB: u64 = 1 << 20;

/// A root with a sys, proc, dev and run of its own.
struct Root {
    dir: tempfile::TempDir,
    next_minor: std::cell::Cell<u32>,
}

impl Root {
    fn new() -> Self {
        let root = Self {
            dir: tempfile::tempdir().unwrap(),
            next_minor: std::cell::Cell::new(0),
        };
        root.write("proc/sys/kernel/random/boot_id", "6c5f8a3e-boot\n");
        root.write("proc/sys/kernel/osrelease", "6.12.0-test\n");
        root.write("proc/filesystems", "nodev\tsysfs\n\text4\n");
        root.write(
            "lib/modules/6.12.0-test/modules.alias",
            "alias fs-xfs xfs\nalias pci:v0 nvme\n",
        );
        root.write("proc/meminfo", "MemTotal:        1024 kB\n");
        fs::create_dir_all(root.path("sys/class/block")).unwrap();
        fs::create_dir_all(root.path("dev")).unwrap();
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A device `above/NAME` below sys/devices, of `size` bytes.
    fn device(&self, above: &str, name: &str, size: u64, attributes: &[(&str, &str)]) {
        let dir = format!("sys/devices/{above}/{name}");
        let minor = self.next_minor.get();
        self.next_minor.set(minor + 1);
        self.write(&format!("{dir}/dev"), &format!("259:{minor}\n"));
        self.write(&format!("{dir}/size"), &format!("{}\n", size / 512));
        self.write(&format!("{dir}/ro"), "0\n");
        for (attribute, value) in attributes {
            self.write(&format!("{dir}/{attribute}"), value);
        }
        let link = self.path(&format!("sys/class/block/{name}"));
        symlink(format!("../../devices/{above}/{name}"), link).unwrap();
    }

    /// A disk on a SATA port with its serial number.
    fn disk(&self, name: &str, size: u64, serial: &str) {
        let page = format!("\0\u{0}\0\u{14}{serial:>20}");
        self.device(
            "pci0000:00/ata1/block",
            name,
            size,
            &[
                ("device/model", "SOUND DISK      \n"),
                ("device/vpd_pg80", &page),
                ("device/wwid", &format!("naa.{serial}\n")),
                ("removable", "0\n"),
                ("queue/logical_block_size", "512\n"),
            ],
        );
    }

    fn partition(&self, disk: &str, number: u64, size: u64) {
        self.device(
            &format!("pci0000:00/ata1/block/{disk}"),
            &format!("{disk}{number}"),
            size,
            &[
                ("partition", &format!("{number}\n")),
                ("start", &format!("{}\n", number * 2048)),
                ("uevent", "DEVTYPE=partition\nPARTNAME=data\n"),
            ],
        );
    }

    fn node(&self, name: &str) -> PathBuf {
        self.path(&format!("dev/{name}"))
    }

    fn options(&self) -> Options {
        Options {
            root: self.dir.path().to_owned(),
            quiet: Duration::ZERO,
            silence: Duration::from_secs(60),
            deadline: Duration::from_secs(60),
            ..Options::default()
        }
    }

    fn scan(&self) -> Facts {
        scan(&self.options()).unwrap()
    }
}

/// Runs mkfs over a new file of `mib` MiB; where the tool is missing, says
/// what to install rather than pass.
fn mkfs(command: &[&str], mib: u64, path: &Path) {
    fs::File::create(path).unwrap().set_len(mib * MIB).unwrap();
    let search = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(command[0])
        .args(&command[1..])
        .arg(path)
        .env("PATH", format!("{search}:/usr/sbin:/sbin"))
        .output();
    let output = output.unwrap_or_else(|error| {
        let package = match command[0] {
            "mkfs.xfs" => "xfsprogs",
            "mkfs.btrfs" => "btrfs-progs",
            _ => "e2fsprogs",
        };
        panic!(
            "{}: {error}: install the Debian package {package}",
            command[0]
        )
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

/// A directory that holds a store.
fn store_tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["blocks", "segments", "snapshots", "logs", "meta"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    let marker = format!("format = \"asl-store\"\nversion = 1\nuuid = \"{STORE_ID}\"\n");
    fs::write(dir.path().join("meta/store.toml"), marker).unwrap();
    dir
}

fn ext4_with_store(path: &Path) {
    let tree = store_tree();
    let source = tree.path().to_string_lossy();
    mkfs(&["mke2fs", "-q", "-t", "ext4", "-d", &source], 16, path);
}

fn device<'a>(facts: &'a Facts, name: &str) -> &'a Device {
    facts.device(name).unwrap()
}

fn look<'a>(facts: &'a Facts, name: &str) -> &'a Look {
    let signatures = device(facts, name).probe.signatures();
    assert_eq!(signatures.len(), 1, "{name}: {signatures:?}");
    &signatures[0].filesystem().unwrap().1.look
}

fn skipped(facts: &Facts, name: &str) -> Option<String> {
    match &device(facts, name).probe {
        Probe::Skipped { why } => Some(why.clone()),
        _ => None,
    }
}

#[test]
fn a_store_on_a_partition_is_found_with_everything_that_names_its_disk() {
    let root = Root::new();
    root.disk("sda", 64 * MIB, "S1");
    root.partition("sda", 1, 16 * MIB);
    fs::File::create(root.node("sda"))
        .unwrap()
        .set_len(64 * MIB)
        .unwrap();
    ext4_with_store(&root.node("sda1"));
    root.write(
        "proc/self/mountinfo",
        "20 1 259:1 / /mnt/a\\040b rw,relatime shared:1 - ext4 /dev/sda1 ro\n",
    );
    root.write("proc/swaps", "Filename Type Size Used Priority\n");
    let facts = root.scan();

    assert_eq!(facts.boot_id, "6c5f8a3e-boot");
    assert_eq!(facts.system.filesystems, ["ext4", "sysfs", "xfs"]);
    assert_eq!(facts.system.memory_bytes, MIB);
    let names: Vec<&str> = facts.devices.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["sda", "sda1"]);

    let partition = device(&facts, "sda1");
    assert_eq!(partition.kind, DeviceKind::Partition);
    assert_eq!(partition.parent.as_deref(), Some("sda"));
    assert_eq!(partition.size, 16 * MIB);
    assert_eq!(partition.partition.as_ref().unwrap().start, MIB);
    assert_eq!(partition.identity.serial, Some(Text::from("S1")));
    assert_eq!(partition.identity.model, Some(Text::from("SOUND DISK")));
    assert_eq!(partition.identity.transport.as_deref(), Some("sata"));
    assert_eq!(
        partition.uses,
        [Use::Mounted {
            target: "/mnt/a b".to_owned(),
            read_only: true
        }]
    );
    let Look::Read { stores, replayed } = look(&facts, "sda1") else {
        panic!("{facts:?}")
    };
    assert!(!replayed);
    assert_eq!(stores.len(), 1);
    assert_eq!(stores[0].path, "/");
    assert_eq!(stores[0].evidence, Evidence::Marker);
    assert_eq!(stores[0].id.as_deref(), Some(STORE_ID));
}

#[test]
fn each_format_is_recognised_and_a_damaged_one_stands_beside_them() {
    let root = Root::new();
    for (name, command, mib) in [
        ("vda", &["mke2fs", "-q", "-t", "ext2"][..], 16),
        ("vdb", &["mkfs.xfs", "-q"], 320),
        ("vdc", &["mkfs.btrfs", "-q"], 128),
        ("vdd", &["mke2fs", "-q", "-t", "ext4"], 4),
        ("vde", &["mke2fs", "-q", "-t", "ext3"], 16),
    ] {
        mkfs(command, mib, &root.node(name));
        let above = "pci0000:00/virtio1/block";
        root.device(above, name, mib * MIB, &[("serial", "V1")]);
    }
    let mut damaged = fs::read(root.node("vdd")).unwrap();
    damaged[1024 + 0x78] = b'x';
    fs::write(root.node("vdd"), damaged).unwrap();
    let facts = root.scan();
    for (name, format) in [
        ("vda", Format::Ext2),
        ("vdb", Format::Xfs),
        ("vdc", Format::Btrfs),
        ("vde", Format::Ext3),
    ] {
        let signature = &device(&facts, name).probe.signatures()[0];
        assert_eq!(signature.format, format);
        assert_eq!(signature.filesystem().unwrap().1.log, LogState::Clean);
        let empty = Look::Read {
            stores: Vec::new(),
            replayed: false,
        };
        assert_eq!(*look(&facts, name), empty, "{name}");
    }
    let damaged = &device(&facts, "vdd").probe.signatures()[0];
    assert!(matches!(&damaged.outcome, Outcome::Damaged(damage) if damage.rule == "checksum"));
    let identity = &device(&facts, "vda").identity;
    assert_eq!(identity.transport.as_deref(), Some("virtio"));
    assert_eq!(identity.serial, Some(Text::from("V1")));
}

#[test]
fn the_live_medium_is_left_alone_and_its_sibling_is_read() {
    let root = Root::new();
    root.disk("sdb", 64 * MIB, "STICK");
    root.partition("sdb", 1, MIB);
    root.partition("sdb", 3, 16 * MIB);
    root.device(
        "virtual/block",
        "loop0",
        MIB,
        &[("loop/backing_file", "/run/archiso/bootmnt/airootfs.sfs\n")],
    );
    fs::File::create(root.node("sdb"))
        .unwrap()
        .set_len(64 * MIB)
        .unwrap();
    ext4_with_store(&root.node("sdb3"));
    root.write("run/archiso/used_block_devices", "/dev/sdb1\n");
    let facts = root.scan();
    assert_eq!(device(&facts, "sdb").live, Some(LiveUse::Ancestor));
    assert_eq!(device(&facts, "sdb1").live, Some(LiveUse::Medium));
    assert_eq!(device(&facts, "sdb3").live, None);
    assert_eq!(device(&facts, "loop0").live, Some(LiveUse::Medium));
    // They have no node at all: opening one would have failed.
    assert_eq!(skipped(&facts, "sdb1").as_deref(), Some("live"));
    assert_eq!(skipped(&facts, "loop0").as_deref(), Some("live"));
    assert_eq!(look(&facts, "sdb3").stores().len(), 1);
}

#[test]
fn what_cannot_hold_a_store_and_what_is_excluded_is_not_opened() {
    let root = Root::new();
    for name in ["ram0", "zram0", "fd0", "loop1"] {
        root.device("virtual/block", name, MIB, &[]);
    }
    root.device("pci0000:00/ata2/block", "sr0", 0, &[]);
    for (disk, serial) in [("sda", "DYING"), ("sdb", "ALSO"), ("sdc", "GOOD")] {
        root.disk(disk, MIB, serial);
    }
    root.partition("sda", 1, MIB);
    // An array over an excluded disk would read it.
    root.device(
        "virtual/block",
        "md0",
        MIB,
        &[
            ("md/level", "raid1\n"),
            ("slaves/sda1/dev", ""),
            ("slaves/sdc/dev", ""),
        ],
    );
    fs::File::create(root.node("sdc"))
        .unwrap()
        .set_len(MIB)
        .unwrap();
    let mut options = root.options();
    options.exclude = vec!["DYING".to_owned(), "naa.ALSO".to_owned()];
    let facts = scan(&options).unwrap();
    for (name, why) in [
        ("ram0", "memory"),
        ("zram0", "memory"),
        ("fd0", "floppy"),
        ("loop1", "unbound"),
        ("sr0", "empty"),
        ("sda", "excluded"),
        ("sda1", "excluded"),
        ("sdb", "excluded"),
        ("md0", "excluded"),
    ] {
        assert_eq!(skipped(&facts, name).as_deref(), Some(why), "{name}");
    }
    assert_eq!(device(&facts, "md0").kind, DeviceKind::Md);
    assert!(matches!(
        &device(&facts, "sdc").probe,
        Probe::Read { signatures, .. } if signatures.is_empty()
    ));
}

#[test]
fn a_device_without_a_node_has_failed_and_stops_nothing() {
    let root = Root::new();
    root.disk("sda", MIB, "GONE");
    root.disk("sdb", 16 * MIB, "THERE");
    ext4_with_store(&root.node("sdb"));
    let facts = root.scan();
    assert!(matches!(&device(&facts, "sda").probe, Probe::Failed(fault) if fault.offset.is_none()));
    assert_eq!(look(&facts, "sdb").stores().len(), 1);
}

#[test]
fn a_device_that_appears_in_the_quiet_time_is_read() {
    let root = Root::new();
    root.disk("sda", MIB, "EARLY");
    fs::File::create(root.node("sda"))
        .unwrap()
        .set_len(MIB)
        .unwrap();
    let mut options = root.options();
    options.quiet = Duration::from_millis(1500);
    let scanning = std::thread::spawn(move || scan(&options).unwrap());
    std::thread::sleep(Duration::from_millis(300));
    ext4_with_store(&root.node("sdb"));
    root.disk("sdb", 16 * MIB, "LATE");
    let facts = scanning.join().unwrap();
    assert_eq!(look(&facts, "sdb").stores().len(), 1);
}

#[test]
fn nothing_is_waited_for_where_udev_saw_the_last_device_long_ago() {
    let root = Root::new();
    root.disk("sda", MIB, "OLD");
    fs::File::create(root.node("sda"))
        .unwrap()
        .set_len(MIB)
        .unwrap();
    root.write("run/udev/data/b259:0", "S:disk/by-id/x\nI:1\n");
    let mut options = root.options();
    options.quiet = Duration::from_secs(2);
    let started = Instant::now();
    let facts = scan(&options).unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(facts.timing.ended_ms >= facts.timing.started_ms);
}

#[test]
fn what_is_skipped_does_not_make_the_disks_young_again() {
    let root = Root::new();
    root.disk("sda", MIB, "OLD");
    fs::File::create(root.node("sda"))
        .unwrap()
        .set_len(MIB)
        .unwrap();
    root.write("run/udev/data/b259:0", "I:1\n");
    // Nobody says since when these are there.
    root.device("virtual/block", "loop1", 0, &[]);
    root.device("virtual/block", "zram0", MIB, &[]);
    root.device("pci0000:00/ata2/block", "sr0", 0, &[]);
    let mut options = root.options();
    options.quiet = Duration::from_secs(20);
    let started = Instant::now();
    let facts = scan(&options).unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(facts.devices.len(), 4);
}

#[test]
fn disks_are_waited_for_where_there_are_none() {
    let root = Root::new();
    root.device("virtual/block", "loop1", 0, &[]);
    let mut options = root.options();
    options.quiet = Duration::from_millis(700);
    let started = Instant::now();
    scan(&options).unwrap();
    assert!(started.elapsed() >= options.quiet);
}

#[test]
fn the_settle_time_bounds_the_wait() {
    let root = Root::new();
    root.disk("sda", MIB, "S");
    let mut options = root.options();
    options.quiet = Duration::from_secs(60);
    options.settle = Duration::from_millis(200);
    let started = Instant::now();
    scan(&options).unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_root_without_sysfs_is_an_error_that_names_the_file() {
    let root = Root::new();
    fs::remove_dir(root.path("sys/class/block")).unwrap();
    let error = scan(&root.options()).unwrap_err().to_string();
    assert!(error.contains("sys/class/block: No such file"), "{error}");
}

#[test]
fn an_image_file_is_probed_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    ext4_with_store(&image);
    let before = fs::read(&image).unwrap();
    let device = probe_path(&image).unwrap();
    let signature = &device.probe.signatures()[0];
    assert_eq!(signature.filesystem().unwrap().1.look.stores().len(), 1);
    assert_eq!(fs::read(&image).unwrap(), before);
    assert!(matches!(
        probe_path(dir.path()),
        Err(ScanError::NotProbeable { .. })
    ));
    assert!(matches!(
        probe_path(&dir.path().join("none")),
        Err(ScanError::Io { .. })
    ));
}

#[test]
fn a_store_in_a_partition_that_the_kernel_does_not_show() {
    let root = Root::new();
    root.disk("sda", 20 * MIB, "D1");
    hidden_partition(&root.node("sda"));

    let facts = root.scan();
    let virtuals = &facts.virtuals.devices;
    assert_eq!(virtuals.len(), 1, "{virtuals:#?}");
    let partition = &virtuals[0];
    assert_eq!(partition.name, "sda:p1");
    assert_eq!(partition.kind, asl_facts::DeviceKind::Virtual);
    assert_eq!(partition.parent.as_deref(), Some("sda"));
    let look = &partition.probe.signatures()[0].filesystem().unwrap().1.look;
    assert_eq!(look.stores()[0].id.as_deref(), Some(STORE_ID));
    // What decisions are made from is as before.
    assert_eq!(facts.devices.len(), 1);
    assert!(facts.pools.is_empty());
}

#[test]
fn a_disk_over_the_network_says_so() {
    let root = Root::new();
    root.disk("nbd0", MIB, "N");
    root.disk("sda", MIB, "A");
    let facts = root.scan();
    let transport = |name| device(&facts, name).identity.transport.clone();
    assert_eq!(transport("nbd0").as_deref(), Some("nbd"));
    assert_ne!(transport("sda").as_deref(), Some("nbd"));
}

#[test]
fn an_explanation_ends_where_the_probe_does() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    ext4_with_store(&image);
    let explained = asl_scan::explain_path(&image).unwrap();
    let probed = probe_path(&image).unwrap();
    let offsets = |device: &asl_facts::Device| -> Vec<(asl_facts::Format, u64)> {
        let signatures = device.probe.signatures().iter();
        signatures.map(|s| (s.format, s.offset)).collect()
    };
    assert_eq!(offsets(&explained.device), offsets(&probed));
    assert_eq!(explained.reasons.len(), 1);
    let asl_facts::Probe::Read { reads, bytes, .. } = explained.device.probe else {
        panic!("{:?}", explained.device.probe);
    };
    let got: Vec<u64> = explained
        .steps
        .iter()
        .filter_map(|step| match step {
            asl_probe::Step::Read { got, .. } => *got,
            _ => None,
        })
        .collect();
    assert_eq!(u32::try_from(got.len()).unwrap(), reads);
    assert_eq!(got.iter().sum::<u64>(), bytes);
}

#[test]
fn only_what_changed_is_read_again() {
    let root = Root::new();
    root.disk("sda", 16 << 20, "A");
    root.disk("sdb", 16 << 20, "B");
    for name in ["sda", "sdb"] {
        mkfs(&["mke2fs", "-q", "-t", "ext4"], 16, &root.node(name));
    }
    let before = root.scan();
    for name in ["sda", "sdb"] {
        mkfs(&["mke2fs", "-q", "-F", "-t", "ext2"], 16, &root.node(name));
    }
    let touched = std::collections::BTreeSet::from(["sdb".to_owned()]);
    let after = asl_scan::rescan(&root.options(), &before, &touched).unwrap();
    assert_eq!(after.generation, before.generation + 1);
    assert_eq!(device(&after, "sda").probe, device(&before, "sda").probe);
    let format = |name| device(&after, name).probe.signatures()[0].format.name();
    assert_eq!((format("sda"), format("sdb")), ("ext4", "ext2"));

    // A new device needs no word of the kernel, one that left no answer.
    root.disk("sdc", 16 << 20, "C");
    mkfs(&["mke2fs", "-q", "-t", "ext3"], 16, &root.node("sdc"));
    fs::remove_file(root.path("sys/class/block/sda")).unwrap();
    let last = asl_scan::rescan(&root.options(), &after, &touched).unwrap();
    let names: Vec<&str> = last.devices.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["sdb", "sdc"]);
}

/// An ext4 with a store in a partition that the kernel does not show, at
/// `path`; 20 MiB.
fn hidden_partition(path: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("inside");
    ext4_with_store(&inside);
    fs::File::create(path).unwrap().set_len(20 * MIB).unwrap();
    let mut table = Command::new("sfdisk")
        .args(["-q".as_ref(), path.as_os_str()])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let script = b"label: gpt\nstart=2048, size=32768\n";
    std::io::Write::write_all(&mut table.stdin.take().unwrap(), script).unwrap();
    assert!(table.wait().unwrap().success());
    let disk = fs::OpenOptions::new().write(true).open(path).unwrap();
    let inside = fs::read(inside).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&disk, &inside, MIB).unwrap();
}

/// A mapping of a disk with a partition of its own, which is mounted, and a
/// mapping of somebody else over that partition.
fn mapped() -> Root {
    let root = Root::new();
    root.disk("sda", 20 * MIB, "D1");
    hidden_partition(&root.node("sda"));
    fs::create_dir_all(root.path("sys/class/block/sda/holders/dm-0")).unwrap();
    let virtuals = "virtual/block";
    let dm = [
        (
            "dm/name", "ours
",
        ),
        ("slaves/sda/dev", ""),
    ];
    root.device(virtuals, "dm-0", 20 * MIB, &dm);
    fs::copy(root.node("sda"), root.node("dm-0")).unwrap();
    let partition = [
        ("partition", "1\n"),
        ("start", "2048\n"),
        ("holders/dm-1/dev", ""),
    ];
    root.device(&format!("{virtuals}/dm-0"), "dm-0p1", 16 * MIB, &partition);
    ext4_with_store(&root.node("dm-0p1"));
    root.device(
        virtuals,
        "dm-1",
        16 * MIB,
        &[("dm/name", "theirs\n"), ("slaves/dm-0p1/dev", "")],
    );
    fs::copy(root.node("dm-0p1"), root.node("dm-1")).unwrap();
    root.write(
        "proc/self/mountinfo",
        "20 1 259:2 / /mnt/asl/local rw,relatime shared:1 - ext4 /dev/dm-0p1 ro\n",
    );
    root
}

#[test]
fn a_node_of_ours_is_not_seen_and_its_origin_is_seen_through_again() {
    let root = mapped();
    fs::remove_file(root.path("sys/class/block/dm-1")).unwrap();
    fs::remove_dir_all(root.path("sys/class/block/dm-0/dm-0p1/holders")).unwrap();
    let names = |facts: &Facts| -> Vec<String> {
        facts
            .devices
            .iter()
            .map(|device| device.name.clone())
            .collect()
    };
    let all = root.scan();
    assert_eq!(names(&all), ["dm-0", "dm-0p1", "sda"]);
    assert_eq!(device(&all, "dm-0p1").uses.len(), 1);
    assert_eq!(device(&all, "sda").holders, ["dm-0"]);
    // What holds it explains it.
    assert!(all.virtuals.devices.is_empty());

    let mut options = root.options();
    options.ours = vec!["dm-0".to_owned()];
    let without = scan(&options).unwrap();
    assert_eq!(names(&without), ["sda"]);
    assert_eq!(device(&without, "sda").holders, [""; 0]);
    assert!(without.devices.iter().all(|device| device.uses.is_empty()));
    let [view] = without.virtuals.devices.as_slice() else {
        panic!("{:?}", without.virtuals)
    };
    assert_eq!(view.name, "sda:p1");
    let signature = &view.probe.signatures()[0];
    assert_eq!(signature.filesystem().unwrap().1.look.stores().len(), 1);
    // A rescan that is told of it hides it too.
    let again = asl_scan::rescan(&options, &all, &std::collections::BTreeSet::new()).unwrap();
    assert_eq!(names(&again), ["sda"]);
    assert_eq!(again.virtuals, without.virtuals);
}

#[test]
fn what_others_put_on_a_node_of_ours_stands_on_its_origin() {
    let root = mapped();
    let mut options = root.options();
    options.ours = vec!["dm-0".to_owned()];
    let facts = scan(&options).unwrap();
    assert!(facts.device("dm-0").is_none() && facts.device("dm-0p1").is_none());
    assert_eq!(device(&facts, "dm-1").slaves, ["sda"]);
    assert_eq!(device(&facts, "sda").holders, ["dm-1"]);
}

#[test]
fn drivers_are_built_in_loaded_or_loadable_and_tools_are_programs() {
    let root = Root::new();
    let modules = "lib/modules/6.12.0-test";
    root.write(
        &format!("{modules}/modules.builtin"),
        "kernel/drivers/block/loop.ko\nkernel/drivers/md/md-mod.ko\nkernel/fs/nls/nls_utf8.ko\n",
    );
    root.write(
        &format!("{modules}/modules.dep"),
        "kernel/drivers/md/dm-crypt.ko.xz: kernel/drivers/md/dm-mod.ko.xz\n\
         kernel/drivers/md/dm-mod.ko.xz:\nkernel/fs/smb/client/cifs.ko.zst:\n\
         updates/dkms/zfs.ko: updates/dkms/spl.ko\nkernel/x/kvdo.ko:\n",
    );
    root.write(
        &format!("{modules}/modules.alias"),
        "alias fs-xfs xfs\nalias dm-vdo kvdo\nalias raid1 gone\n",
    );
    root.write(
        "proc/modules",
        "raid456 180224 1 - Live 0x0\ndm_mirror 1 0 - Live 0x0\n",
    );
    fs::create_dir_all(root.path("sys/module/fuse")).unwrap();
    let drivers = root.scan().system.drivers;
    assert_eq!(
        drivers,
        [
            "cifs",
            "dm_crypt",
            "dm_mirror",
            "dm_mod",
            "dm_vdo",
            "fuse",
            "loop",
            "md_mod",
            "raid456",
            "zfs"
        ]
    );
    // What is not loaded yet stays so.
    root.write("proc/sys/kernel/modules_disabled", "1\n");
    let facts = root.scan();
    assert_eq!(
        facts.system.drivers,
        ["dm_mirror", "fuse", "loop", "md_mod", "raid456"]
    );
    assert_eq!(facts.system.filesystems, ["ext4", "sysfs"]);

    let executable = |path: &str, mode| {
        root.write(path, "");
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(root.path(path), permissions).unwrap();
    };
    assert_eq!(facts.system.tools, [""; 0]);
    executable("usr/sbin/mdadm", 0o755);
    executable("usr/local/bin/zpool", 0o755);
    executable("usr/sbin/lvm", 0o644);
    executable("usr/games/btrfs", 0o755);
    fs::create_dir_all(root.path("usr/bin/losetup")).unwrap();
    symlink("../sbin/mdadm", root.path("usr/bin/cryptsetup")).unwrap();
    symlink("gone", root.path("usr/bin/sshfs")).unwrap();
    assert_eq!(root.scan().system.tools, ["cryptsetup", "mdadm", "zpool"]);
}
