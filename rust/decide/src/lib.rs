//! Facts and configuration to a decision: pure, total, deterministic.
//!
//! The order is that of the table in [`RULES`]: the configuration first, then
//! what contains what, then the selectors, then every candidate is judged by
//! every rule, and last comes the choice. A store that was merely found is
//! served only when nothing else could have been meant.

mod access;
mod candidate;
mod choose;
mod decision;
mod judge;
mod keys;
mod remote;
mod rerun;
mod rules;
mod selector;
mod stack;
mod steps;
mod text;

pub use decision::{Decision, Effect, Finding, Judged, Key, Report, Step};
pub use remote::awaits_endpoint;
pub use rerun::{Cause, STORE_LOST, rerun, unchanged};
pub use rules::{RULES, Rule};
pub use text::{place, pool_name, size};

use asl_config::{Config, ConfigError, WantedMode};
use asl_facts::{Facts, Probe, Remote};
use asl_mode::NONE;
use candidate::Candidate;
use choose::{Asked, Choice, none};
use selector::{Selection, Selector};

/// Decides what the node is, from what was seen and what is configured.
#[must_use]
pub fn decide(facts: &Facts, config: Result<&Config, &ConfigError>) -> Decision {
    let mut candidates = candidate::candidates(facts);
    let default = Config::default();
    let settings = config.unwrap_or(&default);
    let selectors = selector::selectors(settings);
    for image in selectors.iter().filter_map(Selector::image) {
        candidate::add_image(image, &mut candidates);
    }
    judge::topology(facts, &mut candidates);
    let selection = selector::select(facts, &candidates, &selectors);
    let selected = mark(&selection, &mut candidates);
    judge::judge(facts, settings, &selectors, &mut candidates);
    let choice = match config {
        Err(error) => config_error(error),
        Ok(config) => forced(facts, config)
            .or_else(|| selector_problem(facts, &selectors, &selection, &candidates))
            .unwrap_or_else(|| {
                let asked = Asked {
                    facts,
                    config,
                    selected,
                };
                choose::choose(asked, &candidates)
            }),
    };
    finish(facts, choice, selected, &candidates)
}

/// The decision when preflight itself failed: rule 1.
#[must_use]
pub fn internal(facts: &Facts, what: &str) -> Decision {
    finish(facts, choose::internal(what), false, &[])
}

