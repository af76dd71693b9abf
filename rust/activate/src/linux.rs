//! The machine itself.

use crate::action::{asks_for_password, by_mount};
use crate::command::Command;
use crate::error::Error;
use crate::journal::MAX_JOURNAL;
use crate::make::Make;
use crate::run::{pipe, run};
use crate::system::{MountPoint, Node, State, System};
use crate::{device, ioctl};
use asl_facts::Signature;
use asl_scan::mounts::{self, Mount};
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::mount::{MntFlags, MsFlags};
use nix::sys::stat::{Mode, SFlag};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// The journal.
pub const JOURNAL: &str = "/var/lib/asl/runtime/activation.json";
/// One activation at a time.
pub const LOCK: &str = "/var/lib/asl/locks/activation";

/// A server that answers does so within seconds; one that is gone is told
/// from a slow one by the options.
const REMOTE: Duration = Duration::from_secs(45);

/// Whoever looked at a loop device while it was detached lets go of the file
/// behind it a moment later, and until then its file system is in use.
const BUSY_TRIES: u32 = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// sysfs counts in these, whatever the device's sector size is.
const SYSFS_SECTOR: u64 = 512;

/// The machine, or a directory that stands for `/`. Paths that the kernel
/// reports (sources of mounts, swap, files behind loops) are its own and are
/// taken as they are.
#[derive(Debug)]
pub struct Linux {
    root: PathBuf,
}

impl Linux {
    /// Everything is taken below `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Keeps other activations out for as long as the result lives.
    ///
    /// # Errors
    /// Another one is running, or the lock cannot be made.
    pub fn lock(&self) -> Result<Flock<File>, Error> {
        let io = |source| Error::Io {
            what: LOCK.to_owned(),
            source,
        };
        let path = self.path(LOCK);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            nix::Error::EWOULDBLOCK => Error::Locked {
                path: LOCK.to_owned(),
            },
            other => io(other.into()),
        })
    }

    pub(crate) fn devnum(&self, node: &str) -> io::Result<String> {
        block_number(&self.path(node))
    }

    pub(crate) fn sectors(&self, node: &str) -> io::Result<u64> {
        let size = self
            .path("/sys/dev/block")
            .join(self.devnum(node)?)
            .join("size");
        let size = fs::read_to_string(size)?;
        size.trim().parse().map_err(io::Error::other)
    }

    /// The path of a regular file on a mounted file system, no part of which
    /// is a link.
    pub(crate) fn regular_file(&self, path: &str) -> io::Result<PathBuf> {
        let refused = |why: String| {
            let text =
                format!("{path}: {why}; a regular file, and no link on the way to it, is attached");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let (dir, name) = path.rsplit_once('/').unwrap_or_default();
        let dir = open_beneath(&self.path("/"), dir).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => refused(format!("a part of {dir} is no directory")),
            _ => error,
        })?;
        // Not for reading: a pipe would keep the opener waiting.
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = nix::fcntl::openat(&dir, name, flags, Mode::empty())?;
        let kind = nix::sys::stat::fstat(&file)?.st_mode & SFlag::S_IFMT.bits();
        if kind != SFlag::S_IFREG.bits() {
            let what = if kind == SFlag::S_IFLNK.bits() {
                "a link"
            } else {
                "no regular file"
            };
            return Err(refused(what.to_owned()));
        }
        let there = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        if there != self.plainly(path) {
            return Err(refused(format!("the kernel calls it {}", there.display())));
        }
        Ok(there)
    }

    /// A path as the kernel writes it when no part of it is a link.
    pub(crate) fn plainly(&self, absolute: &str) -> PathBuf {
        let root = fs::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone());
        root.join(absolute.trim_start_matches('/'))
    }

    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    fn mounts(&self) -> io::Result<Vec<Mount>> {
        // Not UTF-8 in one mount's name must not hide the others.
        let bytes = fs::read(self.path("/proc/self/mountinfo"))?;
        Ok(mounts::parse(&String::from_utf8_lossy(&bytes)))
    }

    /// Adds `devnum` and everything that it lies on.
    fn add_with_carriers(&self, devnum: &str, found: &mut BTreeSet<String>) {
        if !found.insert(devnum.to_owned()) {
            return;
        }
        let Ok(dir) = fs::canonicalize(self.path("/sys/dev/block").join(devnum)) else {
            return;
        };
        let mut below: Vec<PathBuf> = Vec::new();
        if dir.join("partition").exists() {
            below.extend(dir.parent().map(Path::to_owned));
        }
        let slaves = fs::read_dir(dir.join("slaves")).into_iter().flatten();
        below.extend(slaves.filter_map(Result::ok).map(|entry| entry.path()));
        for carrier in below {
            if let Ok(number) = fs::read_to_string(carrier.join("dev")) {
                self.add_with_carriers(number.trim(), found);
            }
        }
        // A loop device lies on the disk that its file is on.
        if let Ok(file) = fs::read_to_string(dir.join("loop/backing_file"))
            && let Ok(meta) = fs::metadata(file.trim_end_matches('\n'))
        {
            self.add_with_carriers(&number(meta.dev()), found);
        }
    }
}

