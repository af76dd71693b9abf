//! `asl-admin import`.

use crate::node::Node;

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const START: &str = "systemctl start --no-block asl-intake.service";

#[test]
fn the_steps_are_shown_and_taken_after_a_yes() {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.ok(&["preflight"]);
    let (code, out, err) = node.run(&["import"]);
    assert_eq!(code, 1);
    assert!(out.contains("\n  blockdev --setro /dev/sda\n"), "{out}");
    assert!(err.contains("--yes"), "{err}");
    assert_eq!(node.calls(), [""; 0]);
    let out = node.ok(&["import", A, "--yes"]);
    assert!(out.contains("mount -i -t ext4"), "{out}");
    assert_eq!(node.calls(), [START]);
}

#[test]
fn what_was_not_chosen_is_told_with_what_to_do() {
    let mut node = Node::new();
    node.store("SER-A", A);
    let (other, _) = node.store("SER-B", "bbbbbbbb-0000-4000-8000-000000000002");
    let (empty, _) = node.disk("SER-C", &[("note", "x")]);
    node.ok(&["preflight"]);
    for (args, part) in [
        (vec!["import", "--yes"], "mode none (many)".to_owned()),
        (
            vec!["import", &other, "--yes"],
            format!("was not chosen; asl-admin use {other}"),
        ),
        (
            vec!["import", &empty, "--yes"],
            "no store was read".to_owned(),
        ),
        (vec!["import", "--look"], "no pool is here".to_owned()),
        (
            vec!["import", "--look", "tank"],
            "tank is no pool here".to_owned(),
        ),
    ] {
        let (code, _, err) = node.run(&args);
        assert_eq!(code, 1, "{args:?}");
        assert!(err.contains(&part), "{args:?}: {err}");
    }
    assert_eq!(node.calls(), [""; 0]);
}

#[test]
fn what_is_blocked_is_told_with_what_is_against_it() {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.store("SER-B", A);
    node.ok(&["preflight"]);
    let (code, _, err) = node.run(&["import", "00000000-0000-4000-8000-000000000000", "--yes"]);
    assert_eq!(code, 1);
    assert!(err.contains("cannot be imported:\n  clone: "), "{err}");
}
