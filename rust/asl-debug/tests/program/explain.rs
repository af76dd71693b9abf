//! `explain`: reads, checks and reasons.

use crate::common::{asl_debug, empty, ext4, text};
use std::fs::File;
use std::os::unix::fs::FileExt;

#[test]
fn a_damaged_primary_shows_its_rule_and_the_copy_that_was_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    ext4(&path);
    let file = File::options().write(true).open(&path).unwrap();
    // s_lastcheck, which only the checksum covers.
    file.write_all_at(&[0xff; 4], 1024 + 0x40).unwrap();
    let output = asl_debug(&["explain", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    for part in [
        "at 0                69632 bytes: the beginning, for all formats",
        "superblock of ext at 8389632 (a copy: the primary is damaged)",
        "magic             53ef at 1080",
        "damaged           ext4: checksum at 2044:",
        "found             ext4: every rule holds",
        "because           no other signature",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("no magic"), "{shown}");
}

#[test]
fn all_shows_what_was_seen_in_place_of_each_magic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    empty(&path, 1);
    let path = path.to_str().unwrap();
    let brief = text(&asl_debug(&["explain", path]).stdout);
    assert!(!brief.contains("xfs at 0"), "{brief}");
    assert!(brief.contains("nothing but one value"), "{brief}");
    let all = text(&asl_debug(&["explain", "--all", path]).stdout);
    assert!(all.contains("xfs at 0"), "{all}");
    assert!(
        all.contains("00000000 at 0, expected 58465342 (XFSB)"),
        "{all}"
    );
    assert!(all.contains("not looked for: it needs"), "{all}");
}

#[test]
fn json_has_every_read_and_the_reasons_beside_the_signatures() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    ext4(&path);
    let output = asl_debug(&["explain", "--json", path.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], asl_facts::SCHEMA);
    let steps = report["steps"].as_array().unwrap();
    let reads = steps.iter().filter(|step| step["step"] == "read").count();
    assert_eq!(report["device"]["probe"]["reads"], reads);
    let found = steps
        .iter()
        .find(|step| step["verdict"]["verdict"] == "found")
        .unwrap();
    assert_eq!(found["place"]["offset"], 1024);
    assert_eq!(found["magics"][0]["seen"], "53ef");
    assert_eq!(report["reasons"].as_array().unwrap().len(), 1);
    assert!(report["without_magic"].as_u64().unwrap() > 20);
}

#[test]
fn what_cannot_be_read_is_1() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let output = asl_debug(&["explain", missing.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("missing: No such file"));
    assert_eq!(asl_debug(&["explain"]).status.code(), Some(2));
}
