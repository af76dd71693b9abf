//! Reports and the commands that they come to.

// The allowance for tests in clippy.toml does not reach their helpers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use asl_activate::{PlanError, plan};
use asl_decide::{Report, Step};
use asl_facts::{Device, DeviceKind, Format, LiveUse, Use};
use common::{device, partition, report, step, with_store};

fn commands(report: &Report) -> Vec<String> {
    let plan = plan(report).unwrap();
    plan.actions.iter().map(ToString::to_string).collect()
}

fn disk(name: &str, devnum: &str) -> Device {
    device(name, DeviceKind::Disk, devnum, 1 << 30)
}

/// A store on the first of two partitions of one disk.
fn two_partitions(change: impl FnOnce(&mut Device, &mut Device)) -> Report {
    let store = with_store(partition("sda1", "sda", "8:1"), Format::Ext4, "u1", "/");
    let mut other = partition("sda2", "sda", "8:2");
    let mut whole = disk("sda", "8:0");
    change(&mut whole, &mut other);
    let steps = vec![step("/dev/sda1", Format::Ext4, "/")];
    report("b1", vec![whole, store, other], steps)
}

const MOUNT: &str = "mount -i -t ext4 -o ro,nodev,nosuid,noexec,noload /dev/sda1 /mnt/asl/local";

#[test]
fn partition_comes_before_its_disk_and_both_before_the_mount() {
    let report = two_partitions(|_, _| {});
    assert_eq!(
        commands(&report),
        [
            "blockdev --setro /dev/sda1",
            "blockdev --setro /dev/sda",
            "mkdir -p -m 0755 /mnt/asl/local",
            MOUNT,
        ]
    );
}

#[test]
fn disk_under_a_written_mount_swap_or_the_live_system_is_spared() {
    let mounted = Use::Mounted {
        target: "/home".to_owned(),
        read_only: false,
    };
    let cases: [(&str, Report); 4] = [
        (
            "mount",
            two_partitions(|_, other| other.uses.push(mounted.clone())),
        ),
        (
            "swap",
            two_partitions(|_, other| other.uses.push(Use::Swap)),
        ),
        (
            "live",
            two_partitions(|whole, _| whole.live = Some(LiveUse::Ancestor)),
        ),
        ("above", {
            // The written mount is on an LV on the other partition.
            let mut report = two_partitions(|_, _| {});
            let mut lv = device("dm-0", DeviceKind::Dm, "253:0", 1 << 20);
            lv.slaves.push("sda2".to_owned());
            lv.uses.push(mounted.clone());
            report.facts.devices.push(lv);
            report
        }),
    ];
    for (name, report) in cases {
        let commands = commands(&report);
        assert_eq!(commands[0], "blockdev --setro /dev/sda1", "{name}");
        assert!(
            !commands.contains(&"blockdev --setro /dev/sda".to_owned()),
            "{name}"
        );
        assert_eq!(commands.last().unwrap(), MOUNT, "{name}");
    }
}

#[test]
fn read_only_mount_on_the_disk_spares_nothing() {
    let report = two_partitions(|_, other| {
        other.uses.push(Use::Mounted {
            target: "/x".to_owned(),
            read_only: true,
        });
    });
    assert!(commands(&report).contains(&"blockdev --setro /dev/sda".to_owned()));
}

#[test]
fn array_that_is_there_is_protected_down_to_its_disks() {
    let mut md = with_store(
        device("md0", DeviceKind::Md, "9:0", 1 << 20),
        Format::Xfs,
        "u1",
        "/",
    );
    md.slaves = vec!["sda1".to_owned(), "sdb".to_owned()];
    let devices = vec![
        md,
        disk("sda", "8:0"),
        partition("sda1", "sda", "8:1"),
        disk("sdb", "8:16"),
    ];
    let commands = commands(&report(
        "b1",
        devices,
        vec![step("/dev/md0", Format::Xfs, "/")],
    ));
    let mut protected: Vec<_> = commands
        .iter()
        .filter_map(|command| command.strip_prefix("blockdev --setro "))
        .collect();
    assert_eq!(protected[0], "/dev/md0");
    protected.sort_unstable();
    assert_eq!(protected, ["/dev/md0", "/dev/sda", "/dev/sda1", "/dev/sdb"]);
    assert!(
        commands
            .last()
            .unwrap()
            .contains("-o ro,nodev,nosuid,noexec,norecovery,nouuid ")
    );
}

