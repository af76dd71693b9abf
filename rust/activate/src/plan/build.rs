//! The plan as it grows step by step.

use super::guard::{read_only, with_carriers};
use super::options::{Access, Driver, check};
use super::{Check, Content, Expect, Plan, remote};
use crate::action::{Action, Holds};
use crate::error::PlanError;
use asl_decide::{Report, Step};
use asl_facts::{Device, Facts, Format, Signature, Superblock};
use asl_mode::Access as ModeAccess;
use std::collections::{BTreeMap, BTreeSet};

/// Where a file system is mounted of which only a directory or an image file
/// is to be seen. Root alone passes it: what is mounted in it has a mode of its
/// own.
const PRIVATE: &str = "/run/asl/fs";
/// What a store may have at its root, where preflight could not look.
const STORE: [&str; 4] = ["blocks", "store.toml", "meta/store.toml", "domain.json"];

/// A node that an earlier step makes.
pub(super) struct Made<'a> {
    /// How the facts describe what it shows, read through its members.
    pub(super) shows: Option<&'a Device>,
    /// The node that it is a snapshot of.
    pub(super) snapshot_of: Option<String>,
}

/// What is mounted and how.
struct Mounting<'s> {
    node: &'s str,
    others: &'s [String],
    format: &'s str,
    options: &'s [String],
    store_path: &'s str,
    target: &'s str,
    bind: bool,
}

pub(super) struct Build<'a> {
    pub(super) facts: &'a Facts,
    pub(super) made: BTreeMap<String, Made<'a>>,
    /// Nodes and pools below a mount that may write, by consent.
    writable: BTreeSet<String>,
    /// Names of the devices that these are, and of what carries them.
    spared: BTreeSet<&'a str>,
    may_write: bool,
    /// Mount points so far.
    mounted: Vec<String>,
    /// Pools so far.
    pub(super) pools: Vec<String>,
    pub(super) plan: Plan,
}

/// Nodes below the mounts that may write. A step stands behind those whose
/// nodes it uses, so one pass from the last one finds all.
fn writable(report: &Report) -> BTreeSet<String> {
    let mut nodes = BTreeSet::new();
    for step in report.decision.steps.iter().rev() {
        match step {
            Step::Mount {
                node,
                others,
                format,
                ..
            } if step.writes() => {
                let pool = node.split('/').next().filter(|_| format == "zfs");
                nodes.insert(pool.unwrap_or(node).to_owned());
                nodes.extend(others.iter().cloned());
            }
            Step::Window { node, makes, .. } | Step::Unlock { node, makes, .. }
                if nodes.contains(makes) =>
            {
                nodes.insert(node.clone());
            }
            Step::Assemble { members, makes, .. } | Step::ActivateVolume { members, makes, .. }
                if nodes.contains(makes) =>
            {
                nodes.extend(members.iter().cloned());
            }
            Step::ImportPool { name, members, .. } if nodes.contains(name) => {
                nodes.extend(members.iter().cloned());
            }
            _ => {}
        }
    }
    nodes
}

