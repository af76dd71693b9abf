//! What can go wrong.

use std::io;

/// Why a report makes no plan. Each of them is a defect of what wrote the
/// report, or a report that was tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// This version does not carry out this step.
    #[error("this version does not carry out {step}")]
    NotCarriedOut {
        /// The step.
        step: String,
    },
    /// A step names a node that the facts do not list.
    #[error("{node}: not in the facts")]
    UnknownNode {
        /// The node.
        node: String,
    },
    /// The facts show no sound file system for that driver there.
    #[error("{node}: the facts show no sound file system for {driver} there")]
    NoFilesystem {
        /// The node.
        node: String,
        /// The driver of the step.
        driver: String,
    },
    /// No way of mounting with it without a write is known.
    #[error("{node}: no proven mount options for {driver}")]
    NoDriver {
        /// The node.
        node: String,
        /// The driver of the step.
        driver: String,
    },
    /// An option that must be there is not.
    #[error("{node}: option `{option}` is missing")]
    MissingOption {
        /// The node.
        node: String,
        /// The option.
        option: String,
    },
    /// An option that nobody asked for.
    #[error("{node}: option `{option}` is not allowed")]
    ForeignOption {
        /// The node.
        node: String,
        /// The option.
        option: String,
    },
    /// A path that is not absolute or goes up.
    #[error("path `{path}`: absolute and without `..` expected")]
    BadPath {
        /// The path.
        path: String,
    },
}

/// Why an activation or its undoing failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`PlanError`].
    #[error("{0}; run `asl-admin preflight`")]
    Plan(#[from] PlanError),
    /// The decision belongs to another boot.
    #[error("decision of boot {seen}, this is boot {expected}; run `asl-admin preflight`")]
    OtherBoot {
        /// The decision's.
        seen: String,
        /// This one.
        expected: String,
    },
    /// The device is no longer what the facts say.
    #[error("{node}: {what} {seen} seen, {expected} expected; run `asl-admin preflight`")]
    Changed {
        /// The node.
        node: String,
        /// What differs.
        what: &'static str,
        /// What is there.
        seen: String,
        /// What the facts say.
        expected: String,
    },
    /// Something writes to it since the facts were taken.
    #[error("{node}: mounted for writing, or below something that is; unmount it first")]
    Written {
        /// The node.
        node: String,
    },
    /// Another file system is at the mount point.
    #[error("{target}: {by} is mounted there; unmount it first")]
    TargetBusy {
        /// The mount point.
        target: String,
        /// What is mounted.
        by: String,
    },
    /// Another decision is active.
    #[error("{target} is active by decision {generation}; run `asl-admin deactivate` first")]
    OtherActive {
        /// The mount point of the active one.
        target: String,
        /// Its generation.
        generation: u64,
    },
    /// The mounted file system does not show the store that preflight read.
    #[error("{target}: none of {expected} is there after the mount")]
    NoStore {
        /// The mount point.
        target: String,
        /// What preflight read.
        expected: String,
    },
    /// A step, a look at the machine or the journal failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, as a command where there is one.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The journal cannot be read.
    #[error("{path}: {why}; unmount by hand, then remove the file")]
    Journal {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// It failed, and so did taking it back.
    #[error("{cause}; then taking it back failed: {undo}; run `asl-admin deactivate`")]
    NotUndone {
        /// Why it failed.
        cause: Box<Error>,
        /// Why it could not be taken back.
        undo: Box<Error>,
    },
    /// Another run has the lock.
    #[error("{path}: another activation or deactivation is running")]
    Locked {
        /// The lock.
        path: String,
    },
}

impl Error {
    /// The code that the mode file bears after this.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Error::NoStore { .. } => "no-store-inside",
            Error::NotUndone { cause, .. } => cause.code(),
            _ => "activation-failed",
        }
    }
}

/// For `map_err`: what was being done when a system call failed.
pub(crate) fn doing(what: impl ToString) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io {
        what: what.to_string(),
        source,
    }
}
