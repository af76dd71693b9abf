//! The mode file, `/run/asl/mode`: what this boot of the node was decided to
//! be, in thirteen lines.
//!
//! ```text
//! schema='1'
//! mode='local'
//! ...
//! boot_id='4f0c1c2e-...'
//! ```
//!
//! It is TOML with literal strings and at the same time a systemd
//! `EnvironmentFile`, because units read it as one and people read it with
//! `cat`: no blank beside `=`, no escape, one line a key. A disk chooses its
//! label and a label reaches `reason`, so no value can hold a quote or a line
//! break, and none is longer than [`MAX_VALUE`].

mod error;
mod file;
mod parse;

pub use error::{Fault, ReadError, WriteError};
pub use file::{current_boot_id, write_atomic};
pub use parse::MAX_FILE;

use asl_facts::Text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Version of the file. It rises when a reader of the old form would misread
/// the new one; added keys do not raise it.
pub const SCHEMA: u32 = 1;

/// Longest value, bytes. A reason is a sentence; systemd and the console
/// both cope with a line of this length.
pub const MAX_VALUE: usize = 1024;

/// Stands where a key has nothing to say, as in the configuration.
pub const NONE: &str = "none";

/// What the node serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing to use, or a choice would be a guess.
    None,
    /// A file system that can be mounted now from an existing node.
    Local,
    /// A file system that needs steps before its mount.
    Import,
    /// A remote endpoint.
    Remote,
}

impl Mode {
    /// All modes.
    pub const ALL: [Mode; 4] = [Mode::None, Mode::Local, Mode::Import, Mode::Remote];

    /// The word in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::None => "none",
            Mode::Local => "local",
            Mode::Import => "import",
            Mode::Remote => "remote",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What may be done with the store. It never follows from the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reads only.
    Ro,
    /// Reads and writes, with consent.
    Rw,
}

impl Access {
    /// Both.
    pub const ALL: [Access; 2] = [Access::Ro, Access::Rw];

    /// The word in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Access::Ro => "ro",
            Access::Rw => "rw",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The content of the mode file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeFile {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// What the node serves.
    pub mode: Mode,
    /// A stable short word for scripts.
    pub code: String,
    /// The name of the rule that decided.
    pub rule: String,
    /// What may be done with the store.
    pub access: Access,
    /// `posix`, `remote` or `none`.
    pub backend: String,
    /// Where the store comes from: a device node or the endpoint.
    pub source: String,
    /// The store's id; its file system's UUID where it has none.
    pub store: String,
    /// The directory where it is mounted.
    pub mount: String,
    /// Why, as a sentence.
    pub reason: String,
    /// What to do next.
    pub hint: String,
    /// Counts the decisions of this boot, from 1.
    pub generation: u64,
    /// The boot that this decision belongs to.
    pub boot_id: String,
}

impl ModeFile {
    /// Mode none: nothing is served, and why.
    #[must_use]
    pub fn none(rule: &str, code: &str, reason: &str, hint: &str) -> Self {
        Self {
            schema: SCHEMA,
            mode: Mode::None,
            code: code.to_owned(),
            rule: rule.to_owned(),
            access: Access::Ro,
            backend: NONE.to_owned(),
            source: NONE.to_owned(),
            store: NONE.to_owned(),
            mount: NONE.to_owned(),
            reason: reason.to_owned(),
            hint: hint.to_owned(),
            generation: 0,
            boot_id: String::new(),
        }
    }

    /// Keys and values in the order of the file.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, String); 13] {
        [
            ("schema", self.schema.to_string()),
            ("mode", self.mode.name().to_owned()),
            ("code", clean(&self.code)),
            ("rule", clean(&self.rule)),
            ("access", self.access.name().to_owned()),
            ("backend", clean(&self.backend)),
            ("source", clean(&self.source)),
            ("store", clean(&self.store)),
            ("mount", clean(&self.mount)),
            ("reason", clean(&self.reason)),
            ("hint", clean(&self.hint)),
            ("generation", self.generation.to_string()),
            ("boot_id", clean(&self.boot_id)),
        ]
    }

    /// The text of the file.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.entries() {
            text.push_str(key);
            text.push_str("='");
            text.push_str(&value);
            text.push_str("'\n");
        }
        text
    }
}

/// A value as the file can hold it: printable, without quotes, at most
/// [`MAX_VALUE`] bytes.
#[must_use]
pub fn clean(value: &str) -> String {
    const CUT: &str = "...";
    let text = Text::from(value).printable();
    if text.len() <= MAX_VALUE {
        return text;
    }
    let mut end = MAX_VALUE.saturating_sub(CUT.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let mut text = text;
    text.truncate(end);
    text.push_str(CUT);
    text
}
