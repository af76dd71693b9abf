//! What the members that are here make up.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test may"
)]

mod common;

use asl_facts::{
    Content, Device, Format, Health, LogicalVolume, MemberStanding, Part, PhysicalVolume, Piece,
    Pool, PoolFlag, Raid, Role, Segment, VolumeGroup, VolumePart,
};
use common::{MIB, disk, found, lvm, md, raid, spanning};

fn arrays(members: Vec<Raid>) -> Pool {
    let devices: Vec<Device> = members
        .into_iter()
        .enumerate()
        .map(|(index, member)| disk(&format!("sd{index}"), vec![md(member)]))
        .collect();
    only(&devices)
}

fn only(devices: &[Device]) -> Pool {
    let mut pools = asl_topology::pools(devices);
    assert_eq!(pools.len(), 1, "{pools:?}");
    pools.remove(0)
}

fn standings(pool: &Pool) -> Vec<MemberStanding> {
    pool.members.iter().map(|member| member.standing).collect()
}

#[test]
fn a_mirror_with_both_halves_is_complete() {
    let pool = arrays(vec![raid("raid1", "AA", 0, 7), raid("raid1", "AA", 1, 7)]);
    assert_eq!((pool.health, pool.expected), (Health::Complete, 2));
    assert_eq!(pool.host, Some("host".into()));
    assert!(pool.missing.is_empty() && pool.flags.is_empty());
}

#[test]
fn a_mirror_with_one_half_is_degraded_and_names_the_other() {
    let pool = arrays(vec![raid("raid1", "AA", 1, 7)]);
    assert_eq!(pool.health, Health::Degraded);
    assert_eq!(pool.missing, ["slot 0"]);
}

#[test]
fn a_member_one_event_behind_is_current_and_two_behind_is_stale() {
    let pool = arrays(vec![raid("raid1", "AA", 0, 7), raid("raid1", "AA", 1, 6)]);
    assert_eq!(pool.health, Health::Complete);
    let pool = arrays(vec![raid("raid1", "A.", 0, 7), raid("raid1", "AA", 1, 5)]);
    assert_eq!(pool.health, Health::Degraded);
    assert_eq!(
        standings(&pool),
        [MemberStanding::Current, MemberStanding::Stale]
    );
    assert_eq!(pool.flags, [PoolFlag::StaleMember]);
}

#[test]
fn halves_that_deny_each_other_are_split() {
    let pool = arrays(vec![raid("raid1", "A.", 0, 7), raid("raid1", ".A", 1, 9)]);
    assert!(pool.flags.contains(&PoolFlag::SplitBrain));
}

#[test]
fn each_level_bears_what_it_bears() {
    let missing = |level: &str, count: u32, of: u32| {
        let slots = "A".repeat(usize::try_from(of).unwrap());
        let members = (count..of)
            .map(|slot| raid(level, &slots, slot, 1))
            .collect();
        arrays(members).health
    };
    assert_eq!(missing("raid0", 1, 2), Health::Incomplete);
    assert_eq!(missing("linear", 1, 2), Health::Incomplete);
    assert_eq!(missing("raid5", 1, 3), Health::Degraded);
    assert_eq!(missing("raid5", 2, 3), Health::Incomplete);
    assert_eq!(missing("raid6", 2, 4), Health::Degraded);
    assert_eq!(missing("raid6", 3, 4), Health::Incomplete);
}

#[test]
fn raid10_needs_one_of_each_pair() {
    let near = |slots: &[u32]| {
        let members = slots
            .iter()
            .map(|slot| Raid {
                layout: 0x102,
                ..raid("raid10", "AAAA", *slot, 1)
            })
            .collect();
        arrays(members).health
    };
    assert_eq!(near(&[0, 2]), Health::Degraded);
    assert_eq!(near(&[0, 1]), Health::Incomplete);
    assert_eq!(near(&[0, 1, 2, 3]), Health::Complete);
}

#[test]
fn a_spare_fills_no_slot() {
    let spare = Raid {
        role: Role::Spare,
        ..raid("raid5", "AAA", 0, 1)
    };
    let pool = arrays(vec![
        raid("raid5", "AAA", 0, 1),
        raid("raid5", "AAA", 1, 1),
        spare,
    ]);
    assert_eq!(
        (pool.health, pool.missing),
        (Health::Degraded, vec!["slot 2".to_owned()])
    );
}

#[test]
fn two_that_claim_one_slot_are_duplicates() {
    let pool = arrays(vec![raid("raid1", "AA", 0, 7), raid("raid1", "AA", 0, 7)]);
    assert_eq!(standings(&pool), [MemberStanding::Duplicate; 2]);
    assert!(pool.flags.contains(&PoolFlag::Duplicate));
}

