//! What is set read-only before anything is done.

use crate::action::{Action, Role};
use asl_facts::{Device, Facts, Use};
use std::collections::BTreeSet;

/// Names of the devices with these nodes and of what carries them.
pub(crate) fn with_carriers<'a>(facts: &'a Facts, nodes: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::new();
    let named = facts.devices.iter();
    let mut todo: Vec<_> = named
        .filter(|device| nodes.contains(&device.node))
        .collect();
    while let Some(device) = todo.pop() {
        if all.insert(device.name.as_str()) {
            todo.extend(carriers(facts, device));
        }
    }
    all
}

fn carriers<'a>(facts: &'a Facts, device: &'a Device) -> impl Iterator<Item = &'a Device> {
    let below = device.parent.iter().chain(&device.slaves);
    below.filter_map(|name| facts.device(name))
}

/// The node and what carries it, the node first: the kernel shows a partition
/// of a read-only disk as read-only, so its own flag must be read before.
/// `writable` is written to by consent.
pub(crate) fn read_only(
    facts: &Facts,
    store: &Device,
    writable: &BTreeSet<&str>,
    actions: &mut Vec<Action>,
) {
    let mut todo = vec![(store, Role::Store)];
    // A loop in the facts must end.
    let mut visited: Vec<&str> = Vec::new();
    while let Some((device, role)) = todo.pop() {
        if visited.contains(&device.name.as_str()) {
            continue;
        }
        visited.push(&device.name);
        let spared = writable.contains(device.name.as_str())
            || (role == Role::Carrier && is_written(facts, device));
        // Two steps may share a disk.
        let there = actions.iter().any(
            |action| matches!(action, Action::SetReadOnly { node, .. } if *node == device.node),
        );
        if !spared && !there {
            actions.push(Action::SetReadOnly {
                node: device.node.clone(),
                devnum: Some(device.devnum.clone()),
                role,
            });
        }
        // Below a spared device too: an array may have other members.
        todo.extend(carriers(facts, device).map(|carrier| (carrier, Role::Carrier)));
    }
}

/// The live system runs from it, or it carries something that is written.
fn is_written(facts: &Facts, device: &Device) -> bool {
    let writes = |used: &Use| match used {
        Use::Mounted { read_only, .. } => !read_only,
        Use::Swap => true,
    };
    if device.live.is_some() || device.uses.iter().any(writes) {
        return true;
    }
    let mut above: Vec<&Device> = vec![device];
    let mut next = 0_usize;
    // Each device enters the list once, so this ends.
    while let Some(carrier) = above.get(next).copied() {
        next = next.saturating_add(1);
        for other in &facts.devices {
            let on_it = other.parent.as_deref() == Some(carrier.name.as_str())
                || other.slaves.contains(&carrier.name);
            if on_it && !above.iter().any(|known| known.name == other.name) {
                if other.live.is_some() || other.uses.iter().any(writes) {
                    return true;
                }
                above.push(other);
            }
        }
    }
    false
}
