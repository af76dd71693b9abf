//! Arrays of md.
//!
//! Members are those that the pool found current, as the kernel would take
//! them. Where a resync is due the members of a mirror may differ, and the
//! kernel reads the first that it has: the maps list copies in that order.

use crate::build::{Ground, Layer, Virtual, active, label};
use crate::map::{AnyMap, Concat, Mirror, count};
use crate::mapped::Mapped;
use crate::node::{Node, Slice};
use crate::parity::{Layout, Parity};
use crate::raid10::Raid10;
use crate::refusal::Refusal;
use crate::zones::{Rounds, Zones};
use asl_facts::{
    Content, Device, Format, Health, MemberStanding, Pool, PoolFlag, Raid, Role, Superblock,
};
use std::sync::Arc;

/// As many roles as a superblock has room for.
const MAX_SLOTS: u32 = 1920;

struct Member<'a> {
    device: &'a Device,
    superblock: &'a Superblock,
    raid: &'a Raid,
}

pub(crate) fn array(ground: &Ground<'_>, pool: &Pool) -> Virtual {
    let mut stack: Vec<String> = pool.members.iter().map(|m| m.device.clone()).collect();
    let built = assemble(ground, pool);
    if let Ok((_, used)) = &built {
        stack.clone_from(used);
    }
    let node = built.map(|(node, _)| node);
    Virtual {
        layer: Layer::Array,
        name: format!("md:{}", label(pool.name.as_ref(), &pool.id)),
        id: pool.id.clone(),
        size: node.as_ref().map_or(0, |node| node.size()),
        stack,
        partition: None,
        degraded: pool.health != Health::Complete,
        node,
    }
}

/// The array and the devices that it reads.
fn assemble(ground: &Ground<'_>, pool: &Pool) -> Result<(Node, Vec<String>), Refusal> {
    if let Some(refusal) = active(pool) {
        return Err(refusal);
    }
    let has = |flag| pool.flags.contains(&flag);
    if has(PoolFlag::SplitBrain) {
        return Err(Refusal::SplitBrain);
    }
    if has(PoolFlag::Reshaping) {
        return Err(Refusal::UnderWay("a change of shape".to_owned()));
    }
    if has(PoolFlag::Duplicate) {
        let twice = |m: &&asl_facts::PoolMember| m.standing == MemberStanding::Duplicate;
        let place = pool.members.iter().find(twice).map(|m| m.place.clone());
        return Err(Refusal::Duplicate(place.unwrap_or_default()));
    }
    if pool.health > Health::Degraded {
        return Err(Refusal::Missing(pool.missing.clone()));
    }
    let members = members(ground, pool);
    let newest = members.iter().max_by_key(|member| member.raid.events);
    let newest = newest.ok_or_else(|| Refusal::Missing(pool.missing.clone()))?;
    let slots = slots(&members, newest.raid)?;
    let nodes = slots
        .iter()
        .map(|slot| slot.map(|member| node(ground, member)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let used = slots.iter().flatten();
    let used = used.map(|member| member.device.name.clone()).collect();
    Ok((map(newest.raid, &slots, nodes, pool)?, used))
}

/// Those that hold data of the array as it is now.
fn members<'a>(ground: &Ground<'a>, pool: &Pool) -> Vec<Member<'a>> {
    let current = pool.members.iter();
    let current = current.filter(|member| member.standing == MemberStanding::Current);
    current
        .filter_map(|member| {
            let device = ground.device(&member.device)?;
            let mut signatures = device.probe.signatures().iter();
            let signature = signatures.find(|signature| {
                signature.offset == member.offset && signature.format == Format::Md
            })?;
            let superblock = signature.superblock()?;
            match &superblock.content {
                Content::Raid(raid) if raid.rebuilt.is_none() && !raid.replacement => {
                    Some(Member {
                        device,
                        superblock,
                        raid,
                    })
                }
                _ => None,
            }
        })
        .collect()
}

