//! How a clean file system is mounted without one write to its disk.
//!
//! Plain `ro` is not enough: ext4 and XFS write to the disk even then, so
//! each format has the option that keeps its log from being touched. The
//! table holds what was seen to write nothing; a state without a row is
//! rule 25.

use crate::Step;
use crate::candidate::Candidate;
use asl_facts::{Format, System};

/// What every mount of a foreign disk gets: nothing on it is a device, gains
/// rights or runs.
const ALWAYS: [&str; 3] = ["nodev", "nosuid", "noexec"];

/// The name of the kernel's driver, if this system has one. ext4 drives its
/// elders, and most kernels have no other driver for them.
pub(crate) fn driver(system: &System, format: Format) -> Option<&'static str> {
    let candidates: &[&'static str] = match format {
        Format::Ext2 => &["ext2", "ext4"],
        Format::Ext3 => &["ext3", "ext4"],
        Format::Ext4 => &["ext4"],
        Format::Xfs => &["xfs"],
        Format::Btrfs => &["btrfs"],
        // No option is proven to keep the others unwritten.
        _ => &[],
    };
    let has = |name: &&&'static str| system.filesystems.iter().any(|known| known == **name);
    candidates.iter().find(has).copied()
}

/// The options of a clean file system, by its driver.
fn options(driver: &str) -> &'static [&'static str] {
    match driver {
        "ext2" => &["ro"],
        "xfs" => &["ro", "norecovery", "nouuid"],
        // Paths of stores are told from the top-level subvolume.
        "btrfs" => &["ro", "rescue=nologreplay", "subvolid=5"],
        _ => &["ro", "noload"],
    }
}

/// The step that makes the store visible on `target`.
pub(crate) fn step(system: &System, candidate: &Candidate<'_>, target: &str) -> Option<Step> {
    let (format, _) = candidate.filesystem()?;
    let driver = driver(system, format)?;
    let options = options(driver).iter().chain(&ALWAYS);
    Some(Step::Mount {
        node: candidate.device.node.clone(),
        others: Vec::new(),
        format: driver.to_owned(),
        options: options.map(|option| (*option).to_owned()).collect(),
        store_path: candidate.path.clone(),
        target: target.to_owned(),
        bind: candidate.path != "/",
    })
}
