//! Where a store can be, and what it is known by.

use crate::identity::{domain_id, first_record_hash, marker_uuid};
use crate::tree::{Entry, Kind, Refusal, Tree};
use asl_facts::{Evidence, Store};
use std::collections::BTreeSet;

/// Places directly below a root.
const HIDDEN: &[&str] = &[".asl", ".amduat-asl"];
/// Directories whose children are domains; all of them are one store.
const DOMAINS: &[&str] = &["asl", "asl-host"];
/// Domains of one root that are looked into.
const MAX_DOMAINS: usize = 4096;
/// Subvolumes that are looked into, and how deep they may nest.
const MAX_ROOTS: usize = 1024;
const MAX_ROOT_DEPTH: usize = 4;
/// Log files of one store that are tried for a first record.
const MAX_LOGS: usize = 64;
/// A log's header and first record; a longer record does not name a store.
const MAX_LOG_HEAD: usize = 1 << 20;
/// A marker or domain.json is a few hundred bytes.
const MAX_DOCUMENT: usize = 64 * 1024;

/// The store's directories by the names that the family uses for them.
const SEGMENTS: &[&str] = &["segments", "index", "indices"];
const LOGS: &[&str] = &["logs", "log"];
const OTHERS: &[&str] = &["blocks", "snapshots", "meta", "tmp"];

/// All stores of a tree, in the order of their paths.
pub(crate) fn find(tree: &mut dyn Tree) -> Result<Vec<Store>, Refusal> {
    let mut stores = Vec::new();
    let mut roots = vec![(String::new(), 0_usize)];
    let mut next = 0_usize;
    while let Some((root, depth)) = roots.get(next).cloned() {
        next = next.saturating_add(1);
        let entries = tree.list(or_slash(&root))?;
        in_root(tree, &root, &entries, &mut stores)?;
        let subvolumes = entries
            .iter()
            .filter(|entry| entry.kind == Kind::Subvolume && depth < MAX_ROOT_DEPTH)
            .filter_map(|entry| plain_name(&entry.name));
        for name in subvolumes {
            roots.push((format!("{root}/{name}"), depth.saturating_add(1)));
        }
        if roots.len() > MAX_ROOTS {
            return Err(Refusal::TooMany {
                what: "subvolumes",
                most: MAX_ROOTS,
                path: or_slash(&root).to_owned(),
            });
        }
    }
    stores.sort_by(|a: &Store, b| a.path.cmp(&b.path));
    // A subvolume named `.asl` is a root and a place below one.
    stores.dedup_by(|a, b| a.path == b.path);
    Ok(stores)
}

fn in_root(
    tree: &mut dyn Tree,
    root: &str,
    entries: &[Entry],
    stores: &mut Vec<Store>,
) -> Result<(), Refusal> {
    stores.extend(at_place(tree, root, entries)?);
    for name in HIDDEN {
        if is_directory(entries, name) {
            let place = format!("{root}/{name}");
            let entries = tree.list(&place)?;
            stores.extend(at_place(tree, &place, &entries)?);
        }
    }
    for name in DOMAINS {
        if is_directory(entries, name) {
            let parent = format!("{root}/{name}");
            if is_directory(&tree.list(&parent)?, "domains") {
                stores.extend(domains(tree, &format!("{parent}/domains"))?);
            }
        }
    }
    Ok(())
}

/// The domains of one root as one store. A single one is the store itself;
/// several are known by the best evidence among them, and stay together
/// below the directory that holds them all.
fn domains(tree: &mut dyn Tree, parent: &str) -> Result<Option<Store>, Refusal> {
    let mut names: Vec<String> = tree
        .list(parent)?
        .iter()
        .filter(|entry| entry.kind.is_directory())
        .filter_map(|entry| plain_name(&entry.name).map(str::to_owned))
        .collect();
    if names.len() > MAX_DOMAINS {
        return Err(Refusal::TooMany {
            what: "domains",
            most: MAX_DOMAINS,
            path: parent.to_owned(),
        });
    }
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let place = format!("{parent}/{name}");
        let entries = tree.list(&place)?;
        found.extend(at_place(tree, &place, &entries)?);
    }
    let several = found.len() > 1;
    let all: BTreeSet<String> = found
        .iter()
        .flat_map(|store| store.entries.iter().cloned())
        .collect();
    // The order of names settles a tie, so the same tree has the same id.
    let best = found.into_iter().min_by_key(|store| store.evidence);
    Ok(best.map(|store| Store {
        path: if several {
            parent.to_owned()
        } else {
            store.path
        },
        root: if several {
            or_slash(tree.root_of(parent)).to_owned()
        } else {
            store.root
        },
        entries: all.into_iter().collect(),
        ..store
    }))
}

