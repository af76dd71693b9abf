//! Linux md, versions 1.0, 1.1 and 1.2; 0.90 is in `v090`.
//!
//! Place: 1.1 at the start, 1.2 at 4 KiB, 1.0 in the 8 to 12 KiB before the
//! end, on a multiple of 4 KiB. No copies. Little endian. Checksum: the sum of
//! all words up to the end of `dev_roles`, its carry added, with `sb_csum` as
//! zero. Source: Linux `include/uapi/linux/raid/md_p.h`,
//! `struct mdp_superblock_1`; bounds as `super_1_load` in `drivers/md/md.c`
//! has them.
//!
//! Around it lie the bitmap, which begins with a superblock of its own, and
//! the log of bad blocks; both say where from the md superblock.

mod v090;

use crate::bytes::{field, le16, le32, le64, u8_at, unknown_bits, uuid};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt, read_up_to, unless_over};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Damage, Format, Raid, Reshape, Role, Slot, Text};
use sha1::{Digest, Sha1};

const LEN: usize = 4096;
/// [`LEN`] as an offset.
const LEN_BYTES: u64 = 4096;
const AT_1_1: u64 = 0;
const AT_1_2: u64 = 4096;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "md",
        kind: Kind::Member,
        // Below it 1.0 and 1.2 could be one place.
        minimum: 64 * 1024,
        places: &[
            Place::Start(AT_1_1),
            Place::Start(AT_1_2),
            Place::Aligned {
                align: 4096,
                before: 8192,
            },
        ],
        len: LEN,
        magics: &[(0, &[0xfc, 0x4e, 0x2b, 0xa9])],
        decode,
        copies: &[],
        orphans: false,
        complete: Some(complete),
    },
    v090::ROW,
];

/// End of the fixed part, where `dev_roles` begins.
const ROLES: usize = 256;
/// What fits into the superblock after that.
const MAX_DEVICES: u32 = 1920;
/// The kernel takes no member with less, sectors.
const MIN_DATA: u64 = 10;
const SECTOR: u64 = 512;

const BITMAP_OFFSET: u32 = 0x1;
const RECOVERY_OFFSET: u32 = 0x2;
const RESHAPE_ACTIVE: u32 = 0x4;
const BAD_BLOCKS: u32 = 0x8;
const REPLACEMENT: u32 = 0x10;
const JOURNAL: u32 = 0x200;
/// `MD_FEATURE_ALL`: bitmap_offset to bitmap_versioned, journal, ppl,
/// multiple_ppls, raid0_layout.
const KNOWN_FEATURES: u64 = 0x1fff;

/// Roles from here on are no slots.
const ROLE_SPARE: u16 = 0xffff;
const ROLE_FAULTY: u16 = 0xfffe;
const ROLE_JOURNAL: u16 = 0xfffd;

