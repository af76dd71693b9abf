//! FAT12, FAT16, FAT32, exFAT and NTFS.

use crate::harness::{
    BEYOND_ASCII, Image, Subject, agrees_with_blkid, blkid, done, labels_agree_with_blkid, only,
    probe, reads, run, sound, stands_bad_sectors, stands_changed_bytes, stands_cuts,
};
use asl_facts::{Filesystem, Format, LogState, Outcome, Signature, Superblock, Text};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const FAT: Subject = Subject {
    mib: 16,
    format: Format::Vfat,
    superblock: 0..512,
    ..Subject::PLAIN
};
const EXFAT: Subject = Subject {
    mib: 16,
    format: Format::Exfat,
    superblock: 0..512,
    // Without VolumeFlags and PercentInUse.
    covered: &[0..106, 108..112, 113..512],
    differs: SECTOR,
    ..Subject::PLAIN
};
const NTFS: Subject = Subject {
    mib: 16,
    format: Format::Ntfs,
    superblock: 0..512,
    // The magic, and what must be zero.
    covered: &[3..11, 0x0e..0x15, 0x16..0x18, 0x20..0x24],
    ..Subject::PLAIN
};

/// Only the cluster is a size that its files have.
const SECTOR: &[(&str, &str)] = &[("FSBLOCKSIZE", "blkid gives the sector here too")];

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject {
        name: "fat12",
        make: &["mkfs.fat", "-F", "12", "-n", "TWELVE"],
        mib: 4,
        ..FAT
    },
    Subject {
        name: "fat12-no-label",
        make: &["mkfs.fat", "-F", "12", "-i", "0012abcd"],
        mib: 4,
        ..FAT
    },
    Subject {
        name: "fat16",
        make: &["mkfs.fat", "-F", "16", "-n", "SIX TEEN"],
        ..FAT
    },
    Subject {
        name: "fat16-label-full",
        make: &["mkfs.fat", "-F", "16", "-n", "ELEVENBYTES"],
        ..FAT
    },
    Subject {
        name: "fat16-sector-1024",
        make: &["mkfs.fat", "-F", "16", "-S", "1024", "-n", "KILO"],
        ..FAT
    },
    Subject {
        name: "fat16-sector-4096",
        make: &["mkfs.fat", "-F", "16", "-S", "4096", "-n", "FOURK"],
        mib: 64,
        ..FAT
    },
    Subject {
        name: "fat16-serial-0",
        make: &["mkfs.fat", "-F", "16", "-i", "0"],
        ..FAT
    },
    Subject {
        name: "fat32",
        make: &["mkfs.fat", "-F", "32", "-n", "THIRTYTWO", "-i", "DEADBEEF"],
        mib: 64,
        ..FAT
    },
    Subject {
        name: "fat32-few-clusters",
        make: &["mkfs.fat", "-F", "32", "-s", "8"],
        mib: 64,
        ..FAT
    },
    Subject {
        name: "fat32-sector-2048",
        make: &["mkfs.fat", "-F", "32", "-S", "2048", "-n", "TWOK"],
        mib: 300,
        ..FAT
    },
    Subject {
        name: "fat32-sector-4096",
        make: &["mkfs.fat", "-F", "32", "-S", "4096", "-n", "FOURK"],
        mib: 300,
        ..FAT
    },
    Subject {
        name: "fat32-partitioned",
        make: &["mkfs.fat", "-F", "32", "--mbr=y", "-n", "WITH MBR"],
        mib: 64,
        ..FAT
    },
    Subject {
        name: "exfat",
        make: &["mkfs.exfat", "-L", "extended"],
        ..EXFAT
    },
    Subject {
        name: "exfat-no-label",
        make: &["mkfs.exfat"],
        ..EXFAT
    },
    Subject {
        name: "exfat-label-not-ascii",
        make: &["env", "LC_ALL=C.UTF-8", "mkfs.exfat", "-L", "größer 大"],
        differs: &[BEYOND_ASCII[0], SECTOR[0]],
        ..EXFAT
    },
    Subject {
        name: "exfat-cluster-64k",
        make: &["mkfs.exfat", "-c", "64K", "-L", "large"],
        ..EXFAT
    },
    Subject {
        name: "ntfs",
        make: &["mkfs.ntfs", "-F", "-Q", "-q", "-L", "new technology"],
        ..NTFS
    },
    Subject {
        name: "ntfs-no-label",
        make: &["mkfs.ntfs", "-F", "-Q", "-q"],
        ..NTFS
    },
    Subject {
        name: "ntfs-cluster-512",
        make: &["mkfs.ntfs", "-F", "-Q", "-q", "-c", "512", "-L", "small"],
        ..NTFS
    },
    Subject {
        name: "ntfs-cluster-64k",
        make: &["mkfs.ntfs", "-F", "-Q", "-q", "-c", "65536", "-L", "large"],
        ..NTFS
    },
    Subject {
        name: "ntfs-cluster-256k",
        make: &[
            "mkfs.ntfs",
            "-F",
            "-Q",
            "-q",
            "-c",
            "262144",
            "-L",
            "larger",
        ],
        mib: 64,
        ..NTFS
    },
    Subject {
        name: "ntfs-sector-4096",
        make: &["mkfs.ntfs", "-F", "-Q", "-q", "-s", "4096", "-L", "4Kn"],
        ..NTFS
    },
];