#[test]
fn an_array_of_four_billion_slots_is_judged_at_once() {
    let mut member = raid("raid5", "AAA", 0, 1);
    member.raid_disks = u32::MAX;
    assert_eq!(arrays(vec![member]).health, Health::Incomplete);
}

fn group(seqno: u64, missing: bool) -> PhysicalVolume {
    let part = |name: &str, missing| VolumePart {
        name: name.to_owned(),
        id: format!("id-{name}"),
        device: None,
        missing,
        data_offset: MIB,
        extents: 20,
    };
    let volume = |name: &str, kind: &str, places: &[&str]| LogicalVolume {
        id: format!("id-{name}"),
        name: name.to_owned(),
        status: vec!["VISIBLE".to_owned()],
        segments: vec![Segment {
            start: 0,
            extents: 4,
            kind: kind.to_owned(),
            stripe: 0,
            places: places
                .iter()
                .map(|place| ((*place).to_owned(), 0))
                .collect(),
            needs: Vec::new(),
            numbers: Vec::new(),
        }],
    };
    PhysicalVolume {
        group: Some(VolumeGroup {
            id: "vg".to_owned(),
            name: "data".to_owned(),
            seqno,
            system_id: None,
            lock_type: None,
            status: vec!["READ".to_owned(), "WRITE".to_owned()],
            extent_size: 4 * MIB,
            physical: vec![part("pv0", false), part("pv1", missing)],
            logical: vec![
                volume("one", "linear", &["pv0"]),
                volume("both", "striped", &["pv0", "pv1"]),
                volume("mirror", "raid1", &["pv0", "pv1"]),
                volume("circle", "linear", &["circle"]),
            ],
        }),
        areas: vec![4096],
        data_offset: MIB,
        used: true,
    }
}

#[test]
fn a_group_with_a_missing_volume_works_as_far_as_its_volumes_do() {
    let pool = only(&[disk("sda", vec![lvm("id-pv0", group(3, false))])]);
    assert_eq!((pool.expected, pool.health), (2, Health::Incomplete));
    assert_eq!(pool.missing, ["id-pv1"]);
    let health: Vec<(&str, Health)> = pool
        .volumes
        .iter()
        .map(|volume| (volume.name.as_str(), volume.health))
        .collect();
    assert_eq!(
        health,
        [
            ("one", Health::Complete),
            ("both", Health::Incomplete),
            ("mirror", Health::Degraded),
            // A forged text that leads in a circle ends.
            ("circle", Health::Incomplete),
        ]
    );
    assert_eq!(pool.volumes[0].size, 16 * MIB);
}

#[test]
fn a_physical_volume_without_a_text_is_no_missing_one() {
    let textless = PhysicalVolume {
        group: None,
        areas: Vec::new(),
        data_offset: MIB,
        used: true,
    };
    let other = |name: &str, id: &str| disk(name, vec![lvm(id, textless.clone())]);
    let first = disk("sda", vec![lvm("id-pv0", group(3, false))]);
    let devices = [
        first.clone(),
        other("sdb", "id-pv1"),
        other("sdc", "id-other"),
    ];
    let pool = only(&devices);
    assert_eq!((pool.expected, pool.health), (2, Health::Complete));
    assert_eq!(pool.missing, [""; 0]);
    let members: Vec<(&str, &str)> = pool
        .members
        .iter()
        .map(|member| (member.device.as_str(), member.place.as_str()))
        .collect();
    assert_eq!(members, [("sda", "pv0"), ("sdb", "pv1")]);
    // Two of one id are a clone all the same.
    let devices = [first, other("sdb", "id-pv1"), other("sdc", "id-pv1")];
    let standings = standings(&only(&devices));
    assert_eq!(standings[1..], [MemberStanding::Duplicate; 2]);
}

#[test]
fn the_newest_text_counts() {
    let devices = [
        disk("sda", vec![lvm("id-pv0", group(3, false))]),
        disk("sdb", vec![lvm("id-pv1", group(9, true))]),
    ];
    let pool = only(&devices);
    assert_eq!(pool.generation, 9);
    // What the group says is gone is stale when it comes back.
    assert_eq!(
        standings(&pool),
        [MemberStanding::Current, MemberStanding::Stale]
    );
}

fn part(number: u64, generation: u64) -> Option<Part> {
    Some(Part {
        number,
        uuid: None,
        size: 100 * MIB,
        generation,
        seed: false,
    })
}

