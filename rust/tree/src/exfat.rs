//! exFAT.
//!
//! A directory is a list of 32-byte entries, of which a file takes a set: the
//! file entry, the stream extension (place and size), and names of 15
//! characters each. A 16-bit checksum covers the set, and a set that breaks
//! it is damage: its file may be the store. Source: Microsoft "exFAT file
//! system specification", sections 6 and 7.

use crate::bytes::{le16, le32, le64, utf16le};
use crate::clusters::{ClusterTree, Dialect, ENTRY, Extent, Node};
use crate::device::Shared;
use crate::tree::{Entry, Kind, Refusal, Tree};
use asl_facts::Format;
use asl_probe::Clusters;

const END: u8 = 0;
const FILE: u8 = 0x85;
const STREAM_EXTENSION: u8 = 0xc0;
const FILE_NAME: u8 = 0xc1;
/// `FileAttributes`.
const DIRECTORY: u16 = 0x10;
/// `GeneralSecondaryFlags`: `AllocationPossible`, `NoFatChain`.
const ALLOCATED: u8 = 0x01;
const NO_FAT_CHAIN: u8 = 0x02;
/// `SecondaryCount`: the stream extension and at least one name.
const MIN_SECONDARIES: u8 = 2;
/// Bytes of one name entry.
const NAME: std::ops::Range<usize> = 2..ENTRY;

const DIALECT: Dialect = Dialect {
    format: Format::Exfat,
    entries,
    // The format allows 256 MiB; this holds the entries that are looked at
    // with names of 90 characters.
    most: 16 << 20,
};

pub(crate) fn open(dev: &Shared) -> Result<impl Tree + use<>, Refusal> {
    ClusterTree::open(dev, &DIALECT)
}

fn entries(bytes: &[u8], _: &Clusters) -> Result<Vec<Node>, Refusal> {
    let mut nodes = Vec::new();
    let mut at = 0_usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let mut step = ENTRY;
        match rest {
            [END, ..] => break,
            [FILE, secondaries, ..] => {
                step = usize::from(*secondaries)
                    .saturating_add(1)
                    .saturating_mul(ENTRY);
                let set = rest
                    .get(..step)
                    .filter(|_| *secondaries >= MIN_SECONDARIES)
                    .ok_or_else(|| {
                        let why = format!("file entry at {at}: {secondaries} entries after it");
                        Refusal::Reader(why)
                    })?;
                nodes.push(node(set, at)?);
            }
            // Bitmap, up-case table, label, what was deleted.
            _ => {}
        }
        at = at.saturating_add(step);
    }
    Ok(nodes)
}

fn node(set: &[u8], at: usize) -> Result<Node, Refusal> {
    let (seen, computed) = (le16(set, 2).unwrap_or(0), set_checksum(set));
    if seen != computed {
        return Err(Refusal::Reader(format!(
            "file entry at {at}: checksum {seen:#06x}, computed {computed:#06x}"
        )));
    }
    decode(set).ok_or_else(|| {
        Refusal::Reader(format!(
            "file entry at {at}: no stream extension and name after it"
        ))
    })
}

fn set_checksum(set: &[u8]) -> u16 {
    set.iter()
        .enumerate()
        .filter(|(at, _)| !matches!(at, 2 | 3))
        .fold(0_u16, |sum, (_, byte)| {
            sum.rotate_right(1).wrapping_add(u16::from(*byte))
        })
}

fn decode(set: &[u8]) -> Option<Node> {
    let [file, stream, names @ ..] = set.as_chunks::<ENTRY>().0 else {
        return None;
    };
    let [STREAM_EXTENSION, flags, _, name_length, ..] = *stream else {
        return None;
    };
    let names: Vec<u8> = names
        .iter()
        .take_while(|entry| entry.starts_with(&[FILE_NAME]))
        .filter_map(|entry| entry.get(NAME))
        .flatten()
        .copied()
        .collect();
    let name_len = usize::from(name_length).checked_mul(2)?;
    let units: Vec<u16> = utf16le(names.get(..name_len)?).collect();
    let is_directory = le16(file, 4)? & DIRECTORY != 0;
    let first = le32(stream, 20)?;
    let size = match flags & ALLOCATED {
        0 => 0,
        _ => le64(stream, 24)?,
    };
    Some(Node {
        entry: Entry {
            name: String::from_utf16_lossy(&units).into_bytes(),
            kind: if is_directory {
                Kind::Directory
            } else {
                Kind::File
            },
            any_case: true,
        },
        extent: if flags & NO_FAT_CHAIN != 0 {
            Extent::Run(first)
        } else {
            Extent::Chain(first)
        },
        size: Some(size),
        valid: le64(stream, 8)?,
    })
}
