//! The `asl:` scope of SystemRescue's YAML, which arrives merged into one JSON
//! file together with the scopes of others.

use crate::error::{ConfigError, quoted};
use crate::keys::{self, Kind};
use crate::{Assignment, Place};
use serde_json::Value;

/// Longest effective configuration, bytes. The scopes of others stand in it
/// too, with scripts among them.
pub(crate) const MAX_FILE: usize = 1024 * 1024;

/// The keys of the scope, or none where there is no scope.
pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Option<Vec<Assignment>>, ConfigError> {
    let scope = Scope { file };
    if bytes.len() > MAX_FILE {
        return Err(scope.error(
            None,
            format!("a file of more than {MAX_FILE} bytes"),
            format!("at most {MAX_FILE} bytes"),
        ));
    }
    let json: Value = serde_json::from_slice(bytes).map_err(|error| ConfigError {
        line: Some(error.line()),
        column: Some(error.column()),
        // Without the parser's words: they may quote a password of another
        // scope, and this text reaches a console.
        ..scope.error(None, "something else".to_owned(), "JSON".to_owned())
    })?;
    let Some(asl) = json.get("asl") else {
        return Ok(None);
    };
    let mut assignments = Vec::new();
    match asl {
        Value::Null => return Ok(None),
        // Lua does not tell an empty table from an empty list.
        Value::Array(items) if items.is_empty() => {}
        Value::Object(_) => scope.flatten("", asl, &mut assignments)?,
        other => {
            return Err(scope.error(
                Some("asl"),
                quoted(&other.to_string()),
                "keys and values".to_owned(),
            ));
        }
    }
    Ok(Some(assignments))
}

struct Scope<'a> {
    file: &'a str,
}

impl Scope<'_> {
    fn error(&self, key: Option<&str>, seen: String, expected: String) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            line: None,
            column: None,
            key: key.map(str::to_owned),
            seen,
            expected,
            hint: "correct the asl scope in sysrescue.d/*.yaml on the medium".to_owned(),
        }
    }

    /// Nested tables to dotted keys. The depth is bounded by the parser's.
    fn flatten(
        &self,
        prefix: &str,
        value: &Value,
        assignments: &mut Vec<Assignment>,
    ) -> Result<(), ConfigError> {
        if let Value::Object(entries) = value {
            for (name, value) in entries {
                let key = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                self.flatten(&key, value, assignments)?;
            }
            return Ok(());
        }
        if value.is_null() {
            return Ok(());
        }
        let (text, number) = self.scalar(prefix, value)?;
        let bad = |c: char| c.is_control();
        if text.trim().is_empty() || text.contains(bad) || text.len() > crate::MAX_LINE {
            return Err(self.error(
                Some(prefix),
                quoted(&text),
                format!("a line of at most {} bytes, or none", crate::MAX_LINE),
            ));
        }
        assignments.push(Assignment {
            key: prefix.to_owned(),
            value: text.trim().to_owned(),
            number,
            place: Place {
                file: self.file.to_owned(),
                line: None,
                key_column: None,
                value_column: None,
            },
        });
        Ok(())
    }

    fn scalar(&self, key: &str, value: &Value) -> Result<(String, bool), ConfigError> {
        let kind = keys::find(key).map(|key| key.kind);
        match value {
            Value::String(text) => Ok((text.clone(), false)),
            Value::Number(number) => Ok((number.to_string(), true)),
            Value::Array(items) if kind == Some(Kind::List) => {
                let mut texts = Vec::new();
                for item in items {
                    match item {
                        Value::String(text) if !text.contains(',') => texts.push(text.as_str()),
                        other => {
                            return Err(self.error(
                                Some(key),
                                quoted(&other.to_string()),
                                "a list of texts without commas".to_owned(),
                            ));
                        }
                    }
                }
                let empty = texts.is_empty();
                Ok((
                    if empty {
                        "none".to_owned()
                    } else {
                        texts.join(", ")
                    },
                    false,
                ))
            }
            other => Err(self.error(
                Some(key),
                quoted(&other.to_string()),
                "text, in quotes where YAML takes it for something else".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> Result<Option<Vec<(String, String)>>, ConfigError> {
        Ok(parse("/e.json", json.as_bytes())?
            .map(|all| all.into_iter().map(|a| (a.key, a.value)).collect()))
    }

    #[test]
    fn nested_tables_become_dotted_keys() {
        let json = r#"{"global":{"x":1},"asl":{"mode":"none","local":{"label":"A","serial":null},
            "settle.timeout":10.0,"detect":{"exclude":["S1","S2"]}}}"#;
        let seen = read(json).unwrap().unwrap();
        let seen: Vec<_> = seen.iter().map(|(k, v)| (&**k, &**v)).collect();
        let expected = [
            ("detect.exclude", "S1, S2"),
            ("local.label", "A"),
            ("mode", "none"),
            ("settle.timeout", "10.0"),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn no_scope_and_an_empty_scope_are_two_things() {
        assert_eq!(read(r#"{"global":{}}"#).unwrap(), None);
        assert_eq!(read(r#"{"asl":{}}"#).unwrap(), Some(vec![]));
        assert_eq!(read(r#"{"asl":[]}"#).unwrap(), Some(vec![]));
    }

    #[test]
    fn a_bool_says_that_yaml_wants_quotes() {
        let error = read(r#"{"asl":{"mode":false}}"#).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("mode"));
        assert!(error.expected.contains("quotes"));
    }

    #[test]
    fn broken_json_is_placed_and_not_quoted() {
        let error = read("{\"sysconfig\":{\"rootpass\":\n\"secret\"]").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_scope_that_is_no_table_is_refused() {
        assert!(read(r#"{"asl":"none"}"#).is_err());
        assert!(read("[]").unwrap().is_none());
    }

    proptest! {
        #[test]
        fn junk_never_panics(text in "[\\[\\]{}\":,asl0-9. ]{0,200}") {
            let _ = read(&text);
        }
    }
}
