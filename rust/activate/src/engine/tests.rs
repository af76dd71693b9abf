//! The engine over a simulated machine that breaks or dies at every call.

use super::*;
use crate::action::Holds;
use crate::make::Make;
use crate::plan::{Check, Content as OnIt, Expect};
use crate::system::{MountPoint, Node, State as There};
use asl_decide::Key;
use asl_facts::{
    Content, Filesystem, Format, LogState, Look, Outcome as Found, Signature, Standing, Superblock,
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
    /// What was made, whole or half: its place, then whether it is whole.
    made: Vec<(Make, bool)>,
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
    /// The process dies in the middle of this one: what is made is half made.
    DieWithin(usize),
}

struct Fake {
    state: RefCell<State>,
    trouble: Cell<Option<Trouble>>,
    calls: Cell<usize>,
    dead: Cell<bool>,
    written: BTreeSet<String>,
    superblock: RefCell<Superblock>,
    names: Vec<String>,
    /// Snapshots without room.
    full: BTreeSet<String>,
    /// Sizes of what is made, where they are not as planned.
    sizes: BTreeMap<String, u64>,
    /// Modules that were loaded; nothing unloads them.
    modules: RefCell<BTreeSet<String>>,
    /// Nodes that were forgotten.
    forgotten: RefCell<BTreeSet<String>>,
    /// Mounts that were made read-only.
    closed: RefCell<Vec<String>>,
    /// Something else that has a place.
    foreign: BTreeSet<String>,
}

impl Fake {
    fn new() -> Self {
        let read_only = ["/dev/sda", "/dev/sda1", "/dev/sdb"].map(|node| (node.to_owned(), false));
        Self {
            state: RefCell::new(State {
                read_only: read_only.into(),
                dirs: [TARGET.to_owned()].into(),
                mounts: Vec::new(),
                made: Vec::new(),
                journal: None,
            }),
            trouble: Cell::new(None),
            calls: Cell::new(0),
            dead: Cell::new(false),
            written: BTreeSet::new(),
            superblock: RefCell::new(superblock("u1", LogState::Clean)),
            names: vec!["blocks".to_owned()],
            full: BTreeSet::new(),
            sizes: BTreeMap::new(),
            modules: RefCell::default(),
            closed: RefCell::default(),
            forgotten: RefCell::default(),
            foreign: BTreeSet::new(),
        }
    }

