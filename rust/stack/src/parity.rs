//! Stripes with parity: md raid4, raid5 and raid6, and the kinds of LVM that
//! are made of them.
//!
//! A stripe has one chunk on each member, of which one or two are parity and
//! go from member to member. Reads skip them; where one member is missing the
//! others and P make up for it. Source: Linux `drivers/md/raid5.c`,
//! `raid5_compute_sector`, and the numbers of `raid5.h`.

use crate::map::{Map, Run, Spot, index, split};
use serde::{Deserialize, Serialize};

/// Where the parity of each stripe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    /// On the first member (`PARITY_0`); a second behind it.
    First,
    /// On the last (`PARITY_N`, raid4); a second behind it.
    Last,
    /// It begins on the last and goes down.
    Left,
    /// It begins on the first and goes up.
    Right,
    /// Down, with the first stripe as the second of [`Place::Left`]
    /// (`ROTATING_N_RESTART`).
    LeftShifted,
}

/// Where the data of each stripe begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Data {
    /// On the first member that has no parity (asymmetric).
    Restart,
    /// Behind the parity, and on from the last member to the first
    /// (symmetric).
    Continue,
}

/// The second parity of raid6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Second {
    /// There is none.
    None,
    /// On the member behind P.
    Behind,
    /// On the member before P (`ROTATING_N_CONTINUE`).
    Before,
    /// Always on the last; the others are a raid5 (`LEFT_SYMMETRIC_6`, ...).
    Last,
}

/// A layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) place: Place,
    pub(crate) data: Data,
    pub(crate) second: Second,
}

impl Layout {
    /// That of md's `level` with this number; none for what it does not have.
    pub(crate) fn of_md(level: &str, number: u32) -> Option<Self> {
        let second = match level {
            // Whatever its number.
            "raid4" => return Some(Self::new(Place::Last, Data::Restart, Second::None)),
            "raid5" => Second::None,
            "raid6" => Second::Behind,
            _ => return None,
        };
        let raid6 = second != Second::None;
        let (number, second) = match number {
            16..=20 if raid6 => (number.checked_sub(16)?, Second::Last),
            _ => (number, second),
        };
        Some(match number {
            0 => Self::new(Place::Left, Data::Restart, second),
            1 => Self::new(Place::Right, Data::Restart, second),
            2 => Self::new(Place::Left, Data::Continue, second),
            3 => Self::new(Place::Right, Data::Continue, second),
            4 => Self::new(Place::First, Data::Restart, second),
            5 => Self::new(Place::Last, Data::Restart, second),
            8 if raid6 => Self::new(Place::Right, Data::Restart, second),
            9 if raid6 => Self::new(Place::LeftShifted, Data::Restart, second),
            10 if raid6 => Self::new(Place::Left, Data::Continue, Second::Before),
            _ => return None,
        })
    }

    fn new(place: Place, data: Data, second: Second) -> Self {
        Self {
            place,
            data,
            second,
        }
    }

    /// Members of a stripe that hold no data.
    pub(crate) fn parities(self) -> u64 {
        match self.second {
            Second::None => 1,
            _ => 2,
        }
    }
}

/// The members of one stripe: P, Q if there is one, and data in their order.
#[derive(Debug, PartialEq, Eq)]
struct Stripe {
    p: u64,
    q: Option<u64>,
}

impl Stripe {
    /// Of `members`.
    fn of(number: u64, members: u64, layout: Layout) -> Option<Self> {
        // With Q apart the rest goes round among themselves.
        let ring = match layout.second {
            Second::Last => members.checked_sub(1)?,
            _ => members,
        };
        let last = ring.checked_sub(1)?;
        let turn = number.checked_rem(ring)?;
        let p = match layout.place {
            Place::First => 0,
            // Two that stay are the last two.
            Place::Last if layout.second == Second::Behind => last.checked_sub(1)?,
            Place::Last => last,
            Place::Left => last.checked_sub(turn)?,
            Place::Right => turn,
            Place::LeftShifted => last.checked_sub(number.checked_add(1)?.checked_rem(ring)?)?,
        };
        let q = match layout.second {
            Second::None => None,
            Second::Behind => Some(p.checked_add(1)?.checked_rem(members)?),
            Second::Before => Some(p.checked_add(last)?.checked_rem(members)?),
            Second::Last => Some(last.checked_add(1)?),
        };
        Some(Self { p, q })
    }

    fn is_parity(&self, member: u64) -> bool {
        member == self.p || Some(member) == self.q
    }
}

/// A map over members of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parity {
    layout: Layout,
    members: u64,
    chunk: u64,
    /// Bytes of each member, whole chunks.
    height: u64,
    /// What the parity says counts.
    trusted: bool,
}

impl Parity {
    /// Over so many members; none where there are too few, or no chunk.
    pub(crate) fn new(
        layout: Layout,
        members: u64,
        chunk: u64,
        size: u64,
        trusted: bool,
    ) -> Option<Self> {
        let height = size.checked_sub(size.checked_rem(chunk)?)?;
        let data = members.checked_sub(layout.parities())?;
        let is_sound = data > 0 && height.checked_mul(data).is_some();
        is_sound.then_some(Self {
            layout,
            members,
            chunk,
            height,
            trusted,
        })
    }
}

impl Map for Parity {
    fn size(&self) -> u64 {
        let data = self.members.saturating_sub(self.layout.parities());
        self.height.saturating_mul(data)
    }

