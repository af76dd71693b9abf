//! Pools and what shows through them.

use super::{Dev, MIB};
use asl_facts::{
    Device, DeviceKind, Evidence, Format, Health, Identity, Look, MemberStanding, Partition, Pool,
    PoolFlag, PoolMember, Store, Text, Volume,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An array, a group or a pool. What it does not say is that of one that is
/// whole, with current members.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Group {
    pub(crate) format: Option<Format>,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) members: Vec<String>,
    /// Members that fell behind.
    pub(crate) stale: Vec<String>,
    /// Members that claim the place of another.
    pub(crate) duplicates: Vec<String>,
    pub(crate) missing: Vec<String>,
    pub(crate) health: Option<Health>,
    pub(crate) flags: Vec<PoolFlag>,
    pub(crate) host: Option<String>,
    /// What a pool that is a file system holds: an id at its root.
    pub(crate) store: Option<String>,
    /// Stores elsewhere: path to id.
    pub(crate) stores: BTreeMap<String, String>,
    /// Paths of its datasets.
    pub(crate) datasets: Vec<String>,
    /// Nobody could look inside.
    pub(crate) unreadable: Option<String>,
    /// Nodes that the system has made of it.
    pub(crate) active: Vec<String>,
    /// Logical volumes and the health of each.
    pub(crate) volumes: BTreeMap<String, Health>,
}

/// A view: a device that is made of others.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct View {
    /// The id of its array, or `GROUP/VOLUME`; none for a partition.
    pub(crate) of: Option<String>,
    /// Where it begins, for a partition, MiB.
    pub(crate) start: Option<u64>,
    pub(crate) on: Vec<String>,
    #[serde(flatten)]
    pub(crate) dev: Dev,
}

impl View {
    pub(super) fn device(&self) -> Device {
        Device {
            node: String::new(),
            kind: DeviceKind::Virtual,
            devnum: String::new(),
            read_only: true,
            slaves: self.on.clone(),
            parent: self.start.map(|_| self.on[0].clone()),
            partition: self.start.map(|start| Partition {
                number: 1,
                start: start * MIB,
                uuid: None,
                name: None,
            }),
            identity: Identity {
                wwid: self.of.as_deref().map(Text::from),
                ..Identity::default()
            },
            backing_file: None,
            ..self.dev.device()
        }
    }
}

impl Group {
    /// The deepest of its datasets that holds this path.
    fn dataset(&self, path: &str) -> String {
        let holds = |dataset: &&String| {
            let rest = path.strip_prefix(dataset.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let deepest = self.datasets.iter().filter(holds).max_by_key(|d| d.len());
        deepest.map_or_else(|| "/".to_owned(), String::clone)
    }

    pub(crate) fn pool(&self) -> Pool {
        let member = |device: &String, standing| PoolMember {
            device: device.clone(),
            offset: 4096,
            place: device.clone(),
            generation: 7,
            standing,
        };
        let members = [
            (&self.members, MemberStanding::Current),
            (&self.stale, MemberStanding::Stale),
            (&self.duplicates, MemberStanding::Duplicate),
        ];
        let root = self.store.iter().map(|id| store("/", Some(id)));
        let below = self.stores.iter().map(|(path, id)| Store {
            root: self.dataset(path),
            ..store(path, Some(id))
        });
        Pool {
            format: self.format.unwrap_or(Format::Md),
            id: self.id.clone(),
            name: self.name.as_deref().map(Text::from),
            level: self.level.clone(),
            members: members
                .into_iter()
                .flat_map(|(names, standing)| names.iter().map(move |name| member(name, standing)))
                .collect(),
            expected: 2,
            missing: self.missing.clone(),
            health: self.health.unwrap_or(Health::Complete),
            flags: self.flags.clone(),
            generation: 7,
            host: self.host.as_deref().map(Text::from),
            active: self.active.clone(),
            volumes: self
                .volumes
                .iter()
                .map(|(name, health)| Volume {
                    name: name.clone(),
                    id: name.clone(),
                    kind: "linear".to_owned(),
                    size: 64 * MIB,
                    health: *health,
                })
                .collect(),
            look: match &self.unreadable {
                Some(why) => Look::Unreadable { why: why.clone() },
                None => Look::Read {
                    stores: root.chain(below).collect(),
                    replayed: true,
                },
            },
        }
    }
}

/// One with an id, or a bare layout.
pub(super) fn store(path: &str, id: Option<&String>) -> Store {
    Store {
        path: path.to_owned(),
        root: "/".to_owned(),
        evidence: if id.is_some() {
            Evidence::Marker
        } else {
            Evidence::Layout
        },
        id: id.cloned(),
        entries: vec!["blocks".to_owned(), "logs".to_owned()],
    }
}
