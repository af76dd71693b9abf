//! What the labels that are here make up.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use asl_facts::{
    Content, Device, Format, Health, MemberStanding, Pool, PoolFlag, PoolState, Vdev, VdevNode,
};
use common::{MIB, disk, found};

fn node(kind: &str, guid: u64, children: Vec<VdevNode>) -> VdevNode {
    VdevNode {
        kind: kind.to_owned(),
        guid,
        id: 0,
        path: None,
        nparity: 0,
        ashift: 12,
        asize: 90 * MIB,
        log: false,
        impaired: false,
        resilvering: false,
        children,
    }
}

/// Devices numbered from 1.
fn leaves(count: u64) -> Vec<VdevNode> {
    (1..=count)
        .map(|guid| VdevNode {
            path: Some(format!("/dev/sd{guid}").as_str().into()),
            ..node("disk", guid, Vec::new())
        })
        .collect()
}

fn raidz(nparity: u64, disks: u64) -> VdevNode {
    VdevNode {
        nparity,
        ..node("raidz", 100, leaves(disks))
    }
}

/// The device with this id in a pool of one top-level device.
fn vdev(guid: u64, tree: &VdevNode) -> Vdev {
    Vdev {
        pool: Some("77".to_owned()),
        name: Some("tank".into()),
        guid,
        top: tree.guid,
        state: PoolState::Exported,
        txg: 50,
        updated: 0,
        label_txg: 40,
        host: Some((1, "server".into())),
        multihost: false,
        tops: 1,
        holes: Vec::new(),
        tree: Some(tree.clone()),
        features_for_read: Vec::new(),
        labels: Vec::new(),
    }
}

fn device(index: usize, vdev: Vdev) -> Device {
    let content = Content::Vdev(vdev);
    let label = found(Format::Zfs, 16 << 10, "77", 100 * MIB, content);
    disk(&format!("sd{index}"), vec![label])
}

fn pool_of(vdevs: Vec<Vdev>) -> Pool {
    let devices = vdevs.into_iter().enumerate();
    let devices: Vec<Device> = devices.map(|(index, vdev)| device(index, vdev)).collect();
    let mut pools = asl_topology::pools(&devices);
    assert_eq!(pools.len(), 1, "{pools:?}");
    pools.remove(0)
}

fn with(tree: &VdevNode, guids: &[u64]) -> Pool {
    pool_of(guids.iter().map(|guid| vdev(*guid, tree)).collect())
}

fn standings(pool: &Pool) -> Vec<MemberStanding> {
    pool.members.iter().map(|member| member.standing).collect()
}

#[test]
fn each_kind_bears_what_it_bears() {
    let mirror = node("mirror", 100, leaves(3));
    let cases: [(&VdevNode, &[u64], Health); 9] = [
        (&mirror, &[1, 2, 3], Health::Complete),
        (&mirror, &[2], Health::Degraded),
        (&raidz(1, 3), &[1, 2, 3], Health::Complete),
        (&raidz(1, 3), &[1, 3], Health::Degraded),
        (&raidz(1, 3), &[3], Health::Incomplete),
        (&raidz(2, 4), &[1, 4], Health::Degraded),
        (&raidz(2, 4), &[4], Health::Incomplete),
        (&node("disk", 1, Vec::new()), &[1], Health::Complete),
        // A replacement under way in a mirror.
        (&node("replacing", 100, leaves(2)), &[2], Health::Degraded),
    ];
    for (tree, here, expected) in cases {
        let pool = with(tree, here);
        assert_eq!(pool.health, expected, "{} {here:?}", tree.kind);
        let leaves = tree.children.len().max(1);
        assert_eq!(pool.expected, u64::try_from(leaves).unwrap());
        assert_eq!(
            pool.missing.len(),
            leaves - here.len(),
            "{:?}",
            pool.missing
        );
    }
    assert_eq!(with(&mirror, &[1, 3]).missing, ["2 (/dev/sd2)"]);
}

#[test]
fn a_pool_is_named_and_said_to_be_exported_or_not() {
    let tree = node("mirror", 100, leaves(2));
    for (state, multihost, flags) in [
        (PoolState::Exported, false, &[PoolFlag::Exported][..]),
        (PoolState::Exported, true, &[PoolFlag::Exported]),
        (PoolState::Destroyed, false, &[PoolFlag::Destroyed]),
        (PoolState::Active, false, &[PoolFlag::NotExported]),
        (
            PoolState::Active,
            true,
            &[PoolFlag::NotExported, PoolFlag::ForeignLive],
        ),
    ] {
        let one = Vdev {
            state,
            multihost,
            ..vdev(1, &tree)
        };
        let pool = pool_of(vec![one]);
        assert_eq!(pool.flags, flags, "{state:?}");
        assert_eq!(pool.name, Some("tank".into()));
        assert_eq!(pool.host, Some("server".into()));
        assert_eq!(pool.level.as_deref(), Some("mirror"));
        assert_eq!(pool.generation, 50);
    }
}

