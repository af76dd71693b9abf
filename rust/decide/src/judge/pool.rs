//! Rules 18 to 24 and 27: what the pools below a candidate are.

use crate::Effect::{Block, Cap, Note};
use crate::candidate::Candidate;
use crate::rules;
use crate::stack::{self, Layer};
use crate::text::{list, place, pool_name};
use asl_config::{Config, Degraded};
use asl_facts::{Facts, Format, Health, MemberStanding, Pool, PoolFlag, Text};

pub(super) fn judge(facts: &Facts, config: &Config, candidate: &mut Candidate<'_>) {
    for pool in candidate.stack.pools.clone() {
        members(facts, config, candidate, pool);
        flags(facts, config, candidate, pool);
    }
    shared(facts, config, candidate);
    paths(facts, candidate);
}

/// What of the pool the candidate needs: a volume may be whole in a group
/// that is not.
fn health(facts: &Facts, candidate: &Candidate<'_>, pool: &Pool) -> Health {
    let mut layers = candidate.stack.devices.iter();
    let volume = layers.find_map(|device| match stack::layer(facts, device) {
        Layer::Volume(group, volume) if group.id == pool.id => Some(volume),
        _ => None,
    });
    volume
        .and_then(|volume| pool.volumes.iter().find(|known| known.id == volume.id))
        .map_or(pool.health, |known| known.health)
}

/// 18 to 20
fn members(facts: &Facts, config: &Config, candidate: &mut Candidate<'_>, pool: &Pool) {
    let name = pool_name(pool);
    let missing = list(&pool.missing);
    match health(facts, candidate, pool) {
        Health::Incomplete => {
            let text = format!("{name} lacks what it cannot do without: {missing}");
            let hint = format!("attach what is missing ({missing}), then asl-admin preflight");
            candidate.find(rules::INCOMPLETE, "incomplete", Block, text, hint);
        }
        Health::Degraded => {
            let parity = pool.level.as_deref().is_some_and(|level| {
                ["raid4", "raid5", "raid6"]
                    .iter()
                    .any(|kind| level.starts_with(kind))
            });
            let text = format!("{name} has lost redundancy: {missing} missing");
            if pool.flags.contains(&PoolFlag::Dirty) && parity {
                let text =
                    format!("{text}, and it was not stopped cleanly: its parity cannot be trusted");
                let hint = "image its members first, then assemble a copy";
                candidate.find(rules::DEGRADED, "degraded", Block, text, hint);
            } else if config.import.degraded == Degraded::Ro {
                candidate.find(rules::DEGRADED, "degraded", Cap, text, "");
            } else {
                let hint = format!(
                    "attach {missing}, or import.degraded = ro in /etc/asl/asl.conf, then asl-admin preflight"
                );
                candidate.find(rules::DEGRADED, "degraded", Block, text, hint);
            }
        }
        Health::Complete | Health::Unknown => {}
    }
    let behind: Vec<String> = pool
        .members
        .iter()
        .filter(|member| member.standing == MemberStanding::Stale)
        .filter_map(|member| facts.find(&member.device))
        .map(|device| place(facts, device))
        .collect();
    if !behind.is_empty() {
        let text = format!(
            "{name} is judged without what fell behind: {}",
            list(&behind)
        );
        candidate.find(rules::STALE_MEMBER, "stale-member", Note, text, "");
    }
}

