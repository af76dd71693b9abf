//! IMSM, DDF and what other firmware leaves on disks. No tool makes these
//! without the hardware or the kernel's driver, so they are written here;
//! mdadm and blkid read them.

#![allow(
    clippy::single_range_in_vec_init,
    reason = "a checksum may cover one range"
)]

use crate::harness::{
    Image, Subject, agrees_with_blkid, blkid, only, probe, run, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use asl_facts::{Content, Format, Outcome, Raid, RaidVolume, Role, Slot, Superblock, Text};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

fn raid(superblock: &Superblock) -> &Raid {
    match &superblock.content {
        Content::Raid(raid) => raid,
        other => panic!("{other:?}"),
    }
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..][..new.len()].copy_from_slice(new);
}

fn written(size: u64, write: impl Fn(&File)) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let file = File::create(&path).unwrap();
    file.set_len(size).unwrap();
    write(&file);
    (dir, path)
}

/// `mdadm --examine` as keys and values: first of the container, then of each
/// volume. It reads firmware metadata from whole disks only, so the image is
/// shown as a loop device; none where that cannot be.
fn examine(path: &Path, options: &[&str]) -> Option<Vec<BTreeMap<String, String>>> {
    let output = run("losetup", &["-r", "-f", "--show", &path.to_string_lossy()]);
    if !output.status.success() {
        eprintln!("no loop device here: not compared with mdadm");
        return None;
    }
    let node = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    // It has no serial number and no controller either.
    let env = ["IMSM_NO_PLATFORM=1", "IMSM_DEVNAME_AS_SERIAL=1"];
    let command = [&env, &["mdadm", "--examine"][..], options, &[&node]].concat();
    let output = run("env", &command);
    assert!(run("losetup", &["-d", &node]).status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{output:?}");
    let mut sections = vec![BTreeMap::new()];
    for line in text.lines() {
        if line.starts_with('[') && line.ends_with("]:") {
            sections.push(BTreeMap::new());
        }
        if let Some((key, value)) = line.split_once(" : ").or_else(|| line.split_once('=')) {
            let last = sections.last_mut().unwrap();
            last.entry(key.trim().to_owned())
                .or_insert_with(|| value.trim().to_owned());
        }
    }
    Some(sections)
}

fn colons(uuid: &str) -> String {
    let digits = uuid.replace('-', "");
    let words: Vec<&str> = (0..4).map(|word| &digits[word * 8..][..8]).collect();
    words.join(":")
}

fn first_number(value: &str) -> u64 {
    value.split_whitespace().next().unwrap().parse().unwrap()
}

fn rule_of(path: &Path) -> String {
    let signatures = probe(&Image::open(path));
    match signatures.as_slice() {
        [] => "absent".to_owned(),
        [one] => match &one.outcome {
            Outcome::Damaged(damage) => damage.rule.clone(),
            Outcome::Found(_) => "found".to_owned(),
        },
        more => panic!("{more:?}"),
    }
}

// IMSM.

const IMSM_SIZE: u64 = 8 << 20;
const CONFIGURED: u32 = 2;
const FAILED: u32 = 4;
const REBUILD: u32 = 1 << 24;

#[derive(Clone, Copy)]
struct Volume {
    name: &'static [u8],
    level: u8,
    sectors: u64,
    /// State and order of the disks.
    map: (u8, &'static [u32]),
    /// Kind of the migration, and the map that still holds.
    migration: Option<(u8, u8, &'static [u32])>,
    dirty: u8,
}

const MIRROR: Volume = Volume {
    name: b"System",
    level: 1,
    sectors: 8192,
    map: (0, &[0, 1]),
    migration: None,
    dirty: 0,
};

const RAID5: Volume = Volume {
    name: b"Data",
    level: 5,
    map: (0, &[0, 1, 2, 3]),
    ..MIRROR
};

struct Imsm {
    /// Status of each disk.
    disks: &'static [u32],
    volumes: &'static [Volume],
}

impl Imsm {
    fn bytes(&self, sector: u64) -> Vec<u8> {
        let mut mpb = vec![0; 216];
        put(&mut mpb, 0, b"Intel Raid ISM Cfg Sig. 1.3.00");
        put(&mut mpb, 40, &0x1234_abcd_u32.to_le_bytes());
        put(&mut mpb, 44, &77_u32.to_le_bytes());
        put(&mut mpb, 52, &0xa400_0013_u32.to_le_bytes());
        mpb[56] = u8::try_from(self.disks.len()).unwrap();
        mpb[57] = u8::try_from(self.volumes.len()).unwrap();
        put(&mut mpb, 64, &0x1234_0000_u32.to_le_bytes());
        put(&mut mpb, 80, &1_700_000_000_u64.to_le_bytes());
        for (number, status) in self.disks.iter().enumerate() {
            let mut disk = [0; 48];
            put(&mut disk, 0, format!("SERIAL{number}").as_bytes());
            let sectors = u32::try_from(IMSM_SIZE / sector).unwrap();
            put(&mut disk, 16, &sectors.to_le_bytes());
            put(
                &mut disk,
                20,
                &u32::try_from(number << 16).unwrap().to_le_bytes(),
            );
            put(&mut disk, 24, &status.to_le_bytes());
            mpb.extend(disk);
        }
        for volume in self.volumes {
            mpb.extend(volume.bytes());
        }
        let len = u32::try_from(mpb.len()).unwrap();
        put(&mut mpb, 36, &len.to_le_bytes());
        imsm_summed(mpb)
    }

    fn write(&self, file: &File, sector: u64) {
        imsm_place(file, &self.bytes(sector), sector);
    }
}

impl Volume {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 112];
        put(&mut bytes, 0, self.name);
        put(&mut bytes, 16, &self.sectors.to_le_bytes());
        if let Some((kind, ..)) = self.migration {
            put(&mut bytes, 88, &[1, kind]);
        }
        bytes[90] = self.dirty;
        let maps = [
            Some(self.map),
            self.migration.map(|(_, state, ords)| (state, ords)),
        ];
        for (state, ords) in maps.into_iter().flatten() {
            let mut map = vec![0; 48];
            put(&mut map, 0, &2048_u32.to_le_bytes());
            put(&mut map, 4, &4096_u32.to_le_bytes());
            put(&mut map, 12, &128_u16.to_le_bytes());
            let members = u8::try_from(ords.len()).unwrap();
            put(&mut map, 14, &[state, self.level, members, 1, 0xff]);
            for ord in ords {
                map.extend(ord.to_le_bytes());
            }
            bytes.extend(map);
        }
        bytes
    }
}

fn imsm_summed(mut mpb: Vec<u8>) -> Vec<u8> {
    put(&mut mpb, 32, &[0; 4]);
    let sum = mpb.chunks_exact(4).fold(0_u32, |sum, word| {
        sum.wrapping_add(u32::from_le_bytes(word.try_into().unwrap()))
    });
    put(&mut mpb, 32, &sum.to_le_bytes());
    mpb
}

fn imsm_place(file: &File, mpb: &[u8], sector: u64) {
    let first = IMSM_SIZE - 2 * sector;
    let len = usize::try_from(sector).unwrap();
    let (anchor, rest) = mpb.split_at(len.min(mpb.len()));
    file.write_all_at(anchor, first).unwrap();
    let sectors = u64::try_from(rest.len()).unwrap().div_ceil(sector);
    file.write_all_at(rest, first - sectors * sector).unwrap();
}

const TWO: &[u32] = &[CONFIGURED; 2];
const FOUR: &[u32] = &[CONFIGURED; 4];
/// All in one sector.
const SMALL: Imsm = Imsm {
    disks: TWO,
    volumes: &[MIRROR],
};
/// In two.
const LARGE: Imsm = Imsm {
    disks: FOUR,
    volumes: &[
        Volume {
            level: 0,
            name: b"Scratch",
            ..RAID5
        },
        RAID5,
    ],
};
const ANCHOR: u64 = IMSM_SIZE - 1024;

const IMSM: Subject = Subject {
    mib: 8,
    format: Format::Imsm,
    superblock: ANCHOR..ANCHOR + 512,
    ..Subject::PLAIN
};
pub(crate) const IMSM_SUBJECTS: &[Subject] = &[
    Subject {
        name: "imsm",
        write: Some(|file| SMALL.write(file, 512)),
        covered: &[ANCHOR..ANCHOR + 480],
        ..IMSM
    },
    Subject {
        name: "imsm-two-sectors",
        write: Some(|file| LARGE.write(file, 512)),
        covered: &[ANCHOR..ANCHOR + 512],
        ..IMSM
    },
];

/// All that `mdadm --examine` says of a container and its volumes.
fn same_as_mdadm(imsm: &Imsm) -> Superblock {
    let (_dir, path) = written(IMSM_SIZE, |file| imsm.write(file, 512));
    let (format, superblock) = only(&path);
    assert_eq!(format, Format::Imsm);
    let raid = raid(&superblock);
    let Some(theirs) = examine(&path, &[]) else {
        return superblock;
    };
    assert_eq!(superblock.version.as_ref(), theirs[0].get("Version"));
    assert_eq!(theirs[0]["Generation"], format!("{:08x}", raid.events));
    assert_eq!(theirs[0]["Disks"], raid.disks.len().to_string());
    assert_eq!(theirs[0]["RAID Devices"], raid.volumes.len().to_string());
    let export = &examine(&path, &["--export"]).unwrap()[0];
    assert_eq!(export["MD_LEVEL"], raid.level);
    assert_eq!(export["MD_UUID"], colons(&raid.array));
    assert_eq!(export["MD_DEVICES"], raid.raid_disks.to_string());
    for (volume, theirs) in raid.volumes.iter().zip(&theirs[1..]) {
        same_volume(volume, theirs);
    }
    superblock
}

fn same_volume(volume: &RaidVolume, theirs: &BTreeMap<String, String>) {
    let same = |key: &str, ours: String| {
        let text = theirs[key].split(" <-- ").next().unwrap();
        assert_eq!(ours, text, "{key} of {theirs:#?}");
    };
    same("UUID", colons(&volume.id));
    same("RAID Level", volume.level.replace("raid", ""));
    same("Members", volume.disks.to_string());
    same(
        "Migrate State",
        volume.under_way.clone().unwrap_or("idle".to_owned()),
    );
    same("Chunk Size", format!("{} KiB", volume.chunk / 1024));
    assert_eq!(volume.size / 512, first_number(&theirs["Array Size"]));
    assert_eq!(
        volume.data_size / 512,
        first_number(&theirs["Per Dev Size"])
    );
    let offset = volume.data_offset.unwrap() / 512;
    assert_eq!(offset, first_number(&theirs["Sector Offset"]));
    // While it migrates, what holds is on the right.
    let now = |key: &str| theirs[key].split(" <-- ").last().unwrap().to_owned();
    assert_eq!(volume.state, now("Map State"));
    if volume.clean {
        assert_eq!(theirs["Dirty State"], "clean");
    }
}

#[test]
fn blkid_agrees_on_imsm() {
    agrees_with_blkid(IMSM_SUBJECTS);
}

#[test]
fn changed_bytes_of_imsm() {
    stands_changed_bytes(IMSM_SUBJECTS);
}

#[test]
fn cuts_of_imsm() {
    stands_cuts(IMSM_SUBJECTS);
}

#[test]
fn bad_sectors_of_imsm() {
    // The second is in two sectors: either of them hides all.
    stands_bad_sectors(&IMSM_SUBJECTS[..1]);
}

#[test]
fn the_volumes_of_imsm_are_those_of_mdadm() {
    for imsm in [&SMALL, &LARGE] {
        let superblock = same_as_mdadm(imsm);
        let raid = raid(&superblock);
        assert!(raid.clean);
        assert_eq!(raid.role, Role::Member);
        assert_eq!(raid.disks[1].id, Text::from("SERIAL1"));
        assert_eq!(raid.disks[1].size, IMSM_SIZE);
        assert!(superblock.damaged_copies.is_empty());
    }
    let superblock = same_as_mdadm(&LARGE);
    let [scratch, data] = raid(&superblock).volumes.as_slice() else {
        panic!("{superblock:?}")
    };
    assert_eq!(
        (scratch.level.as_str(), data.level.as_str()),
        ("raid0", "raid5")
    );
    assert_eq!(data.name, Some(Text::from("Data")));
    assert_eq!(data.members, [Some(0), Some(1), Some(2), Some(3)]);
    assert_eq!(data.slots, [Slot::Active; 4]);
    assert_eq!(data.chunk, 65536);
}

#[test]
fn a_degraded_volume_of_imsm_has_a_slot_missing() {
    let superblock = same_as_mdadm(&Imsm {
        disks: &[CONFIGURED, CONFIGURED | FAILED],
        volumes: &[Volume {
            map: (2, &[0, 1 | REBUILD]),
            dirty: 1,
            ..MIRROR
        }],
    });
    let raid = raid(&superblock);
    assert_eq!(raid.volumes[0].state, "degraded");
    assert_eq!(raid.volumes[0].slots, [Slot::Active, Slot::Missing]);
    assert_eq!(raid.disks[1].role, Role::Faulty);
    assert!(!raid.clean);
}

#[test]
fn a_volume_of_imsm_that_is_being_rebuilt_has_two_maps() {
    let superblock = same_as_mdadm(&Imsm {
        disks: TWO,
        volumes: &[
            Volume {
                migration: Some((1, 2, &[0, 1 | REBUILD])),
                ..MIRROR
            },
            Volume {
                name: b"Second",
                ..MIRROR
            },
        ],
    });
    let [first, second] = raid(&superblock).volumes.as_slice() else {
        panic!("{superblock:?}")
    };
    assert_eq!(first.under_way.as_deref(), Some("rebuild"));
    assert_eq!(first.slots, [Slot::Active, Slot::Rebuilding]);
    assert!(!first.clean && second.clean);
    assert_eq!(second.name, Some(Text::from("Second")));
}

#[test]
fn every_migration_of_imsm_has_its_word() {
    for (kind, clean) in [(0, false), (2, true), (3, false), (4, false), (5, true)] {
        let volumes: &'static [Volume] = match kind {
            0 => &[Volume {
                migration: Some((0, 1, &[0, 1])),
                ..MIRROR
            }],
            2 => &[Volume {
                migration: Some((2, 0, &[0, 1])),
                ..MIRROR
            }],
            3 => &[Volume {
                migration: Some((3, 0, &[0, 1])),
                ..MIRROR
            }],
            4 => &[Volume {
                migration: Some((4, 0, &[0, 1])),
                ..MIRROR
            }],
            _ => &[Volume {
                migration: Some((5, 0, &[0, 1])),
                ..MIRROR
            }],
        };
        let superblock = same_as_mdadm(&Imsm {
            disks: TWO,
            volumes,
        });
        assert_eq!(raid(&superblock).clean, clean, "{kind}");
    }
}

