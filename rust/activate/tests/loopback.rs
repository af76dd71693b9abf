//! The real engine on a real loop device: needs root, loop devices and mkfs,
//! and says so where it has none. VM scenarios cover the rest.

// The allowance for tests in clippy.toml does not reach their helpers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use asl_activate::{
    Action, Error, Linux, Make, Outcome, Plan, State, System, activate, deactivate, plan,
};
use asl_decide::Step;
use asl_facts::{DeviceKind, Format, Partition};
use common::{device, report, step, with_store};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// Runs a command; none where it is missing or fails.
fn run(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

struct Loop(String);

impl Drop for Loop {
    fn drop(&mut self) {
        run("blockdev", &["--setrw", &self.0]);
        run("losetup", &["-d", &self.0]);
    }
}

/// An image with a store at `path`, on a loop device; none where this machine
/// cannot make one.
fn image(dir: &Path, format: Format, path: &str) -> Option<Loop> {
    let file = dir.join("image");
    let staging = dir.join("staging");
    fs::create_dir_all(staging.join(path.trim_start_matches('/')).join("blocks")).unwrap();
    // A link that would lead out of the disk.
    symlink("/etc", staging.join("link")).unwrap();
    fs::File::create(&file).unwrap().set_len(320 << 20).unwrap();
    let (file, staging) = (file.to_str().unwrap(), staging.to_str().unwrap());
    match format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 => {
            run(&format!("mkfs.{format}"), &["-q", "-d", staging, file])?;
        }
        Format::Xfs => {
            run("mkfs.xfs", &["-q", file])?;
        }
        Format::Btrfs => {
            run("mkfs.btrfs", &["-q", "-r", staging, file])?;
        }
        other => panic!("no tool for {other}"),
    }
    let device = Loop(run("losetup", &["-f", "--show", file])?);
    run("blockdev", &["--setrw", &device.0])?;
    if format == Format::Xfs {
        let place = dir.join("place");
        fs::create_dir(&place).unwrap();
        let place = place.to_str().unwrap();
        run("mount", &[&device.0, place])?;
        let store = format!("{place}/{}/blocks", path.trim_start_matches('/'));
        fs::create_dir_all(store).unwrap();
        symlink("/etc", format!("{place}/link")).unwrap();
        run("umount", &[place])?;
    }
    Some(device)
}

/// A directory that stands for `/`, with the machine's own kernel interfaces.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in ["dev", "sys", "proc"] {
        symlink(format!("/{name}"), root.path().join(name)).unwrap();
    }
    fs::create_dir_all(root.path().join("run/asl")).unwrap();
    fs::create_dir_all(root.path().join("mnt/asl")).unwrap();
    root
}

fn plan_for(linux: &Linux, node: &str, format: Format, path: &str) -> Plan {
    let now = linux.node(node).unwrap();
    let signatures = linux.signatures(node).unwrap();
    let uuid = signatures[0].superblock().unwrap().uuid.clone().unwrap();
    let name = node.trim_start_matches("/dev/");
    let device = device(name, DeviceKind::Loop, &now.devnum, now.size);
    let device = with_store(device, format, &uuid, path);
    let boot_id = linux.boot_id().unwrap();
    let report = report(&boot_id, vec![device], vec![step(node, format, path)]);
    plan(&report).unwrap()
}

fn sectors_written(node: &str) -> u64 {
    let stat = format!("/sys/block/{}/stat", node.trim_start_matches("/dev/"));
    let stat = fs::read_to_string(stat).unwrap();
    stat.split_ascii_whitespace()
        .nth(6)
        .unwrap()
        .parse()
        .unwrap()
}

/// A device is there and read-only, in use or not.
fn flagged(node: &str) -> bool {
    let flag = format!("/sys/block/{}/ro", node.trim_start_matches("/dev/"));
    fs::read_to_string(flag).is_ok_and(|flag| flag.trim() == "1")
}

