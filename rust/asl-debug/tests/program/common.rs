//! Runs the program, and the tools that make images for it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) fn asl_debug(args: &[&str]) -> Output {
    asl_debug_with(args, Stdio::null())
}

pub(crate) fn asl_debug_with(args: &[&str], stdin: Stdio) -> Output {
    program().args(args).stdin(stdin).output().unwrap()
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_asl-debug"))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A tool; where it is missing, says so rather than pass.
pub(crate) fn tool<S: AsRef<OsStr>>(name: &str, args: &[S]) {
    let search = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(name)
        .args(args)
        .env("PATH", format!("{search}:/usr/sbin:/sbin"))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}: install the storage tools of Debian"));
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
}

pub(crate) fn empty(path: &Path, mib: u64) {
    let file = std::fs::File::create(path).unwrap();
    file.set_len(mib << 20).unwrap();
}

/// An ext4 whose label would clear a terminal.
pub(crate) fn ext4(path: &Path) {
    empty(path, 16);
    let path = path.to_str().unwrap();
    tool("mke2fs", &["-q", "-t", "ext4", "-L", "a\u{1b}[2J", path]);
}

/// A btrfs on two images.
pub(crate) fn btrfs_pair(dir: &Path) -> [String; 2] {
    let paths = ["one", "two"].map(|name| dir.join(name));
    for path in &paths {
        empty(path, 128);
    }
    let paths = paths.map(|path| path.to_str().unwrap().to_owned());
    let [one, two] = &paths;
    tool(
        "mkfs.btrfs",
        &["-q", "-d", "raid1", "-m", "raid1", one, two],
    );
    paths
}
