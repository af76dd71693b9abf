//! ZFS: a device of a pool.
//!
//! Place: four labels of 256 KiB, two at the start and two at the end of the
//! device, whose size is first rounded down to 256 KiB. In each: 16 KiB left
//! to others, 112 KiB with a name-value list (XDR, so big endian), 128 KiB of
//! uberblocks in the byte order of the host that wrote them, one in each slot
//! of 1 to 8 KiB. Checksum of the list and of each slot: sha256, embedded in
//! their last 40 bytes, of everything with the block's own offset on the
//! device in place of the checksum; so the label of a partition is none of
//! the disk around it, and a moved one is none at all. Source: OpenZFS
//! `include/sys/vdev_impl.h`, `include/sys/uberblock_impl.h`,
//! `module/zfs/vdev_label.c`, `module/zfs/zio_checksum.c`.
//!
//! No label is the primary. A change writes labels 0 and 2, then uberblocks,
//! then labels 1 and 3, so after a power cut the label to believe is the
//! newest that is not newer than the newest uberblock.

mod label;
mod nvlist;
mod uberblock;

use crate::buffer::Buffer;
use crate::bytes::{be64, field, hex, le64};
use crate::decoded::{Found, Refused, Rules, or_other};
use crate::read::{Fault, ReadAt, unless_over};
use crate::row::{Kind, Place, Row};
use uberblock::Newest;

use asl_facts::{Content, Damage, Format, Vdev};
use sha2::{Digest, Sha256};

/// `vdev_label_t`, and its multiple that the device's end is rounded to.
const LABEL: u64 = 256 * 1024;
/// Where in a label its list is.
const LIST_AT: u64 = 16 * 1024;
/// `vdev_phys_t`.
const LIST: usize = 112 * 1024;
/// Where in a label its uberblocks are.
const RING_AT: u64 = 128 * 1024;
const RING: usize = 128 * 1024;
/// List and uberblocks: one read. Four of them are all that is read of a
/// member, 960 KiB, less what was read of every device.
const READ: usize = LIST + RING;

/// The lists of the four labels.
const LISTS: [Place; 4] = [
    Place::Start(LIST_AT),
    Place::Start(LABEL + LIST_AT),
    Place::Aligned {
        align: LABEL,
        before: 2 * LABEL - LIST_AT,
    },
    Place::Aligned {
        align: LABEL,
        before: LABEL - LIST_AT,
    },
];

/// What every label begins with: the header of an XDR list by a little and by
/// a big endian host, version 0, unique names.
const XDR_BY_LITTLE: &[u8] = &[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const XDR_BY_BIG: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// Length and text of the first name in a label of OpenZFS.
const FIRST_NAME: (usize, &[u8]) = (20, b"\0\0\0\x07version\0");

/// `SPA_MINDEVSIZE`.
const MINIMUM: u64 = 64 << 20;

const FRONT: Row = Row {
    name: "zfs",
    kind: Kind::Member,
    minimum: MINIMUM,
    places: &[LISTS[0]],
    len: LIST,
    magics: &[(0, XDR_BY_LITTLE), (0, XDR_BY_BIG)],
    decode,
    copies: &[LISTS[1], LISTS[2], LISTS[3]],
    orphans: false,
    complete: Some(complete),
};

pub(crate) const ROWS: &[Row] = &[
    FRONT,
    // A device whose beginning is gone: one read where nothing else was
    // found. What may lie at its very end (GPT, md) spares the list there.
    Row {
        name: "zfs-tail",
        places: &[],
        copies: &[LISTS[3]],
        ..FRONT
    },
];

/// `zio_eck_t`: magic and checksum.
const ECK: usize = 40;
const ECK_MAGIC: u64 = 0x0210_da7a_b10c_7a11;

/// What the embedded checksum of a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Eck {
    /// It is right.
    Right,
    /// There is none.
    Absent(u64),
    /// Seen and computed.
    Wrong([u64; 4], [u64; 4]),
}

/// Verifies a block that lies at `at` of the device.
pub(crate) fn eck(block: &[u8], at: u64) -> Eck {
    eck_with(Sha256::new_with_prefix(body(block)), block, at)
}

/// What of a block is the same wherever it lies: all before the checksum.
fn body(block: &[u8]) -> &[u8] {
    field(block, 0, block.len().saturating_sub(ECK - 8))
}

/// With the hash of its body.
fn eck_with(hash: Sha256, block: &[u8], at: u64) -> Eck {
    let zec_magic = block.len().saturating_sub(ECK);
    let (word, verifier): (fn(&[u8], usize) -> u64, _) = match le64(block, zec_magic) {
        ECK_MAGIC => (le64, at.to_le_bytes()),
        other if other.swap_bytes() == ECK_MAGIC => (be64, at.to_be_bytes()),
        other => return Eck::Absent(other),
    };
    let digest = hash.chain_update(verifier).chain_update([0; 24]).finalize();
    let zec_cksum = field(block, zec_magic.saturating_add(8), 32);
    // The digest counts as four big endian numbers, which are stored in the
    // host's order.
    let words =
        |read: fn(&[u8], usize) -> u64, from: &[u8]| [0, 8, 16, 24].map(|at| read(from, at));
    let (seen, computed) = (words(word, zec_cksum), words(be64, &digest));
    if seen == computed {
        Eck::Right
    } else {
        Eck::Wrong(seen, computed)
    }
}

