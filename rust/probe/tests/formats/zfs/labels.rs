//! Labels taken from an image, changed, and put back under a right checksum.

use crate::harness::Image;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const LABEL: u64 = 256 * 1024;
const LIST: usize = 112 * 1024;
const ECK_MAGIC: u64 = 0x0210_da7a_b10c_7a11;
const SIZE: u64 = 64 << 20;

/// Lists and uberblocks of the four labels on a device of 64 MiB.
pub(crate) const LISTS: [u64; 4] = at(16 * 1024);
pub(crate) const RINGS: [u64; 4] = at(128 * 1024);

const fn at(offset: u64) -> [u64; 4] {
    [
        offset,
        LABEL + offset,
        SIZE - 2 * LABEL + offset,
        SIZE - LABEL + offset,
    ]
}

/// Where list `label` lies on a device of `size` bytes.
pub(crate) fn list_at(size: u64, label: usize) -> u64 {
    if label < 2 {
        LISTS[label]
    } else {
        size - SIZE + LISTS[label]
    }
}

/// The byte order of a host.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    fn bytes(self, word: u64) -> [u8; 8] {
        match self {
            Order::Little => word.to_le_bytes(),
            Order::Big => word.to_be_bytes(),
        }
    }
}

/// Makes the embedded checksum right.
pub(crate) fn seal(block: &mut [u8], at: u64, order: Order) {
    let eck = block.len() - 40;
    block[eck..eck + 8].copy_from_slice(&order.bytes(ECK_MAGIC));
    block[eck + 8..].fill(0);
    block[eck + 8..eck + 16].copy_from_slice(&order.bytes(at));
    let digest = Sha256::digest(&*block);
    for (word, to) in digest
        .as_chunks::<8>()
        .0
        .iter()
        .zip(block[eck + 8..].chunks_mut(8))
    {
        to.copy_from_slice(&order.bytes(u64::from_be_bytes(*word)));
    }
}

pub(crate) fn list(image: &Image, label: usize) -> Vec<u8> {
    image.bytes(list_at(image.size, label), LIST)
}

pub(crate) fn write(image: &mut Image, label: usize, mut list: Vec<u8>, order: Order) {
    let at = list_at(image.size, label);
    seal(&mut list, at, order);
    image.patch(at, &list);
}

pub(crate) fn write_slot(image: &mut Image, at: u64, mut slot: Vec<u8>, order: Order) {
    seal(&mut slot, at, order);
    image.patch(at, &slot);
}

/// Where the pair of this name, the first in the list, has its name.
fn name_at(list: &[u8], name: &str) -> usize {
    let mut wanted = u32::try_from(name.len()).unwrap().to_be_bytes().to_vec();
    wanted.extend(name.as_bytes());
    let place = list.windows(wanted.len()).position(|bytes| bytes == wanted);
    place.unwrap_or_else(|| panic!("no {name}")) + 4
}

/// Gives the first number of this name another value.
pub(crate) fn set(list: &mut [u8], name: &str, value: u64) {
    // Type and count stand between.
    let at = name_at(list, name) + name.len().next_multiple_of(4) + 8;
    list[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

/// Gives the first pair of this name another one: its last letter is the next.
pub(crate) fn rename(list: &mut [u8], name: &str) {
    let at = name_at(list, name) + name.len() - 1;
    list[at] += 1;
}

/// Gives all pairs of this name another one that takes as much room.
pub(crate) fn rename_all(list: &mut [u8], from: &str, to: &str) {
    let room = from.len().next_multiple_of(4);
    assert_eq!(room, to.len().next_multiple_of(4));
    let encoded = |name: &str| {
        let mut bytes = u32::try_from(name.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(name.as_bytes());
        bytes.resize(4 + room, 0);
        bytes
    };
    let (from, to) = (encoded(from), encoded(to));
    for at in 0..list.len() - from.len() {
        if list[at..].starts_with(&from) {
            list[at..at + to.len()].copy_from_slice(&to);
        }
    }
}

/// A file with what the image shows of its labels.
pub(crate) fn image_of(image: &Image, dir: &Path) -> PathBuf {
    let path = dir.join("changed");
    let file = File::create(&path).unwrap();
    file.set_len(image.size).unwrap();
    for at in [0, image.size - 2 * LABEL] {
        file.write_all_at(&image.bytes(at, 512 * 1024), at).unwrap();
    }
    path
}
