//! UDF, ISO 9660, SquashFS and EROFS.

use crate::harness::{
    BEYOND_ASCII, Image, Subject, agrees_with_blkid, blkid, damaged_rule, done,
    labels_agree_with_blkid, only, probe, reads, run, sound, stands_bad_sectors,
    stands_changed_bytes, stands_cuts,
};
use asl_facts::{Format, LogState, Look, Superblock, Text};
use crc::{CRC_16_XMODEM, CRC_32_ISCSI, Crc};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const UDF: Subject = Subject {
    mib: 16,
    format: Format::Udf,
    superblock: 32768..32768 + 3 * 2048,
    ..Subject::PLAIN
};
/// The tools cut the file to what they need: the size is not used.
const ISO: Subject = Subject {
    mib: 0,
    format: Format::Iso9660,
    superblock: 32768..34816,
    // The magic, both orders of the numbers, and the root directory's place.
    covered: &[
        32769..32775,
        32768 + 80..32768 + 88,
        32768 + 120..32768 + 140,
    ],
    ..Subject::PLAIN
};
const SQUASHFS: Subject = Subject {
    mib: 0,
    format: Format::Squashfs,
    superblock: 0..96,
    // Magic, block size, its logarithm, version.
    covered: &[0..4, 12..16, 22..24, 28..32],
    ..Subject::PLAIN
};
const EROFS: Subject = Subject {
    mib: 0,
    format: Format::Erofs,
    superblock: 1024..1152,
    // feature_compat says whether there is a checksum.
    covered: &[1024..1032, 1036..1152],
    ..Subject::PLAIN
};

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject {
        name: "udf-512",
        make: &["mkfs.udf", "-b", "512", "-l", "hard disk"],
        ..UDF
    },
    Subject {
        name: "udf-2048",
        make: &["mkfs.udf", "-b", "2048", "-l", "optical"],
        ..UDF
    },
    Subject {
        name: "udf-4096",
        make: &["mkfs.udf", "-b", "4096", "-l", "4Kn"],
        superblock: 32768..32768 + 3 * 4096,
        ..UDF
    },
    Subject {
        name: "udf-1024",
        make: &["mkfs.udf", "-b", "1024"],
        ..UDF
    },
    Subject {
        name: "udf-1.02",
        make: &["mkfs.udf", "-b", "2048", "-r", "1.02"],
        ..UDF
    },
    Subject {
        name: "udf-1.50",
        make: &["mkfs.udf", "-b", "2048", "-r", "1.50"],
        ..UDF
    },
    Subject {
        name: "udf-2.50-write-once",
        make: &["mkfs.udf", "-b", "2048", "-m", "bdr", "-r", "2.50"],
        ..UDF
    },
    Subject {
        name: "udf-2.60-write-once",
        make: &["mkfs.udf", "-b", "2048", "-m", "bdr", "-r", "2.60"],
        ..UDF
    },
    Subject {
        name: "udf-1.50-write-once",
        make: &["mkfs.udf", "-b", "2048", "-m", "cdr", "-r", "1.50"],
        ..UDF
    },
    Subject {
        name: "udf-label-not-latin1",
        make: &["mkfs.udf", "--utf8", "-b", "512", "-l", "größer 大"],
        differs: BEYOND_ASCII,
        ..UDF
    },
    Subject {
        name: "udf-cdrw",
        make: &["mkfs.udf", "-b", "2048", "-m", "cdrw", "-l", "rewritable"],
        ..UDF
    },
    Subject {
        name: "udf-uuid-in-part",
        make: &["mkfs.udf", "-b", "512", "-u", "0123456789abcdef"],
        ..UDF
    },
    Subject {
        name: "udf-set-of-few-digits",
        make: &["mkfs.udf", "-b", "512", "--fullvsid=nothing of digits"],
        ..UDF
    },
    Subject {
        name: "udf-set-of-8-digits",
        make: &["mkfs.udf", "-b", "512", "--fullvsid=01234567 and more"],
        ..UDF
    },
    Subject {
        name: "iso",
        make: &["genisoimage", "-quiet", "-V", "PLAIN", "-o", "{}", "src"],
        ..ISO
    },
    Subject {
        name: "iso-joliet",
        make: &[
            "genisoimage",
            "-quiet",
            "-J",
            "-R",
            "-V",
            "Joliet",
            "-o",
            "{}",
            "src",
        ],
        ..ISO
    },
    Subject {
        name: "iso-joliet-long",
        make: &[
            "genisoimage",
            "-quiet",
            "-J",
            "-V",
            "A_Label_Of_All_Thirty_Two_Bytes_",
            "-o",
            "{}",
            "src",
        ],
        ..ISO
    },
    Subject {
        name: "iso-xorriso",
        make: &[
            "xorriso",
            "-abort_on",
            "FATAL",
            "-report_about",
            "FAILURE",
            "-as",
            "mkisofs",
            "-V",
            "XORRISO",
            "-o",
            "{}",
            "src",
        ],
        ..ISO
    },
    Subject {
        name: "iso-xorriso-joliet-not-ascii",
        make: &[
            "env",
            "LC_ALL=C.UTF-8",
            "xorriso",
            "-abort_on",
            "FATAL",
            "-report_about",
            "FAILURE",
            "-as",
            "mkisofs",
            "-J",
            "-V",
            "größer",
            "-o",
            "{}",
            "src",
        ],
        differs: BEYOND_ASCII,
        ..ISO
    },
    Subject {
        name: "iso-joliet-long-not-ascii",
        make: &[
            "env",
            "LC_ALL=C.UTF-8",
            "xorriso",
            "-abort_on",
            "FATAL",
            "-report_about",
            "FAILURE",
            "-as",
            "mkisofs",
            "-J",
            "-V",
            "größer und länger als Joliet",
            "-o",
            "{}",
            "src",
        ],
        differs: BEYOND_ASCII,
        ..ISO
    },
    Subject {
        name: "iso-joliet-not-ascii",
        make: &[
            "env",
            "LC_ALL=C.UTF-8",
            "genisoimage",
            "-quiet",
            "-input-charset",
            "utf-8",
            "-J",
            "-V",
            "größer als",
            "-o",
            "{}",
            "src",
        ],
        differs: BEYOND_ASCII,
        ..ISO
    },
    Subject {
        name: "iso-modification-date",
        make: &[
            "xorriso",
            "-abort_on",
            "FATAL",
            "-report_about",
            "FAILURE",
            "-as",
            "mkisofs",
            "--modification-date=2001020304050607",
            "-V",
            "DATED",
            "-o",
            "{}",
            "src",
        ],
        ..ISO
    },
    Subject {
        name: "squashfs",
        make: &[
            "mksquashfs",
            "src",
            "{}",
            "-noappend",
            "-quiet",
            "-no-progress",
        ],
        ..SQUASHFS
    },
    Subject {
        name: "squashfs-xz-1m",
        make: &[
            "mksquashfs",
            "src",
            "{}",
            "-noappend",
            "-quiet",
            "-no-progress",
            "-comp",
            "xz",
            "-b",
            "1M",
        ],
        ..SQUASHFS
    },
    Subject {
        name: "squashfs-zstd-4k",
        make: &[
            "mksquashfs",
            "src",
            "{}",
            "-noappend",
            "-quiet",
            "-no-progress",
            "-comp",
            "zstd",
            "-b",
            "4K",
        ],
        ..SQUASHFS
    },
    Subject {
        name: "squashfs-without-tables",
        make: &[
            "mksquashfs",
            "src",
            "{}",
            "-noappend",
            "-quiet",
            "-no-progress",
            "-no-fragments",
            "-no-exports",
            "-no-xattrs",
        ],
        ..SQUASHFS
    },
    Subject {
        name: "erofs",
        make: &["mkfs.erofs", "--quiet", "{}", "src"],
        ..EROFS
    },
    Subject {
        name: "erofs-label",
        make: &["mkfs.erofs", "--quiet", "-L", "read only", "{}", "src"],
        ..EROFS
    },
    Subject {
        name: "erofs-block-512",
        make: &["mkfs.erofs", "--quiet", "-b512", "{}", "src"],
        ..EROFS
    },
    Subject {
        name: "erofs-block-1024",
        make: &["mkfs.erofs", "--quiet", "-b1024", "{}", "src"],
        ..EROFS
    },
    Subject {
        name: "erofs-block-2048",
        make: &["mkfs.erofs", "--quiet", "-b2048", "{}", "src"],
        ..EROFS
    },
    Subject {
        name: "erofs-lz4",
        make: &["mkfs.erofs", "--quiet", "-zlz4hc", "{}", "src"],
        ..EROFS
    },
    Subject {
        name: "erofs-chunks",
        make: &["mkfs.erofs", "--quiet", "--chunksize=4096", "{}", "src"],
        ..EROFS
    },
];