/// The bitmap's superblock, `struct bitmap_super_s`, bytes.
const BITMAP_LEN: usize = 256;
const BITMAP_MAGIC: u32 = 0x6d74_6962;
/// Most sectors of a log of bad blocks: the kernel reads one page.
const MAX_LOG_SECTORS: u16 = 8;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Md,
        at,
    };
    rules.length(bytes, ROLES)?;
    // 0.90 has the same magic.
    or_other(le32(bytes, 4) == 1)?;
    check_sum(bytes, &rules)?;
    let geometry = geometry(bytes, &rules)?;

    let feature_map = le32(bytes, 8);
    let delta_disks = le32(bytes, 112).cast_signed();
    let reshaping = feature_map & RESHAPE_ACTIVE != 0;
    // While the array shrinks its old slots are still in use.
    let leaving = if reshaping && delta_disks < 0 {
        delta_disks.unsigned_abs()
    } else {
        0
    };
    let count = geometry.raid_disks.saturating_add(leaving).min(MAX_DEVICES);
    let role = role(bytes, &rules, count)?;
    let rebuilt = (feature_map & RECOVERY_OFFSET != 0 && matches!(role, Role::Active(_)))
        .then(|| le64(bytes, 152).saturating_mul(SECTOR));
    let replacement = feature_map & REPLACEMENT != 0 && matches!(role, Role::Active(_));
    let mut slots = slots(bytes, count);
    if let (Role::Active(slot), Some(_), false) = (role, rebuilt, replacement)
        && let Some(slot) = usize::try_from(slot)
            .ok()
            .and_then(|slot| slots.get_mut(slot))
    {
        *slot = Slot::Rebuilding;
    }

    let name = Text::from_field(field(bytes, 32, 32));
    let level_number = le32(bytes, 72);
    let used = match role {
        Role::Journal => 0,
        _ => geometry.used,
    };
    let raid = Raid {
        array: uuid(bytes, 16),
        name: name.clone(),
        level: level(level_number),
        layout: le32(bytes, 76),
        chunk: u64::from(le32(bytes, 88)).saturating_mul(SECTOR),
        raid_disks: geometry.raid_disks,
        role,
        slots,
        events: le64(bytes, 200),
        updated: le64(bytes, 192) & 0xff_ffff_ffff,
        clean: le64(bytes, 208) == u64::MAX && rebuilt.is_none(),
        data_offset: geometry.data_offset,
        data_size: if used == 0 { geometry.data_size } else { used },
        rebuilt,
        replacement,
        bad_blocks: Vec::new(),
        devnum: None,
        reshape: reshaping.then(|| Reshape {
            position: le64(bytes, 104).saturating_mul(SECTOR),
            delta_disks,
            level: level(le32(bytes, 100)),
            chunk: u64::from(le32(bytes, 120)).saturating_mul(SECTOR),
            layout: le32(bytes, 116),
        }),
        bitmap: feature_map & BITMAP_OFFSET != 0,
        journal: feature_map & JOURNAL != 0,
        disks: Vec::new(),
        volumes: Vec::new(),
    };
    let mut unknown_features = unknown_bits(u64::from(feature_map), KNOWN_FEATURES, &[]);
    if level_name(level_number).is_none() {
        unknown_features.push(format!("level {}", level_number.cast_signed()));
    }
    let end = at.saturating_add(LEN_BYTES);
    let mut found = Found::new(Format::Md, geometry.end.max(end), Content::Raid(raid));
    found.claims = geometry.end;
    found.generation = le64(bytes, 200);
    found.superblock.uuid = Some(uuid(bytes, 168));
    found.superblock.label = name;
    found.superblock.version = Some(
        match at {
            AT_1_1 => "1.1",
            AT_1_2 => "1.2",
            _ => "1.0",
        }
        .to_owned(),
    );
    found.superblock.unknown_features = unknown_features;
    Ok(found)
}

/// The checksum, and whether it is the superblock of this device at all.
fn check_sum(bytes: &[u8], rules: &Rules) -> Result<(), Refused> {
    let max_dev = le32(bytes, 220);
    rules.check(
        max_dev <= MAX_DEVICES,
        "max-devices",
        220,
        max_dev,
        format!("at most {MAX_DEVICES}"),
    )?;
    let roles = usize::try_from(max_dev).unwrap_or(0).saturating_mul(2);
    let len = ROLES.saturating_add(roles);
    rules.length(bytes, len)?;
    rules.checksum(216, le32(bytes, 216), sum(field(bytes, 0, len)))?;
    let super_offset = le64(bytes, 144);
    let place = rules.at.checked_div(SECTOR).unwrap_or(0);
    if super_offset != place && rules.at != AT_1_1 && rules.at != AT_1_2 {
        // That of the last partition, which ends where the disk does.
        return Err(Refused::Other);
    }
    rules.check(super_offset == place, "place", 144, super_offset, place)
}

fn sum(bytes: &[u8]) -> u32 {
    const SB_CSUM: usize = 216;
    let (words, rest) = bytes.as_chunks::<4>();
    let words = words
        .iter()
        .map(|word| u64::from(u32::from_le_bytes(*word)));
    // At most 1024 words: no carry is lost.
    let sum = words
        .chain([u64::from(le16(rest, 0))])
        .fold(0_u64, u64::wrapping_add)
        .wrapping_sub(u64::from(le32(bytes, SB_CSUM)));
    fold(sum)
}

/// 64 bits to 32, with the carry added.
fn fold(sum: u64) -> u32 {
    let low = u32::try_from(sum & 0xffff_ffff).unwrap_or(0);
    low.wrapping_add(u32::try_from(sum >> 32).unwrap_or(0))
}

struct Geometry {
    raid_disks: u32,
    /// First byte and bytes of what the device offers, and its end.
    data_offset: u64,
    data_size: u64,
    end: u64,
    /// Bytes of it that the array uses; 0 for all.
    used: u64,
}

