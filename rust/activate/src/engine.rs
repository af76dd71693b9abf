//! Carries a plan out, and takes it back.

use crate::action::{Action, Role};
use crate::error::{Error, doing};
use crate::journal::{Entry, Journal};
use crate::linux::JOURNAL;
use crate::plan::{Check, Plan};
use crate::system::System;
use asl_facts::LogState;
use std::io;

/// What an activation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Activated,
    /// It was active already.
    AlreadyActive,
    /// The plan has no actions.
    NothingToDo,
}

/// Carries `plan` out. What a killed run left is taken back first.
///
/// # Errors
/// The machine is not what the plan was made for, or a step failed: then
/// everything was taken back, or the error is [`Error::NotUndone`].
pub fn activate(plan: &Plan, system: &dyn System) -> Result<Outcome, Error> {
    let boot_id = system.boot_id().map_err(doing("boot id"))?;
    if plan.boot_id != boot_id {
        return Err(Error::OtherBoot {
            seen: plan.boot_id.clone(),
            expected: boot_id,
        });
    }
    if let Some(journal) = load(system, &boot_id)? {
        if !journal.complete {
            tracing::warn!("an earlier activation did not end; taking it back first");
            undo(journal, system)?;
        } else if journal.plan != plan.actions {
            return Err(Error::OtherActive {
                target: journal.target(),
                generation: journal.generation,
            });
        } else if still_mounted(&journal, system)? {
            return Ok(Outcome::AlreadyActive);
        } else {
            tracing::warn!("{} was unmounted by hand; starting again", journal.target());
            undo(journal, system)?;
        }
    }
    if plan.actions.is_empty() {
        return Ok(Outcome::NothingToDo);
    }
    preconditions(plan, system)?;
    let mut journal = Journal::new(&boot_id, plan.generation, &plan.actions);
    match carry_out(plan, &mut journal, system) {
        Ok(()) => Ok(Outcome::Activated),
        Err(cause) => Err(match undo(journal, system) {
            Ok(()) => cause,
            Err(undo) => Error::NotUndone {
                cause: Box::new(cause),
                undo: Box::new(undo),
            },
        }),
    }
}

/// Takes back whatever the journal holds; true if there was anything.
///
/// # Errors
/// The first step that could not be taken back. It and what came before it
/// stay in the journal, for the next try.
pub fn deactivate(system: &dyn System) -> Result<bool, Error> {
    let boot_id = system.boot_id().map_err(doing("boot id"))?;
    match load(system, &boot_id)? {
        Some(journal) => undo(journal, system).map(|()| true),
        None => Ok(false),
    }
}

/// The journal of this boot. One of another boot is void: neither mounts nor
/// read-only flags outlive a boot.
fn load(system: &dyn System, boot_id: &str) -> Result<Option<Journal>, Error> {
    let Some(bytes) = system.load_journal().map_err(doing(JOURNAL))? else {
        return Ok(None);
    };
    let journal = Journal::parse(&bytes).map_err(|why| Error::Journal {
        path: JOURNAL.to_owned(),
        why,
    })?;
    if journal.boot_id == boot_id {
        return Ok(Some(journal));
    }
    tracing::info!("{JOURNAL} is of another boot; dropped");
    system.remove_journal().map_err(doing(JOURNAL))?;
    Ok(None)
}

fn store(journal: &Journal, system: &dyn System) -> Result<(), Error> {
    let bytes = journal
        .render()
        .map_err(io::Error::other)
        .map_err(doing(JOURNAL))?;
    system.store_journal(&bytes).map_err(doing(JOURNAL))
}

fn still_mounted(journal: &Journal, system: &dyn System) -> Result<bool, Error> {
    let target = journal.target();
    let mounts = system.mounts_at(&target).map_err(doing(&target))?;
    let ours = journal.plan.iter().rev().find_map(|action| match action {
        Action::Mount { node, devnum, .. } | Action::Bind { node, devnum, .. } => {
            Some((node, devnum))
        }
        _ => None,
    });
    Ok(match (ours, mounts.last()) {
        (Some((node, devnum)), Some(top)) => top.is_of(node, devnum),
        (ours, _) => ours.is_none(),
    })
}

/// The facts may be minutes old: nothing is touched that has changed.
fn preconditions(plan: &Plan, system: &dyn System) -> Result<(), Error> {
    for check in &plan.checks {
        check_device(check, system)?;
    }
    for action in &plan.actions {
        let (Action::Mount { target, .. } | Action::Bind { target, .. }) = action else {
            continue;
        };
        let mounts = system.mounts_at(target).map_err(doing(target))?;
        if let Some(top) = mounts.last() {
            return Err(Error::TargetBusy {
                target: target.clone(),
                by: top.source.clone(),
            });
        }
    }
    Ok(())
}

