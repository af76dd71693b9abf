//! LVM2 as LVM writes it to loop devices, against what `pvs`, `vgs` and `lvs`
//! report. Without device-mapper: nothing is activated.

use crate::harness::{Image, probe};
use crate::loops::Loops;
use crate::lvm2::volume;
use crate::lvm2_image::{text, text_path};
use asl_facts::{LogicalVolume, PhysicalVolume, Segment, Superblock, VolumeGroup};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

impl Loops {
    /// A report: a line an object, in the order of `fields`, numbers in
    /// bytes.
    fn report(&self, command: &str, fields: &str, args: &[&str]) -> Vec<Vec<String>> {
        let plain = ["--noheadings", "--units", "b", "--nosuffix"];
        let shape = ["--separator", "|", "-o", fields];
        let lines = self.done(command, &[&plain, &shape, args].concat());
        let lines = lines.lines().map(str::trim);
        let lines = lines.filter(|line| line.contains('|'));
        lines
            .map(|line| line.split('|').map(str::to_owned).collect())
            .collect()
    }

    fn superblock(&self, index: usize) -> Superblock {
        let signatures = probe(&Image::open(&self.file(index)));
        match &signatures[..] {
            [signature] => signature.superblock().unwrap().clone(),
            other => panic!("{other:?}"),
        }
    }

    fn volume(&self, index: usize) -> PhysicalVolume {
        volume(&self.superblock(index)).clone()
    }

    fn group(&self, index: usize) -> VolumeGroup {
        self.volume(index).group.unwrap()
    }

    /// `pvs` says the same of each volume.
    fn agrees_with_pvs(&self) {
        let fields = "pv_name,pv_uuid,vg_name,pe_start,pv_mda_count,pv_in_use,dev_size";
        let lines = self.report("pvs", fields, &[]);
        assert_eq!(lines.len(), self.seen.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let superblock = self.superblock(index);
            let volume = volume(&superblock);
            let line = lines.iter().find(|line| line[0] == *node).unwrap();
            assert_eq!(Some(&line[1]), superblock.uuid.as_ref());
            if let Some(group) = &volume.group {
                assert_eq!(line[2], group.name);
            }
            assert_eq!(line[3], volume.data_offset.to_string());
            assert_eq!(line[4], volume.areas.len().to_string());
            assert_eq!(line[5] == "used", volume.used);
            assert_eq!(line[6], superblock.size.to_string());
        }
    }

    /// `vgs` says the same of a group.
    fn agrees_with_vgs(&self, group: &VolumeGroup) {
        let fields = "vg_name,vg_uuid,vg_seqno,vg_extent_size,vg_systemid,vg_exported,\
                      vg_missing_pv_count,pv_count,vg_extent_count";
        let lines = self.report("vgs", fields, &["--foreign", "-a"]);
        let line = lines.iter().find(|line| line[1] == group.id).unwrap();
        let missing = group.physical.iter().filter(|part| part.missing).count();
        let extents: u64 = group.physical.iter().map(|part| part.extents).sum();
        let system_id = group.system_id.as_ref().map(|id| id.printable());
        let is_exported = group.status.contains(&"EXPORTED".to_owned());
        let exported = if is_exported { "exported" } else { "" };
        let ours = [
            group.name.clone(),
            group.id.clone(),
            group.seqno.to_string(),
            group.extent_size.to_string(),
            system_id.unwrap_or_default(),
            exported.to_owned(),
            missing.to_string(),
            group.physical.len().to_string(),
            extents.to_string(),
        ];
        assert_eq!(line, &ours);
    }

    /// `lvs` says the same of every segment; returns how many there are.
    fn agrees_with_lvs(&self, group: &VolumeGroup) -> usize {
        let fields = "lv_name,lv_uuid,seg_start_pe,segtype,seg_size_pe,stripe_size,devices,\
                      metadata_devices,metadata_lv,data_lv,pool_lv,origin";
        let lines = self.report("lvs", fields, &["-a", "--foreign", &group.name]);
        for line in &lines {
            // Hidden volumes stand in brackets.
            let name = bare(&line[0]);
            let volume = logical(group, &name);
            let mut segments = volume.segments.iter();
            let segment = segments
                .find(|segment| segment.start.to_string() == line[2])
                .unwrap();
            let ours = [
                line[0].clone(),
                volume.id.clone(),
                segment.start.to_string(),
                segment.kind.clone(),
                segment.extents.to_string(),
                segment.stripe.to_string(),
                self.devices(group, segment),
                meta_devices(segment),
                if segment.kind.starts_with("raid") {
                    String::new()
                } else {
                    need(segment, &["metadata"])
                },
                need(segment, &["pool", "data"]),
                need(
                    segment,
                    &["thin_pool", "cache_pool", "writecache", "vdo_pool"],
                ),
                // Of a snapshot `lvs` names the origin at the volume that
                // keeps the changes.
                match cow_origin(group, &name) {
                    Some(origin) => origin,
                    None => need(segment, &["external_origin", "origin"]),
                },
            ];
            let mut theirs = line.clone();
            for field in &mut theirs[8..] {
                *field = bare(field);
            }
            assert_eq!(theirs, ours);
        }
        lines.len()
    }

