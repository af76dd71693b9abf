//! The parts of an endpoint.

use crate::Endpoint;
use std::net::{IpAddr, SocketAddr};

/// Where an endpoint is and what is wanted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The account, where one is named.
    pub user: Option<String>,
    /// Name or address, without brackets.
    pub host: String,
    /// The port, where one is named.
    pub port: Option<u16>,
    /// From the first `/` on.
    pub path: String,
}

impl Address {
    /// `SCHEME://[USER@]HOST[:PORT]/PATH`, with an IPv6 address in brackets.
    ///
    /// # Errors
    /// What is no host, port or user, in words.
    pub fn of(endpoint: &Endpoint) -> Result<Self, String> {
        let rest = endpoint.text.split_once("://").map(|(_, rest)| rest);
        let rest = rest.unwrap_or_default();
        let (place, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, place),
        };
        let (host, port) = split_port(place)?;
        let bracketed = place.starts_with('[');
        let is_name = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        let is_address = bracketed && host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6());
        // A name reaches the command line of other programs.
        if !(is_address || (!bracketed && is_name && !host.is_empty() && !host.starts_with('-'))) {
            return Err(format!("{place} is no host name and no address"));
        }
        if user
            .as_deref()
            .is_some_and(|user| user.is_empty() || user.starts_with('-') || user.contains(','))
        {
            return Err("the user before the @ is no user name".to_owned());
        }
        Ok(Self {
            user,
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        })
    }

    /// The host as an address, if it is one.
    #[must_use]
    pub fn literal(&self, port: u16) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, port))
    }

    /// The host as programs take it before a colon.
    #[must_use]
    pub fn bracketed(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

fn split_port(place: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or_else(|| format!("{place}: the bracket is not closed"))?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').unwrap_or_default()),
            };
            (host, port)
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let Some(text) = port else {
        return Ok((host, None));
    };
    match text.parse::<u16>() {
        Ok(port) if port != 0 => Ok((host, Some(port))),
        _ => Err(format!(
            "{place}: port 1 to 65535 expected behind the colon; an IPv6 address stands in brackets"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scheme;

    fn endpoint(scheme: Scheme, text: &str) -> Endpoint {
        Endpoint {
            scheme,
            text: text.to_owned(),
        }
    }

    fn parts(text: &str) -> Result<(Option<String>, String, Option<u16>, String), String> {
        let address = Address::of(&endpoint(Scheme::Nfs, text))?;
        Ok((address.user, address.host, address.port, address.path))
    }

    #[test]
    fn parts_of_an_endpoint() {
        let some = |text: &str| Some(text.to_owned());
        for (text, user, host, port, path) in [
            ("nfs://nas/asl", None, "nas", None, "/asl"),
            (
                "ssh://me@nas:2222/a/b",
                some("me"),
                "nas",
                Some(2222),
                "/a/b",
            ),
            ("ssh://[::1]:22/a", None, "::1", Some(22), "/a"),
            ("nfs://[fe80::1]/a", None, "fe80::1", None, "/a"),
            ("asl://10.0.0.1", None, "10.0.0.1", None, ""),
        ] {
            let expected = (user, host.to_owned(), port, path.to_owned());
            assert_eq!(parts(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_would_be_an_option_or_nonsense_is_refused() {
        for text in [
            "nfs://-nas/a",
            "nfs://na$s/a",
            "nfs://[::1/a",
            "nfs://[::1]x/a",
            "nfs://[nas]/a",
            "nfs://::1/a",
            "nfs://nas:/a",
            "nfs://nas:0/a",
            "nfs://nas:65536/a",
            "ssh://-x@nas/a",
            "ssh://@nas/a",
            "nfs:///a",
        ] {
            assert!(parts(text).is_err(), "{text}");
        }
    }
}
