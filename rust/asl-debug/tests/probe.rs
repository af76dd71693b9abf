//! The built program: exit codes, text and JSON.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

use std::path::Path;
use std::process::{Command, Output};

fn asl_debug(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_asl-debug"))
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ext4(path: &Path) {
    std::fs::File::create(path)
        .unwrap()
        .set_len(16 << 20)
        .unwrap();
    let search = std::env::var("PATH").unwrap_or_default();
    let status = Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-L", "a\u{1b}[2J"])
        .arg(path)
        .env("PATH", format!("{search}:/usr/sbin:/sbin"))
        .status();
    let status = status
        .unwrap_or_else(|error| panic!("mke2fs: {error}: install the Debian package e2fsprogs"));
    assert!(status.success());
}

#[test]
fn a_readable_image_is_0_and_its_label_cannot_move_the_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    ext4(&image);
    let output = asl_debug(&["probe", image.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("ext4 at 1024"), "{shown}");
    assert!(shown.contains("a?[2J"), "{shown}");
    assert!(
        shown.contains("store               none") || shown.contains("none"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn json_has_a_schema_and_the_facts_of_the_device() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    ext4(&image);
    let output = asl_debug(&["probe", "--json", image.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], asl_facts::SCHEMA);
    let signature = &report["devices"][0]["probe"]["signatures"][0];
    assert_eq!(signature["format"], "ext4");
    assert_eq!(
        signature["outcome"]["found"]["content"]["look"]["state"],
        "read"
    );
}

#[test]
fn a_path_that_cannot_be_read_is_1_and_named_and_the_others_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    ext4(&image);
    let missing = dir.path().join("missing");
    let paths = [missing.to_str().unwrap(), image.to_str().unwrap()];
    let output = asl_debug(&["probe", paths[0], paths[1]]);
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(
        errors.starts_with(&format!("asl-debug: {}: No such file", paths[0])),
        "{errors}"
    );
    assert!(text(&output.stdout).contains("ext4 at 1024"));
    let output = asl_debug(&["probe", "--json", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["devices"].as_array().unwrap().len(), 0);
    assert!(
        report["errors"][0]["error"]
            .as_str()
            .unwrap()
            .contains("neither a block device")
    );
}

#[test]
fn usage_is_2_and_help_and_version_are_0() {
    assert_eq!(asl_debug(&["probe"]).status.code(), Some(2));
    assert_eq!(asl_debug(&["nothing"]).status.code(), Some(2));
    let help = asl_debug(&["probe", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Exit codes:"));
    let version = text(&asl_debug(&["--version"]).stdout);
    assert_eq!(
        version,
        format!("asl-debug {}\n", env!("CARGO_PKG_VERSION"))
    );
}