fn subject(name: &str) -> &'static Subject {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name);
    subject.unwrap()
}

/// One of each layout; the others differ in values.
fn layouts() -> Vec<&'static Subject> {
    ["fat12", "fat16", "fat32", "exfat", "ntfs"]
        .map(subject)
        .into()
}

/// An image that the test may change.
fn image(name: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = subject(name).image(dir.path());
    (dir, path)
}

fn change(path: &Path, at: u64, bytes: &[u8]) {
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

/// The only sound signature of the format.
fn of(path: &Path, format: Format) -> Superblock {
    sound(&probe(&Image::open(path)), format).clone()
}

fn filesystem(path: &Path, format: Format) -> Filesystem {
    of(path, format).filesystem().unwrap().clone()
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

/// The word that follows `key` on its line.
fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = text.lines().find_map(|line| line.split_once(key))?.1;
    Some(rest.trim())
}

/// The word before `key` on its line.
fn before<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let start = text.lines().find_map(|line| line.split_once(key))?.0;
    start.split_whitespace().last()
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
        if let Some(size) = blkid(&path).get("FSSIZE") {
            let ours = of(&path, subject.format).size;
            assert_eq!(*size, ours.to_string(), "{}", subject.name);
        }
    }
}

#[test]
fn a_new_file_system_is_clean_and_fills_its_device() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let superblock = of(&subject.image(dir.path()), subject.format);
        let filesystem = superblock.filesystem().unwrap();
        assert_eq!(filesystem.log, LogState::Clean, "{}", subject.name);
        assert!(
            !filesystem.errors && !filesystem.hibernated,
            "{}: {superblock:?}",
            subject.name
        );
        assert_eq!(rules(&superblock), [""; 0], "{}", subject.name);
        let size = subject.mib << 20;
        assert!(
            superblock.size <= size && superblock.size > size / 2,
            "{}: {}",
            subject.name,
            superblock.size
        );
    }
}

/// Head and tail, then at most: the FAT, and the root directory; its entries
/// for exFAT; the MFT, the log's restart pages and the root's index for NTFS.
#[test]
fn a_sound_volume_costs_few_reads() {
    for subject in SUBJECTS {
        let dir = tempfile::tempdir().unwrap();
        let cost = reads(Image::open(&subject.image(dir.path())));
        let most = match subject.format {
            Format::Ntfs => 5,
            _ => 4,
        };
        assert!(cost <= most, "{}: {cost} reads", subject.name);
    }
}

#[test]
fn changed_bytes() {
    // FAT12 differs from FAT16 in the number of clusters only.
    stands_changed_bytes(layouts().into_iter().skip(1));
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
fn fat_is_what_its_checker_says() {
    for subject in SUBJECTS.iter().filter(|s| s.format == Format::Vfat) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let superblock = of(&path, Format::Vfat);
        let told = text("fsck.fat", &["-n", "-v"], &path);
        let number = |key| before(&told, key).and_then(|word| word.parse::<u64>().ok());
        let filesystem = superblock.filesystem().unwrap();
        assert_eq!(
            number(" bytes per cluster"),
            Some(u64::from(filesystem.block_size)),
            "{told}"
        );
        let sectors = number(" sectors total").unwrap();
        let sector = number(" bytes per logical sector").unwrap();
        assert_eq!(superblock.size, sectors * sector);
        let bits = before(&told, " bit entries").unwrap();
        assert_eq!(superblock.version, Some(format!("FAT{bits}")));
    }
}

