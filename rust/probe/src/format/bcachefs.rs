//! bcachefs.
//!
//! Place: superblocks where the layout says, the first at 4096; the layout at
//! 3584 and inside each superblock names the others. Little endian. Checksum:
//! the first 16 bytes, over the rest as long as `u64s` says, by the algorithm
//! in bits 2 to 7 of the first flags word. Source: Linux
//! `fs/bcachefs/bcachefs_format.h` and `checksum.c` of 6.12.

use crate::bytes::{field, hex, le16, le32, le64, u8_at, uuid};
use crate::decoded::{Found, Refused, Rules};
use crate::read::{Fault, ReadAt, read_up_to};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Part, Text};
use crc::{Algorithm, Crc, Table};

const AT: u64 = 4096;
/// Without its variable fields.
const FIXED: usize = 752;
/// Read ahead: the variable fields of a few devices fit.
const LEN: usize = 16 * 1024;
/// A superblock of 64 members is some 100 KiB; mkfs reserves 1 MiB.
const MAX_LEN: usize = 1 << 20;
const MAGIC: [u8; 16] = [
    0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9, 0xd9, 0x6a, 0x60, 0xcf, 0x80, 0x3d, 0xf7, 0xef,
];

pub(crate) const ROWS: &[Row] = &[Row {
    name: "bcachefs",
    kind: Kind::Filesystem,
    minimum: 8192,
    places: &[Place::Start(AT)],
    len: LEN,
    magics: &[(24, &MAGIC)],
    decode,
    // Where mkfs puts the second one (sb_max_size 1 MiB), and the last.
    copies: &[
        Place::Start(AT + (1 << 20)),
        Place::Aligned {
            align: 4096,
            before: 1 << 20,
        },
    ],
    orphans: false,
    complete: Some(read_members),
}];

/// `BCH_SB_CLEAN`.
const CLEAN: u64 = 1 << 1;
/// Type of the field with the members, as older and newer versions have it.
const MEMBERS_V1: u32 = 1;
const MEMBERS_V2: u32 = 11;
const MEMBER_V1: usize = 56;

static CRC32C_RAW: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&Algorithm {
    width: 32,
    poly: 0x1edc_6f41,
    init: 0,
    refin: true,
    refout: true,
    xorout: 0,
    check: 0,
    residue: 0,
});
static CRC64_RAW: Crc<u64> = Crc::<u64>::new(&crc::CRC_64_ECMA_182);

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Bcachefs,
        at,
    };
    rules.length(bytes, FIXED)?;
    let offset = le64(bytes, 104);
    rules.check(
        offset.checked_mul(512) == Some(at),
        "place",
        104,
        format!("sector {offset}"),
        format!("byte {at}"),
    )?;
    let len = length(bytes);
    rules.check(
        len.is_some_and(|len| len <= MAX_LEN),
        "length",
        124,
        le32(bytes, 124),
        format!("at most {MAX_LEN} bytes of 8"),
    )?;
    if let Some(whole) = len.and_then(|len| bytes.get(..len)) {
        check_csum(whole, &rules)?;
    }
    let block_size = u32::from(le16(bytes, 120)).checked_mul(512);
    rules.check(
        block_size.is_some_and(|size| size.is_power_of_two() && (512..=65536).contains(&size)),
        "block-size",
        120,
        le16(bytes, 120),
        "1 to 128 sectors, a power of two",
    )?;
    let (dev_idx, nr_devices) = (u8_at(bytes, 122), u8_at(bytes, 123));
    rules.check(
        dev_idx < nr_devices,
        "device",
        122,
        dev_idx,
        format!("less than {nr_devices}"),
    )?;

    let version = le16(bytes, 16);
    let mut found = Found::filesystem(Format::Bcachefs, 0, block_size.unwrap_or(512));
    found.claims = 0;
    found.generation = le64(bytes, 112);
    found.superblock.uuid = Some(uuid(bytes, 56));
    found.superblock.label = Text::from_field(field(bytes, 72, 32));
    // Ten bits of minor version.
    found.superblock.version = Some(if version < 1024 {
        version.to_string()
    } else {
        format!("{}.{}", version >> 10_u16, version & 0x3ff)
    });
    let part = Part {
        number: u64::from(dev_idx),
        uuid: None,
        size: 0,
        generation: found.generation,
        seed: false,
    };
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.devices = u64::from(nr_devices);
        filesystem.part = Some(part);
        filesystem.log = if le64(bytes, 144) & CLEAN != 0 {
            LogState::Clean
        } else {
            LogState::NeedsReplay { live_bytes: None }
        };
    }
    Ok(found)
}

