//! Integers and texts at an offset of a structure.
//!
//! The caller has made sure of the structure's size, so every offset of its
//! layout is inside; past the end these return zeros rather than panic.

use asl_facts::Text;
use crc::{Algorithm, CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_WE, Crc, Table};

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .unwrap_or([0; N])
}

pub(crate) fn u8_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

pub(crate) fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(crate) fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(crate) fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(bytes, at))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

pub(crate) fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(bytes, at))
}

/// A structure with `len` bytes at `at` as zeros: what a checksum is taken of
/// that lies in what it covers.
pub(crate) fn zeroed(bytes: &[u8], at: usize, len: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(rest) = bytes.get_mut(at..) {
        rest.iter_mut().take(len).for_each(|byte| *byte = 0);
    }
    bytes
}

/// `len` bytes at `at`; fewer where the structure ends.
pub(crate) fn field(bytes: &[u8], at: usize, len: usize) -> &[u8] {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.get(..len).unwrap_or(rest)
}

/// The name in a field of `len` bytes at `at`: up to the first NUL. None if
/// it is empty, or not ASCII that draws something.
pub(crate) fn name(bytes: &[u8], at: usize, len: usize) -> Option<String> {
    let field = field(bytes, at, len);
    let name = field.split(|byte| *byte == 0).next().unwrap_or_default();
    let sound = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    sound.then(|| String::from_utf8_lossy(name).into_owned())
}

/// The 16 bytes at `at` as a UUID in the usual form.
pub(crate) fn uuid(bytes: &[u8], at: usize) -> String {
    let digits = hex(&array::<16>(bytes, at));
    [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .iter()
        .filter_map(|(from, to)| digits.get(*from..*to))
        .collect::<Vec<_>>()
        .join("-")
}

/// The 16 bytes at `at` as a GUID: the first three fields are little endian.
pub(crate) fn guid(bytes: &[u8], at: usize) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = array::<16>(bytes, at);
    let mut plain = vec![d, c, b, a, f, e, h, g];
    plain.extend(rest);
    uuid(&plain, 0)
}

/// UTF-16 up to the first NUL, little endian; what is no character becomes
/// U+FFFD. None if nothing is left.
pub(crate) fn utf16le(bytes: &[u8]) -> Option<Text> {
    utf16(bytes, u16::from_le_bytes)
}

/// The same, big endian.
pub(crate) fn utf16be(bytes: &[u8]) -> Option<Text> {
    utf16(bytes, u16::from_be_bytes)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Text> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: String = char::decode_utf16(units.take_while(|unit| *unit != 0))
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Text::from_field(text.as_bytes())
}

/// crc32c (Castagnoli), as iSCSI and most file systems use it: all ones at
/// the start and inverted at the end.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    CRC32C.checksum(bytes)
}

/// crc32 (IEEE 802.3), as GPT, zlib and gzip use it.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    CRC32.checksum(bytes)
}

/// `crc32_le` of Linux: the same polynomial as [`crc32`] with the register
/// before and after in the caller's hands, inverted at neither end. What it
/// gives goes on over the next bytes.
pub(crate) fn crc32_le(register: u32, bytes: &[u8]) -> u32 {
    let mut digest = CRC32_LE.digest_with_initial(register.reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

/// crc64 (ECMA-182), all ones at the start and inverted at the end, as bcache
/// and bcachefs use it.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    CRC64.checksum(bytes)
}

/// Sixteen lanes: these run over every superblock at every boot.
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static CRC32_LE: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&Algorithm {
    init: 0,
    xorout: 0,
    check: 0x2dfd_2d88,
    ..CRC_32_ISO_HDLC
});
static CRC64: Crc<u64> = Crc::<u64>::new(&CRC_64_WE);

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The set bits of `value` that no name covers, as `0x…`, and the bits that
/// `refused` names, by name.
pub(crate) fn unknown_bits(value: u64, known: u64, refused: &[(u64, &str)]) -> Vec<String> {
    let mut names: Vec<String> = refused
        .iter()
        .filter(|(bit, _)| value & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let refused_mask = refused.iter().fold(0, |mask, (bit, _)| mask | bit);
    let rest = value & !known & !refused_mask;
    names.extend(
        (0..u64::BITS)
            .filter_map(|bit| 1_u64.checked_shl(bit))
            .filter(|bit| rest & bit != 0)
            .map(|bit| format!("{bit:#x}")),
    );
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_end_is_zero() {
        assert_eq!(le32(&[1, 2, 3], 0), 0);
        assert_eq!(be16(&[1, 2, 3], usize::MAX), 0);
        assert_eq!(field(&[1, 2, 3], 2, 9), &[3]);
    }

    #[test]
    fn a_uuid_has_the_usual_form() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(uuid(&bytes, 0), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }

    #[test]
    fn a_bit_without_a_name_is_unknown_and_a_refused_one_is_named() {
        assert_eq!(
            unknown_bits(0b1101, 0b0001, &[(0b0100, "four")]),
            ["four", "0x8"]
        );
    }
}
