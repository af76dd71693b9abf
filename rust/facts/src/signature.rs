//! What a device says it holds.

use crate::{Look, Text};
use serde::{Deserialize, Serialize};

/// The on-disk formats that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// ext2: no journal.
    Ext2,
    /// ext3: a journal and nothing that ext3 lacks.
    Ext3,
    /// ext4.
    Ext4,
    /// XFS, v4 and v5.
    Xfs,
    /// btrfs.
    Btrfs,
}

impl Format {
    /// The name that `mount -t` and `blkid` know.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Ext2 => "ext2",
            Format::Ext3 => "ext3",
            Format::Ext4 => "ext4",
            Format::Xfs => "xfs",
            Format::Btrfs => "btrfs",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One signature on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Whose signature it is.
    pub format: Format,
    /// Offset of the superblock that was believed: that of a copy where the
    /// primary is damaged (then `damaged_copies` names it).
    pub offset: u64,
    /// Sound or damaged.
    pub outcome: Outcome,
}

impl Signature {
    /// The file system, if its superblock is sound.
    #[must_use]
    pub fn filesystem(&self) -> Option<&Filesystem> {
        match &self.outcome {
            Outcome::Found(filesystem) => Some(filesystem),
            Outcome::Damaged(_) => None,
        }
    }
}

/// What a decoder made of a superblock whose magic matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every checksum and bound holds.
    Found(Box<Filesystem>),
    /// A rule of the format is broken and no other copy is valid.
    Damaged(Damage),
}

/// A file system as its superblock describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystem {
    /// UUID in the usual form, lower case.
    pub uuid: String,
    /// Label, if one is set.
    pub label: Option<Text>,
    /// Version as the format counts it: `5` for XFS v5.
    pub version: Option<String>,
    /// Size that the superblock states.
    pub size: u64,
    /// Block size.
    pub block_size: u32,
    /// Whether its log must be replayed.
    pub log: LogState,
    /// Devices that it spans; 1 but for btrfs.
    pub devices: u64,
    /// The file system recorded errors (ext: `s_state`, also when one without
    /// a journal was not unmounted; XFS: needsrepair; btrfs: the error flag).
    pub errors: bool,
    /// Incompatible features that this code does not know, by bit or name:
    /// then nothing below the superblock is trusted.
    pub unknown_features: Vec<String>,
    /// Copies that are damaged although this one is sound.
    pub damaged_copies: Vec<Damage>,
    /// What was found inside by reading directories.
    pub look: Look,
}

/// Whether a file system's log must be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum LogState {
    /// Nothing to replay, or no log.
    Clean,
    /// It was not unmounted cleanly: what is on disk is not yet the truth.
    NeedsReplay {
        /// The live part of the log, tail to head, where it is known.
        live_bytes: Option<u64>,
    },
    /// The log itself could not be judged.
    Unknown,
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Offset of the damaged structure on the device.
    pub offset: u64,
    /// The rule, a stable short word: `checksum`, `block-size`, ...
    pub rule: String,
    /// What was seen.
    pub seen: String,
    /// What the rule demands.
    pub expected: String,
}