fn subject(name: &str) -> &'static Subject {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name);
    subject.unwrap()
}

fn of_format(format: Format) -> impl Iterator<Item = &'static Subject> {
    SUBJECTS.iter().filter(move |s| s.format == format)
}

/// One of each layout; the others differ in values.
fn layouts() -> impl Iterator<Item = &'static Subject> {
    ["udf-512", "udf-2048", "iso-joliet", "squashfs", "erofs"]
        .into_iter()
        .map(subject)
}

fn image(name: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = subject(name).image(dir.path());
    (dir, path)
}

fn of(image: &Image, format: Format) -> Superblock {
    sound(&probe(image), format).clone()
}

fn rules(superblock: &Superblock) -> Vec<&str> {
    let damages = superblock.damaged_copies.iter();
    damages.map(|damage| damage.rule.as_str()).collect()
}

fn text(tool: &str, args: &[&str], path: &Path) -> String {
    let path = path.to_string_lossy();
    let args: Vec<&str> = args.iter().copied().chain([path.as_ref()]).collect();
    String::from_utf8_lossy(&run(tool, &args).stdout).into_owned()
}

/// What follows `key` on its line.
fn after<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap_or_else(|| panic!("no {key} in {text}")).trim()
}

#[test]
fn fields_are_those_of_blkid() {
    agrees_with_blkid(SUBJECTS);
}

