//! SNIA DDF, the common format of hardware RAID.
//!
//! Place: an anchor in the last sector of the disk (with some firmware 256
//! sectors earlier). It names two headers, and each has its own copy of all
//! sections behind it: controller, physical disks, virtual disks,
//! configuration of the virtual disks that this disk takes part in, and who
//! this disk is. Big endian. Checksum: crc32 of each structure with its own
//! field as ones, from 0 and not inverted. Source: SNIA Common RAID Disk Data Format 2.0; what of two
//! headers is the valid one, as `super-ddf.c` of mdadm has it.

use super::md::{container, made_id, piece};
use crate::bytes::{be16, be32, be64, crc32_le, field, hex, u8_at};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Damage, Format, Raid, RaidDisk, RaidVolume, Role, Slot, Text};

const LEN: usize = 512;
const SECTOR: u64 = 512;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "ddf",
    kind: Kind::Member,
    // What the specification reserves for it at the end.
    minimum: 32 << 20,
    places: &[Place::End(SECTOR)],
    len: LEN,
    magics: &[(0, &[0xde, 0x11, 0xde, 0x11])],
    decode,
    // One sector before what is read ahead: not worth a read of every disk.
    copies: &[Place::End(257 * SECTOR)],
    orphans: true,
    complete: Some(complete),
}];

const MAGIC: u32 = 0xde11_de11;
const CONTROLLER: u32 = 0xad11_1111;
const PHYSICAL: u32 = 0x2222_2222;
const VIRTUAL: u32 = 0xdddd_dddd;
const CONFIGURATION: u32 = 0xeeee_eeee;
const DATA: u32 = 0x3333_3333;

/// Most sectors of a section; mdadm takes no more either.
const MAX_SECTION: u32 = 1024;
/// All sections of one header, bytes: 308 KiB with mdadm's own.
const MAX_SECTIONS: u64 = 1 << 20;
/// A section or record with a header of 64 bytes and entries of 64.
const ENTRIES: usize = 64;
const ENTRY: usize = 64;
const GUID: usize = 24;
/// Records of a configuration before `phys_refnum`.
const REFNUMS: usize = 512;
/// From 1970 to 1980, where its clock starts, seconds.
const DECADE: u64 = 3600 * 24 * (365 * 10 + 2);

const PD_GLOBAL_SPARE: u16 = 0x4;
const PD_SPARE: u16 = 0x8;
const PD_ONLINE: u16 = 0x1;
const PD_FAILED: u16 = 0x2;
const PD_REBUILDING: u16 = 0x4;
const PD_MISSING: u16 = 0x40;
const VD_MORPHING: u8 = 0x8;
const VD_INCONSISTENT: u8 = 0x10;
const VD_INIT_FULL: u8 = 0x2;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Ddf,
        at,
    };
    rules.length(bytes, LEN)?;
    rules.checksum(4, be32(bytes, 4), crc(bytes))?;
    let kind = u8_at(bytes, 112);
    rules.check(kind == 0, "type", 112, kind, "0 (anchor)")?;

    let guid = field(bytes, 8, GUID);
    let mut raid = container(made_id(&[guid]));
    raid.events = u64::from(be32(bytes, 40));
    raid.updated = DECADE.saturating_add(u64::from(be32(bytes, 44)));
    let generation = raid.events;
    let end = at.saturating_add(SECTOR);
    let mut found = Found::new(Format::Ddf, end, Content::Raid(raid));
    found.claims = 0;
    found.generation = generation;
    let version = Text::from_field(field(bytes, 32, 8)).map(|version| version.printable());
    if !matches!(
        version.as_deref(),
        Some("01.00.00" | "01.02.00" | "02.00.00")
    ) {
        found
            .superblock
            .unknown_features
            .push(format!("revision {}", version.clone().unwrap_or_default()));
    }
    found.superblock.version = version;
    Ok(found)
}

/// From 0 and not inverted, with the field at 4 as ones.
fn crc(bytes: &[u8]) -> u32 {
    let register = crc32_le(crc32_le(0, field(bytes, 0, 4)), &[0xff; 4]);
    crc32_le(register, bytes.get(8..).unwrap_or_default())
}

