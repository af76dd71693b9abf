//! A remote endpoint: the mode that it gives, and how it is mounted.

use crate::choose::Choice;
use crate::rules::{self, Rule};
use crate::{Step, access};
use asl_config::{Address, Config, Endpoint, Scheme};
use asl_facts::{Facts, Remote, System};
use asl_mode::{Access, Mode, ModeFile};

/// Where a remote store is mounted (ASL/SYSTEMRESCUE-OVERLAY/1, section 3).
const TARGET: &str = "/mnt/asl/remote";

/// The code of mode remote while the endpoint is silent.
pub(crate) const WAITING: &str = "waiting";

/// Nothing on it is a device, gains rights or runs.
const ALWAYS: [&str; 3] = ["nodev", "nosuid", "noexec"];

/// Mode remote. What answers is mounted where this system can do that; what
/// is silent, or has no mount, is left to intake.
pub(crate) fn choice(
    facts: &Facts,
    config: &Config,
    endpoint: &Endpoint,
    (rule, code): (Rule, &str),
    reason: &str,
) -> Choice {
    let access = access::remote(config, &endpoint.text);
    let (step, reason) = match &facts.remote {
        Remote::Answers { .. } => match step(&facts.system, endpoint, access) {
            Ok(step) => (step, reason.to_owned()),
            Err(why) => (None, format!("{reason}; it cannot be mounted here: {why}")),
        },
        Remote::Silent { .. } | Remote::NotProbed { .. } | Remote::None => {
            (None, reason.to_owned())
        }
    };
    let none = ModeFile::none(rule.name, code, &reason, "asl-intake status");
    let (backend, mount) = match &step {
        Some(_) => ("posix", TARGET.to_owned()),
        None => ("remote", none.mount.clone()),
    };
    let mode = ModeFile {
        mode: Mode::Remote,
        access,
        backend: backend.to_owned(),
        source: endpoint.text.clone(),
        store: endpoint.text.clone(),
        mount,
        ..none
    };
    (mode, step.into_iter().collect())
}

/// The endpoint was silent, and this mode would change if it answered.
#[must_use]
pub fn awaits_endpoint(mode: &ModeFile) -> bool {
    mode.rule == rules::REMOTE_DOWN.name || (mode.mode == Mode::Remote && mode.code == WAITING)
}

/// How an endpoint is mounted; none of a scheme that intake would have to
/// speak itself.
///
/// # Errors
/// What this system lacks, or what is wrong with the address.
fn step(system: &System, endpoint: &Endpoint, access: Access) -> Result<Option<Step>, String> {
    let (tool, driver, format) = match endpoint.scheme {
        Scheme::Nfs => ("mount.nfs", "nfsv4", "nfs4"),
        Scheme::Smb => ("mount.cifs", "cifs", "cifs"),
        Scheme::Ssh => ("sshfs", "fuse", "fuse.sshfs"),
        Scheme::S3 | Scheme::Asl => return Ok(None),
    };
    if !system.tools.iter().any(|known| known == tool) {
        return Err(format!("{tool} is not on this system"));
    }
    if !system.drivers.iter().any(|known| known == driver) {
        return Err(format!("this kernel has no module {driver}"));
    }
    let address = Address::of(endpoint)?;
    let mut options = vec![access.name().to_owned()];
    options.extend(ALWAYS.map(str::to_owned));
    options.extend(address.port.map(|port| format!("port={port}")));
    let source = if endpoint.scheme == Scheme::Smb {
        options.push("vers=3".to_owned());
        options.push(match &address.user {
            Some(user) => format!("username={user}"),
            // Nobody is there to type a password.
            None => "guest".to_owned(),
        });
        format!("//{}{}", address.host, address.path)
    } else {
        let user = address.user.as_ref().map(|user| format!("{user}@"));
        let user = user.unwrap_or_default();
        format!("{user}{}:{}", address.bracketed(), address.path)
    };
    Ok(Some(Step::MountRemote {
        format: format.to_owned(),
        source,
        options,
        target: TARGET.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(tools: &[&str], drivers: &[&str]) -> System {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        System {
            tools: owned(tools),
            drivers: owned(drivers),
            ..System::default()
        }
    }

    fn line(scheme: Scheme, text: &str, access: Access) -> String {
        let system = system(
            &["mount.cifs", "mount.nfs", "sshfs"],
            &["cifs", "fuse", "nfsv4"],
        );
        let endpoint = Endpoint {
            scheme,
            text: text.to_owned(),
        };
        match step(&system, &endpoint, access) {
            Ok(Some(Step::MountRemote {
                format,
                source,
                options,
                ..
            })) => format!("-t {format} -o {} {source}", options.join(",")),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_scheme_as_mount_takes_it() {
        let all = "ro,nodev,nosuid,noexec";
        let cases = [
            (
                Scheme::Nfs,
                "nfs://nas/asl",
                format!("-t nfs4 -o {all} nas:/asl"),
            ),
            (
                Scheme::Nfs,
                "nfs://[::1]:2050/a/b",
                format!("-t nfs4 -o {all},port=2050 [::1]:/a/b"),
            ),
            (
                Scheme::Smb,
                "smb://nas/share/dir",
                format!("-t cifs -o {all},vers=3,guest //nas/share/dir"),
            ),
            (
                Scheme::Smb,
                "smb://me@nas/share",
                format!("-t cifs -o {all},vers=3,username=me //nas/share"),
            ),
            (
                Scheme::Ssh,
                "ssh://me@nas:2222/asl",
                format!("-t fuse.sshfs -o {all},port=2222 me@nas:/asl"),
            ),
        ];
        for (scheme, text, expected) in cases {
            assert_eq!(line(scheme, text, Access::Ro), expected);
        }
        assert_eq!(
            line(Scheme::Nfs, "nfs://nas/asl", Access::Rw),
            "-t nfs4 -o rw,nodev,nosuid,noexec nas:/asl"
        );
    }

    #[test]
    fn a_silent_endpoint_is_awaited_where_its_answer_matters() {
        let mode = |mode, rule: Rule, code: &str| ModeFile {
            mode,
            ..ModeFile::none(rule.name, code, "why", "next")
        };
        for (file, expected) in [
            (mode(Mode::Remote, rules::FORCED_REMOTE, WAITING), true),
            (mode(Mode::None, rules::REMOTE_DOWN, "remote-down"), true),
            (
                mode(Mode::Remote, rules::FORCED_REMOTE, "forced-remote"),
                false,
            ),
            (mode(Mode::None, rules::EMPTY, "empty"), false),
        ] {
            assert_eq!(awaits_endpoint(&file), expected, "{file:?}");
        }
    }

    #[test]
    fn what_cannot_be_mounted_says_why() {
        for scheme in [Scheme::S3, Scheme::Asl] {
            assert_eq!(line(scheme, "s3://bucket", Access::Ro), "Ok(None)");
        }
        assert!(line(Scheme::Nfs, "nfs://-o/asl", Access::Ro).starts_with("Err"));
        let endpoint = Endpoint {
            scheme: Scheme::Smb,
            text: "smb://nas/share".to_owned(),
        };
        for (tools, drivers, word) in [
            (&[][..], &["cifs"][..], "mount.cifs"),
            (&["mount.cifs"], &["fuse"], "module cifs"),
        ] {
            let why = step(&system(tools, drivers), &endpoint, Access::Ro).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
