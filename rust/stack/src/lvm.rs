//! Logical volumes of LVM2.
//!
//! A volume is its segments one behind the other; a segment maps extents of
//! physical volumes or of other, hidden volumes. Source: lvm2, lvmraid(7) and
//! `lib/format_text`.

use crate::build::{Ground, Layer, Virtual, active, counts};
use crate::lvm_raid;
use crate::map::{Concat, count};
use crate::mapped::Mapped;
use crate::node::{Node, Slice};
use crate::refusal::Refusal;
use crate::thin::{Mapping, Thin};
use crate::zones::{Rounds, Zones};
use asl_facts::{
    Content, Device, Format, Health, LogicalVolume, MemberStanding, Pool, PoolFlag, Segment,
    VolumeGroup, VolumePart,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Volumes whose needs lead deeper than this lead in a circle.
const MAX_DEPTH: u32 = 16;
/// Segments that the volumes of a group may lead to together: hidden volumes
/// may name each other many times over.
const MAX_SEGMENTS: u32 = 65_536;
/// While these stand, where the data is depends on how far a move has come.
const UNDER_WAY: &[&str] = &[
    "PVMOVE",
    "CONVERTING",
    "MERGING",
    "RESHAPE",
    "RESHAPE_DATA_OFFSET",
    "RESHAPE_DELTA_DISKS_PLUS",
    "RESHAPE_DELTA_DISKS_MINUS",
    "REMOVE_AFTER_RESHAPE",
];

pub(crate) fn volumes(ground: &Ground<'_>, pool: &Pool) -> Vec<Virtual> {
    let Some((group, features)) = newest(ground, pool) else {
        return Vec::new();
    };
    let shown = group
        .logical
        .iter()
        .filter(|volume| is_shown(group, volume));
    let reader = Reader {
        ground,
        pool,
        group,
        parts: group
            .physical
            .iter()
            .map(|p| (p.name.as_str(), p))
            .collect(),
        volumes: group.logical.iter().map(|v| (v.name.as_str(), v)).collect(),
        used: RefCell::default(),
        left: Cell::new(MAX_SEGMENTS),
    };
    shown
        .map(|volume| {
            let node = match features.first() {
                Some(feature) => Err(Refusal::Feature(feature.clone())),
                None => reader.top(volume),
            };
            let extents = extents(volume);
            Virtual {
                layer: Layer::LogicalVolume,
                name: format!("{}/{}", group.name, volume.name),
                id: format!("{}/{}", group.id, volume.id),
                size: extents.saturating_mul(group.extent_size),
                stack: reader.used.take().into_iter().collect(),
                partition: None,
                degraded: pool.health != Health::Complete,
                node,
            }
        })
        .collect()
}

/// The newest text of the group, and what in it is not known.
fn newest<'a>(ground: &Ground<'a>, pool: &Pool) -> Option<(&'a VolumeGroup, &'a [String])> {
    let texts = pool.members.iter().filter_map(|member| {
        let device = ground.device(&member.device)?;
        let mut signatures = device.probe.signatures().iter();
        let signature = signatures.find(|signature| {
            signature.offset == member.offset && signature.format == Format::Lvm2
        })?;
        let superblock = signature.superblock()?;
        match &superblock.content {
            Content::PhysicalVolume(volume) => Some((
                volume.group.as_ref()?,
                superblock.unknown_features.as_slice(),
            )),
            _ => None,
        }
    });
    texts.max_by_key(|(group, _)| group.seqno)
}

/// Whether a person sees it: a snapshot by the name of what keeps its
/// changes, which is hidden, and not by that of the volume that joins the two.
fn is_shown(group: &VolumeGroup, volume: &LogicalVolume) -> bool {
    if volume
        .segments
        .iter()
        .any(|segment| segment.kind == "snapshot")
    {
        return false;
    }
    let keeps_changes = |segment: &Segment| {
        ["cow_store", "merging_store"]
            .iter()
            .any(|key| need(segment, key) == Some(&volume.name))
    };
    volume.status.iter().any(|word| word == "VISIBLE") || snapshots(group).any(keeps_changes)
}

fn snapshots(group: &VolumeGroup) -> impl Iterator<Item = &Segment> {
    let segments = group.logical.iter().flat_map(|volume| &volume.segments);
    segments.filter(|segment| segment.kind == "snapshot")
}

/// The volume that a segment names so.
fn need<'a>(segment: &'a Segment, key: &str) -> Option<&'a String> {
    let mut needs = segment.needs.iter();
    needs.find(|(known, _)| known == key).map(|(_, name)| name)
}

