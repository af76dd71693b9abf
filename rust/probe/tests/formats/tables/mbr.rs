//! MBR: chains of logical partitions, and sectors that only look like one.

use super::{BOOT_SECTORS, agrees, as_partx_says, as_we_say, empty, of, rules_of, sfdisk, table};
use crate::harness::{
    Image, Subject, done, probe, sound, stands_bad_sectors, stands_changed_bytes, stands_cuts,
};
use asl_facts::{Format, Table};
use asl_probe::ReadAt;
use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Sectors: primary at 2048, extended from 8192 over the rest of 64 MiB.
const EXTENDED: u32 = 8192;
const END: u32 = 131_072;

/// Status, type, start and size.
type Slot = (u8, u8, u32, u32);

fn sector(id: u32, slots: &[Slot]) -> [u8; 512] {
    let mut bytes = [0; 512];
    bytes[440..444].copy_from_slice(&id.to_le_bytes());
    bytes[510..].copy_from_slice(&[0x55, 0xaa]);
    for (at, (status, kind, start, sectors)) in (446..).step_by(16).zip(slots) {
        bytes[at] = *status;
        bytes[at + 4] = *kind;
        bytes[at + 8..at + 12].copy_from_slice(&start.to_le_bytes());
        bytes[at + 12..at + 16].copy_from_slice(&sectors.to_le_bytes());
    }
    bytes
}

const PRIMARY: [Slot; 2] = [
    (0x80, 0x83, 2048, 2048),
    (0, 0x05, EXTENDED, END - EXTENDED),
];

/// These sectors on 64 MiB of zeros.
fn write(file: &File, sectors: &[(u32, [u8; 512])]) {
    file.set_len(64 << 20).unwrap();
    for (at, bytes) in sectors {
        file.write_all_at(bytes, u64::from(*at) * 512).unwrap();
    }
}

fn chain(file: &File) {
    write(
        file,
        &[
            (0, sector(0x1234_abcd, &PRIMARY)),
            (
                EXTENDED,
                sector(0, &[(0, 0x82, 64, 1000), (0, 5, 2048, 2048)]),
            ),
            (EXTENDED + 2048, sector(0, &[(0, 0x83, 64, 1000)])),
        ],
    );
}

pub(super) const MBR: Subject = Subject {
    name: "mbr",
    write: Some(chain),
    mib: 64,
    format: Format::Mbr,
    superblock: 0..512,
    ..Subject::PLAIN
};

#[test]
fn changed_bytes() {
    stands_changed_bytes([&MBR]);
    // A link of the chain.
    let dir = tempfile::tempdir().unwrap();
    let mut image = Image::open(&MBR.image(dir.path()));
    for at in 446..512 {
        for value in [0, 1, 5, 0x80, 0xff] {
            image.patches = vec![(u64::from(EXTENDED) * 512 + at, vec![value])];
            let found = of(&image, Format::Mbr);
            assert!(table(found.superblock().unwrap()).partitions.len() >= 2);
        }
    }
}

#[test]
fn cuts() {
    stands_cuts([&MBR]);
}

#[test]
fn bad_sectors() {
    stands_bad_sectors([&MBR]);
}

#[test]
fn partitions_are_those_of_sfdisk_and_partx() {
    for script in [
        "label: dos\nlabel-id: 0x00ab12cd\nsize=2048, type=83, bootable\nsize=4096, type=8e\n\
         type=5\nsize=2048, type=82\nsize=2048, type=fd\nsize=1024, type=7\n",
        // The first slot is not the first on the disk.
        "label: dos\nstart=8192, size=2048, type=83\nstart=2048, size=2048, type=c\n",
        "label: dos\ntype=f\nsize=2048, type=83\n",
    ] {
        let dir = tempfile::tempdir().unwrap();
        agrees(&sfdisk(dir.path(), 64, 512, script), 512, Format::Mbr);
    }
    let mut many = "label: dos\ntype=5\n".to_owned();
    many.push_str(&"size=1024, type=83\n".repeat(56));
    let dir = tempfile::tempdir().unwrap();
    let found = agrees(&sfdisk(dir.path(), 256, 512, &many), 512, Format::Mbr);
    assert_eq!(found.partitions.len(), 57);
}

