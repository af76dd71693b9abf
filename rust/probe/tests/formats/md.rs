//! Linux md. `mdadm --create` needs the kernel's driver and block devices, so
//! the superblocks are written here, and mdadm reads them.

#![allow(
    clippy::single_range_in_vec_init,
    reason = "a checksum may cover one range"
)]

use crate::harness::{
    Image, Subject, agrees_with_blkid, only, probe, run, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use crate::md_sum::summed;
use asl_facts::{Content, Format, Outcome, Raid, Role, Slot, Superblock, Text};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MIB: u64 = 8;
const SIZE: u64 = MIB << 20;
const MAGIC: u32 = 0xa92b_4efc;
const SET: [u8; 16] = *b"\xa5\x10\0\0\0\0\x40\0\x80\0the-s!";
const DEVICE: [u8; 16] = *b"\xde\x71\xce\0\0\0\x40\0\x80\0device";
const NOW: u64 = 1_700_000_000;

/// What a member's superblock says; sizes in sectors.
#[derive(Clone, Copy)]
struct Member {
    minor: u32,
    level: i32,
    layout: u32,
    chunk: u32,
    disks: u32,
    /// Roles by number of the device, and the number of this one.
    roles: &'static [u16],
    number: u32,
    features: u32,
    resync: u64,
    recovery: u64,
    /// Used of each device; 0 where the level uses all.
    used: u64,
    /// position, delta, level, chunk, layout
    reshape: (u64, i32, i32, u32, u32),
    bitmap: bool,
    bad_blocks: &'static [u64],
}

const RAID1: Member = Member {
    minor: 2,
    level: 1,
    layout: 0,
    chunk: 0,
    disks: 2,
    roles: &[0, 1],
    number: 0,
    features: 0,
    resync: u64::MAX,
    recovery: 0,
    used: 8192,
    reshape: (0, 0, 0, 0, 0),
    bitmap: false,
    bad_blocks: &[],
};

const fn at(minor: u32) -> u64 {
    match minor {
        0 => (SIZE - 8192) / 4096 * 4096,
        1 => 0,
        _ => 4096,
    }
}

impl Member {
    fn bytes(&self) -> Vec<u8> {
        let at = at(self.minor);
        let mut sb = vec![0; 4096];
        let mut put = |at: usize, bytes: &[u8]| sb[at..][..bytes.len()].copy_from_slice(bytes);
        let (offset, size) = match self.minor {
            0 => (0, at / 512 - 16),
            _ => (2048, SIZE / 512 - 2048),
        };
        let features = self.features | u32::from(self.bitmap);
        put(0, &MAGIC.to_le_bytes());
        put(4, &1_u32.to_le_bytes());
        put(8, &features.to_le_bytes());
        put(16, &SET);
        put(32, b"vm:array");
        put(64, &NOW.to_le_bytes());
        put(72, &self.level.to_le_bytes());
        put(76, &self.layout.to_le_bytes());
        put(80, &self.used.to_le_bytes());
        put(88, &self.chunk.to_le_bytes());
        put(92, &self.disks.to_le_bytes());
        let beside = if self.minor == 0 { -8_i32 } else { 8 };
        if self.bitmap {
            put(96, &beside.to_le_bytes());
        }
        let (position, delta, level, chunk, layout) = self.reshape;
        put(100, &level.to_le_bytes());
        put(104, &position.to_le_bytes());
        put(112, &delta.to_le_bytes());
        put(116, &layout.to_le_bytes());
        put(120, &chunk.to_le_bytes());
        put(128, &u64::to_le_bytes(offset));
        put(136, &size.to_le_bytes());
        put(144, &(at / 512).to_le_bytes());
        put(152, &self.recovery.to_le_bytes());
        put(160, &self.number.to_le_bytes());
        put(168, &DEVICE);
        if !self.bad_blocks.is_empty() {
            put(186, &1_u16.to_le_bytes());
            put(188, &(beside * 2).to_le_bytes());
        }
        put(192, &(NOW + 5 + (123_456 << 40)).to_le_bytes());
        put(200, &77_u64.to_le_bytes());
        put(208, &self.resync.to_le_bytes());
        put(220, &u32::try_from(self.roles.len()).unwrap().to_le_bytes());
        for (number, role) in self.roles.iter().enumerate() {
            put(256 + 2 * number, &role.to_le_bytes());
        }
        summed(sb)
    }

    fn write(&self, file: &File) {
        let at = at(self.minor);
        file.write_all_at(&self.bytes(), at).unwrap();
        let beside = |steps: u64| match self.minor {
            0 => at - steps * 4096,
            _ => at + steps * 4096,
        };
        if self.bitmap {
            let bitmap = bitmap(SET, self.used);
            file.write_all_at(&bitmap, beside(1)).unwrap();
        }
        if !self.bad_blocks.is_empty() {
            let mut log = [0xff; 512];
            for (entry, bad) in log.chunks_mut(8).zip(self.bad_blocks) {
                entry.copy_from_slice(&bad.to_le_bytes());
            }
            file.write_all_at(&log, beside(2)).unwrap();
        }
    }
}

/// The superblock of a bitmap over so many sectors.
fn bitmap(set: [u8; 16], sectors: u64) -> Vec<u8> {
    let mut bitmap = vec![0; 256];
    let mut put = |at: usize, bytes: &[u8]| bitmap[at..][..bytes.len()].copy_from_slice(bytes);
    put(0, b"bitm");
    put(4, &4_u32.to_le_bytes());
    put(8, &set);
    put(24, &77_u64.to_le_bytes());
    put(32, &77_u64.to_le_bytes());
    put(40, &sectors.to_le_bytes());
    put(52, &(64_u32 << 20).to_le_bytes());
    put(56, &5_u32.to_le_bytes());
    put(64, &8_u32.to_le_bytes());
    bitmap
}

/// A 0.90 superblock as words; [`V090::bytes`] writes them in either order.
struct V090(Vec<u32>);

const AT_090: u64 = SIZE - 65536;

impl V090 {
    fn new(level: i32, disks: u32) -> Self {
        let mut w = vec![0_u32; 1024];
        w[..16].copy_from_slice(&[
            MAGIC,
            0,
            90,
            0,
            0,
            0xa510_0000,
            1_700_000_000,
            level.cast_unsigned(),
            6144,
            disks,
            disks,
            3,
            0,
            0x0000_4000,
            0x8000_1234,
            0x5678_9abc,
        ]);
        w[32..38].copy_from_slice(&[1_700_000_005, 1, disks, disks, 0, 0]);
        w[64] = if matches!(level, 5 | 6) { 2 } else { 0 };
        w[65] = if level == 1 { 0 } else { 65536 };
        for disk in 0..disks {
            let at = usize::try_from(128 + disk * 32).unwrap();
            w[at..at + 5].copy_from_slice(&[disk, 8, 16 * disk + 1, disk, 6]);
        }
        let mut sb = Self(w);
        sb.set_events(77);
        sb.this(0);
        sb
    }

    fn set_events(&mut self, events: u32) {
        self.0[39] = events;
    }

    /// The writer is this device.
    fn this(&mut self, number: usize) {
        self.0
            .copy_within(128 + number * 32..160 + number * 32, 992);
    }

    fn set(mut self, word: usize, value: u32) -> Self {
        self.0[word] = value;
        self
    }

    fn bytes(&self, big: bool) -> Vec<u8> {
        let mut words = self.0.clone();
        if big {
            // The halves of these change places too.
            for low in [39, 41, 44] {
                words.swap(low, low + 1);
            }
        }
        words[38] = 0;
        let sum: u64 = words.iter().map(|word| u64::from(*word)).sum();
        words[38] = u32::try_from(((sum & 0xffff_ffff) + (sum >> 32)) & 0xffff_ffff).unwrap();
        words
            .iter()
            .flat_map(|word| {
                if big {
                    word.to_be_bytes()
                } else {
                    word.to_le_bytes()
                }
            })
            .collect()
    }

    fn write(&self, file: &File, big: bool) {
        let bytes = self.bytes(big);
        file.write_all_at(&bytes, AT_090).unwrap();
        if self.0[33] & 0x100 != 0 {
            let set = [20, 52, 56, 60].map(|at| bytes[at..at + 4].try_into().unwrap());
            let set: [[u8; 4]; 4] = set;
            let bitmap = bitmap(set.concat().try_into().unwrap(), 12288);
            file.write_all_at(&bitmap, AT_090 + 4096).unwrap();
        }
    }
}

const OWN: &[(&str, &str)] = &[(
    "UUID",
    "blkid gives the array's; ours is the member's own (UUID_SUB), the array's is in its facts",
)];

const MD: Subject = Subject {
    mib: MIB,
    format: Format::Md,
    superblock: 4096..8192,
    differs: OWN,
    ..Subject::PLAIN
};
const MD090: Subject = Subject {
    superblock: AT_090..AT_090 + 4096,
    ..MD
};

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject {
        name: "md-1.0",
        write: Some(|file| Member { minor: 0, ..RAID1 }.write(file)),
        superblock: at(0)..at(0) + 4096,
        ..MD
    },
    Subject {
        name: "md-1.1",
        write: Some(|file| Member { minor: 1, ..RAID1 }.write(file)),
        superblock: 0..4096,
        ..MD
    },
    Subject {
        name: "md-1.2",
        write: Some(|file| RAID1.write(file)),
        ..MD
    },
    Subject {
        name: "md-0.90",
        write: Some(|file| V090::new(1, 2).write(file, false)),
        ..MD090
    },
    Subject {
        name: "md-0.90-big-endian",
        write: Some(|file| V090::new(1, 2).write(file, true)),
        ..MD090
    },
];

