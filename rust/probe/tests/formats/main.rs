//! Every format against images that the real tools make when the test runs.
//!
//! `harness` makes an image from a row and compares, mutates and cuts it; a
//! module a family holds the rows, and what only that family has.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

mod copies;
mod crypt;
mod discs;
mod firmware;
mod harness;
#[path = "../hostile/mod.rs"]
mod hostile;
mod linux;
#[path = "../loops/mod.rs"]
mod loops;
mod lvm2;
mod lvm2_image;
mod lvm2_live;
mod lvm2_rules;
mod md;
#[path = "../md_sum/mod.rs"]
mod md_sum;
mod mutations;
mod others;
mod rules;
mod small;
mod tables;
mod windows;
mod xfs_log;
mod zfs;
