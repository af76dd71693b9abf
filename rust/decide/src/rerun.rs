//! Rule 44: what a later decision may change while a store is served.
//!
//! A disk that appears must not take a node away from those who use it, so
//! the store that is served stays, whatever the table would choose now. What
//! may still change is the access, which falls when something speaks against
//! writing, and the end: a store that is gone is told as lost, and nothing
//! takes its place before the operator says so.

use crate::rules::{
    BLOCKED_ONLY, BUSY, CONFIG_ERROR, DIRTY, INCOMPLETE, INTERNAL, RERUN, UNREADABLE,
};
use crate::{Decision, Effect, Judged, Report, Step};
use asl_facts::{Facts, Probe, Use};
use asl_mode::{Access, Mode, ModeFile};

/// The code of a store that went away while it was served.
pub const STORE_LOST: &str = "store-lost";

/// Separates, in the reason of a store that stays, why it was chosen from
/// what happened since.
const STAYS: &str = "; it stays while it is served";

/// What the operator does to have the table decide anew.
const ANEW: &str = "systemctl restart asl-preflight, then systemctl start asl-intake";

/// Who wanted a new decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody typed a command: a lost store is forgotten when nothing is
    /// served, and consent may raise the access.
    Operator,
    /// Devices or routes changed.
    Watcher,
}

/// What becomes of `next`, a decision from the table, behind `previous`, the
/// last one of this boot. `running`: the store of `previous` is served.
#[must_use]
pub fn rerun(previous: &Report, running: bool, cause: Cause, next: Report) -> Report {
    let before = &previous.decision.mode;
    match (running, before.mode, cause) {
        (true, Mode::Local | Mode::Import, _) => keep_store(previous, cause, next),
        (true, Mode::Remote, _) => keep_remote(previous, cause, next),
        (_, Mode::None, Cause::Watcher) if before.code == STORE_LOST => Report {
            decision: Decision {
                mode: of(&next, before.clone()),
                steps: Vec::new(),
                ..next.decision
            },
            ..next
        },
        _ => next,
    }
}

/// Nothing that matters differs, so that nothing need be written. Mounts,
/// holders and read-only flags do not count: an activation makes them itself,
/// and a failing one would else be tried for ever.
#[must_use]
pub fn unchanged(previous: &Report, next: &Report) -> bool {
    let (before, after) = (&previous.decision, &next.decision);
    let mode = |mode: &ModeFile| ModeFile {
        generation: 0,
        ..mode.clone()
    };
    mode(&before.mode) == mode(&after.mode)
        && before.steps == after.steps
        && substance(&previous.facts) == substance(&next.facts)
}

/// The facts without what differs between two looks at the same machine.
fn substance(facts: &Facts) -> Facts {
    let mut facts = Facts {
        generation: 0,
        timing: asl_facts::Timing::default(),
        // A module that was loaded since; what matters of it is in the
        // decision.
        system: asl_facts::System::default(),
        ..facts.clone()
    };
    for device in &mut facts.devices {
        match &mut device.probe {
            Probe::Read { reads, bytes, .. } => (*reads, *bytes) = (0, 0),
            Probe::TimedOut { after_ms } => *after_ms = 0,
            Probe::Failed(_) | Probe::Skipped { .. } => {}
        }
        device.uses.retain(|used| *used == Use::Swap);
        device.holders.clear();
        device.read_only = false;
    }
    facts
}

/// A mode file in place of the one of `next`.
fn of(next: &Report, mode: ModeFile) -> ModeFile {
    ModeFile {
        generation: next.decision.mode.generation,
        boot_id: next.decision.mode.boot_id.clone(),
        ..mode
    }
}

