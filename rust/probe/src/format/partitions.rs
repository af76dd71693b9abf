//! What GPT and MBR have in common: partitions that lie where they cannot,
//! and reads whose failure is a finding.

use crate::decoded::Rules;
use crate::read::{Fault, ReadAt, is_over, read_up_to};
use asl_facts::{Damage, Entry};
use std::ops::Range;

/// Findings of one table that are told. A table of random bytes has one a
/// partition, and thousands of them tell no more.
const MAX_TOLD: usize = 16;

/// `len` bytes at `rules.at`; none where they cannot be read, which is told:
/// the rest of the table is of use without them.
///
/// # Errors
/// The time for the device is over.
pub(crate) fn read(
    dev: &dyn ReadAt,
    rules: &Rules,
    len: usize,
    what: &str,
    damages: &mut Vec<Damage>,
) -> Result<Option<Vec<u8>>, Fault> {
    match read_up_to(dev, rules.at, len) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(fault) if is_over(&fault.error) => Err(fault),
        Err(fault) => {
            damages.push(rules.damage("unreadable", 0, fault.error, what));
            Ok(None)
        }
    }
}

/// Tells the partitions that leave `room` and those that begin inside
/// another. They are kept as they are: what is on them may be all that is
/// left.
pub(crate) fn check<'a>(
    partitions: impl IntoIterator<Item = &'a Entry>,
    room: &Range<u64>,
    rules: &Rules,
    damages: &mut Vec<Damage>,
) {
    let mut told = Vec::new();
    let mut sorted: Vec<&Entry> = partitions.into_iter().collect();
    sorted.sort_by_key(|entry| entry.start);
    // The one that reaches furthest so far.
    let mut before: Option<(u32, u64)> = None;
    for entry in sorted {
        let number = entry.number;
        let end = entry.start.saturating_add(entry.size);
        if entry.size == 0 || entry.start < room.start || end > room.end {
            told.push(rules.damage(
                "partition-outside",
                0,
                format!("partition {number} from {} to {end}", entry.start),
                format!("inside {} to {}", room.start, room.end),
            ));
        }
        if let Some((other, reach)) = before.filter(|(_, reach)| entry.start < *reach) {
            told.push(rules.damage(
                "overlap",
                0,
                format!("partition {number} from {}", entry.start),
                format!("from {reach} or after, where partition {other} ends"),
            ));
        }
        if before.is_none_or(|(_, reach)| end > reach) {
            before = Some((number, end));
        }
    }
    told.truncate(MAX_TOLD);
    damages.append(&mut told);
}
