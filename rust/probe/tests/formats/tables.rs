//! GPT and MBR, against sfdisk and sgdisk.

use crate::harness::{
    Image, Subject, done, probe, sound, stands_bad_sectors, stands_changed_bytes, stands_cuts,
};
use asl_facts::{Content, Format, Outcome, Signature, Superblock, Table, Text};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const GPT: Subject = Subject {
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
fn the_id_is_that_of_blkid() {
    let dir = tempfile::tempdir().unwrap();
    let path = GPT.image(dir.path());
    let said = crate::harness::blkid(&path);
    let found = sound(&probe(&Image::open(&path)), Format::Gpt).clone();
    assert_eq!(found.uuid.as_ref(), said.get("PTUUID"));
}

/// An image partitioned by sfdisk.
fn sfdisk(dir: &Path, mib: u64, args: &[&str], script: &str) -> PathBuf {
    let path = dir.join("disk");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(mib << 20)
        .unwrap();
    let mut child = Command::new("sfdisk")
        .args(args)
        .arg("-q")
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success(), "{script}");
    path
}

fn table(superblock: &Superblock) -> &Table {
    match &superblock.content {
        Content::Table(table) => table,
        other => panic!("{other:?}"),
    }
}

/// Number, start and size in sectors, type, id and name as sfdisk sees them.
fn as_sfdisk_says(path: &Path, sector: u64) -> Vec<(u32, u64, u64, String, String, String)> {
    let output = done(
        "sfdisk",
        &[
            "--sector-size",
            &sector.to_string(),
            "--json",
            path.to_str().unwrap(),
        ],
    );
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_lowercase();
    json["partitiontable"]["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            let node = part["node"].as_str().unwrap();
            let number = node.rsplit_once("disk").unwrap().1;
            (
                number.parse().unwrap(),
                part["start"].as_u64().unwrap(),
                part["size"].as_u64().unwrap(),
                text(&part["type"]),
                text(&part["uuid"]),
                part["name"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

fn as_we_say(table: &Table) -> Vec<(u32, u64, u64, String, String, String)> {
    let sector = u64::from(table.sector_size);
    table
        .partitions
        .iter()
        .map(|entry| {
            let kind = entry.kind.strip_prefix("0x").unwrap_or(&entry.kind);
            let kind = if entry.kind.starts_with("0x") {
                kind.trim_start_matches('0')
            } else {
                kind
            };
            let by_mbr = entry.kind.starts_with("0x");
            (
                entry.number,
                entry.start / sector,
                entry.size / sector,
                kind.to_owned(),
                entry.uuid.clone().filter(|_| !by_mbr).unwrap_or_default(),
                entry.name.as_ref().map_or(String::new(), Text::printable),
            )
        })
        .collect()
}

#[test]
fn partitions_are_those_of_sfdisk() {
    let gpt = "label: gpt\nstart=2048, size=4096, name=\"première\", bootable\n\
               size=8192, type=lvm, attrs=\"RequiredPartition GUID:63\"\ntype=swap, name=last\n";
    let mbr = "label: dos\nsize=2048, type=83, bootable\nsize=4096, type=8e\ntype=5\n\
               size=2048, type=82\nsize=2048, type=fd\nsize=1024, type=7\n";
    for (script, sector, format) in [
        (gpt, 512, Format::Gpt),
        (gpt, 4096, Format::Gpt),
        (mbr, 512, Format::Mbr),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let script = if sector == 4096 {
            script.replace("start=2048, ", "")
        } else {
            script.to_owned()
        };
        let size = sector.to_string();
        let path = sfdisk(dir.path(), 256, &["--sector-size", &size], &script);
        let signatures = probe(&Image::open(&path));
        let found = sound(&signatures, format);
        assert_eq!(
            as_we_say(table(found)),
            as_sfdisk_says(&path, sector),
            "{script}"
        );
        assert!(
            found.damaged_copies.is_empty(),
            "{:?}",
            found.damaged_copies
        );
    }
}

#[test]
fn flags_and_ids_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let script = "label: dos\nlabel-id: 0x1234abcd\nsize=2048, type=83, bootable\n";
    let path = sfdisk(dir.path(), 64, &[], script);
    let signatures = probe(&Image::open(&path));
    let found = sound(&signatures, Format::Mbr);
    assert_eq!(found.uuid.as_deref(), Some("1234abcd"));
    let entry = &table(found).partitions[0];
    assert_eq!(
        (entry.flags, entry.uuid.as_deref()),
        (0x80, Some("1234abcd-01"))
    );
}

fn gpt() -> Image {
    let dir = tempfile::tempdir().unwrap();
    Image::open(&GPT.image(dir.path()))
}

fn gpt_of(image: &Image) -> Signature {
    probe(image)
        .into_iter()
        .find(|signature| signature.format == Format::Gpt)
        .unwrap()
}

fn rules_of(signature: &Signature) -> Vec<&str> {
    match &signature.outcome {
        Outcome::Damaged(damage) => vec![&damage.rule],
        Outcome::Found(found) => found
            .damaged_copies
            .iter()
            .map(|d| d.rule.as_str())
            .collect(),
    }
}

#[test]
fn the_mbr_of_a_gpt_is_protective() {
    let image = gpt();
    let signatures = probe(&image);
    let mbr = table(sound(&signatures, Format::Mbr)).clone();
    assert!(mbr.protective && mbr.partitions.is_empty());
    assert!(!table(sound(&signatures, Format::Gpt)).hybrid);
}

#[test]
fn an_mbr_with_a_second_entry_makes_it_hybrid() {
    let mut image = gpt();
    let mut slot = [0; 16];
    slot[4] = 0x83;
    slot[8..12].copy_from_slice(&2048_u32.to_le_bytes());
    slot[12..].copy_from_slice(&2048_u32.to_le_bytes());
    image.patch(462, &slot);
    let signature = gpt_of(&image);
    assert!(table(signature.superblock().unwrap()).hybrid);
}

#[test]
fn each_header_stands_in_for_the_other() {
    let mut image = gpt();
    let whole = table(gpt_of(&image).superblock().unwrap()).clone();
    let last = image.size - 512;
    image.flip(512 + 24);
    let signature = gpt_of(&image);
    assert_eq!(signature.offset, last);
    assert_eq!(
        table(signature.superblock().unwrap()).partitions,
        whole.partitions
    );
    assert_eq!(rules_of(&signature), ["place"]);

    let mut image = gpt();
    image.flip(last + 56);
    let signature = gpt_of(&image);
    assert_eq!(rules_of(&signature), ["checksum"]);
    image.patch(last, &[0; 92]);
    assert_eq!(rules_of(&gpt_of(&image)), ["backup-missing"]);
    image.flip(512 + 56);
    assert_eq!(rules_of(&gpt_of(&image)), ["checksum"]);
    assert!(gpt_of(&image).superblock().is_none());
}

#[test]
fn each_array_stands_in_for_the_other() {
    let mut image = gpt();
    let whole = table(gpt_of(&image).superblock().unwrap()).clone();
    image.flip(1024 + 40);
    let signature = gpt_of(&image);
    assert_eq!(rules_of(&signature), ["entries-checksum"]);
    assert_eq!(
        table(signature.superblock().unwrap()).partitions,
        whole.partitions
    );
    image.flip(image.size - 33 * 512 + 40);
    let signature = gpt_of(&image);
    assert_eq!(
        rules_of(&signature),
        ["entries-checksum", "entries-checksum"]
    );
    assert!(table(signature.superblock().unwrap()).partitions.is_empty());
}

#[test]
fn a_disk_that_became_smaller_is_told_and_its_partitions_are_kept() {
    let mut image = gpt();
    image.size /= 2;
    let signature = gpt_of(&image);
    assert_eq!(
        rules_of(&signature),
        ["backup-outside", "partition-outside"]
    );
    assert_eq!(table(signature.superblock().unwrap()).partitions.len(), 2);
}

#[test]
fn a_header_with_more_entries_than_memory_is_damaged() {
    let mut image = gpt();
    image.patch(512 + 80, &u32::MAX.to_le_bytes());
    let mut header = image.bytes(512, 92);
    header[16..20].fill(0);
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&header);
    image.patch(512 + 16, &crc.to_le_bytes());
    assert!(rules_of(&gpt_of(&image)).contains(&"entries"));
}

fn mbr(script: &str) -> Image {
    let dir = tempfile::tempdir().unwrap();
    Image::open(&sfdisk(dir.path(), 64, &[], script))
}

#[test]
fn a_chain_of_logical_partitions_that_is_a_circle_ends() {
    let mut image = mbr("label: dos\ntype=5\nsize=2048, type=83\nsize=2048, type=83\n");
    let signatures = probe(&image);
    let found = table(sound(&signatures, Format::Mbr)).clone();
    assert_eq!(found.partitions.len(), 3);
    // The second logical partition's sector leads back to the first.
    let second = found.partitions[2].start - 2048 * 512;
    let next = image.bytes(second + 462, 16);
    assert_eq!(next, [0; 16]);
    let first = found.partitions[0].start;
    let mut slot = image.bytes(first + 462, 16);
    slot[8..12].copy_from_slice(&0_u32.to_le_bytes());
    image.patch(second + 462, &slot);
    let signatures = probe(&image);
    let found = sound(&signatures, Format::Mbr);
    assert_eq!(found.damaged_copies[0].rule, "circle");
    assert_eq!(table(found).partitions.len(), 3);
}

#[test]
fn boot_sectors_and_bare_signatures_are_no_table() {
    for make in [
        &["mkfs.fat", "-F", "32"][..],
        &["mkfs.fat", "-F", "12"],
        &["mkfs.ntfs", "-F", "-Q", "-q"],
        &["mkfs.exfat", "-q"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        std::fs::File::create(&path)
            .unwrap()
            .set_len(64 << 20)
            .unwrap();
        let args: Vec<&str> = make[1..]
            .iter()
            .copied()
            .chain([path.to_str().unwrap()])
            .collect();
        done(make[0], &args);
        let formats: Vec<Format> = probe(&Image::open(&path))
            .iter()
            .map(|s| s.format)
            .collect();
        assert_eq!(formats.len(), 1, "{make:?}: {formats:?}");
        assert_ne!(formats[0], Format::Mbr);
    }
    let mut zeros = vec![0; 1 << 20];
    zeros[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert!(probe(&zeros).is_empty());
}
