//! A volume group as LVM2 metadata text describes it.
//!
//! Sizes in the text are sectors of 512 bytes or extents. What LVM itself
//! refuses to read is damage here: a missing field, a segment that leaves a
//! gap, a volume that is named and not there. Source: lvm2,
//! `lib/format_text/import_vsn1.c`, `flags.c`, and `text_import` of each
//! segment type.

use super::text::{Broken, Section, Value};
use asl_facts::{LogicalVolume, Segment, Text, VolumeGroup, VolumePart};
use std::collections::HashMap;

const SECTOR: u64 = 512;
/// `NAME_LEN`: with the terminating NUL.
const MAX_NAME: usize = 127;

/// Status words that LVM reads; it refuses a group with any other, so they
/// are features that must be known.
const GROUP_STATUS: &[&str] = &[
    "EXPORTED",
    "RESIZEABLE",
    "PVMOVE",
    "READ",
    "WRITE",
    "CLUSTERED",
    "SHARED",
    "PARTIAL",
];
const PHYSICAL_STATUS: &[&str] = &["ALLOCATABLE", "EXPORTED", "MISSING"];
const LOGICAL_STATUS: &[&str] = &[
    "READ",
    "WRITE",
    "FIXED_MINOR",
    "VISIBLE",
    "PVMOVE",
    "LOCKED",
    "NOTSYNCED",
    "REBUILD",
    "WRITEMOSTLY",
    "CACHE_VOL",
    "RESHAPE",
    "RESHAPE_DATA_OFFSET",
    "RESHAPE_DELTA_DISKS_PLUS",
    "RESHAPE_DELTA_DISKS_MINUS",
    "REMOVE_AFTER_RESHAPE",
    "METADATA_FORMAT",
    "CROP_METADATA",
    "CACHE_USES_CACHEVOL",
];
/// Flags that stand behind a segment's type after a `+`.
const TYPE_FLAGS: &[&str] = &[
    "RESHAPE",
    "RESHAPE_DATA_OFFSET",
    "RESHAPE_DELTA_DISKS_PLUS",
    "RESHAPE_DELTA_DISKS_MINUS",
    "REMOVE_AFTER_RESHAPE",
    "METADATA_FORMAT",
    "CROP_METADATA",
    "CACHE_USES_CACHEVOL",
];
/// Keys by which segments of all types name other volumes.
const NEEDS: &[&str] = &[
    "thin_pool",
    "pool",
    "data",
    "metadata",
    "origin",
    "external_origin",
    "merge",
    "cow_store",
    "merging_store",
    "cache_pool",
    "writecache",
    "mirror_log",
    "vdo_pool",
    "meta_dev",
];

/// What a metadata text says.
pub(crate) struct Group {
    pub(crate) group: VolumeGroup,
    /// Status words that this code does not know.
    pub(crate) unknown: Vec<String>,
}

/// Reads the group of a parsed text.
pub(crate) fn read(root: &Section<'_>) -> Result<Group, Broken> {
    let file = Node {
        path: "the text".to_owned(),
        section: root,
    };
    let contents = root.text("contents").unwrap_or_default();
    check(contents == b"Text Format Volume Group", "contents", || {
        (lossy(contents), "Text Format Volume Group".to_owned())
    })?;
    let version = file.number("version")?;
    check(version == 1, "version", || {
        (version.to_string(), "1".to_owned())
    })?;
    let (name, section) = root
        .sections()
        .next()
        .ok_or_else(|| broken("group", "none", "a volume group"))?;
    let mut unknown = Vec::new();
    let node = Node::new(name, section)?;
    let group = group(&node, &mut unknown)?;
    Ok(Group { group, unknown })
}

fn group(node: &Node<'_>, unknown: &mut Vec<String>) -> Result<VolumeGroup, Broken> {
    let extent_size = node.number("extent_size")?;
    check(extent_size != 0, "extent-size", || {
        ("0".to_owned(), "at least 1 sector".to_owned())
    })?;
    let physical_volumes = node
        .section
        .section("physical_volumes")
        .ok_or_else(|| node.missing("physical_volumes", "a section"))?;
    let mut physical = Vec::new();
    for (name, section) in physical_volumes.sections() {
        physical.push(part(&Node::new(name, section)?, unknown)?);
    }
    let mut logical = Vec::new();
    if let Some(logical_volumes) = node.section.section("logical_volumes") {
        for (name, section) in logical_volumes.sections() {
            logical.push(volume(&Node::new(name, section)?, unknown)?);
        }
    }
    check_references(&physical, &logical)?;
    let lock_type = node.section.text("lock_type").map(lossy);
    Ok(VolumeGroup {
        id: node.id()?,
        name: node.path.clone(),
        seqno: node.number("seqno")?,
        system_id: node.section.text("system_id").and_then(Text::from_field),
        lock_type: lock_type.filter(|kind| kind != "none" && !kind.is_empty()),
        status: node.status(GROUP_STATUS, unknown)?,
        extent_size: extent_size.saturating_mul(SECTOR),
        physical,
        logical,
    })
}

