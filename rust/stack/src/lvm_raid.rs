//! RAID volumes of LVM2: dm-raid over hidden image volumes.
//!
//! Each image has a metadata volume beside it whose superblock says which
//! images failed or are being rebuilt, which the text of the group does not.
//! It is read at the first read of the volume. Source: Linux
//! `drivers/md/dm-raid.c` (`raid_types`, `struct dm_raid_superblock`),
//! lvmraid(7).

use crate::lvm::{Reader, TOO_LARGE};
use crate::map::{AnyMap, Map, Mirror, count};
use crate::mapped::{Mapped, read_exact};
use crate::node::{Node, View};
use crate::parity::{Data, Layout, Parity, Place, Second};
use crate::plan::{Made, Part};
use crate::raid10::Raid10;
use crate::refusal::Refusal;
use crate::zones::{Rounds, Zones};
use asl_facts::Segment;
use asl_probe::ReadAt;
use std::io;
use std::sync::{Arc, OnceLock};

/// raid10 of LVM: two near copies.
const RAID10_LAYOUT: u32 = 0x102;
const RAID10_COPIES: u64 = 2;

/// How the kind maps its images.
enum Kind {
    Striped,
    Mirror,
    Raid10,
    Parity(Layout),
}

fn kind(name: &str) -> Option<Kind> {
    let layout = |place, data, second| {
        Some(Kind::Parity(Layout {
            place,
            data,
            second,
        }))
    };
    match name {
        "raid0" | "raid0_meta" => Some(Kind::Striped),
        "raid1" => Some(Kind::Mirror),
        "raid10" | "raid10_near" => Some(Kind::Raid10),
        // Not as md's: dm-raid maps it as a raid5 with the parity first.
        "raid4" => layout(Place::First, Data::Restart, Second::None),
        "raid5_n" => layout(Place::Last, Data::Restart, Second::None),
        "raid5_la" => layout(Place::Left, Data::Restart, Second::None),
        "raid5_ra" => layout(Place::Right, Data::Restart, Second::None),
        "raid5" | "raid5_ls" => layout(Place::Left, Data::Continue, Second::None),
        "raid5_rs" => layout(Place::Right, Data::Continue, Second::None),
        "raid6" | "raid6_zr" => layout(Place::Right, Data::Restart, Second::Behind),
        "raid6_nr" => layout(Place::LeftShifted, Data::Restart, Second::Behind),
        "raid6_nc" => layout(Place::Left, Data::Continue, Second::Before),
        "raid6_n_6" => layout(Place::Last, Data::Restart, Second::Behind),
        "raid6_la_6" => layout(Place::Left, Data::Restart, Second::Last),
        "raid6_ra_6" => layout(Place::Right, Data::Restart, Second::Last),
        "raid6_ls_6" => layout(Place::Left, Data::Continue, Second::Last),
        "raid6_rs_6" => layout(Place::Right, Data::Continue, Second::Last),
        _ => None,
    }
}

pub(crate) fn segment(
    reader: &Reader<'_, '_>,
    segment: &Segment,
    depth: u32,
) -> Result<Node, Refusal> {
    let kind = kind(&segment.kind).ok_or_else(|| Refusal::Kind(segment.kind.clone()))?;
    let images = Images::of(reader, segment, depth, &kind)?;
    let (members, size) = (count(&images.nodes), images.size);
    let chunk = segment.stripe;
    match kind {
        Kind::Striped => {
            let sizes = vec![size; images.nodes.len()];
            images.view(Zones::new(&sizes, chunk, Rounds::Zone))
        }
        Kind::Mirror => {
            let members = images.nodes.len();
            images.view(Some(Mirror { members, size }))
        }
        Kind::Raid10 => images.view(Raid10::new(RAID10_LAYOUT, members, chunk, size)),
        // With all images nothing has to be made good from parity.
        Kind::Parity(layout) => images.view(Parity::new(layout, members, chunk, size, false)),
    }
}

/// The images of a segment, and their metadata.
struct Images {
    nodes: Vec<Option<Node>>,
    meta: Vec<Option<Node>>,
    /// Bytes of each image, and of the whole.
    size: u64,
    whole: u64,
}