/// The table of these sectors, and what is told of it.
fn made(dir: &tempfile::TempDir, sectors: &[(u32, [u8; 512])]) -> (Table, Vec<String>) {
    let path = dir.path().join("disk");
    write(&File::create(&path).unwrap(), sectors);
    let found = of(&Image::open(&path), Format::Mbr);
    let rules = rules_of(&found).into_iter().map(str::to_owned).collect();
    (table(found.superblock().unwrap()).clone(), rules)
}

/// The same, where partx sees what we see and nothing is wrong.
fn as_partx(sectors: &[(u32, [u8; 512])]) -> Table {
    let dir = tempfile::tempdir().unwrap();
    let (table, rules) = made(&dir, sectors);
    assert_eq!(rules, [""; 0]);
    let partx = as_partx_says(&dir.path().join("disk"), 512);
    assert_eq!(as_we_say(&table), partx);
    table
}

/// A chain of `count` logical partitions, 64 sectors each.
fn long(count: u32) -> Vec<(u32, [u8; 512])> {
    let mut sectors = vec![(0, sector(1, &PRIMARY))];
    for index in 0..count {
        let next = (0, 5, (index + 1) * 64, 64);
        let slots = [(0, 0x83, 8, 56), next];
        let slots = if index + 1 == count {
            &slots[..1]
        } else {
            &slots
        };
        sectors.push((EXTENDED + index * 64, sector(0, slots)));
    }
    sectors
}

#[test]
fn a_long_chain_is_read_to_its_end() {
    assert_eq!(as_partx(&long(130)).partitions.len(), 132);
    assert_eq!(as_partx(&long(251)).partitions.len(), 253);
    // Linux has no numbers for more.
    let dir = tempfile::tempdir().unwrap();
    let (table, rules) = made(&dir, &long(300));
    assert_eq!((table.partitions.len(), rules.len()), (253, 1));
    assert_eq!(rules, ["too-many"]);
}

#[test]
fn chains_of_other_systems_are_followed() {
    // DR-DOS: the link first; an empty sector that only leads on.
    let link = |at| (0, 5, at, 2048);
    let data = (0, 0x83, 64, 1000);
    let table = as_partx(&[
        (0, sector(1, &PRIMARY)),
        (EXTENDED, sector(0, &[link(2048), data])),
        (EXTENDED + 2048, sector(0, &[link(4096)])),
        (EXTENDED + 4096, sector(0, &[data])),
    ]);
    assert_eq!(table.partitions.len(), 4);
    // OS/2: four entries; and two that were left there.
    let third = (0, 0x07, 1064, 100);
    let table = as_partx(&[
        (0, sector(1, &PRIMARY)),
        (
            EXTENDED,
            sector(0, &[data, link(2048), third, (0, 0x07, 1164, END)]),
        ),
        (
            EXTENDED + 2048,
            sector(0, &[data, (0, 0, 0, 0), (0, 0x07, 1064, 2000)]),
        ),
    ]);
    assert_eq!(table.partitions.len(), 5);
}

#[test]
fn extended_partitions_inside_and_beside_each_other_are_followed() {
    // The sector of the inner one is a link like any other.
    let table = as_partx(&[
        (0, sector(1, &PRIMARY)),
        (
            EXTENDED,
            sector(0, &[(0, 0x83, 64, 100), (0, 0x0f, 2048, 4096)]),
        ),
        (
            EXTENDED + 2048,
            sector(0, &[(0, 0x83, 64, 100), (0, 0x85, 4096, 2048)]),
        ),
        (EXTENDED + 4096, sector(0, &[(0, 0x83, 64, 100)])),
    ]);
    assert_eq!(table.partitions.len(), 5);
    let two = [
        (0, 0x05, 2048, 2048),
        (0, 0x0f, EXTENDED, END - EXTENDED),
        (0, 0, 0, 0),
        (0, 0x83, 4096, 2048),
    ];
    let table = as_partx(&[
        (0, sector(1, &two)),
        (2048, sector(0, &[(0, 0x83, 64, 100)])),
        (EXTENDED, sector(0, &[(0, 0x83, 64, 100)])),
    ]);
    let numbers: Vec<u32> = table.partitions.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 4, 5, 6]);
}

