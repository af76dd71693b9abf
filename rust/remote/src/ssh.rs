//! SSH: the version line (RFC 4253 section 4.2), which a server sends before
//! it is asked.

use crate::{Answer, MAX_ANSWER};

/// RFC 4253: a version line has at most 255 bytes.
const MAX_LINE: usize = 255;
/// Versions that speak SSH 2.
const VERSIONS: [&[u8]; 2] = [b"SSH-2.0-", b"SSH-1.99-"];

/// Nothing: the server speaks first.
pub(crate) fn request() -> Vec<u8> {
    Vec::new()
}

/// What a greeting means. Lines before the version are allowed.
pub(crate) fn answer(bytes: &[u8]) -> Answer {
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        if VERSIONS.iter().any(|version| line.starts_with(version)) && line.len() <= MAX_LINE {
            return Answer::Yes;
        }
        if line.starts_with(b"SSH-") {
            return Answer::No("an SSH server without SSH 2".to_owned());
        }
        rest = after.get(1..).unwrap_or_default();
    }
    let is_text = bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || !byte.is_ascii());
    if !is_text || bytes.len() >= MAX_ANSWER {
        return Answer::No("no SSH version line".to_owned());
    }
    Answer::More
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_version_line_is_an_answer_once_it_is_whole() {
        let whole = b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n";
        assert_eq!(answer(whole), Answer::Yes);
        for end in 0..whole.len() - 1 {
            assert_eq!(answer(&whole[..end]), Answer::More, "{end}");
        }
        assert_eq!(answer(b"SSH-1.99-x\n"), Answer::Yes);
        assert_eq!(answer(b"Hello\r\nthere\r\nSSH-2.0-x\r\n"), Answer::Yes);
    }

    #[test]
    fn other_greetings_are_refused() {
        let endless = vec![b'x'; MAX_ANSWER];
        let long = [b"SSH-2.0-".to_vec(), vec![b'x'; 300], b"\n".to_vec()].concat();
        for bytes in [b"SSH-1.5-old\r\n".to_vec(), vec![0, 0, 0, 1], endless, long] {
            assert!(matches!(answer(&bytes), Answer::No(_)));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = answer(&bytes);
        }
    }
}
