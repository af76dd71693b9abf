//! exFAT.
//!
//! Place: the main boot region is the first 12 sectors (boot sector, 8
//! extended boot sectors, OEM parameters, a reserved one, checksum); the
//! backup boot region is the 12 after them. Little endian. Checksum: the
//! twelfth sector repeats a 32-bit sum over the other eleven, without
//! `VolumeFlags` and `PercentInUse`, which change while the volume is used.
//! Source: Microsoft "exFAT file system specification", sections 3 and 7.
//!
//! There is no log: a volume that was not unmounted, or whose medium failed,
//! says so in `VolumeFlags` and is reported by `errors`.

use super::fat::{Heap, serial_text, unreadable};
use crate::bytes::{field, le16, le32, le64, u8_at, utf16le};
use crate::clusters::{Clusters, Root};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_if_readable};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, Text};

/// A boot region of the largest sectors.
const LEN: usize = SECTORS * 4096;
const SECTORS: usize = 12;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "exfat",
    kind: Kind::Filesystem,
    // The smallest `VolumeLength`.
    minimum: MIN_SIZE,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(3, b"EXFAT   ")],
    decode,
    // The thirteenth sector, for the sectors that disks have.
    copies: &[Place::Start(12 * 512), Place::Start(12 * 4096)],
    orphans: true,
    complete: Some(complete),
}];

const MIN_SIZE: u64 = 1 << 20;
/// The largest cluster is 32 MiB.
const MAX_CLUSTER_SHIFT: u8 = 25;
const MAX_CLUSTERS: u32 = u32::MAX - 10;
const VOLUME_DIRTY: u16 = 0x2;
const MEDIA_FAILURE: u16 = 0x4;
/// Directory entry of the volume's label, and its characters.
const LABEL_ENTRY: u8 = 0x83;
const MAX_LABEL: usize = 11;

/// The boot sector, in bytes and clusters.
struct Geometry {
    sector: usize,
    cluster: u64,
    size: u64,
    fat_at: u64,
    heap_at: u64,
    clusters: u32,
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Exfat,
        at,
    };
    rules.length(bytes, 512)?;
    let bytes_per_sector_shift = u8_at(bytes, 108);
    rules.check(
        (9..=12).contains(&bytes_per_sector_shift),
        "sector-size",
        108,
        bytes_per_sector_shift,
        "9 to 12",
    )?;
    let sector = 1_usize
        .checked_shl(u32::from(bytes_per_sector_shift))
        .unwrap_or(512);
    check_sum(bytes, &rules, sector)?;
    let geometry = geometry(bytes, &rules, sector)?;
    if at != 0 {
        let expected = region(sector);
        rules.check(at == expected, "place", 0, at, expected)?;
    }

    let cluster = u32::try_from(geometry.cluster).unwrap_or(0);
    let mut found = Found::filesystem(Format::Exfat, geometry.size, cluster);
    let volume_serial_number = le32(bytes, 100);
    found.superblock.uuid = (volume_serial_number != 0).then(|| serial_text(volume_serial_number));
    let (minor, major) = (u8_at(bytes, 104), u8_at(bytes, 105));
    found.superblock.version = Some(format!("{major}.{minor}"));
    let volume_flags = le16(bytes, 106);
    if let Some(filesystem) = found.filesystem_mut() {
        // Those of the backup are stale: with no valid boot sector the volume
        // needs its checker.
        filesystem.errors = at != 0 || volume_flags & (VOLUME_DIRTY | MEDIA_FAILURE) != 0;
    }
    Ok(found)
}

/// Where the directories of the volume are whose boot region these bytes are.
pub(crate) fn clusters(bytes: &[u8]) -> Option<Clusters> {
    decode(bytes, 0).ok()?;
    let sector = 1_usize.checked_shl(u32::from(u8_at(bytes, 108)))?;
    let format = Format::Exfat;
    let geometry = geometry(bytes, &Rules { format, at: 0 }, sector).ok()?;
    Some(Clusters {
        entry_bits: 32,
        mask: u32::MAX,
        fat_at: geometry.active_fat(bytes),
        heap_at: geometry.heap_at,
        cluster: geometry.cluster,
        count: u64::from(geometry.clusters),
        root: Root::Chain(le32(bytes, 96)),
    })
}

