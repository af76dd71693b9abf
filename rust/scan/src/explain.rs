//! One device or image file, with every step of its probe.

use crate::root::Root;
use crate::work::{PROBE_BUDGET, fault, told};
use crate::{Options, ScanError, open, unread};
use asl_facts::{Device, IoFault, Probe};
use asl_probe::{Explanation, Fault, Metered, Probed, Step};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A device and how its probe went.
#[derive(Debug)]
pub struct Explained {
    /// The device, its signatures with their standing. Nobody looked inside.
    pub device: Device,
    /// What the probe did, in order; nothing if it came to no end in time.
    pub steps: Vec<Step>,
    /// Steps beyond those that are kept.
    pub left_out: u64,
    /// Why each signature has its standing, a sentence each.
    pub reasons: Vec<String>,
}

/// Probes one device or image file and says how.
///
/// # Errors
/// It does not exist, or it is neither a block device nor a file.
pub fn explain_path(path: &Path) -> Result<Explained, ScanError> {
    let root = Root::new(Path::new("/"));
    let mut device = unread(&root, path)?;
    let wait = Options::default().limits().patient().silence;
    let (probe, steps, left_out) = match in_time(&root, &device, wait) {
        Ok((explanation, reads, bytes)) => (
            read(explanation.outcome, reads, bytes),
            explanation.steps,
            explanation.left_out,
        ),
        Err(probe) => (probe, Vec::new(), 0),
    };
    device.probe = probe;
    asl_topology::rank(std::slice::from_mut(&mut device));
    let reasons = asl_topology::reasons(std::slice::from_ref(&device));
    Ok(Explained {
        device,
        steps,
        left_out,
        reasons: reasons.into_iter().next().unwrap_or_default(),
    })
}

/// The explanation, reads and bytes, within `wait`: a thread whose read hangs
/// in the kernel is left behind.
fn in_time(root: &Root, device: &Device, wait: Duration) -> Result<(Explanation, u64, u64), Probe> {
    let node = open::node(root, &device.node, &device.devnum, device.size)
        .map_err(|error| failed(&error))?;
    let given_up = Arc::new(AtomicBool::new(false));
    let (sender, answer) = channel();
    let flag = given_up.clone();
    thread::Builder::new()
        .name("explain".to_owned())
        .spawn(move || {
            let dev = Metered::new(node, PROBE_BUDGET, flag);
            let explanation = asl_probe::explain(&dev);
            // Nobody listens any more after the deadline.
            let _ = sender.send((explanation, dev.reads(), dev.bytes()));
        })
        .map_err(|error| failed(&error))?;
    answer.recv_timeout(wait).map_err(|error| match error {
        RecvTimeoutError::Timeout => {
            given_up.store(true, Ordering::Relaxed);
            Probe::TimedOut {
                after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            }
        }
        RecvTimeoutError::Disconnected => failed(&"the probe panicked"),
    })
}

fn read(outcome: Result<Probed, Fault>, reads: u64, bytes: u64) -> Probe {
    match outcome {
        Ok(probed) => told(probed, reads, bytes),
        Err(failed) => Probe::Failed(fault(&failed)),
    }
}

/// It did not come to a probe.
fn failed(error: &dyn std::fmt::Display) -> Probe {
    Probe::Failed(IoFault {
        offset: None,
        error: error.to_string(),
    })
}
