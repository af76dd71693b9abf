//! One value of every label changed under a checksum that is right: one rule.

use super::labels::{self, LISTS, Order, set, write};
use super::{damage, found, image, vdev};
use crate::harness::{Image, probe};
use asl_facts::PoolState;
use asl_probe::{Decoded, rows};

/// One value of every label changed, and the checksums made good again.
fn with(name: &str, change: impl Fn(&mut Vec<u8>)) -> Image {
    let mut image = image(name);
    for label in 0..4 {
        let mut list = labels::list(&image, label);
        change(&mut list);
        write(&mut image, label, list, Order::Little);
    }
    image
}

#[test]
fn one_wrong_value_breaks_one_rule() {
    let rule =
        |key: &'static str, value: u64| damage(&with("one", |list| set(list, key, value))).rule;
    assert_eq!(rule("version", 0), "version");
    assert_eq!(rule("guid", 0), "guid");
    assert_eq!(rule("guid", 1), "leaf");
    assert_eq!(rule("pool_guid", 0), "pool_guid");
    assert_eq!(rule("top_guid", 0), "top_guid");
    assert_eq!(rule("top_guid", 1), "top_guid");
    assert_eq!(rule("ashift", 8), "ashift");
    assert_eq!(rule("ashift", 17), "ashift");
    assert_eq!(rule("asize", 1 << 40), "size");

    // A name that nobody asks for is one that is missing.
    let missing = |key: &'static str| damage(&with("one", |list| labels::rename(list, key))).rule;
    for key in [
        "version",
        "state",
        "txg",
        "pool_guid",
        "top_guid",
        "guid",
        "name",
        "vdev_tree",
        "type",
    ] {
        assert_eq!(missing(key), key);
    }

    let broken = |at: usize, byte: u8| damage(&with("one", |list| list[at] = byte)).rule;
    assert_eq!(broken(12, 0x7f), "nvpair-size");
    assert_eq!(broken(20, 0x7f), "nvlist-bounds");
    assert_eq!(broken(39, 2), "nvpair-elements");
}

/// Every byte of a list changed under a right checksum: an answer, and never
/// a panic.
#[test]
fn no_value_of_any_byte_makes_it_panic() {
    let row = rows().find(|row| row.name == "zfs").unwrap();
    let good = labels::list(&image("sick0"), 0);
    let used = good[..good.len() - 40]
        .iter()
        .rposition(|byte| *byte != 0)
        .unwrap();
    for at in 0..used + 8 {
        for change in [0x01, 0xff] {
            let mut list = good.clone();
            list[at] ^= change;
            labels::seal(&mut list, LISTS[0], Order::Little);
            let decoded = row.judge(&list, LISTS[0]);
            // The one byte of the header with two values: the writer's order.
            if (at, change) == (1, 0x01) {
                continue;
            }
            assert_eq!(
                decoded == Decoded::Absent,
                at < 12,
                "byte {at}: {decoded:?}"
            );
        }
    }
}

#[test]
fn a_device_that_is_being_filled_is_told() {
    let filling = with("sick0", |list| {
        labels::rename_all(list, "create_txg", "resilver_txg")
    });
    let parts = |image: Image| -> Vec<bool> {
        let vdev = vdev(&found(&image).1).clone();
        vdev.tree
            .unwrap()
            .children
            .iter()
            .map(|leaf| leaf.resilvering)
            .collect()
    };
    assert_eq!(parts(filling), [true; 3]);
    assert_eq!(parts(image("sick0")), [false; 3]);
}

#[test]
fn a_checksum_without_its_magic_is_damage() {
    let mut one = image("one");
    for list in LISTS {
        one.patch(list + 114_648, &[0; 8]);
    }
    assert_eq!(damage(&one).rule, "checksum-magic");
}

#[test]
fn a_list_of_names_that_is_no_label_is_absent() {
    let mut one = image("one");
    for list in LISTS {
        one.patch(list + 24, b"q");
        one.patch(list + 114_648, &[0; 8]);
    }
    assert_eq!(probe(&one), []);
}

#[test]
fn what_a_reader_does_not_know_is_named() {
    let unknown = |image: Image| found(&image).1.unknown_features;
    assert_eq!(
        unknown(with("one", |list| set(list, "version", 28))),
        [""; 0]
    );
    assert_eq!(
        unknown(with("one", |list| set(list, "version", 29))),
        ["version 29"]
    );
    let feature = |list: &mut Vec<u8>| labels::rename(list, "com.delphix:hole_birth");
    assert_eq!(unknown(with("one", feature)), ["com.delphix:hole_birti"]);
    let state = found(&with("one", |list| set(list, "state", 7))).1;
    assert_eq!(vdev(&state).state, PoolState::Other);
}
