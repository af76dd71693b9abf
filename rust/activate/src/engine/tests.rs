//! The engine over a simulated machine that breaks or dies at every call.

use super::*;
use crate::plan::Expect;
use crate::system::{MountPoint, Node};
use asl_facts::{
    Content, Filesystem, Format, Look, Outcome as Found, Signature, Standing, Superblock,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

const TARGET: &str = "/mnt/asl/local";

/// What a run may change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    read_only: BTreeMap<String, bool>,
    dirs: BTreeSet<String>,
    /// Target and node, lowest first.
    mounts: Vec<(String, String)>,
    journal: Option<Vec<u8>>,
}

/// When a changing call goes wrong.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// This one fails and changes nothing.
    Fail(usize),
    /// The process dies before this one.
    DieBefore(usize),
    /// The process dies after this one.
    DieAfter(usize),
}

struct Fake {
    state: RefCell<State>,
    trouble: Cell<Option<Trouble>>,
    calls: Cell<usize>,
    dead: Cell<bool>,
    written: BTreeSet<String>,
    superblock: RefCell<Superblock>,
    names: Vec<String>,
}

impl Fake {
    fn new() -> Self {
        let read_only = ["/dev/sda", "/dev/sda1"].map(|node| (node.to_owned(), false));
        Self {
            state: RefCell::new(State {
                read_only: read_only.into(),
                dirs: [TARGET.to_owned()].into(),
                mounts: Vec::new(),
                journal: None,
            }),
            trouble: Cell::new(None),
            calls: Cell::new(0),
            dead: Cell::new(false),
            written: BTreeSet::new(),
            superblock: RefCell::new(superblock("u1", LogState::Clean)),
            names: vec!["blocks".to_owned()],
        }
    }

    /// Counts a changing call and lets it happen, fail or be the last one.
    fn change(&self, effect: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let dead = || Err(io::Error::other("the process is dead"));
        if self.dead.get() {
            return dead();
        }
        let call = self.calls.get();
        self.calls.set(call.saturating_add(1));
        match self.trouble.get() {
            Some(Trouble::Fail(at)) if at == call => return Err(io::Error::other("injected")),
            Some(Trouble::DieBefore(at)) if at == call => {
                self.dead.set(true);
                return dead();
            }
            Some(Trouble::DieAfter(at)) if at == call => {
                effect(&mut self.state.borrow_mut())?;
                self.dead.set(true);
                return dead();
            }
            _ => {}
        }
        effect(&mut self.state.borrow_mut())
    }

    /// A new process on the same machine.
    fn revive(&self) {
        self.dead.set(false);
        self.trouble.set(None);
    }

    fn state(&self) -> State {
        self.state.borrow().clone()
    }
}

fn superblock(uuid: &str, log: LogState) -> Superblock {
    Superblock {
        uuid: Some(uuid.to_owned()),
        label: None,
        version: None,
        size: 4096,
        unknown_features: Vec::new(),
        damaged_copies: Vec::new(),
        content: Content::Filesystem(Filesystem {
            block_size: 1024,
            log,
            devices: 1,
            part: None,
            errors: false,
            hibernated: false,
            look: Look::NotLooked,
        }),
    }
}

