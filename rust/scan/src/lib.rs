//! From sysfs and block devices to facts.
//!
//! [`scan`] lists `/sys/class/block`, reads every device in a thread of its
//! own under a deadline, and looks for stores inside what it finds, in a
//! child of its own where there is a [`jail::Reader`]. Nothing here can write
//! to a device: `open.rs` opens them all, read-only.

mod activation;
mod exclude;
mod explain;
mod inside;
pub mod jail;
mod live;
mod member;
pub mod mounts;
pub mod netlink;
mod open;
mod ours;
mod pool;
mod root;
mod settle;
mod signatures;
mod silence;
mod sysfs;
mod system;
mod through;
pub mod uevent;
mod work;

use asl_facts::{Device, DeviceKind, Facts, Probe, Remote, SCHEMA, Timing};
use exclude::Excluded;
pub use explain::{Explained, explain_path};
use jail::Reader;
use live::Live;
use ours::Sight;
use pool::{Limits, Threads};
use root::Root;
pub use signatures::{Opened, Signatures};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
pub use through::Together;

/// How to scan.
#[derive(Debug, Clone)]
pub struct Options {
    /// `/`; a small tree with its own `sys`, `proc`, `dev` and `run` in tests.
    pub root: PathBuf,
    /// Serial numbers, WWIDs and paths of devices to leave alone.
    pub exclude: Vec<String>,
    /// Kernel names of nodes that this session's own activation made. They
    /// are seen through as if they did not exist.
    pub ours: Vec<String>,
    /// Longest wait for devices that are still appearing.
    pub settle: Duration,
    /// So long without a new device means that all are there.
    pub quiet: Duration,
    /// Longest time in which nothing could be read of a device.
    pub silence: Duration,
    /// Longest time for one device, however well it reads.
    pub deadline: Duration,
    /// Who looks inside file systems. None: the threads of this process,
    /// where a reader that crashes or eats the memory takes the scan along.
    pub reader: Option<Reader>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            exclude: Vec::new(),
            ours: Vec::new(),
            settle: Duration::from_secs(10),
            quiet: Duration::from_secs(2),
            silence: Duration::from_secs(5),
            deadline: Duration::from_secs(20),
            reader: None,
        }
    }
}

impl Options {
    fn limits(&self) -> Limits {
        Limits {
            silence: self.silence,
            deadline: self.deadline,
        }
    }
}

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A file that every Linux has could not be read.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// Neither a block device nor a regular file.
    #[error("{path}: neither a block device nor a regular file", path = path.display())]
    NotProbeable {
        /// The file.
        path: PathBuf,
    },
}

/// Everything about this node's storage. `generation` is 1 and `remote` is
/// none: the caller knows about earlier scans and the configuration.
///
/// # Errors
/// `sys/class/block` or the boot id cannot be read.
pub fn scan(options: &Options) -> Result<Facts, ScanError> {
    let started_ms = system::boottime_ms();
    let root = Root::new(&options.root);
    let boot_id = system::boot_id(&root)?;
    let live = Live::read(&root);
    let mut pool = Threads::new(options.limits());
    let sight = Sight::new(&root, &options.ours);
    // A few files of some MiB, which nobody has to wait for.
    let files = root.clone();
    let system = std::thread::spawn(move || system::system(&files));
    settle::settle(options, &root, &sight, &live, &mut pool)?;
    let devices = devices(&root, &sight, &live, &mut pool)?;
    let together = together(&root, &devices, options);
    Ok(Facts {
        schema: SCHEMA,
        boot_id,
        generation: 1,
        system: system.join().unwrap_or_default(),
        pools: together.pools,
        twins: asl_topology::twins(&devices),
        virtuals: together.virtuals,
        devices,
        remote: Remote::None,
        timing: Timing {
            started_ms,
            ended_ms: system::boottime_ms(),
            cpu_ms: system::cpu_ms(),
        },
    })
}

/// The facts after the kernel said that the devices `touched` changed: these
/// and new ones are read, and what is seen through all of them; of the others
/// only what surrounds them. Nothing is waited for, and `remote` stays as it
/// was.
///
/// # Errors
/// `sys/class/block` cannot be read.
pub fn rescan(
    options: &Options,
    before: &Facts,
    touched: &BTreeSet<String>,
) -> Result<Facts, ScanError> {
    let started_ms = system::boottime_ms();
    let root = Root::new(&options.root);
    let live = Live::read(&root);
    let mut pool = Threads::new(options.limits());
    let sight = Sight::new(&root, &options.ours);
    let names = sight.names()?;
    let known: BTreeMap<&str, &Device> = before
        .devices
        .iter()
        .filter(|device| !touched.contains(&device.name))
        .map(|device| (device.name.as_str(), device))
        .collect();
    let excluded = Excluded::of(&root, &options.exclude, &names);
    for name in &names {
        // One that left since then is in no answer.
        let Some(device) = sight.device(name) else {
            continue;
        };
        match (known.get(name.as_str()), skip(&device, &live, &excluded)) {
            (_, Some(why)) => pool.set(name, Probe::skipped(why)),
            (Some(known), None) => pool.set(name, known.probe.clone()),
            (None, None) => pool.add_device(&root, &device, options.reader.as_ref()),
        }
    }
    pool.finish();
    let devices = devices(&root, &sight, &live, &mut pool)?;
    let together = together(&root, &devices, options);
    Ok(Facts {
        generation: before.generation.saturating_add(1),
        pools: together.pools,
        twins: asl_topology::twins(&devices),
        virtuals: together.virtuals,
        devices,
        timing: Timing {
            started_ms,
            ended_ms: system::boottime_ms(),
            cpu_ms: system::cpu_ms(),
        },
        ..before.clone()
    })
}

