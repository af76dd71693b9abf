//! From a report to a list of actions. Pure.

mod build;
mod guard;
mod layers;
pub(crate) mod options;
mod remote;

use crate::action::{Action, Holds};
use crate::error::PlanError;
use asl_decide::{Report, Step};
use asl_facts::Format;
use asl_mode::Access;

/// What to do, and what must hold before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The boot that the decision belongs to.
    pub boot_id: String,
    /// The decision's generation.
    pub generation: u64,
    /// What the devices must still be.
    pub checks: Vec<Check>,
    /// The changes, in order; none when the mode needs none.
    pub actions: Vec<Action>,
    /// What must be seen in the end.
    pub expect: Vec<Expect>,
    /// Nodes of the snapshots that must not have run out of room in the end.
    pub snapshots: Vec<String>,
}

/// A device as the facts describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The block node.
    pub node: String,
    /// `major:minor`.
    pub devnum: String,
    /// Bytes.
    pub size: u64,
    /// It will be written to: nobody else may be writing.
    pub writable: bool,
    /// What is on it, where that matters.
    pub content: Content,
}

/// What is on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Whatever: it only carries something.
    Any,
    /// One sound file system.
    Filesystem(Holds),
    /// A member of an array, group or pool, or a container.
    Member {
        /// Its format.
        format: Format,
        /// Its own UUID, where the format has one.
        uuid: Option<String>,
    },
}

/// Entries of the store that preflight read, of which one at least must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// Where the store is seen.
    pub target: String,
    /// Their names.
    pub names: Vec<String>,
}

/// Makes the plan of a report.
///
/// # Errors
/// A step that the facts do not support, or that could write.
pub fn plan(report: &Report) -> Result<Plan, PlanError> {
    let decision = &report.decision;
    if decision.mode.access == Access::Ro && decision.steps.iter().any(Step::writes) {
        return Err(PlanError::Lowered);
    }
    let mut build = build::Build::new(report);
    for step in &decision.steps {
        build.step(step)?;
    }
    Ok(build.plan)
}