/// Up, looked at, down: nothing is written and nothing is left.
fn round_trip(format: Format, path: &str) {
    let root = root();
    let scratch = tempfile::tempdir().unwrap();
    let disk = image(scratch.path(), format, path)
        .unwrap_or_else(|| panic!("root, a loop device and mkfs.{format} are needed"));
    let node = disk.0.as_str();
    let linux = Linux::new(root.path());
    let _lock = linux.lock().unwrap();
    assert!(matches!(linux.lock().unwrap_err(), Error::Locked { .. }));
    let plan = plan_for(&linux, node, format, path);
    let written = sectors_written(node);

    assert_eq!(activate(&plan, &linux).unwrap(), Outcome::Activated);
    assert!(root.path().join("mnt/asl/local/blocks").is_dir());
    assert!(linux.read_only(node).unwrap());
    let mounts = run(
        "findmnt",
        &[
            "-rno",
            "OPTIONS",
            root.path().join("mnt/asl/local").to_str().unwrap(),
        ],
    );
    for option in ["ro", "nodev", "nosuid", "noexec"] {
        assert!(
            mounts
                .as_deref()
                .unwrap()
                .split(',')
                .any(|seen| seen == option),
            "{option}"
        );
    }
    assert_eq!(activate(&plan, &linux).unwrap(), Outcome::AlreadyActive);
    assert!(deactivate(&linux).unwrap());
    assert!(!linux.read_only(node).unwrap());
    assert_eq!(sectors_written(node), written);
    assert!(!root.path().join("mnt/asl/local").exists());
    assert!(!root.path().join("run/asl/fs").exists());
    assert!(
        !root
            .path()
            .join("var/lib/asl/runtime/activation.json")
            .exists()
    );

    // A directory that became a link to somewhere else.
    if path != "/" {
        let mut astray = plan;
        for action in &mut astray.actions {
            if let Action::Bind { path, .. } = action {
                "/link".clone_into(path);
            }
        }
        let error = activate(&astray, &linux).unwrap_err();
        assert!(error.to_string().contains("mount --bind"), "{error}");
        assert!(!linux.read_only(node).unwrap());
        assert!(linux.mounts_at("/mnt/asl/local").unwrap().is_empty());
    }
}

/// A partition that the kernel does not show, through a loop device over it.
#[test]
#[ignore = "needs root and loop devices"]
fn window_on_a_disk() {
    const START: u64 = 1 << 20;
    const WINDOW: &str = "/dev/loop77";
    let root = root();
    let scratch = tempfile::tempdir().unwrap();
    let inner = image(scratch.path(), Format::Ext4, "/").unwrap();
    let inner_file = scratch.path().join("image");
    let size = fs::metadata(&inner_file).unwrap().len();
    let linux = Linux::new(root.path());
    let uuid = linux.signatures(&inner.0).unwrap()[0]
        .superblock()
        .and_then(|superblock| superblock.uuid.clone())
        .unwrap();
    drop(inner);
    let outer = scratch.path().join("disk");
    let copy = [
        "conv=sparse",
        "bs=1M",
        "seek=1",
        &format!("if={}", inner_file.display()),
        &format!("of={}", outer.display()),
    ];
    run("dd", &copy).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&outer)
        .unwrap()
        .set_len(START + size)
        .unwrap();
    let disk = Loop(run("losetup", &["-f", "--show", outer.to_str().unwrap()]).unwrap());
    run("blockdev", &["--setrw", &disk.0]).unwrap();
    let now = linux.node(&disk.0).unwrap();
    let name = disk.0.trim_start_matches("/dev/");
    let under = device(name, DeviceKind::Loop, &now.devnum, now.size);
    let mut seen = with_store(
        device("x:p1", DeviceKind::Virtual, "", size),
        Format::Ext4,
        &uuid,
        "/",
    );
    seen.node = String::new();
    seen.parent = Some(name.to_owned());
    seen.partition = Some(Partition {
        number: 1,
        start: START,
        uuid: None,
        name: None,
    });
    let steps = vec![
        Step::Window {
            node: disk.0.clone(),
            start: START,
            size,
            makes: WINDOW.to_owned(),
        },
        step(WINDOW, Format::Ext4, "/"),
    ];
    let mut report = report(&linux.boot_id().unwrap(), vec![under], steps);
    report.facts.virtuals.devices.push(seen);
    let plan = plan(&report).unwrap();
    let written = sectors_written(&disk.0);
    for _ in 0..2 {
        assert_eq!(activate(&plan, &linux).unwrap(), Outcome::Activated);
        assert!(root.path().join("mnt/asl/local/blocks").is_dir());
        assert!(linux.read_only(WINDOW).unwrap());
        assert_eq!(activate(&plan, &linux).unwrap(), Outcome::AlreadyActive);
        assert!(deactivate(&linux).unwrap());
        assert_eq!(linux.node(WINDOW).map_or(0, |node| node.size), 0);
        assert!(!flagged(WINDOW));
        assert!(!linux.read_only(&disk.0).unwrap());
    }
    assert_eq!(sectors_written(&disk.0), written);
    // Somebody else has that number.
    let taken = Loop(WINDOW.to_owned());
    run("losetup", &[WINDOW, inner_file.to_str().unwrap()]).unwrap();
    let error = activate(&plan, &linux).unwrap_err();
    assert!(matches!(error, Error::Taken { .. }), "{error}");
    assert!(linux.node(WINDOW).unwrap().size > 0);
    drop(taken);
}

