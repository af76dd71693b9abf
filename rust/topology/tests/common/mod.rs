//! Devices and signatures as a probe would give them.

// Each test program uses its part of this.
#![allow(dead_code)]

use asl_facts::{
    Content, Damage, Device, DeviceKind, Entry, Filesystem, Format, LogState, Look, Outcome, Part,
    Partition, PhysicalVolume, Probe, Raid, Role, Signature, Slot, Standing, Superblock, Table,
};

pub(crate) const MIB: u64 = 1 << 20;

/// A disk of 100 MiB that holds these.
pub(crate) fn disk(name: &str, signatures: Vec<Signature>) -> Device {
    Device {
        devnum: "8:0".to_owned(),
        probe: Probe::Read {
            reads: 2,
            bytes: 200_704,
            blank: false,
            faults: Vec::new(),
            signatures,
        },
        ..Device::new(name, DeviceKind::Disk, 100 * MIB)
    }
}

/// A partition of a disk, as the kernel shows it.
pub(crate) fn partition(disk_name: &str, number: u32, start: u64, size: u64) -> Device {
    let mut device = disk(&format!("{disk_name}{number}"), Vec::new());
    device.kind = DeviceKind::Partition;
    device.parent = Some(disk_name.to_owned());
    device.size = size;
    device.partition = Some(Partition {
        number,
        start,
        uuid: None,
        name: None,
    });
    device
}

pub(crate) fn found(
    format: Format,
    offset: u64,
    uuid: &str,
    size: u64,
    content: Content,
) -> Signature {
    Signature {
        format,
        offset,
        outcome: Outcome::Found(Box::new(Superblock {
            uuid: Some(uuid.to_owned()),
            label: None,
            version: None,
            size,
            unknown_features: Vec::new(),
            damaged_copies: Vec::new(),
            content,
        })),
        standing: Standing::Content,
    }
}

pub(crate) fn filesystem(format: Format, offset: u64, size: u64) -> Signature {
    spanning(format, offset, size, 1, None)
}

pub(crate) fn spanning(
    format: Format,
    offset: u64,
    size: u64,
    devices: u64,
    part: Option<Part>,
) -> Signature {
    let content = Content::Filesystem(Filesystem {
        block_size: 4096,
        log: LogState::Clean,
        devices,
        part,
        errors: false,
        hibernated: false,
        look: Look::NotLooked,
    });
    found(format, offset, "fs", size, content)
}

pub(crate) fn damaged(format: Format, offset: u64) -> Signature {
    Signature {
        format,
        offset,
        outcome: Outcome::Damaged(Damage {
            offset,
            rule: "checksum".to_owned(),
            seen: "1".to_owned(),
            expected: "2".to_owned(),
        }),
        standing: Standing::Content,
    }
}

/// A member of an array of `slots` at this place; its data begin at 0.
pub(crate) fn raid(level: &str, slots: &str, slot: u32, events: u64) -> Raid {
    Raid {
        array: "array".to_owned(),
        name: Some("host:0".into()),
        level: level.to_owned(),
        layout: 0,
        chunk: 0,
        raid_disks: u32::try_from(slots.len()).unwrap(),
        role: Role::Active(slot),
        slots: slots
            .chars()
            .map(|sign| {
                if sign == 'A' {
                    Slot::Active
                } else {
                    Slot::Missing
                }
            })
            .collect(),
        events,
        updated: 0,
        clean: true,
        data_offset: 0,
        data_size: 99 * MIB,
        rebuilt: None,
        replacement: false,
        bad_blocks: Vec::new(),
        devnum: None,
        disks: Vec::new(),
        reshape: None,
        bitmap: false,
        journal: false,
        volumes: Vec::new(),
    }
}

pub(crate) fn md(raid: Raid) -> Signature {
    let uuid = format!("member {:?}", raid.role);
    found(
        Format::Md,
        99 * MIB + 8192,
        &uuid,
        100 * MIB,
        Content::Raid(raid),
    )
}

pub(crate) fn table(format: Format, partitions: &[(u32, u64, u64)]) -> Signature {
    let content = Content::Table(Table {
        sector_size: 512,
        partitions: partitions
            .iter()
            .map(|(number, start, size)| Entry {
                number: *number,
                start: *start,
                size: *size,
                kind: "0x83".to_owned(),
                uuid: None,
                name: None,
                flags: 0,
            })
            .collect(),
        protective: false,
        hybrid: false,
    });
    found(format, 0, "table", 100 * MIB, content)
}

pub(crate) fn lvm(uuid: &str, volume: PhysicalVolume) -> Signature {
    found(
        Format::Lvm2,
        512,
        uuid,
        100 * MIB,
        Content::PhysicalVolume(volume),
    )
}
