//! Read-only views of what devices make up together, activating nothing.
//!
//! A partition that the kernel does not show, an md array, a logical volume:
//! the kernel would map them, and to activate an array can write to it. Here
//! each is a [`Node`] that maps positioned reads to reads of its members, made
//! from facts. [`see_through`] reads what it finds, gathers pools again, and
//! so finds what stands on what; whatever cannot be read as the kernel would
//! read it is a [`Refusal`].
#![forbid(unsafe_code)]

mod build;
mod lvm;
mod lvm_raid;
mod map;
mod mapped;
mod md;
mod node;
mod parity;
mod plan;
mod raid10;
mod refusal;
mod table;
mod thin;
mod through;
mod zones;

pub use build::{Layer, Virtual, build};
pub use node::{Named, Node, View};
pub use plan::{Garbled, Geometry, Made, Part, Plan, Planner};
pub use refusal::Refusal;
pub use through::{MAX_DEPTH, MAX_VIRTUALS, Through, see_through};