fn keep_store(previous: &Report, cause: Cause, next: Report) -> Report {
    let before = &previous.decision.mode;
    let failed = [INTERNAL.name, CONFIG_ERROR.name].contains(&next.decision.mode.rule.as_str());
    if failed {
        // Nothing was looked at: the evidence of the last look stays. A
        // configuration that cannot be read gives no consent.
        let access = if next.decision.mode.rule == CONFIG_ERROR.name {
            Access::Ro
        } else {
            before.access
        };
        let told = vec![next.decision.mode.reason.clone()];
        return stay(previous, access, &told, previous.clone(), &next);
    }
    let Some(served) = served(previous) else {
        return stay(previous, before.access, &[], next.clone(), &next);
    };
    let now = successor(previous, served, &next);
    if let Some(why) = gone(previous, served, now, &next) {
        return lost(previous, &why, next);
    }
    let mut told = Vec::new();
    let new = &next.decision.mode;
    // Whoever looks while it is written to finds it in use: its consent may
    // have been taken and given since.
    let written = previous.decision.steps.iter().any(Step::writes);
    let kept = written && now.is_some_and(|now| is_kept_by_its_use(now, new));
    // Another store in the same file system is not what is served, nor is a
    // copy of it on another disk. The node does not count: what has to be
    // activated may have another number now.
    let chosen = new.store == before.store && now.is_some_and(|now| is_named(now, new));
    // The consent of the operator; activation has to be restarted for it.
    let asked = cause == Cause::Operator && before.access == Access::Ro;
    let against = against_writing(now);
    if asked && kept && against.is_none() {
        return stay(previous, Access::Rw, &[], next.clone(), &next);
    }
    if asked && chosen && new.access == Access::Rw {
        return next;
    }
    let access = match against {
        Some(why) if written => {
            told.push(format!("read-only from now on, {why}"));
            Access::Ro
        }
        _ => before.access,
    };
    if !chosen && !kept {
        told.push(format!(
            "else it would be mode {} ({}), {}",
            new.mode, new.code, new.reason
        ));
    }
    stay(previous, access, &told, next.clone(), &next)
}

/// Mode remote: silence is nothing new, intake tries again.
fn keep_remote(previous: &Report, cause: Cause, next: Report) -> Report {
    let before = &previous.decision.mode;
    let new = &next.decision.mode;
    if new.mode == Mode::Remote && new.store == before.store {
        let consent = cause == Cause::Operator && new.access > before.access;
        let access = if consent {
            new.access
        } else {
            before.access.min(new.access)
        };
        // What is mounted stays so through a silence. Where it answers for the
        // first time, or may now be written to, it is mounted as chosen now.
        let waited = previous.decision.steps.is_empty();
        let from = if waited || consent {
            &next.decision
        } else {
            &previous.decision
        };
        let mode = ModeFile {
            access,
            backend: from.mode.backend.clone(),
            mount: from.mode.mount.clone(),
            ..new.clone()
        };
        let mut steps = from.steps.clone();
        if waited && access == Access::Ro {
            steps.iter_mut().for_each(read_only);
        }
        return Report {
            decision: Decision {
                mode,
                steps,
                ..next.decision
            },
            ..next
        };
    }
    let told = format!(
        "else it would be mode {} ({}), {}",
        new.mode, new.code, new.reason
    );
    stay(previous, before.access, &[told], next.clone(), &next)
}

fn read_only(step: &mut Step) {
    if let Step::MountRemote { options, .. } = step {
        let access = options.iter_mut().filter(|option| *option == "rw");
        access.for_each(|option| *option = Access::Ro.name().to_owned());
    }
}

/// The store of `previous` with the evidence of `seen`, numbered as `next`.
fn stay(previous: &Report, access: Access, told: &[String], seen: Report, next: &Report) -> Report {
    let mut mode = of(next, reworded(&previous.decision.mode, told));
    mode.access = access;
    let mut report = Report {
        decision: Decision {
            mode,
            // What was carried out, so that it is known as such.
            steps: previous.decision.steps.clone(),
            ..seen.decision
        },
        ..seen
    };
    report.facts.generation = next.facts.generation;
    report.facts.remote = next.facts.remote.clone();
    // What cannot be read any more is still known by what it was.
    if let (None, Some(judged)) = (served(&report), served(previous)) {
        let kept = Judged {
            code: "served".to_owned(),
            ..judged.clone()
        };
        report.decision.candidates.push(kept);
    }
    report
}

/// The reason without what an earlier rerun told, and with what this one has
/// to tell.
fn reworded(mode: &ModeFile, told: &[String]) -> ModeFile {
    let why = mode.reason.split(STAYS).next().unwrap_or_default();
    let mut mode = ModeFile {
        reason: why.to_owned(),
        ..mode.clone()
    };
    if !told.is_empty() {
        mode.reason = format!("{why}{STAYS}: {}", told.join("; "));
    }
    mode
}

fn lost(previous: &Report, why: &str, next: Report) -> Report {
    let before = &previous.decision.mode;
    let mode = ModeFile::none(
        RERUN.name,
        STORE_LOST,
        &format!(
            "store {} was served from {} and is gone: {why}; nothing takes its place by itself",
            before.store, before.source
        ),
        &format!("attach it again, or choose another with asl-admin use; {ANEW}"),
    );
    Report {
        decision: Decision {
            mode: of(&next, mode),
            steps: Vec::new(),
            ..next.decision
        },
        ..next
    }
}

