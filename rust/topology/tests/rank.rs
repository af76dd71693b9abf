//! What a signature counts for beside others: the mistakes that other tools
//! are known for, and the cases beside them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test may"
)]

mod common;

use asl_facts::{Container, Content, Device, Format, Outcome, Signature, Standing};
use common::{MIB, damaged, disk, filesystem, found, md, partition, raid, table};

fn standings(mut devices: Vec<Device>) -> Vec<Standing> {
    asl_topology::rank(&mut devices);
    devices[0]
        .probe
        .signatures()
        .iter()
        .map(|signature| signature.standing.clone())
        .collect()
}

fn alone(signatures: Vec<Signature>) -> Vec<Standing> {
    standings(vec![disk("sda", signatures)])
}

fn inside(format: Format, offset: u64) -> Standing {
    Standing::Inside { format, offset }
}

fn contested(by: &[(Format, u64)]) -> Standing {
    Standing::Contested { by: by.to_vec() }
}

fn luks(data_size: Option<u64>) -> Signature {
    let content = Content::Container(Container {
        locked: true,
        algorithm: None,
        key_bits: None,
        keyslots: Vec::new(),
        tokens: Vec::new(),
        subsystem: None,
        data_offset: Some(16 * MIB),
        data_size,
        sector_size: None,
        generation: 1,
        under_way: None,
        suspended: false,
    });
    found(Format::Luks, 0, "luks", 100 * MIB, content)
}

#[test]
fn a_file_system_alone_is_the_content() {
    assert_eq!(
        alone(vec![filesystem(Format::Ext4, 1024, 100 * MIB)]),
        [Standing::Content]
    );
}

/// libblkid says linux_raid_member for the disk and hides its table when an
/// md 0.90 array is in the last partition.
#[test]
fn a_tail_signature_in_the_last_partition_is_the_partitions() {
    let tail = md(raid("raid1", "AA", 0, 7));
    let parts = table(Format::Mbr, &[(1, MIB, 99 * MIB)]);
    let expected = [Standing::Content, Standing::InPartition { number: 1 }];
    // As an image file, and as a disk whose partitions the kernel shows.
    assert_eq!(alone(vec![parts.clone(), tail.clone()]), expected);
    let devices = vec![
        disk("sda", vec![parts, tail]),
        partition("sda", 1, MIB, 99 * MIB),
    ];
    assert_eq!(standings(devices), expected);
}

#[test]
fn partitions_inside_a_whole_disk_array_belong_to_the_array() {
    let tail = md(raid("raid1", "AA", 0, 7));
    let parts = table(Format::Mbr, &[(1, MIB, 98 * MIB)]);
    let offset = tail.offset;
    assert_eq!(
        alone(vec![parts, tail]),
        [inside(Format::Md, offset), Standing::Content]
    );
}

#[test]
fn a_file_system_on_a_mirror_shows_through_its_member() {
    let member = md(raid("raid1", "AA", 0, 7));
    let offset = member.offset;
    let standings = alone(vec![filesystem(Format::Ext4, 1024, 99 * MIB), member]);
    assert_eq!(standings, [inside(Format::Md, offset), Standing::Content]);
}

#[test]
fn a_file_system_of_a_striped_array_is_larger_than_the_member_that_shows_it() {
    let member = md(raid("raid0", "AA", 0, 7));
    let offset = member.offset;
    let standings = alone(vec![filesystem(Format::Xfs, 0, 190 * MIB), member]);
    assert_eq!(standings[0], inside(Format::Md, offset));
}

#[test]
fn a_damaged_superblock_on_a_mirror_is_the_arrays_trouble() {
    let member = md(raid("raid1", "AA", 0, 7));
    let offset = member.offset;
    let standings = alone(vec![damaged(Format::Ext4, 1024), member]);
    assert_eq!(standings, [inside(Format::Md, offset), Standing::Content]);
}

/// mkfs leaves the end of a disk as it was.
#[test]
fn a_file_system_that_claims_the_place_of_the_array_superblock_is_contested() {
    let member = md(raid("raid1", "AA", 0, 7));
    let offset = member.offset;
    let standings = alone(vec![filesystem(Format::Ext4, 1024, 100 * MIB), member]);
    assert_eq!(
        standings,
        [
            contested(&[(Format::Md, offset)]),
            contested(&[(Format::Ext4, 1024)])
        ]
    );
}

/// libblkid flipped its answer between 2.38 and 2.39.
#[test]
fn luks_with_an_array_superblock_at_the_tail_is_contested_unless_it_says_its_size() {
    let member = md(raid("raid1", "AA", 0, 7));
    let offset = member.offset;
    assert_eq!(
        alone(vec![luks(None), member.clone()]),
        [
            contested(&[(Format::Md, offset)]),
            contested(&[(Format::Luks, 0)])
        ]
    );
    assert_eq!(
        alone(vec![luks(Some(80 * MIB)), member])[0],
        inside(Format::Md, offset)
    );
}

