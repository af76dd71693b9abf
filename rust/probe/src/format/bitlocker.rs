//! BitLocker: of Vista, of Windows 7 and later, and To Go.
//!
//! Place: a boot sector like NTFS's (To Go: like FAT's, which Windows without
//! BitLocker mounts to show a reader) names three copies of the FVE metadata;
//! Vista's names the first, and that one the others. A copy is a block header
//! of 64 bytes, a metadata header of 48, entries, and behind them a
//! validation with the CRC-32 of all that, so each copy is 64 KiB at most.
//! Little endian; texts are UTF-16. Source: libbde's "BitLocker Drive
//! Encryption (BDE) format", dislocker and cryptsetup for the validation.

use crate::bytes::{crc32, field, guid, le16, le32, le64, u8_at, utf16le};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt, read_up_to, unless_over};
use crate::row::{Kind, Place, Row};
use asl_facts::{Container, Content, Damage, Format, Keyslot, Text};

const LEN: usize = 512;
const SIGNATURE: &[u8] = b"-FVE-FS-";
const TO_GO: &[u8] = b"\xeb\x58\x90MSWIN4.1";
/// 4967d63b-2e29-4ad8-8399-f6a339e3d001: where the metadata is, is said here.
const ID: &[u8] = b"\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01";
/// 92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8: the same, and what is written is
/// encrypted while the rest is still plain.
const ID_EOW: &[u8] = b"\x3b\x4d\xa8\x92\x80\xdd\x0e\x4d\x9e\x4e\xb1\xe3\x28\x4e\xae\xd8";

pub(crate) const ROWS: &[Row] = &[Row {
    name: "bitlocker",
    kind: Kind::Container,
    // Three copies of the metadata, at the smallest that Vista makes.
    minimum: 3 * 16384,
    places: &[Place::Start(0)],
    len: LEN,
    // FAT shares To Go's signature, so the identifier stands for it.
    magics: &[(3, SIGNATURE), (424, ID), (424, ID_EOW)],
    decode,
    copies: &[],
    orphans: false,
    complete: Some(complete),
}];

/// Copies of the metadata.
const COPIES: usize = 3;
/// `sizeof` both headers of the metadata.
const HEADERS: usize = 112;
const BLOCK_HEADER: usize = 64;
/// What a copy is read in first: a usual one has a few hundred bytes.
const FIRST_READ: usize = 4096;
/// Windows keeps so much for a copy and its validation, bytes; three copies
/// are the most that is read.
const MAX_COPY: usize = 64 * 1024;
/// Size, version and CRC-32 of the validation.
const VALIDATION: usize = 8;
/// More entries, and protectors in them, than any volume has.
const MAX_ENTRIES: usize = 256;

