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
    let Some(filesystem) = superblock.filesystem() else {
        return refused(format!("{format} is no file system"));
    };
    if let Some(feature) = superblock.unknown_features.first() {
        return refused(format!("the feature {feature} is not known here"));
    }
    if filesystem.devices > 1 {
        return refused(format!(
            "{format} on {} devices is read with all of them or not at all",
            filesystem.devices
        ));
    }
    caught(format, || read(dev, format, filesystem.log))
}

/// What `reader` found. That it refuses or panics is a fact like another.
fn caught(format: Format, reader: impl FnOnce() -> Result<Look, Refusal>) -> Look {
    match catch_unwind(AssertUnwindSafe(reader)) {
        Ok(Ok(look)) => look,
        Ok(Err(refusal)) => refused(refusal.to_string()),
        Err(_) => refused(format!("the {format} reader panicked")),
    }
}

fn refused(why: String) -> Look {
    Look::Unreadable { why }
}

fn read(dev: &Shared, format: Format, log: LogState) -> Result<Look, Refusal> {
    let mut tree: Box<dyn Tree> = match format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 => Box::new(ext::open(dev)?),
        Format::Xfs => Box::new(xfs::open(dev)?),
        Format::Btrfs => Box::new(btrfs::open(dev)?),
        Format::Vfat => Box::new(vfat::open(dev)?),
        Format::Exfat => Box::new(exfat::open(dev)?),
        other => return Err(Refusal::NoReader(other)),
    };
    let stores = store::find(&mut *tree)?;
    Ok(Look::Read {
        stores,
        replayed: tree.replays() && matches!(log, LogState::NeedsReplay { .. }),
    })
}
