//! Files below the root that a scan sees.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file of /sys, /proc or /run that is read: `modules.alias` is the
/// largest, at 2 MB.
const MAX_FILE: u64 = 16 << 20;

/// `/`, or the small tree of a test.
#[derive(Debug, Clone)]
pub(crate) struct Root(PathBuf);

impl Root {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The root of the running system, where nodes are device nodes.
    pub(crate) fn is_real(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// `path` (absolute or not) below the root.
    pub(crate) fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A file's bytes; none if it cannot be read, as with most attributes
    /// that a driver does not have.
    pub(crate) fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        read(&self.join(path))
    }

    /// A file's text; empty if it cannot be read.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> String {
        String::from_utf8_lossy(&self.bytes(path).unwrap_or_default()).into_owned()
    }
}

pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .ok()?;
    Some(bytes)
}

/// The file names in a directory, sorted.
pub(crate) fn names_in(path: &Path) -> std::io::Result<Vec<String>> {
    let mut names = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, _>>()?;
    names.sort();
    Ok(names)
}
