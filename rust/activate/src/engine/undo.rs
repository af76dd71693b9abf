//! Taking actions back.

use super::store;
use crate::action::{Action, Mounted, Role};
use crate::error::{Error, doing};
use crate::journal::{Entry, Journal};
use crate::linux::JOURNAL;
use crate::make::Make;
use crate::system::{MountPoint, State, System};
use std::io;

/// Takes back the last entry, then the one before it, and writes down each
/// time what is left.
pub(super) fn undo(mut journal: Journal, system: &dyn System) -> Result<(), Error> {
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
        Action::Load { .. } | Action::Verify { .. } => Ok(()),
        Action::Make { make } => unmake(make, system),
        Action::SetReadOnly { node, devnum, role } => {
            set_back(node, devnum.as_deref(), *role, entry.was_read_only, system)
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
        Action::Mount { node, others, .. } => {
            unmount(&entry.action, system)?;
            if others.is_empty() {
                return Ok(());
            }
            // Until then the driver would let nothing else with this id in.
            let mut nodes = others.clone();
            nodes.push(node.clone());
            system.forget(&nodes).map_err(doing(format!(
                "btrfs device scan --forget {}",
                nodes.join(" ")
            )))
        }
        Action::MountContent { .. } | Action::MountByHelper { .. } | Action::Bind { .. } => {
            unmount(&entry.action, system)
        }
    }
}

fn unmake(make: &Make, system: &dyn System) -> Result<(), Error> {
    match system.state_of(make).map_err(doing(make))? {
        // Made by somebody since, or never by us.
        State::Absent | State::Other(_) => Ok(()),
        State::Empty | State::Ours => {
            let what = make.undoing();
            tracing::info!("{what}");
            system.unmake(make).map_err(doing(what))
        }
    }
}

fn set_back(
    node: &str,
    devnum: Option<&str>,
    role: Role,
    was: Option<bool>,
    system: &dyn System,
) -> Result<(), Error> {
    // An array or volume loses its flag with its node; to take it away before
    // would let md write to the members. The flag of a loop device stays with
    // the number and would hit its next user.
    if role == Role::Made && !node.starts_with("/dev/loop") {
        return Ok(());
    }
    // A device that was pulled out, or another one under its name, has nothing
    // to restore.
    let same = |now: crate::system::Node| devnum.is_none_or(|devnum| now.devnum == devnum);
    if system.node(node).is_ok_and(same) {
        let value = was.unwrap_or(false);
        tracing::info!("blockdev --set{} {node}", if value { "ro" } else { "rw" });
        system
            .set_read_only(node, value)
            .map_err(doing(format!("blockdev --setrw {node}")))?;
    }
    Ok(())
}

/// The mount shows what was mounted.
pub(super) fn is_ours(mount: &MountPoint, ours: &Mounted<'_>, system: &dyn System) -> bool {
    if mount.is_of(ours.source, ours.devnum) || ours.others.contains(&mount.source) {
        return true;
    }
    // A driver may name a node that we made in its own way.
    let now = ours.devnum.is_none().then(|| system.node(ours.source).ok());
    now.flatten()
        .is_some_and(|now| mount.is_of(ours.source, Some(&now.devnum)))
}

fn unmount(action: &Action, system: &dyn System) -> Result<(), Error> {
    let Some(ours) = action.mounted() else {
        return Ok(());
    };
    let target = ours.target;
    let mounts = system.mounts_at(target).map_err(doing(target))?;
    if !mounts.iter().any(|mount| is_ours(mount, &ours, system)) {
        return Ok(());
    }
    match mounts.last() {
        Some(top) if !is_ours(top, &ours, system) => Err(Error::TargetBusy {
            target: target.to_owned(),
            by: top.source.clone(),
        }),
        _ => {
            tracing::info!("umount {target}");
            system
                .unmount(target, ours.remote)
                .map_err(doing(format!("umount {target}")))
        }
    }
}
