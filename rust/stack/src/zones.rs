//! Striping over members that may differ in size: md raid0, and with members
//! of one size any striped volume.
//!
//! The chunks of a zone go round over all members that reach into it. Where
//! the smallest member ends a new zone begins over the others. Source: Linux
//! `drivers/md/raid0.c`. Linux 3.14 began to count the rounds of a later zone
//! from the start of that zone; before, and again since 5.4 with layout 1, the
//! chunk's number in the whole array says which member is next.

use crate::map::{Map, Run, Spot, count, index, split};
use serde::{Deserialize, Serialize};

/// More than md's superblock has slots for members, each of which may end a
/// zone.
const MAX_MEMBERS: usize = 1920;

/// How the rounds of the second and later zones are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rounds {
    /// From the start of the array: layout 1, `RAID0_ORIG_LAYOUT`.
    Array,
    /// From the start of the zone: layout 2, `RAID0_ALT_MULTIZONE_LAYOUT`.
    Zone,
}

/// Stripes over members of given sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Zones {
    chunk: u64,
    rounds: Rounds,
    zones: Vec<Zone>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Zone {
    /// First byte of the whole, and the end.
    start: u64,
    end: u64,
    /// Where it begins on each member.
    on_member: u64,
    /// The members that reach into it, in their order.
    members: Vec<usize>,
}

impl Zones {
    /// Over members of these sizes, of which only whole chunks are used; none
    /// where there is no chunk or the sum is past 2^64.
    pub(crate) fn new(sizes: &[u64], chunk: u64, rounds: Rounds) -> Option<Self> {
        if sizes.is_empty() || sizes.len() > MAX_MEMBERS {
            return None;
        }
        let whole = |size: &u64| size.checked_sub(size.checked_rem(chunk)?);
        let sizes = sizes.iter().map(whole).collect::<Option<Vec<u64>>>()?;
        let mut zones = Vec::new();
        let (mut start, mut on_member) = (0_u64, 0_u64);
        loop {
            let reaching = || (0..).zip(&sizes).filter(|(_, size)| **size > on_member);
            let Some(until) = reaching().map(|(_, size)| *size).min() else {
                break;
            };
            let members: Vec<usize> = reaching().map(|(member, _)| member).collect();
            let height = until.checked_sub(on_member)?;
            let end = start.checked_add(height.checked_mul(count(&members))?)?;
            zones.push(Zone {
                start,
                end,
                on_member,
                members,
            });
            (start, on_member) = (end, until);
        }
        Some(Self {
            chunk,
            rounds,
            zones,
        })
    }

    /// Whether the members differ so much that [`Rounds`] matter.
    pub(crate) fn has_several(&self) -> bool {
        self.zones.len() > 1
    }
}

impl Map for Zones {
    fn size(&self) -> u64 {
        self.zones.last().map_or(0, |zone| zone.end)
    }

    fn run(&self, offset: u64) -> Option<Run> {
        let zone = self.zones.partition_point(|zone| zone.end <= offset);
        let zone = self.zones.get(zone)?;
        let (in_zone, inside) = split(offset.checked_sub(zone.start)?, self.chunk)?;
        let members = count(&zone.members);
        let (round, of_zone) = split(in_zone, members)?;
        let turn = match self.rounds {
            Rounds::Zone => of_zone,
            Rounds::Array => offset.checked_div(self.chunk)?.checked_rem(members)?,
        };
        let on_member = round.checked_mul(self.chunk)?.checked_add(inside)?;
        Some(Run {
            len: self.chunk.checked_sub(inside)?,
            copies: vec![Spot {
                member: *zone.members.get(index(turn)?)?,
                offset: zone.on_member.checked_add(on_member)?,
            }],
            parity: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Member and chunk of each chunk of the whole.
    fn chunks(sizes: &[u64], rounds: Rounds) -> Vec<(usize, u64)> {
        let zones = Zones::new(sizes, 4, rounds).unwrap();
        (0..zones.size())
            .step_by(4)
            .map(|offset| {
                let run = zones.run(offset).unwrap();
                assert_eq!(run.len, 4);
                (run.copies[0].member, run.copies[0].offset / 4)
            })
            .collect()
    }

    #[test]
    fn equal_members_take_turns() {
        assert_eq!(
            chunks(&[8, 11], Rounds::Array),
            [(0, 0), (1, 0), (0, 1), (1, 1)]
        );
    }

    #[test]
    fn the_layouts_of_unequal_members_differ_in_the_second_zone() {
        // One round over three, then two over the last two, which the number
        // in the array (3) or in the zone (0) begins.
        let first = [(0, 0), (1, 0), (2, 0)];
        let array = [(2, 1), (1, 1), (2, 2), (1, 2)];
        let zone = [(1, 1), (2, 1), (1, 2), (2, 2)];
        let sizes = [4, 12, 12];
        assert_eq!(chunks(&sizes, Rounds::Array), [&first[..], &array].concat());
        assert_eq!(chunks(&sizes, Rounds::Zone), [&first[..], &zone].concat());
    }

    #[test]
    fn nothing_lies_outside_and_no_chunk_means_no_map() {
        assert!(Zones::new(&[8, 8], 0, Rounds::Zone).is_none());
        assert!(Zones::new(&[u64::MAX, u64::MAX], 4, Rounds::Zone).is_none());
        let zones = Zones::new(&[8, 8], 4, Rounds::Zone).unwrap();
        assert_eq!(zones.run(16), None);
        assert_eq!(zones.run(u64::MAX), None);
    }
}
