//! SMB 3: a NEGOTIATE request ([MS-SMB2] 2.2.3), which comes before any
//! account. Framed as in [MS-SMB2] 2.1: a zero byte and a length of 3 bytes.

use crate::Answer;

/// In front of every message of SMB 2 and 3.
const PROTOCOL: [u8; 4] = [0xfe, b'S', b'M', b'B'];
/// In front of those of SMB 1.
const PROTOCOL_1: [u8; 4] = [0xff, b'S', b'M', b'B'];
/// Bytes of the header, [MS-SMB2] 2.2.1.
const HEADER: u16 = 64;
/// SMB 3.0, 3.0.2 and 3.1.1, which is what `vers=3` mounts.
const DIALECTS: [u16; 3] = [0x0300, 0x0302, 0x0311];
/// Longest message that is believed, bytes: an answer holds a security token
/// of a few hundred.
const MAX_MESSAGE: u32 = 1 << 16;
/// The server speaks none of the dialects.
const NOT_SUPPORTED: u32 = 0xc000_00bb;

/// The request.
pub(crate) fn request() -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(PROTOCOL);
    message.extend(HEADER.to_le_bytes());
    // Credit charge, status, command NEGOTIATE.
    message.extend([0; 8]);
    message.extend(1_u16.to_le_bytes()); // credits asked for
    // Flags, next command, message id, process and tree id, session,
    // signature.
    message.extend([0; 48]);
    message.extend(36_u16.to_le_bytes()); // size of the fixed part
    message.extend(
        u16::try_from(DIALECTS.len())
            .unwrap_or_default()
            .to_le_bytes(),
    );
    message.extend(1_u16.to_le_bytes()); // signing enabled
    message.extend([0; 6]); // reserved, capabilities
    message.extend(*b"asl-rescue-probe"); // client GUID: any
    message.extend(112_u32.to_le_bytes()); // where the contexts begin
    message.extend([1, 0, 0, 0]); // how many
    for dialect in DIALECTS {
        message.extend(dialect.to_le_bytes());
    }
    message.resize(112, 0);
    // 3.1.1 needs SHA-512 pre-authentication integrity, [MS-SMB2] 2.2.3.1.1.
    message.extend([1, 0, 38, 0, 0, 0, 0, 0]);
    message.extend([1, 0, 32, 0, 1, 0]);
    message.extend([0x5a; 32]); // salt: nothing is authenticated with it
    let length = u32::try_from(message.len()).unwrap_or_default();
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

/// What a response means.
pub(crate) fn answer(bytes: &[u8]) -> Answer {
    let Some(frame) = bytes.first_chunk::<4>() else {
        return Answer::More;
    };
    let length = u32::from_be_bytes(*frame);
    // The first byte is the type of a session message: zero.
    if !(u32::from(HEADER)..=MAX_MESSAGE).contains(&length) {
        return Answer::No(format!("no SMB message: a frame of {length:#010x}"));
    }
    response(bytes.get(4..).unwrap_or_default()).unwrap_or(Answer::More)
}

/// The message behind its frame; none where it is not all there.
fn response(message: &[u8]) -> Option<Answer> {
    let protocol = message.first_chunk::<4>()?;
    if *protocol == PROTOCOL_1 {
        return Some(Answer::No("SMB 1 only, 3 is needed".to_owned()));
    }
    if *protocol != PROTOCOL {
        return Some(Answer::No("no SMB message".to_owned()));
    }
    let (status, command, flags) = (le32(message, 8)?, le16(message, 12)?, le32(message, 16)?);
    if command != 0 || flags & 1 == 0 {
        return Some(Answer::No(format!(
            "no response to NEGOTIATE: command {command}, flags {flags:#x}"
        )));
    }
    if status == NOT_SUPPORTED {
        return Some(Answer::No("an SMB server without SMB 3".to_owned()));
    }
    if status != 0 {
        return Some(Answer::No(format!("SMB status {status:#010x}")));
    }
    // Behind the size of the body and the security mode.
    let dialect = le16(message, 68)?;
    Some(if DIALECTS.contains(&dialect) {
        Answer::Yes
    } else {
        Answer::No(format!("SMB dialect {dialect:#06x}, 3 is needed"))
    })
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn response_with(status: u32, flags: u32, dialect: u16) -> Vec<u8> {
        let mut message = PROTOCOL.to_vec();
        message.extend(HEADER.to_le_bytes());
        message.extend([0; 2]);
        message.extend(status.to_le_bytes());
        message.extend([0, 0, 1, 0]);
        message.extend(flags.to_le_bytes());
        message.resize(64, 0);
        message.extend([65, 0, 1, 0]);
        message.extend(dialect.to_le_bytes());
        message.resize(128, 0);
        let mut framed = 128_u32.to_be_bytes().to_vec();
        framed.extend(message);
        framed
    }

    #[test]
    fn the_request_has_the_lengths_that_it_states() {
        let request = request();
        assert_eq!(request.len(), 4 + 158);
        assert_eq!(request[..4], 158_u32.to_be_bytes());
        let message = &request[4..];
        assert_eq!(le16(message, 14), Some(1));
        assert_eq!((le16(message, 64), le16(message, 66)), (Some(36), Some(3)));
        assert_eq!(le32(message, 92), Some(112));
        assert_eq!(&message[100..106], [0, 3, 2, 3, 0x11, 3]);
        assert_eq!(&message[112..116], [1, 0, 38, 0]);
    }

    #[test]
    fn a_dialect_of_smb_3_is_an_answer_and_every_part_before_it_is_not_yet() {
        let whole = response_with(0, 1, 0x0311);
        assert_eq!(answer(&whole), Answer::Yes);
        for end in 0..74 {
            assert_eq!(answer(&whole[..end]), Answer::More, "{end}");
        }
        assert_eq!(answer(&whole[..74]), Answer::Yes);
    }

    #[test]
    fn older_servers_and_other_protocols_are_refused() {
        let mut smb1 = response_with(0, 1, 0);
        smb1[4] = 0xff;
        for (bytes, part) in [
            (smb1, "SMB 1 only"),
            (response_with(0, 1, 0x0210), "0x0210"),
            (response_with(NOT_SUPPORTED, 1, 0), "without SMB 3"),
            (response_with(0xc000_000d, 1, 0), "0xc000000d"),
            (response_with(0, 0, 0x0311), "flags 0x0"),
            (b"SSH-2.0-OpenSSH".to_vec(), "no SMB message"),
            (vec![0, 0, 0, 3], "no SMB message"),
            (vec![0xff; 8], "no SMB message"),
        ] {
            match answer(&bytes) {
                Answer::No(why) => assert!(why.contains(part), "{why}"),
                other => panic!("{part}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..160), framed in any::<bool>()) {
            if framed && bytes.len() > 8 {
                bytes[..8].copy_from_slice(&[0, 0, 0, 128, 0xfe, b'S', b'M', b'B']);
            }
            let _ = answer(&bytes);
        }
    }
}
