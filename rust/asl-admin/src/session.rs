//! Changes of the session's own settings, one at a time.

use crate::paths;
use asl_config::{ConfigError, SESSION, Session};
use asl_mode::write_atomic;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Two commands at once must not lose what one of them wrote.
pub(crate) const LOCK: &str = "/var/lib/asl/locks/session";

/// Keeps other changes out for as long as it lives.
pub(crate) fn lock(root: &Path, name: &str) -> Result<Flock<File>, String> {
    let told = |error: io::Error| format!("{name}: {error}");
    let path = paths::below(root, name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(told)?;
    }
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(told)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        nix::Error::EWOULDBLOCK => format!("{name}: another asl-admin is at it"),
        other => told(other.into()),
    })
}

/// What is set now.
pub(crate) fn load(root: &Path) -> Result<Session, String> {
    Session::load(root).map_err(|error| told(&error))
}

/// Puts the settings in place of the old ones, in one step; without any the
/// file goes away.
pub(crate) fn store(root: &Path, session: &Session) -> Result<(), String> {
    let path = paths::below(root, SESSION);
    if session.is_empty() {
        return remove(&path);
    }
    let text = session.render().map_err(|error| told(&error))?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| format!("{SESSION}: {error}"))?;
    }
    write_atomic(&path, text.as_bytes()).map_err(|error| error.to_string())
}

/// Takes the file away, whatever is in it.
pub(crate) fn clear(root: &Path) -> Result<(), String> {
    remove(&paths::below(root, SESSION))
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{SESSION}: {error}")),
        _ => Ok(()),
    }
}

fn told(error: &ConfigError) -> String {
    format!("{error}; {}", error.hint)
}
