//! `asl-admin status`: what the node is, why, and what it stands on.

use crate::stack::{self, Item};
use crate::units::{self, Unit};
use crate::unlock::{self, Unlocked};
use crate::{console, detach, evidence, exit, session};
use asl_activate::Journal;
use asl_config::Session;
use asl_decide::{Effect, Judged, Report};
use asl_mode::{ModeFile, clean};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// Everything that is shown.
#[derive(Debug, Serialize)]
struct Status {
    mode: ModeFile,
    /// What was not taken, and why.
    rejected: Vec<Rejected>,
    /// What decided nothing and is worth knowing.
    notes: Vec<String>,
    stack: Vec<Item>,
    /// Empty where systemd does not answer.
    services: Vec<Unit>,
    /// Nodes that activation or `unlock` set read-only, and the disks that they are.
    guarded: Vec<String>,
    /// What this session set and made.
    lost_at_reboot: Vec<String>,
    /// What could not be found out.
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Rejected {
    place: String,
    path: String,
    code: String,
    rule: String,
    why: String,
    hint: String,
}

pub(crate) fn run(root: &Path, json: bool) -> ExitCode {
    let mode = match evidence::mode(root) {
        Ok(mode) => mode,
        Err(missing) => return exit::fail(missing.code(), &missing),
    };
    let status = gather(root, mode);
    if json {
        return match console::say_json(&status) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::fail(exit::FAILURE, &error),
        };
    }
    console::say(&text(&status));
    ExitCode::SUCCESS
}

fn gather(root: &Path, mode: ModeFile) -> Status {
    let mut problems = Vec::new();
    let mut told = |error: String| problems.push(clean(&error));
    let report = evidence::report(root)
        .map_err(|missing| told(missing.to_string()))
        .ok();
    let journal = evidence::journal(root).map_err(&mut told).ok().flatten();
    let services = units::show().map_err(&mut told).unwrap_or_default();
    let session = session::load(root).map_err(&mut told).unwrap_or_default();
    let unlocked = unlock::unlocked(root)
        .map_err(&mut told)
        .unwrap_or_default();
    let decision = report.as_ref().map(|report| &report.decision);
    Status {
        rejected: decision
            .iter()
            .flat_map(|decision| &decision.candidates)
            .filter_map(rejected)
            .collect(),
        notes: decision
            .iter()
            .flat_map(|decision| &decision.notes)
            .map(|note| clean(note))
            .collect(),
        stack: report
            .as_ref()
            .map(|report| stack::stack(report, journal.as_ref()))
            .unwrap_or_default(),
        services,
        guarded: guarded(report.as_ref(), journal.as_ref(), &unlocked),
        lost_at_reboot: lost(&session, journal.as_ref(), &unlocked),
        problems,
        mode,
    }
}

/// A place that could have been served and is not. One without a store and
/// without a name is no loss.
fn rejected(one: &Judged) -> Option<Rejected> {
    let could = one.evidence.is_some() || one.selected || one.claimed;
    let verdict = one
        .findings
        .iter()
        .find(|finding| matches!(finding.effect, Effect::Block | Effect::Drop))?;
    could.then(|| Rejected {
        place: clean(&one.place),
        path: clean(one.image.as_ref().unwrap_or(&one.path)),
        code: one.code.clone(),
        rule: one.rule.clone(),
        why: clean(&verdict.text),
        hint: clean(&verdict.hint),
    })
}

fn guarded(
    report: Option<&Report>,
    journal: Option<&Journal>,
    unlocked: &[Unlocked],
) -> Vec<String> {
    let mut nodes = journal.map(detach::guarded).unwrap_or_default();
    nodes.extend(unlocked.iter().flat_map(|one| one.guarded.clone()));
    let place = |node: String| match report {
        Some(report) => stack::place_of(report, &node),
        None => clean(&node),
    };
    nodes.into_iter().map(place).collect()
}

fn lost(session: &Session, journal: Option<&Journal>, unlocked: &[Unlocked]) -> Vec<String> {
    let mut lost = Vec::new();
    if let Some(pick) = &session.r#use {
        lost.push(clean(&format!("use = {pick}")));
    }
    for consent in &session.allow {
        lost.push(clean(&format!("write.allow = {consent}")));
    }
    for one in unlocked {
        lost.push(clean(&format!("{}, unlocked by hand", one.mapper)));
    }
    if let Some(journal) = journal {
        lost.push(format!(
            "what decision {} activated, and the read-only flags",
            journal.generation
        ));
    }
    lost.push("everything below /var/lib/asl and /run/asl, and the log".to_owned());
    lost
}

fn text(status: &Status) -> String {
    let mut text = console::text(&status.mode);
    text.push_str(&format!(
        "  {:<7}{} (decision {})\n",
        "rule", status.mode.rule, status.mode.generation
    ));
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
            for line in lines {
                text.push_str(&format!("  {line}\n"));
            }
        }
    };
    let rejected = status.rejected.iter().map(|one| {
        format!(
            "{}, {}: {} ({})\n    {}\n    next   {}",
            one.place, one.path, one.code, one.rule, one.why, one.hint
        )
    });
    part("not taken", rejected.collect());
    part(
        "from the disk to the mount",
        stack::text(&status.stack, 0)
            .lines()
            .map(str::to_owned)
            .collect(),
    );
    part("notes", status.notes.clone());
    let services = status.services.iter().map(|unit| {
        let result = match unit.result.as_str() {
            "" | "success" => String::new(),
            other => format!(", {other}"),
        };
        format!("{:<24}{} ({}{result})", unit.name, unit.active, unit.sub)
    });
    part("services", services.collect());
    part(
        "guarded read-only until detach or lock",
        status.guarded.clone(),
    );
    part("lost at reboot", status.lost_at_reboot.clone());
    part("not known", status.problems.clone());
    text
}