/// Both headers, and the sections of the one that is valid: four reads at
/// most.
fn complete(dev: &dyn ReadAt, at: u64, anchor: &[u8], found: &mut Found) -> Result<(), Fault> {
    let mut headers = Vec::new();
    for (kind, place) in [(1_u8, 96_usize), (2, 104)] {
        match header(dev, at, anchor, kind, be64(anchor, place))? {
            Some(Ok(header)) => headers.push(header),
            Some(Err(damage)) => found.superblock.damaged_copies.push(damage),
            None => {}
        }
    }
    if let [primary, secondary] = headers.as_slice()
        && newer(&secondary.bytes, &primary.bytes)
    {
        headers.reverse();
    }
    for header in &headers {
        let sections = match Sections::read(dev, header)? {
            Ok(sections) => sections,
            Err(damage) => {
                found.superblock.damaged_copies.push(damage);
                continue;
            }
        };
        let damaged = &mut found.superblock.damaged_copies;
        if let Content::Raid(raid) = &mut found.superblock.content {
            sections.describe(header, raid, damaged);
        }
        found.superblock.uuid = Some(guid_text(field(&sections.data, 8, GUID)));
        return Ok(());
    }
    let rules = Rules {
        format: Format::Ddf,
        at,
    };
    found.broken = std::mem::take(&mut found.superblock.damaged_copies)
        .into_iter()
        .next()
        .or_else(|| Some(rules.damage("header", 96, "none", "the place of a header")));
    Ok(())
}

/// A header and its place.
struct Header {
    bytes: Vec<u8>,
    at: u64,
}

/// The header of this kind, what is wrong with it, or nothing where the
/// anchor names none.
fn header(
    dev: &dyn ReadAt,
    anchor_at: u64,
    anchor: &[u8],
    kind: u8,
    lba: u64,
) -> Result<Option<Result<Header, Damage>>, Fault> {
    if lba == u64::MAX || lba == 0 {
        return Ok(None);
    }
    let rules = |at| Rules {
        format: Format::Ddf,
        at,
    };
    let Some(at) = lba.checked_mul(SECTOR).filter(|at| *at < anchor_at) else {
        let expected = format!("before the end at {}", dev.size());
        let damage = rules(anchor_at).damage("header", 96, format!("sector {lba}"), expected);
        return Ok(Some(Err(damage)));
    };
    let bytes = match piece(dev, at, LEN, "header")? {
        Ok(bytes) => bytes,
        Err(damage) => return Ok(Some(Err(damage))),
    };
    let judged = judge_header(&bytes, &rules(at), anchor, kind);
    Ok(Some(judged.map(|()| Header { bytes, at })))
}

fn judge_header(bytes: &[u8], rules: &Rules, anchor: &[u8], kind: u8) -> Result<(), Damage> {
    section(bytes, rules, MAGIC)?;
    let seen = u8_at(bytes, 112);
    if seen != kind {
        return Err(rules.damage("type", 112, seen, kind));
    }
    // Id, revision and where the headers lie.
    for (at, len) in [(8, 32), (96, 16)] {
        let (seen, expected) = (field(bytes, at, len), field(anchor, at, len));
        if seen != expected {
            let offset = u64::try_from(at).unwrap_or(0);
            return Err(rules.damage("anchor", offset, hex(seen), hex(expected)));
        }
    }
    Ok(())
}

/// The second header counts when it is newer and no write was under way in
/// it, or when one was in the first.
fn newer(second: &[u8], first: &[u8]) -> bool {
    let (seq, open) = (be32(second, 40), u8_at(second, 48) != 0);
    let first_open = u8_at(first, 48) != 0;
    !open && (be32(first, 40) < seq || (be32(first, 40) == seq && first_open))
}

