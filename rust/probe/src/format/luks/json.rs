//! The JSON area of a LUKS2 header.
//!
//! Text, a NUL, zeros. Only what facts need is kept; the rest is skipped
//! without being stored, and every list is bounded, so a forged area costs
//! no more memory than its own size. Source: LUKS2 On-Disk Format
//! Specification 1.1.1, chapter 3, and the validation of cryptsetup.

use crate::decoded::{Found, Refused, Rules};
use asl_facts::{Container, Content, Keyslot, Text};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Where the area begins in a header, bytes.
const AREA: u64 = 4096;
/// Longest text, bytes: 32 tokens of 32 KiB, and those of today have a few.
const MAX_TEXT: usize = 1 << 20;
/// `LUKS2_OBJECTS_MAX`: key slots, tokens and segments.
const MAX_OBJECTS: usize = 32;
/// `LUKS2_MAX_KEYSLOTS_SIZE`, bytes.
const MAX_KEYSLOTS_SIZE: u64 = 128 << 20;
/// Longest word that is kept of what a device calls a thing, characters.
const MAX_WORD: usize = 64;
/// Longest complaint of the parser that is kept, characters.
const MAX_COMPLAINT: usize = 160;

/// `online-reencrypt`, also with the version of its metadata behind it.
const ONLINE: &str = "online-reencrypt";
const OFFLINE: &str = "offline-reencrypt";
/// Requirements that say nothing about the layout.
const HARMLESS: &[&str] = &["opal", "inline-hw-tags"];

#[derive(Deserialize)]
struct Metadata {
    keyslots: Objects<Slot>,
    tokens: Objects<Token>,
    segments: Objects<Segment>,
    digests: Objects<Digest>,
    config: Config,
}

#[derive(Deserialize)]
struct Slot {
    r#type: String,
    key_size: u32,
    area: Area,
    kdf: Option<Kdf>,
}

#[derive(Deserialize)]
struct Area {
    offset: Decimal,
    size: Decimal,
}

#[derive(Deserialize)]
struct Kdf {
    r#type: String,
}

#[derive(Deserialize)]
struct Token {
    r#type: String,
    keyslots: List<Decimal>,
}

#[derive(Deserialize)]
struct Segment {
    r#type: String,
    offset: Decimal,
    size: Size,
    encryption: Option<String>,
    sector_size: Option<u32>,
    #[serde(default)]
    flags: List<String>,
}

#[derive(Deserialize)]
struct Digest {
    keyslots: List<Decimal>,
    segments: List<Decimal>,
}

#[derive(Deserialize)]
struct Config {
    json_size: Decimal,
    keyslots_size: Decimal,
    #[serde(default)]
    requirements: Requirements,
}

#[derive(Default, Deserialize)]
struct Requirements {
    #[serde(default)]
    mandatory: List<String>,
}

/// A number that the format writes as a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Decimal(u64);

/// Bytes; none for "dynamic", to the end of the device.
struct Size(Option<u64>);

/// Named by numbers, in their order.
struct Objects<T>(Vec<(u64, T)>);

/// At most `MAX_OBJECTS` of them.
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Objects<T> {
    fn get(&self, id: u64) -> Option<&T> {
        let object = self.0.iter().find(|(known, _)| *known == id);
        object.map(|(_, object)| object)
    }
}

fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = decimal(&text).map(Self);
        number.ok_or_else(|| D::Error::custom("a text of digits below 2^64 expected"))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.as_str(), decimal(&text)) {
            ("dynamic", _) => Ok(Self(None)),
            (_, Some(size)) if size > 0 => Ok(Self(Some(size))),
            _ => Err(D::Error::custom("\"dynamic\" or a size expected")),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbered<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Numbered<T> {
            type Value = Objects<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_OBJECTS} objects")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut objects: Vec<(u64, T)> = Vec::new();
                while let Some(Decimal(id)) = map.next_key()? {
                    if objects.len() == MAX_OBJECTS {
                        return Err(A::Error::custom("more than 32 objects"));
                    }
                    if objects.iter().any(|(known, _)| *known == id) {
                        return Err(A::Error::custom("a number is used twice"));
                    }
                    objects.push((id, map.next_value()?));
                }
                objects.sort_by_key(|(id, _)| *id);
                Ok(Objects(objects))
            }
        }

        deserializer.deserialize_map(Numbered(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX_OBJECTS}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if list.len() == MAX_OBJECTS {
                        return Err(A::Error::custom("a list of more than 32"));
                    }
                    list.push(item);
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_seq(Bounded(PhantomData))
    }
}

