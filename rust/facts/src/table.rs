//! Partition tables.

use crate::Text;
use serde::{Deserialize, Serialize};

/// A partition table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Table {
    /// Sector that it counts in, bytes.
    pub sector_size: u32,
    /// Its partitions, in the order of their numbers.
    pub partitions: Vec<Entry>,
    /// An MBR that only guards a GPT.
    pub protective: bool,
    /// A GPT whose MBR shows some partitions too.
    pub hybrid: bool,
}

/// A partition as a table on the device describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Entry {
    /// Its number, from 1; logical partitions start at 5.
    pub number: u32,
    /// First byte on the disk.
    pub start: u64,
    /// Size, bytes.
    pub size: u64,
    /// Type: a GUID, lower case, or `0x83`.
    pub kind: String,
    /// Its own GUID, or the disk's signature and its number: `1234abcd-01`.
    pub uuid: Option<String>,
    /// Its name (GPT).
    pub name: Option<Text>,
    /// Attribute bits of a GPT entry; 0x80 for the active one of an MBR.
    pub flags: u64,
}
