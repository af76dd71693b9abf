//! What the operator named: rules 6 to 9.

use crate::candidate::Candidate;
use crate::stack::other_paths;
use asl_config::{Config, DevicePath, ImageFile, Pick};
use asl_facts::{Device, Facts, Text};

/// One selector of the configuration.
#[derive(Debug)]
pub(crate) struct Selector<'a> {
    /// `local.serial`
    pub(crate) key: &'static str,
    /// As text.
    pub(crate) value: String,
    by: By<'a>,
}

#[derive(Debug, Clone, Copy)]
enum By<'a> {
    Id(&'a str),
    Label(&'a str),
    PartUuid(&'a str),
    Node(&'a str),
    Serial(&'a str),
    /// A store, a file system or a pool, and where in it.
    Pick(&'a Pick),
    /// Name or id of a pool.
    Pool(&'a str),
    /// The image file, wherever its file system is.
    Image(&'a ImageFile),
}

/// The selectors that are set.
pub(crate) fn selectors(config: &Config) -> Vec<Selector<'_>> {
    let local = &config.local;
    let mut found = Vec::new();
    let mut add = |key, value: String, by| found.push(Selector { key, value, by });
    // The operator's word stands in place of what was configured.
    if let Some(pick) = &config.r#use {
        add("asl-admin use", pick.to_string(), By::Pick(pick));
        return found;
    }
    if let Some(uuid) = &local.uuid {
        add("local.uuid", uuid.clone(), By::Id(uuid));
    }
    if let Some(label) = &local.label {
        add("local.label", label.clone(), By::Label(label));
    }
    match &local.device {
        None => {}
        Some(DevicePath::Node(node)) => add("local.device", node.clone(), By::Node(node)),
        Some(DevicePath::ByUuid(id)) => {
            add(
                "local.device",
                format!("/dev/disk/by-uuid/{id}"),
                By::Id(id),
            );
        }
        Some(DevicePath::ByLabel(label)) => {
            add(
                "local.device",
                format!("/dev/disk/by-label/{label}"),
                By::Label(label),
            );
        }
        Some(DevicePath::ByPartUuid(id)) => {
            add(
                "local.device",
                format!("/dev/disk/by-partuuid/{id}"),
                By::PartUuid(id),
            );
        }
    }
    if let Some(serial) = &local.serial {
        add("local.serial", serial.clone(), By::Serial(serial));
    }
    if let Some(pool) = &local.pool {
        add("local.pool", pool.clone(), By::Pool(pool));
    }
    if let Some(image) = &local.image {
        add("local.image", image.to_string(), By::Image(image));
    }
    found
}

impl<'a> Selector<'a> {
    /// It names one disk or partition, and not what may be on two of them.
    pub(crate) fn names_place(&self) -> bool {
        matches!(self.by, By::PartUuid(_) | By::Node(_) | By::Serial(_))
    }

    /// It names what carries a store, by what no copy of the store has.
    pub(crate) fn names_carrier(&self) -> bool {
        self.names_place() || matches!(self.by, By::Pool(_))
    }

    /// The image file that it names.
    pub(crate) fn image(&self) -> Option<&'a ImageFile> {
        match self.by {
            By::Image(image) => Some(image),
            _ => None,
        }
    }

    pub(crate) fn matches(&self, facts: &Facts, candidate: &Candidate<'_>) -> bool {
        let superblock = candidate.superblock();
        match self.by {
            By::Id(id) => has_id(candidate, id),
            By::Pick(pick) => {
                let is = |id: &str| id.eq_ignore_ascii_case(&pick.id);
                let mut pools = candidate.stack.pools.iter();
                let named = has_id(candidate, &pick.id) || pools.any(|pool| is(&pool.id));
                let path = pick.path.as_deref();
                named && path.is_none_or(|path| path == candidate.path)
            }
            By::Label(label) => {
                let seen = superblock.and_then(|superblock| superblock.label.as_ref());
                seen.is_some_and(|seen| seen.0 == label.as_bytes())
            }
            By::Pool(pool) => candidate.stack.pools.iter().any(|known| {
                let name = known.name.as_ref();
                known.id.eq_ignore_ascii_case(pool)
                    || name.is_some_and(|name| name.0 == pool.as_bytes())
            }),
            By::Image(image) => candidate.image == Some(image),
            By::PartUuid(_) | By::Node(_) | By::Serial(_) => {
                let below = |device| facts.below(device).into_iter();
                candidate
                    .devices
                    .iter()
                    .copied()
                    .flat_map(below)
                    .any(|below| {
                        self.names(below) || other_paths(facts, below).any(|path| self.names(path))
                    })
            }
        }
    }

    /// It names this very device.
    pub(crate) fn names(&self, device: &Device) -> bool {
        let is = |text: &Option<Text>, value: &str| {
            text.as_ref().is_some_and(|text| text.0 == value.as_bytes())
        };
        match self.by {
            By::Node(node) => device.node == node,
            By::PartUuid(id) => device
                .partition
                .as_ref()
                .and_then(|partition| partition.uuid.as_deref())
                .is_some_and(|uuid| uuid.eq_ignore_ascii_case(id)),
            By::Serial(serial) => {
                is(&device.identity.serial, serial) || is(&device.identity.wwid, serial)
            }
            By::Id(_) | By::Pick(_) | By::Label(_) | By::Pool(_) | By::Image(_) => false,
        }
    }
}

fn has_id(candidate: &Candidate<'_>, id: &str) -> bool {
    let ids = [candidate.uuid(), candidate.store_id()];
    ids.into_iter()
        .flatten()
        .any(|known| known.eq_ignore_ascii_case(id))
}

impl std::fmt::Display for Selector<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.by {
            By::Pick(_) => write!(f, "{} {}", self.key, self.value),
            _ => write!(f, "{} = {}", self.key, self.value),
        }
    }
}

/// What the selectors together name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Nothing is selected.
    NoSelector,
    /// Selectors, by index, that have no match in common.
    Conflict(Vec<usize>),
    /// The selector, by index, that matches nothing.
    Nothing(usize),
    /// Candidates, by index, that were read to the end and hold no store.
    NoStore(Vec<usize>),
    /// Candidates, by index: one is a hit.
    Match(Vec<usize>),
}

/// Asks all selectors. They must agree: the match is what all of them name.
pub(crate) fn select(
    facts: &Facts,
    candidates: &[Candidate<'_>],
    selectors: &[Selector<'_>],
) -> Selection {
    if selectors.is_empty() {
        return Selection::NoSelector;
    }
    let sets: Vec<Vec<usize>> = selectors
        .iter()
        .map(|selector| {
            let named = |candidate: &Candidate<'_>| {
                !candidate.dropped() && selector.matches(facts, candidate)
            };
            positions(candidates, named)
        })
        .collect();
    for (first, a) in sets.iter().enumerate().filter(|(_, set)| !set.is_empty()) {
        for (second, b) in sets.iter().enumerate().skip(first.saturating_add(1)) {
            if !b.is_empty() && !a.iter().any(|index| b.contains(index)) {
                return Selection::Conflict(vec![first, second]);
            }
        }
    }
    if let Some(missing) = sets.iter().position(Vec::is_empty) {
        return Selection::Nothing(missing);
    }
    let common = positions(candidates, |_| true)
        .into_iter()
        .filter(|index| sets.iter().all(|set| set.contains(index)))
        .collect::<Vec<_>>();
    if common.is_empty() {
        return Selection::Conflict((0..selectors.len()).collect());
    }
    let keep = |wanted: &dyn Fn(&Candidate<'_>) -> bool| -> Vec<usize> {
        let of = |index: &usize| candidates.get(*index).is_some_and(wanted);
        common.iter().copied().filter(of).collect()
    };
    let stores = keep(&|candidate| candidate.store.is_some());
    if !stores.is_empty() {
        return Selection::Match(stores);
    }
    let unread = keep(&|candidate| !candidate.read_to_end());
    if unread.is_empty() {
        return Selection::NoStore(common);
    }
    Selection::Match(unread)
}

fn positions(candidates: &[Candidate<'_>], wanted: impl Fn(&Candidate<'_>) -> bool) -> Vec<usize> {
    let all = candidates.iter().enumerate();
    all.filter(|(_, candidate)| wanted(candidate))
        .map(|(index, _)| index)
        .collect()
}
