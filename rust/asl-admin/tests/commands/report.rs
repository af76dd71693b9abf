//! `asl-admin report`.

use crate::node::{BOOT, Node};
use std::fs;
use std::path::Path;
use std::process::Command;

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";

fn node() -> Node {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.write(
        "etc/asl/asl.conf",
        "remote.endpoint = ssh://somebody@nas/asl\n",
    );
    node.write("run/archiso/bootmnt/sysresccd/00-asl.srm", "srm");
    node.write("run/archiso/bootmnt/sysresccd/x86_64/airootfs.sfs", "root");
    node.write("run/archiso/bootmnt/sysresccd/other", "x");
    node.write("run/archiso/sfs/srm1/inner.srm", "x");
    node.write("proc/sys/kernel/osrelease", "6.12.0-test\n");
    node.write("etc/asl/key", "a secret key");
    node.tool("journalctl", "echo 'mount of ssh://somebody@nas/asl'");
    fs::create_dir(node.path("stick")).unwrap();
    node.ok(&["preflight"]);
    node
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const FILES: [&str; 8] = [
    "config.json",
    "decision.json",
    "devices.txt",
    "facts.json",
    "image.sha256",
    "log.txt",
    "mode",
    "versions.txt",
];

#[test]
fn it_holds_what_is_needed_and_no_secret() {
    let node = node();
    let out = node.ok(&["report", "--to", node.path("stick").to_str().unwrap()]);
    let directory = Path::new(out.trim());
    let name = directory.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("asl-report-{BOOT}-2")), "{name}");
    assert_eq!(names(directory), FILES);
    assert_eq!(names(&node.path("stick")), [name]);
    for file in FILES {
        let text = fs::read_to_string(directory.join(file)).unwrap();
        assert!(!text.contains("somebody"), "{file}: {text}");
        assert!(!text.contains("secret"), "{file}");
    }
    let read = |file: &str| fs::read_to_string(directory.join(file)).unwrap();
    assert_eq!(read("log.txt"), "mount of ssh://nas/asl\n");
    assert_eq!(
        node.calls(),
        ["journalctl --boot --no-pager --output=short-iso-precise --unit=asl-* --lines 50000"]
    );
    for json in ["config.json", "decision.json", "facts.json"] {
        serde_json::from_str::<serde_json::Value>(&read(json)).unwrap();
    }
    assert_eq!(read("image.sha256"), sums(&node));
    assert!(read("devices.txt").contains("SER-A"));
    assert!(read("versions.txt").contains("6.12.0-test"));
}

fn sums(node: &Node) -> String {
    let paths = [
        "run/archiso/bootmnt/sysresccd/00-asl.srm",
        "run/archiso/bootmnt/sysresccd/x86_64/airootfs.sfs",
    ];
    let output = Command::new("sha256sum")
        .args(paths.map(|path| node.path(path)))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let root = node.path("");
    text.replace(root.to_str().unwrap(), "/")
}

#[test]
fn one_file_is_a_tar_that_tar_reads() {
    let node = node();
    let file = node.path("stick/r.tar");
    let out = node.ok(&["report", "--to", file.to_str().unwrap()]);
    assert_eq!(out.trim(), file.to_str().unwrap());
    assert_eq!(names(&node.path("stick")), ["r.tar"]);
    let listed = Command::new("tar").arg("-tf").arg(&file).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let mut seen: Vec<String> = String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        .map(|line| line.rsplit('/').next().unwrap().to_owned())
        .collect();
    seen.sort();
    assert_eq!(seen, FILES);
    let mode = Command::new("tar")
        .args(["--wildcards", "-xOf"])
        .arg(&file)
        .arg("*/mode")
        .output()
        .unwrap();
    assert!(
        String::from_utf8(mode.stdout)
            .unwrap()
            .starts_with("schema='1'\n")
    );
}

/// What is missing is told, in the report itself too.
#[test]
fn a_broken_node_still_gives_a_report() {
    let node = Node::new();
    fs::create_dir(node.path("stick")).unwrap();
    node.tool(
        "journalctl",
        "echo 'No journal files were found.' >&2; exit 1",
    );
    node.write("etc/asl/asl.conf", "mdoe = none\n");
    let out = node.ok(&["report", "--to", node.path("stick").to_str().unwrap()]);
    let read = |file: &str| fs::read_to_string(Path::new(out.trim()).join(file)).unwrap();
    let problems = read("problems.txt");
    for part in [
        "/run/asl/facts.json: ",
        "/run/asl/mode: ",
        "No journal files",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    assert!(read("config.json").contains("mdoe"));
}

#[test]
fn the_stores_own_file_system_is_refused() {
    let node = node();
    node.write("etc/asl/asl.conf", "");
    node.ok(&["preflight"]);
    assert_eq!(node.mode("mode"), "local");
    let refused = |node: &Node, to: &str| {
        let (code, _, err) = node.run(&["report", "--to", node.path(to).to_str().unwrap()]);
        assert_eq!(code, 1);
        assert!(err.contains("on the store's own file system"), "{err}");
    };
    fs::create_dir_all(node.path("mnt/asl/local/blocks")).unwrap();
    refused(&node, "mnt/asl/local/blocks");
    refused(&node, "mnt/asl/local/r.tar");
    fs::create_dir(node.path("my stick")).unwrap();
    for name in ["stick", "my stick"] {
        let stick = node.path(name);
        // As proc(5) writes it.
        let at = stick.to_str().unwrap().replace(' ', r"\040");
        node.write(
            "proc/self/mountinfo",
            format!(
                "1 0 0:1 / / rw - overlay airootfs rw\n2 1 259:0 / {at} rw - ext4 /dev/sda rw\n"
            ),
        );
        refused(&node, name);
        assert_eq!(names(&stick), [""; 0]);
    }
    let (code, _, err) = node.run(&["report", "--to", "/nowhere"]);
    assert_eq!(code, 1);
    assert!(err.contains("/nowhere: No such file or directory"), "{err}");
}
