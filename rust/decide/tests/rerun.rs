//! What must hold of every decision behind another one: rule 44.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic, and its numbers are small"
)]

#[allow(dead_code, reason = "the other tests read what is expected, too")]
mod situation;

use asl_decide::{Cause, Report, STORE_LOST, rerun, unchanged};
use asl_facts::Format;
use asl_mode::{Access, Mode};
use proptest::prelude::*;
use situation::{Dev, Situation, named};
use std::collections::BTreeMap;

const NAMES: [&str; 4] = ["sda", "sdb1", "sdc", "loop0"];

fn device(name: &'static str) -> impl Strategy<Value = Dev> {
    let content = (
        prop::option::weighted(0.8, Just(Format::Ext4)),
        prop::sample::select(vec!["f", "g", "h", "i"]),
        prop::sample::select(vec!["", "one", "two", "three"]),
        any::<u16>(),
    );
    content.prop_map(move |(fs, uuid, store, bits)| {
        let flaw = |shift: u32| (bits.rotate_left(shift) & 0b1011) == 0b1011;
        Dev {
            name: name.to_owned(),
            fs,
            uuid: Some(uuid.to_owned()),
            store: (!store.is_empty()).then(|| store.to_owned()),
            dirty: flaw(0),
            failed: flaw(2).then(|| "I/O error".to_owned()),
            damaged: flaw(4).then(|| "checksum".to_owned()),
            mounted: flaw(6).then(|| "/media/x".to_owned()),
            timeout: flaw(8),
            skipped: flaw(10).then(|| "excluded".to_owned()),
            ..Dev::default()
        }
    })
}

fn devices() -> impl Strategy<Value = Vec<Dev>> {
    prop::sample::subsequence(NAMES.to_vec(), 0..=4)
        .prop_flat_map(|names| names.into_iter().map(device).collect::<Vec<_>>())
}

fn node() -> impl Strategy<Value = Situation> {
    let modes = prop::sample::select(vec!["auto", "auto", "auto", "local", "none", "remote"]);
    let remotes = prop::sample::select(vec![None, None, Some("answers"), Some("refused")]);
    let broken = prop::option::weighted(0.1, Just("mode".to_owned()));
    let consents = prop::sample::select(vec![None, Some("one@S-sda"), Some("two@S-sdc")]);
    let all = (devices(), modes, remotes, broken, consents);
    all.prop_map(|(device, mode, remote, config_error, consent)| {
        let mut config = BTreeMap::from([("mode".to_owned(), mode.to_owned())]);
        if let Some(consent) = consent {
            config.insert("write.allow".to_owned(), consent.to_owned());
        }
        if remote.is_some() {
            config.insert("remote.endpoint".to_owned(), "nfs://nas/asl".to_owned());
        }
        Situation {
            config,
            config_error,
            device,
            remote: remote.map(str::to_owned),
            ..Situation::default()
        }
    })
}

fn causes() -> impl Strategy<Value = Cause> {
    prop::sample::select(vec![Cause::Operator, Cause::Watcher])
}

/// A sole store on `/dev/sda`.
fn sole() -> Situation {
    Situation {
        device: vec![Dev {
            name: "sda".to_owned(),
            fs: Some(Format::Ext4),
            store: Some("one".to_owned()),
            ..Dev::default()
        }],
        ..Situation::default()
    }
}

/// The same with the consent of the configuration.
fn allowed() -> Situation {
    let mut allowed = sole();
    allowed.device[0].serial = Some("S1".to_owned());
    let consent = ("write.allow".to_owned(), "one@S1".to_owned());
    allowed.config = BTreeMap::from([consent]);
    allowed
}

/// Another store, on `/dev/sdb`.
fn second() -> Dev {
    Dev {
        name: "sdb".to_owned(),
        fs: Some(Format::Ext4),
        store: Some("two".to_owned()),
        ..Dev::default()
    }
}

