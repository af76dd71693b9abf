//! Linux md 0.90.
//!
//! Place: 4096 bytes, 64 KiB before the end of the device when that is
//! rounded down to 64 KiB. No copies. All fields are words in the byte order
//! of the machine that wrote them. Checksum: the sum of all words, its carry
//! added, with `sb_csum` as zero. Source: Linux
//! `include/uapi/linux/raid/md_p.h`, `struct mdp_superblock_s`; bounds as
//! `super_90_load` in `drivers/md/md.c` has them.
//!
//! The last partition of a disk has its superblock in the same place as the
//! disk itself would have. Nothing in it says which of them is meant, but
//! `size`, which must fit before the superblock, and the number that the
//! device had.

use crate::bytes::{be32, field, le32, uuid};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, Raid, Reshape, Role, Slot, Text};

const LEN: usize = 4096;
/// `MD_RESERVED_BYTES`.
const RESERVED: u64 = 64 * 1024;

pub(super) const ROW: Row = Row {
    name: "md 0.90",
    kind: Kind::Member,
    // Data, and what is reserved behind it.
    minimum: 2 * RESERVED,
    places: &[Place::Aligned {
        align: RESERVED,
        before: RESERVED,
    }],
    len: LEN,
    magics: &[
        (0, &[0xfc, 0x4e, 0x2b, 0xa9]),
        (0, &[0xa9, 0x2b, 0x4e, 0xfc]),
    ],
    decode,
    copies: &[],
    orphans: false,
    complete: Some(complete),
};

const MAGIC: u32 = 0xa92b_4efc;
/// Words of the fields, and of the tables behind them.
const UUID_WORDS: [usize; 4] = [5, 13, 14, 15];
const SB_CSUM: usize = 38;
const DISKS: usize = 128;
const THIS_DISK: usize = 992;
const DESCRIPTOR: usize = 32;
/// `MD_SB_DISKS`.
const MAX_DISKS: u32 = 27;

const STATE_CLEAN: u32 = 0x1;
const STATE_BITMAP: u32 = 0x100;
const DISK_FAULTY: u32 = 0x1;
const DISK_ACTIVE: u32 = 0x2;
const DISK_SYNC: u32 = 0x4;
const DISK_REMOVED: u32 = 0x8;

/// The words of a superblock.
#[derive(Clone, Copy)]
struct Words<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Words<'_> {
    fn at(self, word: usize) -> u32 {
        let at = word.saturating_mul(4);
        if self.big {
            be32(self.bytes, at)
        } else {
            le32(self.bytes, at)
        }
    }

    /// Two words; which of them is the low one is a matter of byte order too.
    fn pair(self, word: usize) -> u64 {
        let (first, second) = (self.at(word), self.at(word.saturating_add(1)));
        let (high, low) = if self.big {
            (first, second)
        } else {
            (second, first)
        };
        (u64::from(high) << 32) | u64::from(low)
    }

    fn sum(self) -> u32 {
        let words = (0..LEN / 4).filter(|word| *word != SB_CSUM);
        super::fold(words.fold(0_u64, |sum, word| {
            sum.wrapping_add(u64::from(self.at(word)))
        }))
    }
}

/// An entry of the table of disks.
struct Disk {
    number: u32,
    devnum: (u32, u32),
    raid_disk: u32,
    state: u32,
}

impl Disk {
    fn read(words: Words<'_>, at: usize) -> Self {
        let word = |offset: usize| words.at(at.saturating_add(offset));
        Self {
            number: word(0),
            devnum: (word(1), word(2)),
            raid_disk: word(3),
            state: word(4),
        }
    }

