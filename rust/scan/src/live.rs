//! What the running system itself uses.

use crate::root::Root;
use asl_facts::{Device, DeviceKind, LiveUse, Use};
use std::collections::BTreeSet;

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
    let mounts = root.text("/proc/self/mountinfo");
    let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
    let swaps = root.text("/proc/swaps");
    let swaps: Vec<String> = swaps
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next().map(unescape))
        .collect();
    for device in devices {
        device.uses = mounts
            .iter()
            // btrfs shows a number of its own, so the source counts too.
            .filter(|mount| mount.devnum == device.devnum || mount.source == device.node)
            .map(|mount| Use::Mounted {
                target: mount.target.clone(),
                read_only: mount.read_only,
            })
            .chain(
                swaps
                    .iter()
                    .filter(|node| **node == device.node)
                    .map(|_| Use::Swap),
            )
            .collect();
    }
}

struct Mount {
    devnum: String,
    source: String,
    target: String,
    /// The file system is, not only this mount of it.
    read_only: bool,
}

impl Mount {
    /// `36 35 98:0 /root /mnt rw,noatime shared:1 - ext3 /dev/root rw`
    fn parse(line: &str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(2);
        let devnum = fields.next()?.to_owned();
        let target = unescape(fields.nth(1)?);
        let mut fields = filesystem.split(' ').skip(1);
        Some(Self {
            devnum,
            source: unescape(fields.next()?),
            target,
            read_only: fields.next()?.split(',').any(|option| option == "ro"),
        })
    }
}

/// Blanks, tabs, newlines and backslashes stand as `\ooo`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = (*first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_gives_number_source_target_and_state() {
        let mount = Mount::parse(
            r"36 35 98:0 / /mnt/my\040disk rw,noatime shared:1 - ext3 /dev/sda1 ro,errors=continue",
        )
        .unwrap();
        assert_eq!(mount.devnum, "98:0");
        assert_eq!(mount.source, "/dev/sda1");
        assert_eq!(mount.target, "/mnt/my disk");
        assert!(mount.read_only);
    }

    #[test]
    fn a_lone_backslash_stays() {
        assert_eq!(unescape(r"a\b\04"), r"a\b\04");
    }
}
