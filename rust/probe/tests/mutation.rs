//! No byte and no cut of a device makes the probe panic or believe what a
//! checksum denies.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may"
)]

mod common;

use asl_facts::{Outcome, Signature};
use asl_probe::probe;
use common::{Image, Make};
use std::ops::Range;

struct Subject {
    command: &'static [&'static str],
    mib: u64,
    superblock: Range<u64>,
    /// Bytes that no checksum covers, or that say whether there is one.
    unprotected: Option<Range<u64>>,
}

const SUBJECTS: &[Subject] = &[
    Subject {
        command: &["mke2fs", "-q", "-t", "ext4"],
        mib: 16,
        superblock: 1024..2048,
        // metadata_csum itself is a bit of s_feature_ro_compat.
        unprotected: Some(1024 + 0x65..1024 + 0x66),
    },
    Subject {
        command: &["mke2fs", "-q", "-t", "ext2"],
        mib: 16,
        superblock: 1024..2048,
        unprotected: Some(1024..2048),
    },
    Subject {
        command: &["mkfs.xfs", "-q"],
        mib: 320,
        superblock: 0..512,
        // The version says whether there is a checksum.
        unprotected: Some(101..102),
    },
    Subject {
        command: &["mkfs.xfs", "-q", "-m", "crc=0"],
        mib: 320,
        superblock: 0..512,
        unprotected: Some(0..512),
    },
    Subject {
        command: &["mkfs.btrfs", "-q"],
        mib: 128,
        superblock: 65536..69632,
        // crc32c fills 4 of the 32 bytes.
        unprotected: Some(65540..65568),
    },
];

fn primary_is_believed(signatures: &[Signature], at: u64) -> bool {
    signatures
        .iter()
        .any(|signature| signature.offset == at && matches!(signature.outcome, Outcome::Found(_)))
}

#[test]
fn a_changed_byte_is_found_out_wherever_a_checksum_covers_it() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let command = subject.command;
        let path = Make {
            command,
            mib: subject.mib,
        }
        .image(dir.path(), "image");
        let mut image = Image::open(&path);
        let at = subject.superblock.start;
        assert!(
            primary_is_believed(&probe(&image).unwrap(), at),
            "{command:?}"
        );
        for offset in subject.superblock.clone() {
            let byte = image.bytes(offset, 1)[0];
            for change in [0x01, 0x80, 0xff] {
                image.patches = vec![(offset, vec![byte ^ change])];
                let signatures = probe(&image).unwrap();
                let unprotected = subject
                    .unprotected
                    .as_ref()
                    .is_some_and(|range| range.contains(&offset));
                assert!(
                    unprotected || !primary_is_believed(&signatures, at),
                    "{command:?}: byte {offset} ^ {change:#x}: {signatures:?}"
                );
            }
            image.patches.clear();
        }
    }
}

#[test]
fn a_field_at_its_extremes_never_panics() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let command = subject.command;
        let path = Make {
            command,
            mib: subject.mib,
        }
        .image(dir.path(), "image");
        let mut image = Image::open(&path);
        for offset in subject.superblock.clone() {
            for value in [[0; 8], [0xff; 8], [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0x80]] {
                for len in [1, 2, 4, 8] {
                    image.patches = vec![(offset, value[..len].to_vec())];
                    probe(&image).unwrap();
                }
            }
            image.patches.clear();
        }
    }
}

#[test]
fn a_device_cut_at_any_sector_is_never_a_find() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let command = subject.command;
        let path = Make {
            command,
            mib: subject.mib,
        }
        .image(dir.path(), "image");
        let mut image = Image::open(&path);
        let whole = image.size;
        let near = (0..300).map(|sector| sector * 512);
        let far = (1..8).filter_map(|part| Some(whole.checked_mul(part)? / 8));
        for size in near.chain(far) {
            image.size = size;
            let signatures = probe(&image).unwrap();
            assert!(
                signatures
                    .iter()
                    .all(|signature| matches!(signature.outcome, Outcome::Damaged(_))),
                "{command:?}: {size} bytes: {signatures:?}"
            );
            let end = subject.superblock.end;
            assert!(
                size < end || !signatures.is_empty(),
                "{command:?}: {size} bytes"
            );
        }
    }
}
