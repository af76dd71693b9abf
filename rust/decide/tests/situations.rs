//! Every file in `tests/decide` is a situation: facts and configuration in a
//! compact form, and the decision that must come of them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod situation;

use asl_config::{Config, WantedMode};
use asl_decide::{Decision, RULES, Step, decide};
use asl_mode::{Mode, ModeFile, clean};
use serde_json::json;
use situation::{DRIVERS, Situation, TOOLS, named};
use std::collections::BTreeMap;
use std::fs;

fn situations() -> BTreeMap<String, Situation> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(situation::DIRECTORY).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            all.insert(name.clone(), named(&name));
        }
    }
    assert!(!all.is_empty(), "no situations in {}", situation::DIRECTORY);
    all
}

fn decided(situation: &Situation) -> Decision {
    situation.report().decision
}

/// What differs from the expectation.
fn differences(situation: &Situation, decision: &Decision) -> Vec<String> {
    let expect = &situation.expect;
    let mode = &decision.mode;
    let mut wrong = Vec::new();
    let mut same = |what: &str, seen: &str, expected: &str| {
        if seen != expected {
            wrong.push(format!("{what}: {seen:?} seen, {expected:?} expected"));
        }
    };
    same("mode", mode.mode.name(), &expect.mode);
    same("rule", &mode.rule, &expect.rule);
    same(
        "code",
        &mode.code,
        expect.code.as_ref().unwrap_or(&expect.rule),
    );
    same(
        "access",
        mode.access.name(),
        expect.access.as_deref().unwrap_or("ro"),
    );
    same(
        "source",
        &mode.source,
        expect.source.as_deref().unwrap_or("none"),
    );
    if let Some(store) = &expect.store {
        same("store", &mode.store, store);
    }
    if let Some(mount) = &expect.mount {
        same("mount", &mode.mount, mount);
    }
    let last = decision.steps.last();
    let (bind, options) = last.and_then(mount).unwrap_or_default();
    same("bind", &bind, expect.bind.as_deref().unwrap_or_default());
    if let Some(expected) = &expect.mounted {
        let node = match last {
            Some(Step::Mount { node, .. }) => node.as_str(),
            _ => "none",
        };
        same("mounted", node, expected);
    }
    if let Some(expected) = &expect.options {
        same("options", &options, expected);
    }
    let before = decision.steps.iter().rev().skip(1).rev().map(kind);
    let before: Vec<String> = before.collect();
    same("steps", &before.join(" "), &expect.steps.join(" "));
    let said = format!("{}\n{}", mode.reason, mode.hint);
    for words in &expect.says {
        if !said.contains(words) {
            wrong.push(format!("{words:?} is not said in {said:?}"));
        }
    }
    for words in &expect.notes {
        if !decision.notes.iter().any(|note| note.contains(words)) {
            wrong.push(format!("{words:?} is not noted in {:?}", decision.notes));
        }
    }
    let candidates = decision.candidates.len();
    if expect
        .candidates
        .is_some_and(|expected| candidates != expected)
    {
        wrong.push(format!(
            "candidates: {candidates} seen, {:?} expected",
            expect.candidates
        ));
    }
    for (node, code) in &expect.judged {
        let seen: Vec<&str> = decision
            .candidates
            .iter()
            .filter(|judged| judged.node == *node)
            .map(|judged| judged.code.as_str())
            .collect();
        if !seen.contains(&code.as_str()) {
            wrong.push(format!("{node}: {seen:?} seen, {code} expected"));
        }
    }
    wrong
}

/// What is bound, and the options.
fn mount(step: &Step) -> Option<(String, String)> {
    match step {
        Step::Mount {
            store_path,
            bind,
            options,
            ..
        } => {
            let path = bind.then(|| store_path.clone());
            Some((path.unwrap_or_default(), options.join(",")))
        }
        Step::MountRemote { options, .. } => Some((String::new(), options.join(","))),
        _ => None,
    }
}

fn kind(step: &Step) -> String {
    let json = serde_json::to_value(step).unwrap();
    json["step"].as_str().unwrap().to_owned()
}

