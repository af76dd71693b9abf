//! What a device says it holds.

use crate::{Container, Filesystem, Format, PhysicalVolume, Piece, Raid, Swap, Table, Text, Vdev};
use serde::{Deserialize, Serialize};

/// One signature on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Signature {
    /// Whose signature it is.
    pub format: Format,
    /// Offset of the superblock that was believed: that of a copy where the
    /// primary is damaged (then `damaged_copies` names it).
    pub offset: u64,
    /// Sound or damaged.
    pub outcome: Outcome,
    /// What it counts for beside the others on the device.
    pub standing: Standing,
}

/// What a signature counts for beside the others on its device. A damaged one
/// contests nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// It says what the device holds.
    #[default]
    Content,
    /// It lies in a partition of the device and belongs to that.
    InPartition {
        /// Number of the partition.
        number: u32,
    },
    /// It belongs to what another signature describes: a file system that
    /// shows through a member of an array.
    Inside {
        /// Whose signature that is.
        format: Format,
        /// Where it lies.
        offset: u64,
    },
    /// Others are valid too and nothing settles which of them counts.
    Contested {
        /// Format and offset of each.
        by: Vec<(Format, u64)>,
    },
}

impl Signature {
    /// The superblock, if it is sound.
    #[must_use]
    pub fn superblock(&self) -> Option<&Superblock> {
        match &self.outcome {
            Outcome::Found(superblock) => Some(superblock),
            Outcome::Damaged(_) => None,
        }
    }

    /// The file system, if this is a sound one.
    #[must_use]
    pub fn filesystem(&self) -> Option<(&Superblock, &Filesystem)> {
        let superblock = self.superblock()?;
        Some((superblock, superblock.filesystem()?))
    }
}

/// What a decoder made of a superblock whose magic matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every checksum and bound holds.
    Found(Box<Superblock>),
    /// A rule of the format is broken and no other copy is valid.
    Damaged(Damage),
}

/// What a sound superblock says: first what every format has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Superblock {
    /// UUID as blkid prints it: the usual form in lower case, `ABCD-1234` for
    /// FAT and exFAT, sixteen digits for NTFS, ...; none where the format has
    /// none. Of a member: its own, not that of the whole.
    pub uuid: Option<String>,
    /// Label, if one is set.
    pub label: Option<Text>,
    /// Version as the format counts it: `5` for XFS v5, `1.2` for md.
    pub version: Option<String>,
    /// Size that the superblock states, bytes: of the whole file system; of
    /// the device for members and containers.
    pub size: u64,
    /// Incompatible features that this code does not know, by bit or name:
    /// then nothing below the superblock is trusted.
    pub unknown_features: Vec<String>,
    /// Copies that are damaged although this one is sound.
    pub damaged_copies: Vec<Damage>,
    /// What only formats of its kind say.
    pub content: Content,
}

impl Superblock {
    /// The file system, if it is one.
    #[must_use]
    pub fn filesystem(&self) -> Option<&Filesystem> {
        match &self.content {
            Content::Filesystem(filesystem) => Some(filesystem),
            _ => None,
        }
    }
}

/// What stands behind a superblock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Content {
    /// A file system.
    Filesystem(Filesystem),
    /// Swap space.
    Swap(Swap),
    /// A member of a md, IMSM or DDF array.
    Raid(Raid),
    /// A member of an LVM2 volume group.
    PhysicalVolume(PhysicalVolume),
    /// A member of a ZFS pool.
    Vdev(Vdev),
    /// A member of something else.
    Piece(Piece),
    /// A content that shows only through a mapping.
    Container(Container),
    /// Partitions.
    Table(Table),
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Damage {
    /// The rule of a primary superblock that a bad sector hides and that its
    /// copies tell of: the device is to be imaged, not checked.
    pub const UNREADABLE: &str = "primary-unreadable";

    /// Whether it is a read that failed, not what was read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.rule == Self::UNREADABLE
    }
}