#[test]
fn two_file_systems_contest_each_other() {
    let standings = alone(vec![
        filesystem(Format::Ext4, 1024, 100 * MIB),
        filesystem(Format::Btrfs, 65536, 100 * MIB),
    ]);
    assert_eq!(
        standings,
        [
            contested(&[(Format::Btrfs, 65536)]),
            contested(&[(Format::Ext4, 1024)])
        ]
    );
}

#[test]
fn a_damaged_one_contests_nothing() {
    let standings = alone(vec![
        filesystem(Format::Ext4, 1024, 100 * MIB),
        damaged(Format::Btrfs, 65536),
    ]);
    assert_eq!(standings[0], Standing::Content);
}

#[test]
fn a_hybrid_image_is_an_iso_and_a_disk() {
    let iso = filesystem(Format::Iso9660, 32768, 60 * MIB);
    let standings = alone(vec![table(Format::Mbr, &[(1, 0, 60 * MIB)]), iso]);
    assert_eq!(standings, [Standing::Content, Standing::Content]);
}

#[test]
fn a_bridge_disc_is_udf() {
    let standings = alone(vec![
        filesystem(Format::Iso9660, 32768, 60 * MIB),
        filesystem(Format::Udf, 524_288, 60 * MIB),
    ]);
    assert_eq!(standings, [inside(Format::Udf, 524_288), Standing::Content]);
}

#[test]
fn a_stale_table_under_a_file_system_is_contested() {
    let standings = alone(vec![
        table(Format::Mbr, &[(1, MIB, 50 * MIB)]),
        filesystem(Format::Ext4, 1024, 100 * MIB),
    ]);
    assert_eq!(standings[1], contested(&[(Format::Mbr, 0)]));
}

#[test]
fn the_mbr_of_a_gpt_is_part_of_it() {
    let mut gpt = table(Format::Gpt, &[(1, MIB, 50 * MIB)]);
    gpt.offset = 512;
    let mut mbr = table(Format::Mbr, &[(1, 512, 99 * MIB)]);
    kind(&mut mbr, "0xee");
    let standings = alone(vec![mbr, gpt]);
    assert_eq!(standings, [inside(Format::Gpt, 512), Standing::Content]);
}

fn kind(signature: &mut Signature, kind: &str) {
    let Outcome::Found(superblock) = &mut signature.outcome else {
        panic!()
    };
    let Content::Table(table) = &mut superblock.content else {
        panic!()
    };
    table.partitions[0].kind = kind.to_owned();
}

#[test]
fn an_mbr_that_does_not_know_of_a_gpt_was_written_over_it() {
    let mut gpt = table(Format::Gpt, &[(1, MIB, 50 * MIB)]);
    gpt.offset = 512;
    let mbr = table(Format::Mbr, &[(1, 60 * MIB, 30 * MIB)]);
    let new = filesystem(Format::Ext4, 60 * MIB + 1024, MIB);
    let standings = alone(vec![mbr, gpt, new]);
    let expected = [
        Standing::Content,
        inside(Format::Mbr, 0),
        Standing::InPartition { number: 1 },
    ];
    assert_eq!(standings, expected);
}

#[test]
fn each_standing_comes_with_the_rule_behind_it() {
    let reasons = |signatures| asl_topology::reasons(&[disk("sda", signatures)]).remove(0);
    assert!(
        reasons(vec![filesystem(Format::Ext4, 1024, MIB)])[0].starts_with("no other signature")
    );

    let member = md(raid("raid1", "AA", 0, 7));
    let on_mirror = reasons(vec![filesystem(Format::Ext4, 1024, 99 * MIB), member]);
    assert!(
        on_mirror[0].contains("the data of the md at"),
        "{on_mirror:?}"
    );
    assert!(on_mirror[1].starts_with("the others"), "{on_mirror:?}");

    let two = reasons(vec![
        filesystem(Format::Ext4, 1024, MIB),
        filesystem(Format::Btrfs, 65536, MIB),
    ]);
    assert!(two[0].contains("none lies inside the other"), "{two:?}");
    assert_eq!(two[0], two[1]);

    let parts = [
        disk("sda", vec![filesystem(Format::Xfs, MIB, MIB)]),
        partition("sda", 1, MIB, 8 * MIB),
    ];
    let in_partition = &asl_topology::reasons(&parts)[0][0];
    assert!(
        in_partition.contains("partition 1, bytes 1048576"),
        "{in_partition}"
    );
    assert!(asl_topology::reasons(&parts)[1].is_empty());
}