#[test]
fn a_btrfs_of_two_devices_needs_both() {
    let member = |number| spanning(Format::Btrfs, 65536, 200 * MIB, 2, part(number, 5));
    let pool = only(&[disk("sda", vec![member(1)])]);
    assert_eq!((pool.health, pool.missing.len()), (Health::Incomplete, 1));
    let pool = only(&[disk("sda", vec![member(1)]), disk("sdb", vec![member(2)])]);
    assert_eq!(pool.health, Health::Complete);
    // The clone of a member is no second member.
    let pool = only(&[disk("sda", vec![member(1)]), disk("sdb", vec![member(1)])]);
    assert_eq!(pool.health, Health::Incomplete);
    assert!(pool.flags.contains(&PoolFlag::Duplicate));
}

/// Disks of a firmware array, each by its serial and how often it was changed.
fn firmware(disks: &[(&str, u64)], clean: bool) -> Pool {
    let devices: Vec<Device> = disks
        .iter()
        .enumerate()
        .map(|(index, (serial, events))| {
            let one = Raid {
                clean,
                ..raid("container", "AA", 0, *events)
            };
            let content = Content::Raid(one);
            let metadata = found(Format::Imsm, 99 * MIB, serial, 100 * MIB, content);
            disk(&format!("sd{index}"), vec![metadata])
        })
        .collect();
    only(&devices)
}

#[test]
fn a_firmware_array_needs_every_disk() {
    let whole = firmware(&[("S1", 7), ("S2", 7)], true);
    assert_eq!((whole.health, whole.expected), (Health::Complete, 2));
    assert!(whole.flags.is_empty() && whole.missing.is_empty());
    let half = firmware(&[("S1", 7)], true);
    assert_eq!(half.health, Health::Incomplete);
    assert_eq!(half.missing, ["1 disks"]);
    let behind = firmware(&[("S1", 7), ("S2", 6)], false);
    let expected = [MemberStanding::Current, MemberStanding::Stale];
    assert_eq!(standings(&behind), expected);
    assert_eq!(behind.health, Health::Incomplete);
    assert_eq!(behind.flags, [PoolFlag::Dirty, PoolFlag::StaleMember]);
    assert_eq!(
        standings(&firmware(&[("S1", 7), ("S1", 7)], true)),
        [MemberStanding::Duplicate; 2]
    );
}

/// Parts of a bcache: role and state.
fn bcache(parts: &[(&str, &str)]) -> Pool {
    let devices: Vec<Device> = parts
        .iter()
        .enumerate()
        .map(|(index, (role, state))| {
            let content = Content::Piece(Piece {
                whole: Some("set".to_owned()),
                name: None,
                role: (*role).to_owned(),
                state: Some((*state).to_owned()),
                data_offset: None,
                generation: 0,
            });
            let uuid = format!("part {index}");
            let superblock = found(Format::Bcache, 4096, &uuid, 100 * MIB, content);
            disk(&format!("sd{index}"), vec![superblock])
        })
        .collect();
    only(&devices)
}

#[test]
fn a_dirty_backing_device_needs_its_cache() {
    let alone = bcache(&[("backing", "dirty")]);
    assert_eq!(alone.health, Health::Incomplete);
    assert_eq!(alone.missing, ["the cache device"]);
    let both = bcache(&[("backing", "dirty"), ("cache", "clean")]);
    assert_eq!(both.health, Health::Complete);
    assert_eq!(both.flags, [PoolFlag::Dirty]);
    // Nothing is on a cache that is not needed.
    let clean = bcache(&[("backing", "clean")]);
    assert!(clean.missing.is_empty() && clean.flags.is_empty());
}

#[test]
fn what_was_made_of_it_is_named() {
    let mut array = disk("md0", Vec::new());
    array.slaves = vec!["sda".to_owned()];
    let devices = [disk("sda", vec![md(raid("raid1", "AA", 0, 7))]), array];
    assert_eq!(only(&devices).active, ["md0"]);
}

#[test]
fn a_thousand_devices_and_a_pool_of_64_are_nothing_special() {
    let member = |slot| {
        disk(
            &format!("a{slot}"),
            vec![md(raid("raid6", &"A".repeat(64), slot, 3))],
        )
    };
    let mut devices: Vec<Device> = (0..64).map(member).collect();
    devices.extend((0..960).map(|number| {
        let mut one = raid("raid1", "AA", 0, 1);
        one.array = format!("array {number}");
        disk(&format!("b{number}"), vec![md(one)])
    }));
    asl_topology::rank(&mut devices);
    let pools = asl_topology::pools(&devices);
    assert_eq!(pools.len(), 961);
    let whole: Vec<&Pool> = pools
        .iter()
        .filter(|p| p.health == Health::Complete)
        .collect();
    assert_eq!((whole.len(), whole[0].members.len()), (1, 64));
    assert!(asl_topology::twins(&devices).is_empty());
}
