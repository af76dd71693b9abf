//! The running system: clocks, memory, what it could activate and mount.

use crate::ScanError;
use crate::activation::{self, Modules};
use crate::root::Root;
use asl_facts::System;
use rustix::time::{ClockId, Timespec, clock_gettime};
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
    millis(clock_gettime(ClockId::Boottime))
}

/// The clock of udev's time stamps.
pub(crate) fn monotonic() -> Duration {
    Duration::from_millis(millis(clock_gettime(ClockId::Monotonic)))
}

/// The clock of files' times.
pub(crate) fn realtime() -> Duration {
    Duration::from_millis(millis(clock_gettime(ClockId::Realtime)))
}

pub(crate) fn cpu_ms() -> u64 {
    millis(clock_gettime(ClockId::ProcessCPUTime))
}

fn millis(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1000)
        .saturating_add(nanos / 1_000_000)
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
