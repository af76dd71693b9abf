//! What devices make up together: views of what is not activated, and pools
//! that are file systems themselves.

use crate::inside::{Inside, unreadable};
use crate::jail::Reader;
use crate::member::Members;
use crate::pool::{Limits, Threads};
use crate::root::Root;
use crate::work::{fault, read};
use asl_facts::{
    Device, Format, Health, Look, MemberStanding, Pool, PoolFlag, Probe, Superblock, Virtuals,
};
use asl_stack::Node;
use std::collections::BTreeMap;

/// What devices make up together.
#[derive(Debug)]
pub struct Together {
    /// Pools of the devices.
    pub pools: Vec<Pool>,
    /// What stands on the devices and is not activated.
    pub virtuals: Virtuals,
}

/// Gathers pools, probes what `devices` make up and looks inside, layer by
/// layer, each view and each pool within `limits` as if it were a device. The
/// signatures have their standing.
pub(crate) fn together(
    root: &Root,
    devices: &[Device],
    reader: Option<&Reader>,
    limits: Limits,
) -> Together {
    let members = Members::of(root, devices);
    let open = |device: &Device| Some(members.get(&device.name)?.1.clone());
    let mut probe = |views: Vec<(String, Node)>| {
        let mut threads = Threads::new(limits);
        let names: Vec<String> = views.iter().map(|(name, _)| name.clone()).collect();
        for (name, node) in views {
            let (members, reader) = (members.clone(), reader.cloned());
            threads.add(&name, move |patience| {
                read(&node, &members, reader.as_ref(), &patience)
                    .unwrap_or_else(|failed| Probe::Failed(fault(&failed)))
            });
        }
        threads.finish();
        let probes = names.into_iter().filter_map(|name| {
            let probe = threads.take(&name)?;
            Some((name, probe))
        });
        probes.collect::<BTreeMap<String, Probe>>()
    };
    let through = asl_stack::see_through(devices, &open, &mut probe);
    let mut pools = asl_topology::pools(devices);
    let mut virtuals = through.virtuals;
    let all = devices.iter().chain(&virtuals.devices);
    let ground = Ground {
        devices: all.map(|device| (device.name.as_str(), device)).collect(),
        members: &members,
        views: &through.nodes,
    };
    let looks = pools.iter_mut().chain(&mut virtuals.pools);
    look_into(looks, &ground, reader, limits);
    Together { pools, virtuals }
}

/// What the members of pools are read by.
struct Ground<'a> {
    devices: BTreeMap<&'a str, &'a Device>,
    members: &'a Members,
    views: &'a BTreeMap<String, Node>,
}

/// Looks into the pools that a reader could know.
fn look_into<'a>(
    pools: impl Iterator<Item = &'a mut Pool>,
    ground: &Ground<'_>,
    reader: Option<&Reader>,
    limits: Limits,
) {
    let mut pools: Vec<(String, &mut Pool)> = pools
        .filter(|pool| matches!(pool.format, Format::Zfs | Format::Btrfs))
        .enumerate()
        .map(|(number, pool)| (number.to_string(), pool))
        .collect();
    let mut threads = Threads::new(limits);
    for (key, pool) in &pools {
        let asked = match refusal(pool) {
            Some(why) => Err(why),
            None => ground.asked(pool),
        };
        let asked = match asked {
            Ok(asked) => asked,
            Err(why) => {
                threads.set(key, unreadable(why));
                continue;
            }
        };
        let (members, reader) = (ground.members.clone(), reader.cloned());
        let format = pool.format;
        threads.add(key, move |patience| {
            let inside = Inside {
                reader: reader.as_ref(),
                patience: &patience,
                members: &members,
            };
            inside.pool(format, &asked)
        });
    }
    threads.finish();
    for (key, pool) in &mut pools {
        pool.look = threads.take(key).unwrap_or(Look::NotLooked);
    }
}

/// Why a pool is not looked into, if it is not: what would be seen is not all,
/// or depends on which of two devices is asked.
fn refusal(pool: &Pool) -> Option<String> {
    if pool.flags.contains(&PoolFlag::SplitBrain) {
        return Some("its members moved on without each other".to_owned());
    }
    if pool.flags.contains(&PoolFlag::Duplicate) {
        let twice = |member: &&asl_facts::PoolMember| member.standing == MemberStanding::Duplicate;
        let devices = pool.members.iter().filter(twice);
        let devices: Vec<&str> = devices.map(|member| member.device.as_str()).collect();
        return Some(format!("{} claim one place in it", devices.join(" and ")));
    }
    (pool.health == Health::Incomplete).then(|| format!("missing: {}", pool.missing.join(", ")))
}

impl Ground<'_> {
    /// The members of `pool` that may hold data of it. One that is behind is
    /// among them: a reader of ZFS needs the place of each, and finds out by
    /// checksums.
    fn asked(&self, pool: &Pool) -> Result<Vec<(Node, Superblock)>, String> {
        let holds_data = |member: &&asl_facts::PoolMember| {
            matches!(
                member.standing,
                MemberStanding::Current | MemberStanding::Stale
            )
        };
        let members = pool.members.iter().filter(holds_data);
        members
            .map(|member| {
                self.member(&member.device, member.offset, pool.format)
                    .ok_or_else(|| format!("nothing reads {}", member.device))
            })
            .collect()
    }

    fn member(&self, name: &str, offset: u64, format: Format) -> Option<(Node, Superblock)> {
        let mut signatures = self.devices.get(name)?.probe.signatures().iter();
        let signature =
            signatures.find(|found| found.offset == offset && found.format == format)?;
        let node = match self.views.get(name) {
            Some(view) => view,
            None => self.members.get(name)?.1,
        };
        Some((node.clone(), signature.superblock()?.clone()))
    }
}
