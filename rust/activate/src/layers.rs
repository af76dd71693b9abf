//! Loop devices, arrays, volumes, containers, pools and snapshots of the
//! machine: what sysfs shows of them, and the tools that make them.

use crate::command::Command;
use crate::ioctl::remove_loop;
use crate::linux::Linux;
use crate::make::{Make, dm_name, remove};
use crate::run::{pipe, run};
use crate::system::State;
use asl_decide::Key;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Tries with a passphrase that somebody types.
const TRIES: usize = 3;
/// After it was taken away a node is looked for so often: something that just
/// looked at it may still hold it.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);
/// The same of a tool that was killed in the kernel: an import may take two
/// minutes.
const LOOKS_AT_ORPHANS: u32 = 1200;
/// Layers that may lie over each other; a loop in sysfs must end.
const MAX_DEPTH: u32 = 32;

/// One line of a file in sysfs; none where there is no such file.
fn line(path: impl AsRef<Path>) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.trim_end_matches('\n').to_owned())
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect()
}

impl Linux {
    fn sys(&self, name: &str) -> PathBuf {
        self.path("/sys/class/block").join(name)
    }

    /// Kernel name of a node: `/dev/mapper/a` is `dm-0`.
    fn kernel_name(&self, node: &str) -> Option<String> {
        let devnum = self.devnum(node).ok()?;
        let dir = fs::canonicalize(self.path("/sys/dev/block").join(devnum)).ok()?;
        Some(dir.file_name()?.to_str()?.to_owned())
    }

    fn slaves(&self, name: &str) -> Vec<String> {
        names(&self.sys(name).join("slaves"))
    }

    /// What a device stands on down to `members`, and whether it stands on
    /// nothing else.
    fn stands_on(&self, name: &str, members: &BTreeSet<String>) -> (BTreeSet<String>, bool) {
        let mut seen = BTreeSet::new();
        let mut only = true;
        let mut todo = vec![(name.to_owned(), 0_u32)];
        while let Some((name, depth)) = todo.pop() {
            let below = self.slaves(&name);
            only &= !below.is_empty() && depth < MAX_DEPTH;
            for slave in below {
                if !members.contains(&slave) && seen.insert(slave.clone()) {
                    todo.push((slave, depth.saturating_add(1)));
                }
            }
        }
        (seen, only)
    }

    fn kernel_names(&self, nodes: &[String]) -> BTreeSet<String> {
        nodes
            .iter()
            .filter_map(|node| self.kernel_name(node))
            .collect()
    }

    /// Kernel names of the device-mapper nodes whose names pass.
    fn mapped(&self, is: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let all = names(&self.path("/sys/class/block")).into_iter();
        all.filter(|name| name.starts_with("dm-"))
            .filter_map(|name| {
                let called = line(self.sys(&name).join("dm/name"))?;
                is(&called).then_some((name, called))
            })
            .collect()
    }

    /// Kernel names of the loop devices over a file.
    fn loops_over(&self, file: &Path) -> Vec<String> {
        let file = file.to_string_lossy();
        let all = names(&self.path("/sys/class/block")).into_iter();
        all.filter(|name| name.starts_with("loop"))
            .filter(|name| {
                let backing = line(self.sys(name).join("loop/backing_file"));
                // The file may have been removed by hand.
                backing.is_some_and(|path| path.trim_end_matches(" (deleted)") == file)
            })
            .collect()
    }

    fn file(&self, absolute: &str) -> PathBuf {
        let path = self.path(absolute);
        fs::canonicalize(&path).unwrap_or(path)
    }

