//! What activation makes: nodes, and what stands behind them.
//!
//! What the tools do where udev handles neither dm nor md (`nomdlvm`), all
//! seen with Debian 13 (kernel 6.12, mdadm 4.4, LVM 2.03.31, cryptsetup
//! 2.7.5):
//! - `BLKROSET` does not stop a write from above: the kernel says "Trying to
//!   write to read-only block-device" and lets the bio pass. dm-raid writes
//!   its superblocks when a raid volume starts and stops, md writes the
//!   superblock of a bitmap even of an array that starts `--readonly`. So
//!   what could write stands on snapshots in memory, never on its members.
//! - `mdadm --no-degraded` is refused without `--scan`; without `--run` an
//!   array that has fewer members than it had last is not started anyway, and
//!   nothing of it is left. devtmpfs makes `/dev/mdN` at once.
//! - `lvchange --noudevsync` leaves no node below `/dev/mapper`; with
//!   `udev_sync=0 udev_rules=0` LVM makes and removes it itself. dmsetup's
//!   `--noudevrules --noudevsync` makes none either, `DM_DISABLE_UDEV=1` does.
//! - Without `backup=0` lvchange writes below /etc/lvm, without
//!   `hints="none"` below /run/lvm.
//! - Without `thin_check_executable=""` LVM runs `thin_check` at every pool,
//!   which rescue systems lack; the kernel verifies what it reads by itself.
//! - ZFS (2.3.9) refuses a pool with `multihost=on` to a host without an id,
//!   read-only too, and with `-f`; to one with an id it writes a claim first,
//!   and so fails read-only. An import ends in the kernel although its
//!   tool was killed.
//! - lvchange sets the flag of `read_only_volume_list` on the volume only: the
//!   hidden volumes of a raid stay writable. A thin pool gets it from its
//!   volume, and the kernel refuses one that is read-only.

use crate::command::{Command, quote};
use asl_decide::Key;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Bytes of a chunk of a snapshot, in sectors: the smallest page.
const SNAPSHOT_CHUNK: u32 = 8;
/// Argon2 with the parameters of a fast machine, on a slow one.
const UNLOCK: Duration = Duration::from_secs(90);
/// How long somebody may take to type a passphrase.
pub(crate) const PROMPT_SECONDS: u64 = 120;
/// A pool with many members is read from all of them.
const IMPORT: Duration = Duration::from_secs(120);

/// Something to be made. Names are given beforehand, so that a run that was
/// killed can find out by looking whether it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Make {
    /// A read-only loop device over a part of a node.
    Window {
        /// The node.
        node: String,
        /// First byte.
        start: u64,
        /// Bytes; 0 up to the end.
        size: u64,
        /// Its node.
        makes: String,
    },
    /// A read-only loop device over a file of a mounted file system.
    Attached {
        /// The file, no part of whose path is a link.
        file: String,
        /// Its node.
        makes: String,
    },
    /// An md array.
    Array {
        /// Its UUID.
        uuid: String,
        /// Nodes of the members.
        members: Vec<String>,
        /// Start it although a member is missing.
        degraded: bool,
        /// It may be written to.
        writable: bool,
        /// Its node.
        makes: String,
    },
    /// A logical volume.
    Volume {
        /// Name of its group.
        group: String,
        /// Its name.
        volume: String,
        /// Nodes of the physical volumes.
        members: Vec<String>,
        /// Activate it although a member is missing, where it is redundant.
        degraded: bool,
        /// The system that the group belongs to, where one owns it.
        owner: Option<String>,
        /// It is of a thin pool.
        thin: bool,
        /// It may be written to.
        writable: bool,
        /// Its node.
        makes: String,
    },
    /// An unlocked container.
    Unlocked {
        /// The container's node.
        node: String,
        /// Its format, as cryptsetup names it.
        format: String,
        /// What opens it; the key itself is never held.
        key: Key,
        /// It may be written to.
        writable: bool,
        /// Its node.
        makes: String,
    },
    /// A ZFS pool, of which nothing is mounted.
    Pool {
        /// Its id.
        guid: String,
        /// Its name.
        name: String,
        /// Nodes of the members.
        members: Vec<String>,
        /// Import it although another host used it last.
        foreign: bool,
        /// It may be written to.
        writable: bool,
        /// The members are snapshots: what is written stays in memory.
        #[serde(default)]
        copied: bool,
    },
    /// A sparse file for what a snapshot changes.
    CowFile {
        /// Below [`COW`], in memory.
        path: String,
        /// Bytes that it can hold.
        bytes: u64,
    },
    /// A loop device, whichever is free, over such a file.
    CowLoop {
        /// The file.
        file: String,
    },
    /// What is written to it goes to the file, not to the node below.
    Snapshot {
        /// The node below.
        node: String,
        /// The file, which has a loop device.
        file: String,
        /// Its node.
        makes: String,
    },
}

