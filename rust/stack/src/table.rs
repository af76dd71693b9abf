//! Partitions that the kernel does not show: of image files, of loop devices
//! without a scan, of volumes and arrays.

use crate::build::{Ground, Layer, Virtual, counts};
use crate::node::{Node, Slice};
use crate::refusal::Refusal;
use asl_facts::{Content, Device, Entry, Partition, Table};
use std::sync::Arc;

/// Containers of logical partitions: those are listed themselves.
const EXTENDED: &[&str] = &["0x05", "0x0f", "0x85"];

pub(crate) fn partitions(ground: &Ground<'_>, device: &Device) -> Vec<Virtual> {
    let is_shown = |other: &&Device| other.parent.as_ref() == Some(&device.name);
    // A device in use by another is that one's to explain: a path of a
    // multipath device, an array with partitions.
    let kernel = |device: &&Device| device.kind != asl_facts::DeviceKind::Virtual;
    if ground.devices.iter().filter(kernel).any(|d| is_shown(&d)) || !device.holders.is_empty() {
        return Vec::new();
    }
    let signatures = device.probe.signatures().iter();
    let tables = signatures.filter(|signature| counts(signature));
    let tables = tables.filter_map(|signature| {
        let superblock = signature.superblock()?;
        match &superblock.content {
            Content::Table(table) if !table.protective => Some((superblock.uuid.as_deref(), table)),
            _ => None,
        }
    });
    tables
        .flat_map(|(id, table)| of_table(ground, device, id, table))
        .collect()
}

fn of_table(ground: &Ground<'_>, device: &Device, id: Option<&str>, table: &Table) -> Vec<Virtual> {
    let used = table.partitions.iter();
    let used = used.filter(|entry| entry.size != 0 && !EXTENDED.contains(&entry.kind.as_str()));
    used.map(|entry| {
        let own = || format!("{}-{:02x}", id.unwrap_or(&device.name), entry.number);
        Virtual {
            layer: Layer::Partition,
            name: format!("{}:p{}", device.name, entry.number),
            id: entry.uuid.clone().unwrap_or_else(own),
            size: entry.size,
            stack: vec![device.name.clone()],
            partition: Some(Partition {
                number: entry.number,
                start: entry.start,
                uuid: entry.uuid.clone(),
                name: entry.name.clone(),
            }),
            degraded: false,
            node: slice(ground, device, entry),
        }
    })
    .collect()
}

fn slice(ground: &Ground<'_>, device: &Device, entry: &Entry) -> Result<Node, Refusal> {
    // The first partition of a hybrid ISO is the whole disk once more, with
    // the table in it.
    if entry.start == 0 {
        return Err(Refusal::Geometry("it begins with the table that lists it"));
    }
    let slice = Slice::of(ground.open(device)?, entry.start, entry.size);
    let slice = slice.ok_or_else(|| Refusal::Outside(format!("partition {}", entry.number)))?;
    Ok(Arc::new(slice))
}
