//! ZFS: the labels of real pools (`zfs/README.md`), against `zdb` and blkid;
//! then the same with labels and uberblocks damaged, and with single values
//! changed under a checksum that is right.

mod damage;
mod labels;
mod oracle;
mod rules;

use crate::harness::{
    Image, Make, Subject, agrees_with_blkid, blkid, probe, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use asl_facts::{Content, Damage, Format, Outcome, PoolState, Superblock, Vdev};
use asl_probe::ReadAt;
use labels::{LISTS, RINGS};
use std::cell::Cell;
use std::ops::Range;

const UNPACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/zfs/unpack.sh");

const MEMBER: Subject = Subject {
    format: Format::Zfs,
    superblock: LISTS[0]..RINGS[0],
    ..Subject::PLAIN
};

/// What blkid calls a member too.
pub(crate) const MEMBERS: &[Subject] = &[
    Subject {
        name: "one",
        make: &["bash", UNPACK, "one", "{}"],
        ..MEMBER
    },
    Subject {
        name: "mirror0",
        make: &["bash", UNPACK, "mirror0", "{}"],
        ..MEMBER
    },
    Subject {
        name: "raidz0",
        make: &["bash", UNPACK, "raidz0", "{}"],
        ..MEMBER
    },
    Subject {
        name: "log",
        make: &["bash", UNPACK, "log", "{}"],
        ..MEMBER
    },
    Subject {
        name: "spare",
        make: &["bash", UNPACK, "spare", "{}"],
        ..MEMBER
    },
    Subject {
        name: "cache",
        make: &["bash", UNPACK, "cache", "{}"],
        ..MEMBER
    },
    Subject {
        name: "destroyed",
        make: &["bash", UNPACK, "destroyed", "{}"],
        ..MEMBER
    },
    Subject {
        name: "multihost",
        make: &["bash", UNPACK, "multihost", "{}"],
        ..MEMBER
    },
    Subject {
        name: "left",
        make: &["bash", UNPACK, "left", "{}"],
        mib: 256,
        ..MEMBER
    },
    Subject {
        name: "sick0",
        make: &["bash", UNPACK, "sick0", "{}"],
        ..MEMBER
    },
    Subject {
        name: "sick2",
        make: &["bash", UNPACK, "sick2", "{}"],
        ..MEMBER
    },
    Subject {
        name: "draid0",
        make: &["bash", UNPACK, "draid0", "{}"],
        mib: 256,
        ..MEMBER
    },
];

/// What was taken out of its pool: nothing to blkid and to `zpool import`.
pub(crate) const REMOVED: &[Subject] = &[
    Subject {
        name: "gone",
        make: &["bash", UNPACK, "gone", "{}"],
        mib: 256,
        ..MEMBER
    },
    Subject {
        name: "moved",
        make: &["bash", UNPACK, "moved", "{}"],
        mib: 256,
        ..MEMBER
    },
    Subject {
        name: "detached",
        make: &["bash", UNPACK, "detached", "{}"],
        ..MEMBER
    },
];

fn image(name: &str) -> Image {
    let subject = MEMBERS.iter().find(|subject| subject.name == name).unwrap();
    let dir = tempfile::tempdir().unwrap();
    Image::open(&subject.image(dir.path()))
}

fn vdev(superblock: &Superblock) -> &Vdev {
    match &superblock.content {
        Content::Vdev(vdev) => vdev,
        other => panic!("no vdev: {other:?}"),
    }
}

/// The only signature: its offset, and the superblock if it is sound.
fn only(dev: &dyn ReadAt) -> (u64, Outcome) {
    let mut signatures = probe(dev);
    assert_eq!(signatures.len(), 1, "{signatures:?}");
    let signature = signatures.remove(0);
    assert_eq!(signature.format, Format::Zfs);
    (signature.offset, signature.outcome)
}

fn found(dev: &dyn ReadAt) -> (u64, Superblock) {
    match only(dev) {
        (at, Outcome::Found(superblock)) => (at, *superblock),
        (_, Outcome::Damaged(damage)) => panic!("{damage:?}"),
    }
}

fn damage(dev: &dyn ReadAt) -> Damage {
    match only(dev).1 {
        Outcome::Damaged(damage) => damage,
        Outcome::Found(superblock) => panic!("{superblock:?}"),
    }
}

fn damages(superblock: &Superblock) -> Vec<(u64, &str)> {
    superblock
        .damaged_copies
        .iter()
        .map(|damage| (damage.offset, damage.rule.as_str()))
        .collect()
}

#[test]
fn every_field_of_blkid() {
    agrees_with_blkid(MEMBERS);
}

#[test]
fn cuts() {
    stands_cuts(&MEMBERS[..1]);
}

#[test]
fn bad_sectors() {
    stands_bad_sectors(&MEMBERS[..1]);
}

#[test]
fn changed_bytes() {
    // Header, first pair and the name of the second: the checksum covers them
    // as it does all the rest, of which other tests change some.
    const BEGINNING: Range<u64> = LISTS[0]..LISTS[0] + 56;
    stands_changed_bytes([&Subject {
        superblock: BEGINNING,
        covered: std::slice::from_ref(&BEGINNING),
        ..MEMBERS[0]
    }]);
}
#[test]
fn the_situation_of_each_device() {
    let state = |name| vdev(&found(&image(name)).1).clone();
    assert_eq!(state("one").state, PoolState::Exported);
    assert_eq!(state("destroyed").state, PoolState::Destroyed);
    assert_eq!(state("mirror0").state, PoolState::Active);

    assert!(state("log").tree.unwrap().log);

    let multihost = state("multihost");
    assert!(multihost.multihost && !state("mirror0").multihost);
    assert_eq!(multihost.host.unwrap().0, 0x1234_5678);

    let left = state("left");
    assert_eq!((left.tops, left.holes), (3, vec![2]));
    assert!(
        left.features_for_read
            .iter()
            .any(|f| f == "com.delphix:device_removal")
    );

    let impaired = |vdev: Vdev| -> Vec<bool> {
        vdev.tree
            .unwrap()
            .children
            .iter()
            .map(|leaf| leaf.impaired)
            .collect()
    };
    assert_eq!(impaired(state("sick0")), [false, false, true]);
    // It was not told.
    assert_eq!(impaired(state("sick2")), [false; 4]);
    assert!(state("sick2").label_txg < state("sick0").label_txg);
}

#[test]
fn what_was_taken_out_is_known_but_no_member() {
    for subject in REMOVED {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        assert!(blkid(&path).is_empty(), "{}", subject.name);
        let (_, superblock) = found(&Image::open(&path));
        assert_eq!(
            vdev(&superblock).state,
            PoolState::Removed,
            "{}",
            subject.name
        );
        assert_eq!(vdev(&superblock).label_txg, 0);
    }
}

/// The size that a label states is that of the device, less what does not
/// fill a metaslab group or a row; the device may shrink to the last full
/// metaslab and not below.
#[test]
fn the_stated_size_is_that_of_the_device() {
    for subject in MEMBERS {
        let dir = tempfile::tempdir().unwrap();
        let image = Image::open(&subject.image(dir.path()));
        let (_, superblock) = found(&image);
        if vdev(&superblock).pool.is_none() {
            assert_eq!(superblock.size, 0, "{}", subject.name);
            continue;
        }
        let spare = image.size - superblock.size;
        // dRAID keeps 32 MiB for its own growth.
        let most = if subject.name == "draid0" {
            64 << 20
        } else {
            1 << 20
        };
        assert!(spare <= most, "{}: {spare}", subject.name);
    }
    let mut one = image("left");
    one.size = 240 << 20;
    assert_eq!(damage(&one).rule, "size");
}

/// The label of the last partition lies at the end of the disk too, but its
/// checksum knows where it belongs.
#[test]
fn the_tail_of_a_partition_is_not_the_disks() {
    let part = image("one");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let start = 1 << 20;
    std::fs::File::create(&path)
        .unwrap()
        .set_len(start + part.size)
        .unwrap();
    let mut disk = Image::open(&path);
    for at in [0, part.size - 512 * 1024] {
        disk.patch(start + at, &part.bytes(at, 512 * 1024));
    }
    assert_eq!(probe(&disk), []);
}

#[test]
fn what_was_made_over_zfs_is_what_is_there() {
    // The labels at the end survive a mkfs; ext4 is all that is seen.
    let dir = tempfile::tempdir().unwrap();
    let command = &["mke2fs", "-q", "-t", "ext4"];
    let new = Make { command, mib: 64 }.image(dir.path(), "ext4");
    let one = image("one");
    let mut new = Image::open(&new);
    new.patch(
        one.size - 512 * 1024,
        &one.bytes(one.size - 512 * 1024, 512 * 1024),
    );
    let formats: Vec<Format> = probe(&new).iter().map(|s| s.format).collect();
    assert_eq!(formats, [Format::Ext4]);

    // ZFS leaves the first 8 KiB alone: both are seen.
    let superblock = new.bytes(0, 8192);
    let mut both = image("one");
    both.patch(0, &superblock);
    let signatures = probe(&both);
    assert_eq!(signatures.len(), 2, "{signatures:?}");
    sound(&signatures, Format::Ext4);
    assert_eq!(vdev(sound(&signatures, Format::Zfs)).labels.len(), 4);
}

#[test]
fn a_device_without_zfs_costs_no_more_reads() {
    struct Counting(Image, Cell<u32>, Cell<usize>);
    impl ReadAt for Counting {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read_at(offset, buf)?;
            self.1.set(self.1.get() + 1);
            self.2.set(self.2.get() + count);
            Ok(count)
        }
        fn size(&self) -> u64 {
            self.0.size
        }
    }
    let cost = |image: Image| {
        let counting = Counting(image, Cell::default(), Cell::default());
        probe(&counting);
        (counting.1.get(), counting.2.get())
    };
    let mut none = image("one");
    for list in LISTS {
        none.patch(list, &[0; 12]);
    }
    // Head, tail and the beginning of label 3; the rest are copies of ext and
    // btrfs.
    let (reads, bytes) = cost(none);
    assert!(
        reads <= 5 && bytes <= 210 * 1024,
        "{reads} reads, {bytes} bytes"
    );
    // A member: its labels, and once more what of label 0 is beyond the head.
    let (reads, bytes) = cost(image("one"));
    assert!(
        reads <= 7 && bytes <= 1300 * 1024,
        "{reads} reads, {bytes} bytes"
    );
}
