//! The running system: clocks, memory, file systems it could mount.

use crate::ScanError;
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
    System {
        filesystems: filesystems(root),
        drivers: Vec::new(),
        tools: Vec::new(),
        memory_bytes: root
            .text("/proc/meminfo")
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
            .saturating_mul(1024),
    }
}

/// What the kernel knows, and what it would load a module for when asked to
/// mount it: those modules have the alias `fs-NAME`.
fn filesystems(root: &Root) -> Vec<String> {
    let loaded = root.text("/proc/filesystems");
    let release = root.text("/proc/sys/kernel/osrelease");
    let aliases = root.text(format!("/lib/modules/{}/modules.alias", release.trim()));
    loaded
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .chain(
            aliases
                .lines()
                .filter_map(|line| line.strip_prefix("alias fs-")?.split_whitespace().next()),
        )
        .map(str::to_owned)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
