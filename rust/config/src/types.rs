//! The types of values, each with its reader.
//!
//! A reader gets the text of one value and answers with the value or with
//! what it expected. A key's type decides how its value is read: `10` is text
//! for a label and a number for a time.

use serde::Serialize;
use std::fmt;

/// A type that can be read from the text of a value.
pub(crate) trait Value: Sized {
    /// Reads it; else says what was expected.
    fn read(text: &str) -> Result<Self, &'static str>;
}

/// The word for a value that is not set.
pub(crate) const NONE: &str = "none";

/// What the operator wants the node to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WantedMode {
    /// The rules decide.
    #[default]
    Auto,
    /// Serve nothing.
    None,
    /// Only a store that mounts without steps before it.
    Local,
    /// Only a store that needs steps before its mount.
    Import,
    /// The remote endpoint, come what may.
    Remote,
}

impl fmt::Display for WantedMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WantedMode::Auto => "auto",
            WantedMode::None => "none",
            WantedMode::Local => "local",
            WantedMode::Import => "import",
            WantedMode::Remote => "remote",
        })
    }
}

impl Value for WantedMode {
    fn read(text: &str) -> Result<Self, &'static str> {
        Ok(match text {
            "auto" => WantedMode::Auto,
            "none" => WantedMode::None,
            "local" => WantedMode::Local,
            "import" => WantedMode::Import,
            "remote" => WantedMode::Remote,
            _ => return Err("auto, none, local, import or remote"),
        })
    }
}

/// Protocols of a remote store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// `nfs://HOST/PATH`
    Nfs,
    /// `smb://HOST/SHARE`
    Smb,
    /// `ssh://HOST/PATH`
    Ssh,
    /// `s3://BUCKET`
    S3,
    /// `asl://HOST`: a peer, not a file system.
    Asl,
}

/// Where a remote store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Its protocol.
    pub scheme: Scheme,
    /// As configured, scheme included.
    pub text: String,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Value for Endpoint {
    fn read(text: &str) -> Result<Self, &'static str> {
        const FORMS: &str =
            "none, nfs://HOST/PATH, smb://HOST/SHARE, ssh://HOST/PATH, s3://BUCKET or asl://HOST";
        let (scheme, rest) = text.split_once("://").ok_or(FORMS)?;
        let (scheme, has_path) = match scheme {
            "nfs" => (Scheme::Nfs, true),
            "smb" => (Scheme::Smb, true),
            "ssh" => (Scheme::Ssh, true),
            "s3" => (Scheme::S3, false),
            "asl" => (Scheme::Asl, false),
            _ => return Err(FORMS),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || (has_path && path.is_empty()) || !rest.chars().all(plain) {
            return Err(FORMS);
        }
        // The endpoint is written to the mode file, which everybody reads.
        if host
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
        {
            return Err("an endpoint without a password: everybody can read the mode file");
        }
        Ok(Self {
            scheme,
            text: text.to_owned(),
        })
    }
}

/// A store in an image file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageFile {
    /// UUID of the file system that holds the file.
    pub filesystem: String,
    /// Path of the file from that file system's root, as the kernel would
    /// write it.
    pub path: String,
}

impl fmt::Display for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.filesystem, self.path)
    }
}

/// Longest path of an image file, bytes: with the UUID it is what names the
/// store in the mode file, where a value has at most 1 KiB.
const MAX_IMAGE_PATH: usize = 512;

impl Value for ImageFile {
    fn read(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "FS-UUID:/path of at most 512 bytes, without `.` and `..` as parts, \
             empty parts, quotes and control characters";
        let (filesystem, path) = id_and_path(text).ok_or(FORM)?;
        // The kernel's own name of the file is compared with it.
        let sound = |part: &str| {
            !matches!(part, "" | "." | "..") && part.chars().all(|c| c == ' ' || plain(c))
        };
        let parts = path.split('/').skip(1);
        let fits = path.len() <= MAX_IMAGE_PATH && filesystem.chars().all(plain);
        if !fits || !parts.into_iter().all(sound) {
            return Err(FORM);
        }
        Ok(Self { filesystem, path })
    }
}