/// Files of snapshots. `/run` is a tmpfs.
pub const COW: &str = "/run/asl/cow";
/// Root of the pools that are imported: what a dataset names as its mount
/// point lies below it.
const ZFS_ROOT: &str = "/run/asl/zfs";

/// The name of a device-mapper node.
pub(crate) fn dm_name(node: &str) -> &str {
    node.rsplit_once('/').map_or(node, |(_, name)| name)
}

impl Make {
    /// The node that it makes; none where it makes none with a known name.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Make::Window { makes, .. }
            | Make::Attached { makes, .. }
            | Make::Array { makes, .. }
            | Make::Volume { makes, .. }
            | Make::Unlocked { makes, .. }
            | Make::Snapshot { makes, .. } => Some(makes),
            Make::Pool { .. } | Make::CowFile { .. } | Make::CowLoop { .. } => None,
        }
    }

    /// Its node, or what else stands for it.
    pub(crate) fn place(&self) -> &str {
        match self {
            Make::Pool { name, .. } => name,
            Make::CowFile { path, .. } => path,
            Make::CowLoop { file } => file,
            _ => self.node().unwrap_or_default(),
        }
    }

    /// The command that takes it away.
    pub(crate) fn undoing(&self) -> String {
        match (self, self.down()) {
            (_, Some(command)) => command.to_string(),
            (Make::CowFile { path, .. }, None) => format!("rm {}", quote(path)),
            (_, None) => format!("losetup -d $(losetup -nO NAME -j {})", quote(self.place())),
        }
    }

    /// What it stands on.
    #[must_use]
    pub fn stands_on(&self) -> Vec<&str> {
        match self {
            Make::Window { node, .. }
            | Make::Unlocked { node, .. }
            | Make::Snapshot { node, .. } => vec![node],
            Make::Array { members, .. }
            | Make::Volume { members, .. }
            | Make::Pool { members, .. } => members.iter().map(String::as_str).collect(),
            Make::Attached { .. } | Make::CowFile { .. } | Make::CowLoop { .. } => Vec::new(),
        }
    }

    /// What makes it; none where it takes no tool, or more than a command
    /// line.
    pub(crate) fn up(&self) -> Option<Command> {
        Some(match self {
            Make::Window {
                node,
                start,
                size,
                makes,
            } => {
                let mut command = Command::new("losetup", &["--read-only"]);
                if *start != 0 {
                    command = command.arg("--offset").arg(start.to_string());
                }
                if *size != 0 {
                    command = command.arg("--sizelimit").arg(size.to_string());
                }
                command.arg(makes).arg(node)
            }
            Make::Attached { file, makes } => Command::new("losetup", &["--read-only"])
                .arg(makes)
                .arg(file),
            Make::Array {
                uuid,
                members,
                degraded,
                writable,
                makes,
            } => Command::new("mdadm", &["--assemble"])
                .arg(makes)
                .arg("--config=none")
                .arg(format!("--uuid={}", colons(uuid)))
                .arg_if(!writable, "--readonly")
                .arg_if(*degraded, "--run")
                .args(members),
            Make::Volume { degraded, .. } => self
                .lvchange("-ay")?
                .arg("--activationmode")
                .arg(if *degraded { "degraded" } else { "complete" }),
            Make::Unlocked { key, .. } => {
                let file = match key {
                    Key::File { path } => path,
                    Key::Prompt => "-",
                };
                self.cryptsetup(file)?
            }
            Make::Pool {
                guid,
                members,
                foreign,
                writable,
                copied,
                ..
            } => {
                let read_only = !writable && !copied;
                let mut command = Command::new("zpool", &["import", "-N", "-R", ZFS_ROOT])
                    .arg_if(read_only, "-o")
                    .arg_if(read_only, "readonly=on")
                    .arg("-o")
                    .arg("cachefile=none")
                    .arg_if(*foreign, "-f");
                for member in members {
                    command = command.arg("-d").arg(member);
                }
                command.arg(guid).within(IMPORT)
            }
            Make::CowFile { .. } => return None,
            Make::CowLoop { file } => Command::new("losetup", &["--find"]).arg(file),
            Make::Snapshot { .. } => return None,
        })
    }

    /// What takes it away; none where it takes no tool.
    pub(crate) fn down(&self) -> Option<Command> {
        Some(match self {
            Make::Window { makes, .. } | Make::Attached { makes, .. } => {
                Command::new("losetup", &["--detach"]).arg(makes)
            }
            Make::Array { makes, .. } => Command::new("mdadm", &["--stop"]).arg(makes),
            Make::Volume { .. } => self.lvchange("-an")?,
            Make::Unlocked { makes, .. } | Make::Snapshot { makes, .. } => remove(dm_name(makes)),
            Make::Pool { name, .. } => Command::new("zpool", &["export"]).arg(name).within(IMPORT),
            Make::CowFile { .. } | Make::CowLoop { .. } => return None,
        })
    }

    fn lvchange(&self, change: &str) -> Option<Command> {
        let Make::Volume {
            group,
            volume,
            members,
            owner,
            thin,
            writable,
            ..
        } = self
        else {
            return None;
        };
        let name = format!("{group}/{volume}");
        let read_only = if *writable || *thin {
            String::new()
        } else {
            format!(" read_only_volume_list=[\"{name}\"]")
        };
        let owner = owner.as_ref().map_or_else(String::new, |owner| {
            format!(" local{{extra_system_ids=[\"{owner}\"]}}")
        });
        let config = format!(
            "activation{{udev_sync=0 udev_rules=0 monitoring=0{read_only}}} \
             backup{{backup=0 archive=0}} devices{{hints=\"none\"}} \
             global{{thin_check_executable=\"\"}}{owner}"
        );
        Some(
            Command::new("lvm", &["lvchange"])
                .arg(change)
                // A thin snapshot is made with a mark that has LVM pass it by.
                .arg("--ignoreactivationskip")
                // It sees nothing else: neither the same group on other disks
                // nor, where snapshots stand in for the disks, these.
                .arg("--devices")
                .arg(members.join(","))
                .arg("--config")
                .arg(config)
                .arg(name),
        )
    }

    fn cryptsetup(&self, key_file: &str) -> Option<Command> {
        let Make::Unlocked {
            node,
            format,
            writable,
            makes,
            ..
        } = self
        else {
            return None;
        };
        Some(
            Command::new("cryptsetup", &["open", "--batch-mode", "--tries", "1"])
                .arg("--disable-external-tokens")
                .arg_if(!writable, "--readonly")
                .arg("--type")
                .arg(format)
                .arg("--key-file")
                .arg(key_file)
                .arg(node)
                .arg(dm_name(makes))
                .without_udev()
                .within(UNLOCK),
        )
    }

    /// Asks for the passphrase and prints it without a line feed: its
    /// standard output becomes cryptsetup's input, and nobody else sees it.
    pub(crate) fn ask(node: &str) -> Command {
        Command::new("systemd-ask-password", &["-n"])
            .arg(format!("--timeout={PROMPT_SECONDS}"))
            .arg(format!("--id=asl:{node}"))
            .arg("--icon=drive-harddisk")
            .arg(format!("Passphrase of {node}:"))
            // On the terminal of who typed the command, which only our group
            // may read; a service has none, and agents are asked.
            .by_hand()
            .within(Duration::from_secs(PROMPT_SECONDS.saturating_add(5)))
    }

    /// Puts the snapshot over `sectors` sectors of its node, with what it
    /// changes on `cow`.
    pub(crate) fn snapshot(node: &str, makes: &str, sectors: u64, cow: &str) -> Command {
        Command::new("dmsetup", &["create"])
            .arg(dm_name(makes))
            .arg("--table")
            // N: not persistent, for nobody will read the file again.
            .arg(format!(
                "0 {sectors} snapshot {node} {cow} N {SNAPSHOT_CHUNK}"
            ))
            .without_udev()
    }
}

