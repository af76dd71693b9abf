//! What names a store: our marker, a domain's document, a log's first record.

use crate::bytes::le32;
use sha2::{Digest, Sha256};

/// Longest id that is believed; it ends up in file names and on a console.
const MAX_ID: usize = 256;
/// `LogHeader` of ENC/ASL-LOG/1: magic, version, header size, flags.
const LOG_MAGIC: &[u8] = b"ASLLOG01";
const LOG_VERSION: u32 = 1;
const LOG_HEADER: usize = 24;
/// Sequence number, type and length of a `LogRecord`, before its payload.
const RECORD_HEAD: usize = 16;
const RECORD_HASH: usize = 32;

/// The uuid of our marker: `key = value` lines, strings in double quotes.
pub(crate) fn marker_uuid(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then_some(value.trim())
        })
    };
    let string = |key: &str| value(key)?.strip_prefix('"')?.strip_suffix('"');
    if string("format")? != "asl-store" || value("version")? != "1" {
        return None;
    }
    let uuid = string("uuid")?.to_ascii_lowercase();
    is_uuid(&uuid).then_some(uuid)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// `domain_id` of a domain.json. A number is taken in its decimal form: the
/// index keeps ids as u32.
pub(crate) fn domain_id(bytes: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let id = match document.get("domain_id")? {
        serde_json::Value::String(id) => id.clone(),
        serde_json::Value::Number(id) => id.as_u64()?.to_string(),
        _ => return None,
    };
    let sane = !id.is_empty() && id.len() <= MAX_ID && !id.chars().any(char::is_control);
    sane.then_some(id)
}

/// The first record's hash in hex, if the header is that of a version 1 log
/// and the hash verifies: SHA-256 of 32 zero bytes, then the record up to its
/// hash as it stands in the file.
pub(crate) fn first_record_hash(bytes: &[u8]) -> Option<String> {
    if bytes.get(..8)? != LOG_MAGIC || le32(bytes, 8)? != LOG_VERSION {
        return None;
    }
    let header_size = usize::try_from(le32(bytes, 12)?).ok()?;
    let record = bytes
        .get(header_size..)
        .filter(|_| header_size >= LOG_HEADER)?;
    let payload_len = usize::try_from(le32(record, 12)?).ok()?;
    let hash_at = RECORD_HEAD.checked_add(payload_len)?;
    let hash = record.get(hash_at..hash_at.checked_add(RECORD_HASH)?)?;
    let computed = Sha256::new()
        .chain_update([0; RECORD_HASH])
        .chain_update(record.get(..hash_at)?)
        .finalize();
    (computed.as_slice() == hash).then(|| hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::log;

    #[test]
    fn a_marker_of_another_version_or_format_names_nothing() {
        let marker = |format: &str, version: &str, uuid: &str| {
            marker_uuid(
                format!("# ours\nformat = \"{format}\"\nversion = {version}\nuuid = \"{uuid}\"\n")
                    .as_bytes(),
            )
        };
        let uuid = "0F0E0D0C-0B0A-4908-8706-050403020100";
        assert_eq!(
            marker("asl-store", "1", uuid),
            Some(uuid.to_ascii_lowercase())
        );
        assert_eq!(marker("asl-store", "2", uuid), None);
        assert_eq!(marker("other", "1", uuid), None);
        assert_eq!(marker("asl-store", "1", "../../etc"), None);
        assert_eq!(marker_uuid(&[0xff; 64]), None);
    }

    #[test]
    fn a_domain_id_is_a_short_text_without_control_characters() {
        assert_eq!(
            domain_id(br#"{"domain_id":"common"}"#),
            Some("common".into())
        );
        assert_eq!(domain_id(br#"{"domain_id":7}"#), Some("7".into()));
        assert_eq!(domain_id(br#"{"domain_id":"a\nb"}"#), None);
        assert_eq!(domain_id(br#"{"domain_id":""}"#), None);
        assert_eq!(domain_id(b"{"), None);
    }

    #[test]
    fn a_log_is_believed_only_with_a_record_that_verifies() {
        let sound = log(&[(1, 1, b"payload"), (2, 0x10, b"")]);
        let hash = first_record_hash(&sound).unwrap();
        assert_eq!(hash.len(), 64);
        // A later record changes nothing, any earlier byte everything.
        assert_eq!(first_record_hash(&sound[..sound.len() - 1]), Some(hash));
        let first = LOG_HEADER + RECORD_HEAD + b"payload".len() + RECORD_HASH;
        for at in (0..16).chain(24..first) {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            assert_eq!(first_record_hash(&broken), None, "byte {at}");
        }
        for len in 0..first {
            assert_eq!(first_record_hash(&sound[..len]), None, "{len} bytes");
        }
        assert_eq!(first_record_hash(&log(&[])), None);
    }
}