#[test]
fn a_spare_of_imsm_knows_only_itself() {
    let superblock = same_as_mdadm(&Imsm {
        disks: &[1],
        volumes: &[],
    });
    assert_eq!(raid(&superblock).role, Role::Spare);
}

#[test]
fn imsm_on_4k_sectors_counts_in_them() {
    let (_dir, path) = written(IMSM_SIZE, |file| LARGE.write(file, 4096));
    let (_, superblock) = only(&path);
    let raid = raid(&superblock);
    assert_eq!(raid.disks[0].size, IMSM_SIZE);
    assert_eq!(raid.volumes[1].size, 8192 * 4096);
    assert_eq!(superblock.size, IMSM_SIZE);
}

#[test]
fn one_changed_field_of_imsm_breaks_one_rule() {
    for imsm in [&SMALL, &LARGE] {
        for (at, new, expected) in [
            (36, &70_000_u32.to_le_bytes()[..], "mpb-size"),
            (36, &100_u32.to_le_bytes(), "mpb-size"),
            (57, &[200], "volumes"),
            (0, b"x", "absent"),
            (44, &[9], "found"),
        ] {
            let mut mpb = imsm.bytes(512);
            put(&mut mpb, at, new);
            let mpb = imsm_summed(mpb);
            let (_dir, path) = written(IMSM_SIZE, |file| imsm_place(file, &mpb, 512));
            assert_eq!(rule_of(&path), expected, "{at}: {new:?}");
        }
        let (_dir, path) = written(IMSM_SIZE, |file| {
            let mut mpb = imsm.bytes(512);
            let last = mpb.len() - 1;
            mpb[last] ^= 1;
            imsm_place(file, &mpb, 512);
        });
        assert_eq!(rule_of(&path), "checksum");
    }
    let (_dir, path) = written(IMSM_SIZE, |file| LARGE.write(file, 512));
    let mut image = Image::open(&path);
    image.bad = Some(ANCHOR - 512..ANCHOR);
    let signatures = probe(&image);
    assert!(
        matches!(&signatures[0].outcome, Outcome::Damaged(damage) if damage.rule == "extended-mpb"),
        "{signatures:?}"
    );
}

