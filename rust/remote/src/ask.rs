//! Asks an endpoint, within a deadline.

use crate::{Answer, MAX_ANSWER, nfs, resolve, smb, ssh};
use asl_config::{Address, Endpoint, Scheme};
use asl_facts::Remote;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A protocol: what is sent, and what comes back means.
struct Protocol {
    /// Where no other is named.
    port: u16,
    request: fn() -> Vec<u8>,
    answer: fn(&[u8]) -> Answer,
}

fn protocol(scheme: Scheme) -> Option<Protocol> {
    match scheme {
        Scheme::Nfs => Some(Protocol {
            port: 2049,
            request: nfs::request,
            answer: nfs::answer,
        }),
        Scheme::Smb => Some(Protocol {
            port: 445,
            request: smb::request,
            answer: smb::answer,
        }),
        Scheme::Ssh => Some(Protocol {
            port: 22,
            request: ssh::request,
            answer: ssh::answer,
        }),
        Scheme::S3 | Scheme::Asl => None,
    }
}

/// Whether the endpoint answers in its own protocol within `allowed`.
#[must_use]
pub fn probe(endpoint: &Endpoint, allowed: Duration) -> Remote {
    match ask(endpoint, allowed) {
        Ok(()) => Remote::Answers {
            endpoint: endpoint.text.clone(),
        },
        Err(why) => Remote::Silent {
            endpoint: endpoint.text.clone(),
            why,
        },
    }
}

fn ask(endpoint: &Endpoint, allowed: Duration) -> Result<(), String> {
    let end = Instant::now()
        .checked_add(allowed)
        .ok_or("no time to ask")?;
    let protocol =
        protocol(endpoint.scheme).ok_or("this version can only ask nfs, smb and ssh endpoints")?;
    let address = Address::of(endpoint)?;
    let port = address.port.unwrap_or(protocol.port);
    let addresses = match address.literal(port) {
        Some(address) => vec![address],
        None => resolve::resolve(&address.host, port, end)?,
    };
    let mut why = String::new();
    for (index, address) in addresses.iter().enumerate() {
        let left = addresses.len().saturating_sub(index).max(1);
        let rest = end.saturating_duration_since(Instant::now());
        let share = u32::try_from(left)
            .ok()
            .and_then(|left| rest.checked_div(left))
            .unwrap_or(rest);
        if share.is_zero() {
            break;
        }
        match ask_one(*address, &protocol, share) {
            Ok(()) => return Ok(()),
            Err(error) if why.is_empty() => why = format!("{address}: {error}"),
            Err(error) => why.push_str(&format!(", {address}: {error}")),
        }
    }
    Err(why)
}

fn ask_one(address: SocketAddr, protocol: &Protocol, allowed: Duration) -> Result<(), String> {
    let end = Instant::now()
        .checked_add(allowed)
        .ok_or("no time to ask")?;
    let rest = || {
        let rest = end.saturating_duration_since(Instant::now());
        // Zero would mean for ever.
        (!rest.is_zero()).then_some(rest)
    };
    let silent = || format!("no answer within {} s", allowed.as_secs_f32().ceil());
    let mut stream =
        TcpStream::connect_timeout(&address, allowed).map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => silent(),
            ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _ => error.to_string(),
        })?;
    let set = |error: std::io::Error| error.to_string();
    stream
        .set_write_timeout(Some(rest().ok_or_else(silent)?))
        .map_err(set)?;
    stream
        .write_all(&(protocol.request)())
        .map_err(|error| error.to_string())?;
    let mut seen = Vec::new();
    let mut part = [0; 1024];
    loop {
        stream
            .set_read_timeout(Some(rest().ok_or_else(silent)?))
            .map_err(set)?;
        let length = match stream.read(&mut part) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                return Err(silent());
            }
            Err(error) => return Err(error.to_string()),
        };
        if length == 0 {
            return Err("it closed the connection without an answer".to_owned());
        }
        seen.extend(part.get(..length).unwrap_or_default());
        match (protocol.answer)(&seen) {
            Answer::Yes => return Ok(()),
            Answer::No(why) => return Err(why),
            Answer::More if seen.len() >= MAX_ANSWER => {
                return Err(format!("no answer in {} bytes", seen.len()));
            }
            Answer::More => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// An endpoint whose server answers the first call like this, in pieces.
    fn server(scheme: Scheme, name: &str, answer: Vec<u8>, hang: bool) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            if scheme != Scheme::Ssh {
                // All of it: what is left unread resets the connection.
                let mut call = [0; 1024];
                assert!(stream.read(&mut call).unwrap() > 40);
            }
            for piece in answer.chunks(7) {
                stream.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
            if hang {
                thread::sleep(Duration::from_secs(20));
            }
        });
        Endpoint {
            scheme,
            text: format!("{name}://127.0.0.1:{port}/asl"),
        }
    }

    fn why(remote: Remote) -> String {
        match remote {
            Remote::Silent { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn each_protocol_answers() {
        for endpoint in [
            server(Scheme::Nfs, "nfs", nfs::tests::accepted(&[0]), true),
            server(
                Scheme::Smb,
                "smb",
                smb::tests::response_with(0, 1, 0x0300),
                true,
            ),
            server(Scheme::Ssh, "ssh", b"SSH-2.0-x\r\n".to_vec(), true),
        ] {
            let text = endpoint.text.clone();
            assert_eq!(
                probe(&endpoint, PATIENCE),
                Remote::Answers { endpoint: text }
            );
        }
    }

    #[test]
    fn an_open_port_is_no_answer() {
        let hanging = server(Scheme::Nfs, "nfs", Vec::new(), true);
        let started = Instant::now();
        let seen = why(probe(&hanging, Duration::from_millis(300)));
        assert_eq!(seen.split_once(": ").unwrap().1, "no answer within 1 s");
        assert!(started.elapsed() < Duration::from_secs(5));
        let closing = server(Scheme::Smb, "smb", Vec::new(), false);
        assert!(why(probe(&closing, PATIENCE)).contains("closed the connection"));
        let other = server(Scheme::Nfs, "nfs", b"SSH-2.0-x\r\n".to_vec(), true);
        assert!(why(probe(&other, PATIENCE)).contains("no RPC reply"));
    }

    #[test]
    fn a_server_that_drips_does_not_prolong_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let text = format!("ssh://{}/asl", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let endpoint = Endpoint {
            scheme: Scheme::Ssh,
            text,
        };
        let started = Instant::now();
        assert!(why(probe(&endpoint, Duration::from_millis(300))).contains("no answer within"));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_closed_port_is_told() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let endpoint = Endpoint {
            scheme: Scheme::Nfs,
            text: format!("nfs://127.0.0.1:{port}/asl"),
        };
        assert!(why(probe(&endpoint, PATIENCE)).ends_with("connection refused"));
    }

    #[test]
    fn what_cannot_be_asked_says_so() {
        let endpoint = Endpoint {
            scheme: Scheme::S3,
            text: "s3://bucket".to_owned(),
        };
        assert!(why(probe(&endpoint, PATIENCE)).contains("only ask nfs, smb and ssh"));
    }
}