const ENTRY_HEADER: usize = 8;
const ENTRY_PROPERTY: u16 = 0;
const ENTRY_VMK: u16 = 2;
const ENTRY_DESCRIPTION: u16 = 7;
const VALUE_STRING: u16 = 2;
const VALUE_STRETCH_KEY: u16 = 3;
const VALUE_VMK: u16 = 8;

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Bitlocker,
        at,
    };
    let to_go = bytes.starts_with(TO_GO);
    or_other(to_go || field(bytes, 3, 8) == SIGNATURE)?;
    rules.length(bytes, LEN)?;
    let boot_entry = field(bytes, 0, 3);
    let vista = boot_entry == b"\xeb\x52\x90";
    rules.check(
        vista || boot_entry == b"\xeb\x58\x90",
        "boot-entry",
        0,
        crate::bytes::hex(boot_entry),
        "eb5290 or eb5890",
    )?;
    rules.check(
        le16(bytes, 510) == 0xaa55,
        "boot-signature",
        510,
        format!("{:#06x}", le16(bytes, 510)),
        "0xaa55",
    )?;
    let bytes_per_sector = sector_size(bytes);
    rules.check(
        (512..=4096).contains(&bytes_per_sector) && bytes_per_sector.is_power_of_two(),
        "sector-size",
        11,
        bytes_per_sector,
        "512, 1024, 2048 or 4096",
    )?;
    let identifier_at = if to_go { 424 } else { 160 };
    let identifier = field(bytes, identifier_at, 16);
    rules.check(
        vista || identifier == ID || identifier == ID_EOW,
        "identifier",
        if to_go { 424 } else { 160 },
        guid(bytes, identifier_at),
        format!("{} or {}", guid(ID, 0), guid(ID_EOW, 0)),
    )?;
    let offsets = metadata_offsets(bytes);
    let sound = |offset: &u64| *offset != 0 && offset.is_multiple_of(512);
    rules.check(
        !offsets.is_empty() && offsets.iter().all(sound),
        "metadata-offset",
        if to_go { 440 } else { 176 },
        format!("{offsets:?}"),
        "multiples of 512, not 0",
    )?;
    let end = offsets.iter().max().copied().unwrap_or(0);
    let sectors = if vista { le64(bytes, 40) } else { 0 };
    let size = sectors.checked_mul(u64::from(bytes_per_sector));
    rules.check(size.is_some(), "size", 40, sectors, "a size below 2^64")?;
    let size = size
        .unwrap_or(0)
        .max(end.saturating_add(u64::try_from(FIRST_READ).unwrap_or(0)));

    let container = Container {
        locked: true,
        algorithm: None,
        key_bits: None,
        keyslots: Vec::new(),
        tokens: Vec::new(),
        subsystem: None,
        // The first sectors are kept elsewhere; the rest is in its place.
        data_offset: Some(0),
        data_size: None,
        sector_size: Some(u32::from(bytes_per_sector)),
        generation: 0,
        under_way: (!vista && identifier == ID_EOW).then(|| "encrypt-on-write".to_owned()),
        suspended: false,
    };
    Ok(Found::new(
        Format::Bitlocker,
        size,
        Content::Container(container),
    ))
}

fn sector_size(bytes: &[u8]) -> u16 {
    match le16(bytes, 11) {
        // As cryptsetup has it.
        0 => 512,
        size => size,
    }
}

/// Where the boot sector says that the metadata is; for Vista the first copy
/// alone, or nothing where the number is no place on any device.
fn metadata_offsets(bytes: &[u8]) -> Vec<u64> {
    if bytes.starts_with(TO_GO) {
        return [440, 448, 456].map(|at| le64(bytes, at)).to_vec();
    }
    if bytes.starts_with(b"\xeb\x58") {
        return [176, 184, 192].map(|at| le64(bytes, at)).to_vec();
    }
    let sectors = le64(bytes, 56).checked_mul(u64::from(u8_at(bytes, 13)));
    let offset = sectors.and_then(|sectors| sectors.checked_mul(u64::from(sector_size(bytes))));
    offset.into_iter().collect()
}

fn complete(dev: &dyn ReadAt, _at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let mut offsets = metadata_offsets(bytes);
    let mut believed: Option<Vec<u8>> = None;
    let mut index = 0;
    while let Some(offset) = offsets.get(index).copied().filter(|_| index < COPIES) {
        match (copy(dev, offset, index)?, &believed) {
            (Err(damage), _) => found.superblock.damaged_copies.push(damage),
            (Ok(copy), Some(believed)) if copy != *believed => {
                let (seen, expected) = (crc32(&copy), crc32(believed));
                found.superblock.damaged_copies.push(rules(offset).damage(
                    "differs",
                    0,
                    format!("{seen:#010x}"),
                    format!("{expected:#010x}, as the copy that is believed"),
                ));
            }
            (Ok(_), Some(_)) => {}
            (Ok(copy), None) => {
                if offsets.len() == 1 {
                    offsets.extend([le64(&copy, 40), le64(&copy, 48)]);
                }
                believed = Some(copy);
            }
        }
        index = index.saturating_add(1);
    }
    if let Some(copy) = believed {
        describe(&copy, dev.size(), found);
    }
    Ok(())
}

fn rules(at: u64) -> Rules {
    Rules {
        format: Format::Bitlocker,
        at,
    }
}

