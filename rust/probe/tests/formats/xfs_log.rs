//! Rings of XFS log blocks, clean and not.

use crate::harness::{Image, Make, probe, run};
use asl_facts::LogState;
use asl_probe::{Metered, ReadAt, xfs_log};
use std::sync::Arc;

const BLOCKS: usize = 64;
const UUID: [u8; 16] = *b"uuid of the test";
const LOG_AT: usize = 4096;

/// A device whose second file-system block begins a log.
struct Ring {
    blocks: usize,
    sb: Vec<u8>,
    device: Vec<u8>,
}

impl Ring {
    fn new() -> Self {
        Self::sized(BLOCKS)
    }

    fn sized(blocks: usize) -> Self {
        let mut sb = vec![0; 512];
        sb[4..8].copy_from_slice(&4096_u32.to_be_bytes());
        sb[32..48].copy_from_slice(&UUID);
        sb[48..56].copy_from_slice(&1_u64.to_be_bytes());
        sb[84..88].copy_from_slice(&1024_u32.to_be_bytes());
        let logblocks = u32::try_from(blocks / 8).unwrap();
        sb[96..100].copy_from_slice(&logblocks.to_be_bytes());
        sb[124] = 10;
        let mut ring = Self {
            blocks,
            sb,
            device: vec![0; LOG_AT + blocks * 512],
        };
        ring.version(5);
        ring
    }

    fn block(&mut self, block: usize) -> &mut [u8] {
        let at = LOG_AT + block % self.blocks * 512;
        &mut self.device[at..][..512]
    }

    /// All blocks as an earlier pass left them.
    fn filled(cycle: u32) -> Self {
        let mut ring = Self::new();
        ring.passed(cycle, BLOCKS);
        ring
    }

    /// The first blocks as a pass leaves them.
    fn passed(&mut self, cycle: u32, blocks: usize) {
        for block in 0..blocks {
            self.block(block)[..4].copy_from_slice(&cycle.to_be_bytes());
        }
    }

    /// The superblock says that it was last logged at this block.
    fn logged_at(&mut self, block: usize) {
        let lsn = (7_u64 << 32) + u64::try_from(block).unwrap();
        self.sb[240..248].copy_from_slice(&lsn.to_be_bytes());
    }

    /// 4 does not say it.
    fn version(&mut self, version: u16) {
        self.sb[100..102].copy_from_slice(&version.to_be_bytes());
    }

    /// A record at `at` with `len` blocks of data; past the end of the ring
    /// the next cycle begins. Returns the block after it.
    fn record(&mut self, at: usize, cycle: u32, len: usize, tail: u32, unmount: bool) -> usize {
        let blocks = self.blocks;
        let cycle_of = |block: usize| cycle + u32::from(block >= blocks);
        let header = self.block(at);
        header.fill(0);
        header[..4].copy_from_slice(&0xfeed_babe_u32.to_be_bytes());
        header[4..8].copy_from_slice(&cycle_of(at).to_be_bytes());
        header[8..12].copy_from_slice(&2_u32.to_be_bytes());
        let bytes = u32::try_from(len * 512).unwrap();
        header[12..16].copy_from_slice(&bytes.to_be_bytes());
        header[28..32].copy_from_slice(&tail.to_be_bytes());
        let operations = if unmount { 1_u32 } else { 5 };
        header[40..44].copy_from_slice(&operations.to_be_bytes());
        header[304..320].copy_from_slice(&UUID);
        header[320..324].copy_from_slice(&32768_u32.to_be_bytes());
        for block in at + 1..at + 1 + len {
            let cycle = cycle_of(block);
            let body = self.block(block);
            body.fill(0);
            body[..4].copy_from_slice(&cycle.to_be_bytes());
            body[9] = if unmount { 0x20 } else { 0 };
        }
        (at + 1 + len) % self.blocks
    }

    fn state(&self) -> LogState {
        xfs_log::state(&self.device, &self.sb).unwrap()
    }

