//! LVM2 physical volumes.
//!
//! Place: a label of 512 bytes in one of the first four sectors, in the
//! second unless told otherwise; it has no copy. The PV header in it lists
//! data areas and at most two metadata areas, one behind the label and one
//! before the end of the device. A metadata area is a header of 512 bytes and
//! a ring of text; each change of the group is written behind the last one,
//! and the header says where. Little endian. Checksums: crc32 of another
//! start value and without a final inversion, over the label from byte 20,
//! over an area's header from byte 4, over the text. Source: lvm2,
//! `lib/label/label.h`, `lib/format_text/layout.h`.

mod group;
mod text;

use group::{Group, ID_GROUPS, is_id_digit};
use text::Broken;

use crate::bytes::{crc32_le, field, le32, le64};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt, read_up_to, unless_over};
use crate::row::{Kind, Place, Row};
use asl_facts::{Content, Damage, Format, PhysicalVolume, VolumeGroup};

const LEN: usize = 512;
const LABEL_ID: &[u8] = b"LABELONE";
const TYPE_AT: usize = 24;
const LVM2_LABEL: &[u8] = b"LVM2 001";
const FMTT_MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";
const FMTT_MAGIC_AT: usize = 4;
/// Sectors that a label can lie in, bytes.
const LABEL_SCAN: usize = 2048;
/// Where the first metadata area begins: a page of any size that x86 has.
const FIRST_AREA: usize = 4096;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "lvm2",
        kind: Kind::Member,
        minimum: 512,
        places: &[
            Place::Start(0),
            Place::Start(512),
            Place::Start(1024),
            Place::Start(1536),
        ],
        len: LEN,
        // The second for a label whose first bytes are changed.
        magics: &[(0, LABEL_ID), (TYPE_AT, LVM2_LABEL)],
        decode,
        copies: &[],
        orphans: false,
        complete: Some(complete),
    },
    Row {
        name: "lvm2-area",
        kind: Kind::Member,
        minimum: 4608,
        places: &[Place::Start(0)],
        len: FIRST_AREA + LEN,
        magics: &[(FIRST_AREA + FMTT_MAGIC_AT, FMTT_MAGIC)],
        decode: decode_orphan,
        copies: &[],
        orphans: false,
        complete: None,
    },
];

/// Metadata areas that are read. LVM makes none, one or two.
const MAX_AREAS: usize = 2;
/// Text that is read, bytes: a few thousand logical volumes. LVM makes areas
/// of 1 MiB, in which a text can have half.
const MAX_TEXT: u64 = 4 << 20;
/// `struct pv_header` up to its lists.
const PV_HEADER: usize = 40;
const PV_EXT_USED: u32 = 1;
const RAW_LOCN_IGNORED: u32 = 1;

/// `calc_crc` begins with another value than most.
fn crc(bytes: &[u8]) -> u32 {
    crc32_le(0xf597_a6cf, bytes)
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = rules(at);
    rules.length(bytes, LEN)?;
    let label_type = field(bytes, TYPE_AT, LVM2_LABEL.len());
    let (seen, computed) = (le32(bytes, 16), crc(field(bytes, 20, LEN)));
    if !bytes.starts_with(LABEL_ID) {
        or_other(seen == computed)?;
        let id = field(bytes, 0, LABEL_ID.len()).escape_ascii();
        rules.check(false, "label", 0, id, "LABELONE")?;
    }
    // `wipefs` takes a label back by zeros here.
    or_other(label_type.iter().any(|byte| *byte != 0))?;
    rules.checksum(16, seen, computed)?;
    or_other(label_type == LVM2_LABEL)?;
    let sector_xl = le64(bytes, 8);
    rules.check(
        sector_xl.checked_mul(512) == Some(at),
        "place",
        8,
        format!("sector {sector_xl}"),
        format!("sector {}", at.checked_div(512).unwrap_or(0)),
    )?;
    let header = pv_header(bytes, &rules)?;
    let mut found = Found::new(
        Format::Lvm2,
        header.device_size,
        Content::PhysicalVolume(PhysicalVolume {
            group: None,
            areas: header.areas,
            data_offset: header.data.first().copied().unwrap_or(0),
            used: header.flags & PV_EXT_USED != 0,
        }),
    );
    found.superblock.uuid = Some(header.pv_uuid);
    found.superblock.version = Some("LVM2 001".to_owned());
    Ok(found)
}

fn rules(at: u64) -> Rules {
    Rules {
        format: Format::Lvm2,
        at,
    }
}

struct PvHeader {
    pv_uuid: String,
    device_size: u64,
    /// First bytes of the data areas.
    data: Vec<u64>,
    /// First bytes of the metadata areas.
    areas: Vec<u64>,
    flags: u32,
}

