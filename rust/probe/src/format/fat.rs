//! FAT12, FAT16 and FAT32.
//!
//! Place: the boot sector with the BIOS parameter block (BPB) is the first
//! sector; FAT32 keeps a copy of it at the sector that `BPB_BkBootSec` names,
//! 6 as a rule. Little endian. Checksum: none, so the rules of the BPB have to
//! tell a FAT from boot code that only looks like one. Source: Microsoft
//! "FAT: General Overview of On-Disk Format" 1.03; bounds as Linux
//! `fs/fat/inode.c` has them.
//!
//! FAT has no log: a volume that was not unmounted is whole up to what was
//! being written, and is reported by `errors`. Two traces say so, the upper
//! bits of the second entry of the FAT (DOS, Windows) and a byte of the boot
//! sector that Microsoft reserves (Linux); FAT12 has the byte only.

use crate::bytes::{field, le16, le32, u8_at};
use crate::clusters::{Clusters, Root};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt, read_if_readable};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, Text};

const LEN: usize = 512;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "fat",
    kind: Kind::Filesystem,
    // Boot sector, FAT, root directory and one cluster.
    minimum: 2048,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[
        (FAT32_NAME, b"FAT32   "),
        (FAT32_NAME, b"MSWIN"),
        (FAT16_NAME, b"FAT16   "),
        (FAT16_NAME, b"FAT12   "),
        (FAT16_NAME, b"FAT     "),
        (FAT16_NAME, b"MSDOS"),
        (SIGNATURE_AT, &SIGNATURE),
    ],
    decode,
    // Sector 6 for every sector size.
    copies: &[
        Place::Start(6 * 512),
        Place::Start(6 * 1024),
        Place::Start(6 * 2048),
        Place::Start(6 * 4096),
    ],
    orphans: true,
    complete: Some(complete),
}];

/// `BS_FilSysType`, by the layout of the BPB.
const FAT16_NAME: usize = 0x36;
const FAT32_NAME: usize = 0x52;
const SIGNATURE_AT: usize = 0x1fe;
const SIGNATURE: [u8; 2] = [0x55, 0xaa];
/// Clusters that decide between FAT12 and FAT16; FAT32 is known by its layout,
/// as Linux and mkfs.fat have it, however few clusters it has.
const MAX_FAT12: u64 = 4084;
const MAX_FAT16: u64 = 65524;
const MAX_FAT32: u64 = 0x0fff_fff5;
/// What a BitLocker To Go volume has where a FAT32 has boot code: the rest is
/// a FAT32 for old systems to see.
const BITLOCKER_AT: usize = 424;
const BITLOCKER: [u8; 16] = [
    0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01,
];

/// Entries of the root directory that are read for the label, bytes: that of
/// DOS and twice that; the label is among the first as a rule.
const ROOT_LEN: u64 = 32 * 1024;
/// Clusters of a FAT32 or exFAT root directory that are read for it.
const ROOT_CLUSTERS: usize = 4;
const ENTRY: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Fat12,
    Fat16,
    Fat32,
}

