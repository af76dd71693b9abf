//! What the signatures of all devices mean together.
//!
//! [`rank`] says of each signature what it counts for on its device: the one
//! place where formats are weighed against each other. [`pools`] gathers
//! members, [`twins`] names clones. Nothing is read here; facts go in and come out.
#![forbid(unsafe_code)]

mod because;
mod pools;
mod rank;
mod twins;

pub use pools::pools;
pub use rank::{rank, reasons};
pub use twins::twins;
