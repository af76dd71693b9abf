//! A decision that is not the first of this boot: what is served stays.

use crate::{evidence, paths};
use asl_decide::{Cause, Report, rerun, unchanged};
use asl_mode::{Mode, ModeFile};
use std::fs;
use std::path::Path;

/// Kept by the kernel for every unit: whether a process of it lives.
const INTAKE: &str = "/sys/fs/cgroup/system.slice/asl-intake.service/cgroup.events";

/// The report to write.
pub(crate) struct Again {
    pub(crate) report: Report,
    /// Files of this boot say the same already.
    pub(crate) unchanged: bool,
    /// What is served may be written to no longer.
    pub(crate) fell: bool,
}

/// `next` behind what this boot decided before, if it did.
pub(crate) fn behind_the_last(root: &Path, cause: Cause, next: Report) -> Again {
    let Some((mode, previous)) = previous(root) else {
        return Again {
            report: next,
            unchanged: false,
            fell: false,
        };
    };
    let running = is_running(root, &previous);
    let report = rerun(&previous, running, cause, next);
    // A mode file from before the report is not the report's; a later one is
    // what a failed activation made of it.
    let current = mode.generation >= previous.decision.mode.generation;
    Again {
        unchanged: current && unchanged(&previous, &report),
        fell: running && falls(&mode, &report.decision.mode),
        report,
    }
}

/// Something is served still, and with less access.
pub(crate) fn falls(before: &ModeFile, after: &ModeFile) -> bool {
    after.mode != Mode::None && after.access < before.access
}

/// Mode file and report of the last decision of this boot.
fn previous(root: &Path) -> Option<(ModeFile, Report)> {
    let mode = evidence::mode(root).ok()?;
    let report = evidence::report(root).ok()?;
    (report.decision.mode.boot_id == mode.boot_id).then_some((mode, report))
}

fn is_running(root: &Path, previous: &Report) -> bool {
    is_activated(root, &previous.decision.mode.boot_id)
        // An endpoint that is waited for has no activation: it is served
        // while somebody serves it.
        || (previous.decision.mode.mode == Mode::Remote && intake_runs(root))
}

/// An activation of this boot was carried out and not taken back.
fn is_activated(root: &Path, boot_id: &str) -> bool {
    match evidence::journal(root) {
        Ok(journal) => {
            journal.is_some_and(|journal| journal.complete && journal.boot_id == boot_id)
        }
        Err(error) => {
            tracing::warn!("{error}");
            false
        }
    }
}

fn intake_runs(root: &Path) -> bool {
    let events = fs::read_to_string(paths::below(root, INTAKE)).unwrap_or_default();
    events.lines().any(|line| line == "populated 1")
}