/// The members by slot, and that they speak of one array.
fn slots<'m, 'a>(
    members: &'m [Member<'a>],
    newest: &Raid,
) -> Result<Vec<Option<&'m Member<'a>>>, Refusal> {
    if newest.raid_disks > MAX_SLOTS {
        return Err(Refusal::Geometry("more members than md has"));
    }
    for member in members {
        if let Some(feature) = member.superblock.unknown_features.first() {
            return Err(Refusal::Feature(feature.clone()));
        }
        let raid = member.raid;
        if raid.journal {
            return Err(Refusal::Journal);
        }
        if raid.level != newest.level || raid.raid_disks != newest.raid_disks {
            return Err(Refusal::Disagree("the level"));
        }
        if raid.layout != newest.layout || raid.chunk != newest.chunk {
            return Err(Refusal::Disagree("the layout"));
        }
    }
    let holds = |slot| {
        members
            .iter()
            .find(move |m| m.raid.role == Role::Active(slot))
    };
    Ok((0..newest.raid_disks).map(holds).collect())
}

fn node(ground: &Ground<'_>, member: &Member<'_>) -> Result<Node, Refusal> {
    let raid = member.raid;
    let device = ground.open(member.device)?;
    let slice = Slice::of(device, raid.data_offset, raid.data_size);
    let slice = slice.ok_or_else(|| Refusal::Outside(member.device.name.clone()))?;
    Ok(Arc::new(slice.without(&raid.bad_blocks)))
}

fn map(
    raid: &Raid,
    slots: &[Option<&Member<'_>>],
    nodes: Vec<Option<Node>>,
    pool: &Pool,
) -> Result<Node, Refusal> {
    let missing = nodes.iter().filter(|node| node.is_none()).count();
    let names = || pool.missing.join(", ");
    let sizes: Vec<u64> = slots.iter().flatten().map(|m| m.raid.data_size).collect();
    // Members of redundant levels are used as far as all of them reach.
    let smallest = sizes.iter().copied().min().unwrap_or(0);
    let layout = || Refusal::Layout {
        level: raid.level.clone(),
        layout: raid.layout,
    };
    let level = raid.level.as_str();
    if missing > 0 && matches!(level, "linear" | "raid0") {
        return Err(Refusal::Missing(pool.missing.clone()));
    }
    match level {
        "linear" => {
            let whole = |size: u64| match size.checked_rem(raid.chunk) {
                Some(rest) => size.saturating_sub(rest),
                None => size,
            };
            let map = Concat::new(sizes.into_iter().map(whole));
            view(map.ok_or(TOO_LARGE)?, nodes)
        }
        "raid0" => {
            let rounds = match raid.layout {
                0 | 1 => Rounds::Array,
                2 => Rounds::Zone,
                _ => return Err(layout()),
            };
            let map = Zones::new(&sizes, raid.chunk, rounds).ok_or(TOO_LARGE)?;
            if raid.layout == 0 && map.has_several() {
                return Err(Refusal::UnrecordedRaid0);
            }
            view(map, nodes)
        }
        "raid1" => {
            let members = nodes.len();
            let size = smallest;
            view(Mirror { members, size }, nodes)
        }
        "raid10" => {
            let map = Raid10::new(raid.layout, count(&nodes), raid.chunk, smallest);
            view(map.ok_or_else(layout)?, nodes)
        }
        "raid4" | "raid5" | "raid6" => {
            let (level, missing_names) = (raid.level.clone(), names());
            // A stripe whose parity was not written yet says nothing about
            // what is missing.
            if missing > 0 && !raid.clean {
                let missing = missing_names;
                return Err(Refusal::Dirty { level, missing });
            }
            if missing > 1 {
                let missing = missing_names;
                return Err(Refusal::Degraded { level, missing });
            }
            let place = Layout::of_md(&raid.level, raid.layout).ok_or_else(layout)?;
            let members = count(&nodes);
            let map = Parity::new(place, members, raid.chunk, smallest, raid.clean);
            view(map.ok_or(TOO_LARGE)?, nodes)
        }
        other => Err(Refusal::Kind(other.to_owned())),
    }
}

const TOO_LARGE: Refusal = Refusal::Geometry("no such array can be: too few members, or too large");

fn view(map: impl Into<AnyMap>, nodes: Vec<Option<Node>>) -> Result<Node, Refusal> {
    Ok(Arc::new(Mapped::new(map, nodes)))
}