fn pv_header(bytes: &[u8], rules: &Rules) -> Result<PvHeader, Refused> {
    let offset_xl = le32(bytes, 20);
    let at = usize::try_from(offset_xl).unwrap_or(LEN);
    rules.check(
        (32..=LEN.saturating_sub(PV_HEADER)).contains(&at),
        "header-offset",
        20,
        offset_xl,
        format!("32 to {}", LEN.saturating_sub(PV_HEADER)),
    )?;
    let header = field(bytes, at, LEN);
    let pv_uuid = field(header, 0, 32);
    rules.check(
        pv_uuid.iter().copied().all(is_id_digit),
        "uuid",
        u64::from(offset_xl),
        pv_uuid.escape_ascii(),
        "32 letters and digits",
    )?;
    let mut lists = field(header, PV_HEADER, LEN);
    let mut list = |what: &str| {
        let list = areas(&mut lists);
        let end = format!("a list of {what} areas that ends in the label");
        rules.check(list.is_some(), "areas", u64::from(offset_xl), "no end", end)?;
        Ok(list.unwrap_or_default())
    };
    let data = list("data")?;
    let areas = list("metadata")?;
    // A label from before the extension ends here, in zeros.
    let (version, flags) = (le32(lists, 0), le32(lists, 4));
    if version > 0 {
        lists = field(lists, 8, LEN);
        let end = "a list of bootloader areas that ends in the label";
        let bootloader = self::areas(&mut lists);
        rules.check(
            bootloader.is_some(),
            "areas",
            u64::from(offset_xl),
            "no end",
            end,
        )?;
    }
    Ok(PvHeader {
        pv_uuid: format_id(pv_uuid),
        device_size: le64(header, 32),
        data,
        areas,
        flags: if version < 2 { 0 } else { flags },
    })
}

/// Takes a list of areas (`struct disk_locn`: offset and size) up to the one
/// of zeros that ends it, and answers their offsets; none where it does not
/// end.
fn areas(bytes: &mut &[u8]) -> Option<Vec<u64>> {
    let mut areas = Vec::new();
    loop {
        let (area, rest) = bytes.split_first_chunk::<16>()?;
        *bytes = rest;
        match le64(area, 0) {
            0 => return Some(areas),
            offset => areas.push(offset),
        }
    }
}

/// As LVM prints an id: in groups, with dashes.
fn format_id(id: &[u8]) -> String {
    let mut rest = id.iter().map(|byte| char::from(*byte));
    let groups = ID_GROUPS.map(|len| rest.by_ref().take(len).collect::<String>());
    groups.join("-")
}

/// No label and a metadata area that has a group: the beginning was zeroed.
/// Where anything else was written there, the area is what an older use of
/// the device left behind.
fn decode_orphan(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    or_other(field(bytes, 0, LABEL_SCAN).iter().all(|byte| *byte == 0))?;
    let place = u64::try_from(FIRST_AREA).unwrap_or(0);
    let Ok(Some(text)) = location(field(bytes, FIRST_AREA, LEN), place, u64::MAX) else {
        return Err(Refused::Other);
    };
    rules(at).check(
        false,
        "label-missing",
        0,
        "zeros",
        format!(
            "LABELONE, as there is a metadata area at {place} with a text of {} bytes",
            text.size
        ),
    )?;
    Err(Refused::Other)
}

/// Where an area's text lies: `struct raw_locn`, and the area it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Location {
    /// First byte of the area on the device.
    start: u64,
    /// Size of the area, bytes.
    area: u64,
    /// First byte of the text in the area.
    offset: u64,
    size: u64,
    checksum: u32,
}

/// `struct mda_header`: where the text is; none in an area that is unused or
/// ignored. `end` is the size of the device.
fn location(bytes: &[u8], place: u64, end: u64) -> Result<Option<Location>, Refused> {
    let rules = rules(place);
    rules.length(bytes, LEN)?;
    let magic = field(bytes, FMTT_MAGIC_AT, FMTT_MAGIC.len());
    rules.check(
        magic == FMTT_MAGIC,
        "area-magic",
        4,
        magic.escape_ascii(),
        FMTT_MAGIC.escape_ascii(),
    )?;
    rules.checksum(0, le32(bytes, 0), crc(field(bytes, 4, LEN)))?;
    let version = le32(bytes, 20);
    rules.check(version == 1, "area-version", 20, version, 1)?;
    let start = le64(bytes, 24);
    rules.check(start == place, "area-start", 24, start, place)?;
    let size = le64(bytes, 32);
    let header = u64::try_from(LEN).unwrap_or(0);
    rules.check(
        size > header && start.checked_add(size).is_some_and(|last| last <= end),
        "area-size",
        32,
        size,
        format!("more than {header}, and inside the device's {end} bytes"),
    )?;
    // Slot 0 of `raw_locns`; slot 1 is of a change that was not committed.
    let text = Location {
        start,
        area: size,
        offset: le64(bytes, 40),
        size: le64(bytes, 48),
        checksum: le32(bytes, 56),
    };
    if text.offset == 0 || le32(bytes, 60) & RAW_LOCN_IGNORED != 0 {
        return Ok(None);
    }
    rules.check(
        text.offset >= header && text.offset < size,
        "text-offset",
        40,
        text.offset,
        format!("{header} to {size}"),
    )?;
    let most = size.saturating_sub(header).min(MAX_TEXT);
    rules.check(
        text.size > 0 && text.size <= most,
        "text-size",
        48,
        text.size,
        format!("1 to {most}"),
    )?;
    Ok(Some(text))
}

