//! What a configuration is made of, and how two of them become one.
//!
//! The rules are those of SystemRescue 12.00, whose tables are Lua's: every number is a
//! float, a list is a table with the keys 1, 2, 3 and so on, and null cannot be stored.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// A mapping, sorted by key so that one configuration has one text.
pub(crate) type Table = BTreeMap<String, Value>;

/// One value of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing; it exists in files only, where it removes a key, and never in a result.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// Text.
    String(String),
    /// A sequence.
    List(Vec<Self>),
    /// A mapping.
    Table(Table),
}

impl Value {
    /// Whether SystemRescue takes this value of a later file as "remove the key".
    fn removes(&self) -> bool {
        match self {
            Self::Null => true,
            Self::String(text) => text.is_empty(),
            _ => false,
        }
    }

    /// This value without any null below it.
    fn without_nulls(self) -> Self {
        match self {
            Self::Table(table) => {
                let mut result = Table::new();
                merge(&mut result, table);
                Self::Table(result)
            }
            Self::List(items) => Self::List(
                items
                    .into_iter()
                    .filter(|item| *item != Self::Null)
                    .map(Self::without_nulls)
                    .collect(),
            ),
            other => other,
        }
    }
}

/// Lays `newer` over `config`. Tables merge key by key, lists item by item, anything else
/// is replaced; null and the empty text remove a key that is there.
pub(crate) fn merge(config: &mut Table, newer: Table) {
    for (key, value) in newer {
        match (config.get_mut(&key), value) {
            (None, Value::Null) => {}
            (None, value) => {
                config.insert(key, value.without_nulls());
            }
            (Some(_), value) if value.removes() => {
                config.remove(&key);
            }
            (Some(old), value) => merge_value(old, value),
        }
    }
}

fn merge_value(old: &mut Value, newer: Value) {
    match (old, newer) {
        (Value::Table(old), Value::Table(newer)) => merge(old, newer),
        (Value::List(old), Value::List(newer)) => {
            let mut newer = newer.into_iter();
            for (slot, value) in old.iter_mut().zip(newer.by_ref()) {
                merge_value(slot, value);
            }
            old.extend(newer.map(Value::without_nulls));
        }
        // An empty list and an empty table are the same to Lua: nothing to merge.
        (Value::Table(_), Value::List(newer)) if newer.is_empty() => {}
        (Value::List(_), Value::Table(newer)) if newer.is_empty() => {}
        (_, Value::Null) => {}
        (old, newer) => *old = newer.without_nulls(),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    // Numbers beyond 2^53 lose digits, as they do in SystemRescue.
    #[expect(
        clippy::as_conversions,
        reason = "the loss is the documented behaviour"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    #[expect(
        clippy::as_conversions,
        reason = "the loss is the documented behaviour"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut table = Table::new();
        while let Some((key, value)) = entries.next_entry::<String, Value>()? {
            table.insert(key, value);
        }
        Ok(Value::Table(table))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::List(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Table(table) => {
                let mut map = serializer.serialize_map(Some(table.len()))?;
                for (key, value) in table {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn merged(files: &[&str]) -> String {
        let mut config = Table::new();
        for text in files {
            merge(&mut config, yaml::parse(text).unwrap());
        }
        serde_json::to_string(&config).unwrap()
    }

    #[test]
    fn later_files_win_and_tables_merge() {
        assert_eq!(
            merged(&["global: {a: x, b: y}", "global: {b: z, c: {d: true}}"]),
            r#"{"global":{"a":"x","b":"z","c":{"d":true}}}"#
        );
    }

    #[test]
    fn null_and_empty_text_remove_an_older_key() {
        assert_eq!(
            merged(&["g: {a: 'x', b: 'y', c: 'z'}", "g: {a: '', b: ~, c:}"]),
            r#"{"g":{}}"#
        );
    }

    #[test]
    fn empty_text_without_an_older_key_is_kept_and_null_is_not() {
        assert_eq!(merged(&["g: {a: '', b: ~}"]), r#"{"g":{"a":""}}"#);
    }

    #[test]
    fn numbers_are_floats() {
        assert_eq!(
            merged(&["a: 1\nb: 0x10\nc: 1.5\nd: 010"]),
            r#"{"a":1.0,"b":16.0,"c":1.5,"d":10.0}"#
        );
    }

    #[test]
    fn lists_merge_item_by_item() {
        assert_eq!(
            merged(&["a: [p, q, r]", "a: [s]"]),
            r#"{"a":["s","q","r"]}"#
        );
        assert_eq!(merged(&["a: [p]", "a: [s, t]"]), r#"{"a":["s","t"]}"#);
    }

    #[test]
    fn another_kind_replaces() {
        assert_eq!(merged(&["a: {b: c}", "a: text"]), r#"{"a":"text"}"#);
        assert_eq!(merged(&["a: text", "a: {b: c}"]), r#"{"a":{"b":"c"}}"#);
    }

    #[test]
    fn an_empty_collection_changes_no_collection() {
        assert_eq!(merged(&["a: {b: c}", "a: []"]), r#"{"a":{"b":"c"}}"#);
    }

    #[test]
    fn keys_that_are_numbers_become_text() {
        assert_eq!(
            merged(&["bash_history: {100: setkmap}"]),
            r#"{"bash_history":{"100":"setkmap"}}"#
        );
    }

    #[test]
    fn only_true_and_false_are_truth_values() {
        assert_eq!(
            merged(&["a: yes\nb: true\nc: 'true'\nd: n"]),
            r#"{"a":"yes","b":true,"c":"true","d":"n"}"#
        );
    }

    #[test]
    fn unknown_scopes_are_kept() {
        assert_eq!(
            merged(&["asl:\n  mode: import\n  local: {uuid: 1234-5678}"]),
            r#"{"asl":{"local":{"uuid":"1234-5678"},"mode":"import"}}"#
        );
    }
}
