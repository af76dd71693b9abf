//! What must hold for every node, not only for those somebody thought of.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic, and its numbers are small"
)]

#[allow(dead_code, reason = "the other test reads what is expected, too")]
mod situation;

use asl_config::Config;
use asl_decide::{Decision, Effect, Step, decide};
use asl_facts::{Facts, Format, Health, LiveUse, PoolFlag};
use asl_mode::{Access, Mode, ModeFile};
use proptest::prelude::*;
use situation::layers::{Group, View};
use situation::{Dev, Situation};
use std::collections::BTreeMap;

const NAMES: [&str; 8] = ["sda", "sda1", "sda2", "sdb", "sdb1", "sdc", "sdc1", "sdd"];

fn device(name: &'static str) -> impl Strategy<Value = Dev> {
    let formats = prop::sample::select(vec![Format::Ext4, Format::Xfs, Format::Btrfs]);
    let content = (
        prop::option::weighted(0.8, formats),
        prop::sample::select(vec!["", "", "f", "g"]),
        prop::sample::select(vec!["", "", "one", "two", "three"]),
        prop::sample::select(vec!["", "", "A", "B"]),
        any::<u16>(),
    );
    content.prop_map(move |(fs, uuid, store, label, bits)| {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        // Most devices are sound: each flaw takes three bits to agree.
        let flaw = |shift: u32| (bits.rotate_left(shift) & 0b1011) == 0b1011;
        Dev {
            name: name.to_owned(),
            fs,
            uuid: text(uuid).or(Some(format!("fs-{name}"))),
            serial: Some(format!("S-{}", &name[..3])),
            label: text(label),
            store: text(store),
            layout: store.is_empty() && bits % 5 == 0,
            dirty: flaw(0),
            replayed: bits % 2 == 0,
            log_unknown: flaw(2),
            unreadable: (store.is_empty() && flaw(4)).then(|| "why".to_owned()),
            damaged: flaw(6).then(|| "checksum".to_owned()),
            failed: flaw(8).then(|| "I/O error".to_owned()),
            live: flaw(10).then_some(LiveUse::Medium),
            mounted: flaw(12).then(|| "/media/x".to_owned()),
            also: flaw(14).then_some(Format::Xfs),
            spans: (flaw(1) && fs == Some(Format::Btrfs)).then_some(2),
            skipped: flaw(3).then(|| "excluded".to_owned()),
            ..Dev::default()
        }
    })
}

fn devices() -> impl Strategy<Value = Vec<Dev>> {
    prop::sample::subsequence(NAMES.to_vec(), 0..=5)
        .prop_flat_map(|names| names.into_iter().map(device).collect::<Vec<_>>())
}

fn selectors() -> impl Strategy<Value = BTreeMap<String, String>> {
    let one = |key: &'static str, values: &[&'static str]| {
        let values = prop::sample::select(values.to_vec());
        prop::option::weighted(
            0.25,
            values.prop_map(move |v| (key.to_owned(), v.to_owned())),
        )
    };
    (
        one("local.uuid", &["one", "two", "f", "gone"]),
        one("local.label", &["A", "B"]),
        one("local.serial", &["S-sda", "S-sdb", "gone"]),
        one(
            "local.device",
            &["/dev/sda", "/dev/sdb1", "/dev/disk/by-label/A"],
        ),
        one("local.image", &["f:/i", "fs-array:/i", "gone:/i"]),
    )
        .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].into_iter().flatten().collect())
}

/// Nothing, or a mirror with what shows through it.
fn array() -> impl Strategy<Value = Option<(Group, View)>> {
    use Health::{Complete, Degraded, Incomplete};
    let flags = vec![
        PoolFlag::Dirty,
        PoolFlag::ForeignLive,
        PoolFlag::Reshaping,
        PoolFlag::SplitBrain,
    ];
    let one = (
        prop::sample::select(vec![Complete, Complete, Degraded, Incomplete]),
        prop::option::weighted(0.3, prop::sample::select(flags)),
        prop::sample::select(vec!["", "", "one", "four"]),
        any::<bool>(),
    );
    let array = one.prop_map(|(health, flag, store, dirty)| {
        let group = Group {
            id: "m1".to_owned(),
            name: Some("host:0".to_owned()),
            level: Some("raid1".to_owned()),
            members: vec!["sde".to_owned(), "sdf".to_owned()],
            health: Some(health),
            flags: flag.into_iter().collect(),
            ..Group::default()
        };
        let view = View {
            of: Some("m1".to_owned()),
            start: None,
            on: group.members.clone(),
            dev: Dev {
                name: "md:host:0".to_owned(),
                fs: Some(Format::Ext4),
                uuid: Some("fs-array".to_owned()),
                store: (!store.is_empty()).then(|| store.to_owned()),
                dirty,
                replayed: true,
                skipped: (health == Incomplete).then(|| "missing: slot 1".to_owned()),
                ..Dev::default()
            },
        };
        (group, view)
    });
    prop::option::weighted(0.5, array)
}