#[test]
fn a_chain_that_is_a_circle_ends() {
    let data = (0, 0x83, 64, 1000);
    // Back to the first, to itself, and between two in the middle.
    for (first, second) in [(2048, 0), (0, 0), (2048, 2048)] {
        let dir = tempfile::tempdir().unwrap();
        let (table, rules) = made(
            &dir,
            &[
                (0, sector(1, &PRIMARY)),
                (EXTENDED, sector(0, &[data, (0, 5, first, 2048)])),
                (EXTENDED + 2048, sector(0, &[data, (0, 5, second, 2048)])),
            ],
        );
        assert_eq!(rules, ["circle"]);
        assert_eq!(table.partitions.len(), if first == 0 { 3 } else { 4 });
    }
    // The MBR as its own chain.
    let dir = tempfile::tempdir().unwrap();
    let (table, rules) = made(&dir, &[(0, sector(1, &[(0, 5, 0, END)]))]);
    assert_eq!(table.partitions.len(), 1);
    assert_eq!(rules, ["circle"]);
}

/// A disk that answers every read behind its MBR with a link to further on.
struct Endless(Cell<u32>);

impl ReadAt for Endless {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + 1);
        for (place, byte) in (offset..).zip(buf.iter_mut()) {
            let at = u32::try_from(place / 512).unwrap();
            let bytes = if at == 0 {
                sector(1, &[(0, 5, 8192, u32::MAX - 8192)])
            } else {
                sector(0, &[(0, 5, at.wrapping_sub(8192).wrapping_add(1), 1)])
            };
            *byte = bytes[usize::try_from(place % 512).unwrap()];
        }
        Ok(buf.len())
    }
    fn size(&self) -> u64 {
        1 << 41
    }
}

#[test]
fn a_chain_that_only_leads_on_ends() {
    let disk = Endless(Cell::new(0));
    let found = of(&disk, Format::Mbr);
    assert_eq!(rules_of(&found), ["too-many"]);
    assert!(disk.0.get() < 400, "{} reads", disk.0.get());
}

#[test]
fn what_breaks_a_chain_is_told_and_the_rest_kept() {
    let data = (0, 0x83, 64, 1000);
    let link = (0, 5, 2048, 2048);
    let head = [
        (0, sector(1, &PRIMARY)),
        (EXTENDED, sector(0, &[data, link])),
    ];
    let dir = tempfile::tempdir().unwrap();
    let (table, rules) = made(&dir, &head);
    assert_eq!(
        (table.partitions.len(), rules),
        (3, vec!["extended".to_owned()])
    );
    // A link past the device.
    let far = (0, 5, END, 2048);
    let (table, rules) = made(&dir, &[head[0], (EXTENDED, sector(0, &[data, far]))]);
    assert_eq!(
        (table.partitions.len(), rules),
        (3, vec!["extended".to_owned()])
    );
    // A link that cannot be read.
    let dir = tempfile::tempdir().unwrap();
    let mut image = Image::open(&MBR.image(dir.path()));
    let at = u64::from(EXTENDED + 2048) * 512;
    image.bad = Some(at..at + 512);
    let found = of(&image, Format::Mbr);
    assert_eq!(rules_of(&found), ["unreadable"]);
    assert_eq!(
        super::table(found.superblock().unwrap()).partitions.len(),
        3
    );
}

