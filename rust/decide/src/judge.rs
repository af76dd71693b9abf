//! Rules 10 to 32: what stands against a candidate.
//!
//! Every rule is asked about every candidate, so that a report names all
//! that is wrong with a disk and not only what was noticed first.

use crate::Effect::{Block, Cap, Drop, Note};
use crate::candidate::{Candidate, Content, holders};
use crate::mount;
use crate::rules;
use crate::selector::Selector;
use crate::text::{check_command, place, size};
use asl_facts::{
    Container, Damage, Device, DeviceKind, Facts, Filesystem, Format, LiveUse, LogState, Look,
    Probe, Superblock, Use,
};

/// Rule 11, before the selectors: what shows on a member of an array shows on
/// the array too, and there it belongs.
pub(crate) fn topology(facts: &Facts, candidates: &mut [Candidate<'_>]) {
    for candidate in candidates.iter_mut() {
        if let Some((format, offset)) = candidate.inside {
            let text = format!("it shows through a member of {format} (superblock at {offset})");
            candidate.find(rules::RAW_MEMBER, "raw-member", Drop, text, String::new());
            continue;
        }
        let Some(uuid) = candidate.uuid() else {
            continue;
        };
        let owner = holders(facts, candidate.device)
            .into_iter()
            .filter(|holder| holder.name != candidate.device.name)
            .filter(|holder| holder.parent.is_some() || is_stacked(holder))
            .find(|holder| {
                let signatures = holder.probe.signatures().iter();
                signatures
                    .filter_map(|signature| signature.superblock())
                    .any(|superblock| superblock.uuid.as_deref() == Some(uuid))
            });
        if let Some(owner) = owner {
            let text = format!("it is the same file system as on {}", place(facts, owner));
            candidate.find(rules::RAW_MEMBER, "raw-member", Drop, text, String::new());
        }
    }
}

fn is_stacked(device: &Device) -> bool {
    matches!(device.kind, DeviceKind::Md | DeviceKind::Dm)
}

/// Rules 10 and 12 to 32, once it is known what is selected.
pub(crate) fn judge(
    facts: &Facts,
    local_mount: &str,
    selectors: &[Selector<'_>],
    candidates: &mut [Candidate<'_>],
) {
    clones(facts, selectors, candidates);
    layout_only(candidates);
    for candidate in candidates.iter_mut() {
        own_medium(candidate);
        ambiguous(candidate);
        busy(facts, local_mount, candidate);
        match candidate.content {
            Content::Unread => sick(candidate),
            Content::Damaged(format, damage) => damaged(candidate, format, damage),
            Content::Sound(format, superblock) => {
                worn(candidate, format, superblock);
                match &superblock.content {
                    asl_facts::Content::Filesystem(filesystem) => {
                        members(candidate, format, superblock, filesystem);
                        driver(facts, candidate, format, superblock, filesystem);
                        dirty(candidate, format, filesystem);
                        unreadable(candidate, filesystem);
                    }
                    asl_facts::Content::Container(container) => {
                        locked(candidate, format, container);
                    }
                    _ => member(candidate, format),
                }
            }
        }
        candidate.findings.sort_by_key(|finding| finding.number);
    }
}

fn own_medium(candidate: &mut Candidate<'_>) {
    let text = match candidate.device.live {
        None => return,
        Some(LiveUse::Medium) => "the live system runs from it",
        Some(LiveUse::Ancestor) => "the live system runs from a part of it",
    };
    let hint = "put the store on another partition or disk".to_owned();
    candidate.find(
        rules::OWN_MEDIUM,
        "own-medium",
        Block,
        text.to_owned(),
        hint,
    );
}

fn ambiguous(candidate: &mut Candidate<'_>) {
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

fn busy(facts: &Facts, local_mount: &str, candidate: &mut Candidate<'_>) {
    let mut reasons = Vec::new();
    for device in &candidate.devices {
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
    let hint = format!("lsblk {}", candidate.device.node);
    candidate.find(rules::BUSY, "busy", Block, text, hint);
}

/// A mount that activation made: preflight decides as if nothing were active.
/// Activation only mounts read-only, below these two directories.
fn ours(local_mount: &str, target: &str, read_only: bool) -> bool {
    const PRIVATE: &str = "/run/asl/";
    read_only && (target == local_mount || target.starts_with(PRIVATE))
}

fn sick(candidate: &mut Candidate<'_>) {
    let node = &candidate.device.node;
    let text = match &candidate.device.probe {
        Probe::TimedOut { after_ms } => format!("it did not answer within {after_ms} ms"),
        Probe::Failed(fault) => {
            let offset = fault
                .offset
                .map_or(String::new(), |offset| format!(" at {offset}"));
            format!("reading it failed{offset}: {}", fault.error)
        }
        Probe::Read { .. } | Probe::Skipped { .. } => return,
    };
    let hint = format!("image it first: ddrescue {node} IMAGE MAP");
    candidate.find(rules::SICK, "sick", Block, text, hint);
}

fn damaged(candidate: &mut Candidate<'_>, format: Format, damage: &Damage) {
    let text = format!("{}, and no other copy is valid", describe(format, damage));
    let hint = check_command(format, &candidate.device.node);
    candidate.find(rules::DAMAGED, "damaged", Block, text, hint);
}

fn describe(format: Format, damage: &Damage) -> String {
    format!(
        "{format} superblock at {}: {}: {} seen, {} expected",
        damage.offset, damage.rule, damage.seen, damage.expected
    )
}

/// Sound, but not whole: read-only, and told.
fn worn(candidate: &mut Candidate<'_>, format: Format, superblock: &Superblock) {
    let hint = check_command(format, &candidate.device.node);
    if let Some(damage) = superblock.damaged_copies.first() {
        let text = format!("a copy is damaged ({})", describe(format, damage));
        candidate.find(rules::DAMAGED, "damaged", Cap, text, hint.clone());
    }
    if superblock
        .filesystem()
        .is_some_and(|filesystem| filesystem.errors)
    {
        let text = format!("{format} has recorded errors in it");
        candidate.find(rules::DAMAGED, "damaged", Cap, text, hint);
    }
}

/// A btrfs over several devices: this version gathers no members.
fn members(
    candidate: &mut Candidate<'_>,
    format: Format,
    superblock: &Superblock,
    filesystem: &Filesystem,
) {
    if filesystem.devices <= 1 {
        return;
    }
    let seen = candidate.devices.len();
    let hint = format!(
        "btrfs filesystem show {}",
        superblock.uuid.as_deref().unwrap_or_default()
    );
    if u64::try_from(seen).is_ok_and(|seen| seen < filesystem.devices) {
        let text = format!(
            "{seen} of {} devices of this {format} are here",
            filesystem.devices
        );
        candidate.find(rules::INCOMPLETE, "incomplete", Block, text, hint);
    } else {
        let text = format!(
            "this {format} spans {} devices, which this version does not gather",
            filesystem.devices
        );
        candidate.find(rules::NO_DRIVER, "no-mount-option", Block, text, hint);
    }
}

fn driver(
    facts: &Facts,
    candidate: &mut Candidate<'_>,
    format: Format,
    superblock: &Superblock,
    filesystem: &Filesystem,
) {
    let check = check_command(format, &candidate.device.node);
    let known = |name: &String| name == format.name();
    if mount::driver(&facts.system, format).is_some() {
        // It can be mounted.
    } else if facts.system.filesystems.iter().any(known) {
        let text = format!("no way to mount {format} is proven to write nothing");
        candidate.find(
            rules::NO_DRIVER,
            "no-mount-option",
            Block,
            text,
            check.clone(),
        );
    } else {
        let text = format!("this system has no driver for {format}");
        let hint = format!("modprobe {format}");
        candidate.find(rules::NO_DRIVER, "no-driver", Block, text, hint);
    }
    if !superblock.unknown_features.is_empty() {
        let text = format!(
            "{format} with features that this version does not know ({})",
            superblock.unknown_features.join(", ")
        );
        candidate.find(
            rules::NO_DRIVER,
            "no-mount-option",
            Block,
            text,
            check.clone(),
        );
    }
    if filesystem.log == LogState::Unknown {
        let text = format!("the log of this {format} could not be judged");
        candidate.find(rules::NO_DRIVER, "no-mount-option", Block, text, check);
    }
}

fn dirty(candidate: &mut Candidate<'_>, format: Format, filesystem: &Filesystem) {
    let LogState::NeedsReplay { live_bytes } = filesystem.log else {
        return;
    };
    let live = live_bytes.map_or(String::new(), |bytes| format!(" ({} of it)", size(bytes)));
    let text = format!(
        "this {format} was not unmounted cleanly: its log{live} needs replay, \
         and this version does not mount it"
    );
    let hint = "unmount it cleanly where it was used, then asl-admin preflight".to_owned();
    candidate.find(rules::DIRTY, "needs-replay", Block, text, hint);
}

/// Rule 16: no key source can be named yet, so nothing is ever unlocked.
fn locked(candidate: &mut Candidate<'_>, format: Format, container: &Container) {
    let node = &candidate.device.node;
    if container.locked {
        let text = format!("this {format} is locked, and what it holds cannot be seen");
        let hint = format!("cryptsetup open --readonly {node} NAME");
        candidate.find(rules::LOCKED, "locked", Block, text, hint);
    } else {
        member(candidate, format);
    }
}

/// A member of something that this version does not gather.
fn member(candidate: &mut Candidate<'_>, format: Format) {
    let text = format!("a member of {format}, which this version does not look into");
    let hint = format!("asl-debug probe {}", candidate.device.node);
    candidate.find(rules::UNREADABLE, "unreadable", Note, text, hint);
}

fn unreadable(candidate: &mut Candidate<'_>, filesystem: &Filesystem) {
    let text = match &filesystem.look {
        Look::Read { .. } => return,
        Look::NotLooked => "nothing was read inside it".to_owned(),
        Look::Unreadable { why } => format!("it could not be read inside: {why}"),
    };
    let hint = format!("asl-debug probe {}", candidate.device.node);
    candidate.find(rules::UNREADABLE, "unreadable", Note, text, hint);
}

/// Rule 28. The kernel tells members of a btrfs apart by its UUID alone, so a
/// selector cannot help there while the other copy is attached.
fn clones(facts: &Facts, selectors: &[Selector<'_>], candidates: &mut [Candidate<'_>]) {
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

/// Rule 32.
fn layout_only(candidates: &mut [Candidate<'_>]) {
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
