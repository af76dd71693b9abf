//! LUKS, BitLocker, dm-integrity and dm-verity.

mod bitlocker;
mod hash;
mod luks;
mod luks2;
mod luks2_json;

use crate::harness::{
    Subject, agrees_with_blkid, fill, stands_bad_sectors, stands_changed_bytes, stands_cuts,
};
use asl_facts::{Container, Content, Damage, Format, Superblock};
use asl_probe::{Decoded, rows};

const LUKS1: Subject = Subject {
    format: Format::Luks,
    mib: 4,
    // Of eight key slots alike, the first two.
    superblock: 0..304,
    // No checksum: of what every header has alike, each change is noticed.
    covered: &[0..4, 6..8],
    ..Subject::PLAIN
};
const LUKS2: Subject = Subject {
    format: Format::Luks,
    mib: 18,
    // The fields; a module has the padding, the checksum and the JSON.
    superblock: 0..264,
    covered: &[0..8, 8..264],
    ..Subject::PLAIN
};
const BITLOCKER: Subject = Subject {
    format: Format::Bitlocker,
    superblock: 0..208,
    covered: &[0..11, 160..200],
    ..Subject::PLAIN
};

macro_rules! luks_format {
    ($version:literal $(, $arg:literal)*) => {
        &[
            "cryptsetup", "luksFormat", "-q", "--type", $version, "--use-urandom",
            "--pbkdf-force-iterations", "1000", "--key-file", "/dev/zero", "--keyfile-size", "32",
            $($arg,)*
        ]
    };
}
use luks_format;

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject {
        name: "luks1",
        make: luks_format!("luks1"),
        ..LUKS1
    },
    Subject {
        name: "luks1-cbc",
        make: luks_format!(
            "luks1",
            "-c",
            "aes-cbc-essiv:sha256",
            "-s",
            "256",
            "-h",
            "sha512"
        ),
        ..LUKS1
    },
    Subject {
        name: "luks2",
        make: luks_format!(
            "luks2",
            "--pbkdf",
            "pbkdf2",
            "--label",
            "two words",
            "--subsystem",
            "s"
        ),
        ..LUKS2
    },
    Subject {
        name: "luks2-no-label",
        make: luks_format!("luks2", "--pbkdf", "pbkdf2"),
        ..LUKS2
    },
    Subject {
        name: "luks2-64k",
        make: luks_format!("luks2", "--pbkdf", "pbkdf2", "--luks2-metadata-size", "64k"),
        ..LUKS2
    },
    Subject {
        name: "luks2-128k",
        make: luks_format!(
            "luks2",
            "--pbkdf",
            "pbkdf2",
            "--luks2-metadata-size",
            "128k"
        ),
        ..LUKS2
    },
    Subject {
        name: "luks2-4m",
        make: luks_format!("luks2", "--pbkdf", "pbkdf2", "--luks2-metadata-size", "4m"),
        mib: 32,
        ..LUKS2
    },
    Subject {
        name: "bitlocker",
        write: Some(|file| fill(file, &bitlocker::Volume::plain().image())),
        ..BITLOCKER
    },
    Subject {
        name: "bitlocker-to-go",
        write: Some(|file| fill(file, &bitlocker::Volume::to_go().image())),
        superblock: 0..512,
        covered: &[0..11, 424..464, 510..512],
        ..BITLOCKER
    },
    Subject {
        name: "bitlocker-vista",
        write: Some(|file| fill(file, &bitlocker::Volume::vista().image())),
        superblock: 0..72,
        covered: &[0..7, 7..11],
        differs: &[("LABEL", "libblkid does not read Vista's metadata")],
        ..BITLOCKER
    },
    Subject {
        name: "dm-integrity",
        write: Some(|file| fill(file, &hash::integrity(|_| {}))),
        format: Format::Integrity,
        superblock: 0..64,
        covered: &[0..7, 7..8],
        ..Subject::PLAIN
    },
    Subject {
        name: "dm-verity",
        make: &["veritysetup", "format", "/proc/self/exe", "{}"],
        format: Format::Verity,
        mib: 0,
        superblock: 0..96,
        covered: &[0..8, 8..12],
        ..Subject::PLAIN
    },
];

/// The layouts that differ. Large headers are in `luks2`: each probe of one
/// hashes far more, and their fields are the same.
fn layouts() -> impl Iterator<Item = &'static Subject> {
    let twins = [
        "luks1-cbc",
        "luks2-no-label",
        "luks2-64k",
        "luks2-128k",
        "luks2-4m",
    ];
    SUBJECTS
        .iter()
        .filter(move |subject| !twins.contains(&subject.name))
}

#[test]
fn every_field_that_blkid_gives_is_the_same() {
    agrees_with_blkid(SUBJECTS);
}

#[test]
fn a_changed_byte_is_found_out() {
    stands_changed_bytes(layouts());
}

#[test]
fn a_cut_device_claims_no_more_than_is_there() {
    stands_cuts(layouts());
}

#[test]
fn a_bad_sector_hides_only_what_lies_on_it() {
    stands_bad_sectors(layouts());
}

fn judge(row: &str, bytes: &[u8]) -> Decoded {
    let row = rows().find(|known| known.name == row).unwrap();
    row.judge(bytes, 0)
}

fn damage(decoded: Decoded) -> Damage {
    match decoded {
        Decoded::Damaged(_, damage) => damage,
        other => panic!("not damaged: {other:?}"),
    }
}

fn container(superblock: &Superblock) -> &Container {
    match &superblock.content {
        Content::Container(container) => container,
        other => panic!("no container: {other:?}"),
    }
}

/// `bytes` with others at `at`.
fn with(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..][..new.len()].copy_from_slice(new);
    bytes
}
