//! A store is found through every stack, in real file systems and under real
//! tables and groups; nothing is activated.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

mod hostile;
mod images;
mod lay;
#[path = "../../../probe/tests/loops/mod.rs"]
mod loops;
mod lvm_live;
#[path = "../../../probe/tests/md_sum/mod.rs"]
mod md_sum;
mod superblock;
mod thin;

use asl_facts::{Device, Format, Probe, Text};
use asl_stack::{Refusal, build};
use images::{MIB, disk_with, filesystem, only_store, refusal, see, see_images, tree_with_store};
use lay::lay;
use superblock::Array;

const RAID1: Array = Array::of("raid1", 0, 0, 2);

#[test]
fn partitions_of_an_image_file() {
    let tree = tree_with_store();
    for (label, kind) in [("gpt", "linux"), ("dos", "83")] {
        for (format, mib) in [("ext4", 16), ("xfs", 320), ("btrfs", 128)] {
            let inside = filesystem(format, mib, tree.path());
            let script = format!(
                "label: {label}\nstart=2048, size=2048, type={kind}\n\
                 start=6144, size={}, type={kind}\n",
                mib * 2048
            );
            let disk = disk_with(&script, mib + 8, &[(6144 * 512, &inside)]);
            let seen = see_images(vec![disk]);
            let store = only_store(&seen);
            assert_eq!(store, ["disk0:p2", "disk0"], "{label} {format}");
        }
    }
}

#[test]
fn logical_partitions_and_partitions_in_partitions() {
    let inside = filesystem("ext4", 16, tree_with_store().path());
    let guest = disk_with(
        "label: gpt\nstart=2048, size=32768\n",
        20,
        &[(MIB, &inside)],
    );
    let script = "label: dos\nstart=2048, size=100000, type=5\nstart=4096, size=40960, type=83\n";
    let seen = see_images(vec![disk_with(script, 64, &[(4096 * 512, &guest)])]);
    assert_eq!(only_store(&seen), ["disk0:p5:p1", "disk0:p5", "disk0"]);
    let names: Vec<&str> = seen.devices.iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["disk0:p5", "disk0:p5:p1"]);
}

#[test]
fn a_partition_past_the_end_is_refused() {
    let mut disk = disk_with("label: dos\nstart=2048, size=32768\n", 20, &[]);
    disk.truncate(10 << 20);
    let why = refusal(&see_images(vec![disk]), "disk0:p1");
    assert_eq!(why, "partition 1 ends past the device");
}

#[test]
fn what_the_kernel_shows_is_not_shown_again() {
    let inside = filesystem("ext4", 16, tree_with_store().path());
    let disk = disk_with(
        "label: gpt\nstart=2048, size=32768\n",
        20,
        &[(MIB, &inside)],
    );
    let mut devices = images::devices(&[disk, inside]);
    devices[1].0.parent = Some("disk0".to_owned());
    devices[1].0.partition = Some(asl_facts::Partition {
        number: 1,
        start: MIB,
        uuid: None,
        name: None,
    });
    assert_eq!(see(devices).devices, []);
}

/// Every level and layout, whole.
fn arrays() -> Vec<Array> {
    let mut arrays = vec![
        RAID1,
        Array::of("linear", 0, 0, 3),
        Array::of("raid0", 0, 64, 3),
        Array::of("raid4", 0, 64, 3),
    ];
    for layout in [0, 1, 2, 3, 4, 5] {
        arrays.push(Array::of("raid5", layout, 64, 4));
    }
    for layout in [0, 1, 2, 3, 4, 5, 8, 9, 10, 16, 17, 18, 19, 20] {
        arrays.push(Array::of("raid6", layout, 64, 5));
    }
    for layout in [0x102, 0x103, 0x201, 0x10201, 0x40201, 0x50201, 0x202] {
        arrays.push(Array::of("raid10", layout, 64, 4));
        arrays.push(Array::of("raid10", layout, 64, 5));
    }
    arrays
}

