//! Rules 39 to 43: nothing is claimed.

use super::{AGAIN, Asked, Choice, none, use_it};
use crate::candidate::Candidate;
use crate::keys::{self, Source};
use crate::remote;
use crate::rules::{self, Rule};
use crate::steps;
use crate::text::{list, place, pool_name};
use asl_config::{Assume, WantedMode};
use asl_facts::{Facts, Pool, Probe, Remote};
use asl_mode::{Access, Mode};

/// 39 to 43
pub(super) fn without_store(asked: Asked<'_>, candidates: &[Candidate<'_>]) -> Choice {
    let Asked { facts, config, .. } = asked;
    let local = || {
        assumed_pool(asked, candidates).unwrap_or_else(|| {
            let (reason, hint, rule, code) = local_outcome(facts, candidates);
            none(rule, code, &reason, &hint)
        })
    };
    let endpoint = config.remote.endpoint.as_ref();
    let Some(endpoint) = endpoint.filter(|_| config.mode == WantedMode::Auto) else {
        return local();
    };
    // A key was given for what is locked, so a store is meant to be in there.
    let keyed = candidates.iter().any(|candidate| {
        let source = keys::source(config, candidate);
        matches!(source, Some(Source::Named(_))) && !candidate.dropped()
    });
    let (reason, hint, rule, code) = local_outcome(facts, candidates);
    let (down, seen) = match &facts.remote {
        Remote::Answers { .. } if keyed => return none(rule, code, &reason, &hint),
        Remote::Answers { .. } => {
            let text = format!("no store is here, and {endpoint} answers");
            let rule = (rules::REMOTE_OK, "remote-ok");
            return remote::choice(facts, config, endpoint, rule, &text);
        }
        Remote::Silent { why, .. } => ("remote-down", format!("does not answer: {why}")),
        Remote::None | Remote::NotProbed { .. } => (
            "remote-not-probed",
            "was not asked: this version does not speak its protocol before intake".to_owned(),
        ),
    };
    none(
        rules::REMOTE_DOWN,
        down,
        &format!("{reason}; {endpoint} {seen}"),
        &format!(
            "to serve it all the same: mode = remote in /etc/asl/asl.conf, {AGAIN}; for a local one: {hint}"
        ),
    )
}

/// 41: the configuration takes the only pool for the store, read or not.
fn assumed_pool(asked: Asked<'_>, candidates: &[Candidate<'_>]) -> Option<Choice> {
    let Asked { facts, config, .. } = asked;
    if config.import.assume != Assume::SolePool || config.mode == WantedMode::Local {
        return None;
    }
    let pools: Vec<&Pool> = facts.all_pools().collect();
    let [pool] = pools.as_slice() else {
        return None;
    };
    let on_it = |candidate: &&Candidate<'_>| {
        candidate
            .stack
            .pools
            .iter()
            .any(|known| known.id == pool.id)
    };
    let here: Vec<&Candidate<'_>> = candidates.iter().filter(on_it).collect();
    let [only] = here.as_slice() else {
        return None;
    };
    // What it needs was judged only for what is claimed.
    let lacks = !steps::lacks(facts, config, only).is_empty();
    if only.blocked() || only.dropped() || only.read_to_end() || lacks {
        return None;
    }
    let reason = format!(
        "{} is the only pool, which import.assume takes for the store",
        pool_name(pool)
    );
    steps::steps(facts, config, only, Access::Ro)?;
    // Consent names a store, and none was read.
    let how = (Mode::Import, Access::Ro, rules::ASSUMED_POOL);
    Some(use_it(asked, only, how, reason))
}

/// 42 and 43.
fn local_outcome(
    facts: &Facts,
    candidates: &[Candidate<'_>],
) -> (String, String, Rule, &'static str) {
    const ATTACH: &str = "attach the disk that holds the store, then asl-admin preflight";
    let mut unread = Vec::new();
    let mut hints = Vec::new();
    for candidate in candidates {
        let own = candidate
            .stack
            .leaves
            .iter()
            .any(|leaf| leaf.live.is_some());
        if candidate.read_to_end() || candidate.dropped() || own {
            continue;
        }
        let finding = candidate.verdict().or(candidate.findings.first());
        let text = finding.map_or("not read", |finding| finding.text.as_str());
        unread.push(format!("{}: {text}", place(facts, candidate.device)));
        hints.extend(
            finding
                .map(|finding| finding.hint.clone())
                .filter(|hint| !hint.is_empty()),
        );
    }
    for device in &facts.devices {
        if let Probe::Skipped { why } = &device.probe
            && why == "excluded"
        {
            unread.push(format!(
                "{}: left alone, it is in detect.exclude",
                place(facts, device)
            ));
        }
    }
    if unread.is_empty() {
        let reason = "everything that is attached was read to the end and holds no store";
        let hint = match blank(facts).as_slice() {
            [] => ATTACH.to_owned(),
            blank => format!(
                "{ATTACH}; without any signature and free for a new one: {}",
                list(blank)
            ),
        };
        return (reason.to_owned(), hint, rules::EMPTY, "empty");
    }
    unread.sort();
    hints.sort();
    hints.dedup();
    let hint = if hints.is_empty() {
        ATTACH.to_owned()
    } else {
        list(&hints)
    };
    let reason = format!(
        "no store was found, and not everything could be read: {}",
        list(&unread)
    );
    (reason, hint, rules::NOTHING_READ, "no-store")
}

/// Disks on which nothing at all was found: only on these may somebody make a
/// store. One that was merely not understood may hold anything.
fn blank(facts: &Facts) -> Vec<String> {
    let is_free = |device: &&asl_facts::Device| {
        let blank = matches!(device.probe, Probe::Read { blank: true, .. });
        let parts = facts.devices.iter();
        let mut parts = parts.filter(|other| other.parent.as_deref() == Some(&device.name));
        blank
            && device.kind == asl_facts::DeviceKind::Disk
            && device.live.is_none()
            && device.uses.is_empty()
            && device.holders.is_empty()
            && parts.next().is_none()
    };
    let mut free: Vec<String> = facts
        .devices
        .iter()
        .filter(is_free)
        .map(|device| place(facts, device))
        .collect();
    free.sort();
    free
}
