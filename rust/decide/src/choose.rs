//! Rules 33 to 43: the choice among what is claimed. The first that applies
//! decides.

mod absent;

use crate::access;
use crate::candidate::{Candidate, Content};
use crate::rules::{self, Rule};
use crate::text::{self, list, place, pool_name};
use crate::{Step, steps};
use asl_config::{Config, WantedMode};
use asl_facts::{Facts, Text};
use asl_mode::{Access, Mode, ModeFile, NONE};

/// What follows every change of the configuration.
const AGAIN: &str = "then asl-admin preflight and systemctl start asl-intake";

/// A mode and the steps to it.
pub(crate) type Choice = (ModeFile, Vec<Step>);

/// What the choice is made from beside the candidates.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) config: &'a Config,
    /// A selector matched.
    pub(crate) selected: bool,
}

pub(crate) fn none(rule: Rule, code: &str, reason: &str, hint: &str) -> Choice {
    (ModeFile::none(rule.name, code, reason, hint), Vec::new())
}

/// The choice among all candidates after they were judged.
pub(crate) fn choose(asked: Asked<'_>, candidates: &[Candidate<'_>]) -> Choice {
    let Asked { facts, config, .. } = asked;
    let claimed: Vec<&Candidate<'_>> = candidates
        .iter()
        .filter(|candidate| is_claimed(candidate, asked.selected))
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
        ([only], [_]) => sole(asked, only),
        ([only], _) => usable_and_blocked(facts, only, &claimed),
        ([_, _, ..], _) => many(facts, &wanted),
        ([], [_, ..]) => blocked_only(facts, &claimed),
        ([], []) => absent::without_store(asked, candidates),
    }
}

pub(crate) fn is_claimed(candidate: &Candidate<'_>, selected: bool) -> bool {
    if selected {
        return candidate.selected;
    }
    candidate.store.is_some() && !candidate.dropped()
}

/// What a forced mode allows.
fn is_wanted(mode: WantedMode, candidate: &Candidate<'_>) -> bool {
    match mode {
        WantedMode::Local => !candidate.is_layered(),
        WantedMode::Import => candidate.is_layered(),
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
        (None, None) => "what could not be read".to_owned(),
    };
    let path = match candidate.image {
        Some(image) => format!(" with image file {}", Text::from(&*image.path).printable()),
        None if candidate.path == "/" => String::new(),
        None => format!(" in {}", candidate.path),
    };
    let on = match candidate.pool {
        Some(pool) => format!("{} ({})", pool_name(pool), place(facts, candidate.device)),
        None => place(facts, candidate.device),
    };
    format!("{what}{path} on {on}")
}

/// The command that takes this one and none of the `others`.
fn selector_for(candidate: &Candidate<'_>, others: &[&Candidate<'_>]) -> String {
    let alone = |same: &dyn Fn(&Candidate<'_>) -> bool| {
        others.iter().filter(|other| same(other)).count() <= 1
    };
    // `use` takes the place of local.image.
    if let Some(id) = candidate.id().filter(|_| candidate.image.is_none()) {
        let names = |other: &Candidate<'_>| {
            let same = |seen: Option<&str>| seen.is_some_and(|seen| seen.eq_ignore_ascii_case(id));
            same(other.store_id()) || same(other.uuid())
        };
        if alone(&names) {
            return format!("asl-admin use {id}");
        }
        if alone(&|other| names(other) && other.path == candidate.path) {
            return format!("asl-admin use {id}:{}", candidate.path);
        }
    }
    if let Some(serial) = &candidate.device.identity.serial
        && alone(&|other| other.device.identity.serial.as_ref() == Some(serial))
    {
        return format!("local.serial = {} in /etc/asl/asl.conf", serial.printable());
    }
    let node = text::node(candidate.device);
    if alone(&|other| text::node(other.device) == node) {
        return format!("local.device = {node} in /etc/asl/asl.conf");
    }
    format!("only one store on {node}")
}

/// All of them by name, each with what selects only it.
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
        &format!("set mode = auto in /etc/asl/asl.conf, {AGAIN}"),
    )
}

/// 34 and 35
fn sole(asked: Asked<'_>, only: &Candidate<'_>) -> Choice {
    let how = if only.selected {
        "is the one that is named"
    } else {
        "is the only one"
    };
    let reason = format!("{} {how}", name(asked.facts, only));
    let access = access::access(only);
    let how = if only.is_layered() {
        (Mode::Import, access, rules::SOLE_LAYERED)
    } else {
        (Mode::Local, access, rules::SOLE_PLAIN)
    };
    use_it(asked, only, how, reason)
}

/// The candidate with all that it takes.
fn use_it(
    asked: Asked<'_>,
    only: &Candidate<'_>,
    (mode, access, rule): (Mode, Access, Rule),
    mut reason: String,
) -> Choice {
    let Asked { facts, config, .. } = asked;
    let Some(steps) = steps::steps(facts, config, only, access) else {
        // Rule 25 blocks what has no steps, so it cannot be chosen.
        return internal("a store without a way to mount it was chosen");
    };
    for finding in &only.findings {
        reason.push_str(&format!("; {}", finding.text));
    }
    let mode = ModeFile {
        mode,
        access,
        backend: "posix".to_owned(),
        source: source(only),
        store: only.store_name().unwrap_or_else(|| NONE.to_owned()),
        mount: config.local.mount.0.clone(),
        ..ModeFile::none(rule.name, rule.name, &reason, "asl-intake status")
    };
    (mode, steps)
}

/// What it comes from: a node, a view or a pool by its name.
pub(crate) fn source(candidate: &Candidate<'_>) -> String {
    match candidate.pool {
        Some(pool) => pool_name(pool),
        None => text::node(candidate.device).to_owned(),
    }
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
        &format!("to use the first: {selector}"),
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
        "asl-admin use ID, with the one to use",
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

/// 1
pub(crate) fn internal(what: &str) -> Choice {
    none(
        rules::INTERNAL,
        "internal",
        &format!("preflight failed: {what}"),
        "asl-admin preflight; journalctl -u asl-preflight",
    )
}
