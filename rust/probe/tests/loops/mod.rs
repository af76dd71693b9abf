//! Loop devices on which the real LVM makes its groups, without
//! device-mapper: nothing is activated. What is read of them and what is read
//! through them are tests of two crates.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Some loop devices, and those of them that LVM sees.
pub(crate) struct Loops {
    dir: TempDir,
    pub(crate) nodes: Vec<String>,
    pub(crate) seen: Vec<String>,
}

impl Drop for Loops {
    fn drop(&mut self) {
        for node in &self.nodes {
            run("losetup", &["-d", node]);
        }
    }
}

impl Loops {
    /// One of each size, in MiB.
    pub(crate) fn new(sizes: &[u64]) -> Self {
        let mut loops = Self {
            dir: tempfile::tempdir().unwrap(),
            nodes: Vec::new(),
            seen: Vec::new(),
        };
        for (index, mib) in sizes.iter().enumerate() {
            let file = loops.file(index);
            File::create(&file).unwrap().set_len(mib << 20).unwrap();
            let node = done("losetup", &["-f", "--show", &file.to_string_lossy()]);
            let node = node.trim().to_owned();
            loops.nodes.push(node.clone());
            // A number keeps the read-only flag of its last user.
            done("blockdev", &["--setrw", &node]);
        }
        loops.seen = loops.nodes.clone();
        loops
    }

    /// What stands behind one of them.
    pub(crate) fn file(&self, index: usize) -> PathBuf {
        self.dir.path().join(format!("disk{index}"))
    }

    /// One of LVM's commands.
    pub(crate) fn run(&self, command: &str, args: &[&str]) -> Output {
        let dir = self.dir.path().display();
        let seen = self.seen.iter().map(|node| format!("\"a|^{node}$|\", "));
        let config = format!(
            "devices {{ filter = [ {} \"r|.*|\" ] use_devicesfile = 0 hints = \"none\" \
             obtain_device_list_from_udev = 0 external_device_info_source = \"none\" \
             multipath_component_detection = 0 md_component_detection = 0 }} \
             global {{ locking_dir = \"{dir}\" system_id_source = \"none\" }} \
             backup {{ backup = 0 archive = 0 }} \
             activation {{ udev_sync = 0 udev_rules = 0 monitoring = 0 }}",
            seen.collect::<String>()
        );
        let tool = ["LVM_SYSTEM_DIR=", "LVM_SUPPRESS_FD_WARNINGS=1", "lvm"];
        let plain = [command, "--driverloaded", "n", "--config", &config];
        run("env", &[&tool, &plain[..], args].concat())
    }

    /// One that succeeds; what it printed.
    pub(crate) fn done(&self, command: &str, args: &[&str]) -> String {
        printed(command, args, self.run(command, args))
    }

    /// A volume that is not activated.
    pub(crate) fn create(&self, name: &str, args: &[&str]) {
        let plain = ["-y", "-an", "-Zn", "-Wn", "-n", name];
        self.done("lvcreate", &[&plain, args].concat());
    }
}

fn done(tool: &str, args: &[&str]) -> String {
    printed(tool, args, run(tool, args))
}

fn printed(tool: &str, args: &[&str], output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool} {args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a tool; where it is missing, says so rather than pass. The tools are
/// those of `nix build .#oracleTools`.
pub(crate) fn run(tool: &str, args: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(tool)
        .args(args)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .env("LC_ALL", "C")
        .output();
    output.unwrap_or_else(|error| panic!("{tool}: {error}: it is one of .#oracleTools"))
}
