//! Kernel names of the nodes that our own activation made. The choice is made
//! as if none of them were there.

use crate::{evidence, paths};
use asl_activate::Make;
use asl_mode::current_boot_id;
use std::fs;
use std::path::Path;

const BLOCK: &str = "/sys/class/block";
const MAPPER: &str = "/dev/mapper/";

/// Of this boot's journal; none without one. A journal that cannot be read is
/// for activation to complain about: here its nodes are then somebody's.
pub(crate) fn names(root: &Path) -> Vec<String> {
    let (Ok(Some(journal)), Ok(boot_id)) = (evidence::journal(root), current_boot_id(root)) else {
        return Vec::new();
    };
    if journal.boot_id != boot_id {
        return Vec::new();
    }
    let mut names: Vec<String> = journal.made().flat_map(|make| of(root, make)).collect();
    names.sort();
    names.dedup();
    names
}

fn of(root: &Path, make: &Make) -> Vec<String> {
    match make {
        Make::CowLoop { file } => named(root, "loop/backing_file", |seen| seen == file),
        // A redundant volume stands on hidden ones: `data-store_rimage_0`.
        Make::Volume { makes, .. } => mapped(root, makes, |seen, name| {
            let hidden = seen.strip_prefix(name);
            hidden.is_some_and(|rest| rest.is_empty() || rest.starts_with("_r"))
        }),
        _ => match make.node() {
            Some(node) if node.starts_with(MAPPER) => mapped(root, node, |seen, name| seen == name),
            Some(node) => node
                .rsplit('/')
                .next()
                .map(str::to_owned)
                .into_iter()
                .collect(),
            None => Vec::new(),
        },
    }
}

/// Kernel names of mapped devices by their own names.
fn mapped(root: &Path, node: &str, is: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let name = node.strip_prefix(MAPPER).unwrap_or_default();
    named(root, "dm/name", |seen| is(seen, name))
}

/// Block devices whose attribute is what is looked for.
fn named(root: &Path, attribute: &str, is: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(all) = fs::read_dir(paths::below(root, BLOCK)) else {
        return Vec::new();
    };
    all.flatten()
        .filter(|entry| {
            let value = fs::read_to_string(entry.path().join(attribute));
            value.is_ok_and(|value| is(value.trim_end()))
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_by_what_they_are() {
        let root = tempfile::tempdir().unwrap();
        let set = |name: &str, attribute: &str, value: &str| {
            let path = root
                .path()
                .join("sys/class/block")
                .join(name)
                .join(attribute);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{value}\n")).unwrap();
        };
        set("dm-0", "dm/name", "data-store");
        set("dm-1", "dm/name", "data-store_rimage_0");
        set("dm-2", "dm/name", "data-store2");
        set("loop3", "loop/backing_file", "/run/asl/cow/one");
        set("loop4", "loop/backing_file", "/home/image");
        let found = |make: Make| {
            let mut names = of(root.path(), &make);
            names.sort();
            names
        };
        let volume = Make::Volume {
            group: "data".to_owned(),
            volume: "store".to_owned(),
            members: Vec::new(),
            degraded: false,
            owner: None,
            thin: false,
            writable: false,
            makes: "/dev/mapper/data-store".to_owned(),
        };
        assert_eq!(found(volume), ["dm-0", "dm-1"]);
        let file = "/run/asl/cow/one".to_owned();
        assert_eq!(found(Make::CowLoop { file }), ["loop3"]);
        let window = Make::Window {
            node: "/dev/sda".to_owned(),
            start: 0,
            size: 0,
            makes: "/dev/loop64".to_owned(),
        };
        assert_eq!(found(window), ["loop64"]);
    }
}
