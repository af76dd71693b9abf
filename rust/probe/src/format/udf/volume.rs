//! From the anchor to the volume descriptors.

use crate::bytes::{field, hex, le16, le32, u8_at, utf16be};
use crate::decoded::Rules;
use crate::read::{Fault, ReadAt, read_if_readable};
use asl_facts::{Damage, Format, Text};
use crc::{CRC_16_XMODEM, Crc};

/// Every descriptor that is read here fits in this.
const DESCRIPTOR: usize = 512;
/// Sizes of a block, the likely first: optical media, disks.
const BLOCKS: [u64; 4] = [2048, 512, 4096, 1024];
/// A sequence of volume descriptors: 16 blocks at least by ECMA-167, mkudffs
/// makes no more; read as far as this, bytes.
const SEQUENCE: u64 = 64 * 1024;
/// Extents of a sequence that are followed.
const EXTENTS: usize = 4;

const PRIMARY: u16 = 1;
const ANCHOR: u16 = 2;
const POINTER: u16 = 3;
const PARTITION: u16 = 5;
const LOGICAL: u16 = 6;
const TERMINATOR: u16 = 8;
const INTEGRITY: u16 = 9;
/// Kind of a partition map: media that are written once have a table of
/// moved blocks, the last block written.
const VIRTUAL: &[u8] = b"*UDF Virtual Partition";

/// CRC-ITU-T from 0.
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// What the descriptors say.
pub(super) struct Volume {
    pub(super) block_size: u32,
    /// End of the last partition.
    pub(super) size: u64,
    pub(super) uuid: Option<String>,
    pub(super) label: Option<Text>,
    pub(super) version: Option<String>,
    pub(super) closed: bool,
}

/// Bytes of an extent and its first block.
#[derive(Debug, Clone, Copy)]
struct Extent {
    len: u32,
    block: u32,
}

fn extent(bytes: &[u8], at: usize) -> Extent {
    Extent {
        len: le32(bytes, at),
        block: le32(bytes, at.saturating_add(4)),
    }
}

/// The descriptors by the first anchor that leads to some.
pub(super) fn read(
    dev: &dyn ReadAt,
    wide: bool,
    damages: &mut Vec<Damage>,
) -> Result<Option<Volume>, Fault> {
    let Some((block, anchor)) = anchor(dev, wide, damages)? else {
        return Ok(None);
    };
    // The main sequence, and the reserve where something is missing in it.
    let mut set = Set::default();
    for at in [16, 24] {
        if !set.is_whole() {
            set.read(dev, block, extent(&anchor, at), damages)?;
        }
    }
    let (Some(logical), true) = (&set.logical, set.is_whole()) else {
        let rules = rules(block.saturating_mul(u64::from(extent(&anchor, 16).block)));
        let expected = "a primary, a logical volume and a partition descriptor";
        damages.push(rules.damage("volume-descriptors", 0, "not all of them", expected));
        return Ok(None);
    };
    let logical_block_size = le32(logical, 212);
    if u64::from(logical_block_size) != block {
        let rules = rules(block.saturating_mul(u64::from(le32(logical, 12))));
        damages.push(rules.damage("block-size", 212, logical_block_size, block));
        return Ok(None);
    }
    let integrity = integrity(dev, block, extent(logical, 432), damages)?;
    let read_revision = integrity.as_deref().map_or(0, read_revision);
    let revision = le16(logical, 240).max(read_revision);
    let primary = set.primary.as_deref().unwrap_or_default();
    let maps = field(
        logical,
        440,
        usize::try_from(le32(logical, 264)).unwrap_or(0),
    );
    let is_virtual = maps.windows(VIRTUAL.len()).any(|id| id == VIRTUAL);
    Ok(Some(Volume {
        block_size: logical_block_size,
        size: set.end.saturating_mul(block),
        uuid: dstring(field(primary, 72, 128)).and_then(|text| uuid(&text)),
        label: dstring(field(logical, 84, 128)),
        version: (revision != 0).then(|| format!("{:x}.{:02x}", revision >> 8, revision & 0xff)),
        // What is written once cannot close its integrity descriptor.
        closed: integrity.is_some_and(|integrity| le32(&integrity, 28) == 1 || is_virtual),
    }))
}