    fn is_made(&self, node: &str) -> bool {
        let state = self.state.borrow();
        state
            .made
            .iter()
            .any(|(make, whole)| *whole && make.node() == Some(node))
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
            Some(Trouble::DieWithin(at)) if at == call => {
                let mut state = self.state.borrow_mut();
                let made = state.made.len();
                effect(&mut state)?;
                if let Some((_, whole)) = state.made.get_mut(made) {
                    *whole = false;
                }
                drop(state);
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
            "/dev/sdb" => "8:16",
            made if self.is_made(made) => "254:0",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Node {
            devnum: devnum.to_owned(),
            size: self.sizes.get(node).copied().unwrap_or(8192),
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
        let state = self.state.borrow();
        Ok(state.read_only.get(node).copied().unwrap_or(false))
    }
    fn set_read_only(&self, node: &str, value: bool) -> io::Result<()> {
        self.change(|state| {
            // Only a loop device keeps its flag; to take it from an array
            // would let md write.
            if !node.starts_with("/dev/sd") {
                assert!(value || node.starts_with("/dev/loop"), "{node}");
            }
            if node.starts_with("/dev/loop") && !value {
                state.read_only.remove(node);
                return Ok(());
            }
            state.read_only.insert(node.to_owned(), value);
            Ok(())
        })
    }
    fn missing_modules(&self, modules: &[String]) -> io::Result<Vec<String>> {
        let loaded = self.modules.borrow();
        Ok(modules
            .iter()
            .filter(|m| !loaded.contains(*m))
            .cloned()
            .collect())
    }
    fn load_modules(&self, modules: &[String]) -> io::Result<()> {
        self.change(|_| {
            self.modules.borrow_mut().extend(modules.iter().cloned());
            Ok(())
        })
    }
    fn state_of(&self, make: &Make) -> io::Result<There> {
        if self.foreign.contains(make.place()) {
            return Ok(There::Other("something".to_owned()));
        }
        let state = self.state.borrow();
        let found = state.made.iter().find(|(made, _)| made == make);
        Ok(match found {
            None => There::Absent,
            Some((_, false)) => There::Empty,
            Some((_, true)) => There::Ours,
        })
    }
    fn make(&self, make: &Make) -> io::Result<()> {
        self.change(|state| {
            for below in make.stands_on() {
                let made = state
                    .made
                    .iter()
                    .any(|(made, _)| made.node() == Some(below));
                let guarded = state.read_only.get(below) == Some(&true);
                assert!(made || guarded, "{make}: {below} may be written");
            }
            if let Make::Attached { file, .. } = make {
                let on = |(place, _): &(String, String)| file.starts_with(&format!("{place}/"));
                assert!(state.mounts.iter().any(on), "{file} is on no mount");
            }
            state.made.push((make.clone(), true));
            Ok(())
        })
    }
    fn unmake(&self, make: &Make) -> io::Result<()> {
        self.change(|state| {
            let used = make.node().is_some_and(|node| {
                let above = state
                    .made
                    .iter()
                    .any(|(other, _)| other.stands_on().contains(&node));
                above || state.mounts.iter().any(|(_, source)| source == node)
            });
            assert!(!used, "{make} is in use");
            let node = make.node().unwrap_or_default();
            assert!(
                !node.starts_with("/dev/loop") || state.read_only.get(node) != Some(&true),
                "the flag would stick to {node}"
            );
            state.read_only.remove(node);
            let at = state.made.iter().position(|(made, _)| made == make);
            state.made.remove(at.unwrap());
            Ok(())
        })
    }
    fn is_overflowed(&self, node: &str) -> io::Result<bool> {
        match self.is_made(node) {
            true => Ok(self.full.contains(node)),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
    fn mount_by_helper(&self, _: &str, source: &str, _: &[String], target: &str) -> io::Result<()> {
        self.change(|state| {
            state.mounts.push((target.to_owned(), source.to_owned()));
            Ok(())
        })
    }
    fn forget(&self, nodes: &[String]) -> io::Result<()> {
        self.change(|_| {
            self.forgotten.borrow_mut().extend(nodes.iter().cloned());
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
            if node.starts_with("/dev/sd") {
                assert!(state.read_only[node], "mounted while writable");
            }
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
    fn close_mount(&self, target: &str) -> io::Result<()> {
        self.change(|_| {
            self.closed.borrow_mut().push(target.to_owned());
            Ok(())
        })
    }
    fn unmount(&self, target: &str, _: bool) -> io::Result<()> {
        self.change(|state| {
            let on_it = |(make, _): &(Make, bool)| matches!(make, Make::Attached { file, .. } if file.starts_with(&format!("{target}/")));
            assert!(!state.made.iter().any(on_it), "a file on {target} is attached");
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

fn read_only(node: &str, devnum: &str, role: Role) -> Action {
    Action::SetReadOnly {
        node: node.to_owned(),
        devnum: Some(devnum.to_owned()),
        role,
    }
}

fn directory(path: &str) -> Action {
    Action::MakeDir {
        path: path.to_owned(),
        mode: 0o700,
    }
}

fn holds(replay: bool) -> Holds {
    Holds {
        format: Format::Ext4,
        uuid: "u1".to_owned(),
        replay,
    }
}

/// What a made node must be before it is used.
fn protected(node: &str) -> [Action; 2] {
    [
        Action::SetReadOnly {
            node: node.to_owned(),
            devnum: None,
            role: Role::Made,
        },
        Action::Verify {
            node: node.to_owned(),
            size: Some(8192),
            holds: None,
        },
    ]
}

/// One of each: a window on a disk and a disk make an array over snapshots,
/// a volume on it is unlocked, a pool is imported for company, and what the
/// container holds is mounted over a snapshot, with a device beside it.
fn deep_plan() -> Plan {
    let names = |all: &[&str]| {
        all.iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let made = |make| Action::Make { make };
    let cow = |node: &str, name: &str| {
        let file = format!("/run/asl/cow/{name}");
        [
            made(Make::CowFile {
                path: file.clone(),
                bytes: 4096,
            }),
            made(Make::CowLoop { file: file.clone() }),
            made(Make::Snapshot {
                node: node.to_owned(),
                file,
                makes: format!("/dev/mapper/{name}"),
            }),
        ]
    };
    let mut actions = vec![
        read_only("/dev/sda1", "8:1", Role::Store),
        read_only("/dev/sdb", "8:16", Role::Store),
        Action::Load {
            modules: names(&["loop", "dm_snapshot"]),
        },
        made(Make::Window {
            node: "/dev/sda1".to_owned(),
            start: 4096,
            size: 8192,
            makes: "/dev/loop64".to_owned(),
        }),
    ];
    actions.extend(protected("/dev/loop64"));
    actions.push(directory("/run/asl/cow"));
    actions.extend(cow("/dev/loop64", "a"));
    actions.extend(cow("/dev/sdb", "b"));
    actions.push(made(Make::Array {
        uuid: "1:2:3:4".to_owned(),
        members: names(&["/dev/mapper/a", "/dev/mapper/b"]),
        degraded: false,
        writable: false,
        makes: "/dev/md127".to_owned(),
    }));
    actions.extend(protected("/dev/md127"));
    actions.push(made(Make::Volume {
        group: "g".to_owned(),
        volume: "v".to_owned(),
        members: names(&["/dev/md127"]),
        degraded: false,
        owner: None,
        thin: false,
        writable: false,
        makes: "/dev/mapper/g-v".to_owned(),
    }));
    actions.extend(protected("/dev/mapper/g-v"));
    actions.push(made(Make::Unlocked {
        node: "/dev/mapper/g-v".to_owned(),
        format: "luks".to_owned(),
        key: Key::Prompt,
        writable: false,
        makes: "/dev/mapper/u".to_owned(),
    }));
    actions.extend(protected("/dev/mapper/u"));
    actions.push(made(Make::Pool {
        guid: "7".to_owned(),
        name: "tank".to_owned(),
        members: names(&["/dev/sdb"]),
        foreign: false,
        writable: false,
        copied: false,
    }));
    actions.extend(cow("/dev/mapper/u", "c"));
    actions.push(Action::Verify {
        node: "/dev/mapper/c".to_owned(),
        size: None,
        holds: Some(holds(true)),
    });
    actions.push(directory(TARGET));
    actions.push(Action::Mount {
        node: "/dev/mapper/c".to_owned(),
        devnum: None,
        others: names(&["/dev/sdb"]),
        driver: "ext4".to_owned(),
        options: names(&["ro"]),
        target: TARGET.to_owned(),
    });
    let mut plan = bound_plan();
    plan.checks.clear();
    plan.actions = actions;
    plan.snapshots = names(&["/dev/mapper/a", "/dev/mapper/b", "/dev/mapper/c"]);
    plan
}

/// A store below the root of the file system on /dev/sda1: the longest plan.
fn bound_plan() -> Plan {
    let node = "/dev/sda1".to_owned();
    let devnum = "8:1".to_owned();
    let make = directory;
    Plan {
        boot_id: "b1".to_owned(),
        generation: 1,
        checks: vec![Check {
            node: node.clone(),
            devnum: devnum.clone(),
            size: 8192,
            writable: false,
            content: OnIt::Filesystem(holds(false)),
        }],
        snapshots: Vec::new(),
        actions: vec![
            read_only("/dev/sda1", "8:1", Role::Store),
            read_only("/dev/sda", "8:0", Role::Carrier),
            make("/run/asl/fs"),
            make("/run/asl/fs/sda1"),
            Action::Mount {
                node: node.clone(),
                others: Vec::new(),
                devnum: Some(devnum.clone()),
                driver: "ext4".to_owned(),
                options: vec!["ro".to_owned(), "noload".to_owned()],
                target: "/run/asl/fs/sda1".to_owned(),
            },
            make(TARGET),
            Action::Bind {
                node,
                devnum: Some(devnum),
                others: Vec::new(),
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

/// A store in an image file on the file system of /dev/sda1.
fn image_plan() -> Plan {
    let private = "/run/asl/fs/image";
    let mut actions = vec![
        read_only("/dev/sda1", "8:1", Role::Store),
        directory("/run/asl/fs"),
        directory(private),
        Action::Mount {
            node: "/dev/sda1".to_owned(),
            others: Vec::new(),
            devnum: Some("8:1".to_owned()),
            driver: "ext4".to_owned(),
            options: vec!["ro".to_owned(), "noload".to_owned()],
            target: private.to_owned(),
        },
        Action::Make {
            make: Make::Attached {
                file: format!("{private}/store.img"),
                makes: "/dev/loop64".to_owned(),
            },
        },
    ];
    actions.extend(protected("/dev/loop64"));
    actions.push(directory(TARGET));
    actions.push(Action::MountContent {
        node: "/dev/loop64".to_owned(),
        target: TARGET.to_owned(),
    });
    Plan {
        actions,
        ..bound_plan()
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
    assert!(active.read_only["/dev/sda"] && active.read_only["/dev/sda1"]);
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
    // Each entry is a write of the journal and an action; then the end of the
    // journal.
    sweep_failures(&bound_plan(), 13);
    sweep_failures(&deep_plan(), 2 * 23 + 1);
    sweep_failures(&image_plan(), 2 * 7 + 1);
}

fn sweep_failures(plan: &Plan, expected: usize) {
    let calls = calls_of(|fake| {
        activate(plan, fake).unwrap();
    });
    assert_eq!(calls, expected);
    for at in 0..calls {
        let fake = Fake::new();
        let before = fake.state();
        fake.trouble.set(Some(Trouble::Fail(at)));
        let error = activate(plan, &fake).unwrap_err();
        assert_eq!(error.code(), "activation-failed", "call {at}");
        assert_eq!(fake.state(), before, "call {at}: {error}");
    }
}

#[test]
fn killed_run_is_undone_by_deactivate_and_by_the_next_activate() {
    sweep_kills(&bound_plan());
    sweep_kills(&deep_plan());
    sweep_kills(&image_plan());
}

fn sweep_kills(plan: &Plan) {
    let calls = calls_of(|fake| {
        activate(plan, fake).unwrap();
    });
    let troubles = |at| {
        [
            Trouble::DieBefore(at),
            Trouble::DieWithin(at),
            Trouble::DieAfter(at),
        ]
    };
    for trouble in (0..calls).flat_map(troubles) {
        let fake = Fake::new();
        let before = fake.state();
        fake.trouble.set(Some(trouble));
        activate(plan, &fake).unwrap_err();
        fake.revive();
        deactivate(&fake).unwrap();
        assert_eq!(fake.state(), before, "{trouble:?}");
        assert!(!deactivate(&fake).unwrap(), "{trouble:?}, twice");

        let fake = Fake::new();
        fake.trouble.set(Some(trouble));
        activate(plan, &fake).unwrap_err();
        fake.revive();
        activate(plan, &fake).unwrap();
        deactivate(&fake).unwrap();
        assert_eq!(fake.state(), before, "{trouble:?}, activated again");
    }
}

#[test]
fn undo_that_dies_or_fails_anywhere_is_ended_by_the_next_one() {
    sweep_undo(&bound_plan());
    sweep_undo(&deep_plan());
    sweep_undo(&image_plan());
}

fn sweep_undo(plan: &Plan) {
    let calls = calls_of(|fake| {
        activate(plan, fake).unwrap();
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
        activate(plan, &fake).unwrap();
        fake.calls.set(0);
        fake.trouble.set(Some(trouble));
        deactivate(&fake).unwrap_err();
        fake.revive();
        deactivate(&fake).unwrap();
        assert_eq!(fake.state(), before, "{trouble:?}");
    }
}

#[test]
fn devices_beside_the_mounted_one_are_forgotten() {
    let fake = Fake::new();
    activate(&deep_plan(), &fake).unwrap();
    assert!(fake.forgotten.borrow().is_empty());
    deactivate(&fake).unwrap();
    let forgotten: Vec<_> = fake.forgotten.borrow().iter().cloned().collect();
    assert_eq!(forgotten, ["/dev/mapper/c", "/dev/sdb"]);
}

#[test]
fn full_snapshot_is_log_too_big_whatever_failed_by_it() {
    for full in ["/dev/mapper/a", "/dev/mapper/c"] {
        let mut fake = Fake::new();
        let before = fake.state();
        fake.full.insert(full.to_owned());
        let error = activate(&deep_plan(), &fake).unwrap_err();
        assert_eq!(error.code(), "log-too-big");
        assert!(error.to_string().starts_with(full), "{error}");
        assert_eq!(fake.state(), before);

        // The mount fails because of it.
        let mut fake = Fake::new();
        fake.full.insert(full.to_owned());
        fake.trouble.set(Some(Trouble::Fail(2 * 23 - 1)));
        let error = activate(&deep_plan(), &fake).unwrap_err();
        assert_eq!(error.code(), "log-too-big");
        assert_eq!(fake.state(), before);
    }
}

#[test]
fn made_node_that_is_not_what_was_expected_is_not_used() {
    for node in ["/dev/loop64", "/dev/md127", "/dev/mapper/g-v"] {
        let mut fake = Fake::new();
        let before = fake.state();
        fake.sizes.insert(node.to_owned(), 4096);
        let error = activate(&deep_plan(), &fake).unwrap_err();
        let expected = format!("{node}: size 4096 seen, 8192 expected");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(fake.state(), before);
    }
    let fake = Fake::new();
    *fake.superblock.borrow_mut() = superblock("u2", LogState::Clean);
    let error = activate(&deep_plan(), &fake).unwrap_err();
    let expected = "/dev/mapper/c: UUID u2 seen, u1 expected";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn name_that_something_else_has_is_left_to_it() {
    for place in ["/dev/loop64", "/run/asl/cow/a", "/dev/md127", "tank"] {
        let mut fake = Fake::new();
        let before = fake.state();
        fake.foreign.insert(place.to_owned());
        let error = activate(&deep_plan(), &fake).unwrap_err();
        assert!(matches!(error, Error::Taken { .. }), "{place}: {error}");
        assert_eq!(fake.state(), before, "{place}");
    }
}

#[test]
fn content_of_a_container_is_mounted_by_what_it_is() {
    let mut plan = bound_plan();
    plan.checks.clear();
    plan.actions = vec![
        directory(TARGET),
        Action::MountContent {
            node: "/dev/sda1".to_owned(),
            target: TARGET.to_owned(),
        },
    ];
    plan.actions
        .insert(0, read_only("/dev/sda1", "8:1", Role::Store));
    let fake = Fake::new();
    let before = fake.state();
    activate(&plan, &fake).unwrap();
    assert_eq!(fake.state().mounts.len(), 1);
    deactivate(&fake).unwrap();
    assert_eq!(fake.state(), before);

    let dirty = LogState::NeedsReplay { live_bytes: None };
    *fake.superblock.borrow_mut() = superblock("u1", dirty);
    let error = activate(&plan, &fake).unwrap_err();
    assert_eq!(error.code(), "no-store-inside");
    assert!(
        error.to_string().contains("a log that needs replay"),
        "{error}"
    );
    assert_eq!(fake.state(), before);
}

#[test]
fn device_to_be_written_that_somebody_else_writes_is_refused() {
    let mut plan = bound_plan();
    plan.checks[0].writable = true;
    plan.actions
        .retain(|action| !matches!(action, Action::SetReadOnly { .. }));
    let mut fake = Fake::new();
    fake.written.insert("8:1".to_owned());
    let error = activate(&plan, &fake).unwrap_err();
    assert!(matches!(error, Error::Written { .. }));
    assert_eq!(fake.calls.get(), 0);
}

#[test]
fn member_that_is_another_one_now_is_not_touched() {
    let mut plan = deep_plan();
    plan.checks = bound_plan().checks;
    plan.checks[0].content = OnIt::Member {
        format: Format::Ext4,
        uuid: Some("u1".to_owned()),
    };
    let fake = Fake::new();
    activate(&plan, &fake).unwrap();
    deactivate(&fake).unwrap();
    *fake.superblock.borrow_mut() = superblock("u2", LogState::Clean);
    fake.calls.set(0);
    let error = activate(&plan, &fake).unwrap_err();
    assert!(
        error.to_string().contains("content ext4 u2 seen"),
        "{error}"
    );
    assert_eq!(fake.calls.get(), 0);
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
        ("type", |check| {
            check.content = OnIt::Filesystem(Holds {
                format: Format::Xfs,
                ..holds(false)
            });
        }),
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
    for plan in [bound_plan(), image_plan()] {
        let error = activate(&plan, &fake).unwrap_err();
        assert_eq!(error.code(), "no-store-inside");
        assert_eq!(fake.state(), before);
    }
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
fn what_is_mounted_is_closed_for_writing_and_nothing_else() {
    let fake = Fake::new();
    assert!(!lower(&fake).unwrap());
    activate(&bound_plan(), &fake).unwrap();
    let active = fake.state();
    assert!(lower(&fake).unwrap());
    assert_eq!(*fake.closed.borrow(), ["/run/asl/fs/sda1", TARGET]);
    assert_eq!(fake.state(), active);
    // Somebody's own mount on top of ours is not ours to change.
    let foreign = (TARGET.to_owned(), "nas:/x".to_owned());
    fake.state.borrow_mut().mounts.push(foreign);
    fake.closed.take();
    assert!(lower(&fake).unwrap());
    assert_eq!(*fake.closed.borrow(), ["/run/asl/fs/sda1"]);
}

#[test]
fn garbled_journal_is_named_and_nothing_done() {
    let fake = Fake::new();
    fake.state.borrow_mut().journal = Some(b"{\"schema\":2".to_vec());
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
