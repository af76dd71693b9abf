//! Remote mounts: what may be said to their helpers, and an end to waiting.

use super::options::check;
use crate::error::PlanError;

/// A type, the options that it may have by name, and those that it gets where
/// the step does not say otherwise: a server that is gone must end in an
/// error, not in a process that nobody can kill.
struct Kind {
    name: &'static str,
    allowed: &'static [&'static str],
    bounded: &'static [&'static str],
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "nfs4",
        allowed: &[
            "vers",
            "minorversion",
            "proto",
            "port",
            "sec",
            "nconnect",
            "rsize",
            "wsize",
            "noatime",
            "soft",
            "softerr",
            "timeo",
            "retrans",
            "retry",
        ],
        // timeo counts tenths of a second.
        bounded: &["soft", "timeo=50", "retrans=2", "retry=0"],
    },
    Kind {
        name: "cifs",
        // A password would stand in the process list; `credentials` names a
        // file.
        allowed: &[
            "credentials",
            "username",
            "domain",
            "guest",
            "vers",
            "sec",
            "seal",
            "sign",
            "port",
            "uid",
            "gid",
            "file_mode",
            "dir_mode",
            "iocharset",
            "noatime",
            "soft",
            "echo_interval",
        ],
        bounded: &["soft", "echo_interval=10"],
    },
    Kind {
        name: "fuse.sshfs",
        // Nothing that names a command.
        allowed: &[
            "IdentityFile",
            "Port",
            "port",
            "UserKnownHostsFile",
            "StrictHostKeyChecking",
            "allow_other",
            "default_permissions",
            "reconnect",
            "idmap",
            "BatchMode",
            "ConnectTimeout",
            "ServerAliveInterval",
            "ServerAliveCountMax",
        ],
        bounded: &[
            "BatchMode=yes",
            "ConnectTimeout=10",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
        ],
    },
];

fn key(option: &str) -> &str {
    option.split_once('=').map_or(option, |(key, _)| key)
}

/// The options of a remote mount, with an end to waiting.
pub(crate) fn options(
    format: &str,
    source: &str,
    options: &[String],
    writable: bool,
) -> Result<Vec<String>, PlanError> {
    let kind = KINDS.iter().find(|kind| kind.name == format);
    let kind = kind.ok_or_else(|| PlanError::NoDriver {
        node: source.to_owned(),
        driver: format.to_owned(),
    })?;
    if source.starts_with('-') || source.is_empty() || source.chars().any(char::is_control) {
        return Err(PlanError::BadName {
            name: source.to_owned(),
        });
    }
    let mode = if writable { "rw" } else { "ro" };
    check(source, options, mode, &[], |option| {
        kind.allowed.contains(&key(option)) && !option.contains([',', '\0', '\n'])
    })?;
    let mut all = options.to_vec();
    // `softerr` is another form of `soft`.
    let has = |wanted: &str| {
        options
            .iter()
            .any(|option| key(option) == key(wanted) || (wanted == "soft" && option == "softerr"))
    };
    let missing = kind.bounded.iter().filter(|wanted| !has(wanted));
    all.extend(missing.map(|option| (*option).to_owned()));
    Ok(all)
}
