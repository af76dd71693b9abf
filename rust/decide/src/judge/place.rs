//! Rules 10, 12 to 14, 28, 31 and 32: where a candidate lies and what is beside it.

use super::node;
use crate::Effect::{Block, Cap, Drop};
use crate::candidate::Candidate;
use crate::rules;
use crate::selector::Selector;
use crate::stack;
use crate::text::place;
use asl_facts::{Device, Facts, Format, LiveUse, Text, Use};

pub(super) fn own_medium(candidate: &mut Candidate<'_>) {
    let live = candidate.stack.leaves.iter().find_map(|leaf| leaf.live);
    let text = match live {
        None => return,
        Some(LiveUse::Medium) => "the live system runs from it",
        Some(LiveUse::Ancestor) => "the live system runs from a part of it",
    };
    let hint = "put the store on another partition or disk";
    candidate.find(rules::OWN_MEDIUM, "own-medium", Block, text, hint);
}

pub(super) fn ambiguous(candidate: &mut Candidate<'_>) {
    if candidate.rivals.is_empty() {
        return;
    }
    let text = format!(
        "it holds {}, and each could be what counts",
        candidate.rivals.join(" and ")
    );
    let hint = format!("wipefs --no-act {}", candidate.device.node);
    candidate.find(rules::AMBIGUOUS, "ambiguous", Block, text, hint);
}

pub(super) fn busy(facts: &Facts, local_mount: &str, candidate: &mut Candidate<'_>) {
    let mut reasons = Vec::new();
    for device in &candidate.stack.leaves {
        for used in &device.uses {
            match used {
                Use::Mounted { target, read_only } if ours(local_mount, target, *read_only) => {}
                Use::Mounted { target, .. } => reasons.push(format!("mounted on {target}")),
                Use::Swap => reasons.push("in use as swap".to_owned()),
            }
        }
        for name in &device.holders {
            let node = facts
                .device(name)
                .map_or(name.as_str(), |holder| &holder.node);
            reasons.push(format!("held by {node}"));
        }
    }
    if reasons.is_empty() || candidate.dropped() {
        return;
    }
    let text = format!("it is {}", reasons.join(" and "));
    let hint = format!("lsblk {}", node(candidate));
    candidate.find(rules::BUSY, "busy", Block, text, hint);
}

/// A mount that activation made: preflight decides as if nothing were active.
/// Activation only mounts read-only, below these two directories.
fn ours(local_mount: &str, target: &str, read_only: bool) -> bool {
    const PRIVATE: &str = "/run/asl/";
    read_only && (target == local_mount || target.starts_with(PRIVATE))
}

/// Rule 14: what sleeps keeps in memory what it thinks is on its disks.
pub(super) fn hibernated(facts: &Facts, candidate: &mut Candidate<'_>) {
    let own = stack::disks(facts, &candidate.stack.leaves);
    let covers = |device: &&Device| {
        let stack = stack::stack(facts, &[device], None);
        let group =
            |pool: &&asl_facts::Pool| candidate.stack.pools.iter().any(|own| own.id == pool.id);
        let disk = |disk: &Device| own.iter().any(|own| own.name == disk.name);
        stack.pools.iter().any(group)
            || stack::disks(facts, &stack.leaves)
                .iter()
                .any(|one| disk(one))
    };
    let all = facts.all_devices();
    let sleeping = all
        .filter(|device| sleeps(device))
        .find(|device| covers(device));
    if let Some(device) = sleeping {
        let text = format!(
            "a system sleeps on {} and may have it open",
            place(facts, device)
        );
        let hint = "wake that system and shut it down";
        candidate.find(rules::HIBERNATED, "hibernated", Cap, text, hint);
    }
}

fn sleeps(device: &Device) -> bool {
    let mut found = device
        .probe
        .signatures()
        .iter()
        .filter_map(|s| s.superblock());
    found.any(|superblock| match &superblock.content {
        asl_facts::Content::Swap(swap) => swap.hibernated.is_some(),
        asl_facts::Content::Filesystem(filesystem) => filesystem.hibernated,
        _ => false,
    })
}

/// Rule 28. The kernel tells members of a btrfs apart by its UUID alone, so a
/// selector cannot help there while the other copy is attached.
pub(super) fn clones(facts: &Facts, selectors: &[Selector<'_>], candidates: &mut [Candidate<'_>]) {
    let named = selectors.iter().any(Selector::names_place);
    let verdicts: Vec<Option<(crate::Effect, String, String)>> = candidates
        .iter()
        .map(|candidate| {
            let twins: Vec<&Candidate<'_>> = candidates
                .iter()
                .filter(|other| !candidate.dropped() && !other.dropped() && twin(candidate, other))
                .collect();
            let first = twins.first()?;
            let text = format!("the same id is on {}", place(facts, first.device));
            let btrfs = candidate
                .filesystem()
                .is_some_and(|(format, _)| format == Format::Btrfs);
            if named && !btrfs && candidate.selected {
                return None;
            }
            if named && !btrfs && twins.iter().any(|other| other.selected) {
                return Some((Drop, text, String::new()));
            }
            let hint = if btrfs {
                "detach one of them, or put its serial into detect.exclude".to_owned()
            } else {
                "name one with local.serial or local.device".to_owned()
            };
            Some((Block, text, hint))
        })
        .collect();
    for (candidate, verdict) in candidates.iter_mut().zip(verdicts) {
        if let Some((effect, text, hint)) = verdict {
            candidate.find(rules::CLONE, "clone", effect, text, hint);
        }
    }
}

/// The same id in two places. Two stores on one file system are no clones.
fn twin(a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    if a.device.name == b.device.name {
        return false;
    }
    let same = |a: Option<&str>, b: Option<&str>| a.is_some() && a == b;
    same(a.uuid(), b.uuid()) || same(a.store_id(), b.store_id())
}

/// Rule 31.
pub(super) fn image_file(candidate: &mut Candidate<'_>) {
    let Some(image) = candidate.image else {
        return;
    };
    let path = Text::from(image.path.as_str()).printable();
    let text =
        format!("{path} in it is attached read-only first, and only then is seen what it holds");
    candidate.find(rules::IMAGE_FILE, "image-file", Cap, text, "");
}

/// Rule 32.
pub(super) fn layout_only(candidates: &mut [Candidate<'_>]) {
    let identified = candidates
        .iter()
        .any(|candidate| candidate.store_id().is_some() && !candidate.dropped());
    for candidate in candidates
        .iter_mut()
        .filter(|candidate| candidate.layout_only())
    {
        let (effect, text) = if identified && !candidate.selected {
            (Drop, "it has no id, and another store has one")
        } else {
            (Cap, "the directories of a store, without an id")
        };
        let hint = "name it with local.uuid".to_owned();
        candidate.find(
            rules::LAYOUT_ONLY,
            "layout-only",
            effect,
            text.to_owned(),
            hint,
        );
    }
}
