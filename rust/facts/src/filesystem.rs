//! File systems and swap.

use crate::Look;
use serde::{Deserialize, Serialize};

/// What only a file system's superblock says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Filesystem {
    /// Block size, bytes.
    pub block_size: u32,
    /// Whether its log must be replayed.
    pub log: LogState,
    /// Devices that it spans; 1 but for btrfs, bcachefs and f2fs.
    pub devices: u64,
    /// Which of its devices this one is, where the format says.
    pub part: Option<Part>,
    /// The file system recorded errors (ext: `s_state`, also when one without
    /// a journal was not unmounted; XFS: needsrepair; btrfs: the error flag;
    /// the other formats: what their own checker would call for).
    pub errors: bool,
    /// A system sleeps on it (NTFS: hiberfil.sys is live): read-only for good.
    pub hibernated: bool,
    /// What was found inside by reading directories.
    pub look: Look,
}

/// One device of a file system that spans several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// Its number: `devid` of btrfs, `dev_idx` of bcachefs.
    pub number: u64,
    /// Its own UUID.
    pub uuid: Option<String>,
    /// Size of it that is used, bytes.
    pub size: u64,
    /// Commits of the whole file system as this device knows it; the member
    /// with the highest is current.
    pub generation: u64,
    /// It is a read-only seed that others were grown from.
    pub seed: bool,
}

/// Whether a file system's log must be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum LogState {
    /// Nothing to replay, or no log.
    Clean,
    /// It was not unmounted cleanly: what is on disk is not yet the truth.
    NeedsReplay {
        /// The live part of the log, tail to head, where it is known.
        live_bytes: Option<u64>,
    },
    /// The log itself could not be judged.
    Unknown,
}

/// Swap space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Swap {
    /// Page size it was made for, bytes.
    pub page_size: u32,
    /// The image of a sleeping system lies in it: the kind, `S1SUSPEND`.
    pub hibernated: Option<String>,
}
