//! Stores as the directory readers see them.

use serde::{Deserialize, Serialize};

/// What came of looking for a store inside a file system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Look {
    /// Nobody looked.
    #[default]
    NotLooked,
    /// Every place where a store could be was read.
    Read {
        /// The stores that are there; often none.
        stores: Vec<Store>,
        /// The log was replayed in memory to see them.
        replayed: bool,
    },
    /// A reader refused or failed.
    Unreadable {
        /// Why, in the reader's words.
        why: String,
    },
}

impl Look {
    /// The stores that were read.
    #[must_use]
    pub fn stores(&self) -> &[Store] {
        match self {
            Look::Read { stores, .. } => stores,
            _ => &[],
        }
    }
}

/// A store that was read without mounting anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Store {
    /// Directory of the store from the root of the file system: `/`,
    /// `/.asl`. For btrfs from the top-level subvolume (`subvolid=5`),
    /// whatever the default one is. For ZFS from the pool's root dataset: a
    /// dataset is a directory of the one above it, wherever it is mounted.
    pub path: String,
    /// The part of `path` that is a file system of its own, which has to be
    /// mounted by itself to reach the store: for ZFS the dataset that holds
    /// it. `/` for everything else.
    #[serde(default = "slash", skip_serializing_if = "is_slash")]
    pub root: String,
    /// What identifies it.
    pub evidence: Evidence,
    /// The store's id: the marker's uuid, the domain id, or `log:` and the
    /// first record's hash in hex. None for a bare layout.
    pub id: Option<String>,
    /// Names of the store's directories that were seen, sorted: `blocks`,
    /// `logs`, ...
    pub entries: Vec<String>,
}

fn slash() -> String {
    "/".to_owned()
}

fn is_slash(root: &str) -> bool {
    root == "/"
}

/// What identifies a store, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// `meta/store.toml` or `store.toml`: our own marker.
    Marker,
    /// `domain.json` with a `domain_id`.
    Domain,
    /// A log with the ASLLOG01 header and a record whose hash verifies.
    Log,
    /// The directories of a store and nothing that names it.
    Layout,
}
