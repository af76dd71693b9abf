//! MBR partition table with logical partitions.
//!
//! Place: four entries of 16 bytes at 446 of the first sector, 55 AA at its
//! end; an extended partition holds a chain of sectors of the same form, each
//! with one logical partition and the place of the next. Little endian, no
//! checksum. Source: Linux `block/partitions/msdos.c`, whose numbers these
//! are.
//!
//! 55 AA ends every boot sector, so a table is one only when all four status
//! bytes are 0x00 or 0x80 and an entry has a type and a size; where the
//! sector begins as that of a FAT, NTFS or exFAT does, boot code must not
//! pass for entries either. Entries count in the sectors of the disk, which
//! the table does not say: 512 bytes here.

use super::partitions;
use crate::bytes::{field, hex, le16, le32, u8_at};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Damage, Entry, Format, Table};

const LEN: usize = 512;
const SECTOR: u64 = 512;
const PROTECTIVE: u8 = 0xee;
/// The active partition.
const ACTIVE: u8 = 0x80;
/// Linux numbers the partitions of a disk up to 255, the logical ones from 5.
const MAX_LOGICAL: usize = 251;
/// Sectors of chains that are read: one a logical partition, and some that
/// only lead on, as deleted partitions leave them. Linux follows 100.
const MAX_LINKS: usize = MAX_LOGICAL + 100;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "mbr",
    kind: Kind::Table,
    minimum: 1024,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(510, &[0x55, 0xaa])],
    decode,
    copies: &[],
    orphans: false,
    complete: Some(read_logical),
}];

fn decode(bytes: &[u8], _at: u64) -> Result<Found, Refused> {
    or_other(bytes.len() >= LEN)?;
    let slots = slots(bytes);
    or_other(
        slots
            .iter()
            .all(|slot| slot.status == 0 || slot.status == ACTIVE)
            && slots.iter().any(|slot| slot.is_used() && slot.kind != 0)
            && (!begins_as_boot_sector(bytes) || slots.iter().all(Slot::is_plain)),
    )?;
    let protective = slots
        .iter()
        .all(|slot| !slot.is_used() || slot.kind == PROTECTIVE);
    let id = le32(bytes, 440);
    // What an MBR protects is told by the GPT.
    let partitions: Vec<Entry> = (1..)
        .zip(&slots)
        .filter(|(_, slot)| slot.is_used() && !protective)
        .map(|(number, slot)| slot.entry(number, id, 0))
        .collect();
    let size = partitions
        .iter()
        .map(|entry| entry.start.saturating_add(entry.size))
        .max()
        .unwrap_or(0);
    let table = Table {
        sector_size: 512,
        partitions,
        protective,
        hybrid: false,
    };
    let mut found = Found::new(Format::Mbr, size, Content::Table(table));
    // Partitions past the end are told one by one.
    found.claims = 0;
    found.superblock.uuid = (id != 0).then(|| format!("{id:08x}"));
    Ok(found)
}

/// What the MBR of a disk does for a GPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing: no entry points to it.
    None,
    /// It shows one partition over all.
    Protective,
    /// It shows partitions of its own beside that.
    Hybrid,
}

pub(crate) fn guard(sector: &[u8]) -> Guard {
    let slots = slots(sector);
    let guards = slots.iter().any(|slot| slot.kind == PROTECTIVE);
    if field(sector, 510, 2) != [0x55, 0xaa] || !guards {
        return Guard::None;
    }
    let shows = |slot: &Slot| slot.is_used() && slot.kind != PROTECTIVE;
    if slots.iter().any(shows) {
        Guard::Hybrid
    } else {
        Guard::Protective
    }
}

/// The types of the four entries.
pub(crate) fn kinds(sector: &[u8]) -> [u8; 4] {
    slots(sector).map(|slot| slot.kind)
}

/// A GPT should be there.
pub(crate) fn guards(table: &Table) -> bool {
    table.protective
        || table
            .partitions
            .iter()
            .any(|entry| entry.kind == kind_name(PROTECTIVE))
}

/// The sector begins with the parameters of a FAT, or the name that NTFS,
/// exFAT and BitLocker have there. A boot loader keeps them where it turns a
/// disk without a table into one that has one.
fn begins_as_boot_sector(bytes: &[u8]) -> bool {
    let named = [b"NTFS    ", b"EXFAT   ", b"-FVE-FS-"]
        .iter()
        .any(|name| field(bytes, 3, 8) == *name);
    let bytes_per_sector = le16(bytes, 11);
    let fat = matches!(u8_at(bytes, 0), 0xe9 | 0xeb)
        && (512..=4096).contains(&bytes_per_sector)
        && bytes_per_sector.is_power_of_two()
        && u8_at(bytes, 13).is_power_of_two()
        && le16(bytes, 14) != 0
        && matches!(u8_at(bytes, 16), 1 | 2)
        && matches!(u8_at(bytes, 21), 0xf0 | 0xf8..);
    named || fat
}

fn kind_name(kind: u8) -> String {
    format!("{kind:#04x}")
}

struct Slot {
    status: u8,
    kind: u8,
    start: u32,
    sectors: u32,
}

impl Slot {
    /// Linux does not ask for a type: images for both optical drives and USB
    /// ports have a partition of type 0 over all.
    fn is_used(&self) -> bool {
        self.sectors != 0
    }