/// A link would show in the kernel's own name of the file.
#[test]
fn attached_is_what_the_kernel_calls_by_the_same_path() {
    let root = tempfile::tempdir().unwrap();
    let place = fs::canonicalize(root.path()).unwrap();
    let dir = place.join("sys/class/block/loop64/loop");
    fs::create_dir_all(&dir).unwrap();
    let linux = Linux::new(root.path());
    let make = Make::Attached {
        file: "/run/asl/fs/image/a.img".to_owned(),
        makes: "/dev/loop64".to_owned(),
    };
    assert_eq!(linux.state_of(&make).unwrap(), State::Absent);
    let seen = |file: &str, offset: &str| {
        fs::write(dir.join("backing_file"), format!("{file}\n")).unwrap();
        fs::write(dir.join("offset"), format!("{offset}\n")).unwrap();
        fs::write(dir.join("sizelimit"), "0\n").unwrap();
        linux.state_of(&make).unwrap()
    };
    let same = place.join("run/asl/fs/image/a.img");
    let same = same.to_str().unwrap();
    assert_eq!(seen(same, "0"), State::Ours);
    assert!(matches!(seen(same, "512"), State::Other(_)));
    assert!(matches!(seen("/etc/a.img", "0"), State::Other(_)));
    assert!(matches!(
        seen("/run/asl/fs/image/a.img", "0"),
        State::Other(_)
    ));
}