#[test]
fn labels_beyond_ascii_are_those_of_blkid() {
    labels_agree_with_blkid(SUBJECTS);
}

#[test]
fn sizes_are_those_of_blkid() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let superblock = of(&Image::open(&path), subject.format);
        if let Some(size) = blkid(&path).get("FSSIZE") {
            assert_eq!(*size, superblock.size.to_string(), "{}", subject.name);
        }
    }
}

#[test]
fn a_new_file_system_is_clean_and_fills_its_device() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let image = Image::open(&subject.image(dir.path()));
        let superblock = of(&image, subject.format);
        let filesystem = superblock.filesystem().unwrap();
        assert_eq!(filesystem.log, LogState::Clean, "{}", subject.name);
        assert!(!filesystem.errors, "{}: {superblock:?}", subject.name);
        assert_eq!(filesystem.look, Look::NotLooked);
        assert_eq!(rules(&superblock), [""; 0], "{}", subject.name);
        assert!(
            superblock.size <= image.size && superblock.size > image.size / 2,
            "{}: {} of {}",
            subject.name,
            superblock.size,
            image.size
        );
    }
}

/// Head and tail, and for UDF an anchor (a second place is tried for blocks
/// other than 2 KiB), the volume descriptors and the integrity descriptor.
#[test]
fn a_sound_volume_costs_few_reads() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let cost = reads(Image::open(&subject.image(dir.path())));
        let most = match subject.format {
            Format::Udf => 8,
            _ => 2,
        };
        assert!(cost <= most, "{}: {cost} reads", subject.name);
    }
}

#[test]
fn changed_bytes() {
    // The recognition sequence is three names; the rest of UDF is below.
    stands_changed_bytes(layouts().filter(|s| s.format != Format::Udf));
}

#[test]
fn cuts() {
    stands_cuts(layouts());
}

#[test]
fn bad_sectors() {
    stands_bad_sectors(layouts());
}