/// The layouts, with no more of them than the checksum covers and a few
/// entries of each table.
pub(crate) const HEADS: &[Subject] = &[
    Subject {
        name: "1.0",
        write: Some(|file| Member { minor: 0, ..RAID1 }.write(file)),
        superblock: at(0)..at(0) + 264,
        covered: &[at(0)..at(0) + 260],
        ..MD
    },
    Subject {
        name: "1.2",
        write: Some(|file| RAID1.write(file)),
        superblock: 4096..4096 + 264,
        covered: &[4096..4096 + 260],
        ..MD
    },
    Subject {
        name: "0.90",
        write: Some(|file| V090::new(1, 2).write(file, false)),
        superblock: AT_090..AT_090 + 700,
        covered: &[AT_090..AT_090 + 700],
        ..MD
    },
];

#[test]
fn blkid_agrees() {
    agrees_with_blkid(SUBJECTS);
}

#[test]
fn changed_bytes() {
    stands_changed_bytes(HEADS);
}

#[test]
fn cuts() {
    stands_cuts(&SUBJECTS[..4]);
}

#[test]
fn bad_sectors() {
    stands_bad_sectors(&SUBJECTS[..4]);
}

fn raid(superblock: &Superblock) -> &Raid {
    match &superblock.content {
        Content::Raid(raid) => raid,
        other => panic!("{other:?}"),
    }
}

