//! ZFS through lamzfs: a pool with one top-level device that is a disk, a
//! mirror or a raidz1. Datasets are roots as btrfs subvolumes are.
//!
//! It shows the last transaction group; the intent log is not replayed. Every
//! block is checked against its checksum, so a member that is behind is found
//! out and another copy is read.
//!
//! The crate has no unsafe code in use and answers what it does not know with
//! an error, but it is young, keeps no cache and puts a whole directory into
//! memory: what it may read is bounded here, its memory only by the limits of
//! the process. It wants every member of a mirror; one that is here stands in
//! for those that are not.

use crate::device::Cache;
use crate::pool::Member;
use crate::stand_in;
use crate::store;
use crate::tree::{Entry, Kind, Refusal, Tree, bounded};
use asl_facts::{Content, Look, PoolState, Vdev, VdevNode};
use asl_probe::read_up_to;
use lamzfs::{BlockRead, EntryKind, Error, PoolMember, Zfs};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

/// Reads of all members that the crate may ask for, from the cache or not. A
/// store in a dataset takes some hundreds; a forged tree takes what it gets.
const MAX_READS: u32 = 1 << 16;

struct Reader {
    cache: Cache,
    left: Rc<Cell<u32>>,
    /// The label that it has in place of its own: of a member that is missing.
    label: Option<Vec<u8>>,
}

impl BlockRead for Reader {
    type Error = io::Error;

    fn read_at(&mut self, offset_bytes: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or(io::ErrorKind::QuotaExceeded)?);
        self.cache.read_exact(offset_bytes, buf)?;
        let label = self.label.as_ref();
        if let Some(label) = label.filter(|_| offset_bytes == stand_in::LIST_AT)
            && let Some(part) = label.get(..buf.len())
        {
            buf.copy_from_slice(part);
        }
        Ok(())
    }
}

struct ZfsTree {
    pool: Zfs<Reader>,
    /// Datasets that a listing showed, as paths; the root's is empty.
    datasets: BTreeSet<String>,
    /// Datasets that are there and cannot be read, with the reason.
    closed: Vec<String>,
}

pub(crate) fn read(members: &[Member<'_>]) -> Result<Look, Refusal> {
    let mut current: Vec<(&Member<'_>, &Vdev)> = members
        .iter()
        .filter_map(|member| match &member.superblock.content {
            Content::Vdev(vdev) => Some((member, vdev)),
            _ => None,
        })
        .filter(|(_, vdev)| matches!(vdev.state, PoolState::Active | PoolState::Exported))
        .collect();
    // The first one's label says what the pool is made of.
    current.sort_by_key(|(_, vdev)| std::cmp::Reverse(vdev.label_txg));
    let (newest, first) = current
        .first()
        .ok_or_else(|| Refusal::Reader("no member that is in use".to_owned()))?;
    let here: BTreeSet<u64> = current.iter().map(|(_, vdev)| vdev.guid).collect();
    let missing = missing(first, &here)?;

    let left = Rc::new(Cell::new(MAX_READS));
    let reader = |member: &Member<'_>, label| PoolMember {
        reader: Reader {
            cache: Cache::new(&member.dev),
            left: left.clone(),
            label,
        },
        device_size_bytes: member.dev.size(),
    };
    let mut members: Vec<_> = current
        .iter()
        .map(|(member, _)| reader(member, None))
        .collect();
    let mirror = first.tree.as_ref().is_some_and(|top| top.kind == "mirror");
    // Without the list the crate says what it lacks.
    if mirror
        && !missing.is_empty()
        && let Ok(list) = read_up_to(&*newest.dev, stand_in::LIST_AT, stand_in::LIST)
    {
        let labels = missing
            .into_iter()
            .filter_map(|guid| stand_in::label(list.clone(), first.guid, guid));
        members.extend(labels.map(|label| reader(newest, Some(label))));
    }
    let pool = Zfs::import(members).map_err(|error| refusal("pool", &error))?;
    let mut tree = ZfsTree {
        pool,
        datasets: BTreeSet::from([String::new()]),
        closed: Vec::new(),
    };
    let stores = store::find(&mut tree)?;
    match tree.closed.first() {
        Some(why) if stores.is_empty() => Err(Refusal::Reader(why.clone())),
        _ => Ok(Look::Read {
            stores,
            replayed: false,
        }),
    }
}

/// The parts of the top-level device that are not here. Refuses by name what
/// the crate would refuse by token.
fn missing(vdev: &Vdev, here: &BTreeSet<u64>) -> Result<Vec<u64>, Refusal> {
    let refuse = |why: String| Err(Refusal::Reader(why));
    if vdev.tops != 1 {
        let tops = vdev.tops;
        return refuse(format!("{tops} top-level devices, one is read here"));
    }
    let Some(top) = &vdev.tree else {
        return refuse("a label without a device tree".to_owned());
    };
    let missing: Vec<&VdevNode> = top
        .children
        .iter()
        .filter(|child| !here.contains(&child.guid))
        .collect();
    let (kind, parity) = (top.kind.as_str(), top.nparity);
    let spared = match (kind, parity) {
        ("disk" | "file", _) => 0,
        ("mirror", _) => top.children.len().saturating_sub(1),
        ("raidz", 1) => 1,
        ("raidz", _) => return refuse(format!("raidz{parity}: raidz1 is read here")),
        _ => return refuse(format!("{kind}: a disk, a mirror or a raidz1 is read here")),
    };
    if missing.len() > spared {
        let names: Vec<String> = missing.iter().map(|child| name_of(child)).collect();
        let names = names.join(", ");
        return refuse(format!("{kind} without {names}"));
    }
    Ok(missing.iter().map(|child| child.guid).collect())
}

fn name_of(node: &VdevNode) -> String {
    let path = node.path.as_ref().map(asl_facts::Text::printable);
    format!(
        "{} {}",
        path.unwrap_or_else(|| node.kind.clone()),
        node.guid
    )
}

fn refusal(place: &str, error: &Error) -> Refusal {
    Refusal::Reader(format!("{place}: {error}"))
}

/// What reading the root of a dataset meets where there is no file system: a
/// volume's data in the place of the master node, or nothing.
fn is_no_filesystem(error: &Error) -> bool {
    match error {
        Error::NotFound { component } => *component == "ROOT",
        Error::Inconsistent { token, .. } => {
            matches!(*token, "zap_bad_type" | "zap_empty" | "dnode_empty")
        }
        _ => false,
    }
}

fn names(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty()).collect()
}

