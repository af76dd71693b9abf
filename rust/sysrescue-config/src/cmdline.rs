//! What the kernel command line says about the configuration.

use crate::value::{Table, Value};

/// Options that the command line may set, and the scope that each belongs to.
/// SystemRescue's own list; it is meant to stay as it is, new options live in files.
const OPTIONS: [(&str, &str); 21] = [
    ("copytoram", "global"),
    ("cow_label", "global"),
    ("cow_directory", "global"),
    ("checksum", "global"),
    ("loadsrm", "global"),
    ("dostartx", "global"),
    ("dovnc", "global"),
    ("noautologin", "global"),
    ("nofirewall", "global"),
    ("rootshell", "global"),
    ("rootpass", "global"),
    ("rootcryptpass", "global"),
    ("setkmap", "global"),
    ("vncpass", "global"),
    ("ar_disable", "autorun"),
    ("ar_nowait", "autorun"),
    ("ar_nodel", "autorun"),
    ("ar_ignorefail", "autorun"),
    ("ar_attempts", "autorun"),
    ("ar_source", "autorun"),
    ("ar_suffixes", "autorun"),
];

/// The value of every `name` or `name=value` on the line, in order.
fn values<'a>(cmdline: &'a str, name: &'a str) -> impl Iterator<Item = Value> + 'a {
    cmdline
        .split_ascii_whitespace()
        .filter_map(move |word| match word.strip_prefix(name)? {
            "" => Some(Value::Bool(true)),
            rest => match rest.strip_prefix('=')? {
                "" => None,
                "y" | "yes" | "true" => Some(Value::Bool(true)),
                "n" | "no" | "false" => Some(Value::Bool(false)),
                text => Some(Value::String(text.to_owned())),
            },
        })
}

/// Lays the options of the command line over `config`; the last of equal options counts.
pub(crate) fn apply(config: &mut Table, cmdline: &str) {
    for (option, scope) in OPTIONS {
        let Some(value) = values(cmdline, option).last() else {
            continue;
        };
        let scope = config
            .entry(scope.to_owned())
            .or_insert_with(|| Value::Table(Table::new()));
        // A file that made the scope something else is overruled, like any other value.
        if !matches!(scope, Value::Table(_)) {
            *scope = Value::Table(Table::new());
        }
        if let Value::Table(table) = scope {
            table.insert(option.to_owned(), value);
        }
    }
}

/// The extra files that the command line names.
pub(crate) fn extra_files(cmdline: &str) -> Vec<String> {
    values(cmdline, "sysrescuecfg")
        .filter_map(|value| match value {
            Value::String(file) => Some(file),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(config: &str, cmdline: &str) -> String {
        let mut table = crate::yaml::parse(config).unwrap();
        apply(&mut table, cmdline);
        serde_json::to_string(&table).unwrap()
    }

    #[test]
    fn an_option_needs_no_value() {
        assert_eq!(
            applied("global: {loadsrm: false}", "quiet loadsrm nomdlvm"),
            r#"{"global":{"loadsrm":true}}"#
        );
    }

    #[test]
    fn the_last_one_counts_and_no_is_false() {
        assert_eq!(
            applied("a: b", "copytoram copytoram=no"),
            r#"{"a":"b","global":{"copytoram":false}}"#
        );
    }

    #[test]
    fn other_values_are_text() {
        assert_eq!(
            applied("a: b", "ar_attempts=3 setkmap=de"),
            r#"{"a":"b","autorun":{"ar_attempts":"3"},"global":{"setkmap":"de"}}"#
        );
    }

    #[test]
    fn longer_names_and_empty_values_are_not_it() {
        assert_eq!(
            applied("a: b", "copytoram_size=50% checksums loadsrm="),
            r#"{"a":"b"}"#
        );
    }

    #[test]
    fn nomdlvm_is_no_option_of_the_configuration() {
        assert_eq!(applied("a: b", "nomdlvm"), r#"{"a":"b"}"#);
    }

    #[test]
    fn a_scope_of_another_kind_is_replaced() {
        assert_eq!(
            applied("global: text", "loadsrm"),
            r#"{"global":{"loadsrm":true}}"#
        );
    }

    #[test]
    fn extra_files_keep_their_order() {
        assert_eq!(
            extra_files("sysrescuecfg=b.yaml x sysrescuecfg=/a.yaml sysrescuecfg"),
            ["b.yaml", "/a.yaml"]
        );
    }
}
