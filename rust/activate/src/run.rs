//! Runs a tool: no shell, an empty environment, an end to waiting.

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

/// Of what a tool says so much is kept, bytes; the rest is read and dropped.
const KEPT: u64 = 16 * 1024;
/// Of a tool's complaint so much is shown, characters.
const SHOWN: usize = 300;
/// A daemon that a tool leaves behind may keep its standard error open.
const DRAIN: Duration = Duration::from_millis(200);
/// A tool that was killed and still does not end sits in the kernel.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs it and gives what it prints.
pub(crate) fn run(command: &Command) -> io::Result<String> {
    Running::start(command, Stdio::null())?.end()
}

/// Runs both, the output of the first as the input of the second: what it is
/// never enters this process.
pub(crate) fn pipe(from: &Command, into: &Command) -> io::Result<()> {
    let mut first = Running::start(from, Stdio::null())?;
    // Before the second starts: a passphrase has more time than an unlocking.
    let output = first.child.stdout.take();
    let output = output.ok_or_else(|| io::Error::other("no standard output"))?;
    let mut into = into.clone();
    into.deadline = into.deadline.saturating_add(from.deadline);
    let second = Running::start(&into, Stdio::from(output))?;
    let first = first.end();
    let second = second.end();
    first?;
    second.map(|_| ())
}

struct Running {
    name: &'static str,
    child: Child,
    end: Instant,
    deadline: Duration,
    stdout: Option<Receiver<Vec<u8>>>,
    stderr: Option<Receiver<Vec<u8>>>,
}

impl Running {
    fn start(command: &Command, stdin: Stdio) -> io::Result<Self> {
        let mut process = std::process::Command::new(command.program);
        process
            .args(&command.args)
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: helpers that it starts are killed with it.
            .process_group(0);
        if command.without_udev {
            process.env("DM_DISABLE_UDEV", "1");
        }
        die_with_us(&mut process);
        let mut child = process.spawn().map_err(|error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let what = if missing {
                format!("{} is not in {PATH}", command.program)
            } else {
                format!("{}: {error}", command.program)
            };
            io::Error::new(error.kind(), what)
        })?;
        let stderr = child.stderr.take().map(reader);
        Ok(Self {
            name: command.program,
            child,
            end: Instant::now()
                .checked_add(command.deadline)
                .unwrap_or_else(Instant::now),
            deadline: command.deadline,
            stdout: None,
            stderr,
        })
    }

    fn end(mut self) -> io::Result<String> {
        self.stdout = self.child.stdout.take().map(reader);
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
        let said = |pipe: Option<Receiver<Vec<u8>>>| {
            let bytes = pipe.and_then(|pipe| pipe.recv_timeout(DRAIN).ok());
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
        if let Ok(id) = i32::try_from(self.child.id()) {
            // It may just have ended.
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
fn reader(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = pipe.by_ref().take(KEPT).read_to_end(&mut kept);
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
    }

    #[test]
    fn tool_that_hangs_is_killed_with_what_it_started() {
        let hang = Command::new("sh", &["-c", "sleep 60; true"]).within(Duration::from_millis(100));
        let begin = Instant::now();
        let error = run(&hang).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn tool_dies_with_what_started_it() {
        let sleep = || Running::start(&Command::new("sleep", &["60"]), Stdio::null());
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
    }
}
