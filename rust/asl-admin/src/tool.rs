//! Other programs: systemctl, cryptsetup, journalctl. None of them gets a
//! secret in its arguments, none may keep us for ever, and what one prints is
//! bounded.

use asl_activate::{Command, run};

/// Runs it to its end, as part of what was typed, and hands back what it
/// printed.
pub(crate) fn output(command: Command) -> Result<String, String> {
    let command = command.by_hand();
    run(&command).map_err(|error| format!("{command}: {error}"))
}
