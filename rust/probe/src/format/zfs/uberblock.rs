//! The uberblocks of ZFS: which state of the pool is the newest.
//!
//! A ring of slots, one written for each transaction group; a slot is as
//! large as the pool's smallest block, at least 1 and at most 8 KiB. Source:
//! OpenZFS `include/sys/uberblock_impl.h`, `module/zfs/vdev_label.c`,
//! `vdev_uberblock_compare`.

use super::{Eck, cksum, eck};
use crate::bytes::{be64, le64};
use crate::decoded::Rules;
use asl_facts::{Damage, Format};

/// `UBERBLOCK_SHIFT` and `MAX_UBERBLOCK_SHIFT`.
const SLOT: std::ops::RangeInclusive<u64> = 10..=13;
/// The largest slot, which a ring is cut into where it cannot be read whole.
const PIECE: usize = 8 * 1024;

/// `UBERBLOCK_MAGIC`.
const MAGIC: u64 = 0x00ba_b10c;
/// `MMP_MAGIC`.
const MMP_MAGIC: u64 = 0xa11c_ea11;
/// `MMP_SEQ_VALID_BIT`.
const MMP_SEQ_VALID: u64 = 0x2;

/// A ring of slots, or a piece of one.
pub(crate) struct Ring {
    /// Its offset on the device.
    pub(crate) at: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What is needed of an uberblock; ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Uberblock {
    pub(crate) ub_txg: u64,
    /// Seconds since 1970.
    pub(crate) ub_timestamp: u64,
    /// Orders the writes of multihost protection within a second.
    mmp_seq: u64,
    pub(crate) multihost: bool,
}

impl Uberblock {
    fn decode(slot: &[u8]) -> Option<Self> {
        let word: fn(&[u8], usize) -> u64 = match le64(slot, 0) {
            MAGIC => le64,
            other if other.swap_bytes() == MAGIC => be64,
            _ => return None,
        };
        let mmp = word(slot, 176) == MMP_MAGIC;
        let ub_mmp_delay = word(slot, 184);
        let ub_mmp_config = word(slot, 192);
        let sequenced = mmp && ub_mmp_config & MMP_SEQ_VALID != 0;
        Some(Self {
            ub_txg: word(slot, 16),
            ub_timestamp: word(slot, 32),
            mmp_seq: if sequenced {
                (ub_mmp_config >> 32) & 0xffff
            } else {
                0
            },
            // 0: the host knows of the protection, and it is off.
            multihost: mmp && ub_mmp_delay != 0,
        })
    }
}

/// Where the pieces of a ring lie.
pub(crate) fn pieces(at: u64, len: usize) -> Vec<(u64, usize)> {
    (0..len)
        .step_by(PIECE)
        .filter_map(|from| Some((at.checked_add(u64::try_from(from).ok()?)?, PIECE)))
        .collect()
}

/// The newest valid uberblock of all rings. The checksums are looked at from
/// the newest on: those that fail before one holds are damage, and what is
/// older than that one will be overwritten.
pub(crate) fn newest(rings: &[Ring], ashift: u64, damages: &mut Vec<Damage>) -> Option<Uberblock> {
    let shift = ashift.clamp(*SLOT.start(), *SLOT.end());
    let size = 1_usize.checked_shl(u32::try_from(shift).ok()?)?;
    let mut slots: Vec<(Uberblock, u64, &[u8])> = rings
        .iter()
        .flat_map(|ring| {
            let places = (ring.at..).step_by(size);
            places.zip(ring.bytes.chunks_exact(size))
        })
        .filter_map(|(at, slot)| Some((Uberblock::decode(slot)?, at, slot)))
        .collect();
    slots.sort_by(|(one, ..), (other, ..)| other.cmp(one));
    for (uberblock, at, slot) in slots {
        match eck(slot, at) {
            Eck::Right => return Some(uberblock),
            // The template that a new device gets; never written by a sync.
            Eck::Absent(_) => {}
            Eck::Wrong(seen, computed) => {
                let rules = Rules {
                    format: Format::Zfs,
                    at,
                };
                let seen = format!("{} in txg {}", cksum(seen), uberblock.ub_txg);
                damages.push(rules.damage("uberblock", 0, seen, cksum(computed)));
            }
        }
    }
    None
}
