//! `asl-admin import`: the steps that come before a mount, shown and, after a
//! yes, carried out.

use crate::confirm::confirm;
use crate::names::{self, Found};
use crate::{console, evidence, exit, units};
use asl_config::Pick;
use asl_decide::{Judged, Report, pool_name};
use asl_facts::{Look, Pool};
use asl_mode::{Mode, clean};
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(root: &Path, id: Option<&str>, look: bool, yes: bool) -> ExitCode {
    let report = match evidence::report(root) {
        Ok(report) => report,
        Err(missing) => return exit::fail(missing.code(), &missing),
    };
    let result = if look {
        self::look(&report, id)
    } else {
        import(root, &report, id, yes)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail(exit::FAILURE, &error),
    }
}

fn import(root: &Path, report: &Report, id: Option<&str>, yes: bool) -> Result<(), String> {
    if let Some(id) = id {
        chosen(report, id)?;
    }
    // The mode file, not the report: a failed activation takes the mode back.
    let mode = evidence::mode(root).map_err(|missing| missing.to_string())?;
    if mode.mode == Mode::None {
        return Err(format!(
            "mode none ({}): {}\nnext: {}",
            mode.code, mode.reason, mode.hint
        ));
    }
    if evidence::journal(root)?.is_some_and(|journal| journal.complete) {
        console::say(&format!("{} is active already\n", mode.source));
        return Ok(());
    }
    let plan = asl_activate::plan(report).map_err(|error| error.to_string())?;
    if plan.actions.is_empty() {
        console::say(&format!("mode {}: nothing to do\n", mode.mode));
        return Ok(());
    }
    let steps: Vec<String> = plan
        .actions
        .iter()
        .map(|action| format!("  {action}\n"))
        .collect();
    console::say(&format!(
        "{} for {}, access {}:\n{}",
        mode.mode,
        mode.source,
        mode.access,
        steps.concat()
    ));
    if !confirm("Carry this out?", yes)? {
        return Err("nothing was done".to_owned());
    }
    let done = units::start()?;
    console::say(&format!("done: {done}\n"));
    Ok(())
}

/// Whether what is named is what was chosen; else why not.
fn chosen(report: &Report, id: &str) -> Result<(), String> {
    let pick: Pick = id
        .parse()
        .map_err(|expected| format!("{id}: {expected} expected"))?;
    let against = |one: &Judged| {
        let lines = one
            .findings
            .iter()
            .map(|finding| format!("  {}: {}; {}", finding.code, finding.text, finding.hint));
        lines.map(|line| clean(&line)).collect::<Vec<_>>()
    };
    let (place, places) = match names::find(report, &pick)? {
        Found::Candidate(one) => (one.place.clone(), vec![one]),
        Found::Pool(pool) => (format!("pool {}", pool_name(pool)), of_pool(report, pool)),
    };
    let source = &report.decision.mode.source;
    if places
        .iter()
        .any(|one| one.claimed && !one.blocked && one.node == *source)
    {
        return Ok(());
    }
    if places
        .iter()
        .any(|one| !one.blocked && one.evidence.is_some())
    {
        return Err(format!("{place} was not chosen; asl-admin use {id}"));
    }
    let against: Vec<String> = places.iter().flat_map(|one| against(one)).collect();
    if against.is_empty() {
        return Err(format!(
            "{place}: no store was read; asl-admin import {id} --look"
        ));
    }
    Err(format!(
        "{place} cannot be imported:\n{}",
        against.join("\n")
    ))
}

/// The places that lie on a member of the pool.
fn of_pool<'a>(report: &'a Report, pool: &Pool) -> Vec<&'a Judged> {
    let facts = &report.facts;
    let in_pool = |one: &&Judged| {
        let devices = one.devices.iter().filter_map(|name| facts.find(name));
        devices.flat_map(|device| facts.below(device)).any(|below| {
            pool.members
                .iter()
                .any(|member| member.device == below.name)
        })
    };
    report.decision.candidates.iter().filter(in_pool).collect()
}

