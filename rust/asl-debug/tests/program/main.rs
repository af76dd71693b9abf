//! The built program: exit codes, text and JSON, a module a command.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

mod common;
mod explain;
mod probe;
mod schema;
mod watch;
