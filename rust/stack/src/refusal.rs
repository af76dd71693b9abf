//! Why something is not seen through.

/// Why there is no view of an array, a volume or a partition. In each case the
/// kernel would not read it either, or would read something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The running system has it: there is a device to read.
    #[error("active as {0}")]
    Active(String),
    /// What it cannot be without is not there.
    #[error("missing: {}", .0.join(", "))]
    Missing(Vec<String>),
    /// Two devices claim one place: which of them is read would be a guess.
    #[error("two devices claim {0}")]
    Duplicate(String),
    /// Its halves moved on without each other.
    #[error("its members moved on without each other")]
    SplitBrain,
    /// A change of shape, a move or a merge was under way, and where each part
    /// of the data is changes with it.
    #[error("{0} was under way")]
    UnderWay(String),
    /// A member is missing and what parity says cannot be trusted.
    #[error("{level} with {missing} missing and not clean")]
    Dirty {
        /// Level of the array.
        level: String,
        /// What is missing.
        missing: String,
    },
    /// More members are missing than this reader makes good.
    #[error("{level} with {missing} missing is not reconstructed here")]
    Degraded {
        /// Level of the array.
        level: String,
        /// What is missing.
        missing: String,
    },
    /// Members of different sizes and a layout that was not recorded: md of
    /// Linux before 3.14 and after it place the data differently.
    #[error("raid0 with members of different sizes whose layout was not recorded")]
    UnrecordedRaid0,
    /// The newest data may be in a write journal.
    #[error("a write journal may hold the newest data")]
    Journal,
    /// A kind that is not read here: `cache`, `vdo`, `imsm`, ...
    #[error("{0} is not read here")]
    Kind(String),
    /// A layout that the format does not have, or that is not read here.
    #[error("layout {layout} of {level} is not known")]
    Layout {
        /// Level of the array.
        level: String,
        /// Layout as the format numbers it.
        layout: u32,
    },
    /// A feature that is not known.
    #[error("the feature {0} is not known")]
    Feature(String),
    /// Members contradict each other.
    #[error("the members disagree about {0}")]
    Disagree(&'static str),
    /// What it maps is not on the device.
    #[error("{0} ends past the device")]
    Outside(String),
    /// Its metadata make no sense.
    #[error("{0}")]
    Geometry(&'static str),
    /// A member could not be opened.
    #[error("{0} could not be opened")]
    Closed(String),
    /// More layers than anybody stacks.
    #[error("more than {0} layers")]
    TooDeep(usize),
    /// More than this reader looks at in one scan.
    #[error("more than {0} volumes and partitions")]
    TooMany(usize),
}
