//! Rules 33 to 43: the choice among what is claimed. The first that applies
//! decides.

use crate::candidate::{Candidate, Content};
use crate::rules::{self, Rule};
use crate::text::{list, place};
use crate::{Step, mount};
use asl_config::{Config, WantedMode};
use asl_facts::{Facts, Probe, Remote};
use asl_mode::{Mode, ModeFile, NONE};

/// What follows every change of the configuration.
const AGAIN: &str = "then asl-admin preflight and systemctl start asl-intake";

/// A mode and the steps to it.
pub(crate) type Choice = (ModeFile, Vec<Step>);

pub(crate) fn none(rule: Rule, code: &str, reason: &str, hint: &str) -> Choice {
    (ModeFile::none(rule.name, code, reason, hint), Vec::new())
}

/// The choice among all candidates after they were judged.
pub(crate) fn choose(
    facts: &Facts,
    config: &Config,
    selected: bool,
    candidates: &[Candidate<'_>],
) -> Choice {
    let claimed: Vec<&Candidate<'_>> = candidates
        .iter()
        .filter(|candidate| is_claimed(candidate, selected))
        .collect();
    let usable: Vec<&Candidate<'_>> = claimed
        .iter()
        .copied()
        .filter(|candidate| !candidate.blocked())
        .collect();
    let wanted: Vec<&Candidate<'_>> = usable
        .iter()
        .copied()
        .filter(|candidate| is_wanted(config.mode, candidate))
        .collect();
    match (wanted.as_slice(), claimed.as_slice()) {
        ([], [_, ..]) if !usable.is_empty() => mode_mismatch(facts, config, &usable),
        ([only], [_]) => sole_plain(facts, config, only),
        ([only], _) => usable_and_blocked(facts, only, &claimed),
        ([_, _, ..], _) => many(facts, &wanted),
        ([], [_, ..]) => blocked_only(facts, &claimed),
        ([], []) => without_store(facts, config, candidates),
    }
}

pub(crate) fn is_claimed(candidate: &Candidate<'_>, selected: bool) -> bool {
    if selected {
        return candidate.selected;
    }
    candidate.store.is_some() && !candidate.dropped()
}

/// What a forced mode allows. Only what spans devices needs steps before its
/// mount in this version.
fn is_wanted(mode: WantedMode, candidate: &Candidate<'_>) -> bool {
    match mode {
        WantedMode::Local => !candidate.spans_devices(),
        WantedMode::Import => candidate.spans_devices(),
        WantedMode::Auto | WantedMode::None | WantedMode::Remote => true,
    }
}

/// `store ID on DISK`
fn name(facts: &Facts, candidate: &Candidate<'_>) -> String {
    if let Content::Damaged(format, _) = candidate.content {
        return format!("a damaged {format} on {}", place(facts, candidate.device));
    }
    let what = match (candidate.store_id(), candidate.uuid()) {
        (Some(id), _) => format!("store {id}"),
        (None, Some(uuid)) if candidate.store.is_some() => {
            format!("store without an id on UUID {uuid}")
        }
        (None, Some(uuid)) => format!("file system {uuid}"),
        (None, None) => "what was not read".to_owned(),
    };
    let path = if candidate.path == "/" {
        String::new()
    } else {
        format!(" in {}", candidate.path)
    };
    format!("{what}{path} on {}", place(facts, candidate.device))
}

/// The line of the configuration that names only this one among `others`.
fn selector_for(candidate: &Candidate<'_>, others: &[&Candidate<'_>]) -> String {
    let elsewhere = |same: &dyn Fn(&Candidate<'_>) -> bool| {
        others.iter().filter(|other| same(other)).count() <= 1
    };
    if let Some(id) = candidate.id()
        && elsewhere(&|other| {
            let same = |seen: Option<&str>| seen.is_some_and(|seen| seen.eq_ignore_ascii_case(id));
            same(other.store_id()) || same(other.uuid())
        })
    {
        return format!("local.uuid = {id}");
    }
    if let Some(serial) = &candidate.device.identity.serial
        && elsewhere(&|other| other.device.identity.serial.as_ref() == Some(serial))
    {
        return format!("local.serial = {}", serial.printable());
    }
    if elsewhere(&|other| other.device.node == candidate.device.node) {
        return format!("local.device = {}", candidate.device.node);
    }
    format!("only one store on {}", candidate.device.node)
}

