//! Whether Windows sleeps on a volume: the beginning of `hiberfil.sys`.
//!
//! The root directory is a B-tree by name: its root is in the directory's
//! record, the nodes below are records of `$INDEX_ALLOCATION`. One path is
//! followed down, then the file's record and its first page are read: at most
//! [`DEPTH`] and two reads, and often none beyond the first, since data
//! volumes have no such file.

use super::records::{Record, Runs, joined};
use super::{DATA, Mft, ROOT_RECORD};
use crate::bytes::{field, le16, le32, le64, u8_at};
use crate::read::{Fault, ReadAt, read_if_readable};
use asl_facts::Damage;

/// Levels of the index below its root: a node has room for 30 names and more.
const DEPTH: usize = 5;
const NAME: &[u8] = b"HIBERFIL.SYS";
/// `NTFS_HIBERFILE_HEADER_SIZE`: a file without a whole header belongs to a
/// system that sleeps on another volume.
const HEADER: usize = 4096;
const INDEX_ROOT: u32 = 0x90;
const INDEX_ALLOCATION: u32 = 0xa0;
const HAS_NODE: u16 = 0x1;
const LAST: u16 = 0x2;

/// Whether a system sleeps on it; none where that cannot be told.
pub(super) fn is_live(
    dev: &dyn ReadAt,
    mft: &Mft,
    damages: &mut Vec<Damage>,
) -> Result<Option<bool>, Fault> {
    let root = match mft.record(ROOT_RECORD) {
        Ok(root) => root,
        Err(damage) => {
            damages.push(damage);
            return Ok(None);
        }
    };
    let number = match search(dev, mft, &root, damages)? {
        Some(Step::Is(number)) => number,
        Some(Step::Missing) => return Ok(Some(false)),
        _ => return Ok(None),
    };
    let Some(record) = record(dev, mft, number, damages)? else {
        return Ok(None);
    };
    header(dev, mft, &record)
}

/// What a node says of the name.
enum Step {
    /// It is this record of the MFT.
    Is(u64),
    /// It is below this node, if it is.
    Below(u64),
    /// There is no such name.
    Missing,
}

fn search(
    dev: &dyn ReadAt,
    mft: &Mft,
    root: &Record,
    damages: &mut Vec<Damage>,
) -> Result<Option<Step>, Fault> {
    let Some(index) = root
        .attribute(INDEX_ROOT, true)
        .and_then(|index| index.value())
    else {
        return Ok(None);
    };
    let mut step = node(index, 16);
    let runs = root
        .attribute(INDEX_ALLOCATION, true)
        .and_then(|nodes| nodes.runs());
    let size = mft.volume.index_record;
    for _ in 0..DEPTH {
        let (Some(Step::Below(vcn)), Some(runs)) = (&step, &runs) else {
            return Ok(step);
        };
        let Some(at) = node_place(mft, runs, *vcn) else {
            return Ok(None);
        };
        let bytes = read_if_readable(dev, at, size)?.unwrap_or_default();
        match joined(&bytes, size, at, &[b"INDX"]) {
            Ok(bytes) => step = node(&bytes, 24),
            Err(damage) => {
                damages.push(damage);
                return Ok(None);
            }
        }
    }
    Ok(step)
}

/// Nodes are counted in clusters, or in 512 bytes where one is smaller.
fn node_place(mft: &Mft, runs: &Runs, vcn: u64) -> Option<u64> {
    let (cluster, size) = (mft.volume.cluster, mft.volume.index_record);
    let unit = if cluster <= u64::try_from(size).ok()? {
        cluster
    } else {
        512
    };
    runs.place(vcn.checked_mul(unit)?, size, cluster)
}

/// Looks for the name among the entries of a node whose index header is at
/// `header`; none where they are broken.
fn node(bytes: &[u8], header: usize) -> Option<Step> {
    let entries_offset = usize::try_from(le32(bytes, header)).ok()?;
    let index_length = usize::try_from(le32(bytes, header.checked_add(4)?)).ok()?;
    let index = bytes.get(header..header.checked_add(index_length)?)?;
    let mut rest = index.get(entries_offset..)?;
    loop {
        let length = usize::from(le16(rest, 8));
        let entry = rest.get(..length).filter(|entry| entry.len() >= 16)?;
        let flags = le16(entry, 12);
        let order = if flags & LAST == 0 {
            compare(entry)
        } else {
            std::cmp::Ordering::Greater
        };
        match order {
            std::cmp::Ordering::Less => rest = rest.get(length..)?,
            // The upper bits count how often the record was used.
            std::cmp::Ordering::Equal => return Some(Step::Is(le64(entry, 0) & 0xffff_ffff_ffff)),
            std::cmp::Ordering::Greater if flags & HAS_NODE == 0 => return Some(Step::Missing),
            std::cmp::Ordering::Greater => {
                return Some(Step::Below(le64(entry, length.checked_sub(8)?)));
            }
        }
    }
}

/// The name of an entry against ours. Windows compares upper case; beyond
/// ASCII no character sorts among these.
fn compare(entry: &[u8]) -> std::cmp::Ordering {
    let length = usize::from(u8_at(entry, 16 + 64)).saturating_mul(2);
    let (name, _) = field(entry, 16 + 66, length).as_chunks::<2>();
    name.iter()
        .map(|unit| u16::from_le_bytes(*unit))
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) => u16::from(byte.to_ascii_uppercase()),
            Err(_) => unit,
        })
        .cmp(NAME.iter().copied().map(u16::from))
}

/// A record anywhere in the MFT.
fn record(
    dev: &dyn ReadAt,
    mft: &Mft,
    number: u64,
    damages: &mut Vec<Damage>,
) -> Result<Option<Record>, Fault> {
    let size = mft.volume.record;
    let table = match mft.record(0) {
        Ok(table) => table,
        Err(damage) => {
            damages.push(damage);
            return Ok(None);
        }
    };
    let place = || {
        let offset = number.checked_mul(u64::try_from(size).ok()?)?;
        let runs = table.attribute(DATA, false)?.runs()?;
        runs.place(offset, size, mft.volume.cluster)
    };
    let Some(at) = place() else { return Ok(None) };
    let bytes = read_if_readable(dev, at, size)?.unwrap_or_default();
    match Record::new(&bytes, size, at, number) {
        Ok(record) => Ok(Some(record)),
        Err(damage) => {
            damages.push(damage);
            Ok(None)
        }
    }
}

/// Judges the file by its first page: `hibr` while a system sleeps, `rstr`
/// while one wakes up and may have to start over, zeros or `wake` afterwards.
fn header(dev: &dyn ReadAt, mft: &Mft, record: &Record) -> Result<Option<bool>, Fault> {
    let Some(data) = record.attribute(DATA, false) else {
        return Ok((!record.is_split()).then_some(true));
    };
    let (size, written) = data.sizes();
    if size < u64::try_from(HEADER).unwrap_or(0) {
        return Ok(Some(true));
    }
    if written == 0 {
        return Ok(Some(false));
    }
    let place = || data.runs()?.place(0, 512, mft.volume.cluster);
    let Some(at) = place() else { return Ok(None) };
    let Some(bytes) = read_if_readable(dev, at, 512)? else {
        return Ok(None);
    };
    let magic = field(&bytes, 0, 4).to_ascii_lowercase();
    Ok(Some(magic == b"hibr" || magic == b"rstr"))
}
