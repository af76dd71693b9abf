//! Rules 15 to 17, 22, 25, 26, 29 and 30: what is on a candidate.

use super::node;
use crate::Effect::{Block, Cap, Note};
use crate::candidate::Candidate;
use crate::keys::{self, Source};
use crate::rules;
use crate::steps;
use crate::text::{check_command, size};
use asl_config::Config;
use asl_facts::{Container, Damage, Facts, Filesystem, Format, LogState, Look, Probe, Superblock};

/// A view that could not be built; the rules of pools say most of it.
pub(super) fn refused(candidate: &mut Candidate<'_>, why: &str) {
    let text = format!("it was not read: {why}");
    let hint = "asl-admin status";
    candidate.find(rules::UNREADABLE, "unreadable", Note, text, hint);
}

pub(super) fn sick(candidate: &mut Candidate<'_>) {
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
    let hint = image_first(node(candidate));
    candidate.find(rules::SICK, "sick", Block, text, hint);
}

fn image_first(node: &str) -> String {
    format!("image it first: ddrescue {node} IMAGE MAP")
}

pub(super) fn damaged(candidate: &mut Candidate<'_>, format: Format, damage: &Damage) {
    if damage.is_unreadable() {
        return on_a_bad_sector(candidate, format, damage);
    }
    let text = format!("{}, and no other copy is valid", describe(format, damage));
    let hint = check_command(format, node(candidate));
    candidate.find(rules::DAMAGED, "damaged", Block, text, hint);
}

/// A check would read the bad sector again and again.
fn on_a_bad_sector(candidate: &mut Candidate<'_>, format: Format, damage: &Damage) {
    let text = format!(
        "the {format} superblock at {} lies on a sector that cannot be read: {} seen, {} expected",
        damage.offset, damage.seen, damage.expected
    );
    let hint = image_first(node(candidate));
    candidate.find(rules::SICK, "sick", Block, text, hint);
}

fn describe(format: Format, damage: &Damage) -> String {
    format!(
        "{format} superblock at {}: {}: {} seen, {} expected",
        damage.offset, damage.rule, damage.seen, damage.expected
    )
}