/// A checksum as `zdb` prints it.
pub(crate) fn cksum(words: [u64; 4]) -> String {
    words.map(|word| format!("{word:x}")).join(":")
}

fn decode(bytes: &[u8], at: u64) -> Result<Found, Refused> {
    let rules = Rules {
        format: Format::Zfs,
        at,
    };
    let (name_at, name) = FIRST_NAME;
    let named = field(bytes, name_at, name.len()) == name;
    or_other(named || bytes.len() >= LIST)?;
    rules.length(bytes, LIST)?;
    let eck_at = LIST - ECK;
    match eck(bytes, at) {
        Eck::Right => {}
        Eck::Absent(magic) => {
            or_other(named)?;
            rules.check(
                false,
                "checksum-magic",
                offset(eck_at),
                format!("{magic:#x}"),
                format!("{ECK_MAGIC:#x}, in either byte order"),
            )?;
        }
        Eck::Wrong(seen, computed) => {
            let (seen, computed) = (cksum(seen), cksum(computed));
            rules.check(false, "checksum", offset(eck_at + 8), seen, computed)?;
        }
    }
    let list = nvlist::read(field(bytes, 0, eck_at)).map_err(|broken| {
        let damage = rules.damage(
            broken.rule,
            offset(broken.offset),
            broken.seen,
            broken.expected,
        );
        Refused::Damaged(Format::Zfs, damage)
    })?;
    label::decode(&list, &rules)
}

fn offset(offset: usize) -> u64 {
    u64::try_from(offset).unwrap_or(u64::MAX)
}

/// Reads the other labels and all uberblocks.
fn complete(dev: &dyn ReadAt, at: u64, bytes: &[u8], found: &mut Found) -> Result<(), Fault> {
    let mut damages = Vec::new();
    let mut labels = Vec::new();
    // A device that waits for a pool tells no state of one.
    let tree = vdev(found).and_then(|vdev| vdev.tree.as_ref());
    let mut newest = tree.map(|tree| Newest::of(tree.ashift));
    let known = std::mem::take(&mut found.superblock.damaged_copies);
    let first = Judged {
        list: bytes,
        hash: Sha256::new_with_prefix(body(bytes)),
        found: found.clone(),
    };
    for list_at in LISTS.iter().filter_map(|place| place.on(dev.size())) {
        // The list at `at` is what all this is about: it was read and judged.
        let (read, judged) = if list_at == at {
            (Label::ring(dev, list_at)?, Ok(first.found.clone()))
        } else {
            let read = Label::read(dev, list_at)?;
            let judged = read.judge(&first);
            (read, judged)
        };
        match judged {
            Ok(label) if same_device(found, &label) => labels.push((list_at, label)),
            Ok(label) => {
                damages.push(another(list_at, found, &label));
                continue;
            }
            Err(damage) => damages.push(first_told(&known, list_at).unwrap_or(damage)),
        }
        if let Some(newest) = &mut newest {
            for (at, ring) in read.rings() {
                newest.look(at, ring);
            }
        }
    }
    let (newest, broken) = newest.map_or_else(Default::default, Newest::found);
    damages.extend(broken);
    let txg = newest.map_or(0, |uberblock| uberblock.ub_txg);
    let starts = labels.iter().map(|(at, _)| at.saturating_sub(LIST_AT));
    let starts = starts.collect();
    if let Some(label) = believed(labels, at, txg) {
        found.superblock = label.superblock;
    }
    found.superblock.damaged_copies = damages;
    if let Content::Vdev(vdev) = &mut found.superblock.content {
        vdev.labels = starts;
        vdev.txg = txg;
        vdev.updated = newest.map_or(0, |uberblock| uberblock.ub_timestamp);
        vdev.multihost = newest.is_some_and(|uberblock| uberblock.multihost);
    }
    Ok(())
}

/// What the probe found wrong with this list before it turned to another.
fn first_told(known: &[Damage], list_at: u64) -> Option<Damage> {
    let end = list_at.saturating_add(offset(LIST));
    let inside = |damage: &&Damage| (list_at..end).contains(&damage.offset);
    known.iter().find(inside).cloned()
}

