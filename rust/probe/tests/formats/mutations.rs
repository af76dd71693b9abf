//! What no tool made: the images of every row, cut, spliced and garbled, for
//! a bounded time with the same numbers each time; and what longer runs
//! (`nix/dev fuzz`) found. Those take their seeds from here.

use crate::harness::{Image, Subject};
use crate::hostile::{Recorder, Sparse, judge, probe};
use crate::{crypt, discs, firmware, linux, lvm2, md, others, small, tables, windows, zfs};
use asl_facts::Format;
use asl_probe::{Decoded, ReadAt, read_up_to, rows};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// More of an image makes a fuzzer slow and no better.
const MOST: usize = 160 << 10;
/// The rounds end at the first of both: on a slow machine fewer are tried.
const ROUNDS: u64 = 100;
const TIME: Duration = Duration::from_secs(10);

fn subjects() -> Vec<&'static Subject> {
    let lists: &[&[Subject]] = &[
        linux::SUBJECTS,
        others::SUBJECTS,
        small::SUBJECTS,
        windows::SUBJECTS,
        discs::SUBJECTS,
        crypt::SUBJECTS,
        lvm2::SUBJECTS,
        md::SUBJECTS,
        md::HEADS,
        firmware::IMSM_SUBJECTS,
        tables::SUBJECTS,
        zfs::MEMBERS,
        zfs::REMOVED,
    ];
    lists
        .iter()
        .copied()
        .flatten()
        .chain([&firmware::DDF])
        .collect()
}

/// What probing reads of one image, and the superblocks in it.
struct Seed {
    name: &'static str,
    device: Sparse,
    superblocks: Vec<Vec<u8>>,
    formats: BTreeSet<Format>,
}

impl Seed {
    fn of(subject: &Subject) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = Recorder::new(Image::open(&subject.image(dir.path())));
        let (signatures, ..) = probe(&image);
        let mut superblocks = Vec::new();
        for row in rows().filter(|row| row.minimum <= image.size()) {
            let places = row.places.iter().chain(row.copies);
            for at in places.filter_map(|place| place.on(image.size())) {
                let bytes = read_up_to(&image, at, row.len).unwrap();
                if row.judge(&bytes, at) != Decoded::Absent {
                    superblocks.push(bytes);
                }
            }
        }
        let formats = signatures.iter().map(|signature| signature.format);
        Self {
            name: subject.name,
            formats: formats.collect(),
            device: image.seen(MOST),
            superblocks,
        }
    }
}

/// A seed each; those that a fuzzer starts from go to `$ASL_FUZZ_SEEDS`.
fn seeds() -> Vec<Seed> {
    let seeds: Vec<Seed> = subjects().into_iter().map(Seed::of).collect();
    if let Some(dir) = std::env::var_os("ASL_FUZZ_SEEDS").map(PathBuf::from) {
        for seed in &seeds {
            write(&dir.join("probe"), seed.name, &seed.device.to_bytes());
            for (number, superblock) in seed.superblocks.iter().enumerate() {
                let name = format!("{}-{number}", seed.name);
                write(&dir.join("row"), &name, superblock);
            }
        }
    }
    seeds
}

fn write(dir: &Path, name: &str, bytes: &[u8]) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(name), bytes).unwrap();
}