#[test]
fn udf_is_what_udfinfo_says() {
    for subject in of_format(Format::Udf) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let (_, superblock) = only(&path);
        let told = text("udfinfo", &["--utf8"], &path);
        let filesystem = superblock.filesystem().unwrap();
        assert_eq!(
            after(&told, "blocksize="),
            filesystem.block_size.to_string()
        );
        // Of these two blkid names the medium's, udfinfo the reader's.
        if subject.name != "udf-2.60-write-once" {
            let version = superblock.version.as_deref();
            assert_eq!(Some(after(&told, "udfrev=")), version);
        }
        assert_eq!(Some(after(&told, "uuid=")), superblock.uuid.as_deref());
        let label = superblock.label.as_ref().unwrap().printable();
        assert_eq!(after(&told, "label="), label);
        let closed = after(&told, "integrity=") == "closed";
        let once = after(&told, "accesstype=") == "writeonce";
        assert_eq!(filesystem.errors, !closed && !once);
        // start=257, blocks=7672, type=PSPACE
        let space = told.lines().find(|line| line.ends_with("type=PSPACE"));
        let numbers: Vec<u64> = space
            .unwrap()
            .split(['=', ','])
            .filter_map(|word| word.parse().ok())
            .collect();
        let end = (numbers[0] + numbers[1]) * u64::from(filesystem.block_size);
        assert_eq!(superblock.size, end);
    }
}

#[test]
fn iso_is_what_isoinfo_says() {
    for subject in of_format(Format::Iso9660) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let image = Image::open(&path);
        let superblock = of(&image, Format::Iso9660);
        let told = text("isoinfo", &["-d", "-i"], &path);
        let block = superblock.filesystem().unwrap().block_size;
        assert_eq!(after(&told, "Logical block size is:"), block.to_string());
        let blocks = superblock.size / u64::from(block);
        assert_eq!(after(&told, "Volume size is:"), blocks.to_string());
        assert_eq!(told.contains("\nJoliet with"), superblock.version.is_some());
    }
}

#[test]
fn squashfs_is_what_unsquashfs_says() {
    for subject in of_format(Format::Squashfs) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let (_, superblock) = only(&path);
        let told = text("unsquashfs", &["-s"], &path);
        let size = after(&told, "Filesystem size").split(' ').next();
        assert_eq!(size, Some(superblock.size.to_string().as_str()));
        let block = superblock.filesystem().unwrap().block_size;
        assert_eq!(after(&told, "Block size"), block.to_string());
    }
}

#[test]
fn erofs_is_what_its_dump_says() {
    // It does not read blocks of 1 KiB, which mkfs.erofs makes.
    for subject in of_format(Format::Erofs).filter(|s| s.name != "erofs-block-1024") {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let (_, superblock) = only(&path);
        let told = text("dump.erofs", &["-s"], &path);
        let uuid = superblock.uuid.as_deref().unwrap();
        assert_eq!(after(&told, "Filesystem UUID:"), uuid);
        let block = u64::from(superblock.filesystem().unwrap().block_size);
        let blocks = superblock.size / block;
        assert_eq!(after(&told, "Filesystem blocks:"), blocks.to_string());
    }
}

/// A descriptor of UDF with tag and CRC made good again.
fn sealed(mut descriptor: Vec<u8>) -> Vec<u8> {
    let len = usize::from(u16::from_le_bytes([descriptor[10], descriptor[11]]));
    let crc = Crc::<u16>::new(&CRC_16_XMODEM).checksum(&descriptor[16..16 + len]);
    descriptor[8..10].copy_from_slice(&crc.to_le_bytes());
    descriptor[4] = 0;
    descriptor[4] = descriptor[..16]
        .iter()
        .fold(0, |sum, byte| sum.wrapping_add(*byte));
    descriptor
}

/// Offsets of the descriptors with this tag on the device.
fn tags(image: &Image, tag: u16, block: u64) -> Vec<u64> {
    (0..image.size / block)
        .filter(|number| {
            let bytes = image.bytes(number * block, 16);
            let sum = bytes[..4].iter().chain(&bytes[5..]);
            u16::from_le_bytes([bytes[0], bytes[1]]) == tag
                && bytes[12..16] == u32::try_from(*number).unwrap().to_le_bytes()
                && sum.fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == bytes[4]
        })
        .map(|number| number * block)
        .collect()
}

