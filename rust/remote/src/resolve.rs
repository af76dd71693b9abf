//! Names to addresses, by `getent ahosts`.
//!
//! Not by the resolver of the C library: the programs are linked statically,
//! and a static glibc that loads another system's NSS modules crashes.

use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = "getent";
/// Longest output that is read, bytes: a line an address.
const MAX_OUTPUT: u64 = 64 * 1024;
/// Addresses that are tried.
const MAX_ADDRESSES: usize = 4;

/// The addresses of `host`, as its system would try them.
pub(crate) fn resolve(host: &str, port: u16, end: Instant) -> Result<Vec<SocketAddr>, String> {
    let mut child = Command::new(PROGRAM)
        .args(["ahosts", "--", host])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{PROGRAM}: {error}"))?;
    let output = read(&mut child, end);
    // It has closed its output or is late; a zombie ends with this process.
    let _ = child.kill();
    let _ = child.wait();
    let lines = output.ok_or_else(|| format!("the name {host} was not resolved in time"))?;
    let addresses = addresses(&lines, port);
    if addresses.is_empty() {
        return Err(format!("the name {host} is not known"));
    }
    Ok(addresses)
}

fn read(child: &mut Child, end: Instant) -> Option<Vec<String>> {
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("resolve".to_owned())
        .spawn(move || {
            let lines = BufReader::new(stdout.take(MAX_OUTPUT)).lines();
            // Nobody waits any more: then it is late.
            let _ = sender.send(lines.map_while(Result::ok).collect());
        })
        .ok()?;
    let rest = end.saturating_duration_since(Instant::now());
    receiver
        .recv_timeout(rest.max(Duration::from_millis(1)))
        .ok()
}

/// `ADDRESS STREAM NAME`, each address once for every kind of socket.
fn addresses(lines: &[String], port: u16) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for line in lines {
        let ip = line.split_whitespace().next().map(str::parse::<IpAddr>);
        if let Some(Ok(ip)) = ip {
            let address = SocketAddr::new(ip, port);
            if !found.contains(&address) && found.len() < MAX_ADDRESSES {
                found.push(address);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_once_and_not_too_many() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let seen = lines("::1 STREAM localhost\n::1 DGRAM\n127.0.0.1 STREAM\nrubbish\n\n");
        let expected: Vec<SocketAddr> =
            vec!["[::1]:22".parse().unwrap(), "127.0.0.1:22".parse().unwrap()];
        assert_eq!(addresses(&seen, 22), expected);
        let many: Vec<String> = (0..9).map(|n| format!("10.0.0.{n} STREAM x")).collect();
        assert_eq!(addresses(&many, 1).len(), MAX_ADDRESSES);
    }
}
