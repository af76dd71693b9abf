//! What a node knows about its storage.
//!
//! `scan` fills these types from sysfs and from the devices, `decide` reads
//! them, and `/run/asl/facts.json` is their JSON form. They are plain values:
//! no I/O, no decision. Sizes and offsets are bytes unless a name says
//! otherwise.

mod container;
mod device;
mod filesystem;
mod format;
mod graph;
mod member;
mod pool;
mod signature;
mod store;
mod table;
mod text;

pub use container::{Container, Keyslot};
pub use device::{Device, DeviceKind, Identity, IoFault, LiveUse, Partition, Probe, Use};
pub use filesystem::{Filesystem, LogState, Part, Swap};
pub use format::Format;
pub use member::{
    LogicalVolume, PhysicalVolume, Piece, PoolState, Raid, RaidDisk, RaidVolume, Reshape, Role,
    Segment, Slot, Vdev, VdevNode, VolumeGroup, VolumePart,
};
pub use pool::{Health, MemberStanding, Pool, PoolFlag, PoolMember, Twins, Virtuals, Volume};
pub use signature::{Content, Damage, Outcome, Signature, Standing, Superblock};
pub use store::{Evidence, Look, Store};
pub use table::{Entry, Table};
pub use text::Text;

use serde::{Deserialize, Serialize};

/// Version of the JSON form. It rises when a reader of the old form would
/// misread the new one; added keys do not raise it.
pub const SCHEMA: u32 = 2;

/// Everything that was learnt about the node in one scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Facts {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// `/proc/sys/kernel/random/boot_id`: facts of another boot are void.
    pub boot_id: String,
    /// Counts the scans of this boot, from 1.
    pub generation: u64,
    /// What this system could activate.
    pub system: System,
    /// When the scan ran.
    pub timing: Timing,
    /// Every block device that sysfs lists, in the order of kernel names.
    pub devices: Vec<Device>,
    /// What several of them make up together.
    pub pools: Vec<Pool>,
    /// What is in several places at once.
    pub twins: Vec<Twins>,
    /// What stands on these devices and is not activated.
    #[serde(default)]
    pub virtuals: Virtuals,
    /// What the configured remote endpoint answered.
    pub remote: Remote,
}

impl Facts {
    /// Facts of a node that nobody has looked at.
    #[must_use]
    pub fn new(boot_id: impl Into<String>, generation: u64) -> Self {
        Self {
            schema: SCHEMA,
            boot_id: boot_id.into(),
            generation,
            system: System::default(),
            timing: Timing::default(),
            devices: Vec::new(),
            pools: Vec::new(),
            twins: Vec::new(),
            virtuals: Virtuals::default(),
            remote: Remote::None,
        }
    }

    /// The device with this kernel name.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// The whole disk that carries `name`, or the device itself.
    #[must_use]
    pub fn disk_of<'a>(&'a self, device: &'a Device) -> &'a Device {
        device
            .parent
            .as_deref()
            .and_then(|parent| self.device(parent))
            .unwrap_or(device)
    }
}

/// What the running system brings along.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct System {
    /// File systems that the kernel knows or has a module for, sorted:
    /// `/proc/filesystems` and `modules.builtin`/`modules.dep`.
    pub filesystems: Vec<String>,
    /// Drivers of layers that are built in, loaded or can be loaded, sorted,
    /// as the kernel names its modules: `dm_crypt`, `dm_snapshot`, `raid1`,
    /// `zfs`, ...
    #[serde(default)]
    pub drivers: Vec<String>,
    /// Programs that bring layers up and are installed, sorted: `cryptsetup`,
    /// `dmsetup`, `lvm`, `mdadm`, `zpool`, ...
    #[serde(default)]
    pub tools: Vec<String>,
    /// Physical memory, bytes.
    pub memory_bytes: u64,
}

/// When the scan ran, milliseconds of `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timing {
    /// Start of the scan.
    pub started_ms: u64,
    /// All devices were read or given up.
    pub ended_ms: u64,
    /// User and system time of the whole process so far, milliseconds.
    pub cpu_ms: u64,
}

/// The state of the configured remote endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Remote {
    /// No endpoint is configured.
    #[default]
    None,
    /// An endpoint is configured, and nothing was asked of it.
    NotProbed {
        /// The endpoint as configured.
        endpoint: String,
    },
    /// It answered in its own protocol.
    Answers {
        /// The endpoint as configured.
        endpoint: String,
    },
    /// It did not answer, or not in its own protocol.
    Silent {
        /// The endpoint as configured.
        endpoint: String,
        /// What was seen instead.
        why: String,
    },
}