#[test]
fn exfat_is_what_its_dump_says() {
    for subject in SUBJECTS.iter().filter(|s| s.format == Format::Exfat) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let superblock = of(&path, Format::Exfat);
        let told = text("dump.exfat", &[], &path);
        let number = |key| after(&told, key).and_then(|word| word.parse::<u64>().ok());
        let sector = number("Bytes per Sector:").unwrap();
        let sectors = number("Volume Length(sectors):").unwrap();
        assert_eq!(superblock.size, sectors * sector);
        let cluster = superblock.filesystem().unwrap().block_size;
        assert_eq!(number("Cluster size:"), Some(u64::from(cluster)));
        let serial = after(&told, "Volume Serial:").unwrap();
        let uuid = superblock.uuid.unwrap().replace('-', "").to_lowercase();
        assert_eq!(format!("0x{uuid}"), serial);
        let label = superblock.label.map(|label| label.printable());
        if label.as_ref().is_none_or(|label| label.is_ascii()) {
            let told = after(&told, "Volume label:").filter(|label| !label.is_empty());
            assert_eq!(label.as_deref(), told);
        }
    }
}

#[test]
fn ntfs_is_what_ntfsinfo_says() {
    for subject in SUBJECTS.iter().filter(|s| s.format == Format::Ntfs) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let superblock = of(&path, Format::Ntfs);
        let told = text("ntfsinfo", &["-m"], &path);
        let value = |key| after(&told, key).unwrap();
        let cluster = superblock.filesystem().unwrap().block_size;
        assert_eq!(value("Cluster Size:"), cluster.to_string());
        let label = superblock.label.map(|label| label.printable());
        assert_eq!(value("Volume Name:"), label.unwrap_or_default());
        assert_eq!(
            Some(value("Volume Version:")),
            superblock.version.as_deref()
        );
        // It counts whole clusters.
        let clusters = superblock.size / u64::from(cluster);
        assert_eq!(value("Volume Size in Clusters:"), clusters.to_string());
    }
}

#[test]
fn fat_label_is_that_of_the_root_directory() {
    let (_dir, path) = image("fat16");
    // As Windows leaves it: another label in the boot sector.
    change(&path, 0x2b, b"BOOT       ");
    assert_eq!(of(&path, Format::Vfat).label, Some(Text::from("SIX TEEN")));
    agrees(&path);
    // Deleted there: there is none.
    let root = u64::from(root_of_fat16(&path));
    change(&path, root, &[0xe5]);
    assert_eq!(of(&path, Format::Vfat).label, None);
    agrees(&path);
    // No label in a boot sector, one like any other here.
    change(&path, root, b"NO NAME    ");
    agrees(&path);
    // 0x05 stands for 0xe5, and long names and directories are no labels.
    change(&path, root, b"\x05LABEL     ");
    assert_eq!(
        of(&path, Format::Vfat).label,
        Some(Text(b"\xe5LABEL".to_vec()))
    );
    for attributes in [0x0f, 0x18] {
        change(&path, root + 11, &[attributes]);
        assert_eq!(of(&path, Format::Vfat).label, None);
    }
    // Where it cannot be read, what the boot sector says is better than none.
    let mut unreadable = Image::open(&path);
    unreadable.bad = Some(root..root + 512);
    let signatures = probe(&unreadable);
    let superblock = sound(&signatures, Format::Vfat);
    assert_eq!(superblock.label, Some(Text::from("BOOT")));
    assert_eq!(rules(superblock), ["root-directory"]);
}

fn root_of_fat16(path: &Path) -> u32 {
    let bytes = Image::open(path).bytes(0, 512);
    let word = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    (word(0x0e) + word(0x16) * u32::from(bytes[0x10])) * word(0x0b)
}

/// The label that blkid gives is ours.
fn agrees(path: &Path) {
    let format = probe(&Image::open(path))[0].format;
    let ours = of(path, format).label.map(|label| label.printable());
    assert_eq!(ours.as_ref(), blkid(path).get("LABEL"));
}

