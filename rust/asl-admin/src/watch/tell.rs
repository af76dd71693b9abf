//! A message to everybody at the node: on the consoles without a login, and
//! in the sessions.
//!
//! Not by wall(1): it knows only who is registered as logged in, and on the
//! console of a rescue system often nobody is.

use crate::paths;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The consoles of the kernel, by their names below /dev.
const CONSOLES: &str = "/sys/class/tty/console/active";
/// Terminals of sessions.
const SESSIONS: &str = "/dev/pts";
/// A terminal whose owner refuses messages (`mesg n`) lacks it.
const GROUP_WRITES: u32 = 0o020;

/// Writes the lines to every terminal. One that is stuck or gone is left out.
pub(crate) fn tell(root: &Path, text: &str) {
    let message = format!("\r\n{}\r\n", text.trim_end().replace('\n', "\r\n"));
    for path in terminals(root) {
        let open = OpenOptions::new()
            .write(true)
            .custom_flags(nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK)
            .open(&path);
        if let Err(error) = open.and_then(|mut file| file.write_all(message.as_bytes())) {
            tracing::debug!("{}: {error}", path.display());
        }
    }
}

fn terminals(root: &Path) -> BTreeSet<PathBuf> {
    let active = fs::read_to_string(paths::below(root, CONSOLES)).unwrap_or_default();
    let consoles = active
        .split_whitespace()
        .map(|name| paths::below(root, "/dev").join(name));
    let sessions = fs::read_dir(paths::below(root, SESSIONS))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .metadata()
                .is_ok_and(|meta| meta.permissions().mode() & GROUP_WRITES != 0)
        })
        .map(|entry| entry.path());
    consoles.chain(sessions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    #[test]
    fn consoles_and_willing_sessions_are_told() {
        let root = tempfile::tempdir().unwrap();
        let path = |path: &str| root.path().join(path);
        fs::create_dir_all(path("sys/class/tty/console")).unwrap();
        fs::create_dir_all(path("dev/pts")).unwrap();
        fs::write(path("sys/class/tty/console/active"), "tty0 ttyS0\n").unwrap();
        for (name, mode) in [("tty0", 0o600), ("pts/0", 0o620), ("pts/1", 0o600)] {
            let file = path("dev").join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        }
        tell(root.path(), "one\ntwo\n");
        let seen = |name: &str| fs::read_to_string(path("dev").join(name)).unwrap();
        assert_eq!(seen("tty0"), "\r\none\r\ntwo\r\n");
        assert_eq!(seen("pts/0"), seen("tty0"));
        assert_eq!(seen("pts/1"), "");
    }
}