impl System for Fake {
    fn boot_id(&self) -> io::Result<String> {
        Ok("b1".to_owned())
    }
    fn node(&self, node: &str) -> io::Result<Node> {
        let devnum = match node {
            "/dev/sda" => "8:0",
            "/dev/sda1" => "8:1",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Node {
            devnum: devnum.to_owned(),
            size: 8192,
        })
    }
    fn signatures(&self, _: &str) -> io::Result<Vec<Signature>> {
        Ok(vec![Signature {
            format: Format::Ext4,
            offset: 1024,
            outcome: Found::Found(Box::new(self.superblock.borrow().clone())),
            standing: Standing::Content,
        }])
    }
    fn is_written(&self, devnum: &str) -> io::Result<bool> {
        Ok(self.written.contains(devnum))
    }
    fn read_only(&self, node: &str) -> io::Result<bool> {
        Ok(self.state.borrow().read_only[node])
    }
    fn set_read_only(&self, node: &str, value: bool) -> io::Result<()> {
        self.change(|state| {
            state.read_only.insert(node.to_owned(), value);
            Ok(())
        })
    }
    fn is_dir(&self, path: &str) -> io::Result<bool> {
        Ok(self.state.borrow().dirs.contains(path))
    }
    fn make_dir(&self, path: &str, _: u32) -> io::Result<()> {
        self.change(|state| {
            assert!(state.dirs.insert(path.to_owned()), "{path} is there");
            Ok(())
        })
    }
    fn remove_dir(&self, path: &str) -> io::Result<()> {
        self.change(|state| {
            let below = format!("{path}/");
            if state.dirs.iter().any(|dir| dir.starts_with(&below)) {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            match state.dirs.remove(path) {
                true => Ok(()),
                false => Err(io::ErrorKind::NotFound.into()),
            }
        })
    }
    fn present(&self, _: &str, names: &[String]) -> io::Result<Vec<String>> {
        let there = |name: &&String| self.names.contains(name);
        Ok(names.iter().filter(there).cloned().collect())
    }
    fn mounts_at(&self, target: &str) -> io::Result<Vec<MountPoint>> {
        let state = self.state.borrow();
        let here = state.mounts.iter().filter(|(place, _)| place == target);
        let point = |(_, node): &(String, String)| MountPoint {
            source: node.clone(),
            devnum: None,
        };
        Ok(here.map(point).collect())
    }
    fn mount(&self, node: &str, _: &str, _: &[String], target: &str) -> io::Result<()> {
        self.change(|state| {
            assert!(state.read_only[node], "mounted while writable");
            state.mounts.push((target.to_owned(), node.to_owned()));
            Ok(())
        })
    }
    fn bind(&self, from: &str, _: &str, target: &str) -> io::Result<()> {
        self.change(|state| {
            let source = state.mounts.iter().find(|(place, _)| place == from);
            let node = source.map(|(_, node)| node.clone()).unwrap();
            state.mounts.push((target.to_owned(), node));
            Ok(())
        })
    }
    fn unmount(&self, target: &str) -> io::Result<()> {
        self.change(|state| {
            let top = state.mounts.iter().rposition(|(place, _)| place == target);
            state.mounts.remove(top.unwrap());
            Ok(())
        })
    }
    fn load_journal(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.state.borrow().journal.clone())
    }
    fn store_journal(&self, bytes: &[u8]) -> io::Result<()> {
        self.change(|state| {
            state.journal = Some(bytes.to_vec());
            Ok(())
        })
    }
    fn remove_journal(&self) -> io::Result<()> {
        self.change(|state| {
            state.journal = None;
            Ok(())
        })
    }
}

/// A store below the root of the file system on /dev/sda1: the longest plan.
fn bound_plan() -> Plan {
    let node = "/dev/sda1".to_owned();
    let devnum = "8:1".to_owned();
    let read_only = |node: &str, devnum: &str, role| Action::SetReadOnly {
        node: node.to_owned(),
        devnum: devnum.to_owned(),
        role,
    };
    let make = |path: &str| Action::MakeDir {
        path: path.to_owned(),
        mode: 0o700,
    };
    Plan {
        boot_id: "b1".to_owned(),
        generation: 1,
        checks: vec![Check {
            node: node.clone(),
            devnum: devnum.clone(),
            size: 8192,
            format: Format::Ext4,
            uuid: "u1".to_owned(),
        }],
        actions: vec![
            read_only("/dev/sda1", "8:1", Role::Store),
            read_only("/dev/sda", "8:0", Role::Carrier),
            make("/run/asl/fs"),
            make("/run/asl/fs/sda1"),
            Action::Mount {
                node: node.clone(),
                devnum: devnum.clone(),
                driver: "ext4".to_owned(),
                options: vec!["ro".to_owned(), "noload".to_owned()],
                target: "/run/asl/fs/sda1".to_owned(),
            },
            make(TARGET),
            Action::Bind {
                node,
                devnum,
                from: "/run/asl/fs/sda1".to_owned(),
                path: "/.asl".to_owned(),
                target: TARGET.to_owned(),
            },
        ],
        expect: vec![Expect {
            target: TARGET.to_owned(),
            names: vec!["blocks".to_owned()],
        }],
    }
}

/// Changing calls of a whole activation.
fn calls_of(run: impl Fn(&Fake)) -> usize {
    let fake = Fake::new();
    run(&fake);
    fake.calls.get()
}