#[test]
fn fat32_label_beyond_the_first_cluster_is_found() {
    let (_dir, path) = image("fat32");
    let image = Image::open(&path);
    let bytes = image.bytes(0, 512);
    let sectors = u32::from_le_bytes([bytes[0x24], bytes[0x25], bytes[0x26], bytes[0x27]]);
    let cluster = u64::from(bytes[0x0d]) * 512;
    let fat = 32 * 512;
    let data = fat + u64::from(sectors) * 512 * 2;
    // Files fill cluster 2, the label is in cluster 3.
    let entry = image.bytes(data, 32);
    for at in (0..cluster).step_by(32) {
        change(&path, data + at, b"FILE    TXT\x20");
    }
    change(&path, data + cluster, &entry);
    change(&path, fat + 8, &3_u32.to_le_bytes());
    change(&path, fat + 12, &0x0fff_ffff_u32.to_le_bytes());
    assert_eq!(of(&path, Format::Vfat).label, Some(Text::from("THIRTYTWO")));
    agrees(&path);
    // A chain in a circle ends.
    change(&path, data + cluster, b"FILE    TXT\x20");
    for at in (0..cluster).step_by(32) {
        change(&path, data + cluster + at, b"FILE    TXT\x20");
    }
    change(&path, fat + 12, &2_u32.to_le_bytes());
    assert_eq!(of(&path, Format::Vfat).label, None);
}

#[test]
fn fat_that_was_not_unmounted_has_errors_and_no_log() {
    // Linux sets a bit of the boot sector, Windows clears bits of the FAT.
    let cases: [(&str, u64, &[u8]); 6] = [
        ("fat12", 0x25, &[1]),
        ("fat16", 0x25, &[1]),
        ("fat32", 0x41, &[1]),
        ("fat16", 4 * 512 + 2, &[0xff, 0x7f]),
        ("fat16", 4 * 512 + 2, &[0xff, 0xbf]),
        ("fat32", 32 * 512 + 4, &[0xff, 0xff, 0xff, 0x07]),
    ];
    for (name, at, bytes) in cases {
        let (_dir, path) = image(name);
        assert!(!text("fsck.fat", &["-n"], &path).contains("Dirty bit"));
        change(&path, at, bytes);
        let superblock = of(&path, Format::Vfat);
        let filesystem = superblock.filesystem().unwrap();
        assert!(filesystem.errors, "{name} at {at}");
        assert_eq!(filesystem.log, LogState::Clean);
        assert_eq!(rules(&superblock), [""; 0]);
        if at < 512 {
            assert!(text("fsck.fat", &["-n"], &path).contains("Dirty bit is set"));
        }
    }
}

#[test]
fn fat32_copies_that_differ_are_named() {
    let cases: [(u64, &[u8], &str); 4] = [
        (6 * 512 + 0x2c, &[9], "backup"),
        (512, b"XXXX", "fsinfo-signature"),
        (512 + 0x1e4, b"XXXX", "fsinfo-signature"),
        (32 * 512, &[0xf0], "fat-media"),
    ];
    for (at, bytes, rule) in cases {
        let (_dir, path) = image("fat32");
        change(&path, at, bytes);
        assert_eq!(rules(&of(&path, Format::Vfat)), [rule]);
    }
}

#[test]
fn copies_stand_in_for_a_damaged_primary() {
    let cases: [(&str, u64, &[u8], u64, &str); 5] = [
        ("fat32", 0x0d, &[3], 6 * 512, "cluster-size"),
        ("fat32-sector-4096", 0x0d, &[3], 6 * 4096, "cluster-size"),
        ("exfat", 80, &[1], 12 * 512, "checksum"),
        ("ntfs", 0x0d, &[3], (16 << 20) - 512, "cluster-size"),
        (
            "ntfs-sector-4096",
            0x0d,
            &[3],
            (16 << 20) - 4096,
            "cluster-size",
        ),
    ];
    for (name, at, bytes, copy, rule) in cases {
        let (_dir, path) = image(name);
        let format = subject(name).format;
        let expected = of(&path, format);
        change(&path, at, bytes);
        let signatures = probe(&Image::open(&path));
        let signature = signatures.iter().find(|s| s.format == format).unwrap();
        assert_eq!(signature.offset, copy, "{name}");
        let superblock = signature.superblock().unwrap();
        assert_eq!(superblock.uuid, expected.uuid);
        assert_eq!(superblock.label, expected.label);
        assert_eq!(superblock.version, expected.version);
        assert_eq!(rules(superblock), [rule], "{name}");
    }
}

#[test]
fn an_overwritten_boot_sector_is_damage_and_not_an_empty_device() {
    for name in ["fat32", "exfat", "ntfs"] {
        let (_dir, path) = image(name);
        let uuid = of(&path, subject(name).format).uuid.unwrap();
        change(&path, 0, &[0; 512]);
        let signatures = probe(&Image::open(&path));
        let [signature] = &signatures[..] else {
            panic!("{name}: {signatures:?}")
        };
        let Outcome::Damaged(damage) = &signature.outcome else {
            panic!("{name}: {signature:?}")
        };
        assert_eq!(damage.rule, "primary-missing");
        assert!(damage.expected.contains(&uuid), "{damage:?}");
    }
}