#[test]
fn store_below_the_root_is_mounted_aside_and_bound() {
    let store = with_store(disk("vdb", "252:16"), Format::Btrfs, "u1", "/a b/.asl");
    let steps = vec![step("/dev/vdb", Format::Btrfs, "/a b/.asl")];
    assert_eq!(
        commands(&report("b1", vec![store], steps)),
        [
            "blockdev --setro /dev/vdb",
            "mkdir -p -m 0700 /run/asl/fs",
            "mkdir -p -m 0700 /run/asl/fs/vdb",
            "mount -i -t btrfs -o ro,nodev,nosuid,noexec,rescue=nologreplay,subvolid=5 \
             /dev/vdb /run/asl/fs/vdb",
            "mkdir -p -m 0755 /mnt/asl/local",
            "mount --bind '/run/asl/fs/vdb/a b/.asl' /mnt/asl/local",
        ]
    );
}

#[test]
fn ext2_goes_to_its_own_driver_or_to_ext4_with_noload() {
    let store = with_store(disk("vdb", "252:16"), Format::Ext2, "u1", "/");
    for (driver, options, expected) in [
        ("ext2", "ro,nodev,nosuid,noexec", true),
        ("ext4", "ro,nodev,nosuid,noexec,noload", true),
        ("ext4", "ro,nodev,nosuid,noexec", false),
        ("ext3", "ro,nodev,nosuid,noexec,noload", false),
    ] {
        let step = Step::Mount {
            others: Vec::new(),
            node: "/dev/vdb".to_owned(),
            format: driver.to_owned(),
            options: options.split(',').map(str::to_owned).collect(),
            store_path: "/".to_owned(),
            target: "/mnt/asl/local".to_owned(),
            bind: false,
        };
        let plan = plan(&report("b1", vec![store.clone()], vec![step]));
        assert_eq!(plan.is_ok(), expected, "{driver} {options}");
    }
}

#[test]
fn step_that_could_write_or_lead_astray_is_refused() {
    type Change = fn(&mut Step);
    fn options(step: &mut Step) -> &mut Vec<String> {
        let Step::Mount { options, .. } = step else {
            panic!()
        };
        options
    }
    let cases: [(&str, Change); 9] = [
        ("`ro` is missing", |step| {
            options(step).retain(|option| option != "ro")
        }),
        ("`noload` is missing", |step| {
            options(step).retain(|option| option != "noload")
        }),
        ("`nodev` is missing", |step| {
            options(step).retain(|option| option != "nodev")
        }),
        ("allowed no longer", |step| {
            options(step).push("rw".to_owned())
        }),
        ("`ro,rw` is not allowed", |step| {
            options(step).push("ro,rw".to_owned())
        }),
        ("/dev/sdz: not in the facts", |step| {
            let Step::Mount { node, .. } = step else {
                panic!()
            };
            *node = "/dev/sdz".to_owned();
        }),
        ("no sound file system for xfs there", |step| {
            let Step::Mount { format, .. } = step else {
                panic!()
            };
            *format = "xfs".to_owned();
        }),
        ("no proven mount options for jfs", |step| {
            let Step::Mount { format, .. } = step else {
                panic!()
            };
            *format = "jfs".to_owned();
        }),
        ("path `/a/../../etc`", |step| {
            let Step::Mount { store_path, .. } = step else {
                panic!()
            };
            *store_path = "/a/../../etc".to_owned();
        }),
    ];
    for (expected, change) in cases {
        let mut report = two_partitions(|_, _| {});
        change(&mut report.decision.steps[0]);
        let error: PlanError = plan(&report).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn report_without_steps_is_an_empty_plan() {
    let plan = plan(&report("b1", Vec::new(), Vec::new())).unwrap();
    assert!(plan.actions.is_empty());
}
