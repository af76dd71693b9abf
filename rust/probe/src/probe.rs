//! From a device to its signatures.

use crate::bytes::hex;
use crate::decoded::{Decoded, Found};
use crate::disk::Disk;
use crate::format::{gpt, mbr};
use crate::read::{Fault, ReadAt};
use crate::row::{Place, Row};
use crate::table;
use crate::trace::{At, Purpose, Sought, Verdict};
use asl_facts::{Content, Damage, Format, Outcome, Signature, Standing};
use std::borrow::Cow;

/// Beginning of a superblock that is looked at before the rest is read, bytes:
/// a read of this much costs no more than one of a sector.
const PEEK: usize = 4096;

/// What reading a device came to.
#[derive(Debug)]
pub struct Probed {
    /// All signatures, in the order of their offsets. Two that both hold are
    /// both here.
    pub signatures: Vec<Signature>,
    /// Nothing was found, and all that was read is zeros or ones.
    pub blank: bool,
    /// Reads that failed.
    pub faults: Vec<Fault>,
}

/// Reads what the table asks for.
///
/// # Errors
/// A read failed and nothing was found without it, or the time is over.
pub fn probe(dev: &dyn ReadAt) -> Result<Probed, Fault> {
    run(Disk::read(dev)?)
}

pub(crate) fn run(disk: Disk<'_>) -> Result<Probed, Fault> {
    tell_too_small(&disk);
    let mut signatures = Vec::new();
    for row in rows(&disk) {
        row_signatures(&disk, row, &mut signatures)?;
    }
    if let Some(signature) = guarded(&disk, &signatures)? {
        signatures.push(signature);
    }
    if signatures.is_empty() {
        signatures.extend(peers(&disk)?);
    }
    if signatures.is_empty() {
        signatures.extend(orphans(&disk)?);
        let told = |signature: &Signature| matches!(&signature.outcome, Outcome::Damaged(damage) if damage.is_unreadable());
        // What could not be read may be what is missing, unless its own copies
        // say what that is.
        if !signatures.iter().any(told)
            && let Some(fault) = disk.first_fault()
        {
            return Err(fault);
        }
    }
    signatures.sort_by_key(|signature| signature.offset);
    let blank = signatures.is_empty() && disk.is_blank();
    let faults = disk.into_faults();
    Ok(Probed {
        signatures,
        blank,
        faults,
    })
}

