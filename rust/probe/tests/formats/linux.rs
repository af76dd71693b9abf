//! ext2, ext3, ext4, XFS and btrfs.

use crate::harness::{
    Image, Make, Subject, agrees_with_blkid, blkid, done, only, probe, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use asl_facts::{Content, Format, LogState, Look};
use std::fs::File;

const EXT2: Subject = Subject {
    mib: 16,
    format: Format::Ext2,
    superblock: 1024..2048,
    ..Subject::PLAIN
};
const EXT3: Subject = Subject {
    format: Format::Ext3,
    ..EXT2
};
const EXT4: Subject = Subject {
    format: Format::Ext4,
    // metadata_csum itself is a bit of s_feature_ro_compat.
    covered: &[1024..1024 + 0x65, 1024 + 0x66..2048],
    ..EXT2
};
const XFS4: Subject = Subject {
    mib: 320,
    format: Format::Xfs,
    superblock: 0..512,
    ..Subject::PLAIN
};
const XFS5: Subject = Subject {
    // The version says whether there is a checksum.
    covered: &[0..101, 102..512],
    ..XFS4
};
const BTRFS: Subject = Subject {
    mib: 128,
    format: Format::Btrfs,
    superblock: 65536..69632,
    // crc32c fills 4 of the 32 bytes.
    covered: &[65536..65540, 65568..69632],
    ..Subject::PLAIN
};

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject {
        name: "ext2",
        make: &["mke2fs", "-q", "-t", "ext2", "-L", "two"],
        ..EXT2
    },
    Subject {
        name: "ext2-no-label",
        make: &["mke2fs", "-q", "-t", "ext2"],
        ..EXT2
    },
    Subject {
        name: "ext2-block-4096",
        make: &["mke2fs", "-q", "-t", "ext2", "-b", "4096"],
        ..EXT2
    },
    Subject {
        name: "ext3",
        make: &["mke2fs", "-q", "-t", "ext3", "-L", "three"],
        ..EXT3
    },
    Subject {
        name: "ext4",
        make: &["mke2fs", "-q", "-t", "ext4", "-L", "four"],
        ..EXT4
    },
    Subject {
        name: "ext4-label-full",
        make: &["mke2fs", "-q", "-t", "ext4", "-L", "sixteen-bytes-ok"],
        ..EXT4
    },
    Subject {
        name: "ext4-label-blank",
        make: &["mke2fs", "-q", "-t", "ext4", "-L", "a b"],
        ..EXT4
    },
    Subject {
        name: "ext4-block-4096",
        make: &["mke2fs", "-q", "-t", "ext4", "-b", "4096"],
        ..EXT4
    },
    Subject {
        name: "ext4-no-journal",
        make: &["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal"],
        ..EXT4
    },
    Subject {
        name: "ext4-no-csum",
        make: &["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum"],
        format: Format::Ext4,
        ..EXT3
    },
    Subject {
        name: "ext4-32bit",
        make: &["mke2fs", "-q", "-t", "ext4", "-O", "^64bit"],
        ..EXT4
    },
    Subject {
        name: "ext4-bigalloc",
        make: &[
            "mke2fs", "-q", "-t", "ext4", "-O", "bigalloc", "-C", "16384",
        ],
        ..EXT4
    },
    Subject {
        name: "ext4-features",
        make: &[
            "mke2fs",
            "-q",
            "-t",
            "ext4",
            "-O",
            "inline_data,casefold,encrypt,ea_inode,large_dir,metadata_csum_seed",
        ],
        ..EXT4
    },
    Subject {
        name: "xfs-5",
        make: &["mkfs.xfs", "-q", "-L", "five"],
        ..XFS5
    },
    Subject {
        name: "xfs-5-no-label",
        make: &["mkfs.xfs", "-q"],
        ..XFS5
    },
    Subject {
        name: "xfs-5-sector-4096",
        make: &["mkfs.xfs", "-q", "-s", "size=4096"],
        ..XFS5
    },
    Subject {
        name: "xfs-5-block-1024",
        make: &["mkfs.xfs", "-q", "-b", "size=1024"],
        ..XFS5
    },
    Subject {
        name: "xfs-4",
        make: &["mkfs.xfs", "-q", "-m", "crc=0", "-L", "four"],
        ..XFS4
    },
    Subject {
        name: "btrfs",
        make: &["mkfs.btrfs", "-q", "-L", "better"],
        ..BTRFS
    },
    Subject {
        name: "btrfs-no-label",
        make: &["mkfs.btrfs", "-q"],
        ..BTRFS
    },
    Subject {
        name: "btrfs-mixed",
        make: &["mkfs.btrfs", "-q", "--mixed", "-n", "4096"],
        ..BTRFS
    },
    Subject {
        name: "btrfs-xxhash",
        make: &["mkfs.btrfs", "-q", "--csum", "xxhash"],
        ..BTRFS
    },
    Subject {
        name: "btrfs-sha256",
        make: &["mkfs.btrfs", "-q", "--csum", "sha256"],
        ..BTRFS
    },
    Subject {
        name: "btrfs-blake2",
        make: &["mkfs.btrfs", "-q", "--csum", "blake2"],
        ..BTRFS
    },
];