#[test]
fn no_field_of_imsm_with_a_good_checksum_makes_it_panic() {
    for (imsm, sector) in [(&SMALL, 512), (&LARGE, 512), (&LARGE, 4096)] {
        let (_dir, path) = written(IMSM_SIZE, |_| ());
        let mut image = Image::open(&path);
        let mpb = imsm.bytes(sector);
        for at in 36..mpb.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut mpb = mpb.clone();
                mpb[at] = value;
                let mpb = imsm_summed(mpb);
                let len = usize::try_from(sector).unwrap().min(mpb.len());
                let first = IMSM_SIZE - 2 * sector;
                image.patches = vec![(first, mpb[..len].to_vec())];
                image.patch(first - sector, &mpb[len..]);
                probe(&image);
            }
        }
    }
}

#[test]
fn the_ids_of_imsm_are_made_as_mdadm_makes_them() {
    let (_dir, path) = written(IMSM_SIZE, |file| SMALL.write(file, 512));
    let (_, superblock) = only(&path);
    let raid = raid(&superblock);
    assert_eq!(raid.array, "d50887e3-02f8-a7f0-3e38-2efe381d7c31");
    assert_eq!(raid.volumes[0].id, "08a0f449-8398-f7dd-ec4e-4b80fe8df4a7");
}

