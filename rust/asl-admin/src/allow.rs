//! `asl-admin allow-write`: consent, for this session, to write to one store on
//! one disk or pool.

use crate::confirm::confirm;
use crate::names::{self, Found};
use crate::{again, console, evidence, exit, session, units};
use asl_config::{Consent, Pick};
use asl_decide::{Judged, Report};
use asl_mode::{Access, Mode, clean};
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(root: &Path, id: &str, yes: bool) -> ExitCode {
    let report = match evidence::report(root) {
        Ok(report) => report,
        Err(missing) => return exit::fail(missing.code(), &missing),
    };
    match allow(root, &report, id, yes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail(exit::FAILURE, &error),
    }
}

fn allow(root: &Path, report: &Report, id: &str, yes: bool) -> Result<(), String> {
    let mode = &report.decision.mode;
    let (consent, what) = if mode.mode == Mode::Remote && id == mode.source {
        // The endpoint is the id of a remote store, and nothing carries it here.
        let consent = Consent {
            id: id.to_owned(),
            carrier: None,
        };
        let what = format!("consent {}\n", clean(id));
        (consent, what)
    } else {
        let (consent, one) = local(report, id)?;
        let what = description(report, one, &consent);
        (consent, what)
    };
    console::say(&what);
    if !confirm("Let this store be written to during this session?", yes)? {
        return Err("nothing was changed".to_owned());
    }
    change(root, |allow| {
        if !allow.contains(&consent) {
            allow.push(consent.clone());
        }
    })?;
    console::say(&format!("write.allow = {consent}, until reboot\n"));
    decide_and_restart(root)
}

/// Consent for a store on a disk of this machine.
fn local<'a>(report: &'a Report, id: &str) -> Result<(Consent, &'a Judged), String> {
    let pick: Pick = id
        .parse()
        .map_err(|expected| format!("{id}: {expected} expected"))?;
    if pick.path.is_some() {
        return Err(format!(
            "{id}: an id alone expected; where it is there twice, `asl-admin use` names one first"
        ));
    }
    let one = match names::find(report, &pick)? {
        Found::Candidate(one) => one,
        Found::Pool(pool) => {
            return Err(format!(
                "pool {}: no store was read in it, and consent is for a store or file system",
                asl_decide::pool_name(pool)
            ));
        }
    };
    if one.evidence.is_none() && !one.selected {
        return Err(format!("{}: no store was read there", one.place));
    }
    let carrier = names::carrier(&report.facts, one).ok_or_else(|| {
        format!(
            "{}: no pool, serial number or WWID that consent could name; \
             local.device and write.allow = {id} in /etc/asl/asl.conf",
            one.place
        )
    })?;
    let consent = Consent {
        id: pick.id,
        carrier: Some(carrier),
    };
    Ok((consent, one))
}

/// Takes back what this session allowed: for one id, or all of it.
pub(crate) fn revoke(root: &Path, id: Option<&str>) -> ExitCode {
    let mut taken = Vec::new();
    let result = change(root, |allow| {
        let named = |consent: &Consent| id.is_none_or(|id| consent.id.eq_ignore_ascii_case(id));
        taken = allow.extract_if(.., |consent| named(consent)).collect();
    });
    if let Err(error) = result {
        return exit::fail(exit::FAILURE, &error);
    }
    if taken.is_empty() {
        console::say("nothing that this session allowed; asl-admin config shows write.allow\n");
    }
    for consent in taken {
        console::say(&format!("write.allow = {consent} is taken back\n"));
    }
    match again::decide_and_start(root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail(exit::FAILURE, &error),
    }
}

fn change(root: &Path, edit: impl FnOnce(&mut Vec<Consent>)) -> Result<(), String> {
    let _lock = session::lock(root, session::LOCK)?;
    let mut session = session::load(root)?;
    edit(&mut session.allow);
    session::store(root, &session)
}

/// What would be written to, as a person tells it from other things.
fn description(report: &Report, one: &Judged, consent: &Consent) -> String {
    let mut text = format!("consent {}\n", clean(&consent.to_string()));
    let facts = &report.facts;
    let devices: Vec<_> = one
        .devices
        .iter()
        .filter_map(|name| facts.find(name))
        .map(|device| asl_decide::place(facts, device))
        .collect();
    let store = one.id.as_deref().unwrap_or("without an id");
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("  {name:<7}{}\n", clean(value)));
    };
    line("store", &format!("{store}, at {}", one.path));
    if let Some(format) = one.format {
        let label = one.label.as_ref().map(|label| label.printable());
        let label = label.map_or(String::new(), |label| format!(", label {label}"));
        let uuid = one.uuid.as_deref().unwrap_or("no UUID");
        line("on", &format!("{} {uuid}{label}", format.name()));
    }
    for device in &devices {
        line("disk", device);
    }
    for finding in one.findings.iter() {
        line("note", &finding.text);
    }
    text
}

/// To be written to, the store is mounted anew.
fn decide_and_restart(root: &Path) -> Result<(), String> {
    let mode = again::preflight(root)?;
    if mode.access == Access::Rw {
        let done = units::restart_activation()?;
        console::say(&format!("done: {done}\n"));
    }
    again::show_and_start(&mode)
}