#[test]
fn every_situation_is_decided_as_expected() {
    let mut wrong = Vec::new();
    for (name, situation) in situations() {
        let differences = differences(&situation, &decided(&situation));
        wrong.extend(
            differences
                .iter()
                .map(|difference| format!("{name}: {difference}")),
        );
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_situation_where_it_applies_and_one_where_it_does_not() {
    let mut applies: BTreeMap<String, [u32; 2]> = BTreeMap::new();
    for situation in situations().values() {
        let decision = decided(situation);
        let about = situation.about.as_str();
        let found = decision
            .candidates
            .iter()
            .any(|judged| judged.findings.iter().any(|finding| finding.rule == about));
        // 9 is never the last word: it shows in what is selected.
        let hit =
            about == "selector-hit" && decision.candidates.iter().any(|judged| judged.selected);
        let counts = applies.entry(about.to_owned()).or_default();
        counts[usize::from(decision.mode.rule == about || found || hit)] += 1;
    }
    for rule in RULES
        .iter()
        .filter(|rule| rule.built && rule.name != "internal")
    {
        let [misses, hits] = applies.get(rule.name).copied().unwrap_or_default();
        assert!(
            hits > 0 && misses > 0,
            "{}: {hits} hits, {misses} misses",
            rule.name
        );
    }
    let known = |name: &str| RULES.iter().any(|rule| rule.built && rule.name == name);
    assert!(applies.keys().all(|name| known(name)));
}

#[test]
fn every_code_stands_in_the_row_of_its_rule() {
    let row = |name: &str| RULES.iter().find(|rule| rule.name == name).unwrap();
    for (name, situation) in situations() {
        let decision = decided(&situation);
        for finding in decision
            .candidates
            .iter()
            .flat_map(|judged| &judged.findings)
        {
            assert!(
                row(&finding.rule).codes.contains(&&*finding.code),
                "{name}: {finding:?}"
            );
            assert_eq!(row(&finding.rule).number, finding.number);
        }
        // 38 hands on the code of the only blocked one.
        let handed_on = decision.mode.rule == "blocked-only";
        let own = row(&decision.mode.rule)
            .codes
            .contains(&&*decision.mode.code);
        assert!(own || handed_on, "{name}: {}", decision.mode.code);
    }
}

#[test]
fn every_text_fits_into_the_mode_file_unchanged() {
    for (name, situation) in situations() {
        let mode = decided(&situation).mode;
        for (key, value) in [("reason", &mode.reason), ("hint", &mode.hint)] {
            assert_eq!(clean(value), *value, "{name}: {key}");
            assert!(!value.is_empty(), "{name}: {key}");
        }
        assert_eq!(ModeFile::parse(&mode.render()).unwrap(), mode, "{name}");
    }
}

#[test]
fn only_what_is_claimed_and_not_blocked_is_activated() {
    // What is served already was judged when it was chosen.
    for (name, situation) in situations()
        .into_iter()
        .filter(|(_, situation)| situation.before.is_none())
    {
        let decision = decided(&situation);
        let active = matches!(decision.mode.mode, Mode::Local | Mode::Import);
        let mounted = decision.mode.mount != "none";
        assert_eq!(mounted, !decision.steps.is_empty(), "{name}");
        assert!(mounted || !active, "{name}");
        if !active {
            continue;
        }
        let claimed: Vec<_> = decision
            .candidates
            .iter()
            .filter(|judged| judged.claimed)
            .collect();
        // 41 takes what nobody claims.
        if decision.mode.rule != "assumed-pool" {
            let [only] = claimed.as_slice() else {
                panic!("{name}: {claimed:#?}");
            };
            assert!(!only.blocked && !only.dropped, "{name}");
        }
        for (_, options) in decision.steps.iter().filter_map(mount) {
            let access = decision.mode.access.name();
            for always in [access, "nodev", "nosuid", "noexec"] {
                let mut options = options.split(',');
                assert!(options.any(|option| option == always), "{name}: {always}");
            }
        }
    }
}

/// Steps before a mount make nodes of what is there, in an order that works,
/// and none makes what another made.
#[test]
fn every_step_has_what_it_needs() {
    // What is served already had it when it was chosen.
    let fresh = |(_, situation): &(String, Situation)| situation.before.is_none();
    for (name, situation) in situations().into_iter().filter(fresh) {
        let facts = situation.facts();
        let mut there: Vec<String> = facts.devices.iter().map(|d| d.node.clone()).collect();
        let mut mounted: Vec<String> = Vec::new();
        for step in decided(&situation).steps {
            if let Step::Mount { target, .. } | Step::MountContent { target, .. } = &step {
                mounted.push(target.clone());
            }
            let (needs, makes) = match step {
                Step::Window { node, makes, .. }
                | Step::Unlock { node, makes, .. }
                | Step::Snapshot { node, makes, .. } => (vec![node], Some(makes)),
                Step::Assemble { members, makes, .. }
                | Step::ActivateVolume { members, makes, .. } => (members, Some(makes)),
                Step::ImportPool { members, name, .. } => (members, Some(name)),
                Step::Attach { file, makes } => {
                    // Root alone passes the directory above the mount.
                    let private = |dir: &String| {
                        dir.starts_with("/run/asl/fs/") && file.starts_with(&format!("{dir}/"))
                    };
                    assert!(mounted.iter().any(private), "{name}: {file}");
                    (vec![], Some(makes))
                }
                Step::Mount {
                    node,
                    others,
                    format,
                    ..
                } => {
                    // With a pool come its datasets.
                    let pool = node.split('/').next().filter(|_| format == "zfs");
                    let node = pool.unwrap_or(&node).to_owned();
                    ([vec![node], others].concat(), None)
                }
                Step::MountContent { node, .. } => (vec![node], None),
                Step::MountRemote { .. } => (vec![], None),
            };
            assert!(
                !needs.iter().any(|node| !there.contains(node)),
                "{name}: {needs:?}"
            );
            if let Some(makes) = makes {
                assert!(!there.contains(&makes), "{name}: {makes}");
                there.push(makes);
            }
        }
    }
}

#[test]
fn a_candidate_of_several_devices_has_all_of_them() {
    let candidates = decided(&named("btrfs-complete")).candidates;
    let [only] = candidates.as_slice() else {
        panic!("{candidates:?}");
    };
    assert_eq!(only.devices, ["sda1", "sdb1"]);
}

#[test]
fn a_forced_mode_names_the_line_that_forces_it() {
    let facts = Situation::default().facts();
    let reason = |config: &Config| decide(&facts, Ok(config)).mode.reason;
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("etc/asl/asl.conf");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "# forced\nmode = none\n").unwrap();
    let (config, _) = Config::load(root.path()).unwrap();
    assert_eq!(
        reason(&config),
        "mode = none is configured in /etc/asl/asl.conf:2"
    );
    let mut config = Config::default();
    config.mode = WantedMode::None;
    assert_eq!(reason(&config), "mode = none is configured");
}

#[test]
fn an_image_file_takes_nothing_over_from_a_store_beside_it() {
    let candidates = decided(&named("image-file-beside-a-store-in-a-directory")).candidates;
    let file = candidates.iter().find(|judged| judged.image.is_some());
    let file = file.unwrap();
    assert_eq!((&file.id, &file.evidence), (&None, &None));
    assert_eq!(file.path, "/");
}

/// A situation with an array of this level, or a volume of this kind.
fn layered(name: &str, level: Option<&str>, kind: Option<&str>) -> Situation {
    let mut situation = named(name);
    if let Some(level) = level {
        situation.pool[0].level = Some(level.to_owned());
    }
    if let Some(kind) = kind {
        for dev in &mut situation.device {
            dev.volumes
                .values_mut()
                .for_each(|value| kind.clone_into(value));
        }
    }
    situation
}

#[test]
fn what_a_layer_needs_is_missed_by_its_name() {
    let all = || DRIVERS.iter().chain(TOOLS);
    for (name, level, kind, needs) in [
        ("md-mirror", None, None, "mdadm raid1"),
        ("md-mirror", Some("raid0"), None, "mdadm raid0"),
        ("md-mirror", Some("raid10"), None, "mdadm raid10"),
        (
            "md-mirror",
            Some("raid4"),
            None,
            "mdadm raid456 dmsetup dm_snapshot",
        ),
        (
            "md-mirror",
            Some("raid5"),
            None,
            "mdadm raid456 dmsetup dm_snapshot",
        ),
        (
            "md-mirror",
            Some("raid6"),
            None,
            "mdadm raid456 dmsetup dm_snapshot",
        ),
        (
            "md-needs-a-resync",
            None,
            None,
            "mdadm raid1 dmsetup dm_snapshot",
        ),
        ("lvm-volume", None, None, "lvm dm_mod"),
        ("lvm-volume", None, Some("striped"), "lvm dm_mod"),
        (
            "lvm-volume",
            None,
            Some("raid1"),
            "lvm dm_mod dm_raid dmsetup dm_snapshot",
        ),
        (
            "lvm-volume",
            None,
            Some("thin"),
            "lvm dm_mod dmsetup dm_snapshot",
        ),
        ("luks-at-rest", None, None, "cryptsetup dm_crypt"),
        ("zfs-exported", None, None, "zpool zfs"),
        (
            "partition-in-an-array",
            None,
            None,
            "mdadm raid1 losetup loop",
        ),
        ("image-file", None, None, "losetup loop"),
        ("needs-replay-xfs", None, None, "dmsetup dm_snapshot"),
    ] {
        let with = layered(name, level, kind);
        let needs: Vec<&str> = needs.split(' ').collect();
        for one in all() {
            let lacks = vec![(*one).to_owned()];
            let mode = decided(&Situation {
                lacks,
                ..with.clone()
            })
            .mode;
            if needs.contains(one) {
                assert_eq!(mode.code, "no-driver", "{name} without {one}");
                assert!(mode.reason.contains(one), "{one}: {}", mode.reason);
            } else {
                assert_ne!(
                    mode.mode,
                    Mode::None,
                    "{name} without {one}: {}",
                    mode.reason
                );
            }
        }
    }
}

#[test]
fn a_step_names_what_it_is_done_with() {
    for (name, step, expected) in [
        (
            "md-mirror",
            0,
            json!({ "array": "m1", "members": ["/dev/sda", "/dev/sdb"], "degraded": false, "makes": "/dev/md127" }),
        ),
        (
            "md-stale-half",
            0,
            json!({ "array": "m1", "members": ["/dev/sda"], "degraded": true, "makes": "/dev/md127" }),
        ),
        (
            "volume-on-an-array",
            1,
            json!({ "group": "vg", "group_id": "vg", "volume": "store", "members": ["/dev/md127"], "makes": "/dev/mapper/vg-store" }),
        ),
        (
            // A tenth of the memory of 1 GiB.
            "volume-on-an-array",
            2,
            json!({ "node": "/dev/mapper/vg-store", "bytes": 107_374_182, "makes": "/dev/mapper/asl-cow-vg-store" }),
        ),
        (
            "partition-in-an-array",
            1,
            json!({ "node": "/dev/md127", "start": 1 << 20, "size": 64 << 20, "makes": "/dev/loop64" }),
        ),
        (
            "luks-at-rest",
            0,
            json!({ "node": "/dev/sda1", "format": "luks", "uuid": "fs-sda1", "key": { "kind": "prompt" }, "makes": "/dev/mapper/asl-fs-sda1" }),
        ),
        (
            "image-file-in-a-container",
            0,
            json!({ "key": { "kind": "file", "path": "/run/archiso/bootmnt/key" } }),
        ),
        (
            "image-file-in-a-container",
            2,
            json!({ "file": "/run/asl/fs/image/images/store.img", "makes": "/dev/loop64" }),
        ),
        (
            "zfs-exported",
            0,
            json!({ "guid": "17", "name": "tank", "members": ["/dev/sda1"], "foreign": false }),
        ),
        ("zfs-not-exported", 0, json!({ "foreign": true })),
        (
            "zfs-dataset",
            1,
            json!({ "node": "tank/data/deep", "store_path": "/.asl", "bind": true }),
        ),
        (
            "btrfs-complete",
            0,
            json!({ "node": "/dev/sda1", "others": ["/dev/sdb1"], "store_path": "/", "bind": false }),
        ),
    ] {
        let steps = decided(&named(name)).steps;
        let seen = serde_json::to_value(&steps[step]).unwrap();
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&seen[key], value, "{name}: step {step}, {key}");
        }
    }
}

