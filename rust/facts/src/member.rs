//! Devices that are a piece of something larger.

use crate::Text;
use serde::{Deserialize, Serialize};

/// A member of a Linux md array, of IMSM or DDF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Raid {
    /// Id of the array, as `mdadm --examine` prints it but with the dashes of
    /// a UUID; IMSM and DDF: of the container.
    pub array: String,
    /// Name of the array: `host:0`.
    pub name: Option<Text>,
    /// Level: `linear`, `raid0`, `raid1`, `raid4`, `raid5`, `raid6`,
    /// `raid10`, `multipath`, `faulty` or `container`.
    pub level: String,
    /// Layout as the format numbers it (raid5, raid6 and raid10; of a raid0
    /// whose members differ in size 1 or 2, 0 where it was not recorded).
    pub layout: u32,
    /// Chunk, bytes; 0 where the level has none.
    pub chunk: u64,
    /// Active devices of the whole array.
    pub raid_disks: u32,
    /// What this device does in the array.
    pub role: Role,
    /// What each slot of the array holds, as this member knows it.
    pub slots: Vec<Slot>,
    /// Updates that this member has seen; the highest is current.
    pub events: u64,
    /// Time of the last update, seconds since 1970.
    pub updated: u64,
    /// No resync or recovery is due.
    pub clean: bool,
    /// First byte of the array's data on this device.
    pub data_offset: u64,
    /// Bytes of this device that the array uses, from `data_offset`.
    pub data_size: u64,
    /// How far this device is rebuilt, bytes from `data_offset`; none where
    /// it is whole.
    pub rebuilt: Option<u64>,
    /// It takes the place of a device that still works in the same slot.
    pub replacement: bool,
    /// What is lost on this device: first byte of the device, bytes.
    pub bad_blocks: Vec<(u64, u64)>,
    /// Its number when the superblock was written, `8:1`; md 0.90 only, where
    /// nothing else tells a superblock of the whole disk from one of its last
    /// partition.
    pub devnum: Option<String>,
    /// A change of shape was under way.
    pub reshape: Option<Reshape>,
    /// It has a write-intent bitmap.
    pub bitmap: bool,
    /// It has a write journal.
    pub journal: bool,
    /// Disks of a container (IMSM, DDF) in the order of their numbers.
    pub disks: Vec<RaidDisk>,
    /// Arrays inside a container.
    pub volumes: Vec<RaidVolume>,
}

/// A disk of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RaidDisk {
    /// What tells it from the others: the serial number as IMSM keeps it (the
    /// last 16 characters, no blanks), DDF's reference in hex.
    pub id: Text,
    /// What it does in the container.
    pub role: Role,
    /// Its size as the metadata has it, bytes (DDF: what volumes may use).
    pub size: u64,
}

/// What a device does in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It holds the data of this slot.
    Active(u32),
    /// It waits for another to fail.
    Spare,
    /// It was thrown out.
    Faulty,
    /// It holds the write journal.
    Journal,
    /// It works in a container, where `volumes` say what it holds.
    Member,
}

/// What a slot of an array holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// A working device.
    Active,
    /// Nothing.
    Missing,
    /// A device that is being rebuilt.
    Rebuilding,
}

/// A change of shape under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reshape {
    /// How far it is, bytes of the array.
    pub position: u64,
    /// Devices added, or taken away.
    pub delta_disks: i32,
    /// Level afterwards.
    pub level: String,
    /// Chunk afterwards, bytes.
    pub chunk: u64,
    /// Layout afterwards.
    pub layout: u32,
}

/// One array inside a container. What only other disks of the container say
/// is 0 or empty, and the level `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RaidVolume {
    /// Its id, as `mdadm --examine` makes one, in the form of a UUID.
    pub id: String,
    /// Its name.
    pub name: Option<Text>,
    /// Level, as for an array.
    pub level: String,
    /// Layout as md numbers it.
    pub layout: u32,
    /// Chunk, bytes; 0 where the level has none.
    pub chunk: u64,
    /// Members.
    pub disks: u32,
    /// Size, bytes.
    pub size: u64,
    /// The disk in each slot: its place in the container's list, none where
    /// it is not in the list.
    pub members: Vec<Option<u32>>,
    /// What each slot holds.
    pub slots: Vec<Slot>,
    /// First byte of its data on this device (IMSM: on each of its disks);
    /// none where this one does not take part.
    pub data_offset: Option<u64>,
    /// Bytes of each member that it uses.
    pub data_size: u64,
    /// State in the format's own word: `normal`, `degraded`, ...
    pub state: String,
    /// No resync or rebuild is due.
    pub clean: bool,
    /// An operation under way, in the format's own word: `rebuild`,
    /// `general migration`, ...
    pub under_way: Option<String>,
}

/// An LVM2 physical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PhysicalVolume {
    /// What its metadata areas say, the newest first in age; none for a
    /// volume that is in no group, or one that leaves the metadata to others.
    pub group: Option<VolumeGroup>,
    /// Metadata areas, bytes from the start of the device to each.
    pub areas: Vec<u64>,
    /// First byte of the first data area.
    pub data_offset: u64,
    /// Its header says that it is in a group (PV_EXT_USED).
    pub used: bool,
}

/// A volume group as one of its metadata areas describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VolumeGroup {
    /// Its id, in LVM's form.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Changes so far; the highest is current.
    pub seqno: u64,
    /// System that owns it, if one does.
    pub system_id: Option<Text>,
    /// Lock manager: `dlm`, `sanlock`, ...
    pub lock_type: Option<String>,
    /// Status words: `RESIZEABLE`, `READ`, `WRITE`, `EXPORTED`, ...
    pub status: Vec<String>,
    /// Extent, bytes.
    pub extent_size: u64,
    /// Physical volumes that belong to it.
    pub physical: Vec<VolumePart>,
    /// Logical volumes, also the hidden ones.
    pub logical: Vec<LogicalVolume>,
}