fn served(access: Access) -> Report {
    let mut report = sole().report();
    report.decision.mode.access = access;
    report
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_served_stays_or_is_lost(before in node(), after in node(), cause in causes()) {
        let before = before.report();
        let next = after.report();
        let (old, new) = (&before.decision.mode, &next.decision.mode);
        let result = rerun(&before, true, cause, next.clone());
        let mode = &result.decision.mode;
        prop_assert_eq!(mode.generation, new.generation);
        prop_assert_eq!(&mode.boot_id, &new.boot_id);
        prop_assert!(!mode.reason.is_empty() && !mode.hint.is_empty());
        if old.mode == Mode::None {
            prop_assert_eq!(result, next);
        } else if mode.mode == Mode::None {
            prop_assert_ne!(old.mode, Mode::Remote);
            prop_assert_eq!(mode.code.as_str(), STORE_LOST);
            prop_assert!(result.decision.steps.is_empty());
        } else {
            let name = |mode: &asl_mode::ModeFile| (mode.mode, mode.store.clone(), mode.source.clone());
            prop_assert_eq!(name(mode), name(old));
            // An endpoint that was waited for is mounted when it answers.
            if !before.decision.steps.is_empty() {
                prop_assert_eq!(&mode.mount, &old.mount);
                prop_assert_eq!(&result.decision.steps, &before.decision.steps);
            }
        }
    }

    #[test]
    fn access_never_rises_without_the_operator(before in node(), after in node(), rw in any::<(bool, bool)>()) {
        let access = |rw| if rw { Access::Rw } else { Access::Ro };
        let mut before = before.report();
        let mut next = after.report();
        before.decision.mode.access = access(rw.0);
        next.decision.mode.access = access(rw.1);
        let result = rerun(&before, true, Cause::Watcher, next);
        if before.decision.mode.mode != Mode::None {
            prop_assert!(result.decision.mode.access <= before.decision.mode.access);
        }
    }

    #[test]
    fn the_same_node_again_changes_nothing(situation in node(), running in any::<bool>()) {
        let before = situation.report();
        let again = rerun(&before, running, Cause::Watcher, before.clone());
        prop_assert!(unchanged(&before, &again));
    }

    #[test]
    fn a_second_rerun_on_the_same_node_changes_nothing(before in node(), after in node(), cause in causes()) {
        let next = after.report();
        let once = rerun(&before.report(), true, cause, next.clone());
        let running = once.decision.mode.mode != Mode::None;
        let twice = rerun(&once, running, Cause::Watcher, next);
        prop_assert!(unchanged(&once, &twice), "{:?}\n{:?}", once.decision.mode, twice.decision.mode);
    }

    #[test]
    fn other_disks_never_cost_a_store(others in devices(), cause in causes()) {
        let before = served(Access::Ro);
        let mut after = sole();
        after.device.extend(others.into_iter().filter(|dev| dev.name != "sda"));
        let mode = rerun(&before, true, cause, after.report()).decision.mode;
        prop_assert_eq!((mode.mode, mode.source.as_str()), (Mode::Local, "/dev/sda"));
    }

    #[test]
    fn without_its_disk_a_store_is_lost_whatever_else_is_there(others in devices(), cause in causes()) {
        let before = served(Access::Ro);
        let mut after = sole();
        after.device = others.into_iter().filter(|dev| dev.name != "sda").collect();
        let lost = rerun(&before, true, cause, after.report());
        prop_assert_eq!(lost.decision.mode.code.as_str(), STORE_LOST);
        // And stays so, even when it comes back, until the operator asks.
        let back = sole().report();
        let still = rerun(&lost, false, Cause::Watcher, back.clone());
        prop_assert_eq!(still.decision.mode.code.as_str(), STORE_LOST);
        prop_assert!(still.decision.steps.is_empty());
        prop_assert_eq!(rerun(&still, false, Cause::Operator, back.clone()), back);
    }
}

#[test]
fn a_clone_takes_the_right_to_write() {
    let before = allowed().report();
    let mut after = allowed();
    after.device.push(Dev {
        name: "sdb".to_owned(),
        serial: None,
        ..after.device[0].clone()
    });
    let mode = rerun(&before, true, Cause::Watcher, after.report())
        .decision
        .mode;
    assert_eq!((mode.mode, mode.access), (Mode::Local, Access::Ro));
    assert!(
        mode.reason.contains("read-only from now on"),
        "{}",
        mode.reason
    );
}

