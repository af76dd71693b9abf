//! `asl-admin unlock` and `asl-admin lock`: an encrypted container, opened by
//! hand, read-only.
//!
//! What was done is written down before it happens, so that `lock` takes back
//! also what a killed `unlock` left half done.

use crate::tool::output;
use crate::{again, console, evidence, exit, paths, session};
use asl_activate::{Command, Linux, Make, System};
use asl_decide::{Key, Report};
use asl_facts::{Content, Device, Format, Outcome, Signature, Use};
use asl_mode::{clean, write_atomic};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{self, Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// What was unlocked by hand in this session.
pub(crate) const UNLOCKED: &str = "/var/lib/asl/runtime/unlocked.json";
/// A passphrase may take minutes to be typed; nothing else waits for it.
const LOCK: &str = "/var/lib/asl/locks/unlock";
/// Longest such file, bytes.
const MAX_UNLOCKED: u64 = 1024 * 1024;
/// Nodes that `unlock` makes are called this and the UUID.
const PREFIX: &str = "asl-";
/// Closing is a matter of a moment.
const CLOSE: Duration = Duration::from_secs(60);

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unlocked {
    /// The boot: a node of another boot is gone.
    pub(crate) boot_id: String,
    /// The container's UUID.
    pub(crate) uuid: String,
    /// What shows its content.
    pub(crate) mapper: String,
    /// Nodes that were set read-only and were writable before, in this order.
    pub(crate) guarded: Vec<String>,
}

/// What this session unlocked.
pub(crate) fn unlocked(root: &Path) -> Result<Vec<Unlocked>, String> {
    let told = |why: String| format!("{UNLOCKED}: {why}");
    let all: Vec<Unlocked> = match evidence::bounded(&paths::below(root, UNLOCKED), MAX_UNLOCKED) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| told(error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(told(error.to_string())),
    };
    let boot = asl_mode::current_boot_id(root).map_err(|error| error.to_string())?;
    Ok(all.into_iter().filter(|one| one.boot_id == boot).collect())
}

fn store(root: &Path, all: &[Unlocked]) -> Result<(), String> {
    let path = paths::below(root, UNLOCKED);
    let told = |why: String| format!("{UNLOCKED}: {why}");
    if all.is_empty() {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(told(error.to_string())),
            _ => Ok(()),
        };
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| told(error.to_string()))?;
    }
    let json = serde_json::to_vec_pretty(all).map_err(|error| told(error.to_string()))?;
    write_atomic(&path, &json).map_err(|error| error.to_string())
}

pub(crate) fn run(root: &Path, uuid: &str, key_file: Option<&Path>) -> ExitCode {
    let report = match evidence::report(root) {
        Ok(report) => report,
        Err(missing) => return exit::fail(missing.code(), &missing),
    };
    ended(open(root, &report, uuid, key_file).and_then(|()| again::decide_and_start(root)))
}

pub(crate) fn lock(root: &Path, uuid: &str) -> ExitCode {
    ended(close(root, uuid).and_then(|()| {
        let mode = again::preflight(root)?;
        console::say(&console::text(&mode));
        Ok(())
    }))
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail(exit::FAILURE, &error),
    }
}