impl<'a> Build<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let mode = &report.decision.mode;
        let may_write = mode.access == ModeAccess::Rw;
        let writable = if may_write {
            writable(report)
        } else {
            BTreeSet::new()
        };
        Self {
            facts: &report.facts,
            made: BTreeMap::new(),
            spared: with_carriers(&report.facts, &writable),
            writable,
            may_write,
            mounted: Vec::new(),
            pools: Vec::new(),
            plan: Plan {
                boot_id: mode.boot_id.clone(),
                generation: mode.generation,
                checks: Vec::new(),
                actions: Vec::new(),
                expect: Vec::new(),
                snapshots: Vec::new(),
            },
        }
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), PlanError> {
        match step {
            Step::Window {
                node,
                start,
                size,
                makes,
            } => self.window(node, *start, *size, makes),
            Step::Assemble {
                array,
                members,
                degraded,
                makes,
            } => self.assemble(array, members, *degraded, makes),
            Step::ActivateVolume {
                group,
                group_id,
                volume,
                members,
                makes,
            } => self.volume(group, group_id, volume, members, makes),
            Step::Unlock {
                node,
                format,
                uuid,
                key,
                makes,
            } => self.unlock(node, *format, uuid, key, makes),
            Step::ImportPool {
                guid,
                name,
                members,
                foreign,
            } => self.import(guid, name, members, *foreign),
            Step::Attach { file, makes } => self.attach(file, makes),
            Step::Snapshot { node, bytes, makes } => self.snapshot(node, *bytes, makes),
            Step::Mount {
                node,
                others,
                format,
                options,
                store_path,
                target,
                bind,
            } => self.mount(&Mounting {
                node,
                others,
                format,
                options,
                store_path,
                target,
                bind: *bind,
            }),
            Step::MountContent { node, target } => self.mount_content(node, target),
            Step::MountRemote {
                format,
                source,
                options,
                target,
            } => self.mount_remote(format, source, options, target),
        }
    }

    pub(super) fn is_writable(&self, node: &str) -> bool {
        self.writable.contains(node)
    }

    /// A file on what an earlier step mounts.
    pub(super) fn is_on_a_mount(&self, path: &str) -> bool {
        let below = |dir: &String| {
            path.strip_prefix(dir.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.mounted.iter().any(below)
    }

    /// A node that a step stands on: made by an earlier one, or a device that
    /// is checked and protected. Gives the device.
    pub(super) fn stand_on(
        &mut self,
        node: &str,
        content: Content,
    ) -> Result<Option<&'a Device>, PlanError> {
        if self.made.contains_key(node) {
            return Ok(None);
        }
        let device = self.device_at(node)?;
        self.plan.checks.push(Check {
            node: node.to_owned(),
            devnum: device.devnum.clone(),
            size: device.size,
            writable: self.is_writable(node),
            content,
        });
        read_only(self.facts, device, &self.spared, &mut self.plan.actions);
        Ok(Some(device))
    }

    pub(super) fn push(&mut self, action: Action) {
        self.plan.actions.push(action);
    }

    pub(super) fn make_dir(&mut self, path: &str, mode: u32) {
        let action = Action::MakeDir {
            path: path.to_owned(),
            mode,
        };
        if !self.plan.actions.contains(&action) {
            self.push(action);
        }
    }

    fn mount(&mut self, step: &Mounting<'_>) -> Result<(), PlanError> {
        check_path(step.store_path)?;
        check_path(step.target)?;
        if step.format == "zfs" {
            return self.mount_dataset(step);
        }
        let driver = Driver::named(step.format).ok_or_else(|| PlanError::NoDriver {
            node: step.node.to_owned(),
            driver: step.format.to_owned(),
        })?;
        // What a snapshot shows is what is below it.
        let origin = self.made.get(step.node);
        let origin = origin.and_then(|made| made.snapshot_of.clone());
        let origin = origin.as_deref().unwrap_or(step.node);
        let shown = self.shown(origin)?;
        let (known, superblock) = filesystem(shown, driver, origin)?;
        let access = self.access(step);
        let options = driver.options(step.node, step.options, step.others, access)?;
        let holds = Holds {
            format: known,
            uuid: superblock.uuid.clone().unwrap_or_default(),
            replay: driver.takes_replay(access),
        };
        self.stand_on(origin, Content::Filesystem(holds.clone()))?;
        for other in step.others {
            let shown = self.shown(other)?;
            let (_, member) = filesystem(shown, driver, other)?;
            if member.uuid != superblock.uuid {
                return Err(PlanError::NotAMember {
                    node: other.clone(),
                    of: holds.uuid,
                });
            }
            self.stand_on(other, Content::Filesystem(holds.clone()))?;
        }
        for node in step.others.iter().map(String::as_str).chain([step.node]) {
            if self.made.contains_key(node) {
                self.push(Action::Verify {
                    node: node.to_owned(),
                    size: None,
                    holds: Some(holds.clone()),
                });
            }
        }
        let device = self.device_at(step.node).ok();
        let devnum = device.map(|device| device.devnum.clone());
        // Kernel names hold `!` for `/`, never a slash.
        let name = match device {
            Some(device) => device.name.clone(),
            None => base_name(step.node).to_owned(),
        };
        let mounted = |target: &str| Action::Mount {
            node: step.node.to_owned(),
            devnum: devnum.clone(),
            others: step.others.to_vec(),
            driver: driver.name.to_owned(),
            options,
            target: target.to_owned(),
        };
        self.show(step, &name, devnum.clone(), mounted);
        let names = self.names_of(shown, superblock, step.store_path);
        self.expect(step.target, names);
        Ok(())
    }

    /// Where the file system is mounted: at the target, or aside with only
    /// the store's directory shown there.
    fn show(
        &mut self,
        step: &Mounting<'_>,
        name: &str,
        devnum: Option<String>,
        mounted: impl FnOnce(&str) -> Action,
    ) {
        self.mounted.push(step.target.to_owned());
        if !step.bind {
            self.mount_point(step.target);
            self.push(mounted(step.target));
            return;
        }
        // Root only: what lies beside the store was not asked for.
        let private = format!("{PRIVATE}/{name}");
        self.make_dir(PRIVATE, 0o700);
        self.make_dir(&private, 0o700);
        self.push(mounted(&private));
        self.make_dir(step.target, 0o755);
        self.push(Action::Bind {
            node: step.node.to_owned(),
            devnum,
            others: step.others.to_vec(),
            from: private,
            path: step.store_path.to_owned(),
            target: step.target.to_owned(),
        });
    }

    fn mount_point(&mut self, target: &str) {
        if is_private(target) {
            self.make_dir(PRIVATE, 0o700);
        }
        self.make_dir(target, 0o755);
    }

    fn access(&self, step: &Mounting<'_>) -> Access {
        let made = self.made.get(step.node);
        if made.is_some_and(|made| made.snapshot_of.is_some()) {
            Access::Replay
        } else if self.is_writable(step.node) {
            Access::Write
        } else {
            Access::Read
        }
    }

    /// How the facts describe what a node shows.
    fn shown(&self, node: &str) -> Result<&'a Device, PlanError> {
        if let Some(made) = self.made.get(node) {
            return made.shows.ok_or_else(|| PlanError::NotSeen {
                node: node.to_owned(),
            });
        }
        self.device_at(node)
    }

    fn device_at(&self, node: &str) -> Result<&'a Device, PlanError> {
        let mut devices = self.facts.devices.iter();
        let device = devices.find(|device| device.node == node);
        device.ok_or_else(|| PlanError::UnknownNode {
            node: node.to_owned(),
        })
    }

    /// What preflight saw in the store at `path`.
    fn names_of(&self, shown: &Device, superblock: &Superblock, path: &str) -> Vec<String> {
        let own = superblock.filesystem().map(|filesystem| &filesystem.look);
        // One on several devices was looked into as a whole.
        let pools = self.facts.all_pools();
        let pools = pools.filter(|pool| {
            let mut members = pool.members.iter();
            members.any(|member| member.device == shown.name)
        });
        let looks = own.into_iter().chain(pools.map(|pool| &pool.look));
        let mut stores = looks.flat_map(asl_facts::Look::stores);
        stores
            .find(|store| store.path == path)
            .map(|store| store.entries.clone())
            .unwrap_or_default()
    }

    fn expect(&mut self, target: &str, names: Vec<String>) {
        // What only holds an image file need not be a store.
        if !names.is_empty() && !is_private(target) {
            self.plan.expect.push(Expect {
                target: target.to_owned(),
                names,
            });
        }
    }

    fn mount_dataset(&mut self, step: &Mounting<'_>) -> Result<(), PlanError> {
        let pool = step.node.split('/').next().unwrap_or_default();
        if !self.pools.iter().any(|known| known == pool) {
            return Err(PlanError::UnknownNode {
                node: step.node.to_owned(),
            });
        }
        check_name(step.node, "-_.:/ ")?;
        let mode = if self.is_writable(pool) { "rw" } else { "ro" };
        check(step.node, step.options, mode, &[], |_| false)?;
        let options = step.options.to_vec();
        let mounted = |target: &str| Action::MountByHelper {
            format: "zfs".to_owned(),
            source: step.node.to_owned(),
            options,
            target: target.to_owned(),
        };
        self.show(step, &step.node.replace('/', "!"), None, mounted);
        self.expect(step.target, STORE.map(str::to_owned).to_vec());
        Ok(())
    }

    fn mount_content(&mut self, node: &str, target: &str) -> Result<(), PlanError> {
        check_path(target)?;
        self.stand_on(node, Content::Any)?;
        self.mounted.push(target.to_owned());
        self.mount_point(target);
        self.push(Action::MountContent {
            node: node.to_owned(),
            target: target.to_owned(),
        });
        self.expect(target, STORE.map(str::to_owned).to_vec());
        Ok(())
    }

    fn mount_remote(
        &mut self,
        format: &str,
        source: &str,
        options: &[String],
        target: &str,
    ) -> Result<(), PlanError> {
        check_path(target)?;
        let writable = self.may_write && options.iter().any(|option| option == "rw");
        let options = remote::options(format, source, options, writable)?;
        self.make_dir(target, 0o755);
        self.push(Action::MountByHelper {
            format: format.to_owned(),
            source: source.to_owned(),
            options,
            target: target.to_owned(),
        });
        Ok(())
    }
}