impl Location {
    /// Where byte `at` of the text lies on the device: behind the end of the
    /// area it goes on behind the header.
    fn on_device(&self, at: u64) -> u64 {
        let header = u64::try_from(LEN).unwrap_or(0);
        let place = self.offset.saturating_add(at);
        let place = match place.checked_sub(self.area) {
            Some(wrapped) => wrapped.saturating_add(header),
            None => place,
        };
        self.start.saturating_add(place)
    }

    /// The text, in at most two reads.
    fn read(&self, dev: &dyn ReadAt) -> Result<Vec<u8>, Fault> {
        let first = self.size.min(self.area.saturating_sub(self.offset));
        let len = |bytes: u64| usize::try_from(bytes).unwrap_or(0);
        let mut text = read_up_to(dev, self.on_device(0), len(first))?;
        if first < self.size {
            let rest = len(self.size.saturating_sub(first));
            text.extend(read_up_to(dev, self.on_device(first), rest)?);
        }
        Ok(text)
    }

    fn damage(&self, broken: Broken) -> Damage {
        let at = broken.at.and_then(|at| u64::try_from(at).ok());
        Damage {
            offset: self.on_device(at.unwrap_or(0)),
            rule: broken.rule,
            seen: broken.seen,
            expected: broken.expected,
        }
    }
}

/// The group that a text describes, and its unknown status words.
fn group(dev: &dyn ReadAt, text: &Location) -> Result<Result<Group, Damage>, Fault> {
    let bytes = text.read(dev)?;
    let rules = rules(text.on_device(0));
    let computed = crc(&bytes);
    if computed != text.checksum {
        let (seen, computed) = (
            format!("{:#010x}", text.checksum),
            format!("{computed:#010x}"),
        );
        return Ok(Err(rules.damage("text-checksum", 0, seen, computed)));
    }
    let group = text::parse(&bytes).and_then(|root| group::read(&root));
    Ok(group.map_err(|broken| text.damage(broken)))
}

/// Reads the metadata areas: the group of the newest text that is sound.
fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let Ok(header) = pv_header(bytes, &rules(at)) else {
        return Ok(());
    };
    let mut sound: Vec<(Location, Group)> = Vec::new();
    let damaged = &mut found.superblock.damaged_copies;
    for place in header.areas.iter().take(MAX_AREAS) {
        match unless_over(read_area(dev, *place))? {
            Ok(Ok(Some(area))) => sound.push(area),
            Ok(Ok(None)) => {}
            Ok(Err(damage)) => damaged.push(damage),
            // The other area may be sound.
            Err(fault) => damaged.push(rules(fault.offset).damage(
                "unreadable",
                0,
                fault.error,
                "a metadata area",
            )),
        }
    }
    let Some(newest) = sound.iter().map(|(_, sound)| sound.group.seqno).max() else {
        return Ok(());
    };
    let mut best: Option<VolumeGroup> = None;
    for (text, Group { group, unknown }) in sound {
        if group.seqno < newest {
            damaged.push(rules(text.on_device(0)).damage("seqno", 0, group.seqno, newest));
        } else if best.is_none() {
            found.superblock.unknown_features = unknown;
            best = Some(group);
        } else if best.as_ref() != Some(&group) {
            let expected = "what the other area has with this seqno";
            damaged.push(rules(text.on_device(0)).damage("mismatch", 0, group.name, expected));
        }
    }
    if let Content::PhysicalVolume(volume) = &mut found.superblock.content {
        volume.group = best;
    }
    Ok(())
}

/// What an area has: nothing, a group, or damage.
type AreaContent = Result<Option<(Location, Group)>, Damage>;

fn read_area(dev: &dyn ReadAt, place: u64) -> Result<AreaContent, Fault> {
    let header = read_up_to(dev, place, LEN)?;
    let text = match location(&header, place, dev.size()) {
        Ok(Some(text)) => text,
        Ok(None) | Err(Refused::Other) => return Ok(Ok(None)),
        Err(Refused::Damaged(_, damage)) => return Ok(Err(damage)),
    };
    Ok(group(dev, &text)?.map(|group| Some((text, group))))
}