// DDF.

const DDF_SIZE: u64 = 40 << 20;
const PRIMARY: u64 = 36 << 20;
const SECONDARY: u64 = 38 << 20;
const DDF_ANCHOR: u64 = DDF_SIZE - 512;
/// Entries of a table, and of a configuration record.
const TABLE: u16 = 15;
const MPPE: u16 = 16;
const RECORDS: u32 = 4;
/// From the start of the header, sectors.
const CONTROLLER: u64 = 1;
const PHYSICAL: u64 = 2;
const VIRTUAL: u64 = 4;
const CONFIGURATION: u64 = 6;
const DATA: u64 = 16;

struct Ddf {
    level: u8,
    qualifier: u8,
    /// Secondary count and level.
    over: (u8, u8),
    /// Kind and state of each disk.
    disks: &'static [(u16, u16)],
    state: u8,
    init: u8,
    /// Sequence numbers of the headers, and which of them are open.
    seq: [u32; 2],
    open: [u8; 2],
}

const DDF_MIRROR: Ddf = Ddf {
    level: 1,
    qualifier: 0,
    over: (1, 0),
    disks: &[(2, 1), (2, 1)],
    state: 0,
    init: 2,
    seq: [9, 9],
    open: [0, 0],
};

const HEADER_GUID: &[u8; 24] = b"Linux-MD\xde\xad\xbe\xef\0\0\0\0\x40\0\0\0\x11\x22\x33\x44";
const VOLUME_GUID: &[u8; 24] = b"Linux-MD\xde\xad\xbe\xef\0\0\0\0\x40\0\0\0\x55\x66\x77\x88";

fn refnum(disk: usize) -> [u8; 4] {
    (0x1000_0000 + u32::try_from(disk).unwrap()).to_be_bytes()
}

fn disk_guid(disk: usize) -> Vec<u8> {
    format!("ATA     SERIAL-NUMBER-{disk:02}").into_bytes()
}

/// The usual polynomial, from 0 and not inverted.
const FROM_0: crc::Algorithm<u32> = crc::Algorithm {
    init: 0,
    xorout: 0,
    check: 0x2dfd_2d88,
    ..crc::CRC_32_ISO_HDLC
};

fn ddf_summed(mut bytes: Vec<u8>) -> Vec<u8> {
    put(&mut bytes, 4, &[0xff; 4]);
    let crc = crc::Crc::<u32>::new(&FROM_0).checksum(&bytes);
    put(&mut bytes, 4, &crc.to_be_bytes());
    bytes
}

