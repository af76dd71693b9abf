//! How nodes are made, in words that another process understands.
//!
//! A reader in a process of its own has descriptors and no views. A [`Plan`]
//! says how to make them: a flat list, in which each part stands on earlier
//! ones, so that no plan leads in a circle and none is deep to parse.

use crate::lvm_raid::Guarded;
use crate::map::AnyMap;
use crate::mapped::Mapped;
use crate::node::{Node, Slice};
use crate::thin::{Mapping, Thin};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// How one node came about.
#[derive(Debug)]
pub enum Made<'a> {
    /// It is a device of this name.
    Device(&'a str),
    /// It is a view.
    View(Part),
}

/// One node of a plan; numbers are those of earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A device, by its place in the list of devices.
    Device(usize),
    /// Some bytes of a node.
    Slice {
        /// The node.
        of: usize,
        /// First byte.
        start: u64,
        /// Bytes.
        len: u64,
        /// What is lost of the node.
        bad: Vec<Range<u64>>,
    },
    /// Members that make up a whole.
    Mapped {
        /// Where the bytes are.
        map: Geometry,
        /// The members; none for one that is missing.
        members: Vec<Option<usize>>,
    },
    /// Data that count only if the metadata of all images agree.
    Guarded {
        /// Which images are read.
        used: Vec<bool>,
        /// Their metadata.
        meta: Vec<Option<usize>>,
        /// The data.
        data: usize,
    },
    /// A thin volume of a pool.
    Thin {
        /// Metadata of the pool.
        meta: usize,
        /// Its data.
        data: usize,
        /// What is read where nothing is mapped.
        under: Option<usize>,
        /// What the group says of it.
        mapping: Mapping,
    },
}

/// Where the bytes of a whole are on its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Geometry(pub(crate) AnyMap);

/// Nodes that can be made again elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(Vec<Part>);

/// Why a plan makes no nodes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// It names something that is not there.
    #[error("part {part} stands on {on}, which is none before it")]
    Order {
        /// Number of the part.
        part: usize,
        /// What it names.
        on: usize,
    },
    /// It names a device that was not handed over.
    #[error("part {part} is device {device}, of {devices}")]
    Device {
        /// Number of the part.
        part: usize,
        /// The device.
        device: usize,
        /// Number of devices.
        devices: usize,
    },
    /// It ends past what it is a part of.
    #[error("part {part} ends past part {on}")]
    Outside {
        /// Number of the part.
        part: usize,
        /// What it is a part of.
        on: usize,
    },
}

impl Plan {
    /// The nodes of all parts over `devices`.
    ///
    /// # Errors
    /// It is no plan for these devices.
    pub fn nodes(self, devices: &[Node]) -> Result<Vec<Node>, Garbled> {
        let mut nodes: Vec<Node> = Vec::new();
        for (part, of) in self.0.into_iter().enumerate() {
            nodes.push(of.node(part, devices, &nodes)?);
        }
        Ok(nodes)
    }
}

impl Part {
    fn node(self, part: usize, devices: &[Node], nodes: &[Node]) -> Result<Node, Garbled> {
        let below = |on: usize| nodes.get(on).cloned().ok_or(Garbled::Order { part, on });
        let all = |those: Vec<Option<usize>>| -> Result<Vec<Option<Node>>, Garbled> {
            those
                .into_iter()
                .map(|on| on.map(below).transpose())
                .collect()
        };
        Ok(match self {
            Part::Device(device) => {
                let known = devices.get(device).cloned();
                known.ok_or(Garbled::Device {
                    part,
                    device,
                    devices: devices.len(),
                })?
            }
            Part::Slice {
                of,
                start,
                len,
                bad,
            } => {
                let slice = Slice::of(below(of)?, start, len);
                let slice = slice.ok_or(Garbled::Outside { part, on: of })?;
                Arc::new(slice.without_ranges(bad))
            }
            Part::Mapped { map, members } => Arc::new(Mapped::new(map.0, all(members)?)),
            Part::Guarded { used, meta, data } => {
                Arc::new(Guarded::new(below(data)?, used, all(meta)?))
            }
            Part::Thin {
                meta,
                data,
                under,
                mapping,
            } => {
                let under = under.map(below).transpose()?;
                Arc::new(Thin::new(below(meta)?, below(data)?, under, mapping))
            }
        })
    }
}

