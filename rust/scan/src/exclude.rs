//! Devices that the configuration says to leave alone.

use crate::root::Root;
use crate::sysfs;
use asl_facts::Device;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Most levels between a node and the disk below it; sysfs has no cycle, a
/// forged one in a test must still end.
const MAX_DEPTH: u32 = 16;

/// Kernel names of the excluded devices and of all that stands on them:
/// reading an array reads its members.
pub(crate) struct Excluded {
    names: BTreeSet<String>,
}

impl Excluded {
    /// Judges `names` and everything below them.
    pub(crate) fn of(root: &Root, list: &[String], names: &[String]) -> Self {
        let mut excluded = BTreeSet::new();
        if !list.is_empty() {
            let entries = Entries::of(root, list);
            for name in names {
                if entries.covers(root, name, MAX_DEPTH) {
                    excluded.insert(name.clone());
                }
            }
        }
        Self { names: excluded }
    }

    pub(crate) fn covers(&self, device: &Device) -> bool {
        self.names.contains(&device.name)
    }
}

struct Entries<'a> {
    list: &'a [String],
    /// The nodes that the paths among them lead to.
    nodes: Vec<PathBuf>,
}

impl<'a> Entries<'a> {
    fn of(root: &Root, list: &'a [String]) -> Self {
        Self {
            list,
            nodes: list
                .iter()
                .filter(|entry| entry.starts_with('/'))
                .filter_map(|entry| fs::canonicalize(root.join(entry)).ok())
                .collect(),
        }
    }

    fn covers(&self, root: &Root, name: &str, depth: u32) -> bool {
        let Some(device) = sysfs::device(root, name) else {
            return false;
        };
        self.names(root, &device)
            || depth.checked_sub(1).is_some_and(|depth| {
                device
                    .parent
                    .iter()
                    .chain(&device.slaves)
                    .any(|below| self.covers(root, below, depth))
            })
    }

    fn names(&self, root: &Root, device: &Device) -> bool {
        let texts = [&device.identity.serial, &device.identity.wwid];
        let node = fs::canonicalize(root.join(&device.node));
        self.list.iter().any(|entry| {
            *entry == device.node
                || texts
                    .iter()
                    .any(|text| text.as_ref().is_some_and(|text| text.0 == entry.as_bytes()))
        }) || node.is_ok_and(|node| self.nodes.contains(&node))
    }
}