#[test]
fn what_a_step_makes_has_a_name_that_nobody_has() {
    let mut situation = named("partition-in-an-array");
    for name in ["md127", "md126", "loop64"] {
        situation.device.push(situation::Dev {
            name: name.to_owned(),
            ..situation::Dev::default()
        });
    }
    let steps = decided(&situation).steps;
    let made: Vec<_> = steps
        .iter()
        .filter_map(|step| {
            serde_json::to_value(step).unwrap()["makes"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(made, ["/dev/md125", "/dev/loop65"]);
}

#[test]
fn a_place_is_told_by_its_disk_first() {
    let dev = |name: &str, serial: Option<&str>, wwid: Option<&str>| situation::Dev {
        name: name.to_owned(),
        serial: serial.map(str::to_owned),
        wwid: wwid.map(str::to_owned),
        ..situation::Dev::default()
    };
    let facts = Situation {
        device: vec![
            dev("sda1", Some("S1"), Some("W1")),
            dev("loop0", None, None),
            dev("md127", None, None),
            dev("dm-0", None, None),
        ],
        ..Situation::default()
    }
    .facts();
    let place = |name: &str| asl_decide::place(&facts, facts.find(name).unwrap());
    assert_eq!(place("sda1"), "QEMU HARDDISK (serial S1, 1 GiB) /dev/sda1");
    assert_eq!(
        place("loop0"),
        "loop device (file /tmp/loop0.img, 64 MiB) /dev/loop0"
    );
    assert_eq!(place("md127"), "md array (no serial, 64 MiB) /dev/md127");
    assert_eq!(place("dm-0"), "mapped device (no serial, 64 MiB) /dev/dm-0");
    let mut plain = facts.find("sda1").unwrap().clone();
    plain.identity.serial = None;
    assert_eq!(
        asl_decide::place(&facts, &plain),
        "QEMU HARDDISK (wwid W1, 1 GiB) /dev/sda1"
    );
    plain.identity = asl_facts::Identity::default();
    assert_eq!(
        asl_decide::place(&facts, &plain),
        "disk (no serial, 1 GiB) /dev/sda1"
    );
}

#[test]
fn a_pool_is_told_by_its_level_or_format_and_its_name() {
    let pool = |name: &str| named(name).pool[0].pool();
    assert_eq!(asl_decide::pool_name(&pool("md-mirror")), "raid1 host:0");
    assert_eq!(asl_decide::pool_name(&pool("lvm-volume")), "lvm2 vg");
    let mut named = pool("zfs-exported");
    assert_eq!(asl_decide::pool_name(&named), "zfs tank");
    // Only of md the level is what people call it by.
    named.level = Some("mirror".to_owned());
    assert_eq!(asl_decide::pool_name(&named), "zfs tank");
}

#[test]
fn a_level_without_a_module_here_is_missed_by_its_name() {
    let mode = decided(&layered("md-mirror", Some("linear"), None)).mode;
    assert_eq!(mode.code, "no-driver");
    assert!(
        mode.reason.contains("kernel module linear"),
        "{}",
        mode.reason
    );
}

/// The decision where the members say this, and no snapshot can be made.
fn without_snapshots(name: &str, content: &asl_facts::Content) -> ModeFile {
    let mut situation = named(name);
    situation.lacks = vec!["dm_snapshot".to_owned()];
    let mut facts = situation.facts();
    for device in &mut facts.devices {
        let asl_facts::Probe::Read { signatures, .. } = &mut device.probe else {
            continue;
        };
        for signature in signatures {
            if let asl_facts::Outcome::Found(superblock) = &mut signature.outcome {
                superblock.content = content.clone();
            }
        }
    }
    decide(&facts, Ok(&situation.config().unwrap())).mode
}

#[test]
fn what_the_kernel_would_write_to_by_itself_needs_a_snapshot() {
    let raid = |bitmap, journal| {
        asl_facts::Content::Raid(asl_facts::Raid {
            array: "m1".to_owned(),
            name: None,
            level: "raid1".to_owned(),
            layout: 0,
            chunk: 0,
            raid_disks: 2,
            role: asl_facts::Role::Active(0),
            slots: Vec::new(),
            events: 7,
            updated: 0,
            clean: true,
            data_offset: 0,
            data_size: 64 << 20,
            rebuilt: None,
            replacement: false,
            bad_blocks: Vec::new(),
            devnum: None,
            reshape: None,
            bitmap,
            journal,
            disks: Vec::new(),
            volumes: Vec::new(),
        })
    };
    for (bitmap, journal) in [(true, false), (false, true)] {
        let mode = without_snapshots("md-mirror", &raid(bitmap, journal));
        assert_eq!(mode.code, "no-driver", "{}", mode.reason);
    }
    let mode = without_snapshots("md-mirror", &raid(false, false));
    assert_eq!(mode.mode, Mode::Import, "{}", mode.reason);
    let vdev = |multihost| {
        asl_facts::Content::Vdev(asl_facts::Vdev {
            pool: Some("17".to_owned()),
            name: None,
            guid: 1,
            top: 1,
            state: asl_facts::PoolState::Exported,
            txg: 7,
            updated: 0,
            label_txg: 7,
            host: None,
            multihost,
            tops: 1,
            holes: Vec::new(),
            tree: None,
            features_for_read: Vec::new(),
            labels: Vec::new(),
        })
    };
    let mode = without_snapshots("zfs-exported", &vdev(true));
    assert_eq!(mode.code, "no-driver", "{}", mode.reason);
    let mode = without_snapshots("zfs-exported", &vdev(false));
    assert_eq!(mode.mode, Mode::Import, "{}", mode.reason);
}
