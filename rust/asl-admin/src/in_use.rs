//! Who uses a disk now, by sysfs and the mount table: the facts are as old as
//! the last preflight.

use crate::paths;
use asl_scan::mounts::{self, Mount};
use std::fs;
use std::path::{Path, PathBuf};

/// Deepest stack of devices that is followed.
const DEPTH: usize = 16;

/// Who uses the disk of this kernel name or what lies on it; nobody when it is
/// gone.
pub(crate) fn of_disk(root: &Path, name: &str) -> Vec<String> {
    let mut uses = Vec::new();
    // A kernel name is one component: `/` in it is written as `!`.
    if name.contains('/') || name == ".." {
        return uses;
    }
    let mounts = mounts_of(root);
    let swaps = mounts::swaps(&read(&paths::below(root, "/proc/swaps")));
    let dir = paths::below(root, "/sys/class/block").join(name);
    let Ok(dir) = fs::canonicalize(dir) else {
        return uses;
    };
    look(&dir, &mounts, &swaps, 0, &mut uses);
    uses
}

fn mounts_of(root: &Path) -> Vec<Mount> {
    mounts::parse(&read(&paths::below(root, "/proc/self/mountinfo")))
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn look(dir: &Path, mounts: &[Mount], swaps: &[PathBuf], depth: usize, uses: &mut Vec<String>) {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let node = format!("/dev/{}", name.replace('!', "/"));
    let number = read(&dir.join("dev"));
    for mount in mounts {
        // btrfs shows a number of its own; its source is a node.
        if mount.devnum == number.trim() || mount.source == node {
            let target = mount.target.display();
            uses.push(asl_mode::clean(&format!("{node} is mounted at {target}")));
        }
    }
    if swaps.iter().any(|swap| swap == Path::new(&node)) {
        uses.push(format!("{node} is swap in use"));
    }
    if depth >= DEPTH {
        uses.push(format!("{node}: more than {DEPTH} layers"));
        return;
    }
    let deeper = depth.saturating_add(1);
    for partition in directories(dir).filter(|path| path.join("partition").exists()) {
        look(&partition, mounts, swaps, deeper, uses);
    }
    for holder in directories(&dir.join("holders")) {
        let above = holder.file_name().unwrap_or_default().to_string_lossy();
        uses.push(format!("{node} is held by /dev/{above}"));
        look(&holder, mounts, swaps, deeper, uses);
    }
}

fn directories(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| fs::canonicalize(entry.path()).ok())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found.into_iter()
}

/// The source of the file system that `path` is on, by the mount table.
pub(crate) fn source_at(root: &Path, path: &Path) -> Option<String> {
    let mounts = mounts_of(root).into_iter();
    let best = mounts
        .filter(|mount| path.starts_with(&mount.target))
        // The last of those at one place hides the others.
        .max_by_key(|mount| mount.target.components().count());
    best.map(|mount| mount.source)
}