/// The devices that were read, with what surrounds them and their standing.
fn devices(
    root: &Root,
    sight: &Sight<'_>,
    live: &Live,
    pool: &mut Threads,
) -> Result<Vec<Device>, ScanError> {
    // What surrounds the devices may have changed while they were read.
    let names = sight.names()?;
    let mut devices: Vec<Device> = names
        .iter()
        .filter_map(|name| {
            let mut device = sight.device(name)?;
            device.probe = pool.take(name)?;
            Some(device)
        })
        .collect();
    sysfs::share_identity(&mut devices);
    live::mark_uses(root, &mut devices);
    live.mark(&mut devices);
    asl_topology::rank(&mut devices);
    Ok(devices)
}

fn together(root: &Root, devices: &[Device], options: &Options) -> Together {
    through::together(root, devices, options.reader.as_ref(), options.limits())
}

/// One device or image file, looked into in this process.
///
/// # Errors
/// It does not exist, or it is neither a block device nor a file.
pub fn probe_path(path: &Path) -> Result<Device, ScanError> {
    probe_with(path, None)
}

/// One device or image file, looked into by `reader`.
///
/// # Errors
/// It does not exist, or it is neither a block device nor a file.
pub fn probe_path_jailed(path: &Path, reader: &Reader) -> Result<Device, ScanError> {
    probe_with(path, Some(reader))
}

fn probe_with(path: &Path, reader: Option<&Reader>) -> Result<Device, ScanError> {
    let root = Root::new(Path::new("/"));
    let mut device = unread(&root, path)?;
    let mut pool = Threads::new(Options::default().limits().patient());
    pool.add_device(&root, &device, reader);
    pool.finish();
    if let Some(probe) = pool.take(&device.name) {
        device.probe = probe;
    }
    asl_topology::rank(std::slice::from_mut(&mut device));
    Ok(device)
}

/// What surrounds the device or image file at `path`.
fn unread(root: &Root, path: &Path) -> Result<Device, ScanError> {
    Ok(match open::kind_of(path)? {
        open::PathKind::Block { devnum } => {
            let mut device =
                sysfs::by_devnum(root, &devnum).ok_or_else(|| ScanError::NotProbeable {
                    path: path.to_owned(),
                })?;
            if let Some(disk) = device
                .parent
                .as_deref()
                .and_then(|parent| sysfs::device(root, parent))
            {
                device.identity = disk.identity;
            }
            live::mark_uses(root, std::slice::from_mut(&mut device));
            device
        }
        open::PathKind::File { size } => {
            let absolute = std::path::absolute(path).map_err(|error| ScanError::Io {
                path: path.to_owned(),
                error,
            })?;
            image(&absolute, size)
        }
    })
}

/// What these devices and image files make up together, read through them
/// and looked into by `reader`; [`probe_path`] gave them. Their names have to
/// differ.
#[must_use]
pub fn see_through(devices: &[Device], reader: &Reader) -> Together {
    let root = Root::new(Path::new("/"));
    let limits = Options::default().limits().patient();
    through::together(&root, devices, Some(reader), limits)
}

/// An image file as the loop device that it would be.
fn image(path: &Path, size: u64) -> Device {
    // The whole path: members of one pool often have one file name in several
    // directories.
    let name = path.to_string_lossy().into_owned();
    Device {
        node: name.clone(),
        backing_file: Some(name.clone()),
        ..Device::new(name, DeviceKind::Loop, size)
    }
}

/// Why a device is left alone, if it is.
fn skip(device: &Device, live: &Live, excluded: &Excluded) -> Option<&'static str> {
    let volatile = ["ram", "zram"]
        .iter()
        .any(|prefix| numbered(&device.name, prefix));
    if volatile {
        // Its content lives no longer than this boot.
        Some("memory")
    } else if numbered(&device.name, "fd") {
        // A drive without a disk answers after seconds, with errors.
        Some("floppy")
    } else if live.is_live(device) {
        Some("live")
    } else if device.kind == DeviceKind::Loop && device.backing_file.is_none() {
        Some("unbound")
    } else if device.size == 0 {
        Some("empty")
    } else if excluded.covers(device) {
        Some("excluded")
    } else {
        None
    }
}

fn numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}
