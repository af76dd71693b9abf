//! NTFS.
//!
//! Place: the boot sector is the first sector, its copy the sector behind the
//! volume, the last one of the partition. The boot sector says where the
//! master file table is; everything else is a file: record 2 is the log,
//! record 3 the volume's label, version and dirty flag, record 5 the root
//! directory. The first records have a copy (`$MFTMirr`). Little endian.
//! Checksum: none that is kept; records carry an update sequence in each 512
//! bytes that shows a torn write. Source: Linux `fs/ntfs3/ntfs.h`,
//! `struct NTFS_BOOT`, and `ntfs-3g`, `include/ntfs-3g/layout.h`.
//!
//! Whether Windows sleeps on it is told as ntfs-3g does, by the beginning of
//! `hiberfil.sys` in the root directory.

mod hiberfil;
mod log;
mod records;

use crate::bytes::{field, le16, le32, le64, u8_at, utf16le};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_if_readable};
use crate::row::{Kind, Place, Row};
use asl_facts::{Damage, Format, LogState};
use records::Record;

const LEN: usize = 512;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "ntfs",
    kind: Kind::Filesystem,
    // Less than the log alone has.
    minimum: 64 * 1024,
    places: &[Place::Start(0)],
    len: LEN,
    magics: &[(3, b"NTFS    ")],
    decode,
    // The last sector.
    copies: &[
        Place::End(512),
        Place::End(1024),
        Place::End(2048),
        Place::End(4096),
    ],
    orphans: true,
    complete: Some(complete),
}];

/// Largest cluster that Windows makes.
const MAX_CLUSTER: u64 = 2 << 20;
/// `MAXIMUM_BYTES_PER_MFT`.
const MAX_RECORD: u64 = 4096;
/// ntfs-3g reads what old versions made too.
const MAX_INDEX_RECORD: u64 = 64 * 1024;
/// Records of the MFT that are read: to the root directory.
const RECORDS: usize = 6;
const LOG_RECORD: u64 = 2;
const VOLUME_RECORD: u64 = 3;
const ROOT_RECORD: u64 = 5;

const VOLUME_NAME: u32 = 0x60;
const VOLUME_INFORMATION: u32 = 0x70;
const DATA: u32 = 0x80;
const VOLUME_IS_DIRTY: u16 = 0x1;
/// Windows' own checker is under way or has not ended.
const VOLUME_CHKDSK_UNDERWAY: u16 = 0x4000;

/// What the boot sector says, in bytes.
#[derive(Debug, Clone, Copy)]
struct Volume {
    cluster: u64,
    size: u64,
    mft_at: u64,
    mirror_at: u64,
    record: usize,
    index_record: usize,
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Ntfs,
        at,
    };
    let volume = volume(bytes, &rules)?;
    if at != 0 {
        rules.check(at == volume.size, "place", 0x28, at, volume.size)?;
    }
    let cluster = u32::try_from(volume.cluster).unwrap_or(0);
    let mut found = Found::filesystem(Format::Ntfs, volume.size, cluster);
    found.superblock.uuid = Some(format!("{:016X}", le64(bytes, 0x48)));
    Ok(found)
}

/// Every field that a later division, shift or read relies on.
fn volume(bytes: &[u8], rules: &Rules) -> Result<Volume, Refused> {
    rules.length(bytes, LEN)?;
    let bytes_per_sector = le16(bytes, 0x0b);
    rules.check(
        (512..=4096).contains(&bytes_per_sector) && bytes_per_sector.is_power_of_two(),
        "sector-size",
        0x0b,
        bytes_per_sector,
        "a power of two, 512 to 4096",
    )?;
    let sector = u64::from(bytes_per_sector);
    let sectors_per_cluster = u8_at(bytes, 0x0d);
    // Above 0x80 it is the negative of a power.
    let sectors = match sectors_per_cluster {
        0..=0x80 => Some(u64::from(sectors_per_cluster)),
        above => 1_u64.checked_shl(u32::from(above.wrapping_neg())),
    };
    let cluster = sectors.and_then(|sectors| sectors.checked_mul(sector));
    let cluster = cluster.filter(|size| size.is_power_of_two() && *size <= MAX_CLUSTER);
    rules.check(
        cluster.is_some(),
        "cluster-size",
        0x0d,
        format!("{sectors_per_cluster:#x}"),
        "a power of two sectors, at most 2 MiB",
    )?;
    let cluster = cluster.unwrap_or(sector);
    // Reserved sectors, FATs, root entries, sectors, sectors per FAT: fields
    // of a FAT, which Windows refuses to see here.
    let fat_fields = [
        (0x0e, le16(bytes, 0x0e)),
        (0x10, u16::from(u8_at(bytes, 0x10))),
        (0x11, le16(bytes, 0x11)),
        (0x13, le16(bytes, 0x13)),
        (0x16, le16(bytes, 0x16)),
    ];
    for (offset, seen) in fat_fields {
        rules.check(seen == 0, "must-be-zero", offset, seen, 0)?;
    }
    let large_sectors = le32(bytes, 0x20);
    rules.check(large_sectors == 0, "must-be-zero", 0x20, large_sectors, 0)?;

    let number_of_sectors = le64(bytes, 0x28);
    let size = number_of_sectors.checked_mul(sector).unwrap_or(0);
    rules.check(
        size >= cluster,
        "sectors",
        0x28,
        number_of_sectors,
        "at least a cluster, and a size below 2^64",
    )?;
    let place = |offset: usize| {
        let lcn = le64(bytes, offset);
        (lcn, lcn.checked_mul(cluster).filter(|at| *at < size))
    };
    let ((mft_lcn, mft_at), (mftmirr_lcn, mirror_at)) = (place(0x30), place(0x38));
    let inside = format!("a cluster below {}", size.checked_div(cluster).unwrap_or(0));
    rules.check(mft_at.is_some(), "mft", 0x30, mft_lcn, &inside)?;
    rules.check(
        mirror_at.is_some(),
        "mft-mirror",
        0x38,
        mftmirr_lcn,
        &inside,
    )?;
    Ok(Volume {
        cluster,
        size,
        mft_at: mft_at.unwrap_or(0),
        mirror_at: mirror_at.unwrap_or(0),
        record: record_size(bytes, rules, 0x40, "record-size", (cluster, MAX_RECORD))?,
        index_record: record_size(
            bytes,
            rules,
            0x44,
            "index-record-size",
            (cluster, MAX_INDEX_RECORD),
        )?,
    })
}

