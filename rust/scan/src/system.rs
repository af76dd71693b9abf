//! The running system: clocks, memory, what it could activate and mount.

use crate::ScanError;
use crate::activation::{self, Modules};
use crate::root::Root;
use asl_facts::System;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::time::Duration;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

pub(crate) fn boot_id(root: &Root) -> Result<String, ScanError> {
    let path = root.join(BOOT_ID);
    std::fs::read_to_string(&path)
        .map(|text| text.trim().to_owned())
        .map_err(|error| ScanError::Io { path, error })
}

pub(crate) fn boottime_ms() -> u64 {
    millis(ClockId::Boottime)
}

/// The clock of udev's time stamps.
pub(crate) fn monotonic() -> Duration {
    time(ClockId::Monotonic)
}

/// The clock of files' times.
pub(crate) fn realtime() -> Duration {
    time(ClockId::Realtime)
}

pub(crate) fn cpu_ms() -> u64 {
    millis(ClockId::ProcessCPUTime)
}

fn millis(clock: ClockId) -> u64 {
    u64::try_from(time(clock).as_millis()).unwrap_or(u64::MAX)
}

fn time(clock: ClockId) -> Duration {
    // No clock is before its own zero.
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

pub(crate) fn system(root: &Root) -> System {
    let modules = Modules::read(root);
    System {
        filesystems: filesystems(root, &modules),
        drivers: modules.drivers(),
        tools: activation::tools(root),
        memory_bytes: root
            .text("/proc/meminfo")
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
            .saturating_mul(1024),
    }
}

/// What the kernel knows, and what it would load a module for.
fn filesystems(root: &Root, modules: &Modules) -> Vec<String> {
    let known = root.text("/proc/filesystems");
    known
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .chain(modules.filesystems())
        .map(str::to_owned)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
