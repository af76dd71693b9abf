//! What a probe does, written down as it does it.
//!
//! There is no second walk over the table that could come to other answers:
//! [`explain`] is [`probe`](crate::probe()) with a [`Trace`] in its hands.

use crate::bytes::{field, hex};
use crate::decoded::Decoded;
use crate::disk::Disk;
use crate::probe::{self, Probed};
use crate::read::{Fault, ReadAt};
use crate::row::Row;
use asl_facts::{Damage, Format, Outcome};
use serde::Serialize;
use std::cell::RefCell;
use std::io;

/// Steps that are kept: a sound device takes some hundreds, a forged one may
/// make a decoder read a million times.
const MAX_STEPS: usize = 65_536;

/// A probe and how it went.
#[derive(Debug)]
pub struct Explanation {
    /// What [`probe`](crate::probe()) answers.
    pub outcome: Result<Probed, Fault>,
    /// What it did, in order.
    pub steps: Vec<Step>,
    /// Steps beyond those that are kept.
    pub left_out: u64,
}

/// One thing that a probe did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Step {
    /// It read from the device.
    Read {
        /// What for.
        purpose: Purpose,
        /// Offset, bytes.
        offset: u64,
        /// Bytes that were asked for.
        length: u64,
        /// Bytes that came; none where the read failed.
        got: Option<u64>,
        /// The error as the system words it.
        error: Option<String>,
    },
    /// It looked for a format in one place.
    Check {
        /// Which row of the table, and where.
        place: At,
        /// The magics of the row, one of which must be there.
        magics: Vec<Magic>,
        /// What came of it.
        verdict: Verdict,
    },
    /// It did not look: the device is too small for the format.
    TooSmall {
        /// Name of the row.
        row: String,
        /// What the format needs, bytes.
        minimum: u64,
    },
}

/// A row of the table at one of its places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct At {
    /// Name of the row: the family of formats.
    pub row: String,
    /// Offset of the superblock, bytes.
    pub offset: u64,
    /// Why it was looked for there.
    pub sought: Sought,
}

/// Why a superblock was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Sought {
    /// A primary lies there.
    Primary,
    /// A copy lies there, and the primary is damaged or gone.
    Copy,
    /// The format has no primary, and nothing else was found.
    Peer,
    /// A copy lies there, and nothing at all was found.
    Orphan,
}

/// What a read is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "for", rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Purpose {
    /// The beginning of the device, for every format at once.
    Head,
    /// Its end, likewise.
    Tail,
    /// A superblock that lies in neither.
    Superblock(At),
    /// What only further reads tell about a superblock.
    Complete(At),
}

/// A magic at its offset on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Magic {
    /// Offset on the device, bytes.
    pub offset: u64,
    /// The bytes that the format has there, in hex.
    pub expected: String,
    /// The bytes that are there, in hex.
    pub seen: String,
}

/// What came of looking at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// None of the magics is there.
    Absent,
    /// A magic is there that others have too, and the rest is not of this
    /// format.
    Other,
    /// A rule of the format is broken.
    Damaged {
        /// Which format it is.
        format: Format,
        /// Which rule, where, and how.
        damage: Damage,
    },
    /// Every rule holds.
    Found {
        /// Which format it is.
        format: Format,
        /// Commits that it counts, where the format counts them: the newest
        /// copy is taken.
        generation: u64,
    },
    /// A sound copy of something that is larger than the device.
    TooLarge {
        /// Which format it is.
        format: Format,
        /// How much of the device it claims, bytes.
        claims: u64,
    },
    /// The place cannot be read.
    Unreadable,
}

/// Probes a device and says how.
#[must_use]
pub fn explain(dev: &dyn ReadAt) -> Explanation {
    let trace = Trace::default();
    let recorder = Recorder { dev, trace: &trace };
    let outcome = Disk::traced(&recorder, Some(&trace)).and_then(probe::run);
    let log = trace.log.into_inner();
    Explanation {
        outcome,
        steps: log.steps,
        left_out: log.left_out,
    }
}

/// The steps so far.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    log: RefCell<Log>,
}

#[derive(Debug, Default)]
struct Log {
    purpose: Option<Purpose>,
    steps: Vec<Step>,
    left_out: u64,
}

impl Trace {
    /// What the reads from now on are for.
    pub(crate) fn purpose(&self, purpose: Purpose) {
        self.log.borrow_mut().purpose = Some(purpose);
    }

    fn push(&self, step: impl FnOnce() -> Step) {
        let mut log = self.log.borrow_mut();
        if log.steps.len() < MAX_STEPS {
            log.steps.push(step());
        } else {
            log.left_out = log.left_out.saturating_add(1);
        }
    }

    pub(crate) fn too_small(&self, row: &Row) {
        self.push(|| Step::TooSmall {
            row: row.name.to_owned(),
            minimum: row.minimum,
        });
    }

    /// What `bytes` at a place of `row` came to.
    pub(crate) fn check(&self, row: &Row, place: At, bytes: &[u8], verdict: Verdict) {
        let magics = row
            .magics
            .iter()
            .map(|(offset, magic)| Magic {
                offset: place
                    .offset
                    .saturating_add(u64::try_from(*offset).unwrap_or(u64::MAX)),
                expected: hex(magic),
                seen: hex(field(bytes, *offset, magic.len())),
            })
            .collect();
        self.push(|| Step::Check {
            place,
            magics,
            verdict,
        });
    }
}

impl At {
    pub(crate) fn new(row: &Row, offset: u64, sought: Sought) -> Self {
        Self {
            row: row.name.to_owned(),
            offset,
            sought,
        }
    }
}

impl Verdict {
    /// Of what `row` says to `bytes`, on a device of `size` bytes.
    pub(crate) fn of(row: &Row, bytes: &[u8], decoded: &Decoded, size: u64) -> Self {
        match decoded {
            Decoded::Absent if row.matches(bytes) => Verdict::Other,
            Decoded::Absent => Verdict::Absent,
            Decoded::Damaged(format, damage) => Verdict::Damaged {
                format: *format,
                damage: damage.clone(),
            },
            Decoded::Found(found) if found.claims > size => Verdict::TooLarge {
                format: found.format,
                claims: found.claims,
            },
            Decoded::Found(found) => Verdict::Found {
                format: found.format,
                generation: found.generation,
            },
        }
    }

    /// Of a superblock that held, once the further reads are done.
    pub(crate) fn settled(format: Format, outcome: &Outcome, generation: u64) -> Self {
        match outcome {
            Outcome::Found(_) => Verdict::Found { format, generation },
            Outcome::Damaged(damage) => Verdict::Damaged {
                format,
                damage: damage.clone(),
            },
        }
    }
}

/// Writes down what goes to the device.
struct Recorder<'a> {
    dev: &'a dyn ReadAt,
    trace: &'a Trace,
}

impl ReadAt for Recorder<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.dev.read_at(offset, buf);
        let purpose = self.trace.log.borrow().purpose.clone();
        self.trace.push(|| Step::Read {
            purpose: purpose.unwrap_or(Purpose::Head),
            offset,
            length: u64::try_from(buf.len()).unwrap_or(u64::MAX),
            got: result
                .as_ref()
                .ok()
                .map(|count| u64::try_from(*count).unwrap_or(u64::MAX)),
            error: result.as_ref().err().map(ToString::to_string),
        });
        result
    }

    fn size(&self) -> u64 {
        self.dev.size()
    }
}