#[test]
fn whole_plan_and_back() {
    let fake = Fake::new();
    let before = fake.state();
    assert_eq!(activate(&bound_plan(), &fake).unwrap(), Outcome::Activated);
    let active = fake.state();
    assert_eq!(active.mounts.len(), 2);
    assert!(active.read_only.values().all(|read_only| *read_only));
    // Again: nothing changes.
    assert_eq!(
        activate(&bound_plan(), &fake).unwrap(),
        Outcome::AlreadyActive
    );
    assert_eq!(fake.state(), active);
    assert!(deactivate(&fake).unwrap());
    assert_eq!(fake.state(), before);
    assert!(!deactivate(&fake).unwrap());
}

#[test]
fn failure_of_each_step_is_undone() {
    let calls = calls_of(|fake| {
        activate(&bound_plan(), fake).unwrap();
    });
    // Six entries: journal and action each; the end of the journal.
    assert_eq!(calls, 13);
    for at in 0..calls {
        let fake = Fake::new();
        let before = fake.state();
        fake.trouble.set(Some(Trouble::Fail(at)));
        let error = activate(&bound_plan(), &fake).unwrap_err();
        assert_eq!(error.code(), "activation-failed", "call {at}");
        assert_eq!(fake.state(), before, "call {at}: {error}");
    }
}

#[test]
fn killed_run_is_undone_by_deactivate_and_by_the_next_activate() {
    let calls = calls_of(|fake| {
        activate(&bound_plan(), fake).unwrap();
    });
    for trouble in (0..calls).flat_map(|at| [Trouble::DieBefore(at), Trouble::DieAfter(at)]) {
        let fake = Fake::new();
        let before = fake.state();
        fake.trouble.set(Some(trouble));
        activate(&bound_plan(), &fake).unwrap_err();
        fake.revive();
        deactivate(&fake).unwrap();
        assert_eq!(fake.state(), before, "{trouble:?}");

        let fake = Fake::new();
        fake.trouble.set(Some(trouble));
        activate(&bound_plan(), &fake).unwrap_err();
        fake.revive();
        activate(&bound_plan(), &fake).unwrap();
        deactivate(&fake).unwrap();
        assert_eq!(fake.state(), before, "{trouble:?}, activated again");
    }
}

#[test]
fn undo_that_dies_or_fails_anywhere_is_ended_by_the_next_one() {
    let calls = calls_of(|fake| {
        activate(&bound_plan(), fake).unwrap();
        fake.calls.set(0);
        deactivate(fake).unwrap();
    });
    let troubles = |at| {
        [
            Trouble::Fail(at),
            Trouble::DieBefore(at),
            Trouble::DieAfter(at),
        ]
    };
    for trouble in (0..calls).flat_map(troubles) {
        let fake = Fake::new();
        let before = fake.state();
        activate(&bound_plan(), &fake).unwrap();
        fake.calls.set(0);
        fake.trouble.set(Some(trouble));
        deactivate(&fake).unwrap_err();
        fake.revive();
        deactivate(&fake).unwrap();
        assert_eq!(fake.state(), before, "{trouble:?}");
    }
}

#[test]
fn failure_whose_undo_fails_names_both_and_keeps_the_journal() {
    let fake = Fake::new();
    let before = fake.state();
    // The process loses its powers at the bind mount.
    fake.trouble.set(Some(Trouble::DieBefore(11)));
    let error = activate(&bound_plan(), &fake).unwrap_err();
    assert!(matches!(error, Error::NotUndone { .. }));
    assert!(error.to_string().contains("mount --bind"), "{error}");
    assert!(fake.state().journal.is_some());
    fake.revive();
    deactivate(&fake).unwrap();
    assert_eq!(fake.state(), before);
}

#[test]
fn node_that_was_read_only_stays_so() {
    let fake = Fake::new();
    let read_only = |fake: &Fake| fake.state().read_only["/dev/sda1"];
    fake.state
        .borrow_mut()
        .read_only
        .insert("/dev/sda1".to_owned(), true);
    activate(&bound_plan(), &fake).unwrap();
    deactivate(&fake).unwrap();
    assert!(read_only(&fake));
}

#[test]
fn disk_that_carries_a_written_mount_is_left_alone() {
    let mut fake = Fake::new();
    fake.written.insert("8:0".to_owned());
    activate(&bound_plan(), &fake).unwrap();
    assert!(!fake.state().read_only["/dev/sda"]);
    assert!(fake.state().read_only["/dev/sda1"]);

    let mut fake = Fake::new();
    fake.written.insert("8:1".to_owned());
    let before = fake.state();
    let error = activate(&bound_plan(), &fake).unwrap_err();
    assert!(matches!(error, Error::Written { .. }));
    assert_eq!(fake.state(), before);
}

