//! LVM2 volume groups.

use super::{Groups, Piece, mark_duplicates, mark_stale, pieces};
use asl_facts::{
    Content, Device, Format, Health, LogicalVolume, MemberStanding, Pool, PoolFlag, Text, Volume,
    VolumeGroup,
};
use std::collections::HashMap;

/// Volumes whose needs lead deeper than this lead in a circle.
const MAX_DEPTH: u32 = 16;

/// Adds the physical volumes without a copy of the text, which a group of many
/// is often made with, to the groups that name them.
pub(super) fn add_textless<'a>(devices: &'a [Device], groups: &mut Groups<'a>) {
    let mut textless: HashMap<&str, Vec<Piece<'a>>> = HashMap::new();
    for piece in pieces(devices) {
        if let Content::PhysicalVolume(volume) = &piece.superblock.content
            && volume.group.is_none()
            && let Some(id) = piece.superblock.uuid.as_deref()
        {
            textless.entry(id).or_default().push(piece);
        }
    }
    for ((format, _), pieces) in groups {
        if *format != Format::Lvm2 {
            continue;
        }
        let texts = pieces.iter().filter_map(|piece| group_of(piece));
        let Some(newest) = texts.max_by_key(|group| group.seqno) else {
            continue;
        };
        for part in &newest.physical {
            pieces.extend(textless.remove(part.id.as_str()).unwrap_or_default());
        }
    }
}

/// The text of a physical volume, if it has one.
fn group_of<'a>(piece: &Piece<'a>) -> Option<&'a VolumeGroup> {
    match &piece.superblock.content {
        Content::PhysicalVolume(volume) => volume.group.as_ref(),
        _ => None,
    }
}

pub(super) fn pool(id: String, pieces: &[Piece<'_>]) -> Option<Pool> {
    let texts = pieces.iter().filter_map(group_of);
    let newest = texts.max_by_key(|group| group.seqno)?;
    let here = |id: &str| {
        pieces
            .iter()
            .any(|piece| piece.superblock.uuid.as_deref() == Some(id))
    };
    let mut pool = Pool::new(Format::Lvm2, id);
    pool.name = Some(Text::from(newest.name.as_str()));
    pool.generation = newest.seqno;
    pool.expected = u64::try_from(newest.physical.len()).unwrap_or(u64::MAX);
    pool.host.clone_from(&newest.system_id);
    pool.members = pieces
        .iter()
        .map(|piece| {
            let id = piece.superblock.uuid.as_deref().unwrap_or_default();
            let known = newest.physical.iter().find(|part| part.id == id);
            // One that went missing, or was taken out of the group while it
            // was away, still names the group. An older text alone says
            // nothing: not every volume has to carry the newest.
            let standing = match known {
                Some(part) if !part.missing => MemberStanding::Current,
                _ => MemberStanding::Stale,
            };
            let place = known.map_or(id, |part| part.name.as_str());
            let knows = group_of(piece).map_or(0, |group| group.seqno);
            piece.member(place, knows, standing)
        })
        .collect();
    mark_duplicates(&mut pool);
    mark_stale(&mut pool);
    let missing: Vec<&str> = newest
        .physical
        .iter()
        .filter(|part| part.missing || !here(&part.id))
        .map(|part| part.name.as_str())
        .collect();
    pool.missing = newest
        .physical
        .iter()
        .filter(|part| missing.contains(&part.name.as_str()))
        .map(|part| part.id.clone())
        .collect();
    flags(newest, &mut pool);
    let mut judge = Judge {
        group: newest,
        missing,
        known: HashMap::new(),
    };
    pool.volumes = newest
        .logical
        .iter()
        .filter(|volume| has(&volume.status, "VISIBLE"))
        .map(|volume| judge.volume(volume))
        .collect();
    // A group works as far as its volumes do.
    let worst = pool.volumes.iter().map(|volume| volume.health).max();
    pool.health = if judge.missing.is_empty() {
        Health::Complete
    } else {
        worst.map_or(Health::Incomplete, |worst| worst.max(Health::Degraded))
    };
    Some(pool)
}

fn has(status: &[String], word: &str) -> bool {
    status.iter().any(|known| known == word)
}

fn flags(group: &VolumeGroup, pool: &mut Pool) {
    if has(&group.status, "EXPORTED") {
        pool.flags.push(PoolFlag::Exported);
    }
    let locked = group
        .lock_type
        .as_deref()
        .is_some_and(|kind| kind != "none");
    if group.system_id.is_some() || locked || has(&group.status, "CLUSTERED") {
        pool.flags.push(PoolFlag::ForeignLive);
    }
    let moving = |volume: &LogicalVolume| {
        ["PVMOVE", "LOCKED", "CONVERTING", "MERGING"]
            .iter()
            .any(|word| has(&volume.status, word))
    };
    if group.logical.iter().any(moving) {
        pool.flags.push(PoolFlag::Reshaping);
    }
}

/// Says what a group's volumes still are when `missing` are gone.
struct Judge<'a> {
    group: &'a VolumeGroup,
    missing: Vec<&'a str>,
    /// By name. Each is judged once: where hidden volumes name each other many
    /// times over, the ways through them are more than anybody can count.
    known: HashMap<&'a str, Health>,
}