/// `major:minor`.
fn number(dev: u64) -> String {
    use nix::sys::stat::{major, minor};
    format!("{}:{}", major(dev), minor(dev))
}

/// The device number of a block node.
fn block_number(path: &Path) -> io::Result<String> {
    let meta = fs::metadata(path)?;
    if meta.file_type().is_block_device() {
        Ok(number(meta.rdev()))
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a block device",
        ))
    }
}

/// Opens a directory below `root` without following a link: one on the disk
/// must not lead out of it, to /etc for example. One name at a time, because
/// systemd's RestrictSUIDSGID= takes openat2(2) away.
fn open_beneath(root: &Path, path: &str) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut dir = nix::fcntl::open(root, flags, Mode::empty())?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if name == ".." {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        dir = nix::fcntl::openat(&dir, name, flags, Mode::empty())?;
    }
    Ok(dir)
}

impl System for Linux {
    fn boot_id(&self) -> io::Result<String> {
        asl_mode::current_boot_id(&self.root)
    }

    fn node(&self, node: &str) -> io::Result<Node> {
        Ok(Node {
            devnum: self.devnum(node)?,
            size: self.sectors(node)?.saturating_mul(SYSFS_SECTOR),
        })
    }

    fn signatures(&self, node: &str) -> io::Result<Vec<Signature>> {
        device::signatures(&self.path(node), self.node(node)?.size)
    }

    fn is_written(&self, devnum: &str) -> io::Result<bool> {
        let mut written = BTreeSet::new();
        for mount in self.mounts()?.iter().filter(|mount| mount.writable) {
            self.add_with_carriers(&mount.devnum, &mut written);
            // btrfs shows a number of its own; its source is a node.
            if let Ok(number) = block_number(Path::new(&mount.source)) {
                self.add_with_carriers(&number, &mut written);
            }
        }
        // A kernel without swap has no such file.
        let swaps = fs::read_to_string(self.path("/proc/swaps")).unwrap_or_default();
        for swap in mounts::swaps(&swaps) {
            let meta = fs::metadata(swap)?;
            let number = if meta.file_type().is_block_device() {
                number(meta.rdev())
            } else {
                number(meta.dev())
            };
            self.add_with_carriers(&number, &mut written);
        }
        Ok(written.contains(devnum))
    }

    fn read_only(&self, node: &str) -> io::Result<bool> {
        ioctl::read_only(&device::open(&self.path(node))?)
    }

    fn set_read_only(&self, node: &str, value: bool) -> io::Result<()> {
        ioctl::set_read_only(&device::open(&self.path(node))?, value)
    }

    fn missing_modules(&self, modules: &[String]) -> io::Result<Vec<String>> {
        let there = |module: &&String| self.path("/sys/module").join(module).exists();
        Ok(modules.iter().filter(|m| !there(m)).cloned().collect())
    }

    fn load_modules(&self, modules: &[String]) -> io::Result<()> {
        run(&Command::new("modprobe", &["-a"]).args(modules)).map(|_| ())
    }

    fn state_of(&self, make: &Make) -> io::Result<State> {
        Ok(self.look(make))
    }

    fn make(&self, make: &Make) -> io::Result<()> {
        self.do_make(make)
    }

    fn unmake(&self, make: &Make) -> io::Result<()> {
        self.do_unmake(make)
    }

    fn is_overflowed(&self, node: &str) -> io::Result<bool> {
        self.overflowed(node)
    }

