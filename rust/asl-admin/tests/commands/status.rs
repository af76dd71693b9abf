//! `asl-admin status` and `asl-admin detach`.

use crate::node::Node;

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const SHOW: &str = "systemctl show --property=Id,ActiveState,SubState,Result \
     asl-preflight.service asl-activate.service asl-intake.service asl-intake.socket \
     asl-watch.service usr-local-bin.mount";
const STOP: &str = "systemctl stop asl-intake.socket asl-intake.service asl-activate.service";

#[test]
fn it_shows_the_stack_the_services_and_what_is_lost() {
    let mut node = Node::new();
    let (uuid, _) = node.store("SER-A", A);
    node.disk("SER-B", &[("note", "x")]);
    node.ok(&["preflight"]);
    node.ok(&["use", A]);
    node.activated();
    node.tool(
        "systemctl",
        "printf 'Id=asl-intake.service\nActiveState=failed\nSubState=failed\nResult=exit-code\n'",
    );
    node.calls();
    let out = node.ok(&["status"]);
    assert_eq!(node.calls(), [SHOW]);
    for part in [
        "mode local",
        "from the disk to the mount\n  SOUND DISK (serial SER-A, 8 MiB) /dev/sda; ext4",
        &format!("    store {A} at /: usable\n    mounted at /mnt/asl/local by asl-activate\n"),
        "  SOUND DISK (serial SER-B, 8 MiB) /dev/sdb; ext4",
        "  asl-intake.service      failed (failed, exit-code)\n",
        "guarded read-only until detach or lock\n  SOUND DISK (serial SER-A, 8 MiB) /dev/sda\n",
        &format!("lost at reboot\n  use = {A}\n"),
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let json = node.json(&["status", "--json"]);
    assert_eq!(json["mode"]["mode"], "local");
    assert_eq!(json["services"][0]["active"], "failed");
    assert!(json["stack"][0]["what"].as_str().unwrap().contains(&uuid));
    assert_eq!(json["stack"][0]["on_it"].as_array().unwrap().len(), 2);
    assert_eq!(json["problems"].as_array().unwrap().len(), 0);
}

/// What only activation could look into is shown as what it is mounted from.
#[test]
fn it_shows_an_image_file_and_what_is_mounted_from_it() {
    let mut node = Node::new();
    let (uuid, _) = node.disk("SER-A", &[("store.img", "x")]);
    let line = format!("local.image = {uuid}:/store.img\n");
    node.write("etc/asl/asl.conf", &line);
    node.ok(&["preflight"]);
    let boot_id = node.mode("boot_id");
    node.write(
        "var/lib/asl/runtime/activation.json",
        format!(
            r#"{{"schema":2,"boot_id":"{boot_id}","generation":1,"complete":true,
            "plan":[{{"action":"mount","node":"/dev/sda","devnum":"259:0","others":[],
                "driver":"ext4","options":["ro"],"target":"/run/asl/fs/image"}},
                {{"action":"mount-content","node":"/dev/loop64","target":"/mnt/asl/local"}}],
            "entries":[{{"action":{{"action":"make","make":{{"kind":"attached",
                "file":"/run/asl/fs/image/store.img","makes":"/dev/loop64"}}}}}}]}}"#
        ),
    );
    let out = node.ok(&["status"]);
    for part in [
        "    mounted at /run/asl/fs/image by asl-activate\n",
        "  /dev/loop64, image file /run/asl/fs/image/store.img: \
         mounted at /mnt/asl/local by asl-activate\n",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    // `use` cannot name the file, and so not hinder the file system.
    let (_, _, error) = node.run(&["use", "gone"]);
    assert_eq!(error.matches(uuid.as_str()).count(), 1, "{error}");
}

#[test]
fn what_was_not_taken_is_named_with_its_code() {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.store("SER-B", A);
    node.ok(&["preflight"]);
    let json = node.json(&["status", "--json"]);
    let rejected = json["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), 2);
    assert!(rejected.iter().all(|one| one["code"] == "clone"));
    assert!(
        node.ok(&["status"])
            .contains("not taken\n  SOUND DISK (serial SER-A")
    );
}

/// On a broken system it shows what is left to be seen.
#[test]
fn it_needs_nothing_but_a_mode() {
    let node = Node::new();
    assert_eq!(node.run(&["status"]).0, 4);
    node.ok(&["preflight"]);
    node.tool("systemctl", "echo 'Failed to connect to bus' >&2; exit 1");
    node.write("run/asl/facts.json", "{");
    node.write("var/lib/asl/runtime/activation.json", "[]");
    let json = node.json(&["status", "--json"]);
    assert_eq!(json["problems"].as_array().unwrap().len(), 3, "{json}");
    let out = node.ok(&["status"]);
    assert!(out.contains("Failed to connect to bus"), "{out}");
}

/// A store is active, and systemctl takes it back.
fn to_detach() -> Node {
    let mut node = Node::new();
    node.store("SER-A", A);
    node.ok(&["preflight"]);
    node.activated();
    node.tool(
        "systemctl",
        "rm -f \"${0%/bin/*}/var/lib/asl/runtime/activation.json\"",
    );
    node
}

#[test]
fn detach_stops_everything_and_says_what_can_be_pulled() {
    let node = to_detach();
    let out = node.ok(&["detach"]);
    assert_eq!(node.calls(), [STOP]);
    assert!(
        out.contains("safe to pull: SOUND DISK (serial SER-A, 8 MiB) /dev/sda\n"),
        "{out}"
    );
    assert!(node.ok(&["detach"]).contains("nothing was active"));
}

#[test]
fn a_disk_that_something_else_uses_is_not_safe_to_pull() {
    let node = to_detach();
    node.write(
        "proc/self/mountinfo",
        "30 1 259:0 / /mnt/my\\040disk rw - ext4 /dev/sda rw\n",
    );
    let out = node.ok(&["detach"]);
    assert!(out.contains("still in use: SOUND DISK"), "{out}");
    assert!(out.contains("/dev/sda is mounted at /mnt/my disk"), "{out}");
}

#[test]
fn an_activation_that_stays_is_a_failure() {
    let node = Node::new();
    node.ok(&["preflight"]);
    node.activated();
    let (code, _, err) = node.run(&["detach"]);
    assert_eq!(code, 1);
    assert!(err.contains("blockdev --setro /dev/sda"), "{err}");
}
