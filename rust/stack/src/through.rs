//! Layer by layer: what a view holds may be a member of the next.

use crate::build::{Virtual, build};
use crate::node::Node;
use crate::refusal::Refusal;
use asl_facts::{Device, DeviceKind, Identity, Pool, Probe, Text, Virtuals};
use std::collections::{BTreeMap, BTreeSet};

/// Layers that are followed. An image file takes four with partition, array
/// and volume under a file system, a guest's disk in that volume two more.
pub const MAX_DEPTH: usize = 8;
/// Views of one scan. A group of a large host has some hundred volumes; a
/// forged text may list a hundred thousand.
pub const MAX_VIRTUALS: usize = 1024;
/// Rounds: at each depth the views that are whole, then those that are not.
const MAX_ROUNDS: usize = 2 * MAX_DEPTH;

/// Reads what `devices` make up together, what that makes up in turn, and so
/// on. `open` gives what a device is read by, `read` reads some views at once:
/// their names and nodes in, what was found by name out.
///
/// The signatures of `devices` have their standing.
#[must_use]
pub fn see_through(
    devices: &[Device],
    open: &dyn Fn(&Device) -> Option<Node>,
    read: &mut dyn FnMut(Vec<(String, Node)>) -> BTreeMap<String, Probe>,
) -> Through {
    let mut seen = Seen {
        all: devices.to_vec(),
        real: devices.len(),
        ..Seen::default()
    };
    let mut pools = asl_topology::pools(&seen.all);
    // A member may still turn up in another layer. An array or a group that
    // lacks some is read only when nothing else is left to look at.
    let mut patient = true;
    for _ in 0..MAX_ROUNDS {
        let new = seen.next(&pools, open, patient);
        if new.is_empty() && !patient {
            break;
        }
        patient = !new.is_empty();
        if new.is_empty() {
            continue;
        }
        let mut probes = read(nodes(&new));
        for (name, view) in new {
            let probe = probes.remove(&name);
            seen.add(
                name,
                view,
                probe.unwrap_or_else(|| Probe::skipped("not-read")),
            );
        }
        pools = asl_topology::pools(&seen.all);
    }
    seen.refuse(&pools, open);
    let devices = seen.all.split_off(seen.real);
    let is_virtual = |pool: &Pool| {
        let mut members = pool.members.iter();
        members.any(|member| devices.iter().any(|device| device.name == member.device))
    };
    let pools = pools.into_iter().filter(is_virtual).collect();
    Through {
        virtuals: Virtuals { devices, pools },
        nodes: seen.nodes,
    }
}

/// What was seen through.
pub struct Through {
    /// The views and what they make up.
    pub virtuals: Virtuals,
    /// What each view that was read is read by, by its name.
    pub nodes: BTreeMap<String, Node>,
}

fn nodes(views: &[(String, Virtual)]) -> Vec<(String, Node)> {
    let node = |(name, view): &(String, Virtual)| {
        let node = view.node.as_ref().ok()?;
        Some((name.clone(), node.clone()))
    };
    views.iter().filter_map(node).collect()
}

/// Names that several views have, as volumes of two groups of one name do.
fn twins(views: &[Virtual]) -> BTreeSet<String> {
    let mut ids = BTreeMap::new();
    for view in views {
        let ids: &mut BTreeSet<&str> = ids.entry(&view.name).or_default();
        ids.insert(&view.id);
    }
    let several = ids.into_iter().filter(|(_, ids)| ids.len() > 1);
    several.map(|(name, _)| name.clone()).collect()
}

#[derive(Default)]
struct Seen {
    /// Real devices, then views.
    all: Vec<Device>,
    /// Number of the real ones.
    real: usize,
    nodes: BTreeMap<String, Node>,
    /// Layers below each view, itself among them.
    depths: BTreeMap<String, usize>,
    /// Layer and id of what was taken.
    taken: BTreeSet<(crate::Layer, String, Vec<String>)>,
}