/// The label to believe instead of that at `at`, if another is newer and no
/// newer than the uberblock, or if that one is newer than the uberblock.
fn believed(labels: Vec<(u64, Found)>, at: u64, txg: u64) -> Option<Found> {
    let key = |(place, label): &(u64, Found)| (label.generation, *place == at);
    labels
        .into_iter()
        .filter(|(_, label)| label.generation <= txg)
        .max_by_key(key)
        .filter(|(place, _)| *place != at)
        .map(|(_, label)| label)
}

fn vdev(found: &Found) -> Option<&Vdev> {
    match &found.superblock.content {
        Content::Vdev(vdev) => Some(vdev),
        _ => None,
    }
}

fn same_device(one: &Found, other: &Found) -> bool {
    let ids = |found| vdev(found).map(|vdev| (vdev.pool.clone(), vdev.guid));
    ids(one) == ids(other)
}

/// A sound label that an earlier pool left, or that a later one wrote before
/// it was given up.
fn another(at: u64, found: &Found, label: &Found) -> Damage {
    let id = |found| {
        vdev(found).map_or_else(String::new, |vdev| {
            let pool = vdev.pool.as_deref().unwrap_or("no pool");
            format!("device {} of {pool}", vdev.guid)
        })
    };
    let rules = Rules {
        format: Format::Zfs,
        at,
    };
    rules.damage("other-device", 0, id(label), id(found))
}

/// A list that was judged. The others of a device differ from it in their
/// checksum alone, so that its hash and what it holds serve for them too.
struct Judged<'a> {
    list: &'a [u8],
    /// Of its body.
    hash: Sha256,
    found: Found,
}

impl Judged<'_> {
    fn found_in(&self, list: &[u8], at: u64) -> Option<Found> {
        let same = body(list) == body(self.list);
        let right = same && eck_with(self.hash.clone(), list, at) == Eck::Right;
        right.then(|| self.found.clone())
    }
}

/// One label as it was read.
struct Label {
    at: u64,
    /// Its list, with the uberblocks behind it where one read gave both; or
    /// why it could not be read.
    list: Result<Buffer, Fault>,
    /// Its uberblocks, in as many pieces as could be read alone.
    pieces: Vec<(u64, Buffer)>,
}

impl Label {
    /// In one read; where that fails, in pieces, so that a bad sector hides
    /// only what lies on it.
    fn read(dev: &dyn ReadAt, list_at: u64) -> Result<Self, Fault> {
        let mut label = Self {
            at: list_at,
            list: unless_over(Buffer::read(dev, list_at, READ))?,
            pieces: Vec::new(),
        };
        if label.list.is_err() {
            label.pieces = Self::ring(dev, list_at)?.pieces;
            label.list = unless_over(Buffer::read(dev, list_at, LIST))?;
        }
        Ok(label)
    }

    /// Its uberblocks alone.
    fn ring(dev: &dyn ReadAt, list_at: u64) -> Result<Self, Fault> {
        let mut label = Self {
            at: list_at,
            list: Ok(Buffer::default()),
            pieces: Vec::new(),
        };
        let ring_at = label.ring_at();
        match unless_over(Buffer::read(dev, ring_at, RING))? {
            Ok(ring) => label.pieces.push((ring_at, ring)),
            Err(_) => {
                for (at, len) in uberblock::pieces(ring_at, RING) {
                    if let Ok(piece) = unless_over(Buffer::read(dev, at, len))? {
                        label.pieces.push((at, piece));
                    }
                }
            }
        }
        Ok(label)
    }

    fn ring_at(&self) -> u64 {
        self.at.saturating_sub(LIST_AT).saturating_add(RING_AT)
    }

    /// Its uberblocks: offset on the device, bytes.
    fn rings(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let list = self.list.as_ref().ok();
        let behind = list.and_then(|list| list.bytes().get(LIST..));
        let whole = behind.map(|ring| (self.ring_at(), ring));
        let pieces = self.pieces.iter();
        whole
            .into_iter()
            .chain(pieces.map(|(at, piece)| (*at, piece.bytes())))
    }

    fn judge(&self, first: &Judged<'_>) -> Result<Found, Damage> {
        let rules = Rules {
            format: Format::Zfs,
            at: self.at,
        };
        let bytes = match &self.list {
            Ok(list) => list.bytes().get(..LIST).unwrap_or(list.bytes()),
            Err(error) => return Err(rules.damage("unreadable", 0, error, "a label")),
        };
        if let Some(found) = first.found_in(bytes, self.at) {
            return Ok(found);
        }
        let missing = || {
            let seen = hex(field(bytes, 0, XDR_BY_LITTLE.len()));
            let (little, big) = (hex(XDR_BY_LITTLE), hex(XDR_BY_BIG));
            rules.damage("magic", 0, seen, format!("{little} or {big}"))
        };
        if !FRONT.matches(bytes) {
            return Err(missing());
        }
        match decode(bytes, self.at) {
            Ok(found) => Ok(found),
            Err(Refused::Damaged(_, damage)) => Err(damage),
            Err(Refused::Other) => Err(missing()),
        }
    }
}