fn part(node: &Node<'_>, unknown: &mut Vec<String>) -> Result<VolumePart, Broken> {
    let status = node.status(PHYSICAL_STATUS, unknown)?;
    let device = node.section.text("device").and_then(Text::from_field);
    let pe_start = node.wide("pe_start")?;
    let data_offset = pe_start.checked_mul(SECTOR);
    Ok(VolumePart {
        name: node.path.clone(),
        id: node.id()?,
        // What LVM writes where it did not find the device.
        device: device
            .filter(|device| !matches!(device.0.as_slice(), b"[unknown]" | b"unknown device")),
        missing: status.iter().any(|word| word == "MISSING"),
        data_offset: data_offset
            .ok_or_else(|| broken("pe-start", pe_start, "an offset below 2^64 bytes"))?,
        extents: node.number("pe_count")?,
    })
}

fn volume(node: &Node<'_>, unknown: &mut Vec<String>) -> Result<LogicalVolume, Broken> {
    let mut status = node.status(LOGICAL_STATUS, unknown)?;
    let mut segments = Vec::new();
    for (name, section) in node.section.sections() {
        let path = format!("{}/{}", node.path, lossy(name));
        segments.push(segment(&Node { path, section }, &mut status)?);
    }
    let segment_count = node.number("segment_count")?;
    check(
        usize::try_from(segment_count) == Ok(segments.len()),
        "segment-count",
        || {
            let seen = format!("{}: {segment_count}", node.path);
            (seen, segments.len().to_string())
        },
    )?;
    segments.sort_by_key(|segment| segment.start);
    let mut next = 0_u64;
    for segment in &segments {
        check(segment.start == next, "segments", || {
            let seen = format!("{}: a segment from extent {}", node.path, segment.start);
            (seen, format!("one from {next}"))
        })?;
        next = next.saturating_add(segment.extents);
    }
    Ok(LogicalVolume {
        id: node.id()?,
        name: node.path.clone(),
        status,
        segments,
    })
}

fn segment(node: &Node<'_>, status: &mut Vec<String>) -> Result<Segment, Broken> {
    let kind = kind(node, status)?;
    let mut segment = Segment {
        start: node.number("start_extent")?,
        extents: node.number("extent_count")?,
        kind,
        stripe: 0,
        places: Vec::new(),
        needs: Vec::new(),
        numbers: Vec::new(),
    };
    match segment.kind.as_str() {
        "striped" | "linear" => {
            let stripes = node.number("stripe_count")?;
            segment.places = node.areas("stripes", stripes)?;
            segment.kind = "linear".to_owned();
            if stripes > 1 {
                segment.kind = "striped".to_owned();
                segment.stripe = node.stripe_size()?;
            }
        }
        "mirror" => {
            let mirrors = node.number("mirror_count")?;
            segment.places = node.areas("mirrors", mirrors)?;
        }
        kind if kind.starts_with("raid") => {
            // raid0 has no metadata images, and a list of another name.
            let key = if kind == "raid0" {
                "raid0_lvs"
            } else {
                "raids"
            };
            let images = node.images(key)?;
            let is_meta = |name: &String| name.contains("_rmeta_");
            let (meta, data): (Vec<String>, Vec<String>) = images.into_iter().partition(is_meta);
            segment.places = data.into_iter().map(|name| (name, 0)).collect();
            segment.needs = named("metadata", meta);
            let count = match node.section.get("device_count") {
                Some(_) => node.number("device_count")?,
                None => node.number("stripe_count")?,
            };
            check(
                u64::try_from(segment.places.len()) == Ok(count) && count != 0,
                "areas",
                || node.seen("images", segment.places.len(), count),
            )?;
            if node.section.get("stripe_size").is_some() {
                segment.stripe = node.stripe_size()?;
            }
        }
        _ => {}
    }
    for key in NEEDS {
        if let Some(name) = node.section.text(key) {
            segment.needs.extend(named(key, [self::name(name)?]));
        }
    }
    let numbers: &[&str] = match segment.kind.as_str() {
        "thin" => &["device_id"],
        "thin-pool" => &["transaction_id", "chunk_size"],
        _ => &[],
    };
    for key in numbers {
        let number = node.wide(key)?;
        segment.numbers.push(((*key).to_owned(), number));
    }
    Ok(segment)
}