/// The file system on a device that the driver can mount.
fn filesystem<'a>(
    device: &'a Device,
    driver: &Driver,
    node: &str,
) -> Result<(Format, &'a Superblock), PlanError> {
    let signatures = device.probe.signatures().iter();
    signatures
        .filter(|signature| driver.formats.contains(&signature.format))
        .find_map(|signature| {
            signature.filesystem()?;
            Some((signature.format, Signature::superblock(signature)?))
        })
        .ok_or_else(|| PlanError::NoFilesystem {
            node: node.to_owned(),
            driver: driver.name.to_owned(),
        })
}

fn is_private(target: &str) -> bool {
    let below = target.strip_prefix(PRIVATE);
    below.is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn base_name(node: &str) -> &str {
    node.rsplit_once('/').map_or(node, |(_, name)| name)
}

pub(super) fn check_path(path: &str) -> Result<(), PlanError> {
    let up = path.split('/').any(|part| part == "..");
    if path.starts_with('/') && !up && !path.contains('\0') {
        Ok(())
    } else {
        Err(PlanError::BadPath {
            path: path.to_owned(),
        })
    }
}

/// A name that a tool's own language cannot misread: letters, digits and
/// these, and nothing that looks like an option.
pub(super) fn check_name(name: &str, also: &str) -> Result<(), PlanError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        Ok(())
    } else {
        Err(PlanError::BadName {
            name: name.to_owned(),
        })
    }
}
