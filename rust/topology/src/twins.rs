//! The same thing in several places: clones, and one disk on several paths.
//!
//! A clone and its origin cannot be told apart by what is on them; two paths
//! to one disk can, by its world-wide id.

use asl_facts::{Content, Device, DeviceKind, Format, Probe, Standing, Twins};
use std::collections::BTreeMap;

/// Every id that more than one device gives, in the order of format and id.
/// The signatures have their standing. A file system on several devices, a
/// pool's members and what shows through one are not clones of each other.
#[must_use]
pub fn twins(devices: &[Device]) -> Vec<Twins> {
    let mut places: BTreeMap<(Format, &str), Vec<&Device>> = BTreeMap::new();
    for device in devices {
        let Probe::Read { signatures, .. } = &device.probe else {
            continue;
        };
        for signature in signatures {
            let own = matches!(
                signature.standing,
                Standing::Content | Standing::Contested { .. }
            );
            let Some(found) = signature.superblock().filter(|_| own) else {
                continue;
            };
            // A partition table of zeros as its id is an unset one.
            let id = found.uuid.as_deref().filter(|id| !is_zero(id));
            let alone = match &found.content {
                Content::Filesystem(filesystem) => filesystem.devices <= 1,
                Content::Swap(_) | Content::Container(_) | Content::Table(_) => true,
                Content::Raid(_)
                | Content::PhysicalVolume(_)
                | Content::Vdev(_)
                | Content::Piece(_) => false,
            };
            if let Some(id) = id.filter(|_| alone) {
                places
                    .entry((signature.format, id))
                    .or_default()
                    .push(device);
            }
        }
    }
    places
        .into_iter()
        .filter_map(|((format, id), found)| {
            // What the system made of a device shows what is on it again.
            let apart: Vec<&Device> = found
                .iter()
                .filter(|device| {
                    !found
                        .iter()
                        .any(|below| device.slaves.contains(&below.name))
                })
                .copied()
                .collect();
            (apart.len() > 1).then(|| Twins {
                format,
                id: id.to_owned(),
                devices: apart.iter().map(|device| device.name.clone()).collect(),
                one_disk: is_one_disk(&apart),
            })
        })
        .collect()
}

fn is_zero(id: &str) -> bool {
    id.bytes().all(|digit| matches!(digit, b'0' | b'-'))
}

/// All of them are paths to the same disk, at the same place of it.
fn is_one_disk(devices: &[&Device]) -> bool {
    let mut wwids = devices.iter().map(|device| device.identity.wwid.as_ref());
    let first = wwids.next().flatten();
    let start = |device: &Device| device.partition.as_ref().map(|partition| partition.start);
    let kinds = [DeviceKind::Disk, DeviceKind::Partition];
    first.is_some()
        && wwids.all(|wwid| wwid == first)
        && devices.iter().all(|device| {
            kinds.contains(&device.kind) && Some(start(device)) == devices.first().map(|d| start(d))
        })
}
