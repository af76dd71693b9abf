//! Exit codes: documented in `--help`, pinned by `tests/invocations.rs`.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Something failed.
pub(crate) const FAILURE: u8 = 1;
/// `mode --check`: the mode is none.
pub(crate) const MODE_NONE: u8 = 1;
/// A word on the command line cannot be used.
pub(crate) const USAGE: u8 = 2;
/// The configuration cannot be used.
pub(crate) const CONFIG: u8 = 3;
/// There is no mode file that can be used.
pub(crate) const NO_MODE: u8 = 4;

/// Says on standard error what is wrong.
pub(crate) fn fail(code: u8, error: &dyn Display) -> ExitCode {
    tell(error);
    ExitCode::from(code)
}

/// A line on standard error. Where nobody listens, nothing is lost by that.
pub(crate) fn tell(words: &dyn Display) {
    let _ = writeln!(io::stderr(), "asl-admin: {words}");
}