/// The copy at `offset`, without its validation, which holds.
fn copy(dev: &dyn ReadAt, offset: u64, index: usize) -> Result<Result<Vec<u8>, Damage>, Fault> {
    let rules = rules(offset);
    let read = |len| {
        let read = unless_over(read_up_to(dev, offset, len))?;
        Ok(read.map_err(|fault| rules.damage("unreadable", 0, fault, "metadata")))
    };
    let mut bytes = match read(FIRST_READ)? {
        Ok(bytes) => bytes,
        Err(damage) => return Ok(Err(damage)),
    };
    let len = match block_header(&bytes, &rules, index) {
        Ok(len) => len,
        Err(refused) => return Ok(Err(damage(refused, &rules))),
    };
    if len.saturating_add(VALIDATION) > bytes.len() {
        bytes = match read(MAX_COPY)? {
            Ok(bytes) => bytes,
            Err(damage) => return Ok(Err(damage)),
        };
    }
    Ok(match check_copy(&bytes, &rules, len) {
        Ok(()) => {
            bytes.truncate(len);
            Ok(bytes)
        }
        Err(refused) => Err(damage(refused, &rules)),
    })
}

fn damage(refused: Refused, rules: &Rules) -> Damage {
    match refused {
        Refused::Damaged(_, damage) => damage,
        Refused::Other => rules.damage("magic", 0, "another", "-FVE-FS-"),
    }
}

/// Bytes that the validation covers.
fn block_header(bytes: &[u8], rules: &Rules, index: usize) -> Result<usize, Refused> {
    rules.length(bytes, HEADERS)?;
    let signature = field(bytes, 0, 8);
    rules.check(
        signature == SIGNATURE,
        "magic",
        0,
        crate::bytes::hex(signature),
        crate::bytes::hex(SIGNATURE),
    )?;
    let version = le16(bytes, 10);
    rules.check(matches!(version, 1 | 2), "version", 10, version, "1 or 2")?;
    // Since Windows 7 it counts 16 bytes.
    let unit = if version == 1 { 1 } else { 16 };
    let len = usize::from(le16(bytes, 8)).saturating_mul(unit);
    let most = MAX_COPY.saturating_sub(VALIDATION);
    rules.check(
        (HEADERS..=most).contains(&len),
        "metadata-size",
        8,
        len,
        format!("{HEADERS} to {most}"),
    )?;
    let own = [32, 40, 48].map(|at| le64(bytes, at));
    let own = own.get(index).copied().unwrap_or(0);
    rules.check(own == rules.at, "place", 32, own, rules.at)?;
    Ok(len)
}

fn check_copy(bytes: &[u8], rules: &Rules, len: usize) -> Result<(), Refused> {
    rules.length(bytes, len.saturating_add(VALIDATION))?;
    let at = u64::try_from(len).unwrap_or(0);
    let size = le16(bytes, len);
    let version = le16(bytes, len.saturating_add(2));
    rules.check(
        usize::from(size) >= VALIDATION && version <= 2,
        "validation",
        at,
        format!("{size} bytes, version {version}"),
        format!("at least {VALIDATION} bytes, version 2 at most"),
    )?;
    let seen = le32(bytes, len.saturating_add(4));
    let computed = crc32(field(bytes, 0, len));
    rules.checksum(at.saturating_add(4), seen, computed)?;
    // Behind this everything may rely on the size.
    let metadata_size = usize::try_from(le32(bytes, 64)).unwrap_or(usize::MAX);
    let most = len.saturating_sub(BLOCK_HEADER);
    rules.check(
        (HEADERS.saturating_sub(BLOCK_HEADER)..=most).contains(&metadata_size),
        "entries-size",
        64,
        metadata_size,
        format!("48 to {most}"),
    )
}

/// An entry: type, kind of value, data.
type Entry<'a> = (u16, u16, &'a [u8]);

/// Entries up to the first that does not fit.
fn entries(mut bytes: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        let size = usize::from(le16(bytes, 0));
        let (entry, rest) = bytes.split_at_checked(size)?;
        let data = entry.get(ENTRY_HEADER..)?;
        bytes = rest;
        Some((le16(entry, 2), le16(entry, 4), data))
    })
    .take(MAX_ENTRIES)
}