/// The candidate whose store is served.
fn served(report: &Report) -> Option<&Judged> {
    let mode = &report.decision.mode;
    let mut candidates = report.decision.candidates.iter();
    candidates.find(|judged| is_named(judged, mode) && judged.node == mode.source)
}

/// It is claimed, and what the mode calls the store.
fn is_named(judged: &Judged, mode: &ModeFile) -> bool {
    let store = Some(mode.store.as_str());
    let named = match (&judged.image, &judged.uuid) {
        // The UUID is that of the file system around it.
        (Some(path), Some(uuid)) => {
            let id = mode.store.strip_suffix(path.as_str());
            let id = id.and_then(|id| id.strip_suffix(':'));
            id.is_some_and(|id| id.eq_ignore_ascii_case(uuid))
        }
        _ => judged.id.as_deref() == store || judged.uuid.as_deref() == store,
    };
    judged.claimed && named
}

/// What `served` is in `next`: the same store on a device that it was on, else
/// what the same file system is now, when its store cannot be told.
fn successor<'a>(previous: &Report, served: &Judged, next: &'a Report) -> Option<&'a Judged> {
    let here = here(previous, served, next);
    let there = |judged: &&Judged| {
        judged.uuid == served.uuid
            && judged
                .devices
                .iter()
                .any(|name| here.contains(&name.as_str()))
    };
    let exact = |judged: &&Judged| {
        (&judged.id, &judged.path, &judged.image) == (&served.id, &served.path, &served.image)
    };
    let candidates = || next.decision.candidates.iter().filter(there);
    candidates()
        .find(exact)
        .or_else(|| candidates().find(|_| served.uuid.is_some()))
}

/// The devices of `served` that are still the ones that they were.
fn here<'a>(previous: &Report, served: &'a Judged, next: &Report) -> Vec<&'a str> {
    let same = |name: &&str| match (previous.facts.find(name), next.facts.find(name)) {
        (Some(before), Some(after)) => {
            (before.size, &before.identity, &before.backing_file)
                == (after.size, &after.identity, &after.backing_file)
        }
        // Unknown then, so nothing is missed now.
        (None, _) => true,
        (Some(_), None) => false,
    };
    served
        .devices
        .iter()
        .map(String::as_str)
        .filter(same)
        .collect()
}

/// Why the store is no longer there, if it is not. What cannot be read any
/// more is there: a dying disk serves what it still can.
fn gone(previous: &Report, served: &Judged, now: Option<&Judged>, next: &Report) -> Option<String> {
    if let Some(now) = now {
        let mut findings = now.findings.iter();
        return findings
            .find(|finding| finding.rule == INCOMPLETE.name && finding.effect == Effect::Block)
            .map(|finding| finding.text.clone());
    }
    let here = here(previous, served, next);
    let mut names = served.devices.iter().map(String::as_str);
    if let Some(missing) = names.find(|name| !here.contains(name)) {
        return Some(match next.facts.find(missing) {
            Some(_) => format!("/dev/{missing} is another device now"),
            None => format!("/dev/{missing} is not there any more"),
        });
    }
    let mut there = next.decision.candidates.iter();
    let other = there.find(|judged| {
        judged.node == served.node && judged.uuid.is_some() && judged.uuid != served.uuid
    })?;
    Some(format!(
        "{} holds file system {} now",
        served.place,
        other.uuid.as_deref().unwrap_or_default()
    ))
}

/// What speaks against going on to write to it, if anything does.
fn against_writing(now: Option<&Judged>) -> Option<String> {
    let Some(now) = now else {
        return Some("it cannot be read any more".to_owned());
    };
    let mut findings = now.findings.iter();
    let finding =
        findings.find(|finding| finding.effect != Effect::Note && !is_of_its_use(&finding.rule));
    match finding {
        Some(finding) => Some(finding.text.clone()),
        None if now.consent => None,
        None => Some("without consent".to_owned()),
    }
}

/// Whoever reads beside a writer finds it mounted, its log in use and its tree
/// half written.
fn is_of_its_use(rule: &str) -> bool {
    [BUSY.name, DIRTY.name, UNREADABLE.name].contains(&rule)
}

/// The decision would be for it, if it were not written to as decided.
fn is_kept_by_its_use(judged: &Judged, mode: &ModeFile) -> bool {
    mode.rule == BLOCKED_ONLY.name && mode.code == judged.code && is_of_its_use(&judged.rule)
}
