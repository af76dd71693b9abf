//! From devices and pools to views.

use crate::node::Node;
use crate::refusal::Refusal;
use crate::{lvm, md, table};
use asl_facts::{Device, Format, Partition, Pool, Signature, Standing, Text};

/// What kind of layer a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// A partition that a table describes and the kernel does not show.
    Partition,
    /// An array.
    Array,
    /// A logical volume.
    LogicalVolume,
    /// What another format makes of its members; none of it is read yet.
    Other,
}

/// Something that devices make up and that is not activated.
pub struct Virtual {
    /// What it is.
    pub layer: Layer,
    /// Its name: `sda:p2`, `md:host:0`, `vg/lv`.
    pub name: String,
    /// What tells it from another of this name: the table's and its number,
    /// the array's UUID, the ids of group and volume.
    pub id: String,
    /// Size, bytes; 0 where it was refused before that was known.
    pub size: u64,
    /// Names of the devices that it stands on.
    pub stack: Vec<String>,
    /// Where it lies, for a partition.
    pub partition: Option<Partition>,
    /// A member is missing, or more may turn up behind another layer.
    pub degraded: bool,
    /// What reads it.
    pub node: Result<Node, Refusal>,
}

impl std::fmt::Debug for Virtual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Virtual")
            .field("name", &self.name)
            .field("stack", &self.stack)
            .field("refused", &self.node.as_ref().err())
            .finish_non_exhaustive()
    }
}

/// What the views are built from.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) devices: &'a [Device],
    pub(crate) open: &'a dyn Fn(&Device) -> Option<Node>,
}

impl<'a> Ground<'a> {
    pub(crate) fn device(&self, name: &str) -> Option<&'a Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    pub(crate) fn open(&self, device: &Device) -> Result<Node, Refusal> {
        (self.open)(device).ok_or_else(|| Refusal::Closed(device.name.clone()))
    }
}

/// A view, or a refusal, of every array, visible logical volume and partition
/// that `devices` and their `pools` make up and the kernel does not show. No
/// device is read; `open` gives what a device is read by.
#[must_use]
pub fn build(
    devices: &[Device],
    pools: &[Pool],
    open: &dyn Fn(&Device) -> Option<Node>,
) -> Vec<Virtual> {
    let ground = Ground { devices, open };
    let mut views: Vec<Virtual> = devices
        .iter()
        .flat_map(|device| table::partitions(&ground, device))
        .collect();
    for pool in pools {
        match pool.format {
            Format::Md => views.push(md::array(&ground, pool)),
            Format::Lvm2 => views.extend(lvm::volumes(&ground, pool)),
            // ZFS and btrfs are file systems themselves.
            Format::Imsm
            | Format::Ddf
            | Format::Dmraid
            | Format::Stratis
            | Format::Bcache
            | Format::Drbd
            | Format::Vdo => views.push(unread(pool)),
            _ => {}
        }
    }
    views
}

fn unread(pool: &Pool) -> Virtual {
    Virtual {
        layer: Layer::Other,
        name: format!("{}:{}", pool.format, label(pool.name.as_ref(), &pool.id)),
        id: pool.id.clone(),
        size: 0,
        stack: pool.members.iter().map(|m| m.device.clone()).collect(),
        partition: None,
        degraded: false,
        node: Err(active(pool).unwrap_or_else(|| Refusal::Kind(pool.format.to_string()))),
    }
}

/// The refusal of what the running system has already.
pub(crate) fn active(pool: &Pool) -> Option<Refusal> {
    (!pool.active.is_empty()).then(|| Refusal::Active(pool.active.join(", ")))
}

/// A name that is shown, or the id.
pub(crate) fn label(name: Option<&Text>, id: &str) -> String {
    name.map_or_else(|| id.to_owned(), Text::printable)
}

/// A signature that says what the device holds.
pub(crate) fn counts(signature: &Signature) -> bool {
    signature.standing == Standing::Content
}
