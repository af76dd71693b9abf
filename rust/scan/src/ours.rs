//! Nodes that this session's own activation made.
//!
//! The choice between stores is made as if none of them were there: a node of
//! ours is its origin, never a second candidate. So they, and the partitions
//! that the kernel shows of them, are in no list, and what somebody else put
//! on top of one stands on what ours stands on: it still shows as a user of
//! that.

use crate::ScanError;
use crate::root::Root;
use crate::sysfs;
use asl_facts::Device;
use std::collections::BTreeSet;

/// Most nodes of ours between two others; sysfs has no cycle, a forged one in
/// a test must still end.
const MAX_DEPTH: u32 = 16;

/// What a scan sees of sysfs.
pub(crate) struct Sight<'a> {
    root: &'a Root,
    /// Kernel names of our nodes.
    ours: &'a [String],
}

/// Up or down the stack.
#[derive(Clone, Copy)]
enum Way {
    Slaves,
    Holders,
}

impl<'a> Sight<'a> {
    pub(crate) fn new(root: &'a Root, ours: &'a [String]) -> Self {
        Self { root, ours }
    }

    /// Kernel names of all block devices but ours, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, ScanError> {
        let mut names = sysfs::names(self.root)?;
        names.retain(|name| !self.is_ours(name));
        Ok(names)
    }

    /// One device without what only reading it tells; none if it is gone.
    pub(crate) fn device(&self, name: &str) -> Option<Device> {
        let mut device = sysfs::device(self.root, name)?;
        device.slaves = self.beyond(&device.slaves, Way::Slaves);
        device.holders = self.beyond(&device.holders, Way::Holders);
        Some(device)
    }

    fn is_ours(&self, name: &str) -> bool {
        let is_listed = |name: &String| self.ours.contains(name);
        !self.ours.is_empty()
            && (is_listed(&name.to_owned())
                || sysfs::disk_of(self.root, name).is_some_and(|disk| is_listed(&disk)))
    }

    /// `names`, with what is beyond ours in the place of ours.
    fn beyond(&self, names: &[String], way: Way) -> Vec<String> {
        if !names.iter().any(|name| self.is_ours(name)) {
            return names.to_vec();
        }
        let mut to = BTreeSet::new();
        self.collect(names, way, MAX_DEPTH, &mut to);
        to.into_iter().collect()
    }

    fn collect(&self, names: &[String], way: Way, depth: u32, to: &mut BTreeSet<String>) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        for name in names {
            if self.is_ours(name) {
                self.collect(&self.next(name, way), way, depth, to);
            } else {
                to.insert(name.clone());
            }
        }
    }

    /// What a node of ours stands on, or what stands on it: a partition on
    /// its disk, and on a disk what stands on its partitions too.
    fn next(&self, name: &str, way: Way) -> Vec<String> {
        let Some(device) = sysfs::device(self.root, name) else {
            return Vec::new();
        };
        match way {
            Way::Slaves => device.slaves.into_iter().chain(device.parent).collect(),
            Way::Holders => {
                let partitions = sysfs::partitions_of(self.root, name);
                device.holders.into_iter().chain(partitions).collect()
            }
        }
    }
}
