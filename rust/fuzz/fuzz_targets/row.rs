//! Bytes as a superblock of every row whose magic is in them.
#![no_main]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, dead_code)]

#[path = "../../probe/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::judge(bytes));
