//! exFAT. Its tools make an empty volume and check one, they put no files in:
//! a writer of the little that is needed does, and their checker judges it.

use crate::make::run;
use crate::{look_at, tree_with_store};
use asl_facts::Look;
use std::fs;
use std::path::Path;

const ENTRY: usize = 32;

struct Volume {
    bytes: Vec<u8>,
    cluster: usize,
    heap_at: usize,
    fat_at: usize,
    bitmap: u32,
    next: u32,
    /// Whether the next one is a chain in the FAT or a run without one.
    chained: bool,
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn index(value: u32) -> usize {
    usize::try_from(value).unwrap()
}

impl Volume {
    fn at(&self, cluster: u32) -> usize {
        self.heap_at + index(cluster - 2) * self.cluster
    }

    fn chain(&mut self, cluster: u32, next: u32) {
        let at = self.fat_at + index(cluster) * 4;
        self.bytes[at..at + 4].copy_from_slice(&next.to_le_bytes());
    }

    /// Writes to new clusters; the first, and the flags of the stream.
    fn write(&mut self, data: &[u8]) -> (u32, u8) {
        let first = self.next;
        for part in data.chunks(self.cluster) {
            let (cluster, at) = (self.next, self.at(self.next));
            self.bytes[at..at + part.len()].copy_from_slice(part);
            let bitmap = self.at(self.bitmap);
            self.bytes[bitmap + index(cluster - 2) / 8] |= 1 << ((cluster - 2) % 8);
            self.next += 1;
            if self.chained {
                self.chain(cluster, self.next);
            }
        }
        if self.chained {
            self.chain(self.next - 1, u32::MAX);
        }
        let flags = if self.chained { 1 } else { 3 };
        self.chained = !self.chained;
        (first, flags)
    }

    /// The entries of a directory, after all below it was written.
    fn directory(&mut self, path: &Path) -> Vec<u8> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let is_directory = path.is_dir();
            let mut data = if is_directory {
                self.directory(&path)
            } else {
                fs::read(&path).unwrap()
            };
            if is_directory {
                data.resize((data.len() + 1).next_multiple_of(self.cluster), 0);
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            entries.extend(self.set(name, is_directory, &data));
        }
        entries
    }

    fn set(&mut self, name: &str, is_directory: bool, data: &[u8]) -> Vec<u8> {
        let units: Vec<u16> = name.encode_utf16().collect();
        let names = units.chunks(15).len();
        let mut set = vec![0; ENTRY * (2 + names)];
        set[0] = 0x85;
        set[1] = u8::try_from(1 + names).unwrap();
        set[4] = if is_directory { 0x10 } else { 0x20 };
        // 1 January 1980.
        for time in [8, 12, 16] {
            set[time + 2] = 0x21;
        }
        let stream = &mut set[ENTRY..];
        stream[0] = 0xc0;
        stream[1] = 1;
        stream[3] = u8::try_from(units.len()).unwrap();
        if !data.is_empty() {
            let (first, flags) = self.write(data);
            stream[1] = flags;
            stream[20..24].copy_from_slice(&first.to_le_bytes());
        }
        let size = u64::try_from(data.len()).unwrap().to_le_bytes();
        stream[8..16].copy_from_slice(&size);
        stream[24..32].copy_from_slice(&size);
        let upper = name.to_ascii_uppercase();
        let hashed: Vec<u8> = upper.encode_utf16().flat_map(u16::to_le_bytes).collect();
        stream[4..6].copy_from_slice(&sum(hashed).to_le_bytes());
        for (part, entry) in units.chunks(15).zip(set[2 * ENTRY..].chunks_mut(ENTRY)) {
            entry[0] = 0xc1;
            for (unit, place) in part.iter().zip(entry[2..].chunks_mut(2)) {
                place.copy_from_slice(&unit.to_le_bytes());
            }
        }
        seal(&mut set);
        set
    }
}

fn sum(bytes: impl IntoIterator<Item = u8>) -> u16 {
    bytes.into_iter().fold(0_u16, |sum, byte| {
        sum.rotate_right(1).wrapping_add(u16::from(byte))
    })
}

/// The checksum of a set of entries.
fn seal(set: &mut [u8]) {
    let others = set
        .iter()
        .enumerate()
        .filter(|(at, _)| !matches!(at, 2 | 3));
    let checksum = sum(others.map(|(_, byte)| *byte));
    set[2..4].copy_from_slice(&checksum.to_le_bytes());
}