#[test]
fn partitions_where_they_cannot_be_are_told_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let primary = |slots: &[Slot]| made(&dir, &[(0, sector(1, slots))]).1;
    assert_eq!(primary(&[(0, 0x83, 2048, END)]), ["partition-outside"]);
    assert_eq!(
        primary(&[(0, 0x83, 2048, 4096), (0, 0x83, 4096, 2048)]),
        ["overlap"]
    );
    // A logical partition past its extended one, and two on one place.
    let dir = tempfile::tempdir().unwrap();
    let logical = |slots: &[Slot]| {
        let (table, rules) = made(
            &dir,
            &[(0, sector(1, &PRIMARY)), (EXTENDED, sector(0, slots))],
        );
        assert!(table.partitions.len() > 2);
        rules
    };
    assert_eq!(logical(&[(0, 0x83, 64, END)]), ["partition-outside"]);
    assert_eq!(
        logical(&[(0, 0x83, 64, 1000), (0, 0x83, 1000, 1000)]),
        ["overlap"]
    );
}

#[test]
fn a_table_without_an_id_names_no_partition() {
    let table = as_partx(&[(0, sector(0, &PRIMARY[..1]))]);
    assert_eq!(table.partitions[0].uuid, None);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    write(
        &File::create(&path).unwrap(),
        &[(0, sector(0, &PRIMARY[..1]))],
    );
    let found = of(&Image::open(&path), Format::Mbr);
    assert_eq!(found.superblock().unwrap().uuid, None);
    assert_eq!(crate::harness::blkid(&path).get("PTUUID"), None);
}

#[test]
fn one_changed_field_and_it_is_no_table() {
    let plain: Slot = (0, 0x83, 2048, 2048);
    let is_table = |first: Slot| {
        let mut disk = vec![0; 4 << 20];
        disk[..512].copy_from_slice(&sector(1, &[first]));
        !probe(&disk).is_empty()
    };
    assert!(is_table(plain));
    assert!(is_table((0x80, 0x83, 2048, 2048)));
    assert!(!is_table((0x01, 0x83, 2048, 2048)));
    assert!(!is_table((0xff, 0x83, 2048, 2048)));
    assert!(!is_table((0, 0, 2048, 2048)));
    assert!(!is_table((0, 0x83, 2048, 0)));
    let mut disk = vec![0; 4 << 20];
    disk[..512].copy_from_slice(&sector(1, &[plain]));
    disk[511] = 0xab;
    assert!(probe(&disk).is_empty());
}

/// A boot loader that is put into the first sector of a disk keeps what a FAT
/// without a table had there; and code where the entries are is no entry.
#[test]
fn a_boot_sector_is_a_table_only_with_plain_entries() {
    for make in BOOT_SECTORS {
        let dir = tempfile::tempdir().unwrap();
        let path = empty(dir.path(), 64);
        done(make[0], &[&make[1..], &[path.to_str().unwrap()]].concat());
        let formats = |slots: &[Slot]| -> Vec<Format> {
            let mut image = Image::open(&path);
            image.patch(446, &sector(0, slots)[446..510]);
            probe(&image).iter().map(|found| found.format).collect()
        };
        let code: [Slot; 2] = [(0x80, 0x83, 0, 2048), (0, 0x72, 0, 0x6f6f)];
        assert!(!formats(&code).contains(&Format::Mbr), "{make:?}");
        assert!(
            !formats(&[(0, 0x83, 2048, 2048), (0, 0x72, 77, 0)]).contains(&Format::Mbr),
            "{make:?}"
        );
        assert!(
            formats(&[(0, 0x83, 2048, 2048)]).contains(&Format::Mbr),
            "{make:?}"
        );
    }
}

#[test]
fn an_mbr_that_only_protects_shows_nothing() {
    let mut disk = vec![0; 4 << 20];
    disk[..512].copy_from_slice(&sector(0, &[(0, 0xee, 1, u32::MAX)]));
    let signatures = probe(&disk);
    let found = table(sound(&signatures, Format::Mbr));
    assert!(found.protective && found.partitions.is_empty());
}