    fn is_dir(&self, path: &str) -> io::Result<bool> {
        match fs::symlink_metadata(self.path(path)) {
            Ok(meta) => Ok(meta.is_dir()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn make_dir(&self, path: &str, mode: u32) -> io::Result<()> {
        DirBuilder::new().mode(mode).create(self.path(path))
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        fs::remove_dir(self.path(path))
    }

    fn present(&self, dir: &str, names: &[String]) -> io::Result<Vec<String>> {
        let dir = self.path(dir);
        let there = |name: &&String| fs::symlink_metadata(dir.join(name)).is_ok();
        fs::read_dir(&dir)?;
        Ok(names.iter().filter(there).cloned().collect())
    }

    fn mounts_at(&self, target: &str) -> io::Result<Vec<MountPoint>> {
        let path = self.path(target);
        let path = fs::canonicalize(&path).unwrap_or(path);
        let at = |mount: &Mount| mount.target == path;
        let point = |mount: Mount| MountPoint {
            devnum: block_number(Path::new(&mount.source)).ok(),
            source: mount.source,
        };
        Ok(self.mounts()?.into_iter().filter(at).map(point).collect())
    }

    fn mount(&self, node: &str, driver: &str, options: &[String], target: &str) -> io::Result<()> {
        let mut flags = MsFlags::empty();
        let mut data = Vec::new();
        for option in options {
            match option.as_str() {
                "ro" => flags |= MsFlags::MS_RDONLY,
                "rw" => {}
                "nodev" => flags |= MsFlags::MS_NODEV,
                "nosuid" => flags |= MsFlags::MS_NOSUID,
                "noexec" => flags |= MsFlags::MS_NOEXEC,
                other => data.push(other),
            }
        }
        let (node, target, data) = (self.path(node), self.path(target), data.join(","));
        nix::mount::mount(
            Some(&node),
            &target,
            Some(driver),
            flags,
            Some(data.as_str()),
        )?;
        Ok(())
    }

    fn bind(&self, from: &str, path: &str, target: &str) -> io::Result<()> {
        let dir = open_beneath(&self.path(from), path)?;
        let source = format!("/proc/self/fd/{}", dir.as_raw_fd());
        // The flags of the mount it comes from are inherited.
        nix::mount::mount(
            Some(source.as_str()),
            &self.path(target),
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )?;
        Ok(())
    }

    fn mount_by_helper(
        &self,
        format: &str,
        source: &str,
        options: &[String],
        target: &str,
    ) -> io::Result<()> {
        let target = self.path(target);
        let mount = by_mount(format, source, options, &target.to_string_lossy()).within(REMOTE);
        match asks_for_password(source, options) {
            Some(ask) => pipe(&ask, &mount.with_password_on_input()),
            None => run(&mount).map(|_| ()),
        }
    }

    fn forget(&self, nodes: &[String]) -> io::Result<()> {
        let control = match File::open(self.path("/dev/btrfs-control")) {
            Ok(control) => control,
            // No driver, nothing to forget.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for node in nodes {
            match ioctl::forget(&control, node) {
                // It does not know it, or another mount uses it.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::ResourceBusy
                    ) => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn close_mount(&self, target: &str) -> io::Result<()> {
        // A remount sets all flags anew: these are what every mount of ours has.
        let flags = MsFlags::MS_REMOUNT
            | MsFlags::MS_BIND
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NOEXEC;
        let none = None::<&str>;
        Ok(nix::mount::mount(
            none,
            &self.path(target),
            none,
            flags,
            none,
        )?)
    }

    fn unmount(&self, target: &str, detach: bool) -> io::Result<()> {
        let path = self.path(target);
        let mut tries = 0..BUSY_TRIES;
        loop {
            match nix::mount::umount2(&path, MntFlags::UMOUNT_NOFOLLOW) {
                Err(_) if detach => {
                    let flags =
                        MntFlags::UMOUNT_NOFOLLOW | MntFlags::MNT_FORCE | MntFlags::MNT_DETACH;
                    return Ok(nix::mount::umount2(&path, flags)?);
                }
                Err(nix::Error::EBUSY) if tries.next().is_some() => sleep(BUSY_PAUSE),
                result => return Ok(result?),
            }
        }
    }

    fn load_journal(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(JOURNAL)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // One byte more shows that it is too long.
        let most = u64::try_from(MAX_JOURNAL).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn store_journal(&self, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(JOURNAL);
        let Some(parent) = path.parent() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        fs::create_dir_all(parent)?;
        asl_mode::write_atomic(&path, bytes).map_err(|error| error.source)?;
        // The rename too must survive.
        File::open(parent)?.sync_all()
    }

    fn remove_journal(&self) -> io::Result<()> {
        fs::remove_file(self.path(JOURNAL))
    }
}
