//! Members of arrays, groups and pools.

use super::tree::{Tree, size};
use asl_facts::{
    LogicalVolume, PhysicalVolume, Piece, PoolState, Raid, Role, Slot, Text, Vdev, VdevNode,
    VolumeGroup,
};

pub(crate) fn raid(tree: &mut Tree, raid: &Raid) {
    tree.line(2, "array", &raid.array);
    tree.text(2, "name", raid.name.as_ref());
    tree.line(2, "level", &raid.level);
    if raid.chunk != 0 {
        tree.line(2, "chunk", size(raid.chunk));
    }
    let role = match raid.role {
        Role::Active(slot) => format!("active in slot {slot}"),
        Role::Spare => "spare".to_owned(),
        Role::Faulty => "faulty".to_owned(),
        Role::Journal => "journal".to_owned(),
        Role::Member => "member of a container".to_owned(),
    };
    tree.line(2, "role", role);
    if !raid.slots.is_empty() {
        let slots: String = raid.slots.iter().map(|slot| slot_sign(*slot)).collect();
        let whole = raid.slots.iter().all(|slot| *slot == Slot::Active);
        let line = format!("{slots} of {} devices", raid.raid_disks);
        if whole {
            tree.good(2, "slots", line);
        } else {
            tree.bad(2, "slots", line);
        }
    }
    tree.line(2, "events", raid.events);
    if raid.clean {
        tree.good(2, "state", "clean");
    } else {
        tree.bad(2, "state", "a resync or recovery is due");
    }
    if raid.data_size != 0 {
        let data = format!("{} at {}", size(raid.data_size), raid.data_offset);
        tree.line(2, "data", data);
    }
    if let Some(reshape) = &raid.reshape {
        let text = format!(
            "to {} with {:+} devices, {} done",
            reshape.level,
            reshape.delta_disks,
            size(reshape.position)
        );
        tree.bad(2, "reshape", text);
    }
    if let Some(bytes) = raid.rebuilt {
        tree.bad(2, "rebuilt", size(bytes));
    }
    if !raid.bad_blocks.is_empty() {
        tree.bad(
            2,
            "bad blocks",
            format!("{} ranges are lost", raid.bad_blocks.len()),
        );
    }
    for (there, name) in [(raid.bitmap, "bitmap"), (raid.journal, "journal")] {
        if there {
            tree.line(2, name, "yes");
        }
    }
    for volume in &raid.volumes {
        let text = format!(
            "{}, {} disks, {}, {}",
            volume.level,
            volume.disks,
            size(volume.size),
            volume.state
        );
        let name = volume.name.as_ref();
        let name = name.map_or("unnamed".to_owned(), Text::printable);
        tree.line(2, "volume", format!("{name}: {text}"));
    }
}

/// As `mdadm --examine` and `/proc/mdstat` write it.
fn slot_sign(slot: Slot) -> char {
    match slot {
        Slot::Active => 'A',
        Slot::Missing => '.',
        Slot::Rebuilding => 'R',
    }
}

pub(crate) fn physical_volume(tree: &mut Tree, volume: &PhysicalVolume) {
    match &volume.group {
        Some(group) => volume_group(tree, group),
        None if volume.used => {
            tree.bad(2, "group", "its metadata is on other devices");
        }
        None => tree.line(2, "group", "none"),
    }
}

fn volume_group(tree: &mut Tree, group: &VolumeGroup) {
    tree.title(2, &format!("group {}", group.name));
    tree.line(3, "id", &group.id);
    tree.line(3, "seqno", group.seqno);
    tree.line(3, "status", group.status.join(" "));
    tree.text(3, "system id", group.system_id.as_ref());
    tree.some(3, "lock type", group.lock_type.as_ref());
    tree.line(3, "extent", size(group.extent_size));
    for part in &group.physical {
        let device = part.device.as_ref();
        let device = device.map_or(String::new(), |device| {
            format!(", was {}", device.printable())
        });
        let line = format!("{}{device}", part.id);
        if part.missing {
            tree.bad(3, &part.name, format!("{line}, missing"));
        } else {
            tree.line(3, &part.name, line);
        }
    }
    for volume in &group.logical {
        logical_volume(tree, group, volume);
    }
}

fn logical_volume(tree: &mut Tree, group: &VolumeGroup, volume: &LogicalVolume) {
    let extents = volume
        .segments
        .iter()
        .fold(0_u64, |sum, segment| sum.saturating_add(segment.extents));
    let mut kinds: Vec<&str> = volume.segments.iter().map(|s| s.kind.as_str()).collect();
    kinds.dedup();
    let visible = volume.status.iter().any(|word| word == "VISIBLE");
    let text = format!(
        "{}, {}{}",
        kinds.join(" + "),
        size(extents.saturating_mul(group.extent_size)),
        if visible { "" } else { ", hidden" }
    );
    tree.line(3, &volume.name, text);
}

pub(crate) fn vdev(tree: &mut Tree, vdev: &Vdev) {
    if let Some(pool) = &vdev.pool {
        let name = vdev.name.as_ref().map_or(String::new(), Text::printable);
        tree.line(2, "pool", format!("{name} ({pool})"));
    }
    let state = match vdev.state {
        PoolState::Active => "active: not exported",
        PoolState::Exported => "exported",
        PoolState::Destroyed => "destroyed",
        PoolState::Spare => "a spare",
        PoolState::L2cache => "a cache",
        PoolState::Removed => "taken out of its pool",
        PoolState::Other => "of no known state",
    };
    tree.line(2, "state", state);
    tree.line(2, "txg", vdev.txg);
    if let Some((id, name)) = &vdev.host {
        tree.line(2, "last host", format!("{} ({id:#x})", name.printable()));
    }
    if vdev.multihost {
        tree.bad(2, "multihost", "protected");
    }
    if let Some(top) = &vdev.tree {
        tree.line(2, "top-level", format!("{} of {}", top.id, vdev.tops));
        node(tree, 2, vdev, top);
    }
    if !vdev.features_for_read.is_empty() {
        tree.line(2, "features", vdev.features_for_read.join(" "));
    }
    let labels: Vec<String> = vdev.labels.iter().map(u64::to_string).collect();
    let line = format!("valid at {}", labels.join(", "));
    if labels.len() == 4 {
        tree.good(2, "labels", line);
    } else {
        tree.bad(2, "labels", line);
    }
}

fn node(tree: &mut Tree, level: usize, vdev: &Vdev, part: &VdevNode) {
    let mut text = part.guid.to_string();
    if let Some(path) = &part.path {
        text.push_str(&format!(", was {}", path.printable()));
    }
    if part.guid == vdev.guid {
        text.push_str(", this device");
    }
    if part.impaired {
        tree.bad(level, &part.kind, format!("{text}, was not working"));
    } else {
        tree.line(level, &part.kind, text);
    }
    for child in &part.children {
        node(tree, level.saturating_add(1), vdev, child);
    }
}

pub(crate) fn piece(tree: &mut Tree, piece: &Piece) {
    tree.line(2, "role", &piece.role);
    tree.some(2, "part of", piece.whole.as_ref());
    tree.text(2, "name", piece.name.as_ref());
    tree.some(2, "state", piece.state.as_ref());
    if piece.generation != 0 {
        tree.line(2, "generation", piece.generation);
    }
    tree.some(2, "data at", piece.data_offset);
}