#[test]
fn a_half_that_fell_behind_counts_as_gone() {
    let tree = node("mirror", 100, leaves(2));
    let behind = Vdev {
        txg: 49,
        ..vdev(2, &tree)
    };
    let pool = pool_of(vec![vdev(1, &tree), behind.clone()]);
    assert_eq!(pool.health, Health::Degraded);
    let expected = [MemberStanding::Current, MemberStanding::Stale];
    assert_eq!(standings(&pool), expected);
    assert!(pool.flags.contains(&PoolFlag::StaleMember));
    // One without uberblocks says nothing of its age.
    let silent = Vdev { txg: 0, ..behind };
    assert_eq!(
        pool_of(vec![vdev(1, &tree), silent]).health,
        Health::Complete
    );
}

#[test]
fn what_is_being_filled_does_not_count() {
    let mut tree = node("mirror", 100, leaves(2));
    tree.children[1].resilvering = true;
    let pool = with(&tree, &[1, 2]);
    assert_eq!(pool.health, Health::Degraded);
    assert_eq!(pool.missing, ["2 is being filled"]);
}

#[test]
fn spares_and_what_was_taken_out_complete_nothing() {
    let tree = node("mirror", 100, leaves(2));
    for (state, standing) in [
        (PoolState::Spare, MemberStanding::Spare),
        (PoolState::L2cache, MemberStanding::Spare),
        (PoolState::Removed, MemberStanding::Faulty),
    ] {
        let other = Vdev {
            state,
            txg: 60,
            ..vdev(2, &tree)
        };
        let newest = Vdev {
            txg: 70,
            ..vdev(1, &tree)
        };
        let pool = pool_of(vec![newest, other]);
        assert_eq!(standings(&pool), [MemberStanding::Current, standing]);
        assert_eq!(pool.health, Health::Degraded, "{state:?}");
    }
    let removed = Vdev {
        state: PoolState::Removed,
        ..vdev(1, &tree)
    };
    let devices = [device(0, removed)];
    assert!(asl_topology::pools(&devices).is_empty());
}

#[test]
fn every_top_level_device_is_needed_but_for_holes() {
    let first = node("mirror", 100, leaves(2));
    let of_two = |holes: Vec<u64>, features: &[&str]| {
        let half = |guid| Vdev {
            tops: 2,
            holes: holes.clone(),
            features_for_read: features.iter().map(|name| (*name).to_owned()).collect(),
            ..vdev(guid, &first)
        };
        pool_of(vec![half(1), half(2)])
    };
    let pool = of_two(Vec::new(), &[]);
    assert_eq!(pool.health, Health::Incomplete);
    assert_eq!(pool.missing, ["top-level device 1"]);
    assert_eq!(of_two(vec![1], &[]).health, Health::Complete);
    // Its data may have been moved to the other: only the pool knows.
    let evacuated = of_two(Vec::new(), &["com.delphix:device_removal"]);
    assert_eq!(evacuated.health, Health::Unknown);
}

#[test]
fn the_newest_label_of_a_top_level_device_counts() {
    let before = node("mirror", 100, leaves(3));
    let now = node("mirror", 100, leaves(2));
    let old = Vdev {
        label_txg: 30,
        ..vdev(1, &before)
    };
    let pool = pool_of(vec![old, vdev(2, &now)]);
    assert_eq!((pool.health, pool.expected), (Health::Complete, 2));
}

#[test]
fn two_copies_of_a_device_are_duplicates() {
    let tree = node("disk", 1, Vec::new());
    let pool = with(&tree, &[1, 1]);
    assert_eq!(standings(&pool), [MemberStanding::Duplicate; 2]);
    assert!(pool.flags.contains(&PoolFlag::Duplicate));
}

#[test]
fn a_forged_count_of_devices_is_judged_at_once() {
    let tree = node("disk", 1, Vec::new());
    let forged = Vdev {
        tops: u64::MAX,
        ..vdev(1, &tree)
    };
    let pool = pool_of(vec![forged]);
    assert_eq!(pool.health, Health::Incomplete);
    assert!(pool.missing.len() < 100);
}