#[test]
fn every_byte_of_the_volume_descriptors_is_summed() {
    let (_dir, path) = image("udf-2048");
    let mut image = Image::open(&path);
    let expected = of(&image, Format::Udf);
    for tag in [1, 2, 5, 6] {
        let at = tags(&image, tag, 2048)[0];
        for offset in 0..512 {
            // Reserved, and the id and place by which an anchor is known.
            if tag == 2 && (offset < 2 || (12..16).contains(&offset)) {
                continue;
            }
            let byte = image.bytes(at + offset, 1)[0];
            image.patches = vec![(at + offset, vec![byte ^ 0x11])];
            let superblock = of(&image, Format::Udf);
            assert_eq!(
                (&superblock.uuid, &superblock.label, superblock.size),
                (&expected.uuid, &expected.label, expected.size),
                "tag {tag}, byte {offset}"
            );
            image.patches.clear();
            let len = usize::from(u16::from_le_bytes(
                image.bytes(at + 10, 2).try_into().unwrap(),
            ));
            let covered = usize::try_from(offset).unwrap() < 16 + len;
            assert_eq!(
                rules(&superblock).is_empty(),
                !covered,
                "tag {tag}, byte {offset}: {superblock:?}"
            );
        }
    }
}

#[test]
fn udf_other_anchors_stand_in() {
    for name in ["udf-512", "udf-2048", "udf-4096"] {
        let (_dir, path) = image(name);
        let mut image = Image::open(&path);
        let expected = of(&image, Format::Udf);
        let block = u64::from(expected.filesystem().unwrap().block_size);
        let anchors = tags(&image, 2, block);
        assert!(anchors.len() >= 2, "{anchors:?}");
        for last in 1..anchors.len() {
            image.patch(anchors[last - 1] + 100, b"x");
            let superblock = of(&image, Format::Udf);
            assert_eq!(superblock.uuid, expected.uuid, "{name}");
            assert_eq!(superblock.size, expected.size);
            assert_eq!(superblock.filesystem(), expected.filesystem());
            assert!(rules(&superblock).iter().all(|rule| *rule == "checksum"));
        }
        // None left: it is UDF, and nothing can be said of it.
        image.patch(anchors[anchors.len() - 1] + 100, b"x");
        let superblock = of(&image, Format::Udf);
        let filesystem = superblock.filesystem().unwrap();
        assert_eq!((superblock.uuid.as_ref(), superblock.size), (None, 0));
        assert_eq!(rules(&superblock).last(), Some(&"anchor"));
        assert!(filesystem.errors && filesystem.log == LogState::Unknown);
        assert!(matches!(filesystem.look, Look::Unreadable { .. }));
    }
}

#[test]
fn udf_without_a_sound_sequence_says_so() {
    let (_dir, path) = image("udf-2048");
    let mut image = Image::open(&path);
    for at in tags(&image, 6, 2048) {
        image.patch(at + 84, b"x");
    }
    let superblock = of(&image, Format::Udf);
    assert_eq!(
        rules(&superblock),
        ["checksum", "checksum", "volume-descriptors"]
    );
}

#[test]
fn udf_that_was_not_unmounted_has_errors_and_no_log() {
    let (_dir, path) = image("udf-2048");
    let mut image = Image::open(&path);
    let at = tags(&image, 9, 2048)[0];
    let mut integrity = image.bytes(at, 512);
    integrity[28] = 0;
    image.patch(at, &sealed(integrity));
    let superblock = of(&image, Format::Udf);
    let filesystem = superblock.filesystem().unwrap();
    assert!(filesystem.errors);
    assert_eq!(filesystem.log, LogState::Clean);
    assert_eq!(rules(&superblock), [""; 0]);
}

#[test]
fn udf_partition_beyond_the_device_is_damaged() {
    let (_dir, path) = image("udf-2048");
    let mut image = Image::open(&path);
    let at = tags(&image, 5, 2048)[0];
    let mut partition = image.bytes(at, 512);
    partition[194] = 0xff;
    image.patch(at, &sealed(partition));
    assert_eq!(damaged_rule(&image, Format::Udf), "size");
}