/// Clusters, or the negative of a power of two bytes.
fn record_size(
    bytes: &[u8],
    rules: &Rules,
    offset: usize,
    rule: &str,
    (cluster, most): (u64, u64),
) -> Result<usize, Refused> {
    let seen = u8_at(bytes, offset);
    let size = match seen {
        0..=0x7f => u64::from(seen).checked_mul(cluster),
        above => 1_u64.checked_shl(u32::from(above.wrapping_neg())),
    };
    let size = size.filter(|size| size.is_power_of_two() && (512..=most).contains(size));
    rules.check(
        size.is_some(),
        rule,
        u64::try_from(offset).unwrap_or(0),
        format!("{seen:#x}"),
        format!("a power of two, 512 to {most} bytes"),
    )?;
    Ok(size
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(512))
}

fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let rules = Rules {
        format: Format::Ntfs,
        at,
    };
    let Ok(volume) = volume(bytes, &rules) else {
        return Ok(());
    };
    let mft = Mft::read(dev, volume)?;
    judge_volume(dev, &mft, found)?;

    let mut damages = Vec::new();
    let mut log = LogState::Unknown;
    match mft.record(LOG_RECORD) {
        Ok(record) => log = log::state(dev, &volume, &record, &mut damages)?,
        Err(damage) => damages.push(damage),
    }
    let hibernated = hiberfil::is_live(dev, &mft, &mut damages)?;
    if let Some(filesystem) = found.filesystem_mut() {
        // Where it is not known whether a system sleeps on it, neither is
        // whether what is on disk is the truth.
        filesystem.log = match hibernated {
            None if log == LogState::Clean => LogState::Unknown,
            _ => log,
        };
        filesystem.hibernated = hibernated == Some(true);
        filesystem.errors |= !damages.is_empty();
    }
    found.superblock.damaged_copies.extend(damages);
    Ok(())
}

/// The first records of the master file table.
struct Mft {
    volume: Volume,
    bytes: Vec<u8>,
}

impl Mft {
    /// In one read, or record by record where that fails: a record that cannot
    /// be read is all zeros.
    fn read(dev: &dyn ReadAt, volume: Volume) -> Result<Self, Fault> {
        let all = volume.record.saturating_mul(RECORDS);
        if let Some(bytes) = read_if_readable(dev, volume.mft_at, all)? {
            return Ok(Self { volume, bytes });
        }
        let mut bytes = Vec::new();
        for at in (volume.mft_at..).step_by(volume.record).take(RECORDS) {
            let mut record = read_if_readable(dev, at, volume.record)?.unwrap_or_default();
            record.resize(volume.record, 0);
            bytes.extend(record);
        }
        Ok(Self { volume, bytes })
    }

    fn record(&self, number: u64) -> Result<Record, Damage> {
        let record = u64::try_from(self.volume.record).unwrap_or(0);
        let offset = number.saturating_mul(record);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = field(&self.bytes, from, self.volume.record);
        let at = self.volume.mft_at.saturating_add(offset);
        Record::new(bytes, self.volume.record, at, number)
    }
}

/// Label, version and dirty flag; from the copy where the record is torn.
fn judge_volume(dev: &dyn ReadAt, mft: &Mft, found: &mut Found) -> Result<(), Fault> {
    let record = match mft.record(VOLUME_RECORD) {
        Ok(record) => Some(record),
        Err(damage) => {
            found.superblock.damaged_copies.push(damage);
            let volume = &mft.volume;
            let size = u64::try_from(volume.record).unwrap_or(0);
            let at = volume
                .mirror_at
                .saturating_add(VOLUME_RECORD.saturating_mul(size));
            let copy = read_if_readable(dev, at, volume.record)?.unwrap_or_default();
            match Record::new(&copy, volume.record, at, VOLUME_RECORD) {
                Ok(record) => Some(record),
                Err(damage) => {
                    found.superblock.damaged_copies.push(damage);
                    None
                }
            }
        }
    };
    let value = |kind| record.as_ref().and_then(|record| record.resident(kind));
    found.superblock.label = value(VOLUME_NAME).and_then(utf16le);
    let information = value(VOLUME_INFORMATION).unwrap_or_default();
    let whole = information.len() >= 12;
    if whole {
        let (major, minor) = (u8_at(information, 8), u8_at(information, 9));
        found.superblock.version = Some(format!("{major}.{minor}"));
    }
    let flags = le16(information, 10);
    let damaged = !found.superblock.damaged_copies.is_empty();
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.errors =
            damaged || !whole || flags & (VOLUME_IS_DIRTY | VOLUME_CHKDSK_UNDERWAY) != 0;
    }
    Ok(())
}