/// A physical volume as the group's metadata names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VolumePart {
    /// Its name inside the metadata: `pv0`.
    pub name: String,
    /// Its id, in LVM's form.
    pub id: String,
    /// The node it had when the metadata was written.
    pub device: Option<Text>,
    /// It was missing then.
    pub missing: bool,
    /// First byte of its extents.
    pub data_offset: u64,
    /// Its extents.
    pub extents: u64,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogicalVolume {
    /// Its id, in LVM's form.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Status words: `VISIBLE`, `READ`, `WRITE`, `PVMOVE`, ...
    pub status: Vec<String>,
    /// Segments, in the order of their extents.
    pub segments: Vec<Segment>,
}

/// A run of extents of a logical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Segment {
    /// First extent of the volume that it maps.
    pub start: u64,
    /// Number of extents.
    pub extents: u64,
    /// Kind: `linear`, `striped`, `raid1`, `raid5_ls`, `mirror`, `thin`,
    /// `thin-pool`, `cache`, `cache-pool`, `snapshot`, ...
    pub kind: String,
    /// Stripe, bytes; 0 where there is none.
    pub stripe: u64,
    /// Where the data is: (name of a physical or logical volume, its first
    /// extent).
    pub places: Vec<(String, u64)>,
    /// Other volumes that it names: `thin_pool`, `metadata`, `origin`,
    /// `cache_pool`, ... (key, name).
    pub needs: Vec<(String, String)>,
    /// Numbers that a thin volume and its pool have in the text: `device_id`,
    /// `transaction_id`, and `chunk_size` in sectors (key, number).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<(String, u64)>,
}

/// A device of a ZFS pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Vdev {
    /// Id of the pool, decimal as `zpool` prints it; none for a spare or a
    /// cache that waits: its label names no pool, since several may share it.
    pub pool: Option<String>,
    /// Name of the pool; none where `pool` is none.
    pub name: Option<Text>,
    /// Its own id.
    pub guid: u64,
    /// Id of the top-level device that it is a part of; 0 where `pool` is
    /// none.
    pub top: u64,
    /// What the label says of the pool.
    pub state: PoolState,
    /// Transaction group of the newest valid uberblock over all labels; 0 if
    /// there is none (a pool writes them to some of its devices only) or
    /// `pool` is none.
    pub txg: u64,
    /// Its time, seconds since 1970.
    pub updated: u64,
    /// Transaction group that the label was written in: it changes with the
    /// configuration only. 0 where `pool` is none.
    pub label_txg: u64,
    /// Host that used it last: id (0 where it has none) and name.
    pub host: Option<(u64, Text)>,
    /// Multihost protection was on (the uberblock's MMP fields).
    pub multihost: bool,
    /// Number of top-level devices of the pool, with those that are gone.
    pub tops: u64,
    /// Ids of top-level devices that were removed and left a hole: no device
    /// stands for them. One whose data was moved elsewhere (`device_removal`
    /// among the features) is not listed here: only the pool itself knows.
    pub holes: Vec<u64>,
    /// The top-level device that it is a part of; none where `pool` is none.
    pub tree: Option<VdevNode>,
    /// Features that a reader must know.
    pub features_for_read: Vec<String>,
    /// Offsets of the labels that are valid and of this device.
    pub labels: Vec<u64>,
}

/// The `state` of a label (`pool_state_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PoolState {
    /// In use, or was when the power went.
    Active,
    /// Exported.
    Exported,
    /// Destroyed.
    Destroyed,
    /// A spare of some pool.
    Spare,
    /// A cache of some pool.
    L2cache,
    /// It was taken out of the pool that it names, or never came to be in it:
    /// the label is sound and of no transaction group. Nothing on it is
    /// needed.
    Removed,
    /// None of the known.
    Other,
}

/// A node of a pool's device tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VdevNode {
    /// Kind: `disk`, `file`, `mirror`, `raidz`, `draid`, `replacing`,
    /// `spare`, `log`, `hole`, `missing`, ...
    pub kind: String,
    /// Its id.
    pub guid: u64,
    /// Its place among its siblings.
    pub id: u64,
    /// Path when the label was written, for a leaf.
    pub path: Option<Text>,
    /// Parity of a raidz.
    pub nparity: u64,
    /// Smallest block, as a power of two; 0 below the top.
    pub ashift: u64,
    /// Bytes of the device; 0 below the top.
    pub asize: u64,
    /// It is a log device.
    pub log: bool,
    /// Offline, removed, faulted, degraded or not there when the label was
    /// written.
    pub impaired: bool,
    /// It was being filled, and does not hold all of its data.
    pub resilvering: bool,
    /// Its parts.
    pub children: Vec<VdevNode>,
}

/// A device of a Stratis pool, bcache, DRBD, VDO or a firmware array that is
/// known by name: what groups it, and its state in the format's own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Piece {
    /// Id of the whole: pool, cache set, resource, array.
    pub whole: Option<String>,
    /// Name of the whole.
    pub name: Option<Text>,
    /// What this device is in it: `backing`, `cache`, `member`, ...
    pub role: String,
    /// State in the format's own word: `clean`, `dirty`, ...
    pub state: Option<String>,
    /// First byte of the data, where it is stored plainly.
    pub data_offset: Option<u64>,
    /// Orders the members' knowledge where the format counts.
    pub generation: u64,
}
