//! GPT and MBR, against sfdisk, sgdisk and partx.

mod gpt;
mod mbr;

use crate::harness::{Image, Subject, done, only, probe, sound};
use asl_facts::{Content, Format, Outcome, Signature, Superblock, Table, Text};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const SUBJECTS: &[Subject] = &[gpt::GPT, mbr::MBR];

/// Boot sectors that end as a table does and are none.
const BOOT_SECTORS: &[&[&str]] = &[
    &["mkfs.fat", "-F", "12"],
    &["mkfs.fat", "-F", "16"],
    &["mkfs.fat", "-F", "32"],
    &["mkfs.ntfs", "-F", "-Q", "-q"],
    &["mkfs.exfat", "-q"],
];

fn empty(dir: &Path, mib: u64) -> PathBuf {
    let path = dir.join("disk");
    File::create(&path).unwrap().set_len(mib << 20).unwrap();
    path
}

/// An image partitioned by sfdisk.
fn sfdisk(dir: &Path, mib: u64, sector: u64, script: &str) -> PathBuf {
    let path = empty(dir, mib);
    partition(&path, sector, script);
    path
}

/// Has sfdisk write a table, and leave everything else there.
pub(crate) fn partition(path: &Path, sector: u64, script: &str) {
    let sector = sector.to_string();
    let mut child = Command::new("sfdisk")
        .args(["-q", "--wipe", "never", "--wipe-partitions", "never"])
        .args(["--sector-size", &sector])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success(), "{script}");
}

fn table(superblock: &Superblock) -> &Table {
    match &superblock.content {
        Content::Table(table) => table,
        other => panic!("{other:?}"),
    }
}

/// The rules that are told of a table, in their order.
fn rules_of(signature: &Signature) -> Vec<&str> {
    match &signature.outcome {
        Outcome::Damaged(damage) => vec![&damage.rule],
        Outcome::Found(found) => found
            .damaged_copies
            .iter()
            .map(|damage| damage.rule.as_str())
            .collect(),
    }
}

fn of(image: &dyn asl_probe::ReadAt, format: Format) -> Signature {
    let signatures = probe(image);
    let mut found = signatures.iter().filter(|found| found.format == format);
    let one = found.next().unwrap_or_else(|| panic!("{signatures:?}"));
    assert!(found.next().is_none(), "{signatures:?}");
    one.clone()
}

/// A partition as a tool and as we see it: number, start and size in 512-byte
/// sectors, type, id, name, flags.
type Line = (u32, u64, u64, String, String, String, u64);

/// What partx sees, and so every program that asks libblkid.
fn as_partx_says(path: &Path, sector: u64) -> Vec<Line> {
    let columns = "NR,START,SECTORS,TYPE,UUID,NAME,FLAGS";
    let sector = sector.to_string();
    let path = path.to_str().unwrap();
    let args = [
        "--raw",
        "--bytes",
        "--noheadings",
        "--sector-size",
        &sector,
        "--output",
        columns,
        path,
    ];
    let output = done("partx", &args);
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [number, start, size, kind, uuid, name, flags] = words[..] else {
                panic!("{line}");
            };
            let hex = |text: &str| u64::from_str_radix(&text[2..], 16).unwrap();
            let kind = match kind.strip_prefix("0x") {
                Some(_) => format!("{:#04x}", hex(kind)),
                None => kind.to_owned(),
            };
            (
                number.parse().unwrap(),
                start.parse().unwrap(),
                size.parse().unwrap(),
                kind,
                uuid.to_owned(),
                plain(name),
                hex(flags),
            )
        })
        .collect()
}