/// A key file that opens one locked container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyFile {
    /// UUID of the container.
    pub container: String,
    /// Path of the key file.
    pub path: String,
}

impl Value for KeyFile {
    fn read(text: &str) -> Result<Self, &'static str> {
        let (container, path) = id_and_path(text).ok_or("UUID:/path")?;
        Ok(Self { container, path })
    }
}

fn id_and_path(text: &str) -> Option<(String, String)> {
    let (id, path) = text.split_once(':')?;
    let sound = !id.is_empty() && path.starts_with('/') && path.len() > 1;
    sound.then(|| (id.to_owned(), path.to_owned()))
}

/// What `asl-admin use` named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pick {
    /// Id of a store, a file system or a pool. It may hold a colon itself.
    pub id: String,
    /// Directory of the store, where the id is there more than once.
    pub path: Option<String>,
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match &self.path {
            Some(path) => write!(f, ":{path}"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Pick {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == NONE {
            return Err("ID or ID:/path");
        }
        Self::read(text)
    }
}

impl Value for Pick {
    fn read(text: &str) -> Result<Self, &'static str> {
        // `log:0123` is an id; only a slash behind the colon starts a path.
        let (id, path) = match text.find(":/") {
            Some(colon) => {
                let (id, path) = text.split_at(colon);
                (id, path.strip_prefix(':'))
            }
            None => (text, None),
        };
        if id.is_empty() || !id.chars().all(plain) {
            return Err("ID or ID:/path");
        }
        Ok(Self {
            id: id.to_owned(),
            path: path.map(str::to_owned),
        })
    }
}

/// Consent to write to one store on one disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// Store or file system id, or the endpoint.
    pub id: String,
    /// Serial of the disk, or the pool's id, that carries it.
    pub carrier: Option<String>,
}

impl fmt::Display for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match &self.carrier {
            Some(carrier) => write!(f, "@{carrier}"),
            None => Ok(()),
        }
    }
}

impl Value for Consent {
    fn read(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "ID@SERIAL, ID@POOL-ID or the ID of what a selector names";
        // Ids come from disks; a star or a yes would be a blanket consent.
        if matches!(text, "*" | "all" | "any" | "yes" | "true") {
            return Err("one store by its ID: there is no consent for every store");
        }
        let (id, carrier) = match text.rsplit_once('@') {
            // The user of an endpoint is no carrier.
            Some((id, carrier)) if !text.contains("://") => (id, Some(carrier)),
            _ => (text, None),
        };
        if id.is_empty() || carrier.is_some_and(str::is_empty) {
            return Err(FORM);
        }
        Ok(Self {
            id: id.to_owned(),
            carrier: carrier.map(str::to_owned),
        })
    }
}

/// What to do with a pool that has lost redundancy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Degraded {
    /// It stays blocked.
    #[default]
    None,
    /// Read only.
    Ro,
}

impl Value for Degraded {
    fn read(text: &str) -> Result<Self, &'static str> {
        match text {
            NONE => Ok(Degraded::None),
            "ro" => Ok(Degraded::Ro),
            _ => Err("none or ro"),
        }
    }
}

/// What may be taken for a store although none was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assume {
    /// Nothing.
    #[default]
    None,
    /// The only pool there is.
    SolePool,
}

impl Value for Assume {
    fn read(text: &str) -> Result<Self, &'static str> {
        match text {
            NONE => Ok(Assume::None),
            "sole-pool" => Ok(Assume::SolePool),
            _ => Err("none or sole-pool"),
        }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what looks wrong.
    Warn,
    /// And what was done.
    #[default]
    Info,
    /// And why.
    Debug,
    /// And each read.
    Trace,
}

