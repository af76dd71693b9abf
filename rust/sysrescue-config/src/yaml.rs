//! One YAML file to one table.

use crate::value::{Table, Value};
use serde_saphyr::{DuplicateKeyPolicy, Options};

/// Reads a document whose top is a mapping.
pub(crate) fn parse(text: &str) -> Result<Table, String> {
    let mut options = Options::default();
    // SystemRescue's reader knows no `yes` and takes the last of two equal keys.
    options.strict_booleans = true;
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    // Only the message: the console has few lines, and a file may hold a password.
    options.with_snippet = false;
    match serde_saphyr::from_str_with_options(text, options) {
        Ok(Value::Table(table)) => Ok(table),
        Ok(_) => Err("the file holds no mapping".to_owned()),
        Err(error) => Err(error.to_string().replace('\n', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_place() {
        let error = parse("global:\n  a: b: c\n").unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for text in ["", "---\n", "text", "- a\n- b\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        let table = parse("a: 1\na: two\n").unwrap();
        assert_eq!(table.get("a"), Some(&Value::String("two".to_owned())));
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let older = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                older.trim_end_matches(", ")
            ));
        }
        assert!(parse(&text).is_err());
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&text).is_err());
    }
}