impl<'a> Judge<'a> {
    fn volume(&mut self, volume: &'a LogicalVolume) -> Volume {
        let extents = volume
            .segments
            .iter()
            .fold(0_u64, |sum, segment| sum.saturating_add(segment.extents));
        let mut kinds: Vec<&str> = volume.segments.iter().map(|s| s.kind.as_str()).collect();
        kinds.dedup();
        Volume {
            name: volume.name.clone(),
            id: volume.id.clone(),
            kind: kinds.join("+"),
            size: extents.saturating_mul(self.group.extent_size),
            health: self.health(&volume.name, MAX_DEPTH),
        }
    }

    /// What a volume, physical or logical, still is.
    fn health(&mut self, name: &'a str, depth: u32) -> Health {
        if let Some(health) = self.known.get(name) {
            return *health;
        }
        // Until it is known: a volume that needs itself cannot be had.
        self.known.insert(name, Health::Incomplete);
        let health = self.judge(name, depth);
        self.known.insert(name, health);
        health
    }

    fn judge(&mut self, name: &'a str, depth: u32) -> Health {
        if self.missing.contains(&name) {
            return Health::Incomplete;
        }
        let group = self.group;
        if group.physical.iter().any(|part| part.name == name) {
            return Health::Complete;
        }
        let volume = group.logical.iter().find(|volume| volume.name == name);
        let (Some(volume), Some(depth)) = (volume, depth.checked_sub(1)) else {
            return Health::Incomplete;
        };
        let mut worst = Health::Complete;
        for segment in &volume.segments {
            let places = segment.places.iter();
            let parts: Vec<Health> = places.map(|(name, _)| self.health(name, depth)).collect();
            // The metadata image of a leg is gone with its leg, and no worse.
            let raid = segment.kind.starts_with("raid");
            let needs = segment
                .needs
                .iter()
                .filter(|(key, _)| !(raid && key == "metadata"))
                .map(|(_, name)| self.health(name, depth))
                .max()
                .unwrap_or(Health::Complete);
            worst = worst.max(redundant(&segment.kind, &parts)).max(needs);
        }
        worst
    }
}

/// A segment over parts of which some are gone.
fn redundant(kind: &str, parts: &[Health]) -> Health {
    let gone = parts
        .iter()
        .filter(|part| **part == Health::Incomplete)
        .count();
    let worst_left = parts
        .iter()
        .copied()
        .filter(|part| *part != Health::Incomplete)
        .max()
        .unwrap_or(Health::Complete);
    if gone == 0 {
        return worst_left;
    }
    let survives = match kind {
        "mirror" | "raid1" => gone < parts.len(),
        "raid4" => gone <= 1,
        kind if kind.starts_with("raid5") => gone <= 1,
        kind if kind.starts_with("raid6") => gone <= 2,
        kind if kind.starts_with("raid10") => gone <= 1,
        _ => false,
    };
    if survives {
        Health::Degraded
    } else {
        Health::Incomplete
    }
}