/// The store that lies at `place`, by the strongest evidence.
fn at_place(tree: &mut dyn Tree, place: &str, entries: &[Entry]) -> Result<Option<Store>, Refusal> {
    let (evidence, id) = if let Some(uuid) = marker(tree, place, entries)? {
        (Evidence::Marker, Some(uuid))
    } else if let Some(domain) = domain(tree, place, entries)? {
        (Evidence::Domain, Some(domain))
    } else if let Some(log) = log(tree, place, entries)? {
        (Evidence::Log, Some(log))
    } else if is_layout(entries) {
        (Evidence::Layout, None)
    } else {
        return Ok(None);
    };
    let known = [SEGMENTS, LOGS, OTHERS].concat();
    let mut seen: Vec<String> = known
        .iter()
        .filter(|name| is_directory(entries, name))
        .map(|name| (*name).to_owned())
        .collect();
    seen.sort();
    Ok(Some(Store {
        path: or_slash(place).to_owned(),
        root: or_slash(tree.root_of(place)).to_owned(),
        evidence,
        id,
        entries: seen,
    }))
}

fn marker(tree: &mut dyn Tree, place: &str, entries: &[Entry]) -> Result<Option<String>, Refusal> {
    if is_directory(entries, "meta") {
        let meta = format!("{place}/meta");
        if is_file(&tree.list(&meta)?, "store.toml") {
            let bytes = tree.head(&format!("{meta}/store.toml"), MAX_DOCUMENT)?;
            if let Some(uuid) = marker_uuid(&bytes) {
                return Ok(Some(uuid));
            }
        }
    }
    if is_file(entries, "store.toml") {
        let bytes = tree.head(&format!("{place}/store.toml"), MAX_DOCUMENT)?;
        return Ok(marker_uuid(&bytes));
    }
    Ok(None)
}

fn domain(tree: &mut dyn Tree, place: &str, entries: &[Entry]) -> Result<Option<String>, Refusal> {
    if !is_file(entries, "domain.json") {
        return Ok(None);
    }
    let bytes = tree.head(&format!("{place}/domain.json"), MAX_DOCUMENT)?;
    Ok(domain_id(&bytes))
}

/// The first record of the first log file that has one that verifies; only
/// the log that opens the chain follows 32 zero bytes.
fn log(tree: &mut dyn Tree, place: &str, entries: &[Entry]) -> Result<Option<String>, Refusal> {
    for directory in LOGS {
        if !is_directory(entries, directory) {
            continue;
        }
        let parent = format!("{place}/{directory}");
        let mut names: Vec<String> = tree
            .list(&parent)?
            .iter()
            .filter(|entry| entry.kind == Kind::File)
            .filter_map(|entry| plain_name(&entry.name).map(str::to_owned))
            .collect();
        names.sort();
        for name in names.iter().take(MAX_LOGS) {
            let bytes = tree.head(&format!("{parent}/{name}"), MAX_LOG_HEAD)?;
            if let Some(hash) = first_record_hash(&bytes) {
                return Ok(Some(format!("log:{hash}")));
            }
        }
    }
    Ok(None)
}

/// Blocks, segments and logs under one of their names: what every layout of
/// the family has. Fewer would claim half of all disks.
fn is_layout(entries: &[Entry]) -> bool {
    let any = |names: &[&str]| names.iter().any(|name| is_directory(entries, name));
    any(&["blocks"]) && any(SEGMENTS) && any(LOGS)
}

fn is_directory(entries: &[Entry], name: &str) -> bool {
    entries
        .iter()
        .any(|entry| entry.kind.is_directory() && entry.answers_to(name))
}