/// Magic and checksum of a structure.
fn section(bytes: &[u8], rules: &Rules, magic: u32) -> Result<(), Damage> {
    let (seen, expected) = (be32(bytes, 0), magic);
    if seen != expected {
        let (seen, expected) = (format!("{seen:#010x}"), format!("{expected:#010x}"));
        return Err(rules.damage("magic", 0, seen, expected));
    }
    match rules.checksum(4, be32(bytes, 4), crc(bytes)) {
        Err(Refused::Damaged(_, damage)) => Err(damage),
        _ => Ok(()),
    }
}

/// What one header has behind it.
struct Sections {
    physical: Vec<u8>,
    virtuals: Vec<u8>,
    /// Its place too: its records are judged one by one.
    configuration: (u64, Vec<u8>),
    data: Vec<u8>,
}

/// Where the header says a section lies: sectors from the header, sectors.
type Span = (u32, u32);

impl Sections {
    fn read(dev: &dyn ReadAt, header: &Header) -> Result<Result<Self, Damage>, Fault> {
        let spans = match spans(header) {
            Ok(spans) => spans,
            Err(damage) => return Ok(Err(damage)),
        };
        let end = spans.iter().fold(0, |end, (offset, len)| {
            end.max(u64::from(offset.saturating_add(*len)))
        });
        let len = usize::try_from(end.saturating_mul(SECTOR)).unwrap_or(0);
        Ok(match piece(dev, header.at, len, "sections")? {
            Ok(bytes) => Self::judge(&bytes, header.at, spans),
            Err(damage) => Err(damage),
        })
    }

    fn judge(bytes: &[u8], header: u64, spans: [Span; 5]) -> Result<Self, Damage> {
        let take = |(offset, len): Span| {
            let byte = |sectors| usize::try_from(u64::from(sectors).saturating_mul(SECTOR));
            let at = header.saturating_add(u64::from(offset).saturating_mul(SECTOR));
            let bytes = field(bytes, byte(offset).unwrap_or(0), byte(len).unwrap_or(0));
            (at, bytes.to_vec())
        };
        let sound = |span, magic| {
            let (at, bytes) = take(span);
            let rules = Rules {
                format: Format::Ddf,
                at,
            };
            section(&bytes, &rules, magic).map(|()| bytes)
        };
        let [controller, physical, virtuals, configuration, data] = spans;
        sound(controller, CONTROLLER)?;
        Ok(Self {
            physical: sound(physical, PHYSICAL)?,
            virtuals: sound(virtuals, VIRTUAL)?,
            configuration: take(configuration),
            data: sound(data, DATA)?,
        })
    }

    /// All that they say.
    fn describe(&self, header: &Header, raid: &mut Raid, damaged: &mut Vec<Damage>) {
        let header = &header.bytes;
        raid.events = u64::from(be32(header, 40));
        raid.updated = DECADE.saturating_add(u64::from(be32(header, 44)));
        raid.raid_disks = u32::from(be16(&self.physical, 8));
        let physical = self.physical_disks();
        let own = be32(&self.data, 32);
        raid.role = physical
            .iter()
            .find(|disk| disk.refnum == own)
            // Not in the list: the others went on without it.
            .map_or(Role::Faulty, PhysicalDisk::role);
        let (records, broken) = self.records(header);
        damaged.extend(broken);
        let mppe = usize::from(be16(header, 136));
        raid.volumes = self
            .virtuals
            .get(ENTRIES..)
            .unwrap_or_default()
            .chunks_exact(ENTRY)
            .take(usize::from(be16(&self.virtuals, 10)))
            .filter(|entry| field(entry, 0, GUID) != [0xff; GUID])
            .map(|entry| {
                let guid = field(entry, 0, GUID);
                let record = records
                    .iter()
                    .filter(|record| field(record, 8, GUID) == guid)
                    .max_by_key(|record| be32(record, 36))
                    .copied();
                volume(entry, record, &physical, own, mppe)
            })
            .collect();
        raid.clean = raid.volumes.iter().all(|volume| volume.clean);
        raid.disks = physical
            .iter()
            .map(|disk| RaidDisk {
                id: Text::from(format!("{:08x}", disk.refnum).as_str()),
                role: disk.role(),
                size: disk.size,
            })
            .collect();
    }