fn open(root: &Path, report: &Report, uuid: &str, key_file: Option<&Path>) -> Result<(), String> {
    let container = find(report, uuid)?;
    let uuid = container.uuid;
    let mapper = format!("/dev/mapper/{PREFIX}{uuid}");
    let _lock = session::lock(root, LOCK)?;
    let mut all = unlocked(root)?;
    if paths::below(root, &mapper).exists() {
        console::say(&format!("{mapper} is there already\n"));
        return Ok(());
    }
    let make = Make::Unlocked {
        node: container.node.to_owned(),
        format: "luks".to_owned(),
        key: key_file.map_or(Ok(Key::Prompt), key)?,
        writable: false,
        makes: mapper.clone(),
    };
    let linux = Linux::new(root);
    still_there(&linux, container.node, uuid)?;
    // What a killed run set read-only is still to be given back.
    let left = all.iter().position(|one| one.uuid == uuid);
    let mut entry = Unlocked {
        boot_id: report.facts.boot_id.clone(),
        uuid: uuid.to_owned(),
        mapper: mapper.clone(),
        guarded: left.map_or_else(Vec::new, |index| all.remove(index).guarded),
    };
    let opened = guard(root, &linux, &container, &all, &mut entry).and_then(|()| {
        linux
            .make(&make)
            .map_err(|error| format!("{make}: {error}"))
    });
    if let Err(error) = opened {
        let restored = restore(&linux, &entry.guarded).and_then(|()| store(root, &all));
        let undo = restored.err().map(|error| format!("; {error}"));
        return Err(format!("{error}{}", undo.unwrap_or_default()));
    }
    console::say(&format!(
        "{mapper} shows the content of {uuid}, read-only\n"
    ));
    Ok(())
}

/// The tool starts in another directory, and its own words for a file that is
/// missing are less plain.
fn key(file: &Path) -> Result<Key, String> {
    let told = |error: &dyn Display| format!("{}: {error}", file.display());
    fs::metadata(file).map_err(|error| told(&error))?;
    let path = path::absolute(file).map_err(|error| told(&error))?;
    let path = path.into_os_string().into_string();
    let path = path.map_err(|_| told(&"the name is not UTF-8; give the file another one"))?;
    Ok(Key::File { path })
}

/// The facts may be older than the disk in the slot.
fn still_there(linux: &Linux, node: &str, uuid: &str) -> Result<(), String> {
    let told = |error: io::Error| format!("{node}: {error}");
    let signatures = linux.signatures(node).map_err(told)?;
    let same = |signature: &Signature| {
        let id = signature.superblock().and_then(|one| one.uuid.as_deref());
        signature.format == Format::Luks && id == Some(uuid)
    };
    if signatures.iter().any(same) {
        return Ok(());
    }
    Err(format!(
        "{node}: container {uuid} is no longer there; run `asl-admin preflight`"
    ))
}

/// Sets the container and its disk read-only. Each is written down first: a
/// killed run must not leave a disk read-only that nobody knows of.
fn guard(
    root: &Path,
    linux: &Linux,
    container: &Found<'_>,
    others: &[Unlocked],
    entry: &mut Unlocked,
) -> Result<(), String> {
    let write_down = |entry: &Unlocked| {
        let all: Vec<Unlocked> = others.iter().chain([entry]).cloned().collect();
        store(root, &all)
    };
    write_down(entry)?;
    let disk = container.disk.filter(|disk| {
        // Mounted since the facts were taken; in doubt it stays as it is.
        !linux.is_written(&disk.devnum).unwrap_or(true)
    });
    // The container first: the kernel shows a partition of a read-only disk as
    // read-only.
    for node in [Some(container.node), disk.map(|disk| disk.node.as_str())]
        .into_iter()
        .flatten()
    {
        let told = |error: io::Error| format!("blockdev --setro {node}: {error}");
        if linux.read_only(node).map_err(told)? {
            continue;
        }
        entry.guarded.push(node.to_owned());
        write_down(entry)?;
        linux.set_read_only(node, true).map_err(told)?;
    }
    Ok(())
}

/// A container and what carries it.
struct Found<'a> {
    node: &'a str,
    uuid: &'a str,
    /// The disk that it is a partition of, unless the live system needs it.
    disk: Option<&'a Device>,
}

