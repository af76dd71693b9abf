//! Directory readers and the recognition of a store.
//!
//! [`look`] shows what a file system holds without mounting it: one reader
//! per format behind one trait, and the recognition of a store written once
//! over it. The readers replay a log in memory where they can; what they
//! refuse is [`Look::Unreadable`].
#![forbid(unsafe_code)]

mod btrfs;
mod bytes;
mod clusters;
mod device;
mod exfat;
mod ext;
mod identity;
mod pool;
mod stand_in;
mod store;
#[cfg(test)]
mod testing;
mod tree;
mod vfat;
mod xfs;
mod zfs;

pub use device::Shared;
pub use pool::{Member, look_pool};

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
    caught(format, || read(dev, format, log))
}

/// What `reader` found. That it refuses or panics is a fact like another.
fn caught(format: Format, reader: impl FnOnce() -> Result<Look, Refusal>) -> Look {
    match catch_unwind(AssertUnwindSafe(reader)) {
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
            "{format} on {} devices is read with all of them or not at all",
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
        Format::Vfat => Some(|dev| Ok(Box::new(vfat::open(dev)?))),
        Format::Exfat => Some(|dev| Ok(Box::new(exfat::open(dev)?))),
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