impl Ddf {
    /// 0 is the anchor, 1 and 2 the headers.
    fn header(&self, kind: u8) -> Vec<u8> {
        let mut header = vec![0xff; 512];
        let which = usize::from(kind.saturating_sub(1));
        put(&mut header, 0, &[0xde, 0x11, 0xde, 0x11]);
        put(&mut header, 8, HEADER_GUID);
        put(&mut header, 32, b"01.02.00");
        put(&mut header, 40, &self.seq[which].to_be_bytes());
        put(&mut header, 44, &0x4000_0000_u32.to_be_bytes());
        put(
            &mut header,
            48,
            &[if kind == 0 { 0xff } else { self.open[which] }, 0, 0],
        );
        put(&mut header, 96, &(PRIMARY / 512).to_be_bytes());
        put(&mut header, 104, &(SECONDARY / 512).to_be_bytes());
        header[112] = kind;
        put(&mut header, 116, &32768_u32.to_be_bytes());
        for (at, value) in [(128, TABLE), (130, TABLE), (132, 4), (134, 2), (136, MPPE)] {
            put(&mut header, at, &u16::to_be_bytes(value));
        }
        let sections = [
            (CONTROLLER, 1),
            (PHYSICAL, 2),
            (VIRTUAL, 2),
            (CONFIGURATION, (RECORDS + 1) * 2),
            (DATA, 1),
        ];
        for (number, (offset, len)) in sections.into_iter().enumerate() {
            let offset = u32::try_from(offset).unwrap();
            put(&mut header, 192 + number * 8, &offset.to_be_bytes());
            put(&mut header, 196 + number * 8, &len.to_be_bytes());
        }
        ddf_summed(header)
    }

    /// The sections as the disk with this number has them.
    fn sections(&self, own: usize) -> Vec<(u64, Vec<u8>)> {
        let mut controller = vec![0xff; 512];
        put(&mut controller, 0, &0xad11_1111_u32.to_be_bytes());
        put(&mut controller, 8, b"Linux-MD            host");

        let mut physical = vec![0xff; 1024];
        put(&mut physical, 0, &0x2222_2222_u32.to_be_bytes());
        let used = u16::try_from(self.disks.len()).unwrap();
        put(&mut physical, 8, &used.to_be_bytes());
        put(&mut physical, 10, &TABLE.to_be_bytes());
        for (number, (kind, state)) in self.disks.iter().enumerate() {
            let at = 64 + number * 64;
            put(&mut physical, at, &disk_guid(number));
            put(&mut physical, at + 24, &refnum(number));
            put(&mut physical, at + 28, &kind.to_be_bytes());
            put(&mut physical, at + 30, &state.to_be_bytes());
            put(&mut physical, at + 32, &(PRIMARY / 512).to_be_bytes());
        }

        let mut virtuals = vec![0xff; 1024];
        put(&mut virtuals, 0, &0xdddd_dddd_u32.to_be_bytes());
        put(&mut virtuals, 8, &1_u16.to_be_bytes());
        put(&mut virtuals, 10, &TABLE.to_be_bytes());
        let mut entry = [0; 64];
        put(&mut entry, 0, VOLUME_GUID);
        entry[32] = self.state;
        entry[33] = self.init;
        put(&mut entry, 48, b"data            ");
        put(&mut virtuals, 64, &entry);

        let mut record = vec![0xff; 1024];
        put(&mut record, 0, &0xeeee_eeee_u32.to_be_bytes());
        put(&mut record, 8, VOLUME_GUID);
        put(&mut record, 32, &[0; 32]);
        let (count, over) = self.over;
        let members = self.disks.iter().filter(|(kind, _)| *kind == 2).count() / usize::from(count);
        put(
            &mut record,
            64,
            &u16::try_from(members).unwrap().to_be_bytes(),
        );
        put(
            &mut record,
            66,
            &[7, self.level, self.qualifier, count, 0, over],
        );
        put(&mut record, 72, &8192_u64.to_be_bytes());
        put(&mut record, 80, &16384_u64.to_be_bytes());
        for slot in 0..members {
            put(&mut record, 512 + slot * 4, &refnum(slot));
            let at = 512 + usize::from(MPPE) * 4 + slot * 8;
            put(&mut record, at, &2048_u64.to_be_bytes());
        }
        let mut configuration = ddf_summed(record);
        configuration.resize(usize::try_from((RECORDS + 1) * 1024).unwrap(), 0xff);

        let mut data = vec![0xff; 512];
        put(&mut data, 0, &0x3333_3333_u32.to_be_bytes());
        put(&mut data, 8, &disk_guid(own));
        put(&mut data, 32, &refnum(own));
        vec![
            (CONTROLLER, ddf_summed(controller)),
            (PHYSICAL, ddf_summed(physical)),
            (VIRTUAL, ddf_summed(virtuals)),
            (CONFIGURATION, configuration),
            (DATA, ddf_summed(data)),
        ]
    }

    fn write(&self, file: &File, own: usize) {
        for (kind, start) in [(1, PRIMARY), (2, SECONDARY)] {
            file.write_all_at(&self.header(kind), start).unwrap();
            for (offset, bytes) in self.sections(own) {
                file.write_all_at(&bytes, start + offset * 512).unwrap();
            }
        }
        file.write_all_at(&self.header(0), DDF_ANCHOR).unwrap();
    }

    fn image(&self, own: usize) -> (tempfile::TempDir, PathBuf) {
        written(DDF_SIZE, |file| self.write(file, own))
    }
}