/// The BPB, in bytes and clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bpb {
    width: Width,
    sector: u32,
    cluster: u32,
    size: u64,
    fat_at: u64,
    fat_len: u64,
    root_at: u64,
    root_len: u64,
    data_at: u64,
    clusters: u64,
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Vfat,
        at,
    };
    or_other(!belongs_to_another(bytes))?;
    let named = is_named(bytes);
    or_other(named || is_plausible(bytes))?;
    let bpb = match bpb(bytes, &rules) {
        // Boot code, not a BPB.
        Err(_) if !named => Err(Refused::Other),
        judged => judged,
    }?;
    or_other(named || bpb.room() >= bpb.clusters)?;
    if at != 0 {
        let backup_at = bpb.backup_at(bytes);
        rules.check(
            bpb.width == Width::Fat32 && backup_at == at,
            "place",
            0x32,
            at,
            backup_at,
        )?;
    }

    // BS_DrvNum to BS_VolLab.
    let extended = match bpb.width {
        Width::Fat32 => field(bytes, 0x40, 18),
        _ => field(bytes, 0x24, 18),
    };
    let state = u8_at(extended, 1);
    let signature = u8_at(extended, 2);
    let serial = le32(extended, 3);
    let mut found = Found::filesystem(Format::Vfat, bpb.size, bpb.cluster);
    if matches!(signature, 0x28 | 0x29) && serial != 0 {
        found.superblock.uuid = Some(serial_text(serial));
    }
    if signature == 0x29 {
        // What a boot sector without a label has there.
        let none = |label: &Text| label.0 == b"NO NAME";
        found.superblock.label = label(field(extended, 7, 11)).filter(|label| !none(label));
    }
    let version = match bpb.width {
        Width::Fat12 => "FAT12",
        Width::Fat16 => "FAT16",
        Width::Fat32 => "FAT32",
    };
    found.superblock.version = Some(version.to_owned());
    let bpb_fsver = le16(bytes, 0x2a);
    if bpb.width == Width::Fat32 && bpb_fsver != 0 {
        let unknown = format!("version {bpb_fsver:#06x}");
        found.superblock.unknown_features.push(unknown);
    }
    if let Some(filesystem) = found.filesystem_mut() {
        // Not unmounted, or a surface scan is due.
        filesystem.errors = state & 0x3 != 0;
    }
    Ok(found)
}

/// As blkid prints it.
pub(crate) fn serial_text(serial: u32) -> String {
    format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff)
}

fn label(name: &[u8]) -> Option<Text> {
    let mut name = name.to_vec();
    if let Some(first @ 0x05) = name.first_mut() {
        // 0xe5 itself marks a deleted entry.
        *first = 0xe5;
    }
    Text::from_field(&name)
}

/// NTFS, exFAT, BitLocker and ReFS begin with the same jump; JFS and HPFS of
/// OS/2 have a whole FAT16 boot sector with their name in it.
fn belongs_to_another(bytes: &[u8]) -> bool {
    let oem_names: [&[u8]; 4] = [b"NTFS    ", b"EXFAT   ", b"-FVE-FS-", b"ReFS\0\0\0\0"];
    let names: [&[u8]; 2] = [b"JFS     ", b"HPFS    "];
    oem_names.contains(&field(bytes, 3, 8))
        || names.contains(&field(bytes, FAT16_NAME, 8))
        || field(bytes, BITLOCKER_AT, 16) == BITLOCKER
}

/// One of the names that the row asks for, at the place that goes with the
/// layout.
fn is_named(bytes: &[u8]) -> bool {
    let names32: [&[u8]; 2] = [b"FAT32", b"MSWIN"];
    let names16: [&[u8]; 4] = [b"FAT16", b"FAT12", b"FAT  ", b"MSDOS"];
    names32.contains(&field(bytes, FAT32_NAME, 5)) || names16.contains(&field(bytes, FAT16_NAME, 5))
}

/// Without a name (DOS 3 and some cameras) it has at least the jump, the
/// signature of a boot sector, and the fields that boot code is unlikely to
/// have by chance.
fn is_plausible(bytes: &[u8]) -> bool {
    let jump = (u8_at(bytes, 0), u8_at(bytes, 2));
    let jumps = matches!(jump, (0xeb, 0x90) | (0xe9, _));
    jumps && field(bytes, SIGNATURE_AT, 2) == SIGNATURE && matches!(u8_at(bytes, 0x10), 1 | 2)
}

