//! Block devices as sysfs describes them.

use crate::root::{Root, names_in, read};
use crate::{ScanError, numbered};
use asl_facts::{Device, DeviceKind, Identity, Partition, Text};
use std::fs;
use std::path::{Path, PathBuf};

const CLASS: &str = "/sys/class/block";
/// Unit of `size` and `start`, whatever the device's own sector is.
const SECTOR: u64 = 512;

/// Kernel names of all block devices, sorted.
pub(crate) fn names(root: &Root) -> Result<Vec<String>, ScanError> {
    let path = root.join(CLASS);
    names_in(&path).map_err(|error| ScanError::Io { path, error })
}

/// One device without what only reading it tells; none if it is gone.
pub(crate) fn device(root: &Root, name: &str) -> Option<Device> {
    Attributes::of(root, &root.join(CLASS).join(name))
}

/// Kernel name of the disk of a partition.
pub(crate) fn disk_of(root: &Root, name: &str) -> Option<String> {
    let dir = fs::canonicalize(root.join(CLASS).join(name)).ok()?;
    dir.join("partition").exists().then_some(())?;
    Some(dir.parent()?.file_name()?.to_string_lossy().into_owned())
}

/// Kernel names of the partitions of a disk.
pub(crate) fn partitions_of(root: &Root, disk: &str) -> Vec<String> {
    let dir = root.join(CLASS).join(disk);
    let mut names = names_in(&dir).unwrap_or_default();
    names.retain(|name| dir.join(name).join("partition").exists());
    names
}

/// The device with this `major:minor`.
pub(crate) fn by_devnum(root: &Root, devnum: &str) -> Option<Device> {
    Attributes::of(root, &root.join("/sys/dev/block").join(devnum))
}

struct Attributes {
    /// Its real directory, in which the parents are directories above.
    dir: PathBuf,
}

impl Attributes {
    fn of(root: &Root, link: &Path) -> Option<Device> {
        let attributes = Self {
            dir: fs::canonicalize(link).ok()?,
        };
        let name = attributes.dir.file_name()?.to_string_lossy().into_owned();
        let partition = attributes.partition();
        let disk = match partition {
            Some(_) => Self {
                dir: attributes.dir.parent()?.to_owned(),
            },
            None => Self {
                dir: attributes.dir.clone(),
            },
        };
        let kind = if partition.is_some() {
            DeviceKind::Partition
        } else if attributes.dir.join("md").is_dir() {
            DeviceKind::Md
        } else if attributes.dir.join("dm").is_dir() {
            DeviceKind::Dm
        } else if name.starts_with("loop") {
            DeviceKind::Loop
        } else if name.starts_with("sr") {
            DeviceKind::Rom
        } else {
            DeviceKind::Disk
        };
        let sectors = attributes.number("size").unwrap_or(0);
        Some(Device {
            node: attributes.node(&name),
            devnum: attributes.text("dev").unwrap_or_default(),
            sector_size: disk
                .number("queue/logical_block_size")
                .and_then(|size| u32::try_from(size).ok())
                .unwrap_or(512),
            read_only: attributes.number("ro") == Some(1),
            removable: disk.number("removable") == Some(1),
            parent: partition
                .is_some()
                .then(|| disk.dir.file_name())
                .flatten()
                .map(|name| name.to_string_lossy().into_owned()),
            slaves: names_in(&attributes.dir.join("slaves")).unwrap_or_default(),
            holders: names_in(&attributes.dir.join("holders")).unwrap_or_default(),
            identity: if partition.is_some() {
                Identity::default()
            } else {
                disk.identity(root, &name)
            },
            partition,
            backing_file: attributes.text("loop/backing_file"),
            ..Device::new(name, kind, sectors.saturating_mul(SECTOR))
        })
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        read(&self.dir.join(name))
    }

