//! From the text of a mode file to its content.

use crate::{Access, Fault, Mode, ModeFile, SCHEMA};
use asl_facts::Text;

/// Longest mode file, bytes. Thirteen values of 1 KiB fit four times.
pub const MAX_FILE: usize = 64 * 1024;

impl ModeFile {
    /// Reads the text of a mode file. Keys that are not known are skipped: a
    /// later version may add some without a new schema.
    ///
    /// # Errors
    /// The first [`Fault`]; another schema comes before anything else, since
    /// the other keys may then mean something else.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_FILE {
            return Err(Fault::TooBig { limit: MAX_FILE });
        }
        let table: toml::Table = text.parse().map_err(|error| syntax(text, &error))?;
        let keys = Keys(&table);
        let schema = keys.number("schema")?;
        let schema = u32::try_from(schema).unwrap_or(u32::MAX);
        if schema != SCHEMA {
            return Err(Fault::OtherSchema {
                seen: schema,
                expected: SCHEMA,
            });
        }
        Ok(Self {
            schema,
            mode: keys.word(
                "mode",
                &Mode::ALL,
                Mode::name,
                "none, local, import or remote",
            )?,
            code: keys.text("code")?,
            rule: keys.text("rule")?,
            access: keys.word("access", &Access::ALL, Access::name, "ro or rw")?,
            backend: keys.text("backend")?,
            source: keys.text("source")?,
            store: keys.text("store")?,
            mount: keys.text("mount")?,
            reason: keys.text("reason")?,
            hint: keys.text("hint")?,
            generation: keys.number("generation")?,
            boot_id: keys.text("boot_id")?,
        })
    }
}

struct Keys<'a>(&'a toml::Table);

impl Keys<'_> {
    fn text(&self, key: &'static str) -> Result<String, Fault> {
        match self.0.get(key) {
            Some(toml::Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(Fault::BadValue {
                key,
                seen: format!("a {}", other.type_str()),
                expected: "a string",
            }),
            None => Err(Fault::MissingKey { key }),
        }
    }

    fn number(&self, key: &'static str) -> Result<u64, Fault> {
        let text = self.text(key)?;
        text.parse().map_err(|_| Fault::BadValue {
            key,
            seen: quoted(&text),
            expected: "a number",
        })
    }

    fn word<T: Copy>(
        &self,
        key: &'static str,
        all: &[T],
        name: fn(T) -> &'static str,
        expected: &'static str,
    ) -> Result<T, Fault> {
        let text = self.text(key)?;
        let found = all.iter().copied().find(|value| name(*value) == text);
        found.ok_or_else(|| Fault::BadValue {
            key,
            seen: quoted(&text),
            expected,
        })
    }
}

/// What a garbled file holds, short and harmless to a terminal.
fn quoted(text: &str) -> String {
    let short: String = Text::from(text).printable().chars().take(40).collect();
    format!("`{short}`")
}

fn syntax(text: &str, error: &toml::de::Error) -> Fault {
    let offset = error.span().map_or(0, |span| span.start);
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    Fault::Syntax {
        line: breaks.saturating_add(1),
        message: Text::from(error.message()).printable(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_VALUE;
    use proptest::prelude::*;

    fn sample() -> ModeFile {
        let mut file = ModeFile::none("empty", "empty", "nothing is attached", "attach a disk");
        file.generation = 3;
        file.boot_id = "4f0c1c2e-0000-4000-8000-000000000001".to_owned();
        file
    }

    #[test]
    fn file_is_thirteen_quoted_lines_in_order() {
        assert_eq!(
            sample().render(),
            "schema='1'\nmode='none'\ncode='empty'\nrule='empty'\naccess='ro'\n\
             backend='none'\nsource='none'\nstore='none'\nmount='none'\n\
             reason='nothing is attached'\nhint='attach a disk'\ngeneration='3'\n\
             boot_id='4f0c1c2e-0000-4000-8000-000000000001'\n"
        );
    }

    #[test]
    fn a_label_cannot_forge_a_line() {
        let mut file = sample();
        file.reason = "label a'\nmode='local".to_owned();
        let back = ModeFile::parse(&file.render()).unwrap();
        assert_eq!(back.mode, Mode::None);
        assert_eq!(back.reason, "label a??mode=?local");
    }

    #[test]
    fn other_schema_is_refused_before_its_keys_are_read() {
        let fault = ModeFile::parse("schema='2'\nwhat='new'\n").unwrap_err();
        assert!(matches!(
            fault,
            Fault::OtherSchema {
                seen: 2,
                expected: 1
            }
        ));
    }

    #[test]
    fn unknown_mode_is_refused() {
        let text = sample().render().replace("mode='none'", "mode='auto'");
        assert!(matches!(
            ModeFile::parse(&text).unwrap_err(),
            Fault::BadValue { key: "mode", .. }
        ));
    }

    #[test]
    fn each_missing_key_is_named() {
        for (key, _) in sample().entries() {
            let text: String = sample()
                .render()
                .lines()
                .filter(|line| !line.starts_with(&format!("{key}=")))
                .map(|line| format!("{line}\n"))
                .collect();
            let fault = ModeFile::parse(&text).unwrap_err();
            assert!(matches!(fault, Fault::MissingKey { key: seen } if seen == key));
        }
    }

    #[test]
    fn a_number_without_quotes_is_not_ours() {
        let text = sample().render().replace("generation='3'", "generation=3");
        assert!(matches!(
            ModeFile::parse(&text).unwrap_err(),
            Fault::BadValue {
                key: "generation",
                ..
            }
        ));
    }

    #[test]
    fn broken_line_is_named() {
        let text = sample().render().replace("rule='empty'", "rule='empty");
        assert!(matches!(
            ModeFile::parse(&text).unwrap_err(),
            Fault::Syntax { line: 4, .. }
        ));
    }

    #[test]
    fn later_keys_are_skipped() {
        let text = format!("{}later='x'\n", sample().render());
        assert_eq!(ModeFile::parse(&text).unwrap(), sample());
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let text = "#".repeat(MAX_FILE + 1);
        assert!(matches!(
            ModeFile::parse(&text).unwrap_err(),
            Fault::TooBig { .. }
        ));
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let mut file = sample();
        file.reason = "ä".repeat(MAX_VALUE);
        let back = ModeFile::parse(&file.render()).unwrap();
        assert!(back.reason.len() <= MAX_VALUE && back.reason.ends_with("ä..."));
    }

    proptest! {
        #[test]
        fn any_text_survives_as_far_as_it_is_printable(reason in any::<String>()) {
            let mut file = sample();
            file.reason = reason;
            let text = file.render();
            prop_assert_eq!(text.lines().count(), 13);
            let back = ModeFile::parse(&text).unwrap();
            prop_assert_eq!(back.render(), text);
        }

        #[test]
        fn junk_never_panics(text in any::<String>()) {
            let _ = ModeFile::parse(&text);
        }
    }
}