#[test]
fn udf_sequences_in_a_circle_end() {
    let (_dir, path) = image("udf-2048");
    let mut image = Image::open(&path);
    // A pointer to its own sequence in place of the logical volume.
    let at = tags(&image, 6, 2048)[0];
    let primary = tags(&image, 1, 2048)[0];
    let mut pointer = image.bytes(at, 512);
    pointer[0] = 3;
    pointer[20..24].copy_from_slice(&0xffff_ffff_u32.to_le_bytes());
    pointer[24..28].copy_from_slice(&u32::try_from(primary / 2048).unwrap().to_le_bytes());
    image.patch(at, &sealed(pointer));
    let superblock = of(&image, Format::Udf);
    assert!(superblock.uuid.is_some());
}

#[test]
fn udf_extents_outside_the_device_are_stood() {
    let (_dir, path) = image("udf-2048");
    let mut image = Image::open(&path);
    let anchors = tags(&image, 2, 2048);
    let logical = tags(&image, 6, 2048)[0];
    // The main sequence, and that of the integrity descriptors.
    for (at, field) in [(anchors[0], 16), (logical, 432)] {
        for len in [0, 1, 512, 0x7fff_ffff, u32::MAX] {
            for block in [0, 1, 0x7fff_ffff, u32::MAX] {
                let mut descriptor = image.bytes(at, 512);
                descriptor[field..][..4].copy_from_slice(&len.to_le_bytes());
                descriptor[field + 4..][..4].copy_from_slice(&block.to_le_bytes());
                image.patch(at, &sealed(descriptor));
                let superblock = of(&image, Format::Udf);
                // The reserve is sound.
                assert_eq!(superblock.label, Some(Text::from("optical")));
                image.patches.clear();
            }
        }
    }
}

#[test]
fn an_empty_squashfs_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (source, path) = (dir.path().join("source"), dir.path().join("image"));
    std::fs::create_dir(&source).unwrap();
    let paths = [source.to_string_lossy(), path.to_string_lossy()];
    done(
        "mksquashfs",
        &[&paths[0], &paths[1], "-quiet", "-no-progress"],
    );
    assert_eq!(only(&path).0, Format::Squashfs);
}

#[test]
fn a_bridge_disc_is_both() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bridge");
    let text = path.to_string_lossy();
    done(
        "genisoimage",
        &["-quiet", "-J", "-udf", "-V", "BRIDGE", "-o", &text, "src"],
    );
    let signatures = probe(&Image::open(&path));
    let udf = sound(&signatures, Format::Udf);
    let iso = sound(&signatures, Format::Iso9660);
    assert_eq!(iso.label, Some(Text::from("BRIDGE")));
    let expected = blkid(&path);
    let value = |key: &str| expected.get(key).cloned();
    assert_eq!(value("TYPE").as_deref(), Some("udf"));
    assert_eq!(value("UUID"), udf.uuid);
    assert_eq!(value("VERSION"), udf.version);
    assert_eq!(value("LABEL"), udf.label.as_ref().map(Text::printable));
    assert_eq!(udf.filesystem().unwrap().block_size, 2048);
}

#[test]
fn one_changed_field_of_iso_breaks_one_rule() {
    let (_dir, path) = image("iso");
    for (at, bytes, rule) in [
        (0_u64, &[0][..], "primary-descriptor"),
        (6, &[2], "descriptor-version"),
        (881, &[2], "structure-version"),
        (128, &[0, 16], "block-size"),
        (80, &[0; 4], "volume-space"),
        (80, &[0xff; 4], "size"),
        (156, &[0], "root-directory"),
        (181, &[0], "root-directory"),
        (158, &[0xff; 4], "root-directory"),
    ] {
        let mut image = Image::open(&path);
        image.patch(32768 + at, bytes);
        assert_eq!(damaged_rule(&image, Format::Iso9660), rule);
    }
    // The big endian half is a copy that Linux does not read.
    let mut image = Image::open(&path);
    image.patch(32768 + 84, &[1]);
    assert_eq!(rules(&of(&image, Format::Iso9660)), ["byte-orders"]);
}

#[test]
fn iso_behind_a_boot_record_is_found() {
    let (_dir, path) = image("iso");
    let mut image = Image::open(&path);
    let primary = image.bytes(32768, 2048);
    let expected = of(&image, Format::Iso9660);
    image.patch(32768 + 2048, &primary);
    image.patch(32768, &[0]);
    assert_eq!(of(&image, Format::Iso9660).uuid, expected.uuid);
}

