//! Pools of several devices.

use crate::make::{image, run};
use crate::{BUDGET, Patched, STORE_ID, shared, superblock, tree_with_store};
use asl_facts::{Content, Evidence, Format, Look, Superblock};
use asl_probe::Metered;
use asl_tree::{Member, Shared, look_pool};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// A device of a pool that is kept beside the tests.
fn device(name: &str) -> Vec<u8> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/pools");
    let path = dir.join(format!("{name}.xz"));
    run(&["xz", "-dc", path.to_str().unwrap()]).stdout
}

fn look_at(format: Format, devices: &[(Shared, Superblock)]) -> Look {
    let members: Vec<Member<'_>> = devices
        .iter()
        .map(|(dev, superblock)| Member {
            dev: dev.clone(),
            superblock,
        })
        .collect();
    look_pool(format, &members)
}

fn opened(bytes: Vec<u8>) -> (Shared, Superblock) {
    let dev = shared(bytes);
    let (_, superblock) = superblock(&dev);
    (dev, superblock)
}

fn pool(names: &[&str]) -> Vec<(Shared, Superblock)> {
    names.iter().map(|name| opened(device(name))).collect()
}

fn found(look: &Look) -> Vec<(&str, Evidence, Option<&str>)> {
    let Look::Read { stores, .. } = look else {
        panic!("{look:?}")
    };
    stores
        .iter()
        .map(|store| (store.path.as_str(), store.evidence, store.id.as_deref()))
        .collect()
}

fn why(look: Look) -> String {
    match look {
        Look::Unreadable { why } => why,
        other => panic!("{other:?}"),
    }
}

const RAIDZ: &[&str] = &["raidz0", "raidz1", "raidz2"];

#[test]
fn datasets_are_roots_on_a_disk_a_mirror_and_a_raidz() {
    let marked = |path| (path, Evidence::Marker, Some(STORE_ID));
    assert_eq!(
        found(&look_at(Format::Zfs, &pool(&["one"]))),
        [marked("/data/.asl")]
    );
    assert_eq!(
        found(&look_at(Format::Zfs, &pool(&["mirror1", "mirror0"]))),
        [marked("/data"), marked("/data/deep/.amduat-asl")]
    );
    assert_eq!(
        found(&look_at(Format::Zfs, &pool(RAIDZ))),
        [marked("/data")]
    );
}

#[test]
fn a_store_names_the_dataset_that_has_to_be_mounted() {
    let roots = |names: &[&str]| -> Vec<String> {
        let look = look_at(Format::Zfs, &pool(names));
        look.stores()
            .iter()
            .map(|store| store.root.clone())
            .collect()
    };
    assert_eq!(roots(&["one"]), ["/data"]);
    assert_eq!(roots(&["mirror1", "mirror0"]), ["/data", "/data/deep"]);
}

#[test]
fn a_raidz1_is_read_without_any_one_device_and_refused_without_two() {
    for missing in 0..RAIDZ.len() {
        let mut names = RAIDZ.to_vec();
        names.remove(missing);
        assert_eq!(found(&look_at(Format::Zfs, &pool(&names))).len(), 1);
    }
    let why = why(look_at(Format::Zfs, &pool(&["raidz1"])));
    for name in ["/raidz0 ", "/raidz2 "] {
        assert!(why.contains(name), "{why}");
    }
    assert!(!why.contains("/raidz1 "), "{why}");
}

/// Its own id is all that tells one from the other, and of that the label of
/// what is missing is made.
#[test]
fn a_mirror_is_read_from_either_half() {
    let whole = look_at(Format::Zfs, &pool(&["mirror0", "mirror1"]));
    for half in ["mirror0", "mirror1"] {
        assert_eq!(look_at(Format::Zfs, &pool(&[half])), whole, "{half}");
    }
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    for (names, expected) in [
        (&["wide0"][..], "2 top-level devices"),
        (&["double0"], "raidz2: raidz1 is read here"),
    ] {
        let why = why(look_at(Format::Zfs, &pool(names)));
        assert!(why.contains(expected), "{why}");
    }
    let mut devices = pool(&["one"]);
    devices[0].1.unknown_features = vec!["org.example:new".to_owned()];
    assert!(why(look_at(Format::Zfs, &devices)).contains("org.example:new"));
}

