//! The files that are read and written, below the root.

use std::path::{Path, PathBuf};

/// The mode of this boot.
pub(crate) const MODE: &str = "/run/asl/mode";
/// Facts and decision of this boot.
pub(crate) const REPORT: &str = "/run/asl/facts.json";
/// The mode as the console shows it.
pub(crate) const ISSUE: &str = "/run/asl/issue";

/// `absolute` below `root`; `join` alone would let an absolute path win.
pub(crate) fn below(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}