/// xorshift64* (Vigna 2016): the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end.max(1)
    }

    /// What breaks arithmetic, more often than chance would have it.
    fn value(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << self.below(64),
            3 => (1_u64 << self.below(64)).wrapping_sub(1),
            4 => u64::try_from(self.below(4096)).unwrap(),
            _ => self.next() << 8 ^ self.next(),
        }
    }

    fn garble(&mut self, bytes: &mut [u8], others: &[Seed]) {
        if bytes.is_empty() {
            return;
        }
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 | 2 => {
                    let value = self.value();
                    let value = [value.to_le_bytes(), value.to_be_bytes()][self.below(2)];
                    let len = [1, 2, 4, 8][self.below(4)];
                    let value = if self.below(2) == 0 {
                        &value[..len]
                    } else {
                        &value[8 - len..]
                    };
                    put(bytes, at, value);
                }
                3 => {
                    let from = self.below(bytes.len());
                    let len = self.below(512);
                    let copy: Vec<u8> = bytes[from..].iter().copied().take(len).collect();
                    put(bytes, at, &copy);
                }
                4 => {
                    let sectors = bytes.len() / 512;
                    let (a, b) = (self.below(sectors), self.below(sectors));
                    if let Ok([a, b]) =
                        bytes.get_disjoint_mut([a * 512..a * 512 + 512, b * 512..b * 512 + 512])
                    {
                        a.swap_with_slice(b);
                    }
                }
                _ => {
                    let other = &others[self.below(others.len())].device.extents;
                    if let Some((_, other)) = other.get(self.below(other.len())) {
                        let from = self.below(other.len() / 512) * 512;
                        let len = (self.below(4) + 1) * 512;
                        let copy: Vec<u8> = other[from..].iter().copied().take(len).collect();
                        put(bytes, at / 512 * 512, &copy);
                    }
                }
            }
        }
    }

    /// A device that differs from `seed` in contents, in places or in size.
    fn device(&mut self, seed: &Seed, others: &[Seed]) -> Sparse {
        let mut device = seed.device.clone();
        for _ in 0..=self.below(2) {
            let count = device.extents.len();
            let index = self.below(count);
            match self.below(8) {
                0 => device.size = device.size / 8 * u64::try_from(self.below(8)).unwrap(),
                1 => device.size = self.value() >> self.below(64) & ((1 << 40) - 512),
                2 => device.extents.swap_remove(index).1.clear(),
                3 => {
                    let other = &others[self.below(others.len())].device.extents;
                    device.extents.extend(other.iter().cloned());
                }
                _ => self.garble(&mut device.extents[index].1, others),
            }
            if device.extents.is_empty() {
                break;
            }
        }
        device
    }
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (place, byte) in bytes[at..].iter_mut().zip(new) {
        *place = *byte;
    }
}

/// Any device ends in a bounded number of reads, with an answer: `probe`
/// asserts it.
#[test]
fn garbled_devices_are_answered_in_bounded_reads() {
    let seeds = seeds();
    let seen: BTreeSet<Format> = seeds.iter().flat_map(|s| s.formats.clone()).collect();
    let unseen: Vec<_> = Format::ALL.iter().filter(|f| !seen.contains(f)).collect();
    println!("formats without a seed: {unseen:?}");
    let mut random = Random(0x0a51_0a51_0a51_0a51);
    let started = Instant::now();
    let (mut tried, mut most_reads, mut most_bytes) = (0_u64, (0, ""), (0, ""));
    for _ in 0..ROUNDS {
        for seed in &seeds {
            if started.elapsed() > TIME {
                break;
            }
            let device = random.device(seed, &seeds);
            let (_, reads, bytes) = probe(&device);
            most_reads = most_reads.max((reads, seed.name));
            most_bytes = most_bytes.max((bytes, seed.name));
            let superblocks = &seed.superblocks;
            if let Some(superblock) = superblocks.get(random.below(superblocks.len())) {
                let mut superblock = superblock.clone();
                random.garble(&mut superblock, &seeds);
                judge(&superblock);
            }
            tried += 1;
        }
    }
    println!(
        "{tried} devices of {} seeds in {:?}; most reads {most_reads:?}, most bytes {most_bytes:?}",
        seeds.len(),
        started.elapsed()
    );
    assert!(tried > 0);
}

#[test]
fn what_fuzzing_found_is_answered_in_bounded_reads() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        judge(&bytes);
        probe(&Sparse::parse(&bytes));
        count += 1;
    }
    println!("{count} fixtures");
}

#[test]
fn a_sparse_device_reads_as_its_bytes_say() {
    let device = Sparse {
        size: 64 << 20,
        extents: vec![(1024, vec![7; 1000]), (32 << 20, vec![9; 512])],
    };
    let again = Sparse::parse(&device.to_bytes());
    let read = |device: &Sparse, at, len| read_up_to(device, at, len).unwrap();
    assert_eq!(read(&device, 1020, 8), [0, 0, 0, 0, 7, 7, 7, 7]);
    assert_eq!(read(&device, (32 << 20) + 510, 4), [9, 9, 0, 0]);
    for at in [0, 1020, (32 << 20) - 4, (64 << 20) - 4] {
        assert_eq!(read(&device, at, 9), read(&again, at, 9));
    }
}
