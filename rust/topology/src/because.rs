//! The rule behind a standing, as a sentence for people.

use asl_facts::Format;
use std::fmt;

/// Why a signature counts for what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// No other is valid.
    Alone,
    /// Others are valid, and none denies it.
    Outermost,
    /// It is damaged itself.
    Damaged,
    /// It lies in a partition.
    Partition { number: u32, start: u64, end: u64 },
    /// It belongs to another.
    Inside {
        format: Format,
        offset: u64,
        rule: Rule,
    },
    /// Nothing settles it.
    Contested,
}

/// Why one signature belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It lies in plain data that end at this byte.
    Data { end: u64 },
    /// UDF and ISO 9660 on one disc.
    Disc,
    /// MBR and GPT.
    Guard,
    /// GPT and an MBR that knows nothing of it.
    Unguarded,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Alone => f.write_str("no other signature outside of partitions is valid"),
            Because::Outermost => f.write_str(
                "the others that are valid belong to it or describe the device without denying it",
            ),
            Because::Damaged => {
                f.write_str("it belongs to no other; damaged as it is, it contests none")
            }
            Because::Partition { number, start, end } => write!(
                f,
                "its offset lies in partition {number}, bytes {start} to {end} of the device"
            ),
            Because::Inside {
                format,
                offset,
                rule: Rule::Data { end },
            } => write!(
                f,
                "the data of the {format} at {offset} begin with the device and reach to {end}, and it fits in there"
            ),
            Because::Inside {
                format,
                rule: Rule::Disc,
                ..
            } => write!(f, "a disc that has both shows the files of its {format}"),
            Because::Inside {
                format,
                rule: Rule::Guard,
                ..
            } => write!(f, "beside a {format} an MBR guards it or shows a part of it"),
            Because::Inside {
                format,
                rule: Rule::Unguarded,
                ..
            } => write!(
                f,
                "the {format} has no entry of type ee for it, and is what Linux goes by"
            ),
            Because::Contested => f.write_str(
                "each of them is valid, none lies inside the other, and a guess could take the wrong one",
            ),
        }
    }
}
