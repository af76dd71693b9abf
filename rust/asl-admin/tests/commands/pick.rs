//! `asl-admin use`.

use crate::node::{Node, marker};

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const SESSION: &str = "var/lib/asl/runtime/session.conf";

fn two_stores() -> Node {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.store("SER-B", B);
    node.ok(&["preflight"]);
    node
}

#[test]
fn a_store_is_named_and_preflight_and_intake_follow() {
    let node = two_stores();
    assert_eq!(node.mode("generation"), "1");
    let out = node.ok(&["use", &B.to_uppercase()]);
    assert!(out.contains("SER-B"), "{out}");
    let session = node.read(SESSION);
    assert!(session.contains(&format!("\nuse = {}\n", B.to_uppercase())));
    assert_eq!(node.mode("generation"), "2");
    let config = node.ok(&["config"]);
    assert!(
        config.contains("# session /var/lib/asl/runtime/session.conf:2"),
        "{config}"
    );
    // The same again changes nothing.
    node.ok(&["use", &B.to_uppercase()]);
    assert_eq!(node.read(SESSION), session);
    if node.mode("mode") != "none" {
        let start = "systemctl start --no-block asl-intake.service";
        assert_eq!(node.calls(), [start, start]);
    }
    node.ok(&["use", "--clear"]);
    assert!(!node.path(SESSION).exists());
    assert_eq!(node.mode("mode"), "none");
    assert_eq!(node.calls(), [""; 0]);
    assert!(node.ok(&["use", "--clear"]).contains("nothing was named"));
}

#[test]
fn the_only_store_is_started() {
    let mut node = Node::new();
    let (uuid, device) = node.store("SER-A", A);
    node.ok(&["preflight"]);
    let out = node.ok(&["use", &uuid]);
    assert_eq!(node.mode("source"), device);
    assert!(out.ends_with("done: systemctl start --no-block asl-intake.service\n"));
    assert_eq!(
        node.calls(),
        ["systemctl start --no-block asl-intake.service"]
    );
    node.tool("systemctl", "echo 'Unit not found.' >&2; exit 5");
    let (code, _, err) = node.run(&["use", &uuid]);
    assert_eq!(code, 1);
    assert!(
        err.contains("start --no-block asl-intake.service: Unit not found."),
        "{err}"
    );
}

/// Rule 44: those who use it are not to lose it by a word.
#[test]
fn a_store_that_is_served_stays_until_detach() {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.ok(&["preflight"]);
    node.activated();
    node.store("SER-B", B);
    let out = node.ok(&["preflight"]);
    assert!(!out.contains("until `asl-admin detach`"));
    let out = node.ok(&["use", B]);
    assert!(
        out.contains("/dev/sda is served and stays until `asl-admin detach`"),
        "{out}"
    );
    assert_eq!(node.mode("source"), "/dev/sda");
    std::fs::remove_file(node.path("var/lib/asl/runtime/activation.json")).unwrap();
    node.ok(&["preflight"]);
    assert_eq!(node.mode("source"), "/dev/sdb");
    let out = node.ok(&["use", B]);
    assert!(!out.contains("until `asl-admin detach`"), "{out}");
}

#[test]
fn an_unknown_id_is_refused_with_what_can_be_named() {
    let node = two_stores();
    let (code, out, err) = node.run(&["use", "cccccccc"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("cccccccc is not here; what can be named:\n"),
        "{err}"
    );
    for part in [A, B, "SER-A", "SOUND DISK", "/dev/sdb"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    assert!(!node.path(SESSION).exists());
    assert_eq!(node.mode("generation"), "1");
}

#[test]
fn an_id_that_is_there_twice_wants_its_path() {
    let mut node = Node::new();
    let (a, b) = (marker(A), marker(B));
    let (uuid, _) = node.disk(
        "SER-A",
        &[
            ("blocks/one", "x"),
            ("meta/store.toml", &a),
            (".asl/blocks/one", "x"),
            (".asl/meta/store.toml", &b),
        ],
    );
    node.ok(&["preflight"]);
    let (code, _, err) = node.run(&["use", &uuid]);
    assert_eq!(code, 1);
    assert!(err.contains("is there 2 times"), "{err}");
    assert!(err.contains(A) && err.contains(B), "{err}");
    node.ok(&["use", &format!("{uuid}:/.asl")]);
    assert!(
        node.read(SESSION)
            .contains(&format!("use = {uuid}:/.asl\n"))
    );
    assert_eq!(node.run(&["use", &format!("{uuid}:/else")]).0, 1);
}

#[test]
fn copies_cannot_be_told_apart_by_an_id() {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.store("SER-B", A);
    node.ok(&["preflight"]);
    let (code, _, err) = node.run(&["use", A]);
    assert_eq!(code, 1);
    // Each file system has an id of its own.
    for part in ["SER-A", "SER-B", "00000000-0000-4000-8000-000000000001"] {
        assert!(err.contains(part), "{part}: {err}");
    }
}

#[test]
fn a_broken_session_is_mode_none_until_it_is_cleared() {
    let node = two_stores();
    for broken in ["use =\n", "local.label = x\n", "\u{1}"] {
        node.write(SESSION, broken);
        node.ok(&["preflight"]);
        assert_eq!(node.mode("code"), "config-error");
        assert!(
            node.mode("reason")
                .starts_with("/var/lib/asl/runtime/session.conf:1:")
        );
        assert!(node.mode("hint").starts_with("asl-admin use --clear"));
        let (code, _, err) = node.run(&["config"]);
        assert_eq!(code, 3);
        assert!(err.contains("asl-admin use --clear"), "{err}");
        node.ok(&["use", "--clear"]);
        assert!(!node.path(SESSION).exists());
        assert_ne!(node.mode("code"), "config-error");
    }
}

#[test]
fn nothing_is_named_without_facts_of_this_boot() {
    let node = Node::new();
    let (code, _, err) = node.run(&["use", A]);
    assert_eq!(code, 4);
    assert!(err.contains("run `asl-admin preflight`"), "{err}");
    node.ok(&["preflight"]);
    node.write("proc/sys/kernel/random/boot_id", "another\n");
    let (code, _, err) = node.run(&["use", A]);
    assert_eq!(code, 4);
    assert!(err.contains("written during another boot"), "{err}");
}

#[test]
fn usage() {
    let node = Node::new();
    assert_eq!(node.run(&["use"]).0, 2);
    assert_eq!(node.run(&["use", "x", "--clear"]).0, 2);
    assert_eq!(node.run(&["use", ":/path"]).0, 2);
    assert_eq!(node.run(&["use", "none"]).0, 2);
}
