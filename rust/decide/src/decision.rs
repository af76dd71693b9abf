//! What was decided, and why.

use asl_facts::{Evidence, Facts, Format, Text};
use asl_mode::{Access, ModeFile};
use serde::{Deserialize, Serialize};

/// The content of `/run/asl/facts.json`: evidence of this boot, not state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`asl_facts::SCHEMA`] of the writer.
    pub schema: u32,
    /// What was seen; without devices when the scan itself failed.
    pub facts: Facts,
    /// What was made of it.
    pub decision: Decision,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The content of the mode file.
    pub mode: ModeFile,
    /// What to do, in order, to get at the store.
    pub steps: Vec<Step>,
    /// Every place where a store could be, with what was found against it.
    pub candidates: Vec<Judged>,
    /// What an operator may want to know and what decided nothing.
    pub notes: Vec<String>,
}

/// One step of an activation. A step that makes a node names it beforehand,
/// so that the steps behind it, and whoever takes them back, know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Show a part of a device as a device: a partition that the kernel does
    /// not show.
    Window {
        /// The node that it lies on.
        node: String,
        /// First byte.
        start: u64,
        /// Bytes.
        size: u64,
        /// The node that shows it: a loop device.
        makes: String,
    },
    /// Assemble an md array.
    Assemble {
        /// Its UUID, as `mdadm --uuid=` takes it.
        array: String,
        /// Nodes of its current members.
        members: Vec<String>,
        /// Start it although a member is missing.
        degraded: bool,
        /// The node of the array.
        makes: String,
    },
    /// Activate a logical volume.
    ActivateVolume {
        /// Name of its group.
        group: String,
        /// Id of its group.
        group_id: String,
        /// Its name.
        volume: String,
        /// Nodes of the group's physical volumes that are here.
        members: Vec<String>,
        /// Its node.
        makes: String,
    },
    /// Unlock an encrypted container.
    Unlock {
        /// The node that it lies on.
        node: String,
        /// Its format: `luks1`, `luks2`.
        format: Format,
        /// Its UUID.
        uuid: String,
        /// What opens it.
        key: Key,
        /// The node of what it holds.
        makes: String,
    },
    /// Import a ZFS pool without mounting anything of it.
    ImportPool {
        /// Its id.
        guid: String,
        /// Its name.
        name: String,
        /// Nodes of its members.
        members: Vec<String>,
        /// Import it although another host used it last.
        foreign: bool,
    },
    /// Attach an image file that lies on what an earlier step mounts, for
    /// reading.
    Attach {
        /// The file, by its path in the live system.
        file: String,
        /// The node that shows it: a loop device.
        makes: String,
    },
    /// Put a copy-on-write layer in memory over a node, so that a log can be
    /// replayed without a write to the disk.
    Snapshot {
        /// The node that stays as it is.
        node: String,
        /// Memory that it may take, bytes.
        bytes: u64,
        /// The node to use in its place.
        makes: String,
    },
    /// Mount a file system.
    Mount {
        /// The block node: `/dev/sda1`; of ZFS the dataset: `tank/data`.
        node: String,
        /// Nodes of its other devices where it has several.
        others: Vec<String>,
        /// Type for mount(2): `ext4`.
        format: String,
        /// Options, one each: `ro`, `noload`, `nodev`, ...
        options: Vec<String>,
        /// Directory of the store from the root of the file system.
        store_path: String,
        /// Where the store must be seen; of a file system that only holds an
        /// image file a place for root alone.
        target: String,
        /// The store is below the root: mount elsewhere and bind it.
        bind: bool,
    },
    /// Mount what an unlocked container or an image file turns out to hold:
    /// one sound, clean file system with a store at its root, or with the
    /// image file of a later step.
    MountContent {
        /// The node.
        node: String,
        /// Where the store must be seen.
        target: String,
    },
    /// Mount a remote file system.
    MountRemote {
        /// Type for mount(8): `nfs4`, `cifs`, `fuse.sshfs`.
        format: String,
        /// What is mounted, as mount(8) takes it: `host:/path`.
        source: String,
        /// Options, one each.
        options: Vec<String>,
        /// Where it must be seen.
        target: String,
    },
}

impl Step {
    /// What it mounts may be written to.
    #[must_use]
    pub fn writes(&self) -> bool {
        match self {
            Step::Mount { options, .. } | Step::MountRemote { options, .. } => {
                options.iter().any(|option| option == Access::Rw.name())
            }
            _ => false,
        }
    }
}

/// What opens a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Key {
    /// A file, by its path in the live system.
    File {
        /// The path.
        path: String,
    },
    /// Somebody is asked on the console.
    Prompt,
}

/// A candidate and what the rules made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Kernel names of its devices.
    pub devices: Vec<String>,
    /// The node that would be mounted; of what is not activated its name.
    pub node: String,
    /// The disk by model, serial and size, then the node.
    pub place: String,
    /// Ids of the arrays, groups and pools that it stands on.
    pub pools: Vec<String>,
    /// Its file system, where one was recognised.
    pub format: Option<Format>,
    /// UUID of the file system.
    pub uuid: Option<String>,
    /// Label of the file system.
    pub label: Option<Text>,
    /// Directory of the store from the root of the file system.
    pub path: String,
    /// The image file in that file system which is the candidate, by its path
    /// from the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The store's id, where one was read.
    pub id: Option<String>,
    /// What identifies the store; none where none was read.
    pub evidence: Option<Evidence>,
    /// Everything in which a store could be was read.
    pub read_to_end: bool,
    /// A selector names it.
    pub selected: bool,
    /// Somebody allowed writes to it, whatever else stands against that.
    pub consent: bool,
    /// It has evidence and was not dropped.
    pub claimed: bool,
    /// It is no longer a candidate.
    pub dropped: bool,
    /// It cannot be used.
    pub blocked: bool,
    /// Code of what blocks or drops it, else `usable` or `no-evidence`;
    /// `served` where it is served and cannot be read any more.
    pub code: String,
    /// Name of the rule that blocks or drops it; `none` where none does.
    pub rule: String,
    /// Everything that the rules found, in the order of the table.
    pub findings: Vec<Finding>,
}

/// What one rule found about a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's number in the table.
    pub number: u8,
    /// The rule's name.
    pub rule: String,
    /// The code.
    pub code: String,
    /// What follows from it.
    pub effect: Effect,
    /// As a clause.
    pub text: String,
    /// The next command.
    pub hint: String,
}

/// What a finding does to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is no candidate.
    Drop,
    /// It cannot be used.
    Block,
    /// It is used read-only, consent or not.
    Cap,
    /// Nothing; it is told.
    Note,
}