/// Every field that later arithmetic, or an allocation, relies on.
fn geometry(bytes: &[u8], rules: &Rules) -> Result<Geometry, Refused> {
    let raid_disks = le32(bytes, 92);
    rules.check(
        (1..=MAX_DEVICES).contains(&raid_disks),
        "raid-disks",
        92,
        raid_disks,
        format!("1 to {MAX_DEVICES}"),
    )?;
    let data_offset = le64(bytes, 128);
    let data_size = le64(bytes, 136);
    let end = data_offset
        .checked_add(data_size)
        .and_then(|sectors| sectors.checked_mul(SECTOR));
    rules.check(
        data_size >= MIN_DATA && end.is_some(),
        "data-size",
        136,
        format!("{data_size} sectors from {data_offset}"),
        format!("at least {MIN_DATA} sectors, and an end below 2^64 bytes"),
    )?;
    let after = rules
        .at
        .checked_add(LEN_BYTES)
        .and_then(|end| end.checked_div(SECTOR));
    if rules.at == AT_1_1 || rules.at == AT_1_2 {
        rules.check(
            after.is_some_and(|after| data_offset >= after),
            "data-offset",
            128,
            data_offset,
            "behind the superblock",
        )?;
    } else {
        let place = rules.at.checked_div(SECTOR).unwrap_or(0);
        rules.check(
            data_size <= place,
            "data-size",
            136,
            data_size,
            format!("at most {place} sectors, where the superblock lies"),
        )?;
    }
    let size = le64(bytes, 80);
    let level = le32(bytes, 72).cast_signed();
    // faulty, linear and raid0 use all. A journal is smaller than what it
    // serves.
    let used = if matches!(level, -5 | -1 | 0) {
        0
    } else {
        size
    };
    rules.check(
        used <= data_size || role_number(bytes) == ROLE_JOURNAL,
        "used-size",
        80,
        size,
        format!("at most the {data_size} sectors of data"),
    )?;
    let chunksize = le32(bytes, 88);
    rules.check(
        chunksize != 0 || !matches!(level, 0 | 4 | 5 | 6 | 10),
        "chunk",
        88,
        chunksize,
        format!("not 0 for level {level}"),
    )?;
    Ok(Geometry {
        raid_disks,
        data_offset: data_offset.saturating_mul(SECTOR),
        data_size: data_size.saturating_mul(SECTOR),
        end: end.unwrap_or(0),
        used: used.saturating_mul(SECTOR),
    })
}

fn role_number(bytes: &[u8]) -> u16 {
    let (dev_number, max_dev) = (le32(bytes, 160), le32(bytes, 220));
    match usize::try_from(dev_number) {
        Ok(number) if dev_number < max_dev => {
            le16(bytes, ROLES.saturating_add(number.saturating_mul(2)))
        }
        _ => ROLE_SPARE,
    }
}

fn role(bytes: &[u8], rules: &Rules, slots: u32) -> Result<Role, Refused> {
    match role_number(bytes) {
        ROLE_SPARE => Ok(Role::Spare),
        ROLE_FAULTY => Ok(Role::Faulty),
        ROLE_JOURNAL => Ok(Role::Journal),
        slot => {
            let slot = u32::from(slot);
            rules.check(
                slot < slots,
                "role",
                256,
                slot,
                format!("less than {slots}, or spare, faulty or journal"),
            )?;
            Ok(Role::Active(slot))
        }
    }
}

/// A slot is missing when no device has it; a device that is being rebuilt
/// has it too, and only its own superblock tells.
fn slots(bytes: &[u8], count: u32) -> Vec<Slot> {
    let max_dev = usize::try_from(le32(bytes, 220)).unwrap_or(0);
    let (roles, _) = field(bytes, ROLES, max_dev.saturating_mul(2)).as_chunks::<2>();
    let mut slots = vec![Slot::Missing; usize::try_from(count).unwrap_or(0)];
    for role in roles {
        if let Some(slot) = slots.get_mut(usize::from(u16::from_le_bytes(*role))) {
            *slot = Slot::Active;
        }
    }
    slots
}

fn level_name(level: u32) -> Option<&'static str> {
    Some(match level.cast_signed() {
        -5 => "faulty",
        -4 => "multipath",
        -1 => "linear",
        0 => "raid0",
        1 => "raid1",
        4 => "raid4",
        5 => "raid5",
        6 => "raid6",
        10 => "raid10",
        _ => return None,
    })
}

/// The id that mdadm makes of what names a container or a volume: SHA-1,
/// printed as words of the machine.
pub(crate) fn made_id(parts: &[&[u8]]) -> String {
    let mut sha1 = Sha1::new();
    for part in parts {
        sha1.update(part);
    }
    let hash = sha1.finalize();
    let (words, _) = hash.as_slice().as_chunks::<4>();
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word| word.iter().rev().copied().collect::<Vec<u8>>())
        .collect();
    uuid(&bytes, 0)
}

/// A container with nothing in it yet.
pub(crate) fn container(array: String) -> Raid {
    Raid {
        array,
        name: None,
        level: "container".to_owned(),
        layout: 0,
        chunk: 0,
        raid_disks: 0,
        role: Role::Member,
        slots: Vec::new(),
        events: 0,
        updated: 0,
        clean: true,
        data_offset: 0,
        data_size: 0,
        rebuilt: None,
        replacement: false,
        bad_blocks: Vec::new(),
        devnum: None,
        reshape: None,
        bitmap: false,
        journal: false,
        disks: Vec::new(),
        volumes: Vec::new(),
    }
}