fn is_file(entries: &[Entry], name: &str) -> bool {
    entries
        .iter()
        .any(|entry| entry.kind == Kind::File && entry.answers_to(name))
}

/// A name that can be part of a path in the mode file. Nothing that the
/// family writes is named otherwise.
fn plain_name(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name)
        .ok()
        .filter(|name| !name.is_empty() && !name.contains('/') && *name != "." && *name != "..")
        .filter(|name| !name.chars().any(char::is_control))
}

fn or_slash(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Memory;

    const MARKER: &[u8] =
        b"format = \"asl-store\"\nversion = 1\nuuid = \"0f0e0d0c-0b0a-4908-8706-050403020100\"\n";
    const ID: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";

    fn layout(place: &str) -> Vec<String> {
        ["blocks", "segments", "snapshots", "logs"]
            .iter()
            .map(|name| format!("{place}/{name}"))
            .collect()
    }

    fn found(tree: Memory) -> Vec<(String, Evidence, Option<String>)> {
        let mut tree = tree;
        find(&mut tree)
            .unwrap()
            .into_iter()
            .map(|store| (store.path, store.evidence, store.id))
            .collect()
    }

    #[test]
    fn an_empty_tree_holds_no_store() {
        assert!(found(Memory::default()).is_empty());
    }

    #[test]
    fn the_bare_layout_is_evidence_without_an_id() {
        let tree = Memory::default().directories(&layout(""));
        assert_eq!(found(tree), [("/".to_owned(), Evidence::Layout, None)]);
    }

    /// Every place and every name that the family's texts give.
    #[test]
    fn the_seed_and_the_aliases_of_the_family_are_layouts() {
        let seed = &["blocks", "segments", "snapshots", "logs"][..];
        let store_layout = &["blocks", "index", "log", "meta", "snapshots", "tmp"][..];
        for (place, names) in [
            ("", seed),
            ("", &["blocks", "segments", "logs"]),
            ("", &["blocks", "index", "log"]),
            ("", &["blocks", "indices", "logs"]),
            ("/.asl", &["blocks", "index", "log"]),
            ("/.amduat-asl", seed),
            ("/asl/domains/7", store_layout),
            ("/asl-host/domains/7", store_layout),
        ] {
            let paths: Vec<String> = names.iter().map(|name| format!("{place}/{name}")).collect();
            let mut tree = Memory::default().directories(&paths);
            let stores = find(&mut tree).unwrap();
            assert_eq!(stores.len(), 1, "{place} {names:?}");
            assert_eq!(stores[0].path, or_slash(place));
            assert_eq!(stores[0].evidence, Evidence::Layout);
            let mut names = names.to_vec();
            names.sort_unstable();
            assert_eq!(stores[0].entries, names);
        }
    }

    /// ASLLOG01 is the only sure signature of the family: it makes a store
    /// where not even the other directories are.
    #[test]
    fn a_log_under_each_name_and_at_each_place_is_evidence_by_itself() {
        let log = crate::testing::log(&[(1, 1, b"payload")]);
        let mut ids = BTreeSet::new();
        for file in [
            "/logs/asl.log",
            "/log/asl.log",
            "/log/log-0.aol",
            "/.asl/log/asl.log",
            "/.amduat-asl/logs/0001",
            "/asl/domains/7/log/asl.log",
            "/asl-host/domains/7/log/log-1.aol",
        ] {
            let stores = found(Memory::default().file(file, &log));
            assert_eq!(stores.len(), 1, "{file}");
            assert_eq!(stores[0].1, Evidence::Log, "{file}");
            ids.insert(stores[0].2.clone());
        }
        assert_eq!(ids.len(), 1);
        assert!(found(Memory::default().file("/other/asl.log", &log)).is_empty());
    }

    #[test]
    fn the_first_log_by_name_is_tried_first() {
        let first = crate::testing::log(&[(1, 1, b"first")]);
        let tenth = crate::testing::log(&[(9, 1, b"tenth")]);
        let only = found(Memory::default().file("/log/log-1.aol", &first));
        let both = found(
            Memory::default()
                .file("/log/log-10.aol", &tenth)
                .file("/log/log-1.aol", &first),
        );
        assert_eq!(both, only);
    }

    /// A cut-off log says nothing that could be told again later: the
    /// directories have to.
    #[test]
    fn a_log_of_a_header_alone_is_no_identity() {
        let header = crate::testing::log(&[]);
        assert!(found(Memory::default().file("/logs/asl.log", &header)).is_empty());
        let tree = Memory::default()
            .directories(&layout(""))
            .file("/logs/asl.log", &header);
        assert_eq!(found(tree), [("/".to_owned(), Evidence::Layout, None)]);
    }

    #[test]
    fn names_in_capitals_count_where_the_format_ignores_case() {
        let names = ["/BLOCKS".to_owned(), "/INDEX".to_owned(), "/LOG".to_owned()];
        assert!(found(Memory::default().directories(&names)).is_empty());
        let tree = Memory::default().directories(&names).any_case();
        assert_eq!(found(tree), [("/".to_owned(), Evidence::Layout, None)]);
    }

    #[test]
    fn blocks_and_logs_alone_are_no_layout() {
        let tree = Memory::default().directories(&["/blocks".into(), "/logs".into()]);
        assert!(found(tree).is_empty());
    }

    #[test]
    fn a_marker_beats_domain_and_log() {
        let tree = Memory::default()
            .directories(&layout("/.asl"))
            .file("/.asl/meta/store.toml", MARKER)
            .file("/.asl/domain.json", br#"{"domain_id":"d"}"#);
        assert_eq!(
            found(tree),
            [("/.asl".to_owned(), Evidence::Marker, Some(ID.to_owned()))]
        );
    }

    #[test]
    fn a_broken_marker_falls_back_to_the_next_evidence() {
        let tree = Memory::default()
            .file("/store.toml", b"format = \"other\"\n")
            .file("/domain.json", br#"{"domain_id":"d"}"#);
        assert_eq!(
            found(tree),
            [("/".to_owned(), Evidence::Domain, Some("d".to_owned()))]
        );
    }

    #[test]
    fn a_log_names_its_store_by_the_first_record() {
        let log = crate::testing::log(&[(1, 1, b"payload")]);
        let tree = Memory::default()
            .directories(&layout(""))
            .file("/logs/a-torn.aol", b"ASLLOG01")
            .file("/logs/asl.log", &log);
        let stores = found(tree);
        assert_eq!(stores.len(), 1);
        assert_eq!(stores[0].1, Evidence::Log);
        assert!(stores[0].2.as_ref().unwrap().starts_with("log:"));
    }

    #[test]
    fn one_domain_is_the_store_and_several_are_one_store() {
        let one = Memory::default().file("/asl/domains/b/domain.json", br#"{"domain_id":"b"}"#);
        assert_eq!(
            found(one),
            [(
                "/asl/domains/b".to_owned(),
                Evidence::Domain,
                Some("b".to_owned())
            )]
        );
        let two = Memory::default()
            .directories(&layout("/asl-host/domains/a"))
            .file("/asl-host/domains/c/domain.json", br#"{"domain_id":"c"}"#)
            .file("/asl-host/domains/b/domain.json", br#"{"domain_id":"b"}"#);
        assert_eq!(
            found(two),
            [(
                "/asl-host/domains".to_owned(),
                Evidence::Domain,
                Some("b".to_owned())
            )]
        );
    }

    #[test]
    fn stores_at_several_places_are_several_stores() {
        let tree = Memory::default()
            .file("/store.toml", MARKER)
            .directories(&layout("/.amduat-asl"));
        assert_eq!(found(tree).len(), 2);
    }

    #[test]
    fn a_subvolume_root_is_a_place_and_a_plain_directory_is_none() {
        let tree = Memory::default()
            .subvolume("/@data")
            .subvolume("/@data/inner")
            .file("/@data/inner/store.toml", MARKER)
            .file("/plain/store.toml", MARKER);
        assert_eq!(
            found(tree),
            [(
                "/@data/inner".to_owned(),
                Evidence::Marker,
                Some(ID.to_owned())
            )]
        );
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_is_no_store() {
        let tree = Memory::default()
            .file("/blocks", b"")
            .file("/segments", b"")
            .file("/logs", b"");
        assert!(found(tree).is_empty());
    }
}
