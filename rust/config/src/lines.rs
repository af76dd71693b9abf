//! Files of `dotted.key = value` lines.
//!
//! `#` starts a comment at the start of a line or after white space, so that
//! `s3://bucket#part` stays one value. A key stands once; a value is what is
//! left after blanks are taken off, and is never empty (`none` is the word
//! for nothing).

use crate::error::{ConfigError, quoted};
use crate::{Assignment, Place};

/// Longest file, bytes. Twenty keys fill one or two KiB; what is larger is no
/// configuration, and it is refused before it is looked at.
pub const MAX_FILE: usize = 64 * 1024;

/// Longest line, bytes. An endpoint or a list of disks fits.
pub const MAX_LINE: usize = 1024;

/// Reads the text of the file that is called `file` on the target. `prefix`
/// makes its keys full names.
pub(crate) fn parse(
    file: &str,
    prefix: &str,
    bytes: &[u8],
) -> Result<Vec<Assignment>, ConfigError> {
    let mut assignments = Vec::new();
    let mut offset = 0_usize;
    let head = bytes.get(..MAX_FILE).unwrap_or(bytes);
    // An editor's byte order mark is no junk.
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    for (index, line) in head.split(|byte| *byte == b'\n').enumerate() {
        let at = At {
            file,
            line: index.saturating_add(1),
            offset,
        };
        offset = offset.saturating_add(line.len()).saturating_add(1);
        if let Some(assignment) = at.line(prefix, line)? {
            assignments.push(assignment);
        }
    }
    if bytes.len() > MAX_FILE {
        return Err(ConfigError {
            file: file.to_owned(),
            line: None,
            column: None,
            key: None,
            seen: format!("a file of more than {MAX_FILE} bytes"),
            expected: format!("at most {MAX_FILE} bytes"),
            hint: "restore the file that the image ships".to_owned(),
        });
    }
    Ok(assignments)
}

/// A line and where it stands.
struct At<'a> {
    file: &'a str,
    line: usize,
    offset: usize,
}

impl At<'_> {
    fn error(
        &self,
        column: usize,
        key: Option<&str>,
        seen: String,
        expected: String,
    ) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            line: Some(self.line),
            column: Some(column),
            key: key.map(str::to_owned),
            seen,
            expected,
            hint: format!("correct line {} of {}", self.line, self.file),
        }
    }

    fn line(&self, prefix: &str, line: &[u8]) -> Result<Option<Assignment>, ConfigError> {
        let text = self.text(line.strip_suffix(b"\r").unwrap_or(line))?;
        let body = without_comment(text);
        if body.trim().is_empty() {
            return Ok(None);
        }
        let key_column = column_of_first(body, 0);
        let Some((key, value)) = body.split_once('=') else {
            return Err(self.error(
                key_column,
                None,
                quoted(body.trim()),
                "`key = value`".to_owned(),
            ));
        };
        let name = format!("{prefix}{}", key.trim());
        let value_column = column_of_first(body, key.chars().count().saturating_add(1));
        let value = value.trim();
        if key.trim().is_empty() {
            return Err(self.error(
                key_column,
                None,
                "no key".to_owned(),
                "`key = value`".to_owned(),
            ));
        }
        if value.is_empty() {
            return Err(self.error(
                value_column,
                Some(&name),
                "no value".to_owned(),
                "a value, or none".to_owned(),
            ));
        }
        Ok(Some(Assignment {
            key: name,
            value: value.to_owned(),
            number: false,
            place: Place {
                file: self.file.to_owned(),
                line: Some(self.line),
                key_column: Some(key_column),
                value_column: Some(value_column),
            },
        }))
    }

    /// The line as text: no longer than [`MAX_LINE`], UTF-8, no control
    /// character but a tab.
    fn text<'a>(&self, line: &'a [u8]) -> Result<&'a str, ConfigError> {
        if line.len() > MAX_LINE {
            return Err(self.error(
                MAX_LINE.saturating_add(1),
                None,
                format!("a line of more than {MAX_LINE} bytes"),
                format!("at most {MAX_LINE} bytes"),
            ));
        }
        let text = std::str::from_utf8(line);
        let sound = match text {
            Ok(text) => text.as_bytes(),
            Err(error) => line.get(..error.valid_up_to()).unwrap_or_default(),
        };
        let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        let bad = match sound.iter().position(control) {
            None => text.err().map(|error| error.valid_up_to()),
            control => control,
        };
        match (text, bad) {
            (Ok(text), None) => Ok(text),
            (_, bad) => {
                let bad = bad.unwrap_or_default();
                let before = line.get(..bad).unwrap_or_default();
                let column = String::from_utf8_lossy(before).chars().count();
                Err(self.error(
                    column.saturating_add(1),
                    None,
                    format!(
                        "byte 0x{:02x} at offset {}",
                        line.get(bad).copied().unwrap_or_default(),
                        self.offset.saturating_add(bad)
                    ),
                    "text".to_owned(),
                ))
            }
        }
    }
}