impl Geometry {
    /// Offset of the FAT in use: the first, or the second one of TexFAT.
    fn active_fat(&self, bytes: &[u8]) -> u64 {
        let sector = u64::try_from(self.sector).unwrap_or(0);
        let fat_len = u64::from(le32(bytes, 84)).saturating_mul(sector);
        let second = u8_at(bytes, 110) == 2 && le16(bytes, 106) & 1 != 0;
        let active = u64::from(second);
        self.fat_at.saturating_add(fat_len.saturating_mul(active))
    }
}

/// Bytes of a boot region.
fn region(sector: usize) -> u64 {
    u64::try_from(sector.saturating_mul(SECTORS)).unwrap_or(u64::MAX)
}

fn check_sum(bytes: &[u8], rules: &Rules, sector: usize) -> Result<(), Refused> {
    rules.length(bytes, sector.saturating_mul(SECTORS))?;
    let checked = sector.saturating_mul(SECTORS.saturating_sub(1));
    let computed = field(bytes, 0, checked)
        .iter()
        .enumerate()
        .filter(|(offset, _)| !matches!(offset, 106 | 107 | 112))
        .fold(0_u32, |sum, (_, byte)| {
            sum.rotate_right(1).wrapping_add(u32::from(*byte))
        });
    let sums = field(bytes, checked, sector).as_chunks::<4>().0;
    for (offset, sum) in (checked..).step_by(4).zip(sums) {
        let offset = u64::try_from(offset).unwrap_or(0);
        rules.checksum(offset, u32::from_le_bytes(*sum), computed)?;
    }
    Ok(())
}

/// Every field that a later division or read relies on.
fn geometry(bytes: &[u8], rules: &Rules, sector: usize) -> Result<Geometry, Refused> {
    let must_be_zero = field(bytes, 11, 53);
    rules.check(
        must_be_zero.iter().all(|byte| *byte == 0),
        "must-be-zero",
        11,
        "a BPB",
        "53 zeros",
    )?;
    let file_system_revision = le16(bytes, 104);
    rules.check(
        (0x0100..0x0200).contains(&file_system_revision),
        "version",
        104,
        format!("{file_system_revision:#06x}"),
        "1.0 to 1.99",
    )?;
    let sectors_per_cluster_shift = u8_at(bytes, 109);
    let cluster_shift = u8_at(bytes, 108).saturating_add(sectors_per_cluster_shift);
    rules.check(
        cluster_shift <= MAX_CLUSTER_SHIFT,
        "cluster-size",
        109,
        sectors_per_cluster_shift,
        "clusters of at most 32 MiB",
    )?;
    let number_of_fats = u8_at(bytes, 110);
    rules.check(
        matches!(number_of_fats, 1 | 2),
        "fat-count",
        110,
        number_of_fats,
        "1 or 2",
    )?;
    let sector = u64::try_from(sector).unwrap_or(512);
    let cluster = 1_u64
        .checked_shl(u32::from(cluster_shift))
        .unwrap_or(sector);
    let volume_length = le64(bytes, 72);
    let size = volume_length.checked_mul(sector).unwrap_or(0);
    rules.check(
        size >= MIN_SIZE,
        "volume-length",
        72,
        volume_length,
        "1 MiB to 2^64 bytes",
    )?;
    let (fat_offset, fat_length) = (le32(bytes, 80), le32(bytes, 84));
    let (cluster_heap_offset, cluster_count) = (le32(bytes, 88), le32(bytes, 92));
    rules.check(
        fat_offset >= 24,
        "fat-offset",
        80,
        fat_offset,
        "24 or more: behind both boot regions",
    )?;
    let entries = u64::from(fat_length).saturating_mul(sector) / 4;
    rules.check(
        entries >= u64::from(cluster_count).saturating_add(2),
        "fat-length",
        84,
        fat_length,
        format!("entries for {cluster_count} clusters"),
    )?;
    let fats_end = u64::from(fat_length)
        .saturating_mul(u64::from(number_of_fats))
        .saturating_add(u64::from(fat_offset));
    rules.check(
        u64::from(cluster_heap_offset) >= fats_end,
        "heap-offset",
        88,
        cluster_heap_offset,
        format!("{fats_end} or more"),
    )?;
    let heap_at = u64::from(cluster_heap_offset).saturating_mul(sector);
    let heap_end = u64::from(cluster_count)
        .saturating_mul(cluster)
        .saturating_add(heap_at);
    rules.check(
        (1..=MAX_CLUSTERS).contains(&cluster_count) && heap_end <= size,
        "cluster-count",
        92,
        cluster_count,
        format!("what {volume_length} sectors hold"),
    )?;
    let first_cluster_of_root_directory = le32(bytes, 96);
    rules.check(
        (2..=cluster_count.saturating_add(1)).contains(&first_cluster_of_root_directory),
        "root-cluster",
        96,
        first_cluster_of_root_directory,
        format!("2 to {}", cluster_count.saturating_add(1)),
    )?;
    Ok(Geometry {
        sector: usize::try_from(sector).unwrap_or(512),
        cluster,
        size,
        fat_at: u64::from(fat_offset).saturating_mul(sector),
        heap_at,
        clusters: cluster_count,
    })
}

fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let rules = Rules {
        format: Format::Exfat,
        at,
    };
    let sector = 1_usize.checked_shl(u32::from(u8_at(bytes, 108)));
    let Ok(geometry) = geometry(bytes, &rules, sector.unwrap_or(512)) else {
        return Ok(());
    };
    if at == 0 {
        judge_backup(dev, bytes, &geometry, found)?;
    }
    let root_cluster = le32(bytes, 96);
    let heap = Heap {
        fat_at: geometry.active_fat(bytes),
        data_at: geometry.heap_at,
        cluster: geometry.cluster,
        clusters: u64::from(geometry.clusters),
        mask: u32::MAX,
    };
    match heap.root(dev, root_cluster)? {
        Some(root) => found.superblock.label = label(&root),
        None => unreadable(heap.at(root_cluster).unwrap_or(0), "root-directory", found),
    }
    Ok(())
}

/// The backup boot region is sound and says the same.
fn judge_backup(
    dev: &dyn ReadAt,
    bytes: &[u8],
    geometry: &Geometry,
    found: &mut Found,
) -> Result<(), Fault> {
    let backup_at = region(geometry.sector);
    let len = geometry.sector.saturating_mul(SECTORS);
    let Some(backup) = read_if_readable(dev, backup_at, len)? else {
        unreadable(backup_at, "backup", found);
        return Ok(());
    };
    let rules = Rules {
        format: Format::Exfat,
        at: backup_at,
    };
    let fields = 64..106_usize;
    let damage = match decode(&backup, backup_at) {
        Err(Refused::Damaged(_, damage)) => Some(damage),
        Ok(_) if backup.get(fields.clone()) == bytes.get(fields) => None,
        _ => Some(rules.damage("backup", 64, "another volume", "that of sector 0")),
    };
    found.superblock.damaged_copies.extend(damage);
    Ok(())
}

fn label(entries: &[u8]) -> Option<Text> {
    let entry = entries
        .chunks_exact(32)
        .take_while(|entry| u8_at(entry, 0) != 0)
        .find(|entry| u8_at(entry, 0) == LABEL_ENTRY)?;
    let characters = usize::from(u8_at(entry, 1)).min(MAX_LABEL);
    utf16le(field(entry, 2, characters.saturating_mul(2)))
}