#[test]
fn the_log_of_what_is_written_takes_no_right() {
    let before = allowed().report();
    assert_eq!(before.decision.mode.access, Access::Rw);
    let mut after = allowed();
    after.device[0].dirty = true;
    after.device[0].mounted = Some("/mnt/asl/local".to_owned());
    after.device[0].writable = true;
    let mode = |before: &Report, after: &Situation| {
        let next = after.report();
        rerun(before, true, Cause::Watcher, next).decision.mode
    };
    let still = mode(&before, &after);
    assert_eq!(still.access, Access::Rw);
    assert_eq!(still.reason, before.decision.mode.reason);
    assert_eq!(mode(&served(Access::Ro), &after).access, Access::Ro);
    // Nor does it hide what else there is to tell.
    after.device.push(second());
    let beside = mode(&before, &after);
    assert_eq!(beside.access, Access::Rw);
    assert!(beside.reason.contains("store two"), "{}", beside.reason);
    after.device[1].mounted = Some("/media/x".to_owned());
    after.device[1].writable = true;
    let blocked = mode(&before, &after);
    assert!(blocked.reason.contains("store two"), "{}", blocked.reason);
    // Without the consent it is all that is taken.
    after.device.pop();
    after.config.clear();
    let taken = mode(&before, &after);
    assert_eq!((taken.mode, taken.access), (Mode::Local, Access::Ro));
    let told = taken
        .reason
        .contains("read-only from now on, without consent");
    assert!(told, "{}", taken.reason);
    // And only the operator gives it again, while the log is still in use.
    let lowered = rerun(&before, true, Cause::Watcher, after.report());
    after.config = allowed().config;
    let again = |cause| rerun(&lowered, true, cause, after.report()).decision;
    assert_eq!(again(Cause::Watcher).mode.access, Access::Ro);
    let raised = again(Cause::Operator);
    assert_eq!(raised.mode.access, Access::Rw);
    assert_eq!(raised.steps, before.decision.steps);
    after.config.clear();
    let refused = rerun(&lowered, true, Cause::Operator, after.report());
    assert_eq!(refused.decision.mode.access, Access::Ro);
}

#[test]
fn a_look_that_failed_takes_nothing_and_a_broken_configuration_the_consent() {
    let before = served(Access::Rw);
    let mut internal = asl_decide::internal(&before.facts, "a panic");
    internal.mode.generation = 2;
    let mut facts = before.facts.clone();
    facts.devices.clear();
    let failed = Report {
        facts,
        decision: internal,
        ..before.clone()
    };
    let mode = rerun(&before, true, Cause::Watcher, failed).decision.mode;
    assert_eq!(
        (mode.mode, mode.access, mode.generation),
        (Mode::Local, Access::Rw, 2)
    );
    let mut broken = sole();
    broken.config_error = Some("mode".to_owned());
    let result = rerun(&before, true, Cause::Watcher, broken.report());
    assert_eq!(result.decision.mode.access, Access::Ro);
    // The evidence of the last look stays, so that the next one can tell what is gone.
    assert_eq!(result.facts.devices, before.facts.devices);
    assert_eq!(result.decision.candidates, before.decision.candidates);
}

#[test]
fn the_operator_raises_what_the_watcher_does_not() {
    let mut next = sole().report();
    next.decision.mode.access = Access::Rw;
    let access = |cause| {
        let result = rerun(&served(Access::Ro), true, cause, next.clone());
        result.decision.mode.access
    };
    assert_eq!(access(Cause::Watcher), Access::Ro);
    assert_eq!(access(Cause::Operator), Access::Rw);
}

#[test]
fn a_reason_does_not_grow_from_rerun_to_rerun() {
    let mut after = sole();
    after.device.push(Dev {
        name: "sdb".to_owned(),
        store: Some("two".to_owned()),
        ..after.device[0].clone()
    });
    let once = rerun(&served(Access::Ro), true, Cause::Watcher, after.report());
    let twice = rerun(&once, true, Cause::Watcher, after.report());
    assert!(once.decision.mode.reason.contains("stays"));
    assert_eq!(once.decision.mode.reason, twice.decision.mode.reason);
    let alone = rerun(&once, true, Cause::Watcher, sole().report());
    assert_eq!(
        alone.decision.mode.reason,
        sole().report().decision.mode.reason
    );
}