/// Writes a plan.
#[derive(Default)]
pub struct Planner {
    parts: Vec<Part>,
    devices: Vec<String>,
    /// Number of each node by its address, and the node, whose address is
    /// not used again while it is kept.
    known: HashMap<*const (), (usize, Node)>,
}

impl Planner {
    /// The number of `node` in the plan, which it and all below become parts
    /// of.
    pub fn add(&mut self, node: &Node) -> usize {
        let address = Arc::as_ptr(node).cast::<()>();
        if let Some((number, _)) = self.known.get(&address) {
            return *number;
        }
        let part = match node.made(&mut |below| self.add(below)) {
            Made::Device(name) => Part::Device(self.device(name)),
            Made::View(part) => part,
        };
        let number = self.parts.len();
        self.parts.push(part);
        self.known.insert(address, (number, node.clone()));
        number
    }

    fn device(&mut self, name: &str) -> usize {
        let known = self.devices.iter().position(|device| device == name);
        known.unwrap_or_else(|| {
            self.devices.push(name.to_owned());
            self.devices.len().saturating_sub(1)
        })
    }

    /// The plan, and the names of the devices in the order in which
    /// [`Plan::nodes`] wants them.
    #[must_use]
    pub fn finish(self) -> (Plan, Vec<String>) {
        (Plan(self.parts), self.devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::{Concat, Mirror};
    use crate::node::Named;

    fn disk(name: &str, first: u8) -> Node {
        let bytes: Vec<u8> = (first..).take(100).collect();
        Arc::new(Named::new(name, bytes))
    }

    fn read(node: &Node) -> Vec<u8> {
        let mut bytes = vec![0; 300];
        let count = node.read_at(0, &mut bytes).unwrap();
        bytes.truncate(count);
        bytes
    }

    /// Two slices of one disk and one of another behind each other, in a
    /// mirror whose first member is missing.
    fn whole(disks: &[Node]) -> Node {
        let slice = |disk: &Node, start, len| -> Option<Node> {
            let slice = Slice::of(disk.clone(), start, len).unwrap();
            Some(Arc::new(slice.without(&[(90, 1)])))
        };
        let parts = vec![
            slice(&disks[0], 10, 20),
            slice(&disks[1], 0, 50),
            slice(&disks[0], 50, 30),
        ];
        let map = Concat::new([20, 50, 30]).unwrap();
        let concat: Node = Arc::new(Mapped::new(map, parts));
        let mirror = Mirror {
            members: 2,
            size: 100,
        };
        Arc::new(Mapped::new(mirror, vec![None, Some(concat)]))
    }

    #[test]
    fn a_node_that_was_made_again_reads_the_same() {
        let disks = [disk("b", 0), disk("a", 100)];
        let node = whole(&disks);
        let mut planner = Planner::default();
        let number = planner.add(&node);
        assert_eq!(planner.add(&node), number);
        let (plan, devices) = planner.finish();
        assert_eq!(devices, ["b", "a"]);
        // Each disk, slice and map once.
        assert_eq!(plan.0.len(), 7);
        let json = serde_json::to_string(&plan).unwrap();
        let plan: Plan = serde_json::from_str(&json).unwrap();
        let again = plan.nodes(&disks).unwrap().swap_remove(number);
        assert_eq!(read(&again), read(&node));
        assert_eq!(read(&again).len(), 100);
    }

    #[test]
    fn a_plan_that_was_not_made_here_makes_nothing() {
        let disks = [disk("a", 0)];
        let slice = |of, len| Part::Slice {
            of,
            start: 0,
            len,
            bad: Vec::new(),
        };
        let nodes = |parts| Plan(parts).nodes(&disks).err();
        assert_eq!(
            nodes(vec![slice(0, 1)]),
            Some(Garbled::Order { part: 0, on: 0 })
        );
        assert_eq!(
            nodes(vec![Part::Device(0), slice(0, 101)]),
            Some(Garbled::Outside { part: 1, on: 0 })
        );
        let device = Garbled::Device {
            part: 0,
            device: 1,
            devices: 1,
        };
        assert_eq!(nodes(vec![Part::Device(1)]), Some(device));
        assert_eq!(nodes(vec![Part::Device(0), slice(0, 100)]), None);
    }
}