    fn physical_disks(&self) -> Vec<PhysicalDisk> {
        self.physical
            .get(ENTRIES..)
            .unwrap_or_default()
            .chunks_exact(ENTRY)
            .take(usize::from(be16(&self.physical, 10)))
            .map(|entry| PhysicalDisk {
                refnum: be32(entry, 24),
                kind: be16(entry, 28),
                state: be16(entry, 30),
                size: be64(entry, 32).saturating_mul(SECTOR),
            })
            .filter(|disk| disk.refnum != u32::MAX)
            .collect()
    }

    /// The records of the volumes that this disk takes part in, and what is
    /// wrong with others.
    fn records(&self, header: &[u8]) -> (Vec<&[u8]>, Vec<Damage>) {
        let (at, configuration) = &self.configuration;
        let len = usize::from(be16(header, 134)).saturating_mul(LEN).max(LEN);
        let (mut records, mut damaged) = (Vec::new(), Vec::new());
        for (number, record) in (0_u64..).zip(configuration.chunks_exact(len)) {
            // Spares, what vendors add, and records that are not in use.
            if be32(record, 0) != CONFIGURATION {
                continue;
            }
            let offset = number.saturating_mul(u64::try_from(len).unwrap_or(0));
            let rules = Rules {
                format: Format::Ddf,
                at: at.saturating_add(offset),
            };
            match section(record, &rules, CONFIGURATION) {
                Ok(()) => records.push(record),
                Err(damage) => damaged.push(damage),
            }
        }
        (records, damaged)
    }
}

/// The five sections that are read, each and together of a bounded size.
fn spans(header: &Header) -> Result<[Span; 5], Damage> {
    let span = |at: usize| {
        (
            be32(&header.bytes, at),
            be32(&header.bytes, at.saturating_add(4)),
        )
    };
    let spans = [span(192), span(200), span(208), span(216), span(224)];
    for (offset, len) in spans {
        let end = u64::from(offset).saturating_add(u64::from(len));
        if len == 0 || len > MAX_SECTION || end.saturating_mul(SECTOR) > MAX_SECTIONS {
            let rules = Rules {
                format: Format::Ddf,
                at: header.at,
            };
            return Err(rules.damage(
                "sections",
                192,
                format!("{len} sectors from {offset}"),
                format!("1 to {MAX_SECTION}, within {MAX_SECTIONS} bytes of the header"),
            ));
        }
    }
    Ok(spans)
}

struct PhysicalDisk {
    refnum: u32,
    kind: u16,
    state: u16,
    size: u64,
}

impl PhysicalDisk {
    fn role(&self) -> Role {
        if self.state & (PD_FAILED | PD_MISSING) != 0 {
            Role::Faulty
        } else if self.kind & (PD_GLOBAL_SPARE | PD_SPARE) != 0 {
            Role::Spare
        } else {
            Role::Member
        }
    }

    fn slot(&self) -> Slot {
        if self.state & (PD_FAILED | PD_MISSING) != 0 || self.state & PD_ONLINE == 0 {
            Slot::Missing
        } else if self.state & PD_REBUILDING != 0 {
            Slot::Rebuilding
        } else {
            Slot::Active
        }
    }
}

