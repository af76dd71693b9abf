//! Preflight once more, as a process of its own: it has its own deadlines and
//! leaves a hanging reader behind.

use crate::{console, evidence, units};
use asl_mode::{Mode, ModeFile};
use std::path::Path;
use std::process::{Command, Stdio};

/// This program, even where its file was replaced.
const THIS: &str = "/proc/self/exe";

/// Decides again and hands back the new mode.
pub(crate) fn preflight(root: &Path) -> Result<ModeFile, String> {
    let status = Command::new(THIS)
        .arg("--root")
        .arg(root)
        .arg("preflight")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // Its log may be of use; a terminal shows it.
        .status()
        .map_err(|error| format!("preflight: {error}"))?;
    if !status.success() {
        return Err(format!(
            "preflight: {status}; journalctl -t asl-admin says more"
        ));
    }
    evidence::mode(root).map_err(|missing| missing.to_string())
}

/// Shows the new mode and starts what serves it. The mode may be none all the
/// same: then its reason is what there is to know.
pub(crate) fn show_and_start(mode: &ModeFile) -> Result<(), String> {
    console::say(&console::text(mode));
    if mode.mode == Mode::None {
        return Ok(());
    }
    let done = units::start()?;
    console::say(&format!("done: {done}\n"));
    Ok(())
}

/// Both.
pub(crate) fn decide_and_start(root: &Path) -> Result<(), String> {
    show_and_start(&preflight(root)?)
}
