//! A root tree with real file systems as its disks and programs of our own in
//! place of the system's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub(crate) const BOOT: &str = "4f0c1c2e-0000-4000-8000-000000000001";

/// What `systemctl`, `journalctl` and the like are here: a script that writes
/// its arguments to `calls`.
const TOOL: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>\"${0%/bin/*}/calls\"\n";

pub(crate) struct Node {
    dir: TempDir,
    disks: usize,
}

impl Node {
    pub(crate) fn new() -> Self {
        let node = Self {
            dir: TempDir::new().unwrap(),
            disks: 0,
        };
        node.write("proc/sys/kernel/random/boot_id", format!("{BOOT}\n"));
        node.write("proc/cmdline", "quiet asl.settle.timeout=0\n");
        node.write("proc/filesystems", "nodev\ttmpfs\n\text4\n");
        node.write("proc/meminfo", "MemTotal:        1024 kB\n");
        node.write("proc/self/mountinfo", "");
        for file in ["asl.conf", "federation.conf", "logging.conf"] {
            node.write(&format!("etc/asl/{file}"), "");
        }
        fs::create_dir_all(node.path("sys/class/block")).unwrap();
        fs::create_dir_all(node.path("dev")).unwrap();
        node.tool("systemctl", "");
        node
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// A program on the PATH; `script` is what it does beside writing down
    /// its arguments.
    pub(crate) fn tool(&self, name: &str, script: &str) {
        let path = format!("bin/{name}");
        self.write(&path, format!("{TOOL}{script}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(&path), mode).unwrap();
    }

    /// What was called since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        text.lines().map(str::to_owned).collect()
    }

    /// A disk with an ext4 and these files; its file system's UUID and node.
    pub(crate) fn disk(&mut self, serial: &str, files: &[(&str, &str)]) -> (String, String) {
        let number = self.disks;
        self.disks += 1;
        let name = format!("sd{}", char::from(b'a' + u8::try_from(number).unwrap()));
        let uuid = format!("00000000-0000-4000-8000-00000000000{number}");
        let tree = self.path(&format!("tree-{name}"));
        fs::create_dir_all(&tree).unwrap();
        for (file, text) in files {
            self.write(&format!("tree-{name}/{file}"), text);
        }
        let image = self.path(&format!("dev/{name}"));
        fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
        let search = std::env::var("PATH").unwrap_or_default();
        let made = Command::new("mkfs.ext4")
            .args(["-q", "-F", "-U", &uuid, "-d"])
            .arg(&tree)
            .arg(&image)
            .env("PATH", format!("{search}:/usr/sbin:/sbin"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let dir = format!("sys/devices/pci0000:00/ata1/block/{name}");
        for (file, text) in [
            ("dev", format!("259:{number}\n")),
            ("size", "16384\n".to_owned()),
            ("ro", "0\n".to_owned()),
            ("removable", "0\n".to_owned()),
            ("queue/logical_block_size", "512\n".to_owned()),
            ("device/model", "SOUND DISK      \n".to_owned()),
            ("device/vpd_pg80", format!("\0\u{0}\0\u{14}{serial:>20}")),
        ] {
            self.write(&format!("{dir}/{file}"), text);
        }
        let link = self.path(&format!("sys/class/block/{name}"));
        symlink(format!("../../devices/pci0000:00/ata1/block/{name}"), link).unwrap();
        (uuid, format!("/dev/{name}"))
    }

    /// A disk with a store at the root of its file system.
    pub(crate) fn store(&mut self, serial: &str, id: &str) -> (String, String) {
        let marker = marker(id);
        self.disk(
            serial,
            &[
                ("blocks/one", "x"),
                ("logs/l", ""),
                ("meta/store.toml", &marker),
            ],
        )
    }

    /// The journal that asl-activate leaves behind when it mounted /dev/sda.
    pub(crate) fn activated(&self) {
        self.write(
            "var/lib/asl/runtime/activation.json",
            format!(
                r#"{{"schema":2,"boot_id":"{BOOT}","generation":1,"complete":true,
                "plan":[{{"action":"set-read-only","node":"/dev/sda","devnum":"259:0","role":"store"}},
                    {{"action":"mount","node":"/dev/sda","devnum":"259:0","others":[],"driver":"ext4",
                      "options":["ro"],"target":"/mnt/asl/local"}}],
                "entries":[{{"action":{{"action":"set-read-only","node":"/dev/sda",
                    "devnum":"259:0","role":"store"}},"was_read_only":false}}]}}"#
            ),
        );
    }

    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new(env!("CARGO_BIN_EXE_asl-admin"))
            .arg("--root")
            .arg(self.dir.path())
            .args(args)
            .env("JOURNAL_STREAM", "8:1")
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {out}{err}");
        out
    }

    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// A line of the mode file.
    pub(crate) fn mode(&self, key: &str) -> String {
        let text = self.read("run/asl/mode");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}='")));
        line.unwrap().trim_end_matches('\'').to_owned()
    }
}

pub(crate) fn marker(id: &str) -> String {
    format!("format = \"asl-store\"\nversion = 1\nuuid = \"{id}\"\n")
}