pub(crate) const DDF: Subject = Subject {
    name: "ddf",
    write: Some(|file| DDF_MIRROR.write(file, 0)),
    mib: 40,
    format: Format::Ddf,
    superblock: DDF_ANCHOR..DDF_SIZE,
    covered: &[DDF_ANCHOR..DDF_SIZE],
    differs: &[(
        "UUID",
        "blkid gives the container's GUID cut at its first NUL; ours is the disk's own",
    )],
    ..Subject::PLAIN
};

/// All that `mdadm --examine` says of a container and its first volume.
fn same_ddf(ddf: &Ddf, own: usize) -> Superblock {
    let (_dir, path) = ddf.image(own);
    let (format, superblock) = only(&path);
    assert_eq!(format, Format::Ddf);
    let raid = raid(&superblock);
    let Some(theirs) = examine(&path, &[]) else {
        return superblock;
    };
    let theirs = &theirs[0];
    let export = &examine(&path, &["--export"]).unwrap()[0];
    assert_eq!(superblock.version.as_ref(), theirs.get("Version"));
    assert_eq!(theirs["Seq"], format!("{:08x}", raid.events));
    assert_eq!(export["MD_UUID"], colons(&raid.array));
    assert_eq!(export["MD_DEVICES"], raid.raid_disks.to_string());
    let [volume] = raid.volumes.as_slice() else {
        panic!("{raid:?}")
    };
    assert_eq!(theirs["Name[0]"], volume.name.as_ref().unwrap().printable());
    let [state, rest] = theirs["state[0]"].splitn(2, ", ").collect::<Vec<_>>()[..] else {
        panic!("{theirs:#?}")
    };
    assert_eq!(state.to_lowercase(), volume.state);
    let init = theirs["init state[0]"] == "Fully Initialised";
    assert_eq!(rest == "Consistent" && init, volume.clean, "{theirs:#?}");
    assert_eq!(
        first_number(&theirs["Device Size[0]"]),
        volume.data_size / 1024
    );
    assert_eq!(first_number(&theirs["Array Size[0]"]), volume.size / 1024);
    assert_eq!(first_number(&theirs["Chunk Size[0]"]), volume.chunk / 512);
    let text = format!("{:?}", examine(&path, &["--brief"]));
    assert!(text.contains(&colons(&volume.id)), "{text}");
    superblock
}

#[test]
fn blkid_agrees_on_ddf() {
    agrees_with_blkid([&DDF]);
}

#[test]
fn changed_bytes_of_ddf() {
    stands_changed_bytes([&DDF]);
}

#[test]
fn cuts_of_ddf() {
    stands_cuts([&DDF]);
}

#[test]
fn bad_sectors_of_ddf() {
    stands_bad_sectors([&DDF]);
}

#[test]
fn the_volume_of_ddf_is_that_of_mdadm() {
    let superblock = same_ddf(&DDF_MIRROR, 1);
    assert_eq!(superblock.uuid.as_deref(), Some("ATA     SERIAL-NUMBER-01"));
    assert!(superblock.damaged_copies.is_empty());
    let raid = raid(&superblock);
    assert_eq!(raid.role, Role::Member);
    assert_eq!(raid.disks[1].id, Text::from("10000001"));
    assert_eq!(raid.disks[1].size, PRIMARY);
    let volume = &raid.volumes[0];
    assert_eq!(volume.level, "raid1");
    assert_eq!(volume.members, [Some(0), Some(1)]);
    assert_eq!(volume.data_offset, Some(2048 * 512));
    assert_eq!(volume.slots, [Slot::Active; 2]);
}

#[test]
fn every_level_of_ddf() {
    const THREE: &[(u16, u16)] = &[(2, 1); 3];
    const FOUR: &[(u16, u16)] = &[(2, 1); 4];
    for (level, qualifier, over, disks, expected, layout) in [
        (0x00, 0, (1, 0), THREE, "raid0", 0),
        (0x01, 1, (1, 0), THREE, "raid1", 0),
        (0x01, 0, (2, 3), FOUR, "raid10", 0x102),
        (0x04, 1, (1, 0), THREE, "raid4", 0),
        (0x05, 0, (1, 0), THREE, "raid5", 1),
        (0x05, 2, (1, 0), THREE, "raid5", 0),
        (0x05, 3, (1, 0), THREE, "raid5", 2),
        (0x06, 1, (1, 0), FOUR, "raid6", 8),
        (0x06, 2, (1, 0), FOUR, "raid6", 9),
        (0x06, 3, (1, 0), FOUR, "raid6", 10),
        (0x11, 0, (1, 0), THREE, "raid10", 0x102),
        (0x11, 1, (1, 0), THREE, "raid10", 0x201),
        (0x1f, 0, (1, 0), THREE, "linear", 0),
        (0x15, 0, (1, 0), THREE, "ddf 0x15", 0),
    ] {
        let ddf = Ddf {
            level,
            qualifier,
            over,
            disks,
            ..DDF_MIRROR
        };
        let superblock = same_ddf(&ddf, 0);
        let volume = &raid(&superblock).volumes[0];
        assert_eq!((volume.level.as_str(), volume.layout), (expected, layout));
        assert_eq!(usize::try_from(volume.disks).unwrap(), disks.len());
    }
}