impl Seen {
    /// Views that can be read and were not.
    fn next(
        &self,
        pools: &[Pool],
        open: &dyn Fn(&Device) -> Option<Node>,
        patient: bool,
    ) -> Vec<(String, Virtual)> {
        let mut new: Vec<(String, Virtual)> = Vec::new();
        let room = MAX_VIRTUALS.saturating_sub(self.nodes.len());
        let views = self.build(pools, open);
        let twins = twins(&views);
        for view in views {
            let waits = patient && view.degraded;
            if view.node.is_err()
                || waits
                || self.depth(&view) > MAX_DEPTH
                || self.taken.contains(&key(&view))
                || new.len() >= room
            {
                continue;
            }
            if let Some(name) = self.free_name(&view, &twins, &new) {
                new.push((name, view));
            }
        }
        new
    }

    fn build(&self, pools: &[Pool], open: &dyn Fn(&Device) -> Option<Node>) -> Vec<Virtual> {
        build(
            &self.all,
            pools,
            &|device| match self.nodes.get(&device.name) {
                Some(node) => Some(node.clone()),
                None => open(device),
            },
        )
    }

    fn depth(&self, view: &Virtual) -> usize {
        let depths = view.stack.iter().filter_map(|name| self.depths.get(name));
        depths.max().copied().unwrap_or(0).saturating_add(1)
    }

    /// Its own, or with its id where another has that or may be meant.
    fn free_name(
        &self,
        view: &Virtual,
        twins: &BTreeSet<String>,
        new: &[(String, Virtual)],
    ) -> Option<String> {
        let is_free = |name: &String| {
            let in_use = self.all.iter().any(|device| device.name == *name);
            !in_use && !new.iter().any(|(other, _)| other == name)
        };
        let with_id = format!("{} ({})", view.name, view.id);
        let own = (!twins.contains(&view.name)).then(|| view.name.clone());
        own.into_iter().chain([with_id]).find(is_free)
    }

    fn add(&mut self, name: String, view: Virtual, probe: Probe) {
        self.taken.insert(key(&view));
        self.depths.insert(name.clone(), self.depth(&view));
        if let Ok(node) = &view.node {
            self.nodes.insert(name.clone(), node.clone());
        }
        let mut device = self.device(name, &view, probe);
        // Partitions of a view are views themselves; where they are, its own
        // table says.
        asl_topology::rank(std::slice::from_mut(&mut device));
        self.all.push(device);
    }

    /// What could not be read, and why. What was read before is not listed
    /// again, although a twin behind another layer may have turned up since.
    fn refuse(&mut self, pools: &[Pool], open: &dyn Fn(&Device) -> Option<Node>) {
        let mut refused = Vec::new();
        let views = self.build(pools, open);
        let twins = twins(&views);
        for view in views {
            if self.taken.contains(&key(&view)) {
                continue;
            }
            let why = match &view.node {
                Err(refusal) => refusal.clone(),
                Ok(_) if self.depth(&view) > MAX_DEPTH => Refusal::TooDeep(MAX_DEPTH),
                Ok(_) => Refusal::TooMany(MAX_VIRTUALS),
            };
            if refused.len() >= MAX_VIRTUALS {
                break;
            }
            if let Some(name) = self.free_name(&view, &twins, &refused) {
                let mut view = view;
                view.node = Err(why);
                refused.push((name, view));
            }
        }
        for (name, view) in refused {
            let why = view.node.as_ref().err().map(ToString::to_string);
            let probe = Probe::skipped(why.unwrap_or_default());
            let device = self.device(name, &view, probe);
            self.all.push(device);
        }
    }

    fn device(&self, name: String, view: &Virtual, probe: Probe) -> Device {
        let below = view.stack.iter();
        let below = below.filter_map(|name| self.all.iter().find(|device| device.name == *name));
        let sector_size = below.map(|device| device.sector_size).max();
        let is_partition = view.partition.is_some();
        Device {
            node: String::new(),
            sector_size: sector_size.unwrap_or(512),
            read_only: true,
            parent: view.stack.first().filter(|_| is_partition).cloned(),
            slaves: view.stack.clone(),
            partition: view.partition.clone(),
            identity: Identity {
                wwid: Some(Text::from(view.id.as_str())),
                ..Identity::default()
            },
            probe,
            ..Device::new(name, DeviceKind::Virtual, view.size)
        }
    }
}

/// Twins of a disk have partitions of the same id.
fn key(view: &Virtual) -> (crate::Layer, String, Vec<String>) {
    let stack = match view.layer {
        crate::Layer::Partition => view.stack.clone(),
        _ => Vec::new(),
    };
    (view.layer, view.id.clone(), stack)
}
