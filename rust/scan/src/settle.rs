//! How long devices are waited for.

use crate::exclude::Excluded;
use crate::live::Live;
use crate::ours::Sight;
use crate::pool::Threads;
use crate::root::Root;
use crate::{Options, ScanError, skip, system};
use asl_facts::{Device, Probe};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// The kernel makes this node in its first second, under emulation in its
/// second one.
const FIRST_NODE: &str = "/dev/null";
const FIRST_SECONDS: Duration = Duration::from_secs(4);

/// Reads devices as they appear until none has appeared for `quiet`, or
/// `settle` is over.
///
/// The quiet time counts from the arrival of the youngest device that is
/// read: on a machine whose disks have been there for a while nothing is
/// waited for. What is skipped, as the live system's own loop devices, says
/// nothing about disks that are still to come. Where there is nothing to
/// read at all, the quiet time counts from the start: the disks may be late.
/// The end of udev's own queue is not waited for, it says nothing about
/// devices that the kernel has yet to find and takes longer than all of this.
pub(crate) fn settle(
    options: &Options,
    root: &Root,
    sight: &Sight<'_>,
    live: &Live,
    threads: &mut Threads,
) -> Result<(), ScanError> {
    let started = system::monotonic();
    let clock = Clock::of(root);
    let mut known = BTreeSet::new();
    let mut youngest = None;
    loop {
        let names = sight.names()?;
        let new: Vec<String> = names
            .into_iter()
            .filter(|name| known.insert(name.clone()))
            .collect();
        let excluded = Excluded::of(root, &options.exclude, &new);
        for name in &new {
            let Some(device) = sight.device(name) else {
                // It left between two looks; it may come again.
                known.remove(name);
                continue;
            };
            match skip(&device, live, &excluded) {
                Some(why) => threads.set(name, Probe::skipped(why)),
                None => {
                    youngest = youngest.max(Some(clock.arrival(root, &device)));
                    threads.add_device(root, &device, options.reader.as_ref());
                }
            }
        }
        let now = system::monotonic();
        let quiet = now.saturating_sub(youngest.unwrap_or(started)) >= options.quiet;
        if threads.is_idle() && (quiet || now.saturating_sub(started) >= options.settle) {
            return Ok(());
        }
        threads.step();
    }
}

/// What there is to know about when a device came, by the monotonic clock.
#[derive(Clone, Copy)]
struct Arrival {
    /// When the kernel made its node.
    born: Option<Duration>,
    /// When udev first saw it, under load a second or two later.
    noted: Option<Duration>,
    /// When this scan first saw it.
    seen: Duration,
}

impl Arrival {
    /// The best that is known.
    fn time(self) -> Duration {
        let told = self.born.or(self.noted).unwrap_or(self.seen);
        told.min(self.seen)
    }
}

/// Tells when nodes were made, which the file system has by a clock that
/// somebody may have set meanwhile.
struct Clock {
    is_steady: bool,
}

impl Clock {
    fn of(root: &Root) -> Self {
        let first = born(&root.join(FIRST_NODE));
        Self {
            // Set by less it makes the wait longer or shorter by that.
            is_steady: first.is_some_and(|first| first <= FIRST_SECONDS),
        }
    }

    fn arrival(&self, root: &Root, device: &Device) -> Duration {
        let born = |node: &str| born(&root.join(node));
        let arrival = Arrival {
            born: self.is_steady.then(|| born(&device.node)).flatten(),
            noted: noted(root, &device.devnum),
            seen: system::monotonic(),
        };
        arrival.time()
    }
}

/// When the node was made, by the monotonic clock; none where the file system
/// does not tell, or tells a time before this boot or to come.
fn born(node: &Path) -> Option<Duration> {
    let stat = statx(CWD, node, AtFlags::empty(), StatxFlags::BTIME).ok()?;
    let mask = StatxFlags::from_bits_retain(stat.stx_mask);
    mask.contains(StatxFlags::BTIME).then_some(())?;
    let time = stat.stx_btime;
    let since_epoch = Duration::new(u64::try_from(time.tv_sec).ok()?, time.tv_nsec);
    let age = system::realtime().checked_sub(since_epoch)?;
    system::monotonic().checked_sub(age)
}

/// When udev first saw the device: `I:` in its record, microseconds.
fn noted(root: &Root, devnum: &str) -> Option<Duration> {
    root.text(format!("/run/udev/data/b{devnum}"))
        .lines()
        .find_map(|line| line.strip_prefix("I:")?.parse().ok())
        .map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_word_counts_before_udevs_and_the_future_for_nothing() {
        let second = Duration::from_secs;
        let time = |born: Option<u64>, noted: Option<u64>| {
            let arrival = Arrival {
                born: born.map(second),
                noted: noted.map(second),
                seen: second(30),
            };
            arrival.time()
        };
        assert_eq!(time(Some(5), Some(9)), second(5));
        assert_eq!(time(None, Some(9)), second(9));
        assert_eq!(time(None, None), second(30));
        assert_eq!(time(Some(31), Some(9)), second(30));
    }

    #[test]
    fn a_node_is_born_when_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let before = system::monotonic();
        let node = dir.path().join("sda");
        std::fs::write(&node, "").unwrap();
        let born = born(&node).unwrap();
        // File systems take the time of the last tick.
        let tick = Duration::from_millis(50);
        assert!(born + tick >= before, "{born:?} {before:?}");
        assert!(born <= system::monotonic() + tick);
        assert_eq!(super::born(&dir.path().join("none")), None);
    }

    #[test]
    fn a_clock_that_made_the_first_node_just_now_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        assert!(!Clock::of(&root).is_steady);
        std::fs::create_dir(dir.path().join("dev")).unwrap();
        std::fs::write(dir.path().join("dev/null"), "").unwrap();
        assert!(!Clock::of(&root).is_steady);
    }
}
