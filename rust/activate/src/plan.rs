//! From a report to a list of actions. Pure.

use crate::action::{Action, Role};
use crate::error::PlanError;
use asl_decide::{Report, Step};
use asl_facts::{Device, Facts, Filesystem, Format, Superblock, Use};

/// Where a file system is mounted of which only a directory is to be seen.
const PRIVATE: &str = "/run/asl/fs";
/// Every mount has these: nothing on a foreign disk is run, obeyed or opened
/// as a device.
const ALWAYS: [&str; 4] = ["ro", "nodev", "nosuid", "noexec"];

/// What to do, and what must hold before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The boot that the decision belongs to.
    pub boot_id: String,
    /// The decision's generation.
    pub generation: u64,
    /// What the devices must still be.
    pub checks: Vec<Check>,
    /// The changes, in order; none when the mode needs none.
    pub actions: Vec<Action>,
    /// What must be seen in the end.
    pub expect: Vec<Expect>,
}

/// A device as the facts describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The block node.
    pub node: String,
    /// `major:minor`.
    pub devnum: String,
    /// Bytes.
    pub size: u64,
    /// Its file system.
    pub format: Format,
    /// UUID of the file system.
    pub uuid: String,
}

/// Entries of the store that preflight read, of which one at least must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// Where the store is seen.
    pub target: String,
    /// Their names.
    pub names: Vec<String>,
}

/// How a driver mounts a clean file system without one write.
struct Driver {
    /// Type for mount(2).
    name: &'static str,
    /// Formats that it is used for.
    formats: &'static [Format],
    /// Without these it would replay a log, or refuse a copy.
    no_replay: &'static [&'static str],
}

/// By experiment (kernel 6.18, sectors written and hash compared): plain `ro`
/// writes to a clean XFS. `noload` is known to the ext3 and ext4 drivers; the
/// ext2 driver refuses it, and has no log to replay.
const DRIVERS: [Driver; 5] = [
    Driver {
        name: "ext2",
        formats: &[Format::Ext2],
        no_replay: &[],
    },
    Driver {
        name: "ext3",
        formats: &[Format::Ext3],
        no_replay: &["noload"],
    },
    Driver {
        name: "ext4",
        formats: &[Format::Ext2, Format::Ext3, Format::Ext4],
        no_replay: &["noload"],
    },
    Driver {
        name: "xfs",
        formats: &[Format::Xfs],
        no_replay: &["norecovery", "nouuid"],
    },
    Driver {
        name: "btrfs",
        formats: &[Format::Btrfs],
        no_replay: &["rescue=nologreplay"],
    },
];

/// Makes the plan of a report.
///
/// # Errors
/// A step that the facts do not support, or that could write.
pub fn plan(report: &Report) -> Result<Plan, PlanError> {
    let mode = &report.decision.mode;
    let mut plan = Plan {
        boot_id: mode.boot_id.clone(),
        generation: mode.generation,
        checks: Vec::new(),
        actions: Vec::new(),
        expect: Vec::new(),
    };
    for step in &report.decision.steps {
        let facts = &report.facts;
        let Step::Mount {
            node,
            format,
            options,
            store_path,
            target,
            bind,
            ..
        } = step
        else {
            return Err(PlanError::NotCarriedOut {
                step: format!("{step:?}"),
            });
        };
        let driver = DRIVERS
            .iter()
            .find(|driver| driver.name == format)
            .ok_or_else(|| PlanError::NoDriver {
                node: node.clone(),
                driver: format.clone(),
            })?;
        let (device, known, superblock, filesystem) = find(facts, node, driver)?;
        let options = mount_options(node, driver, options)?;
        for path in [store_path, target] {
            check_path(path)?;
        }
        plan.checks.push(Check {
            node: node.clone(),
            devnum: device.devnum.clone(),
            size: device.size,
            format: known,
            uuid: superblock.uuid.clone().unwrap_or_default(),
        });
        read_only(facts, device, &mut plan.actions);
        mount(
            device,
            driver,
            options,
            target,
            bind.then_some(store_path),
            &mut plan.actions,
        );
        let names = names_of(filesystem, store_path);
        if !names.is_empty() {
            plan.expect.push(Expect {
                target: target.clone(),
                names,
            });
        }
    }
    Ok(plan)
}

/// The device and the file system on it that the driver can mount.
fn find<'a>(
    facts: &'a Facts,
    node: &str,
    driver: &Driver,
) -> Result<(&'a Device, Format, &'a Superblock, &'a Filesystem), PlanError> {
    let device = facts
        .devices
        .iter()
        .find(|device| device.node == node)
        .ok_or_else(|| PlanError::UnknownNode {
            node: node.to_owned(),
        })?;
    device
        .probe
        .signatures()
        .iter()
        .filter(|signature| driver.formats.contains(&signature.format))
        .find_map(|signature| {
            let (superblock, filesystem) = signature.filesystem()?;
            Some((device, signature.format, superblock, filesystem))
        })
        .ok_or_else(|| PlanError::NoFilesystem {
            node: node.to_owned(),
            driver: driver.name.to_owned(),
        })
}

