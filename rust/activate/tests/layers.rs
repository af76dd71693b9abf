//! Steps that make nodes, and the commands that they come to.

// The allowance for tests in clippy.toml does not reach their helpers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use asl_activate::{PlanError, plan};
use asl_decide::{Key, Report, Step};
use asl_facts::{Device, DeviceKind, Format, Pool, Probe, Text};
use asl_mode::Access;
use common::{device, report, step, with_store};
use serde_json::{Value, json};

const ARRAY: &str = "00112233-4455-6677-8899-aabbccddeeff";
const TARGET: &str = "/mnt/asl/local";

fn commands(report: &Report) -> Vec<String> {
    let plan = plan(report).unwrap();
    plan.actions.iter().map(ToString::to_string).collect()
}

fn refusal(report: &Report) -> String {
    plan(report).unwrap_err().to_string()
}

/// A disk with one sound signature of this content.
fn holding(name: &str, devnum: &str, format: &str, uuid: &str, content: Value) -> Device {
    let mut disk = device(name, DeviceKind::Disk, devnum, 1 << 30);
    let signature = json!({
        "format": format, "offset": 4096, "standing": { "state": "content" },
        "outcome": { "found": {
            "uuid": uuid, "label": null, "version": null, "size": 0,
            "unknown_features": [], "damaged_copies": [], "content": content,
        }},
    });
    let Probe::Read { signatures, .. } = &mut disk.probe else {
        panic!()
    };
    signatures.push(serde_json::from_value(signature).unwrap());
    disk
}

fn raid(name: &str, devnum: &str, level: &str, bitmap: bool) -> Device {
    let content = json!({
        "is": "raid", "array": ARRAY, "name": null, "level": level, "layout": 0, "chunk": 0,
        "raid_disks": 2, "role": { "active": 0 }, "slots": [], "events": 1, "updated": 1,
        "clean": true, "data_offset": 0, "data_size": 0, "rebuilt": null, "replacement": false,
        "bad_blocks": [], "devnum": null, "reshape": null, "bitmap": bitmap, "journal": false,
        "disks": [], "volumes": [],
    });
    holding(name, devnum, "md", name, content)
}

fn physical(name: &str, devnum: &str) -> Device {
    let content = json!({
        "is": "physical-volume", "areas": [], "data_offset": 0, "used": true, "group": {
            "id": "G-1", "name": "g", "seqno": 1, "system_id": null, "lock_type": null,
            "status": [], "extent_size": 0, "physical": [], "logical": [],
        },
    });
    holding(name, devnum, "lvm2", name, content)
}

fn pool(format: &str, id: &str, level: Option<&str>, volumes: &Value) -> Pool {
    serde_json::from_value(json!({
        "format": format, "id": id, "name": null, "level": level, "members": [], "expected": 2,
        "missing": [], "health": "complete", "flags": [], "generation": 1, "host": null,
        "active": [], "volumes": volumes,
    }))
    .unwrap()
}

