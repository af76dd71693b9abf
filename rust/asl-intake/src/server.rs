//! Connections: how many, how long, how large.
//!
//! The protocol is the `varlink` crate's. Its reader takes a message of any
//! length for as long as it lasts, so it reads through [`Metered`].

use std::io::{self, BufReader, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use varlink::{ConnectionHandler, VarlinkService};

/// Clients at the same time; one more is turned away at once. People and
/// scripts of one machine: a handful.
pub(crate) const MAX_CONNECTIONS: usize = 16;
/// Longest request, bytes. The methods take no parameters.
const MAX_MESSAGE: usize = 16 * 1024;
/// A request must be whole so soon after its first byte.
const MESSAGE_DEADLINE: Duration = Duration::from_secs(5);
/// A client may think so long between two requests.
const IDLE_DEADLINE: Duration = Duration::from_secs(60);
/// A reply must be taken within this time.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Wait after a failed accept: out of descriptors passes, a busy loop helps
/// nobody.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Failed accepts in a row after which the socket counts as broken.
const MAX_ACCEPT_FAULTS: u32 = 50;

/// Accepts for ever.
///
/// # Errors
/// The socket cannot accept any more.
pub(crate) fn serve(listener: &UnixListener, service: &Arc<VarlinkService>) -> io::Result<()> {
    // One count per running connection and ours.
    let seats = Arc::new(());
    let mut faults: u32 = 0;
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                faults = faults.saturating_add(1);
                if faults >= MAX_ACCEPT_FAULTS {
                    return Err(error);
                }
                tracing::warn!("accept: {error}");
                thread::sleep(ACCEPT_PAUSE);
                continue;
            }
        };
        faults = 0;
        if Arc::strong_count(&seats) > MAX_CONNECTIONS {
            tracing::warn!("more than {MAX_CONNECTIONS} clients: one turned away");
            continue;
        }
        let seat = Arc::clone(&seats);
        let service = Arc::clone(service);
        let spawned = thread::Builder::new()
            .name("client".to_owned())
            .spawn(move || {
                if let Err(error) = converse(stream, &service) {
                    tracing::debug!("connection ended: {error}");
                }
                drop(seat);
            });
        if let Err(error) = spawned {
            tracing::warn!("no thread for a client: {error}");
        }
    }
}

/// Answers one client until it hangs up or breaks a limit.
fn converse(
    stream: UnixStream,
    service: &VarlinkService,
) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_write_timeout(Some(WRITE_DEADLINE))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(Metered::new(stream));
    service.handle(&mut reader, &mut writer, None)?;
    Ok(())
}

/// A stream of NUL-terminated messages, none too long and none too slow.
struct Metered {
    stream: UnixStream,
    /// Bytes of the unfinished message.
    pending: usize,
    /// When its first byte came.
    since: Option<Instant>,
}

impl Metered {
    fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            pending: 0,
            since: None,
        }
    }

    fn account(&mut self, bytes: &[u8]) -> io::Result<()> {
        match bytes.iter().rposition(|byte| *byte == 0) {
            Some(end) => {
                self.pending = bytes.len().saturating_sub(end).saturating_sub(1);
                self.since = (self.pending > 0).then(Instant::now);
            }
            None => {
                self.pending = self.pending.saturating_add(bytes.len());
                self.since.get_or_insert_with(Instant::now);
            }
        }
        if self.pending > MAX_MESSAGE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("request longer than {MAX_MESSAGE} bytes"),
            ));
        }
        Ok(())
    }
}

impl Read for Metered {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wait = match self.since {
            None => IDLE_DEADLINE,
            Some(since) => MESSAGE_DEADLINE
                .checked_sub(since.elapsed())
                .filter(|left| !left.is_zero())
                .ok_or(io::ErrorKind::TimedOut)?,
        };
        self.stream.set_read_timeout(Some(wait))?;
        let length = self.stream.read(buf)?;
        let bytes = buf.get(..length).unwrap_or_default();
        if !bytes.is_empty() {
            self.account(bytes)?;
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn long_request_is_refused_before_it_is_stored() {
        let (mut client, server) = UnixStream::pair().unwrap();
        let mut metered = Metered::new(server);
        client.write_all(&vec![b'x'; MAX_MESSAGE + 1]).unwrap();
        let error = io::copy(&mut metered, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn short_requests_in_a_row_are_not_added_up() {
        let (client, server) = UnixStream::pair().unwrap();
        let mut metered = Metered::new(server);
        for _ in 0..4 {
            let mut message = vec![b'x'; MAX_MESSAGE / 2];
            message.push(0);
            (&client).write_all(&message).unwrap();
        }
        drop(client);
        let read = io::copy(&mut metered, &mut io::sink()).unwrap();
        assert_eq!(read, u64::try_from(4 * (MAX_MESSAGE / 2 + 1)).unwrap());
        assert_eq!(metered.since, None);
    }

    #[test]
    fn slow_request_ends_although_bytes_keep_coming() {
        let (mut client, server) = UnixStream::pair().unwrap();
        let mut metered = Metered::new(server);
        client.write_all(b"{").unwrap();
        assert_eq!(metered.read(&mut [0; 8]).unwrap(), 1);
        metered.since = Instant::now().checked_sub(MESSAGE_DEADLINE);
        client.write_all(b"\"").unwrap();
        let error = metered.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