/// An image with only this written to it, and what mdadm says of it.
fn written(write: impl Fn(&File)) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let file = File::create(&path).unwrap();
    file.set_len(SIZE).unwrap();
    write(&file);
    (dir, path)
}

/// `mdadm --examine` as keys and values.
fn examine(path: &Path, options: &[&str]) -> BTreeMap<String, String> {
    let path = path.to_string_lossy();
    let output = run("mdadm", &[&["--examine"], options, &[&path]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{output:?}");
    text.lines()
        .filter_map(|line| line.split_once(" : ").or_else(|| line.split_once('=')))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

fn first_number(value: &str) -> u64 {
    value.split_whitespace().next().unwrap().parse().unwrap()
}

fn colons(uuid: &str) -> String {
    let digits = uuid.replace('-', "");
    format!(
        "{}:{}:{}:{}",
        &digits[..8],
        &digits[8..16],
        &digits[16..24],
        &digits[24..]
    )
}

fn role_text(role: Role, replacement: bool) -> String {
    match role {
        Role::Active(slot) if replacement => format!("Replacement device {slot}"),
        Role::Active(slot) => format!("Active device {slot}"),
        // mdadm does not tell a faulty device from a spare.
        Role::Spare | Role::Faulty => "spare".to_owned(),
        Role::Journal => "Journal".to_owned(),
        Role::Member => unreachable!(),
    }
}

/// All that `mdadm --examine` and `--export` say of a 1.x member.
fn same_as_mdadm(what: &str, member: &Member) -> Superblock {
    let (_dir, path) = written(|file| member.write(file));
    let (_, superblock) = only(&path);
    let raid = raid(&superblock);
    let mut theirs = examine(&path, &[]);
    theirs.extend(examine(&path, &["--export"]));
    let same = |key: &str, ours: Option<String>| {
        assert_eq!(
            ours.as_ref(),
            theirs.get(key),
            "{what}: {key} of {theirs:#?}"
        );
    };
    same("Version", superblock.version.clone());
    same("Array UUID", Some(colons(&raid.array)));
    same("MD_UUID", Some(colons(&raid.array)));
    same("Device UUID", superblock.uuid.as_deref().map(colons));
    same("MD_NAME", raid.name.as_ref().map(Text::printable));
    same("Raid Level", Some(raid.level.clone()));
    same("MD_DEVICES", Some(raid.raid_disks.to_string()));
    same("MD_EVENTS", Some(raid.events.to_string()));
    same("MD_UPDATE_TIME", Some(raid.updated.to_string()));
    same("Device Role", Some(role_text(raid.role, raid.replacement)));
    let active = raid.clean || raid.rebuilt.is_some() && theirs["State"] == "clean";
    assert_eq!(active, theirs["State"] == "clean", "{what}");
    assert_eq!(
        raid.data_offset / 512,
        theirs
            .get("Data Offset")
            .map_or(0, |text| first_number(text)),
        "{what}"
    );
    let used = match raid.level.as_str() {
        "faulty" | "linear" | "raid0" => None,
        _ => theirs.get("Used Dev Size"),
    };
    let used = used.or(theirs.get("Avail Dev Size"));
    if raid.role != Role::Journal {
        assert_eq!(raid.data_size / 512, first_number(used.unwrap()), "{what}");
    }
    assert_eq!(
        raid.bitmap,
        theirs.contains_key("Internal Bitmap"),
        "{what}"
    );
    assert_eq!(
        raid.rebuilt.map(|bytes| bytes / 512),
        theirs.get("Recovery Offset").map(|text| first_number(text)),
        "{what}"
    );
    if let Some(chunk) = theirs.get("Chunk Size").or(theirs.get("Rounding")) {
        assert_eq!(format!("{}K", raid.chunk / 1024), *chunk, "{what}");
    }
    let state: String = raid
        .slots
        .iter()
        .map(|slot| if *slot == Slot::Missing { '.' } else { 'A' })
        .collect();
    let shown = theirs["Array State"].split_whitespace().next().unwrap();
    assert_eq!(state, shown.replace('R', "A"), "{what}");
    match &raid.reshape {
        None => assert!(!theirs.contains_key("Reshape pos'n"), "{what}"),
        Some(reshape) => {
            let position = first_number(&theirs["Reshape pos'n"]);
            assert_eq!(reshape.position / 1024, position, "{what}");
            let same = |key: &str, ours: String| {
                if let Some(text) = theirs.get(key) {
                    assert!(text.starts_with(&ours), "{what}: {key}: {ours} of {text}");
                }
            };
            same("Delta Devices", reshape.delta_disks.to_string());
            same("New Level", reshape.level.clone());
            same("New Chunksize", format!("{}K", reshape.chunk / 1024));
        }
    }
    let brief = run("mdadm", &["--examine", "--brief", &path.to_string_lossy()]);
    let brief = String::from_utf8_lossy(&brief.stdout).into_owned();
    let version = superblock.version.as_deref().unwrap();
    for part in [
        format!("metadata={version}"),
        format!("UUID={}", colons(&raid.array)),
    ] {
        assert!(brief.contains(&part), "{what}: {part} of {brief}");
    }
    superblock
}

/// A raid0 and the levels with parity, over four devices.
fn level(level: i32) -> Member {
    Member {
        level,
        layout: match level {
            5 | 6 => 2,
            10 => 0x102,
            _ => 0,
        },
        chunk: if matches!(level, 1 | -4 | -5) {
            0
        } else {
            1024
        },
        disks: if matches!(level, -4 | -5) { 1 } else { 4 },
        roles: if matches!(level, -4 | -5) {
            &[0]
        } else {
            &[0, 1, 2, 3]
        },
        used: if matches!(level, -5 | -1 | 0) {
            0
        } else {
            8192
        },
        ..RAID1
    }
}

#[test]
fn every_level_in_every_version() {
    let levels = [
        (-5, "faulty"),
        (-4, "multipath"),
        (-1, "linear"),
        (0, "raid0"),
        (1, "raid1"),
        (4, "raid4"),
        (5, "raid5"),
        (6, "raid6"),
        (10, "raid10"),
    ];
    for minor in [0, 1, 2] {
        for (number, name) in levels {
            let superblock = same_as_mdadm(
                name,
                &Member {
                    minor,
                    ..level(number)
                },
            );
            let raid = raid(&superblock);
            assert_eq!(raid.level, name);
            assert!(raid.clean && raid.rebuilt.is_none());
            assert!(superblock.unknown_features.is_empty());
            assert!(superblock.size <= SIZE);
        }
    }
}

#[test]
fn every_role() {
    const ROLES: &[u16] = &[0, 1, 0xffff, 0xfffe, 0xfffd];
    let roles = [
        Role::Active(0),
        Role::Active(1),
        Role::Spare,
        Role::Faulty,
        Role::Journal,
        Role::Spare,
    ];
    for (number, role) in (0..).zip(roles) {
        let member = Member {
            roles: ROLES,
            number,
            disks: 3,
            features: 0x200,
            ..level(5)
        };
        let superblock = same_as_mdadm("roles", &member);
        let raid = raid(&superblock);
        assert_eq!(raid.role, role);
        assert!(raid.journal);
        assert_eq!(raid.slots, [Slot::Active, Slot::Active, Slot::Missing]);
    }
}

#[test]
fn a_resync_that_is_due_is_dirty() {
    let superblock = same_as_mdadm("dirty", &Member { resync: 0, ..RAID1 });
    assert!(!raid(&superblock).clean);
    let halfway = Member {
        resync: 4096,
        ..RAID1
    };
    assert!(!raid(&same_as_mdadm("halfway", &halfway)).clean);
}

#[test]
fn a_member_that_is_being_rebuilt_says_how_far() {
    let member = Member {
        number: 1,
        features: 0x2,
        recovery: 4096,
        ..RAID1
    };
    let superblock = same_as_mdadm("rebuilding", &member);
    let raid = raid(&superblock);
    assert_eq!(raid.rebuilt, Some(4096 * 512));
    assert_eq!(raid.slots, [Slot::Active, Slot::Rebuilding]);
    assert!(!raid.clean);
}

#[test]
fn a_replacement_shares_a_slot_that_works() {
    let member = Member {
        roles: &[0, 1, 1],
        number: 2,
        features: 0x12,
        recovery: 2048,
        ..RAID1
    };
    let superblock = same_as_mdadm("replacement", &member);
    let raid = raid(&superblock);
    assert!(raid.replacement);
    assert_eq!(raid.role, Role::Active(1));
    assert_eq!(raid.slots, [Slot::Active, Slot::Active]);
}

#[test]
fn a_reshape_names_the_shape_to_come() {
    let grow = Member {
        features: 0x4,
        reshape: (3072, 1, 5, 1024, 2),
        ..level(5)
    };
    let superblock = same_as_mdadm("grow", &grow);
    let reshape = raid(&superblock).reshape.clone().unwrap();
    assert_eq!((reshape.position, reshape.delta_disks), (3072 * 512, 1));

    // Three remain, the fourth is still in use.
    let shrink = Member {
        disks: 3,
        number: 3,
        features: 0x24,
        reshape: (6144, -1, 6, 128, 2),
        ..level(5)
    };
    let superblock = same_as_mdadm("shrink", &shrink);
    let raid = raid(&superblock);
    assert_eq!(raid.role, Role::Active(3));
    assert_eq!(raid.slots.len(), 4);
    let reshape = raid.reshape.clone().unwrap();
    assert_eq!((reshape.level.as_str(), reshape.chunk), ("raid6", 65536));
}

#[test]
fn the_bitmap_is_checked_where_the_superblock_says_it_lies() {
    for minor in [0, 1, 2] {
        let member = Member {
            minor,
            bitmap: true,
            ..RAID1
        };
        let superblock = same_as_mdadm("bitmap", &member);
        assert!(raid(&superblock).bitmap);
        assert!(superblock.damaged_copies.is_empty(), "{superblock:?}");
        let (_dir, path) = written(|file| member.write(file));
        let bitmap = match minor {
            0 => at(0) - 4096,
            minor => at(minor) + 4096,
        };
        let mut image = Image::open(&path);
        for (offset, bytes, rule) in [
            (0_u64, &b"x"[..], "bitmap-magic"),
            (4, &[9], "bitmap-version"),
            (8, b"other", "bitmap-uuid"),
            (52, &[3], "bitmap-chunk"),
        ] {
            image.patches = vec![(bitmap + offset, bytes.to_vec())];
            let signatures = probe(&image);
            let damaged = &sound(&signatures, Format::Md).damaged_copies;
            assert_eq!(damaged.len(), 1, "{damaged:?}");
            assert_eq!(
                (damaged[0].rule.as_str(), damaged[0].offset),
                (rule, bitmap + offset)
            );
        }
        image.patches.clear();
        image.bad = Some(bitmap..bitmap + 512);
        let signatures = probe(&image);
        assert_eq!(
            sound(&signatures, Format::Md).damaged_copies[0].rule,
            "bitmap"
        );
    }
}

/// mdadm reads a bitmap only from a block device.
#[test]
fn mdadm_finds_the_bitmap_where_we_look() {
    for minor in [0, 1, 2] {
        let member = Member {
            minor,
            bitmap: true,
            ..RAID1
        };
        let (_dir, path) = written(|file| member.write(file));
        let output = run("losetup", &["-r", "-f", "--show", &path.to_string_lossy()]);
        if !output.status.success() {
            eprintln!("no loop device here: not compared");
            return;
        }
        let node = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let theirs = run("mdadm", &["--examine-bitmap", &node]);
        let gone = run("losetup", &["-d", &node]);
        assert!(gone.status.success());
        let theirs = String::from_utf8_lossy(&theirs.stdout).into_owned();
        assert!(theirs.contains("Magic : 6d746962"), "{theirs}");
        assert!(theirs.contains("Chunksize : 64 MB"), "{theirs}");
    }
}

#[test]
fn bad_blocks_are_those_of_mdadm() {
    let member = Member {
        features: 0x8,
        bad_blocks: &[(5000 << 10) | 8, (9000 << 10) | 512],
        ..RAID1
    };
    let superblock = same_as_mdadm("bad blocks", &member);
    assert_eq!(
        raid(&superblock).bad_blocks,
        [(5000 * 512, 8 * 512), (9000 * 512, 512 * 512)]
    );
    let (_dir, path) = written(|file| member.write(file));
    let theirs = run("mdadm", &["--examine-badblocks", &path.to_string_lossy()]);
    let theirs = String::from_utf8_lossy(&theirs.stdout).into_owned();
    assert!(theirs.contains("5000 for 8 sectors"), "{theirs}");
    assert!(theirs.contains("9000 for 512 sectors"), "{theirs}");
}

#[test]
fn a_feature_that_is_not_known_is_named_by_its_bit() {
    let superblock = same_as_mdadm(
        "feature",
        &Member {
            features: 1 << 20,
            ..RAID1
        },
    );
    assert_eq!(superblock.unknown_features, ["0x100000"]);
}

/// The rule that is broken when one field of a sound superblock is another.
fn rule(member: &Member, offset: usize, new: &[u8], good_sum: bool) -> String {
    let mut sb = member.bytes();
    sb[offset..][..new.len()].copy_from_slice(new);
    let sb = if good_sum { summed(sb) } else { sb };
    let (_dir, path) = written(|file| file.write_all_at(&sb, at(member.minor)).unwrap());
    rule_of(&path)
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

#[test]
fn one_changed_field_breaks_one_rule() {
    let raid5 = level(5);
    let le = |value: u64| value.to_le_bytes();
    for (offset, new, expected) in [
        (92, &0_u32.to_le_bytes()[..], "raid-disks"),
        (92, &1921_u32.to_le_bytes(), "raid-disks"),
        (220, &1921_u32.to_le_bytes(), "max-devices"),
        (128, &le(15), "data-offset"),
        (128, &le(u64::MAX), "data-size"),
        (136, &le(9), "data-size"),
        (136, &le(SIZE / 512), "size"),
        (144, &le(16), "place"),
        (80, &le(SIZE / 512), "used-size"),
        (88, &[0; 4], "chunk"),
        (256, &9_u16.to_le_bytes(), "role"),
        (0, &[0], "absent"),
        (4, &2_u32.to_le_bytes(), "absent"),
        (72, &3_u32.to_le_bytes(), "found"),
    ] {
        assert_eq!(
            rule(&raid5, offset, new, true),
            expected,
            "{offset}: {new:?}"
        );
    }
    assert_eq!(rule(&raid5, 32, b"x", false), "checksum");
}

#[test]
fn no_field_with_a_good_checksum_makes_it_panic() {
    let member = Member {
        features: 0x1e,
        bitmap: true,
        bad_blocks: &[(5000 << 10) | 8],
        reshape: (3072, -1, 5, 1024, 2),
        ..level(5)
    };
    let (_dir, path) = written(|file| member.write(file));
    let mut image = Image::open(&path);
    let v1 = member.bytes();
    for at in 0..264 {
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut sb = v1.clone();
            sb[at] = value;
            image.patches = vec![(4096, summed(sb))];
            probe(&image);
        }
    }
    for word in (0..1024).filter(|word| *word < 280 || *word > 990) {
        for value in [0, 1, 0x7fff_ffff, 0xffff_ffff] {
            let sb = V090::new(5, 4).set(2, 91).set(word, value);
            image.patches = vec![(AT_090, sb.bytes(false))];
            probe(&image);
        }
    }
}

#[test]
fn a_1_0_of_the_last_partition_is_not_one_of_the_disk() {
    let v1_0 = Member { minor: 0, ..RAID1 };
    let place = at(0) / 512 - 2048;
    assert_eq!(rule(&v1_0, 144, &place.to_le_bytes(), true), "absent");
    // Broken, it may well be this device's.
    assert_eq!(rule(&v1_0, 144, &place.to_le_bytes(), false), "checksum");
    let data = at(0) / 512 + 1;
    assert_eq!(rule(&v1_0, 136, &data.to_le_bytes(), true), "data-size");
}

#[test]
fn an_older_version_that_was_left_is_seen_too() {
    let (_dir, path) = written(|file| {
        RAID1.write(file);
        V090::new(1, 2).write(file, false);
        Member { minor: 0, ..RAID1 }.write(file);
    });
    let versions: Vec<_> = probe(&Image::open(&path))
        .iter()
        .map(|signature| signature.superblock().unwrap().version.clone().unwrap())
        .collect();
    assert_eq!(versions, ["1.2", "0.90.0", "1.0"]);
}

/// What mdadm says of a 0.90 member, in either byte order.
fn same_090(what: &str, sb: &V090) -> Superblock {
    let (_dir, path) = written(|file| sb.write(file, false));
    let (_, superblock) = only(&path);
    let raid = raid(&superblock);
    let mut theirs = examine(&path, &[]);
    theirs.extend(examine(&path, &["--export"]));
    let same = |key: &str, ours: String| {
        assert_eq!(Some(&ours), theirs.get(key), "{what}: {key} of {theirs:#?}");
    };
    same("MD_UUID", colons(&raid.array));
    same("Raid Level", raid.level.clone());
    same("MD_DEVICES", raid.raid_disks.to_string());
    same("MD_EVENTS", raid.events.to_string());
    same("Preferred Minor", raid.name.as_ref().unwrap().printable());
    let state = if raid.clean { "clean" } else { "active" };
    same("State", state.to_owned());
    assert_eq!(
        raid.bitmap,
        theirs.contains_key("Internal Bitmap"),
        "{what}"
    );
    if let Some(used) = theirs.get("Used Dev Size") {
        assert_eq!(raid.data_size / 1024, first_number(used), "{what}");
    }
    if let Some(chunk) = theirs.get("Chunk Size").or(theirs.get("Rounding")) {
        assert_eq!(format!("{}K", raid.chunk / 1024), *chunk, "{what}");
    }
    if let Some(reshape) = &raid.reshape {
        let position = first_number(&theirs["Reshape pos'n"]);
        assert_eq!(reshape.position / 1024, position, "{what}");
    }

    let (_dir, path) = written(|file| sb.write(file, true));
    let (_, swapped) = only(&path);
    assert_eq!(swapped, superblock, "{what}");
    let theirs = examine(&path, &["--metadata=0.swap", "--export"]);
    assert_eq!(theirs["MD_UUID"], colons(&raid.array), "{what}");
    assert_eq!(theirs["MD_EVENTS"], raid.events.to_string(), "{what}");
    superblock
}

#[test]
fn every_level_of_0_90() {
    for level in [-5, -4, -1, 0, 1, 4, 5, 6, 10] {
        let mut sb = V090::new(level, 4);
        if level == 10 {
            sb = sb.set(64, 0x102);
        }
        let superblock = same_090("level", &sb);
        let raid = raid(&superblock);
        assert_eq!(raid.role, Role::Active(0), "{level}");
        assert_eq!(raid.slots, [Slot::Active; 4], "{level}");
        assert_eq!(raid.devnum.as_deref(), Some("8:1"));
    }
}

#[test]
fn what_the_table_of_disks_of_0_90_says() {
    // Disk 1 failed, a third one is being rebuilt in its place and a fourth
    // waits.
    let mut sb = V090::new(1, 2).set(33, 0x100).set(9, 4);
    sb.0[160..165].copy_from_slice(&[1, 0, 0, 1, 9]);
    sb.0[192..197].copy_from_slice(&[2, 8, 33, 1, 0]);
    sb.0[224..229].copy_from_slice(&[3, 8, 49, 3, 0]);
    for (number, role) in [
        (0, Role::Active(0)),
        (1, Role::Faulty),
        (2, Role::Spare),
        (3, Role::Spare),
    ] {
        sb.this(number);
        let superblock = same_090("disks", &sb);
        let raid = raid(&superblock);
        assert_eq!(raid.role, role, "{number}");
        assert_eq!(raid.slots, [Slot::Active, Slot::Rebuilding]);
        assert!(!raid.clean && raid.bitmap);
    }
}

#[test]
fn a_reshape_of_0_90_is_0_91() {
    let mut sb = V090::new(5, 4).set(2, 91);
    // At 3 MiB, one more, raid6, layout 2, chunks of 128 KiB.
    sb.0[44..50].copy_from_slice(&[6144, 0, 6, 1, 2, 131_072]);
    let superblock = same_090("reshape", &sb);
    assert_eq!(superblock.version.as_deref(), Some("0.91.0"));
    let reshape = raid(&superblock).reshape.clone().unwrap();
    assert_eq!((reshape.position, reshape.delta_disks), (6144 * 512, 1));
    assert_eq!((reshape.level.as_str(), reshape.chunk), ("raid6", 131_072));
}

#[test]
fn one_changed_word_of_0_90_breaks_one_rule() {
    for (word, value, expected) in [
        (2, 36, "version"),
        (1, 1, "absent"),
        (10, 0, "raid-disks"),
        (10, 28, "raid-disks"),
        (65, 0, "chunk"),
        (992, 27, "disk-number"),
        (131, 4, "role"),
        // More than lies before it: of a larger device.
        (8, 8192, "absent"),
    ] {
        let sb = V090::new(5, 4).set(word, value);
        for big in [false, true] {
            let (_dir, path) = written(|file| sb.write(file, big));
            assert_eq!(rule_of(&path), expected, "word {word}");
        }
    }
}

#[test]
fn a_0_90_of_the_last_partition_has_its_size() {
    // The partition begins at 1 MiB: what it uses ends that much before the
    // superblock, as the disk sees it.
    let sb = V090::new(1, 2).set(8, u32::try_from((AT_090 - (1 << 20)) / 1024).unwrap());
    let superblock = same_090("partition", &sb);
    let raid = raid(&superblock);
    assert_eq!(raid.data_size, AT_090 - (1 << 20));
    assert_eq!(raid.devnum.as_deref(), Some("8:1"));
}
