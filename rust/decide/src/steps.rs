//! From a candidate to the steps that make its store visible.
//!
//! Plain `ro` is not enough: ext4 and XFS write to the disk even then, so
//! each format has the option that keeps its log from being touched, and one
//! whose log must be replayed gets a copy-on-write layer in memory. The table
//! holds what was seen to write nothing; a state without a row is rule 25.

use crate::Step;
use crate::candidate::{Candidate, Content};
use crate::keys;
use crate::stack::{self, Layer};
use asl_config::Config;
use asl_facts::{Device, DeviceKind, Facts, Format, LogState, Pool, System};
use asl_mode::Access;
use std::collections::BTreeMap;

/// What every mount of a foreign disk gets: nothing on it is a device, gains
/// rights or runs.
pub(crate) const ALWAYS: [&str; 3] = ["nodev", "nosuid", "noexec"];

/// Most memory that a replay may take, bytes; less where memory is short.
const MAX_COW: u64 = 256 << 20;
const COW_SHARE: u64 = 10;

/// Numbers that made nodes get: above those that the kernel hands out first.
const FIRST_LOOP: u32 = 64;
const LAST_MD: u32 = 127;

/// Where the file system that holds an image file is mounted: below a
/// directory that root alone can pass, for nobody asked for the rest of it.
const HOST: &str = "/run/asl/fs/image";

/// The name of the kernel's driver, if this system has one. ext4 drives its
/// elders, and most kernels have no other driver for them.
pub(crate) fn driver(system: &System, format: Format) -> Option<&'static str> {
    let candidates: &[&'static str] = match format {
        Format::Ext2 => &["ext2", "ext4"],
        Format::Ext3 => &["ext3", "ext4"],
        Format::Ext4 => &["ext4"],
        Format::Xfs => &["xfs"],
        Format::Btrfs => &["btrfs"],
        Format::Vfat => &["vfat"],
        Format::Exfat => &["exfat"],
        Format::Bcachefs => &["bcachefs"],
        // No option is proven to keep the others unwritten.
        _ => &[],
    };
    let has = |name: &&&'static str| system.filesystems.iter().any(|known| known == **name);
    candidates.iter().find(has).copied()
}

/// The options of a mount by this driver.
fn options(driver: &str, state: State) -> &'static [&'static str] {
    match (driver, state) {
        // Paths of stores are told from the top-level subvolume.
        ("btrfs", State::Clean) => &["ro", "rescue=nologreplay", "subvolid=5"],
        ("btrfs", State::Copied) => &["ro", "subvolid=5"],
        ("btrfs", State::Written) => &["rw", "subvolid=5"],
        // Its journal is replayed, in memory.
        ("bcachefs", State::Clean) => &["ro", "nochanges"],
        ("xfs", State::Clean) => &["ro", "norecovery", "nouuid"],
        ("xfs", State::Copied) => &["ro", "nouuid"],
        (_, State::Written) => &["rw"],
        // Nothing to replay: shown as it is, in use or not.
        ("ext2" | "zfs" | "vfat" | "exfat", _) | (_, State::Copied) => &["ro"],
        (_, State::Clean) => &["ro", "noload"],
    }
}

/// How a file system is mounted.
#[derive(Clone, Copy)]
enum State {
    /// Read-only, with nothing to replay.
    Clean,
    /// Read-only, and what replay writes goes into memory.
    Copied,
    /// For writing.
    Written,
}

/// Memory for the copy-on-write layer of a replay, bytes.
pub(crate) fn cow_bytes(system: &System) -> u64 {
    MAX_COW.min(system.memory_bytes / COW_SHARE)
}

/// What the steps to a candidate need and the system lacks, in words.
pub(crate) fn lacks(facts: &Facts, config: &Config, candidate: &Candidate<'_>) -> Vec<String> {
    let mut needs: Vec<Need> = Vec::new();
    for device in &candidate.stack.devices {
        match stack::layer(facts, device) {
            Layer::Real => {}
            Layer::Window { .. } => needs.push(LOOP),
            Layer::Array(pool) => {
                needs.push(("mdadm", personality(pool)));
                if writes_by_itself(facts, pool) {
                    needs.push(COPY);
                }
            }
            Layer::Volume(_, volume) => {
                let kinds = || volume.segments.iter().map(|part| part.kind.as_str());
                needs.push(("lvm", &["dm_mod"]));
                if kinds().any(|kind| kind.starts_with("raid")) {
                    needs.push(("lvm", &["dm_raid"]));
                }
                if kinds().any(|kind| !matches!(kind, "linear" | "striped")) {
                    needs.push(COPY);
                }
            }
            Layer::Other(pool) => {
                let what = pool.map_or("way to bring it up".to_owned(), |pool| {
                    format!("proven way to activate {}", pool.format)
                });
                return vec![what];
            }
        }
    }
    if candidate
        .pool
        .is_some_and(|pool| pool.format == Format::Zfs)
    {
        needs.push(("zpool", &["zfs"]));
    }
    if candidate
        .pool
        .is_some_and(|pool| writes_by_itself(facts, pool))
    {
        needs.push(COPY);
    }
    if keys::source(config, candidate).is_some() {
        needs.push(("cryptsetup", &["dm_crypt"]));
    }
    if needs_copy(candidate) {
        needs.push(COPY);
    }
    if candidate.image.is_some() {
        needs.push(LOOP);
    }
    let system = &facts.system;
    let mut lacks: Vec<String> = Vec::new();
    for (tool, modules) in needs {
        if !system.tools.iter().any(|known| known == tool) {
            lacks.push(tool.to_owned());
        }
        let missing = |module: &&&str| !system.drivers.iter().any(|known| known == **module);
        let missing = modules.iter().filter(missing);
        lacks.extend(missing.map(|module| format!("kernel module {module}")));
    }
    lacks.sort();
    lacks.dedup();
    lacks
}

