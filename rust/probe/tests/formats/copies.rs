//! Damaged and missing primaries, bad sectors, and what older file systems
//! leave behind.

use crate::harness::{Image, Make, probe};
use crate::tables::partition;
use asl_facts::{Damage, Format, LogState, Outcome, Signature, Superblock};
use asl_probe::{HEAD, TAIL};

const EXT_COPY: u64 = 8193 * 1024;
const BTRFS_COPY: u64 = 64 << 20;

fn image(command: &'static [&'static str], mib: u64) -> Image {
    let dir = tempfile::tempdir().unwrap();
    Image::open(&Make { command, mib }.image(dir.path(), "image"))
}

fn ext4() -> Image {
    image(&["mke2fs", "-q", "-t", "ext4"], 16)
}

fn btrfs() -> Image {
    image(&["mkfs.btrfs", "-q"], 128)
}

fn only(image: &Image) -> Signature {
    let mut signatures = probe(image);
    assert_eq!(signatures.len(), 1, "{signatures:?}");
    signatures.remove(0)
}

fn damage(signature: &Signature) -> &Damage {
    match &signature.outcome {
        Outcome::Damaged(damage) => damage,
        Outcome::Found(found) => panic!("found {found:?}"),
    }
}

fn found(signature: &Signature) -> &Superblock {
    signature.superblock().unwrap()
}

#[test]
fn a_copy_stands_in_for_a_damaged_primary() {
    let mut ext = ext4();
    let uuid = found(&only(&ext)).uuid.clone();
    ext.patch(1024 + 0x78, b"other");
    let signature = only(&ext);
    assert_eq!(
        (signature.format, signature.offset),
        (Format::Ext4, EXT_COPY)
    );
    assert_eq!(found(&signature).uuid, uuid);
    assert_eq!(found(&signature).damaged_copies[0].rule, "checksum");
    // A copy is not told when the journal fills.
    assert_eq!(
        found(&signature).filesystem().unwrap().log,
        LogState::Unknown
    );

    let mut btrfs = btrfs();
    btrfs.patch(65536 + 0x12b, b"other");
    let signature = only(&btrfs);
    assert_eq!(signature.offset, BTRFS_COPY);
    assert_eq!(found(&signature).damaged_copies[0].offset, 65536);
}

#[test]
fn without_a_valid_copy_the_primary_is_damaged() {
    let mut ext = ext4();
    ext.patch(1024 + 0x78, b"other");
    ext.patch(EXT_COPY + 0x78, b"other");
    assert_eq!(damage(&only(&ext)).rule, "checksum");
}

#[test]
fn a_copy_of_another_group_is_no_copy() {
    let mut ext = ext4();
    let primary = ext.bytes(1024, 1024);
    ext.patch(EXT_COPY, &primary);
    ext.patch(1024 + 0x78, b"other");
    assert_eq!(damage(&only(&ext)).rule, "checksum");
}

#[test]
fn an_overwritten_primary_is_damage_and_not_an_empty_device() {
    let mut ext = ext4();
    let uuid = found(&only(&ext)).uuid.clone();
    ext.patch(0, &[0; 4096]);
    let signature = only(&ext);
    assert_eq!(damage(&signature).rule, "primary-missing");
    assert!(
        damage(&signature)
            .expected
            .contains(uuid.as_deref().unwrap())
    );

    let mut btrfs = btrfs();
    btrfs.patch(65536, &[0; 4096]);
    assert_eq!(damage(&only(&btrfs)).rule, "primary-missing");
}

#[test]
fn copies_inside_a_partitioned_disk_belong_to_its_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let command = &["mke2fs", "-q", "-t", "ext4"];
    let path = Make { command, mib: 16 }.image(dir.path(), "disk");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0; 4096], 0).unwrap();
    // Two bytes at the end of a sector are no table.
    let mut bare = Image::open(&path);
    bare.patch(510, &[0x55, 0xaa]);
    assert_eq!(damage(&only(&bare)).rule, "primary-missing");
    partition(&path, 512, "label: dos\nstart=2048, type=83\n");
    assert_eq!(only(&Image::open(&path)).format, Format::Mbr);
}

#[test]
fn what_an_older_file_system_left_is_not_seen_beside_a_sound_one() {
    let dir = tempfile::tempdir().unwrap();
    let make = |command, name| Make { command, mib: 128 }.image(dir.path(), name);
    let old = Image::open(&make(&["mkfs.btrfs", "-q"], "old"));
    let mirror = old.bytes(BTRFS_COPY, 4096);
    let mut new = Image::open(&make(&["mke2fs", "-q", "-t", "ext4"], "new"));
    new.patch(BTRFS_COPY, &mirror);
    assert_eq!(only(&new).format, Format::Ext4);
    // Both primaries sound: both are kept, in the order of their places.
    let primary = old.bytes(65536, 4096);
    new.patch(65536, &primary);
    let formats: Vec<Format> = probe(&new).iter().map(|s| s.format).collect();
    assert_eq!(formats, [Format::Ext4, Format::Btrfs]);
}

