//! `asl-admin allow-write`.

use crate::node::Node;

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const SESSION: &str = "var/lib/asl/runtime/session.conf";
const RESTART: &str = "systemctl restart asl-activate.service";
const SERVER: &str = "systemctl try-restart asl-intake.service";
const LOWER: &str = "systemctl try-reload-or-restart asl-activate.service";
const START: &str = "systemctl start --no-block asl-intake.service";

fn node() -> Node {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.ok(&["preflight"]);
    node
}

#[test]
fn consent_names_the_store_and_its_disk() {
    let node = node();
    let out = node.ok(&["allow-write", A, "--yes"]);
    for part in [A, "SOUND DISK", "serial SER-A", "8 MiB", "/dev/sda"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(
        node.read(SESSION)
            .contains(&format!("write.allow = {A}@SER-A\n"))
    );
    assert_eq!(node.mode("generation"), "2");
    assert_eq!(node.mode("access"), "rw");
    assert_eq!(node.calls(), [RESTART, START]);
    node.ok(&["allow-write", A, "--yes"]);
    assert_eq!(node.read(SESSION).matches(A).count(), 1);
}

#[test]
fn consent_is_taken_back() {
    let node = node();
    node.ok(&["allow-write", A, "--yes"]);
    node.ok(&["use", A]);
    let out = node.ok(&["allow-write", "--revoke", "another"]);
    assert!(out.contains("nothing that this session allowed"), "{out}");
    assert!(node.read(SESSION).contains("write.allow"));
    node.calls();
    let out = node.ok(&["allow-write", "--revoke", A]);
    assert!(
        out.starts_with(&format!("write.allow = {A}@SER-A is taken back\n")),
        "{out}"
    );
    assert_eq!(node.calls(), [START]);
    let left = node.read(SESSION);
    assert!(left.contains("use = ") && !left.contains("write.allow"));
    node.ok(&["allow-write", A, "--yes"]);
    node.ok(&["allow-write", "--revoke"]);
    assert!(!node.read(SESSION).contains("write.allow"));
    assert_eq!(node.mode("access"), "ro");
}

#[test]
fn what_is_mounted_with_consent_is_lowered_when_it_is_taken_back() {
    let node = node();
    node.ok(&["allow-write", A, "--yes"]);
    node.activated();
    node.calls();
    node.ok(&["allow-write", "--revoke"]);
    assert_eq!(node.mode("mode"), "local");
    assert_eq!(node.mode("access"), "ro");
    assert_eq!(node.calls(), [SERVER, LOWER, START]);
    // It is told once; what changes nothing moves nothing.
    node.ok(&["preflight"]);
    assert_eq!(node.calls(), [""; 0]);
    node.ok(&["allow-write", A, "--yes"]);
    assert_eq!(node.mode("access"), "rw");
    assert_eq!(node.calls(), [RESTART, START]);
}

#[test]
fn nobody_to_ask_is_no_consent() {
    let node = node();
    let (code, _, err) = node.run(&["allow-write", A]);
    assert_eq!(code, 1);
    assert!(err.contains("--yes"), "{err}");
    assert!(!node.path(SESSION).exists());
    assert_eq!(node.calls(), [""; 0]);
}

#[test]
fn what_holds_no_store_gets_no_consent() {
    let mut node = node();
    let (uuid, _) = node.disk("SER-B", &[("note", "x")]);
    node.ok(&["preflight"]);
    let (code, _, err) = node.run(&["allow-write", &uuid, "--yes"]);
    assert_eq!(code, 1);
    assert!(err.contains("no store was read there"), "{err}");
    for bad in ["*", "all", "nothing", "a/b"] {
        assert_eq!(node.run(&["allow-write", bad, "--yes"]).0, 1, "{bad}");
    }
    assert!(!node.path(SESSION).exists());
}

#[test]
fn a_remote_store_is_named_by_its_endpoint() {
    let node = Node::new();
    let endpoint = "ssh://me@nas/asl";
    node.write(
        "etc/asl/asl.conf",
        format!("mode = remote\nremote.endpoint = {endpoint}\n"),
    );
    node.ok(&["preflight"]);
    node.ok(&["allow-write", endpoint, "--yes"]);
    assert!(
        node.read(SESSION)
            .contains(&format!("write.allow = {endpoint}\n"))
    );
    assert_eq!(node.mode("access"), "rw");
    node.ok(&["allow-write", "--revoke", endpoint]);
    assert_eq!(node.mode("access"), "ro");
}

/// A comma in a serial number would be two consents.
#[test]
fn a_serial_that_the_file_cannot_hold_is_refused() {
    let mut node = Node::new();
    node.store("SER,B@C", A);
    node.ok(&["preflight"]);
    assert_eq!(node.run(&["allow-write", A, "--yes"]).0, 1);
    assert!(!node.path(SESSION).exists());
}

#[test]
fn usage() {
    let node = Node::new();
    assert_eq!(node.run(&["allow-write"]).0, 2);
    assert_eq!(node.run(&["allow-write", "--revoke", "--yes"]).0, 2);
    assert_eq!(node.run(&["allow-write", A, "--yes"]).0, 4);
}