/// One side of a mirror has its copies of all blocks destroyed; the other has
/// the right ones, and the checksums tell.
#[test]
fn a_mirror_with_a_damaged_side_is_read_from_the_other() {
    for damaged in ["mirror0", "mirror1"] {
        let devices: Vec<_> = ["mirror0", "mirror1"]
            .into_iter()
            .map(|name| {
                let mut bytes = device(name);
                if name == damaged {
                    let end = bytes.len() - (512 << 10);
                    bytes[4 << 20..end].fill(0xa5);
                }
                opened(bytes)
            })
            .collect();
        assert_eq!(found(&look_at(Format::Zfs, &devices)).len(), 2, "{damaged}");
    }
}

/// Damage to anything in use, the labels too, below sound facts.
#[test]
fn damaged_pools_never_end_more_than_the_look() {
    let mut random = 0x1234_5678_9abc_def1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for names in [&["one"][..], RAIDZ] {
        let sound: Vec<(Arc<Vec<u8>>, Superblock)> = names
            .iter()
            .map(|name| device(name))
            .map(|bytes| {
                let (_, superblock) = opened(bytes.clone());
                (Arc::new(bytes), superblock)
            })
            .collect();
        let used: Vec<u64> = (0..)
            .zip(sound[0].0.chunks(512))
            .filter(|(_, sector)| sector.iter().any(|byte| *byte != 0))
            .map(|(index, _)| index)
            .collect();
        for _ in 0..40 {
            let devices: Vec<(Shared, Superblock)> = sound
                .iter()
                .map(|(sound, superblock)| {
                    let changes = (0..64)
                        .map(|_| {
                            let sector = used[usize::try_from(next()).unwrap() % used.len()];
                            (sector * 512 + next() % 512, next().to_le_bytes()[0])
                        })
                        .collect();
                    let sound = sound.clone();
                    let dev = Patched { sound, changes };
                    let dev: Shared = Arc::new(Metered::new(dev, BUDGET, Arc::default()));
                    (dev, superblock.clone())
                })
                .collect();
            assert_ne!(look_at(Format::Zfs, &devices), Look::NotLooked);
        }
    }
}

/// Devices of one btrfs, made by its own tool, which fills single ones only:
/// that the empty root can be listed has to do.
fn btrfs(data: &str, metadata: &str, count: usize) -> Vec<(Shared, Superblock)> {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<String> = (0..count)
        .map(|number| {
            let path = dir.path().join(format!("device{number}"));
            fs::File::create(&path).unwrap().set_len(128 << 20).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .collect();
    let mut command = vec!["mkfs.btrfs", "-q", "-d", data, "-m", metadata];
    command.extend(paths.iter().map(String::as_str));
    run(&command);
    paths
        .iter()
        .map(|path| opened(fs::read(path).unwrap()))
        .collect()
}

#[test]
fn a_btrfs_raid1_is_read_from_either_device() {
    let devices = btrfs("raid1", "raid1", 2);
    for part in [&devices[..], &devices[..1], &devices[1..]] {
        assert_eq!(found(&look_at(Format::Btrfs, part)), []);
    }
}

#[test]
fn a_btrfs_member_that_is_behind_is_not_asked() {
    let mut devices = btrfs("raid1", "raid1", 2);
    let current = devices[1].0.clone();
    let Content::Filesystem(filesystem) = &mut devices[0].1.content else {
        panic!()
    };
    let part = filesystem.part.as_mut().unwrap();
    part.generation -= 1;
    devices[1].0 = shared(vec![0; 1 << 20]);
    let why = why(look_at(Format::Btrfs, &devices));
    assert!(why.contains("here and current: 2"), "{why}");
    devices[0].0 = shared(vec![0; 1 << 20]);
    devices[1].0 = current;
    assert_eq!(found(&look_at(Format::Btrfs, &devices)), []);
}

#[test]
fn a_btrfs_that_no_device_holds_alone_is_refused() {
    let why = why(look_at(Format::Btrfs, &btrfs("raid0", "raid0", 2)));
    assert!(why.contains("no single one of its 2 devices"), "{why}");
}

#[test]
fn a_format_without_pools_has_no_reader() {
    let (dev, superblock) = opened(image("ext4", 16, tree_with_store("").path()));
    let member = Member {
        dev,
        superblock: &superblock,
    };
    let look = look_pool(Format::Bcachefs, &[member]);
    assert!(why(look).contains("no reader for bcachefs"));
}
