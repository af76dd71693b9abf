//! Carries a plan out, and takes it back.

mod check;
mod undo;

use crate::action::{Action, Role};
use crate::error::{Error, doing};
use crate::journal::{Entry, Journal};
use crate::linux::JOURNAL;
use crate::make::Make;
use crate::plan::Plan;
use crate::plan::options::of_content;
use crate::system::{State, System};
use check::{preconditions, same_device, verify};
use std::io;
use undo::undo;

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

/// Takes the right to write from what an activation mounted; true if there
/// was a mount. What was decided with consent and is no longer allowed ends
/// here at once, and nothing is written for it.
///
/// # Errors
/// A file on it is open for writing.
pub fn lower(system: &dyn System) -> Result<bool, Error> {
    let boot_id = system.boot_id().map_err(doing("boot id"))?;
    let entries = load(system, &boot_id)?.map(|journal| journal.entries);
    let mut lowered = false;
    for entry in entries.iter().flatten() {
        let Some(ours) = entry.action.mounted() else {
            continue;
        };
        let target = ours.target;
        let mounts = system.mounts_at(target).map_err(doing(target))?;
        if mounts
            .last()
            .is_some_and(|top| undo::is_ours(top, &ours, system))
        {
            let what = format!("mount -o remount,bind,ro {target}");
            tracing::info!("{what}");
            system.close_mount(target).map_err(doing(what))?;
            lowered = true;
        }
    }
    Ok(lowered)
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
    let ours = journal.plan.iter().rev().find_map(Action::mounted);
    Ok(match (ours, mounts.last()) {
        (Some(ours), Some(top)) => undo::is_ours(top, &ours, system),
        (ours, _) => ours.is_none(),
    })
}

fn carry_out(plan: &Plan, journal: &mut Journal, system: &dyn System) -> Result<(), Error> {
    for action in &plan.actions {
        let Some(entry) = entry_for(action, system)? else {
            continue;
        };
        if !matches!(action, Action::Verify { .. }) {
            journal.entries.push(entry);
            store(journal, system)?;
        }
        tracing::info!("{action}");
        if let Err(error) = perform(action, system) {
            // A mount that fails because its snapshot is full says only that
            // it could not read.
            overflow(plan, system, true)?;
            return Err(error);
        }
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
    overflow(plan, system, false)?;
    journal.complete = true;
    store(journal, system)
}

/// No snapshot ran out of room. After a failure those that were not made yet
/// count as sound: the failure is what is told.
fn overflow(plan: &Plan, system: &dyn System, failed: bool) -> Result<(), Error> {
    for node in &plan.snapshots {
        match system.is_overflowed(node) {
            Ok(true) => return Err(Error::LogTooBig { node: node.clone() }),
            Err(error) if !failed => return Err(doing(node)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// What the journal must hold before the action; none if it would change
/// nothing.
fn entry_for(action: &Action, system: &dyn System) -> Result<Option<Entry>, Error> {
    let mut was_read_only = None;
    match action {
        Action::Load { modules } => {
            let missing = system.missing_modules(modules).map_err(doing(action))?;
            if missing.is_empty() {
                return Ok(None);
            }
        }
        Action::Make { make } => free(make, system)?,
        Action::SetReadOnly { node, devnum, role } => {
            let now = same_device(node, devnum.as_deref(), system)?;
            if *role != Role::Made {
                let written = system.is_written(&now.devnum).map_err(doing(node))?;
                if written && *role == Role::Store {
                    return Err(Error::Written { node: node.clone() });
                }
                if written {
                    return Ok(None);
                }
            }
            let read_only = system.read_only(node).map_err(doing(node))?;
            if read_only {
                return Ok(None);
            }
            was_read_only = Some(read_only);
        }
        Action::MakeDir { path, .. } => {
            if system.is_dir(path).map_err(doing(path))? {
                return Ok(None);
            }
        }
        Action::Mount { node, devnum, .. } => {
            same_device(node, devnum.as_deref(), system)?;
        }
        Action::Verify { .. }
        | Action::MountContent { .. }
        | Action::MountByHelper { .. }
        | Action::Bind { .. } => {}
    }
    Ok(Some(Entry {
        action: action.clone(),
        was_read_only,
    }))
}

/// Nothing else has the name of what is to be made.
fn free(make: &Make, system: &dyn System) -> Result<(), Error> {
    let by = match system.state_of(make).map_err(doing(make))? {
        State::Absent | State::Empty => return Ok(()),
        State::Ours => "the same, which this run did not make,".to_owned(),
        State::Other(other) => other,
    };
    Err(Error::Taken {
        node: make.place().to_owned(),
        by,
    })
}

fn perform(action: &Action, system: &dyn System) -> Result<(), Error> {
    match action {
        Action::Load { modules } => system.load_modules(modules).map_err(doing(action)),
        Action::Make { make } => {
            system.make(make).map_err(doing(make))?;
            match system.state_of(make).map_err(doing(make))? {
                State::Ours => Ok(()),
                seen => Err(Error::NotMade {
                    what: make.to_string(),
                    seen: format!("{seen:?}"),
                }),
            }
        }
        Action::Verify { node, size, holds } => verify(node, *size, holds.as_ref(), system),
        Action::SetReadOnly { node, .. } => system.set_read_only(node, true).map_err(doing(action)),
        Action::MakeDir { path, mode } => system.make_dir(path, *mode).map_err(doing(action)),
        Action::Mount {
            node,
            driver,
            options,
            target,
            ..
        } => system
            .mount(node, driver, options, target)
            .map_err(doing(action)),
        Action::MountContent { node, target } => {
            let signatures = system.signatures(node).map_err(doing(node))?;
            let (driver, options) =
                of_content(&signatures).map_err(|seen| Error::NoFilesystem {
                    node: node.clone(),
                    seen,
                })?;
            system
                .mount(node, driver, &options, target)
                .map_err(doing(action))
        }
        Action::MountByHelper {
            format,
            source,
            options,
            target,
        } => system
            .mount_by_helper(format, source, options, target)
            .map_err(doing(action)),
        Action::Bind {
            from, path, target, ..
        } => system.bind(from, path, target).map_err(doing(action)),
    }
}

#[cfg(test)]
mod tests;