/// A program and kernel modules.
type Need = (&'static str, &'static [&'static str]);

/// A loop device.
const LOOP: Need = ("losetup", &["loop"]);

/// A copy-on-write layer in memory.
const COPY: Need = ("dmsetup", &["dm_snapshot"]);

/// The module for an array's level.
fn personality(pool: &Pool) -> &'static [&'static str] {
    match pool.level.as_deref() {
        Some("raid0") => &["raid0"],
        Some("raid4" | "raid5" | "raid6") => &["raid456"],
        Some("raid10") => &["raid10"],
        Some("linear") => &["linear"],
        _ => &["raid1"],
    }
}

/// An array that the kernel writes to although it is assembled read-only: a
/// bitmap's superblock, a journal, parity. The read-only flag of its members
/// does not stop that, so it stands on copies in memory. So does a ZFS pool
/// that hosts share: it is not imported without a claim written to it.
fn writes_by_itself(facts: &Facts, pool: &Pool) -> bool {
    let parity = matches!(pool.level.as_deref(), Some("raid4" | "raid5" | "raid6"));
    let recorded = || {
        let members = stack::current(facts, pool);
        members.into_iter().any(|member| {
            let mut signatures = member.probe.signatures().iter();
            signatures.any(
                |signature| match signature.superblock().map(|s| &s.content) {
                    Some(asl_facts::Content::Raid(raid)) => raid.bitmap || raid.journal,
                    Some(asl_facts::Content::Vdev(vdev)) => vdev.multihost,
                    _ => false,
                },
            )
        })
    };
    parity || pool.flags.contains(&asl_facts::PoolFlag::Dirty) || recorded()
}

/// Its log is replayed by writing to it: not so by bcachefs with `nochanges`.
fn needs_copy(candidate: &Candidate<'_>) -> bool {
    candidate.filesystem().is_some_and(|(format, filesystem)| {
        matches!(filesystem.log, LogState::NeedsReplay { .. }) && format != Format::Bcachefs
    })
}

/// The steps that make the store visible on `target`; none where one is not
/// known.
pub(crate) fn steps<'a>(
    facts: &'a Facts,
    config: &Config,
    candidate: &Candidate<'a>,
    access: Access,
) -> Option<Vec<Step>> {
    let target = config.local.mount.0.clone();
    let mut builder = Builder::new(facts);
    match candidate.image {
        None => builder.mount(config, candidate, access, target)?,
        Some(image) => {
            builder.mount(config, candidate, Access::Ro, HOST.to_owned())?;
            let makes = builder.free("loop", FIRST_LOOP..=255)?;
            builder.steps.push(Step::Attach {
                file: format!("{HOST}{}", image.path),
                makes: makes.clone(),
            });
            builder.steps.push(Step::MountContent {
                node: makes,
                target,
            });
        }
    }
    Some(builder.steps)
}

fn mount(
    path: &str,
    node: String,
    others: Vec<String>,
    driver: &str,
    state: State,
    target: String,
) -> Step {
    let options = options(driver, state).iter().chain(&ALWAYS);
    Step::Mount {
        node,
        others,
        format: driver.to_owned(),
        options: options.map(|option| (*option).to_owned()).collect(),
        store_path: path.to_owned(),
        target,
        bind: path != "/",
    }
}

/// The last part of a node's path, as a name for another.
fn plain(node: &str) -> &str {
    node.rsplit('/').next().unwrap_or(node)
}

/// Brings layers up from the bottom, each once.
struct Builder<'a> {
    facts: &'a Facts,
    steps: Vec<Step>,
    /// Nodes of views by name.
    made: BTreeMap<&'a str, String>,
}

impl<'a> Builder<'a> {
    fn new(facts: &'a Facts) -> Self {
        Self {
            facts,
            steps: Vec::new(),
            made: BTreeMap::new(),
        }
    }

