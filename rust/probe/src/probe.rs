//! From a device to its signatures.

use crate::bytes::hex;
use crate::decoded::{Decoded, Found};
use crate::read::{Fault, ReadAt, read_up_to};
use crate::table::{Row, TABLE, head_len};
use asl_facts::{Damage, Outcome, Signature};

/// Reads what the table asks for and returns every signature, in the order of
/// their offsets. Two that both hold are both returned.
///
/// # Errors
/// A read failed and nothing was found without it.
pub fn probe(dev: &dyn ReadAt) -> Result<Vec<Signature>, Fault> {
    let head = Head::read(dev)?;
    let mut signatures = Vec::new();
    for row in rows(dev) {
        let bytes = head.of(row);
        match (row.decode)(bytes, row.at) {
            Decoded::Absent => {}
            Decoded::Damaged(format, damage) => {
                let (offset, outcome) = match best_copy(dev, row)? {
                    Some((at, mut found)) => {
                        found.filesystem.damaged_copies.push(damage);
                        (at, Outcome::Found(Box::new(found.filesystem)))
                    }
                    None => (row.at, Outcome::Damaged(damage)),
                };
                signatures.push(Signature {
                    format,
                    offset,
                    outcome,
                });
            }
            Decoded::Found(found) => signatures.push(whole(dev, row, bytes, *found)?),
        }
    }
    if signatures.is_empty() {
        if let Some(fault) = head.fault {
            return Err(fault);
        }
        if !carries_partition_table(&head.bytes) {
            signatures.extend(orphans(dev, &head)?);
        }
    }
    signatures.sort_by_key(|signature| signature.offset);
    Ok(signatures)
}

fn rows(dev: &dyn ReadAt) -> impl Iterator<Item = &'static Row> {
    let size = dev.size();
    TABLE.iter().filter(move |row| row.minimum <= size)
}

/// The first bytes of the device, by which every row is judged.
struct Head {
    bytes: Vec<u8>,
    fault: Option<Fault>,
}

impl Head {
    /// One read; where it fails, one for each row, so that a bad sector hides
    /// no format but the one that lies on it.
    fn read(dev: &dyn ReadAt) -> Result<Self, Fault> {
        let first = match read_up_to(dev, 0, head_len()) {
            Ok(bytes) => return Ok(Self { bytes, fault: None }),
            Err(fault) => fault,
        };
        if first.error.kind() == std::io::ErrorKind::TimedOut {
            return Err(first);
        }
        let mut bytes = vec![0; head_len()];
        for row in rows(dev) {
            let Ok(part) = read_up_to(dev, row.at, row.len) else {
                continue;
            };
            let at = usize::try_from(row.at).unwrap_or(usize::MAX);
            if let Some(to) = bytes
                .get_mut(at..)
                .and_then(|rest| rest.get_mut(..part.len()))
            {
                to.copy_from_slice(&part);
            }
        }
        Ok(Self {
            bytes,
            fault: Some(first),
        })
    }

    fn of(&self, row: &Row) -> &[u8] {
        let at = usize::try_from(row.at).unwrap_or(usize::MAX);
        let rest = self.bytes.get(at..).unwrap_or_default();
        rest.get(..row.len).unwrap_or(rest)
    }
}

/// A sound superblock, with what only other reads can tell.
fn whole(dev: &dyn ReadAt, row: &Row, bytes: &[u8], mut found: Found) -> Result<Signature, Fault> {
    let outcome = if found.claims > dev.size() {
        // The kernel refuses it too: the rest is gone, or this is one member
        // of something larger.
        Outcome::Damaged(Damage {
            offset: row.at,
            rule: "size".to_owned(),
            seen: format!("{} bytes", found.claims),
            expected: format!("at most the device's {} bytes", dev.size()),
        })
    } else {
        if let Some(log) = row.log {
            found.filesystem.log = log(dev, bytes)?;
        }
        Outcome::Found(Box::new(found.filesystem))
    };
    Ok(Signature {
        format: found.format,
        offset: row.at,
        outcome,
    })
}

/// The newest valid copy. A copy that cannot be read is no copy.
fn best_copy(dev: &dyn ReadAt, row: &Row) -> Result<Option<(u64, Found)>, Fault> {
    let mut best: Option<(u64, Found)> = None;
    for at in row.copies {
        let end = at.saturating_add(u64::try_from(row.len).unwrap_or(u64::MAX));
        if end > dev.size() {
            continue;
        }
        let bytes = match read_up_to(dev, *at, row.len) {
            Ok(bytes) => bytes,
            Err(fault) if fault.error.kind() == std::io::ErrorKind::TimedOut => return Err(fault),
            Err(_) => continue,
        };
        if let Decoded::Found(found) = (row.decode)(&bytes, *at)
            && found.claims <= dev.size()
            && best
                .as_ref()
                .is_none_or(|(_, best)| found.generation > best.generation)
        {
            best = Some((*at, *found));
        }
    }
    Ok(best)
}

/// Copies whose primary is gone without a trace. That is either a file system
/// whose beginning was overwritten or what an older one left behind, so it is
/// damage and never a find; but the device is not empty.
fn orphans(dev: &dyn ReadAt, head: &Head) -> Result<Vec<Signature>, Fault> {
    let mut signatures = Vec::new();
    for row in rows(dev) {
        if let Some((at, found)) = best_copy(dev, row)? {
            let (magic_at, magic) = row.magic;
            let seen = head.of(row).get(magic_at..).unwrap_or_default();
            let offset = row.at.saturating_add(u64::try_from(magic_at).unwrap_or(0));
            signatures.push(Signature {
                format: found.format,
                offset: row.at,
                outcome: Outcome::Damaged(Damage {
                    offset,
                    rule: "primary-missing".to_owned(),
                    seen: hex(seen.get(..magic.len()).unwrap_or(seen)),
                    expected: format!(
                        "{}, as the copy at {at} of {} has it",
                        hex(magic),
                        found.filesystem.uuid
                    ),
                }),
            });
        }
    }
    Ok(signatures)
}

/// A partitioned disk has a reason to lack a superblock, and copies that lie
/// far inside belong to its partitions.
fn carries_partition_table(head: &[u8]) -> bool {
    let is = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
    is(510, &[0x55, 0xaa]) || is(512, b"EFI PART") || is(4096, b"EFI PART")
}