/// What is known of pools, and the command that says more.
fn look(report: &Report, id: Option<&str>) -> Result<(), String> {
    let facts = &report.facts;
    let all: Vec<&Pool> = facts.all_pools().collect();
    let named = |pool: &&&Pool| {
        let name = pool.name.as_ref().map(|name| name.printable());
        id.is_none_or(|id| pool.id.eq_ignore_ascii_case(id) || name.as_deref() == Some(id))
    };
    let wanted: Vec<&Pool> = all.iter().filter(named).copied().collect();
    if wanted.is_empty() {
        let there: Vec<String> = all
            .iter()
            .map(|pool| format!("  {}  pool {}", pool.id, pool_name(pool)))
            .collect();
        let what = id.map_or_else(
            || "no pool is here".to_owned(),
            |id| format!("{} is no pool here", clean(id)),
        );
        return Err(format!("{what}\n{}", there.join("\n")));
    }
    for pool in wanted {
        console::say(&inside(report, pool));
    }
    Ok(())
}

fn inside(report: &Report, pool: &Pool) -> String {
    let mut text = format!("pool {} {}\n", pool_name(pool), clean(&pool.id));
    let mut line = |name: &str, value: String| {
        text.push_str(&format!("  {name:<9}{}\n", clean(&value)));
    };
    if let Some(level) = &pool.level {
        line("level", level.clone());
    }
    line("health", word(pool.health));
    for flag in &pool.flags {
        line("note", word(flag));
    }
    for missing in &pool.missing {
        line("missing", missing.clone());
    }
    let mut nodes = Vec::new();
    for member in &pool.members {
        let device = report.facts.find(&member.device);
        let place = device.map(|device| asl_decide::place(&report.facts, device));
        nodes.extend(device.map(|device| device.node.clone()));
        line(
            "member",
            format!(
                "{}, {}",
                place.unwrap_or_else(|| member.device.clone()),
                word(member.standing)
            ),
        );
    }
    for volume in &pool.volumes {
        line(
            "volume",
            format!(
                "{}, {}, {}, {}",
                volume.name,
                volume.kind,
                asl_decide::size(volume.size),
                word(volume.health)
            ),
        );
    }
    match &pool.look {
        Look::NotLooked => {}
        Look::Unreadable { why } => line("unread", why.clone()),
        Look::Read { stores, .. } if stores.is_empty() => {
            line("store", "none inside".to_owned());
        }
        Look::Read { stores, .. } => {
            for store in stores {
                let id = store.id.as_deref().unwrap_or("without an id");
                line("store", format!("{id} at {}", store.path));
            }
        }
    }
    for one in of_pool(report, pool) {
        let id = one.id.as_deref().unwrap_or("no store");
        line("on it", format!("{}: {id}, {}", one.node, one.code));
    }
    nodes.sort();
    nodes.dedup();
    let nodes: Vec<String> = nodes.iter().map(|node| asl_activate::quote(node)).collect();
    line("next", format!("asl-debug probe {}", nodes.join(" ")));
    text
}

/// The word that stands for a value in the facts.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_facts::{Facts, Format, SCHEMA};

    #[test]
    fn a_pool_is_called_what_the_decision_calls_it_and_its_level_stands_below() {
        let mut facts = Facts::new("b1", 1);
        facts.pools = vec![Pool {
            name: Some("tank".into()),
            level: Some("mirror".to_owned()),
            ..Pool::new(Format::Zfs, "77")
        }];
        let decision = asl_decide::internal(&facts, "");
        let report = Report {
            schema: SCHEMA,
            facts,
            decision,
        };
        let text = inside(&report, &report.facts.pools[0]);
        assert!(
            text.starts_with("pool zfs tank 77\n  level    mirror\n"),
            "{text}"
        );
    }
}
