//! Stores on what several devices make up together.

use crate::device::Shared;
use crate::tree::Refusal;
use crate::{btrfs, caught, refused, store, zfs};
use asl_facts::{Content, Format, Look, Superblock};

/// A device of a pool: itself, and what its superblock said.
#[derive(Clone)]
pub struct Member<'a> {
    /// The device.
    pub dev: Shared,
    /// Its superblock.
    pub superblock: &'a Superblock,
}

/// Looks for stores in the pool that `members` make up: all of one ZFS pool or
/// of one btrfs.
///
/// The paths of a ZFS pool begin at its root dataset, and a dataset is a
/// directory of the one above it, whatever its mount point: `/data/.asl` is
/// `.asl` in the dataset `POOL/data`.
///
/// As [`crate::look`], a panic is caught; memory is bounded only by whoever
/// runs this: see the reader of ZFS.
#[must_use]
pub fn look_pool(format: Format, members: &[Member<'_>]) -> Look {
    let unknown = members
        .iter()
        .find_map(|member| member.superblock.unknown_features.first());
    if let Some(feature) = unknown {
        return refused(format!("the feature {feature} is not known here"));
    }
    caught(format, || match format {
        Format::Zfs => zfs::read(members),
        Format::Btrfs => read_btrfs(members),
        other => Err(Refusal::NoReader(other)),
    })
}

/// The reader of btrfs sees one device, which is enough where it holds a copy
/// of all that is needed: raid1 of two, and what by chance lies on one. A
/// member that is behind would show an older tree and is not asked.
fn read_btrfs(members: &[Member<'_>]) -> Result<Look, Refusal> {
    let filesystems = members
        .iter()
        .filter_map(|member| match &member.superblock.content {
            Content::Filesystem(filesystem) => Some((member, filesystem)),
            _ => None,
        });
    let generation = |part: &Option<asl_facts::Part>| part.as_ref().map(|part| part.generation);
    let newest = filesystems
        .clone()
        .filter_map(|(_, filesystem)| generation(&filesystem.part))
        .max();
    let mut expected = 0;
    let mut numbers = Vec::new();
    let mut why = None;
    for (member, filesystem) in filesystems {
        if generation(&filesystem.part) != newest {
            continue;
        }
        expected = filesystem.devices;
        numbers.extend(filesystem.part.as_ref().map(|part| part.number));
        let read = btrfs::open(&member.dev).and_then(|mut tree| store::find(&mut tree));
        match read {
            Ok(stores) => {
                return Ok(Look::Read {
                    stores,
                    replayed: false,
                });
            }
            Err(refusal) => why = Some(refusal),
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let numbers = numbers.join(", ");
    let why = why.map_or_else(|| "none is current".to_owned(), |why| why.to_string());
    Err(Refusal::Reader(format!(
        "no single one of its {expected} devices holds all of it (here and current: {numbers}): {why}"
    )))
}
