//! The work on one device.

use crate::inside::Inside;
use crate::jail::Reader;
use crate::member::Members;
use crate::root::Root;
use asl_facts::{Device, DeviceKind, IoFault, Probe};
use asl_probe::{Fault, Meter, Metered, Probed, ReadAt};
use asl_stack::Node;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most bytes that are read of one device. A journal of 1 GiB may have to be
/// read whole; what needs more was made to.
pub(crate) const BUDGET: u64 = 2 << 30;
/// The same where nobody looks inside.
pub(crate) const PROBE_BUDGET: u64 = 256 << 20;

/// Why an empty drive was left alone.
const NO_MEDIUM: &str = "no-medium";

/// What may be read of a device, and how long a child of its thread is waited
/// for: less than the thread, so that one which hangs does not take the
/// device's signatures with it.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    /// Ends the reads when nobody waits any more, and shows that they get on.
    pub(crate) meter: Arc<Meter>,
    /// Longest time without a sign of life.
    pub(crate) silence: Duration,
    /// When it has to have answered, however lively.
    pub(crate) until: Instant,
}

/// What a thread needs to know of its device.
#[derive(Clone)]
pub(crate) struct Task {
    name: String,
    kind: DeviceKind,
    /// It alone.
    members: Members,
    reader: Option<Reader>,
}

impl Task {
    pub(crate) fn of(root: &Root, device: &Device, reader: Option<&Reader>) -> Self {
        Self {
            name: device.name.clone(),
            kind: device.kind,
            members: Members::of(root, [device]),
            reader: reader.cloned(),
        }
    }

    /// Opens the device, probes it and looks inside.
    pub(crate) fn run(&self, patience: &Patience) -> Probe {
        let Some((member, node)) = self.members.get(&self.name) else {
            return self.failed(None, "no such device".to_owned());
        };
        if let Err(error) = member.open() {
            return self.failed(None, error.to_owned());
        }
        if self.kind == DeviceKind::Rom && is_empty_drive(node) {
            return Probe::skipped(NO_MEDIUM);
        }
        read(node, &self.members, self.reader.as_ref(), patience)
            .unwrap_or_else(|fault| self.failed(Some(fault.offset), fault.error.to_string()))
    }

    fn failed(&self, offset: Option<u64>, error: String) -> Probe {
        if self.kind == DeviceKind::Rom && offset.unwrap_or(0) == 0 {
            return Probe::skipped(NO_MEDIUM);
        }
        Probe::Failed(IoFault { offset, error })
    }
}

/// An empty optical drive has whatever size its last disc had, and fails at
/// every sector: hundreds of them would be asked for to find that out. The
/// first sector of a disc may be scratched, but hardly so the one that says
/// what the disc is.
fn is_empty_drive(node: &Node) -> bool {
    const DESCRIPTOR: u64 = 32 * 1024;
    let fails = |at| node.read_at(at, &mut [0; 2048]).is_err();
    fails(0) && fails(DESCRIPTOR)
}

/// Probes a device or a view that stands on some of `members`, and looks
/// inside.
///
/// # Errors
/// Nothing was found, and a read failed.
pub(crate) fn read(
    node: &Node,
    members: &Members,
    reader: Option<&Reader>,
    patience: &Patience,
) -> Result<Probe, Fault> {
    let meter = &patience.meter;
    let mut probed = asl_probe::probe(&Metered::with(node.clone(), meter.clone()))?;
    let inside = Inside {
        reader,
        patience,
        members,
    };
    for signature in &mut probed.signatures {
        inside.look(node, signature);
    }
    Ok(told(probed, meter.reads(), meter.bytes()))
}

/// What a probe found, with what it cost.
pub(crate) fn told(probed: Probed, reads: u64, bytes: u64) -> Probe {
    Probe::Read {
        reads: u32::try_from(reads).unwrap_or(u32::MAX),
        bytes,
        blank: probed.blank,
        faults: probed.faults.iter().map(fault).collect(),
        signatures: probed.signatures,
    }
}

pub(crate) fn fault(fault: &Fault) -> IoFault {
    IoFault {
        offset: Some(fault.offset),
        error: fault.error.to_string(),
    }
}
