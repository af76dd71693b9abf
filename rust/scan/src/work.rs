//! The work on one device.

use crate::open;
use crate::root::Root;
use asl_facts::{Content, Device, DeviceKind, Format, IoFault, Look, Outcome, Probe, Signature};
use asl_probe::{Fault, Metered, ReadAt};
use asl_tree::Shared;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Most bytes that are read of one device. A journal of 1 GiB may have to be
/// read whole; what needs more was made to.
pub(crate) const BUDGET: u64 = 2 << 30;

/// What a thread needs to know of its device.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    node: String,
    devnum: String,
    size: u64,
    kind: DeviceKind,
}

impl Task {
    pub(crate) fn of(device: &Device) -> Self {
        Self {
            node: device.node.clone(),
            devnum: device.devnum.clone(),
            size: device.size,
            kind: device.kind,
        }
    }

    /// Opens the device, probes it and looks inside.
    pub(crate) fn run(&self, root: &Root, given_up: Arc<AtomicBool>) -> Probe {
        match open::node(root, &self.node, &self.devnum, self.size) {
            Ok(node) => self.read(Arc::new(Metered::new(node, BUDGET, given_up))),
            Err(error) => self.failed(None, &error),
        }
    }

    fn read<R: ReadAt + Send + Sync + 'static>(&self, dev: Arc<Metered<R>>) -> Probe {
        let probed = match asl_probe::probe(&*dev) {
            Ok(probed) => probed,
            Err(fault) => return self.failed(Some(fault.offset), &fault.error),
        };
        let mut signatures = probed.signatures;
        let shared: Shared = dev.clone();
        for signature in &mut signatures {
            look_inside(&shared, signature);
        }
        Probe::Read {
            reads: u32::try_from(dev.reads()).unwrap_or(u32::MAX),
            bytes: dev.bytes(),
            blank: probed.blank,
            faults: probed.faults.iter().map(fault).collect(),
            signatures,
        }
    }

    fn failed(&self, offset: Option<u64>, error: &io::Error) -> Probe {
        // An empty optical drive has whatever size its last disc had, and
        // fails at the first sector.
        if self.kind == DeviceKind::Rom && offset.unwrap_or(0) == 0 {
            return Probe::Skipped {
                why: "no-medium".to_owned(),
            };
        }
        Probe::Failed(IoFault {
            offset,
            error: error.to_string(),
        })
    }
}

pub(crate) fn fault(fault: &Fault) -> IoFault {
    IoFault {
        offset: Some(fault.offset),
        error: fault.error.to_string(),
    }
}

pub(crate) fn look_inside(dev: &Shared, signature: &mut Signature) {
    let Outcome::Found(superblock) = &mut signature.outcome else {
        return;
    };
    let Content::Filesystem(filesystem) = &superblock.content else {
        return;
    };
    if filesystem.look != Look::NotLooked {
        return;
    }
    let copy_only = !superblock.damaged_copies.is_empty();
    let look = match signature.format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 if copy_only => Look::Unreadable {
            why: "only a copy of its superblock is sound, which does not know its journal"
                .to_owned(),
        },
        format => asl_tree::look(dev, format, superblock),
    };
    if let Content::Filesystem(filesystem) = &mut superblock.content {
        filesystem.look = look;
    }
}
