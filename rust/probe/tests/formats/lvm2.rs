//! LVM2 on the images of `lvm2_image`, which `pvck` and blkid read too. What
//! LVM makes itself is in `lvm2_live`.

use crate::harness::{
    Image, Subject, agrees_with_blkid, fill, only, probe, run, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use crate::lvm2_image::{AREA, FIRST, SECOND, SIZE, Volume, seal_area, text};
use asl_facts::{
    Content, Damage, Format, LogicalVolume, Outcome, PhysicalVolume, Segment, Signature,
    Superblock, VolumeGroup,
};
use std::fs::File;
use std::path::Path;
use std::process::Output;

fn write_kinds(file: &File) {
    fill(file, &Volume::kinds().bytes());
}

fn write_two_areas(file: &File) {
    let text = text();
    let volume = Volume::new(vec![(FIRST, 512, text.clone()), (SECOND, 512, text)]);
    fill(file, &volume.bytes());
}

fn write_first_sector(file: &File) {
    let volume = Volume {
        sector: 0,
        ..Volume::kinds()
    };
    fill(file, &volume.bytes());
}

const ONE: Subject = Subject {
    name: "one-area",
    write: Some(write_kinds),
    format: Format::Lvm2,
    superblock: 512..1024,
    // The magic, and what follows it.
    covered: &[512..520, 520..1024],
    ..Subject::PLAIN
};
pub(crate) const SUBJECTS: &[Subject] = &[
    ONE,
    Subject {
        name: "two-areas",
        write: Some(write_two_areas),
        ..ONE
    },
    Subject {
        name: "sector-0",
        write: Some(write_first_sector),
        superblock: 0..512,
        covered: &[0..8, 8..512],
        ..ONE
    },
];

#[test]
fn labels_are_what_blkid_says() {
    agrees_with_blkid(SUBJECTS);
}

#[test]
fn any_byte_of_a_label_may_change() {
    stands_changed_bytes(&SUBJECTS[..1]);
}

#[test]
fn any_byte_of_an_areas_header_may_change() {
    let mut bytes = Volume::kinds().bytes();
    for at in FIRST..FIRST + 512 {
        bytes[at] ^= 0x41;
        let superblock = found(&probe(&bytes));
        assert_eq!(volume(&superblock).group, None, "byte {at}");
        assert_eq!(superblock.damaged_copies.len(), 1, "byte {at}");
        bytes[at] ^= 0x41;
    }
}

#[test]
fn a_cut_volume_is_damaged() {
    stands_cuts(SUBJECTS);
    let mut bytes = Volume::kinds().bytes();
    bytes.truncate(SIZE - 512);
    assert_eq!(damage(&probe(&bytes)).rule, "size");
}

#[test]
fn bad_sectors_hide_only_what_lies_on_them() {
    stands_bad_sectors(&SUBJECTS[1..2]);
    let dir = tempfile::tempdir().unwrap();
    let path = SUBJECTS[1].image(dir.path());
    let mut image = Image::open(&path);
    image.bad = Some(4096..4608);
    let superblock = found(&probe(&image));
    assert!(volume(&superblock).group.is_some());
    assert_eq!(superblock.damaged_copies[0].rule, "unreadable");
}

/// `pvck` finds the same group in the image: the writer above does as LVM.
#[test]
fn pvck_reads_the_images_as_lvm_wrote_them() {
    let dir = tempfile::tempdir().unwrap();
    let wrapped = Volume::new(vec![(FIRST, AREA - 1024, text())]);
    for (name, make) in [("plain", Volume::kinds()), ("wrapped", wrapped)] {
        let path = dir.path().join(name);
        make.write(&path);
        let said = pvck("headers", &path);
        for line in [
            "pv_header.pv_uuid fj6Kpu9541pzWiPM3exynhNbQ6gdYX1R",
            "pv_header.device_size 4194304",
            "mda_header_1.start 4096",
            "vgname kinds seqno 2",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
        for bad in ["CHECK", "bad header"] {
            assert!(!said.contains(bad), "{bad}: {said}");
        }
        let said = pvck("metadata", &path);
        assert!(said.contains(text().trim_end()), "{said}");
        let (_, superblock) = only(&path);
        assert_eq!(volume(&superblock).group.as_ref().unwrap().seqno, 2);
    }
}

fn pvck(dump: &str, path: &Path) -> String {
    let path = path.to_string_lossy();
    let output = lvm(&["pvck", "--driverloaded", "n", "--dump", dump, &path]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs `lvm` without a configuration, and without a directory for one.
pub(crate) fn lvm(args: &[&str]) -> Output {
    let command = ["LVM_SYSTEM_DIR=", "LVM_SUPPRESS_FD_WARNINGS=1", "lvm"];
    let output = run("env", &[&command, args].concat());
    let is_missing = output.status.code() == Some(127);
    assert!(!is_missing, "lvm is one of .#oracleTools");
    output
}

pub(crate) fn found(signatures: &[Signature]) -> Superblock {
    match signatures {
        [signature] => signature.superblock().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn damage(signatures: &[Signature]) -> &Damage {
    match signatures {
        [
            Signature {
                outcome: Outcome::Damaged(damage),
                ..
            },
        ] => damage,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn volume(superblock: &Superblock) -> &PhysicalVolume {
    match &superblock.content {
        Content::PhysicalVolume(volume) => volume,
        other => panic!("{other:?}"),
    }
}

fn group(make: &Volume) -> VolumeGroup {
    let superblock = found(&probe(&make.bytes()));
    assert_eq!(superblock.damaged_copies, []);
    volume(&superblock).group.clone().unwrap()
}

fn kinds() -> VolumeGroup {
    group(&Volume::kinds())
}

fn logical<'a>(group: &'a VolumeGroup, name: &str) -> &'a LogicalVolume {
    let mut all = group.logical.iter();
    all.find(|volume| volume.name == name).unwrap()
}

fn first<'a>(group: &'a VolumeGroup, name: &str) -> &'a Segment {
    &logical(group, name).segments[0]
}

fn places(segment: &Segment) -> Vec<(&str, u64)> {
    segment
        .places
        .iter()
        .map(|(name, at)| (name.as_str(), *at))
        .collect()
}

fn needs(segment: &Segment) -> Vec<(&str, &str)> {
    let needs = segment.needs.iter();
    needs
        .map(|(key, name)| (key.as_str(), name.as_str()))
        .collect()
}

#[test]
fn the_group_is_read() {
    let superblock = found(&probe(&Volume::kinds().bytes()));
    assert_eq!(
        superblock.uuid.as_deref(),
        Some("fj6Kpu-9541-pzWi-PM3e-xynh-NbQ6-gdYX1R")
    );
    assert_eq!(superblock.size, u64::try_from(SIZE).unwrap());
    let volume = volume(&superblock);
    assert_eq!(volume.areas, [4096]);
    assert_eq!(volume.data_offset, 1 << 20);
    assert!(volume.used);
    let group = volume.group.as_ref().unwrap();
    assert_eq!((group.name.as_str(), group.seqno), ("kinds", 2));
    assert_eq!(group.extent_size, 64 << 10);
    assert_eq!(group.status, ["RESIZEABLE", "READ", "WRITE"]);
    assert_eq!(
        (group.system_id.as_ref(), group.lock_type.as_ref()),
        (None, None)
    );
    assert_eq!(group.physical.len(), 3);
    assert_eq!(superblock.uuid.as_ref(), Some(&group.physical[0].id));
    let part = &group.physical[1];
    assert_eq!(
        (part.data_offset, part.extents, part.missing),
        (1 << 20, 1008, false)
    );
    assert_eq!(part.device.as_ref().unwrap().printable(), "/dev/loop1");
    assert_eq!(superblock.unknown_features, Vec::<String>::new());
}

#[test]
fn places_are_where_the_data_is() {
    let group = kinds();
    let plain = &logical(&group, "plain").segments;
    let runs: Vec<_> = plain.iter().map(|run| (run.start, run.extents)).collect();
    assert_eq!(runs, [(0, 8), (8, 4), (12, 4)]);
    assert!(
        plain
            .iter()
            .all(|run| run.kind == "linear" && run.stripe == 0)
    );
    assert_eq!(places(&plain[1]), [("pv1", 0)]);
    let striped = first(&group, "striped");
    assert_eq!(
        (striped.kind.as_str(), striped.stripe),
        ("striped", 64 << 10)
    );
    assert_eq!(places(striped), [("pv0", 8), ("pv1", 4), ("pv2", 4)]);
    let parity = first(&group, "parity");
    assert_eq!(
        (parity.kind.as_str(), parity.stripe),
        ("raid5_ls", 64 << 10)
    );
    assert_eq!(
        places(parity),
        [
            ("parity_rimage_0", 0),
            ("parity_rimage_1", 0),
            ("parity_rimage_2", 0)
        ]
    );
    assert_eq!(needs(parity)[1], ("metadata", "parity_rmeta_1"));
    let zero = first(&group, "zero");
    assert_eq!(places(zero), [("zero_rimage_0", 0), ("zero_rimage_1", 0)]);
    assert!(zero.needs.is_empty());
    let mirror = first(&group, "oldmirror");
    assert_eq!(places(mirror).len(), 2);
    assert_eq!(needs(mirror), [("mirror_log", "oldmirror_mlog")]);
    let moving = first(&group, "pvmove0");
    assert_eq!(places(moving), [("pv0", 164), ("pv1", 331)]);
    assert!(
        logical(&group, "pvmove0")
            .status
            .contains(&"PVMOVE".to_owned())
    );
    assert_eq!(places(first(&group, "moving")), [("pvmove0", 0)]);
}

#[test]
fn what_needs_a_mapping_names_its_volumes_and_no_place() {
    let group = kinds();
    for (name, kind, expected) in [
        (
            "pool",
            "thin-pool",
            vec![("pool", "pool_tdata"), ("metadata", "pool_tmeta")],
        ),
        ("thin", "thin", vec![("thin_pool", "pool")]),
        (
            "thinsnap",
            "thin",
            vec![("thin_pool", "pool"), ("origin", "thin")],
        ),
        (
            "thinext",
            "thin",
            vec![("thin_pool", "pool"), ("external_origin", "image")],
        ),
        (
            "cached",
            "cache",
            vec![("origin", "cached_corig"), ("cache_pool", "fast_cpool")],
        ),
        (
            "fast_cpool",
            "cache-pool",
            vec![
                ("data", "fast_cpool_cdata"),
                ("metadata", "fast_cpool_cmeta"),
            ],
        ),
        (
            "voled",
            "cache",
            vec![("origin", "voled_corig"), ("cache_pool", "vol_cvol")],
        ),
        (
            "buffered",
            "writecache",
            vec![("origin", "buffered_wcorig"), ("writecache", "wc_cvol")],
        ),
        (
            "snapshot0",
            "snapshot",
            vec![("origin", "plain"), ("cow_store", "snap")],
        ),
        (
            "checked_rimage_0",
            "integrity",
            vec![
                ("origin", "checked_rimage_0_iorig"),
                ("meta_dev", "checked_rimage_0_imeta"),
            ],
        ),
        ("dedup", "vdo", vec![("vdo_pool", "vpool")]),
        ("vpool", "vdo-pool", vec![("data", "vpool_vdata")]),
        ("broken", "error", vec![]),
        ("void", "zero", vec![]),
    ] {
        let segment = first(&group, name);
        assert_eq!(
            (segment.kind.as_str(), needs(segment)),
            (kind, expected),
            "{name}"
        );
        assert!(segment.places.is_empty(), "{name}");
    }
    let numbers = |name| -> Vec<(String, u64)> { first(&group, name).numbers.clone() };
    let of = |key: &str, number| (key.to_owned(), number);
    assert_eq!(
        numbers("pool"),
        [of("transaction_id", 2), of("chunk_size", 128)]
    );
    assert_eq!(numbers("thinsnap"), [of("device_id", 2)]);
    assert_eq!(numbers("cached"), []);
    // Flags behind the type are status words.
    let status = &logical(&group, "voled").status;
    assert!(
        status.contains(&"CACHE_USES_CACHEVOL".to_owned()),
        "{status:?}"
    );
    let status = &logical(&group, "thinsnap").status;
    assert!(status.contains(&"ACTIVATION_SKIP".to_owned()), "{status:?}");
}

#[test]
fn a_text_that_wraps_around_the_end_of_its_area_is_one() {
    let len = text().len() + 1;
    for behind in [1, 511, 512, len - 1, len, len + 1] {
        let place = AREA - behind;
        assert_eq!(
            group(&Volume::new(vec![(FIRST, place, text())])),
            kinds(),
            "{behind}"
        );
    }
}

pub(crate) fn changed(from: &str, to: &str) -> String {
    let text = text();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn system_id_lock_type_and_status_are_told() {
    let foreign = changed(
        "extent_size",
        "system_id = \"other\"\nlock_type = \"dlm\"\nextent_size",
    );
    let foreign = group(&Volume::with(foreign));
    assert_eq!(foreign.system_id.unwrap().printable(), "other");
    assert_eq!(foreign.lock_type.as_deref(), Some("dlm"));
    let none = changed("extent_size", "lock_type = \"none\"\nextent_size");
    assert_eq!(group(&Volume::with(none)).lock_type, None);
    let exported = changed("[\"RESIZEABLE\"", "[\"EXPORTED\", \"RESIZEABLE\"");
    assert_eq!(group(&Volume::with(exported)).status[0], "EXPORTED");
    for missing in [
        changed(
            "[\"ALLOCATABLE\"]\nflags = []",
            "[\"ALLOCATABLE\"]\nflags = [\"MISSING\"]",
        ),
        changed("[\"ALLOCATABLE\"]", "[\"ALLOCATABLE\", \"MISSING\"]"),
    ] {
        let missing = missing.replacen("/dev/loop0", "[unknown]", 1);
        let group = group(&Volume::with(missing));
        assert!(group.physical[0].missing && !group.physical[1].missing);
        assert_eq!(group.physical[0].device, None);
    }
}

#[test]
fn a_status_that_lvm_would_refuse_is_an_unknown_feature() {
    let text = changed("[\"RESIZEABLE\"", "[\"FROBNICATED\", \"RESIZEABLE\"");
    let superblock = found(&probe(&Volume::with(text).bytes()));
    assert_eq!(superblock.unknown_features, ["status FROBNICATED of kinds"]);
    // Of `flags` LVM ignores what it does not know.
    let text = changed("flags = []", "flags = [\"FROBNICATED\"]");
    let superblock = found(&probe(&Volume::with(text).bytes()));
    assert!(superblock.unknown_features.is_empty());
    // A flag behind the type makes a type that nobody knows.
    let text = changed("\"cache+CACHE_USES_CACHEVOL\"", "\"cache+FROBNICATED\"");
    let group = group(&Volume::with(text));
    assert_eq!(first(&group, "voled").kind, "cache+FROBNICATED");
}

#[test]
fn the_newest_area_counts() {
    let newer = changed("seqno = 2", "seqno = 3");
    for (one, two, stale) in [(text(), newer.clone(), FIRST), (newer, text(), SECOND)] {
        let make = Volume::new(vec![(FIRST, 512, one), (SECOND, 512, two)]);
        let superblock = found(&probe(&make.bytes()));
        assert_eq!(volume(&superblock).group.as_ref().unwrap().seqno, 3);
        let [copy] = &superblock.damaged_copies[..] else {
            panic!("{superblock:?}");
        };
        assert_eq!((copy.rule.as_str(), copy.seen.as_str()), ("seqno", "2"));
        assert_eq!(copy.offset, u64::try_from(stale).unwrap() + 512);
    }
    let other = changed("max_lv = 0", "max_lv = 1").replacen("READ", "CLUSTERED", 1);
    let make = Volume::new(vec![(FIRST, 512, text()), (SECOND, 512, other)]);
    let superblock = found(&probe(&make.bytes()));
    assert_eq!(volume(&superblock).group, Some(kinds()));
    assert_eq!(superblock.damaged_copies[0].rule, "mismatch");
}

#[test]
fn the_second_area_stands_in_for_a_damaged_first_one() {
    let make = Volume::new(vec![(FIRST, 512, text()), (SECOND, 512, text())]);
    let mut bytes = make.bytes();
    assert_eq!(volume(&found(&probe(&bytes))).areas, [4096, 3_149_824]);
    bytes[FIRST + 600] ^= 1;
    let superblock = found(&probe(&bytes));
    assert_eq!(volume(&superblock).group, Some(kinds()));
    assert_eq!(superblock.damaged_copies[0].rule, "text-checksum");
    bytes[SECOND + 600] ^= 1;
    let superblock = found(&probe(&bytes));
    assert_eq!(volume(&superblock).group, None);
    assert!(volume(&superblock).used);
    assert_eq!(superblock.damaged_copies.len(), 2);
}

#[test]
fn a_volume_without_a_text_has_no_group() {
    for areas in [vec![], vec![(FIRST, 512, String::new())]] {
        let make = Volume {
            used: false,
            ..Volume::new(areas)
        };
        let superblock = found(&probe(&make.bytes()));
        assert_eq!(volume(&superblock).group, None);
        assert!(!volume(&superblock).used);
        assert_eq!(superblock.damaged_copies, []);
    }
    // An ignored area is left to the others.
    let mut bytes = Volume::kinds().bytes();
    bytes[FIRST + 60] = 1;
    seal_area(&mut bytes[FIRST..][..512]);
    let superblock = found(&probe(&bytes));
    assert_eq!(volume(&superblock).group, None);
    assert!(volume(&superblock).used && superblock.damaged_copies.is_empty());
}

#[test]
fn labels_in_each_of_four_sectors_are_found() {
    for sector in 0..4 {
        let make = Volume {
            sector,
            ..Volume::kinds()
        };
        let signatures = probe(&make.bytes());
        assert_eq!(signatures[0].offset, u64::try_from(sector * 512).unwrap());
        assert!(volume(&found(&signatures)).group.is_some());
    }
}

#[test]
fn a_zeroed_label_is_not_an_empty_device() {
    let mut bytes = Volume::kinds().bytes();
    bytes[..4096].fill(0);
    let signatures = probe(&bytes);
    assert_eq!(damage(&signatures).rule, "label-missing");
    // What something else was written over is no volume any more.
    bytes[1100] = 1;
    assert_eq!(probe(&bytes), []);
    // `pvremove` takes the group away first.
    let mut bytes = Volume::new(vec![(FIRST, 512, String::new())]).bytes();
    bytes[..4096].fill(0);
    assert_eq!(probe(&bytes), []);
    // `wipefs` zeroes the magic that blkid knows.
    let mut bytes = Volume::kinds().bytes();
    bytes[512 + 24..512 + 32].fill(0);
    assert_eq!(probe(&bytes), []);
}

#[test]
fn a_group_costs_at_most_two_reads_an_area() {
    struct Counting(Vec<u8>, std::cell::Cell<u32>);
    impl asl_probe::ReadAt for Counting {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            self.1.set(self.1.get() + 1);
            self.0.read_at(offset, buf)
        }
        fn size(&self) -> u64 {
            self.0.size()
        }
    }
    let two = Volume::new(vec![(FIRST, 512, text()), (SECOND, 512, text())]);
    for (make, reads) in [(Volume::kinds(), 2), (two, 4)] {
        let counting = Counting(make.bytes(), std::cell::Cell::new(0));
        assert_eq!(probe(&counting).len(), 1);
        assert_eq!(counting.1.get(), reads);
    }
}