/// 21 to 24, 26 and 28
fn flags(facts: &Facts, config: &Config, candidate: &mut Candidate<'_>, pool: &Pool) {
    let name = pool_name(pool);
    let has = |flag| pool.flags.contains(&flag);
    let host = pool.host.as_ref().map(Text::printable);
    let by = host
        .as_ref()
        .map_or(String::new(), |host| format!(" by {host}"));
    if has(PoolFlag::SplitBrain) {
        let histories: Vec<String> = pool
            .members
            .iter()
            .filter_map(|member| {
                let device = facts.find(&member.device)?;
                Some(format!("{} on {}", member.generation, place(facts, device)))
            })
            .collect();
        let text = format!(
            "the halves of {name} moved on without each other: {}",
            list(&histories)
        );
        let hint = "detach the half that is not wanted, or put its serial into detect.exclude, then asl-admin preflight";
        candidate.find(rules::SPLIT_BRAIN, "split-brain", Block, text, hint);
    }
    if has(PoolFlag::Reshaping) {
        let text =
            format!("{name} was being changed in shape, and activating it would go on with that");
        let hint = "finish it where it was begun, or image the members first";
        candidate.find(rules::IN_FLIGHT, "in-flight", Block, text, hint);
    }
    if has(PoolFlag::ForeignLive) {
        foreign(
            config,
            candidate,
            pool,
            &format!("{name} may be in use{by} now"),
        );
    } else if has(PoolFlag::NotExported) && pool.format == Format::Zfs {
        let text = format!("{name} was last used{by} and not exported, as after a crash");
        candidate.find(rules::NOT_EXPORTED, "not-exported", Note, text, "");
    }
    if has(PoolFlag::Dirty) && pool.format == Format::Md {
        let text = format!("{name} was not stopped cleanly and needs a resync, which waits");
        candidate.find(rules::DIRTY, "needs-replay", Note, text, "");
    }
    if has(PoolFlag::Destroyed) {
        let text = format!("{name} was destroyed on purpose");
        let hint = format!("zpool import -D {}", pool.id);
        candidate.find(rules::INCOMPLETE, "incomplete", Block, text, hint);
    }
    if has(PoolFlag::Duplicate) {
        let claims: Vec<String> = pool
            .members
            .iter()
            .filter(|member| member.standing == MemberStanding::Duplicate)
            .filter_map(|member| facts.find(&member.device))
            .map(|device| place(facts, device))
            .collect();
        let text = format!(
            "several devices claim one place in {name}: {}",
            list(&claims)
        );
        let hint = "detach all but one of them, or put their serials into detect.exclude, then asl-admin preflight";
        candidate.find(rules::CLONE, "clone", Block, text, hint);
    }
}

/// 23: blocked unless the configuration names it.
fn foreign(config: &Config, candidate: &mut Candidate<'_>, pool: &Pool, text: &str) {
    let name = pool.name.as_ref().map(Text::printable);
    let named = |known: &String| *known == pool.id || Some(known) == name.as_ref();
    if config.import.foreign.iter().any(named) {
        candidate.find(rules::FOREIGN_LIVE, "foreign-live", Cap, text, "");
        return;
    }
    let hint = format!(
        "make sure that no other host uses it, then import.foreign = {} in /etc/asl/asl.conf and asl-admin preflight",
        pool.id
    );
    candidate.find(rules::FOREIGN_LIVE, "foreign-live", Block, text, hint);
}

/// 23 for a disk that other hosts reach too.
fn shared(facts: &Facts, config: &Config, candidate: &mut Candidate<'_>) {
    const SHARED: [&str; 6] = ["fc", "iscsi", "nbd", "rbd", "drbd", "nvme-fabrics"];
    let disks = stack::disks(facts, &candidate.stack.leaves);
    let Some(disk) = disks.iter().find(|disk| {
        let transport = disk.identity.transport.as_deref();
        transport.is_some_and(|transport| SHARED.contains(&transport))
    }) else {
        return;
    };
    let transport = disk.identity.transport.as_deref().unwrap_or_default();
    let text = format!("it is reached by {transport}, as other hosts may reach it too");
    let ids = [candidate.store_id(), candidate.uuid()];
    let named = |known: &String| ids.contains(&Some(known.as_str()));
    if config.import.foreign.iter().any(named) {
        candidate.find(rules::FOREIGN_LIVE, "foreign-live", Cap, text, "");
        return;
    }
    let id = candidate.id().unwrap_or("ID");
    let hint = format!(
        "make sure that no other host uses it, then import.foreign = {id} in /etc/asl/asl.conf and asl-admin preflight"
    );
    candidate.find(rules::FOREIGN_LIVE, "foreign-live", Block, text, hint);
}

/// 27: one disk on several paths. What was found on another path was dropped.
fn paths(facts: &Facts, candidate: &mut Candidate<'_>) {
    let disks = stack::disks(facts, &candidate.stack.leaves);
    let others: Vec<String> = disks
        .iter()
        .flat_map(|disk| stack::other_paths(facts, disk))
        .map(|path| path.node.clone())
        .collect();
    if others.is_empty() || candidate.dropped() {
        return;
    }
    let text = format!(
        "its disk is there on several paths, also as {}",
        list(&others)
    );
    let hint = "writing to it needs dm-multipath";
    candidate.find(rules::MULTIPATH, "multipath", Cap, text, hint);
}
