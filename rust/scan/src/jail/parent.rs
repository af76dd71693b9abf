//! The parent's side.

use super::failure::Failure;
use super::{Answer, MAX_ANSWER, MAX_DEVICES, MAX_REQUEST, Request};
use crate::silence::Silence;
use crate::work::Patience;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::ffi::OsString;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the end of a child that has answered, or was killed, is waited
/// for: one in an uninterruptible read does not end.
const END: Duration = Duration::from_millis(100);
/// How often a child that says nothing is looked at.
const TICK: Duration = Duration::from_millis(100);
/// Of what a child says before its end.
const MAX_WORDS: u64 = 400;

/// The program that looks inside file systems: it calls
/// [`serve`](super::serve) when it is started with these arguments.
#[derive(Debug, Clone)]
pub struct Reader {
    program: PathBuf,
    args: Vec<OsString>,
}

impl Reader {
    /// `program` is a path; nothing is searched for.
    pub fn new(
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
        }
    }

    /// A child's answer about `devices`, or what became of the child. Comes
    /// back when `patience` is over, at most [`END`] later.
    pub(crate) fn ask(
        &self,
        devices: &[BorrowedFd<'_>],
        request: &Request,
        patience: &Patience,
    ) -> Result<Answer, Failure> {
        let since = Instant::now();
        patience.meter.alive();
        let request = serde_json::to_vec(request).map_err(|error| Failure::Start(error.into()))?;
        let len = u64::try_from(request.len()).unwrap_or(u64::MAX);
        if len > MAX_REQUEST {
            return Err(Failure::Map(len));
        }
        let none = || Failure::Start(io::Error::other("no device to look into"));
        let (first, others) = devices.split_first().ok_or_else(none)?;
        let first = first.try_clone_to_owned().map_err(Failure::Start)?;
        let (ours, theirs) = UnixStream::pair().map_err(Failure::Start)?;
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .stdin(first)
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Failure::Start)?;
        match talk(ours, child.id(), others, &request, patience) {
            Ok(answer) => {
                let status = end(&mut child);
                match (serde_json::from_slice(&answer), status) {
                    (Ok(answer), Some(status)) if status.success() => Ok(answer),
                    (Err(error), Some(status)) if status.success() => Err(Failure::Garbled(error)),
                    (_, Some(status)) => Err(Failure::of(status, &words(&mut child))),
                    // It answered and hangs, or was stopped.
                    (_, None) => Err(late(&mut child, since)),
                }
            }
            Err(Stop::TooLong) => {
                kill(&mut child);
                Err(Failure::TooLong)
            }
            Err(Stop::Late) => Err(late(&mut child, since)),
        }
    }
}

enum Stop {
    Late,
    TooLong,
}

/// Asks and takes the answer in, until the child has closed its end.
fn talk(
    mut socket: UnixStream,
    child: u32,
    others: &[BorrowedFd<'_>],
    request: &[u8],
    patience: &Patience,
) -> Result<Vec<u8>, Stop> {
    let asked = left(patience).and_then(|left| {
        socket.set_write_timeout(Some(left))?;
        hand_over(&socket, others)?;
        socket.write_all(request)?;
        socket.shutdown(Shutdown::Write)
    });
    match asked {
        Ok(()) => {}
        Err(error) if is_late(&error) => return Err(Stop::Late),
        // It is gone already; how, its status says.
        Err(_) => return Ok(Vec::new()),
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    let mut silence = Silence::new();
    let mut worked = None;
    loop {
        let read = left(patience).and_then(|left| {
            socket.set_read_timeout(Some(left.min(TICK)))?;
            socket.read(&mut piece)
        });
        match read {
            Ok(0) => return Ok(answer),
            Ok(count) => {
                patience.meter.alive();
                silence.look(true);
                answer.extend_from_slice(piece.get(..count).unwrap_or_default());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_late(&error) => {
                let before = std::mem::replace(&mut worked, work(child));
                let works = worked != before;
                if works {
                    patience.meter.alive();
                }
                if silence.look(works) >= patience.silence || Instant::now() >= patience.until {
                    return Err(Stop::Late);
                }
            }
            // It ended without having taken the question.
            Err(_) => return Ok(answer),
        }
        if u64::try_from(answer.len()).unwrap_or(u64::MAX) > MAX_ANSWER {
            return Err(Stop::TooLong);
        }
    }
}

/// Nanoseconds that a process ran, and that it waited for a processor
/// (Documentation/scheduler/sched-stats.rst). They stand still while it waits
/// for a disk, and on a busy machine they grow long before its first word: to
/// start it takes a second where the system is unpacked as it is read.
fn work(child: u32) -> Option<[u64; 2]> {
    let text = std::fs::read_to_string(format!("/proc/{child}/schedstat")).ok()?;
    let mut numbers = text.split(' ').map(|number| number.parse().ok());
    Some([numbers.next()??, numbers.next()??])
}

/// Sends the devices that are not standard input, and how many they are.
fn hand_over(socket: &UnixStream, others: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DEVICES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let count = u8::try_from(others.len()).ok();
    let count = count
        .filter(|_| others.is_empty() || control.push(SendAncillaryMessage::ScmRights(others)));
    let count = [count.ok_or_else(|| io::Error::other("too many devices"))?];
    sendmsg(
        socket,
        &[IoSlice::new(&count)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Longest wait for the next sign of life, never zero, which the system takes
/// for no limit.
fn left(patience: &Patience) -> io::Result<Duration> {
    let left = patience.until.saturating_duration_since(Instant::now());
    let left = left.min(patience.silence);
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

fn late(child: &mut Child, since: Instant) -> Failure {
    let after = since.elapsed();
    kill(child);
    Failure::Late(after)
}

/// A child in an uninterruptible read is left behind; the signal waits for
/// it.
fn kill(child: &mut Child) {
    // An error means that it has ended.
    let _ = child.kill();
    end(child);
}

fn end(child: &mut Child) -> Option<ExitStatus> {
    /// It is on its way when its end of the socket is closed.
    const FIRST: Duration = Duration::from_micros(100);
    let since = Instant::now();
    let mut pause = FIRST;
    loop {
        match child.try_wait() {
            Ok(None) if since.elapsed() < END => thread::sleep(pause),
            Ok(status) => return status,
            Err(_) => return None,
        }
        pause = pause.saturating_mul(2).min(Duration::from_millis(5));
    }
}

/// Of a child that has ended, so the pipe does not block.
fn words(child: &mut Child) -> String {
    let mut words = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        // What could be read is as good as there is.
        let _ = stderr.take(MAX_WORDS).read_to_end(&mut words);
    }
    String::from_utf8_lossy(&words).into_owned()
}