fn permissions() -> impl Strategy<Value = BTreeMap<String, String>> {
    let given = [
        ("write.allow", "one@S-sda, one@m1, two@S-sdb, f"),
        ("import.degraded", "ro"),
        ("import.foreign", "m1"),
        ("import.assume", "sole-pool"),
    ];
    prop::sample::subsequence(given.to_vec(), 0..=given.len()).prop_map(|given| {
        let owned = given.into_iter();
        owned
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    })
}

fn node() -> impl Strategy<Value = Situation> {
    (plain_node(), array(), permissions()).prop_map(|(mut situation, array, permissions)| {
        if let Some((group, view)) = array {
            for name in &group.members {
                situation.device.push(Dev {
                    name: name.clone(),
                    fs: Some(Format::Md),
                    member: Some(group.id.clone()),
                    ..Dev::default()
                });
            }
            situation.pool.push(group);
            situation.view.push(view);
        }
        situation.config.extend(permissions);
        situation
    })
}

fn plain_node() -> impl Strategy<Value = Situation> {
    let modes = prop::sample::select(vec![
        "auto", "auto", "auto", "local", "import", "none", "remote",
    ]);
    let remotes = prop::sample::select(vec![None, None, Some("answers"), Some("refused")]);
    (devices(), selectors(), modes, any::<bool>(), remotes).prop_map(
        |(device, mut config, mode, endpoint, remote)| {
            config.insert("mode".to_owned(), mode.to_owned());
            let endpoint = endpoint || remote.is_some();
            if endpoint {
                config.insert("remote.endpoint".to_owned(), "nfs://nas/asl".to_owned());
            }
            Situation {
                config,
                device,
                remote: remote.map(str::to_owned),
                ..Situation::default()
            }
        },
    )
}

fn decided(facts: &Facts, config: &Config) -> Decision {
    decide(facts, Ok(config))
}

fn run(situation: &Situation) -> Decision {
    decided(&situation.facts(), &situation.config().unwrap())
}

fn selected(situation: &Situation) -> bool {
    situation.config.keys().any(|key| key.starts_with("local."))
}

/// The situation with `sda` called `sdb` and the other way round.
fn renamed(situation: &Situation) -> Situation {
    let mut other = situation.clone();
    for dev in &mut other.device {
        dev.name = swapped(&dev.name);
    }
    if let Some(device) = other.config.get_mut("local.device") {
        *device = swapped(device);
    }
    other
}

fn swapped(text: &str) -> String {
    text.replace("sda", "sd?")
        .replace("sdb", "sda")
        .replace("sd?", "sdb")
}