/// Every field that a later division or read relies on.
fn bpb(bytes: &[u8], rules: &Rules) -> Result<Bpb, Refused> {
    rules.length(bytes, LEN)?;
    let sector = le16(bytes, 0x0b);
    rules.check(
        (512..=4096).contains(&sector) && sector.is_power_of_two(),
        "sector-size",
        0x0b,
        sector,
        "a power of two, 512 to 4096",
    )?;
    let sectors_per_cluster = u8_at(bytes, 0x0d);
    rules.check(
        sectors_per_cluster.is_power_of_two(),
        "cluster-size",
        0x0d,
        sectors_per_cluster,
        "a power of two, 1 to 128",
    )?;
    let reserved = le16(bytes, 0x0e);
    rules.check(reserved != 0, "reserved-sectors", 0x0e, reserved, "not 0")?;
    let fats = u8_at(bytes, 0x10);
    rules.check(fats != 0, "fat-count", 0x10, fats, "not 0")?;
    let media = u8_at(bytes, 0x15);
    rules.check(
        media >= 0xf8 || media == 0xf0,
        "media",
        0x15,
        format!("{media:#x}"),
        "0xf0, or 0xf8 to 0xff",
    )?;
    let (fat16_sectors, fat32_sectors) = (le16(bytes, 0x16), le32(bytes, 0x24));
    let is_fat32 = fat16_sectors == 0;
    let fat_sectors = if is_fat32 {
        u64::from(fat32_sectors)
    } else {
        u64::from(fat16_sectors)
    };
    rules.check(fat_sectors != 0, "fat-length", 0x16, fat_sectors, "not 0")?;
    let root_entries = le16(bytes, 0x11);
    let root_len = u64::from(root_entries).saturating_mul(32);
    rules.check(
        root_len & u64::from(sector).saturating_sub(1) == 0 && (is_fat32 || root_len != 0),
        "root-entries",
        0x11,
        root_entries,
        "whole sectors, and for FAT12 and FAT16 not 0",
    )?;

    let sector = u64::from(sector);
    let sectors = match le16(bytes, 0x13) {
        0 => u64::from(le32(bytes, 0x20)),
        sectors => u64::from(sectors),
    };
    // Below 2^53 all of them: sums of 48-bit values.
    let size = sectors.saturating_mul(sector);
    let cluster = sector.saturating_mul(u64::from(sectors_per_cluster));
    let fat_at = u64::from(reserved).saturating_mul(sector);
    let fat_len = fat_sectors.saturating_mul(sector);
    let root_at = fat_at.saturating_add(fat_len.saturating_mul(u64::from(fats)));
    let data_at = root_at.saturating_add(root_len);
    let clusters = size
        .checked_sub(data_at)
        .and_then(|data| data.checked_div(cluster))
        .unwrap_or(0);
    rules.check(
        clusters != 0,
        "sectors",
        0x20,
        sectors,
        format!("more than the {data_at} bytes before the first cluster"),
    )?;
    let (width, most) = match is_fat32 {
        true => (Width::Fat32, MAX_FAT32),
        false if clusters <= MAX_FAT12 => (Width::Fat12, MAX_FAT12),
        false => (Width::Fat16, MAX_FAT16),
    };
    rules.check(
        clusters <= most,
        "clusters",
        0x20,
        clusters,
        format!("at most {most}"),
    )?;
    if is_fat32 {
        let root_cluster = le32(bytes, 0x2c);
        rules.check(
            (2..clusters.saturating_add(2)).contains(&u64::from(root_cluster)),
            "root-cluster",
            0x2c,
            root_cluster,
            format!("2 to {}", clusters.saturating_add(1)),
        )?;
    }
    Ok(Bpb {
        width,
        sector: u32::try_from(sector).unwrap_or(0),
        cluster: u32::try_from(cluster).unwrap_or(0),
        size,
        fat_at,
        fat_len,
        root_at,
        root_len,
        data_at,
        clusters,
    })
}

/// Where the directories of the volume are whose boot sector these bytes are.
pub(crate) fn clusters(bytes: &[u8]) -> Option<Clusters> {
    decode(bytes, 0).ok()?;
    let format = Format::Vfat;
    let bpb = bpb(bytes, &Rules { format, at: 0 }).ok()?;
    Some(Clusters {
        entry_bits: match bpb.width {
            Width::Fat12 => 12,
            Width::Fat16 => 16,
            Width::Fat32 => 32,
        },
        mask: 0x0fff_ffff,
        // The first FAT also where a flag names another: Linux reads no other.
        fat_at: bpb.fat_at,
        heap_at: bpb.data_at,
        cluster: u64::from(bpb.cluster),
        // Linux uses what there are entries for.
        count: bpb.clusters.min(bpb.room()),
        root: match bpb.width {
            Width::Fat32 => Root::Chain(le32(bytes, 0x2c)),
            _ => Root::Region {
                at: bpb.root_at,
                len: bpb.root_len,
            },
        },
    })
}

