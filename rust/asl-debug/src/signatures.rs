//! One line a signature, and one a device of what it cost.

use asl_facts::Outcome;
use asl_scan::{Opened, ScanError, Signatures};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

/// Devices that are open before they are looked at.
const AHEAD: usize = 16;

/// Probes `paths` with `threads` of them at once, and prints in their order.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn list(paths: &[PathBuf], threads: usize) -> io::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut print = |path: &Path, result: Result<Signatures, ScanError>| match result {
        Ok(found) => {
            if found.probed.is_err() {
                code = ExitCode::FAILURE;
            }
            out.write_all(lines(path, &found).as_bytes())
        }
        Err(error) => {
            code = ExitCode::FAILURE;
            writeln!(io::stderr(), "asl-debug: {error}")
        }
    };
    if threads <= 1 {
        let mut opened = VecDeque::new();
        let mut rest = paths.iter();
        for path in paths {
            let ahead = AHEAD.saturating_sub(opened.len());
            opened.extend(rest.by_ref().take(ahead).map(|path| Opened::open(path)));
            let Some(device) = opened.pop_front() else {
                break;
            };
            print(path, device.map(|device| device.signatures()))?;
        }
    } else {
        for (path, result) in paths.iter().zip(at_once(paths, threads)) {
            print(path, result)?;
        }
    }
    out.flush()?;
    Ok(code)
}

fn at_once(paths: &[PathBuf], threads: usize) -> Vec<Result<Signatures, ScanError>> {
    let next = AtomicUsize::new(0);
    let (sender, results) = channel();
    thread::scope(|scope| {
        for _ in 0..threads.min(paths.len()) {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = paths.get(index) else { return };
                    let result = Opened::open(path).map(|device| device.signatures());
                    if sender.send((index, result)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    drop(sender);
    let mut results: Vec<_> = results.into_iter().collect();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn lines(path: &Path, found: &Signatures) -> String {
    let mut text = String::new();
    let Signatures { reads, bytes, .. } = found;
    let path = path.display();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{path} reads={reads} bytes={bytes}");
    match &found.probed {
        Ok(probed) => {
            for signature in &probed.signatures {
                let _ = write!(text, "  {} {}", signature.offset, signature.format);
                let _ = match &signature.outcome {
                    Outcome::Found(superblock) => {
                        let uuid = superblock.uuid.as_deref().unwrap_or("-");
                        writeln!(text, " {uuid}")
                    }
                    Outcome::Damaged(damage) => writeln!(text, " damaged {}", damage.rule),
                };
            }
        }
        Err(fault) => {
            let _ = writeln!(text, "  {fault}");
        }
    }
    text
}