    fn run(&self, offset: u64) -> Option<Run> {
        if offset >= self.size() {
            return None;
        }
        let (chunk, inside) = split(offset, self.chunk)?;
        let data = self.members.checked_sub(self.layout.parities())?;
        let (number, place) = split(chunk, data)?;
        let stripe = Stripe::of(number, self.members, self.layout)?;
        // Data begin behind the parity, or at the first member.
        let first = match (self.layout.data, self.layout.second) {
            (Data::Restart, _) => 0,
            (Data::Continue, Second::Behind) => stripe.q?.checked_add(1)?,
            (Data::Continue, _) => stripe.p.checked_add(1)?,
        };
        let end = first.checked_add(self.members)?;
        // `Second::Last` leaves its last member out of the round; it is
        // parity, so to skip it is to go round among the others.
        let member = (first..end)
            .filter_map(|member| member.checked_rem(self.members))
            .filter(|member| !stripe.is_parity(*member))
            .nth(index(place)?)?;
        let offset = number.checked_mul(self.chunk)?.checked_add(inside)?;
        let spot = |member| {
            Some(Spot {
                member: index(member)?,
                offset,
            })
        };
        let others = (0..self.members).filter(|other| *other != member && Some(*other) != stripe.q);
        let parity = match self.trusted {
            true => others.map(spot).collect::<Option<_>>()?,
            false => Vec::new(),
        };
        Some(Run {
            len: self.chunk.checked_sub(inside)?,
            copies: vec![spot(member)?],
            parity,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first stripes as the pictures in md(4) and in the manual of
    /// mdadm show them: a row a stripe, data by number.
    fn picture(level: &str, number: u32, members: u64, stripes: u64) -> String {
        let layout = Layout::of_md(level, number).unwrap();
        let map = Parity::new(layout, members, 1, stripes, true).unwrap();
        let mut rows = Vec::new();
        for row in 0..stripes {
            let stripe = Stripe::of(row, members, layout).unwrap();
            let mut cells = vec!["-".to_owned(); index(members).unwrap()];
            cells[index(stripe.p).unwrap()] = "P".to_owned();
            if let Some(q) = stripe.q {
                cells[index(q).unwrap()] = "Q".to_owned();
            }
            rows.push(cells);
        }
        for offset in 0..map.size() {
            let spot = map.run(offset).unwrap().copies[0];
            rows[index(spot.offset).unwrap()][spot.member] = format!("{offset:x}");
        }
        let rows: Vec<String> = rows.iter().map(|row| row.concat()).collect();
        rows.join(" ")
    }

    #[test]
    fn layouts_of_raid5() {
        let cases = [
            (0, "012P 34P5 6P78 P9ab cdeP"),
            (1, "P012 3P45 67P8 9abP Pcde"),
            (2, "012P 45P3 8P67 P9ab cdeP"),
            (3, "P012 5P34 78P6 9abP Pcde"),
            (4, "P012 P345 P678 P9ab Pcde"),
            (5, "012P 345P 678P 9abP cdeP"),
        ];
        for (number, expected) in cases {
            assert_eq!(picture("raid5", number, 4, 5), expected, "{number}");
        }
        assert_eq!(picture("raid4", 77, 3, 2), "01P 23P");
        assert_eq!(Layout::of_md("raid5", 6), None);
        assert_eq!(Layout::of_md("raid5", 16), None);
    }

    #[test]
    fn layouts_of_raid6() {
        let cases = [
            (0, "Q01P 23PQ 4PQ5 PQ67 Q89P"),
            (1, "PQ01 2PQ3 45PQ Q67P PQ89"),
            (2, "Q01P 23PQ 5PQ4 PQ67 Q89P"),
            (3, "PQ01 3PQ2 45PQ Q67P PQ89"),
            (4, "PQ01 PQ23 PQ45 PQ67 PQ89"),
            (5, "01PQ 23PQ 45PQ 67PQ 89PQ"),
            (8, "PQ01 2PQ3 45PQ Q67P PQ89"),
            (9, "01PQ 2PQ3 PQ45 Q67P 89PQ"),
            (10, "01QP 3QP2 QP45 P67Q 89QP"),
            (16, "01PQ 2P3Q P45Q 67PQ 8P9Q"),
            (17, "P01Q 2P3Q 45PQ P67Q 8P9Q"),
            (18, "01PQ 3P2Q P45Q 67PQ 9P8Q"),
            (19, "P01Q 3P2Q 45PQ P67Q 9P8Q"),
            (20, "P01Q P23Q P45Q P67Q P89Q"),
        ];
        for (number, expected) in cases {
            assert_eq!(picture("raid6", number, 4, 5), expected, "{number}");
        }
        assert_eq!(Layout::of_md("raid6", 21), None);
    }

    #[test]
    fn parity_makes_up_for_data_with_all_but_q() {
        let layout = Layout::of_md("raid6", 2).unwrap();
        let run = |trusted| {
            let map = Parity::new(layout, 5, 1, 10, trusted).unwrap();
            map.run(0).unwrap()
        };
        // Q123P, so that the others and P are there, and Q is not.
        let mut parity: Vec<usize> = run(true).parity.iter().map(|spot| spot.member).collect();
        parity.sort_unstable();
        assert_eq!((run(true).copies[0].member, parity), (1, vec![2, 3, 4]));
        assert_eq!(run(false).parity, []);
    }

    #[test]
    fn too_few_members_or_no_chunk_make_no_map() {
        let layout = Layout::of_md("raid6", 2).unwrap();
        assert!(Parity::new(layout, 2, 1, 10, true).is_none());
        assert!(Parity::new(layout, 4, 0, 10, true).is_none());
        assert!(Parity::new(layout, 400, 1, u64::MAX, true).is_none());
    }
}