fn check_device(check: &Check, system: &dyn System) -> Result<(), Error> {
    let node = &check.node;
    let changed = |what, seen: String, expected: String| {
        Err(Error::Changed {
            node: node.clone(),
            what,
            seen,
            expected,
        })
    };
    let now = system.node(node).map_err(doing(node))?;
    if now.devnum != check.devnum {
        return changed("device number", now.devnum, check.devnum.clone());
    }
    if now.size != check.size {
        return changed("size", now.size.to_string(), check.size.to_string());
    }
    let signatures = system.signatures(node).map_err(doing(node))?;
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
        return changed("number of sound file systems", seen, "1".to_owned());
    };
    if *format != check.format {
        return changed("type", format.to_string(), check.format.to_string());
    }
    let uuid = superblock.uuid.clone().unwrap_or_default();
    if uuid != check.uuid {
        return changed("UUID", uuid, check.uuid.clone());
    }
    if filesystem.log != LogState::Clean {
        return changed(
            "log",
            "one that needs replay".to_owned(),
            "a clean one".to_owned(),
        );
    }
    Ok(())
}

fn carry_out(plan: &Plan, journal: &mut Journal, system: &dyn System) -> Result<(), Error> {
    for action in &plan.actions {
        let Some(entry) = entry_for(action, system)? else {
            continue;
        };
        journal.entries.push(entry);
        store(journal, system)?;
        tracing::info!("{action}");
        perform(action, system).map_err(doing(action))?;
    }
    for expect in &plan.expect {
        let seen = system
            .present(&expect.target, &expect.names)
            .map_err(doing(&expect.target))?;
        if seen.is_empty() {
            return Err(Error::NoStore {
                target: expect.target.clone(),
                expected: expect.names.join(", "),
            });
        }
    }
    journal.complete = true;
    store(journal, system)
}

/// What the journal must hold before the action; none if it would change
/// nothing.
fn entry_for(action: &Action, system: &dyn System) -> Result<Option<Entry>, Error> {
    let mut was_read_only = None;
    match action {
        Action::SetReadOnly { node, devnum, role } => {
            same_device(node, devnum, system)?;
            let written = system.is_written(devnum).map_err(doing(node))?;
            if written && *role == Role::Store {
                return Err(Error::Written { node: node.clone() });
            }
            let read_only = system.read_only(node).map_err(doing(node))?;
            if written || read_only {
                return Ok(None);
            }
            was_read_only = Some(read_only);
        }
        Action::MakeDir { path, .. } => {
            if system.is_dir(path).map_err(doing(path))? {
                return Ok(None);
            }
        }
        Action::Mount { node, devnum, .. } => same_device(node, devnum, system)?,
        Action::Bind { .. } => {}
    }
    Ok(Some(Entry {
        action: action.clone(),
        was_read_only,
    }))
}

fn same_device(node: &str, devnum: &str, system: &dyn System) -> Result<(), Error> {
    let now = system.node(node).map_err(doing(node))?;
    if now.devnum == devnum {
        return Ok(());
    }
    Err(Error::Changed {
        node: node.to_owned(),
        what: "device number",
        seen: now.devnum,
        expected: devnum.to_owned(),
    })
}

fn perform(action: &Action, system: &dyn System) -> io::Result<()> {
    match action {
        Action::SetReadOnly { node, .. } => system.set_read_only(node, true),
        Action::MakeDir { path, mode } => system.make_dir(path, *mode),
        Action::Mount {
            node,
            driver,
            options,
            target,
            ..
        } => system.mount(node, driver, options, target),
        Action::Bind {
            from, path, target, ..
        } => system.bind(from, path, target),
    }
}

/// Takes back the last entry, then the one before it, and writes down each
/// time what is left.
fn undo(mut journal: Journal, system: &dyn System) -> Result<(), Error> {
    journal.complete = false;
    while let Some(entry) = journal.entries.last() {
        take_back(entry, system)?;
        journal.entries.pop();
        if !journal.entries.is_empty() {
            store(&journal, system)?;
        }
    }
    match system.remove_journal() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(doing(JOURNAL)),
    }
}

/// Right also when the action never happened: a killed run may have stopped
/// between the journal and the action.
fn take_back(entry: &Entry, system: &dyn System) -> Result<(), Error> {
    match &entry.action {
        Action::SetReadOnly { node, devnum, .. } => {
            // A device that was pulled out, or another one under its name,
            // has nothing to restore.
            if system.node(node).is_ok_and(|now| now.devnum == *devnum) {
                let value = entry.was_read_only.unwrap_or(false);
                tracing::info!("blockdev --set{} {node}", if value { "ro" } else { "rw" });
                system
                    .set_read_only(node, value)
                    .map_err(doing(format!("blockdev --setrw {node}")))?;
            }
            Ok(())
        }
        Action::MakeDir { path, .. } => match system.remove_dir(path) {
            // Somebody put something into it, or it is not there.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::DirectoryNotEmpty
                        | io::ErrorKind::ResourceBusy
                ) =>
            {
                Err(doing(format!("rmdir {path}"))(error))
            }
            _ => Ok(()),
        },
        Action::Mount {
            node,
            devnum,
            target,
            ..
        }
        | Action::Bind {
            node,
            devnum,
            target,
            ..
        } => {
            let mounts = system.mounts_at(target).map_err(doing(target))?;
            if !mounts.iter().any(|mount| mount.is_of(node, devnum)) {
                return Ok(());
            }
            match mounts.last() {
                Some(top) if !top.is_of(node, devnum) => Err(Error::TargetBusy {
                    target: target.clone(),
                    by: top.source.clone(),
                }),
                _ => {
                    tracing::info!("umount {target}");
                    system
                        .unmount(target)
                        .map_err(doing(format!("umount {target}")))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
