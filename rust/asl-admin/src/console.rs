//! What people read: the console after boot, `asl-admin mode` and the output
//! of preflight are the same few lines.

use crate::paths;
use asl_mode::{Mode, ModeFile, NONE, WriteError, clean, write_atomic};
use std::io::{self, Write};
use std::path::Path;

/// Mode, store, reason and next command.
pub(crate) fn text(mode: &ModeFile) -> String {
    let head = match mode.mode {
        Mode::None => format!("mode none ({})", clean(&mode.code)),
        other => format!("mode {other}, access {}", mode.access),
    };
    let mut text = format!("ASL rescue {}: {head}\n", asl_config::VERSION);
    for (name, value) in [
        ("store", &mode.store),
        ("source", &mode.source),
        ("mount", &mode.mount),
        ("why", &mode.reason),
        ("next", &mode.hint),
    ] {
        if value != NONE && !value.is_empty() {
            text.push_str(&format!("  {name:<7}{}\n", clean(value)));
        }
    }
    text
}

/// What the console shows, then the mode file: it comes last, for it says
/// that the rest is there.
pub(crate) fn publish(root: &Path, mode: &ModeFile) -> Result<(), WriteError> {
    let issue = paths::below(root, paths::ISSUE);
    if let Err(error) = write_atomic(&issue, text(mode).as_bytes()) {
        tracing::warn!("{error}");
    }
    mode.write_atomic(&paths::below(root, paths::MODE))
}

/// Prints to standard output; that nobody reads it is no error.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a value as JSON.
pub(crate) fn say_json(value: &impl serde::Serialize) -> Result<(), serde_json::Error> {
    let mut json = serde_json::to_string_pretty(value)?;
    json.push('\n');
    say(&json);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_serve_takes_three_lines() {
        let mode = ModeFile::none("empty", "empty", "no store", "attach a disk");
        let version = asl_config::VERSION;
        assert_eq!(
            text(&mode),
            format!(
                "ASL rescue {version}: mode none (empty)\n  why    no store\n  next   attach a disk\n"
            )
        );
    }

    #[test]
    fn a_label_cannot_reach_the_terminal() {
        let mode = ModeFile::none("empty", "empty", "label \x1b[2J\nnext rm", "x");
        assert!(!text(&mode).contains('\x1b'));
        assert_eq!(text(&mode).lines().count(), 3);
    }
}
