//! F2FS, bcachefs, JFS, ReiserFS, NILFS2, HFS+, APFS, OCFS2 and GFS2.

use crate::harness::{
    Image, Subject, agrees_with_blkid, damaged_rule, probe, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use asl_facts::{Filesystem, Format, LogState, Superblock};
use std::path::Path;

const F2FS: Subject = Subject {
    name: "f2fs",
    make: &["mkfs.f2fs", "-q", "-f", "-l", "fast"],
    mib: 64,
    format: Format::F2fs,
    superblock: 1024..4096,
    ..Subject::PLAIN
};

pub(crate) const SUBJECTS: &[Subject] = &[
    F2FS,
    Subject {
        name: "f2fs-checksum",
        make: &[
            "mkfs.f2fs",
            "-q",
            "-f",
            "-O",
            "extra_attr,sb_checksum",
            "-l",
            "sum",
        ],
        // The features say whether there is a checksum.
        covered: &[1024..3204, 3208..4096],
        ..F2FS
    },
    Subject {
        name: "bcachefs",
        make: &["bcachefs", "format", "-q", "-f", "-L", "cached"],
        mib: 64,
        format: Format::Bcachefs,
        superblock: 4096..4096 + 752,
        // The first 16 bytes hold a checksum of 4, the next what tells it
        // from one of another kind.
        covered: &[4112..4120, 4120..4848],
        ..Subject::PLAIN
    },
    Subject {
        name: "jfs",
        make: &["mkfs.jfs", "-q", "-L", "journaled"],
        mib: 16,
        format: Format::Jfs,
        superblock: 32768..32952,
        ..Subject::PLAIN
    },
    REISERFS,
    Subject {
        name: "reiserfs-3.5",
        make: &["mkreiserfs", "-q", "-f", "-f", "--format", "3.5"],
        ..REISERFS
    },
    Subject {
        name: "nilfs2",
        make: &["mkfs.nilfs2", "-q", "-L", "continuous"],
        mib: 136,
        format: Format::Nilfs2,
        superblock: 1024..1024 + 280,
        // Revision and length tell it from other uses of the two letters.
        covered: &[1036..1100, 1100..1304],
        ..Subject::PLAIN
    },
    Subject {
        name: "hfsplus",
        make: &["mkfs.hfsplus", "-v", "Macintosh"],
        mib: 16,
        format: Format::Hfsplus,
        superblock: 1024..1536,
        differs: &[("VERSION", "blkid tells H+ from HX by the type alone")],
        ..Subject::PLAIN
    },
    Subject {
        name: "hfsplus-wrapped",
        make: &["mkfs.hfsplus", "-w", "-v", "Macintosh"],
        mib: 16,
        format: Format::Hfsplus,
        superblock: 1024..1536,
        differs: &[("VERSION", "blkid tells H+ from HX by the type alone")],
        ..Subject::PLAIN
    },
    Subject {
        name: "apfs",
        make: &["mkapfs"],
        mib: 64,
        format: Format::Apfs,
        superblock: 0..4096,
        covered: &[0..32, 40..4096],
        ..Subject::PLAIN
    },
    Subject {
        name: "ocfs2",
        make: &[
            "mkfs.ocfs2",
            "-q",
            "-F",
            "-b",
            "4096",
            "-C",
            "4096",
            "-N",
            "1",
            "-L",
            "cluster",
            "-M",
            "local",
        ],
        mib: 256,
        format: Format::Ocfs2,
        superblock: 8192..8704,
        ..Subject::PLAIN
    },
    Subject {
        name: "gfs2",
        make: &[
            "mkfs.gfs2",
            "-q",
            "-O",
            "-p",
            "lock_nolock",
            "-t",
            "cl:table",
            "-j",
            "1",
            "-J",
            "8",
        ],
        mib: 64,
        format: Format::Gfs2,
        superblock: 65536..66048,
        differs: &[("VERSION", "blkid says 1 for every format number")],
        ..Subject::PLAIN
    },
];

const REISERFS: Subject = Subject {
    name: "reiserfs",
    make: &["mkreiserfs", "-q", "-f", "-f", "-l", "tail"],
    mib: 40,
    format: Format::Reiserfs,
    superblock: 65536..65740,
    ..Subject::PLAIN
};

#[test]
fn fields_are_those_of_blkid() {
    agrees_with_blkid(SUBJECTS);
}

#[test]
fn changed_bytes() {
    stands_changed_bytes(SUBJECTS);
}

#[test]
fn cuts() {
    stands_cuts(SUBJECTS);
}

#[test]
fn bad_sectors() {
    stands_bad_sectors(SUBJECTS);
}

fn image(name: &str) -> (Image, &'static Subject) {
    let subject = SUBJECTS.iter().find(|row| row.name == name).unwrap();
    let dir = tempfile::tempdir().unwrap();
    (Image::open(&subject.image(dir.path())), subject)
}

fn superblock(image: &Image, format: Format) -> Superblock {
    sound(&probe(image), format).clone()
}

fn filesystem(image: &Image, format: Format) -> Filesystem {
    superblock(image, format).filesystem().unwrap().clone()
}

#[test]
fn a_new_file_system_is_clean() {
    for name in [
        "f2fs",
        "bcachefs",
        "jfs",
        "reiserfs",
        "nilfs2",
        "hfsplus",
        "hfsplus-wrapped",
    ] {
        let (image, subject) = image(name);
        let found = filesystem(&image, subject.format);
        assert_eq!(found.log, LogState::Clean, "{name}");
        assert!(!found.errors, "{name}");
        let size = superblock(&image, subject.format).size;
        assert!(
            size <= image.size && size > image.size / 2,
            "{name}: {size}"
        );
    }
}

#[test]
fn one_that_was_not_unmounted_needs_replay() {
    let dirty = |name: &str, offset: u64, bytes: &[u8]| {
        let (mut image, subject) = image(name);
        image.patch(offset, bytes);
        let log = filesystem(&image, subject.format).log;
        assert_eq!(log, LogState::NeedsReplay { live_bytes: None }, "{name}");
    };
    // s_state = FM_MOUNT; s_umount_state = REISERFS_ERROR_FS; no
    // kHFSVolumeUnmountedBit.
    dirty("jfs", 32768 + 40, &[1]);
    dirty("reiserfs", 65536 + 50, &[2]);
    dirty("hfsplus", 1024 + 6, &[0]);
}

#[test]
fn a_wrapper_leads_to_its_volume_or_is_damaged() {
    let (sound, _) = image("hfsplus-wrapped");
    let bytes = |at| {
        let bytes = sound.bytes(at, 2);
        u64::from(u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    // drAlBlSt in sectors, drEmbedExtent's first block of 4096.
    let volume = bytes(1024 + 28) * 512 + bytes(1024 + 126) * 4096;
    for (at, patch, rule) in [
        (1024 + 20, &[0, 0, 0, 1][..], "block-size"),
        (1024 + 126, &[0xff, 0xff], "embedded-extent"),
        (1024 + 128, &[0, 0], "embedded-extent"),
        (1024 + 128, &[0, 1], "embedded-size"),
        (1024 + 126, &[0, 0], "embedded-header"),
        (volume + 1024, b"--", "embedded-header"),
        (volume + 1026, &[9, 9], "version"),
        (volume + 1024 + 40, &[0, 0, 0, 3], "block-size"),
    ] {
        let (mut image, _) = image("hfsplus-wrapped");
        image.patch(at, patch);
        assert_eq!(damaged_rule(&image, Format::Hfsplus), rule, "{at}");
    }
}

#[test]
fn a_copy_stands_in_for_a_damaged_primary() {
    let (mut f2fs, _) = image("f2fs-checksum");
    f2fs.flip(1024 + 108);
    let found = superblock(&f2fs, Format::F2fs);
    assert_eq!(found.damaged_copies[0].rule, "checksum");
    let (mut nilfs, _) = image("nilfs2");
    nilfs.flip(1024 + 152);
    assert_eq!(
        superblock(&nilfs, Format::Nilfs2).damaged_copies[0].rule,
        "checksum"
    );
    let (mut jfs, _) = image("jfs");
    jfs.patch(32768 + 16, &[1]);
    assert_eq!(
        superblock(&jfs, Format::Jfs).damaged_copies[0].rule,
        "block-size"
    );
    let (mut bcachefs, _) = image("bcachefs");
    bcachefs.patch(4096 + 72, b"other");
    let found = superblock(&bcachefs, Format::Bcachefs);
    assert_eq!(found.damaged_copies[0].rule, "checksum");
    assert_eq!(found.label, Some("cached".into()));
}

#[test]
fn an_f2fs_without_a_sound_checkpoint_is_not_judged() {
    let (mut image, _) = image("f2fs");
    let block = u64::from(u32::from_le_bytes(
        image.bytes(1024 + 76, 4).try_into().unwrap(),
    ));
    for pack in [block, block + 512] {
        image.patch(pack * 4096, &[0xff; 8]);
    }
    assert_eq!(filesystem(&image, Format::F2fs).log, LogState::Unknown);
}

#[test]
fn the_devices_of_one_bcachefs_know_their_own_place() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = ["one", "two"]
        .iter()
        .map(|name| {
            let path = dir.path().join(name);
            std::fs::File::create(&path)
                .unwrap()
                .set_len(64 << 20)
                .unwrap();
            path.to_string_lossy().into_owned()
        })
        .collect();
    crate::harness::done("bcachefs", &["format", "-q", "-f", &paths[0], &paths[1]]);
    let found: Vec<Superblock> = paths
        .iter()
        .map(|path| superblock(&Image::open(Path::new(path)), Format::Bcachefs))
        .collect();
    assert_eq!(found[0].uuid, found[1].uuid);
    for (number, superblock) in (0..).zip(&found) {
        let filesystem = superblock.filesystem().unwrap();
        let part = filesystem.part.as_ref().unwrap();
        assert_eq!((filesystem.devices, part.number), (2, number));
        let expected = crate::harness::blkid(Path::new(&paths[usize::try_from(number).unwrap()]));
        assert_eq!(part.uuid.as_ref(), expected.get("UUID_SUB"));
        assert_eq!(part.size, 64 << 20);
        assert_eq!(superblock.size, 128 << 20);
    }
}
