//! Which of several signatures on a device counts.
//!
//! No order of formats decides, as it does in libblkid: what lies inside what
//! does. Two that are valid and not inside each other stay contested, since a
//! guess here would mount the wrong half of somebody's data.

use crate::because::{Because, Rule};
use asl_facts::{Content, Device, Format, Outcome, Raid, Signature, Standing, Superblock, Table};

/// Sets the standing of every signature.
pub fn rank(devices: &mut [Device]) {
    let spans: Vec<(String, Span)> = devices.iter().filter_map(kernel_span).collect();
    for device in devices {
        let standings = judge(device, &spans);
        if let asl_facts::Probe::Read { signatures, .. } = &mut device.probe {
            for (signature, (standing, _)) in signatures.iter_mut().zip(standings) {
                signature.standing = standing;
            }
        }
    }
}

/// Why each signature of each device has the standing that [`rank`] gives it,
/// a sentence each.
#[must_use]
pub fn reasons(devices: &[Device]) -> Vec<Vec<String>> {
    let spans: Vec<(String, Span)> = devices.iter().filter_map(kernel_span).collect();
    devices
        .iter()
        .map(|device| {
            let standings = judge(device, &spans);
            standings
                .iter()
                .map(|(_, because)| because.to_string())
                .collect()
        })
        .collect()
}

fn judge(device: &Device, spans: &[(String, Span)]) -> Vec<(Standing, Because)> {
    let signatures = device.probe.signatures();
    let mut partitions: Vec<Span> = spans
        .iter()
        .filter(|(parent, _)| *parent == device.name)
        .map(|(_, span)| *span)
        .collect();
    if partitions.is_empty() {
        let counts = |table: &&Signature| {
            let mut others = signatures.iter().filter(|other| describes(other));
            !others.any(|other| other != *table && inside(table, other).is_some())
        };
        let tables = signatures.iter().filter(counts);
        partitions = tables.flat_map(table_spans).collect();
    }
    signatures
        .iter()
        .map(|signature| standing(signature, signatures, &partitions))
        .collect()
}

/// A partition on its disk.
#[derive(Debug, Clone, Copy)]
struct Span {
    number: u32,
    start: u64,
    end: u64,
}

impl Span {
    fn holds(&self, offset: u64) -> bool {
        (self.start..self.end).contains(&offset)
    }
}

fn kernel_span(device: &Device) -> Option<(String, Span)> {
    let place = device.partition.as_ref()?;
    let span = Span {
        number: place.number,
        start: place.start,
        end: place.start.checked_add(device.size)?,
    };
    Some((device.parent.clone()?, span))
}

/// Where the kernel shows no partitions (an image file, an array without
/// them) the table on the device says where they are.
fn table_spans(signature: &Signature) -> Vec<Span> {
    let Some(Content::Table(table)) = signature.superblock().map(|found| &found.content) else {
        return Vec::new();
    };
    table
        .partitions
        .iter()
        .filter_map(|entry| {
            Some(Span {
                number: entry.number,
                start: entry.start,
                end: entry.start.checked_add(entry.size)?,
            })
        })
        .collect()
}

fn standing(signature: &Signature, all: &[Signature], partitions: &[Span]) -> (Standing, Because) {
    // A ZFS label or an md 0.90 superblock at the end of the last partition
    // is at the end of the disk too, and a copy in the middle of a disk is a
    // partition's primary. A table describes partitions and is not in one,
    // and the ISO of a hybrid image lies across its own first partition.
    let describes_all = matches!(content(signature), Some(Content::Table(_)))
        || signature.format == Format::Iso9660
        || signature.format == Format::Udf;
    // The innermost: a logical partition lies in the extended one.
    let span = partitions
        .iter()
        .filter(|span| span.holds(signature.offset))
        .min_by_key(|span| span.end.saturating_sub(span.start));
    if let Some(span) = span
        && !describes_all
    {
        let number = span.number;
        return (
            Standing::InPartition { number },
            Because::Partition {
                number,
                start: span.start,
                end: span.end,
            },
        );
    }
    let others: Vec<&Signature> = all
        .iter()
        .filter(|other| *other != signature && other.superblock().is_some())
        .filter(|other| describes(other) || !partitions.iter().any(|span| span.holds(other.offset)))
        .collect();
    if let Some((outer, rule)) = others
        .iter()
        .find_map(|outer| Some((outer, inside(signature, outer)?)))
    {
        let (format, offset) = (outer.format, outer.offset);
        return (
            Standing::Inside { format, offset },
            Because::Inside {
                format,
                offset,
                rule,
            },
        );
    }
    if signature.superblock().is_none() {
        return (Standing::Content, Because::Damaged);
    }
    let by: Vec<(Format, u64)> = others
        .iter()
        .filter(|other| inside(other, signature).is_none() && !agree(signature, other))
        // What is inside a third contests nothing.
        .filter(|other| {
            !others
                .iter()
                .any(|outer| outer != *other && inside(other, outer).is_some())
        })
        .map(|other| (other.format, other.offset))
        .collect();
    if !by.is_empty() {
        return (Standing::Contested { by }, Because::Contested);
    }
    let because = if others.is_empty() {
        Because::Alone
    } else {
        Because::Outermost
    };
    (Standing::Content, because)
}

