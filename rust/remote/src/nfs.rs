//! NFS 4: an ONC RPC call of procedure NULL (RFC 5531 sections 9 and 11, RFC
//! 8881 section 16.1), which every server answers without an account.

use crate::Answer;

/// The program number of NFS.
const PROGRAM: u32 = 100_003;
/// NFS 4; its minor versions share it.
const VERSION: u32 = 4;
/// Any number; the answer carries it again.
const XID: u32 = 0x4153_4c31;
/// In front of a record: this is its last fragment.
const LAST: u32 = 1 << 31;
/// Longest record that is believed, bytes: the answer to NULL has 24 and a
/// verifier of at most 400.
const MAX_RECORD: u32 = 1024;
/// RFC 5531 section 8.2.
const MAX_VERIFIER: u32 = 400;

/// The call, in one fragment.
pub(crate) fn request() -> Vec<u8> {
    let words = [
        XID, 0, // CALL
        2, // RPC version
        PROGRAM, VERSION, 0, // NULL
        0, 0, // credentials: AUTH_NONE
        0, 0, // verifier: AUTH_NONE
    ];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    let mark = LAST | u32::try_from(bytes.len()).unwrap_or_default();
    let mut call = mark.to_be_bytes().to_vec();
    call.extend(bytes);
    call
}

/// What a reply means.
pub(crate) fn answer(bytes: &[u8]) -> Answer {
    let Some(mark) = word(bytes, 0) else {
        return Answer::More;
    };
    let length = mark & !LAST;
    if mark & LAST == 0 || !(20..=MAX_RECORD).contains(&length) {
        return Answer::No(format!("no RPC reply: record mark {mark:#010x}"));
    }
    reply(bytes).unwrap_or(Answer::More)
}

/// The record behind its mark; none where it is not all there.
fn reply(bytes: &[u8]) -> Option<Answer> {
    let (xid, kind) = (word(bytes, 1)?, word(bytes, 2)?);
    if (xid, kind) != (XID, 1) {
        return Some(Answer::No(format!(
            "no reply to our call: xid {xid:#x}, type {kind}"
        )));
    }
    if word(bytes, 3)? != 0 {
        return Some(Answer::No("the server denies the call".to_owned()));
    }
    let verifier = word(bytes, 5)?;
    if verifier > MAX_VERIFIER {
        return Some(Answer::No(format!("a verifier of {verifier} bytes")));
    }
    // Opaque bytes are padded to whole words.
    let at = usize::try_from(verifier.div_ceil(4)).ok()?.checked_add(6)?;
    Some(match word(bytes, at)? {
        0 => Answer::Yes,
        1 => Answer::No("an RPC server without NFS".to_owned()),
        2 => {
            let (low, high) = (
                word(bytes, at.checked_add(1)?)?,
                word(bytes, at.checked_add(2)?)?,
            );
            Answer::No(format!("NFS versions {low} to {high}, 4 is needed"))
        }
        status => Answer::No(format!("RPC status {status}")),
    })
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    let start = index.checked_mul(4)?;
    let word = bytes.get(start..start.checked_add(4)?)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn accepted(status: &[u32]) -> Vec<u8> {
        let mut words = vec![XID, 1, 0, 0, 0];
        words.extend(status);
        record(&words)
    }

    fn record(words: &[u32]) -> Vec<u8> {
        let mut bytes = (LAST | u32::try_from(words.len() * 4).unwrap())
            .to_be_bytes()
            .to_vec();
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes
    }

    fn refused(bytes: &[u8]) -> String {
        match answer(bytes) {
            Answer::No(why) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_call_is_what_the_specification_draws() {
        let call = request();
        assert_eq!(call.len(), 44);
        assert_eq!(call[..4], [0x80, 0, 0, 40]);
        assert_eq!(call[16..20], 100_003_u32.to_be_bytes());
        assert_eq!(call[20..24], [0, 0, 0, 4]);
        assert_eq!(call[24..], [0; 20]);
    }

    #[test]
    fn success_is_an_answer_and_every_part_of_it_is_not_yet() {
        let whole = accepted(&[0]);
        assert_eq!(answer(&whole), Answer::Yes);
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end]), Answer::More, "{end}");
        }
        let with_verifier = record(&[XID, 1, 0, 6, 5, 0x6162_6364, 0x6500_0000, 0]);
        assert_eq!(answer(&with_verifier), Answer::Yes);
    }

    #[test]
    fn other_versions_and_programs_are_told() {
        assert_eq!(
            refused(&accepted(&[2, 2, 3])),
            "NFS versions 2 to 3, 4 is needed"
        );
        assert_eq!(refused(&accepted(&[1])), "an RPC server without NFS");
        assert_eq!(refused(&accepted(&[5])), "RPC status 5");
        assert_eq!(
            refused(&record(&[XID, 1, 1, 0, 2, 2])),
            "the server denies the call"
        );
    }

    #[test]
    fn other_protocols_and_hostile_lengths_are_refused_at_once() {
        for bytes in [
            b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
            b"SSH-2.0-x\r\n".to_vec(),
            vec![0xff; 4],
            vec![0x80, 0, 0, 4],
            record(&[XID + 1, 1, 0, 0, 0, 0]),
            record(&[XID, 0, 0, 0, 0, 0]),
            record(&[XID, 1, 0, 0, u32::MAX, 0]),
        ] {
            assert!(matches!(answer(&bytes), Answer::No(_)), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), valid in any::<bool>()) {
            let mut input = if valid { accepted(&[]) } else { Vec::new() };
            input.extend(bytes);
            let _ = answer(&input);
        }
    }
}
