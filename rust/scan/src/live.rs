//! What the running system itself uses.

use crate::mounts;
use crate::root::Root;
use asl_facts::{Device, DeviceKind, LiveUse, Use};
use std::collections::BTreeSet;
use std::path::Path;

/// Where the live system writes the nodes it runs from.
const USED: &str = "/run/archiso/used_block_devices";
/// Files below are parts of the live system.
const LIVE_FILES: &str = "/run/archiso/";

/// The devices that the live system runs from.
pub(crate) struct Live {
    /// Device nodes: `/dev/sr0`.
    nodes: BTreeSet<String>,
}

impl Live {
    pub(crate) fn read(root: &Root) -> Self {
        Self {
            nodes: root
                .text(USED)
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The medium itself, or a loop over one of its files.
    pub(crate) fn is_live(&self, device: &Device) -> bool {
        self.nodes.contains(&device.node)
            || (device.kind == DeviceKind::Loop
                && device
                    .backing_file
                    .as_deref()
                    .is_some_and(|file| file.starts_with(LIVE_FILES)))
    }

    /// Marks the medium and what it stands on: its disk, and the members of
    /// an array or a mapping. Other partitions of that disk stay as they are:
    /// a store on the stick's third partition is common.
    pub(crate) fn mark(&self, devices: &mut [Device]) {
        let medium: BTreeSet<String> = devices
            .iter()
            .filter(|device| self.is_live(device))
            .map(|device| device.name.clone())
            .collect();
        let mut below: BTreeSet<String> = BTreeSet::new();
        let mut next: Vec<String> = medium.iter().cloned().collect();
        while let Some(name) = next.pop() {
            let Some(device) = devices.iter().find(|device| device.name == name) else {
                continue;
            };
            for lower in device.parent.iter().chain(&device.slaves) {
                if below.insert(lower.clone()) {
                    next.push(lower.clone());
                }
            }
        }
        for device in devices {
            device.live = if medium.contains(&device.name) {
                Some(LiveUse::Medium)
            } else if below.contains(&device.name) {
                Some(LiveUse::Ancestor)
            } else {
                None
            };
        }
    }
}

/// Fills in mounts and swap.
pub(crate) fn mark_uses(root: &Root, devices: &mut [Device]) {
    let mounts = mounts::parse(&root.text("/proc/self/mountinfo"));
    let swaps = mounts::swaps(&root.text("/proc/swaps"));
    for device in devices {
        device.uses = mounts
            .iter()
            // btrfs shows a number of its own, so the source counts too.
            .filter(|mount| mount.devnum == device.devnum || mount.source == device.node)
            .map(|mount| Use::Mounted {
                target: mount.target.to_string_lossy().into_owned(),
                read_only: mount.read_only,
            })
            .chain(
                swaps
                    .iter()
                    .filter(|node| *node == Path::new(&device.node))
                    .map(|_| Use::Swap),
            )
            .collect();
    }
}
