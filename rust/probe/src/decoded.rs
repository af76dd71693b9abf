//! What a decoder answers.

use asl_facts::{Damage, Filesystem, Format};

/// The answer of a decoder to the bytes of one superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// The magic is not there.
    Absent,
    /// The magic is there and a rule is broken.
    Damaged(Format, Damage),
    /// Every checksum and bound holds.
    Found(Box<Found>),
}

/// A sound superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which format it is.
    pub format: Format,
    /// What it says.
    pub filesystem: Filesystem,
    /// How much of this device the file system claims, bytes.
    pub claims: u64,
    /// Orders copies where the format counts its commits; else 0.
    pub generation: u64,
}

/// Collects what is needed to say where a rule is broken.
pub(crate) struct Rules {
    pub(crate) format: Format,
    /// Offset of the structure on the device.
    pub(crate) at: u64,
}

impl Rules {
    /// `holds`, or the damage: the field lies `offset` bytes into the
    /// structure.
    pub(crate) fn check(
        &self,
        holds: bool,
        rule: &str,
        offset: u64,
        seen: impl ToString,
        expected: impl ToString,
    ) -> Result<(), Decoded> {
        if holds {
            return Ok(());
        }
        Err(Decoded::Damaged(
            self.format,
            Damage {
                offset: self.at.saturating_add(offset),
                rule: rule.to_owned(),
                seen: seen.to_string(),
                expected: expected.to_string(),
            },
        ))
    }
}
