//! What the kernel says of itself, and when it has said all of it.
//!
//! A disk, its partitions and what udev makes of them come as many messages
//! in one burst, and so does the change of an address and of its routes:
//! [`Burst`] waits for the end of one.

pub use rustix::event::{PollFd, PollFlags};

use rustix::event::{Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Group of the kernel's own uevents; 2 is udev's, and there may be no udev.
const UEVENTS: u32 = 1;
/// Groups of addresses and routes of both families, `linux/rtnetlink.h`:
/// `RTMGRP_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`.
const ROUTES: u32 = 0x10 | 0x40 | 0x100 | 0x400;
/// Longest uevent, bytes: `UEVENT_BUFFER_SIZE` and its head. Of a longer
/// message about a route the beginning is enough.
const MESSAGE: usize = 8192;

/// A socket that the kernel sends messages to. Reading it never waits.
#[derive(Debug)]
pub struct Messages(OwnedFd);

impl Messages {
    /// Those about devices; [`crate::uevent`] reads them.
    ///
    /// # Errors
    /// The system has no such socket, or no permission for it.
    pub fn uevents() -> io::Result<Self> {
        Self::listen(Some(netlink::KOBJECT_UEVENT), UEVENTS)
    }

    /// Those about addresses and routes.
    ///
    /// # Errors
    /// The system has no such socket, or no permission for it.
    pub fn routes() -> io::Result<Self> {
        // NETLINK_ROUTE is 0, which is none.
        Self::listen(None, ROUTES)
    }

    fn listen(protocol: Option<Protocol>, groups: u32) -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            protocol,
        )?;
        bind(&socket, &SocketAddrNetlink::new(0, groups))?;
        Ok(Self(socket))
    }

    /// Takes all messages that are there; true where some were lost.
    ///
    /// # Errors
    /// The socket cannot be read.
    pub fn take(&self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let mut message = [0; MESSAGE];
        let mut lost = false;
        loop {
            match recvfrom(&self.0, &mut message, RecvFlags::empty()) {
                Ok((length, _, sender)) => {
                    let sender = sender.and_then(|any| SocketAddrNetlink::try_from(any).ok());
                    // Any program may send to a group; the kernel is number 0.
                    if sender.is_none_or(|sender| sender.pid() == 0) {
                        each(message.get(..length).unwrap_or_default());
                    }
                }
                Err(Errno::AGAIN) => return Ok(lost),
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => lost = true,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Messages {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A socket with messages of another origin; it must not wait.
impl From<OwnedFd> for Messages {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

/// What woke the one who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing of interest until now.
    Nothing,
    /// Something of interest, now or before.
    News,
    /// No more is waited for.
    End,
}

/// When a burst of messages is over.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// So long without a message ends it.
    pub quiet: Duration,
    /// Something that comes and goes without end must not hide the rest: so
    /// long after the first news it counts as over.
    pub longest: Duration,
}

impl Burst {
    /// Has `hear` look at the descriptors each time one of them is ready, and
    /// comes back when what it heard is over. For the first of them it waits
    /// `idle`, or for ever.
    ///
    /// # Errors
    /// The system does not let it wait, or `hear` fails.
    pub fn wait(
        self,
        idle: Option<Duration>,
        fds: &mut [PollFd<'_>],
        mut hear: impl FnMut(&[PollFd<'_>]) -> io::Result<Heard>,
    ) -> io::Result<()> {
        let mut since: Option<Instant> = None;
        loop {
            let rest = since.map(|since| self.longest.saturating_sub(since.elapsed()));
            if rest.is_some_and(|rest| rest.is_zero()) {
                return Ok(());
            }
            let timeout = rest.map(|rest| rest.min(self.quiet)).or(idle);
            if !is_ready(fds, timeout)? {
                return Ok(());
            }
            match hear(fds)? {
                Heard::Nothing => {}
                Heard::News => {
                    since.get_or_insert_with(Instant::now);
                }
                Heard::End => return Ok(()),
            }
        }
    }
}

/// Something came within the time.
fn is_ready(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<bool> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    match poll(fds, timeout.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => {
            fds.iter_mut().for_each(PollFd::clear_revents);
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::thread;

    const BURST: Burst = Burst {
        quiet: Duration::from_millis(200),
        longest: Duration::from_millis(1000),
    };

    /// With a pair of sockets in place of the kernel's.
    fn pair() -> (Messages, UnixDatagram) {
        let (messages, kernel) = UnixDatagram::pair().unwrap();
        messages.set_nonblocking(true).unwrap();
        (Messages(messages.into()), kernel)
    }

    /// Everything up to the end of the burst.
    fn burst(messages: &Messages) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = Vec::new();
        let mut fds = [PollFd::new(messages, PollFlags::IN)];
        let hear = |_: &[PollFd<'_>]| {
            messages.take(|message| all.push(message.to_vec()))?;
            Ok(if all.is_empty() {
                Heard::Nothing
            } else {
                Heard::News
            })
        };
        BURST.wait(None, &mut fds, hear).unwrap();
        all
    }

    #[test]
    fn a_burst_is_over_when_it_is_quiet() {
        let (messages, kernel) = pair();
        let speaker = thread::spawn(move || {
            for word in ["one", "two", "three"] {
                kernel.send(word.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(30));
            }
            kernel
        });
        assert_eq!(burst(&messages), [b"one".as_slice(), b"two", b"three"]);
        drop(speaker.join().unwrap());
    }

    #[test]
    fn one_that_never_rests_does_not_hold_up_the_answer() {
        let (messages, kernel) = pair();
        thread::spawn(move || {
            for _ in 0..200 {
                let _ = kernel.send(b"again");
                thread::sleep(Duration::from_millis(50));
            }
        });
        let started = Instant::now();
        assert!(burst(&messages).len() > 1);
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn who_hears_the_end_waits_no_more() {
        let (messages, kernel) = pair();
        kernel.send(b"last").unwrap();
        let mut fds = [PollFd::new(&messages, PollFlags::IN)];
        let mut calls = 0;
        let hear = |fds: &[PollFd<'_>]| {
            calls += 1;
            assert!(fds.iter().all(|fd| fd.revents() == PollFlags::IN));
            Ok(Heard::End)
        };
        let longest = Burst {
            quiet: Duration::MAX,
            longest: Duration::MAX,
        };
        longest.wait(None, &mut fds, hear).unwrap();
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_kernel_can_be_listened_to() {
        for messages in [Messages::uevents(), Messages::routes()] {
            assert!(!messages.unwrap().take(|_| {}).unwrap());
        }
    }

    #[test]
    fn what_a_program_sends_to_the_group_is_not_the_kernels() {
        let messages = Messages::uevents().unwrap();
        let name = rustix::net::getsockname(&messages).unwrap();
        let other = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::KOBJECT_UEVENT),
        )
        .unwrap();
        bind(&other, &SocketAddrNetlink::new(0, 0)).unwrap();
        let forged = b"add@/devices/x/forged\0SUBSYSTEM=block\0";
        let flags = rustix::net::SendFlags::empty();
        match rustix::net::sendto(&other, forged, flags, &name) {
            // Who is not root may not send at all.
            Err(Errno::PERM) => return,
            sent => assert_eq!(sent.unwrap(), forged.len()),
        }
        let mut seen = false;
        messages
            .take(|message| seen |= message.windows(6).any(|part| part == b"forged"))
            .unwrap();
        assert!(!seen);
    }
}
