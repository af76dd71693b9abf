//! The configuration of a node, from five layers; the later one wins:
//!
//! 1. what is built in,
//! 2. `/etc/asl/asl.conf`, `federation.conf`, `logging.conf`,
//! 3. the `asl:` scope of the medium's YAML files,
//! 4. `asl.KEY=VALUE` on the kernel command line,
//! 5. [`SESSION`]: what the operator told `asl-admin` during this boot.
//!
//! `asl.config=ignore` on the command line drops 2 and 3: the way out of a
//! broken file on a medium that cannot be written. The session's file is
//! written by `asl-admin` alone and taken away by `asl-admin use --clear`. Everything here is bounded
//! and names the place of what is wrong; nothing is guessed.

#![allow(
    clippy::result_large_err,
    reason = "the configuration is read once; its error carries all that is shown"
)]

mod address;
mod cmdline;
mod error;
mod keys;
mod layers;
mod lines;
mod scope;
mod session;
mod types;

pub use address::Address;
pub use error::{ConfigError, Warning};
pub use keys::{File, KEYS, Key, Kind, SESSION, find};
pub use layers::check_file;
pub use lines::{MAX_FILE, MAX_LINE};
pub use session::Session;
pub use types::{
    Assume, Consent, Degraded, DevicePath, Endpoint, ImageFile, KeyFile, LogLevel, LogTarget,
    MAX_SECONDS, MOUNT_BASE, MountDir, Pick, Scheme, Seconds, WantedMode,
};

use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the overlay that this was built for.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// All keys with their values. [`KEYS`] says what each of them means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Config {
    pub mode: WantedMode,
    pub local: Local,
    pub remote: Remote,
    pub import: Import,
    pub write: Write,
    pub unlock: Unlock,
    pub detect: Detect,
    pub settle: Settle,
    pub image: Image,
    pub federation: Federation,
    pub logging: Logging,
    pub r#use: Option<Pick>,
    origins: BTreeMap<&'static str, Origin>,
}

/// `local.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Local {
    pub mount: MountDir,
    pub uuid: Option<String>,
    pub label: Option<String>,
    pub device: Option<DevicePath>,
    pub serial: Option<String>,
    pub pool: Option<String>,
    pub image: Option<ImageFile>,
}

/// `remote.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Remote {
    pub endpoint: Option<Endpoint>,
}

/// `import.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Import {
    pub degraded: Degraded,
    pub foreign: Vec<String>,
    pub assume: Assume,
}

/// `write.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Write {
    pub allow: Vec<Consent>,
}

/// `unlock.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Unlock {
    pub keyfile: Vec<KeyFile>,
    pub prompt: Vec<String>,
}

/// `detect.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Detect {
    pub exclude: Vec<String>,
}

/// `settle.*`
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Settle {
    pub timeout: Seconds,
}

impl Default for Settle {
    fn default() -> Self {
        Self {
            timeout: Seconds(10),
        }
    }
}

/// `image.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Image {
    pub version: Option<String>,
}

/// `federation.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Federation {
    pub domain: Option<String>,
    pub peers: Vec<Endpoint>,
}

/// `logging.*`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "a field is the key of its name, documented in KEYS"
)]
pub struct Logging {
    pub level: LogLevel,
    pub target: LogTarget,
}

/// A layer of the configuration, weakest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// [`Key::default`].
    #[default]
    BuiltIn,
    /// A file below `/etc/asl`.
    File,
    /// The `asl:` scope of the medium's YAML files.
    Scope,
    /// The kernel command line.
    Cmdline,
    /// What the operator told `asl-admin` during this boot.
    Session,
}

impl Layer {
    /// Its name in the output of `asl-admin config`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Layer::BuiltIn => "built-in",
            Layer::File => "file",
            Layer::Scope => "scope",
            Layer::Cmdline => "cmdline",
            Layer::Session => "session",
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    layer: Layer,
    place: String,
    value: String,
}

/// One value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key's full name.
    pub key: &'static str,
    /// Its value as it was written.
    pub value: String,
    /// The layer that won.
    pub layer: Layer,
    /// File and line; empty for what is built in, both where two layers add up.
    pub place: String,
}

/// A key that some layer sets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Assignment {
    /// Full name.
    key: String,
    value: String,
    /// YAML took the value for a number.
    number: bool,
    place: Place,
}

/// Where an assignment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: String,
    line: Option<usize>,
    key_column: Option<usize>,
    value_column: Option<usize>,
}

impl Config {
    /// Every key with its value and its layer, in the order of [`KEYS`].
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        KEYS.iter().map(|key| self.setting(key)).collect()
    }

    /// The value of one key and its layer.
    #[must_use]
    pub fn setting(&self, key: &Key) -> Setting {
        match self.origins.get(key.name) {
            Some(origin) => Setting {
                key: key.name,
                value: origin.value.clone(),
                layer: origin.layer,
                place: origin.place.clone(),
            },
            None => Setting {
                key: key.name,
                value: key.default.to_owned(),
                layer: Layer::BuiltIn,
                place: String::new(),
            },
        }
    }
}
