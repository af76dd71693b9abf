//! Runs a tool: no shell, none of our environment unless it is asked for, an
//! end to waiting.

use crate::command::{Command, PATH};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Of a tool's complaint so much is shown, characters.
const SHOWN: usize = 300;
/// A daemon that a tool leaves behind may keep its standard error open.
const DRAIN: Duration = Duration::from_secs(1);
/// A tool that was killed and still does not end sits in the kernel.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs it and gives what it prints.
///
/// # Errors
/// It cannot be started, does not end in time, or complains.
pub fn run(command: &Command) -> io::Result<String> {
    Running::start(command, Stdio::null(), Stdio::piped())?.end()
}

/// Runs both, the output of the first as the input of the second: what it is
/// never enters this process. As in a shell, the first reads what we would.
pub(crate) fn pipe(from: &Command, into: &Command) -> io::Result<()> {
    let (key, typed) = io::pipe()?;
    let mut into = into.clone();
    // A passphrase has more time than an unlocking.
    into.deadline = into.deadline.saturating_add(from.deadline);
    // First, so that nobody is asked for a tool that is missing.
    let second = Running::start(&into, key.into(), Stdio::piped())?;
    let first = Running::start(from, Stdio::inherit(), typed.into()).and_then(Running::end);
    let second = second.end();
    first?;
    second.map(|_| ())
}

struct Running {
    name: &'static str,
    child: Child,
    /// It leads a process group.
    leads: bool,
    end: Instant,
    deadline: Duration,
    stdout: Option<Receiver<Vec<u8>>>,
    stderr: Option<Receiver<Vec<u8>>>,
}

impl Running {
    fn start(command: &Command, stdin: Stdio, stdout: Stdio) -> io::Result<Self> {
        let mut process = std::process::Command::new(command.program);
        process
            .args(&command.args)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped());
        if !command.by_hand {
            process
                .env_clear()
                .env("PATH", PATH)
                .env("LC_ALL", "C")
                .current_dir("/")
                // A group of its own: helpers that it starts are killed with
                // it. The terminal is read by ours alone.
                .process_group(0);
        }
        if let Some((name, value)) = command.env {
            process.env(name, value);
        }
        die_with_us(&mut process);
        let mut child = process.spawn().map_err(|error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let what = if missing {
                let path = if command.by_hand { "the PATH" } else { PATH };
                format!("{} is not in {path}", command.program)
            } else {
                format!("{}: {error}", command.program)
            };
            io::Error::new(error.kind(), what)
        })?;
        let stdout = child.stdout.take().map(|pipe| reader(pipe, command.kept));
        let stderr = child.stderr.take().map(|pipe| reader(pipe, command.kept));
        Ok(Self {
            name: command.program,
            child,
            leads: !command.by_hand,
            end: Instant::now()
                .checked_add(command.deadline)
                .unwrap_or_else(Instant::now),
            deadline: command.deadline,
            stdout,
            stderr,
        })
    }

    fn end(mut self) -> io::Result<String> {
        let Some(status) = self.wait_until(self.end)? else {
            self.kill();
            let after = Instant::now().checked_add(LAST_WAIT);
            let dead = self.wait_until(after.unwrap_or(self.end))?.is_some();
            let rest = if dead { "" } else { ", and cannot be killed" };
            let seconds = self.deadline.as_secs();
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{} did not end in {seconds} s{rest}", self.name),
            ));
        };
        let drained = Instant::now();
        let said = |pipe: Option<Receiver<Vec<u8>>>| {
            let rest = DRAIN.saturating_sub(drained.elapsed());
            let bytes = pipe.and_then(|pipe| pipe.recv_timeout(rest).ok());
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        };
        let (stdout, stderr) = (said(self.stdout.take()), said(self.stderr.take()));
        if status.success() {
            Ok(stdout)
        } else {
            let why = complaint(&stderr).or_else(|| complaint(&stdout));
            let why = why.unwrap_or_else(|| "it says nothing".to_owned());
            Err(io::Error::other(format!("{why} ({status})")))
        }
    }

    fn wait_until(&mut self, end: Instant) -> io::Result<Option<ExitStatus>> {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            thread::sleep(pause);
            pause = pause.saturating_mul(2).min(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        // It may just have ended.
        if !self.leads {
            let _ = self.child.kill();
        } else if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

/// A tool that outlives a killed run would go on making what the next run
/// has looked for and not found.
#[allow(unsafe_code)]
fn die_with_us(process: &mut std::process::Command) {
    // SAFETY: between fork and exec the closure makes one system call, and
    // neither allocates nor takes a lock.
    unsafe { process.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?)) };
}