/// Adds what the area of a header of `hdr_size` bytes says.
pub(crate) fn read(
    area: &[u8],
    hdr_size: u64,
    rules: &Rules,
    found: &mut Found,
) -> Result<(), Refused> {
    let metadata = parse(area, rules)?;
    let end = check_config(&metadata, hdr_size, rules)?;
    check_slots(&metadata, hdr_size, end, rules)?;
    check_references(&metadata, rules)?;
    check_segments(&metadata, end, rules)?;
    let Content::Container(container) = &mut found.superblock.content else {
        return Ok(());
    };
    let claims = describe(&metadata, container).max(end);
    found.claims = claims;
    found.superblock.size = claims;
    for word in &metadata.config.requirements.mandatory.0 {
        if word.starts_with(ONLINE) {
            container.under_way = Some(ONLINE.to_owned());
        } else if word == OFFLINE {
            container.under_way = Some(OFFLINE.to_owned());
        } else if !HARMLESS.contains(&word.as_str()) {
            found
                .superblock
                .unknown_features
                .push(printable(word, MAX_WORD));
        }
    }
    Ok(())
}

fn printable(text: &str, len: usize) -> String {
    let text = Text::from(text).printable();
    text.chars().take(len).collect()
}

fn parse(area: &[u8], rules: &Rules) -> Result<Metadata, Refused> {
    let end = area.iter().position(|byte| *byte == 0);
    rules.check(
        end.is_some(),
        "json-end",
        AREA,
        "no NUL",
        "one behind the text",
    )?;
    let (text, rest) = area.split_at_checked(end.unwrap_or(0)).unwrap_or_default();
    let stray = rest.iter().find(|byte| **byte != 0);
    rules.check(
        stray.is_none(),
        "json-padding",
        AREA,
        format!("{:#04x} behind the text", stray.unwrap_or(&0)),
        "zeros",
    )?;
    let len = text.len();
    rules.check(
        len <= MAX_TEXT,
        "json-length",
        AREA,
        len,
        format!("at most {MAX_TEXT}"),
    )?;
    serde_json::from_slice(text).map_err(|error| {
        let complaint = printable(&error.to_string(), MAX_COMPLAINT);
        let damage = rules.damage("json", AREA, complaint, "metadata of LUKS2");
        Refused::Damaged(rules.format, damage)
    })
}

/// Where the key slots' areas end.
fn check_config(metadata: &Metadata, hdr_size: u64, rules: &Rules) -> Result<u64, Refused> {
    let Decimal(json_size) = metadata.config.json_size;
    let expected = hdr_size.saturating_sub(AREA);
    rules.check(
        json_size == expected,
        "json-size",
        AREA,
        json_size,
        expected,
    )?;
    let Decimal(keyslots_size) = metadata.config.keyslots_size;
    rules.check(
        keyslots_size <= MAX_KEYSLOTS_SIZE && keyslots_size.is_multiple_of(AREA),
        "keyslots-size",
        AREA,
        keyslots_size,
        format!("a multiple of {AREA}, at most {MAX_KEYSLOTS_SIZE}"),
    )?;
    Ok(hdr_size.saturating_mul(2).saturating_add(keyslots_size))
}

fn check_slots(metadata: &Metadata, hdr_size: u64, end: u64, rules: &Rules) -> Result<(), Refused> {
    let first = hdr_size.saturating_mul(2);
    let mut areas = Vec::new();
    for (id, slot) in &metadata.keyslots.0 {
        let (Decimal(offset), Decimal(size)) = (slot.area.offset, slot.area.size);
        rules.check(
            offset >= first && size > 0 && offset.checked_add(size).is_some_and(|area| area <= end),
            "keyslot-area",
            AREA,
            format!("slot {id}: {size} bytes at {offset}"),
            format!("between {first} and {end}"),
        )?;
        areas.push((offset, offset.saturating_add(size), *id));
    }
    areas.sort_unstable();
    let mut last = 0;
    for (start, end, id) in areas {
        rules.check(
            start >= last,
            "keyslot-overlap",
            AREA,
            format!("slot {id}: from {start}"),
            format!("at least {last}, where another ends"),
        )?;
        last = end;
    }
    Ok(())
}