/// Fills the empty volume at `path` with the directory `tree`.
pub(crate) fn fill(path: &Path, tree: &Path) {
    let bytes = fs::read(path).unwrap();
    let sector = 1_usize << bytes[108];
    let cluster = sector << bytes[109];
    let root = le32(&bytes, 96);
    let heap_at = index(le32(&bytes, 88)) * sector;
    let root_at = heap_at + index(root - 2) * cluster;
    let mut entries = bytes[root_at..root_at + cluster].chunks(ENTRY);
    let bitmap = entries.clone().find(|entry| entry[0] == 0x81).unwrap();
    let used = entries.position(|entry| entry[0] == 0).unwrap() * ENTRY;
    let mut volume = Volume {
        cluster,
        heap_at,
        fat_at: index(le32(&bytes, 80)) * sector,
        bitmap: le32(bitmap, 20),
        // mkfs.exfat puts the root behind all else.
        next: root + 1,
        chained: true,
        bytes,
    };
    let entries = volume.directory(tree);
    let (here, rest) = entries.split_at(entries.len().min(cluster - used));
    volume.bytes[root_at + used..][..here.len()].copy_from_slice(here);
    if !rest.is_empty() {
        volume.chained = true;
        let (next, _) = volume.write(rest);
        volume.chain(root, next);
    }
    fs::write(path, volume.bytes).unwrap();
    run(&["fsck.exfat", "-n", path.to_str().unwrap()]);
}

fn image(tree: &Path) -> Vec<u8> {
    crate::make::image("exfat", 8, tree)
}

/// Where the set of the only entry of this name begins.
fn set_of(bytes: &[u8], name: &str) -> usize {
    let mut wanted = vec![0xc1, 0];
    wanted.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    let places = bytes.chunks(ENTRY).enumerate();
    let mut found = places.filter(|(_, entry)| entry.starts_with(&wanted));
    let (place, _) = found.next().unwrap();
    assert!(found.next().is_none(), "{name}");
    (place - 2) * ENTRY
}

fn why(look: Look) -> String {
    match look {
        Look::Unreadable { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_root_of_several_clusters_is_read_to_its_end() {
    let tree = tree_with_store(".asl");
    for number in 0..200 {
        fs::write(tree.path().join(format!("file {number}")), b"x").unwrap();
    }
    assert_eq!(look_at(image(tree.path())).stores().len(), 1);
}

#[test]
fn a_set_that_breaks_its_checksum_is_named_and_a_deleted_one_is_none() {
    let tree = tree_with_store(".asl");
    let mut bytes = image(tree.path());
    let at = set_of(&bytes, ".asl");
    // Its in-use bits: how exFAT deletes.
    let sound = bytes.clone();
    for entry in bytes[at..at + 3 * ENTRY].chunks_mut(ENTRY) {
        entry[0] &= 0x7f;
    }
    assert!(look_at(bytes).stores().is_empty());
    let mut bytes = sound;
    bytes[at + ENTRY + 20] ^= 1;
    let why = why(look_at(bytes));
    assert!(why.contains("checksum 0x"), "{why}");
}

#[test]
fn sizes_and_clusters_that_cannot_be_are_refused() {
    let tree = tree_with_store(".asl");
    let sound = image(tree.path());
    let at = set_of(&sound, ".asl");
    let changed = |offset: usize, value: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at + offset..][..value.len()].copy_from_slice(value);
        let end = at + ENTRY * 3;
        seal(&mut bytes[at..end]);
        why(look_at(bytes))
    };
    let huge = changed(ENTRY + 24, &u64::MAX.to_le_bytes());
    assert!(huge.contains("bytes of a directory"), "{huge}");
    let cluster = changed(ENTRY + 20, &0_u32.to_le_bytes());
    assert!(cluster.contains("cluster 0x0"), "{cluster}");
    let stream = changed(ENTRY, &[0xc2]);
    assert!(stream.contains("no stream extension"), "{stream}");
    let short = changed(1, &[1]);
    assert!(short.contains("1 entries after it"), "{short}");
}

/// A file that was grown and not written is zeros, not what lies there.
#[test]
fn what_was_not_written_of_a_file_is_zeros() {
    let tree = tree_with_store("");
    let mut bytes = image(tree.path());
    let at = set_of(&bytes, "store.toml");
    bytes[at + ENTRY + 8..][..8].copy_from_slice(&9_u64.to_le_bytes());
    seal(&mut bytes[at..at + ENTRY * 3]);
    let look = look_at(bytes);
    assert_eq!(look.stores()[0].id, None, "{look:?}");
}
