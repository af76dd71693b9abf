//! A decision that is not the first of this boot: what is served stays.

use crate::{activate, paths};
use asl_activate::{Journal, Linux, System};
use asl_decide::{Cause, Report, rerun, unchanged};
use asl_mode::{Mode, ModeFile, current_boot_id};
use std::fs;
use std::path::Path;

/// Kept by the kernel for every unit: whether a process of it lives.
const INTAKE: &str = "/sys/fs/cgroup/system.slice/asl-intake.service/cgroup.events";

/// The report to write.
pub(crate) struct Again {
    pub(crate) report: Report,
    /// Files of this boot say the same already.
    pub(crate) unchanged: bool,
}

/// `next` behind what this boot decided before, if it did.
pub(crate) fn behind_the_last(root: &Path, cause: Cause, next: Report) -> Again {
    let Some((mode, previous)) = previous(root) else {
        return Again {
            report: next,
            unchanged: false,
        };
    };
    let running = is_running(root, &previous);
    let report = rerun(&previous, running, cause, next);
    // A mode file from before the report is not the report's; a later one is
    // what a failed activation made of it.
    let current = mode.generation >= previous.decision.mode.generation;
    Again {
        unchanged: current && unchanged(&previous, &report),
        report,
    }
}

/// Mode file and report of the last decision of this boot.
fn previous(root: &Path) -> Option<(ModeFile, Report)> {
    let boot_id = current_boot_id(root).ok()?;
    let mode = ModeFile::read(&paths::below(root, paths::MODE), &boot_id).ok()?;
    let report = activate::read_report(&paths::below(root, paths::REPORT)).ok()?;
    (report.decision.mode.boot_id == boot_id).then_some((mode, report))
}

fn is_running(root: &Path, previous: &Report) -> bool {
    is_activated(root, &previous.decision.mode.boot_id)
        // A remote store needs no activation: it is served while somebody
        // serves it.
        || (previous.decision.mode.mode == Mode::Remote && intake_runs(root))
}

/// An activation of this boot was carried out and not taken back.
fn is_activated(root: &Path, boot_id: &str) -> bool {
    let Ok(Some(bytes)) = Linux::new(root).load_journal() else {
        return false;
    };
    match Journal::parse(&bytes) {
        Ok(journal) => journal.complete && journal.boot_id == boot_id,
        Err(why) => {
            tracing::warn!("{}: {why}", asl_activate::JOURNAL);
            false
        }
    }
}

fn intake_runs(root: &Path) -> bool {
    let events = fs::read_to_string(paths::below(root, INTAKE)).unwrap_or_default();
    events.lines().any(|line| line == "populated 1")
}
