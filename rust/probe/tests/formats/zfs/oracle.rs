//! Every field that `zdb` and these facts both give.

use super::labels::{self, Order, RINGS, image_of, list_at, write};
use super::{LISTS, MEMBERS, REMOVED, damages, found, image, vdev};
use crate::harness::{Image, run};
use asl_facts::{PoolState, Superblock, VdevNode};
use std::collections::BTreeMap;
use std::path::Path;

/// `zdb -l`, each value under the names of the lists around it.
fn zdb(path: &Path) -> BTreeMap<String, String> {
    let output = run("zdb", &["-l", &path.to_string_lossy()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<(usize, String)> = Vec::new();
    let mut said = BTreeMap::new();
    // Of a cache its own header follows.
    let lines = text.lines().skip(3);
    for line in lines.take_while(|line| line.starts_with(' ')) {
        let key = line.trim_start();
        let indent = line.len() - key.len();
        names.retain(|(outer, _)| *outer < indent);
        let (name, value) = key
            .split_once(": ")
            .or_else(|| key.split_once(" = "))
            .unwrap_or((key, ""));
        names.push((indent, name.trim_end_matches(':').to_owned()));
        let path: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
        if !name.ends_with(':') {
            let value = value.trim().trim_matches('\'');
            said.insert(path.join("/"), value.to_owned());
        }
    }
    said
}

/// Keys of `zdb -l` that tell nothing which these facts have.
const LEFT_OUT: &[&str] = &[
    "errata",
    "min_alloc",
    "max_alloc",
    "metaslab_array",
    "metaslab_shift",
    "create_txg",
    "whole_disk",
    "DTL",
    // On its way out, as the kind then says.
    "removing",
    "non_allocating",
    // Those of dRAID beyond its parity.
    "draid_ndata",
    "draid_nspares",
    "draid_ngroups",
    // Of an evacuated device.
    "com.delphix:indirect_object",
    "com.delphix:indirect_births",
];

/// The same from our facts.
fn ours(superblock: &Superblock, size: u64) -> BTreeMap<String, String> {
    let vdev = vdev(superblock);
    let mut said = BTreeMap::new();
    let mut say = |key: &str, value: String| said.insert(key.to_owned(), value);
    say("version", superblock.version.clone().unwrap());
    say("guid", vdev.guid.to_string());
    let state = match vdev.state {
        // As before it was taken out.
        PoolState::Active | PoolState::Removed => 0,
        PoolState::Exported => 1,
        PoolState::Destroyed => 2,
        PoolState::Spare => 3,
        PoolState::L2cache => 4,
        PoolState::Other => panic!("{vdev:?}"),
    };
    say("state", state.to_string());
    let labels: Vec<usize> = vdev
        .labels
        .iter()
        .map(|at| {
            (0..4)
                .find(|label| list_at(size, *label) == at + 16384)
                .unwrap()
        })
        .collect();
    say(
        "labels",
        labels
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    );
    if let (Some(pool), Some(name), Some(tree)) = (&vdev.pool, &vdev.name, &vdev.tree) {
        say("pool_guid", pool.clone());
        say("name", name.printable());
        say("txg", vdev.label_txg.to_string());
        say("top_guid", vdev.top.to_string());
        say("vdev_children", vdev.tops.to_string());
        let (hostid, hostname) = vdev.host.as_ref().unwrap();
        say("hostid", hostid.to_string());
        say("hostname", hostname.printable());
        if tree.log {
            say("is_log", "1".to_owned());
        }
        for (index, hole) in vdev.holes.iter().enumerate() {
            say(&format!("hole_array[{index}]"), hole.to_string());
        }
        for feature in &vdev.features_for_read {
            say(&format!("features_for_read/{feature}"), String::new());
        }
        say_tree(tree, "vdev_tree", &mut say);
    }
    said
}

fn say_tree(node: &VdevNode, at: &str, say: &mut impl FnMut(&str, String) -> Option<String>) {
    say(&format!("{at}/type"), node.kind.clone());
    say(&format!("{at}/id"), node.id.to_string());
    say(&format!("{at}/guid"), node.guid.to_string());
    if let Some(path) = &node.path {
        say(&format!("{at}/path"), path.printable());
    }
    if node.nparity != 0 {
        say(&format!("{at}/nparity"), node.nparity.to_string());
    }
    if node.ashift != 0 {
        say(&format!("{at}/ashift"), node.ashift.to_string());
        say(&format!("{at}/asize"), node.asize.to_string());
        say(&format!("{at}/is_log"), u8::from(node.log).to_string());
    }
    if node.impaired {
        say(&format!("{at}/offline"), "1".to_owned());
    }
    for (index, child) in node.children.iter().enumerate() {
        say_tree(child, &format!("{at}/children[{index}]"), say);
    }
}

/// The newest uberblock of `zdb -lu`: its txg, its time, and whether its host
/// was writing for multihost protection.
fn zdb_newest(path: &Path) -> (u64, u64, bool) {
    let output = run("zdb", &["-lu", &path.to_string_lossy()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.trim().strip_prefix(key));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.map_or(0, |word| word.parse().unwrap())
    };
    text.split("Uberblock[")
        .skip(1)
        .map(|block| {
            let delay: u64 = number(block, "mmp_delay =");
            let txg = number(block, "txg =");
            (txg, number(block, "timestamp ="), delay != 0)
        })
        // The template that a device gets before its first.
        .filter(|(txg, ..)| *txg != 0)
        .max()
        .unwrap_or_default()
}

#[test]
fn every_field_of_zdb() {
    for subject in MEMBERS.iter().chain(REMOVED) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let (at, superblock) = found(&Image::open(&path));
        assert_eq!(at, LISTS[0]);
        assert_eq!(damages(&superblock), [], "{}", subject.name);
        let ours = ours(&superblock, subject.mib << 20);
        let zdb: BTreeMap<String, String> = zdb(&path)
            .into_iter()
            .filter(|(key, _)| !LEFT_OUT.contains(&key.rsplit('/').next().unwrap()))
            // Of a cache alone: its smallest block.
            .filter(|(key, _)| !(subject.name == "cache" && key == "ashift"))
            // Of a device that waits: where it was.
            .filter(|(key, _)| key != "path")
            .collect();
        assert_eq!(ours, zdb, "{}", subject.name);

        let vdev = vdev(&superblock);
        if vdev.pool.is_none() {
            assert_eq!((vdev.txg, vdev.multihost), (0, false));
            continue;
        }
        let newest = (vdev.txg, vdev.updated, vdev.multihost);
        assert_eq!(newest, zdb_newest(&path), "{}", subject.name);
    }
}
/// The same pool as a big endian host writes it: `zdb` reads it too.
#[test]
fn a_big_endian_pool() {
    let dir = tempfile::tempdir().unwrap();
    let little = image("multihost");
    let mut big = image("multihost");
    for (label, ring) in RINGS.iter().enumerate() {
        let mut list = labels::list(&big, label);
        list[1] = 0;
        write(&mut big, label, list, Order::Big);
        for at in (*ring..ring + 128 * 1024).step_by(8192) {
            let slot = big.bytes(at, 8192);
            let swapped = slot
                .as_chunks::<8>()
                .0
                .iter()
                .flat_map(|word| word.iter().rev());
            labels::write_slot(&mut big, at, swapped.copied().collect(), Order::Big);
        }
    }
    let path = image_of(&big, dir.path());
    let (big, little) = (found(&Image::open(&path)).1, found(&little).1);
    assert_eq!(big, little);
    assert_eq!(
        zdb(&path).get("labels").map(String::as_str),
        Some("0 1 2 3")
    );
    let vdev = vdev(&big);
    assert_eq!((vdev.txg, vdev.updated, vdev.multihost), zdb_newest(&path));
}