/// The level by name, or by number where there is no name.
fn level(level: u32) -> String {
    level_name(level).map_or_else(|| level.cast_signed().to_string(), str::to_owned)
}

/// The bitmap's superblock and the log of bad blocks: one read each.
fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let feature_map = le32(bytes, 8);
    let mut damaged = Vec::new();
    if feature_map & BITMAP_OFFSET != 0 {
        let place = beside(at, le32(bytes, 96).cast_signed());
        damaged.extend(bitmap_damage(dev, place, field(bytes, 16, 16))?);
    }
    let bblog_size = le16(bytes, 186);
    if feature_map & BAD_BLOCKS != 0 && bblog_size != 0 {
        let place = beside(at, le32(bytes, 188).cast_signed());
        let sectors = usize::from(bblog_size.min(MAX_LOG_SECTORS));
        match piece(dev, place, sectors.saturating_mul(512), "bad-block-log")? {
            Ok(log) => {
                if let Content::Raid(raid) = &mut found.superblock.content {
                    raid.bad_blocks = bad_blocks(&log, u8_at(bytes, 185));
                }
            }
            Err(damage) => damaged.push(damage),
        }
    }
    found.superblock.damaged_copies.extend(damaged);
    Ok(())
}

/// So many sectors before or after the superblock.
fn beside(at: u64, sectors: i32) -> u64 {
    let bytes = u64::from(sectors.unsigned_abs()).saturating_mul(SECTOR);
    if sectors < 0 {
        at.saturating_sub(bytes)
    } else {
        at.saturating_add(bytes)
    }
}

/// `len` bytes of a structure elsewhere on the device, or why there are none.
pub(crate) fn piece(
    dev: &dyn ReadAt,
    at: u64,
    len: usize,
    rule: &str,
) -> Result<Result<Vec<u8>, Damage>, Fault> {
    let seen = match unless_over(read_up_to(dev, at, len))? {
        Ok(bytes) if bytes.len() == len => return Ok(Ok(bytes)),
        Ok(bytes) => format!("{} bytes", bytes.len()),
        Err(fault) => fault.to_string(),
    };
    Ok(Err(Damage {
        offset: at,
        rule: rule.to_owned(),
        seen,
        expected: format!("{len} bytes"),
    }))
}

/// What the kernel would find wrong with the bitmap at `place` before it
/// starts the array `set_uuid`; one read.
fn bitmap_damage(dev: &dyn ReadAt, place: u64, set_uuid: &[u8]) -> Result<Option<Damage>, Fault> {
    Ok(match piece(dev, place, BITMAP_LEN, "bitmap")? {
        Ok(bitmap) => judge_bitmap(&bitmap, place, set_uuid),
        Err(damage) => Some(damage),
    })
}

fn judge_bitmap(bitmap: &[u8], at: u64, set_uuid: &[u8]) -> Option<Damage> {
    let rules = Rules {
        format: Format::Md,
        at,
    };
    let magic = le32(bitmap, 0);
    if magic != BITMAP_MAGIC {
        let (seen, expected) = (format!("{magic:#010x}"), format!("{BITMAP_MAGIC:#010x}"));
        return Some(rules.damage("bitmap-magic", 0, seen, expected));
    }
    let version = le32(bitmap, 4);
    if !(3..=6).contains(&version) {
        return Some(rules.damage("bitmap-version", 4, version, "3 to 6"));
    }
    let (seen, expected) = (uuid(bitmap, 8), uuid(set_uuid, 0));
    if seen != expected {
        return Some(rules.damage("bitmap-uuid", 8, seen, expected));
    }
    let chunksize = le32(bitmap, 52);
    (!chunksize.is_power_of_two() || chunksize < 512).then(|| {
        let expected = "a power of two, at least 512";
        rules.damage("bitmap-chunk", 52, chunksize, expected)
    })
}

/// Entries of 54 bits of sector and 10 of count; ones end the log.
fn bad_blocks(log: &[u8], bblog_shift: u8) -> Vec<(u64, u64)> {
    let (entries, _) = log.as_chunks::<8>();
    let unit = SECTOR.checked_shl(u32::from(bblog_shift)).unwrap_or(0);
    entries
        .iter()
        .map(|entry| u64::from_le_bytes(*entry))
        .take_while(|entry| *entry != u64::MAX)
        .map(|entry| {
            let (sector, count) = (entry >> 10, entry & 0x3ff);
            (sector.saturating_mul(unit), count.saturating_mul(unit))
        })
        .filter(|(_, bytes)| *bytes != 0)
        .collect()
}
