//! Waits for the kernel, a signal, or the reader of what is written to leave.

use asl_scan::netlink::{Burst, Heard, Messages, PollFd, PollFlags};
use asl_scan::uevent;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// A disk and its partitions are told together, and soon.
const BURST: Burst = Burst {
    quiet: Duration::from_millis(200),
    longest: Duration::from_secs(2),
};

/// Why a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The kernel spoke of these devices.
    Devices(BTreeSet<String>),
    /// The kernel spoke, and not all was heard.
    Lost,
    /// A signal, or nobody reads on.
    Ended,
}

/// What to wait for.
pub(crate) struct Kernel {
    messages: Messages,
    signals: SignalFd,
}

impl Kernel {
    /// From now on SIGINT and SIGTERM are taken by [`Kernel::wait`] alone.
    pub(crate) fn listen() -> io::Result<Self> {
        let messages = Messages::uevents()?;
        let mut ends = SigSet::empty();
        ends.add(Signal::SIGINT);
        ends.add(Signal::SIGTERM);
        // Threads that are made later inherit it.
        ends.thread_block()?;
        let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { messages, signals })
    }

    /// The next burst of messages about block devices.
    pub(crate) fn wait(&self) -> io::Result<Woken> {
        let mut names = BTreeSet::new();
        let (mut lost, mut ended) = (false, false);
        let out = io::stdout();
        let mut fds = [
            PollFd::new(&self.messages, PollFlags::IN),
            PollFd::new(&self.signals, PollFlags::IN),
            // Errors are told without being asked for.
            PollFd::from_borrowed_fd(out.as_fd(), PollFlags::empty()),
        ];
        BURST.wait(None, &mut fds, |fds| {
            ended = fds.iter().skip(1).any(|end| !end.revents().is_empty());
            if ended {
                return Ok(Heard::End);
            }
            lost |= self
                .messages
                .take(|message| names.extend(uevent::block_device(message)))?;
            Ok(if lost || !names.is_empty() {
                Heard::News
            } else {
                Heard::Nothing
            })
        })?;
        Ok(match (ended, lost) {
            (true, _) => Woken::Ended,
            (false, true) => Woken::Lost,
            (false, false) => Woken::Devices(names),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn a_burst_is_one_answer_and_each_device_stands_once() {
        // A pair of sockets in place of the kernel's.
        let (messages, kernel) = UnixDatagram::pair().unwrap();
        messages.set_nonblocking(true).unwrap();
        let watch = Kernel {
            messages: OwnedFd::from(messages).into(),
            signals: SignalFd::with_flags(&SigSet::empty(), SfdFlags::SFD_NONBLOCK).unwrap(),
        };
        let speaker = std::thread::spawn(move || {
            for name in ["sda", "sda1", "sda"] {
                let message = format!("change@/devices/virtual/block/{name}\0SUBSYSTEM=block\0");
                kernel.send(message.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
            kernel
        });
        let names = BTreeSet::from(["sda".to_owned(), "sda1".to_owned()]);
        assert_eq!(watch.wait().unwrap(), Woken::Devices(names));
        drop(speaker.join().unwrap());
    }
}