/// What a sound copy says.
fn describe(copy: &[u8], device: u64, found: &mut Found) {
    let version = le16(copy, 10);
    found.superblock.version = Some(version.to_string());
    found.superblock.uuid = Some(guid(copy, 80));
    let metadata_size = usize::try_from(le32(copy, 64)).unwrap_or(0);
    let end = BLOCK_HEADER.saturating_add(metadata_size);
    let list = copy.get(HEADERS..end).unwrap_or_default();
    found.superblock.label = entries(list)
        .find(|(kind, value, _)| *kind == ENTRY_DESCRIPTION && *value == VALUE_STRING)
        .and_then(|(_, _, data)| utf16le(data))
        .and_then(|label| Text::from_field(&label.0));
    // Vista has nothing there; its boot sector states the size.
    let volume_size = if version == 1 { 0 } else { le64(copy, 16) };
    let (state, next) = (le16(copy, 12), le16(copy, 14));
    if volume_size > device {
        found.superblock.damaged_copies.push(rules(0).damage(
            "size",
            0,
            format!("{volume_size} bytes"),
            format!("at most the device's {device} bytes"),
        ));
    }
    found.superblock.size = found.superblock.size.max(volume_size);
    let size = found.superblock.size;
    let Content::Container(container) = &mut found.superblock.content else {
        return;
    };
    container.data_size = Some(size);
    if let Some((algorithm, key_bits)) = encryption(le16(copy, 100)) {
        container.algorithm = Some(algorithm.to_owned());
        container.key_bits = Some(key_bits);
    }
    container.keyslots = entries(list)
        .filter(|(kind, value, _)| *kind == ENTRY_VMK && *value == VALUE_VMK)
        .map(|(_, _, vmk)| keyslot(vmk))
        .collect();
    let clear = |slot: &Keyslot| slot.kind == CLEAR_KEY;
    container.suspended = container.keyslots.iter().any(clear);
    container.locked = !container.suspended && state != STATE_DECRYPTED;
    if let Some(under_way) = under_way(state, next) {
        container.under_way = Some(under_way);
    }
}

/// Cipher and mode as cryptsetup names them, and the key's bits.
fn encryption(method: u16) -> Option<(&'static str, u32)> {
    match method {
        0x8000 => Some(("aes-cbc-elephant", 256)),
        0x8001 => Some(("aes-cbc-elephant", 512)),
        0x8002 => Some(("aes-cbc-eboiv", 128)),
        0x8003 => Some(("aes-cbc-eboiv", 256)),
        0x8004 => Some(("aes-xts-plain64", 256)),
        0x8005 => Some(("aes-xts-plain64", 512)),
        _ => None,
    }
}

const CLEAR_KEY: &str = "clear-key";

fn keyslot(vmk: &[u8]) -> Keyslot {
    let protection = le16(vmk, 26);
    let kind = match protection {
        0x0000 => CLEAR_KEY.to_owned(),
        0x0100 => "tpm".to_owned(),
        0x0200 => "startup-key".to_owned(),
        0x0300 => "tpm-startup-key".to_owned(),
        0x0500 => "tpm-pin".to_owned(),
        0x0700 => "tpm-pin-startup-key".to_owned(),
        0x0800 => "recovery".to_owned(),
        0x1000 => "smart-card".to_owned(),
        0x2000 => "password".to_owned(),
        other => format!("{other:#06x}"),
    };
    let mut properties = entries(vmk.get(28..).unwrap_or_default());
    let stretched =
        properties.any(|(kind, value, _)| kind == ENTRY_PROPERTY && value == VALUE_STRETCH_KEY);
    Keyslot {
        id: guid(vmk, 0),
        kind,
        // 2^20 rounds of SHA-256 with a salt.
        kdf: stretched.then(|| "stretch".to_owned()),
    }
}

const STATE_DECRYPTED: u16 = 1;
const STATE_EOW: u16 = 3;
const STATE_ENCRYPTED: u16 = 4;
const STATE_PAUSED: u16 = 5;

/// From `state` to `next`, unless both say encrypted, or both decrypted.
fn under_way(state: u16, next: u16) -> Option<String> {
    let what = match (state, next) {
        (STATE_ENCRYPTED, STATE_ENCRYPTED) | (STATE_DECRYPTED, STATE_DECRYPTED) => return None,
        (STATE_EOW, _) => "encrypt-on-write".to_owned(),
        (_, STATE_DECRYPTED) => "decrypting".to_owned(),
        (_, STATE_ENCRYPTED) => "encrypting".to_owned(),
        (state, next) => format!("state-{state}-to-{next}"),
    };
    Some(if state == STATE_PAUSED {
        format!("{what}-paused")
    } else {
        what
    })
}
