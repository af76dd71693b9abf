//! Groups that LVM writes to loop devices. There is no device-mapper to write
//! through, so the content goes where `lvs` says that the extents are.

use crate::content;
use crate::images::{
    MIB, devices, disk_with, done, filesystem, only_store, refusal, see_images, tree_with_store,
};
use crate::lay::{data, lay};
use crate::loops::Loops;
use crate::superblock::Array;
use asl_facts::Device;
use asl_stack::{Refusal, Virtual, build};
use std::fs;
use std::path::Path;

/// Extent that LVM takes by default, and that of the group `kinds`, bytes.
const EXTENT: usize = 4 << 20;
const SMALL: usize = 64 << 10;

impl Loops {
    pub(crate) fn group(&self, name: &str) {
        let nodes: Vec<&str> = self.nodes.iter().map(String::as_str).collect();
        self.done("vgcreate", &[&[name], &nodes[..]].concat());
    }

    /// The extents of the segments of a volume, as `lvs` maps them: for each
    /// segment the stripe, and the loop device and first extent of each leg.
    fn segments(&self, volume: &str) -> Vec<Segment> {
        let fields = "seg_start_pe,seg_size_pe,stripe_size,devices";
        let shape = [
            "--noheadings",
            "--units",
            "b",
            "--nosuffix",
            "--separator",
            "|",
        ];
        let lines = self.done("lvs", &[&shape[..], &["-a", "-o", fields, volume]].concat());
        let mut segments: Vec<Segment> = lines
            .lines()
            .map(|line| {
                let fields: Vec<&str> = line.trim().split('|').collect();
                let number = |at: usize| fields[at].parse::<usize>().unwrap();
                let leg = |leg: &str| {
                    let (node, extent) = leg.trim_end_matches(')').split_once('(').unwrap();
                    let disk = self.nodes.iter().position(|known| known == node);
                    (disk.unwrap(), extent.parse().unwrap())
                };
                Segment {
                    start: number(0),
                    extents: number(1),
                    stripe: number(2),
                    legs: fields[3].split(',').map(leg).collect(),
                }
            })
            .collect();
        segments.sort_by_key(|segment| segment.start);
        segments
    }

    /// Writes `content` into the disks' files where the volume has it.
    pub(crate) fn write(&self, volume: &str, content: &[u8]) {
        self.write_extents(volume, content, EXTENT);
    }

    pub(crate) fn write_extents(&self, volume: &str, content: &[u8], extent_size: usize) {
        let starts = self.done(
            "pvs",
            &[
                "--noheadings",
                "--units",
                "b",
                "--nosuffix",
                "-o",
                "pe_start",
            ],
        );
        let start: usize = starts.lines().next().unwrap().trim().parse().unwrap();
        let mut disks = self.images();
        for segment in self.segments(volume) {
            let from = segment.start * extent_size;
            let part = &content[from.min(content.len())..];
            let part = &part[..part.len().min(segment.extents * extent_size)];
            let stripe = match segment.legs.len() {
                1 => segment.extents * extent_size,
                _ => segment.stripe,
            };
            for (number, chunk) in part.chunks(stripe).enumerate() {
                let legs = segment.legs.len();
                let (disk, extent) = segment.legs[number % legs];
                let at = start + extent * extent_size + number / legs * stripe;
                disks[disk][at..at + chunk.len()].copy_from_slice(chunk);
            }
        }
        for (index, disk) in disks.iter().enumerate() {
            fs::write(self.file(index), disk).unwrap();
        }
    }

    pub(crate) fn images(&self) -> Vec<Vec<u8>> {
        for node in &self.nodes {
            done(&["blockdev", "--flushbufs", node], "");
        }
        (0..self.nodes.len())
            .map(|index| fs::read(self.file(index)).unwrap())
            .collect()
    }
}

