//! A row of the table: a format and where it shows.

use crate::decoded::{Decoded, Found, Refused};
use crate::read::{Fault, ReadAt};

/// What a signature stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file system.
    Filesystem,
    /// Swap space.
    Swap,
    /// A member of something larger.
    Member,
    /// A content that shows only through a mapping.
    Container,
    /// A partition table.
    Table,
}

/// Where a structure lies.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// So many bytes from the start of the device.
    Start(u64),
    /// So many bytes before its end.
    End(u64),
    /// So many bytes before its end, which is first rounded down to a
    /// multiple of `align`.
    Aligned {
        /// Multiple that the end is rounded down to, bytes.
        align: u64,
        /// Bytes before that.
        before: u64,
    },
}

impl Place {
    /// Its offset on a device of `size` bytes, if it is inside.
    #[must_use]
    pub fn on(self, size: u64) -> Option<u64> {
        match self {
            Place::Start(at) => Some(at),
            Place::End(before) => size.checked_sub(before),
            Place::Aligned { align, before } => size
                .checked_sub(size.checked_rem(align)?)?
                .checked_sub(before),
        }
        .filter(|at| *at < size)
    }
}

/// Judges the bytes of a structure whose magic matched; the second value is
/// where it lies on the device.
pub type Decode = fn(&[u8], u64) -> Result<Found, Refused>;

/// Adds what only further reads can tell: metadata text, the log's state, the
/// other labels. What it finds broken goes to `damaged_copies`.
pub type Complete = fn(&dyn ReadAt, u64, &[u8], &mut Found) -> Result<(), Fault>;

/// One row: a format and where it shows.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Name of the family.
    pub name: &'static str,
    /// What it stands for.
    pub kind: Kind,
    /// No device below this size (bytes) carries it.
    pub minimum: u64,
    /// Where a primary superblock can lie. None: its copies stand for
    /// themselves, and are looked for where nothing else was found.
    pub places: &'static [Place],
    /// Size of the superblock, bytes. What goes beyond the reads of every
    /// device is read where the magic is.
    pub len: usize,
    /// Offsets in the superblock, and the magics: one of them is there.
    pub magics: &'static [(usize, &'static [u8])],
    /// Decodes a superblock.
    pub decode: Decode,
    /// Where copies lie, which count only when a primary is damaged.
    pub copies: &'static [Place],
    /// Whether the copies are looked for where no primary is and nothing else
    /// was found: they cost a read each.
    pub orphans: bool,
    /// What further reads add.
    pub complete: Option<Complete>,
}

impl Row {
    /// What these bytes, which lie at `at` of the device, are: the entry of
    /// tests and fuzzers too.
    #[must_use]
    pub fn judge(&self, bytes: &[u8], at: u64) -> Decoded {
        if !self.matches(bytes) {
            return Decoded::Absent;
        }
        match (self.decode)(bytes, at) {
            Ok(found) => Decoded::Found(Box::new(found)),
            Err(Refused::Other) => Decoded::Absent,
            Err(Refused::Damaged(format, damage)) => Decoded::Damaged(format, damage),
        }
    }

    /// One of its magics is in these bytes.
    pub(crate) fn matches(&self, bytes: &[u8]) -> bool {
        self.magics.iter().any(|(offset, magic)| {
            bytes
                .get(*offset..)
                .is_some_and(|rest| rest.starts_with(magic))
        })
    }
}