#[test]
fn fat_of_no_name_needs_every_rule() {
    // As DOS 3 made them: no extended boot record.
    let (_dir, path) = image("fat12");
    change(&path, 0x26, &[0; 24]);
    let superblock = of(&path, Format::Vfat);
    assert_eq!(
        (superblock.uuid, superblock.version.as_deref()),
        (None, Some("FAT12"))
    );
    for (at, bytes) in [
        (0_u64, &[0x90_u8][..]),
        (0x0b, &[1]),
        (0x0d, &[0]),
        (0x10, &[3]),
        (0x15, &[0x80]),
        (0x16, &[1, 0]),
        (0x1fe, &[0]),
    ] {
        let mut image = Image::open(&path);
        image.patch(at, bytes);
        assert!(
            !probe(&image).iter().any(|s| s.format == Format::Vfat),
            "byte {at}"
        );
    }
}

#[test]
fn other_boot_sectors_are_no_fat() {
    let is_fat = |image: &Image| probe(image).iter().any(|s| s.format == Format::Vfat);
    for name in ["exfat", "ntfs"] {
        let (_dir, path) = image(name);
        assert!(!is_fat(&Image::open(&path)));
    }
    // HPFS, JFS of OS/2 and BitLocker To Go look like a whole FAT.
    for (name, at, bytes) in [
        ("fat16", 0x36, &b"HPFS    "[..]),
        ("fat16", 0x36, b"JFS     "),
        ("fat16", 3, b"-FVE-FS-"),
        (
            "fat32",
            424,
            b"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01",
        ),
    ] {
        let (_dir, path) = image(name);
        let mut image = Image::open(&path);
        image.patch(at, bytes);
        if at == 424 {
            image.patch(6 * 512 + at, bytes);
        }
        assert!(!is_fat(&image), "{name} at {at}");
    }
    // Boot code before a partition table.
    let mut mbr = vec![0; 1 << 20];
    mbr[..3].copy_from_slice(&[0xeb, 0x63, 0x90]);
    mbr[0x1be..0x1ce].copy_from_slice(&[0x80, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    mbr[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    assert!(!probe(&mbr).iter().any(|s| s.format == Format::Vfat));
}

fn damaged_rule(name: &str, changes: &[(u64, &[u8])]) -> String {
    let (_dir, path) = image(name);
    let mut image = Image::open(&path);
    image.patches = changes
        .iter()
        .map(|(at, bytes)| (*at, bytes.to_vec()))
        .collect();
    let format = subject(name).format;
    let signatures = probe(&image);
    let signature = signatures.iter().find(|s| s.format == format).unwrap();
    match &signature.outcome {
        Outcome::Damaged(damage) => damage.rule.clone(),
        Outcome::Found(found) => panic!("{name}: {changes:?}: {found:?}"),
    }
}

#[test]
fn one_changed_field_of_fat_breaks_one_rule() {
    for (at, bytes, rule) in [
        (0x0b, &[0, 0x20][..], "sector-size"),
        (0x0d, &[3], "cluster-size"),
        (0x0e, &[0, 0], "reserved-sectors"),
        (0x10, &[0], "fat-count"),
        (0x15, &[0x17], "media"),
        (0x11, &[0, 0], "root-entries"),
        (0x11, &[1, 0], "root-entries"),
        (0x13, &[9, 0], "sectors"),
        (
            0x13,
            &[
                0, 0, 0xf8, 4, 0, 0x20, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f,
            ],
            "clusters",
        ),
    ] {
        assert_eq!(damaged_rule("fat16", &[(at, bytes)]), rule, "{bytes:?}");
    }
    // Both copies, else the other is believed.
    for (at, bytes, rule) in [
        (0x24, &[0; 4][..], "fat-length"),
        (0x2c, &[1], "root-cluster"),
        (0x2c, &[0xff; 4], "root-cluster"),
        (0x20, &[0xff; 4], "clusters"),
        (0x20, &[0, 0, 0, 2], "size"),
    ] {
        let changes = [(at, bytes), (6 * 512 + at, bytes)];
        assert_eq!(damaged_rule("fat32", &changes), rule, "{bytes:?}");
    }
}

#[test]
fn fat32_of_an_unknown_version_is_named() {
    let (_dir, path) = image("fat32");
    change(&path, 0x2a, &[1, 0]);
    assert_eq!(of(&path, Format::Vfat).unknown_features, ["version 0x0001"]);
}

#[test]
fn fat_too_short_for_its_clusters_is_named() {
    let (_dir, path) = image("fat16");
    change(&path, 0x16, &[1, 0]);
    assert!(rules(&of(&path, Format::Vfat)).contains(&"fat-length"));
}

/// Both boot regions with the checksums made good again.
fn exfat_with(at: usize, bytes: &[u8]) -> Image {
    let (_dir, path) = image("exfat");
    let mut image = Image::open(&path);
    let mut region = image.bytes(0, 11 * 512);
    region[at..at + bytes.len()].copy_from_slice(bytes);
    let mut sum = 0_u32;
    for (offset, byte) in region.iter().enumerate() {
        if ![106, 107, 112].contains(&offset) {
            sum = sum.rotate_right(1).wrapping_add(u32::from(*byte));
        }
    }
    region.extend(sum.to_le_bytes().repeat(128));
    image.patch(0, &region);
    image.patch(12 * 512, &region);
    image
}

#[test]
fn one_changed_field_of_exfat_breaks_one_rule() {
    for (at, bytes, rule) in [
        (11, &[1][..], "must-be-zero"),
        (72, &[0; 8], "volume-length"),
        (72, &[0xff; 8], "volume-length"),
        (80, &[1, 0], "fat-offset"),
        (84, &[1, 0], "fat-length"),
        (88, &[0; 4], "heap-offset"),
        (92, &[0; 4], "cluster-count"),
        (96, &[1, 0, 0, 0], "root-cluster"),
        (96, &[0xff; 4], "root-cluster"),
        (105, &[2], "version"),
        (108, &[13], "sector-size"),
        (109, &[30], "cluster-size"),
        (110, &[3], "fat-count"),
        (72, &[0, 0, 1], "size"),
    ] {
        let signatures = probe(&exfat_with(at, bytes));
        let signature = signatures.iter().find(|s| s.format == Format::Exfat);
        match &signature.unwrap().outcome {
            Outcome::Damaged(damage) => assert_eq!(damage.rule, rule, "{bytes:?} at {at}"),
            Outcome::Found(found) => panic!("{bytes:?} at {at}: {found:?}"),
        }
    }
}

#[test]
fn every_sector_of_both_exfat_regions_is_summed() {
    let (_dir, path) = image("exfat");
    let mut image = Image::open(&path);
    for offset in (512..24 * 512).step_by(97) {
        let byte = image.bytes(offset, 1)[0];
        image.patches = vec![(offset, vec![byte ^ 0x10])];
        let signatures = probe(&image);
        let superblock = sound(&signatures, Format::Exfat);
        assert_eq!(rules(superblock), ["checksum"], "byte {offset}");
        image.patches.clear();
    }
}

#[test]
fn exfat_that_was_not_unmounted_or_whose_medium_failed_has_errors() {
    for (flags, errors) in [(0x1, false), (0x2, true), (0x4, true), (0x8, false)] {
        let (_dir, path) = image("exfat");
        change(&path, 106, &[flags]);
        let filesystem = filesystem(&path, Format::Exfat);
        assert_eq!(filesystem.errors, errors, "{flags:#x}");
        assert_eq!(filesystem.log, LogState::Clean);
    }
}

/// Where the master file table is, by the boot sector.
fn mft(path: &Path) -> u64 {
    let bytes = Image::open(path).bytes(0, 512);
    u64::from(bytes[0x30]) * u64::from(bytes[0x0d]) * 512
}

#[test]
fn one_changed_field_of_ntfs_breaks_one_rule() {
    let backup = (16 << 20) - 512;
    for (at, bytes, rule) in [
        (0x0b, &[0, 0x20][..], "sector-size"),
        (0x0d, &[3], "cluster-size"),
        (0x0d, &[0xe0], "cluster-size"),
        (0x0e, &[1], "must-be-zero"),
        (0x10, &[2], "must-be-zero"),
        (0x20, &[1], "must-be-zero"),
        (0x28, &[0; 8], "sectors"),
        (0x28, &[0xff; 8], "sectors"),
        (0x30, &[0xff; 4], "mft"),
        (0x38, &[0xff; 4], "mft-mirror"),
        (0x40, &[0xe0], "record-size"),
        (0x44, &[0], "index-record-size"),
        (0x28, &[0, 0, 1], "size"),
    ] {
        let changes = [(at, bytes), (backup + at, bytes)];
        assert_eq!(damaged_rule("ntfs", &changes), rule, "{bytes:?} at {at}");
    }
}

#[test]
fn ntfs_volume_record_is_read_from_the_mirror_when_it_is_torn() {
    let (_dir, path) = image("ntfs");
    let record = mft(&path) + 3 * 1024;
    for (offset, bytes, rule) in [
        (510_u64, &[0xaa, 0xbb][..], "update-sequence"),
        (1022, &[0xaa, 0xbb], "update-sequence"),
        (0, b"BAAD", "record-magic"),
        (6, &[9, 0], "update-sequence"),
        (22, &[0, 0], "record-in-use"),
        (44, &[9], "record-number"),
    ] {
        let mut image = Image::open(&path);
        image.patch(record + offset, bytes);
        let signatures = probe(&image);
        let superblock = sound(&signatures, Format::Ntfs);
        assert_eq!(superblock.label, Some(Text::from("new technology")));
        assert_eq!(rules(superblock), [rule]);
        assert!(superblock.filesystem().unwrap().errors);
    }
}

#[test]
fn ntfs_without_any_volume_record_has_errors() {
    let (_dir, path) = image("ntfs");
    let bytes = Image::open(&path).bytes(0, 512);
    let mirror = u64::from(u16::from_le_bytes([bytes[0x38], bytes[0x39]])) * 4096;
    change(&path, mft(&path) + 3 * 1024, b"XXXX");
    change(&path, mirror + 3 * 1024, b"XXXX");
    let superblock = of(&path, Format::Ntfs);
    assert_eq!((&superblock.label, &superblock.version), (&None, &None));
    assert_eq!(rules(&superblock), ["record-magic", "record-magic"]);
    assert!(superblock.filesystem().unwrap().errors);
}

#[test]
fn a_bad_sector_in_the_mft_hides_one_record() {
    let (_dir, path) = image("ntfs");
    let mut image = Image::open(&path);
    let record = mft(&path) + 4 * 1024;
    image.bad = Some(record..record + 512);
    let signatures = probe(&image);
    let superblock = sound(&signatures, Format::Ntfs);
    assert_eq!(superblock.label, Some(Text::from("new technology")));
    assert_eq!(rules(superblock), [""; 0]);
}

#[test]
fn ntfs_that_is_marked_dirty_has_errors() {
    let (_dir, path) = image("ntfs");
    // It asks Windows for a check of the volume.
    done("ntfsfix", &[&path.to_string_lossy()]);
    let told = text("ntfsinfo", &["-m", "-f"], &path);
    assert_eq!(after(&told, "Volume Flags:"), Some("0x0001 DIRTY"));
    let filesystem = filesystem(&path, Format::Ntfs);
    assert!(filesystem.errors);
    assert_eq!(filesystem.log, LogState::Clean);
}

/// A restart page as Windows writes it.
fn restart_page(magic: &[u8], lsn: u64, client_in_use_list: u16, flags: u16) -> Vec<u8> {
    let mut page = vec![0; 4096];
    let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, magic);
    put(4, &30_u16.to_le_bytes());
    put(6, &9_u16.to_le_bytes());
    put(16, &4096_u32.to_le_bytes());
    put(20, &4096_u32.to_le_bytes());
    put(24, &48_u16.to_le_bytes());
    put(28, &1_u16.to_le_bytes());
    put(48, &lsn.to_le_bytes());
    put(48 + 12, &client_in_use_list.to_le_bytes());
    put(48 + 14, &flags.to_le_bytes());
    // The update sequence: number 7 at the end of each block.
    put(30, &7_u16.to_le_bytes());
    for block in 0..8 {
        put(block * 512 + 510, &7_u16.to_le_bytes());
    }
    page
}

/// Where the log is: the place of its run of 0xff, as mkntfs makes it.
fn log_of(path: &Path) -> u64 {
    let image = Image::open(path);
    (0..image.size)
        .step_by(4096)
        .find(|at| image.bytes(*at, 8192).iter().all(|byte| *byte == 0xff))
        .unwrap()
}

#[test]
fn ntfs_log_is_judged_by_its_newest_restart_page() {
    let open = 0;
    let none = 0xffff;
    let replay = LogState::NeedsReplay { live_bytes: None };
    let (_dir, path) = image("ntfs");
    let at = log_of(&path);
    let page = restart_page;
    for (first, second, expected) in [
        (page(b"RSTR", 5, none, 0), vec![], LogState::Clean),
        (page(b"RSTR", 5, open, 2), vec![], LogState::Clean),
        (page(b"RSTR", 5, open, 0), vec![], replay),
        (page(b"RSTR", 5, none, 0), page(b"RSTR", 6, open, 0), replay),
        (
            page(b"RSTR", 5, open, 0),
            page(b"RSTR", 6, none, 0),
            LogState::Clean,
        ),
        // The first is torn: the second counts.
        (vec![0; 4096], page(b"RSTR", 6, open, 0), replay),
        (vec![0; 4096], vec![], LogState::Unknown),
        (page(b"CHKD", 0, none, 0), vec![], LogState::Clean),
    ] {
        let mut image = Image::open(&path);
        image.patch(at, &first);
        image.patch(at + 4096, &second);
        let signatures = probe(&image);
        let filesystem = sound(&signatures, Format::Ntfs).filesystem().unwrap();
        assert_eq!(filesystem.log, expected);
    }
    // A torn page is none.
    let mut image = Image::open(&path);
    image.patch(at, &page(b"RSTR", 5, none, 0));
    image.patch(at + 1022, &[0, 0]);
    let signatures = probe(&image);
    let filesystem = sound(&signatures, Format::Ntfs).filesystem().unwrap();
    assert_eq!(filesystem.log, LogState::Unknown);
}

/// Puts a file into the root directory.
fn put(path: &Path, dir: &TempDir, name: &str, content: &[u8]) {
    let source = dir.path().join("source");
    std::fs::write(&source, content).unwrap();
    let (image, source) = (path.to_string_lossy(), source.to_string_lossy());
    done("ntfscp", &["-f", "-q", &image, &source, name]);
}

#[test]
fn ntfs_under_a_sleeping_windows_is_hibernated() {
    let page = |magic: &[u8]| {
        let mut page = vec![0; 8192];
        page[..magic.len()].copy_from_slice(magic);
        page
    };
    for name in ["ntfs", "ntfs-cluster-512", "ntfs-sector-4096"] {
        for (content, hibernated) in [
            (page(b"hibr"), true),
            (page(b"HIBR"), true),
            (page(b"RSTR"), true),
            (page(b"wake"), false),
            (page(b""), false),
            // Shorter than its header: Windows sleeps on another volume.
            (vec![0; 100], true),
        ] {
            let (dir, path) = image(name);
            put(&path, &dir, "hiberfil.sys", &content);
            let filesystem = filesystem(&path, Format::Ntfs);
            assert_eq!(filesystem.hibernated, hibernated, "{name}");
            assert_eq!(filesystem.log, LogState::Clean, "{name}");
        }
    }
}

#[test]
fn hiberfil_is_found_below_the_root_of_the_index() {
    let (dir, path) = image("ntfs");
    for number in 0..150 {
        put(
            &path,
            &dir,
            &format!("a rather long name {number:03}"),
            b"x",
        );
    }
    for number in 0..40 {
        put(&path, &dir, &format!("zebra {number:03}"), b"x");
    }
    assert!(!filesystem(&path, Format::Ntfs).hibernated);
    put(&path, &dir, "Hiberfil.sys", b"hibr");
    assert!(filesystem(&path, Format::Ntfs).hibernated);
}

#[test]
fn where_hibernation_cannot_be_told_the_log_is_unknown() {
    let (_dir, path) = image("ntfs");
    // Record 5, the root directory.
    change(&path, mft(&path) + 5 * 1024, b"XXXX");
    let superblock = of(&path, Format::Ntfs);
    let filesystem = superblock.filesystem().unwrap();
    assert_eq!(filesystem.log, LogState::Unknown);
    assert!(filesystem.errors && !filesystem.hibernated);
    assert_eq!(rules(&superblock), ["record-magic"]);
}

#[test]
fn every_byte_of_the_first_records_may_change() {
    let (dir, path) = image("ntfs");
    put(&path, &dir, "hiberfil.sys", b"hibr");
    let mut image = Image::open(&path);
    let mft = mft(&path);
    for offset in (mft..mft + 6 * 1024).filter(|at| at % 1024 < 512) {
        let byte = image.bytes(offset, 1)[0];
        for change in [0x01, 0xff] {
            image.patches = vec![(offset, vec![byte ^ change])];
            let signatures: Vec<Signature> = probe(&image);
            assert!(signatures.iter().any(|s| s.format == Format::Ntfs));
        }
        image.patches.clear();
    }
}

#[test]
fn a_volume_alone_is_the_only_signature() {
    for subject in layouts() {
        let dir = tempfile::tempdir().unwrap();
        let (format, _) = only(&subject.image(dir.path()));
        assert_eq!(format, subject.format);
    }
}