#[test]
fn every_state_of_ddf() {
    // One failed, one is being rebuilt, one waits.
    let ddf = Ddf {
        disks: &[(2, 1), (2, 2), (2, 1 | 4), (8, 1)],
        level: 5,
        qualifier: 3,
        state: 1 | 0x10,
        ..DDF_MIRROR
    };
    let roles = [Role::Member, Role::Faulty, Role::Member, Role::Spare];
    for (own, role) in roles.into_iter().enumerate() {
        let superblock = same_ddf(&ddf, own);
        let raid = raid(&superblock);
        assert_eq!(raid.role, role);
        let volume = &raid.volumes[0];
        assert_eq!(volume.state, "degraded");
        assert!(!volume.clean);
        assert_eq!(
            volume.slots,
            [Slot::Active, Slot::Missing, Slot::Rebuilding]
        );
        assert_eq!(volume.data_offset.is_some(), own < 3);
    }
    let quick = Ddf {
        init: 1,
        ..DDF_MIRROR
    };
    assert!(!raid(&same_ddf(&quick, 0)).clean);
    let morphing = Ddf {
        state: 8,
        ..DDF_MIRROR
    };
    let superblock = same_ddf(&morphing, 0);
    assert!(raid(&superblock).volumes[0].under_way.is_some());
}

#[test]
fn the_newer_header_of_ddf_that_was_closed_is_believed() {
    for (seq, open, expected) in [
        ([9, 9], [0, 0], 9),
        ([9, 10], [0, 0], 10),
        ([9, 10], [0, 1], 9),
        ([10, 9], [0, 0], 10),
    ] {
        let superblock = same_ddf(
            &Ddf {
                seq,
                open,
                ..DDF_MIRROR
            },
            0,
        );
        assert_eq!(raid(&superblock).events, expected, "{seq:?} {open:?}");
    }
}

#[test]
fn the_second_header_of_ddf_stands_in_for_the_first() {
    let (_dir, path) = DDF_MIRROR.image(0);
    let mut image = Image::open(&path);
    for offset in [0, CONTROLLER, PHYSICAL, VIRTUAL, DATA] {
        image.patches = vec![(PRIMARY + offset * 512 + 9, b"x".to_vec())];
        let signatures = probe(&image);
        let superblock = sound(&signatures, Format::Ddf);
        assert_eq!(raid(superblock).volumes.len(), 1);
        let damage = &superblock.damaged_copies[0];
        assert_eq!(
            (damage.rule.as_str(), damage.offset),
            ("checksum", PRIMARY + offset * 512 + 4)
        );
        image
            .patches
            .push((SECONDARY + offset * 512 + 9, b"x".to_vec()));
        assert!(matches!(
            &probe(&image)[0].outcome,
            Outcome::Damaged(damage) if damage.rule == "checksum"
        ));
    }
    // A record of its own: only the volume loses what it says.
    image.patches = vec![(PRIMARY + CONFIGURATION * 512 + 70, b"x".to_vec())];
    let signatures = probe(&image);
    let superblock = sound(&signatures, Format::Ddf);
    assert_eq!(raid(superblock).volumes[0].level, "unknown");
    assert_eq!(superblock.damaged_copies[0].rule, "checksum");
    image.patches.clear();
    image.bad = Some(PRIMARY..PRIMARY + 512);
    let signatures = probe(&image);
    assert_eq!(
        sound(&signatures, Format::Ddf).damaged_copies[0].rule,
        "header"
    );
}

#[test]
fn one_changed_field_of_ddf_breaks_one_rule() {
    for (kind, at, new, expected) in [
        (0, 112, &[1][..], "type"),
        (0, 0, b"x", "absent"),
        (1, 112, &[2], "type"),
        (1, 8, b"x", "anchor"),
        (1, 96, b"x", "anchor"),
        (1, 204, &1025_u32.to_be_bytes(), "sections"),
        (1, 200, &4000_u32.to_be_bytes(), "sections"),
    ] {
        let (_dir, path) = DDF_MIRROR.image(0);
        let mut header = DDF_MIRROR.header(kind);
        put(&mut header, at, new);
        let header = ddf_summed(header);
        let mut image = Image::open(&path);
        let place = [DDF_ANCHOR, PRIMARY][usize::from(kind)];
        image.patch(place, &header);
        let signatures = probe(&image);
        let rule = match signatures.first().map(|signature| &signature.outcome) {
            None => "absent",
            Some(Outcome::Damaged(damage)) => &damage.rule,
            Some(Outcome::Found(superblock)) => &superblock.damaged_copies[0].rule,
        };
        assert_eq!(rule, expected, "{kind}: {at}");
    }
}

#[test]
fn no_field_of_ddf_with_a_good_checksum_makes_it_panic() {
    let (_dir, path) = DDF_MIRROR.image(0);
    let mut image = Image::open(&path);
    let record = DDF_MIRROR.sections(0).swap_remove(3).1[..1024].to_vec();
    let mut parts = vec![(0, DDF_MIRROR.header(1)), (CONFIGURATION, record)];
    parts.extend(
        DDF_MIRROR
            .sections(0)
            .into_iter()
            .filter(|(offset, _)| [PHYSICAL, VIRTUAL, DATA].contains(offset)),
    );
    for (offset, bytes) in parts {
        for at in 8..bytes.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                image.patches = vec![(PRIMARY + offset * 512, ddf_summed(bytes))];
                probe(&image);
            }
        }
    }
}

