//! One view of the readers.

use asl_facts::Format;
use std::fmt;

/// Most entries of one directory that are looked at: a store's own
/// directories hold few, a root rarely more than some dozens; beyond this a
/// forged directory would cost memory without end.
pub(crate) const MAX_ENTRIES: usize = 65536;

/// A directory tree. Paths are absolute, their components are directories
/// that a listing showed, so no symbolic link is ever followed.
pub(crate) trait Tree {
    /// The entries of a directory, without `.` and `..`.
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal>;

    /// The first `max` bytes of a regular file.
    fn head(&mut self, path: &str, max: usize) -> Result<Vec<u8>, Refusal>;

    /// The part of a path that is a file system of its own, empty for the
    /// whole one.
    fn root_of<'a>(&self, _path: &'a str) -> &'a str {
        ""
    }

    /// The reader replays the log in memory.
    fn replays(&self) -> bool;
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: Kind,
    /// Its directory finds it whatever the case of its letters.
    pub(crate) any_case: bool,
}

impl Entry {
    /// Whether `name`, in ASCII, leads to it.
    pub(crate) fn answers_to(&self, name: &str) -> bool {
        let name = name.as_bytes();
        self.name == name || self.any_case && self.name.eq_ignore_ascii_case(name)
    }
}

/// Kinds of entries that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// The root of a btrfs subvolume or of a ZFS dataset.
    Subvolume,
    Other,
}

impl Kind {
    pub(crate) fn is_directory(self) -> bool {
        matches!(self, Kind::Directory | Kind::Subvolume)
    }
}

/// Why something could not be read.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No reader for this format.
    NoReader(Format),
    /// The reader's own words.
    Reader(String),
    /// More entries than [`MAX_ENTRIES`], or more of something else that is
    /// bounded.
    TooMany {
        what: &'static str,
        most: usize,
        path: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoReader(format) => write!(f, "no reader for {format} here"),
            Refusal::Reader(why) => f.write_str(why),
            Refusal::TooMany { what, most, path } => {
                write!(f, "{path}: more than {most} {what}")
            }
        }
    }
}

/// Refuses a listing that is too long.
pub(crate) fn bounded(path: &str, count: usize) -> Result<(), Refusal> {
    if count > MAX_ENTRIES {
        return Err(Refusal::TooMany {
            what: "entries",
            most: MAX_ENTRIES,
            path: path.to_owned(),
        });
    }
    Ok(())
}
