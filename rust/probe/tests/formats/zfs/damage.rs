//! Labels and uberblocks that are damaged, missing, of different age, or of
//! another pool.

use super::labels::{self, LISTS, Order, RINGS, set, write};
use super::{damage, damages, found, image, vdev};
use crate::harness::probe;
use asl_facts::PoolState;

/// Slot of the newest uberblock of `one`, txg 17; slot 4 has the other.
const NEWEST: u64 = 17 * 1024;

#[test]
fn each_label_damaged_in_turn_leaves_the_others() {
    for (label, list) in LISTS.iter().enumerate() {
        let mut one = image("one");
        one.patch(list + 4096, b"x");
        let (at, superblock) = found(&one);
        assert_eq!(at, LISTS[usize::from(label == 0)]);
        // The damage is at the checksum, and is told once.
        assert_eq!(damages(&superblock), [(list + 114_656, "checksum")]);
        let others: Vec<u64> = LISTS
            .iter()
            .filter(|other| *other != list)
            .map(|at| at - 16384)
            .collect();
        assert_eq!(vdev(&superblock).labels, others);

        one.patches.clear();
        one.patch(*list, &[0; 4096]);
        let (at, superblock) = found(&one);
        // Where the first is gone without a trace the last stands in.
        assert_eq!(at, if label == 0 { LISTS[3] } else { LISTS[0] });
        assert_eq!(damages(&superblock), [(*list, "magic")]);
        assert_eq!(vdev(&superblock).txg, 17);
    }
}

#[test]
fn only_the_tail_is_left() {
    let mut one = image("one");
    one.patch(0, &[0; 512 * 1024]);
    let (at, superblock) = found(&one);
    assert_eq!(at, LISTS[3]);
    assert_eq!(
        vdev(&superblock).labels,
        [LISTS[2] - 16384, LISTS[3] - 16384]
    );
    assert_eq!(
        damages(&superblock),
        [(LISTS[0], "magic"), (LISTS[1], "magic")]
    );
    assert_eq!(superblock.label.unwrap().printable(), "one");
    assert_eq!(vdev(&found(&image("one")).1).txg, 17);
}

#[test]
fn with_no_valid_label_the_first_is_damaged() {
    let mut one = image("one");
    for list in LISTS {
        one.patch(list + 4096, b"x");
    }
    let damage = damage(&one);
    assert_eq!(
        (damage.rule.as_str(), damage.offset),
        ("checksum", LISTS[0] + 114_656)
    );
    assert_eq!(damage.seen.split(':').count(), 4);
}

#[test]
fn a_label_that_cannot_be_read_is_named() {
    let mut one = image("one");
    one.bad = Some(LISTS[2]..LISTS[2] + 512);
    let (at, superblock) = found(&one);
    assert_eq!((at, vdev(&superblock).labels.len()), (LISTS[0], 3));
    assert_eq!(damages(&superblock), [(LISTS[2], "unreadable")]);
    // The sector with the newest uberblock of label 2 hides that one only.
    one.bad = Some(RINGS[2] + NEWEST..RINGS[2] + NEWEST + 512);
    let (_, superblock) = found(&one);
    assert_eq!((damages(&superblock), vdev(&superblock).txg), (vec![], 17));
}

#[test]
fn the_newest_uberblock_that_is_valid_counts() {
    let newest = |ring: u64| ring + NEWEST;
    let mut one = image("one");
    one.patch(newest(RINGS[0]) + 600, b"x");
    let (_, superblock) = found(&one);
    // Three more have it, and the damaged one is not read before them.
    assert_eq!(vdev(&superblock).txg, 17);
    for ring in RINGS {
        one.patch(newest(ring) + 600, b"x");
    }
    let (_, superblock) = found(&one);
    assert_eq!(vdev(&superblock).txg, 4);
    assert_eq!(
        damages(&superblock),
        RINGS.map(|ring| (newest(ring), "uberblock"))
    );
}

#[test]
fn a_wiped_device_whose_uberblocks_remain_is_no_member() {
    let mut one = image("one");
    for list in LISTS {
        one.patch(list, &[0; 112 * 1024]);
    }
    assert_eq!(probe(&one), []);
}

/// A change is written to labels 0 and 2, then to an uberblock, then to labels
/// 1 and 3.
#[test]
fn a_label_newer_than_the_newest_uberblock_is_not_believed() {
    let mut one = image("one");
    for label in [0, 2] {
        let mut list = labels::list(&one, label);
        set(&mut list, "txg", 18);
        set(&mut list, "state", 0);
        write(&mut one, label, list, Order::Little);
    }
    let (_, superblock) = found(&one);
    let vdev = vdev(&superblock);
    assert_eq!(
        (vdev.label_txg, vdev.txg, vdev.state),
        (17, 17, PoolState::Exported)
    );
    assert_eq!((vdev.labels.len(), damages(&superblock)), (4, vec![]));

    // Label 1 newer and committed: it is, with label 0 still of old.
    let mut one = image("one");
    for label in [0, 2] {
        let mut list = labels::list(&one, label);
        set(&mut list, "txg", 9);
        set(&mut list, "state", 0);
        write(&mut one, label, list, Order::Little);
    }
    let (_, superblock) = found(&one);
    assert_eq!(self::vdev(&superblock).label_txg, 17);
}

#[test]
fn labels_of_an_earlier_pool_are_no_copies() {
    let mut one = image("one");
    for label in [2, 3] {
        let mut list = labels::list(&one, label);
        set(&mut list, "pool_guid", 4711);
        write(&mut one, label, list, Order::Little);
        // Its uberblocks would pass for newer ones.
        let mut slot = one.bytes(RINGS[label] + NEWEST, 1024);
        slot[16] = 99;
        labels::write_slot(&mut one, RINGS[label] + NEWEST, slot, Order::Little);
    }
    let (_, superblock) = found(&one);
    assert_eq!(
        damages(&superblock),
        [(LISTS[2], "other-device"), (LISTS[3], "other-device")]
    );
    assert_eq!(
        (vdev(&superblock).labels.len(), vdev(&superblock).txg),
        (2, 17)
    );
}