    fn devices(&self, group: &VolumeGroup, segment: &Segment) -> String {
        let place = |(name, extent): &(String, u64)| {
            let part = group.physical.iter().position(|part| part.name == *name);
            let name = part.map_or(name, |part| &self.nodes[part]);
            format!("{name}({extent})")
        };
        let places: Vec<String> = segment.places.iter().map(place).collect();
        if !places.is_empty() {
            return places.join(",");
        }
        // `lvs` takes what is mapped for a device too.
        match segment.kind.as_str() {
            "thin" => String::new(),
            _ => need(segment, &["pool", "data", "origin", "vdo_pool"])
                .split_terminator(',')
                .map(|name| format!("{name}(0)"))
                .collect(),
        }
    }
}

fn bare(name: &str) -> String {
    name.trim_matches(['[', ']']).to_owned()
}

fn logical<'a>(group: &'a VolumeGroup, name: &str) -> &'a LogicalVolume {
    let mut all = group.logical.iter();
    all.find(|volume| volume.name == name)
        .unwrap_or_else(|| panic!("{name}"))
}

fn segments(group: &VolumeGroup) -> usize {
    let logical = group.logical.iter();
    logical.map(|volume| volume.segments.len()).sum()
}

/// The first of these that a segment needs.
fn need(segment: &Segment, keys: &[&str]) -> String {
    let find = |key: &&str| segment.needs.iter().find(|(known, _)| known == key);
    let found = keys.iter().find_map(find);
    found.map(|(_, name)| name.clone()).unwrap_or_default()
}

/// The metadata images of a RAID.
fn meta_devices(segment: &Segment) -> String {
    let needs = segment.needs.iter();
    let meta = needs.filter(|(key, _)| key == "metadata" && segment.kind.starts_with("raid"));
    let meta: Vec<String> = meta.map(|(_, name)| format!("{name}(0)")).collect();
    meta.join(",")
}

/// What a volume keeps the changes of.
fn cow_origin(group: &VolumeGroup, name: &str) -> Option<String> {
    let segments = group.logical.iter().flat_map(|volume| &volume.segments);
    let mut snapshots = segments.filter(|segment| segment.kind == "snapshot");
    let of = snapshots.find(|segment| need(segment, &["cow_store", "merging_store"]) == name)?;
    Some(need(of, &["origin"]))
}

#[test]
#[ignore = "needs root and loop devices"]
fn every_kind_of_segment_is_as_lvs_reports_it() {
    let loops = Loops::new(&[64; 3]);
    let text = text();
    let ids = text.lines().filter_map(|line| line.strip_prefix("id = \""));
    let ids: Vec<&str> = ids.map(|id| id.trim_end_matches('"')).collect();
    // The first is the group's.
    for (node, id) in loops.nodes.iter().zip(&ids[1..]) {
        loops.done("pvcreate", &["--uuid", id, "--norestorefile", node]);
    }
    let path = text_path();
    let path = path.to_string_lossy();
    loops.done("vgcfgrestore", &["--force", "-f", &path, "kinds"]);
    loops.agrees_with_pvs();
    let groups = [0, 1, 2].map(|index| loops.group(index));
    assert!(groups.iter().all(|group| *group == groups[0]));
    loops.agrees_with_vgs(&groups[0]);
    // All but the hidden volume that stands for a snapshot.
    assert_eq!(loops.agrees_with_lvs(&groups[0]), segments(&groups[0]) - 1);
}