/// A virtual disk, with what this disk's own record adds.
fn volume(
    entry: &[u8],
    record: Option<&[u8]>,
    physical: &[PhysicalDisk],
    own: u32,
    mppe: usize,
) -> RaidVolume {
    let (state, init_state) = (u8_at(entry, 32), u8_at(entry, 33));
    let mut volume = RaidVolume {
        id: made_id(&[field(entry, 0, GUID)]),
        name: Text::from_field(field(entry, 48, 16)),
        level: "unknown".to_owned(),
        layout: 0,
        chunk: 0,
        disks: 0,
        size: 0,
        members: Vec::new(),
        slots: Vec::new(),
        data_offset: None,
        data_size: 0,
        state: match state & 7 {
            0 => "optimal".to_owned(),
            1 => "degraded".to_owned(),
            2 => "deleted".to_owned(),
            3 => "missing".to_owned(),
            4 => "failed".to_owned(),
            5 => "partially optimal".to_owned(),
            other => other.to_string(),
        },
        clean: state & (VD_MORPHING | VD_INCONSISTENT) == 0 && init_state & 3 == VD_INIT_FULL,
        under_way: (state & VD_MORPHING != 0).then(|| "morphing".to_owned()),
    };
    let Some(record) = record else {
        return volume;
    };
    let prim_elmnt_count = usize::from(be16(record, 64));
    let places = REFNUMS.saturating_add(mppe.saturating_mul(4));
    // As many as the record has room for.
    let count = prim_elmnt_count.min(mppe);
    let refnums: Vec<u32> = (0..count)
        .map(|slot| be32(record, REFNUMS.saturating_add(slot.saturating_mul(4))))
        .collect();
    let (level, layout) = level(record);
    volume.level = level;
    volume.layout = layout;
    volume.chunk = match u8_at(record, 66) {
        // Concatenated disks have none.
        0xff => 0,
        shift => SECTOR.checked_shl(u32::from(shift)).unwrap_or(0),
    };
    volume.disks = u32::from(be16(record, 64)).saturating_mul(u32::from(u8_at(record, 69)).max(1));
    volume.size = be64(record, 80).saturating_mul(SECTOR);
    volume.data_size = be64(record, 72).saturating_mul(SECTOR);
    let find = |refnum: u32| physical.iter().position(|disk| disk.refnum == refnum);
    volume.members = refnums
        .iter()
        .map(|refnum| find(*refnum).and_then(|place| u32::try_from(place).ok()))
        .collect();
    volume.slots = refnums
        .iter()
        .map(|refnum| {
            let disk = find(*refnum).and_then(|place| physical.get(place));
            disk.map_or(Slot::Missing, PhysicalDisk::slot)
        })
        .collect();
    volume.data_offset = refnums
        .iter()
        .position(|refnum| *refnum == own)
        .map(|slot| {
            let at = places.saturating_add(slot.saturating_mul(8));
            be64(record, at).saturating_mul(SECTOR)
        });
    volume
}

/// Level and layout as md has them, or the number of the level.
fn level(record: &[u8]) -> (String, u32) {
    let (prl, rlq) = (u8_at(record, 67), u8_at(record, 68));
    let (sec_elmnt_count, srl) = (u8_at(record, 69), u8_at(record, 71));
    let (name, layout) = if sec_elmnt_count > 1 {
        // Striped (0) or spanned (3) over mirrors.
        match (prl, rlq, srl) {
            (0x01, 0, 0 | 3) => ("raid10", 0x102),
            (0x01, 1, 0 | 3) => ("raid10", 0x103),
            _ => return (format!("ddf {prl:#04x} over {srl:#04x}"), 0),
        }
    } else {
        match (prl, rlq) {
            (0x00, _) => ("raid0", 0),
            (0x01, _) => ("raid1", 0),
            (0x04, _) => ("raid4", 0),
            // Right asymmetric, left asymmetric, left symmetric.
            (0x05, 0) => ("raid5", 1),
            (0x05, 2) => ("raid5", 0),
            (0x05, 3) => ("raid5", 2),
            // Rotating zero restart, n restart, n continue.
            (0x06, 1) => ("raid6", 8),
            (0x06, 2) => ("raid6", 9),
            (0x06, 3) => ("raid6", 10),
            (0x11, 0) => ("raid10", 0x102),
            (0x11, 1) => ("raid10", 0x201),
            (0x1f, _) => ("linear", 0),
            _ => return (format!("ddf {prl:#04x}"), 0),
        }
    };
    (name.to_owned(), layout)
}

/// A GUID as it is printed: text as it stands, the rest in hex.
fn guid_text(guid: &[u8]) -> String {
    guid.iter()
        .map(|byte| match byte {
            0x20..=0x7e => char::from(*byte).to_string(),
            byte => format!("{byte:02x}"),
        })
        .collect()
}
