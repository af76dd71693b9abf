//! GUID partition table.
//!
//! Place: a header in the second sector (of 512 or 4096 bytes), a copy in the
//! last one; each names its own array of entries. Little endian. Checksums:
//! crc32 of the header with its own field as zeros, and of the array. An MBR
//! with an entry of type 0xee stands in front of it; without one neither
//! Linux nor libblkid sees the table, and here that is told. Source: UEFI
//! specification 2.10, section 5.3.

use super::mbr::{self, Guard};
use super::partitions;
use crate::bytes::{crc32, field, guid, hex, le32, le64, utf16le, zeroed};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_up_to};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Damage, Entry, Format, Table};

const MAGIC: &[u8] = b"EFI PART";
/// The header may fill a sector of 4096 bytes.
const LEN: usize = 4096;
/// End of the last field.
const FIELDS: usize = 92;
const CRC_AT: usize = 16;
/// Sectors of the disks that Linux partitions; the primary is sector 1.
const SECTORS: [u64; 2] = [512, 4096];
/// Smallest entry; larger ones are this times a power of two.
const MIN_ENTRY: u32 = 128;
/// 128 entries of 128 bytes are usual; Linux refuses an array above
/// `KMALLOC_MAX_SIZE`. 1 MiB holds 8192 entries.
const MAX_ARRAY: usize = 1 << 20;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "gpt",
    kind: Kind::Table,
    minimum: 3 * 512,
    places: &[Place::Start(512), Place::Start(4096)],
    len: LEN,
    magics: &[(0, MAGIC)],
    decode,
    copies: &[Place::End(512), Place::End(4096)],
    orphans: true,
    complete: Some(read_entries),
}];

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let header = Header::read(bytes, at)?;
    let table = Table {
        sector_size: u32::try_from(header.sector).unwrap_or(512),
        partitions: Vec::new(),
        protective: false,
        hybrid: false,
    };
    // What was cut off shows when the entries are read: a table of a disk
    // that became smaller still tells where the rest is.
    let mut found = Found::new(Format::Gpt, header.size, Content::Table(table));
    found.claims = 0;
    found.superblock.uuid = Some(header.disk_guid);
    Ok(found)
}

/// What is where the primary of a table belongs whose copy was found.
pub(crate) fn missing_primary(dev: &dyn ReadAt, copy: &Found) -> Damage {
    let sector = match &copy.superblock.content {
        Content::Table(table) => u64::from(table.sector_size),
        _ => 512,
    };
    let rules = Rules {
        format: Format::Gpt,
        at: sector,
    };
    match read_up_to(dev, sector, MAGIC.len()) {
        Ok(seen) => rules.damage("primary-missing", 0, hex(&seen), hex(MAGIC)),
        Err(fault) => rules.damage("unreadable", 0, fault.error, "the primary header"),
    }
}

struct Header {
    /// Offset on the device.
    at: u64,
    sector: u64,
    alternate: u64,
    first_usable: u64,
    last_usable: u64,
    disk_guid: String,
    entries_at: u64,
    entries: usize,
    entry_len: usize,
    entries_crc: u32,
    /// Bytes from the start of the disk to the end of the further header.
    size: u64,
}