/// Reads to the end, so that the tool never waits for us.
fn reader(mut pipe: impl Read + Send + 'static, most: u64) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = pipe.by_ref().take(most).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        // Nobody waits for it any more after a while.
        let _ = send.send(kept);
    });
    receive
}

/// The first line of a complaint, without what libdm always says.
fn complaint(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.contains("DM_DISABLE_UDEV"))?;
    let plain = |c: char| if c.is_control() { '?' } else { c };
    Some(line.chars().map(plain).take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_given_and_a_complaint_is_one_bounded_line() {
        let echo = Command::new("echo", &["a b"]);
        assert_eq!(run(&echo).unwrap(), "a b\n");
        let script =
            "echo DM_DISABLE_UDEV is set >&2; printf '\\n  no\\033 way\\nmore' >&2; exit 3";
        let error = run(&Command::new("sh", &["-c", script])).unwrap_err();
        assert_eq!(error.to_string(), "no? way (exit status: 3)");
        let long = Command::new(
            "sh",
            &["-c", "yes x | tr -d '\\n' | head -c 100000 >&2; exit 1"],
        );
        assert!(run(&long).unwrap_err().to_string().len() < 400);
        let much = Command::new("sh", &["-c", "head -c 300000 /dev/zero; echo end"]);
        assert_eq!(run(&much.keeping(100)).unwrap().len(), 100);
    }

    #[test]
    fn tool_that_hangs_is_killed_with_what_it_started() {
        let soon = Duration::from_millis(100);
        let tree = Command::new("sh", &["-c", "sleep 60; true"]).within(soon);
        let alone = Command::new("sleep", &["60"]).by_hand().within(soon);
        for hang in [tree, alone] {
            let begin = Instant::now();
            let error = run(&hang).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(begin.elapsed() < Duration::from_secs(5));
        }
    }

    #[test]
    fn tool_dies_with_what_started_it() {
        let sleep = || {
            let sleep = Command::new("sleep", &["60"]);
            Running::start(&sleep, Stdio::null(), Stdio::piped())
        };
        let mut orphan = thread::spawn(sleep).join().unwrap().unwrap();
        let end = Instant::now().checked_add(Duration::from_secs(10)).unwrap();
        assert!(orphan.wait_until(end).unwrap().is_some());
    }

    #[test]
    fn daemon_that_keeps_the_pipe_is_not_waited_for() {
        let begin = Instant::now();
        run(&Command::new("sh", &["-c", "sleep 3 & exit 0"])).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn nothing_of_the_environment_and_no_input() {
        let env = run(&Command::new("env", &[]).without_udev()).unwrap();
        let mut names: Vec<_> = env.lines().filter_map(|l| l.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["DM_DISABLE_UDEV", "LC_ALL", "PATH"]);
        assert_eq!(run(&Command::new("cat", &[])).unwrap(), "");
    }

    #[test]
    fn what_is_run_by_hand_has_our_environment_and_our_terminal() {
        let env = run(&Command::new("env", &[]).by_hand()).unwrap();
        for (name, _) in std::env::vars() {
            assert!(env.contains(&format!("{name}=")), "{name}: {env}");
        }
        let group = Command::new("cut", &["-d", " ", "-f", "5", "/proc/self/stat"]);
        let ours = nix::unistd::getpgrp().to_string();
        assert_ne!(run(&group).unwrap().trim(), ours);
        assert_eq!(run(&group.by_hand()).unwrap().trim(), ours);
    }

    #[test]
    fn missing_tool_is_named() {
        let error = run(&Command::new("no-such-tool", &[])).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("no-such-tool is not in /usr/sbin")
        );
    }

    #[test]
    fn key_goes_from_one_to_the_other() {
        let ask = Command::new("printf", &["secret"]);
        let check = Command::new("sh", &["-c", "test \"$(cat)\" = secret"]);
        pipe(&ask, &check).unwrap();
        // Somebody gave up: that is the reason, not the empty key.
        let gave_up = Command::new("sh", &["-c", "echo 'timed out' >&2; exit 1"]);
        let error = pipe(&gave_up, &check).unwrap_err();
        assert!(error.to_string().contains("timed out"), "{error}");
        // Whoever asks for a missing tool would not end by itself.
        let asked = Command::new("sleep", &["60"]).within(Duration::from_secs(60));
        let begin = Instant::now();
        let error = pipe(&asked, &Command::new("no-such-tool", &[])).unwrap_err();
        assert!(error.to_string().starts_with("no-such-tool"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(20));
    }
}
