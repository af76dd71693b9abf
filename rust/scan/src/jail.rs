//! Directory readers in a process of their own.
//!
//! The readers are crates of others over bytes that a disk chose. A child
//! per look has the device, or those that a pool or a view stands on,
//! read-only, as its only descriptors besides its two ways to answer, few
//! resources and no system call but what reading, memory and its end take.
//! Whatever becomes of it is a fact about this device or pool: the thread
//! that waits for it and the other devices go on.
//!
//! Standard input is the first device. Standard output is one end of a socket
//! pair: the parent sends the other devices with one byte that counts them,
//! which the child takes before it locks itself in, since the filter of
//! system calls names descriptors; then the parent writes the `Request` and
//! shuts its half down, the child writes the `Answer` and ends. Spaces before
//! the answer say that it gets on: it locked itself in, and its reads come
//! back. Standard error takes last words.
//!
//! A view goes over as a plan, and the child maps its reads itself: the map
//! says no more than where to read, and the descriptors are read-only.

mod child;
mod confine;
mod failure;
mod parent;

pub use child::{JailError, serve};
pub(crate) use failure::Failure;
pub use parent::Reader;

use asl_facts::{Format, Look, Superblock};
use asl_stack::Plan;
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
/// Devices of one look: a pool of more is rare, and each takes a descriptor
/// and a rule of the filter.
pub(crate) const MAX_DEVICES: usize = 64;
/// Longest request, bytes: the superblock of one file system takes a few
/// hundred, 64 labels of ZFS which each describe the 64 a few hundred
/// thousand; the map of a volume in thousands of pieces as much.
const MAX_REQUEST: u64 = 4 << 20;
/// Longest answer, bytes: three stores in each of the most subvolumes that
/// are looked into fit. Many devices with the longest answer must not make
/// the report of the whole scan too long.
const MAX_ANSWER: u64 = 1 << 20;

/// What the child is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) format: Format,
    /// The members are one pool; else there is one, which is looked into.
    pub(crate) together: bool,
    /// Of the devices, bytes: the child has no call that could tell them.
    pub(crate) sizes: Vec<u64>,
    /// What is read, over these devices.
    pub(crate) plan: Plan,
    pub(crate) members: Vec<Asked>,
    /// Bytes that it may read.
    pub(crate) budget: u64,
}

/// What is looked into, or one member of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Its number in the plan.
    pub(crate) node: usize,
    pub(crate) superblock: Superblock,
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) look: Look,
    pub(crate) reads: u64,
    pub(crate) bytes: u64,
}
