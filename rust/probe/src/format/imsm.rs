//! Intel firmware RAID (IMSM; RST, VROC).
//!
//! Place: the metadata (MPB) begins in the last but one sector of the disk;
//! what does not fit goes on in the sectors before that one. No copies, but
//! every disk of the container has it. Little endian; sizes are in sectors of
//! the disk, 512 or 4096 bytes. Checksum: the sum of all words but its own.
//! Source: `struct imsm_super` and what it contains, in `super-intel.c` of
//! mdadm.
//!
//! Disks are told apart by their serial numbers. Which of them this one is
//! only the disk itself knows, not the metadata.

use super::md::{container, made_id};
use crate::bytes::{field, le16, le32, u8_at};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_up_to, unless_over};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Format, RaidDisk, RaidVolume, Role, Slot, Text};

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "imsm",
        kind: Kind::Member,
        minimum: 64 * 1024,
        places: &[Place::End(2 * 512)],
        len: 512,
        magics: &[(0, SIGNATURE)],
        decode: |bytes, at| decode(bytes, at, 512),
        copies: &[],
        orphans: false,
        complete: Some(|dev, at, bytes, found| complete(dev, at, bytes, 512, found)),
    },
    Row {
        name: "imsm 4Kn",
        kind: Kind::Member,
        minimum: 64 * 1024,
        places: &[Place::End(2 * 4096)],
        len: 4096,
        magics: &[(0, SIGNATURE)],
        decode: |bytes, at| decode(bytes, at, 4096),
        copies: &[],
        orphans: false,
        complete: Some(|dev, at, bytes, found| complete(dev, at, bytes, 4096, found)),
    },
];

const SIGNATURE: &[u8] = b"Intel Raid ISM Cfg Sig. ";
/// Where the table of disks begins; volumes follow it.
const DISKS: usize = 216;
const DISK: usize = 48;
/// Of a volume before its map, and of a map before its table of disks.
const VOLUME: usize = 112;
const MAP: usize = 48;
/// 255 disks, some volumes over all of them and the log of bad blocks need
/// less than half of it; it lies in what was read ahead.
const MAX_MPB: u32 = 64 * 1024;

const ATTRIB_2TB_DISK: u32 = 0x0400_0000;
const DISK_SPARE: u32 = 0x1;
const DISK_CONFIGURED: u32 = 0x2;
const DISK_FAILED: u32 = 0x4;
const DISK_JOURNAL: u32 = 0x200_0000;
const ORD_REBUILD: u32 = 1 << 24;
const MIGR_REBUILD: u8 = 1;
const MIGR_VERIFY: u8 = 2;
const MIGR_REPAIR: u8 = 5;
const STATUS_VERIFY_AND_FIX: u32 = 0x80;
const RWH_BITMAP: u8 = 6;

/// The first sector, and all where that is all.
fn decode(bytes: &[u8], at: u64, sector: usize) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Imsm,
        at,
    };
    rules.length(bytes, sector)?;
    let mpb_size = le32(bytes, 36);
    let least = DISKS.saturating_add(usize::from(u8_at(bytes, 56)).saturating_mul(DISK));
    let mpb = usize::try_from(mpb_size).unwrap_or(usize::MAX);
    rules.check(
        mpb >= least && mpb_size <= MAX_MPB,
        "mpb-size",
        36,
        mpb_size,
        format!("{least} to {MAX_MPB}"),
    )?;
    if mpb <= sector {
        judge(field(bytes, 0, mpb), &rules, sector)
    } else {
        Ok(empty(bytes, at, sector))
    }
}

/// The sectors before the first: one read, which the tail serves.
fn complete(
    dev: &dyn ReadAt,
    at: u64,
    bytes: &[u8],
    sector: usize,
    found: &mut Found,
) -> Result<(), Fault> {
    let mpb = usize::try_from(le32(bytes, 36)).unwrap_or(0);
    let more = mpb
        .saturating_sub(sector)
        .checked_next_multiple_of(sector)
        .unwrap_or(0);
    if more == 0 {
        return Ok(());
    }
    let rules = Rules {
        format: Format::Imsm,
        at,
    };
    let from = at.saturating_sub(u64::try_from(more).unwrap_or(0));
    let rest = unless_over(read_up_to(dev, from, more))?.map_err(|fault| fault.to_string());
    let judged = rest.map(|rest| {
        let whole = [field(bytes, 0, sector), &rest].concat();
        judge(field(&whole, 0, mpb), &rules, sector)
    });
    found.broken = match judged {
        Ok(Ok(whole)) => {
            *found = whole;
            None
        }
        Ok(Err(Refused::Damaged(_, damage))) => Some(damage),
        Ok(Err(Refused::Other)) => None,
        Err(why) => Some(rules.damage("extended-mpb", 0, why, format!("{more} bytes at {from}"))),
    };
    Ok(())
}

