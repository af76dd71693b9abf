//! MBR partition table with logical partitions.
//!
//! Place: four entries of 16 bytes at 446 of the first sector, 55 AA at its
//! end; an extended partition holds a chain of sectors of the same form, each
//! with one logical partition and the place of the next. Little endian, no
//! checksum. The two last bytes end every boot sector, so a table is one only
//! when all four entries could be. A sector is 512 bytes. Source: Linux
//! `block/partitions/msdos.c`.

use crate::bytes::{field, le32, u8_at};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt, read_up_to};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Entry, Format, Table};

const LEN: usize = 512;
const SECTOR: u64 = 512;
const PROTECTIVE: u8 = 0xee;
/// The active partition.
const ACTIVE: u8 = 0x80;
/// Linux shows 256 partitions of a disk at most; a chain may be a circle.
const MAX_LOGICAL: u32 = 252;

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
            && slots.iter().any(Slot::is_used)
            // An entry has a type and a size, or neither.
            && slots
                .iter()
                .all(|slot| slot.is_used() || (slot.kind == 0 && slot.sectors == 0)),
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
    found.superblock.uuid = Some(format!("{id:08x}"));
    Ok(found)
}

/// The MBR beside a GPT shows partitions of its own.
pub(crate) fn shows_more_than_protection(sector: &[u8]) -> bool {
    field(sector, 510, 2) == [0x55, 0xaa]
        && slots(sector)
            .iter()
            .any(|slot| slot.is_used() && slot.kind != PROTECTIVE)
}

struct Slot {
    status: u8,
    kind: u8,
    start: u32,
    sectors: u32,
}

impl Slot {
    fn is_used(&self) -> bool {
        self.kind != 0 && self.sectors != 0
    }

    fn is_extended(&self) -> bool {
        self.is_used() && matches!(self.kind, 0x05 | 0x0f | 0x85)
    }

    /// Its start counts from sector `base`.
    fn entry(&self, number: u32, id: u32, base: u64) -> Entry {
        Entry {
            number,
            start: base
                .saturating_add(u64::from(self.start))
                .saturating_mul(SECTOR),
            size: u64::from(self.sectors).saturating_mul(SECTOR),
            kind: format!("{:#04x}", self.kind),
            uuid: Some(format!("{id:08x}-{number:02x}")),
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

/// The chains of the extended partitions, and what lies outside the device.
fn read_logical(dev: &dyn ReadAt, _at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let id = le32(bytes, 440);
    let mut logical = Vec::new();
    let mut damages = Vec::new();
    for slot in slots(bytes).iter().filter(|slot| slot.is_extended()) {
        let outer = u64::from(slot.start);
        let mut at = outer;
        let mut seen = Vec::new();
        loop {
            let rules = Rules {
                format: Format::Mbr,
                at: at.saturating_mul(SECTOR),
            };
            let many = u32::try_from(logical.len()).is_ok_and(|count| count >= MAX_LOGICAL);
            if seen.contains(&at) || many {
                let rule = if many { "too-many" } else { "circle" };
                let expected = format!("a chain of at most {MAX_LOGICAL}");
                damages.push(rules.damage(rule, 0, logical.len(), expected));
                break;
            }
            seen.push(at);
            let sector = read_up_to(dev, rules.at, LEN)?;
            if field(&sector, 510, 2) != [0x55, 0xaa] {
                let ends = crate::bytes::hex(field(&sector, 510, 2));
                damages.push(rules.damage("extended", 510, ends, "55aa"));
                break;
            }
            let links = slots(&sector);
            for slot in links.iter().filter(|s| s.is_used() && !s.is_extended()) {
                let number = u32::try_from(logical.len())
                    .unwrap_or(MAX_LOGICAL)
                    .saturating_add(5);
                logical.push(slot.entry(number, id, at));
            }
            match links.iter().find(|slot| slot.is_extended()) {
                Some(next) => at = outer.saturating_add(u64::from(next.start)),
                None => break,
            }
        }
    }
    if let Content::Table(table) = &mut found.superblock.content {
        table.partitions.append(&mut logical);
        let rules = Rules {
            format: Format::Mbr,
            at: 446,
        };
        for entry in &table.partitions {
            let end = entry.start.saturating_add(entry.size);
            if end > dev.size() {
                let seen = format!("partition {} ends at {end}", entry.number);
                let expected = format!("inside {}", dev.size());
                damages.push(rules.damage("partition-outside", 0, seen, expected));
            }
        }
    }
    found.superblock.damaged_copies.append(&mut damages);
    Ok(())
}