#[test]
fn a_bad_sector_hides_only_what_lies_on_it() {
    let mut ext = ext4();
    ext.bad = Some(32768..33280);
    assert_eq!(only(&ext).format, Format::Ext4);

    // The superblock's first half: its copies still say what it was, as damage.
    let uuid = found(&only(&ext)).uuid.clone().unwrap();
    ext.bad = Some(1024..1536);
    let signature = only(&ext);
    let lost = damage(&signature);
    assert!(lost.is_unreadable(), "{lost:?}");
    assert!(lost.expected.contains(&uuid), "{}", lost.expected);
    // Its second half: a copy stands for it, and the primary is told.
    ext.bad = Some(1536..2048);
    let signature = only(&ext);
    let superblock = found(&signature);
    assert_eq!(superblock.uuid, Some(uuid));
    assert!(superblock.damaged_copies.iter().any(Damage::is_unreadable));

    // A read that failed elsewhere, and copies of what was overwritten: the
    // overwritten one does not speak for the other.
    let mut overwritten = ext4();
    overwritten.patch(1024, &[0; 1024]);
    overwritten.bad = Some(8192..8704);
    assert_eq!(asl_probe::probe(&overwritten).unwrap_err().offset, 0);

    // Nothing is left to say it.
    ext.bad = Some(1024..1536);
    ext.patch(EXT_COPY, &[0; 1024]);
    let fault = asl_probe::probe(&ext).unwrap_err();
    assert_eq!(fault.offset, 0);
}

#[test]
fn a_sound_file_system_costs_two_reads() {
    struct Counting(Image, std::cell::Cell<u32>);
    impl asl_probe::ReadAt for Counting {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            self.1.set(self.1.get().checked_add(1).unwrap());
            self.0.read_at(offset, buf)
        }
        fn size(&self) -> u64 {
            self.0.size
        }
    }
    for image in [ext4(), btrfs()] {
        let counting = Counting(image, std::cell::Cell::new(0));
        assert_eq!(probe(&counting).len(), 1);
        assert_eq!(counting.1.get(), 2);
    }
    assert_eq!(HEAD + TAIL, 200 * 1024);
}

/// Zeros, however many.
struct Zeros(u64, std::cell::Cell<(u32, u64)>);

impl asl_probe::ReadAt for Zeros {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let (reads, bytes) = self.1.get();
        let count = usize::try_from(self.0.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = count.min(buf.len());
        self.1.set((reads + 1, bytes + count as u64));
        buf[..count].fill(0);
        Ok(count)
    }
    fn size(&self) -> u64 {
        self.0
    }
}

#[test]
fn a_blank_device_costs_as_much_whatever_its_size() {
    for size in [0, 1, 511, 512, 4096, 1 << 20, 16 << 40, u64::MAX] {
        let zeros = Zeros(size, std::cell::Cell::default());
        let probed = asl_probe::probe(&zeros).unwrap();
        assert!(probed.blank && probed.signatures.is_empty(), "{size}");
        let (reads, bytes) = zeros.1.get();
        // Where the beginning is gone a file system shows by its copies only,
        // which three block sizes of ext and btrfs have in five places, and
        // ZFS by its last label.
        assert!(reads <= 8 && bytes <= 230 << 10, "{size}: {reads}, {bytes}");
    }
}

/// A device of which nothing can be read, or nothing but the ends of a
/// window.
struct Broken {
    readable: Vec<std::ops::Range<u64>>,
    reads: std::cell::Cell<u32>,
}

impl asl_probe::ReadAt for Broken {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        let end = offset + buf.len() as u64;
        if !self
            .readable
            .iter()
            .any(|part| part.start <= offset && end <= part.end)
        {
            return Err(std::io::Error::other("broken"));
        }
        buf.fill(0);
        Ok(buf.len())
    }
    fn size(&self) -> u64 {
        1 << 30
    }
}

#[test]
fn a_broken_device_is_given_up_after_few_reads() {
    let broken = |readable| Broken {
        readable,
        reads: std::cell::Cell::default(),
    };
    let dead = broken(Vec::new());
    assert_eq!(asl_probe::probe(&dead).unwrap_err().offset, 0);
    assert!(dead.reads.get() <= 260, "{}", dead.reads.get());
    // What lies behind many bad sectors is read all the same.
    let behind = HEAD - 8192..HEAD;
    let half = broken(vec![behind]);
    let disk = asl_probe::Disk::read(&half).unwrap();
    assert_eq!(disk.peek(HEAD - 8192, 8192), Some(&[0; 8192][..]));
    assert_eq!(disk.peek(HEAD - 8704, 512), None);
}
