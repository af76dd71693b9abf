//! What must hold before an action, and after it.

use crate::action::{Action, Holds};
use crate::error::{Error, doing};
use crate::plan::{Check, Content, Plan};
use crate::system::{Node, System};
use asl_facts::{LogState, Signature};

/// The facts may be minutes old: nothing is touched that has changed.
pub(super) fn preconditions(plan: &Plan, system: &dyn System) -> Result<(), Error> {
    for check in &plan.checks {
        check_device(check, system)?;
    }
    for target in plan.actions.iter().filter_map(Action::target) {
        let mounts = system.mounts_at(target).map_err(doing(target))?;
        if let Some(top) = mounts.last() {
            return Err(Error::TargetBusy {
                target: target.to_owned(),
                by: top.source.clone(),
            });
        }
    }
    Ok(())
}

fn changed(node: &str, what: &'static str, seen: &str, expected: &str) -> Error {
    Error::Changed {
        node: node.to_owned(),
        what,
        seen: seen.to_owned(),
        expected: expected.to_owned(),
    }
}

fn check_device(check: &Check, system: &dyn System) -> Result<(), Error> {
    let node = &check.node;
    let now = same_device(node, Some(&check.devnum), system)?;
    same_size(node, &now, check.size)?;
    if check.writable && system.is_written(&check.devnum).map_err(doing(node))? {
        return Err(Error::Written { node: node.clone() });
    }
    let signatures = || system.signatures(node).map_err(doing(node));
    match &check.content {
        Content::Any => Ok(()),
        Content::Filesystem(holds) => check_filesystem(node, holds, &signatures()?),
        Content::Member { format, uuid } => {
            let signatures = signatures()?;
            let mut found = signatures.iter().filter(|one| one.format == *format);
            let same = |one: &Signature| one.superblock().is_some_and(|found| found.uuid == *uuid);
            if found.any(same) {
                return Ok(());
            }
            let seen: Vec<_> = signatures.iter().map(describe).collect();
            let wanted = uuid.as_deref().unwrap_or_default();
            let expected = format!("{format} {wanted}");
            Err(changed(node, "content", &seen.join(", "), &expected))
        }
    }
}

fn describe(signature: &Signature) -> String {
    let uuid = signature
        .superblock()
        .and_then(|found| found.uuid.as_deref());
    format!("{} {}", signature.format, uuid.unwrap_or("damaged"))
}

fn check_filesystem(node: &str, holds: &Holds, signatures: &[Signature]) -> Result<(), Error> {
    let sound: Vec<_> = signatures
        .iter()
        .filter_map(|signature| {
            let (superblock, filesystem) = signature.filesystem()?;
            Some((signature.format, superblock, filesystem))
        })
        .collect();
    // Two that are both valid: nobody can say which one the mount would show.
    let [(format, superblock, filesystem)] = sound.as_slice() else {
        let seen = sound.len().to_string();
        return Err(changed(node, "number of sound file systems", &seen, "1"));
    };
    if *format != holds.format {
        return Err(changed(node, "type", format.name(), holds.format.name()));
    }
    let uuid = superblock.uuid.clone().unwrap_or_default();
    if uuid != holds.uuid {
        return Err(changed(node, "UUID", &uuid, &holds.uuid));
    }
    if filesystem.log != LogState::Clean && !holds.replay {
        let seen = "one that needs replay";
        return Err(changed(node, "log", seen, "a clean one"));
    }
    Ok(())
}

/// What was made is what was expected.
pub(super) fn verify(
    node: &str,
    size: Option<u64>,
    holds: Option<&Holds>,
    system: &dyn System,
) -> Result<(), Error> {
    let now = same_device(node, None, system)?;
    if let Some(size) = size {
        same_size(node, &now, size)?;
    }
    match holds {
        Some(holds) => {
            let signatures = system.signatures(node).map_err(doing(node))?;
            check_filesystem(node, holds, &signatures)
        }
        None => Ok(()),
    }
}

fn same_size(node: &str, now: &Node, size: u64) -> Result<(), Error> {
    if now.size == size {
        return Ok(());
    }
    Err(changed(
        node,
        "size",
        &now.size.to_string(),
        &size.to_string(),
    ))
}

/// The node, which must be there and have this number where one is known.
pub(super) fn same_device(
    node: &str,
    devnum: Option<&str>,
    system: &dyn System,
) -> Result<Node, Error> {
    let now = system.node(node).map_err(doing(node))?;
    match devnum {
        Some(expected) if now.devnum != expected => {
            Err(changed(node, "device number", &now.devnum, expected))
        }
        _ => Ok(now),
    }
}