/// Rule 9: one match counts as evidence.
fn mark(selection: &Selection, candidates: &mut [Candidate<'_>]) -> bool {
    let Selection::Match(matches) = selection else {
        return false;
    };
    let [only] = matches.as_slice() else {
        return false;
    };
    match candidates.get_mut(*only) {
        Some(candidate) => {
            candidate.selected = true;
            true
        }
        None => false,
    }
}

/// 2. Backticks set off what the file says; the mode file holds no quotes.
fn config_error(error: &ConfigError) -> Choice {
    let hint = format!(
        "{}, then asl-admin preflight; asl.config=ignore on the kernel command line boots without it",
        error.hint
    );
    let text = error.to_string().replace('`', "");
    none(
        rules::CONFIG_ERROR,
        "config-error",
        &text,
        &hint.replace('`', ""),
    )
}

/// 3 to 5
fn forced(facts: &Facts, config: &Config) -> Option<Choice> {
    const CHANGE: &str = "to change it: mode = auto in /etc/asl/asl.conf, then asl-admin preflight";
    match (config.mode, &config.remote.endpoint) {
        (WantedMode::None, _) => Some(none(
            rules::FORCED_NONE,
            "forced-none",
            &format!("mode = none is configured{}", layer_of_mode(config)),
            CHANGE,
        )),
        (WantedMode::Remote, Some(endpoint)) => {
            let code = match facts.remote {
                Remote::Answers { .. } => "forced-remote",
                _ => remote::WAITING,
            };
            let reason = format!(
                "mode = remote is configured{}, with {endpoint}",
                layer_of_mode(config)
            );
            let rule = (rules::FORCED_REMOTE, code);
            Some(remote::choice(facts, config, endpoint, rule, &reason))
        }
        (WantedMode::Remote, None) => Some(none(
            rules::REMOTE_UNSET,
            "remote-unset",
            "mode = remote is configured, and no remote.endpoint",
            "set remote.endpoint in /etc/asl/asl.conf, then asl-admin preflight",
        )),
        (WantedMode::Auto | WantedMode::Local | WantedMode::Import, _) => None,
    }
}

/// ` by /etc/asl/asl.conf:3`, because a forced mode is looked for where it
/// was set.
fn layer_of_mode(config: &Config) -> String {
    let setting = asl_config::find("mode").map(|key| config.setting(key));
    match setting {
        Some(setting) if !setting.place.is_empty() => format!(" in {}", setting.place),
        _ => String::new(),
    }
}

/// 6 to 8
fn selector_problem(
    facts: &Facts,
    selectors: &[Selector<'_>],
    selection: &Selection,
    candidates: &[Candidate<'_>],
) -> Option<Choice> {
    const FIX: &str = "correct it in /etc/asl/asl.conf, then asl-admin preflight";
    let show = |indices: &[usize]| {
        let names = indices.iter().filter_map(|index| selectors.get(*index));
        names
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let all = || {
        selectors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" and ")
    };
    let pick = |indices: &[usize]| -> Vec<&Candidate<'_>> {
        indices
            .iter()
            .filter_map(|index| candidates.get(*index))
            .collect()
    };
    match selection {
        Selection::NoSelector => None,
        Selection::Match(matches) if matches.len() == 1 => None,
        Selection::Conflict(which) => Some(none(
            rules::SELECTOR_CONFLICT,
            "selector-conflict",
            &format!("{} name different things", show(which)),
            FIX,
        )),
        Selection::Nothing(which) => {
            let why = selectors
                .get(*which)
                .map_or("", |selector| missing(facts, selector));
            Some(none(
                rules::SELECTOR_MISSING,
                "selector-missing",
                &format!("{} names nothing here{why}", show(&[*which])),
                "attach what it names, or correct it in /etc/asl/asl.conf; then asl-admin preflight",
            ))
        }
        Selection::NoStore(which) => {
            let places: Vec<String> = pick(which)
                .iter()
                .map(|candidate| text::place(facts, candidate.device))
                .collect();
            Some(none(
                rules::SELECTOR_MISSING,
                "selector-missing",
                &format!(
                    "{} names what was read to the end and holds no store: {}",
                    all(),
                    text::list(&places)
                ),
                FIX,
            ))
        }
        Selection::Match(matches) => Some(none(
            rules::SELECTOR_MANY,
            "selector-many",
            &format!(
                "{} names more than one: {}",
                all(),
                choose::named_each(facts, &pick(matches))
            ),
            // `use` would take the place of local.image.
            match pick(matches).iter().any(|one| one.image.is_some()) {
                true => {
                    "add local.serial or local.device in /etc/asl/asl.conf, then asl-admin preflight"
                }
                false => "asl-admin use ID, with the one to use",
            },
        )),
    }
}

/// Why a selector may match nothing although something is there.
fn missing(facts: &Facts, selector: &Selector<'_>) -> &'static str {
    if selector.image().is_some() {
        return ": no file system that was read has that UUID";
    }
    let named: Vec<&Probe> = facts
        .devices
        .iter()
        .filter(|device| selector.names(device))
        .map(|device| &device.probe)
        .collect();
    let skipped = |why: &str| {
        let is = |probe: &&Probe| matches!(probe, Probe::Skipped { why: seen } if seen == why);
        named.iter().any(is)
    };
    if named.is_empty() {
        ""
    } else if skipped("excluded") {
        ": its disk is in detect.exclude"
    } else {
        ": its disk holds no file system that this version reads"
    }
}

fn finish(
    facts: &Facts,
    (mut mode, steps): Choice,
    selected: bool,
    candidates: &[Candidate<'_>],
) -> Decision {
    mode.generation = facts.generation;
    mode.boot_id.clone_from(&facts.boot_id);
    Decision {
        mode,
        steps,
        candidates: candidates
            .iter()
            .map(|candidate| judged(facts, candidate, selected))
            .collect(),
        notes: candidates
            .iter()
            .filter(|candidate| !choose::is_claimed(candidate, selected))
            // Its host tells the same.
            .filter(|candidate| candidate.image.is_none())
            .flat_map(|candidate| {
                let place = text::place(facts, candidate.device);
                candidate
                    .findings
                    .iter()
                    .map(move |finding| format!("{place}: {}", finding.text))
            })
            .collect(),
    }
}

fn judged(facts: &Facts, candidate: &Candidate<'_>, selected: bool) -> Judged {
    let verdict = candidate.verdict();
    let idle = if candidate.store.is_some() || candidate.selected {
        "usable"
    } else {
        "no-evidence"
    };
    Judged {
        devices: candidate
            .devices
            .iter()
            .map(|device| device.name.clone())
            .collect(),
        node: choose::source(candidate),
        place: text::place(facts, candidate.device),
        pools: candidate
            .stack
            .pools
            .iter()
            .map(|pool| pool.id.clone())
            .collect(),
        format: candidate.format(),
        uuid: candidate.uuid().map(str::to_owned),
        label: candidate
            .superblock()
            .and_then(|superblock| superblock.label.clone()),
        path: candidate.path.clone(),
        image: candidate.image.map(|image| image.path.clone()),
        id: candidate.store_id().map(str::to_owned),
        evidence: candidate.store.map(|store| store.evidence),
        read_to_end: candidate.read_to_end(),
        selected: candidate.selected,
        consent: candidate.consent,
        claimed: choose::is_claimed(candidate, selected),
        dropped: candidate.dropped(),
        blocked: candidate.blocked(),
        code: verdict.map_or(idle, |finding| &finding.code).to_owned(),
        rule: verdict.map_or(NONE, |finding| &finding.rule).to_owned(),
        findings: candidate.findings.clone(),
    }
}
