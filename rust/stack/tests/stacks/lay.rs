//! Lays data out over the members of an array: a model of its own, which
//! writes whole stripes as the manual (md(4), mdadm(8)) describes them and
//! shares no code with the maps under test.

use crate::superblock::Array;

/// The members of the array with this content.
pub(crate) fn lay(array: &Array, content: &[u8]) -> Vec<Vec<u8>> {
    let data = data(array, content);
    let members = data.iter().enumerate();
    members
        .map(|(slot, data)| array.member(slot, data))
        .collect()
}

/// What each member holds of it, without a superblock.
pub(crate) fn data(array: &Array, content: &[u8]) -> Vec<Vec<u8>> {
    match array.level {
        "linear" => linear(array, content),
        "raid0" => raid0(array, content),
        "raid1" => vec![content.to_vec(); array.disks],
        "raid10" => raid10(array, content),
        _ => parity(array, content),
    }
}

/// 256 KiB more on each member than the one before.
fn linear(array: &Array, content: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = content;
    let mut members = Vec::new();
    for slot in 0..array.disks {
        let len = ((slot + 1) << 18).min(rest.len());
        let len = if slot + 1 == array.disks {
            rest.len()
        } else {
            len
        };
        let (head, tail) = rest.split_at(len);
        members.push(head.to_vec());
        rest = tail;
    }
    members
}

fn chunks(array: &Array, content: &[u8]) -> Vec<Vec<u8>> {
    let chunks = content.chunks(array.chunk());
    chunks
        .map(|chunk| {
            let mut chunk = chunk.to_vec();
            chunk.resize(array.chunk(), 0);
            chunk
        })
        .collect()
}

/// Fills the members round by round; a full one is passed over, and which one
/// begins is what the layouts differ in.
fn raid0(array: &Array, content: &[u8]) -> Vec<Vec<u8>> {
    let all = chunks(array, content);
    let alike = all.len().div_ceil(array.disks);
    let room: Vec<usize> = match array.sizes {
        [] => vec![alike; array.disks],
        sizes => sizes
            .iter()
            .map(|mib| (mib << 20) / array.chunk())
            .collect(),
    };
    let mut members: Vec<Vec<u8>> = vec![Vec::new(); array.disks];
    let mut heights = vec![0; array.disks];
    let (mut number, mut of_zone, mut zone) = (0, 0, Vec::new());
    let empty = vec![0; array.chunk()];
    while heights != room {
        let open: Vec<usize> = (0..array.disks)
            .filter(|disk| heights[*disk] < room[*disk])
            .collect();
        // A round begins when all that are open are equally full.
        if open.iter().all(|disk| heights[*disk] == heights[open[0]]) && open != zone {
            (zone, of_zone) = (open.clone(), 0);
        }
        let turn = if array.layout == 1 { number } else { of_zone };
        let member = zone[turn % zone.len()];
        members[member].extend(all.get(number).unwrap_or(&empty));
        heights[member] += 1;
        number += 1;
        of_zone += 1;
    }
    members
}

/// Places rows: near copies first, then each row's far copies.
fn raid10(array: &Array, content: &[u8]) -> Vec<Vec<u8>> {
    let near = usize::try_from(array.layout & 0xff).unwrap();
    let far = usize::try_from(array.layout >> 8 & 0xff).unwrap();
    let is_offset = array.layout & 0x10000 != 0;
    let in_sets = array.layout & 0x40000 != 0;
    let disks = array.disks;
    // Each chunk `near` times, in rows over all disks.
    let mut cells: Vec<Vec<u8>> = Vec::new();
    for chunk in chunks(array, content) {
        for _ in 0..near {
            cells.push(chunk.clone());
        }
    }
    cells.resize(cells.len().next_multiple_of(disks), vec![0; array.chunk()]);
    let rows: Vec<&[Vec<u8>]> = cells.chunks(disks).collect();
    // A far copy of a row is the row turned to the right by `near` places,
    // within each set; the last set takes what is left.
    let turned = |row: &[Vec<u8>], times: usize| -> Vec<Vec<u8>> {
        let len = if in_sets { near * far } else { disks };
        let mut turned = row.to_vec();
        let sets = disks / len;
        for set in 0..sets {
            let start = set * len;
            let end = if set + 1 == sets { disks } else { start + len };
            turned[start..end].rotate_right(near * times);
        }
        turned
    };
    let mut order: Vec<Vec<Vec<u8>>> = Vec::new();
    if is_offset {
        for row in &rows {
            order.extend((0..far).map(|copy| turned(row, copy)));
        }
    } else {
        for copy in 0..far {
            order.extend(rows.iter().map(|row| turned(row, copy)));
        }
    }
    (0..disks)
        .map(|disk| order.iter().flat_map(|row| row[disk].clone()).collect())
        .collect()
}

