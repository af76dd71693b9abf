//! The work on one device.

use crate::jail::{Answer, Failure, Reader, Request};
use crate::open::{self, Node};
use crate::root::Root;
use asl_facts::{
    Content, Device, DeviceKind, Format, IoFault, Look, Outcome, Probe, Signature, Superblock,
};
use asl_probe::{Fault, Metered, ReadAt};
use asl_tree::Shared;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Most bytes that are read of one device. A journal of 1 GiB may have to be
/// read whole; what needs more was made to.
pub(crate) const BUDGET: u64 = 2 << 30;

/// How long somebody waits for a device.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    /// Set when nobody waits any more.
    pub(crate) given_up: Arc<AtomicBool>,
    /// When a child has to have answered: earlier, so that one which hangs
    /// does not take the device's signatures with it.
    pub(crate) until: Instant,
}

/// What a thread needs to know of its device.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    node: String,
    devnum: String,
    size: u64,
    kind: DeviceKind,
    reader: Option<Reader>,
}

impl Task {
    pub(crate) fn of(device: &Device, reader: Option<&Reader>) -> Self {
        Self {
            node: device.node.clone(),
            devnum: device.devnum.clone(),
            size: device.size,
            kind: device.kind,
            reader: reader.cloned(),
        }
    }

    /// Opens the device, probes it and looks inside.
    pub(crate) fn run(&self, root: &Root, patience: Patience) -> Probe {
        match open::node(root, &self.node, &self.devnum, self.size) {
            Ok(node) => self.read(node, patience),
            Err(error) => self.failed(None, &error),
        }
    }

    fn read(&self, node: Node<Arc<OwnedFd>>, patience: Patience) -> Probe {
        let dev = Arc::new(Metered::new(node.clone(), BUDGET, patience.given_up));
        let probed = match asl_probe::probe(&*dev) {
            Ok(probed) => probed,
            Err(fault) => return self.failed(Some(fault.offset), &fault.error),
        };
        let mut inside = Inside {
            reader: self.reader.as_ref(),
            until: patience.until,
            node: &node,
            dev: &dev,
            reads: 0,
            bytes: 0,
        };
        let mut signatures = probed.signatures;
        for signature in &mut signatures {
            look_inside(signature, |format, superblock| {
                inside.read(format, superblock)
            });
        }
        Probe::Read {
            reads: u32::try_from(dev.reads().saturating_add(inside.reads)).unwrap_or(u32::MAX),
            bytes: dev.bytes().saturating_add(inside.bytes),
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

/// Looks into the file system of `signature` by `read`, if it is one and
/// nobody has looked yet.
pub(crate) fn look_inside(
    signature: &mut Signature,
    read: impl FnOnce(Format, &Superblock) -> Look,
) {
    let format = signature.format;
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
    let look = match format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 if copy_only => {
            unreadable("only a copy of its superblock is sound, which does not know its journal")
        }
        _ => read(format, superblock),
    };
    if let Content::Filesystem(filesystem) = &mut superblock.content {
        filesystem.look = look;
    }
}

/// The looks into one device.
struct Inside<'a> {
    reader: Option<&'a Reader>,
    until: Instant,
    node: &'a Node<Arc<OwnedFd>>,
    dev: &'a Arc<Metered<Node<Arc<OwnedFd>>>>,
    /// What the children read.
    reads: u64,
    bytes: u64,
}

impl Inside<'_> {
    fn read(&mut self, format: Format, superblock: &Superblock) -> Look {
        let Some(reader) = self.reader else {
            let shared: Shared = self.dev.clone();
            return asl_tree::look(&shared, format, superblock);
        };
        // No child for what no reader would touch.
        if let Some(refusal) = asl_tree::refusal(format, superblock) {
            return refusal;
        }
        match self.ask(reader, format, superblock) {
            Ok(answer) => {
                self.reads = self.reads.saturating_add(answer.reads);
                self.bytes = self.bytes.saturating_add(answer.bytes);
                answer.look
            }
            Err(failure) => unreadable(format!("the reader of {format} {failure}")),
        }
    }

    fn ask(
        &self,
        reader: &Reader,
        format: Format,
        superblock: &Superblock,
    ) -> Result<Answer, Failure> {
        let spent = self.dev.bytes().saturating_add(self.bytes);
        let request = Request {
            format,
            superblock: superblock.clone(),
            size: self.node.size(),
            budget: BUDGET.saturating_sub(spent),
        };
        let device = self.node.handed_over().map_err(Failure::Start)?;
        reader.ask(device, &request, self.until)
    }
}

fn unreadable(why: impl Into<String>) -> Look {
    Look::Unreadable { why: why.into() }
}