    /// The state, and the reads that it took.
    fn cost(&self) -> (LogState, u64) {
        let device = Metered::new(Borrowed(&self.device), u64::MAX, Arc::default());
        let state = xfs_log::state(&device, &self.sb).unwrap();
        (state, device.reads())
    }
}

struct Borrowed<'a>(&'a [u8]);

impl ReadAt for Borrowed<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read_at(offset, buf)
    }
    fn size(&self) -> u64 {
        self.0.size()
    }
}

fn needs_replay(blocks: u64) -> LogState {
    LogState::NeedsReplay {
        live_bytes: Some(blocks * 512),
    }
}

#[test]
fn an_unmount_record_last_is_clean() {
    let mut ring = Ring::new();
    ring.record(0, 1, 1, 0, true);
    assert_eq!(ring.state(), LogState::Clean);
}

#[test]
fn a_record_after_the_unmount_record_needs_replay() {
    let mut ring = Ring::new();
    let next = ring.record(0, 1, 1, 0, true);
    ring.record(next, 1, 7, 2, false);
    assert_eq!(ring.state(), needs_replay(8));
}

#[test]
fn a_ring_that_has_wrapped_is_judged_at_the_step_of_the_cycle() {
    for at in 0..BLOCKS - 9 {
        let mut ring = Ring::filled(6);
        for block in 0..at {
            ring.block(block)[..4].copy_from_slice(&7_u32.to_be_bytes());
        }
        let tail = u32::try_from(at).unwrap();
        let next = ring.record(at, 7, 5, tail, false);
        assert_eq!(ring.state(), needs_replay(6), "record at {at}");
        ring.record(next, 7, 1, tail, true);
        assert_eq!(ring.state(), LogState::Clean, "record at {at}");
    }
}

#[test]
fn a_log_that_was_never_mounted_costs_two_reads() {
    let mut ring = Ring::sized(1 << 17);
    ring.record(0, 1, 1, 0, true);
    assert_eq!(ring.cost(), (LogState::Clean, 2));
}

/// A log of 64 MiB, the largest that mkfs.xfs makes without being told to but
/// for large file systems.
#[test]
fn a_large_log_costs_few_reads_and_fewer_where_the_superblock_knows_its_end() {
    const LARGE: usize = 1 << 17;
    let mut ring = Ring::sized(LARGE);
    for block in 0..LARGE {
        ring.block(block)[..4].copy_from_slice(&6_u32.to_be_bytes());
    }
    let mut before = 0;
    for at in [5, 255, 300, 40_000, 99_999, LARGE - 600, LARGE - 2] {
        for block in before..at {
            ring.block(block)[..4].copy_from_slice(&7_u32.to_be_bytes());
        }
        before = at;
        ring.record(at, 7, 1, 0, true);
        ring.version(4);
        let (state, reads) = ring.cost();
        assert_eq!(state, LogState::Clean, "{at}");
        assert!(reads <= 14, "{at}: {reads} reads");
        ring.version(5);
        ring.logged_at(at - 4);
        let (state, reads) = ring.cost();
        assert_eq!(state, LogState::Clean, "{at}");
        assert!(reads <= 6, "{at}: {reads} reads");
        // Whatever it says.
        for wrong in [
            0,
            1,
            254,
            256,
            257,
            39_000,
            41_000,
            LARGE - 1,
            LARGE,
            LARGE + 9,
        ] {
            ring.logged_at(wrong);
            let (state, reads) = ring.cost();
            assert_eq!(state, LogState::Clean, "{at}, {wrong}");
            assert!(reads <= 28, "{at}, {wrong}: {reads} reads");
        }
    }
}