impl Header {
    fn read(bytes: &[u8], at: u64) -> Result<Self, Refused> {
        let rules = Rules {
            format: Format::Gpt,
            at,
        };
        rules.length(bytes, FIELDS)?;
        check_crc(bytes, &rules)?;
        let revision = le32(bytes, 8);
        rules.check(
            revision == 0x0001_0000,
            "revision",
            8,
            format!("{revision:#x}"),
            "0x10000",
        )?;
        let my_lba = le64(bytes, 24);
        let sector = sector(at, my_lba);
        rules.check(
            sector.is_some(),
            "place",
            24,
            format!("sector {my_lba}"),
            format!("the sector at byte {at}"),
        )?;
        let sector = sector.unwrap_or(512);
        let header_size = le32(bytes, 12);
        rules.check(
            u64::from(header_size) <= sector,
            "header-size",
            12,
            header_size,
            format!("{FIELDS} to {sector}"),
        )?;
        let (first_usable, last_usable) = (le64(bytes, 40), le64(bytes, 48));
        rules.check(
            first_usable <= last_usable && !(first_usable..=last_usable).contains(&my_lba),
            "usable",
            40,
            format!("sectors {first_usable} to {last_usable}"),
            format!("a range without sector {my_lba}, where the header is"),
        )?;
        let (count, entry_len) = (le32(bytes, 80), le32(bytes, 84));
        let array = u64::from(count).saturating_mul(u64::from(entry_len));
        rules.check(
            count != 0
                && entry_len >= MIN_ENTRY
                && entry_len.is_power_of_two()
                && usize::try_from(array).is_ok_and(|array| array <= MAX_ARRAY),
            "entries",
            80,
            format!("{count} of {entry_len} bytes"),
            format!("some of {MIN_ENTRY} bytes times a power of two, {MAX_ARRAY} bytes at most"),
        )?;
        let entries_at = le64(bytes, 72).checked_mul(sector);
        let alternate = le64(bytes, 32);
        let size = alternate
            .max(my_lba)
            .checked_add(1)
            .and_then(|sectors| sectors.checked_mul(sector));
        rules.check(
            entries_at.is_some() && size.is_some(),
            "size",
            32,
            format!("the other header in sector {alternate}"),
            "a disk below 2^64 bytes",
        )?;
        Ok(Self {
            at,
            sector,
            alternate: alternate.saturating_mul(sector),
            first_usable: first_usable.saturating_mul(sector),
            last_usable: last_usable.saturating_add(1).saturating_mul(sector),
            disk_guid: guid(bytes, 56),
            entries_at: entries_at.unwrap_or(0),
            entries: usize::try_from(count).unwrap_or(0),
            entry_len: usize::try_from(entry_len).unwrap_or(128),
            entries_crc: le32(bytes, 88),
            size: size.unwrap_or(0),
        })
    }

    /// The array of entries, if its checksum holds; else that is told.
    fn array(&self, dev: &dyn ReadAt, damages: &mut Vec<Damage>) -> Result<Option<Vec<u8>>, Fault> {
        let rules = Rules {
            format: Format::Gpt,
            at: self.entries_at,
        };
        let len = self.entries.saturating_mul(self.entry_len).min(MAX_ARRAY);
        let Some(array) = partitions::read(dev, &rules, len, "the entries", damages)? else {
            return Ok(None);
        };
        let computed = crc32(&array);
        if array.len() < len {
            let seen = format!("{} bytes", array.len());
            damages.push(rules.damage("truncated", 0, seen, format!("{len} bytes")));
        } else if computed != self.entries_crc {
            damages.push(rules.damage(
                "entries-checksum",
                0,
                format!("{computed:#010x}"),
                format!("{:#010x}", self.entries_crc),
            ));
        } else {
            return Ok(Some(array));
        }
        Ok(None)
    }

    /// What both headers of one table say alike: offset of the field, and
    /// its value.
    fn common(&self) -> [(u64, String); 6] {
        [
            (40, format!("usable from {}", self.first_usable)),
            (48, format!("usable to {}", self.last_usable)),
            (56, format!("disk {}", self.disk_guid)),
            (80, format!("{} entries", self.entries)),
            (84, format!("entries of {} bytes", self.entry_len)),
            (
                88,
                format!("entries of checksum {:#010x}", self.entries_crc),
            ),
        ]
    }
}

fn check_crc(bytes: &[u8], rules: &Rules) -> Result<(), Refused> {
    let header_size = le32(bytes, 12);
    let len = usize::try_from(header_size).unwrap_or(usize::MAX);
    let room = bytes.len().min(LEN);
    rules.check(
        (FIELDS..=room).contains(&len),
        "header-size",
        12,
        header_size,
        format!("{FIELDS} to {room}"),
    )?;
    let computed = crc32(&zeroed(field(bytes, 0, len), CRC_AT, 4));
    rules.checksum(16, le32(bytes, CRC_AT), computed)
}

/// The sector size by which a header that calls its sector `my_lba` lies at
/// byte `at`.
fn sector(at: u64, my_lba: u64) -> Option<u64> {
    if SECTORS.contains(&at) {
        return (my_lba == 1).then_some(at);
    }
    let sector = at.checked_div(my_lba)?;
    (SECTORS.contains(&sector) && at.checked_rem(my_lba) == Some(0)).then_some(sector)
}

