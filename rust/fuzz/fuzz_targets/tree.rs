//! Bytes as a device with a file system, and the directory readers over it.
//!
//! A panic inside a reader is caught by `look` and is a fact about that
//! device, so it is no finding here unless ASL_FUZZ_PANICS is set; a hang, a
//! read without bound and memory without bound are.
#![no_main]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, dead_code)]

#[path = "../../probe/tests/hostile/mod.rs"]
mod hostile;

use asl_facts::{Look, Outcome};
use asl_probe::Metered;
use asl_tree::Shared;
use std::sync::Arc;

/// Far above what the seeds need: what a reader asks for beyond it, it asks
/// for in a circle.
const BUDGET: u64 = 256 << 20;

libfuzzer_sys::fuzz_target!(
    init: {
        if std::env::var_os("ASL_FUZZ_PANICS").is_none() {
            std::panic::set_hook(Box::new(|_| {}));
        }
    },
    |bytes: &[u8]| {
        let device = hostile::Sparse::parse(bytes);
        let (signatures, ..) = hostile::probe(&device);
        let metered = Arc::new(Metered::new(device, BUDGET, Arc::default()));
        let shared: Shared = metered.clone();
        for signature in signatures {
            if let Outcome::Found(superblock) = signature.outcome
                && superblock.filesystem().is_some()
            {
                let look = asl_tree::look(&shared, signature.format, &superblock);
                assert_ne!(look, Look::NotLooked);
            }
        }
    }
);
