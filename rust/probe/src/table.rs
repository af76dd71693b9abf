//! The one table of signatures.
//!
//! The read plan follows from it: one head read as long as the furthest
//! primary superblock, then copies and logs only where a row's answer asks
//! for them. ext stands first because it has the shortest magic and the
//! nearest place; the order decides nothing, all answers are kept.

use crate::decoded::Decoded;
use crate::read::{Fault, ReadAt};
use crate::{btrfs, ext, xfs};
use asl_facts::LogState;

/// What a signature stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file system.
    Filesystem,
}

/// Reads and judges the log of the file system with these superblock bytes.
pub type JudgeLog = fn(&dyn ReadAt, &[u8]) -> Result<LogState, Fault>;

/// One row: a format and where it shows.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Name of the family.
    pub name: &'static str,
    /// What it stands for.
    pub kind: Kind,
    /// No device below this size (bytes) carries it.
    pub minimum: u64,
    /// Offset of the primary superblock, bytes.
    pub at: u64,
    /// Size of the superblock, bytes.
    pub len: usize,
    /// Offset of the magic in the superblock, and the magic.
    pub magic: (usize, &'static [u8]),
    /// Decodes a superblock that lies at the given offset.
    pub decode: fn(&[u8], u64) -> Decoded,
    /// Offsets of copies.
    pub copies: &'static [u64],
    /// Judges the log where the superblock alone cannot.
    pub log: Option<JudgeLog>,
}

/// All formats.
pub const TABLE: &[Row] = &[
    Row {
        name: "ext",
        kind: Kind::Filesystem,
        minimum: 2048,
        at: ext::AT,
        len: ext::LEN,
        magic: ext::MAGIC,
        decode: ext::decode,
        copies: ext::COPIES,
        log: None,
    },
    Row {
        name: "xfs",
        kind: Kind::Filesystem,
        minimum: 512,
        at: 0,
        len: xfs::LEN,
        magic: xfs::MAGIC,
        decode: xfs::decode,
        // Linux mounts by the primary only, and where the others lie is
        // written in it.
        copies: &[],
        log: Some(crate::xfs_log::state),
    },
    Row {
        name: "btrfs",
        kind: Kind::Filesystem,
        minimum: btrfs::AT + 4096,
        at: btrfs::AT,
        len: btrfs::LEN,
        magic: btrfs::MAGIC,
        decode: btrfs::decode,
        copies: btrfs::COPIES,
        log: None,
    },
];

/// Length of the head read: the end of the furthest primary superblock.
#[must_use]
pub fn head_len() -> usize {
    TABLE
        .iter()
        .filter_map(|row| usize::try_from(row.at).ok()?.checked_add(row.len))
        .max()
        .unwrap_or(0)
}
