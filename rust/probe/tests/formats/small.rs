//! Swap, bcache, Stratis, DRBD and VDO.

use crate::harness::{
    Image, Subject, agrees_with_blkid, blkid, probe, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use asl_facts::{Content, Format, Piece, Swap};
use crc::{CRC_32_ISCSI, Crc};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

const SWAP: Subject = Subject {
    name: "swap",
    make: &["mkswap", "-q", "-L", "paging"],
    mib: 16,
    format: Format::Swap,
    superblock: 0..1068,
    ..Subject::PLAIN
};

const DRBD: Subject = Subject {
    name: "drbd-8",
    write: Some(|file| write_drbd(file, 0x6b)),
    mib: 16,
    format: Format::Drbd,
    superblock: (16 << 20) - 4096..(16 << 20) - 4096 + 80,
    ..Subject::PLAIN
};

pub(crate) const SUBJECTS: &[Subject] = &[
    SWAP,
    Subject {
        name: "swap-64k-pages",
        make: &["mkswap", "-q", "-p", "65536"],
        ..SWAP
    },
    Subject {
        name: "bcache-backing",
        make: &["make-bcache", "-B"],
        mib: 16,
        format: Format::Bcache,
        superblock: 4096..4304,
        covered: &[4096..4200, 4200..4304],
        ..Subject::PLAIN
    },
    Subject {
        name: "bcache-cache",
        make: &["make-bcache", "-C"],
        mib: 80,
        format: Format::Bcache,
        superblock: 4096..4304,
        ..Subject::PLAIN
    },
    DRBD,
    Subject {
        name: "drbd-9",
        write: Some(|file| write_drbd(file, 0x6d)),
        ..DRBD
    },
];

/// What `drbdmeta create-md` writes; it wants a lock below /var.
fn write_drbd(file: &File, last_of_magic: u8) {
    let mut block = vec![0; 4096];
    block[15] = 4;
    block[59] = 0x80;
    block[60..64].copy_from_slice(&[0x83, 0x74, 0x02, last_of_magic]);
    let words: [i32; 5] = [0x50, -64, 0x101, -72, 4096];
    for (at, word) in (64..).step_by(4).zip(words) {
        block[at..at + 4].copy_from_slice(&word.to_be_bytes());
    }
    file.write_all_at(&block, (16 << 20) - 4096).unwrap();
}

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
    // The letters of a swap space lie apart from its header.
    stands_bad_sectors(&SUBJECTS[2..]);
}

fn image(name: &str) -> Image {
    let subject = SUBJECTS.iter().find(|row| row.name == name).unwrap();
    let dir = tempfile::tempdir().unwrap();
    Image::open(&subject.image(dir.path()))
}

