//! Directory readers in a process of their own.
//!
//! The readers are crates of others over bytes that a disk chose. A child
//! per look has the device, read-only, as its only descriptor besides its
//! two ways to answer, few resources and no system call but what reading,
//! memory and its end take. Whatever becomes of it is a fact about this
//! device: the thread that waits for it and the other devices go on.
//!
//! Standard input is the device, which nothing needs to open or to number.
//! Standard output is one end of a socket pair: the parent writes the
//! `Request` and shuts its half down, the child writes the `Answer` and
//! ends. Standard error takes last words.

mod child;
mod confine;
mod failure;
mod parent;

pub use child::{JailError, serve};
pub(crate) use failure::Failure;
pub use parent::Reader;

use asl_facts::{Format, Look, Superblock};
use serde::{Deserialize, Serialize};

/// Address space of a reader, bytes. The program and a look take 4 MiB, the
/// replay of 10,000 blocks of an ext4 log took 9; a node may have 256 MiB,
/// and more than that is no look any more.
const MAX_MEMORY: u64 = 256 << 20;
/// Stack of a reader, bytes: the readers recurse little; a forged tree may
/// make them recurse more.
const MAX_STACK: u64 = 8 << 20;
/// CPU time of a reader, seconds: the deadline comes first, but a child that
/// could not be killed at once must not burn on.
const MAX_CPU: u64 = 10;
/// Longest request, bytes: the superblock of one file system takes a few
/// hundred.
const MAX_REQUEST: u64 = 1 << 20;
/// Longest answer, bytes: three stores in each of the most subvolumes that
/// are looked into fit. Many devices with the longest answer must not make
/// the report of the whole scan too long.
const MAX_ANSWER: u64 = 1 << 20;

/// What the child is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) format: Format,
    pub(crate) superblock: Superblock,
    /// Of the device, bytes: the child has no call that could tell it.
    pub(crate) size: u64,
    /// Bytes that it may read.
    pub(crate) budget: u64,
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) look: Look,
    pub(crate) reads: u64,
    pub(crate) bytes: u64,
}
