//! The built program over small root trees: output, files and exit codes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use tempfile::TempDir;

const BOOT: &str = "4f0c1c2e-0000-4000-8000-000000000001";

/// A root tree in which the scan finds no device.
struct Node(TempDir);

impl Node {
    fn new() -> Self {
        let node = Self(TempDir::new().unwrap());
        node.write("proc/sys/kernel/random/boot_id", format!("{BOOT}\n"));
        node.write("proc/cmdline", "quiet asl.settle.timeout=0\n");
        node.write("proc/filesystems", "nodev\ttmpfs\n\text4\n");
        for file in ["asl.conf", "federation.conf", "logging.conf"] {
            node.write(&format!("etc/asl/{file}"), "");
        }
        fs::create_dir_all(node.path("sys/class/block")).unwrap();
        node
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        answer(
            Command::new(env!("CARGO_BIN_EXE_asl-admin"))
                .arg("--root")
                .arg(self.0.path())
                .args(args)
                // As in a unit: the journal has nothing to do with a test.
                .env("JOURNAL_STREAM", "8:1")
                .output()
                .unwrap(),
        )
    }

    /// A line of the mode file.
    fn mode(&self, key: &str) -> String {
        let text = self.read("run/asl/mode");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}='")));
        line.unwrap().trim_end_matches('\'').to_owned()
    }
}

fn answer(output: Output) -> (i32, String, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_node_without_disks_is_none_and_the_boot_goes_on() {
    let node = Node::new();
    let (code, out, err) = node.run(&["preflight"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with(&format!(
        "ASL rescue {}: mode none (empty)\n",
        env!("CARGO_PKG_VERSION")
    )));
    assert!((3..=6).contains(&out.lines().count()));
    assert_eq!(out, node.read("run/asl/issue"));
    assert_eq!(node.mode("schema"), "1");
    assert_eq!(node.mode("mode"), "none");
    assert_eq!(node.mode("boot_id"), BOOT);
    for file in ["mode", "facts.json", "issue"] {
        let metadata = fs::metadata(node.path("run/asl").join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o644, "{file}");
    }
    let json: serde_json::Value = serde_json::from_str(&node.read("run/asl/facts.json")).unwrap();
    assert_eq!(json["decision"]["mode"]["rule"], "empty");
    assert_eq!(json["facts"]["boot_id"], BOOT);
    // The journal gets the priority in front of the line.
    assert!(
        err.lines()
            .any(|line| line.starts_with("<6>mode none, rule empty")),
        "{err}"
    );
}

#[test]
fn each_decision_of_a_boot_has_a_number() {
    let node = Node::new();
    node.run(&["preflight"]);
    assert_eq!(node.mode("generation"), "1");
    node.run(&["preflight"]);
    assert_eq!(node.mode("generation"), "2");
    node.write("proc/sys/kernel/random/boot_id", "another\n");
    node.run(&["preflight"]);
    assert_eq!(node.mode("generation"), "1");
}

#[test]
fn a_rerun_writes_only_what_is_new() {
    let node = Node::new();
    node.run(&["preflight", "--rerun"]);
    assert_eq!(node.mode("generation"), "1");
    let (code, _, err) = node.run(&["preflight", "--rerun"]);
    assert_eq!((code, node.mode("generation")), (0, "1".into()));
    assert!(err.contains("nothing that matters changed"), "{err}");
    node.write("etc/asl/asl.conf", "mode = none\n");
    node.run(&["preflight", "--rerun"]);
    assert_eq!(
        (node.mode("generation"), node.mode("code")),
        ("2".into(), "forced-none".into())
    );
}

#[test]
fn what_intake_serves_stays() {
    let node = Node::new();
    let remote = "mode = remote\nremote.endpoint = asl://h\n";
    node.write("etc/asl/asl.conf", remote);
    node.run(&["preflight"]);
    node.write("etc/asl/asl.conf", "mode = none\n");
    let events = "sys/fs/cgroup/system.slice/asl-intake.service/cgroup.events";
    node.write(events, "populated 1\nfrozen 0\n");
    node.run(&["preflight"]);
    assert_eq!(
        (node.mode("mode"), node.mode("generation")),
        ("remote".into(), "2".into())
    );
    assert!(node.mode("reason").contains("it stays while it is served"));
    node.write(events, "populated 0\nfrozen 0\n");
    node.run(&["preflight"]);
    assert_eq!(node.mode("code"), "forced-none");
}

#[test]
fn a_dry_run_writes_nothing() {
    let node = Node::new();
    let (code, out, _) = node.run(&["preflight", "--dry-run"]);
    assert_eq!((code, out.is_empty()), (0, false));
    assert!(!node.path("run/asl").exists());
}

#[test]
fn json_is_the_report() {
    let node = Node::new();
    let (code, out, _) = node.run(&["preflight", "--json"]);
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["schema"], 2);
    assert_eq!(report["decision"]["mode"]["mode"], "none");
    let (code, out, _) = node.run(&["mode", "--json"]);
    assert_eq!(code, 0);
    let mode: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(mode, report["decision"]["mode"]);
}

#[test]
fn the_endpoint_is_asked_in_its_own_protocol() {
    let node = Node::new();
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = refusing.local_addr().unwrap().port();
    drop(refusing);
    let endpoint = |mode: &str, port: u16| {
        format!("mode = {mode}\nremote.endpoint = ssh://127.0.0.1:{port}/asl\n")
    };
    let seen = |mode: &str, port| {
        node.write("etc/asl/asl.conf", endpoint(mode, port));
        node.run(&["preflight"]);
        (node.mode("mode"), node.mode("code"))
    };
    let is = |mode: &str, code: &str| (mode.to_owned(), code.to_owned());
    assert_eq!(seen("auto", closed), is("none", "remote-down"));
    assert!(node.mode("reason").contains("connection refused"));
    assert_eq!(seen("remote", closed), is("remote", "waiting"));
    assert_eq!(node.run(&["mode", "--check"]).0, 0);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = server.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in server.incoming() {
            stream.unwrap().write_all(b"SSH-2.0-test\r\n").unwrap();
        }
    });
    assert_eq!(seen("auto", open), is("remote", "remote-ok"));
    assert_eq!(seen("remote", open), is("remote", "forced-remote"));
    assert_eq!(node.mode("source"), format!("ssh://127.0.0.1:{open}/asl"));
}