/// Bytes of which no two sectors are alike.
fn content(len: usize) -> Vec<u8> {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::new();
    while bytes.len() < len {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        bytes.extend(random.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What is read of the only array of these members.
fn array_of(members: &[Vec<u8>]) -> Result<Vec<u8>, Refusal> {
    let (devices, nodes): (Vec<_>, Vec<_>) = images::devices(members).into_iter().unzip();
    let pools = asl_topology::pools(&devices);
    let open = |device: &Device| {
        let at = devices.iter().position(|other| other.name == device.name)?;
        Some(nodes[at].clone())
    };
    let mut views = build(&devices, &pools, &open);
    assert_eq!(views.len(), 1, "{views:?}");
    let node = views.remove(0).node?;
    let mut bytes = vec![0; usize::try_from(node.size()).unwrap()];
    // Reads that begin and end anywhere.
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + 70_001).min(bytes.len());
        let offset = u64::try_from(at).unwrap();
        assert_eq!(node.read_at(offset, &mut bytes[at..end]).unwrap(), end - at);
        at = end;
    }
    Ok(bytes)
}

#[test]
fn every_level_of_md_gives_every_byte() {
    let content = content(0x11_3000);
    for array in arrays() {
        for minor in [0, 2] {
            let array = Array { minor, ..array };
            let bytes = array_of(&lay(&array, &content)).unwrap();
            assert!(bytes.starts_with(&content), "{array:?}");
            assert!(bytes.len() < content.len() + (1 << 20), "{array:?}");
        }
    }
}

#[test]
fn a_missing_member_is_made_good_where_a_copy_or_parity_counts() {
    let content = content(1 << 20);
    for array in arrays() {
        let members = lay(&array, &content);
        for missing in 0..members.len() {
            let without = |mut members: Vec<Vec<u8>>| {
                members.remove(missing);
                array_of(&members)
            };
            let slot = format!("slot {missing}");
            let seen = without(members.clone());
            if matches!(array.level, "linear" | "raid0") {
                assert_eq!(seen, Err(Refusal::Missing(vec![slot])));
                continue;
            }
            assert!(seen.unwrap().starts_with(&content), "{array:?} {missing}");
            let dirty = lay(
                &Array {
                    clean: false,
                    ..array
                },
                &content,
            );
            assert!(array_of(&dirty).unwrap().starts_with(&content));
            if matches!(array.level, "raid4" | "raid5" | "raid6") {
                let level = array.level.to_owned();
                let missing = slot;
                assert_eq!(without(dirty), Err(Refusal::Dirty { level, missing }));
            }
        }
    }
}

#[test]
fn two_missing_members_of_raid6_are_refused() {
    let mut members = lay(&Array::of("raid6", 2, 64, 5), &content(1 << 20));
    members.drain(1..3);
    let level = "raid6".to_owned();
    let missing = "slot 1, slot 2".to_owned();
    let refusal = Refusal::Degraded { level, missing };
    assert_eq!(array_of(&members), Err(refusal));
}

#[test]
fn a_store_is_found_on_arrays() {
    let inside = filesystem("ext4", 16, tree_with_store().path());
    for array in [
        RAID1,
        Array::of("raid0", 0, 64, 3),
        Array::of("raid10", 0x102, 512, 4),
        Array::of("raid5", 2, 64, 3),
        Array::of("raid6", 2, 64, 4),
    ] {
        let seen = see_images(lay(&array, &inside));
        let store = only_store(&seen);
        assert_eq!(store[0], "md:vm:array", "{array:?}");
        let mut below = store[1..].to_vec();
        below.sort();
        let all: Vec<String> = (0..array.disks).map(|disk| format!("disk{disk}")).collect();
        assert_eq!(below, all, "{array:?}");
    }
}

#[test]
fn a_stale_half_of_a_mirror_is_not_read() {
    let current = filesystem("ext4", 16, tree_with_store().path());
    let old = vec![0; current.len()];
    let stale = lay(&Array { events: 3, ..RAID1 }, &old);
    let fresh = lay(&RAID1, &current);
    let seen = see_images(vec![stale[0].clone(), fresh[1].clone()]);
    assert_eq!(only_store(&seen), ["md:vm:array", "disk1"]);
}

#[test]
fn raid0_of_unequal_members_needs_its_layout() {
    let content = content(5 << 20);
    for layout in [1, 2] {
        for sizes in [&[1, 2, 3], &[3, 1, 3], &[1, 3, 3]] {
            let array = Array {
                sizes,
                ..Array::of("raid0", layout, 64, 3)
            };
            let bytes = array_of(&lay(&array, &content)).unwrap();
            assert!(bytes.starts_with(&content), "{array:?}");
            let unrecorded = Array {
                recorded: false,
                ..array
            };
            let refused = array_of(&lay(&unrecorded, &content));
            assert_eq!(refused, Err(Refusal::UnrecordedRaid0));
        }
    }
}

#[test]
fn an_array_of_partitions_with_partitions() {
    let inside = filesystem("ext4", 16, tree_with_store().path());
    let volume = disk_with(
        "label: gpt\nstart=2048, size=32768\n",
        18,
        &[(MIB, &inside)],
    );
    let disks = lay(&Array::of("raid5", 2, 64, 3), &volume)
        .iter()
        .map(|member| {
            let sectors = member.len() / 512;
            let script = format!("label: gpt\nstart=2048, size={sectors}\n");
            let mib = u64::try_from(member.len()).unwrap() / MIB + 3;
            disk_with(&script, mib, &[(MIB, member)])
        })
        .collect();
    let seen = see_images(disks);
    let store = only_store(&seen);
    assert_eq!(store[..2], ["md:vm:array:p1", "md:vm:array"]);
    assert_eq!(store.len(), 8, "{store:?}");
    assert_eq!(seen.pools.len(), 1);
    assert_eq!(seen.pools[0].format, Format::Md);
    assert_eq!(seen.pools[0].name, Some(Text::from("vm:array")));
}

/// Each layer holds the next and the last nothing: the layers are bounded and
/// the reader comes to an end.
#[test]
fn layers_without_end_are_cut() {
    let mut disk = vec![0; 1 << 20];
    for _ in 0..12 {
        let sectors = disk.len() / 512;
        let script = format!("label: dos\nstart=2048, size={sectors}, type=83\n");
        let mib = u64::try_from(disk.len()).unwrap() / MIB + 2;
        disk = disk_with(&script, mib, &[(MIB, &disk)]);
    }
    let seen = see_images(vec![disk]);
    assert_eq!(seen.devices.len(), asl_stack::MAX_DEPTH + 1);
    let Probe::Skipped { why } = &seen.devices.last().unwrap().probe else {
        panic!()
    };
    assert_eq!(why, "more than 8 layers");
}
