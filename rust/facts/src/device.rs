//! Block devices as sysfs shows them.

use crate::{Signature, Text};
use serde::{Deserialize, Serialize};

/// One block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Device {
    /// Kernel name, the directory in `/sys/class/block`: `sda1`; of an image
    /// file its path.
    pub name: String,
    /// Device node: `/dev/sda1`.
    pub node: String,
    /// What kind of device it is.
    pub kind: DeviceKind,
    /// `major:minor`.
    pub devnum: String,
    /// Size, bytes.
    pub size: u64,
    /// Logical sector, bytes.
    pub sector_size: u32,
    /// The kernel refuses writes to it.
    pub read_only: bool,
    /// The medium can be taken out.
    pub removable: bool,
    /// Kernel name of the whole disk, for a partition.
    pub parent: Option<String>,
    /// Kernel names of the devices it is made of (md, dm).
    pub slaves: Vec<String>,
    /// Kernel names of the devices made of it.
    pub holders: Vec<String>,
    /// Where it lies on its disk, for a partition.
    pub partition: Option<Partition>,
    /// How a person tells this disk from another. A partition has its disk's.
    pub identity: Identity,
    /// The file behind a loop device.
    pub backing_file: Option<String>,
    /// Who uses it now.
    pub uses: Vec<Use>,
    /// The live system runs from it.
    pub live: Option<LiveUse>,
    /// What was read on it.
    pub probe: Probe,
}

impl Device {
    /// A device of which only this is known: nothing surrounds it, nobody has
    /// read it, its sectors are the usual ones.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: DeviceKind, size: u64) -> Self {
        let name = name.into();
        Self {
            node: format!("/dev/{name}"),
            name,
            kind,
            devnum: String::new(),
            size,
            sector_size: 512,
            read_only: false,
            removable: false,
            parent: None,
            slaves: Vec::new(),
            holders: Vec::new(),
            partition: None,
            identity: Identity::default(),
            backing_file: None,
            uses: Vec::new(),
            live: None,
            probe: Probe::skipped("not-read"),
        }
    }
}

/// Kinds of block devices that decisions tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// A whole disk.
    Disk,
    /// A partition of a disk or of a loop device.
    Partition,
    /// A loop device with a file behind it.
    Loop,
    /// An md array.
    Md,
    /// A device-mapper node.
    Dm,
    /// An optical drive.
    Rom,
    /// A partition, array or volume that the kernel does not have, read
    /// through its members. Its `wwid` is the id of the array or volume, and
    /// where it was not read, the reason stands in [`Probe::Skipped`].
    Virtual,
}

/// A partition as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Partition {
    /// Its number, from 1.
    pub number: u32,
    /// First byte on the disk.
    pub start: u64,
    /// `PARTUUID`, from the uevent.
    pub uuid: Option<String>,
    /// `PARTNAME`, from the uevent.
    pub name: Option<Text>,
}

/// How a person tells one disk from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identity {
    /// Model as the device names itself.
    pub model: Option<Text>,
    /// Serial number.
    pub serial: Option<Text>,
    /// World-wide id.
    pub wwid: Option<Text>,
    /// Bus: `sata`, `scsi`, `nvme`, `usb`, `virtio`, `mmc`, ...
    pub transport: Option<String>,
}

/// Who uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "use", rename_all = "kebab-case")]
pub enum Use {
    /// It is mounted.
    Mounted {
        /// The mount point.
        target: String,
        /// It is mounted read-only.
        read_only: bool,
    },
    /// It is swap space in use.
    Swap,
}

/// How the live system depends on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LiveUse {
    /// The live system runs from it.
    Medium,
    /// A partition of it carries the live system, or it backs such a device.
    Ancestor,
}

/// What came of reading a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Probe {
    /// It was read.
    Read {
        /// Number of reads.
        reads: u32,
        /// Bytes read.
        bytes: u64,
        /// Nothing but one value, 0x00 or 0xff, in all that was read.
        blank: bool,
        /// Reads that failed where something was found all the same.
        faults: Vec<IoFault>,
        /// All signatures, in the order of their offsets.
        signatures: Vec<Signature>,
    },
    /// It could not be opened or read.
    Failed(IoFault),
    /// It did not answer before the deadline.
    TimedOut {
        /// How long it was waited for, milliseconds.
        after_ms: u64,
    },
    /// It was left alone.
    Skipped {
        /// Why: `empty`, `excluded`, `live`, ...
        why: String,
    },
}

impl Probe {
    /// It was left alone.
    pub fn skipped(why: impl Into<String>) -> Self {
        Probe::Skipped { why: why.into() }
    }

    /// The signatures that were read; none where reading failed.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        match self {
            Probe::Read { signatures, .. } => signatures,
            _ => &[],
        }
    }
}

/// An I/O error of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IoFault {
    /// Offset of the failed read; none when opening failed.
    pub offset: Option<u64>,
    /// The error as the system words it.
    pub error: String,
}