/// Sound, but not whole: read-only, and told.
pub(super) fn worn(candidate: &mut Candidate<'_>, format: Format, superblock: &Superblock) {
    let hint = check_command(format, node(candidate));
    let unreadable = |damage: &&Damage| damage.is_unreadable();
    if let Some(damage) = superblock.damaged_copies.iter().find(unreadable) {
        on_a_bad_sector(candidate, format, damage);
    } else if let Some(damage) = superblock.damaged_copies.first() {
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

/// Rule 25 for what is on it.
pub(super) fn kind(
    facts: &Facts,
    candidate: &mut Candidate<'_>,
    format: Format,
    superblock: &Superblock,
    filesystem: &Filesystem,
) {
    let check = check_command(format, node(candidate));
    let known = |name: &String| name == format.name();
    if steps::driver(&facts.system, format).is_some() {
        // It can be mounted.
    } else if facts.system.filesystems.iter().any(known) {
        let text = format!("no way to mount {format} is proven to write nothing");
        candidate.find(rules::NO_DRIVER, "no-mount-option", Block, text, &*check);
    } else {
        let text = format!("this system has no driver for {format}");
        let hint = format!("modprobe {format}");
        candidate.find(rules::NO_DRIVER, "no-driver", Block, text, hint);
    }
    if format == Format::Bcachefs && candidate.pool.is_some() {
        let text = "no way to mount a bcachefs on several devices is proven to write nothing";
        candidate.find(rules::NO_DRIVER, "no-mount-option", Block, text, &*check);
    }
    if !superblock.unknown_features.is_empty() {
        let text = format!(
            "{format} with features that this version does not know ({})",
            superblock.unknown_features.join(", ")
        );
        candidate.find(rules::NO_DRIVER, "no-mount-option", Block, text, &*check);
    }
    if filesystem.log == LogState::Unknown {
        let text = format!("the log of this {format} could not be judged");
        candidate.find(rules::NO_DRIVER, "no-mount-option", Block, text, check);
    }
}

/// Rule 25 for what must come before the mount.
pub(super) fn driver(facts: &Facts, config: &Config, candidate: &mut Candidate<'_>) {
    if candidate.store.is_none() && !candidate.selected {
        return;
    }
    let lacks = steps::lacks(facts, config, candidate);
    if !lacks.is_empty() {
        let lacks = lacks.join(" and no ");
        let text = format!("this system has no {lacks}, which has to come before the mount");
        let hint = "load or install what is missing, then asl-admin preflight";
        candidate.find(rules::NO_DRIVER, "no-driver", Block, text, hint);
    }
}

/// Rule 26.
pub(super) fn dirty(
    facts: &Facts,
    candidate: &mut Candidate<'_>,
    format: Format,
    filesystem: &Filesystem,
) {
    let LogState::NeedsReplay { live_bytes } = filesystem.log else {
        return;
    };
    let live = live_bytes.map_or(String::new(), |bytes| format!(" ({} of it)", size(bytes)));
    let text = format!("this {format} was not unmounted cleanly: its log{live} needs replay");
    if candidate.pool.is_some() {
        let text =
            format!("{text}, and no way to do that on several devices is proven to write nothing");
        let hint = "unmount it cleanly where it was used, then asl-admin preflight";
        candidate.find(rules::NO_DRIVER, "no-mount-option", Block, text, hint);
        return;
    }
    let room = steps::cow_bytes(&facts.system);
    // What replay writes is what the log holds, and some bookkeeping.
    let needed = live_bytes.map(|bytes| bytes.saturating_add(bytes / 4));
    if needed.is_some_and(|needed| needed > room) && !candidate.consent {
        let text = format!(
            "{text}, and a copy in memory has room for {} of it",
            size(room)
        );
        let mut hint = "unmount it cleanly where it was used".to_owned();
        if candidate.image.is_none() {
            let id = candidate.id().unwrap_or("ID");
            hint.push_str(&format!(", or asl-admin allow-write {id}"));
        }
        candidate.find(rules::DIRTY, "log-too-big", Block, text, hint);
        return;
    }
    let text = format!("{text}; that is done in memory unless it may be written");
    candidate.find(rules::DIRTY, "needs-replay", Note, text, "");
}

/// Rules 16, 17 and 22 of what is encrypted.
pub(super) fn locked(
    config: &Config,
    candidate: &mut Candidate<'_>,
    format: Format,
    container: &Container,
) {
    if let Some(what) = &container.under_way {
        let text = format!("{what} of this {format} was under way, and opening it would resume it");
        let hint = format!("cryptsetup luksDump {}", node(candidate));
        candidate.find(rules::IN_FLIGHT, "in-flight", Block, text, hint);
    }
    if !container.locked {
        member(candidate, format);
        return;
    }
    let uuid = candidate.uuid().unwrap_or_default().to_owned();
    let unlock = format!("asl-admin unlock {uuid}");
    match keys::source(config, candidate) {
        Some(Source::Named(_)) => {
            let text = format!("this {format} is locked, and the configuration names its key");
            candidate.find(rules::KEYED, "keyed", Note, text, unlock);
        }
        Some(Source::General) if candidate.selected => {}
        Some(Source::General) | None => {
            let text = format!("this {format} is locked, and what it holds cannot be seen");
            candidate.find(rules::LOCKED, "locked", Block, text, unlock);
        }
    }
}

/// A member of something that this version does not gather.
pub(super) fn member(candidate: &mut Candidate<'_>, format: Format) {
    let text = format!("a member of {format}, which this version does not look into");
    let hint = format!("asl-debug probe {}", node(candidate));
    candidate.find(rules::UNREADABLE, "unreadable", Note, text, hint);
}

pub(super) fn unreadable(candidate: &mut Candidate<'_>) {
    // Of the host of an image file the kernel has to know the way, nobody else.
    if candidate.image.is_some() {
        return;
    }
    let text = match candidate.look() {
        Some(Look::Read { .. }) => return,
        Some(Look::NotLooked) | None => "nothing was read inside it".to_owned(),
        Some(Look::Unreadable { why }) => format!("it could not be read inside: {why}"),
    };
    let hint = match candidate.pool {
        Some(pool) => format!("asl-admin import --look {}", pool.id),
        None => format!("asl-debug probe {}", node(candidate)),
    };
    candidate.find(rules::UNREADABLE, "unreadable", Note, text, hint);
}