/// A UUID in mdadm's form: four groups of eight digits.
fn colons(uuid: &str) -> String {
    let digits: Vec<char> = uuid.chars().filter(char::is_ascii_hexdigit).collect();
    let groups: Vec<String> = digits
        .chunks(8)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(":")
}

/// Removes a device-mapper node. udev may still be looking at it.
pub(crate) fn remove(name: &str) -> Command {
    Command::new("dmsetup", &["remove", "--retry"])
        .arg(name)
        .without_udev()
}

/// As a shell command.
impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.up()) {
            (
                Make::Unlocked {
                    key: Key::Prompt,
                    node,
                    ..
                },
                Some(open),
            ) => write!(f, "{} | {open}", Make::ask(node)),
            (_, Some(command)) => command.fmt(f),
            (Make::CowFile { path, bytes }, None) => {
                write!(f, "truncate -s {bytes} {}", quote(path))
            }
            (Make::Snapshot { node, file, makes }, None) => write!(
                f,
                "DM_DISABLE_UDEV=1 dmsetup create {} --table \"0 $(blockdev --getsz {}) snapshot \
                 {} $(losetup -nO NAME -j {}) N {SNAPSHOT_CHUNK}\"",
                quote(dm_name(makes)),
                quote(node),
                quote(node),
                quote(file)
            ),
            (_, None) => Err(fmt::Error),
        }
    }
}
