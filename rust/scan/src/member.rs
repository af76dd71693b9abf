//! Devices that are read, by themselves or through views.

use crate::open;
use crate::root::Root;
use asl_facts::Device;
use asl_probe::ReadAt;
use asl_stack::{Named, Node};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// A device that is opened by the first read, in the thread whose deadline
/// that is: to open a sick device can take minutes.
pub(crate) struct Member {
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

    /// The open device, or the system's words.
    pub(crate) fn open(&self) -> Result<&open::Node<Arc<OwnedFd>>, &str> {
        let opened = self.opened.get_or_init(|| {
            open::node(&self.root, &self.node, &self.devnum, self.size)
                .map_err(|error| error.to_string())
        });
        opened.as_ref().map_err(String::as_str)
    }

    fn named(&self, error: &str) -> io::Error {
        io::Error::other(format!("{}: {error}", self.node))
    }
}

impl ReadAt for Member {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self.open() {
            Ok(node) => node.read_at(offset, buf),
            Err(error) => Err(self.named(error)),
        }
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Devices by their names, each open at most once, whatever stands on it.
#[derive(Clone, Default)]
pub(crate) struct Members(BTreeMap<String, (Arc<Member>, Node)>);

impl Members {
    pub(crate) fn of<'a>(root: &Root, devices: impl IntoIterator<Item = &'a Device>) -> Self {
        let members = devices.into_iter().map(|device| {
            let member = Arc::new(Member::of(root, device));
            let node: Node = Arc::new(Named::new(device.name.clone(), member.clone()));
            (device.name.clone(), (member, node))
        });
        Self(members.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<(&Member, &Node)> {
        let (member, node) = self.0.get(name)?;
        Some((member, node))
    }

    /// The descriptors of these devices, for a child, and their sizes.
    pub(crate) fn handed_over<'a>(
        &'a self,
        names: &[String],
    ) -> io::Result<Vec<(BorrowedFd<'a>, u64)>> {
        let names = names.iter();
        names
            .map(|name| {
                let unknown = || io::Error::other(format!("{name}: no such device"));
                let (member, _) = self.get(name).ok_or_else(unknown)?;
                let node = member.open().map_err(|error| member.named(error))?;
                Ok((node.as_fd(), member.size))
            })
            .collect()
    }
}