/// The options, checked: a plan that could write is refused here, whatever
/// decided it.
fn mount_options(
    node: &str,
    driver: &Driver,
    options: &[String],
) -> Result<Vec<String>, PlanError> {
    let mut options = options.to_vec();
    let btrfs = driver.formats.contains(&Format::Btrfs);
    let subvolume = |option: &String| {
        option
            .strip_prefix("subvolid=")
            .is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
    };
    for required in ALWAYS.iter().chain(driver.no_replay) {
        if !options.iter().any(|option| option == required) {
            return Err(PlanError::MissingOption {
                node: node.to_owned(),
                option: (*required).to_owned(),
            });
        }
    }
    for option in &options {
        let known = ALWAYS.contains(&option.as_str())
            || driver.no_replay.contains(&option.as_str())
            || (btrfs && subvolume(option));
        if !known {
            return Err(PlanError::ForeignOption {
                node: node.to_owned(),
                option: option.clone(),
            });
        }
    }
    // The store's path counts from the top level; a btrfs may name another
    // subvolume as its default.
    if btrfs && !options.iter().any(subvolume) {
        options.push("subvolid=5".to_owned());
    }
    Ok(options)
}

fn check_path(path: &str) -> Result<(), PlanError> {
    let up = path.split('/').any(|part| part == "..");
    if path.starts_with('/') && !up && !path.contains('\0') {
        Ok(())
    } else {
        Err(PlanError::BadPath {
            path: path.to_owned(),
        })
    }
}

/// The node and what carries it, the node first: the kernel shows a partition
/// of a read-only disk as read-only, so its own flag must be read before.
fn read_only(facts: &Facts, store: &Device, actions: &mut Vec<Action>) {
    let mut todo = vec![(store, Role::Store)];
    // A loop in the facts must end.
    let mut visited: Vec<&str> = Vec::new();
    while let Some((device, role)) = todo.pop() {
        if visited.contains(&device.name.as_str()) {
            continue;
        }
        visited.push(&device.name);
        let action = Action::SetReadOnly {
            node: device.node.clone(),
            devnum: device.devnum.clone(),
            role,
        };
        let spared = role == Role::Carrier && is_written(facts, device);
        // Two steps may share a disk.
        if !spared && !actions.contains(&action) {
            actions.push(action);
        }
        // Below a spared device too: an array may have other members.
        let below = device.parent.iter().chain(&device.slaves);
        todo.extend(
            below
                .filter_map(|name| facts.device(name))
                .map(|carrier| (carrier, Role::Carrier)),
        );
    }
}

/// The live system runs from it, or it carries something that is written.
fn is_written(facts: &Facts, device: &Device) -> bool {
    let writes = |used: &Use| match used {
        Use::Mounted { read_only, .. } => !read_only,
        Use::Swap => true,
    };
    if device.live.is_some() || device.uses.iter().any(writes) {
        return true;
    }
    let mut above: Vec<&Device> = vec![device];
    let mut next = 0_usize;
    // Each device enters the list once, so this ends.
    while let Some(carrier) = above.get(next).copied() {
        next = next.saturating_add(1);
        for other in &facts.devices {
            let on_it = other.parent.as_deref() == Some(carrier.name.as_str())
                || other.slaves.contains(&carrier.name);
            if on_it && !above.iter().any(|known| known.name == other.name) {
                if other.live.is_some() || other.uses.iter().any(writes) {
                    return true;
                }
                above.push(other);
            }
        }
    }
    false
}

fn mount(
    device: &Device,
    driver: &Driver,
    options: Vec<String>,
    target: &str,
    bind: Option<&String>,
    actions: &mut Vec<Action>,
) {
    let make = |path: &str, mode| Action::MakeDir {
        path: path.to_owned(),
        mode,
    };
    let mount_at = |place: &str| Action::Mount {
        node: device.node.clone(),
        devnum: device.devnum.clone(),
        driver: driver.name.to_owned(),
        options,
        target: place.to_owned(),
    };
    let Some(path) = bind else {
        actions.push(make(target, 0o755));
        actions.push(mount_at(target));
        return;
    };
    // Kernel names hold `!` for `/`, never a slash. Root only: what lies
    // beside the store was not asked for.
    let private = format!("{PRIVATE}/{}", device.name);
    actions.push(make(PRIVATE, 0o700));
    actions.push(make(&private, 0o700));
    actions.push(mount_at(&private));
    actions.push(make(target, 0o755));
    actions.push(Action::Bind {
        node: device.node.clone(),
        devnum: device.devnum.clone(),
        from: private,
        path: path.clone(),
        target: target.to_owned(),
    });
}

/// What preflight saw in the store at `path`.
fn names_of(filesystem: &Filesystem, path: &str) -> Vec<String> {
    filesystem
        .look
        .stores()
        .iter()
        .find(|store| store.path == path)
        .map(|store| store.entries.clone())
        .unwrap_or_default()
}
