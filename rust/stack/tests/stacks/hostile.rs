//! Metadata that lead in circles or list more than anybody has.

use crate::images::{devices, see};
use asl_facts::{
    Content, Format, LogicalVolume, Outcome, PhysicalVolume, Probe, Segment, Signature, Standing,
    Superblock, VolumeGroup, VolumePart,
};
use std::time::{Duration, Instant};

/// What is seen of a group of these volumes on one disk of a MiB.
fn group(logical: Vec<LogicalVolume>) -> asl_facts::Virtuals {
    let group = VolumeGroup {
        id: "group".to_owned(),
        name: "vg".to_owned(),
        seqno: 1,
        system_id: None,
        lock_type: None,
        status: Vec::new(),
        extent_size: 4096,
        physical: vec![VolumePart {
            name: "pv0".to_owned(),
            id: "pv".to_owned(),
            device: None,
            missing: false,
            data_offset: 4096,
            extents: 100,
        }],
        logical,
    };
    let mut disks = devices(&[vec![0; 1 << 20]]);
    let superblock = Superblock {
        uuid: Some("pv".to_owned()),
        label: None,
        version: None,
        size: 1 << 20,
        unknown_features: Vec::new(),
        damaged_copies: Vec::new(),
        content: Content::PhysicalVolume(PhysicalVolume {
            group: Some(group),
            areas: Vec::new(),
            data_offset: 4096,
            used: true,
        }),
    };
    disks[0].0.probe = Probe::Read {
        reads: 1,
        bytes: 1,
        blank: false,
        faults: Vec::new(),
        signatures: vec![Signature {
            format: Format::Lvm2,
            offset: 512,
            outcome: Outcome::Found(Box::new(superblock)),
            standing: Standing::Content,
        }],
    };
    see(disks)
}

/// A volume whose segments map the first extent of each of these.
fn volume(name: &str, places: &[&str]) -> LogicalVolume {
    let segment = |(start, place): (u64, &&str)| Segment {
        start,
        extents: 1,
        kind: "linear".to_owned(),
        stripe: 0,
        places: vec![((*place).to_owned(), 0)],
        needs: Vec::new(),
        numbers: Vec::new(),
    };
    LogicalVolume {
        id: name.to_owned(),
        name: name.to_owned(),
        status: vec!["VISIBLE".to_owned()],
        segments: (0..).zip(places).map(segment).collect(),
    }
}

fn refusals(seen: &asl_facts::Virtuals) -> Vec<String> {
    let why = |device: &asl_facts::Device| match &device.probe {
        Probe::Skipped { why } => Some(why.clone()),
        _ => None,
    };
    seen.devices.iter().filter_map(why).collect()
}

#[test]
fn volumes_in_a_circle_are_refused() {
    let seen = group(vec![volume("a", &["b"]), volume("b", &["a"])]);
    assert_eq!(refusals(&seen), ["its volumes lead in a circle"; 2]);
}

#[test]
fn volumes_that_fan_out_come_to_an_end() {
    let started = Instant::now();
    let names: Vec<String> = (0..12).map(|depth| format!("v{depth}")).collect();
    let mut volumes = Vec::new();
    for pair in names.windows(2) {
        volumes.push(volume(&pair[0], &[pair[1].as_str(); 50]));
    }
    volumes.push(volume("v11", &["pv0"]));
    let refused = refusals(&group(volumes));
    let many = "its volumes lead to too many segments";
    assert!(refused.iter().all(|why| why == many), "{refused:?}");
    assert!(refused.len() > 9, "{refused:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn extents_past_the_device_are_refused() {
    let mut outside = volume("a", &["pv0"]);
    outside.segments[0].places[0].1 = 255;
    let seen = group(vec![outside]);
    assert_eq!(refusals(&seen), ["pv0 ends past the device"]);
}

#[test]
fn no_more_views_than_the_bound() {
    let names: Vec<String> = (0..1100).map(|number| format!("v{number}")).collect();
    let volumes = names.iter().map(|name| volume(name, &["pv0"])).collect();
    let seen = group(volumes);
    let refused = refusals(&seen);
    assert_eq!(seen.devices.len(), 1100);
    assert_eq!(refused.len(), 1100 - asl_stack::MAX_VIRTUALS);
    assert_eq!(refused[0], "more than 1024 volumes and partitions");
}
