//! What became of a child that gave no answer.

use super::{MAX_ANSWER, MAX_CPU, MAX_DEVICES, MAX_MEMORY, MAX_REQUEST, MAX_STACK};
use rustix::process::Signal;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// Follows "the reader of FORMAT".
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("could not be started: {0}")]
    Start(#[source] io::Error),
    #[error("takes {MAX_DEVICES} devices and would need {0}")]
    Devices(usize),
    #[error("takes {mib} MiB of a map and would need {0} bytes", mib = MAX_REQUEST >> 20)]
    Map(u64),
    #[error("gave no answer within {after} ms", after = .0.as_millis())]
    Late(Duration),
    #[error("gave an answer of more than {kib} KiB", kib = MAX_ANSWER >> 10)]
    TooLong,
    #[error("gave an answer that is none: {0}")]
    Garbled(#[source] serde_json::Error),
    #[error("used more than {mib} MiB of memory", mib = MAX_MEMORY >> 20)]
    Memory,
    #[error("used more than {mib} MiB of stack", mib = MAX_STACK >> 20)]
    Stack,
    #[error("used more than {MAX_CPU} s of CPU time")]
    Cpu,
    #[error("was killed by {0}")]
    Killed(String),
    #[error("panicked: {0}")]
    Panicked(String),
    #[error("ended with {status}: {words}")]
    Ended { status: ExitStatus, words: String },
}

impl Failure {
    /// `words`: what it said on standard error.
    pub(super) fn of(status: ExitStatus, words: &str) -> Self {
        /// What a Rust program ends with when its main thread panicked.
        const PANIC: i32 = 101;
        match (
            status
                .signal()
                .map(|raw| (raw, Signal::from_named_raw(raw))),
            status.code(),
        ) {
            // The standard library's words before it aborts.
            (Some((_, Some(Signal::ABORT))), _) if words.contains("memory allocation of") => {
                Failure::Memory
            }
            (Some((_, Some(Signal::ABORT))), _) if words.contains("overflowed its stack") => {
                Failure::Stack
            }
            (Some((_, Some(Signal::XCPU))), _) => Failure::Cpu,
            (Some((raw, signal)), _) => Failure::Killed(name(raw, signal)),
            (None, Some(PANIC)) => Failure::Panicked(line(words)),
            (None, _) => Failure::Ended {
                status,
                words: line(words),
            },
        }
    }
}

fn name(raw: i32, signal: Option<Signal>) -> String {
    let name = match signal {
        Some(Signal::ILL) => "SIGILL",
        Some(Signal::ABORT) => "SIGABRT",
        Some(Signal::BUS) => "SIGBUS",
        Some(Signal::FPE) => "SIGFPE",
        Some(Signal::KILL) => "SIGKILL",
        Some(Signal::SEGV) => "SIGSEGV",
        Some(Signal::SYS) => "SIGSYS",
        Some(Signal::XFSZ) => "SIGXFSZ",
        _ => return format!("signal {raw}"),
    };
    name.to_owned()
}

/// The words as one line without what a terminal obeys.
fn line(words: &str) -> String {
    let clean: String = words
        .chars()
        .map(|each| if each.is_control() { ' ' } else { each })
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: i32, words: &str) -> String {
        Failure::of(ExitStatus::from_raw(raw), words).to_string()
    }

    #[test]
    fn each_end_has_its_words() {
        assert_eq!(of(31, ""), "was killed by SIGSYS");
        assert_eq!(of(9, ""), "was killed by SIGKILL");
        assert_eq!(of(40, ""), "was killed by signal 40");
        assert_eq!(of(6, "x"), "was killed by SIGABRT");
        assert_eq!(
            of(6, "memory allocation of 8 bytes failed\n"),
            "used more than 256 MiB of memory"
        );
        assert_eq!(
            of(6, "\nthread 'main' has overflowed its stack\n"),
            "used more than 8 MiB of stack"
        );
        assert_eq!(of(24, ""), "used more than 10 s of CPU time");
        assert_eq!(
            of(101 << 8, "thread 'main'\nat \x1b[1mx"),
            "panicked: thread 'main' at [1mx"
        );
        assert_eq!(
            of(1 << 8, "no filter"),
            "ended with exit status: 1: no filter"
        );
    }
}