#[test]
fn device_that_changed_is_not_touched() {
    let cases = [
        ("UUID", superblock("u2", LogState::Clean)),
        (
            "log",
            superblock("u1", LogState::NeedsReplay { live_bytes: None }),
        ),
        ("log", superblock("u1", LogState::Unknown)),
    ];
    for (expected, superblock) in cases {
        let fake = Fake::new();
        *fake.superblock.borrow_mut() = superblock;
        let error = activate(&bound_plan(), &fake).unwrap_err();
        assert!(matches!(error, Error::Changed { what, .. } if what == expected));
        assert_eq!(fake.calls.get(), 0);
    }
    type Change = fn(&mut Check);
    let changes: [(&str, Change); 3] = [
        ("size", |check| check.size = 1),
        ("device number", |check| check.devnum = "8:9".to_owned()),
        ("type", |check| check.format = Format::Xfs),
    ];
    for (what, change) in changes {
        let fake = Fake::new();
        let mut plan = bound_plan();
        change(&mut plan.checks[0]);
        let error = activate(&plan, &fake).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(fake.calls.get(), 0);
    }
}

#[test]
fn decision_of_another_boot_is_refused_and_its_journal_dropped() {
    let fake = Fake::new();
    let mut plan = bound_plan();
    plan.boot_id = "b0".to_owned();
    assert!(matches!(
        activate(&plan, &fake).unwrap_err(),
        Error::OtherBoot { .. }
    ));
    let journal = Journal::new("b0", 1, &plan.actions);
    fake.state.borrow_mut().journal = Some(journal.render().unwrap());
    assert!(!deactivate(&fake).unwrap());
    assert_eq!(fake.state().journal, None);
}

#[test]
fn other_decision_does_not_replace_the_active_one() {
    let fake = Fake::new();
    activate(&bound_plan(), &fake).unwrap();
    let active = fake.state();
    let mut other = bound_plan();
    other.actions.pop();
    let error = activate(&other, &fake).unwrap_err();
    assert!(matches!(error, Error::OtherActive { generation: 1, .. }));
    assert_eq!(fake.state(), active);
}

#[test]
fn store_that_does_not_show_is_no_store_inside() {
    let mut fake = Fake::new();
    fake.names.clear();
    let before = fake.state();
    let error = activate(&bound_plan(), &fake).unwrap_err();
    assert_eq!(error.code(), "no-store-inside");
    assert_eq!(fake.state(), before);
}

#[test]
fn foreign_mounts_are_never_unmounted() {
    // At the mount point before us.
    let fake = Fake::new();
    let foreign = (TARGET.to_owned(), "nas:/x".to_owned());
    fake.state.borrow_mut().mounts.push(foreign.clone());
    let error = activate(&bound_plan(), &fake).unwrap_err();
    assert!(matches!(error, Error::TargetBusy { .. }));
    assert_eq!(fake.calls.get(), 0);
    // On top of ours.
    let fake = Fake::new();
    let before = fake.state();
    activate(&bound_plan(), &fake).unwrap();
    fake.state.borrow_mut().mounts.push(foreign);
    let error = deactivate(&fake).unwrap_err();
    assert!(matches!(error, Error::TargetBusy { .. }));
    fake.state.borrow_mut().mounts.pop();
    deactivate(&fake).unwrap();
    assert_eq!(fake.state(), before);
    // In place of ours.
    activate(&bound_plan(), &fake).unwrap();
    fake.state.borrow_mut().mounts.clear();
    deactivate(&fake).unwrap();
    assert_eq!(fake.state(), before);
}

#[test]
fn garbled_journal_is_named_and_nothing_done() {
    let fake = Fake::new();
    fake.state.borrow_mut().journal = Some(b"{\"schema\":1".to_vec());
    for error in [
        activate(&bound_plan(), &fake).unwrap_err(),
        deactivate(&fake).unwrap_err(),
    ] {
        assert!(error.to_string().starts_with(JOURNAL), "{error}");
    }
    assert_eq!(fake.calls.get(), 0);
}

#[test]
fn plan_without_actions_does_nothing() {
    let fake = Fake::new();
    let mut plan = bound_plan();
    plan.actions.clear();
    plan.checks.clear();
    assert_eq!(activate(&plan, &fake).unwrap(), Outcome::NothingToDo);
    assert_eq!(fake.calls.get(), 0);
}