/// The entries of this header or, where they are broken, of the other; the
/// other is judged in any case, so that a table with one sound half is told
/// from one with two.
fn read_entries(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let Ok(header) = Header::read(bytes, at) else {
        return Ok(());
    };
    let damages = &mut found.superblock.damaged_copies;
    let other = other_header(dev, &header, damages)?;
    let mut partitions = None;
    for header in [Some(&header), other.as_ref()].into_iter().flatten() {
        if let Some(array) = header.array(dev, damages)? {
            partitions.get_or_insert_with(|| entries(&array, header));
        }
    }
    let partitions = partitions.unwrap_or_default();
    let room = header.first_usable..header.last_usable.min(dev.size());
    let rules = Rules {
        format: Format::Gpt,
        at,
    };
    partitions::check(&partitions, &room, &rules, damages);
    let hybrid = check_guard(dev, damages)?;
    if let Content::Table(table) = &mut found.superblock.content {
        table.partitions = partitions;
        table.hybrid = hybrid;
    }
    Ok(())
}

/// The MBR in front; whether it shows partitions of its own.
fn check_guard(dev: &dyn ReadAt, damages: &mut Vec<Damage>) -> Result<bool, Fault> {
    let rules = Rules {
        format: Format::Gpt,
        at: 0,
    };
    let Some(first) = partitions::read(dev, &rules, 512, "a protective MBR", damages)? else {
        return Ok(false);
    };
    let guard = mbr::guard(&first);
    if guard == Guard::None {
        let kinds = hex(&mbr::kinds(&first));
        let seen = format!("types {kinds}, ending {}", hex(field(&first, 510, 2)));
        damages.push(rules.damage("protective-mbr", 446, seen, "a type ee, ending 55aa"));
    }
    Ok(guard == Guard::Hybrid)
}

fn other_header(
    dev: &dyn ReadAt,
    header: &Header,
    damages: &mut Vec<Damage>,
) -> Result<Option<Header>, Fault> {
    let rules = Rules {
        format: Format::Gpt,
        at: header.alternate,
    };
    let end = header.alternate.saturating_add(header.sector);
    if end > dev.size() {
        let seen = format!("a device of {} bytes", dev.size());
        damages.push(rules.damage("backup-outside", 0, seen, "the other header inside it"));
        return Ok(None);
    }
    // A primary that was found by its copy is told already.
    if damages
        .iter()
        .any(|damage| (header.alternate..end).contains(&damage.offset))
    {
        return Ok(None);
    }
    // The disk, or the image on it, grew: nobody finds the copy when the
    // primary is gone.
    let further = header.size.saturating_add(header.sector);
    if further <= dev.size() {
        let expected = format!("the last of a device of {} bytes", dev.size());
        damages.push(rules.damage("backup-place", 0, "an earlier sector", expected));
    }
    let len = usize::try_from(header.sector).unwrap_or(LEN);
    let Some(bytes) = partitions::read(dev, &rules, len, "the other header", damages)? else {
        return Ok(None);
    };
    if !bytes.starts_with(MAGIC) {
        let seen = hex(field(&bytes, 0, 8));
        damages.push(rules.damage("backup-missing", 0, seen, "EFI PART"));
        return Ok(None);
    }
    match Header::read(&bytes, header.alternate) {
        Ok(other) => {
            let pairs = other.common().into_iter().zip(header.common());
            let differs = pairs.into_iter().find(|(seen, expected)| seen != expected);
            if let Some(((offset, seen), (_, expected))) = differs {
                damages.push(rules.damage("copies-differ", offset, seen, expected));
            } else if other.alternate != header.at {
                let seen = format!("the other header at {}", other.alternate);
                damages.push(rules.damage("copies-differ", 32, seen, header.at));
            }
            Ok(Some(other))
        }
        Err(Refused::Damaged(_, damage)) => {
            damages.push(damage);
            Ok(None)
        }
        Err(Refused::Other) => Ok(None),
    }
}

fn entries(array: &[u8], header: &Header) -> Vec<Entry> {
    let used = |(_, entry): &(u32, &[u8])| field(entry, 0, 16) != [0; 16];
    (1..)
        .zip(array.chunks_exact(header.entry_len))
        .filter(used)
        .map(|(number, entry)| {
            let (first, last) = (le64(entry, 32), le64(entry, 40));
            let sectors = last.saturating_sub(first).saturating_add(1);
            Entry {
                number,
                start: first.saturating_mul(header.sector),
                // An end before its start is an empty partition, and told.
                size: if last < first {
                    0
                } else {
                    sectors.saturating_mul(header.sector)
                },
                kind: guid(entry, 0),
                uuid: Some(guid(entry, 16)),
                name: utf16le(field(entry, 56, 72)),
                flags: le64(entry, 48),
            }
        })
        .collect()
}
