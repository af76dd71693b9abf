//! Which of several signatures on a device counts.
//!
//! No order of formats decides, as it does in libblkid: what lies inside what
//! does. Two that are valid and not inside each other stay contested, since a
//! guess here would mount the wrong half of somebody's data.

use asl_facts::{Content, Device, Format, Outcome, Raid, Signature, Standing, Superblock, Table};

/// Sets the standing of every signature.
pub fn rank(devices: &mut [Device]) {
    let spans: Vec<(String, Span)> = devices.iter().filter_map(kernel_span).collect();
    for device in devices {
        let mut partitions: Vec<Span> = spans
            .iter()
            .filter(|(parent, _)| *parent == device.name)
            .map(|(_, span)| *span)
            .collect();
        let asl_facts::Probe::Read { signatures, .. } = &mut device.probe else {
            continue;
        };
        if partitions.is_empty() {
            partitions = signatures.iter().flat_map(table_spans).collect();
        }
        let standings: Vec<Standing> = signatures
            .iter()
            .map(|signature| standing(signature, signatures, &partitions))
            .collect();
        for (signature, standing) in signatures.iter_mut().zip(standings) {
            signature.standing = standing;
        }
    }
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

fn standing(signature: &Signature, all: &[Signature], partitions: &[Span]) -> Standing {
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
        return Standing::InPartition {
            number: span.number,
        };
    }
    let others: Vec<&Signature> = all
        .iter()
        .filter(|other| *other != signature && other.superblock().is_some())
        .filter(|other| describes(other) || !partitions.iter().any(|span| span.holds(other.offset)))
        .collect();
    if let Some(outer) = others.iter().find(|outer| is_inside(signature, outer)) {
        return Standing::Inside {
            format: outer.format,
            offset: outer.offset,
        };
    }
    if signature.superblock().is_none() {
        return Standing::Content;
    }
    let by: Vec<(Format, u64)> = others
        .iter()
        .filter(|other| !is_inside(other, signature) && !agree(signature, other))
        // What is inside a third contests nothing.
        .filter(|other| {
            !others
                .iter()
                .any(|outer| outer != *other && is_inside(other, outer))
        })
        .map(|other| (other.format, other.offset))
        .collect();
    if by.is_empty() {
        Standing::Content
    } else {
        Standing::Contested { by }
    }
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

/// `inner` shows through `outer`, whose data begin where the device begins.
fn is_inside(inner: &Signature, outer: &Signature) -> bool {
    let (Some(of_inner), Some(of_outer)) = (inner.superblock(), outer.superblock()) else {
        // A damaged structure in the plain data of a member is the array's.
        return inner.superblock().is_none()
            && outer
                .superblock()
                .and_then(plain_data)
                .is_some_and(|end| inner.offset < end && inner.format != outer.format);
    };
    // A DVD carries both, and both describe the same files; Linux prefers
    // UDF.
    if inner.format == Format::Iso9660 && outer.format == Format::Udf {
        return true;
    }
    // The MBR beside a GPT only guards it, or shows some of its partitions.
    if inner.format == Format::Mbr && outer.format == Format::Gpt {
        return true;
    }
    let Some(end) = plain_data(of_outer) else {
        return false;
    };
    // md 0.90, md 1.0, a firmware array or DRBD keep their superblock at the
    // end, and what the array holds begins where the device does. A file
    // system that claims the place of that superblock was made on the bare
    // device, before or after: that is for a person to say. A container says
    // no size, so LUKS beside md at the tail stays contested.
    inner.offset < end && extent(of_inner).is_some_and(|size| size <= end)
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
