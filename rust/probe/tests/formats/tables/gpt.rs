//! GPT: both halves, in turn damaged, missing, unreadable, misplaced.

use super::{agrees, as_partx_says, as_we_say, empty, of, rules_of, sfdisk, table};
use crate::harness::{
    Image, Subject, blkid, done, probe, sound, stands_bad_sectors, stands_changed_bytes,
    stands_cuts,
};
use asl_facts::{Format, Signature, Table};
use asl_probe::{Decoded, rows};

pub(super) const GPT: Subject = Subject {
    name: "gpt",
    make: &[
        "sgdisk",
        "-n",
        "1:2048:+8M",
        "-c",
        "1:one",
        "-n",
        "2:0:0",
        "-t",
        "2:8e00",
    ],
    mib: 64,
    format: Format::Gpt,
    superblock: 512..604,
    covered: &[512..528, 528..604],
    ..Subject::PLAIN
};
const SECTORS: [u64; 2] = [512, 4096];

#[test]
fn changed_bytes() {
    stands_changed_bytes([&GPT]);
}

#[test]
fn cuts() {
    stands_cuts([&GPT]);
}

#[test]
fn bad_sectors() {
    stands_bad_sectors([&GPT]);
}

#[test]
fn partitions_are_those_of_sfdisk_and_partx() {
    let script = "label: gpt\n\
        size=8192, name=\"première\", attrs=LegacyBIOSBootable\n\
        size=8192, type=lvm, attrs=\"RequiredPartition GUID:63\"\n\
        size=512, type=swap, name=\"a b\"\n\
        type=linux, attrs=\"NoBlockIOProtocol GUID:48,50\"\n";
    for sector in SECTORS {
        let dir = tempfile::tempdir().unwrap();
        let path = sfdisk(dir.path(), 256, sector, script);
        let found = agrees(&path, sector, Format::Gpt);
        assert_eq!(u64::from(found.sector_size), sector);
        assert!(!found.hybrid && !found.protective);
        assert_eq!(found.partitions[1].flags, 1 << 63 | 1);
        // blkid takes an image for a disk of 512-byte sectors.
        if sector == 512 {
            let uuid = of(&Image::open(&path), Format::Gpt);
            let uuid = uuid.superblock().unwrap().uuid.clone();
            assert_eq!(uuid.as_ref(), blkid(&path).get("PTUUID"));
        }
    }
}

#[test]
fn a_larger_array_of_entries_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = empty(dir.path(), 64);
    let text = path.to_str().unwrap();
    done(
        "sgdisk",
        &["-S", "1024", "-n", "1000:0:+1M", "-n", "3:0:+1M", text],
    );
    let found = of(&Image::open(&path), Format::Gpt);
    assert_eq!(rules_of(&found), [""; 0]);
    let ours = as_we_say(table(found.superblock().unwrap()));
    assert_eq!(ours, as_partx_says(&path, 512));
    assert_eq!(
        ours.iter().map(|line| line.0).collect::<Vec<_>>(),
        [3, 1000]
    );
}

/// A table of two partitions on a disk of these sectors.
fn gpt(sector: u64) -> Image {
    let dir = tempfile::tempdir().unwrap();
    let script = "label: gpt\nsize=1024, name=one\ntype=lvm\n";
    Image::open(&sfdisk(dir.path(), 64, sector, script))
}

fn told(image: &Image) -> Vec<String> {
    let signature = of(image, Format::Gpt);
    rules_of(&signature)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn found(signature: &Signature) -> &Table {
    table(signature.superblock().unwrap())
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC)
        .checksum(bytes)
        .to_le_bytes()
}

/// The header with the checksum made good.
fn signed(mut header: Vec<u8>) -> Vec<u8> {
    let size = u32::from_le_bytes(header[12..16].try_into().unwrap());
    header[16..20].fill(0);
    let end = header.len().min(size as usize);
    let crc = crc32(&header[..end]);
    header[16..20].copy_from_slice(&crc);
    header
}

/// Changes a field of the header at `at`, whose checksum stays good.
fn set(image: &mut Image, at: u64, field: u64, bytes: &[u8]) {
    image.patch(at + field, bytes);
    let header = signed(image.bytes(at, 512));
    image.patch(at, &header);
}

/// Changes entries in both arrays, whose checksums stay good.
fn set_entries(image: &mut Image, patches: &[(usize, u64)]) {
    let last = image.size - 512;
    for (header, array) in [(512, 1024), (last, last - 32 * 512)] {
        for (at, value) in patches {
            image.patch(array + *at as u64, &value.to_le_bytes());
        }
        let crc = crc32(&image.bytes(array, 128 * 128));
        set(image, header, 88, &crc);
    }
}