/// What is seen through an array or volume: an ext4 with a store.
fn view(name: &str, id: &str) -> Device {
    let mut view = device(name, DeviceKind::Virtual, "", 1 << 20);
    view.node = String::new();
    view.identity.wwid = Some(Text::from(id));
    with_store(view, Format::Ext4, "u1", "/")
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn assemble(degraded: bool) -> Step {
    Step::Assemble {
        array: ARRAY.to_owned(),
        members: names(&["/dev/sda", "/dev/sdb"]),
        degraded,
        makes: "/dev/md127".to_owned(),
    }
}

/// An array of this level on two disks, mounted.
fn array(level: &str, bitmap: bool) -> Report {
    let disks = vec![
        raid("sda", "8:0", level, bitmap),
        raid("sdb", "8:16", level, bitmap),
    ];
    let steps = vec![assemble(false), step("/dev/md127", Format::Ext4, "/")];
    let mut report = report("b1", disks, steps);
    report.facts.pools = vec![pool("md", ARRAY, Some(level), &json!([]))];
    report.facts.virtuals.devices = vec![view("md:x", ARRAY)];
    report
}

const GUARD: [&str; 2] = ["blockdev --setro /dev/sda", "blockdev --setro /dev/sdb"];
const ASSEMBLE: &str = "mdadm --assemble /dev/md127 --config=none \
                        --uuid=00112233:44556677:8899aabb:ccddeeff";
const END: [&str; 3] = [
    "test -b /dev/md127 -a \"$(blkid -po value -s TYPE /dev/md127)\" = ext4 \
     -a \"$(blkid -po value -s UUID /dev/md127)\" = u1",
    "mkdir -p -m 0755 /mnt/asl/local",
    "mount -i -t ext4 -o ro,nodev,nosuid,noexec,noload /dev/md127 /mnt/asl/local",
];

fn with(all: &[&[&str]]) -> Vec<String> {
    all.iter().flat_map(|part| names(part)).collect()
}

#[test]
fn quiet_array_is_assembled_from_its_members() {
    let start = format!("{ASSEMBLE} --readonly /dev/sda /dev/sdb");
    let middle = [
        "modprobe -a md_mod raid1",
        &start,
        "blockdev --setro /dev/md127",
        "test -b /dev/md127 -a \"$(blockdev --getsize64 /dev/md127)\" = 1048576",
    ];
    assert_eq!(
        commands(&array("raid1", false)),
        with(&[&GUARD, &middle, &END])
    );
}

#[test]
fn array_that_writes_to_its_members_stands_on_snapshots() {
    for (level, bitmap) in [("raid1", true), ("raid5", false)] {
        let report = array(level, bitmap);
        let plan = plan(&report).unwrap();
        let commands: Vec<_> = plan.actions.iter().map(ToString::to_string).collect();
        let snapshot = [
            "mkdir -p -m 0700 /run/asl/cow",
            "truncate -s 16777216 /run/asl/cow/asl-cow-sda",
            "losetup --find /run/asl/cow/asl-cow-sda",
            "DM_DISABLE_UDEV=1 dmsetup create asl-cow-sda --table \
             \"0 $(blockdev --getsz /dev/sda) snapshot /dev/sda \
             $(losetup -nO NAME -j /run/asl/cow/asl-cow-sda) N 8\"",
        ];
        let at = commands.iter().position(|one| *one == snapshot[0]).unwrap();
        assert_eq!(commands[at..at + 4], snapshot);
        let start =
            format!("{ASSEMBLE} --readonly /dev/mapper/asl-cow-sda /dev/mapper/asl-cow-sdb");
        assert!(commands.contains(&start), "{commands:?}");
        assert!(commands.contains(&"modprobe -a loop dm_snapshot".to_owned()));
        assert_eq!(
            plan.snapshots,
            ["/dev/mapper/asl-cow-sda", "/dev/mapper/asl-cow-sdb"]
        );
        // A snapshot is for writing; the array is not.
        let guarded: Vec<_> = commands
            .iter()
            .filter(|one| one.contains("--setro"))
            .collect();
        assert_eq!(guarded, [GUARD[0], GUARD[1], "blockdev --setro /dev/md127"]);
    }
}

#[test]
fn degraded_array_alone_is_started_by_force() {
    let mut report = array("raid1", false);
    report.decision.steps[0] = assemble(true);
    let start = format!("{ASSEMBLE} --readonly --run /dev/sda /dev/sdb");
    assert!(commands(&report).contains(&start));
}

/// A volume of this kind on two disks, mounted.
fn volume(kind: &str) -> Report {
    let disks = vec![physical("sda", "8:0"), physical("sdb", "8:16")];
    let makes = "/dev/mapper/g-my--v".to_owned();
    let steps = vec![
        Step::ActivateVolume {
            group: "g".to_owned(),
            group_id: "G-1".to_owned(),
            volume: "my-v".to_owned(),
            members: names(&["/dev/sda", "/dev/sdb"]),
            makes: makes.clone(),
        },
        step(&makes, Format::Ext4, "/"),
    ];
    let mut report = report("b1", disks, steps);
    let volumes = json!([
        { "name": "my-v", "id": "V-1", "kind": kind, "size": 0, "health": "complete" }
    ]);
    report.facts.pools = vec![pool("lvm2", "G-1", None, &volumes)];
    report.facts.virtuals.devices = vec![
        view("g/my-v (G-2/V-2)", "G-2/V-2"),
        view("g/my-v (G-1/V-1)", "G-1/V-1"),
    ];
    report
}

fn lvchange(devices: &str) -> String {
    format!(
        "lvm lvchange -ay --ignoreactivationskip --devices {devices} --config 'activation{{udev_sync=0 udev_rules=0 \
         monitoring=0 read_only_volume_list=[\"g/my-v\"]}} backup{{backup=0 archive=0}} \
         devices{{hints=\"none\"}} global{{thin_check_executable=\"\"}}' g/my-v --activationmode complete"
    )
}

#[test]
fn volume_sees_its_own_disks_alone_and_is_read_only() {
    for kind in ["linear", "striped", "linear+striped"] {
        let commands = commands(&volume(kind));
        assert!(
            commands.contains(&lvchange("/dev/sda,/dev/sdb")),
            "{commands:?}"
        );
        assert!(commands.contains(&"blockdev --setro /dev/mapper/g-my--v".to_owned()));
        assert!(commands.contains(&"modprobe -a dm_mod".to_owned()));
    }
}

#[test]
fn volume_that_writes_when_it_starts_stands_on_snapshots() {
    let expected = lvchange("/dev/mapper/asl-cow-sda,/dev/mapper/asl-cow-sdb");
    for kind in ["raid1", "raid5_ls", "linear+raid1", ""] {
        let commands = commands(&volume(kind));
        assert!(commands.contains(&expected), "{kind}: {commands:?}");
    }
    let raid = commands(&volume("raid5_ls"));
    assert!(raid.contains(&"modprobe -a dm_mod dm_raid raid456".to_owned()));
    let thin = commands(&volume("thin"));
    assert!(thin.contains(&"modprobe -a dm_mod dm_thin_pool".to_owned()));
    // Its pool would be read-only too, which the kernel refuses.
    let unlisted = expected.replace(" read_only_volume_list=[\"g/my-v\"]", "");
    assert!(thin.contains(&unlisted), "{thin:?}");
    assert!(thin.contains(&"blockdev --setro /dev/mapper/g-my--v".to_owned()));
}

#[test]
fn name_that_could_be_read_as_something_else_is_refused() {
    type Change = fn(&mut Report);
    fn first(report: &mut Report) -> &mut Step {
        &mut report.decision.steps[0]
    }
    let changes: [(&str, Change); 4] = [
        ("`a\"] b`", |report| {
            if let Step::ActivateVolume { volume, .. } = first(report) {
                "a\"] b".clone_into(volume);
            }
        }),
        ("`-g`", |report| {
            if let Step::ActivateVolume { group, .. } = first(report) {
                "-g".clone_into(group);
            }
        }),
        ("`/dev/mapper/control`", |report| {
            if let Step::ActivateVolume { makes, .. } = first(report) {
                "/dev/mapper/control".clone_into(makes);
            }
        }),
        ("`/dev/sdc`", |report| {
            if let Step::ActivateVolume { makes, .. } = first(report) {
                "/dev/sdc".clone_into(makes);
            }
        }),
    ];
    for (expected, change) in changes {
        let mut report = volume("linear");
        change(&mut report);
        assert!(refusal(&report).contains(expected), "{}", refusal(&report));
    }
}

#[test]
fn member_of_something_else_is_refused() {
    let mut report = array("raid1", false);
    report.facts.devices[1] = physical("sdb", "8:16");
    assert_eq!(
        plan(&report).unwrap_err(),
        PlanError::NotAMember {
            node: "/dev/sdb".to_owned(),
            of: "md".to_owned()
        }
    );
    let mut report = volume("linear");
    if let Step::ActivateVolume { group_id, .. } = &mut report.decision.steps[0] {
        "G-2".clone_into(group_id);
    }
    assert!(refusal(&report).starts_with("/dev/sda: the facts do not show it"));
}

#[test]
fn log_is_replayed_into_a_snapshot_and_nowhere_else() {
    let store = with_store(
        device("sda", DeviceKind::Disk, "8:0", 1 << 20),
        Format::Xfs,
        "u1",
        "/",
    );
    let makes = "/dev/mapper/asl-cow-sda";
    let snapshot = |bytes| Step::Snapshot {
        node: "/dev/sda".to_owned(),
        bytes,
        makes: makes.to_owned(),
    };
    let mount = |options: &str| Step::Mount {
        node: makes.to_owned(),
        others: Vec::new(),
        format: "xfs".to_owned(),
        options: options.split(',').map(str::to_owned).collect(),
        store_path: "/".to_owned(),
        target: TARGET.to_owned(),
        bind: false,
    };
    let with_steps = |steps| report("b1", vec![store.clone()], steps);
    let good = with_steps(vec![
        snapshot(1 << 26),
        mount("ro,nouuid,nodev,nosuid,noexec"),
    ]);
    let made = plan(&good).unwrap();
    let commands: Vec<_> = made.actions.iter().map(ToString::to_string).collect();
    assert_eq!(commands[0], "blockdev --setro /dev/sda");
    assert_eq!(commands[3], "truncate -s 67108864 /run/asl/cow/asl-cow-sda");
    assert_eq!(
        commands.last().unwrap(),
        "mount -i -t xfs -o ro,nouuid,nodev,nosuid,noexec /dev/mapper/asl-cow-sda /mnt/asl/local"
    );
    assert_eq!(made.snapshots, [makes]);
    // Without replay it would show an old state, and writes are lost.
    for options in [
        "ro,norecovery,nouuid,nodev,nosuid,noexec",
        "rw,nouuid,nodev,nosuid,noexec",
        "ro,nodev,nosuid,noexec",
    ] {
        let mut bad = with_steps(vec![snapshot(1 << 26), mount(options)]);
        bad.decision.mode.access = Access::Rw;
        assert!(refusal(&bad).contains("option"), "{options}");
    }
    for bytes in [0, (256 << 20) + 1] {
        let bad = with_steps(vec![
            snapshot(bytes),
            mount("ro,nouuid,nodev,nosuid,noexec"),
        ]);
        assert!(refusal(&bad).contains("a snapshot of"), "{bytes}");
    }
}

#[test]
fn what_is_written_by_consent_is_not_guarded_and_all_else_is() {
    let mut report = array("raid1", true);
    let mut other = with_store(
        device("sdc", DeviceKind::Disk, "8:32", 1 << 20),
        Format::Ext4,
        "u2",
        "/",
    );
    other.node = "/dev/sdc".to_owned();
    report.facts.devices.push(other);
    let mut beside = step("/dev/sdc", Format::Ext4, "/");
    if let Step::Mount { target, .. } = &mut beside {
        "/mnt/asl/beside".clone_into(target);
    }
    report.decision.steps.push(beside);
    let rw = |report: &mut Report| {
        let Step::Mount { options, .. } = &mut report.decision.steps[1] else {
            panic!()
        };
        *options = names(&["rw", "nodev", "nosuid", "noexec"]);
    };
    rw(&mut report);
    // The step alone is no consent.
    assert!(refusal(&report).contains("allowed no longer"));
    report.decision.mode.access = Access::Rw;
    let made = plan(&report).unwrap();
    let commands: Vec<_> = made.actions.iter().map(ToString::to_string).collect();
    assert!(
        commands.contains(&format!("{ASSEMBLE} /dev/sda /dev/sdb")),
        "{commands:?}"
    );
    let guarded: Vec<_> = commands
        .iter()
        .filter(|one| one.contains("--setro"))
        .collect();
    assert_eq!(guarded, ["blockdev --setro /dev/sdc"]);
    let writable: Vec<_> = made.checks.iter().filter(|check| check.writable).collect();
    assert_eq!(writable.len(), 2);
    // Consent without a step that asks for it writes nothing.
    let mut report = array("raid1", false);
    report.decision.mode.access = Access::Rw;
    assert!(commands_of(&report).contains(&GUARD[0].to_owned()));
}

fn commands_of(report: &Report) -> Vec<String> {
    commands(report)
}

#[test]
fn container_is_unlocked_and_its_content_mounted_by_what_it_is() {
    let content = json!({
        "is": "container", "locked": true, "algorithm": null, "key_bits": null, "keyslots": [],
        "tokens": [], "subsystem": null, "data_offset": null, "data_size": null,
        "sector_size": null, "generation": 0, "under_way": null, "suspended": false,
    });
    let disk = holding("sda", "8:0", "luks", "c-1", content);
    let unlock = |key| Step::Unlock {
        node: "/dev/sda".to_owned(),
        format: Format::Luks,
        uuid: "c-1".to_owned(),
        key,
        makes: "/dev/mapper/asl-c-1".to_owned(),
    };
    let content = Step::MountContent {
        node: "/dev/mapper/asl-c-1".to_owned(),
        target: TARGET.to_owned(),
    };
    let with_key = |key| report("b1", vec![disk.clone()], vec![unlock(key), content.clone()]);
    let file = Key::File {
        path: "/keys/a b".to_owned(),
    };
    let commands = commands(&with_key(file));
    assert!(
        commands.contains(
            &"DM_DISABLE_UDEV=1 cryptsetup open --batch-mode --tries 1 \
              --disable-external-tokens --readonly --type luks --key-file '/keys/a b' /dev/sda \
              asl-c-1"
                .to_owned()
        ),
        "{commands:?}"
    );
    let prompt = commands_of(&with_key(Key::Prompt));
    let asked = prompt
        .iter()
        .find(|one| one.contains("systemd-ask-password"));
    assert!(
        asked
            .unwrap()
            .contains(" | DM_DISABLE_UDEV=1 cryptsetup open ")
    );
    assert!(asked.unwrap().contains("--key-file - /dev/sda"));
    let expect = &plan(&with_key(Key::Prompt)).unwrap().expect[0];
    assert!(expect.names.contains(&"blocks".to_owned()));
}

/// The file on an ext4, and what it holds, mounted.
fn image_file(host_target: &str, file: &str) -> Report {
    let disk = device("sda1", DeviceKind::Disk, "8:1", 1 << 30);
    let disk = with_store(disk, Format::Ext4, "u1", "/elsewhere");
    let mut host = step("/dev/sda1", Format::Ext4, "/");
    if let Step::Mount { target, .. } = &mut host {
        host_target.clone_into(target);
    }
    let attach = Step::Attach {
        file: file.to_owned(),
        makes: "/dev/loop64".to_owned(),
    };
    let content = Step::MountContent {
        node: "/dev/loop64".to_owned(),
        target: TARGET.to_owned(),
    };
    report("b1", vec![disk], vec![host, attach, content])
}

#[test]
fn image_file_is_attached_from_a_mount_that_root_alone_passes() {
    let private = "/run/asl/fs/image";
    let report = image_file(private, "/run/asl/fs/image/a b.img");
    assert_eq!(
        commands(&report),
        [
            "blockdev --setro /dev/sda1",
            "mkdir -p -m 0700 /run/asl/fs",
            "mkdir -p -m 0755 /run/asl/fs/image",
            "mount -i -t ext4 -o ro,nodev,nosuid,noexec,noload /dev/sda1 /run/asl/fs/image",
            "modprobe -a loop",
            "losetup --read-only /dev/loop64 '/run/asl/fs/image/a b.img'",
            "blockdev --setro /dev/loop64",
            "test -b /dev/loop64",
            "mkdir -p -m 0755 /mnt/asl/local",
            "mount -i -o ro,nodev,nosuid,noexec /dev/loop64 /mnt/asl/local # and what its type needs",
        ]
    );
    // The store is expected in the file, and not in what holds it.
    let expect = plan(&report).unwrap().expect;
    assert_eq!(expect.len(), 1);
    assert_eq!(expect[0].target, TARGET);
    assert!(expect[0].names.contains(&"blocks".to_owned()));
    // A link may not be followed, and a file elsewhere is not the disk's.
    for (file, expected) in [
        ("/run/asl/fs/image/../../mode", "without `..`"),
        ("/etc/image", "/etc/image: no step before mounts"),
        ("/run/asl/fs/image", "no step before mounts"),
        ("/run/asl/fs/image2/a", "no step before mounts"),
    ] {
        let refused = refusal(&image_file(private, file));
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn several_devices_of_a_btrfs_are_named_and_of_one_file_system() {
    let disk = |name, devnum, uuid| {
        let disk = device(name, DeviceKind::Disk, devnum, 1 << 30);
        with_store(disk, Format::Btrfs, uuid, "/")
    };
    let mount = |others: &[&str]| {
        let mut step = step("/dev/sda", Format::Btrfs, "/");
        if let Step::Mount { others: all, .. } = &mut step {
            *all = names(others);
        }
        vec![step]
    };
    let disks = vec![disk("sda", "8:0", "u1"), disk("sdb", "8:16", "u1")];
    let made = report("b1", disks.clone(), mount(&["/dev/sdb"]));
    let commands = commands(&made);
    assert_eq!(commands[..2], GUARD);
    assert!(
        commands
            .last()
            .unwrap()
            .contains("rescue=nologreplay,subvolid=5,device=/dev/sdb /dev/sda ")
    );
    assert_eq!(plan(&made).unwrap().checks.len(), 2);
    let mut strangers = disks;
    strangers[1] = disk("sdb", "8:16", "u2");
    let strangers = report("b1", strangers, mount(&["/dev/sdb"]));
    assert!(
        refusal(&strangers).starts_with("/dev/sdb: the facts do not show it as a member of u1")
    );
}

#[test]
fn window_stays_inside_its_device() {
    let disk = device("sda", DeviceKind::Disk, "8:0", 1 << 20);
    let window = |start, size| Step::Window {
        node: "/dev/sda".to_owned(),
        start,
        size,
        makes: "/dev/loop64".to_owned(),
    };
    let with_window = |step| report("b1", vec![disk.clone()], vec![step]);
    assert_eq!(
        commands(&with_window(window(4096, 8192))),
        [
            "blockdev --setro /dev/sda",
            "modprobe -a loop",
            "losetup --read-only --offset 4096 --sizelimit 8192 /dev/loop64 /dev/sda",
            "blockdev --setro /dev/loop64",
            "test -b /dev/loop64 -a \"$(blockdev --getsize64 /dev/loop64)\" = 8192",
        ]
    );
    for (start, size) in [(1 << 20, 1), (u64::MAX, 2), (0, (1 << 20) + 1)] {
        assert!(refusal(&with_window(window(start, size))).contains("not inside it"));
    }
}

#[test]
fn pool_is_imported_without_a_trace_and_its_dataset_mounted() {
    let leaf = json!({
        "kind": "disk", "guid": 1, "id": 0, "path": null, "nparity": 0, "ashift": 12, "asize": 0,
        "log": false, "impaired": false, "resilvering": false, "children": [],
    });
    let content = |multihost: bool| {
        json!({
        "is": "vdev", "pool": "77", "name": "tank", "guid": 1, "top": 1, "state": "active",
        "txg": 1, "updated": 1, "label_txg": 1, "host": null, "multihost": multihost, "tops": 1,
        "holes": [], "tree": leaf, "features_for_read": [], "labels": [0],
        })
    };
    let disk = holding("sda", "8:0", "zfs", "1", content(false));
    let shared = holding("sda", "8:0", "zfs", "1", content(true));
    let import = |foreign| Step::ImportPool {
        guid: "77".to_owned(),
        name: "tank".to_owned(),
        members: names(&["/dev/sda"]),
        foreign,
    };
    let mount = |node: &str, path: &str| Step::Mount {
        node: node.to_owned(),
        others: Vec::new(),
        format: "zfs".to_owned(),
        options: names(&["ro", "nodev", "nosuid", "noexec"]),
        store_path: path.to_owned(),
        target: TARGET.to_owned(),
        bind: path != "/",
    };
    let steps = |foreign, node, path| {
        report(
            "b1",
            vec![disk.clone()],
            vec![import(foreign), mount(node, path)],
        )
    };
    assert_eq!(
        commands(&steps(true, "tank/data", "/.asl")),
        [
            "blockdev --setro /dev/sda",
            "modprobe -a zfs",
            "zpool import -N -R /run/asl/zfs -o readonly=on -o cachefile=none -f -d /dev/sda 77",
            "mkdir -p -m 0700 /run/asl/fs",
            "mkdir -p -m 0700 '/run/asl/fs/tank!data'",
            "mount -i -t zfs -o ro,nodev,nosuid,noexec tank/data '/run/asl/fs/tank!data'",
            "mkdir -p -m 0755 /mnt/asl/local",
            "mount --bind '/run/asl/fs/tank!data/.asl' /mnt/asl/local",
        ]
    );
    assert!(!commands(&steps(false, "tank", "/"))[2].contains(" -f "));
    // Its claim is written, to memory.
    let commands = commands(&report(
        "b1",
        vec![shared],
        vec![import(true), mount("tank", "/")],
    ));
    let imported = |command: &&String| command.starts_with("zpool import");
    let import = commands.iter().find(imported).unwrap();
    assert!(
        import.ends_with(" -d /dev/mapper/asl-cow-sda 77"),
        "{import}"
    );
    assert!(refusal(&steps(false, "other/data", "/")).starts_with("other/data: not in the facts"));
}

#[test]
fn remote_mount_ends_waiting_and_runs_nothing() {
    let remote = |format: &str, source: &str, options: &str| {
        let step = Step::MountRemote {
            format: format.to_owned(),
            source: source.to_owned(),
            options: options.split(',').map(str::to_owned).collect(),
            target: "/mnt/asl/remote".to_owned(),
        };
        report("b1", Vec::new(), vec![step])
    };
    assert_eq!(
        commands(&remote(
            "nfs4",
            "host:/x y",
            "ro,nodev,nosuid,noexec,timeo=30"
        )),
        [
            "mkdir -p -m 0755 /mnt/asl/remote",
            "mount -t nfs4 -o ro,nodev,nosuid,noexec,timeo=30,soft,retrans=2,retry=0 'host:/x y' \
             /mnt/asl/remote",
        ]
    );
    let good = "ro,nodev,nosuid,noexec";
    for (format, source, options, expected) in [
        ("nfs4", "host:/x", "ro,nodev,nosuid", "`noexec` is missing"),
        (
            "nfs4",
            "host:/x",
            "rw,nodev,nosuid,noexec",
            "allowed no longer",
        ),
        (
            "nfs4",
            "host:/x",
            "ro,nodev,nosuid,noexec,hard",
            "`hard` is not",
        ),
        (
            "cifs",
            "//h/s",
            "ro,nodev,nosuid,noexec,password=x",
            "`password=x`",
        ),
        (
            "fuse.sshfs",
            "h:/x",
            "ro,nodev,nosuid,noexec,ssh_command=sh",
            "`ssh_command=sh`",
        ),
        (
            "fuse.sshfs",
            "-oProxyCommand=sh",
            good,
            "name `-oProxyCommand=sh`",
        ),
        ("fuse.other", "h:/x", good, "no proven mount options"),
    ] {
        let refused = refusal(&remote(format, source, options));
        assert!(refused.contains(expected), "{refused}");
    }
    let bounded = commands(&remote("fuse.sshfs", "h:/x", good));
    assert!(bounded[1].contains("ServerAliveInterval=5"), "{bounded:?}");
    let user = commands(&remote("cifs", "//h/s", &format!("{good},username=me")));
    assert_eq!(
        user[1],
        "systemd-ask-password -n --timeout=120 '--id=asl:me at //h/s' --icon=drive-harddisk \
         'Passphrase of me at //h/s:' | PASSWD_FD=0 mount -t cifs -o \
         ro,nodev,nosuid,noexec,username=me,soft,echo_interval=10 //h/s /mnt/asl/remote"
    );
    let file = format!("{good},username=me,credentials=/root/smb");
    let file = commands(&remote("cifs", "//h/s", &file));
    assert!(file[1].starts_with("mount -t cifs"), "{file:?}");
}
