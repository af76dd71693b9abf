//! Records that guard themselves against torn writes, and their attributes.

use crate::bytes::{field, le16, le32, le64, u8_at};
use crate::decoded::Rules;
use asl_facts::{Damage, Format};

/// Bytes that an entry of an update sequence guards, whatever the sector.
const BLOCK: usize = 512;
const END: u32 = 0xffff_ffff;

/// A record of the master file table, put together again.
pub(super) struct Record {
    bytes: Vec<u8>,
}

impl Record {
    /// Judges the record `number`, which lies at `at`.
    pub(super) fn new(bytes: &[u8], size: usize, at: u64, number: u64) -> Result<Self, Damage> {
        let record = Self {
            bytes: joined(bytes, size, at, &[b"FILE"])?,
        };
        let rules = Rules {
            format: Format::Ntfs,
            at,
        };
        let damage =
            |rule, offset, seen: String, expected: &str| rules.damage(rule, offset, seen, expected);
        let flags = le16(&record.bytes, 22);
        if flags & 1 == 0 {
            return Err(damage("record-in-use", 22, format!("{flags:#x}"), "bit 0"));
        }
        // Since NTFS 3.1, where the sequence begins behind this field.
        let seen = u64::from(le32(&record.bytes, 44));
        if le16(&record.bytes, 4) >= 48 && seen != number & u64::from(u32::MAX) {
            return Err(damage(
                "record-number",
                44,
                seen.to_string(),
                &number.to_string(),
            ));
        }
        Ok(record)
    }

    /// Its attributes, as far as they are sound.
    fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let in_use = usize::try_from(le32(&self.bytes, 24)).unwrap_or(usize::MAX);
        let bytes = field(&self.bytes, 0, in_use);
        let mut at = usize::from(le16(bytes, 20));
        std::iter::from_fn(move || {
            let kind = le32(bytes, at);
            let len = usize::try_from(le32(bytes, at.checked_add(4)?)).ok()?;
            if kind == END || len < 24 {
                return None;
            }
            let attribute = bytes.get(at..at.checked_add(len)?)?;
            at = at.checked_add(len)?;
            Some(Attribute {
                kind,
                bytes: attribute,
            })
        })
    }

    /// An attribute without a name, or with the name of the directory index.
    pub(super) fn attribute(&self, kind: u32, named: bool) -> Option<Attribute<'_>> {
        self.attributes()
            .find(|attribute| attribute.kind == kind && attribute.is_index() == named)
    }

    /// The value of an attribute that lies in the record.
    pub(super) fn resident(&self, kind: u32) -> Option<&[u8]> {
        self.attribute(kind, false)?.value()
    }

    /// Its attributes fill more than one record: what is missing here may be
    /// elsewhere.
    pub(super) fn is_split(&self) -> bool {
        const ATTRIBUTE_LIST: u32 = 0x20;
        self.attributes()
            .any(|attribute| attribute.kind == ATTRIBUTE_LIST)
    }
}

/// An attribute of a file.
pub(super) struct Attribute<'a> {
    kind: u32,
    bytes: &'a [u8],
}

impl<'a> Attribute<'a> {
    fn is_index(&self) -> bool {
        const NAME: &[u8] = b"$\0I\x003\x000\0";
        let name_length = usize::from(u8_at(self.bytes, 9)).saturating_mul(2);
        field(self.bytes, usize::from(le16(self.bytes, 10)), name_length) == NAME
    }

    fn is_resident(&self) -> bool {
        u8_at(self.bytes, 8) == 0
    }