#[test]
fn one_changed_field_breaks_one_rule() {
    let image = gpt(512);
    let header = image.bytes(512, 512);
    let row = rows().find(|row| row.name == "gpt").unwrap();
    let rule = |header: &[u8], at| match row.judge(header, at) {
        Decoded::Damaged(_, damage) => damage.rule,
        Decoded::Found(_) => "found".to_owned(),
        Decoded::Absent => "absent".to_owned(),
    };
    assert_eq!(rule(&header, 512), "found");
    assert_eq!(rule(&header, 8192), "place");
    assert_eq!(rule(&header[..91], 512), "truncated");
    let u32s = |at: usize, value: u32| (at, value.to_le_bytes().to_vec());
    let u64s = |at: usize, value: u64| (at, value.to_le_bytes().to_vec());
    let last = image.size / 512 - 1;
    for ((at, bytes), expected) in [
        (u64s(0, 0), "absent"),
        (u32s(8, 0x0002_0000), "revision"),
        (u32s(12, 512), "found"),
        (u64s(24, 2), "place"),
        (u64s(24, last), "place"),
        (u64s(32, u64::MAX), "size"),
        (u64s(32, u64::MAX / 512), "size"),
        (u64s(40, last), "usable"),
        (u64s(40, 1), "usable"),
        (u64s(48, 33), "usable"),
        (u64s(72, u64::MAX / 2), "size"),
        (u32s(80, 0), "entries"),
        (u32s(80, 8192), "found"),
        (u32s(80, 8193), "entries"),
        (u32s(80, u32::MAX), "entries"),
        (u32s(84, 0), "entries"),
        (u32s(84, 64), "entries"),
        (u32s(84, 192), "entries"),
        (u32s(84, 256), "found"),
        (u32s(84, 1 << 31), "entries"),
    ] {
        let mut changed = header.clone();
        changed[at..][..bytes.len()].copy_from_slice(&bytes);
        if changed != header && expected != "absent" {
            assert_eq!(rule(&changed, 512), "checksum", "{at}: {bytes:?}");
        }
        assert_eq!(rule(&signed(changed), 512), expected, "{at}: {bytes:?}");
    }
    for size in [0, 91, 513, 4097, u32::MAX] {
        let mut changed = header.clone();
        changed[12..16].copy_from_slice(&size.to_le_bytes());
        // More than its own sector, as read with what follows it.
        changed.resize(4096, 0);
        assert_eq!(rule(&signed(changed), 512), "header-size", "{size}");
    }
}

#[test]
fn each_header_stands_in_for_the_other() {
    for sector in SECTORS {
        let whole = found(&of(&gpt(sector), Format::Gpt)).clone();
        assert_eq!(whole.partitions.len(), 2);

        let mut image = gpt(sector);
        let last = image.size - sector;
        image.flip(sector + 56);
        let signature = of(&image, Format::Gpt);
        assert_eq!(signature.offset, last);
        assert_eq!(rules_of(&signature), ["checksum"]);
        assert_eq!(as_we_say(found(&signature)).len(), 2);
        image.flip(last + 56);
        assert_eq!(told(&image), ["checksum"]);
        assert!(of(&image, Format::Gpt).superblock().is_none());

        let mut image = gpt(sector);
        image.flip(last + 56);
        let signature = of(&image, Format::Gpt);
        assert_eq!(signature.offset, sector);
        assert_eq!(rules_of(&signature), ["checksum"]);
        image.patch(last, &[0; 512]);
        assert_eq!(told(&image), ["backup-missing"]);
    }
}

#[test]
fn the_mbr_leads_to_the_copy_where_the_primary_is_gone() {
    for sector in SECTORS {
        let mut image = gpt(sector);
        let whole = of(&image, Format::Gpt);
        image.patch(sector, &[0; 512]);
        let signature = of(&image, Format::Gpt);
        assert_eq!(signature.offset, image.size - sector);
        assert_eq!(rules_of(&signature), ["primary-missing"]);
        assert_eq!(found(&signature), found(&whole));

        image.patches.clear();
        image.bad = Some(sector..sector + 512);
        let signature = of(&image, Format::Gpt);
        assert_eq!(rules_of(&signature), ["unreadable"]);
        assert_eq!(found(&signature), found(&whole));
    }
    // Without the MBR too it is what an older table left, or all that is left
    // of this one.
    let mut image = gpt(512);
    image.patch(0, &[0; 1024]);
    assert_eq!(told(&image), ["primary-missing"]);
    assert!(of(&image, Format::Gpt).superblock().is_none());
    // An MBR that guards nothing any more is all there is.
    let mut image = gpt(512);
    image.patch(512, &[0; 512]);
    image.patch(image.size - 512, &[0; 512]);
    let signatures = probe(&image);
    assert_eq!(signatures.len(), 1, "{signatures:?}");
    assert!(table(sound(&signatures, Format::Mbr)).protective);
}

