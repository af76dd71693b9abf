//! One change to the machine, and the command that would make it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One change. Each can be taken back, and taking it back is right whether or
/// not it had happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// `BLKROSET`: the kernel refuses writes to the node. Nothing happens
    /// where it does already.
    SetReadOnly {
        /// The block node.
        node: String,
        /// `major:minor` that the node must have.
        devnum: String,
        /// What the node is to the store.
        role: Role,
    },
    /// Makes a directory; nothing happens where there is one.
    MakeDir {
        /// The directory; its parent exists.
        path: String,
        /// Permissions.
        mode: u32,
    },
    /// Mounts a file system.
    Mount {
        /// The block node.
        node: String,
        /// `major:minor` that the node must have.
        devnum: String,
        /// Type for mount(2).
        driver: String,
        /// Options, one each.
        options: Vec<String>,
        /// The mount point.
        target: String,
    },
    /// Shows a directory of a mounted file system at another place.
    Bind {
        /// The block node of that file system.
        node: String,
        /// `major:minor` that the node must have.
        devnum: String,
        /// Where that file system is mounted.
        from: String,
        /// The directory, from the root of that file system.
        path: String,
        /// The mount point.
        target: String,
    },
}

/// What a node is to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The store's file system is on it: it must be read-only.
    Store,
    /// It carries such a node. It stays writable where something else on it
    /// is being written.
    Carrier,
}

/// As a shell command.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::SetReadOnly { node, .. } => write!(f, "blockdev --setro {}", quote(node)),
            Action::MakeDir { path, mode } => write!(f, "mkdir -p -m {mode:04o} {}", quote(path)),
            Action::Mount {
                node,
                driver,
                options,
                target,
                ..
            } => write!(
                f,
                "mount -i -t {driver} -o {} {} {}",
                options.join(","),
                quote(node),
                quote(target)
            ),
            Action::Bind {
                from, path, target, ..
            } => {
                let source = format!("{from}{path}");
                write!(f, "mount --bind {} {}", quote(&source), quote(target))
            }
        }
    }
}

/// For a POSIX shell. A disk chooses the names of its directories.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_from_a_disk_cannot_become_a_command() {
        assert_eq!(quote("/dev/sda1"), "/dev/sda1");
        assert_eq!(quote("/a b;reboot"), "'/a b;reboot'");
        assert_eq!(quote("/a'$(x)"), r"'/a'\''$(x)'");
    }
}
