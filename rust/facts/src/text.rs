//! Text that a device chose.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Bytes that a device calls its label, model or serial. They may be
/// anything: JSON shows them as a string where they are UTF-8 and as
/// `{"hex": "..."}` where they are not, so no byte is lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(pub Vec<u8>);

impl Text {
    /// From a fixed-width field, without what follows the first NUL and
    /// without padding blanks; none if nothing is left.
    #[must_use]
    pub fn from_field(field: &[u8]) -> Option<Self> {
        let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = text.trim_ascii();
        (!text.is_empty()).then(|| Self(text.to_vec()))
    }

    /// For people and single-line files: what is no printable character, and
    /// quotes, become `?`. A label must not be able to forge a line of the
    /// mode file or move a terminal's cursor.
    #[must_use]
    pub fn printable(&self) -> String {
        String::from_utf8_lossy(&self.0)
            .chars()
            .map(|c| match c {
                '\'' | '"' | '\\' | '`' | char::REPLACEMENT_CHARACTER => '?',
                c if c.is_control() || is_invisible(c) => '?',
                c => c,
            })
            .collect()
    }
}

/// Characters that draw nothing or reorder what is drawn beside them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Utf8(String),
    Hex { hex: String },
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Form::Utf8(text.to_owned()),
            Err(_) => Form::Hex {
                hex: self.0.iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        }
        .serialize(serializer)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Text that a device chose: a string where it is UTF-8, else its bytes in hex.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "hex": { "type": "string", "pattern": "^([0-9a-f]{2})*$" }
                    },
                    "required": ["hex"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Utf8(text) => Ok(Self(text.into_bytes())),
            Form::Hex { hex } => hex
                .as_bytes()
                .chunks(2)
                .map(|pair| {
                    std::str::from_utf8(pair)
                        .ok()
                        .filter(|pair| pair.len() == 2)
                        .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                })
                .collect::<Option<Vec<u8>>>()
                .map(Self)
                .ok_or_else(|| D::Error::custom("hex text: pairs of hex digits expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_ends_at_nul_and_loses_padding() {
        assert_eq!(Text::from_field(b"DATA  \0junk"), Some(Text::from("DATA")));
        assert_eq!(Text::from_field(b"   \0"), None);
    }

    #[test]
    fn printable_cannot_forge_a_line() {
        let text = Text(b"a'\nmode='rw\x1b[2J\xff\xe2\x80\xae".to_vec());
        assert_eq!(text.printable(), "a??mode=?rw?[2J??");
    }

    #[test]
    fn bytes_survive_json() {
        for bytes in [b"plain".to_vec(), vec![0xff, 0x00, 0x41]] {
            let text = Text(bytes);
            let json = serde_json::to_string(&text).unwrap();
            assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
        }
    }
}