fn describes(signature: &Signature) -> bool {
    matches!(content(signature), Some(Content::Table(_)))
        || matches!(signature.format, Format::Iso9660 | Format::Udf)
}

fn content(signature: &Signature) -> Option<&Content> {
    match &signature.outcome {
        Outcome::Found(superblock) => Some(&superblock.content),
        Outcome::Damaged(_) => None,
    }
}

/// By which rule `inner` shows through `outer`, whose data begin where the
/// device begins; none if it does not.
fn inside(inner: &Signature, outer: &Signature) -> Option<Rule> {
    let of_outer = outer.superblock()?;
    let Some(of_inner) = inner.superblock() else {
        // A damaged structure in the plain data of a member is the array's.
        let end = plain_data(of_outer)?;
        return (inner.offset < end && inner.format != outer.format).then_some(Rule::Data { end });
    };
    // A DVD carries both, and both describe the same files; Linux prefers
    // UDF.
    if inner.format == Format::Iso9660 && outer.format == Format::Udf {
        return Some(Rule::Disc);
    }
    // The MBR beside a GPT guards it, or shows some of its partitions too. One
    // that does neither was written over the GPT's disk later: Linux goes by
    // the MBR then, and so does libblkid.
    match (&of_inner.content, &of_outer.content) {
        (Content::Table(mbr), _)
            if (inner.format, outer.format) == (Format::Mbr, Format::Gpt) && guards(mbr) =>
        {
            return Some(Rule::Guard);
        }
        (_, Content::Table(mbr))
            if (inner.format, outer.format) == (Format::Gpt, Format::Mbr) && !guards(mbr) =>
        {
            return Some(Rule::Unguarded);
        }
        _ => {}
    }
    let end = plain_data(of_outer)?;
    // md 0.90, md 1.0, a firmware array or DRBD keep their superblock at the
    // end, and what the array holds begins where the device does. A file
    // system that claims the place of that superblock was made on the bare
    // device, before or after: that is for a person to say. A container says
    // no size, so LUKS beside md at the tail stays contested.
    let fits = inner.offset < end && extent(of_inner).is_some_and(|size| size <= end);
    fits.then_some(Rule::Data { end })
}

/// The MBR says that there is a GPT.
fn guards(mbr: &Table) -> bool {
    mbr.protective || mbr.partitions.iter().any(|entry| entry.kind == "0xee")
}

/// Where the data end that show on the bare device as they do on the array:
/// only a mirror (or a lone member) shows a file system whole, but any level
/// may show its first blocks.
fn plain_data(superblock: &Superblock) -> Option<u64> {
    match &superblock.content {
        Content::Raid(raid) if raid.data_offset == 0 => Some(array_size(raid)),
        Content::Piece(piece) if piece.data_offset == Some(0) => Some(superblock.size),
        _ => None,
    }
}

/// A file system on a striped array states the size of the array, which is
/// larger than a member.
fn array_size(raid: &Raid) -> u64 {
    let members = match raid.level.as_str() {
        "raid1" | "multipath" | "faulty" => 1,
        _ => u64::from(raid.raid_disks).max(1),
    };
    raid.data_size.saturating_mul(members)
}

/// How far from the start of the device the thing claims to reach.
fn extent(superblock: &Superblock) -> Option<u64> {
    match &superblock.content {
        Content::Filesystem(_) | Content::Swap(_) | Content::PhysicalVolume(_) => {
            Some(superblock.size)
        }
        Content::Vdev(_) => Some(superblock.size),
        Content::Table(table) => Some(table_end(table)),
        Content::Container(container) => container
            .data_offset
            .zip(container.data_size)
            .and_then(|(offset, size)| offset.checked_add(size)),
        Content::Raid(_) | Content::Piece(_) => None,
    }
}

fn table_end(table: &Table) -> u64 {
    table
        .partitions
        .iter()
        .map(|entry| entry.start.saturating_add(entry.size))
        .max()
        .unwrap_or(0)
}

/// Two that describe the device without denying each other.
fn agree(one: &Signature, other: &Signature) -> bool {
    let pair = |a: Format, b: Format| {
        (one.format, other.format) == (a, b) || (other.format, one.format) == (a, b)
    };
    // A hybrid image is an ISO for an optical drive and a disk with
    // partitions for a USB port.
    pair(Format::Iso9660, Format::Gpt)
        || pair(Format::Iso9660, Format::Mbr)
        || pair(Format::Udf, Format::Gpt)
        || pair(Format::Udf, Format::Mbr)
}