fn rows(disk: &Disk<'_>) -> impl Iterator<Item = &'static Row> {
    let size = disk.size();
    table::rows().filter(move |row| row.minimum <= size)
}

fn tell_too_small(disk: &Disk<'_>) {
    if let Some(trace) = disk.trace() {
        table::rows()
            .filter(|row| row.minimum > disk.size())
            .for_each(|row| trace.too_small(row));
    }
}

/// One row against each of its places: places are alternatives (LVM's label
/// may lie in any of four sectors), and one device may answer at several.
fn row_signatures(disk: &Disk<'_>, row: &Row, to: &mut Vec<Signature>) -> Result<(), Fault> {
    let mut damaged: Option<(u64, Format, Damage)> = None;
    let before = to.len();
    for at in places(row.places, disk.size()) {
        let Some(bytes) = superblock(disk, row, at, Sought::Primary)? else {
            continue;
        };
        let decoded = row.judge(&bytes, at);
        // Of a sound one the last word comes after the further reads.
        if !matches!(decoded, Decoded::Found(_)) {
            tell(disk, row, at, Sought::Primary, &bytes, || {
                Verdict::of(row, &bytes, &decoded, disk.size())
            });
        }
        match decoded {
            Decoded::Absent => {}
            Decoded::Damaged(format, damage) => {
                damaged.get_or_insert((at, format, damage));
            }
            Decoded::Found(found) => {
                let generation = found.generation;
                let signature = whole(disk, row, at, &bytes, *found, Sought::Primary)?;
                tell(disk, row, at, Sought::Primary, &bytes, || {
                    Verdict::settled(signature.format, &signature.outcome, generation)
                });
                to.push(signature);
            }
        }
    }
    if to.len() > before {
        return Ok(());
    }
    if let Some((at, format, mut damage)) = damaged {
        if disk.is_unreadable(at, row.len) {
            Damage::UNREADABLE.clone_into(&mut damage.rule);
        }
        let signature = match best_copy(disk, row, Sought::Copy)? {
            Some((at, bytes, mut found)) => {
                found.superblock.damaged_copies.push(damage);
                whole(disk, row, at, &bytes, found, Sought::Copy)?
            }
            None => Signature {
                format,
                offset: at,
                outcome: Outcome::Damaged(damage),
                standing: Standing::Content,
            },
        };
        to.push(signature);
    }
    Ok(())
}

/// Tells the trace, if there is one, what the bytes at a place came to.
fn tell(
    disk: &Disk<'_>,
    row: &Row,
    at: u64,
    sought: Sought,
    bytes: &[u8],
    verdict: impl FnOnce() -> Verdict,
) {
    if let Some(trace) = disk.trace() {
        trace.check(row, At::new(row, at, sought), bytes, verdict());
    }
}

/// The superblock at `at`, if it can be read. Of one that was not read ahead
/// the beginning comes first, and is all where the magic is not in it.
fn superblock<'d>(
    disk: &'d Disk<'_>,
    row: &Row,
    at: u64,
    sought: Sought,
) -> Result<Option<Cow<'d, [u8]>>, Fault> {
    if let Some(bytes) = disk.peek(at, row.len) {
        return Ok(Some(Cow::Borrowed(bytes)));
    }
    disk.purpose(|| Purpose::Superblock(At::new(row, at, sought)));
    let magics = row.magics.iter();
    let needed = magics.map(|(offset, magic)| offset.saturating_add(magic.len()));
    let peek = needed.max().unwrap_or(0).max(PEEK);
    let Some(head) = disk.bytes(at, row.len.min(peek))? else {
        tell(disk, row, at, sought, &[], || Verdict::Unreadable);
        return Ok(None);
    };
    if row.len <= peek || !row.matches(&head) {
        return Ok(Some(Cow::Owned(head)));
    }
    // With the rest unreadable it is truncated, and not absent.
    let whole = disk.bytes(at, row.len)?;
    Ok(Some(Cow::Owned(whole.unwrap_or(head))))
}

/// The offsets of `places`, each once. Most rows have one, which takes no
/// memory: this is asked of every row for every device.
fn places(places: &[Place], size: u64) -> impl Iterator<Item = u64> {
    let (one, several) = match places {
        [one] => (one.on(size), Vec::new()),
        several => {
            let mut offsets: Vec<u64> = several.iter().filter_map(|place| place.on(size)).collect();
            offsets.sort_unstable();
            offsets.dedup();
            (None, offsets)
        }
    };
    one.into_iter().chain(several)
}

/// A sound superblock, with what only other reads can tell.
fn whole(
    disk: &Disk<'_>,
    row: &Row,
    at: u64,
    bytes: &[u8],
    mut found: Found,
    sought: Sought,
) -> Result<Signature, Fault> {
    disk.purpose(|| Purpose::Complete(At::new(row, at, sought)));
    if found.claims <= disk.size()
        && let Some(complete) = row.complete
        && let Err(fault) = complete(disk, at, bytes, &mut found)
    {
        let damage = unread(&fault);
        disk.note(fault)?;
        found.superblock.damaged_copies.push(damage);
    }
    // Reading on may have told how much there has to be.
    let outcome = if found.claims > disk.size() {
        // The kernel refuses it too: the rest is gone, or this is one member
        // of something larger.
        Outcome::Damaged(Damage {
            offset: at,
            rule: "size".to_owned(),
            seen: format!("{} bytes", found.claims),
            expected: format!("at most the device's {} bytes", disk.size()),
        })
    } else {
        match found.broken {
            Some(damage) => Outcome::Damaged(damage),
            None => Outcome::Found(Box::new(found.superblock)),
        }
    };
    Ok(Signature {
        format: found.format,
        offset: at,
        outcome,
        standing: Standing::Content,
    })
}