fn rules(at: u64) -> Rules {
    Rules {
        format: Format::Udf,
        at,
    }
}

/// The first sound anchor, and the size of a block.
fn anchor(
    dev: &dyn ReadAt,
    wide: bool,
    damages: &mut Vec<Damage>,
) -> Result<Option<(u64, Vec<u8>)>, Fault> {
    let blocks = || BLOCKS.into_iter().filter(|block| *block == 4096 || !wide);
    let last = |block: u64| dev.size().checked_div(block)?.checked_sub(1);
    // Those of the end come from what was read ahead.
    let first = blocks().map(|block| (block, Some(256)));
    let others = blocks().flat_map(|block| {
        [
            (block, last(block)),
            (block, last(block).and_then(|last| last.checked_sub(256))),
        ]
    });
    for (block, number) in first.chain(others) {
        let Some(number) = number.and_then(|number| u32::try_from(number).ok()) else {
            continue;
        };
        let at = u64::from(number).saturating_mul(block);
        let bytes = read_if_readable(dev, at, DESCRIPTOR)?;
        let bytes = bytes.unwrap_or_default();
        if le16(&bytes, 0) != ANCHOR || le32(&bytes, 12) != number {
            continue;
        }
        match judged(&bytes, at, number) {
            Ok(()) => return Ok(Some((block, bytes))),
            Err(damage) => damages.push(damage),
        }
    }
    damages.push(rules(256 * 2048).damage("anchor", 0, "none that is sound", "tag 2 at block 256"));
    Ok(None)
}

/// The tag's sum, the CRC that it holds, and the block that it names.
fn judged(bytes: &[u8], at: u64, number: u32) -> Result<(), Damage> {
    let rules = rules(at);
    let tag = field(bytes, 0, 16);
    let sum = tag
        .iter()
        .enumerate()
        .filter(|(offset, _)| *offset != 4)
        .fold(0_u8, |sum, (_, byte)| sum.wrapping_add(*byte));
    let tag_checksum = u8_at(tag, 4);
    if tag_checksum != sum {
        return Err(rules.damage("tag-checksum", 4, hex(&[tag_checksum]), hex(&[sum])));
    }
    let (crc, crc_length) = (le16(tag, 8), usize::from(le16(tag, 10)));
    let body = field(bytes, 16, crc_length);
    if body.len() != crc_length {
        let expected = format!("at most {}", DESCRIPTOR.saturating_sub(16));
        return Err(rules.damage("crc-length", 10, crc_length, expected));
    }
    let computed = CRC.checksum(body);
    if crc != computed {
        return Err(rules.damage(
            "checksum",
            8,
            format!("{crc:#06x}"),
            format!("{computed:#06x}"),
        ));
    }
    let tag_location = le32(tag, 12);
    if tag_location != number {
        return Err(rules.damage("place", 12, tag_location, number));
    }
    Ok(())
}

/// The prevailing descriptors: of each kind the one with the highest number.
#[derive(Default)]
struct Set {
    primary: Option<Vec<u8>>,
    logical: Option<Vec<u8>>,
    /// Block behind the last partition; 0 where there is none.
    end: u64,
}

impl Set {
    fn is_whole(&self) -> bool {
        self.primary.is_some() && self.logical.is_some() && self.end != 0
    }

