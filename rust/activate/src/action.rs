//! One change to the machine, and the command that would make it.

use crate::command::{Command, quote};
use crate::make::Make;
use asl_facts::Format;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One change. Each can be taken back, and taking it back is right whether or
/// not it had happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Loads drivers. They stay: that they are there changes no disk.
    Load {
        /// Names of modules.
        modules: Vec<String>,
    },
    /// Makes a node, or what stands behind one.
    Make {
        /// What.
        make: Make,
    },
    /// Looks whether what was made is what was expected. Changes nothing.
    Verify {
        /// The node.
        node: String,
        /// Bytes, where that is known.
        size: Option<u64>,
        /// The file system that must be on it, where one is mounted from it.
        holds: Option<Holds>,
    },
    /// `BLKROSET`: the kernel refuses writes to the node. Nothing happens
    /// where it does already.
    SetReadOnly {
        /// The block node.
        node: String,
        /// `major:minor` that the node must have; none of a node that this
        /// activation makes.
        devnum: Option<String>,
        /// What the node is to the store.
        role: Role,
    },
    /// Makes a directory; nothing happens where there is one.
    MakeDir {
        /// The directory; its parent exists.
        path: String,
        /// Permissions.
        mode: u32,
    },
    /// Mounts a file system.
    Mount {
        /// The block node.
        node: String,
        /// `major:minor` that the node must have; none of a node that this
        /// activation makes.
        devnum: Option<String>,
        /// Nodes of its other devices, which the options name too: the driver
        /// is made to forget all of them when it is unmounted.
        others: Vec<String>,
        /// Type for mount(2).
        driver: String,
        /// Options, one each.
        options: Vec<String>,
        /// The mount point.
        target: String,
    },
    /// Mounts the one sound file system that a node turns out to hold, with
    /// the options of its format.
    MountContent {
        /// The node.
        node: String,
        /// The mount point.
        target: String,
    },
    /// Mounts by mount(8): what the type needs is more than a call of the
    /// kernel, or its source is no node.
    MountByHelper {
        /// Type: `nfs4`, `cifs`, `fuse.sshfs`, `zfs`.
        format: String,
        /// What is mounted.
        source: String,
        /// Options, one each.
        options: Vec<String>,
        /// The mount point.
        target: String,
    },
    /// Shows a directory of a mounted file system at another place.
    Bind {
        /// What is mounted there: a node, or the source of a remote mount.
        node: String,
        /// `major:minor` that the node must have, where that was known.
        devnum: Option<String>,
        /// Nodes of its other devices: mountinfo names any of them.
        others: Vec<String>,
        /// Where that file system is mounted.
        from: String,
        /// The directory, from the root of that file system.
        path: String,
        /// The mount point.
        target: String,
    },
}

/// What a node is to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The store's file system is on it: it must be read-only.
    Store,
    /// It carries such a node. It stays writable where something else on it
    /// is being written.
    Carrier,
    /// This activation made it: its flag goes away with it.
    Made,
}

/// A file system as the facts describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Its format.
    pub format: Format,
    /// Its UUID.
    pub uuid: String,
    /// It may have a log that needs replay.
    pub replay: bool,
}

/// What an action mounts, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mounted<'a> {
    /// A node, a dataset, or what a server offers.
    pub(crate) source: &'a str,
    /// `major:minor`, where it was known before.
    pub(crate) devnum: Option<&'a str>,
    /// Its other devices: mountinfo may name any of them.
    pub(crate) others: &'a [String],
    pub(crate) target: &'a str,
    /// A server may keep an unmount waiting.
    pub(crate) remote: bool,
}

impl Action {
    /// What it mounts; none where it mounts nothing.
    pub(crate) fn mounted(&self) -> Option<Mounted<'_>> {
        let none = &[][..];
        let (source, devnum, others, target, remote) = match self {
            Action::Mount {
                node,
                devnum,
                others,
                target,
                ..
            }
            | Action::Bind {
                node,
                devnum,
                others,
                target,
                ..
            } => (node, devnum.as_deref(), others.as_slice(), target, false),
            Action::MountContent { node, target } => (node, None, none, target, false),
            Action::MountByHelper {
                format,
                source,
                target,
                ..
            } => (source, None, none, target, format != "zfs"),
            _ => return None,
        };
        Some(Mounted {
            source,
            devnum,
            others,
            target,
            remote,
        })
    }

    /// Its mount point.
    pub(crate) fn target(&self) -> Option<&str> {
        self.mounted().map(|mounted| mounted.target)
    }
}

/// mount(8) for a type that has a helper. That of ZFS refuses what is mounted
/// by `/etc/fstab` with `zfsutil` and everything else without; the kernel asks
/// for neither.
pub(crate) fn by_mount(format: &str, source: &str, options: &[String], target: &str) -> Command {
    Command::new("mount", &[])
        .arg_if(format == "zfs", "-i")
        .arg("-t")
        .arg(format)
        .arg("-o")
        .arg(options.join(","))
        .arg(source)
        .arg(target)
}

/// The password of a user of an SMB server, unless a file has it.
pub(crate) fn asks_for_password(source: &str, options: &[String]) -> Option<Command> {
    let value = |key: &str| options.iter().find_map(|option| option.strip_prefix(key));
    let user = value("username=").filter(|_| value("credentials=").is_none())?;
    Some(Make::ask(&format!("{user} at {source}")))
}

/// As a shell command.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::SetReadOnly { node, .. } => write!(f, "blockdev --setro {}", quote(node)),
            Action::MakeDir { path, mode } => write!(f, "mkdir -p -m {mode:04o} {}", quote(path)),
            Action::Load { modules } => write!(f, "modprobe -a {}", modules.join(" ")),
            Action::Make { make } => make.fmt(f),
            Action::Verify { node, size, holds } => verify(f, node, *size, holds.as_ref()),
            Action::MountContent { node, target } => write!(
                f,
                "mount -i -o ro,nodev,nosuid,noexec {} {} # and what its type needs",
                quote(node),
                quote(target)
            ),
            Action::MountByHelper {
                format,
                source,
                options,
                target,
            } => {
                let mount = by_mount(format, source, options, target);
                match asks_for_password(source, options) {
                    Some(ask) => write!(f, "{ask} | {}", mount.with_password_on_input()),
                    None => mount.fmt(f),
                }
            }
            Action::Mount {
                node,
                driver,
                options,
                target,
                ..
            } => write!(
                f,
                "mount -i -t {driver} -o {} {} {}",
                quote(&options.join(",")),
                quote(node),
                quote(target)
            ),
            Action::Bind {
                from, path, target, ..
            } => {
                let source = format!("{from}{path}");
                write!(f, "mount --bind {} {}", quote(&source), quote(target))
            }
        }
    }
}

fn verify(
    f: &mut fmt::Formatter<'_>,
    node: &str,
    size: Option<u64>,
    holds: Option<&Holds>,
) -> fmt::Result {
    let node = quote(node);
    write!(f, "test -b {node}")?;
    if let Some(size) = size {
        write!(f, " -a \"$(blockdev --getsize64 {node})\" = {size}")?;
    }
    if let Some(holds) = holds {
        let (format, uuid) = (holds.format, quote(&holds.uuid));
        write!(f, " -a \"$(blkid -po value -s TYPE {node})\" = {format}")?;
        write!(f, " -a \"$(blkid -po value -s UUID {node})\" = {uuid}")?;
    }
    Ok(())
}
