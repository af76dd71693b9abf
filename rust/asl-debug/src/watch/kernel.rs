//! Waits for the kernel, a signal, or the reader of what is written to leave.

use asl_scan::uevent;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket,
};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Group of the kernel's own messages; 2 is udev's, and there may be no udev.
const KERNEL: u32 = 1;
/// Longest message that the kernel makes, bytes: `UEVENT_BUFFER_SIZE` and its
/// head.
const MESSAGE: usize = 8192;
/// A disk and its partitions come in one burst: so long without a message
/// ends it.
const QUIET: Duration = Duration::from_millis(200);
/// A device that comes and goes without end must not hide the others.
const LONGEST: Duration = Duration::from_secs(2);

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
    messages: OwnedFd,
    signals: SignalFd,
}

impl Kernel {
    /// From now on SIGINT and SIGTERM are taken by [`Kernel::wait`] alone.
    pub(crate) fn listen() -> io::Result<Self> {
        let messages = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkKObjectUEvent,
        )?;
        bind(messages.as_raw_fd(), &NetlinkAddr::new(0, KERNEL))?;
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
        let mut lost = false;
        let mut since: Option<Instant> = None;
        loop {
            let rest = since.map(|since| LONGEST.saturating_sub(since.elapsed()).min(QUIET));
            let burst_is_over = match rest {
                Some(Duration::ZERO) => true,
                Some(rest) => {
                    !self.poll(PollTimeout::try_from(rest).unwrap_or(PollTimeout::ZERO))?
                }
                None => !self.poll(PollTimeout::NONE)?,
            };
            if burst_is_over {
                return Ok(if lost {
                    Woken::Lost
                } else {
                    Woken::Devices(names)
                });
            }
            if self.is_ended()? {
                return Ok(Woken::Ended);
            }
            lost |= self.receive(&mut names)?;
            if lost || !names.is_empty() {
                since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// Something happened within the time.
    fn poll(&self, timeout: PollTimeout) -> io::Result<bool> {
        let out = io::stdout();
        let mut fds = [
            PollFd::new(self.messages.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            // Errors are told without being asked for.
            PollFd::new(out.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut fds, timeout) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::EINTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn is_ended(&self) -> io::Result<bool> {
        if self.signals.read_signal()?.is_some() {
            return Ok(true);
        }
        let out = io::stdout();
        let mut fds = [PollFd::new(out.as_fd(), PollFlags::empty())];
        poll(&mut fds, PollTimeout::ZERO)?;
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
        let [out] = fds;
        Ok(out.revents().is_some_and(|events| events.intersects(gone)))
    }

    /// All messages that are there; true where some were lost.
    fn receive(&self, names: &mut BTreeSet<String>) -> io::Result<bool> {
        let mut message = [0; MESSAGE];
        let mut lost = false;
        loop {
            match recvfrom::<NetlinkAddr>(self.messages.as_raw_fd(), &mut message) {
                // Any program may send to the group; the kernel is number 0.
                Ok((_, Some(sender))) if sender.pid() != 0 => {}
                Ok((length, _)) => {
                    names.extend(message.get(..length).and_then(uevent::block_device));
                }
                Err(Errno::EAGAIN) => return Ok(lost),
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => lost = true,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{MsgFlags, send, socketpair};

    /// With a pair of sockets in place of the kernel's.
    fn pair() -> (Kernel, OwnedFd) {
        let (messages, kernel) = socketpair(
            AddressFamily::Unix,
            SockType::Datagram,
            None,
            SockFlag::SOCK_NONBLOCK,
        )
        .unwrap();
        let signals = SignalFd::with_flags(&SigSet::empty(), SfdFlags::SFD_NONBLOCK).unwrap();
        (Kernel { messages, signals }, kernel)
    }

    fn say(kernel: &OwnedFd, name: &str) {
        let message = format!("change@/devices/virtual/block/{name}\0SUBSYSTEM=block\0");
        send(kernel.as_raw_fd(), message.as_bytes(), MsgFlags::empty()).unwrap();
    }

    #[test]
    fn a_burst_is_one_answer_and_each_device_stands_once() {
        let (watch, kernel) = pair();
        let speaker = std::thread::spawn(move || {
            for name in ["sda", "sda1", "sda"] {
                say(&kernel, name);
                std::thread::sleep(Duration::from_millis(20));
            }
            kernel
        });
        let names = BTreeSet::from(["sda".to_owned(), "sda1".to_owned()]);
        assert_eq!(watch.wait().unwrap(), Woken::Devices(names));
        drop(speaker.join().unwrap());
    }

    #[test]
    fn a_device_that_never_rests_does_not_hold_up_the_answer() {
        let (watch, kernel) = pair();
        std::thread::spawn(move || {
            for _ in 0..100 {
                say(&kernel, "sr0");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let started = Instant::now();
        assert_eq!(
            watch.wait().unwrap(),
            Woken::Devices(BTreeSet::from(["sr0".to_owned()]))
        );
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}
