//! What a decoder answers.

use asl_facts::{Content, Damage, Filesystem, Format, LogState, Look, Superblock};

/// The answer to the bytes of one superblock.
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
    pub superblock: Superblock,
    /// How much of this device it claims, bytes from the start.
    pub claims: u64,
    /// Orders copies where the format counts its commits; else 0.
    pub generation: u64,
    /// A rule that only the further reads of `complete` could judge is
    /// broken, and nothing of this can be believed: it is damaged after all.
    pub broken: Option<Damage>,
}

impl Found {
    /// A superblock that names nothing yet: the decoder fills in the rest.
    pub(crate) fn new(format: Format, size: u64, content: Content) -> Self {
        Self {
            format,
            superblock: Superblock {
                uuid: None,
                label: None,
                version: None,
                size,
                unknown_features: Vec::new(),
                damaged_copies: Vec::new(),
                content,
            },
            claims: size,
            generation: 0,
            broken: None,
        }
    }

    /// A file system on one device, with no log and no errors.
    pub(crate) fn filesystem(format: Format, size: u64, block_size: u32) -> Self {
        let filesystem = Filesystem {
            block_size,
            log: LogState::Clean,
            devices: 1,
            part: None,
            errors: false,
            hibernated: false,
            look: Look::NotLooked,
        };
        Self::new(format, size, Content::Filesystem(filesystem))
    }

    /// The file system's own part, if it is one.
    pub(crate) fn filesystem_mut(&mut self) -> Option<&mut Filesystem> {
        match &mut self.superblock.content {
            Content::Filesystem(filesystem) => Some(filesystem),
            _ => None,
        }
    }
}

/// Why bytes with the right magic are no sound superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The magic is weak, and the rest shows another format or nothing.
    Other,
    /// A rule of the format is broken.
    Damaged(Format, Damage),
}

/// Collects what is needed to say where a rule is broken.
#[derive(Debug, Clone, Copy)]
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
    ) -> Result<(), Refused> {
        // A fuzzer cannot guess a checksum, and what stands behind one is
        // what it is for. cargo-fuzz and nix/dev set this, nothing else does.
        if holds || (cfg!(fuzzing) && rule == "checksum") {
            return Ok(());
        }
        Err(Refused::Damaged(
            self.format,
            self.damage(rule, offset, seen, expected),
        ))
    }

    /// The structure is at least `len` bytes long.
    pub(crate) fn length(&self, bytes: &[u8], len: usize) -> Result<(), Refused> {
        let seen = bytes.len();
        // Texts are made for what is broken only: this is asked of every
        // device many times.
        if seen >= len {
            return Ok(());
        }
        self.check(
            false,
            "truncated",
            0,
            format!("{seen} bytes"),
            format!("{len} bytes"),
        )
    }

    /// The stored checksum is the computed one.
    pub(crate) fn checksum(&self, offset: u64, seen: u32, computed: u32) -> Result<(), Refused> {
        if seen == computed {
            return Ok(());
        }
        self.check(
            false,
            "checksum",
            offset,
            format!("{seen:#010x}"),
            format!("{computed:#010x}"),
        )
    }

    /// A broken rule that leaves the rest usable.
    pub(crate) fn damage(
        &self,
        rule: &str,
        offset: u64,
        seen: impl ToString,
        expected: impl ToString,
    ) -> Damage {
        Damage {
            offset: self.at.saturating_add(offset),
            rule: rule.to_owned(),
            seen: seen.to_string(),
            expected: expected.to_string(),
        }
    }
}

/// `holds`, or these bytes are of another format: for magics that other
/// formats have too.
pub(crate) fn or_other(holds: bool) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(Refused::Other) }
}
