//! Members to pools: one module a family says what a pool needs.

mod lvm;
mod md;
mod other;
mod zfs;

use asl_facts::{
    Content, Device, DeviceKind, Filesystem, Format, MemberStanding, Pool, PoolFlag, PoolMember,
    Probe, Signature, Standing, Superblock,
};
use std::collections::BTreeMap;

/// Every pool that some device is a member of, in the order of format and
/// id. The signatures have their standing.
#[must_use]
pub fn pools(devices: &[Device]) -> Vec<Pool> {
    let mut groups = Groups::new();
    for piece in pieces(devices) {
        if let Some(id) = id_of(&piece) {
            groups.entry((piece.format, id)).or_default().push(piece);
        }
    }
    lvm::add_textless(devices, &mut groups);
    let mut pools: Vec<Pool> = groups
        .into_iter()
        .filter_map(|((format, id), pieces)| gather(format, id, &pieces))
        .collect();
    for pool in &mut pools {
        pool.active = active(devices, pool);
        pool.flags.sort_unstable();
        pool.flags.dedup();
    }
    name_twins(&mut pools);
    pools
}

/// Members by format and id of the whole.
type Groups<'a> = BTreeMap<(Format, String), Vec<Piece<'a>>>;

/// A sound signature that could be a member.
#[derive(Clone, Copy)]
struct Piece<'a> {
    device: &'a Device,
    format: Format,
    offset: u64,
    superblock: &'a Superblock,
}

fn pieces(devices: &[Device]) -> impl Iterator<Item = Piece<'_>> {
    devices.iter().flat_map(|device| {
        let signatures = match &device.probe {
            Probe::Read { signatures, .. } => signatures.as_slice(),
            _ => &[],
        };
        signatures
            .iter()
            // What lies in a partition is that device's, and what shows
            // through the member of an array is the array's.
            .filter(|signature| {
                !matches!(
                    signature.standing,
                    Standing::InPartition { .. } | Standing::Inside { .. }
                )
            })
            .filter_map(move |signature: &Signature| {
                Some(Piece {
                    device,
                    format: signature.format,
                    offset: signature.offset,
                    superblock: signature.superblock()?,
                })
            })
    })
}

/// The id of the whole; none for what is no member.
fn id_of(piece: &Piece<'_>) -> Option<String> {
    match &piece.superblock.content {
        Content::Raid(raid) => Some(raid.array.clone()),
        Content::PhysicalVolume(volume) => Some(volume.group.as_ref()?.id.clone()),
        Content::Vdev(vdev) => vdev.pool.clone(),
        Content::Piece(part) => part.whole.clone(),
        Content::Filesystem(Filesystem { devices, .. }) if *devices > 1 => {
            piece.superblock.uuid.clone()
        }
        _ => None,
    }
}

fn gather(format: Format, id: String, pieces: &[Piece<'_>]) -> Option<Pool> {
    match &pieces.first()?.superblock.content {
        Content::Raid(_) if format == Format::Md => md::pool(id, pieces),
        Content::PhysicalVolume(_) => lvm::pool(id, pieces),
        Content::Vdev(_) => zfs::pool(id, pieces),
        Content::Filesystem(_) => other::filesystem(format, id, pieces),
        Content::Raid(_) => other::firmware(format, id, pieces),
        Content::Piece(_) => other::pieces(format, id, pieces),
        _ => None,
    }
}

impl Piece<'_> {
    fn member(
        &self,
        place: impl ToString,
        generation: u64,
        standing: MemberStanding,
    ) -> PoolMember {
        PoolMember {
            device: self.device.name.clone(),
            offset: self.offset,
            place: place.to_string(),
            generation,
            standing,
        }
    }
}

/// Of several members that claim one place, each is a duplicate: the
/// generation cannot tell a clone from its origin.
fn mark_duplicates(pool: &mut Pool) {
    let places: Vec<String> = pool
        .members
        .iter()
        .filter(|member| {
            matches!(
                member.standing,
                MemberStanding::Current | MemberStanding::Duplicate
            )
        })
        .map(|member| member.place.clone())
        .collect();
    for member in &mut pool.members {
        let claims = places
            .iter()
            .filter(|place| **place == member.place)
            .count();
        if member.standing == MemberStanding::Current && claims > 1 {
            member.standing = MemberStanding::Duplicate;
            pool.flags.push(PoolFlag::Duplicate);
        }
    }
}

fn mark_stale(pool: &mut Pool) {
    let is_stale = |member: &PoolMember| member.standing == MemberStanding::Stale;
    if pool.members.iter().any(is_stale) {
        pool.flags.push(PoolFlag::StaleMember);
    }
}

/// The array or mapping that the running system made of the members.
fn active(devices: &[Device], pool: &Pool) -> Vec<String> {
    devices
        .iter()
        .filter(|device| device.kind != DeviceKind::Virtual)
        .filter(|device| {
            pool.members
                .iter()
                .any(|member| device.slaves.contains(&member.device))
        })
        .map(|device| device.name.clone())
        .collect()
}

/// Two groups or pools of one name cannot both be activated by it.
fn name_twins(pools: &mut [Pool]) {
    let names: Vec<_> = pools
        .iter()
        .map(|pool| (pool.format, pool.name.clone()))
        .collect();
    for pool in pools {
        let same = |known: &&(Format, Option<asl_facts::Text>)| {
            known.0 == pool.format && known.1.is_some() && known.1 == pool.name
        };
        if names.iter().filter(same).count() > 1
            && matches!(pool.format, Format::Lvm2 | Format::Zfs)
        {
            pool.flags.push(PoolFlag::SameName);
        }
    }
}