/// partx writes blanks and what is not ASCII as `\x20`.
fn plain(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// What sfdisk sees, without flags: of a GPT it names them.
fn as_sfdisk_says(path: &Path, sector: u64) -> Vec<Line> {
    let size = sector.to_string();
    let path = path.to_str().unwrap();
    let output = done("sfdisk", &["--sector-size", &size, "--json", path]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let table = &json["partitiontable"];
    let id = table["id"].as_str().unwrap().to_lowercase();
    let gpt = table["label"] == "gpt";
    let lines = table["partitions"].as_array().unwrap().iter().map(|part| {
        let node = part["node"].as_str().unwrap();
        let number = node.rsplit_once("disk").unwrap().1.parse().unwrap();
        let kind = part["type"].as_str().unwrap().to_lowercase();
        let (kind, uuid) = if gpt {
            (kind, part["uuid"].as_str().unwrap().to_lowercase())
        } else {
            let kind = u8::from_str_radix(&kind, 16).unwrap();
            (format!("{kind:#04x}"), format!("{}-{number:02x}", &id[2..]))
        };
        (
            number,
            part["start"].as_u64().unwrap() * sector / 512,
            part["size"].as_u64().unwrap() * sector / 512,
            kind,
            uuid,
            part["name"].as_str().unwrap_or_default().to_owned(),
            if part["bootable"] == true { 0x80 } else { 0 },
        )
    });
    lines.collect()
}

fn as_we_say(table: &Table) -> Vec<Line> {
    let lines = table.partitions.iter().map(|entry| {
        (
            entry.number,
            entry.start / 512,
            entry.size / 512,
            entry.kind.clone(),
            entry.uuid.clone().unwrap_or_default(),
            entry.name.as_ref().map_or(String::new(), Text::printable),
            entry.flags,
        )
    });
    lines.collect()
}

fn without_flags(mut lines: Vec<Line>) -> Vec<Line> {
    for line in &mut lines {
        line.6 = 0;
    }
    lines
}

/// Made by a real tool: nothing is wrong with it, and every partition is what
/// partx and sfdisk say.
fn agrees(path: &Path, sector: u64, format: Format) -> Table {
    let found = of(&Image::open(path), format);
    assert_eq!(rules_of(&found), [""; 0]);
    let table = table(found.superblock().unwrap()).clone();
    let ours = as_we_say(&table);
    assert_eq!(ours, as_partx_says(path, sector));
    let theirs = as_sfdisk_says(path, sector);
    if format == Format::Gpt {
        assert_eq!(without_flags(ours), without_flags(theirs));
    } else {
        assert_eq!(ours, theirs);
    }
    table
}

#[test]
fn boot_sectors_and_bare_signatures_are_no_table() {
    for make in BOOT_SECTORS {
        let dir = tempfile::tempdir().unwrap();
        let path = empty(dir.path(), 64);
        let args = [&make[1..], &[path.to_str().unwrap()]].concat();
        done(make[0], &args);
        assert_ne!(only(&path).0, Format::Mbr, "{make:?}");
    }
    let mut zeros = vec![0; 1 << 20];
    zeros[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert!(probe(&zeros).is_empty());
}

/// What Debian's installer images are: an ISO for optical drives, an MBR with
/// a partition of type 0 over all and one of the system's for USB ports, and
/// a GPT that only some firmware looks for.
#[test]
fn a_hybrid_iso_shows_its_tables_beside_the_iso() {
    let dir = tempfile::tempdir().unwrap();
    let (tree, boot, iso) = (
        dir.path().join("tree"),
        dir.path().join("boot"),
        dir.path().join("disk"),
    );
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("efi.img"), vec![0; 1 << 20]).unwrap();
    std::fs::write(tree.join("boot.bin"), vec![0; 2048]).unwrap();
    // The boot code of an isohybrid MBR is known by these bytes.
    let mut code = vec![0; 432];
    code[..5].copy_from_slice(&[0x33, 0xed, 0x90, 0x90, 0x90]);
    std::fs::write(&boot, &code).unwrap();
    let [tree, boot, iso] = [&tree, &boot, &iso].map(|path| path.to_str().unwrap());
    let args = [
        "-as",
        "mkisofs",
        "-quiet",
        "-R",
        "-o",
        iso,
        "-isohybrid-mbr",
        boot,
        "-b",
        "boot.bin",
        "-no-emul-boot",
        "-boot-load-size",
        "4",
        "-boot-info-table",
        "-eltorito-alt-boot",
        "-e",
        "efi.img",
        "-no-emul-boot",
        "-isohybrid-gpt-basdat",
        tree,
    ];
    done("xorriso", &args);
    let image = Image::open(Path::new(iso));
    let signatures = probe(&image);
    assert!(
        sound(&signatures, Format::Iso9660).filesystem().is_some(),
        "{signatures:?}"
    );
    let found = table(sound(&signatures, Format::Mbr));
    assert_eq!(as_we_say(found), as_partx_says(Path::new(iso), 512));
    assert!(found.partitions.iter().any(|entry| entry.kind == "0x00"));
    // Linux and blkid go by the MBR here, which does not guard the GPT.
    let told = of(&image, Format::Gpt);
    assert_eq!(
        crate::harness::blkid(Path::new(iso))["PTTYPE"],
        "dos",
        "{told:?}"
    );
    assert!(rules_of(&told).contains(&"protective-mbr"), "{told:?}");
}
