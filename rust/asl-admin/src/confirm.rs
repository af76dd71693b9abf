//! A yes that somebody typed, or gave on the command line.

use std::io::{self, BufRead, IsTerminal, Read, Write};

/// Longest answer, bytes.
const MAX_ANSWER: u64 = 64;

/// Whether to go on.
///
/// # Errors
/// Nobody is there to be asked.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<bool, String> {
    if yes {
        return Ok(true);
    }
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err("nobody to ask: standard input is no terminal; --yes says yes".to_owned());
    }
    let mut out = io::stderr().lock();
    // A question that cannot be shown cannot be answered, and the answer says no.
    let _ = write!(out, "{question} Type yes: ").and_then(|()| out.flush());
    let mut answer = String::new();
    stdin
        .lock()
        .take(MAX_ANSWER)
        .read_line(&mut answer)
        .map_err(|error| format!("standard input: {error}"))?;
    Ok(answer.trim() == "yes")
}
