//! What several devices make up together.

use crate::{Device, Format, Look, Text};
use serde::{Deserialize, Serialize};

/// An array, a volume group, a pool, or a file system on several devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pool {
    /// The members' format.
    pub format: Format,
    /// Its id, as the members give it.
    pub id: String,
    /// Its name.
    pub name: Option<Text>,
    /// Level or layout where it has one as a whole: `raid1`.
    pub level: Option<String>,
    /// The members that are here.
    pub members: Vec<PoolMember>,
    /// Members that it needs to be whole; 0 where the format does not say.
    pub expected: u64,
    /// What is missing, in the format's own terms: `slot 1`, a PV's id, ...
    pub missing: Vec<String>,
    /// Whether it can be used.
    pub health: Health,
    /// What else there is to know before it is used.
    pub flags: Vec<PoolFlag>,
    /// The newest generation among the members: events, seqno, txg, ...
    pub generation: u64,
    /// Host that used it last, where the format says.
    pub host: Option<Text>,
    /// Kernel names of the devices that the running system made of it.
    pub active: Vec<String>,
    /// What it holds, where its metadata says.
    pub volumes: Vec<Volume>,
    /// What was found inside where the pool is a file system itself (ZFS,
    /// btrfs): read through its members together.
    #[serde(default)]
    pub look: Look,
}

impl Pool {
    /// A pool of which only this is known.
    #[must_use]
    pub fn new(format: Format, id: impl Into<String>) -> Self {
        Self {
            format,
            id: id.into(),
            name: None,
            level: None,
            members: Vec::new(),
            expected: 0,
            missing: Vec::new(),
            health: Health::Unknown,
            flags: Vec::new(),
            generation: 0,
            host: None,
            active: Vec::new(),
            volumes: Vec::new(),
            look: Look::NotLooked,
        }
    }
}

/// One id in several places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Twins {
    /// What has the id.
    pub format: Format,
    /// The id.
    pub id: String,
    /// Kernel names of the devices that give it.
    pub devices: Vec<String>,
    /// They are paths to one disk, by its world-wide id; else clones.
    pub one_disk: bool,
}

/// A device in a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolMember {
    /// Kernel name of the device, or the path of an image file.
    pub device: String,
    /// Offset of its superblock.
    pub offset: u64,
    /// Its place in the pool, in the format's own terms.
    pub place: String,
    /// Generation that it knows.
    pub generation: u64,
    /// What it is good for.
    pub standing: MemberStanding,
}

/// What a member is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MemberStanding {
    /// It has the current data.
    Current,
    /// It fell behind.
    Stale,
    /// It waits for another to fail, or holds a cache.
    Spare,
    /// It was thrown out.
    Faulty,
    /// Another device claims the same place: a clone, or another path to it.
    Duplicate,
}

/// Whether a pool can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Every member is here and current.
    Complete,
    /// It works, with redundancy lost.
    Degraded,
    /// Too few members are here.
    Incomplete,
    /// The format does not say how many there have to be.
    Unknown,
}

/// What else there is to know about a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PoolFlag {
    /// A resync, recovery or replay is due.
    Dirty,
    /// It was exported in good order.
    Exported,
    /// It was not exported: in use elsewhere, or the power went.
    NotExported,
    /// It was destroyed on purpose.
    Destroyed,
    /// Another host may be using it now.
    ForeignLive,
    /// A change of shape was under way, which activation would resume.
    Reshaping,
    /// A member is behind.
    StaleMember,
    /// Two halves moved on without each other.
    SplitBrain,
    /// Two devices claim one place.
    Duplicate,
    /// Another pool of this kind has the same name.
    SameName,
}

/// What a pool holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its kind: `linear`, `raid1`, `thin`, ...
    pub kind: String,
    /// Size, bytes.
    pub size: u64,
    /// Whether what it needs is here.
    pub health: Health,
}

/// What was seen through layers that nobody activated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Virtuals {
    /// Views of kind [`crate::DeviceKind::Virtual`], each behind those that it
    /// stands on; `slaves` names these. No name is that of a real device.
    pub devices: Vec<Device>,
    /// Pools with at least one of these views for a member.
    pub pools: Vec<Pool>,
}