#[test]
fn each_array_stands_in_for_the_other() {
    for sector in SECTORS {
        let whole = of(&gpt(sector), Format::Gpt);
        let first = 2 * sector;
        let mut image = gpt(sector);
        let second = image.size - sector - 128 * 128;
        image.flip(first + 40);
        let signature = of(&image, Format::Gpt);
        assert_eq!(rules_of(&signature), ["entries-checksum"]);
        assert_eq!(as_we_say(found(&signature)).len(), 2);
        image.flip(second + 40);
        let signature = of(&image, Format::Gpt);
        assert_eq!(rules_of(&signature), ["entries-checksum"; 2]);
        assert!(found(&signature).partitions.is_empty());

        for bad in [first, second] {
            let mut image = gpt(sector);
            image.bad = Some(bad + 512..bad + 1024);
            let signature = of(&image, Format::Gpt);
            assert_eq!(rules_of(&signature), ["unreadable"], "{bad}");
            assert_eq!(found(&signature).partitions.len(), 2);
            assert_eq!(found(&signature).sector_size, found(&whole).sector_size);
        }
    }
}

#[test]
fn headers_that_differ_are_told() {
    for (field, bytes) in [
        (32, vec![2]),
        (40, vec![35]),
        (48, vec![0, 0]),
        (56, vec![1]),
        (80, vec![127]),
        (88, vec![1]),
    ] {
        let mut image = gpt(512);
        let last = image.size - 512;
        set(&mut image, last, field, &bytes);
        assert_eq!(told(&image)[0], "copies-differ", "{field}");
        assert_eq!(found(&of(&image, Format::Gpt)).partitions.len(), 2);
    }
}

#[test]
fn a_disk_of_another_size_is_told_and_its_partitions_are_kept() {
    for sector in SECTORS {
        let mut image = gpt(sector);
        image.size /= 2;
        assert_eq!(told(&image), ["backup-outside", "partition-outside"]);
        assert_eq!(found(&of(&image, Format::Gpt)).partitions.len(), 2);
    }
    for sector in SECTORS {
        let dir = tempfile::tempdir().unwrap();
        let path = sfdisk(dir.path(), 64, sector, "label: gpt\nsize=1024\n");
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(128 << 20).unwrap();
        let image = Image::open(&path);
        assert_eq!(told(&image), ["backup-place"]);
        let ours = as_we_say(found(&of(&image, Format::Gpt)));
        assert_eq!(ours, as_partx_says(&path, sector));
    }
}

#[test]
fn partitions_where_they_cannot_be_are_told_and_kept() {
    let end = gpt(512).size / 512 - 33;
    // First and last sector of the first entry; of the second.
    for (patches, rules) in [
        (vec![(32, 33)], vec!["partition-outside"]),
        (vec![(128 + 40, end)], vec!["partition-outside"]),
        (vec![(128 + 40, u64::MAX)], vec!["partition-outside"]),
        (
            vec![(32, 5000), (40, 4999)],
            vec!["partition-outside", "overlap"],
        ),
        (vec![(40, 4096)], vec!["overlap"]),
        (vec![(128 + 32, 2048), (128 + 40, 2048)], vec!["overlap"]),
    ] {
        let mut image = gpt(512);
        set_entries(&mut image, &patches);
        assert_eq!(told(&image), rules, "{patches:?}");
        assert_eq!(found(&of(&image, Format::Gpt)).partitions.len(), 2);
    }
    // Thousands of them are told by some.
    let mut image = gpt(512);
    let all: Vec<(usize, u64)> = (0..128 * 16).map(|word| (word * 8, u64::MAX)).collect();
    set_entries(&mut image, &all);
    assert_eq!(found(&of(&image, Format::Gpt)).partitions.len(), 128);
    assert!(told(&image).len() <= 16);
}

#[test]
fn the_mbr_in_front_is_judged() {
    let mut image = gpt(512);
    let signatures = probe(&image);
    let mbr = table(sound(&signatures, Format::Mbr)).clone();
    assert!(mbr.protective && mbr.partitions.is_empty());
    assert!(!table(sound(&signatures, Format::Gpt)).hybrid);

    image.patch(510, &[0, 0]);
    assert_eq!(told(&image), ["protective-mbr"]);
    // A tool that knows no GPT was here, and Linux shows what it wrote.
    let mut image = gpt(512);
    image.patch(446 + 4, &[0x83]);
    assert_eq!(told(&image), ["protective-mbr"]);
    assert!(!found(&of(&image, Format::Gpt)).hybrid);
}

#[test]
fn an_mbr_with_some_of_the_partitions_makes_it_hybrid() {
    let dir = tempfile::tempdir().unwrap();
    let path = empty(dir.path(), 64);
    let text = path.to_str().unwrap();
    done("sgdisk", &["-n", "1:2048:+8M", "-n", "2:0:0", text]);
    done("sgdisk", &["-h", "2", text]);
    let mut image = Image::open(&path);
    let signature = of(&image, Format::Gpt);
    assert_eq!(rules_of(&signature), [""; 0]);
    assert!(found(&signature).hybrid);
    assert_eq!(as_we_say(found(&signature)), as_partx_says(&path, 512));
    let mbr = of(&image, Format::Mbr);
    assert!(!table(mbr.superblock().unwrap()).protective);
    // It still leads to the copy.
    image.patch(512, &[0; 512]);
    let signature = of(&image, Format::Gpt);
    assert!(found(&signature).hybrid);
    assert_eq!(rules_of(&signature), ["primary-missing"]);
}