fn named(key: &str, names: impl IntoIterator<Item = String>) -> Vec<(String, String)> {
    let pair = |name| (key.to_owned(), name);
    names.into_iter().map(pair).collect()
}

/// The type without the flags behind it, which become status words of the
/// volume. A flag that is not known makes another type, as for LVM.
fn kind(node: &Node<'_>, status: &mut Vec<String>) -> Result<String, Broken> {
    let whole = match node.section.get("type") {
        Some(value) => value.text().ok_or_else(|| node.missing("type", "a word"))?,
        None => b"striped",
    };
    let whole = name(whole)?;
    let Some((kind, flags)) = whole.split_once('+') else {
        return Ok(whole);
    };
    if !flags.split('+').all(|flag| TYPE_FLAGS.contains(&flag)) {
        return Ok(whole);
    }
    for flag in flags.split('+').map(str::to_owned) {
        if !status.contains(&flag) {
            status.push(flag);
        }
    }
    Ok(kind.to_owned())
}

/// Every volume that a segment names is there, once, and has the extents that
/// are asked of it.
fn check_references(physical: &[VolumePart], logical: &[LogicalVolume]) -> Result<(), Broken> {
    let mut parts = HashMap::new();
    for part in physical {
        let twice = parts.insert(part.name.as_str(), part.extents);
        check(twice.is_none(), "duplicate", || {
            (part.name.clone(), "names of which none is twice".to_owned())
        })?;
    }
    let mut volumes = HashMap::new();
    for volume in logical {
        let extents = volume
            .segments
            .last()
            .map_or(0, |last| last.start.saturating_add(last.extents));
        let twice = volumes.insert(volume.name.as_str(), extents);
        check(twice.is_none(), "duplicate", || {
            let expected = "names of which none is twice".to_owned();
            (volume.name.clone(), expected)
        })?;
    }
    for volume in logical {
        for segment in &volume.segments {
            let is_striped = segment.kind == "striped";
            let is_plain = is_striped || segment.kind == "linear";
            let stripes = u64::try_from(segment.places.len()).unwrap_or(u64::MAX);
            let share = if is_striped {
                segment.extents.checked_div(stripes)
            } else {
                Some(segment.extents)
            };
            let share = share.unwrap_or(0);
            check(
                !is_striped || share.checked_mul(stripes) == Some(segment.extents),
                "stripes",
                || {
                    let seen = format!("{}: {} extents", volume.name, segment.extents);
                    (seen, format!("a multiple of the {stripes} stripes"))
                },
            )?;
            for (name, extent) in &segment.places {
                // A physical volume comes first where both have the name.
                let extents = parts.get(name.as_str()).or(volumes.get(name.as_str()));
                let extents = *extents.ok_or_else(|| unknown_volume(volume, name))?;
                check(
                    !is_plain || extent.saturating_add(share) <= extents,
                    "extent-bounds",
                    || {
                        let end = extent.saturating_add(share);
                        let seen = format!("{}: {name} up to extent {end}", volume.name);
                        (seen, format!("at most {extents}"))
                    },
                )?;
            }
            for (_, name) in &segment.needs {
                if !volumes.contains_key(name.as_str()) {
                    return Err(unknown_volume(volume, name));
                }
            }
        }
    }
    Ok(())
}

fn unknown_volume(volume: &LogicalVolume, name: &str) -> Broken {
    let seen = format!("{}: {name}", volume.name);
    broken("reference", seen, "a volume of the group")
}

/// A section and what to call it.
struct Node<'a> {
    path: String,
    section: &'a Section<'a>,
}

impl<'a> Node<'a> {
    fn new(key: &[u8], section: &'a Section<'a>) -> Result<Self, Broken> {
        Ok(Self {
            path: name(key)?,
            section,
        })
    }

    fn seen(&self, what: &str, seen: impl ToString, expected: impl ToString) -> (String, String) {
        let seen = format!("{}: {} {what}", self.path, seen.to_string());
        (seen, expected.to_string())
    }

    fn missing(&self, key: &str, expected: &str) -> Broken {
        let seen = match self.section.get(key) {
            Some(_) => "something else",
            None => "none",
        };
        let (seen, expected) = self.seen(key, seen, expected);
        broken(&key.replace('_', "-"), seen, expected)
    }