#[test]
#[ignore = "needs root and loop devices"]
fn volumes_that_lvcreate_makes_are_as_lvs_reports_them() {
    let loops = Loops::new(&[64; 3]);
    let nodes: Vec<&str> = loops.nodes.iter().map(String::as_str).collect();
    loops.done("pvcreate", &nodes);
    for index in 0..3 {
        let volume = loops.volume(index);
        assert!(volume.group.is_none() && !volume.used);
    }
    loops.agrees_with_pvs();
    loops.done("vgcreate", &[&["made"], &nodes[..]].concat());
    loops.create("one", &["-l", "3", "made"]);
    loops.create("two", &["-l", "4", "-i", "2", "-I", "16k", "made"]);
    loops.create("hole", &["-l", "1", "--type", "error", "made"]);
    loops.done("lvextend", &["-l", "+14", "made/one"]);
    loops.done("lvchange", &["-pr", "made/two"]);
    loops.agrees_with_pvs();
    let group = loops.group(2);
    loops.agrees_with_vgs(&group);
    assert_eq!(loops.agrees_with_lvs(&group), segments(&group));
    assert_eq!(logical(&group, "two").status, ["READ", "VISIBLE"]);
    loops.done("vgexport", &["made"]);
    let group = loops.group(0);
    assert_eq!(group.status, ["EXPORTED", "RESIZEABLE", "READ", "WRITE"]);
    loops.agrees_with_vgs(&group);
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_ring_of_32_kib_wraps_around_with_every_change_known() {
    let loops = Loops::new(&[64; 1]);
    let node = loops.nodes[0].as_str();
    let small = ["--metadatasize", "32k", "--dataalignment", "4k"];
    loops.done("pvcreate", &[&small[..], &[node]].concat());
    loops.done("vgcreate", &["ring", node]);
    let image = Image::open(&loops.file(0));
    let mut wrapped = 0;
    for change in 0..40_u64 {
        let tag = format!("tag-{change}-{}", "x".repeat(60));
        loops.done("vgchange", &["--addtag", &tag, "ring"]);
        if change % 2 == 1 {
            loops.done("vgchange", &["--deltag", &tag, "ring"]);
        }
        let superblock = loops.superblock(0);
        assert_eq!(superblock.damaged_copies, []);
        let group = loops.group(0);
        assert_eq!(group.seqno, 2 + change + change.div_ceil(2));
        let area = image.bytes(4096, 64);
        let word = |at: usize| u64::from_le_bytes(area[at..at + 8].try_into().unwrap());
        wrapped += u64::from(word(40) + word(48) > word(32));
    }
    assert!(wrapped > 1, "{wrapped}");
    loops.agrees_with_vgs(&loops.group(0));
}

#[test]
#[ignore = "needs root and loop devices"]
fn two_areas_none_and_an_ignored_one() {
    let loops = Loops::new(&[64; 3]);
    let nodes: Vec<&str> = loops.nodes.iter().map(String::as_str).collect();
    for (node, copies) in nodes.iter().zip(["2", "0", "1"]) {
        loops.done("pvcreate", &["--metadatacopies", copies, node]);
    }
    loops.done("vgcreate", &[&["areas"], &nodes[..]].concat());
    loops.done("pvchange", &["--metadataignore", "y", nodes[2]]);
    let [two, none, ignored] = [0, 1, 2].map(|index| loops.volume(index));
    assert_eq!(
        (two.areas.len(), none.areas.len(), ignored.areas.len()),
        (2, 0, 1)
    );
    assert_eq!((none.group, ignored.group), (None, None));
    assert!(two.used && none.used && ignored.used);
    loops.agrees_with_pvs();
    loops.agrees_with_vgs(&two.group.unwrap());

    // With either area damaged LVM and we read the other.
    for area in [two.areas[0], two.areas[1]] {
        let node = OpenOptions::new().read(true).write(true).open(nodes[0]);
        let node = node.unwrap();
        let mut header = [0; 512];
        node.read_exact_at(&mut header, area).unwrap();
        node.write_all_at(&[0; 512], area).unwrap();
        node.sync_all().unwrap();
        let superblock = loops.superblock(0);
        assert_eq!(superblock.damaged_copies[0].rule, "area-magic");
        assert_eq!(superblock.damaged_copies[0].offset, area + 4);
        loops.agrees_with_vgs(&loops.group(0));
        node.write_all_at(&header, area).unwrap();
        node.sync_all().unwrap();
        assert_eq!(loops.superblock(0).damaged_copies, []);
    }
}

#[test]
#[ignore = "needs root and loop devices"]
fn a_missing_volume_a_foreign_group_and_twins() {
    let mut loops = Loops::new(&[64; 3]);
    let nodes = loops.nodes.clone();
    loops.seen = nodes[..2].to_vec();
    loops.done("vgcreate", &["part", &nodes[0], &nodes[1]]);
    loops.create("here", &["-l", "1", "part", &nodes[0]]);
    loops.create("gone", &["-l", "1", "part", &nodes[1]]);
    loops.seen = nodes[..1].to_vec();
    // Fails for the volume that cannot be whole, and notes what is missing.
    loops.run("vgreduce", &["--removemissing", "part"]);
    let group = loops.group(0);
    let missing: Vec<bool> = group.physical.iter().map(|part| part.missing).collect();
    assert_eq!(missing, [false, true]);
    assert_eq!(group.physical[1].device, None);
    loops.agrees_with_vgs(&group);
    // The other one does not know.
    assert!(loops.group(1).seqno < group.seqno);

    loops.seen = nodes[2..].to_vec();
    loops.done("vgcreate", &["--systemid", "other", "part", &nodes[2]]);
    let foreign = loops.group(2);
    assert_eq!(foreign.system_id.as_ref().unwrap().printable(), "other");
    loops.agrees_with_vgs(&foreign);
    assert_eq!(foreign.name, group.name);
    assert_ne!(foreign.id, group.id);
}
