//! Arrays of md.
//!
//! Which member is current, and how many an array needs: Linux
//! `drivers/md/md.c` (`super_1_validate`: a member more than one event behind
//! the newest is not used), `drivers/md/raid10.c` (`enough`).

use super::{Piece, mark_duplicates, mark_stale};
use asl_facts::{Content, Format, Health, MemberStanding, Pool, PoolFlag, Raid, Role, Slot, Text};

/// `MD_SB_DISKS` and its successor: a superblock of 4 KiB has room for 1920
/// roles. A forged one may claim 2^32.
const MAX_SLOTS: u32 = 1920;
/// Most missing slots that are named.
const MAX_NAMED: usize = 64;

pub(super) fn pool(id: String, pieces: &[Piece<'_>]) -> Option<Pool> {
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
    let mut pool = Pool::new(Format::Md, id);
    pool.name.clone_from(&newest.name);
    pool.level = Some(newest.level.clone());
    pool.generation = newest.events;
    pool.expected = u64::from(newest.raid_disks);
    pool.host = newest.name.as_ref().and_then(host);
    pool.members = members
        .iter()
        .map(|(piece, raid)| piece.member(place(raid.role), raid.events, standing(raid, newest)))
        .collect();
    mark_duplicates(&mut pool);
    mark_stale(&mut pool);
    if split(&members) {
        pool.flags.push(PoolFlag::SplitBrain);
    }
    if newest.reshape.is_some() {
        pool.flags.push(PoolFlag::Reshaping);
    }
    if !newest.clean {
        pool.flags.push(PoolFlag::Dirty);
    }
    let present: Vec<bool> = (0..newest.raid_disks.min(MAX_SLOTS))
        .map(|slot| {
            members.iter().any(|(_, raid)| {
                raid.role == Role::Active(slot)
                    && raid.rebuilt.is_none()
                    && standing(raid, newest) == MemberStanding::Current
            })
        })
        .collect();
    pool.missing = (0_u32..)
        .zip(&present)
        .filter(|(_, present)| !**present)
        .take(MAX_NAMED)
        .map(|(slot, _)| place(Role::Active(slot)))
        .collect();
    pool.health = if pool.missing.is_empty() && !present.is_empty() {
        Health::Complete
    } else if newest.raid_disks <= MAX_SLOTS && enough(newest, &present) {
        Health::Degraded
    } else {
        Health::Incomplete
    };
    Some(pool)
}

fn place(role: Role) -> String {
    match role {
        Role::Active(slot) => format!("slot {slot}"),
        Role::Spare => "spare".to_owned(),
        Role::Faulty => "faulty".to_owned(),
        Role::Journal => "journal".to_owned(),
        Role::Member => "member".to_owned(),
    }
}

fn standing(raid: &Raid, newest: &Raid) -> MemberStanding {
    match raid.role {
        Role::Spare | Role::Journal => MemberStanding::Spare,
        Role::Faulty => MemberStanding::Faulty,
        Role::Active(_) if raid.events.saturating_add(1) < newest.events => MemberStanding::Stale,
        Role::Active(_) | Role::Member => MemberStanding::Current,
    }
}

/// Each of two members says that the other is gone: both went on alone. When
/// only one says so, the other is just stale.
fn split(members: &[(&Piece<'_>, &Raid)]) -> bool {
    let denies = |one: &Raid, other: &Raid| match other.role {
        Role::Active(slot) => usize::try_from(slot)
            .ok()
            .and_then(|slot| one.slots.get(slot))
            .is_some_and(|slot| *slot == Slot::Missing),
        _ => false,
    };
    members.iter().any(|(_, one)| {
        members
            .iter()
            .any(|(_, other)| one.role != other.role && denies(one, other) && denies(other, one))
    })
}

/// The array starts with the slots that are present.
fn enough(raid: &Raid, present: &[bool]) -> bool {
    let missing = present.iter().filter(|present| !**present).count();
    let some = missing < present.len();
    some && match raid.level.as_str() {
        "raid1" | "multipath" | "faulty" => true,
        "raid4" | "raid5" => missing <= 1,
        "raid6" => missing <= 2,
        "raid10" => enough_of_raid10(raid.layout, present),
        _ => missing == 0,
    }
}

/// Every group of devices that hold the copies of the same chunks keeps one.
/// Layout: near copies in the low byte, far copies in the next.
fn enough_of_raid10(layout: u32, present: &[bool]) -> bool {
    let [near, far, _, _] = layout.to_le_bytes();
    let (near, copies) = (
        usize::from(near),
        usize::from(near).saturating_mul(far.into()),
    );
    if near == 0 || copies == 0 || copies > present.len() {
        return false;
    }
    (0..present.len()).step_by(near).all(|first| {
        present
            .iter()
            .cycle()
            .skip(first)
            .take(copies)
            .any(|here| *here)
    })
}

/// The homehost: what stands before the colon.
fn host(name: &Text) -> Option<Text> {
    let at = name.0.iter().position(|byte| *byte == b':')?;
    Text::from_field(name.0.get(..at)?)
}