impl ZfsTree {
    /// The deepest dataset of a path, and the rest of it.
    fn split<'a>(&self, path: &'a str) -> (&'a str, &'a str) {
        let path = path.trim_end_matches('/');
        let ends = path.rmatch_indices('/').map(|(at, _)| at);
        std::iter::once(path.len())
            .chain(ends)
            .filter_map(|end| path.split_at_checked(end))
            .find(|(dataset, _)| self.datasets.contains(*dataset))
            .unwrap_or(("", path))
    }

    fn directory(&mut self, dataset: &str, rest: &str) -> Result<Vec<Entry>, Error> {
        let entries = self.pool.read_dir(&names(dataset), &names(rest))?;
        Ok(entries
            .into_iter()
            .map(|entry| Entry {
                name: entry.name.into_bytes(),
                kind: match entry.kind {
                    EntryKind::Regular => Kind::File,
                    EntryKind::Directory => Kind::Directory,
                    EntryKind::Symlink | EntryKind::Other => Kind::Other,
                },
                any_case: false,
            })
            .collect())
    }

    /// A dataset's root with the datasets below it, which hide directories of
    /// the same name as they do where they are mounted.
    fn dataset(&mut self, dataset: &str) -> Result<Vec<Entry>, Refusal> {
        let mut entries = match self.directory(dataset, "") {
            Ok(entries) => entries,
            Err(error) if is_no_filesystem(&error) => Vec::new(),
            Err(error) => {
                self.closed.push(format!("dataset {dataset}/: {error}"));
                Vec::new()
            }
        };
        let children = self
            .pool
            .child_datasets(&names(dataset))
            .map_err(|error| refusal(&format!("datasets of {dataset}/"), &error))?;
        bounded(dataset, children.len())?;
        let hidden: BTreeSet<&[u8]> = children.iter().map(String::as_bytes).collect();
        entries.retain(|entry| !hidden.contains(entry.name.as_slice()));
        for child in &children {
            self.datasets.insert(format!("{dataset}/{child}"));
        }
        entries.extend(children.into_iter().map(|child| Entry {
            name: child.into_bytes(),
            kind: Kind::Subvolume,
            any_case: false,
        }));
        Ok(entries)
    }
}

impl Tree for ZfsTree {
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let (dataset, rest) = self.split(path);
        let entries = match rest {
            "" => self.dataset(dataset)?,
            rest => self
                .directory(dataset, rest)
                .map_err(|error| refusal(path, &error))?,
        };
        bounded(path, entries.len())?;
        Ok(entries)
    }

    fn head(&mut self, path: &str, max: usize) -> Result<Vec<u8>, Refusal> {
        let (dataset, rest) = self.split(path);
        self.pool
            .read_at(&names(dataset), &names(rest), 0, max)
            .map_err(|error| refusal(path, &error))
    }

    fn root_of<'a>(&self, path: &'a str) -> &'a str {
        self.split(path).0
    }

    fn replays(&self) -> bool {
        false
    }
}