/// What an attacker may have put where the image file should be: each is
/// refused, and nothing is left.
#[test]
#[ignore = "needs root and loop devices"]
fn image_file_on_a_disk() {
    const ATTACHED: &str = "/dev/loop78";
    let root = root();
    let scratch = tempfile::tempdir().unwrap();
    drop(image(scratch.path(), Format::Ext4, "/").unwrap());
    let store = scratch.path().join("image");
    let staging = scratch.path().join("host");
    let images = staging.join("images");
    fs::create_dir_all(&images).unwrap();
    let cp = ["--sparse=always", store.to_str().unwrap()];
    run(
        "cp",
        &[cp[0], cp[1], images.join("store.img").to_str().unwrap()],
    )
    .unwrap();
    // Where the links lead there is a sound image.
    run(
        "cp",
        &[
            cp[0],
            cp[1],
            root.path().join("outside.img").to_str().unwrap(),
        ],
    )
    .unwrap();
    symlink("store.img", images.join("link.img")).unwrap();
    symlink("/outside.img", images.join("far.img")).unwrap();
    symlink("images", staging.join("linked")).unwrap();
    run("mkfifo", &[images.join("pipe").to_str().unwrap()]).unwrap();
    run(
        "mknod",
        &[images.join("node").to_str().unwrap(), "b", "7", "0"],
    )
    .unwrap();
    fs::write(images.join("text.img"), vec![b'x'; 1 << 20]).unwrap();
    let disk = scratch.path().join("disk");
    fs::File::create(&disk).unwrap().set_len(512 << 20).unwrap();
    run(
        "mkfs.ext4",
        &[
            "-q",
            "-d",
            staging.to_str().unwrap(),
            disk.to_str().unwrap(),
        ],
    )
    .unwrap();
    let disk = Loop(run("losetup", &["-f", "--show", disk.to_str().unwrap()]).unwrap());
    run("blockdev", &["--setrw", &disk.0]).unwrap();

    let linux = Linux::new(root.path());
    let now = linux.node(&disk.0).unwrap();
    let uuid = linux.signatures(&disk.0).unwrap()[0]
        .superblock()
        .and_then(|superblock| superblock.uuid.clone())
        .unwrap();
    let name = disk.0.trim_start_matches("/dev/");
    let under = device(name, DeviceKind::Loop, &now.devnum, now.size);
    let under = with_store(under, Format::Ext4, &uuid, "/elsewhere");
    let plan_for = |file: &str| {
        let mut host = step(&disk.0, Format::Ext4, "/");
        if let Step::Mount { target, .. } = &mut host {
            "/run/asl/fs/image".clone_into(target);
        }
        let attach = Step::Attach {
            file: format!("/run/asl/fs/image/{file}"),
            makes: ATTACHED.to_owned(),
        };
        let content = Step::MountContent {
            node: ATTACHED.to_owned(),
            target: "/mnt/asl/local".to_owned(),
        };
        let steps = vec![host, attach, content];
        plan(&report(
            &linux.boot_id().unwrap(),
            vec![under.clone()],
            steps,
        ))
        .unwrap()
    };
    let nothing_left = |what: &str| {
        assert_eq!(
            linux.node(ATTACHED).map_or(0, |node| node.size),
            0,
            "{what}"
        );
        assert!(!linux.read_only(&disk.0).unwrap(), "{what}");
        assert!(!root.path().join("run/asl/fs").exists(), "{what}");
        assert!(!deactivate(&linux).unwrap(), "{what}");
        assert!(!flagged(ATTACHED), "{what}");
    };
    let written = sectors_written(&disk.0);
    let plan = plan_for("images/store.img");
    for _ in 0..2 {
        assert_eq!(activate(&plan, &linux).unwrap(), Outcome::Activated);
        assert!(root.path().join("mnt/asl/local/blocks").is_dir());
        assert!(linux.read_only(ATTACHED).unwrap());
        let mode = fs::metadata(root.path().join("run/asl/fs")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o700);
        assert_eq!(activate(&plan, &linux).unwrap(), Outcome::AlreadyActive);
        assert!(deactivate(&linux).unwrap());
        nothing_left("store.img");
    }
    for (file, code, expected) in [
        (
            "images/link.img",
            "activation-failed",
            "a link; a regular file",
        ),
        (
            "images/far.img",
            "activation-failed",
            "a link; a regular file",
        ),
        (
            "linked/store.img",
            "activation-failed",
            "a part of /run/asl/fs/image/linked is no directory",
        ),
        ("images", "activation-failed", "no regular file"),
        ("images/pipe", "activation-failed", "no regular file"),
        ("images/node", "activation-failed", "no regular file"),
        ("images/gone.img", "activation-failed", "No such file"),
        (
            "images/text.img",
            "no-store-inside",
            "nothing that is known",
        ),
    ] {
        let error = activate(&plan_for(file), &linux).unwrap_err();
        assert!(error.to_string().contains(expected), "{file}: {error}");
        assert_eq!(error.code(), code, "{file}");
        nothing_left(file);
    }
    assert_eq!(sectors_written(&disk.0), written);
}