/// All of them by name, each with the selector that names only it.
pub(crate) fn named_each(facts: &Facts, candidates: &[&Candidate<'_>]) -> String {
    let names: Vec<String> = candidates
        .iter()
        .map(|candidate| {
            let selector = selector_for(candidate, candidates);
            format!("{} ({selector})", name(facts, candidate))
        })
        .collect();
    list(&names)
}

/// What stands against a blocked candidate, with its name.
fn blocked_name(facts: &Facts, candidate: &Candidate<'_>) -> String {
    match candidate.verdict() {
        Some(finding) => format!(
            "{}: {} ({})",
            name(facts, candidate),
            finding.text,
            finding.code
        ),
        None => name(facts, candidate),
    }
}

/// 33
fn mode_mismatch(facts: &Facts, config: &Config, usable: &[&Candidate<'_>]) -> Choice {
    let names: Vec<String> = usable
        .iter()
        .map(|candidate| name(facts, candidate))
        .collect();
    none(
        rules::MODE_MISMATCH,
        "mode-mismatch",
        &format!(
            "mode = {} was asked for, and what can be used is of another kind: {}",
            config.mode,
            list(&names)
        ),
        &format!("set mode = auto or mode = local in /etc/asl/asl.conf, {AGAIN}"),
    )
}

/// 34
fn sole_plain(facts: &Facts, config: &Config, only: &Candidate<'_>) -> Choice {
    let target = config.local.mount.0.as_str();
    let Some(step) = mount::step(&facts.system, only, target) else {
        // Rule 25 blocks what has no step, so it cannot be chosen.
        return internal("a store without a way to mount it was chosen");
    };
    let how = if only.selected {
        "is the one that is named"
    } else {
        "is the only one"
    };
    let mut reason = format!("{} {how}", name(facts, only));
    for finding in &only.findings {
        reason.push_str(&format!("; {}", finding.text));
    }
    let mode = ModeFile {
        mode: Mode::Local,
        backend: "posix".to_owned(),
        source: only.device.node.clone(),
        store: only.id().unwrap_or(NONE).to_owned(),
        mount: target.to_owned(),
        ..ModeFile::none(
            rules::SOLE_PLAIN.name,
            "sole-plain",
            &reason,
            "asl-intake status",
        )
    };
    (mode, vec![step])
}

/// 36
fn usable_and_blocked(facts: &Facts, only: &Candidate<'_>, claimed: &[&Candidate<'_>]) -> Choice {
    let others: Vec<String> = claimed
        .iter()
        .filter(|candidate| !std::ptr::eq(**candidate, only))
        .map(|candidate| blocked_name(facts, candidate))
        .collect();
    let selector = selector_for(only, claimed);
    none(
        rules::USABLE_AND_BLOCKED,
        "usable-and-blocked",
        &format!(
            "{} can be used, and beside it there is {}",
            name(facts, only),
            list(&others)
        ),
        &format!("to use the first: {selector} in /etc/asl/asl.conf, {AGAIN}"),
    )
}

/// 37
fn many(facts: &Facts, wanted: &[&Candidate<'_>]) -> Choice {
    none(
        rules::MANY,
        "many",
        &format!(
            "{} stores can be used: {}",
            wanted.len(),
            named_each(facts, wanted)
        ),
        &format!("put the line of the one to use into /etc/asl/asl.conf, {AGAIN}"),
    )
}

/// 38
fn blocked_only(facts: &Facts, claimed: &[&Candidate<'_>]) -> Choice {
    if let [only] = claimed
        && let Some(finding) = only.verdict()
    {
        return none(
            rules::BLOCKED_ONLY,
            &finding.code,
            &format!("{} cannot be used: {}", name(facts, only), finding.text),
            &finding.hint,
        );
    }
    let names: Vec<String> = claimed
        .iter()
        .map(|candidate| blocked_name(facts, candidate))
        .collect();
    let hints = claimed.iter().filter_map(|candidate| candidate.verdict());
    let mut hints: Vec<String> = hints.map(|finding| finding.hint.clone()).collect();
    hints.sort();
    hints.dedup();
    none(
        rules::BLOCKED_ONLY,
        "blocked",
        &format!(
            "{} stores, none of which can be used: {}",
            claimed.len(),
            list(&names)
        ),
        &list(&hints),
    )
}

/// 39 to 43
fn without_store(facts: &Facts, config: &Config, candidates: &[Candidate<'_>]) -> Choice {
    let (reason, hint, rule, code) = local_outcome(facts, candidates);
    let Some(endpoint) = (config.mode == WantedMode::Auto)
        .then_some(config.remote.endpoint.as_ref())
        .flatten()
    else {
        return none(rule, code, &reason, &hint);
    };
    let (code, seen) = match &facts.remote {
        Remote::Answers { .. } => {
            let text = format!("no store is here, and {endpoint} answers");
            return remote(
                rules::REMOTE_OK,
                "remote-ok",
                &endpoint.text,
                &text,
                "asl-intake status",
            );
        }
        Remote::Silent { why, .. } => ("remote-down", format!("does not answer: {why}")),
        Remote::None | Remote::NotProbed { .. } => (
            "remote-not-probed",
            "was not asked: this version does not speak to endpoints before intake".to_owned(),
        ),
    };
    none(
        rules::REMOTE_DOWN,
        code,
        &format!("{reason}; {endpoint} {seen}"),
        &format!(
            "to serve it all the same: mode = remote in /etc/asl/asl.conf, {AGAIN}; for a local one: {hint}"
        ),
    )
}

pub(crate) fn remote(rule: Rule, code: &str, endpoint: &str, reason: &str, hint: &str) -> Choice {
    let mode = ModeFile {
        mode: Mode::Remote,
        backend: "remote".to_owned(),
        source: endpoint.to_owned(),
        store: endpoint.to_owned(),
        ..ModeFile::none(rule.name, code, reason, hint)
    };
    (mode, Vec::new())
}

/// 42 and 43. Nothing here advises to make a store: what this version does
/// not recognise may hold anything.
fn local_outcome(
    facts: &Facts,
    candidates: &[Candidate<'_>],
) -> (String, String, Rule, &'static str) {
    const ATTACH: &str = "attach the disk that holds the store, then asl-admin preflight";
    let mut unread = Vec::new();
    let mut hints = Vec::new();
    for candidate in candidates {
        let own = candidate.device.live.is_some();
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
        let reason = "no store on any ext2, ext3, ext4, xfs or btrfs file system, which is all that this version reads";
        return (reason.to_owned(), ATTACH.to_owned(), rules::EMPTY, "empty");
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

/// 1
pub(crate) fn internal(what: &str) -> Choice {
    none(
        rules::INTERNAL,
        "internal",
        &format!("preflight failed: {what}"),
        "asl-admin preflight; journalctl -u asl-preflight",
    )
}
