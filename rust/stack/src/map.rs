//! From an offset of the whole to offsets of its members: arithmetic only.

use crate::parity::Parity;
use crate::raid10::Raid10;
use crate::zones::Zones;
use serde::{Deserialize, Serialize};

/// A place on a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Number of the member, from 0.
    pub(crate) member: usize,
    /// Bytes from its start.
    pub(crate) offset: u64,
}

/// Where a run of bytes is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Run {
    /// So many bytes are together there.
    pub(crate) len: u64,
    /// Each has all of them; the first that can be read counts.
    pub(crate) copies: Vec<Spot>,
    /// All of these, added without carry, make up for a copy that is missing;
    /// empty where nothing does.
    pub(crate) parity: Vec<Spot>,
}

/// A map of the whole.
pub(crate) trait Map {
    /// Bytes of the whole.
    fn size(&self) -> u64;
    /// Where the bytes from `offset` are; none outside of the whole.
    fn run(&self, offset: u64) -> Option<Run>;
}

/// All kinds of maps: one may be handed over to another process, where what it
/// says is no more than what a disk says. All arithmetic on it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnyMap {
    Mirror(Mirror),
    Concat(Concat),
    Zones(Zones),
    Raid10(Raid10),
    Parity(Parity),
}

impl AnyMap {
    fn map(&self) -> &dyn Map {
        match self {
            AnyMap::Mirror(map) => map,
            AnyMap::Concat(map) => map,
            AnyMap::Zones(map) => map,
            AnyMap::Raid10(map) => map,
            AnyMap::Parity(map) => map,
        }
    }
}

impl Map for AnyMap {
    fn size(&self) -> u64 {
        self.map().size()
    }

    fn run(&self, offset: u64) -> Option<Run> {
        self.map().run(offset)
    }
}

impl From<Mirror> for AnyMap {
    fn from(map: Mirror) -> Self {
        AnyMap::Mirror(map)
    }
}

impl From<Concat> for AnyMap {
    fn from(map: Concat) -> Self {
        AnyMap::Concat(map)
    }
}

impl From<Zones> for AnyMap {
    fn from(map: Zones) -> Self {
        AnyMap::Zones(map)
    }
}

impl From<Raid10> for AnyMap {
    fn from(map: Raid10) -> Self {
        AnyMap::Raid10(map)
    }
}

impl From<Parity> for AnyMap {
    fn from(map: Parity) -> Self {
        AnyMap::Parity(map)
    }
}

/// An offset as a number of chunks and what is left.
pub(crate) fn split(offset: u64, chunk: u64) -> Option<(u64, u64)> {
    Some((offset.checked_div(chunk)?, offset.checked_rem(chunk)?))
}

/// Number of a member as an index.
pub(crate) fn index(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

/// How many, as an operand of arithmetic on offsets.
pub(crate) fn count<T>(of: &[T]) -> u64 {
    u64::try_from(of.len()).unwrap_or(u64::MAX)
}

/// Every member has everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mirror {
    pub(crate) members: usize,
    pub(crate) size: u64,
}

impl Map for Mirror {
    fn size(&self) -> u64 {
        self.size
    }

    fn run(&self, offset: u64) -> Option<Run> {
        let spot = |member| Spot { member, offset };
        Some(Run {
            len: self.size.checked_sub(offset)?,
            copies: (0..self.members).map(spot).collect(),
            parity: Vec::new(),
        })
    }
}

/// One member behind the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Concat {
    /// Where each ends in the whole.
    ends: Vec<u64>,
}

impl Concat {
    /// Of members of these sizes; none where the sum is past 2^64.
    pub(crate) fn new(sizes: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut end = 0_u64;
        let mut ends = Vec::new();
        for size in sizes {
            end = end.checked_add(size)?;
            ends.push(end);
        }
        Some(Self { ends })
    }
}

impl Map for Concat {
    fn size(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn run(&self, offset: u64) -> Option<Run> {
        let member = self.ends.partition_point(|end| *end <= offset);
        let start = match member.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        Some(Run {
            len: self.ends.get(member)?.checked_sub(offset)?,
            copies: vec![Spot {
                member,
                offset: offset.checked_sub(start)?,
            }],
            parity: Vec::new(),
        })
    }
}
