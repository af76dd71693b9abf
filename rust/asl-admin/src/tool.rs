//! Other programs: systemctl, cryptsetup, journalctl. None of them gets a
//! secret in its arguments, none may keep us for ever, and what one prints is
//! bounded.

use asl_activate::quote;
use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How often a program that prints nothing is looked at.
const STEP: Duration = Duration::from_millis(5);

/// Why a program did not do what it was started for.
#[derive(Debug)]
pub(crate) enum ToolError {
    /// It could not be started.
    Start { command: String, source: io::Error },
    /// It took too long and was killed.
    Late { command: String, after: Duration },
    /// It ended badly.
    Failed {
        command: String,
        status: ExitStatus,
        words: String,
    },
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToolError::Start { command, source } => write!(f, "{command}: {source}"),
            ToolError::Late { command, after } => {
                write!(f, "{command}: no end within {} s, killed", after.as_secs())
            }
            ToolError::Failed {
                command,
                status,
                words,
            } if words.is_empty() => write!(f, "{command}: {status}"),
            ToolError::Failed { command, words, .. } => write!(f, "{command}: {words}"),
        }
    }
}

/// Runs it to its end and hands back what it printed.
pub(crate) fn output(
    mut command: Command,
    limit: usize,
    within: Duration,
) -> Result<Vec<u8>, ToolError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let shown = shown(&command);
    let child = command.spawn().map_err(|source| ToolError::Start {
        command: shown.clone(),
        source,
    })?;
    finish(child, shown, limit, within)
}

/// The rest of a program that runs already.
pub(crate) fn finish(
    mut child: Child,
    command: String,
    limit: usize,
    within: Duration,
) -> Result<Vec<u8>, ToolError> {
    /// Of a complaint, for one line.
    const WORDS: usize = 400;
    let out = collect(child.stdout.take(), limit);
    let complaint = collect(child.stderr.take(), WORDS);
    let since = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if since.elapsed() < within => thread::sleep(STEP),
            Ok(None) => {
                // Best effort: one in an uninterruptible call stays behind.
                let _ = child.kill();
                return Err(ToolError::Late {
                    command,
                    after: within,
                });
            }
            Err(source) => return Err(ToolError::Start { command, source }),
        }
    };
    // A grandchild may hold the pipe open; what came until now is enough.
    let rest = Duration::from_secs(2);
    let out = out.recv_timeout(rest).unwrap_or_default();
    if status.success() {
        return Ok(out);
    }
    let words = complaint.recv_timeout(rest).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    Err(ToolError::Failed {
        command,
        status,
        words: asl_mode::clean(&words.split_whitespace().collect::<Vec<_>>().join(" ")),
    })
}

/// Reads in a thread of its own, so that a full pipe stops nobody.
fn collect(pipe: Option<impl Read + Send + 'static>, limit: usize) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What cannot be read is not there; the exit status tells.
            let _ = (&mut pipe).take(limit).read_to_end(&mut bytes);
            // Past the limit it must still be able to end.
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// As a shell would take it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| quote(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: usize, within: u64) -> Result<Vec<u8>, ToolError> {
        let mut command = Command::new("bash");
        command.args(["-c", script]);
        output(command, limit, Duration::from_millis(within))
    }

    #[test]
    fn what_it_prints_is_bounded_and_it_still_ends() {
        let out = shell("head -c 300000 /dev/zero; echo end", 100, 20_000).unwrap();
        assert_eq!(out.len(), 100);
    }

    #[test]
    fn what_it_complains_about_is_the_error() {
        let error = shell("echo oh no >&2; exit 3", 100, 20_000).unwrap_err();
        assert_eq!(error.to_string(), "bash -c 'echo oh no >&2; exit 3': oh no");
    }

    #[test]
    fn one_that_hangs_is_killed() {
        let since = Instant::now();
        let error = shell("exec sleep 30", 100, 100).unwrap_err();
        assert!(matches!(error, ToolError::Late { .. }), "{error}");
        assert!(since.elapsed() < Duration::from_secs(10));
    }
}
