//! ZFS pools.

use super::{Piece, mark_duplicates, mark_stale};
use asl_facts::{
    Content, Format, Health, MemberStanding, Pool, PoolFlag, PoolState, Vdev, VdevNode,
};
use std::collections::BTreeMap;

pub(super) fn pool(id: String, pieces: &[Piece<'_>]) -> Option<Pool> {
    let members: Vec<(&Piece<'_>, &Vdev)> = pieces
        .iter()
        .filter_map(|piece| match &piece.superblock.content {
            Content::Vdev(vdev) => Some((piece, vdev)),
            _ => None,
        })
        .collect();
    let newest = members
        .iter()
        .map(|(_, vdev)| *vdev)
        .filter(|vdev| vdev.state != PoolState::Removed)
        .max_by_key(|vdev| (vdev.txg, vdev.label_txg))?;
    let mut pool = Pool::new(Format::Zfs, id);
    pool.name.clone_from(&newest.name);
    pool.generation = newest.txg;
    pool.host = newest.host.as_ref().map(|(_, name)| name.clone());
    pool.members = members
        .iter()
        .map(|(piece, vdev)| piece.member(vdev.guid, vdev.txg, standing(vdev, newest)))
        .collect();
    mark_duplicates(&mut pool);
    mark_stale(&mut pool);
    pool.flags.extend(match newest.state {
        PoolState::Exported => Some(PoolFlag::Exported),
        PoolState::Destroyed => Some(PoolFlag::Destroyed),
        PoolState::Active => Some(PoolFlag::NotExported),
        PoolState::Spare | PoolState::L2cache | PoolState::Removed | PoolState::Other => None,
    });
    if newest.multihost && newest.state == PoolState::Active {
        pool.flags.push(PoolFlag::ForeignLive);
    }

    let here = |guid: u64| {
        members
            .iter()
            .any(|(_, vdev)| vdev.guid == guid && standing(vdev, newest) == MemberStanding::Current)
    };
    // A device knows its own top-level device only; of those that nobody
    // here belongs to, only their number is known. The newest label of each
    // counts.
    let mut tops: BTreeMap<u64, (u64, &VdevNode)> = BTreeMap::new();
    for (_, vdev) in &members {
        let Some(tree) = vdev
            .tree
            .as_ref()
            .filter(|_| vdev.state != PoolState::Removed)
        else {
            continue;
        };
        let known = tops.entry(tree.id).or_insert((vdev.label_txg, tree));
        if vdev.label_txg > known.0 {
            *known = (vdev.label_txg, tree);
        }
    }
    let mut worst = Health::Complete;
    let mut leaves = 0_u64;
    for (_, tree) in tops.values() {
        worst = worst.max(health(tree, &here, &mut pool.missing, &mut leaves));
    }
    // One whose data was moved elsewhere leaves no trace in the labels.
    let evacuated = newest
        .features_for_read
        .iter()
        .any(|feature| feature == "com.delphix:device_removal");
    for top in 0..newest.tops {
        if !tops.contains_key(&top) && !newest.holes.contains(&top) {
            pool.missing.push(format!("top-level device {top}"));
            let here = if evacuated {
                Health::Unknown
            } else {
                Health::Incomplete
            };
            worst = worst.max(here);
        }
        // A forged label may claim 2^64 of them.
        if pool.missing.len() > MAX_NAMED {
            break;
        }
    }
    pool.expected = leaves;
    pool.level = tops.values().next().map(|(_, tree)| tree.kind.clone());
    pool.health = worst;
    Some(pool)
}

/// Most missing parts that are named.
const MAX_NAMED: usize = 64;

fn standing(vdev: &Vdev, newest: &Vdev) -> MemberStanding {
    match vdev.state {
        PoolState::Spare | PoolState::L2cache => MemberStanding::Spare,
        PoolState::Removed => MemberStanding::Faulty,
        // Not every device carries uberblocks: one without any says nothing.
        _ if vdev.txg != 0 && vdev.txg < newest.txg => MemberStanding::Stale,
        _ => MemberStanding::Current,
    }
}

fn health(
    node: &VdevNode,
    here: &impl Fn(u64) -> bool,
    missing: &mut Vec<String>,
    leaves: &mut u64,
) -> Health {
    // It does not hold all of its data yet.
    if node.resilvering {
        missing.push(format!("{} is being filled", node.guid));
        *leaves = leaves.saturating_add(1);
        return Health::Incomplete;
    }
    if node.children.is_empty() {
        // A hole was removed on purpose and needs nothing.
        if matches!(node.kind.as_str(), "hole" | "indirect") {
            return Health::Complete;
        }
        *leaves = leaves.saturating_add(1);
        if here(node.guid) {
            return Health::Complete;
        }
        missing.push(match &node.path {
            Some(path) => format!("{} ({})", node.guid, path.printable()),
            None => node.guid.to_string(),
        });
        return Health::Incomplete;
    }
    let parts: Vec<Health> = node
        .children
        .iter()
        .map(|child| health(child, here, missing, leaves))
        .collect();
    let gone = parts
        .iter()
        .filter(|part| **part == Health::Incomplete)
        .count();
    let spare = match node.kind.as_str() {
        "mirror" | "replacing" | "spare" => parts.len().saturating_sub(1),
        "raidz" | "draid" => usize::try_from(node.nparity).unwrap_or(0),
        _ => 0,
    };
    if gone > spare {
        Health::Incomplete
    } else if gone > 0 || parts.contains(&Health::Degraded) {
        Health::Degraded
    } else {
        Health::Complete
    }
}