fn check_references(metadata: &Metadata, rules: &Rules) -> Result<(), Refused> {
    let slots = metadata.digests.0.iter().flat_map(|(_, d)| &d.keyslots.0);
    let slots = slots.chain(metadata.tokens.0.iter().flat_map(|(_, t)| &t.keyslots.0));
    let segments = metadata.digests.0.iter().flat_map(|(_, d)| &d.segments.0);
    let mut missing = slots
        .filter(|slot| metadata.keyslots.get(slot.0).is_none())
        .map(|slot| format!("key slot {}", slot.0))
        .chain(
            segments
                .filter(|segment| metadata.segments.get(segment.0).is_none())
                .map(|segment| format!("segment {}", segment.0)),
        );
    match missing.next() {
        None => Ok(()),
        Some(missing) => rules.check(false, "reference", AREA, missing, "one that exists"),
    }
}

fn is_backup(segment: &Segment) -> bool {
    segment
        .flags
        .0
        .iter()
        .any(|flag| flag.starts_with("backup-"))
}

fn check_segments(metadata: &Metadata, end: u64, rules: &Rules) -> Result<(), Refused> {
    let mut first: Option<u64> = None;
    for (id, segment) in &metadata.segments.0 {
        let Decimal(offset) = segment.offset;
        let size = segment.size.0.unwrap_or(0);
        rules.check(
            offset.is_multiple_of(512)
                && size.is_multiple_of(512)
                && offset.checked_add(size).is_some(),
            "segment",
            AREA,
            format!("segment {id}: {size} bytes at {offset}"),
            "multiples of 512, an end below 2^64",
        )?;
        let sector = segment.sector_size.unwrap_or(512);
        rules.check(
            (512..=4096).contains(&sector) && sector.is_power_of_two(),
            "sector-size",
            AREA,
            format!("segment {id}: {sector}"),
            "512, 1024, 2048 or 4096",
        )?;
        if !is_backup(segment) {
            first = Some(first.map_or(offset, |first| first.min(offset)));
        }
    }
    // 0: the header is detached.
    let first_offset = first.unwrap_or(0);
    rules.check(
        first_offset == 0 || first_offset >= end,
        "data-offset",
        AREA,
        first_offset,
        format!("0, or at least {end}, where the key slots end"),
    )?;
    rules.check(first.is_some(), "segments", AREA, "none", "a payload")
}

/// Fills in the facts; the end of the payload if it has one.
fn describe(metadata: &Metadata, container: &mut Container) -> u64 {
    container.keyslots = metadata
        .keyslots
        .0
        .iter()
        .map(|(id, slot)| Keyslot {
            id: id.to_string(),
            kind: printable(&slot.r#type, MAX_WORD),
            kdf: slot
                .kdf
                .as_ref()
                .map(|kdf| printable(&kdf.r#type, MAX_WORD)),
        })
        .collect();
    let tokens = metadata.tokens.0.iter();
    container.tokens = tokens
        .map(|(_, token)| printable(&token.r#type, MAX_WORD))
        .collect();

    let segments = &metadata.segments.0;
    let regular = || segments.iter().filter(|(_, segment)| !is_backup(segment));
    let is_crypt = |segment: &Segment| segment.r#type != "linear" && segment.encryption.is_some();
    // While a device is encrypted for the first time, its backup segments
    // alone may say with what.
    let crypt = regular()
        .chain(segments)
        .find(|(_, segment)| is_crypt(segment));
    if let Some((id, segment)) = crypt {
        let encryption = segment.encryption.as_deref();
        container.algorithm = encryption.map(|name| printable(name, MAX_WORD));
        container.sector_size = segment.sector_size;
        container.key_bits = key_bits(metadata, *id);
    }
    let start = regular().map(|(_, segment)| segment.offset.0).min();
    container.data_offset = start.filter(|start| *start != 0);
    container.data_size = regular()
        .map(|(_, segment)| segment.size.0)
        .try_fold(0, |sum: u64, size| sum.checked_add(size?));
    // What is known of the end, also where the last segment has none.
    let fixed = regular()
        .filter_map(|(_, segment)| segment.size.0?.checked_add(segment.offset.0))
        .max();
    fixed
        .filter(|_| container.data_offset.is_some())
        .unwrap_or(0)
}

/// Of the first key slot that the segment's digest is bound to.
fn key_bits(metadata: &Metadata, segment: u64) -> Option<u32> {
    let mut digests = metadata.digests.0.iter();
    let (_, digest) = digests.find(|(_, digest)| digest.segments.0.contains(&Decimal(segment)))?;
    let mut slots = digest.keyslots.0.iter();
    let bytes = slots
        .find_map(|slot| metadata.keyslots.get(slot.0))?
        .key_size;
    bytes.checked_mul(8)
}
