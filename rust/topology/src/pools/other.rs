//! File systems on several devices, firmware arrays, and what is known by
//! name.

use super::{Piece, mark_duplicates, mark_stale};
use asl_facts::{
    Content, Filesystem, Format, Health, LogState, MemberStanding, Part, Pool, PoolFlag, Raid,
    Volume,
};
use std::collections::BTreeSet;

/// btrfs and bcachefs. How many devices may be missing depends on profiles
/// that the superblock does not hold, so one that is missing makes it
/// incomplete until the chunks are read.
pub(super) fn filesystem(format: Format, id: String, pieces: &[Piece<'_>]) -> Option<Pool> {
    let members: Vec<(&Piece<'_>, &Filesystem, &Part)> = pieces
        .iter()
        .filter_map(|piece| {
            let filesystem = piece.superblock.filesystem()?;
            Some((piece, filesystem, filesystem.part.as_ref()?))
        })
        .collect();
    let (first, newest, part) = members
        .iter()
        .max_by_key(|(_, _, part)| part.generation)
        .copied()?;
    let mut pool = Pool::new(format, id);
    pool.name.clone_from(&first.superblock.label);
    pool.expected = newest.devices;
    pool.generation = part.generation;
    pool.members = members
        .iter()
        .map(|(piece, _, member)| {
            let standing = if member.generation < part.generation && !member.seed {
                MemberStanding::Stale
            } else {
                MemberStanding::Current
            };
            piece.member(
                format!("device {}", member.number),
                member.generation,
                standing,
            )
        })
        .collect();
    mark_duplicates(&mut pool);
    mark_stale(&mut pool);
    if newest.log != LogState::Clean {
        pool.flags.push(PoolFlag::Dirty);
    }
    let mut numbers: Vec<u64> = members.iter().map(|(_, _, part)| part.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let here = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    let absent = newest.devices.saturating_sub(here);
    if absent > 0 {
        pool.missing
            .push(format!("{absent} of {} devices", newest.devices));
    }
    pool.health = if absent == 0 {
        Health::Complete
    } else {
        Health::Incomplete
    };
    Some(pool)
}

/// IMSM and DDF: a container of volumes.
pub(super) fn firmware(format: Format, id: String, pieces: &[Piece<'_>]) -> Option<Pool> {
    let members: Vec<(&Piece<'_>, &Raid)> = pieces
        .iter()
        .filter_map(|piece| match &piece.superblock.content {
            Content::Raid(raid) => Some((piece, raid)),
            _ => None,
        })
        .collect();
    let newest = members
        .iter()
        .map(|(_, raid)| raid)
        .max_by_key(|r| r.events)?;
    let mut pool = Pool::new(format, id);
    pool.name.clone_from(&newest.name);
    pool.level = Some(newest.level.clone());
    pool.expected = u64::from(newest.raid_disks);
    pool.generation = newest.events;
    pool.members = members
        .iter()
        .map(|(piece, raid)| {
            let standing = if raid.events < newest.events {
                MemberStanding::Stale
            } else {
                MemberStanding::Current
            };
            let serial = piece
                .superblock
                .uuid
                .as_deref()
                .unwrap_or(&piece.device.name);
            piece.member(serial, raid.events, standing)
        })
        .collect();
    mark_duplicates(&mut pool);
    mark_stale(&mut pool);
    let current = pool
        .members
        .iter()
        .filter(|member| member.standing != MemberStanding::Stale);
    let places: BTreeSet<&str> = current.map(|member| member.place.as_str()).collect();
    let here = u64::try_from(places.len()).unwrap_or(u64::MAX);
    pool.health = if newest.raid_disks == 0 {
        Health::Unknown
    } else if here >= u64::from(newest.raid_disks) {
        Health::Complete
    } else {
        pool.missing
            .push(format!("{} disks", pool.expected.saturating_sub(here)));
        Health::Incomplete
    };
    pool.volumes = newest
        .volumes
        .iter()
        .map(|volume| Volume {
            name: volume
                .name
                .as_ref()
                .map_or(String::new(), asl_facts::Text::printable),
            id: String::new(),
            kind: volume.level.clone(),
            size: volume.size,
            health: if pool.health == Health::Complete && volume.clean {
                Health::Complete
            } else {
                Health::Unknown
            },
        })
        .collect();
    if !newest.clean {
        pool.flags.push(PoolFlag::Dirty);
    }
    Some(pool)
}

/// Stratis, bcache, DRBD, ...: who belongs together, and for bcache whether
/// dirty data lie on a cache that is not here.
pub(super) fn pieces(format: Format, id: String, pieces: &[Piece<'_>]) -> Option<Pool> {
    let mut pool = Pool::new(format, id);
    for piece in pieces {
        let Content::Piece(part) = &piece.superblock.content else {
            continue;
        };
        if pool.name.is_none() {
            pool.name.clone_from(&part.name);
        }
        pool.generation = pool.generation.max(part.generation);
        let own = piece.superblock.uuid.as_deref().unwrap_or_default();
        let place = format!("{} {own}", part.role);
        pool.members
            .push(piece.member(place.trim_end(), part.generation, MemberStanding::Current));
        if part.state.as_deref() == Some("dirty") {
            pool.flags.push(PoolFlag::Dirty);
        }
    }
    mark_duplicates(&mut pool);
    let has = |role: &str| {
        pool.members
            .iter()
            .any(|member| member.place.starts_with(role))
    };
    if format == Format::Bcache && pool.flags.contains(&PoolFlag::Dirty) {
        pool.health = if has("cache") {
            Health::Complete
        } else {
            pool.missing.push("the cache device".to_owned());
            Health::Incomplete
        };
    }
    (!pool.members.is_empty()).then_some(pool)
}