fn extents(volume: &LogicalVolume) -> u64 {
    let extents = volume.segments.iter().map(|segment| segment.extents);
    extents.fold(0, u64::saturating_add)
}

/// Follows one volume down to physical ones.
pub(crate) struct Reader<'g, 'a> {
    ground: &'g Ground<'a>,
    pool: &'g Pool,
    group: &'a VolumeGroup,
    parts: HashMap<&'a str, &'a VolumePart>,
    volumes: HashMap<&'a str, &'a LogicalVolume>,
    /// Devices that the volume stands on.
    used: RefCell<BTreeSet<String>>,
    /// Segments that may still be followed.
    left: Cell<u32>,
}

impl<'a> Reader<'_, 'a> {
    /// A volume that the group shows.
    fn top(&self, volume: &'a LogicalVolume) -> Result<Node, Refusal> {
        if let Some(refusal) = active(self.pool) {
            return Err(refusal);
        }
        if self.pool.flags.contains(&PoolFlag::SplitBrain) {
            return Err(Refusal::SplitBrain);
        }
        for segment in snapshots(self.group) {
            let names = |key| need(segment, key) == Some(&volume.name);
            // It holds the changes only.
            if names("cow_store") {
                return Err(Refusal::Kind("snapshot".to_owned()));
            }
            // The changes of the snapshot go into its origin.
            if names("merging_store") || names("origin") && need(segment, "merging_store").is_some()
            {
                return Err(Refusal::UnderWay("a merge".to_owned()));
            }
        }
        // A thin snapshot becomes its origin.
        let mut segments = self.group.logical.iter().flat_map(|known| {
            let segments = known.segments.iter();
            segments.map(|segment| (known.name.as_str(), segment))
        });
        let merges = |(name, segment): (&str, &Segment)| {
            let into = need(segment, "merge");
            into.is_some_and(|into| *into == volume.name || name == volume.name)
        };
        if segments.any(merges) {
            return Err(Refusal::UnderWay("a merge".to_owned()));
        }
        self.volume(volume, MAX_DEPTH)
    }

    pub(crate) fn extent_size(&self) -> u64 {
        self.group.extent_size
    }

    /// A volume by name, with its extents.
    pub(crate) fn named(&self, name: &str, depth: u32) -> Result<(Node, u64), Refusal> {
        let volume = self.volumes.get(name).copied();
        let volume = volume.ok_or_else(|| Refusal::Missing(vec![name.to_owned()]))?;
        Ok((self.volume(volume, depth)?, extents(volume)))
    }

    fn volume(&self, volume: &'a LogicalVolume, depth: u32) -> Result<Node, Refusal> {
        let circle = Refusal::Geometry("its volumes lead in a circle");
        let depth = depth.checked_sub(1).ok_or(circle)?;
        if let Some(word) = volume
            .status
            .iter()
            .find(|w| UNDER_WAY.contains(&w.as_str()))
        {
            return Err(Refusal::UnderWay(word.to_lowercase()));
        }
        let mut nodes = Vec::new();
        for segment in &volume.segments {
            let left = self.left.get().checked_sub(1);
            let left = left.ok_or(Refusal::Geometry("its volumes lead to too many segments"))?;
            self.left.set(left);
            nodes.push(self.segment(segment, depth)?);
        }
        if nodes.len() == 1
            && let Some(node) = nodes.pop()
        {
            return Ok(node);
        }
        let map = Concat::new(nodes.iter().map(|node| node.size())).ok_or(TOO_LARGE)?;
        Ok(Arc::new(Mapped::new(
            map,
            nodes.into_iter().map(Some).collect(),
        )))
    }

    fn segment(&self, segment: &'a Segment, depth: u32) -> Result<Node, Refusal> {
        let bytes = |extents: u64| extents.checked_mul(self.group.extent_size);
        match segment.kind.as_str() {
            "linear" => match segment.places.as_slice() {
                [(name, extent)] => self.run(name, *extent, segment.extents, depth),
                _ => Err(Refusal::Geometry("a linear segment has one place")),
            },
            "striped" => {
                let stripes = count(&segment.places);
                let share = segment.extents.checked_div(stripes).unwrap_or(0);
                let nodes = segment
                    .places
                    .iter()
                    .map(|(name, extent)| self.run(name, *extent, share, depth).map(Some))
                    .collect::<Result<Vec<_>, _>>()?;
                let sizes = vec![bytes(share).ok_or(TOO_LARGE)?; nodes.len()];
                let map = Zones::new(&sizes, segment.stripe, Rounds::Zone).ok_or(TOO_LARGE)?;
                if bytes(segment.extents) != Some(crate::map::Map::size(&map)) {
                    return Err(Refusal::Geometry("an extent is no whole number of stripes"));
                }
                Ok(Arc::new(Mapped::new(map, nodes)))
            }
            kind if kind.starts_with("raid") => lvm_raid::segment(self, segment, depth),
            "thin" => self.thin(segment, depth),
            other => Err(Refusal::Kind(other.to_owned())),
        }
    }

    /// A thin volume, which is one segment: a number in its pool.
    fn thin(&self, segment: &'a Segment, depth: u32) -> Result<Node, Refusal> {
        const POOL: Refusal = Refusal::Geometry("a thin volume without a pool");
        let pool = need(segment, "thin_pool").and_then(|name| self.volumes.get(name.as_str()));
        let pool = pool.and_then(|pool| pool.segments.first()).ok_or(POOL)?;
        let number = |segment: &Segment, key| {
            let mut numbers = segment.numbers.iter();
            numbers.find(|(known, _)| known == key).map(|(_, n)| *n)
        };
        let mapping = Mapping {
            device: number(segment, "device_id").ok_or(POOL)?,
            transaction: number(pool, "transaction_id").ok_or(POOL)?,
            chunk: number(pool, "chunk_size")
                .and_then(|sectors| sectors.checked_mul(512))
                .filter(|chunk| *chunk != 0)
                .ok_or(POOL)?,
            size: segment
                .extents
                .checked_mul(self.group.extent_size)
                .ok_or(TOO_LARGE)?,
        };
        if segment.start != 0 {
            return Err(Refusal::Geometry("a thin volume of several segments"));
        }
        let node = |name| Ok::<_, Refusal>(self.named(name, depth)?.0);
        let meta = node(need(pool, "metadata").ok_or(POOL)?)?;
        let data = node(need(pool, "pool").ok_or(POOL)?)?;
        let under = need(segment, "external_origin").map(|name| node(name));
        let under = under.transpose()?;
        Ok(Arc::new(Thin::new(meta, data, under, mapping)))
    }

    /// Extents of a physical volume, or of another logical one.
    fn run(&self, name: &str, extent: u64, extents: u64, depth: u32) -> Result<Node, Refusal> {
        let bytes = |extents: u64| extents.checked_mul(self.group.extent_size);
        let (node, base) = match self.parts.get(name) {
            Some(part) => {
                let device = self.device(&part.id, part.missing)?;
                self.used.borrow_mut().insert(device.name.clone());
                (self.ground.open(device)?, part.data_offset)
            }
            None => (self.named(name, depth)?.0, 0),
        };
        let start = bytes(extent).and_then(|start| start.checked_add(base));
        let slice = start
            .zip(bytes(extents))
            .and_then(|(start, len)| Slice::of(node, start, len));
        let slice = slice.ok_or_else(|| Refusal::Outside(name.to_owned()))?;
        Ok(Arc::new(slice))
    }

    /// The device with this physical volume. One without a copy of the text is
    /// no member of the pool, and here all the same.
    fn device(&self, id: &str, missing: bool) -> Result<&'a Device, Refusal> {
        if missing {
            // It may have come back, without what was written meanwhile.
            return Err(Refusal::Missing(vec![id.to_owned()]));
        }
        let mut found = self.ground.devices.iter().filter(|device| {
            let mut signatures = device.probe.signatures().iter();
            signatures.any(|signature| {
                let has_id = |uuid: Option<&str>| uuid == Some(id);
                signature.format == Format::Lvm2
                    && counts(signature)
                    && signature
                        .superblock()
                        .is_some_and(|superblock| has_id(superblock.uuid.as_deref()))
            })
        });
        let device = found.next();
        let device = device.ok_or_else(|| Refusal::Missing(vec![id.to_owned()]))?;
        if found.next().is_some() {
            return Err(Refusal::Duplicate(id.to_owned()));
        }
        let mut members = self.pool.members.iter();
        match members.find(|member| member.device == device.name) {
            Some(member) if member.standing != MemberStanding::Current => {
                Err(Refusal::Missing(vec![id.to_owned()]))
            }
            _ => Ok(device),
        }
    }
}

pub(crate) const TOO_LARGE: Refusal = Refusal::Geometry("no volume is that large");