    fn read(
        &mut self,
        dev: &dyn ReadAt,
        block: u64,
        start: Extent,
        damages: &mut Vec<Damage>,
    ) -> Result<(), Fault> {
        let mut next = Some(start);
        for _ in 0..EXTENTS {
            let Some(extent) = next.take().filter(|extent| extent.len != 0) else {
                break;
            };
            for (number, bytes) in blocks(dev, block, extent)? {
                match le16(&bytes, 0) {
                    // Unrecorded blocks end a sequence too.
                    0 | TERMINATOR => break,
                    _ => {}
                }
                let at = u64::from(number).saturating_mul(block);
                if let Err(damage) = judged(&bytes, at, number) {
                    damages.push(damage);
                    continue;
                }
                match le16(&bytes, 0) {
                    POINTER => next = Some(self::extent(&bytes, 20)),
                    kind => self.take(kind, bytes),
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, kind: u16, bytes: Vec<u8>) {
        let place = match kind {
            PRIMARY => &mut self.primary,
            LOGICAL => &mut self.logical,
            PARTITION => {
                let (start, len) = (le32(&bytes, 188), le32(&bytes, 192));
                let end = u64::from(start).saturating_add(u64::from(len));
                self.end = self.end.max(end);
                return;
            }
            _ => return,
        };
        let newer = place
            .as_ref()
            .is_none_or(|known| le32(known, 16) <= le32(&bytes, 16));
        if newer {
            *place = Some(bytes);
        }
    }
}

/// The beginnings of an extent's blocks, and their numbers. Where the extent
/// cannot be read at once, those that can are read one by one.
fn blocks(dev: &dyn ReadAt, block: u64, extent: Extent) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
    let len = u64::from(extent.len).min(SEQUENCE);
    let step = usize::try_from(block).unwrap_or(DESCRIPTOR);
    let at = u64::from(extent.block).saturating_mul(block);
    let whole = read_if_readable(dev, at, usize::try_from(len).unwrap_or(0))?;
    let count = len.checked_div(block).unwrap_or(0);
    let mut found = Vec::new();
    for (index, offset) in (0..count).zip((0..len).step_by(step)) {
        let number = u64::from(extent.block).saturating_add(index);
        let Ok(number) = u32::try_from(number) else {
            break;
        };
        let bytes = match &whole {
            Some(bytes) => field(bytes, usize::try_from(offset).unwrap_or(0), DESCRIPTOR).to_vec(),
            None => {
                let place = at.saturating_add(offset);
                read_if_readable(dev, place, DESCRIPTOR)?.unwrap_or_default()
            }
        };
        found.push((number, bytes));
    }
    Ok(found)
}

/// The last sound descriptor of the integrity sequence.
fn integrity(
    dev: &dyn ReadAt,
    block: u64,
    start: Extent,
    damages: &mut Vec<Damage>,
) -> Result<Option<Vec<u8>>, Fault> {
    let mut last: Option<Vec<u8>> = None;
    let mut next = Some(start);
    for _ in 0..EXTENTS {
        let Some(extent) = next.take().filter(|extent| extent.len != 0) else {
            break;
        };
        for (number, bytes) in blocks(dev, block, extent)? {
            if le16(&bytes, 0) != INTEGRITY {
                break;
            }
            let at = u64::from(number).saturating_mul(block);
            match judged(&bytes, at, number) {
                Ok(()) => {
                    next = Some(self::extent(&bytes, 32));
                    last = Some(bytes);
                }
                Err(damage) => damages.push(damage),
            }
        }
    }
    Ok(last)
}

/// `MinimumUDFReadRevision` of an integrity descriptor, behind its two tables
/// of partitions.
fn read_revision(integrity: &[u8]) -> u16 {
    let partitions = usize::try_from(le32(integrity, 72)).unwrap_or(usize::MAX);
    let use_at = partitions.saturating_mul(8).saturating_add(80);
    le16(integrity, use_at.saturating_add(40))
}

/// Text of a fixed field: the first byte says how it is stored, the last one
/// how much of it is used.
fn dstring(bytes: &[u8]) -> Option<Text> {
    let (used, rest) = bytes.split_last()?;
    let used = rest.get(..usize::from(*used)).unwrap_or(rest);
    let (compression, text) = used.split_first()?;
    match compression {
        8 => {
            let text: String = text.iter().copied().map(char::from).collect();
            Text::from_field(text.as_bytes())
        }
        16 => utf16be(text),
        _ => None,
    }
}

/// Sixteen hex digits, made of the volume set's id as libblkid makes them:
/// its first 16 characters if they are digits, else what there is in hex.
fn uuid(set: &Text) -> Option<String> {
    let mut bytes: Vec<u8> = set.0.iter().copied().take(16).collect();
    if bytes.len() < 8 {
        return None;
    }
    bytes.resize(16, 0);
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let text =
        |from: usize, len: usize| String::from_utf8_lossy(field(&bytes, from, len)).to_lowercase();
    Some(match digits {
        16 => text(0, 16),
        8..16 => text(0, 8) + &hex(field(&bytes, 8, 4)),
        _ => hex(field(&bytes, 0, 8)),
    })
}