/// One stripe after the other as a row of labels, from the drawings.
fn parity(array: &Array, content: &[u8]) -> Vec<Vec<u8>> {
    let disks = array.disks;
    let parities = if array.level == "raid6" { 2 } else { 1 };
    let all = chunks(array, content);
    let mut members: Vec<Vec<u8>> = vec![Vec::new(); disks];
    for (number, stripe) in all.chunks(disks - parities).enumerate() {
        let mut stripe = stripe.to_vec();
        stripe.resize(disks - parities, vec![0; array.chunk()]);
        let mut p = vec![0; array.chunk()];
        for chunk in &stripe {
            for (sum, byte) in p.iter_mut().zip(chunk) {
                *sum ^= byte;
            }
        }
        // No reader looks at Q.
        let q = vec![0xd5; array.chunk()];
        let row = match (array.level, array.layout) {
            ("raid4", _) => [stripe, vec![p]].concat(),
            ("raid5", layout) => one(layout, number, stripe, p),
            (_, layout @ 16..=20) => {
                let mut row = one(layout - 16, number, stripe, p);
                row.push(q);
                row
            }
            (_, layout) => two(layout, number, stripe, p, q),
        };
        for (member, chunk) in members.iter_mut().zip(row) {
            member.extend(chunk);
        }
    }
    members
}

type Chunks = Vec<Vec<u8>>;

/// Where P is put into the row, or how far the row `D... P` is turned.
fn one(layout: u32, number: usize, mut data: Chunks, p: Vec<u8>) -> Chunks {
    let disks = data.len() + 1;
    let down = disks - 1 - number % disks;
    let up = number % disks;
    match layout {
        0 => data.insert(down, p),
        1 => data.insert(up, p),
        // P, then the data, turned until P is in its place.
        2 | 3 => {
            data.insert(0, p);
            data.rotate_right(if layout == 2 { down } else { up });
        }
        4 => data.insert(0, p),
        _ => data.push(p),
    }
    data
}

fn two(layout: u32, number: usize, mut data: Chunks, p: Vec<u8>, q: Vec<u8>) -> Chunks {
    let disks = data.len() + 2;
    let down = disks - 1 - number % disks;
    let up = number % disks;
    // P and Q side by side at a place, or at both ends.
    let mut pair = |at: usize| {
        if at + 1 == disks {
            data.insert(0, q.clone());
            data.push(p.clone());
        } else {
            data.insert(at, p.clone());
            data.insert(at + 1, q.clone());
        }
    };
    match layout {
        0 => pair(down),
        1 | 8 => pair(up),
        9 => pair(disks - 1 - (number + 1) % disks),
        4 => pair(0),
        5 => pair(disks - 2),
        2 | 3 => {
            data.splice(0..0, [p, q]);
            data.rotate_right(if layout == 2 { down } else { up });
        }
        10 => {
            // Q, P, then the data.
            data.splice(0..0, [q, p]);
            data.rotate_right((down + disks - 1) % disks);
        }
        _ => panic!("{layout}"),
    }
    data
}