    pub(crate) fn look(&self, make: &Make) -> State {
        match make {
            Make::Window {
                node,
                start,
                size,
                makes,
            } => self.look_window(node, *start, *size, makes),
            Make::Attached { file, makes } => self.look_attached(file, makes),
            Make::Array { members, makes, .. } => self.look_array(members, makes),
            Make::Volume { members, makes, .. } => self.look_volume(members, dm_name(makes)),
            Make::Unlocked { node, makes, .. } | Make::Snapshot { node, makes, .. } => {
                self.look_over(node, dm_name(makes))
            }
            Make::Pool { guid, name, .. } => self.look_pool(guid, name),
            Make::CowFile { path, .. } => match self.path(path).symlink_metadata() {
                Ok(_) => State::Ours,
                Err(_) => State::Absent,
            },
            Make::CowLoop { file } => match self.loops_over(&self.file(file)).is_empty() {
                true => State::Absent,
                false => State::Ours,
            },
        }
    }

    /// An import goes on in the kernel when its tool is killed: until the tool
    /// is gone, the pool is there or not, or there without an id.
    fn look_pool(&self, guid: &str, name: &str) -> State {
        for _ in 0..LOOKS_AT_ORPHANS {
            if !self.is_orphaned("zpool") {
                break;
            }
            sleep(PAUSE);
        }
        let dir = self.path("/proc/spl/kstat/zfs").join(name);
        match (dir.is_dir(), line(dir.join("guid"))) {
            (false, _) => State::Absent,
            (true, Some(seen)) if seen.trim() != guid => {
                State::Other(format!("pool {name} with id {}", seen.trim()))
            }
            (true, _) => State::Ours,
        }
    }

    /// A process of that name has lost who started it. One that is killed while
    /// it is in the kernel stays until it comes back from there.
    fn is_orphaned(&self, program: &str) -> bool {
        let proc = self.path("/proc");
        names(&proc).into_iter().any(|pid| {
            // "PID (NAME) STATE PARENT ..."
            let stat = line(proc.join(pid).join("stat")).unwrap_or_default();
            let named = format!("({program}) ");
            let rest = stat.split_once(&named).map(|(_, rest)| rest);
            rest.is_some_and(|rest| rest.split(' ').nth(1) == Some("1"))
        })
    }

    fn look_window(&self, node: &str, start: u64, size: u64, makes: &str) -> State {
        let dir = self.sys(dm_name(makes)).join("loop");
        let Some(backing) = line(dir.join("backing_file")) else {
            return State::Absent;
        };
        let number = |name| line(dir.join(name)).and_then(|text| text.parse::<u64>().ok());
        let below = self.kernel_name(node);
        let same = below.is_some() && below == self.kernel_name(&backing);
        if same && number("offset") == Some(start) && number("sizelimit") == Some(size) {
            State::Ours
        } else {
            State::Other(format!("a loop device over {backing}"))
        }
    }

    /// The kernel tells where the file really is: had a part of its path been
    /// a link, that would be another path.
    fn look_attached(&self, file: &str, makes: &str) -> State {
        let dir = self.sys(dm_name(makes)).join("loop");
        let Some(backing) = line(dir.join("backing_file")) else {
            return State::Absent;
        };
        let zero = |name| line(dir.join(name)).as_deref() == Some("0");
        if Path::new(&backing) == self.plainly(file) && zero("offset") && zero("sizelimit") {
            State::Ours
        } else {
            State::Other(format!("a loop device over {backing}"))
        }
    }

    fn look_array(&self, members: &[String], makes: &str) -> State {
        let name = dm_name(makes);
        if !self.sys(name).exists() {
            return State::Absent;
        }
        let slaves = self.slaves(name);
        if slaves.is_empty() {
            return State::Empty;
        }
        let members = self.kernel_names(members);
        if slaves.iter().all(|slave| members.contains(slave)) {
            State::Ours
        } else {
            State::Other(format!("an array of {}", slaves.join(", ")))
        }
    }