proptest! {
    // PROPTEST_CASES=20000 looks harder. A failure becomes a situation of its
    // own, not a seed in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_node_gets_a_mode_that_can_be_read_back(situation in node()) {
        let decision = run(&situation);
        prop_assert_eq!(&decision, &run(&situation));
        let back = ModeFile::parse(&decision.mode.render()).unwrap();
        prop_assert_eq!(back.mode, decision.mode.mode);
        let json = serde_json::to_string(&decision).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
    }

    #[test]
    fn the_order_of_the_devices_changes_nothing(situation in node(), turn in 0_usize..8) {
        let mut facts = situation.facts();
        let config = situation.config().unwrap();
        let decision = decided(&facts, &config);
        facts.devices.reverse();
        let turn = turn % facts.devices.len().max(1);
        facts.devices.rotate_left(turn);
        prop_assert_eq!(decided(&facts, &config), decision);
    }

    #[test]
    fn the_names_of_the_nodes_change_nothing(situation in node()) {
        let one = run(&situation).mode;
        let other = run(&renamed(&situation)).mode;
        prop_assert_eq!(one.mode, other.mode);
        prop_assert_eq!(one.rule, other.rule);
        prop_assert_eq!(one.code, other.code);
        prop_assert_eq!(one.store, other.store);
        prop_assert_eq!(swapped(&one.source), other.source);
    }

    #[test]
    fn only_devices_of_the_node_are_named(mut situation in node()) {
        situation.config.remove("local.device");
        let facts = situation.facts();
        let mode = run(&situation).mode;
        let said = format!("{} {}", mode.reason, mode.hint);
        for word in said.split([' ', ';', ':', ',', '(', ')']).filter(|word| word.starts_with("/dev/")) {
            // Long texts are cut, and a name with them.
            let known = facts.devices.iter().any(|device| device.node.starts_with(word));
            prop_assert!(known, "{} in {}", word, said);
        }
    }

    #[test]
    fn a_disk_without_evidence_changes_neither_mode_nor_source(
        situation in node(),
        mut stranger in device("sdz"),
    ) {
        stranger.store = None;
        stranger.layout = false;
        stranger.uuid = Some("fs-sdz".to_owned());
        stranger.label = None;
        let alone = run(&situation).mode;
        let mut more = situation.clone();
        more.device.push(stranger);
        let beside = run(&more).mode;
        prop_assert_eq!((alone.mode, alone.source), (beside.mode, beside.source));
    }

    #[test]
    fn without_a_selector_two_identified_stores_are_never_chosen_from(mut situation in node()) {
        situation.config.retain(|key, _| !key.starts_with("local."));
        let decision = run(&situation);
        let identified = decision.candidates.iter().filter(|judged| judged.id.is_some());
        if identified.count() > 1 {
            let chosen = matches!(decision.mode.mode, Mode::Local | Mode::Import);
            prop_assert!(!chosen, "{:?}", decision.mode);
        }
    }

    #[test]
    fn a_selector_never_ends_in_remote(situation in node()) {
        if selected(&situation) && situation.config["mode"] != "remote" {
            prop_assert_ne!(run(&situation).mode.mode, Mode::Remote);
        }
    }

    #[test]
    fn a_selector_never_takes_what_it_does_not_name(situation in node()) {
        let decision = run(&situation);
        let local = matches!(decision.mode.mode, Mode::Local | Mode::Import);
        if selected(&situation) && local {
            let taken: Vec<_> = decision.candidates.iter().filter(|judged| judged.claimed).collect();
            prop_assert!(taken.len() == 1 && taken[0].selected);
        }
    }

    #[test]
    fn what_is_blocked_is_never_activated(situation in node()) {
        let decision = run(&situation);
        let active = matches!(decision.mode.mode, Mode::Local | Mode::Import);
        let mounted = decision.mode.mount != "none";
        prop_assert_eq!(decision.steps.is_empty(), !mounted);
        let backend = match (mounted, decision.mode.mode) {
            (true, _) => "posix",
            (false, Mode::Remote) => "remote",
            (false, _) => "none",
        };
        prop_assert_eq!(&*decision.mode.backend, backend);
        prop_assert!(mounted || !active);
        if active && decision.mode.rule != "assumed-pool" {
            let claimed = decision.candidates.iter().filter(|judged| judged.claimed);
            let claimed: Vec<_> = claimed.collect();
            prop_assert_eq!(claimed.len(), 1);
            prop_assert!(!claimed[0].blocked && !claimed[0].dropped);
        }
    }

    #[test]
    fn writes_need_consent_and_nothing_against_them(situation in node()) {
        let decision = run(&situation);
        let options = |step: &Step| match step {
            Step::Mount { options, .. } | Step::MountRemote { options, .. } => {
                options.contains(&"rw".to_owned())
            }
            _ => false,
        };
        let written = decision.steps.iter().any(options);
        // A remote store that is silent has its consent and no mount yet.
        let waits = decision.mode.mode == Mode::Remote && decision.steps.is_empty();
        prop_assert_eq!(written, decision.mode.access == Access::Rw && !waits);
        if written {
            prop_assert!(situation.config.contains_key("write.allow"));
        }
        if written && decision.mode.mode != Mode::Remote {
            let claimed = decision.candidates.iter().find(|judged| judged.claimed).unwrap();
            let against = |finding: &asl_decide::Finding| finding.effect != Effect::Note;
            prop_assert!(!claimed.findings.iter().any(against), "{:?}", claimed.findings);
        }
    }

    #[test]
    fn less_permission_never_gives_more_access(situation in node(), taken in 0_usize..4) {
        let keys = ["write.allow", "import.degraded", "import.foreign", "import.assume"];
        let mut less = situation.clone();
        less.config.remove(keys[taken]);
        let (more, less) = (run(&situation).mode, run(&less).mode);
        prop_assert!(less.access <= more.access, "{less:?} from {more:?}");
    }
}
