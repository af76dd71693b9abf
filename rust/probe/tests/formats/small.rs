//! Swap, bcache, Stratis, DRBD and VDO.

use crate::harness::{
    Image, Subject, agrees_with_blkid, blkid, done, probe, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use asl_facts::{Content, Damage, Format, Outcome, Piece, Superblock, Swap};
use asl_probe::{Decoded, rows};
use crc::{Algorithm, CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_WE, Crc};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const SWAP: Subject = Subject {
    name: "swap",
    make: &["mkswap", "-q", "-L", "paging"],
    mib: 16,
    format: Format::Swap,
    superblock: 0..1068,
    ..Subject::PLAIN
};
const BCACHE: Subject = Subject {
    name: "bcache-backing",
    make: &["make-bcache", "-B"],
    mib: 16,
    format: Format::Bcache,
    superblock: 4096..4304,
    covered: &[4096..4200, 4200..4304],
    ..Subject::PLAIN
};
const CACHE: Subject = Subject {
    name: "bcache-cache",
    make: &["make-bcache", "-C"],
    mib: 80,
    ..BCACHE
};
const STRATIS: Subject = Subject {
    name: "stratis",
    write: Some(write_stratis),
    mib: 16,
    format: Format::Stratis,
    superblock: 512..1024,
    covered: &[512..516, 516..1024],
    ..Subject::PLAIN
};
const DRBD_8: Subject = Subject {
    name: "drbd-8",
    write: Some(|file| write_drbd(file, 0x6b)),
    mib: 16,
    format: Format::Drbd,
    superblock: DRBD_AT..DRBD_AT + 100,
    ..Subject::PLAIN
};
const DRBD_9: Subject = Subject {
    name: "drbd-9",
    write: Some(|file| write_drbd(file, 0x6d)),
    ..DRBD_8
};
const DRBD_AT: u64 = (16 << 20) - 4096;
const VDO: Subject = Subject {
    name: "vdo",
    write: Some(|file| file.write_all_at(&vdo(), 0).unwrap()),
    mib: 6144,
    format: Format::Vdo,
    superblock: 0..101,
    covered: &[0..8, 8..101],
    ..Subject::PLAIN
};
const VDO_4: Subject = Subject {
    name: "vdo-4",
    write: Some(|file| file.write_all_at(&vdo_4(), 0).unwrap()),
    superblock: 0..93,
    covered: &[0..8, 8..93],
    ..VDO
};

/// One of each layout.
const LAYOUTS: &[Subject] = &[SWAP, BCACHE, STRATIS, DRBD_8, DRBD_9, VDO, VDO_4];

pub(crate) const SUBJECTS: &[Subject] = &[
    SWAP,
    BCACHE,
    CACHE,
    STRATIS,
    DRBD_8,
    DRBD_9,
    VDO,
    VDO_4,
    Subject {
        name: "swap-8k-pages",
        make: &["mkswap", "-q", "-p", "8192"],
        ..SWAP
    },
    Subject {
        name: "swap-16k-pages",
        make: &["mkswap", "-q", "-p", "16384", "-L", "sixteen-bytes-o"],
        ..SWAP
    },
    Subject {
        name: "swap-32k-pages",
        make: &["mkswap", "-q", "-p", "32768"],
        ..SWAP
    },
    Subject {
        name: "swap-64k-pages",
        make: &["mkswap", "-q", "-p", "65536"],
        ..SWAP
    },
    Subject {
        name: "swap-big-endian",
        make: &["mkswap", "-q", "-e", "big", "-L", "big"],
        ..SWAP
    },
    Subject {
        name: "swap-64k-pages-big-endian",
        make: &["mkswap", "-q", "-e", "big", "-p", "65536"],
        ..SWAP
    },
    Subject {
        name: "bcache-backing-offset",
        make: &["make-bcache", "-B", "-o", "2048", "--writeback"],
        ..BCACHE
    },
    Subject {
        name: "bcache-cache-small-buckets",
        make: &["make-bcache", "-C", "-b", "16k", "-w", "4k"],
        ..BCACHE
    },
];

/// What `drbdmeta create-md` of drbd-utils 9 writes, and an id; it wants a
/// lock below /var. 32 KiB of activity log and one block of bitmap.
fn write_drbd(file: &File, last_of_magic: u8) {
    let mut block = vec![0; 4096];
    block[15] = 4;
    let device_uuid = if last_of_magic == 0x6d { 48 } else { 40 };
    block[device_uuid..device_uuid + 8].copy_from_slice(&0x00de_adbe_ef01_0203_u64.to_be_bytes());
    block[59] = 0x80;
    block[60..64].copy_from_slice(&[0x83, 0x74, 0x02, last_of_magic]);
    let words: [i32; 5] = [0x50, -64, 0x101, -72, 4096];
    for (at, word) in (64..).step_by(4).zip(words) {
        block[at..at + 4].copy_from_slice(&word.to_be_bytes());
    }
    if last_of_magic == 0x6d {
        for peer in 0..32 {
            block[112 + peer * 32 + 20..][..4].fill(0xff);
        }
    }
    file.write_all_at(&block, DRBD_AT).unwrap();
}

fn write_stratis(file: &File) {
    let header = stratis();
    file.write_all_at(&header, 512).unwrap();
    file.write_all_at(&header, 9 * 512).unwrap();
}

/// A header as the design describes it; stratisd wants block devices.
fn stratis() -> Vec<u8> {
    let mut header = vec![0; 512];
    header[4..20].copy_from_slice(b"!Stra0tis\x86\xff\x02^\x41rh");
    header[20..28].copy_from_slice(&32768_u64.to_le_bytes());
    header[28] = 2;
    header[32..64].copy_from_slice(b"000102030405060708090a0b0c0d0e0f");
    header[64..96].copy_from_slice(b"101112131415161718191a1b1c1d1e1f");
    header[96..104].copy_from_slice(&2048_u64.to_le_bytes());
    header[120..128].copy_from_slice(&1_700_000_000_u64.to_le_bytes());
    stratis_signed(header)
}

fn stratis_signed(mut header: Vec<u8>) -> Vec<u8> {
    let crc = Crc::<u32>::new(&CRC_32_ISCSI).checksum(&header[4..]);
    header[..4].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The geometry block that `vdoformat` 8.3 wrote to a disk of 6 GiB; it wants
/// a block device.
const VDO_BLOCK: &str = "646d76646f3030310500000005000000000000006500000000000000\
     00000000d5fcd471036106005b76131f290c434fb1f5cc3e2f9c865e0000000000000000\
     00000000010000000000000001000000d85c0a000000000000ffffff00000000006e58e24d";
/// Where its data begin, blocks.
const VDO_DATA: u64 = 679_128;

fn vdo() -> Vec<u8> {
    let digits = VDO_BLOCK.as_bytes().chunks(2);
    let mut block: Vec<u8> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    assert_eq!(block.len(), 101);
    block.resize(4096, 0);
    block
}

/// The same in the older form.
fn vdo_4() -> Vec<u8> {
    let mut block = vdo();
    block.drain(56..64);
    block.resize(4096, 0);
    block[12] = 4;
    block[20] = 93;
    block[93..97].fill(0);
    vdo_signed(block, 89)
}

fn vdo_signed(mut block: Vec<u8>, at: usize) -> Vec<u8> {
    static ALGORITHM: Algorithm<u32> = Algorithm {
        init: 0,
        ..CRC_32_ISO_HDLC
    };
    let crc = Crc::<u32>::new(&ALGORITHM).checksum(&block[..at]);
    block[at..at + 4].copy_from_slice(&crc.to_le_bytes());
    block
}

#[test]
fn fields_are_those_of_blkid() {
    agrees_with_blkid(SUBJECTS);
}

#[test]
fn changed_bytes() {
    stands_changed_bytes(LAYOUTS);
}

#[test]
fn cuts() {
    stands_cuts(LAYOUTS);
}

#[test]
fn bad_sectors() {
    // The letters of a swap space lie apart from its header.
    stands_bad_sectors(&LAYOUTS[1..]);
}

/// The image of this name, while its directory is kept.
fn made(name: &str) -> (tempfile::TempDir, PathBuf) {
    let subject = SUBJECTS.iter().find(|row| row.name == name).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = subject.image(dir.path());
    (dir, path)
}

fn image(name: &str) -> Image {
    Image::open(&made(name).1)
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

fn found(image: &Image, format: Format) -> Superblock {
    sound(&probe(image), format).clone()
}

/// The rule that makes the only signature of an image a damaged one.
fn broken(image: &Image) -> String {
    let signatures = probe(image);
    match &signatures[..] {
        [signature] => match &signature.outcome {
            Outcome::Damaged(damage) => damage.rule.clone(),
            Outcome::Found(found) => panic!("{found:?}"),
        },
        _ => panic!("{signatures:?}"),
    }
}

fn swap(image: &Image) -> Swap {
    match found(image, Format::Swap).content {
        Content::Swap(swap) => swap,
        other => panic!("{other:?}"),
    }
}

fn piece(image: &Image, format: Format) -> Piece {
    match found(image, format).content {
        Content::Piece(piece) => piece,
        other => panic!("{other:?}"),
    }
}

fn with(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..][..new.len()].copy_from_slice(new);
    bytes
}

fn judge(row: &str, bytes: &[u8], at: u64) -> Decoded {
    let row = rows().find(|known| known.name == row).unwrap();
    row.judge(bytes, at)
}

/// The rule that a superblock breaks; `found` or `absent` where none.
fn rule(row: &str, bytes: &[u8], at: u64) -> String {
    match judge(row, bytes, at) {
        Decoded::Damaged(_, damage) => damage.rule,
        Decoded::Found(_) => "found".to_owned(),
        Decoded::Absent => "absent".to_owned(),
    }
}

#[test]
fn a_swap_space_is_as_large_as_its_header_says() {
    for (name, page) in [
        ("swap", 4096),
        ("swap-8k-pages", 8192),
        ("swap-16k-pages", 16384),
        ("swap-32k-pages", 32768),
        ("swap-64k-pages", 65536),
        ("swap-big-endian", 4096),
        ("swap-64k-pages-big-endian", 65536),
    ] {
        let mut image = image(name);
        assert_eq!(swap(&image).page_size, page, "{name}");
        assert_eq!(swap(&image).hibernated, None);
        assert_eq!(found(&image, Format::Swap).size, 16 << 20, "{name}");
        image.size -= 4096;
        assert_eq!(broken(&image), "size");
    }
    // The first form, which has no header.
    let (_dir, path) = made("swap");
    overwrite(&path, 4086, b"SWAP-SPACE");
    let old = found(&Image::open(&path), Format::Swap);
    let said = blkid(&path);
    assert_eq!(old.version.as_ref(), said.get("VERSION"));
    assert_eq!(old.version.as_deref(), Some("0"));
    assert_eq!((old.uuid, old.label, old.size), (None, None, 0));
}

#[test]
fn swap_with_one_changed_field_breaks_one_rule() {
    for name in ["swap", "swap-big-endian"] {
        let bytes = image(name).bytes(0, 65536);
        let rule = |at, new: &[u8]| self::rule("swap", &with(&bytes, at, new), 0);
        assert_eq!(rule(4086, b"S"), "found");
        assert_eq!(rule(4086, b"s"), "absent");
        assert_eq!(rule(1024, &[2, 0, 0, 2]), "version");
        assert_eq!(rule(1028, &[0; 4]), "last-page");
        // 637 words from the list's beginning to the letters.
        let count = |count: u32| match name {
            "swap" => count.to_le_bytes(),
            _ => count.to_be_bytes(),
        };
        assert_eq!(rule(1032, &count(637)), "found");
        assert_eq!(rule(1032, &count(638)), "bad-pages");
    }
}

#[test]
fn a_sleeping_system_is_told_by_its_letters() {
    for (page, name) in [
        (4096, "swap"),
        (8192, "swap-8k-pages"),
        (65536, "swap-64k-pages-big-endian"),
    ] {
        for letters in [
            b"S1SUSPEND\0",
            b"S2SUSPEND\0",
            b"ULSUSPEND\0",
            b"LINHIB0001",
        ] {
            let (_dir, path) = made(name);
            let uuid = found(&Image::open(&path), Format::Swap).uuid;
            overwrite(&path, page - 10, letters);
            let mut image = Image::open(&path);
            let asleep = found(&image, Format::Swap);
            let name = String::from_utf8_lossy(letters);
            let name = name.trim_end_matches('\0');
            assert_eq!(swap(&image).hibernated.as_deref(), Some(name));
            assert_eq!(u64::from(swap(&image).page_size), page);
            assert!(uuid.is_some() && asleep.uuid == uuid);
            let said = blkid(&path);
            assert_eq!(said["TYPE"], "swsuspend");
            assert_eq!(said.get("UUID"), asleep.uuid.as_ref());
            assert_eq!(said.get("VERSION"), asleep.version.as_ref());
            // Whatever became of the header, and of the device's end.
            image.size /= 2;
            assert_eq!(swap(&image).hibernated.as_deref(), Some(name));
            image.patch(1024, &[0xff; 12]);
            assert_eq!(swap(&image).hibernated.as_deref(), Some(name));
        }
    }
}

#[test]
fn tuxonice_leaves_the_letters_of_the_swap_space() {
    let (_dir, path) = made("swap");
    overwrite(&path, 0, &[0xed, 0xc3, 0x02, 0xe9, 0x98, 0x56, 0xe5, 0x0c]);
    let mut image = Image::open(&path);
    let said = blkid(&path);
    assert_eq!(said["TYPE"], "swsuspend");
    assert_eq!(swap(&image).hibernated.as_deref(), Some("tuxonice"));
    let asleep = found(&image, Format::Swap);
    assert_eq!(asleep.uuid.as_ref(), said.get("UUID"));
    assert_eq!(asleep.version.as_ref(), said.get("VERSION"));
    image.patch(4086, &[0; 10]);
    assert_eq!(swap(&image).hibernated.as_deref(), Some("tuxonice"));
}

/// What `bcache-super-show` says: `1 [backing device]` is 1.
fn shown(path: &Path, key: &str) -> String {
    let output = done("bcache-super-show", &[path.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next());
    value.unwrap_or_else(|| panic!("{key}: {text}")).to_owned()
}

fn bcache_signed(mut superblock: Vec<u8>) -> Vec<u8> {
    let keys = usize::from(u16::from_le_bytes([superblock[206], superblock[207]]));
    let end = (208 + keys * 8).min(superblock.len());
    let crc = Crc::<u64>::new(&CRC_64_WE).checksum(&superblock[8..end]);
    superblock[..8].copy_from_slice(&crc.to_le_bytes());
    superblock
}

#[test]
fn bcache_devices_are_what_their_own_tool_says() {
    for subject in SUBJECTS.iter().filter(|row| row.format == Format::Bcache) {
        let (_dir, path) = made(subject.name);
        let image = Image::open(&path);
        let superblock = found(&image, Format::Bcache);
        let piece = piece(&image, Format::Bcache);
        let said = |key| shown(&path, key);
        assert_eq!(superblock.uuid, Some(said("dev.uuid")));
        assert_eq!(piece.whole, Some(said("cset.uuid")));
        assert_eq!(superblock.version, Some(said("sb.version")));
        if piece.role == "backing" {
            let first: u64 = said("dev.data.first_sector").parse().unwrap();
            assert_eq!(piece.data_offset, Some(first * 512));
            assert_eq!(said("dev.data.cache_state"), "0");
            assert_eq!(piece.state.as_deref(), Some("none"));
            assert_eq!(superblock.size, 0);
        } else {
            assert_eq!((piece.data_offset, piece.state), (None, None));
            let total: u64 = said("dev.cache.total_sectors").parse().unwrap();
            assert_eq!(superblock.size, total * 512, "{}", subject.name);
        }
    }
}

#[test]
fn the_state_of_a_backing_device_is_told() {
    let (_dir, path) = made("bcache-backing");
    let superblock = Image::open(&path).bytes(4096, 208);
    for (state, name) in [(0_u8, "none"), (1, "clean"), (2, "dirty"), (3, "stale")] {
        let mut bytes = superblock.clone();
        bytes[111] = bytes[111] & 0x9f | state << 5;
        bytes[72..77].copy_from_slice(b"label");
        overwrite(&path, 4096, &bcache_signed(bytes));
        let image = Image::open(&path);
        assert_eq!(piece(&image, Format::Bcache).state.as_deref(), Some(name));
        assert_eq!(shown(&path, "dev.data.cache_state"), state.to_string());
        let label = found(&image, Format::Bcache).label.unwrap();
        assert_eq!(Some(&label.printable()), blkid(&path).get("LABEL"));
    }
}

/// As much as the kernel's `struct cache_sb_disk` has.
const BCACHE_LEN: usize = 2258;

#[test]
fn bcache_with_one_changed_field_breaks_one_rule() {
    let max = u64::MAX.to_le_bytes();
    for (name, at, new, expected) in [
        ("bcache-backing", 8, &[9][..], "place"),
        ("bcache-backing", 16, &[2], "version"),
        ("bcache-backing", 16, &[7], "version"),
        ("bcache-backing", 40, b"uuid", "found"),
        ("bcache-backing", 192, &[0, 0], "block-size"),
        ("bcache-backing", 192, &[3, 0], "block-size"),
        ("bcache-backing", 192, &[0, 1], "block-size"),
        ("bcache-backing-offset", 184, &[15, 0], "data-offset"),
        ("bcache-backing-offset", 184, &max, "data-offset"),
        ("bcache-cache", 184, &[127, 0, 0], "buckets"),
        ("bcache-cache", 184, &max, "buckets"),
        ("bcache-cache", 194, &[0, 0], "bucket-size"),
        ("bcache-cache", 194, &[4, 0], "bucket-size"),
        ("bcache-cache", 194, &[9, 0], "bucket-size"),
        ("bcache-cache", 196, &[0, 0], "devices"),
        ("bcache-cache", 198, &[1, 0], "devices"),
    ] {
        let superblock = image(name).bytes(4096, BCACHE_LEN);
        assert_eq!(rule("bcache", &superblock, 4096), "found");
        let changed = with(&superblock, at, new);
        assert_eq!(rule("bcache", &changed, 4096), "checksum", "{name}: {at}");
        let signed = bcache_signed(changed);
        assert_eq!(rule("bcache", &signed, 4096), expected, "{name}: {at}");
        let cut = &superblock[..BCACHE_LEN - 1];
        assert_eq!(rule("bcache", cut, 4096), "truncated");
        let many = with(&superblock, 206, &[1, 1]);
        assert_eq!(rule("bcache", &many, 4096), "journal-buckets");
    }
}

#[test]
fn large_buckets_are_sized_by_their_feature() {
    let cache = with(&image("bcache-cache").bytes(4096, BCACHE_LEN), 16, &[5]);
    let judged = |feature: u8, bucket: [u8; 2], high: u8| {
        let changed = with(&with(&cache, 128, &[feature]), 194, &bucket);
        let changed = bcache_signed(with(&changed, 2256, &[high]));
        match judge("bcache", &changed, 4096) {
            Decoded::Found(found) => found.superblock,
            other => panic!("{other:?}"),
        }
    };
    let buckets = u64::from_le_bytes(cache[184..192].try_into().unwrap());
    assert_eq!(judged(0, [0, 4], 0).size, buckets * 1024 * 512);
    assert_eq!(judged(1, [0, 0], 2).size, (buckets << 17) * 512);
    assert_eq!(judged(2, [17, 0], 0).size, (buckets << 17) * 512);
    assert_eq!(judged(2, [17, 0], 0).unknown_features, [""; 0]);
    assert_eq!(judged(4, [0, 4], 0).unknown_features, ["0x4"]);
}

#[test]
fn a_cache_that_was_cut_is_damaged() {
    let mut image = image("bcache-cache");
    image.size /= 2;
    assert_eq!(broken(&image), "size");
}

fn told(image: &Image) -> Vec<(String, u64)> {
    let copies = found(image, Format::Stratis).damaged_copies;
    let pair = |Damage { rule, offset, .. }| (rule, offset);
    copies.into_iter().map(pair).collect()
}

#[test]
fn stratis_is_read_from_either_header() {
    let (_dir, path) = made("stratis");
    let said = blkid(&path);
    let mut image = Image::open(&path);
    assert_eq!(told(&image), []);
    let whole = found(&image, Format::Stratis);
    assert_eq!(whole.version.as_deref(), Some("2"));
    let piece = piece(&image, Format::Stratis);
    assert_eq!(piece.whole.as_ref(), said.get("POOL_UUID"));
    assert_eq!((whole.size / 512).to_string(), said["BLOCKDEV_SECTORS"]);
    assert_eq!(piece.generation.to_string(), said["BLOCKDEV_INITTIME"]);

    let (first, second) = (512, 9 * 512);
    image.flip(first + 40);
    assert_eq!(told(&image), [("checksum".to_owned(), first)]);
    assert_eq!(found(&image, Format::Stratis).uuid, whole.uuid);
    image.flip(second + 40);
    assert_eq!(broken(&image), "checksum");

    image.patches.clear();
    image.flip(second + 40);
    assert_eq!(told(&image), [("checksum".to_owned(), second)]);
    image.patch(second, &[0; 512]);
    assert_eq!(told(&image), [("copy-missing".to_owned(), second + 4)]);
    image.patch(second, &stratis_signed(with(&stratis(), 120, &[1])));
    assert_eq!(told(&image), [("copies-differ".to_owned(), second)]);
    image.patches.clear();
    image.bad = Some(second..second + 512);
    assert_eq!(told(&image), [("unreadable".to_owned(), second)]);
}

#[test]
fn stratis_with_one_changed_field_breaks_one_rule() {
    for (at, new, expected) in [
        (20, &[0; 8][..], "size"),
        (20, &[0xff; 8], "size"),
        (32, b"g", "uuid"),
        (95, b"-", "uuid"),
    ] {
        let changed = with(&stratis(), at, new);
        assert_eq!(rule("stratis", &changed, 512), "checksum");
        assert_eq!(rule("stratis", &stratis_signed(changed), 512), expected);
    }
}

#[test]
fn drbd_lies_behind_what_it_replicates() {
    for name in ["drbd-8", "drbd-9"] {
        let image = image(name);
        assert_eq!(found(&image, Format::Drbd).size, DRBD_AT - 32768 - 4096);
        let piece = piece(&image, Format::Drbd);
        assert_eq!(piece.data_offset, Some(0));
        assert_eq!(piece.state.as_deref(), Some("clean"));
        assert_eq!(piece.role, "secondary");
    }
}

#[test]
fn drbd_says_whether_its_activity_log_is_clean() {
    let mut eight = image("drbd-8");
    eight.patch(DRBD_AT + 63, &[0x6c]);
    assert_eq!(
        piece(&eight, Format::Drbd).state.as_deref(),
        Some("unclean")
    );
    // Version 9 has a flag for it, beside that of the primary.
    let mut nine = image("drbd-9");
    nine.patch(DRBD_AT + 59, &[0x04]);
    let piece = piece(&nine, Format::Drbd);
    assert_eq!(piece.state.as_deref(), Some("unclean"));
    assert_eq!(piece.role, "primary");
}

#[test]
fn drbd_with_one_changed_field_breaks_one_rule() {
    for name in ["drbd-8", "drbd-9"] {
        let block = image(name).bytes(DRBD_AT, 4096);
        let rule = |at, new: &[u8]| self::rule("drbd", &with(&block, at, new), DRBD_AT);
        assert_eq!(rule(0, &[0]), "found");
        assert_eq!(rule(63, &[0x6e]), "absent");
        // The magic inside other data.
        assert_eq!(rule(4095, &[1]), "absent");
        assert_eq!(rule(76, &[0; 4]), "bitmap-offset");
        assert_eq!(rule(76, &[0x80, 0, 0, 0]), "bitmap-offset");
        assert_eq!(rule(80, &[0, 0, 0x08, 0]), "bitmap-block");
        assert_eq!(rule(80, &[0, 0, 0x18, 0]), "bitmap-block");
    }
}

#[test]
fn vdo_claims_its_index_and_the_first_block_of_data() {
    for name in ["vdo", "vdo-4"] {
        let mut image = image(name);
        image.size = (VDO_DATA + 1) * 4096;
        found(&image, Format::Vdo);
        image.size -= 4096;
        assert_eq!(broken(&image), "size");
    }
}

#[test]
fn vdo_with_one_changed_field_breaks_one_rule() {
    for (block, end) in [(vdo(), 97), (vdo_4(), 89)] {
        for (at, new, expected) in [
            (8, &[0][..], "header"),
            (12, &[6], "version"),
            (12, &[3], "version"),
            (end - 17, &[0; 8], "regions"),
            (end - 17, &[0xff; 8], "regions"),
        ] {
            let changed = vdo_signed(with(&block, at, new), end);
            assert_eq!(rule("vdo", &changed, 0), expected, "{at}: {new:?}");
        }
        assert_eq!(rule("vdo", &with(&block, 32, b"x"), 0), "checksum");
        assert_eq!(rule("vdo", &block[..512], 0), "truncated");
    }
}