/// The line up to its comment.
fn without_comment(line: &str) -> &str {
    let mut blank_before = true;
    for (index, c) in line.char_indices() {
        if c == '#' && blank_before {
            return line.get(..index).unwrap_or(line);
        }
        blank_before = c.is_whitespace();
    }
    line
}

/// Column, from 1, of the first character from `skip` on that is no blank.
fn column_of_first(line: &str, skip: usize) -> usize {
    let blanks = line
        .chars()
        .skip(skip)
        .take_while(|c| c.is_whitespace())
        .count();
    skip.saturating_add(blanks).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Result<Vec<(String, String)>, ConfigError> {
        let assignments = parse("/etc/asl/asl.conf", "", text)?;
        Ok(assignments.into_iter().map(|a| (a.key, a.value)).collect())
    }

    fn place(text: &[u8]) -> (Option<usize>, Option<usize>, String) {
        let error = read(text).unwrap_err();
        (error.line, error.column, error.seen)
    }

    #[test]
    fn a_hash_inside_a_word_is_no_comment() {
        let text = b"# head\nremote.endpoint = s3://b#part # tail\n\nmode=auto\r\n";
        let expected = [("remote.endpoint", "s3://b#part"), ("mode", "auto")];
        let expected: Vec<_> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn a_line_without_a_value_is_named() {
        assert_eq!(
            place(b"mode = auto\n  mode\n"),
            (Some(2), Some(3), "`mode`".into())
        );
        assert_eq!(
            place(b"mode =  # none\n"),
            (Some(1), Some(9), "no value".into())
        );
        assert_eq!(place(b"= auto"), (Some(1), Some(1), "no key".into()));
    }

    #[test]
    fn binary_junk_is_named_by_its_offset() {
        let (line, column, seen) = place(b"mode = auto\nmo\x00de = none\n");
        assert_eq!((line, column), (Some(2), Some(3)));
        assert_eq!(seen, "byte 0x00 at offset 14");
        assert_eq!(place(b"\xff\xfe").2, "byte 0xff at offset 0");
    }

    #[test]
    fn a_line_of_ten_megabytes_is_refused_by_its_length() {
        let mut text = b"mode = auto\n".to_vec();
        text.resize(10 << 20, b'x');
        let (line, column, seen) = place(&text);
        assert_eq!((line, column), (Some(2), Some(1025)));
        assert_eq!(seen, "a line of more than 1024 bytes");
    }

    #[test]
    fn many_short_lines_are_refused_by_the_files_length() {
        let text = b"# nothing\n".repeat(MAX_FILE);
        assert_eq!(
            read(&text).unwrap_err().seen,
            "a file of more than 65536 bytes"
        );
    }

    #[test]
    fn the_longest_line_is_accepted() {
        let mut text = b"local.label = ".to_vec();
        text.resize(MAX_LINE, b'x');
        assert_eq!(read(&text).unwrap().len(), 1);
        text.push(b'x');
        assert!(read(&text).is_err());
    }

    proptest! {
        #[test]
        fn junk_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            let _ = read(&bytes);
        }
    }
}