    /// The node of a device, which is brought up first where it is a view.
    /// The layers end: what is behind a view was there before it.
    fn node(&mut self, device: &'a Device) -> Option<String> {
        if device.kind != DeviceKind::Virtual {
            return Some(device.node.clone());
        }
        if let Some(node) = self.made.get(device.name.as_str()) {
            return Some(node.clone());
        }
        let makes = match stack::layer(self.facts, device) {
            Layer::Real | Layer::Other(_) => return None,
            Layer::Window { on, start } => {
                let node = self.node(on)?;
                let makes = self.free("loop", FIRST_LOOP..=255)?;
                self.steps.push(Step::Window {
                    node,
                    start,
                    size: device.size,
                    makes: makes.clone(),
                });
                makes
            }
            Layer::Array(pool) => {
                let members = self.nodes(pool)?;
                let makes = self.free("md", (0..=LAST_MD).rev())?;
                self.steps.push(Step::Assemble {
                    array: pool.id.clone(),
                    members,
                    degraded: pool.health == asl_facts::Health::Degraded,
                    makes: makes.clone(),
                });
                makes
            }
            Layer::Volume(pool, volume) => {
                let members = self.nodes(pool)?;
                let group = pool.name.as_ref()?.printable();
                let makes = format!("/dev/mapper/{}-{}", doubled(&group), doubled(&volume.name));
                self.steps.push(Step::ActivateVolume {
                    group,
                    group_id: pool.id.clone(),
                    volume: volume.name.clone(),
                    members,
                    makes: makes.clone(),
                });
                makes
            }
        };
        self.made.insert(&device.name, makes.clone());
        Some(makes)
    }

    fn nodes(&mut self, pool: &'a Pool) -> Option<Vec<String>> {
        let mut members = stack::current(self.facts, pool);
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
            .into_iter()
            .map(|member| self.node(member))
            .collect()
    }

    /// A node that neither the system nor a step has.
    fn free(&self, kind: &str, numbers: impl IntoIterator<Item = u32>) -> Option<String> {
        let in_use = |node: &String| {
            let known = self.facts.devices.iter().any(|device| device.node == *node);
            known || self.made.values().any(|made| made == node)
        };
        let nodes = numbers
            .into_iter()
            .map(|number| format!("/dev/{kind}{number}"));
        nodes.into_iter().find(|node| !in_use(node))
    }

    /// Brings the candidate's file system up and mounts it.
    fn mount(
        &mut self,
        config: &Config,
        candidate: &Candidate<'a>,
        access: Access,
        target: String,
    ) -> Option<()> {
        if let Some(pool) = candidate.pool {
            return self.pool(candidate, pool, access, target);
        }
        let node = self.node(candidate.device)?;
        if let Some(source) = keys::source(config, candidate) {
            let uuid = candidate.uuid()?.to_owned();
            let makes = format!("/dev/mapper/asl-{uuid}");
            self.steps.push(Step::Unlock {
                node,
                format: candidate.format()?,
                uuid,
                key: source.key(),
                makes: makes.clone(),
            });
            self.steps.push(Step::MountContent {
                node: makes,
                target,
            });
            return Some(());
        }
        if matches!(candidate.content, Content::Refused(_)) {
            self.steps.push(Step::MountContent { node, target });
            return Some(());
        }
        let (format, _) = candidate.filesystem()?;
        let driver = driver(&self.facts.system, format)?;
        let (node, state) = match access {
            Access::Rw => (node, State::Written),
            Access::Ro if needs_copy(candidate) => {
                let makes = format!("/dev/mapper/asl-cow-{}", plain(&node));
                self.steps.push(Step::Snapshot {
                    node,
                    bytes: cow_bytes(&self.facts.system),
                    makes: makes.clone(),
                });
                (makes, State::Copied)
            }
            Access::Ro => (node, State::Clean),
        };
        let mount = mount(&candidate.path, node, Vec::new(), driver, state, target);
        self.steps.push(mount);
        Some(())
    }

    fn pool(
        &mut self,
        candidate: &Candidate<'_>,
        pool: &'a Pool,
        access: Access,
        target: String,
    ) -> Option<()> {
        let state = match access {
            Access::Rw => State::Written,
            Access::Ro => State::Clean,
        };
        let members = self.nodes(pool)?;
        let step = if pool.format == Format::Zfs {
            let name = pool.name.as_ref()?.printable();
            self.steps.push(Step::ImportPool {
                guid: pool.id.clone(),
                name: name.clone(),
                members,
                foreign: pool.flags.contains(&asl_facts::PoolFlag::NotExported),
            });
            // A dataset shows nothing of those below it.
            let dataset = candidate.store.map_or("/", |store| &store.root);
            let dataset = dataset.trim_end_matches('/');
            let below = candidate.path.strip_prefix(dataset).unwrap_or_default();
            let path = if below.is_empty() { "/" } else { below };
            let node = format!("{name}{dataset}");
            mount(path, node, Vec::new(), "zfs", state, target)
        } else {
            let driver = driver(&self.facts.system, pool.format)?;
            let mut members = members.into_iter();
            let first = members.next()?;
            mount(
                &candidate.path,
                first,
                members.collect(),
                driver,
                state,
                target,
            )
        };
        self.steps.push(step);
        Some(())
    }
}

/// device-mapper separates group and volume by one dash.
fn doubled(name: &str) -> String {
    name.replace('-', "--")
}
