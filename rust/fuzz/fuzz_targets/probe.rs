//! Bytes as a device, in the form of `hostile`: all that is behind the
//! superblocks too (texts, JSON, lists of names and values, logs, copies).
#![no_main]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, dead_code)]

#[path = "../../probe/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::probe(&hostile::Sparse::parse(bytes));
});