impl Bpb {
    /// Clusters that a FAT has entries for.
    fn room(&self) -> u64 {
        let bits = self.fat_len.saturating_mul(8);
        let entries = match self.width {
            Width::Fat12 => bits / 12,
            Width::Fat16 => bits / 16,
            Width::Fat32 => bits / 32,
        };
        // The first two stand for no cluster.
        entries.saturating_sub(2)
    }

    /// Where the copy of the boot sector is; 0 where there is none.
    fn backup_at(&self, bytes: &[u8]) -> u64 {
        match le16(bytes, 0x32) {
            0xffff => 0,
            sector => u64::from(sector).saturating_mul(u64::from(self.sector)),
        }
    }
}

fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let rules = Rules {
        format: Format::Vfat,
        at,
    };
    let Ok(bpb) = bpb(bytes, &rules) else {
        return Ok(());
    };
    if bpb.room() < bpb.clusters {
        // Linux uses what there are entries for.
        let expected = format!("entries for {} clusters", bpb.clusters);
        let damage = rules.damage("fat-length", 0x16, bpb.room(), expected);
        found.superblock.damaged_copies.push(damage);
    }
    judge_fat(dev, &bpb, u8_at(bytes, 0x15), found)?;
    let root = if bpb.width == Width::Fat32 {
        judge_backup(dev, &bpb, at, bytes, found)?;
        let heap = Heap {
            fat_at: bpb.fat_at,
            data_at: bpb.data_at,
            cluster: u64::from(bpb.cluster),
            clusters: bpb.clusters,
            mask: 0x0fff_ffff,
        };
        heap.root(dev, le32(bytes, 0x2c))?
    } else {
        let len = usize::try_from(bpb.root_len.min(ROOT_LEN)).unwrap_or(0);
        read_if_readable(dev, bpb.root_at, len)?
    };
    // The boot sector's label is a copy that Windows does not keep up to
    // date: it stands only where the directory cannot be read.
    match root {
        Some(root) => found.superblock.label = root_label(&root),
        None => unreadable(bpb.root_at, "root-directory", found),
    }
    Ok(())
}

pub(crate) fn unreadable(at: u64, rule: &str, found: &mut Found) {
    let rules = Rules {
        format: found.format,
        at,
    };
    let damage = rules.damage(rule, 0, "a read that failed", "to be read");
    found.superblock.damaged_copies.push(damage);
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.errors = true;
    }
}

/// The entry of a volume's label: its attribute, and no cluster.
fn root_label(entries: &[u8]) -> Option<Text> {
    const FREE: u8 = 0xe5;
    entries
        .chunks_exact(ENTRY)
        .take_while(|entry| u8_at(entry, 0) != 0)
        .filter(|entry| u8_at(entry, 0) != FREE)
        // 0x0f marks a part of a long name, 0x10 a directory.
        .filter(|entry| u8_at(entry, 11) & 0x3f != 0x0f && u8_at(entry, 11) & 0x18 == 0x08)
        .find(|entry| le16(entry, 20) == 0 && le16(entry, 26) == 0)
        .and_then(|entry| label(field(entry, 0, 11)))
}

/// Its first two entries: the media byte once more, and the state.
fn judge_fat(dev: &dyn ReadAt, bpb: &Bpb, media: u8, found: &mut Found) -> Result<(), Fault> {
    let rules = Rules {
        format: Format::Vfat,
        at: bpb.fat_at,
    };
    let Some(fat) = read_if_readable(dev, bpb.fat_at, 8)? else {
        unreadable(bpb.fat_at, "fat", found);
        return Ok(());
    };
    let seen = u8_at(&fat, 0);
    if seen != media {
        let (seen, expected) = (format!("{seen:#x}"), format!("{media:#x}"));
        let damage = rules.damage("fat-media", 0, seen, expected);
        found.superblock.damaged_copies.push(damage);
    }
    // Cleared while it is mounted, and after an error of the disk.
    let sound = match bpb.width {
        Width::Fat12 => true,
        Width::Fat16 => le16(&fat, 2) & 0xc000 == 0xc000,
        Width::Fat32 => le32(&fat, 4) & 0x0c00_0000 == 0x0c00_0000,
    };
    if let (false, Some(filesystem)) = (sound, found.filesystem_mut()) {
        filesystem.errors = true;
    }
    Ok(())
}