/// One of each layout of the superblock; the others differ in values.
fn layouts() -> Vec<&'static Subject> {
    ["ext2", "ext4", "xfs-5", "xfs-4", "btrfs"]
        .iter()
        .filter_map(|name| SUBJECTS.iter().find(|subject| subject.name == *name))
        .collect()
}

#[test]
fn fields_are_those_of_blkid() {
    agrees_with_blkid(SUBJECTS);
}

#[test]
fn a_new_file_system_is_clean_and_fills_its_device() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let (_, superblock) = only(&path);
        let Content::Filesystem(filesystem) = &superblock.content else {
            panic!("{superblock:?}")
        };
        assert_eq!(filesystem.log, LogState::Clean, "{}", subject.name);
        assert!(!filesystem.errors, "{}", subject.name);
        let size = subject.mib << 20;
        assert!(
            superblock.size <= size && superblock.size > size / 2,
            "{}",
            subject.name
        );
    }
}

#[test]
fn changed_bytes() {
    stands_changed_bytes(layouts());
}

#[test]
fn cuts() {
    stands_cuts(layouts());
}

#[test]
fn bad_sectors() {
    stands_bad_sectors(layouts());
}
/// No tool makes one any more.
#[test]
fn revision_0_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let command = &["mke2fs", "-q", "-t", "ext2", "-O", "none"];
    let path = Make { command, mib: 16 }.image(dir.path(), "rev0");
    let mut image = Image::open(&path);
    image.patch(1024 + 0x4c, &[0]);
    assert_eq!(
        sound(&probe(&image), Format::Ext2).version.as_deref(),
        Some("0.0")
    );
}

#[test]
fn an_external_journal_is_no_file_system_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let command = &["mke2fs", "-q", "-O", "journal_dev", "-b", "4096"];
    let path = Make { command, mib: 16 }.image(dir.path(), "journal");
    assert_eq!(blkid(&path).get("TYPE").map(String::as_str), Some("jbd"));
    let (format, superblock) = only(&path);
    assert_eq!(format, Format::Jbd);
    assert!(matches!(
        superblock.filesystem().unwrap().look,
        Look::Unreadable { .. }
    ));
}

#[test]
fn the_members_of_one_btrfs_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other");
    File::create(&other).unwrap().set_len(128 << 20).unwrap();
    let other_text = other.to_string_lossy().into_owned();
    let one = dir.path().join("one");
    File::create(&one).unwrap().set_len(128 << 20).unwrap();
    done(
        "mkfs.btrfs",
        &[
            "-q",
            "-d",
            "raid1",
            "-m",
            "raid1",
            &one.to_string_lossy(),
            &other_text,
        ],
    );
    let parts = [&one, &other].map(|path| {
        let (_, superblock) = only(path);
        let filesystem = superblock.filesystem().unwrap().clone();
        assert_eq!(filesystem.devices, 2);
        (superblock.uuid, filesystem.part.unwrap())
    });
    assert_eq!(parts[0].0, parts[1].0);
    assert_eq!((parts[0].1.number, parts[1].1.number), (1, 2));
    assert_eq!(parts[1].1.uuid.as_ref(), blkid(&other).get("UUID_SUB"),);
}