/// What the first sector says of the whole.
fn empty(mpb: &[u8], at: u64, sector: usize) -> Found {
    let mut raid = container(made_id(&[SIGNATURE, family(mpb)]));
    raid.raid_disks = u32::from(u8_at(mpb, 56));
    raid.events = u64::from(le32(mpb, 44));
    let generation = raid.events;
    let sectors = u64::try_from(sector.saturating_mul(2)).unwrap_or(0);
    let size = at.saturating_add(sectors);
    let mut found = Found::new(Format::Imsm, size, Content::Raid(raid));
    // It says where it lies, and nothing of this disk's size.
    found.claims = 0;
    found.generation = generation;
    found.superblock.version =
        Text::from_field(field(mpb, SIGNATURE.len(), 8)).map(|version| version.printable());
    found
}

/// The whole metadata.
fn judge(mpb: &[u8], rules: &Rules, sector: usize) -> Result<Found, Refused> {
    let (words, _) = mpb.as_chunks::<4>();
    let sum = words.iter().fold(0_u32, |sum, word| {
        sum.wrapping_add(u32::from_le_bytes(*word))
    });
    let check_sum = le32(mpb, 32);
    rules.checksum(32, check_sum, sum.wrapping_sub(check_sum))?;

    let units = Units {
        sector: u64::try_from(sector).unwrap_or(0),
        high: le32(mpb, 52) & ATTRIB_2TB_DISK != 0,
    };
    let statuses: Vec<u32> = disk_entries(mpb).map(|disk| le32(disk, 24)).collect();
    let disks: Vec<RaidDisk> = disk_entries(mpb)
        .map(|disk| RaidDisk {
            id: Text::from_field(field(disk, 0, 16)).unwrap_or(Text(Vec::new())),
            role: role(le32(disk, 24)),
            size: units.bytes(disk, 16, 32),
        })
        .collect();
    let mut found = empty(mpb, rules.at, sector);
    let Content::Raid(raid) = &mut found.superblock.content else {
        return Err(Refused::Other);
    };
    let mut at = DISKS.saturating_add(disks.len().saturating_mul(DISK));
    for number in 0..u32::from(u8_at(mpb, 57)) {
        let rest = mpb.get(at..).unwrap_or_default();
        let len = volume_len(rest);
        rules.check(
            len <= rest.len(),
            "volumes",
            57,
            format!("volume {number} of {len} bytes at {at}"),
            format!("an end within {} bytes", mpb.len()),
        )?;
        let bytes = field(rest, 0, len);
        raid.bitmap |= u8_at(bytes, 50) == RWH_BITMAP;
        let mut volume = volume(bytes, &units, &statuses);
        volume.id = made_id(&[
            SIGNATURE,
            family(mpb),
            &number.to_le_bytes(),
            field(bytes, 0, 16),
        ]);
        raid.volumes.push(volume);
        at = at.saturating_add(len);
    }
    raid.clean = raid.volumes.iter().all(|volume| volume.clean);
    raid.journal = statuses.iter().any(|status| status & DISK_JOURNAL != 0);
    // The only disk that its metadata knows is this one: a spare.
    if let [disk] = disks.as_slice() {
        raid.role = disk.role;
    }
    raid.disks = disks;
    Ok(found)
}

/// Which container it is.
fn family(mpb: &[u8]) -> &[u8] {
    let orig_family_num = field(mpb, 64, 4);
    // Some versions of mdadm did not set it.
    if orig_family_num == [0; 4] {
        field(mpb, 40, 4)
    } else {
        orig_family_num
    }
}

fn disk_entries(mpb: &[u8]) -> impl Iterator<Item = &[u8]> {
    let len = usize::from(u8_at(mpb, 56)).saturating_mul(DISK);
    field(mpb, DISKS, len).chunks_exact(DISK)
}

fn role(status: u32) -> Role {
    if status & DISK_FAILED != 0 {
        Role::Faulty
    } else if status & DISK_JOURNAL != 0 {
        Role::Journal
    } else if status & DISK_SPARE != 0 || status & DISK_CONFIGURED == 0 {
        Role::Spare
    } else {
        Role::Member
    }
}

/// How sectors count on this disk.
struct Units {
    sector: u64,
    /// Halves for disks above 2 TiB mean something.
    high: bool,
}