    fn is_extended(&self) -> bool {
        self.is_used() && matches!(self.kind, 0x05 | 0x0f | 0x85)
    }

    /// As a partitioning tool writes it: a type, a start behind this sector
    /// and a size, or nothing of them.
    fn is_plain(&self) -> bool {
        let set = [self.kind != 0, self.start != 0, self.sectors != 0];
        set == [true; 3] || set == [false; 3]
    }

    /// Its start counts from sector `base`.
    fn entry(&self, number: u32, id: u32, base: u64) -> Entry {
        Entry {
            number,
            start: base
                .saturating_add(u64::from(self.start))
                .saturating_mul(SECTOR),
            size: u64::from(self.sectors).saturating_mul(SECTOR),
            kind: kind_name(self.kind),
            uuid: (id != 0).then(|| format!("{id:08x}-{number:02x}")),
            name: None,
            flags: u64::from(self.status),
        }
    }
}

fn slots(sector: &[u8]) -> [Slot; 4] {
    [446, 462, 478, 494].map(|at: usize| {
        let slot = field(sector, at, 16);
        Slot {
            status: u8_at(slot, 0),
            kind: u8_at(slot, 4),
            start: le32(slot, 8),
            sectors: le32(slot, 12),
        }
    })
}

/// The chains of the extended partitions, and what lies outside the device or
/// over another.
fn read_logical(dev: &dyn ReadAt, _at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let Content::Table(table) = &mut found.superblock.content else {
        return Ok(());
    };
    let damages = &mut found.superblock.damaged_copies;
    let rules = Rules {
        format: Format::Mbr,
        at: 0,
    };
    partitions::check(&table.partitions, &(0..dev.size()), &rules, damages);
    let mut chains = Chains {
        dev,
        id: le32(bytes, 440),
        logical: Vec::new(),
        links: Vec::new(),
        damages,
    };
    for slot in slots(bytes).iter().filter(|slot| slot.is_extended()) {
        chains.follow(slot)?;
    }
    table.partitions.append(&mut chains.logical);
    Ok(())
}

struct Chains<'a> {
    dev: &'a dyn ReadAt,
    id: u32,
    logical: Vec<Entry>,
    /// Sectors that were read.
    links: Vec<u64>,
    damages: &'a mut Vec<Damage>,
}

impl Chains<'_> {
    /// The logical partitions of one extended partition.
    fn follow(&mut self, outer: &Slot) -> Result<(), Fault> {
        let first = u64::from(outer.start);
        let end = first.saturating_add(u64::from(outer.sectors));
        let before = self.logical.len();
        // The sector of the chain, and how much it speaks for.
        let (mut at, mut sectors) = (first, u64::from(outer.sectors));
        while let Some(links) = self.link(at)? {
            for (index, slot) in links.iter().enumerate() {
                // DR-DOS puts the link first and OS/2 uses all four, but the
                // last two are often not cleared.
                let start = at.saturating_add(u64::from(slot.start));
                let reach = start.saturating_add(u64::from(slot.sectors));
                let leftover = index >= 2
                    && (u64::from(slot.start).saturating_add(u64::from(slot.sectors)) > sectors
                        || start < first
                        || reach > end);
                if slot.is_used() && !slot.is_extended() && !leftover {
                    self.add(slot, at);
                }
            }
            let Some(next) = links.iter().find(|slot| slot.is_extended()) else {
                break;
            };
            at = first.saturating_add(u64::from(next.start));
            sectors = u64::from(next.sectors);
        }
        let rules = Rules {
            format: Format::Mbr,
            at: first.saturating_mul(SECTOR),
        };
        let room = rules.at..end.saturating_mul(SECTOR).min(self.dev.size());
        let inside = self.logical.get(before..).unwrap_or_default();
        partitions::check(inside, &room, &rules, self.damages);
        Ok(())
    }

    fn add(&mut self, slot: &Slot, at: u64) {
        let count = self.logical.len();
        if let Some(number) = u32::try_from(count).ok().and_then(|n| n.checked_add(5))
            && count < MAX_LOGICAL
        {
            self.logical.push(slot.entry(number, self.id, at));
        }
    }

    /// One sector of a chain; none where the chain ends in a way that is
    /// told.
    fn link(&mut self, at: u64) -> Result<Option<[Slot; 4]>, Fault> {
        let rules = Rules {
            format: Format::Mbr,
            at: at.saturating_mul(SECTOR),
        };
        if self.links.contains(&at) {
            let seen = format!("sector {at} once more");
            self.damages
                .push(rules.damage("circle", 0, seen, "a chain that ends"));
            return Ok(None);
        }
        if self.logical.len() >= MAX_LOGICAL || self.links.len() >= MAX_LINKS {
            let seen = format!(
                "{} partitions in {} sectors and more",
                self.logical.len(),
                self.links.len()
            );
            let expected = format!("at most {MAX_LOGICAL} in {MAX_LINKS}");
            self.damages
                .push(rules.damage("too-many", 0, seen, expected));
            return Ok(None);
        }
        self.links.push(at);
        let Some(sector) = partitions::read(self.dev, &rules, LEN, "a link", self.damages)? else {
            return Ok(None);
        };
        let ending = field(&sector, 510, 2);
        if ending != [0x55, 0xaa] {
            let seen = hex(ending);
            self.damages
                .push(rules.damage("extended", 510, seen, "55aa"));
            return Ok(None);
        }
        Ok(Some(slots(&sector)))
    }
}
