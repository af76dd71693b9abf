//! `probe`: exit codes, text, JSON, standard input, pools.

use crate::common::{asl_debug, asl_debug_with, btrfs_pair, ext4, text};
use std::fs::File;
use std::process::Stdio;

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
fn what_several_images_make_up_is_shown_and_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = btrfs_pair(dir.path());
    let whole = asl_debug(&["probe", &one, &two, &one]);
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole.stderr));
    let shown = text(&whole.stdout);
    assert!(shown.contains("complete, 2 of 2 members"), "{shown}");
    // One that was named twice is no clone.
    assert_eq!(shown.matches("btrfs at 65536").count(), 2, "{shown}");
    assert!(!shown.contains("duplicate"), "{shown}");

    let half = asl_debug(&["probe", "--json", &two]);
    let report: serde_json::Value = serde_json::from_slice(&half.stdout).unwrap();
    let pool = &report["pools"][0];
    assert_eq!(pool["health"], "incomplete");
    assert_eq!(pool["members"][0]["device"].as_str(), Some(two.as_str()));
    assert_eq!(pool["missing"].as_array().unwrap().len(), 1);
}

#[test]
fn a_copy_of_an_image_is_called_a_clone() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    ext4(&one);
    std::fs::copy(&one, &two).unwrap();
    let output = asl_debug(&["probe", one.to_str().unwrap(), two.to_str().unwrap()]);
    let shown = text(&output.stdout);
    assert!(shown.contains("clones: ext4"), "{shown}");
}

#[test]
fn standard_input_is_read_as_a_file_and_through_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    ext4(&image);
    let file = asl_debug_with(&["probe", "-"], Stdio::from(File::open(&image).unwrap()));
    assert_eq!(file.status.code(), Some(0), "{}", text(&file.stderr));

    let (reader, mut writer) = std::io::pipe().unwrap();
    let copy = std::thread::spawn(move || {
        std::io::copy(&mut File::open(image).unwrap(), &mut writer).unwrap()
    });
    let pipe = asl_debug_with(&["probe", "-"], Stdio::from(reader));
    assert_eq!(copy.join().unwrap(), 16 << 20);
    assert_eq!(pipe.status.code(), Some(0), "{}", text(&pipe.stderr));
    assert_eq!(text(&pipe.stdout), text(&file.stdout));
    let shown = text(&file.stdout);
    assert!(shown.starts_with("-: 16 MiB"), "{shown}");
    assert!(shown.contains("ext4 at 1024"), "{shown}");
}

#[test]
fn a_pipe_without_end_is_refused_and_the_rest_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    ext4(&image);
    // A character device is read like a pipe.
    let zeros = Stdio::from(File::open("/dev/zero").unwrap());
    let output = asl_debug_with(&["probe", "-", image.to_str().unwrap()], zeros);
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("more than 256 MiB"), "{errors}");
    assert!(text(&output.stdout).contains("ext4 at 1024"));
}

#[test]
fn usage_is_2_and_help_and_version_are_0() {
    assert_eq!(asl_debug(&["probe"]).status.code(), Some(2));
    assert_eq!(asl_debug(&["nothing"]).status.code(), Some(2));
    for command in ["probe", "explain", "schema", "watch"] {
        let help = asl_debug(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(text(&help.stdout).contains("Exit codes:"), "{command}");
    }
    let version = text(&asl_debug(&["--version"]).stdout);
    assert_eq!(
        version,
        format!("asl-debug {}\n", env!("CARGO_PKG_VERSION"))
    );
}