/// Both devices are named, and the driver forgets them: one that it kept
/// would keep every copy of them out.
#[test]
#[ignore = "needs root and loop devices"]
fn btrfs_on_two_devices() {
    let root = root();
    let scratch = tempfile::tempdir().unwrap();
    let disks: Vec<Loop> = ["a", "b"]
        .iter()
        .map(|name| {
            let file = scratch.path().join(name);
            fs::File::create(&file).unwrap().set_len(160 << 20).unwrap();
            let disk = Loop(run("losetup", &["-f", "--show", file.to_str().unwrap()]).unwrap());
            run("blockdev", &["--setrw", &disk.0]).unwrap();
            disk
        })
        .collect();
    let nodes: Vec<&str> = disks.iter().map(|disk| disk.0.as_str()).collect();
    let place = scratch.path().join("place");
    fs::create_dir(&place).unwrap();
    let place = place.to_str().unwrap();
    let make = ["-q", "-f", "-d", "raid1", "-m", "raid1"];
    run("mkfs.btrfs", &[&make[..], &nodes].concat()).unwrap();
    let both = format!("device={},device={}", nodes[0], nodes[1]);
    run("mount", &["-o", &both, nodes[0], place]).unwrap();
    fs::create_dir(format!("{place}/blocks")).unwrap();
    run("umount", &[place]).unwrap();
    run("btrfs", &["device", "scan", "--forget"]);
    let linux = Linux::new(root.path());
    let devices = nodes.iter().map(|node| {
        let now = linux.node(node).unwrap();
        let uuid = linux.signatures(node).unwrap()[0]
            .superblock()
            .and_then(|superblock| superblock.uuid.clone())
            .unwrap();
        let name = node.trim_start_matches("/dev/");
        let device = device(name, DeviceKind::Loop, &now.devnum, now.size);
        with_store(device, Format::Btrfs, &uuid, "/")
    });
    let mut mount = step(nodes[0], Format::Btrfs, "/");
    if let Step::Mount { others, .. } = &mut mount {
        others.push(nodes[1].to_owned());
    }
    let report = report(&linux.boot_id().unwrap(), devices.collect(), vec![mount]);
    let plan = plan(&report).unwrap();
    let written: Vec<_> = nodes.iter().map(|node| sectors_written(node)).collect();
    assert_eq!(activate(&plan, &linux).unwrap(), Outcome::Activated);
    assert!(root.path().join("mnt/asl/local/blocks").is_dir());
    assert_eq!(activate(&plan, &linux).unwrap(), Outcome::AlreadyActive);
    assert!(deactivate(&linux).unwrap());
    let after: Vec<_> = nodes.iter().map(|node| sectors_written(node)).collect();
    assert_eq!(after, written);
    // Without the other one the kernel cannot mount it, unless it remembers.
    let alone = ["-o", "ro,rescue=nologreplay", nodes[0], place];
    assert!(run("mount", &alone).is_none());
}

#[test]
#[ignore = "needs root and loop devices"]
fn ext2_store_in_the_root() {
    round_trip(Format::Ext2, "/");
}

#[test]
#[ignore = "needs root and loop devices"]
fn ext4_store_below_the_root() {
    round_trip(Format::Ext4, "/.asl");
}

#[test]
#[ignore = "needs root and loop devices"]
fn xfs_store_in_the_root() {
    round_trip(Format::Xfs, "/");
}

#[test]
#[ignore = "needs root and loop devices"]
fn btrfs_store_below_the_root() {
    round_trip(Format::Btrfs, "/asl/domains/d1");
}