#[test]
fn a_superblock_that_is_wrong_about_the_end_changes_nothing() {
    for at in 0..BLOCKS - 3 {
        let mut ring = Ring::filled(6);
        ring.passed(7, at);
        ring.record(at, 7, 1, 0, true);
        for hint in 0..BLOCKS + 2 {
            ring.logged_at(hint);
            assert_eq!(ring.state(), LogState::Clean, "record at {at}, hint {hint}");
        }
    }
}

#[test]
fn an_unmount_record_across_the_end_of_the_ring_is_clean() {
    let mut ring = Ring::filled(6);
    ring.record(BLOCKS - 1, 6, 1, 60, true);
    assert_eq!(ring.state(), LogState::Clean);
}

#[test]
fn an_unmount_record_that_ends_with_the_ring_is_clean() {
    let mut ring = Ring::filled(6);
    ring.record(BLOCKS - 2, 6, 1, 60, true);
    assert_eq!(ring.state(), LogState::Clean);
}

#[test]
fn live_bytes_count_around_the_end_of_the_ring() {
    let mut ring = Ring::filled(6);
    ring.record(BLOCKS - 3, 6, 8, 60, false);
    assert_eq!(ring.state(), needs_replay(10));
}

#[test]
fn records_that_never_all_arrived_do_not_count() {
    // Three records were in flight; the first of them was lost.
    let mut ring = Ring::new();
    let next = ring.record(0, 1, 1, 0, true);
    ring.record(next + 4, 1, 3, 2, false);
    ring.record(next + 8, 1, 3, 2, false);
    assert_eq!(ring.state(), LogState::Clean);
}

#[test]
fn a_log_that_was_never_written_is_clean() {
    assert_eq!(Ring::new().state(), LogState::Clean);
}

#[test]
fn cycles_more_than_one_pass_apart_are_no_log() {
    let mut ring = Ring::filled(6);
    ring.block(BLOCKS - 1)[..4].copy_from_slice(&3_u32.to_be_bytes());
    assert_eq!(ring.state(), LogState::Unknown);
}

#[test]
fn a_record_of_another_file_system_is_not_believed() {
    let mut ring = Ring::new();
    ring.record(0, 1, 1, 0, true);
    ring.sb[32] ^= 1;
    assert_eq!(ring.state(), LogState::NeedsReplay { live_bytes: None });
}

#[test]
fn a_log_on_another_device_or_past_the_end_is_not_judged() {
    let mut ring = Ring::new();
    ring.sb[48..56].fill(0);
    assert_eq!(ring.state(), LogState::Unknown);
    let mut ring = Ring::new();
    ring.sb[96..100].copy_from_slice(&9_u32.to_be_bytes());
    assert_eq!(ring.state(), LogState::Unknown);
}

#[test]
fn no_byte_of_superblock_or_log_makes_it_panic() {
    let mut ring = Ring::filled(6);
    let next = ring.record(0, 7, 5, 0, false);
    ring.record(next, 7, 1, 0, true);
    for at in 0..512 {
        for value in [0, 1, 0x7f, 0xff] {
            let mut broken = Ring::new();
            broken.device.clone_from(&ring.device);
            broken.sb[at] = value;
            broken.state();
        }
    }
    for at in LOG_AT..ring.device.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let old = std::mem::replace(&mut ring.device[at], value);
            ring.state();
            ring.device[at] = old;
        }
    }
}

#[test]
fn a_log_that_xfs_db_formats_anew_is_clean() {
    let dir = tempfile::tempdir().unwrap();
    let command = &["mkfs.xfs", "-q"];
    let path = Make { command, mib: 320 }.image(dir.path(), "image");
    for cycle in ["1", "7", "4000000000"] {
        let output = run(
            "xfs_db",
            &[
                "-x",
                "-c",
                &format!("logformat -c {cycle}"),
                &path.to_string_lossy(),
            ],
        );
        assert!(output.status.success());
        let signatures = probe(&Image::open(&path));
        let (_, filesystem) = signatures[0].filesystem().unwrap();
        assert_eq!(filesystem.log, LogState::Clean, "cycle {cycle}");
    }
}
