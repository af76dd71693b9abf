//! `schema`: the published form, and whether what is printed has it.

use crate::common::{asl_debug, btrfs_pair, empty, ext4, text, tool};
use serde_json::{Value, json};
use std::path::Path;

const PUBLISHED: &str = include_str!("../../../facts/facts.schema.json");

fn published() -> Value {
    serde_json::from_str(PUBLISHED).unwrap()
}

/// Against one of the forms, so that an error names the part that is wrong.
fn validate(form: &str, value: &Value) {
    let mut schema = published();
    schema.as_object_mut().unwrap().remove("anyOf");
    schema["$ref"] = json!(format!("#/$defs/{form}"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let output = asl_debug(&["schema"]);
    assert_eq!(output.status.code(), Some(0));
    let now: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        now == published(),
        "the form changed: `asl-debug schema > rust/facts/facts.schema.json`, and if a reader of \
         the old form would misread the new one, raise asl_facts::SCHEMA"
    );
    assert!(jsonschema::meta::is_valid(&now));
    // Two types of one name: the second would be called `Probe2`.
    let names: Vec<&String> = now["$defs"].as_object().unwrap().keys().collect();
    assert!(!names.iter().any(|name| name.ends_with('2')), "{names:?}");
    assert_eq!(now["$id"], format!("urn:asl:facts:{}", asl_facts::SCHEMA));
}

/// One image a kind of content that plain tools make without a device.
fn images(dir: &Path) -> Vec<String> {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let mut paths = btrfs_pair(dir).to_vec();
    ext4(&dir.join("ext4"));
    for (name, mib) in [("luks", 32), ("swap", 1), ("gpt", 8), ("blank", 1)] {
        empty(&dir.join(name), mib);
    }
    let luks = [
        "luksFormat",
        "--batch-mode",
        "--pbkdf=pbkdf2",
        "--pbkdf-force-iterations=1000",
        "--disable-locks",
        &path("luks"),
        &path("key"),
    ];
    std::fs::write(dir.join("key"), "key").unwrap();
    tool("cryptsetup", &luks);
    tool("mkswap", &["-q", &path("swap")]);
    tool("sgdisk", &["-n", "1:2048:4095", "-c", "1:n", &path("gpt")]);
    let names = ["ext4", "luks", "swap", "gpt", "blank"];
    paths.extend(names.map(path));
    let mut damaged = std::fs::read(dir.join("ext4")).unwrap();
    damaged[1024 + 0x40] ^= 0xff;
    std::fs::write(dir.join("damaged"), &damaged).unwrap();
    paths.push(path("damaged"));
    let unpack = "../probe/tests/formats/zfs/unpack.sh";
    // A label that is no UTF-8.
    empty(&dir.join("vfat"), 4);
    tool("mkfs.vfat", &["-n", "LABEL", &path("vfat")]);
    let mut odd = std::fs::read(dir.join("vfat")).unwrap();
    for at in 0..odd.len() - 5 {
        if odd[at..].starts_with(b"LABEL") {
            odd[at] = 0x83;
        }
    }
    std::fs::write(dir.join("vfat"), odd).unwrap();
    paths.push(path("vfat"));
    empty(&dir.join("zfs"), 64);
    tool("bash", &[unpack, "mirror0", &path("zfs")]);
    paths.push(path("zfs"));
    paths
}

#[test]
fn what_is_printed_has_the_published_form() {
    let dir = tempfile::tempdir().unwrap();
    let paths = images(dir.path());
    let mut args = vec!["probe", "--json", "/nonexistent"];
    args.extend(paths.iter().map(String::as_str));
    let output = asl_debug(&args);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    validate("ProbeReport", &report);
    let kinds: Vec<&Value> = report["devices"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|device| device["probe"]["signatures"].get(0))
        .map(|signature| &signature["outcome"]["found"]["content"]["is"])
        .collect();
    for kind in ["filesystem", "container", "swap", "table", "vdev"] {
        assert!(kinds.contains(&&json!(kind)), "{kind}: {kinds:?}");
    }
    let text = report.to_string();
    assert!(text.contains("{\"hex\":\"834142454c\"}"), "no hex text");
    assert_eq!(report["pools"].as_array().unwrap().len(), 2);
    assert_eq!(report["errors"].as_array().unwrap().len(), 1);

    for path in &paths {
        let output = asl_debug(&["explain", "--all", "--json", path]);
        validate(
            "ExplainReport",
            &serde_json::from_slice(&output.stdout).unwrap(),
        );
    }
}

#[test]
fn a_report_of_another_form_does_not_pass() {
    let schema = published();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(!validator.is_valid(&json!({ "schema": asl_facts::SCHEMA })));
}

#[test]
fn a_line_of_watch_has_the_published_form() {
    let output = asl_debug(&["watch", "--once", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for line in text(&output.stdout).lines() {
        validate("WatchLine", &serde_json::from_str(line).unwrap());
    }
}