    /// The value, if it lies in the record.
    pub(super) fn value(&self) -> Option<&'a [u8]> {
        let len = usize::try_from(le32(self.bytes, 16)).ok()?;
        let from = usize::from(le16(self.bytes, 20));
        let value = self.bytes.get(from..from.checked_add(len)?)?;
        self.is_resident().then_some(value)
    }

    /// Bytes of the value, and how many of them were ever written.
    pub(super) fn sizes(&self) -> (u64, u64) {
        if self.is_resident() {
            let len = u64::from(le32(self.bytes, 16));
            (len, len)
        } else {
            (le64(self.bytes, 48), le64(self.bytes, 56))
        }
    }

    /// Where a value outside the record lies; none where the list of runs is
    /// broken or begins in another record.
    pub(super) fn runs(&self) -> Option<Runs> {
        let lowest_vcn = le64(self.bytes, 16);
        if self.is_resident() || lowest_vcn != 0 {
            return None;
        }
        let mut pairs = self.bytes.get(usize::from(le16(self.bytes, 32))..)?;
        let mut runs = Vec::new();
        let mut lcn = 0_i64;
        while let Some((header, rest)) = pairs.split_first().filter(|(header, _)| **header != 0) {
            let (len_bytes, lcn_bytes) = (usize::from(header & 0xf), usize::from(header >> 4));
            let (len, rest) = rest.split_at_checked(len_bytes)?;
            let (delta, rest) = rest.split_at_checked(lcn_bytes)?;
            let clusters = u64::try_from(signed(len)?).ok().filter(|len| *len != 0)?;
            let start = if lcn_bytes == 0 {
                None
            } else {
                lcn = lcn.checked_add(signed(delta)?)?;
                Some(u64::try_from(lcn).ok()?)
            };
            runs.push((clusters, start));
            pairs = rest;
        }
        Some(Runs(runs))
    }
}

/// A little endian number of up to 8 bytes.
fn signed(bytes: &[u8]) -> Option<i64> {
    let last = bytes.last()?;
    let mut whole = [if last & 0x80 == 0 { 0 } else { 0xff }; 8];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(whole))
}

/// Runs of clusters: how many, and the first; none for a hole.
pub(super) struct Runs(Vec<(u64, Option<u64>)>);

impl Runs {
    /// Where `len` bytes at `offset` of the value lie on the device, if they
    /// lie together and in no hole.
    pub(super) fn place(&self, offset: u64, len: usize, cluster: u64) -> Option<u64> {
        let end = offset.checked_add(u64::try_from(len).ok()?)?;
        let mut start = 0_u64;
        for (clusters, lcn) in &self.0 {
            let run_end = start.checked_add(clusters.checked_mul(cluster)?)?;
            if offset < run_end {
                let inside = offset.checked_sub(start)?;
                let at = lcn.as_ref()?.checked_mul(cluster)?.checked_add(inside)?;
                return (end <= run_end).then_some(at);
            }
            start = run_end;
        }
        None
    }
}

/// A record with the ends of its blocks put back, if each block has the
/// number that the last write gave all of them.
pub(super) fn joined(
    bytes: &[u8],
    size: usize,
    at: u64,
    magics: &[&[u8]],
) -> Result<Vec<u8>, Damage> {
    let rules = Rules {
        format: Format::Ntfs,
        at,
    };
    let mut record = bytes.to_vec();
    if record.len() != size {
        let seen = format!("{} bytes", record.len());
        return Err(rules.damage("record-truncated", 0, seen, format!("{size} bytes")));
    }
    let magic = field(bytes, 0, 4);
    if !magics.contains(&magic) {
        let names = magics.iter().map(|magic| String::from_utf8_lossy(magic));
        let expected = names.collect::<Vec<_>>().join(" or ");
        let seen = String::from_utf8_lossy(magic).escape_default().to_string();
        return Err(rules.damage("record-magic", 0, seen, expected));
    }
    let (usa_ofs, usa_count) = (usize::from(le16(bytes, 4)), usize::from(le16(bytes, 6)));
    let blocks = size.div_ceil(BLOCK);
    let sequence = field(bytes, usa_ofs, usa_count.saturating_mul(2));
    let ((numbers, _), whole) = (
        sequence.as_chunks::<2>(),
        usa_count == blocks.saturating_add(1) && usa_ofs >= 8,
    );
    let Some((number, ends)) = numbers.split_first().filter(|_| whole) else {
        let seen = format!("{usa_count} entries at {usa_ofs}");
        let expected = format!("an entry for each of {blocks} blocks");
        return Err(rules.damage("update-sequence", 4, seen, expected));
    };
    for (index, (block, end)) in record.chunks_mut(BLOCK).zip(ends).enumerate() {
        let Some(last) = block.last_chunk_mut::<2>() else {
            continue;
        };
        if last != number {
            let offset = index.saturating_add(1).saturating_mul(BLOCK);
            return Err(rules.damage(
                "update-sequence",
                u64::try_from(offset.saturating_sub(2)).unwrap_or(0),
                format!("{:#06x}", u16::from_le_bytes(*last)),
                format!("{:#06x}", u16::from_le_bytes(*number)),
            ));
        }
        *last = *end;
    }
    Ok(record)
}