#[test]
fn an_anchor_of_ddf_256_sectors_early_is_not_an_empty_disk() {
    let (_dir, path) = DDF_MIRROR.image(0);
    let mut image = Image::open(&path);
    let anchor = image.bytes(DDF_ANCHOR, 512);
    image.patch(DDF_ANCHOR, &[0; 512]);
    image.patch(DDF_SIZE - 257 * 512, &anchor);
    assert!(matches!(
        &probe(&image)[0].outcome,
        Outcome::Damaged(damage) if damage.rule == "primary-missing"
    ));
}

// The rest, by name.

const DISK: u64 = 8 << 20;

/// Name and version as blkid has them, sectors before the end, bytes of the
/// sector.
fn others() -> Vec<(&'static str, Option<&'static str>, u64, Vec<u8>)> {
    let blank = || vec![0_u8; 512];
    let with = |fields: &[(usize, &[u8])]| {
        let mut sector = blank();
        for (at, bytes) in fields {
            put(&mut sector, *at, bytes);
        }
        sector
    };
    // Words up to and with this place add up to 0.
    let even = |mut sector: Vec<u8>, at: usize| {
        let end = if at == 4 { 128 } else { at };
        let sum = sector[..end].chunks(2).fold(0_u16, |sum, word| {
            sum.wrapping_add(u16::from_le_bytes(word.try_into().unwrap()))
        });
        put(&mut sector, at, &sum.wrapping_neg().to_le_bytes());
        sector
    };
    let nvidia = {
        let mut sector = with(&[(0, b"NVIDIA  "), (8, &[30, 0, 0, 0]), (16, &[100, 0])]);
        let sum = sector[..120].chunks(4).fold(0_u32, |sum, word| {
            sum.wrapping_add(u32::from_le_bytes(word.try_into().unwrap()))
        });
        put(&mut sector, 12, &sum.wrapping_neg().to_le_bytes());
        sector
    };
    let via = {
        let mut sector = with(&[(0, &[0x55, 0xaa, 1, 3, 0])]);
        sector[50] = sector[..50]
            .iter()
            .fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
        sector
    };
    let promise = with(&[(0, b"Promise Technology, Inc.")]);
    let silicon = with(&[(0x60, &[0, 0, 0, 0x2f]), (0x108, &[3, 0, 2, 0])]);
    let jmicron = with(&[(0, b"JM"), (2, &[1, 2]), (0x30, &[1])]);
    let adaptec = with(&[(0, &[0x37, 0xfc, 0x4d, 0x1e]), (63, &[2]), (256, b"DPTM")]);
    let first = DISK / 512 - 9;
    vec![
        ("promise_fasttrack", None, 63, promise.clone()),
        ("promise_fasttrack", None, 255, promise.clone()),
        ("promise_fasttrack", None, 256, promise.clone()),
        ("promise_fasttrack", None, 16, promise),
        ("silicon_medley", Some("2.3"), 1, even(silicon, 0x13e)),
        ("nvidia", Some("100"), 2, nvidia),
        (
            "hpt37x",
            None,
            first,
            with(&[(32, &[0xf0, 0x16, 0x78, 0x5a])]),
        ),
        (
            "hpt37x",
            None,
            first,
            with(&[(32, &[0xfd, 0x16, 0x78, 0x5a])]),
        ),
        ("hpt45x", None, 11, with(&[(0, &[0xf3, 0x16, 0x78, 0x5a])])),
        ("jmicron", Some("2.1"), 1, even(jmicron, 4)),
        ("lsi_mega", None, 1, with(&[(0, b"$XIDE$")])),
        ("via", Some("1"), 1, via),
        ("adaptec", Some("2"), 1, adaptec),
    ]
}

#[test]
fn other_firmware_is_named_as_blkid_names_it() {
    for (name, version, sectors, bytes) in others() {
        let at = DISK - sectors * 512;
        let (_dir, path) = written(DISK, |file| file.write_all_at(&bytes, at).unwrap());
        let theirs = blkid(&path);
        assert_eq!(theirs["TYPE"], format!("{name}_raid_member"));
        assert_eq!(theirs.get("VERSION").map(String::as_str), version, "{name}");
        let (format, superblock) = only(&path);
        assert_eq!(format, Format::Dmraid);
        let ours = match version {
            Some(version) => format!("{name} {version}"),
            None => name.to_owned(),
        };
        assert_eq!(superblock.version, Some(ours));
        let Content::Piece(piece) = &superblock.content else {
            panic!("{superblock:?}")
        };
        let broken = bytes[32] == 0xfd;
        assert_eq!(piece.state.as_deref(), broken.then_some("broken"));
    }
}

#[test]
fn short_magics_of_other_firmware_need_their_sums() {
    for (name, _, sectors, mut bytes) in others() {
        let at = DISK - sectors * 512;
        bytes[49] ^= 0x40;
        let (_dir, path) = written(DISK, |file| file.write_all_at(&bytes, at).unwrap());
        let expected = match name {
            "silicon_medley" | "jmicron" | "via" => "absent",
            "nvidia" => "checksum",
            _ => "found",
        };
        assert_eq!(rule_of(&path), expected, "{name}");
    }
    let (_dir, path) = written(DISK, |file| {
        file.write_all_at(b"NVIDIA  \x1f", DISK - 1024).unwrap();
    });
    assert_eq!(rule_of(&path), "size");
}
