//! The commands of an operator over root trees with disks: what they print,
//! what they write, what they ask of systemd.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may"
)]

mod allow;
mod import;
mod node;
mod pick;
mod report;
mod status;
mod unlock;