fn swap(image: &Image) -> Swap {
    match sound(&probe(image), Format::Swap).content.clone() {
        Content::Swap(swap) => swap,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_page_size_is_that_of_the_letters() {
    assert_eq!(swap(&image("swap")).page_size, 4096);
    assert_eq!(swap(&image("swap-64k-pages")).page_size, 65536);
}

#[test]
fn a_sleeping_system_is_told_by_its_letters() {
    for letters in [
        b"S1SUSPEND\0",
        b"S2SUSPEND\0",
        b"ULSUSPEND\0",
        b"LINHIB0001",
    ] {
        let mut image = image("swap");
        let uuid = sound(&probe(&image), Format::Swap).uuid.clone();
        image.patch(4086, letters);
        let name = String::from_utf8_lossy(letters)
            .trim_end_matches('\0')
            .to_owned();
        assert_eq!(swap(&image).hibernated, Some(name));
        assert_eq!(sound(&probe(&image), Format::Swap).uuid, uuid);
    }
    let mut image = image("swap");
    image.patch(0, &[0xed, 0xc3, 0x02, 0xe9, 0x98, 0x56, 0xe5, 0x0c]);
    image.patch(4086, &[0; 10]);
    assert_eq!(swap(&image).hibernated.as_deref(), Some("tuxonice"));
}

fn piece(image: &dyn asl_probe::ReadAt, format: Format) -> Piece {
    match sound(&probe(image), format).content.clone() {
        Content::Piece(piece) => piece,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bcache_devices_say_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = SUBJECTS[2].image(dir.path());
    let show = crate::harness::done("bcache-super-show", &[path.to_str().unwrap()]);
    let show = String::from_utf8_lossy(&show.stdout).into_owned();
    let said = |key: &str| {
        show.lines()
            .find_map(|line| line.strip_prefix(key))
            .map(|value| value.trim().to_owned())
            .unwrap()
    };
    let image = Image::open(&path);
    let backing = piece(&image, Format::Bcache);
    assert_eq!(
        (backing.role.as_str(), backing.data_offset),
        ("backing", Some(8192))
    );
    assert_eq!(
        Some(said("dev.uuid")),
        sound(&probe(&image), Format::Bcache).uuid
    );
    assert_eq!(Some(said("cset.uuid")), backing.whole);
    let cache = piece(&self::image("bcache-cache"), Format::Bcache);
    assert_eq!((cache.role.as_str(), cache.state), ("cache", None));
    assert_eq!(
        Some(&sound(&probe(&image), Format::Bcache).uuid.clone().unwrap()),
        blkid(&path).get("UUID")
    );
}

/// An image file with these bytes, for blkid.
fn written(dir: &tempfile::TempDir, mib: usize, parts: &[(usize, &[u8])]) -> PathBuf {
    let mut bytes = vec![0; mib << 20];
    for (at, part) in parts {
        bytes[*at..][..part.len()].copy_from_slice(part);
    }
    let path = dir.path().join("image");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn stratis_header() -> Vec<u8> {
    let mut header = vec![0; 512];
    header[4..20].copy_from_slice(b"!Stra0tis\x86\xff\x02^\x41rh");
    header[20..28].copy_from_slice(&32768_u64.to_le_bytes());
    header[32..64].copy_from_slice(b"000102030405060708090a0b0c0d0e0f");
    header[64..96].copy_from_slice(b"101112131415161718191a1b1c1d1e1f");
    header[96..104].copy_from_slice(&2048_u64.to_le_bytes());
    let crc = Crc::<u32>::new(&CRC_32_ISCSI).checksum(&header[4..]);
    header[..4].copy_from_slice(&crc.to_le_bytes());
    header
}

#[test]
fn stratis_is_read_from_either_header() {
    let dir = tempfile::tempdir().unwrap();
    let header = stratis_header();
    let path = written(&dir, 16, &[(512, &header), (9 * 512, &header)]);
    let said = blkid(&path);
    let mut image = Image::open(&path);
    let found = sound(&probe(&image), Format::Stratis).clone();
    assert_eq!(said.get("TYPE").map(String::as_str), Some("stratis"));
    assert_eq!(found.uuid.as_ref(), said.get("UUID"));
    assert_eq!(
        piece(&image, Format::Stratis).whole.as_ref(),
        said.get("POOL_UUID")
    );
    image.flip(512 + 40);
    let found = sound(&probe(&image), Format::Stratis).clone();
    assert_eq!(found.damaged_copies[0].rule, "checksum");
}

#[test]
fn drbd_lies_behind_what_it_replicates() {
    for name in ["drbd-8", "drbd-9"] {
        let image = image(name);
        let found = sound(&probe(&image), Format::Drbd).clone();
        // 32 KiB of activity log and one block of bitmap.
        assert_eq!(found.size, (16 << 20) - 4096 - 32768 - 4096);
        assert_eq!(piece(&image, Format::Drbd).data_offset, Some(0));
    }
}

#[test]
fn vdo_is_known_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut block = vec![0; 4096];
    block[..8].copy_from_slice(b"dmvdo001");
    block[8] = 5;
    block[12] = 5;
    block[40..56].copy_from_slice(b"0123456789abcdef");
    let path = written(&dir, 16, &[(0, &block)]);
    let found = sound(&probe(&Image::open(&path)), Format::Vdo).clone();
    assert_eq!(found.uuid.as_ref(), blkid(&path).get("UUID"));
}