/// Bytes of the whole superblock.
fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(le32(bytes, 124))
        .ok()?
        .checked_mul(8)?
        .checked_add(FIXED)
}

fn check_csum(whole: &[u8], rules: &Rules) -> Result<(), Refused> {
    let body = field(whole, 16, whole.len());
    let kind = (le64(whole, 144) >> 2_u32) & 0x3f;
    let computed: Option<u64> = match kind {
        1 => Some(u64::from(crate::bytes::crc32c(body))),
        2 => Some(crate::bytes::crc64(body)),
        5 => Some(u64::from(CRC32C_RAW.checksum(body))),
        6 => Some(CRC64_RAW.checksum(body)),
        7 => Some(twox_hash::XxHash64::oneshot(0, body)),
        _ => None,
    };
    rules.check(
        computed.is_some(),
        "checksum-type",
        144,
        kind,
        "1, 5 (crc32c), 2, 6 (crc64) or 7 (xxhash)",
    )?;
    let computed = computed.unwrap_or(0).to_le_bytes();
    let seen = field(whole, 0, 8);
    rules.check(seen == computed, "checksum", 0, hex(seen), hex(&computed))
}

/// The field of the members: this device's own id and size, and the size of
/// all.
fn read_members(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let Some(len) = length(bytes).filter(|len| *len <= MAX_LEN) else {
        return Ok(());
    };
    let read;
    let whole = if len <= bytes.len() {
        field(bytes, 0, len)
    } else {
        read = read_up_to(dev, at, len)?;
        let rules = Rules {
            format: Format::Bcachefs,
            at,
        };
        if let Err(Refused::Damaged(_, damage)) = check_csum(&read, &rules) {
            found.superblock.damaged_copies.push(damage);
            return Ok(());
        }
        &read
    };
    let devices = usize::from(u8_at(whole, 123));
    let own = usize::from(u8_at(whole, 122));
    let Some((members, step)) = members(whole) else {
        return Ok(());
    };
    let mut total = 0_u64;
    let mut this = (None, 0_u64);
    for index in 0..devices {
        let Some(member) = index.checked_mul(step).and_then(|from| members.get(from..)) else {
            break;
        };
        if member.len() < MEMBER_V1 {
            break;
        }
        let buckets = le64(member, 16);
        let bucket = u64::from(le16(member, 26)).saturating_mul(512);
        let size = buckets.saturating_mul(bucket);
        total = total.saturating_add(size);
        if index == own {
            this = (Some(uuid(member, 0)), size);
        }
    }
    found.superblock.size = total;
    found.claims = this.1;
    if let Some(part) = found.filesystem_mut().and_then(|fs| fs.part.as_mut()) {
        (part.uuid, part.size) = this;
    }
    Ok(())
}

/// The bytes of the members and how far apart they are; the newer field
/// counts where both are there.
fn members(whole: &[u8]) -> Option<(&[u8], usize)> {
    let mut fields = whole.get(FIXED..)?;
    let mut best = None;
    // Each field is at least 8 bytes, so this ends.
    while fields.len() >= 8 {
        let len = usize::try_from(le32(fields, 0)).ok()?.checked_mul(8)?;
        if len < 8 || len > fields.len() {
            break;
        }
        let (field, rest) = fields.split_at_checked(len)?;
        match le32(field, 4) {
            MEMBERS_V2 => {
                let step = usize::from(le16(field, 8));
                if step >= MEMBER_V1 {
                    return Some((field.get(16..)?, step));
                }
            }
            MEMBERS_V1 => best = Some((field.get(8..)?, MEMBER_V1)),
            _ => {}
        }
        fields = rest;
    }
    best
}
