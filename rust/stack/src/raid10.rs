//! md raid10: near, far and offset copies.
//!
//! Each chunk has `near` copies on members that follow each other in a row,
//! and each of these `far` copies: further down on other members (far), or in
//! the next row (offset). Source: Linux `drivers/md/raid10.c`, `setup_geo` and
//! `__raid10_find_phys`; the pictures of md(4).

use crate::map::{Map, Run, Spot, index, split};
use serde::{Deserialize, Serialize};

/// A map over members of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Raid10 {
    members: u64,
    near: u64,
    far: u64,
    /// The far copies are in the next row, and not further down.
    offset: bool,
    /// Members among which the far copies of a chunk go round.
    set: u64,
    chunk: u64,
    /// From a copy to the next far one, bytes.
    stride: u64,
    size: u64,
}

impl Raid10 {
    /// Over members of `size` bytes, by md's number of the layout: near copies
    /// in the low byte, far ones in the next, then a bit for offset and two
    /// for the sets of far copies. None for a layout that md does not take.
    pub(crate) fn new(layout: u32, members: u64, chunk: u64, size: u64) -> Option<Self> {
        let [near, far, flags, rest] = layout.to_le_bytes();
        let (near, far) = (u64::from(near), u64::from(far));
        let copies = near.checked_mul(far)?;
        if copies == 0 || copies > members || flags > 0b111 || rest != 0 {
            return None;
        }
        let offset = flags & 1 != 0;
        let set = match flags >> 1 {
            0 => members,
            1 => members.checked_div(far)?,
            2 => copies,
            _ => return None,
        };
        // Whole chunks, an equal share for each far copy.
        let on_member = size.checked_div(chunk)?.checked_div(far)?;
        let chunks = on_member.checked_mul(members)?.checked_div(near)?;
        let used = chunks.checked_mul(copies)?.div_ceil(members);
        let stride = if offset { 1 } else { used.checked_div(far)? };
        Some(Self {
            members,
            near,
            far,
            offset,
            set,
            chunk,
            stride: stride.checked_mul(chunk)?,
            size: chunks.checked_mul(chunk)?,
        })
    }

    /// The member of the next far copy.
    fn next_far(&self, member: u64) -> Option<u64> {
        let sets = self.members.checked_div(self.set)?;
        let left = self.members.checked_rem(self.set)?;
        let last_start = sets.checked_sub(1)?.checked_mul(self.set)?;
        let next = member.checked_add(self.near)?;
        // Members that fill no set of their own belong to the last one. The
        // kernel asks where the step leads, not where it began.
        if left != 0 && next > last_start {
            let len = self.set.checked_add(left)?;
            let inside = next.checked_sub(last_start)?.checked_rem(len)?;
            return inside.checked_add(last_start);
        }
        let start = member.checked_div(self.set)?.checked_mul(self.set)?;
        next.checked_rem(self.set)?.checked_add(start)
    }
}

impl Map for Raid10 {
    fn size(&self) -> u64 {
        self.size
    }

    fn run(&self, offset: u64) -> Option<Run> {
        if offset >= self.size {
            return None;
        }
        let (chunk, inside) = split(offset, self.chunk)?;
        let (row, first) = split(chunk.checked_mul(self.near)?, self.members)?;
        let rows = if self.offset { self.far } else { 1 };
        let mut copies = Vec::new();
        for near in 0..self.near {
            // Near copies go on in the next row.
            let (down, mut member) = split(first.checked_add(near)?, self.members)?;
            let row = row.checked_mul(rows)?.checked_add(down)?;
            let mut at = row.checked_mul(self.chunk)?.checked_add(inside)?;
            for far in 0..self.far {
                if far > 0 {
                    member = self.next_far(member)?;
                    at = at.checked_add(self.stride)?;
                }
                copies.push(Spot {
                    member: index(member)?,
                    offset: at,
                });
            }
        }
        Some(Run {
            len: self.chunk.checked_sub(inside)?,
            copies,
            parity: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the members as md(4) draws them.
    fn picture(layout: u32, members: u64, rows: u64) -> String {
        let map = Raid10::new(layout, members, 1, rows).unwrap();
        let mut cells = vec![vec!["-".to_owned(); index(members).unwrap()]; index(rows).unwrap()];
        for offset in 0..map.size() {
            for spot in map.run(offset).unwrap().copies {
                let cell = &mut cells[index(spot.offset).unwrap()][spot.member];
                assert_eq!(cell, "-", "{layout:#x}: two chunks at {spot:?}");
                *cell = format!("{offset:x}");
            }
        }
        let rows: Vec<String> = cells.iter().map(|row| row.concat()).collect();
        rows.join(" ")
    }

    #[test]
    fn near_copies_lie_beside_each_other() {
        assert_eq!(picture(0x102, 4, 3), "0011 2233 4455");
        assert_eq!(picture(0x102, 3, 4), "001 122 334 455");
        assert_eq!(picture(0x103, 4, 3), "0001 1122 2333");
    }

    #[test]
    fn far_copies_lie_in_the_second_half() {
        assert_eq!(picture(0x201, 4, 4), "0123 4567 3012 7456");
        assert_eq!(picture(0x201, 3, 4), "012 345 201 534");
        // Sets of two.
        assert_eq!(picture(0x40201, 4, 4), "0123 4567 1032 5476");
        // The last set has three.
        assert_eq!(picture(0x40201, 5, 2), "01234 10423");
    }

    #[test]
    fn offset_copies_lie_in_the_next_row() {
        assert_eq!(picture(0x10201, 4, 4), "0123 3012 4567 7456");
        assert_eq!(picture(0x50201, 4, 4), "0123 1032 4567 5476");
    }

    #[test]
    fn near_and_far_copies_together() {
        assert_eq!(picture(0x202, 4, 4), "0011 2233 1100 3322");
    }

    #[test]
    fn layouts_that_md_refuses() {
        for layout in [0, 0x100, 0x1, 0x105, 0x505, 0x80102, 0x100_0102] {
            assert!(Raid10::new(layout, 4, 1, 4).is_none(), "{layout:#x}");
        }
        assert!(Raid10::new(0x102, 4, 0, 4).is_none());
        assert!(Raid10::new(0x60102, 4, 1, 4).is_none());
    }
}
