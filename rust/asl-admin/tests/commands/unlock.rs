//! `asl-admin unlock` and `lock`, as far as no kernel is needed for it; the
//! rest is in tests/scenarios/admin.

use crate::node::Node;
use std::fs;

const UNLOCKED: &str = "var/lib/asl/runtime/unlocked.json";

#[test]
fn a_uuid_that_is_no_container_is_refused() {
    let mut node = Node::new();
    let (uuid, _) = node.disk("SER-A", &[]);
    assert_eq!(node.run(&["unlock", &uuid]).0, 4);
    node.ok(&["preflight"]);
    let (code, _, err) = node.run(&["unlock", &uuid]);
    assert_eq!(code, 1);
    assert!(
        err.contains("is no LUKS container here; there are:\n  (none)"),
        "{err}"
    );
    assert_eq!(node.calls(), [""; 0]);
}

#[test]
fn only_what_was_unlocked_is_locked() {
    let node = Node::new();
    node.ok(&["preflight"]);
    node.tool("cryptsetup", "");
    let (code, _, err) = node.run(&["lock", "u1"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("u1 was not unlocked by asl-admin; unlocked are: none"),
        "{err}"
    );
    let boot = crate::node::BOOT;
    node.write(
        UNLOCKED,
        format!(
            r#"[{{"boot_id":"{boot}","uuid":"u1","mapper":"/dev/mapper/asl-u1","guarded":["/dev/gone"]}},
               {{"boot_id":"another","uuid":"u2","mapper":"/dev/mapper/asl-u2","guarded":[]}}]"#
        ),
    );
    assert_eq!(node.run(&["lock", "u2"]).0, 1);
    let json = node.json(&["status", "--json"]);
    assert_eq!(json["guarded"][0], "/dev/gone");
    assert_eq!(
        json["lost_at_reboot"][0],
        "/dev/mapper/asl-u1, unlocked by hand"
    );
    fs::create_dir_all(node.path("dev/mapper")).unwrap();
    node.write("dev/mapper/asl-u1", "");
    node.calls();
    // A disk that was pulled has nothing left to restore.
    assert!(node.ok(&["lock", "U1"]).starts_with("u1 is locked again\n"));
    assert_eq!(node.calls(), ["cryptsetup close asl-u1"]);
    assert!(!node.path(UNLOCKED).exists());
}
