//! The kernel's messages about block devices, addresses and routes.

use asl_scan::netlink::{Burst, Heard, Messages, PollFd, PollFlags};
use asl_scan::uevent;
use std::io;
use std::time::Duration;

/// Looking again takes seconds, so it may wait for the last of a burst.
const BURST: Burst = Burst {
    quiet: Duration::from_secs(1),
    longest: Duration::from_secs(10),
};

/// What the kernel spoke of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Block devices, or messages that were lost.
    pub(crate) devices: bool,
    /// Addresses or routes.
    pub(crate) routes: bool,
}

/// Both sockets.
pub(crate) struct Kernel {
    devices: Messages,
    routes: Messages,
    burst: Burst,
}

impl Kernel {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            devices: Messages::uevents()?,
            routes: Messages::routes()?,
            burst: BURST,
        })
    }

    /// The next burst, when it is over; no news where none begins within
    /// `idle`.
    pub(crate) fn wait(&self, idle: Option<Duration>) -> io::Result<News> {
        let mut news = News::default();
        let mut fds = [
            PollFd::new(&self.devices, PollFlags::IN),
            PollFd::new(&self.routes, PollFlags::IN),
        ];
        self.burst.wait(idle, &mut fds, |_| {
            let lost = self
                .devices
                .take(|message| news.devices |= uevent::block_device(message).is_some())?;
            news.devices |= lost;
            let lost = self.routes.take(|_| news.routes = true)?;
            news.routes |= lost;
            Ok(if news.devices || news.routes {
                Heard::News
            } else {
                Heard::Nothing
            })
        })?;
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;
    use std::thread;

    /// With pairs of sockets in place of the kernel's.
    fn pair() -> (Kernel, UnixDatagram, UnixDatagram) {
        let pair = || {
            let (messages, kernel) = UnixDatagram::pair().unwrap();
            messages.set_nonblocking(true).unwrap();
            (OwnedFd::from(messages).into(), kernel)
        };
        let ((devices, uevents), (routes, links)) = (pair(), pair());
        let kernel = Kernel {
            devices,
            routes,
            burst: Burst {
                quiet: Duration::from_millis(200),
                longest: Duration::from_millis(1000),
            },
        };
        (kernel, uevents, links)
    }

    fn say(socket: &UnixDatagram, subsystem: &str) {
        let message = format!("change@/devices/x/sda\0SUBSYSTEM={subsystem}\0");
        socket.send(message.as_bytes()).unwrap();
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
        assert_eq!(kernel.wait(None).unwrap(), news);
        drop(speaker.join().unwrap());
    }

    #[test]
    fn a_wait_has_an_end_where_one_is_asked_for() {
        let (kernel, _uevents, _links) = pair();
        let idle = Some(Duration::from_millis(50));
        assert_eq!(kernel.wait(idle).unwrap(), News::default());
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
        assert_eq!(kernel.wait(None).unwrap(), news);
    }
}
