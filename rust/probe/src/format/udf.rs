//! UDF.
//!
//! Place: the recognition sequence from 32 KiB on says that it is UDF; an
//! anchor at block 256, the last block or 256 before that says where the
//! volume descriptors are, once and in a reserve. Blocks are 512 to 4096
//! bytes, which only the place of the anchor tells. Little endian. Checksum:
//! each descriptor's tag has a sum of its own bytes, the descriptor's CRC-16
//! (ITU-T, from 0) and its block. Source: ECMA-167 3rd edition, parts 2 and 3,
//! OSTA UDF 2.60; places as Linux `fs/udf/super.c` tries them.
//!
//! There is no log: a volume that was not unmounted has an open integrity
//! descriptor, and is reported by `errors`.

mod volume;

use crate::bytes::field;
use crate::decoded::{Found, Refused, or_other};
use crate::read::{Fault, ReadAt};
use crate::row::{Kind, Place, Row};
use asl_facts::{Format, LogState, Look};

const AT: u64 = 32 * 1024;
/// As many structures as fit before the place of the next format.
const LEN: usize = 32 * 1024;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "udf",
    kind: Kind::Filesystem,
    // Up to the anchor at block 256 of 512 bytes.
    minimum: 257 * 512,
    places: &[Place::Start(AT)],
    len: LEN,
    // An ISO 9660 may go before it.
    magics: &[(1, b"BEA01"), (1, b"CD001"), (1, b"CDW02"), (1, b"BOOT2")],
    decode,
    copies: &[],
    orphans: false,
    complete: Some(complete),
}];

/// Bytes between two structures of the sequence, by the block's size.
const STEPS: [usize; 2] = [2048, 4096];

/// What of the sequence names UDF, and the step it was found with.
fn step(bytes: &[u8]) -> Option<usize> {
    STEPS.into_iter().find(|step| {
        bytes
            .chunks(*step)
            .map(|structure| field(structure, 1, 5))
            .take_while(|id| {
                let known: [&[u8]; 6] =
                    [b"BEA01", b"CD001", b"CDW02", b"BOOT2", b"NSR02", b"NSR03"];
                known.contains(id)
            })
            .any(|id| id == b"NSR02" || id == b"NSR03")
    })
}

fn decode(bytes: &[u8], _at: u64) -> Result<Found, Refused> {
    or_other(step(bytes).is_some())?;
    // The rest is read by `complete`; until then it is not known.
    let mut found = Found::filesystem(Format::Udf, 0, 0);
    if let Some(filesystem) = found.filesystem_mut() {
        filesystem.log = LogState::Unknown;
        filesystem.errors = true;
        filesystem.look = Look::Unreadable {
            why: "no volume descriptors".to_owned(),
        };
    }
    Ok(found)
}

fn complete(dev: &dyn ReadAt, _at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let wide = step(bytes) == Some(4096);
    let mut damages = Vec::new();
    if let Some(volume) = volume::read(dev, wide, &mut damages)? {
        found.claims = volume.size;
        found.superblock.size = volume.size;
        found.superblock.uuid = volume.uuid;
        found.superblock.label = volume.label;
        found.superblock.version = volume.version;
        if let Some(filesystem) = found.filesystem_mut() {
            filesystem.block_size = volume.block_size;
            filesystem.log = LogState::Clean;
            filesystem.errors = !volume.closed;
            filesystem.look = Look::NotLooked;
        }
    }
    found.superblock.damaged_copies.extend(damages);
    Ok(())
}
