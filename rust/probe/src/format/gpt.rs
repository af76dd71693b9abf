//! GUID partition table.
//!
//! Place: a header in the second sector (of 512 or 4096 bytes), a copy in the
//! last one; each names its own array of entries. Little endian. Checksums:
//! crc32 of the header with its own field as zeros, and of the array. Source:
//! UEFI specification 2.10, section 5.3.

use super::mbr;
use crate::bytes::{crc32, field, guid, le32, le64, utf16le, zeroed};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_up_to};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Damage, Entry, Format, Table};

/// The header may fill a sector of 4096 bytes.
const LEN: usize = 4096;
/// End of the last field.
const FIELDS: usize = 92;
const CRC_AT: usize = 16;
/// 128 entries of 128 bytes are usual; Linux refuses an array above
/// `KMALLOC_MAX_SIZE`. 1 MiB holds 8192 entries.
const MAX_ARRAY: usize = 1 << 20;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "gpt",
    kind: Kind::Table,
    minimum: 3 * 512,
    places: &[Place::Start(512), Place::Start(4096)],
    len: LEN,
    magics: &[(0, b"EFI PART")],
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
    found.superblock.uuid = Some(guid(bytes, 56));
    Ok(found)
}

struct Header {
    /// Offset on the device.
    at: u64,
    sector: u64,
    alternate: u64,
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
        let my_lba = le64(bytes, 24);
        let sector = at.checked_div(my_lba).unwrap_or(0);
        rules.check(
            matches!(sector, 512 | 1024 | 2048 | 4096) && at.checked_rem(my_lba) == Some(0),
            "place",
            24,
            format!("sector {my_lba}"),
            format!("the sector at byte {at}"),
        )?;
        let header_size = le32(bytes, 12);
        let len = usize::try_from(header_size).unwrap_or(usize::MAX);
        rules.check(
            len >= FIELDS && u64::from(header_size) <= sector && len <= bytes.len(),
            "header-size",
            12,
            header_size,
            format!("{FIELDS} to {sector}"),
        )?;
        let computed = crc32(&zeroed(field(bytes, 0, len), CRC_AT, 4));
        rules.checksum(16, le32(bytes, CRC_AT), computed)?;
        let revision = le32(bytes, 8);
        rules.check(
            revision == 0x0001_0000,
            "revision",
            8,
            format!("{revision:#x}"),
            "0x10000",
        )?;
        let (count, entry_len) = (le32(bytes, 80), le32(bytes, 84));
        let array = u64::from(count).saturating_mul(u64::from(entry_len));
        rules.check(
            entry_len >= 128
                && entry_len.is_power_of_two()
                && usize::try_from(array).is_ok_and(|array| array <= MAX_ARRAY),
            "entries",
            80,
            format!("{count} of {entry_len} bytes"),
            format!("entries of 128 bytes times a power of two, at most {MAX_ARRAY} bytes"),
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
            alternate,
            "a disk below 2^64 bytes",
        )?;
        Ok(Self {
            at,
            sector,
            alternate: alternate.saturating_mul(sector),
            entries_at: entries_at.unwrap_or(0),
            entries: usize::try_from(count).unwrap_or(0),
            entry_len: usize::try_from(entry_len).unwrap_or(128),
            entries_crc: le32(bytes, 88),
            size: size.unwrap_or(0),
        })
    }

    /// The array of entries, if its checksum holds.
    fn array(&self, dev: &dyn ReadAt) -> Result<Result<Vec<u8>, Damage>, Fault> {
        let rules = Rules {
            format: Format::Gpt,
            at: self.entries_at,
        };
        let len = self.entries.saturating_mul(self.entry_len).min(MAX_ARRAY);
        let array = read_up_to(dev, self.entries_at, len)?;
        if array.len() < len {
            return Ok(Err(rules.damage(
                "truncated",
                0,
                format!("{} bytes", array.len()),
                format!("{len} bytes"),
            )));
        }
        let computed = crc32(&array);
        if computed != self.entries_crc {
            return Ok(Err(rules.damage(
                "entries-checksum",
                0,
                format!("{computed:#010x}"),
                format!("{:#010x}", self.entries_crc),
            )));
        }
        Ok(Ok(array))
    }
}

/// The entries of this header or, where their checksum fails, of the other;
/// the other header is judged in any case, so that a table with one sound
/// half is told from one with two.
fn read_entries(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let Ok(header) = Header::read(bytes, at) else {
        return Ok(());
    };
    let damages = &mut found.superblock.damaged_copies;
    let other = other_header(dev, &header, damages)?;
    let mut array = None;
    for header in [Some(&header), other.as_ref()].into_iter().flatten() {
        match header.array(dev)? {
            Ok(sound) => {
                array.get_or_insert(sound);
            }
            Err(damage) => damages.push(damage),
        }
    }
    let partitions = entries(&array.unwrap_or_default(), &header);
    check_places(&partitions, header.at, dev.size(), damages);
    let first = read_up_to(dev, 0, 512)?;
    if let Content::Table(table) = &mut found.superblock.content {
        table.partitions = partitions;
        table.hybrid = mbr::shows_more_than_protection(&first);
    }
    Ok(())
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
    if header.alternate.saturating_add(header.sector) > dev.size() {
        let seen = format!("a device of {} bytes", dev.size());
        damages.push(rules.damage("backup-outside", 0, seen, "the other header inside it"));
        return Ok(None);
    }
    // A primary that was found by its copy is told already.
    let sector = header.alternate..header.alternate.saturating_add(header.sector);
    let told = damages.iter().any(|damage| sector.contains(&damage.offset));
    if told {
        return Ok(None);
    }
    let len = usize::try_from(header.sector).unwrap_or(LEN);
    let bytes = read_up_to(dev, header.alternate, len)?;
    if !bytes.starts_with(b"EFI PART") {
        let seen = crate::bytes::hex(field(&bytes, 0, 8));
        damages.push(rules.damage("backup-missing", 0, seen, "EFI PART"));
        return Ok(None);
    }
    match Header::read(&bytes, header.alternate) {
        Ok(other) => Ok(Some(other)),
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
                // An end before its start is an empty partition, told below.
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

/// Partitions that lie outside the disk or over each other are kept as they
/// are: what is on them may be all that is left.
fn check_places(partitions: &[Entry], at: u64, size: u64, damages: &mut Vec<Damage>) {
    let rules = Rules {
        format: Format::Gpt,
        at,
    };
    let mut sorted: Vec<&Entry> = partitions.iter().collect();
    sorted.sort_by_key(|entry| entry.start);
    let mut end = 0;
    for entry in sorted {
        let number = entry.number;
        let last = entry.start.saturating_add(entry.size);
        if entry.size == 0 || last > size {
            let seen = format!("partition {number} from {} to {last}", entry.start);
            damages.push(rules.damage("partition-outside", 0, seen, format!("inside {size}")));
        }
        if entry.start < end {
            let seen = format!("partition {number} at {}", entry.start);
            damages.push(rules.damage("overlap", 0, seen, format!("at {end} or after")));
        }
        end = end.max(last);
    }
}
