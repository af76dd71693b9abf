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

/// The newest valid uberblock of the rings that were looked at.
///
/// The checksums are looked at from the newest on: those that fail and are no
/// older than the newest that holds are damage, and what is older than that
/// one will be overwritten.
pub(crate) struct Newest {
    /// Size of a slot.
    size: usize,
    valid: Option<Uberblock>,
    broken: Vec<(Uberblock, Damage)>,
}

impl Newest {
    /// For a pool whose smallest blocks are of 2^`ashift` bytes.
    pub(crate) fn of(ashift: u64) -> Self {
        let shift = ashift.clamp(*SLOT.start(), *SLOT.end());
        let shift = u32::try_from(shift).unwrap_or(u32::MAX);
        Self {
            size: 1_usize.checked_shl(shift).unwrap_or(PIECE),
            valid: None,
            broken: Vec::new(),
        }
    }

    /// Looks at a ring, or a piece of one, that lies at `at` of the device.
    pub(crate) fn look(&mut self, at: u64, ring: &[u8]) {
        let places = (at..).step_by(self.size);
        let mut slots: Vec<(Uberblock, u64, &[u8])> = places
            .zip(ring.chunks_exact(self.size))
            .filter_map(|(at, slot)| Some((Uberblock::decode(slot)?, at, slot)))
            .filter(|(uberblock, ..)| self.valid.is_none_or(|valid| *uberblock >= valid))
            .collect();
        slots.sort_by(|(one, ..), (other, ..)| other.cmp(one));
        for (uberblock, at, slot) in slots {
            match eck(slot, at) {
                Eck::Right => {
                    self.valid = self.valid.max(Some(uberblock));
                    return;
                }
                // The template that a new device gets; never written by a sync.
                Eck::Absent(_) => {}
                Eck::Wrong(seen, computed) => {
                    let rules = Rules {
                        format: Format::Zfs,
                        at,
                    };
                    let seen = format!("{} in txg {}", cksum(seen), uberblock.ub_txg);
                    let damage = rules.damage("uberblock", 0, seen, cksum(computed));
                    self.broken.push((uberblock, damage));
                }
            }
        }
    }

    /// The newest valid one, and what is broken of those that should be.
    pub(crate) fn found(mut self) -> (Option<Uberblock>, Vec<Damage>) {
        let valid = self.valid;
        self.broken
            .retain(|(uberblock, _)| valid.is_none_or(|valid| *uberblock >= valid));
        self.broken.sort_by(|(one, _), (other, _)| other.cmp(one));
        let damages = self.broken.into_iter().map(|(_, damage)| damage);
        (valid, damages.collect())
    }
}