    fn look_volume(&self, members: &[String], name: &str) -> State {
        let members = self.kernel_names(members);
        // A run that was killed leaves hidden volumes without the one that
        // stands on them, and a node without a table.
        let prefix = format!("{name}_r");
        let parts = self.mapped(|called| called == name || called.starts_with(&prefix));
        let whole = parts.iter().find(|(_, called)| called == name);
        match whole {
            Some((kernel, _)) if self.slaves(kernel).is_empty() => State::Empty,
            Some((kernel, _)) => match self.stands_on(kernel, &members) {
                (_, true) => State::Ours,
                _ => State::Other("a volume on other disks".to_owned()),
            },
            None if parts
                .iter()
                .any(|part| self.is_hidden(part, name, &members)) =>
            {
                State::Empty
            }
            None => State::Absent,
        }
    }

    /// A hidden volume of the raid volume `name` on these members.
    fn is_hidden(
        &self,
        (kernel, called): &(String, String),
        name: &str,
        members: &BTreeSet<String>,
    ) -> bool {
        let number = ["_rimage_", "_rmeta_"].iter().find_map(|infix| {
            let rest = called.strip_prefix(name)?;
            rest.strip_prefix(infix)
        });
        number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
            && (self.slaves(kernel).is_empty() || self.stands_on(kernel, members).1)
    }

    fn look_over(&self, node: &str, name: &str) -> State {
        let found = self.mapped(|called| called == name);
        let Some((kernel, _)) = found.first() else {
            return State::Absent;
        };
        let slaves = self.slaves(kernel);
        if slaves.is_empty() {
            return State::Empty;
        }
        match self.kernel_name(node) {
            Some(below) if slaves.contains(&below) => State::Ours,
            _ => State::Other(format!("a mapping over {}", slaves.join(", "))),
        }
    }

    pub(crate) fn do_make(&self, make: &Make) -> io::Result<()> {
        match make {
            Make::CowFile { path, bytes } => {
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(self.path(path))?;
                file.set_len(*bytes)
            }
            Make::CowLoop { file } => {
                let mut command = Command::new("losetup", &["--find"]);
                command = command.arg(self.file(file).to_string_lossy());
                run(&command).map(|_| ())
            }
            Make::Snapshot { node, file, makes } => {
                let loops = self.loops_over(&self.file(file));
                let [cow] = loops.as_slice() else {
                    let seen = loops.len();
                    return Err(io::Error::other(format!("{file}: {seen} loop devices")));
                };
                let cow = format!("/dev/{}", cow.replace('!', "/"));
                let sectors = self.sectors(node)?;
                run(&Make::snapshot(node, makes, sectors, &cow)).map(|_| ())
            }
            Make::Unlocked {
                key: Key::Prompt,
                node,
                ..
            } => self.unlock_by_asking(make, node),
            Make::Attached { file, makes } => self.attach(file, makes),
            Make::Pool {
                writable: false, ..
            } => self.with_host_id(|| run(&self.up(make)?).map(|_| ())),
            _ => run(&self.up(make)?).map(|_| ()),
        }
    }

    /// A link on the disk must not lead out of it, and a device or pipe there
    /// is no image.
    fn attach(&self, file: &str, makes: &str) -> io::Result<()> {
        let path = self.regular_file(file)?.to_string_lossy().into_owned();
        let shown = Make::Attached {
            file: path,
            makes: makes.to_owned(),
        };
        run(&self.up(&shown)?)?;
        // losetup went by the path, and the disk may have changed meanwhile.
        match self.look_attached(file, makes) {
            State::Ours => Ok(()),
            seen => {
                self.down(&shown)?;
                Err(io::Error::other(format!("{file}: {seen:?} seen after it")))
            }
        }
    }