/// Whatever a file below /etc/asl holds, there is a mode file that says so.
#[test]
fn a_broken_asl_conf_gives_mode_none_and_its_place() {
    let long = [b"mode = auto\n".to_vec(), vec![b'x'; 10 << 20]].concat();
    let cases: [(&[u8], &str); 5] = [
        (
            b"mode = auto\nlocal.mout = x\n",
            "asl.conf:2:1: key local.mout: unknown key",
        ),
        (b"mode = maybe\n", "asl.conf:1:8: key mode: maybe seen"),
        (b"\x7fELF\x00\xff", "asl.conf:1:1: byte 0x7f at offset 0"),
        (&long, "asl.conf:2:1025: a line of more than 1024 bytes"),
        (
            b"mode auto\n",
            "asl.conf:1:1: mode auto seen, key = value expected",
        ),
    ];
    for (content, place) in cases {
        let node = Node::new();
        node.write("etc/asl/asl.conf", content);
        let (code, _, err) = node.run(&["preflight"]);
        assert_eq!(code, 0, "the boot goes on: {err}");
        assert_eq!(node.mode("mode"), "none");
        assert_eq!(node.mode("code"), "config-error");
        assert!(
            node.mode("reason").contains(place),
            "{}",
            node.mode("reason")
        );
        assert!(node.mode("hint").contains("asl.config=ignore"));
        assert!(
            err.lines()
                .any(|line| line.starts_with("<3>/etc/asl/asl.conf")),
            "{err}"
        );
        assert_eq!(node.run(&["config"]).0, 3);
        // The way out.
        node.write("proc/cmdline", "asl.config=ignore asl.settle.timeout=0\n");
        assert_eq!(node.run(&["preflight"]).0, 0);
        assert_eq!(node.mode("code"), "empty");
    }
}

#[test]
fn a_scan_that_fails_is_rule_one() {
    let node = Node::new();
    fs::remove_dir_all(node.path("sys")).unwrap();
    assert_eq!(node.run(&["preflight"]).0, 0);
    assert_eq!(
        (node.mode("rule"), node.mode("mode")),
        ("internal".into(), "none".into())
    );
}

#[test]
fn no_place_for_the_mode_file_is_a_failure() {
    let node = Node::new();
    node.write("run/asl", "a file where the directory should be");
    let (code, _, err) = node.run(&["preflight"]);
    assert_eq!(code, 1);
    assert!(err.contains("run/asl/mode"), "{err}");
}

#[test]
fn evidence_that_cannot_be_written_is_no_mode() {
    let node = Node::new();
    node.write(
        "etc/asl/asl.conf",
        "mode = remote\nremote.endpoint = asl://h\n",
    );
    fs::create_dir_all(node.path("run/asl/facts.json/x")).unwrap();
    assert_eq!(node.run(&["preflight"]).0, 0);
    assert_eq!(node.mode("rule"), "internal");
    assert!(node.mode("reason").contains("facts.json"));
}

