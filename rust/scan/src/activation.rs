//! What this system could activate: drivers and programs.

use crate::root::{Root, names_in};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Modules that layers need, as the kernel names them.
const DRIVERS: &[&str] = &[
    "bcache",
    "bcachefs",
    "btrfs",
    "cifs",
    "dm_cache",
    "dm_cache_smq",
    "dm_crypt",
    "dm_integrity",
    "dm_mirror",
    "dm_mod",
    "dm_multipath",
    "dm_raid",
    "dm_snapshot",
    "dm_thin_pool",
    "dm_vdo",
    "dm_verity",
    "dm_writecache",
    "drbd",
    "fuse",
    "linear",
    "loop",
    "md_mod",
    "nbd",
    "nfs",
    "nfsv3",
    "nfsv4",
    "raid0",
    "raid1",
    "raid10",
    "raid456",
    "zfs",
];

/// Programs that bring layers up.
const TOOLS: &[&str] = &[
    "bcachefs",
    "btrfs",
    "cryptsetup",
    "dmsetup",
    "losetup",
    "lvm",
    "mdadm",
    "mount.cifs",
    "mount.nfs",
    "sshfs",
    "systemd-ask-password",
    "zpool",
];

/// Where programs are, as the units' own search path has it.
const DIRECTORIES: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// Modules of the running kernel.
pub(crate) struct Modules {
    /// `modules.alias`: what a module is asked for by.
    aliases: String,
    /// What is there: built in, loaded, or a file that can be loaded.
    names: BTreeSet<String>,
}

impl Modules {
    pub(crate) fn read(root: &Root) -> Self {
        let release = root.text("/proc/sys/kernel/osrelease");
        let dir = format!("/lib/modules/{}", release.trim());
        let file = |name: &str| root.text(format!("{dir}/{name}"));
        let builtin = file("modules.builtin");
        // Once the switch is set nothing can be loaded until the next boot.
        let may_load = root.text("/proc/sys/kernel/modules_disabled").trim() != "1";
        let (files, aliases) = match may_load {
            true => (file("modules.dep"), file("modules.alias")),
            false => Default::default(),
        };
        let files = files.lines().filter_map(|line| line.split(':').next());
        let loaded = root.text("/proc/modules");
        let loaded = loaded.lines().filter_map(|line| line.split(' ').next());
        // Of those that are built in the ones with a parameter or a version
        // show here, where the list of them may be missing.
        let shown = names_in(&root.join("/sys/module")).unwrap_or_default();
        let names = builtin
            .lines()
            .chain(files)
            .chain(loaded)
            .chain(shown.iter().map(String::as_str))
            .filter_map(name_of)
            .collect();
        Self { aliases, names }
    }

    /// File systems that the kernel would load a module for when asked to
    /// mount one: those modules have the alias `fs-NAME`.
    pub(crate) fn filesystems(&self) -> impl Iterator<Item = &str> {
        self.aliases()
            .filter_map(|(alias, _)| alias.strip_prefix("fs-"))
    }

    fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.aliases.lines().filter_map(|line| {
            let mut words = line.strip_prefix("alias ")?.split_whitespace();
            Some((words.next()?, words.next()?))
        })
    }

    /// The drivers of layers that are there, by their own name or another
    /// that they answer to.
    pub(crate) fn drivers(&self) -> Vec<String> {
        // Tens of thousands of aliases, of which a handful is asked for.
        let answers: BTreeSet<&str> = self
            .aliases()
            .filter_map(|(alias, module)| Some((driver(alias)?, name_of(module)?)))
            .filter(|(_, name)| self.names.contains(name))
            .map(|(driver, _)| driver)
            .collect();
        let is_there = |name: &&&str| self.names.contains(**name) || answers.contains(**name);
        let there = DRIVERS.iter().filter(is_there);
        there.map(|name| (*name).to_owned()).collect()
    }
}

/// `kernel/drivers/md/dm-crypt.ko.xz` and `dm-crypt` are `dm_crypt`: files have
/// dashes or underscores as their authors liked it, the kernel has underscores.
fn name_of(module: &str) -> Option<String> {
    let file = module.rsplit('/').next()?.trim();
    let name = file.split_once(".ko").map_or(file, |(name, _)| name);
    (!name.is_empty()).then(|| name.replace('-', "_"))
}

/// The driver that goes by this name or alias, with dashes or underscores.
fn driver(alias: &str) -> Option<&'static str> {
    let alias = || {
        alias
            .bytes()
            .map(|byte| if byte == b'-' { b'_' } else { byte })
    };
    let found = DRIVERS.binary_search_by(|driver| driver.bytes().cmp(alias()));
    found.ok().and_then(|index| DRIVERS.get(index).copied())
}

/// The programs that can be run.
pub(crate) fn tools(root: &Root) -> Vec<String> {
    let is_there = |name: &&&str| {
        DIRECTORIES.iter().any(|dir| {
            let path = root.join(dir).join(name);
            // By the bits: this process may have fewer rights than who will
            // run it.
            fs::metadata(path)
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
    };
    let there = TOOLS.iter().filter(is_there);
    there.map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_one_name_whatever_its_file_is_called() {
        for file in [
            "kernel/drivers/md/dm-crypt.ko.xz: kernel/x.ko",
            "kernel/drivers/md/dm-crypt.ko",
            "dm_crypt",
            "dm-crypt",
        ] {
            let file = file.split(':').next().unwrap();
            assert_eq!(name_of(file).as_deref(), Some("dm_crypt"));
        }
        assert_eq!(name_of(""), None);
    }

    #[test]
    fn a_driver_is_found_by_any_spelling() {
        assert_eq!(driver("dm-crypt"), Some("dm_crypt"));
        assert_eq!(driver("raid456"), Some("raid456"));
        assert_eq!(driver("raid4"), None);
        assert_eq!(driver(""), None);
    }

    #[test]
    fn the_tables_are_sorted_and_name_nothing_twice() {
        for table in [DRIVERS, TOOLS] {
            assert!(table.is_sorted_by(|a, b| a < b));
        }
    }
}