    fn text(&self, name: &str) -> Option<String> {
        let bytes = self.bytes(name)?;
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn field(&self, name: &str) -> Option<Text> {
        Text::from_field(&self.bytes(name)?)
    }

    fn uevent(&self, key: &str) -> Option<Vec<u8>> {
        self.bytes("uevent")?
            .split(|byte| *byte == b'\n')
            .find_map(|line| {
                line.strip_prefix(key.as_bytes())?
                    .strip_prefix(b"=")
                    .map(<[u8]>::to_vec)
            })
    }

    /// `DEVNAME` where the driver keeps its nodes in a directory; `!` stands
    /// for the slash in the kernel's name.
    fn node(&self, name: &str) -> String {
        let devname = self
            .uevent("DEVNAME")
            .and_then(|name| String::from_utf8(name).ok())
            .unwrap_or_else(|| name.replace('!', "/"));
        format!("/dev/{devname}")
    }

    fn partition(&self) -> Option<Partition> {
        let number = self.number("partition")?;
        Some(Partition {
            number: u32::try_from(number).ok()?,
            start: self.number("start").unwrap_or(0).saturating_mul(SECTOR),
            uuid: self
                .uevent("PARTUUID")
                .and_then(|uuid| String::from_utf8(uuid).ok()),
            name: self
                .uevent("PARTNAME")
                .and_then(|name| Text::from_field(&name)),
        })
    }

    /// Every bus keeps these elsewhere.
    fn identity(&self, root: &Root, name: &str) -> Identity {
        let transport = self.transport(name);
        let usb = (transport.as_deref() == Some("usb"))
            .then(|| self.usb_device(root))
            .flatten();
        let usb = |attribute: &str| Text::from_field(&read(&usb.as_ref()?.join(attribute))?);
        // Page 0x80 has a header of four bytes; libata fills it for SATA.
        let unit_serial = || {
            let page = self.bytes("device/vpd_pg80")?;
            Text::from_field(page.get(4..)?)
        };
        Identity {
            model: self
                .field("device/model")
                .or_else(|| self.field("device/name"))
                .or_else(|| usb("product")),
            // A USB bridge answers page 0x80 with its own number or not at
            // all; the number of the USB device is the one on its label.
            serial: usb("serial")
                .or_else(|| self.field("serial"))
                .or_else(|| self.field("device/serial"))
                .or_else(unit_serial),
            wwid: self
                .field("wwid")
                .or_else(|| self.field("device/wwid"))
                .or_else(|| self.field("device/cid")),
            transport,
        }
    }

    /// The nearest bus above the disk, from its path in sysfs.
    fn transport(&self, name: &str) -> Option<String> {
        let path = self.dir.to_string_lossy();
        // Disks over a network have no bus in the machine.
        if path.contains("/nvme-fabrics/") {
            return Some("nvme-fabrics".to_owned());
        }
        let network = ["nbd", "rbd", "drbd"];
        if let Some(kind) = network.iter().find(|kind| numbered(name, kind)) {
            return Some((*kind).to_owned());
        }
        if path.contains("/virtual/") {
            return None;
        }
        let buses = [
            ("/usb", "usb"),
            ("/session", "iscsi"),
            ("/rport-", "fc"),
            ("/end_device-", "sas"),
            ("/ata", "sata"),
            ("/nvme", "nvme"),
            ("/mmc", "mmc"),
        ];
        buses
            .iter()
            .find(|(part, _)| path.contains(part))
            .map(|(_, bus)| *bus)
            .or_else(|| name.starts_with("vd").then_some("virtio"))
            .or_else(|| (name.starts_with("sd") || name.starts_with("sr")).then_some("scsi"))
            .map(str::to_owned)
    }

    /// The directory above that a USB device has.
    fn usb_device(&self, root: &Root) -> Option<PathBuf> {
        let sys = fs::canonicalize(root.join("/sys")).ok()?;
        self.dir
            .ancestors()
            .take_while(|dir| dir.starts_with(&sys))
            .find(|dir| dir.join("idVendor").exists())
            .map(Path::to_owned)
    }
}

/// A partition is told by its disk's serial number.
pub(crate) fn share_identity(devices: &mut [Device]) {
    let disks: Vec<(String, Identity)> = devices
        .iter()
        .filter(|device| device.parent.is_none())
        .map(|device| (device.name.clone(), device.identity.clone()))
        .collect();
    for device in devices {
        if let Some((_, identity)) = disks
            .iter()
            .find(|(name, _)| Some(name) == device.parent.as_ref())
        {
            device.identity = identity.clone();
        }
    }
}
