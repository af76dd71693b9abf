//! `asl-admin detach`: lets go of the store, so that its disks can be pulled.

use crate::{console, evidence, exit, in_use, units};
use asl_activate::{Action, Journal, Linux, Role, System};
use asl_decide::Report;
use asl_facts::{Device, DeviceKind};
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(root: &Path) -> ExitCode {
    match detach(root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail(exit::FAILURE, &error),
    }
}

fn detach(root: &Path) -> Result<(), String> {
    let before = evidence::journal(root)?;
    // Also where nothing is active: intake may be about to start.
    let done = units::stop()?;
    console::say(&format!("done: {done}\n"));
    if let Some(after) = evidence::journal(root)? {
        let left: Vec<String> = after
            .entries
            .iter()
            .map(|entry| entry.action.to_string())
            .collect();
        return Err(format!(
            "not all of the activation was taken back; still done: {}; \
             journalctl -u asl-activate says why",
            left.join("; ")
        ));
    }
    let Some(before) = before else {
        console::say("nothing was active\n");
        return Ok(());
    };
    // The stack may be gone from the facts of a newer scan; then the nodes
    // are named as the journal has them.
    let report = evidence::report(root).ok();
    let mut text = String::new();
    for node in guarded(&before) {
        text.push_str(&format!("{}\n", flag(root, &node)));
    }
    let nodes = nodes(&before);
    for disk in report.iter().flat_map(|report| disks(report, &nodes)) {
        let place = report
            .as_ref()
            .map_or_else(String::new, |report| asl_decide::place(&report.facts, disk));
        let uses = in_use::of_disk(root, &disk.name);
        if uses.is_empty() {
            text.push_str(&format!("safe to pull: {place}\n"));
        } else {
            text.push_str(&format!("still in use: {place}: {}\n", uses.join("; ")));
        }
    }
    text.push_str("to serve again: systemctl start asl-intake\n");
    console::say(&text);
    Ok(())
}

/// Nodes that the activation set read-only.
pub(crate) fn guarded(journal: &Journal) -> Vec<String> {
    let entries = journal.entries.iter();
    let guarded = entries.filter_map(|entry| match (&entry.action, entry.was_read_only) {
        // What activation made goes away with its flag.
        (Action::SetReadOnly { node, role, .. }, Some(false)) if *role != Role::Made => {
            Some(node.clone())
        }
        _ => None,
    });
    guarded.collect()
}

/// What the node's flag is now.
fn flag(root: &Path, node: &str) -> String {
    match Linux::new(root).read_only(node) {
        Ok(false) => format!("writable again: {node}"),
        Ok(true) => format!("still read-only: {node}; blockdev --setrw {node}"),
        Err(error) => format!("{node}: {error}"),
    }
}

/// Every node that the activation touched.
fn nodes(journal: &Journal) -> Vec<String> {
    let node = |action: &Action| match action {
        Action::SetReadOnly { node, .. } | Action::Mount { node, .. } => Some(node.clone()),
        _ => None,
    };
    journal.plan.iter().filter_map(node).collect()
}

/// The disks, and loop devices, that these nodes lie on.
fn disks<'a>(report: &'a Report, nodes: &[String]) -> Vec<&'a Device> {
    let facts = &report.facts;
    let mut disks: Vec<&Device> = Vec::new();
    for device in facts.devices.iter().filter(|one| nodes.contains(&one.node)) {
        for below in facts.below(device) {
            let whole = matches!(below.kind, DeviceKind::Disk | DeviceKind::Loop);
            if whole && !disks.iter().any(|disk| disk.name == below.name) {
                disks.push(below);
            }
        }
    }
    disks
}