    fn up(&self, make: &Make) -> io::Result<Command> {
        make.up().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn unlock_by_asking(&self, make: &Make, node: &str) -> io::Result<()> {
        let open = self.up(make)?;
        let mut result = Ok(());
        for _ in 0..TRIES {
            result = pipe(&Make::ask(node), &open);
            match &result {
                // A passphrase that does not fit may be typed again; nobody
                // there is asked once.
                Err(error) if error.to_string().contains("No key available") => {}
                _ => return result,
            }
        }
        result
    }

    pub(crate) fn do_unmake(&self, make: &Make) -> io::Result<()> {
        match make {
            Make::CowFile { path, .. } => return fs::remove_file(self.path(path)),
            Make::CowLoop { file } => {
                for name in self.loops_over(&self.file(file)) {
                    run(&Command::new("losetup", &["--detach"]).arg(format!("/dev/{name}")))?;
                }
            }
            Make::Volume { members, makes, .. } => {
                let result = self.down(make);
                self.remove_hidden(members, dm_name(makes))?;
                result?;
            }
            _ => self.down(make)?,
        }
        for _ in 0..LOOKS {
            if self.look(make) == State::Absent {
                if let Make::Window { makes, .. } | Make::Attached { makes, .. } = make {
                    self.remove_loop(makes);
                }
                return Ok(());
            }
            sleep(PAUSE);
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!("{} is still there: something uses it", make.place()),
        ))
    }

    /// A loop device that was read-only shows so when it is free, until it gets
    /// another file. It goes away, and the kernel makes it again for whoever
    /// asks for the number; one that stays does no harm.
    fn remove_loop(&self, node: &str) {
        let name = dm_name(node);
        let number = name.strip_prefix("loop").and_then(|n| n.parse().ok());
        let control = File::open(self.path("/dev/loop-control"));
        let (Some(number), Ok(control)) = (number, control) else {
            return;
        };
        for _ in 0..LOOKS {
            match remove_loop(&control, number) {
                // Somebody who noticed that it changed looks at it.
                Err(error)
                    if error.kind() == io::ErrorKind::ResourceBusy
                        && !self.sys(name).join("loop/backing_file").exists() =>
                {
                    sleep(PAUSE);
                }
                Err(error) => return tracing::debug!("{node} stays: {error}"),
                Ok(()) => return,
            }
        }
    }

    fn down(&self, make: &Make) -> io::Result<()> {
        let command = make.down();
        let command = command.ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
        run(&command).map(|_| ())
    }

    /// What a killed lvchange may leave, and lvchange then does not see.
    fn remove_hidden(&self, members: &[String], name: &str) -> io::Result<()> {
        let members = self.kernel_names(members);
        let prefix = format!("{name}_r");
        let parts = self.mapped(|called| called == name || called.starts_with(&prefix));
        for part in &parts {
            let empty = part.1 == name && self.slaves(&part.0).is_empty();
            if empty || self.is_hidden(part, name, &members) {
                run(&remove(&part.1))?;
            }
        }
        Ok(())
    }

    /// `dmsetup status` of a snapshot: `0 2048 snapshot 16/32768 0`, or a word
    /// in place of the sectors used.
    pub(crate) fn overflowed(&self, node: &str) -> io::Result<bool> {
        let status = Command::new("dmsetup", &["status"]).arg(dm_name(node));
        let status = run(&status.without_udev())?;
        let used = status
            .lines()
            .find_map(|line| line.split_once(" snapshot "))
            .map(|(_, rest)| rest.trim())
            .ok_or_else(|| io::Error::other(format!("{node}: no snapshot: {}", status.trim())))?;
        Ok(!used.starts_with(|c: char| c.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_outlived_who_started_it_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let linux = Linux::new(root.path());
        for (pid, stat, seen) in [
            ("7", "7 (zpool) S 500 7 7 0", false),
            ("8", "8 (zpool-1) S 1 8 8 0", false),
            ("9", "9 (zpool) D 1 9 9 0", true),
        ] {
            let dir = root.path().join("proc").join(pid);
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("stat"), format!("{stat}\n")).unwrap();
            assert_eq!(linux.is_orphaned("zpool"), seen, "{stat}");
        }
    }
}
