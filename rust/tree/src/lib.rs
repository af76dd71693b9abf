//! Directory readers and the recognition of a store.
//!
//! [`look`] shows what a file system holds without mounting it: one reader
//! per format behind one trait, and the recognition of a store written once
//! over it. The readers replay a log in memory where they can; what they
//! refuse is [`Look::Unreadable`].
#![forbid(unsafe_code)]

mod btrfs;
mod device;
mod ext;
mod identity;
mod store;
#[cfg(test)]
mod testing;
mod tree;
mod xfs;

pub use device::Shared;

use asl_facts::{Format, LogState, Look, Superblock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tree::{Refusal, Tree};

/// Looks for stores in the file system of `format` on `dev`, whose superblock
/// said `superblock`.
///
/// A panic inside a reader is caught and is a fact about this device. Time
/// and memory are bounded by the budget and the deadline of `dev`.
#[must_use]
pub fn look(dev: &Shared, format: Format, superblock: &Superblock) -> Look {
    if let Some(refusal) = refusal(format, superblock) {
        return refusal;
    }
    let log = superblock
        .filesystem()
        .map_or(LogState::Unknown, |filesystem| filesystem.log);
    match catch_unwind(AssertUnwindSafe(|| read(dev, format, log))) {
        Ok(Ok(look)) => look,
        Ok(Err(refusal)) => refused(refusal.to_string()),
        Err(_) => refused(format!("the {format} reader panicked")),
    }
}

/// What [`look`] says without having to read anything, if that is known:
/// somebody who starts a process for each look saves it.
#[must_use]
pub fn refusal(format: Format, superblock: &Superblock) -> Option<Look> {
    let Some(filesystem) = superblock.filesystem() else {
        return Some(refused(format!("{format} is no file system")));
    };
    if let Some(feature) = superblock.unknown_features.first() {
        return Some(refused(format!("the feature {feature} is not known here")));
    }
    if filesystem.devices > 1 {
        return Some(refused(format!(
            "{format} on {} devices is not read here",
            filesystem.devices
        )));
    }
    if reader(format).is_none() {
        return Some(refused(Refusal::NoReader(format).to_string()));
    }
    None
}

type Open = fn(&Shared) -> Result<Box<dyn Tree>, Refusal>;

/// The one table of readers.
fn reader(format: Format) -> Option<Open> {
    match format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 => Some(|dev| Ok(Box::new(ext::open(dev)?))),
        Format::Xfs => Some(|dev| Ok(Box::new(xfs::open(dev)?))),
        Format::Btrfs => Some(|dev| Ok(Box::new(btrfs::open(dev)?))),
        _ => None,
    }
}

fn refused(why: String) -> Look {
    Look::Unreadable { why }
}

fn read(dev: &Shared, format: Format, log: LogState) -> Result<Look, Refusal> {
    let open = reader(format).ok_or(Refusal::NoReader(format))?;
    let mut tree = open(dev)?;
    let stores = store::find(&mut *tree)?;
    Ok(Look::Read {
        stores,
        replayed: tree.replays() && matches!(log, LogState::NeedsReplay { .. }),
    })
}