    /// A number of up to 64 bits.
    fn wide(&self, key: &str) -> Result<u64, Broken> {
        let number = self.section.get(key).and_then(Value::number);
        number
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| self.missing(key, "a number from 0"))
    }

    /// A number of up to 32 bits, as LVM keeps counts.
    fn number(&self, key: &str) -> Result<u64, Broken> {
        let number = self.wide(key)?;
        check(
            number <= u64::from(u32::MAX),
            &key.replace('_', "-"),
            || self.seen(key, number, format!("at most {}", u32::MAX)),
        )?;
        Ok(number)
    }

    /// Six groups of digits of LVM's alphabet, as LVM prints them.
    fn id(&self) -> Result<String, Broken> {
        let text = self.section.text("id").unwrap_or_default();
        let groups = text.split(|byte| *byte == b'-');
        let sound = groups.clone().map(<[u8]>::len).eq(ID_GROUPS)
            && groups.flatten().copied().all(is_id_digit);
        check(sound, "id", || {
            self.seen("id", lossy(text), "32 letters and digits in 7 groups")
        })?;
        Ok(lossy(text))
    }

    /// `status`, then `flags`, of which LVM ignores those it does not know.
    fn status(&self, known: &[&str], unknown: &mut Vec<String>) -> Result<Vec<String>, Broken> {
        let words = |key| {
            let list = self.section.list(key);
            let words = list.map(|list| list.iter().map(word).collect::<Option<Vec<_>>>());
            words.flatten()
        };
        let mut status =
            words("status").ok_or_else(|| self.missing("status", "a list of status words"))?;
        for word in &status {
            if !known.contains(&word.as_str()) {
                unknown.push(format!("status {word} of {}", self.path));
            }
        }
        if self.section.get("flags").is_some() {
            let flags = words("flags").ok_or_else(|| self.missing("flags", "a list of words"))?;
            status.extend(flags);
        }
        Ok(status)
    }

    fn stripe_size(&self) -> Result<u64, Broken> {
        let stripe_size = self.number("stripe_size")?;
        check(stripe_size != 0, "stripe-size", || {
            self.seen("stripe_size", 0, "at least 1 sector")
        })?;
        Ok(stripe_size.saturating_mul(SECTOR))
    }

    /// Names and first extents, `count` pairs.
    fn areas(&self, key: &str, count: u64) -> Result<Vec<(String, u64)>, Broken> {
        let list = self.section.list(key).unwrap_or_default();
        let (pairs, rest) = list.as_chunks::<2>();
        check(
            count != 0 && u64::try_from(pairs.len()) == Ok(count) && rest.is_empty(),
            "areas",
            || {
                self.seen(
                    key,
                    format!("{} values in", list.len()),
                    format!("{count} pairs"),
                )
            },
        )?;
        let mut areas = Vec::new();
        for [volume, extent] in pairs {
            let volume = volume.text().ok_or_else(|| self.missing(key, "a name"))?;
            let extent = extent
                .number()
                .and_then(|extent| u32::try_from(extent).ok());
            let extent = extent.ok_or_else(|| self.missing(key, "an extent"))?;
            areas.push((name(volume)?, u64::from(extent)));
        }
        Ok(areas)
    }

    fn images(&self, key: &str) -> Result<Vec<String>, Broken> {
        let list = self.section.list(key);
        let list = list.ok_or_else(|| self.missing(key, "a list of images"))?;
        let mut images = Vec::new();
        for image in list {
            let image = image.text().ok_or_else(|| self.missing(key, "a name"))?;
            images.push(name(image)?);
        }
        Ok(images)
    }
}

/// Lengths of the groups that an id is printed in.
pub(crate) const ID_GROUPS: [usize; 7] = [6, 4, 4, 4, 4, 4, 6];

pub(crate) fn is_id_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'#')
}

/// A name of the characters that LVM allows: others could forge a path or a
/// line where it is shown.
fn name(bytes: &[u8]) -> Result<String, Broken> {
    let is_allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-');
    check(
        (1..=MAX_NAME).contains(&bytes.len()) && bytes.iter().all(is_allowed),
        "name",
        || {
            let shown = bytes.get(..MAX_NAME).unwrap_or(bytes);
            let seen = Text(shown.to_vec()).printable();
            (seen, "letters, digits and . _ + -".to_owned())
        },
    )?;
    Ok(lossy(bytes))
}

/// A status word.
fn word(value: &Value<'_>) -> Option<String> {
    let word = value.text()?;
    let is_sound = word.len() <= MAX_NAME
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    is_sound.then(|| lossy(word))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn broken(rule: &str, seen: impl ToString, expected: impl ToString) -> Broken {
    Broken {
        at: None,
        rule: rule.to_owned(),
        seen: seen.to_string(),
        expected: expected.to_string(),
    }
}

/// `holds`, or the rule with what was seen and what is expected.
fn check(holds: bool, rule: &str, values: impl FnOnce() -> (String, String)) -> Result<(), Broken> {
    if holds {
        return Ok(());
    }
    let (seen, expected) = values();
    Err(broken(rule, seen, expected))
}
