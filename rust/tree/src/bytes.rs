//! Little-endian fields; none where the bytes end before.

pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

pub(crate) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

/// The code units of `bytes`, up to the first zero.
pub(crate) fn utf16le(bytes: &[u8]) -> impl Iterator<Item = u16> {
    let units = bytes.as_chunks::<2>().0.iter();
    units
        .map(|unit| u16::from_le_bytes(*unit))
        .take_while(|unit| *unit != 0)
}