impl Units {
    /// The bytes that two halves of a number of sectors stand for.
    fn bytes(&self, bytes: &[u8], low: usize, high: usize) -> u64 {
        let high = if self.high { le32(bytes, high) } else { 0 };
        self.sectors(le32(bytes, low), high)
    }

    fn sectors(&self, low: u32, high: u32) -> u64 {
        ((u64::from(high) << 32) | u64::from(low)).saturating_mul(self.sector)
    }
}

fn map_len(map: &[u8]) -> usize {
    MAP.saturating_add(usize::from(u8_at(map, 16)).saturating_mul(4))
}

/// With the second map that a migration brings.
fn volume_len(bytes: &[u8]) -> usize {
    let map = bytes.get(VOLUME..).unwrap_or_default();
    let first = VOLUME.saturating_add(map_len(map));
    if u8_at(bytes, 88) == 0 {
        return first;
    }
    first.saturating_add(map_len(bytes.get(first..).unwrap_or_default()))
}

/// The first map is the shape that it has, or will have when a migration is
/// done; until then the second one is what holds.
fn volume(bytes: &[u8], units: &Units, statuses: &[u32]) -> RaidVolume {
    let map = bytes.get(VOLUME..).unwrap_or_default();
    let migrating = u8_at(bytes, 88) != 0;
    let now = if migrating {
        map.get(map_len(map)..).unwrap_or_default()
    } else {
        map
    };
    let migr_type = u8_at(bytes, 89);
    let rebuilding = migrating && migr_type == MIGR_REBUILD;
    let ords: Vec<u32> = (0..usize::from(u8_at(now, 16)))
        .map(|slot| le32(now, MAP.saturating_add(slot.saturating_mul(4))))
        .collect();
    let slots = ords
        .iter()
        .map(|ord| {
            let status = status(*ord, statuses);
            if status & DISK_FAILED != 0 || status & DISK_CONFIGURED == 0 {
                Slot::Missing
            } else if ord & ORD_REBUILD == 0 {
                Slot::Active
            } else if rebuilding {
                Slot::Rebuilding
            } else {
                Slot::Missing
            }
        })
        .collect();
    let members = ords
        .iter()
        .map(|ord| Some(index(*ord)).filter(|disk| status_at(*disk, statuses).is_some()))
        .collect();
    let num_members = u8_at(map, 16);
    let (level, layout) = match (u8_at(map, 15), num_members) {
        (0, _) => ("raid0".to_owned(), 0),
        (1, 2) => ("raid1".to_owned(), 0),
        (1 | 10, _) => ("raid10".to_owned(), 0x102),
        (5, _) => ("raid5".to_owned(), 0),
        (other, _) => (other.to_string(), 0),
    };
    let verifies = matches!(migr_type, MIGR_VERIFY | MIGR_REPAIR);
    RaidVolume {
        id: String::new(),
        name: Text::from_field(field(bytes, 0, 16)),
        level,
        layout,
        chunk: u64::from(le16(map, 12)).saturating_mul(units.sector),
        disks: u32::from(num_members),
        size: units.sectors(le32(bytes, 16), le32(bytes, 20)),
        members,
        slots,
        data_offset: Some(units.bytes(map, 0, 20)),
        data_size: units.bytes(map, 4, 24),
        state: match u8_at(now, 14) {
            0 => "normal".to_owned(),
            1 => "uninitialized".to_owned(),
            2 => "degraded".to_owned(),
            3 => "failed".to_owned(),
            other => other.to_string(),
        },
        clean: u8_at(bytes, 90) & 1 == 0 && (!migrating || verifies),
        under_way: migrating.then(|| migration(migr_type, le32(bytes, 24))),
    }
}

/// As mdadm words it.
fn migration(migr_type: u8, status: u32) -> String {
    match migr_type {
        0 => "initialize",
        MIGR_REBUILD => "rebuild",
        MIGR_VERIFY if status & STATUS_VERIFY_AND_FIX != 0 => "repair",
        MIGR_VERIFY => "check",
        3 => "general migration",
        4 => "state change",
        MIGR_REPAIR => "repair",
        other => return other.to_string(),
    }
    .to_owned()
}

fn index(ord: u32) -> u32 {
    ord & 0x00ff_ffff
}

fn status_at(disk: u32, statuses: &[u32]) -> Option<u32> {
    statuses.get(usize::try_from(disk).ok()?).copied()
}

fn status(ord: u32, statuses: &[u32]) -> u32 {
    status_at(index(ord), statuses).unwrap_or(0)
}
