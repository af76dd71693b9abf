//! What several devices make up together.

use super::tree::{Style, Tree, size};
use asl_facts::{Health, MemberStanding, Pool, PoolFlag, Text, Twins};

/// An array, a group, a pool, or a file system on several devices.
pub(crate) fn pool(pool: &Pool, style: Style) -> String {
    let mut tree = Tree::new(style);
    let name = pool.name.as_ref().map_or_else(String::new, Text::printable);
    let name = if name.is_empty() { &pool.id } else { &name };
    tree.title(0, &format!("pool {}: {name}", pool.format));
    tree.line(1, "id", &pool.id);
    tree.some(1, "level", pool.level.as_ref());
    let expected = match pool.expected {
        0 => String::new(),
        expected => format!(" of {expected}"),
    };
    let members = format!(
        "{}, {}{expected} members",
        health(pool.health),
        pool.members.len()
    );
    if pool.health == Health::Complete {
        tree.good(1, "health", members);
    } else {
        tree.bad(1, "health", members);
    }
    for flag in &pool.flags {
        tree.bad(1, "note", self::flag(*flag));
    }
    for missing in &pool.missing {
        tree.bad(1, "missing", missing);
    }
    if pool.generation != 0 {
        tree.line(1, "generation", pool.generation);
    }
    tree.text(1, "last used by", pool.host.as_ref());
    super::look(&mut tree, 1, &pool.look);
    for active in &pool.active {
        tree.line(1, "active as", active);
    }
    for member in &pool.members {
        tree.title(1, &format!("{} at {}", member.device, member.offset));
        tree.line(2, "place", &member.place);
        tree.line(2, "generation", member.generation);
        let standing = standing(member.standing);
        match member.standing {
            MemberStanding::Current | MemberStanding::Spare => tree.line(2, "standing", standing),
            MemberStanding::Stale | MemberStanding::Faulty | MemberStanding::Duplicate => {
                tree.bad(2, "standing", standing);
            }
        }
    }
    for volume in &pool.volumes {
        tree.title(1, &format!("volume {}", volume.name));
        tree.line(2, "id", &volume.id);
        tree.line(2, "kind", &volume.kind);
        tree.line(2, "size", size(volume.size));
        if volume.health == Health::Complete {
            tree.good(2, "health", health(volume.health));
        } else {
            tree.bad(2, "health", health(volume.health));
        }
    }
    tree.finish()
}

/// One id in several places.
pub(crate) fn twins(twins: &Twins, style: Style) -> String {
    let mut tree = Tree::new(style);
    let what = if twins.one_disk {
        "one disk on several paths"
    } else {
        "clones"
    };
    tree.title(0, &format!("{what}: {} {}", twins.format, twins.id));
    for device in &twins.devices {
        tree.line(1, "device", device);
    }
    tree.finish()
}

fn health(health: Health) -> &'static str {
    match health {
        Health::Complete => "complete",
        Health::Degraded => "degraded: it works, redundancy is lost",
        Health::Incomplete => "incomplete: too few members are here",
        Health::Unknown => "not known",
    }
}

fn standing(standing: MemberStanding) -> &'static str {
    match standing {
        MemberStanding::Current => "current",
        MemberStanding::Stale => "stale: it fell behind",
        MemberStanding::Spare => "spare or cache",
        MemberStanding::Faulty => "faulty: it was thrown out",
        MemberStanding::Duplicate => "duplicate: another claims this place too",
    }
}

fn flag(flag: PoolFlag) -> &'static str {
    match flag {
        PoolFlag::Dirty => "a resync, recovery or replay is due",
        PoolFlag::Exported => "it was exported in good order",
        PoolFlag::NotExported => "it was not exported: in use elsewhere, or the power went",
        PoolFlag::Destroyed => "it was destroyed on purpose",
        PoolFlag::ForeignLive => "another host may be using it now",
        PoolFlag::Reshaping => "a change of shape was under way, which activation would resume",
        PoolFlag::StaleMember => "a member is behind",
        PoolFlag::SplitBrain => "two halves moved on without each other",
        PoolFlag::Duplicate => "two devices claim one place",
        PoolFlag::SameName => "another of its kind has the same name",
    }
}
