//! The kernel command line: `asl.KEY=VALUE`, split as the kernel splits it.

use crate::error::{ConfigError, quoted};
use crate::{Assignment, Place};

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Cmdline {
    /// `asl.config=ignore`: no file and no YAML scope is read.
    pub(crate) ignore: bool,
    /// The keys that it sets, in its order.
    pub(crate) assignments: Vec<Assignment>,
}

/// Reads the text of `/proc/cmdline`, which is called `file`.
pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Cmdline, ConfigError> {
    let text = String::from_utf8_lossy(bytes);
    let mut cmdline = Cmdline::default();
    for (column, word) in words(&text) {
        let Some(rest) = word.strip_prefix("asl.") else {
            continue;
        };
        let error = |key: Option<&str>, seen: String, expected: &str| ConfigError {
            file: file.to_owned(),
            line: Some(1),
            column: Some(column),
            key: key.map(str::to_owned),
            seen,
            expected: expected.to_owned(),
            hint: "correct the entry of the boot menu".to_owned(),
        };
        let Some((key, value)) = rest.split_once('=') else {
            return Err(error(None, quoted(&word), "`asl.KEY=VALUE`"));
        };
        if word.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            return Err(error(Some(key), quoted(value), "text"));
        }
        if value.is_empty() {
            return Err(error(Some(key), "no value".to_owned(), "a value, or none"));
        }
        if key == "config" {
            match value {
                "ignore" => cmdline.ignore = true,
                _ => return Err(error(Some(key), quoted(value), "ignore")),
            }
            continue;
        }
        cmdline.assignments.push(Assignment {
            key: key.to_owned(),
            value: value.to_owned(),
            number: false,
            place: Place {
                file: file.to_owned(),
                line: Some(1),
                key_column: Some(column),
                value_column: Some(
                    column
                        .saturating_add("asl.=".len())
                        .saturating_add(key.chars().count()),
                ),
            },
        });
    }
    Ok(cmdline)
}

/// The words with their columns, from 1. Double quotes hold blanks together
/// and are dropped, wherever they stand in the word.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let mut quoted = false;
    for (index, c) in text.chars().enumerate() {
        if c.is_whitespace() && !quoted {
            words.extend(word.take());
            continue;
        }
        let (_, letters) = word.get_or_insert_with(|| (index.saturating_add(1), String::new()));
        if c == '"' {
            quoted = !quoted;
        } else {
            letters.push(c);
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_blanks_together() {
        let text = "quiet asl.local.label=\"My disk\" \"asl.mode=none\" -- x\n";
        let cmdline = parse("/proc/cmdline", text.as_bytes()).unwrap();
        let seen: Vec<_> = cmdline
            .assignments
            .iter()
            .map(|a| (&*a.key, &*a.value))
            .collect();
        assert_eq!(seen, [("local.label", "My disk"), ("mode", "none")]);
        assert!(!cmdline.ignore);
    }

    #[test]
    fn ignore_is_no_key() {
        let cmdline = parse("/proc/cmdline", b"asl.config=ignore asl.mode=none").unwrap();
        assert!(cmdline.ignore && cmdline.assignments.len() == 1);
        assert!(parse("/proc/cmdline", b"asl.config=ingore").is_err());
    }

    #[test]
    fn a_key_without_a_value_is_named_by_its_column() {
        let error = parse("/proc/cmdline", b"quiet asl.mode").unwrap_err();
        assert_eq!((error.line, error.column), (Some(1), Some(7)));
        assert!(parse("/proc/cmdline", b"asl.mode=").is_err());
        assert!(parse("/proc/cmdline", b"asl.local.label=\xff").is_err());
    }
}
