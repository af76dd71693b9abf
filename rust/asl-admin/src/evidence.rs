//! What the last preflight wrote, for the commands that act on it.

use crate::{exit, paths};
use asl_activate::{JOURNAL, Journal, Linux, System};
use asl_decide::Report;
use asl_mode::{ModeFile, ReadError, current_boot_id};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longest report, bytes: a thousand devices take a few MiB.
const MAX_REPORT: u64 = 64 * 1024 * 1024;

/// Why there is nothing to act on.
#[derive(Debug)]
pub(crate) enum Missing {
    BootId(io::Error),
    Mode(ReadError),
    Report { why: String },
}

impl Missing {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        exit::NO_MODE
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::BootId(error) => write!(f, "the id of this boot: {error}"),
            Missing::Mode(error) => error.fmt(f),
            Missing::Report { why } => {
                write!(f, "{}: {why}; run `asl-admin preflight`", paths::REPORT)
            }
        }
    }
}

/// The mode of this boot.
pub(crate) fn mode(root: &Path) -> Result<ModeFile, Missing> {
    let boot_id = current_boot_id(root).map_err(Missing::BootId)?;
    ModeFile::read(&paths::below(root, paths::MODE), &boot_id).map_err(Missing::Mode)
}

/// Facts and decision of this boot.
pub(crate) fn report(root: &Path) -> Result<Report, Missing> {
    let boot_id = current_boot_id(root).map_err(Missing::BootId)?;
    let why = |why: String| Missing::Report { why };
    let path = paths::below(root, paths::REPORT);
    let bytes = bounded(&path, MAX_REPORT).map_err(|error| why(error.to_string()))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| why(error.to_string()))?;
    if report.schema != asl_facts::SCHEMA {
        return Err(why(format!(
            "schema {} seen, {} expected",
            report.schema,
            asl_facts::SCHEMA
        )));
    }
    if report.facts.boot_id != boot_id {
        return Err(why("it was written during another boot".to_owned()));
    }
    Ok(report)
}

/// The journal of an activation; none where nothing is active. One that
/// cannot be read is activation's to complain about, and here told as such.
pub(crate) fn journal(root: &Path) -> Result<Option<Journal>, String> {
    let told = |why: String| format!("{JOURNAL}: {why}");
    match Linux::new(root).load_journal() {
        Ok(Some(bytes)) => Journal::parse(&bytes).map(Some).map_err(told),
        Ok(None) => Ok(None),
        Err(error) => Err(told(error.to_string())),
    }
}

/// A file of at most `limit` bytes.
pub(crate) fn bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        let why = format!("longer than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}