/// What FAT32 has besides: the copy of the boot sector and the FSInfo sector.
fn judge_backup(
    dev: &dyn ReadAt,
    bpb: &Bpb,
    at: u64,
    bytes: &[u8],
    found: &mut Found,
) -> Result<(), Fault> {
    let backup_at = bpb.backup_at(bytes);
    if at == 0 && backup_at != 0 && backup_at < bpb.fat_at {
        let rules = Rules {
            format: Format::Vfat,
            at: backup_at,
        };
        match read_if_readable(dev, backup_at, LEN)? {
            None => unreadable(backup_at, "backup", found),
            Some(copy) => {
                // The BPB, without the label's and the state's bytes.
                let same = field(&copy, 0x0b, 0x35) == field(bytes, 0x0b, 0x35)
                    && field(&copy, 0x43, 4) == field(bytes, 0x43, 4);
                if !same {
                    let damage = rules.damage("backup", 0x0b, "another BPB", "that of sector 0");
                    found.superblock.damaged_copies.push(damage);
                }
            }
        }
    }
    let info = le16(bytes, 0x30);
    let info_at = u64::from(info).saturating_mul(u64::from(bpb.sector));
    if !matches!(info, 0 | 0xffff) && info_at < bpb.fat_at {
        let rules = Rules {
            format: Format::Vfat,
            at: info_at,
        };
        match read_if_readable(dev, info_at, LEN)? {
            None => unreadable(info_at, "fsinfo-signature", found),
            Some(sector) => {
                for (offset, expected) in [(0, 0x4161_5252), (0x1e4, 0x6141_7272)] {
                    let seen = le32(&sector, offset);
                    if seen != expected {
                        let offset = u64::try_from(offset).unwrap_or(0);
                        let (seen, expected) = (format!("{seen:#x}"), format!("{expected:#x}"));
                        let damage = rules.damage("fsinfo-signature", offset, seen, expected);
                        found.superblock.damaged_copies.push(damage);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Clusters and the FAT that chains them; exFAT has the same.
pub(crate) struct Heap {
    pub(crate) fat_at: u64,
    pub(crate) data_at: u64,
    pub(crate) cluster: u64,
    pub(crate) clusters: u64,
    /// Bits of an entry that name a cluster.
    pub(crate) mask: u32,
}

impl Heap {
    /// Offset of a cluster on the device, if there is such a cluster.
    pub(crate) fn at(&self, cluster: u32) -> Option<u64> {
        let index = u64::from(cluster).checked_sub(2)?;
        (index < self.clusters)
            .then(|| index.checked_mul(self.cluster)?.checked_add(self.data_at))?
    }

    /// The first entries of a directory, to its end or as far as the bounds
    /// reach; none where its beginning cannot be read.
    pub(crate) fn root(&self, dev: &dyn ReadAt, first: u32) -> Result<Option<Vec<u8>>, Fault> {
        let len = usize::try_from(self.cluster.min(ROOT_LEN)).unwrap_or(0);
        let mut entries: Option<Vec<u8>> = None;
        let mut cluster = first;
        for _ in 0..ROOT_CLUSTERS {
            let Some(at) = self.at(cluster) else { break };
            let Some(bytes) = read_if_readable(dev, at, len)? else {
                break;
            };
            // The first zero byte ends a directory.
            let ends = bytes.chunks(ENTRY).any(|entry| u8_at(entry, 0) == 0);
            let entries = entries.get_or_insert_default();
            entries.extend(bytes);
            let have = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            if ends || have >= ROOT_LEN {
                break;
            }
            let entry_at = self.fat_at.saturating_add(u64::from(cluster) << 2);
            let Some(entry) = read_if_readable(dev, entry_at, 4)? else {
                break;
            };
            cluster = le32(&entry, 0) & self.mask;
        }
        Ok(entries)
    }
}