/// What a structure behind the superblock is when it cannot be read.
fn unread(fault: &Fault) -> Damage {
    Damage {
        offset: fault.offset,
        rule: "unreadable".to_owned(),
        seen: fault.error.to_string(),
        expected: "a read without an error".to_owned(),
    }
}

/// The newest valid copy. A copy that cannot be read is no copy.
fn best_copy(
    disk: &Disk<'_>,
    row: &Row,
    sought: Sought,
) -> Result<Option<(u64, Vec<u8>, Found)>, Fault> {
    let mut best: Option<(u64, Vec<u8>, Found)> = None;
    for at in places(row.copies, disk.size()) {
        let Some(bytes) = superblock(disk, row, at, sought)? else {
            continue;
        };
        let decoded = row.judge(&bytes, at);
        tell(disk, row, at, sought, &bytes, || {
            Verdict::of(row, &bytes, &decoded, disk.size())
        });
        if let Decoded::Found(found) = decoded
            && found.claims <= disk.size()
            && best
                .as_ref()
                .is_none_or(|(_, _, best)| found.generation > best.generation)
        {
            best = Some((at, bytes.into_owned(), *found));
        }
    }
    Ok(best)
}

/// The GPT that an MBR guards, by its copy, where no primary shows: Linux and
/// libblkid look there too.
fn guarded(disk: &Disk<'_>, signatures: &[Signature]) -> Result<Option<Signature>, Fault> {
    let guards = signatures.iter().any(|signature| {
        matches!(
            signature.superblock().map(|found| &found.content),
            Some(Content::Table(table)) if mbr::guards(table)
        )
    });
    if !guards || signatures.iter().any(|found| found.format == Format::Gpt) {
        return Ok(None);
    }
    for row in gpt::ROWS {
        if let Some((at, bytes, mut found)) = best_copy(disk, row, Sought::Copy)? {
            let primary = gpt::missing_primary(disk, &found);
            found.superblock.damaged_copies.push(primary);
            return Ok(Some(whole(disk, row, at, &bytes, found, Sought::Copy)?));
        }
    }
    Ok(None)
}

/// Copies of formats that have no primary: one is as good as another.
fn peers(disk: &Disk<'_>) -> Result<Vec<Signature>, Fault> {
    let mut signatures = Vec::new();
    for row in rows(disk).filter(|row| row.places.is_empty()) {
        if let Some((at, bytes, found)) = best_copy(disk, row, Sought::Peer)? {
            signatures.push(whole(disk, row, at, &bytes, found, Sought::Peer)?);
        }
    }
    Ok(signatures)
}

/// Copies whose primary is gone without a trace, or lies on a bad sector. That
/// is either a file system whose beginning was lost or what an older one left
/// behind, so it is damage and never a find; but the device is not empty, and
/// who images it knows what it was.
fn orphans(disk: &Disk<'_>) -> Result<Vec<Signature>, Fault> {
    let mut signatures = Vec::new();
    for row in rows(disk).filter(|row| row.orphans) {
        let Some((at, _, found)) = best_copy(disk, row, Sought::Orphan)? else {
            continue;
        };
        let (Some(primary), Some((magic_at, magic))) =
            (places(row.places, disk.size()).next(), row.magics.first())
        else {
            continue;
        };
        let offset = primary.saturating_add(u64::try_from(*magic_at).unwrap_or(0));
        let (rule, seen) = if disk.is_unreadable(primary, row.len) {
            (Damage::UNREADABLE, "a read that failed".to_owned())
        } else {
            let seen = disk.peek(offset, magic.len()).unwrap_or_default();
            ("primary-missing", hex(seen))
        };
        let id = found.superblock.uuid.as_deref().unwrap_or("no id");
        signatures.push(Signature {
            format: found.format,
            offset: primary,
            outcome: Outcome::Damaged(Damage {
                offset,
                rule: rule.to_owned(),
                seen,
                expected: format!("{}, as the copy at {at} of {id} has it", hex(magic)),
            }),
            standing: Standing::Content,
        });
    }
    Ok(signatures)
}