impl Value for LogLevel {
    fn read(text: &str) -> Result<Self, &'static str> {
        Ok(match text {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => return Err("error, warn, info, debug or trace"),
        })
    }
}

/// Where the log goes. On a terminal it always goes to the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogTarget {
    /// The journal.
    #[default]
    Journal,
    /// Standard error.
    Stderr,
}

impl Value for LogTarget {
    fn read(text: &str) -> Result<Self, &'static str> {
        match text {
            "journal" => Ok(LogTarget::Journal),
            "stderr" => Ok(LogTarget::Stderr),
            _ => Err("journal or stderr"),
        }
    }
}

/// Whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Seconds(pub u64);

/// Longest [`Seconds`]: preflight is waited for by the boot.
pub const MAX_SECONDS: u64 = 120;

impl Value for Seconds {
    fn read(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "whole seconds from 0 to 120";
        // A number from YAML arrives as a float: 10.0.
        let whole = text.strip_suffix(".0").unwrap_or(text);
        match whole.parse() {
            Ok(seconds) if seconds <= MAX_SECONDS && whole.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Seconds(seconds))
            }
            _ => Err(FORM),
        }
    }
}

/// A directory for the local store's mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MountDir(pub String);

/// The directory below which everything is mounted.
pub const MOUNT_BASE: &str = "/mnt/asl";

impl Default for MountDir {
    fn default() -> Self {
        MountDir(format!("{MOUNT_BASE}/local"))
    }
}

impl Value for MountDir {
    fn read(text: &str) -> Result<Self, &'static str> {
        // Nothing else of the live root may disappear below a store, and the
        // server's sandbox opens this directory and no other.
        const FORM: &str =
            "a directory below /mnt/asl (the service sees no other), without `.`, `..`, blanks";
        let rest = text
            .strip_prefix(MOUNT_BASE)
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or(FORM)?;
        let sound = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if !rest.split('/').all(sound) {
            return Err(FORM);
        }
        if rest == "remote" || rest.starts_with("remote/") {
            return Err("a directory other than /mnt/asl/remote, which is for a remote store");
        }
        Ok(MountDir(text.to_owned()))
    }
}

/// A device by a path that facts can be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DevicePath {
    /// `/dev/NAME`
    Node(String),
    /// `/dev/disk/by-uuid/UUID`
    ByUuid(String),
    /// `/dev/disk/by-label/LABEL`
    ByLabel(String),
    /// `/dev/disk/by-partuuid/UUID`
    ByPartUuid(String),
}

impl Value for DevicePath {
    fn read(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "/dev/NAME or /dev/disk/by-uuid, by-label or by-partuuid/NAME \
             (for a whole disk use local.serial)";
        let name = text.strip_prefix("/dev/").ok_or(FORM)?;
        let sound = |name: &str| !name.is_empty() && !name.contains('/');
        let link = |prefix: &str| name.strip_prefix(prefix).filter(|id| sound(id));
        if let Some(id) = link("disk/by-uuid/") {
            Ok(DevicePath::ByUuid(id.to_owned()))
        } else if let Some(label) = link("disk/by-label/") {
            Ok(DevicePath::ByLabel(label.to_owned()))
        } else if let Some(id) = link("disk/by-partuuid/") {
            Ok(DevicePath::ByPartUuid(id.to_owned()))
        } else if sound(name) {
            Ok(DevicePath::Node(text.to_owned()))
        } else {
            // mapper/ and md/ are links, whose targets the facts do not hold.
            Err(FORM)
        }
    }
}

impl Value for String {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("some text, or none");
        }
        Ok(text.to_owned())
    }
}

impl<T: Value> Value for Option<T> {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text == NONE {
            Ok(None)
        } else {
            T::read(text).map(Some)
        }
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text == NONE {
            return Ok(Vec::new());
        }
        text.split(',').map(|item| T::read(item.trim())).collect()
    }
}

/// Printable and no blank.
fn plain(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !matches!(c, '\'' | '"' | '`' | '\\')
}
