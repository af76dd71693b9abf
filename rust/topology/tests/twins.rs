//! The same id in several places.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test may"
)]

mod common;

use asl_facts::{Device, Format};
use common::{MIB, disk, filesystem, md, partition, raid, spanning};

fn ext4(name: &str) -> Device {
    disk(name, vec![filesystem(Format::Ext4, 1024, 100 * MIB)])
}

fn with_wwid(name: &str, wwid: &str) -> Device {
    let mut device = ext4(name);
    device.identity.wwid = Some(wwid.into());
    device
}

#[test]
fn a_cloned_file_system_is_named_with_both_places() {
    let twins = asl_topology::twins(&[ext4("sda"), ext4("sdb")]);
    assert_eq!(twins.len(), 1);
    assert_eq!(twins[0].devices, ["sda", "sdb"]);
    assert!(!twins[0].one_disk);
}

#[test]
fn two_paths_to_one_disk_are_told_by_its_world_wide_id() {
    let twins = asl_topology::twins(&[with_wwid("sda", "naa.1"), with_wwid("sdb", "naa.1")]);
    assert!(twins[0].one_disk);
    let twins = asl_topology::twins(&[with_wwid("sda", "naa.1"), with_wwid("sdb", "naa.2")]);
    assert!(!twins[0].one_disk);
}

#[test]
fn a_copy_on_another_partition_of_the_same_disk_is_a_clone() {
    let part = |number, start| {
        let mut part = partition("sda", number, start, 100 * MIB);
        part.probe = ext4("x").probe;
        part.identity.wwid = Some("naa.1".into());
        part
    };
    let twins = asl_topology::twins(&[part(1, MIB), part(2, 101 * MIB)]);
    assert!(!twins[0].one_disk);
}

#[test]
fn what_an_array_shows_again_is_no_clone_of_its_member() {
    let mut array = ext4("md0");
    array.slaves = vec!["sda".to_owned()];
    assert!(asl_topology::twins(&[ext4("sda"), array]).is_empty());
    // Nor is the file system that shows through two halves of a mirror.
    let half = |name| {
        let member = md(raid("raid1", "AA", 0, 7));
        disk(name, vec![filesystem(Format::Ext4, 1024, 99 * MIB), member])
    };
    let mut devices = [half("sda"), half("sdb")];
    asl_topology::rank(&mut devices);
    assert!(asl_topology::twins(&devices).is_empty());
}

#[test]
fn the_devices_of_one_btrfs_are_no_clones() {
    let member = |name| {
        disk(
            name,
            vec![spanning(Format::Btrfs, 65536, 200 * MIB, 2, None)],
        )
    };
    assert!(asl_topology::twins(&[member("sda"), member("sdb")]).is_empty());
}