#[test]
fn mode_tells_none_from_no_mode() {
    let node = Node::new();
    let (code, _, err) = node.run(&["mode", "--check"]);
    assert_eq!(code, 4);
    assert!(
        err.contains("there is no mode file; run `asl-admin preflight`"),
        "{err}"
    );
    node.run(&["preflight"]);
    assert_eq!(
        node.run(&["mode", "--check"]),
        (1, String::new(), String::new())
    );
    assert_eq!(node.run(&["mode"]).0, 0);
    assert_eq!(node.run(&["mode"]).1, node.read("run/asl/issue"));
    for garbled in ["", "schema='9'\n", "\u{0}", "schema='1'\nmode='local'\n"] {
        node.write("run/asl/mode", garbled);
        assert_eq!(node.run(&["mode"]).0, 4, "{garbled:?}");
    }
    node.run(&["preflight"]);
    node.write("proc/sys/kernel/random/boot_id", "another\n");
    assert!(
        node.run(&["mode"])
            .2
            .contains("written during another boot")
    );
}

#[test]
fn activate_needs_a_mode() {
    let node = Node::new();
    assert_eq!(node.run(&["activate"]).0, 4);
    node.run(&["preflight"]);
    let (code, _, err) = node.run(&["activate"]);
    assert_eq!(code, 4);
    assert!(err.contains("mode none (empty)"), "{err}");
}

#[test]
fn config_shows_each_value_and_its_layer() {
    let node = Node::new();
    node.write("etc/asl/asl.conf", "# comment\nmode = local\n");
    let (code, out, _) = node.run(&["config"]);
    assert_eq!(code, 0);
    let line = |key: &str| {
        let mut lines = out.lines();
        let line = lines
            .find(|line| line.starts_with(&format!("{key} = ")))
            .unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("mode"), "mode = local # file /etc/asl/asl.conf:2");
    assert_eq!(
        line("local.mount"),
        "local.mount = /mnt/asl/local # built-in"
    );
    assert_eq!(
        line("settle.timeout"),
        "settle.timeout = 0 # cmdline /proc/cmdline"
    );
    assert_eq!(out.lines().count(), asl_config::KEYS.len());
    let (_, json, _) = node.run(&["config", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["settings"][0]["layer"], "file");
}

#[test]
fn config_checks_a_file_by_its_name() {
    let node = Node::new();
    node.write("new/logging.conf", "level = debug\n");
    node.write("new/asl.conf", "level = debug\n");
    let check = |file: &str| node.run(&["config", "--check", node.path(file).to_str().unwrap()]);
    let (code, out, _) = check("new/logging.conf");
    assert_eq!((code, out.lines().count()), (0, 2));
    let (code, _, err) = check("new/asl.conf");
    assert_eq!(code, 3);
    assert!(err.contains("new/asl.conf:1:1: key level"), "{err}");
    assert_eq!(check("new/gone.conf").0, 3);
    let json = node.run(&[
        "config",
        "--json",
        "--check",
        node.path("new/asl.conf").to_str().unwrap(),
    ]);
    assert_eq!(json.0, 3);
    let json: serde_json::Value = serde_json::from_str(&json.1).unwrap();
    assert_eq!(json["error"]["line"], 1);
}

#[test]
fn every_key_is_described() {
    let (code, out, _) = Node::new().run(&["config", "--keys"]);
    assert_eq!(code, 0);
    for key in asl_config::KEYS {
        assert!(out.contains(&format!("{} = {}\n    {}\n", key.name, key.form, key.doc)));
    }
}

#[test]
fn usage_and_version() {
    let node = Node::new();
    assert_eq!(node.run(&[]).0, 2);
    assert_eq!(node.run(&["frobnicate"]).0, 2);
    assert_eq!(node.run(&["mode", "--json", "--check"]).0, 2);
    let (code, out, _) = node.run(&["--version"]);
    assert_eq!(
        (code, out),
        (0, format!("asl-admin {}\n", env!("CARGO_PKG_VERSION")))
    );
    let (_, help, _) = node.run(&["--help"]);
    assert!(help.contains("Exit codes:") && !help.contains("--root"));
}

#[test]
fn an_error_that_nobody_can_be_told_keeps_its_code() {
    let node = Node::new();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_asl-admin"))
        .arg("--root")
        .arg(node.0.path())
        .args(["activate", "--dry-run"])
        .env("JOURNAL_STREAM", "8:1")
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(4));
}

#[test]
fn what_a_scan_starts_is_hidden_and_does_nothing_for_others() {
    let node = Node::new();
    let (_, help, _) = node.run(&["--help"]);
    for command in ["scan", "look"] {
        assert!(!help.contains(&format!("\n  {command}")), "{command}");
    }
    let (code, out, error) = node.run(&["look"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.starts_with("asl-admin: the devices: "), "{error}");
}