impl Images {
    fn of(
        reader: &Reader<'_, '_>,
        segment: &Segment,
        depth: u32,
        kind: &Kind,
    ) -> Result<Self, Refusal> {
        let members = count(&segment.places);
        // Data of a stripe, as a fraction of all members.
        let (data, of) = match kind {
            Kind::Striped => (members, 1),
            Kind::Mirror => (1, 1),
            Kind::Raid10 => (members, RAID10_COPIES),
            Kind::Parity(layout) => (members.saturating_sub(layout.parities()), 1),
        };
        // The text says how long the whole is; an image of another length has
        // room for a change of shape, which shifts the data.
        let share = segment.extents.checked_mul(of);
        let share = share.and_then(|extents| extents.checked_div(data));
        let fits = |extents: u64| {
            Some(extents) == share && extents.checked_mul(data) == segment.extents.checked_mul(of)
        };
        let survives = matches!(kind, Kind::Mirror | Kind::Raid10);
        let mut nodes = Vec::new();
        let mut missing = None;
        for (name, _) in &segment.places {
            match reader.named(name, depth) {
                Ok((node, extents)) if fits(extents) => nodes.push(Some(node)),
                Ok(_) => {
                    return Err(Refusal::Geometry(
                        "its images have room for a change of shape",
                    ));
                }
                Err(refusal @ Refusal::Missing(_)) if survives => {
                    nodes.push(None);
                    missing.get_or_insert(refusal);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        if let Some(refusal) = missing
            && nodes.iter().all(Option::is_none)
        {
            return Err(refusal);
        }
        let meta = segment.needs.iter().filter(|(key, _)| key == "metadata");
        let meta = meta.map(|(_, name)| reader.named(name, depth).ok().map(|(node, _)| node));
        let bytes = |extents: u64| extents.checked_mul(reader.extent_size());
        Ok(Self {
            nodes,
            meta: meta.collect(),
            size: share.and_then(bytes).ok_or(TOO_LARGE)?,
            whole: bytes(segment.extents).ok_or(TOO_LARGE)?,
        })
    }

    fn view(self, map: Option<impl Into<AnyMap>>) -> Result<Node, Refusal> {
        let map = map.ok_or(TOO_LARGE)?.into();
        if map.size() != self.whole {
            return Err(Refusal::Geometry("its stripes do not fill its images"));
        }
        let used: Vec<bool> = self.nodes.iter().map(Option::is_some).collect();
        let data = Arc::new(Mapped::new(map, self.nodes));
        Ok(Arc::new(Guarded::new(data, used, self.meta)))
    }
}

/// Data that count only if the metadata of all images agree.
pub(crate) struct Guarded {
    used: Vec<bool>,
    meta: Vec<Option<Node>>,
    data: Node,
    verdict: OnceLock<Result<(), String>>,
}

impl Guarded {
    /// `used` says which images `data` is read from, `meta` has their
    /// metadata.
    pub(crate) fn new(data: Node, used: Vec<bool>, meta: Vec<Option<Node>>) -> Self {
        Self {
            used,
            meta,
            data,
            verdict: OnceLock::new(),
        }
    }
}

impl View for Guarded {
    fn made(&self, number: &mut dyn FnMut(&Node) -> usize) -> Made<'_> {
        let meta = self.meta.iter();
        Made::View(Part::Guarded {
            used: self.used.clone(),
            meta: meta.map(|node| node.as_ref().map(&mut *number)).collect(),
            data: number(&self.data),
        })
    }
}

impl ReadAt for Guarded {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self.verdict.get_or_init(|| self.judge()) {
            Ok(()) => self.data.read_at(offset, buf),
            Err(why) => Err(io::Error::other(why.clone())),
        }
    }

    fn size(&self) -> u64 {
        self.data.size()
    }
}

/// `struct dm_raid_superblock`, as far as it is read.
const META_LEN: usize = 48;
const META_MAGIC: &[u8; 4] = b"DmRd";
/// `failed_devices` has a bit for each image.
const MAX_IMAGES: usize = 64;

impl Guarded {
    fn judge(&self) -> Result<(), String> {
        let mut newest: Option<Meta> = None;
        let mut all = Vec::new();
        for (image, node) in (0_u32..).zip(&self.meta) {
            let Some(node) = node else {
                continue;
            };
            let mut bytes = [0; META_LEN];
            let read = read_exact(&**node, 0, &mut bytes);
            read.map_err(|error| format!("metadata of image {image}: {error}"))?;
            let meta = Meta::of(&bytes);
            if let Some(meta) = meta
                && newest.is_none_or(|newest| newest.events < meta.events)
            {
                newest = Some(meta);
            }
            all.push((image, meta));
        }
        // Never activated: the first image counts, the others will be copied
        // from it.
        let Some(newest) = newest else {
            return Ok(());
        };
        let used = |image: u32| {
            let image = usize::try_from(image).ok();
            image.and_then(|image| self.used.get(image)) == Some(&true)
        };
        if self.used.len() > MAX_IMAGES {
            return Err(format!("more than {MAX_IMAGES} images"));
        }
        for (image, meta) in all.iter().filter(|(image, _)| used(*image)) {
            let failed = newest.failed.checked_shr(*image).unwrap_or(0) & 1 == 1;
            let sound = match meta {
                Some(meta) => {
                    meta.position == *image
                        && meta.recovered == u64::MAX
                        && meta.events.saturating_add(1) >= newest.events
                }
                None => false,
            };
            if failed || !sound {
                return Err(format!("image {image} is not current"));
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Meta {
    position: u32,
    events: u64,
    failed: u64,
    recovered: u64,
}

impl Meta {
    fn of(bytes: &[u8; META_LEN]) -> Option<Self> {
        let le64 = |at: usize| {
            let bytes = bytes.get(at..)?.first_chunk::<8>()?;
            Some(u64::from_le_bytes(*bytes))
        };
        (bytes.first_chunk::<4>()? == META_MAGIC).then_some(())?;
        let position = bytes.get(12..)?.first_chunk::<4>()?;
        Some(Self {
            position: u32::from_le_bytes(*position),
            events: le64(16)?,
            failed: le64(24)?,
            recovered: le64(32)?,
        })
    }
}