#[test]
fn mounts_and_holders_are_no_news_and_a_label_is() {
    let before = sole().report();
    let mut mounted = sole();
    mounted.device[0].mounted = Some("/mnt/asl/local".to_owned());
    mounted.device[0].holders = vec!["dm-0".to_owned()];
    let again = Report {
        decision: before.decision.clone(),
        ..mounted.report()
    };
    assert!(unchanged(&before, &again));
    mounted.device[0].label = Some("new".to_owned());
    let again = Report {
        decision: before.decision.clone(),
        ..mounted.report()
    };
    assert!(!unchanged(&before, &again));
}

#[test]
fn the_moment_at_which_a_device_was_given_up_is_no_news() {
    let mut slow = sole();
    slow.device.push(Dev {
        name: "sr0".to_owned(),
        timeout: true,
        ..Dev::default()
    });
    let before = slow.report();
    let mut again = before.clone();
    again.facts.system.filesystems.push("fuse".to_owned());
    for device in &mut again.facts.devices {
        if let asl_facts::Probe::TimedOut { after_ms } = &mut device.probe {
            *after_ms += 3;
        }
    }
    assert!(unchanged(&before, &again));
    let Some(device) = again.facts.devices.pop() else {
        panic!("no device");
    };
    assert_eq!(device.name, "sr0");
    assert!(!unchanged(&before, &again));
}

#[test]
fn what_a_look_is_numbered_and_how_long_it_took_is_no_news() {
    let before = sole().report();
    let mut again = before.clone();
    again.facts.generation += 1;
    again.decision.mode.generation += 1;
    again.facts.timing.ended_ms += 7;
    assert!(unchanged(&before, &again));
    assert!(!unchanged(&before, &served(Access::Rw)));
}

/// An endpoint that mode remote is forced to.
fn remote(answers: bool, allowed: bool) -> Situation {
    let endpoint = "nfs://nas/asl";
    let mut config = BTreeMap::from([
        ("mode".to_owned(), "remote".to_owned()),
        ("remote.endpoint".to_owned(), endpoint.to_owned()),
    ]);
    if allowed {
        config.insert("write.allow".to_owned(), endpoint.to_owned());
    }
    let does = if answers { "answers" } else { "silent" };
    Situation {
        config,
        remote: Some(does.to_owned()),
        ..Situation::default()
    }
}

#[test]
fn the_access_to_an_endpoint_rises_by_the_operator_alone() {
    let (ro, rw) = (remote(true, false).report(), remote(true, true).report());
    let watched = rerun(&ro, true, Cause::Watcher, rw.clone()).decision;
    assert_eq!(watched.mode.access, Access::Ro);
    assert_eq!(watched.steps, ro.decision.steps);
    let asked = rerun(&ro, true, Cause::Operator, rw.clone()).decision;
    assert_eq!(asked.mode.access, Access::Rw);
    assert_eq!(asked.steps, rw.decision.steps);
    assert!(asked.steps.iter().all(asl_decide::Step::writes));
    // It falls by whoever looks; what is mounted is still known as it is.
    for cause in [Cause::Watcher, Cause::Operator] {
        let fallen = rerun(&rw, true, cause, ro.clone()).decision;
        assert_eq!(fallen.mode.access, Access::Ro);
        assert_eq!(fallen.mode.mount, rw.decision.mode.mount);
        assert_eq!(fallen.steps, rw.decision.steps);
    }
}

#[test]
fn a_silent_endpoint_stays_mounted_whoever_looks() {
    let before = remote(true, true).report();
    for cause in [Cause::Watcher, Cause::Operator] {
        let next = remote(false, true).report();
        let silent = rerun(&before, true, cause, next).decision;
        let (now, then) = (&silent.mode, &before.decision.mode);
        assert_eq!(
            (&now.backend, &now.mount, now.access),
            (&then.backend, &then.mount, then.access)
        );
        assert_eq!(silent.steps, before.decision.steps);
    }
}

#[test]
fn an_endpoint_that_was_waited_for_is_mounted_with_the_access_that_was_told() {
    let waiting = remote(false, false).report();
    let answers = remote(true, true).report();
    let watched = rerun(&waiting, true, Cause::Watcher, answers.clone()).decision;
    assert_eq!(watched.mode.access, Access::Ro);
    assert!(!watched.steps.is_empty());
    assert!(!watched.steps.iter().any(asl_decide::Step::writes));
    let asked = rerun(&waiting, true, Cause::Operator, answers.clone()).decision;
    assert_eq!(asked.steps, answers.decision.steps);
    // Consent that was there all along.
    let allowed = remote(false, true).report();
    let mounted = rerun(&allowed, true, Cause::Watcher, answers.clone()).decision;
    assert_eq!(mounted.mode.access, Access::Rw);
    assert_eq!(mounted.steps, answers.decision.steps);
}