    fn has(&self, state: u32) -> bool {
        self.state & state != 0
    }
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Md,
        at,
    };
    rules.length(bytes, LEN)?;
    let words = Words {
        bytes,
        big: be32(bytes, 0) == MAGIC,
    };
    let (major, minor, patch) = (words.at(1), words.at(2), words.at(3));
    // 1.x has the same magic.
    or_other(major == 0)?;
    rules.checksum(152, words.at(SB_CSUM), words.sum())?;
    rules.check(
        matches!(minor, 90 | 91),
        "version",
        8,
        format!("0.{minor}"),
        "0.90 or 0.91",
    )?;
    let size = u64::from(words.at(8)).saturating_mul(1024);
    let level_number = words.at(7);
    let level = level_number.cast_signed();
    let used = if size == 0 || matches!(level, -5 | -1 | 0) {
        at
    } else {
        size
    };
    // That of a larger device which was cut, or of a partition that begins
    // before this device does.
    or_other(used <= at)?;
    let raid_disks = words.at(10);
    rules.check(
        (1..=MAX_DISKS).contains(&raid_disks),
        "raid-disks",
        40,
        raid_disks,
        format!("1 to {MAX_DISKS}"),
    )?;
    let chunk_size = words.at(65);
    rules.check(
        chunk_size != 0 || !matches!(level, 0 | 4 | 5 | 6 | 10),
        "chunk",
        260,
        chunk_size,
        format!("not 0 for level {level}"),
    )?;
    let reshape = reshape(words, minor);
    let leaving = reshape
        .as_ref()
        .map_or(0, |reshape| reshape.delta_disks.min(0).unsigned_abs());
    let slots = raid_disks.saturating_add(leaving).min(MAX_DISKS);
    let this = this_disk(words, &rules)?;
    let role = role(&this, &rules, slots, level, minor)?;

    let array: Vec<u8> = UUID_WORDS
        .iter()
        .flat_map(|word| words.at(*word).to_be_bytes())
        .collect();
    let (major_number, minor_number) = this.devnum;
    let raid = Raid {
        array: uuid(&array, 0),
        // The array is known by its minor number only.
        name: Some(Text::from(words.at(11).to_string().as_str())),
        level: super::level(level_number),
        layout: words.at(64),
        chunk: u64::from(chunk_size),
        raid_disks,
        role,
        slots: self::slots(words, slots),
        events: words.pair(39),
        updated: u64::from(words.at(32)),
        clean: words.at(33) & STATE_CLEAN != 0,
        data_offset: 0,
        data_size: used,
        // Active and not in sync: a reshape gave it its slot.
        rebuilt: (matches!(role, Role::Active(_)) && !this.has(DISK_SYNC) && level != -4)
            .then_some(0),
        replacement: false,
        bad_blocks: Vec::new(),
        devnum: (this.devnum != (0, 0)).then(|| format!("{major_number}:{minor_number}")),
        reshape,
        bitmap: words.at(33) & STATE_BITMAP != 0,
        journal: false,
        disks: Vec::new(),
        volumes: Vec::new(),
    };
    let mut found = Found::new(Format::Md, at.saturating_add(RESERVED), Content::Raid(raid));
    found.claims = used.saturating_add(RESERVED);
    found.generation = words.pair(39);
    found.superblock.version = Some(format!("{major}.{minor}.{patch}"));
    if super::level_name(level_number).is_none() {
        found
            .superblock
            .unknown_features
            .push(format!("level {level}"));
    }
    Ok(found)
}

/// The bitmap lies right behind the superblock; its superblock is little
/// endian, and the words of the array's id are as they are here.
fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    if matches!(&found.superblock.content, Content::Raid(raid) if raid.bitmap) {
        let set_uuid: Vec<u8> = UUID_WORDS
            .iter()
            .flat_map(|word| field(bytes, word.saturating_mul(4), 4).to_vec())
            .collect();
        let place = at.saturating_add(super::LEN_BYTES);
        let damage = super::bitmap_damage(dev, place, &set_uuid)?;
        found.superblock.damaged_copies.extend(damage);
    }
    Ok(())
}

/// Only 0.91 has these fields: an older kernel must not touch the array.
fn reshape(words: Words<'_>, minor: u32) -> Option<Reshape> {
    let position = words.pair(44);
    (minor > 90 && position != u64::MAX).then(|| Reshape {
        position: position.saturating_mul(512),
        delta_disks: words.at(47).cast_signed(),
        level: super::level(words.at(46)),
        chunk: u64::from(words.at(49)),
        layout: words.at(48),
    })
}

/// The entry of this device, from the table as the kernel takes it.
fn this_disk(words: Words<'_>, rules: &Rules) -> Result<Disk, Refused> {
    let number = words.at(THIS_DISK);
    rules.check(
        number < MAX_DISKS,
        "disk-number",
        3968,
        number,
        format!("less than {MAX_DISKS}"),
    )?;
    Ok(entry(words, number))
}

fn entry(words: Words<'_>, number: u32) -> Disk {
    let index = usize::try_from(number).unwrap_or(0);
    Disk::read(
        words,
        DISKS.saturating_add(index.saturating_mul(DESCRIPTOR)),
    )
}

fn role(this: &Disk, rules: &Rules, slots: u32, level: i32, minor: u32) -> Result<Role, Refused> {
    let multipath = level == -4;
    if this.has(DISK_FAULTY) {
        return Ok(Role::Faulty);
    }
    if !this.has(DISK_SYNC) && !(this.has(DISK_ACTIVE) && (minor > 90 || multipath)) {
        return Ok(Role::Spare);
    }
    rules.check(
        this.raid_disk < slots,
        "role",
        512,
        this.raid_disk,
        format!("less than {slots}"),
    )?;
    Ok(Role::Active(this.raid_disk))
}

/// What the table of disks says of each slot. A device that is being rebuilt
/// names its slot and is not yet in sync.
fn slots(words: Words<'_>, count: u32) -> Vec<Slot> {
    let disks: Vec<Disk> = (0..MAX_DISKS)
        .map(|number| (number, entry(words, number)))
        .filter(|(number, disk)| {
            disk.number == *number && disk.devnum != (0, 0) && !disk.has(DISK_FAULTY | DISK_REMOVED)
        })
        .map(|(_, disk)| disk)
        .collect();
    (0..count)
        .map(|slot| {
            let mut there = disks
                .iter()
                .filter(|disk| disk.raid_disk == slot)
                .peekable();
            if there.peek().is_none() {
                Slot::Missing
            } else if there.any(|disk| disk.has(DISK_SYNC)) {
                Slot::Active
            } else {
                Slot::Rebuilding
            }
        })
        .collect()
}