struct Segment {
    start: usize,
    extents: usize,
    stripe: usize,
    legs: Vec<(usize, usize)>,
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_linear_volume_in_pieces_over_two_disks() {
    let loops = Loops::new(&[24, 64]);
    loops.group("vg");
    // Something in between, so that the pieces do not follow each other.
    loops.create("lv", &["-l", "3", "vg", &loops.nodes[0]]);
    loops.create("other", &["-l", "1", "vg", &loops.nodes[0]]);
    loops.done("lvextend", &["-l", "+6", "vg/lv"]);
    assert!(loops.segments("vg/lv").len() > 1);
    let inside = filesystem("ext4", 36, tree_with_store().path());
    loops.write("vg/lv", &inside);
    let seen = see_images(loops.images());
    assert_eq!(only_store(&seen), ["vg/lv", "disk0", "disk1"]);
    // With the second disk gone the volume is named with what is missing.
    let one = see_images(vec![loops.images().remove(0)]);
    assert!(refusal(&one, "vg/lv").starts_with("missing: "));
    let mut twins = loops.images();
    twins.push(twins[1].clone());
    assert!(refusal(&see_images(twins), "vg/lv").starts_with("two devices claim "));
}

#[test]
#[ignore = "needs root and loop devices"]
fn volumes_of_two_groups_of_one_name_are_told_by_their_ids() {
    let images = ["lv", "lv", "alone"].map(|volume| {
        let loops = Loops::new(&[24]);
        loops.group("vg");
        loops.create(volume, &["-l", "3", "vg"]);
        loops.images().remove(0)
    });
    let seen = see_images(images.to_vec());
    let mut names: Vec<&str> = seen.devices.iter().map(|view| view.name.as_str()).collect();
    names.sort_unstable();
    let [alone, one, other] = names.as_slice() else {
        panic!("{names:?}")
    };
    assert_eq!(*alone, "vg/alone");
    for name in [one, other] {
        let view = seen
            .devices
            .iter()
            .find(|view| view.name == **name)
            .unwrap();
        let id = view.identity.wwid.as_ref().unwrap().printable();
        assert_eq!(**name, format!("vg/lv ({id})"));
    }
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_striped_volume_over_three_disks() {
    let inside = filesystem("xfs", 320, tree_with_store().path());
    let loops = Loops::new(&[128, 128, 128]);
    loops.group("vg");
    loops.create("lv", &["-l", "81", "-i", "3", "-I", "16k", "vg"]);
    loops.write("vg/lv", &inside);
    let store = only_store(&see_images(loops.images()));
    assert_eq!(store, ["vg/lv", "disk0", "disk1", "disk2"]);
}

/// The usual server: partitions, a mirror over them, a group on that.
#[test]
#[ignore = "needs root and loop devices"]
fn a_volume_on_a_mirror_of_partitions() {
    let inside = filesystem("btrfs", 128, tree_with_store().path());
    let loops = Loops::new(&[160]);
    loops.group("vg");
    loops.create("root", &["-l", "2", "vg"]);
    loops.create("data", &["-l", "34", "vg"]);
    loops.write("vg/data", &inside);
    let physical = loops.images().remove(0);
    for minor in [0, 2] {
        let array = Array {
            minor,
            ..Array::of("raid1", 0, 0, 2)
        };
        let disks = lay(&array, &physical)
            .iter()
            .map(|member| {
                let sectors = member.len() / 512;
                let script = format!("label: gpt\nsize=2048\nsize={sectors}\n");
                let mib = u64::try_from(member.len()).unwrap() / MIB + 4;
                disk_with(&script, mib, &[(2 * MIB, member)])
            })
            .collect();
        let seen = see_images(disks);
        assert_eq!(
            only_store(&seen),
            [
                "vg/data",
                "md:vm:array",
                "disk0:p2",
                "disk1:p2",
                "disk0",
                "disk1"
            ]
        );
        let pools: Vec<&str> = seen.pools.iter().map(|pool| pool.format.name()).collect();
        assert_eq!(pools, ["md", "lvm2"]);
    }
}

#[test]
#[ignore = "needs root and loop devices"]
fn the_text_may_be_on_one_disk_only() {
    let inside = filesystem("ext4", 16, tree_with_store().path());
    let loops = Loops::new(&[64, 64]);
    loops.done("pvcreate", &["--metadatacopies", "0", &loops.nodes[1]]);
    loops.group("vg");
    loops.create("lv", &["-l", "5", "vg", &loops.nodes[1]]);
    loops.write("vg/lv", &inside);
    assert_eq!(only_store(&see_images(loops.images())), ["vg/lv", "disk1"]);
}

/// The group with every kind of segment of the probe's tests.
pub(crate) fn kinds() -> Loops {
    let loops = Loops::new(&[64, 64, 64]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../probe/tests/formats/lvm2/kinds.txt");
    let text = fs::read_to_string(&path).unwrap();
    let ids = text.lines().filter_map(|line| line.strip_prefix("id = \""));
    let ids: Vec<&str> = ids.map(|id| id.trim_end_matches('"')).collect();
    // The first is the group's.
    for (node, id) in loops.nodes.iter().zip(&ids[1..]) {
        let restored = ["--uuid", id, "--norestorefile", node];
        loops.done("pvcreate", &restored);
    }
    let path = path.to_string_lossy();
    loops.done("vgcfgrestore", &["--force", "-f", &path, "kinds"]);
    loops
}

fn views(images: &[Vec<u8>]) -> Vec<Virtual> {
    let (devices, nodes): (Vec<_>, Vec<_>) = devices(images).into_iter().unzip();
    let pools = asl_topology::pools(&devices);
    let open = |device: &Device| {
        let at = devices.iter().position(|other| other.name == device.name)?;
        Some(nodes[at].clone())
    };
    build(&devices, &pools, &open)
}

pub(crate) fn view(images: &[Vec<u8>], name: &str) -> Result<Vec<u8>, Refusal> {
    let mut views = views(images).into_iter();
    let view = views.find(|view| view.name == name).unwrap();
    let node = view.node?;
    assert_eq!(node.size(), view.size);
    let mut bytes = vec![0; usize::try_from(node.size()).unwrap()];
    let read = node.read_at(0, &mut bytes);
    read.map_err(|_| Refusal::Closed(name.to_owned()))?;
    Ok(bytes)
}

/// `dm_raid_superblock` of an image.
fn meta(position: u32, events: u64, failed: u64, recovered: u64) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..4].copy_from_slice(b"DmRd");
    bytes[12..16].copy_from_slice(&position.to_le_bytes());
    bytes[16..24].copy_from_slice(&events.to_le_bytes());
    bytes[24..32].copy_from_slice(&failed.to_le_bytes());
    bytes[32..40].copy_from_slice(&recovered.to_le_bytes());
    bytes
}

#[test]
#[ignore = "needs root and loop devices"]
fn every_kind_of_segment_is_read_or_refused_by_name() {
    let loops = kinds();
    for (name, extents) in [("plain", 16), ("striped", 12), ("image", 16)] {
        let content = content(extents * SMALL);
        loops.write_extents(&format!("kinds/{name}"), &content, SMALL);
        let seen = view(&loops.images(), &format!("kinds/{name}"));
        assert!(seen.unwrap() == content, "{name}");
    }
    for (name, extents, array) in [
        ("mirrored", 4, Array::of("raid1", 0, 0, 2)),
        ("parity", 8, Array::of("raid5", 2, 64, 3)),
        ("double", 12, Array::of("raid6", 8, 64, 5)),
        ("ten", 8, Array::of("raid10", 0x102, 64, 4)),
        ("zero", 8, Array::of("raid0", 0, 64, 2)),
        ("zerometa", 8, Array::of("raid0", 0, 64, 2)),
    ] {
        let content = content(extents * SMALL);
        for (number, data) in data(&array, &content).iter().enumerate() {
            let image = format!("kinds/{name}_rimage_{number}");
            loops.write_extents(&image, data, SMALL);
        }
        let seen = view(&loops.images(), &format!("kinds/{name}"));
        assert!(seen.unwrap() == content, "{name}");
    }
    let refused = |name: &str| view(&loops.images(), &format!("kinds/{name}")).unwrap_err();
    for (name, kind) in [
        ("oldmirror", "mirror"),
        ("pool", "thin-pool"),
        ("cached", "cache"),
        ("voled", "cache"),
        ("buffered", "writecache"),
        ("snap", "snapshot"),
        ("dedup", "vdo"),
        ("broken", "error"),
        ("void", "zero"),
    ] {
        assert_eq!(refused(name), Refusal::Kind(kind.to_owned()), "{name}");
    }
    let moving = Refusal::UnderWay("pvmove".to_owned());
    assert_eq!(refused("moving"), moving);
}

/// An image that failed once is in the text like any other.
#[test]
#[ignore = "needs root and loop devices"]
fn the_metadata_of_a_raid_say_which_images_count() {
    let loops = kinds();
    let content = content(4 * SMALL);
    for image in ["kinds/mirrored_rimage_0", "kinds/mirrored_rimage_1"] {
        loops.write_extents(image, &content, SMALL);
    }
    let with = |metas: [Vec<u8>; 2]| {
        for (number, meta) in metas.iter().enumerate() {
            let name = format!("kinds/mirrored_rmeta_{number}");
            loops.write_extents(&name, meta, SMALL);
        }
        view(&loops.images(), "kinds/mirrored")
    };
    let whole = u64::MAX;
    let sound = with([meta(0, 9, 0, whole), meta(1, 9, 0, whole)]);
    assert!(sound.unwrap() == content);
    for metas in [
        [meta(0, 9, 2, whole), meta(1, 3, 0, whole)],
        [meta(0, 9, 0, whole), meta(1, 9, 0, 4096)],
        [meta(0, 9, 0, whole), meta(0, 9, 0, whole)],
        [meta(0, 9, 0, whole), vec![0; 512]],
    ] {
        let refused = Refusal::Closed("kinds/mirrored".to_owned());
        assert_eq!(with(metas).unwrap_err(), refused);
    }
}