#[test]
fn iso_without_a_date_has_no_uuid() {
    let (_dir, path) = image("iso");
    let mut image = Image::open(&path);
    let zeros = [b"0000000000000000".as_slice(), &[0]].concat();
    let created = String::from_utf8(image.bytes(32768 + 813, 16)).unwrap();
    image.patch(32768 + 830, &zeros);
    let uuid = of(&image, Format::Iso9660).uuid.unwrap();
    assert_eq!(uuid.replace('-', ""), created);
    image.patch(32768 + 813, &zeros);
    assert_eq!(of(&image, Format::Iso9660).uuid, None);
}

#[test]
fn one_changed_field_of_squashfs_breaks_one_rule() {
    let (_dir, path) = image("squashfs");
    for (at, bytes, rule) in [
        (28, &[3][..], "version"),
        (30, &[1], "version"),
        (12, &[0; 4], "block-size"),
        (22, &[16], "block-size"),
        (26, &[0, 0], "ids"),
        (32, &[0xff, 0xff], "root-inode"),
        (34, &[0xff; 4], "root-inode"),
        (40, &[0; 8], "bytes-used"),
        (41, &[0xff; 7], "size"),
        (64, &[0; 8], "inode-table"),
        (72, &[0; 8], "directory-table"),
        (80, &[0; 8], "fragment-table"),
        (88, &[0; 8], "export-table"),
        (48, &[0xff; 8], "id-table"),
        (56, &[0; 8], "xattr-table"),
    ] {
        let mut image = Image::open(&path);
        image.patch(at, bytes);
        assert_eq!(damaged_rule(&image, Format::Squashfs), rule, "{at}");
    }
    let mut image = Image::open(&path);
    image.patch(20, &[7]);
    let unknown = of(&image, Format::Squashfs).unknown_features;
    assert_eq!(unknown, ["compression 7"]);
}

/// With the checksum made good again.
fn erofs_with(at: usize, bytes: &[u8]) -> Image {
    let (_dir, path) = image("erofs");
    let mut image = Image::open(&path);
    let mut block = image.bytes(1024, 3072);
    block[at..at + bytes.len()].copy_from_slice(bytes);
    block[4..8].fill(0);
    let crc = !Crc::<u32>::new(&CRC_32_ISCSI).checksum(&block);
    block[4..8].copy_from_slice(&crc.to_le_bytes());
    image.patch(1024, &block);
    image
}

#[test]
fn one_changed_field_of_erofs_breaks_one_rule() {
    for (at, bytes, rule) in [
        (12, &[8][..], "block-size"),
        (12, &[17], "block-size"),
        (13, &[0xff], "extension-slots"),
        (36, &[0; 4], "blocks"),
        (36, &[0xff; 4], "size"),
        (90, &[1], "directory-block-size"),
    ] {
        let image = erofs_with(at, bytes);
        assert_eq!(damaged_rule(&image, Format::Erofs), rule, "{at}");
    }
    let unknown = of(&erofs_with(83, &[0x80]), Format::Erofs).unknown_features;
    assert_eq!(unknown, ["0x80000000"]);
    let label = of(&erofs_with(64, b"sixteen-bytes-ok"), Format::Erofs).label;
    assert_eq!(label, Some(Text::from("sixteen-bytes-ok")));
}

#[test]
fn every_byte_of_the_erofs_block_is_summed() {
    let (_dir, path) = image("erofs");
    let mut image = Image::open(&path);
    for offset in (1152..4096).step_by(13) {
        let byte = image.bytes(offset, 1)[0];
        image.patches = vec![(offset, vec![byte ^ 0x10])];
        assert_eq!(damaged_rule(&image, Format::Erofs), "checksum");
        image.patches.clear();
    }
}

#[test]
fn erofs_on_several_devices_counts_them() {
    let mut image = erofs_with(80, &[8, 0, 0, 0]);
    assert_eq!(of(&image, Format::Erofs).filesystem().unwrap().devices, 1);
    image = erofs_with(80, &[8, 0, 0, 0, 0, 0, 2, 0]);
    assert_eq!(of(&image, Format::Erofs).filesystem().unwrap().devices, 3);
}
