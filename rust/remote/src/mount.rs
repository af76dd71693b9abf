//! How an endpoint is mounted: read-only, and so that a server that goes away
//! gives errors instead of processes that nobody can end.

use crate::address::Address;
use asl_config::{Endpoint, Scheme};

/// Nothing on it is a device, gains rights or runs.
const ALWAYS: [&str; 4] = ["ro", "nodev", "nosuid", "noexec"];

/// What mount(8) needs, but for the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its `-t`.
    pub format: String,
    /// What is mounted.
    pub source: String,
    /// Options, one each.
    pub options: Vec<String>,
}

/// The mount of an endpoint; none where this version has no way to mount it,
/// or where it names no host.
#[must_use]
pub fn mount(endpoint: &Endpoint) -> Option<Mount> {
    let address = Address::of(endpoint).ok()?;
    let mut options: Vec<String> = ALWAYS.map(str::to_owned).to_vec();
    options.extend(address.port.map(|port| format!("port={port}")));
    let mut add = |more: &[&str]| options.extend(more.iter().map(|option| (*option).to_owned()));
    let (format, source) = match endpoint.scheme {
        Scheme::Nfs => {
            // An error after three tries of 5, 10 and 15 s.
            add(&["soft", "timeo=50", "retrans=2"]);
            ("nfs4", format!("{}:{}", address.bracketed(), address.path))
        }
        Scheme::Smb => {
            add(&["vers=3", "soft"]);
            match &address.user {
                Some(user) => options.push(format!("username={user}")),
                // Nobody is there to type a password.
                None => options.push("guest".to_owned()),
            }
            ("cifs", format!("//{}{}", address.host, address.path))
        }
        Scheme::Ssh => {
            // Without `reconnect`: what was lost is an error, not another
            // view behind the reader's back. Nobody is there to be asked.
            add(&[
                "BatchMode=yes",
                "ConnectTimeout=10",
                "ServerAliveInterval=5",
            ]);
            let user = address.user.as_ref().map(|user| format!("{user}@"));
            let user = user.unwrap_or_default();
            (
                "fuse.sshfs",
                format!("{user}{}:{}", address.bracketed(), address.path),
            )
        }
        Scheme::S3 | Scheme::Asl => return None,
    };
    Some(Mount {
        format: format.to_owned(),
        source,
        options,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(scheme: Scheme, text: &str) -> Option<String> {
        let mount = mount(&Endpoint {
            scheme,
            text: text.to_owned(),
        })?;
        Some(format!(
            "-t {} -o {} {}",
            mount.format,
            mount.options.join(","),
            mount.source
        ))
    }

    #[test]
    fn each_scheme_as_mount_takes_it() {
        let all = "ro,nodev,nosuid,noexec";
        let cases = [
            (
                Scheme::Nfs,
                "nfs://nas/asl",
                format!("-t nfs4 -o {all},soft,timeo=50,retrans=2 nas:/asl"),
            ),
            (
                Scheme::Nfs,
                "nfs://[::1]:2050/a/b",
                format!("-t nfs4 -o {all},port=2050,soft,timeo=50,retrans=2 [::1]:/a/b"),
            ),
            (
                Scheme::Smb,
                "smb://nas/share/dir",
                format!("-t cifs -o {all},vers=3,soft,guest //nas/share/dir"),
            ),
            (
                Scheme::Smb,
                "smb://me@nas/share",
                format!("-t cifs -o {all},vers=3,soft,username=me //nas/share"),
            ),
            (
                Scheme::Ssh,
                "ssh://me@nas:2222/asl",
                format!(
                    "-t fuse.sshfs -o {all},port=2222,BatchMode=yes,ConnectTimeout=10,ServerAliveInterval=5 me@nas:/asl"
                ),
            ),
        ];
        for (scheme, text, expected) in cases {
            assert_eq!(line(scheme, text).unwrap(), expected);
        }
    }

    #[test]
    fn what_cannot_be_mounted_is_none() {
        assert_eq!(line(Scheme::S3, "s3://bucket"), None);
        assert_eq!(line(Scheme::Asl, "asl://host"), None);
        assert_eq!(line(Scheme::Nfs, "nfs://-o/asl"), None);
    }
}
