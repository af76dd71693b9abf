//! The options of a mount, checked: a plan that could write where it must not
//! is refused here, whatever decided it.

use crate::error::PlanError;
use asl_facts::{Format, LogState, Signature};

/// Every mount has these: nothing on a foreign disk is run, obeyed or opened
/// as a device.
const ALWAYS: [&str; 3] = ["nodev", "nosuid", "noexec"];

/// How a driver mounts a clean file system without one write.
#[derive(Debug)]
pub(crate) struct Driver {
    /// Type for mount(2).
    pub(crate) name: &'static str,
    /// Formats that it is used for.
    pub(crate) formats: &'static [Format],
    /// Without these it would replay a log, or refuse a copy.
    no_replay: &'static [&'static str],
    /// What is left of these where a log is replayed into a snapshot.
    replay: &'static [&'static str],
    /// With `no_replay` it replays a log in memory.
    in_memory: bool,
}

/// By experiment (kernel 6.18, sectors written and hash compared): plain `ro`
/// writes to a clean XFS. `noload` is known to the ext3 and ext4 drivers; the
/// ext2 driver refuses it, and has no log to replay. bcachefs with
/// `nochanges` shows what its journal holds and writes nothing.
const DRIVERS: [Driver; 8] = [
    Driver {
        name: "ext2",
        formats: &[Format::Ext2],
        no_replay: &[],
        replay: &[],
        in_memory: false,
    },
    Driver {
        name: "ext3",
        formats: &[Format::Ext3],
        no_replay: &["noload"],
        replay: &[],
        in_memory: false,
    },
    Driver {
        name: "ext4",
        formats: &[Format::Ext2, Format::Ext3, Format::Ext4],
        no_replay: &["noload"],
        replay: &[],
        in_memory: false,
    },
    Driver {
        name: "xfs",
        formats: &[Format::Xfs],
        no_replay: &["norecovery", "nouuid"],
        replay: &["nouuid"],
        in_memory: false,
    },
    Driver {
        name: "btrfs",
        formats: &[Format::Btrfs],
        no_replay: &["rescue=nologreplay"],
        replay: &[],
        in_memory: false,
    },
    Driver {
        name: "vfat",
        formats: &[Format::Vfat],
        no_replay: &[],
        replay: &[],
        in_memory: false,
    },
    Driver {
        name: "exfat",
        formats: &[Format::Exfat],
        no_replay: &[],
        replay: &[],
        in_memory: false,
    },
    Driver {
        name: "bcachefs",
        formats: &[Format::Bcachefs],
        no_replay: &["nochanges"],
        replay: &[],
        in_memory: true,
    },
];

/// What a mount may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: the log is left alone.
    Read,
    /// Replay the log, for it stands on a snapshot in memory.
    Replay,
    /// Everything, by consent.
    Write,
}

impl Driver {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Driver> {
        DRIVERS.iter().find(|driver| driver.name == name)
    }

    /// A log that needs replay may be mounted.
    pub(crate) fn takes_replay(&self, access: Access) -> bool {
        self.in_memory || access != Access::Read
    }

    fn is_btrfs(&self) -> bool {
        self.formats.contains(&Format::Btrfs)
    }

    /// The options of a step for `node`, whose other devices are `others`.
    pub(crate) fn options(
        &self,
        node: &str,
        options: &[String],
        others: &[String],
        access: Access,
    ) -> Result<Vec<String>, PlanError> {
        let (mode, own) = match access {
            Access::Read => ("ro", self.no_replay),
            Access::Replay => ("ro", self.replay),
            Access::Write => ("rw", &[][..]),
        };
        check(node, options, mode, own, |option| {
            (option == "nouuid" && self.name == "xfs")
                || (self.is_btrfs() && subvolume(option))
                || (self.is_btrfs() && option == "degraded" && access != Access::Write)
        })?;
        if !others.is_empty() && !self.is_btrfs() {
            return Err(PlanError::ForeignOption {
                node: node.to_owned(),
                option: format!("device={}", others.join(",device=")),
            });
        }
        let mut options = options.to_vec();
        // The store's path counts from the top level; a btrfs may name another
        // subvolume as its default.
        if self.is_btrfs() && !options.iter().any(|option| subvolume(option)) {
            options.push("subvolid=5".to_owned());
        }
        // Named, so that nothing has to be scanned and no other device with
        // the same id can take a member's place.
        options.extend(others.iter().map(|other| format!("device={other}")));
        Ok(options)
    }
}

/// The options of a mount of `of`: `mode`, those that every mount has and the
/// `needed` ones are there, and no others but what `may` be beside them.
pub(super) fn check(
    of: &str,
    options: &[String],
    mode: &str,
    needed: &[&str],
    may: impl Fn(&str) -> bool,
) -> Result<(), PlanError> {
    let needed: Vec<&str> = [&[mode], &ALWAYS[..], needed].concat();
    let missing = |needed: &&&str| !options.iter().any(|option| option == *needed);
    if let Some(missing) = needed.iter().find(missing) {
        return Err(PlanError::MissingOption {
            node: of.to_owned(),
            option: (*missing).to_owned(),
        });
    }
    let known = |option: &str| needed.contains(&option) || may(option);
    match options.iter().find(|option| !known(option)) {
        Some(foreign) => Err(PlanError::ForeignOption {
            node: of.to_owned(),
            option: foreign.clone(),
        }),
        None => Ok(()),
    }
}

fn subvolume(option: &str) -> bool {
    option
        .strip_prefix("subvolid=")
        .is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
}

/// How to mount what a node turned out to hold: type and options, or what
/// was seen instead of one sound, clean file system.
pub(crate) fn of_content(signatures: &[Signature]) -> Result<(&'static str, Vec<String>), String> {
    let sound: Vec<_> = signatures
        .iter()
        .filter_map(|signature| {
            let (_, filesystem) = signature.filesystem()?;
            Some((signature.format, filesystem))
        })
        .collect();
    let [(format, filesystem)] = sound.as_slice() else {
        let mut names: Vec<_> = signatures.iter().map(|one| one.format.name()).collect();
        names.dedup();
        return Err(match names.as_slice() {
            [] => "nothing that is known".to_owned(),
            names => names.join(", "),
        });
    };
    // ext4 drives its elders, and most kernels have no other driver for them.
    let takes = |driver: &&Driver| driver.formats.contains(format);
    let driver = DRIVERS.iter().rev().find(takes);
    let driver =
        driver.ok_or_else(|| format!("{format}, for which no proven options are known"))?;
    if filesystem.devices > 1 {
        return Err(format!(
            "one of {} devices of a {format}",
            filesystem.devices
        ));
    }
    if filesystem.log != LogState::Clean && !driver.in_memory {
        return Err(format!("{format} with a log that needs replay"));
    }
    let mut options = vec!["ro".to_owned()];
    let own = ALWAYS.iter().chain(driver.no_replay);
    options.extend(own.map(|option| (*option).to_owned()));
    if driver.is_btrfs() {
        options.push("subvolid=5".to_owned());
    }
    Ok((driver.name, options))
}
