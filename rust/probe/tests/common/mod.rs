//! Real file systems, made by the real tools when the test runs.

// Each test program uses its part of this.
#![allow(dead_code)]

use asl_probe::ReadAt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How to make a file system: the command without the image, and its size.
pub(crate) struct Make {
    pub(crate) command: &'static [&'static str],
    pub(crate) mib: u64,
}

/// The Debian package of each tool.
const PACKAGES: &[(&str, &str)] = &[
    ("mke2fs", "e2fsprogs"),
    ("mkfs.xfs", "xfsprogs"),
    ("xfs_db", "xfsprogs"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("blkid", "util-linux"),
];

/// Runs a tool; where it is missing, says what to install rather than pass.
pub(crate) fn run(tool: &str, args: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(tool)
        .args(args)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .env("LC_ALL", "C")
        .output();
    output.unwrap_or_else(|error| {
        let package = PACKAGES
            .iter()
            .find(|(name, _)| *name == tool)
            .map_or("?", |(_, package)| package);
        panic!("{tool}: {error}: install the Debian package {package}")
    })
}

impl Make {
    /// Makes the image `name` in `dir`.
    pub(crate) fn image(&self, dir: &Path, name: &str) -> PathBuf {
        let path = dir.join(name);
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(self.mib.checked_mul(1 << 20).unwrap())
            .unwrap();
        let (tool, args) = self.command.split_first().unwrap();
        let mut args = args.to_vec();
        let path_text = path.to_string_lossy().into_owned();
        args.push(&path_text);
        let output = run(tool, &args);
        assert!(
            output.status.success(),
            "{tool}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        path
    }
}

/// An image file, seen with some bytes changed, cut short, or with sectors
/// that cannot be read.
pub(crate) struct Image {
    file: File,
    pub(crate) size: u64,
    pub(crate) patches: Vec<(u64, Vec<u8>)>,
    pub(crate) bad: Option<std::ops::Range<u64>>,
}

impl Image {
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let size = file.metadata().unwrap().len();
        Self {
            file,
            size,
            patches: Vec::new(),
            bad: None,
        }
    }

    /// The bytes as the patches leave them.
    pub(crate) fn bytes(&self, offset: u64, len: usize) -> Vec<u8> {
        asl_probe::read_up_to(self, offset, len).unwrap()
    }

    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) {
        self.patches.push((offset, bytes.to_vec()));
    }
}

impl ReadAt for Image {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let len = u64::try_from(buf.len()).unwrap();
        let end = offset.saturating_add(len).min(self.size);
        if self
            .bad
            .as_ref()
            .is_some_and(|bad| offset < bad.end && bad.start < end)
        {
            return Err(io::Error::other("bad sector"));
        }
        let count = usize::try_from(end.saturating_sub(offset)).unwrap();
        let buf = &mut buf[..count];
        self.file.read_exact_at(buf, offset)?;
        for (at, bytes) in &self.patches {
            for (place, byte) in (*at..).zip(bytes) {
                if (offset..end).contains(&place) {
                    let index = usize::try_from(place.saturating_sub(offset)).unwrap();
                    buf[index] = *byte;
                }
            }
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.size
    }
}
