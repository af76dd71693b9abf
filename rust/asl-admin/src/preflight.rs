//! `asl-admin preflight`: configuration, scan, decision, mode file.
//!
//! Whatever happens, a mode file is written: without one the boot would not
//! know that there is nothing to serve, and nobody would know why.

use crate::deadline::{Deadline, within};
use crate::question::Question;
use crate::rerun::{self, Again};
use crate::{console, exit, ours, paths, scan, units};
use asl_config::{Config, Logging};
use asl_decide::{Cause, Decision, Report, decide, internal};
use asl_facts::{Facts, Remote, SCHEMA, Timing};
use asl_mode::{Mode, ModeFile, current_boot_id, write_atomic};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// To read the configuration: a few small files in memory.
const CONFIG_TIME: Duration = Duration::from_secs(15);
/// To scan and decide, beside the wait for devices. The scan gives every
/// device its own deadline; this is for what must not happen.
const SCAN_TIME: Duration = Duration::from_secs(60);

pub(crate) fn run(root: &Path, json: bool, dry_run: bool, cause: Cause) -> ExitCode {
    let started_ms = now_ms();
    status("looking at the block devices");
    let empty = no_facts(root, started_ms);
    let spare = empty.clone();
    let owned: PathBuf = root.to_owned();
    let work = move |deadline: &Deadline| look(&owned, spare, cause, deadline);
    let report = within(CONFIG_TIME, work).unwrap_or_else(|what| {
        asl_log::start(&Logging::default());
        tracing::error!("{what}");
        report(internal(&empty, &what), empty)
    });
    let Again {
        mut report,
        unchanged,
        fell,
    } = rerun::behind_the_last(root, cause, report);
    if unchanged && cause == Cause::Watcher {
        tracing::info!("nothing that matters changed");
        return ExitCode::SUCCESS;
    }
    if !dry_run && let Err(error) = write_report(root, &mut report) {
        return exit::fail(exit::FAILURE, &error);
    }
    let mode = &report.decision.mode;
    status(&format!("mode {}, code {}", mode.mode, mode.code));
    tracing::info!(
        "mode {}, rule {}, code {}: {}; {} ms, {} ms of CPU",
        report.decision.mode.mode,
        report.decision.mode.rule,
        report.decision.mode.code,
        report.decision.mode.reason,
        now_ms().saturating_sub(started_ms),
        cpu_ms(),
    );
    if json {
        if let Err(error) = console::say_json(&report) {
            return exit::fail(exit::FAILURE, &error);
        }
    } else {
        console::say(&console::text(&report.decision.mode));
    }
    // The watcher does that itself, with the rights that its rerun has not.
    if fell
        && !dry_run
        && cause == Cause::Operator
        && let Err(error) = units::lower()
    {
        return exit::fail(exit::FAILURE, &error);
    }
    ExitCode::SUCCESS
}

/// For `systemctl status`. Nobody to tell is no error: by hand there is no
/// socket for it.
fn status(text: &str) {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Status(text)]);
}

fn report(decision: Decision, facts: Facts) -> Report {
    Report {
        schema: SCHEMA,
        facts,
        decision,
    }
}

/// Everything that may take time or fail.
fn look(root: &Path, empty: Facts, cause: Cause, deadline: &Deadline) -> Report {
    let (mut config, warnings) = match Config::load(root) {
        Ok(loaded) => loaded,
        Err(error) => {
            asl_log::start(&Logging::default());
            tracing::error!("{error}");
            // No scan: the disk that must be left alone may be named in
            // what could not be read.
            return report(decide(&empty, Err(&error)), empty);
        }
    };
    asl_log::start(&config.logging);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if cause == Cause::Watcher {
        // Whoever saw the devices come has waited for the last of them.
        config.settle.timeout.0 = 0;
    }
    let settle = Duration::from_secs(config.settle.timeout.0);
    deadline.extend(settle.saturating_add(SCAN_TIME));
    let question = config.remote.endpoint.clone().map(Question::ask);
    let mut facts = match scan::in_child(root, &config, &ours::names(root)) {
        Ok(facts) => facts,
        Err(error) => {
            tracing::error!("{error}");
            return report(internal(&empty, &error), empty);
        }
    };
    facts.generation = empty.generation;
    facts.boot_id = empty.boot_id;
    facts.timing.started_ms = empty.timing.started_ms;
    facts.timing.cpu_ms = cpu_ms();
    let decision = with_remote(&mut facts, &config, &question);
    for note in &decision.notes {
        tracing::info!("{note}");
    }
    report(decision, facts)
}

/// The decision. Its answer is waited for only where the endpoint decides:
/// what was found here does not wait for the network.
fn with_remote(facts: &mut Facts, config: &Config, question: &Option<Question>) -> Decision {
    let Some(question) = question else {
        return decide(facts, Ok(config));
    };
    facts.remote = question.answer_so_far();
    let decision = decide(facts, Ok(config));
    let unasked = matches!(facts.remote, Remote::NotProbed { .. });
    let needs_it = decision.mode.mode == Mode::Remote || decision.mode.rule == "remote-down";
    if !(unasked && needs_it) {
        return decision;
    }
    facts.remote = question.answer();
    decide(facts, Ok(config))
}

/// Facts of a node that was not looked at.
fn no_facts(root: &Path, started_ms: u64) -> Facts {
    // Without an id every reader refuses the file, which is as good as none.
    let boot_id = current_boot_id(root).unwrap_or_default();
    let previous = ModeFile::read(&paths::below(root, paths::MODE), &boot_id);
    let generation = previous.map_or(0, |mode| mode.generation);
    Facts {
        timing: Timing {
            started_ms,
            ended_ms: now_ms(),
            cpu_ms: cpu_ms(),
        },
        ..Facts::new(boot_id, generation.saturating_add(1))
    }
}

/// The evidence first and the mode last: a mode file says that the rest is
/// there. Where the evidence cannot be written there is nothing to activate
/// from, and the mode says so.
fn write_report(root: &Path, report: &mut Report) -> Result<(), asl_mode::WriteError> {
    if let Some(directory) = paths::below(root, paths::MODE).parent() {
        // Where it cannot be made, the writes below say so.
        let _ = std::fs::create_dir_all(directory);
    }
    let written = serde_json::to_vec_pretty(report)
        .map_err(|error| error.to_string())
        .and_then(|json| {
            write_atomic(&paths::below(root, paths::REPORT), &json)
                .map_err(|error| error.to_string())
        });
    if let Err(error) = written {
        tracing::error!("{error}");
        report.decision = internal(&report.facts, &error);
    }
    console::publish(root, &report.decision.mode)
}

/// `CLOCK_BOOTTIME`, milliseconds: counts from the kernel's start.
fn now_ms() -> u64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .ok()
        .and_then(|time| u64::try_from(time.num_milliseconds()).ok())
        .unwrap_or_default()
}

/// User and system time of this process and its children, milliseconds.
fn cpu_ms() -> u64 {
    let of = |who| {
        getrusage(who).map_or(0, |usage| {
            let user = usage.user_time().num_milliseconds();
            user.saturating_add(usage.system_time().num_milliseconds())
        })
    };
    let total = of(UsageWho::RUSAGE_SELF).saturating_add(of(UsageWho::RUSAGE_CHILDREN));
    u64::try_from(total).unwrap_or_default()
}
