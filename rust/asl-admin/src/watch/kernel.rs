//! The kernel's messages about block devices, addresses and routes.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Group of the kernel's own uevents; 2 is udev's, and there may be no udev.
const UEVENTS: u32 = 1;
/// Groups of addresses and routes of both families, `linux/rtnetlink.h`:
/// `RTMGRP_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`.
const ROUTES: u32 = 0x10 | 0x40 | 0x100 | 0x400;
/// Longest message of interest, bytes: `UEVENT_BUFFER_SIZE` and its head. Of
/// a longer one the beginning is enough.
const MESSAGE: usize = 8192;
/// So long without a message ends a burst: a disk, its partitions and what
/// udev makes of them.
const QUIET: Duration = Duration::from_secs(1);
/// A device that comes and goes without end must not hide the others.
const LONGEST: Duration = Duration::from_secs(10);

/// What the kernel spoke of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Block devices, or messages that were lost.
    pub(crate) devices: bool,
    /// Addresses or routes.
    pub(crate) routes: bool,
}

impl News {
    fn any(self) -> bool {
        self.devices || self.routes
    }
}

/// Both sockets.
pub(crate) struct Kernel {
    devices: OwnedFd,
    routes: OwnedFd,
    quiet: Duration,
    longest: Duration,
}

impl Kernel {
    pub(crate) fn listen() -> io::Result<Self> {
        let listen = |protocol, groups| -> io::Result<OwnedFd> {
            let socket = socket(
                AddressFamily::Netlink,
                SockType::Datagram,
                SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
                protocol,
            )?;
            bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
            Ok(socket)
        };
        Ok(Self {
            devices: listen(SockProtocol::NetlinkKObjectUEvent, UEVENTS)?,
            routes: listen(SockProtocol::NetlinkRoute, ROUTES)?,
            quiet: QUIET,
            longest: LONGEST,
        })
    }

    /// The next burst, when it is over.
    pub(crate) fn wait(&self) -> io::Result<News> {
        let mut news = News::default();
        let mut since: Option<Instant> = None;
        loop {
            let rest = since.map(|since| self.longest.saturating_sub(since.elapsed()));
            let timeout = match rest {
                None => PollTimeout::NONE,
                Some(Duration::ZERO) => return Ok(news),
                Some(rest) => {
                    PollTimeout::try_from(rest.min(self.quiet)).unwrap_or(PollTimeout::ZERO)
                }
            };
            if !self.poll(timeout)? && since.is_some() {
                return Ok(news);
            }
            news.devices |= receive(&self.devices, |message| {
                asl_scan::uevent::block_device(message).is_some()
            })?;
            news.routes |= receive(&self.routes, |_| true)?;
            if news.any() {
                since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// Something came within the time.
    fn poll(&self, timeout: PollTimeout) -> io::Result<bool> {
        let mut fds = [&self.devices, &self.routes]
            .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN));
        match poll(&mut fds, timeout) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::EINTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Takes all messages that are there; true where one is of interest, or some
/// were lost.
fn receive(socket: &OwnedFd, is_of_interest: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
    let mut message = [0; MESSAGE];
    let mut found = false;
    loop {
        match recvfrom::<NetlinkAddr>(socket.as_raw_fd(), &mut message) {
            // Any program may send to a group; the kernel is number 0.
            Ok((_, Some(sender))) if sender.pid() != 0 => {}
            Ok((length, _)) => found |= message.get(..length).is_some_and(&is_of_interest),
            Err(Errno::EAGAIN) => return Ok(found),
            Err(Errno::EINTR) => {}
            Err(Errno::ENOBUFS) => found = true,
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{MsgFlags, send, socketpair};
    use std::thread;

    /// With pairs of sockets in place of the kernel's.
    fn pair() -> (Kernel, OwnedFd, OwnedFd) {
        let pair = || {
            socketpair(
                AddressFamily::Unix,
                SockType::Datagram,
                None,
                SockFlag::SOCK_NONBLOCK,
            )
            .unwrap()
        };
        let ((devices, uevents), (routes, links)) = (pair(), pair());
        let kernel = Kernel {
            devices,
            routes,
            quiet: Duration::from_millis(200),
            longest: Duration::from_millis(1000),
        };
        (kernel, uevents, links)
    }

    fn say(socket: &OwnedFd, subsystem: &str) {
        let message = format!("change@/devices/x/sda\0SUBSYSTEM={subsystem}\0");
        send(socket.as_raw_fd(), message.as_bytes(), MsgFlags::empty()).unwrap();
    }

    #[test]
    fn a_burst_is_one_answer() {
        let (kernel, uevents, links) = pair();
        let speaker = thread::spawn(move || {
            for _ in 0..4 {
                say(&uevents, "block");
                thread::sleep(Duration::from_millis(30));
            }
            say(&links, "");
            (uevents, links)
        });
        let news = News {
            devices: true,
            routes: true,
        };
        assert_eq!(kernel.wait().unwrap(), news);
        drop(speaker.join().unwrap());
    }

    #[test]
    fn other_subsystems_are_not_waited_for_and_no_news() {
        let (kernel, uevents, links) = pair();
        say(&uevents, "net");
        say(&links, "");
        let news = News {
            devices: false,
            routes: true,
        };
        assert_eq!(kernel.wait().unwrap(), news);
    }

    #[test]
    fn a_device_that_never_rests_does_not_hold_up_the_answer() {
        let (kernel, uevents, _links) = pair();
        thread::spawn(move || {
            for _ in 0..200 {
                say(&uevents, "block");
                thread::sleep(Duration::from_millis(50));
            }
        });
        let started = Instant::now();
        assert!(kernel.wait().unwrap().devices);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
