//! What stands on what: a candidate's layers down to real devices.
//!
//! The facts tell layers twice: as devices that the system has, and as views
//! through members of what it has not activated. Here both are one graph.

use asl_facts::{Device, DeviceKind, Facts, Format, LogicalVolume, MemberStanding, Pool};
use std::collections::BTreeMap;

/// What makes a device of those below it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layer<'a> {
    /// The kernel has it.
    Real,
    /// A partition that the kernel does not show.
    Window { on: &'a Device, start: u64 },
    /// An array.
    Array(&'a Pool),
    /// A volume of a group.
    Volume(&'a Pool, &'a LogicalVolume),
    /// What nobody here can bring up.
    Other(Option<&'a Pool>),
}

impl<'a> Layer<'a> {
    /// The array, group or pool that it is of.
    pub(crate) fn pool(self) -> Option<&'a Pool> {
        match self {
            Layer::Array(pool) | Layer::Volume(pool, _) => Some(pool),
            Layer::Other(pool) => pool,
            Layer::Real | Layer::Window { .. } => None,
        }
    }
}

/// The layer that `device` is.
pub(crate) fn layer<'a>(facts: &'a Facts, view: &'a Device) -> Layer<'a> {
    if view.kind != DeviceKind::Virtual {
        return Layer::Real;
    }
    if let Some(partition) = &view.partition {
        let on = view.parent.as_deref().and_then(|name| facts.find(name));
        return on.map_or(Layer::Other(None), |on| Layer::Window {
            on,
            start: partition.start,
        });
    }
    let Some(id) = view.identity.wwid.as_ref().map(|id| id.0.as_slice()) else {
        return Layer::Other(None);
    };
    for pool in facts.all_pools() {
        let rest = id.strip_prefix(pool.id.as_bytes());
        match (pool.format, rest) {
            (Format::Md, Some([])) => return Layer::Array(pool),
            (Format::Lvm2, Some([b'/', volume @ ..])) => {
                let known = volumes(facts, pool).find(|known| known.id.as_bytes() == volume);
                return known.map_or(Layer::Other(Some(pool)), |known| Layer::Volume(pool, known));
            }
            (_, Some([])) => return Layer::Other(Some(pool)),
            _ => {}
        }
    }
    Layer::Other(None)
}

/// The logical volumes of a group, by the metadata that counts.
fn volumes<'a>(facts: &'a Facts, pool: &'a Pool) -> impl Iterator<Item = &'a LogicalVolume> {
    let groups = pool.members.iter().flat_map(move |member| {
        let signatures = facts
            .find(&member.device)
            .map(|device| device.probe.signatures())
            .unwrap_or_default();
        signatures
            .iter()
            .filter_map(|signature| match &signature.superblock()?.content {
                asl_facts::Content::PhysicalVolume(volume) => volume.group.as_ref(),
                _ => None,
            })
    });
    groups
        .filter(|group| group.id == pool.id && group.seqno == pool.generation)
        .take(1)
        .flat_map(|group| &group.logical)
}

/// All that a candidate stands on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stack<'a> {
    /// Devices and views, each before what it stands on.
    pub(crate) devices: Vec<&'a Device>,
    /// Arrays and groups among them.
    pub(crate) pools: Vec<&'a Pool>,
    /// Devices that the system has and that are used directly.
    pub(crate) leaves: Vec<&'a Device>,
}

/// The stack of a candidate on `tops`, itself `pool` where it is one.
pub(crate) fn stack<'a>(
    facts: &'a Facts,
    tops: &[&'a Device],
    pool: Option<&'a Pool>,
) -> Stack<'a> {
    let mut stack = Stack::default();
    stack.pools.extend(pool);
    let mut todo: Vec<&Device> = tops.to_vec();
    // Each enters once, so a circle ends.
    while let Some(one) = todo.pop() {
        if stack.devices.iter().any(|known| known.name == one.name) {
            continue;
        }
        stack.devices.push(one);
        let layer = layer(facts, one);
        if matches!(layer, Layer::Real) {
            stack.leaves.push(one);
            continue;
        }
        if let Some(pool) = layer
            .pool()
            .filter(|pool| !stack.pools.iter().any(|known| known.id == pool.id))
        {
            stack.pools.push(pool);
        }
        todo.extend(one.slaves.iter().filter_map(|name| facts.find(name)));
    }
    stack.leaves.sort_by(|a, b| a.name.cmp(&b.name));
    stack
}

/// Devices and views of the members that have the current data.
pub(crate) fn current<'a>(facts: &'a Facts, pool: &'a Pool) -> Vec<&'a Device> {
    let members = pool.members.iter();
    let current = members.filter(|member| member.standing == MemberStanding::Current);
    current
        .filter_map(|member| facts.find(&member.device))
        .collect()
}

/// A device and everything that is made of it or of its disk.
pub(crate) fn holders<'a>(facts: &'a Facts, start: &'a Device) -> Vec<&'a Device> {
    facts.reach(start, |device| {
        let disk = facts.disk_of(device);
        device.holders.iter().chain(&disk.holders).collect()
    })
}

/// The whole disks that carry `leaves`, by name.
pub(crate) fn disks<'a>(facts: &'a Facts, leaves: &[&'a Device]) -> Vec<&'a Device> {
    let mut disks: BTreeMap<&str, &Device> = BTreeMap::new();
    for leaf in leaves {
        for below in facts.below(leaf) {
            if below.parent.is_none() && below.slaves.is_empty() {
                disks.insert(&below.name, below);
            }
        }
    }
    disks.into_values().collect()
}

/// The same place on the other paths to its disk: whole disks with one
/// world-wide id, and their partitions. None where the disk has no such id.
pub(crate) fn other_paths<'a>(
    facts: &'a Facts,
    device: &'a Device,
) -> impl Iterator<Item = &'a Device> {
    let start = |device: &Device| device.partition.as_ref().map(|partition| partition.start);
    let disk = facts.disk_of(device);
    let wwid = disk.identity.wwid.as_ref();
    let physical =
        |device: &Device| matches!(device.kind, DeviceKind::Disk | DeviceKind::Partition);
    facts.devices.iter().filter(move |other| {
        wwid.is_some()
            && physical(device)
            && other.kind == device.kind
            && other.identity.wwid.as_ref() == wwid
            && facts.disk_of(other).name != disk.name
            && other.size == device.size
            && start(other) == start(device)
    })
}
