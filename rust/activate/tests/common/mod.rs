//! Reports as preflight would write them.

use asl_decide::{Decision, Report, Step};
use asl_facts::{
    Content, Device, DeviceKind, Evidence, Facts, Filesystem, Format, LogState, Look, Outcome,
    Partition, Probe, SCHEMA, Signature, Standing, Store, Superblock,
};
use asl_mode::ModeFile;

/// A device without anything on it.
pub(crate) fn device(name: &str, kind: DeviceKind, devnum: &str, size: u64) -> Device {
    Device {
        devnum: devnum.to_owned(),
        probe: Probe::Read {
            reads: 1,
            bytes: 512,
            blank: true,
            faults: Vec::new(),
            signatures: Vec::new(),
        },
        ..Device::new(name, kind, size)
    }
}

/// The same as a partition of `parent`.
#[allow(dead_code)]
pub(crate) fn partition(name: &str, parent: &str, devnum: &str) -> Device {
    Device {
        parent: Some(parent.to_owned()),
        partition: Some(Partition {
            number: 1,
            start: 1 << 20,
            uuid: None,
            name: None,
        }),
        ..device(name, DeviceKind::Partition, devnum, 1 << 20)
    }
}

/// Puts a file system with a store at `path` on it.
pub(crate) fn with_store(mut device: Device, format: Format, uuid: &str, path: &str) -> Device {
    device.probe = Probe::Read {
        reads: 1,
        bytes: 512,
        blank: false,
        faults: Vec::new(),
        signatures: vec![Signature {
            format,
            offset: 1024,
            standing: Standing::Content,
            outcome: Outcome::Found(Box::new(Superblock {
                uuid: Some(uuid.to_owned()),
                label: None,
                version: None,
                size: device.size,
                unknown_features: Vec::new(),
                damaged_copies: Vec::new(),
                content: Content::Filesystem(Filesystem {
                    block_size: 4096,
                    log: LogState::Clean,
                    devices: 1,
                    part: None,
                    errors: false,
                    hibernated: false,
                    look: Look::Read {
                        stores: vec![Store {
                            path: path.to_owned(),
                            root: "/".to_owned(),
                            evidence: Evidence::Marker,
                            id: Some("s1".to_owned()),
                            entries: vec!["blocks".to_owned(), "logs".to_owned()],
                        }],
                        replayed: false,
                    },
                }),
            })),
        }],
    };
    device
}

/// The options of DECISION for a format, in any order.
pub(crate) fn options(format: Format) -> Vec<String> {
    let own: &[&str] = match format {
        Format::Ext2 => &[],
        Format::Ext3 | Format::Ext4 => &["noload"],
        Format::Xfs => &["norecovery", "nouuid"],
        Format::Btrfs => &["rescue=nologreplay"],
        other => panic!("no options for {other}"),
    };
    let all = ["ro", "nodev", "nosuid", "noexec"];
    all.iter()
        .chain(own)
        .map(|option| (*option).to_owned())
        .collect()
}

/// A mount of the store at `path` on `node`.
pub(crate) fn step(node: &str, format: Format, path: &str) -> Step {
    Step::Mount {
        others: Vec::new(),
        node: node.to_owned(),
        format: format.name().to_owned(),
        options: options(format),
        store_path: path.to_owned(),
        target: "/mnt/asl/local".to_owned(),
        bind: path != "/",
    }
}

/// The report of one decision.
pub(crate) fn report(boot_id: &str, devices: Vec<Device>, steps: Vec<Step>) -> Report {
    let mut mode = ModeFile::none("sole-plain", "sole-plain", "", "");
    mode.boot_id = boot_id.to_owned();
    mode.generation = 1;
    Report {
        schema: SCHEMA,
        facts: Facts {
            devices,
            ..Facts::new(boot_id, 1)
        },
        decision: Decision {
            mode,
            steps,
            candidates: Vec::new(),
            notes: Vec::new(),
        },
    }
}
