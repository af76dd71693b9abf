//! What stands on the devices and is not activated, read through them.

use crate::open;
use crate::pool::Pool;
use crate::root::Root;
use crate::work::{BUDGET, fault, look_inside};
use asl_facts::{Device, IoFault, Probe, Virtuals};
use asl_probe::{Metered, ReadAt};
use asl_stack::Node;
use asl_tree::Shared;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Probes what `devices` make up and looks inside, layer by layer, each view
/// under `deadline` as if it were a device.
pub(crate) fn see_through(root: &Root, devices: &[Device], deadline: Duration) -> Virtuals {
    let open = |device: &Device| -> Option<Node> { Some(Arc::new(Member::of(root, device))) };
    let mut read = |views: Vec<(String, Node)>| {
        let names: Vec<String> = views.iter().map(|(name, _)| name.clone()).collect();
        // A view has several descriptors, and a jailed reader one: these looks
        // stay in the thread.
        let mut pool = Pool::new(deadline, None);
        for (name, node) in views {
            pool.add(&name, move |patience| probe(node, patience.given_up));
        }
        pool.finish();
        let probes = names.into_iter().filter_map(|name| {
            let probe = pool.take(&name)?;
            Some((name, probe))
        });
        probes.collect::<BTreeMap<String, Probe>>()
    };
    asl_stack::see_through(devices, &open, &mut read)
}

fn probe(node: Node, given_up: Arc<AtomicBool>) -> Probe {
    let dev = Arc::new(Metered::new(node, BUDGET, given_up));
    let probed = match asl_probe::probe(&*dev) {
        Ok(probed) => probed,
        Err(failed) => return Probe::Failed(fault(&failed)),
    };
    let mut signatures = probed.signatures;
    let shared: Shared = dev.clone();
    for signature in &mut signatures {
        look_inside(signature, |format, superblock| {
            asl_tree::look(&shared, format, superblock)
        });
    }
    Probe::Read {
        reads: u32::try_from(dev.reads()).unwrap_or(u32::MAX),
        bytes: dev.bytes(),
        blank: probed.blank,
        faults: probed.faults.iter().map(fault).collect::<Vec<IoFault>>(),
        signatures,
    }
}

/// A device under a view. It is opened by the first read, in the thread whose
/// deadline that is: to open a sick device can take minutes.
struct Member {
    root: Root,
    node: String,
    devnum: String,
    size: u64,
    opened: OnceLock<Result<open::Node<Arc<OwnedFd>>, String>>,
}

impl Member {
    fn of(root: &Root, device: &Device) -> Self {
        Self {
            root: root.clone(),
            node: device.node.clone(),
            devnum: device.devnum.clone(),
            size: device.size,
            opened: OnceLock::new(),
        }
    }
}

impl ReadAt for Member {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let opened = self.opened.get_or_init(|| {
            open::node(&self.root, &self.node, &self.devnum, self.size)
                .map_err(|error| format!("{}: {error}", self.node))
        });
        match opened {
            Ok(node) => node.read_at(offset, buf),
            Err(why) => Err(io::Error::other(why.clone())),
        }
    }

    fn size(&self) -> u64 {
        self.size
    }
}
