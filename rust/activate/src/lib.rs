//! From a decision to a mounted store, and back.
//!
//! [`plan`] is pure: a [`asl_decide::Report`] to a list of [`Action`]s.
//! [`activate`] carries them out and writes each one to a journal *before* it
//! happens; [`deactivate`] takes back what the journal holds, last first. So a
//! run that fails undoes itself, and what a killed run left behind is undone
//! by the next one. Everything that touches the machine is behind [`System`];
//! the tests run the same engine over a simulated one and break it at every
//! step.

mod action;
mod command;
mod device;
mod engine;
mod error;
mod host_id;
mod ioctl;
mod journal;
mod layers;
mod linux;
mod make;
mod plan;
mod run;
mod system;

pub use action::{Action, Holds, Role};
pub use command::{Command, quote};
pub use engine::{Outcome, activate, deactivate, lower};
pub use error::{Error, PlanError};
pub use journal::{Entry, Journal};
pub use linux::{JOURNAL, LOCK, Linux};
pub use make::{COW, Make};
pub use plan::{Check, Content, Expect, Plan, plan};
pub use run::run;
pub use system::{MountPoint, Node, State, System};