#[test]
fn another_endpoint_does_not_take_the_place_of_the_served_one() {
    let before = remote(true, false).report();
    let mut other = remote(true, false);
    let endpoint = "nfs://other/asl".to_owned();
    other.config.insert("remote.endpoint".to_owned(), endpoint);
    let mode = rerun(&before, true, Cause::Operator, other.report())
        .decision
        .mode;
    assert_eq!(mode.store, "nfs://nas/asl");
    assert!(mode.reason.contains("else it would be mode remote"));
}

#[test]
fn of_two_stores_in_one_file_system_the_served_one_is_followed() {
    let two = |config: &[(&str, &str)], stores: &[(&str, &str)]| {
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let mut two = sole();
        two.config = owned(config);
        two.device[0].store = None;
        two.device[0].stores = owned(stores);
        two.report()
    };
    let both = [("/a", "one"), ("/b", "two")];
    let before = two(&[("use", "two")], &both);
    assert_eq!(before.decision.mode.store, "two");
    let again = |next| rerun(&before, true, Cause::Watcher, next).decision.mode;
    let same = again(two(&[("use", "two")], &both));
    assert_eq!(same.reason, before.decision.mode.reason);
    // The other one alone is not it.
    let other = again(two(&[], &both[..1]));
    assert_eq!(other.store, "two");
    assert!(other.reason.contains("else it would be mode local"));
}

#[test]
fn another_choice_of_the_operator_waits_until_what_is_served_ends() {
    let mut after = sole();
    after.device.push(second());
    after.config = BTreeMap::from([("use".to_owned(), "two".to_owned())]);
    let mode = rerun(&served(Access::Ro), true, Cause::Operator, after.report())
        .decision
        .mode;
    assert_eq!(mode.store, "one");
    assert!(mode.reason.contains("else it would be mode local"));
}

#[test]
fn a_store_that_its_file_system_names_is_missed_like_any_other() {
    let mut layout = sole();
    layout.device[0].store = None;
    layout.device[0].layout = true;
    let before = layout.report();
    assert_eq!(before.decision.mode.mode, Mode::Local);
    layout.device[0].name = "sdb".to_owned();
    layout.device[0].uuid = Some("another".to_owned());
    let lost = rerun(&before, true, Cause::Watcher, layout.report());
    assert_eq!(lost.decision.mode.code, STORE_LOST);
}

#[test]
fn devices_that_a_store_cannot_be_without_end_it() {
    let before = named("btrfs-complete").report();
    let next = named("btrfs-member-missing").report();
    let mode = rerun(&before, true, Cause::Watcher, next).decision.mode;
    assert_eq!(mode.code, STORE_LOST);
    assert!(mode.reason.contains("1 of 2 devices"), "{}", mode.reason);
}

#[test]
fn a_copy_on_another_disk_does_not_take_the_place_of_what_is_served() {
    let mut named_by_its_disk = named("clone-named-by-its-disk");
    let serial = |situation: &mut Situation, serial: &str| {
        let config = &mut situation.config;
        config.insert("local.serial".to_owned(), serial.to_owned());
    };
    serial(&mut named_by_its_disk, "S-sda");
    let before = named_by_its_disk.report();
    assert_eq!(before.decision.mode.source, "/dev/sda1");
    serial(&mut named_by_its_disk, "S-sdb");
    let consent = ("write.allow".to_owned(), "one@S-sdb".to_owned());
    named_by_its_disk.config.extend([consent]);
    let next = named_by_its_disk.report();
    assert_eq!(next.decision.mode.access, Access::Rw);
    let mode = rerun(&before, true, Cause::Operator, next).decision.mode;
    assert_eq!(
        (mode.source.as_str(), mode.access),
        ("/dev/sda1", Access::Ro)
    );
    assert!(mode.reason.contains("else it would be mode local"));
}
