//! The scan in a process of its own.
//!
//! A read of a dying disk can hang where no signal reaches it, and a process
//! with such a thread never ends: systemd would wait for it and the boot with
//! it. So the parent takes the facts from a pipe and goes on, and a child
//! that hangs is left behind. It also means that whatever a planted disk does
//! to a reader, the process that writes the mode file survives. The readers
//! themselves run in children of the child, one for each look.

use asl_config::Config;
use asl_facts::Facts;
use asl_scan::jail::{self, Reader};
use nix::sys::resource::{Resource, setrlimit};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// This program, even where its file was replaced.
const THIS: &str = "/proc/self/exe";
/// Longest report of a child, bytes: a thousand devices take a few MiB.
const MAX_FACTS: u64 = 64 * 1024 * 1024;
/// Memory of the child, bytes: probing holds a few MiB for each device.
const MAX_MEMORY: u64 = 1024 * 1024 * 1024;
/// CPU time of the child, seconds: a scan takes a fraction of one.
const MAX_CPU: u64 = 120;
/// How long the end of a child that has answered is waited for.
const END: Duration = Duration::from_millis(500);

/// The child: prints the facts as one line of JSON.
pub(crate) fn run(root: &Path, settle: u64, exclude: Vec<String>, ours: Vec<String>) -> ExitCode {
    for (resource, limit) in [
        (Resource::RLIMIT_DATA, MAX_MEMORY),
        (Resource::RLIMIT_CPU, MAX_CPU),
        (Resource::RLIMIT_CORE, 0),
    ] {
        // Without the limit the scan is as good; it only could do more harm.
        let _ = setrlimit(resource, limit, limit);
    }
    let options = asl_scan::Options {
        root: root.to_owned(),
        exclude,
        ours,
        settle: Duration::from_secs(settle),
        reader: Some(Reader::new(THIS, ["look"])),
        ..asl_scan::Options::default()
    };
    let facts = match asl_scan::scan(&options) {
        Ok(facts) => facts,
        Err(error) => return crate::exit::fail(crate::exit::FAILURE, &error),
    };
    match serde_json::to_string(&facts) {
        Ok(line) => {
            crate::console::say(&format!("{line}\n"));
            ExitCode::SUCCESS
        }
        Err(error) => crate::exit::fail(crate::exit::FAILURE, &error),
    }
}

/// The child of the child: looks inside one file system.
pub(crate) fn look() -> ExitCode {
    match jail::serve(asl_tree::look, asl_tree::look_pool) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::exit::fail(crate::exit::FAILURE, &error),
    }
}

/// The parent: the facts of a child, or what became of it. The nodes of these
/// kernel names are `ours` and are not seen.
pub(crate) fn in_child(root: &Path, config: &Config, ours: &[String]) -> Result<Facts, String> {
    let mut command = Command::new(THIS);
    command
        .arg0("asl-admin")
        .arg("--root")
        .arg(root)
        .arg("scan")
        .arg(format!("--settle={}", config.settle.timeout.0))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for item in &config.detect.exclude {
        command.arg(format!("--exclude={item}"));
    }
    for name in ours {
        command.arg(format!("--ours={name}"));
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("the scan: {error}"))?;
    let line = read_line(child.stdout.take());
    match serde_json::from_str(&line) {
        Ok(facts) => {
            // Its CPU time counts when it has ended; a hanging one is left.
            ended(&mut child);
            Ok(facts)
        }
        Err(error) => Err(failure(&mut child, &line, &error)),
    }
}

/// One line, not all until the end: the pipe of a hanging child never closes.
fn read_line(stdout: Option<ChildStdout>) -> String {
    let mut line = String::new();
    if let Some(stdout) = stdout {
        // A part of a line does not parse, so its error is told below.
        let _ = BufReader::new(stdout).take(MAX_FACTS).read_line(&mut line);
    }
    line
}

fn ended(child: &mut Child) -> Option<ExitStatus> {
    let since = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if since.elapsed() < END => thread::sleep(Duration::from_millis(2)),
            Ok(status) => return status,
            Err(_) => return None,
        }
    }
}

fn failure(child: &mut Child, line: &str, error: &serde_json::Error) -> String {
    /// Of what the child says, for a reason of one line.
    const MAX_WORDS: u64 = 400;
    let Some(status) = ended(child) else {
        return "the scan closed its output and hangs".to_owned();
    };
    let mut words = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(MAX_WORDS).read_to_end(&mut words);
    }
    let words = String::from_utf8_lossy(&words);
    let words = words.trim().trim_start_matches("asl-admin: ");
    match (words, line) {
        ("", "") => format!("the scan said nothing ({status})"),
        ("", _) => format!("the scan was not understood ({status}): {error}"),
        (words, _) => format!("the scan failed ({status}): {words}"),
    }
}
