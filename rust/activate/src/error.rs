//! What can go wrong.

use std::io;

/// Why a report makes no plan. All but the first are a defect of what wrote
/// the report, or a report that was tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// What was decided for writing was lowered while it was served.
    #[error("it was to be mounted for writing, and that is allowed no longer")]
    Lowered,
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
    /// The facts could not look through the node.
    #[error("{node}: what it shows was not read; only an unlocked container is looked into later")]
    NotSeen {
        /// The node.
        node: String,
    },
    /// The facts show it as something else.
    #[error("{node}: the facts do not show it as a member of {of}")]
    NotAMember {
        /// The node.
        node: String,
        /// What it should be a member of.
        of: String,
    },
    /// A part that is not inside its device.
    #[error("{node}: {size} bytes from {start} are not inside it")]
    Outside {
        /// The node.
        node: String,
        /// First byte.
        start: u64,
        /// Bytes.
        size: u64,
    },
    /// An image file that no step makes visible.
    #[error("{file}: no step before mounts what it is on")]
    NotMounted {
        /// The file.
        file: String,
    },
    /// Too much memory, or none.
    #[error("{node}: a snapshot of {bytes} bytes; 1 to {most} expected")]
    CowSize {
        /// The node.
        node: String,
        /// What the step gives it.
        bytes: u64,
        /// What it may have.
        most: u64,
    },
    /// A name that a tool could misread.
    #[error("name `{name}`: only the plain characters of such names are taken")]
    BadName {
        /// The name.
        name: String,
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
    /// Something else has the name of what was to be made.
    #[error("{node}: {by} is there already; stop it, or run `asl-admin preflight`")]
    Taken {
        /// The node or file.
        node: String,
        /// What is there.
        by: String,
    },
    /// The tool ended well and what it should make is not there.
    #[error("{what}: it ended well, but what it should make is not there: {seen} seen")]
    NotMade {
        /// The command.
        what: String,
        /// What is there.
        seen: String,
    },
    /// What came to light is no single sound file system.
    #[error("{node}: {seen} seen, one sound and clean file system with a store expected")]
    NoFilesystem {
        /// The node.
        node: String,
        /// What is there.
        seen: String,
    },
    /// A snapshot ran out of room.
    #[error(
        "{node}: the log is too big: its replay took more memory than the snapshot may have; \
         mount it on a machine that may write to it"
    )]
    LogTooBig {
        /// The snapshot.
        node: String,
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
            Error::NoStore { .. } | Error::NoFilesystem { .. } => "no-store-inside",
            Error::LogTooBig { .. } => "log-too-big",
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