fn find<'a>(report: &'a Report, uuid: &str) -> Result<Found<'a>, String> {
    let facts = &report.facts;
    let mut known: Vec<String> = Vec::new();
    let mut found: Vec<Found<'a>> = Vec::new();
    for device in &facts.devices {
        for signature in device.probe.signatures() {
            if signature.format != Format::Luks {
                continue;
            }
            let Outcome::Found(superblock) = &signature.outcome else {
                continue;
            };
            let Some(id) = &superblock.uuid else { continue };
            known.push(format!("  {id}  {}", asl_decide::place(facts, device)));
            if !id.eq_ignore_ascii_case(uuid) {
                continue;
            }
            if let Content::Container(container) = &superblock.content
                && let Some(what) = &container.under_way
            {
                return Err(format!(
                    "{}: {what} is under way, which opening could resume; image it first",
                    asl_decide::place(facts, device)
                ));
            }
            let disk = facts.disk_of(device);
            let other = disk.name != device.name && !serves_the_system(report, disk);
            found.push(Found {
                node: &device.node,
                uuid: id,
                disk: other.then_some(disk),
            });
        }
    }
    let virtuals = &facts.virtuals.devices;
    let inside = virtuals.iter().find(|device| {
        device.probe.signatures().iter().any(|signature| {
            let id = signature.superblock().and_then(|one| one.uuid.as_deref());
            id.is_some_and(|id| id.eq_ignore_ascii_case(uuid))
        })
    });
    if let (Some(device), true) = (inside, found.is_empty()) {
        return Err(format!(
            "{uuid} lies on {}, which is not active; unlock.prompt = {uuid} in \
             /etc/asl/asl.conf lets activation ask for its passphrase",
            asl_decide::place(facts, device)
        ));
    }
    if found.len() > 1 {
        return Err(format!(
            "{uuid} is there {} times; detach the copies, or leave them alone with \
             detect.exclude in /etc/asl/asl.conf",
            found.len()
        ));
    }
    found.pop().ok_or_else(|| {
        let list = if known.is_empty() {
            "  (none)".to_owned()
        } else {
            known.join("\n")
        };
        format!(
            "{} is no LUKS container here; there are:\n{list}",
            clean(uuid)
        )
    })
}

/// The live system runs from it, or something on it is written to.
fn serves_the_system(report: &Report, disk: &Device) -> bool {
    let facts = &report.facts;
    let on_it = |device: &Device| {
        let below = facts.below(device);
        below.iter().any(|one| one.name == disk.name)
    };
    facts
        .devices
        .iter()
        .filter(|device| on_it(device))
        .any(|device| {
            let written = |used: &Use| match used {
                Use::Mounted { read_only, .. } => !read_only,
                Use::Swap => true,
            };
            device.live.is_some() || device.uses.iter().any(written)
        })
}

fn close(root: &Path, uuid: &str) -> Result<(), String> {
    let _lock = session::lock(root, LOCK)?;
    let mut all = unlocked(root)?;
    let Some(index) = all
        .iter()
        .position(|one| one.uuid.eq_ignore_ascii_case(uuid))
    else {
        let known: Vec<&str> = all.iter().map(|one| one.uuid.as_str()).collect();
        return Err(format!(
            "{} was not unlocked by asl-admin; unlocked are: {}",
            clean(uuid),
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        ));
    };
    let entry = all.remove(index);
    let node: PathBuf = paths::below(root, &entry.mapper);
    if node.exists() {
        let close = Command::new("cryptsetup", &["close"])
            .arg(entry.mapper.trim_start_matches("/dev/mapper/"))
            .within(CLOSE);
        output(close).map_err(|error| {
            format!("{error}; `asl-admin detach` lets go of a store that is on it")
        })?;
    }
    restore(&Linux::new(root), &entry.guarded)?;
    store(root, &all)?;
    console::say(&format!("{} is locked again\n", entry.uuid));
    Ok(())
}

/// Last first. All are tried; the first that fails is told.
fn restore(linux: &Linux, guarded: &[String]) -> Result<(), String> {
    let mut failed = None;
    for node in guarded.iter().rev() {
        if let Err(error) = linux.set_read_only(node, false)
            // A disk that was pulled has nothing left to restore.
            && error.kind() != io::ErrorKind::NotFound
        {
            failed.get_or_insert(format!("blockdev --setrw {node}: {error}"));
        }
    }
    failed.map_or(Ok(()), Err)
}
