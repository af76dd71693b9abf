//! Places where a store could be, from the facts.
//!
//! One candidate is one store, or one file system without a store, or one
//! device that could not be read. Containment is settled here: what lies in a
//! partition belongs to the partition, and the devices of one btrfs are one
//! candidate.

use crate::rules::Rule;
use crate::{Effect, Finding};
use asl_facts::{
    Damage, Device, Evidence, Facts, Filesystem, Format, LogState, Look, Outcome, Probe, Signature,
    Standing, Store, Superblock,
};
use std::collections::BTreeMap;

/// A place where a store could be.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<'a> {
    /// The device that would be mounted.
    pub(crate) device: &'a Device,
    /// All its devices, sorted by name; more than one for btrfs alone.
    pub(crate) devices: Vec<&'a Device>,
    pub(crate) content: Content<'a>,
    /// Directory of the store from the root of the file system.
    pub(crate) path: String,
    /// The store that was read there.
    pub(crate) store: Option<&'a Store>,
    /// Offsets of other valid structures, when containment does not settle
    /// which of them counts.
    pub(crate) rivals: Vec<String>,
    /// The member of an array that it shows through.
    pub(crate) inside: Option<(Format, u64)>,
    pub(crate) selected: bool,
    pub(crate) findings: Vec<Finding>,
}

/// What is on a candidate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    /// A sound superblock.
    Sound(Format, &'a Superblock),
    /// A superblock without a valid copy.
    Damaged(Format, &'a Damage),
    /// The device was not read.
    Unread,
}

impl<'a> Candidate<'a> {
    fn new(device: &'a Device, content: Content<'a>) -> Self {
        Self {
            device,
            devices: vec![device],
            content,
            path: "/".to_owned(),
            store: None,
            rivals: Vec::new(),
            inside: None,
            selected: false,
            findings: Vec::new(),
        }
    }

    pub(crate) fn superblock(&self) -> Option<&'a Superblock> {
        match self.content {
            Content::Sound(_, superblock) => Some(superblock),
            _ => None,
        }
    }

    pub(crate) fn filesystem(&self) -> Option<(Format, &'a Filesystem)> {
        match self.content {
            Content::Sound(format, superblock) => Some((format, superblock.filesystem()?)),
            _ => None,
        }
    }

    /// The UUID of its file system or container.
    pub(crate) fn uuid(&self) -> Option<&'a str> {
        self.superblock()?.uuid.as_deref()
    }

    /// A btrfs over several devices: its members must be gathered first.
    pub(crate) fn spans_devices(&self) -> bool {
        self.filesystem()
            .is_some_and(|(_, filesystem)| filesystem.devices > 1)
    }

    /// Everything in which a store could be was read.
    pub(crate) fn read_to_end(&self) -> bool {
        let Some((_, filesystem)) = self.filesystem() else {
            return false;
        };
        let current = match (filesystem.log, &filesystem.look) {
            (LogState::Clean, Look::Read { .. }) => true,
            // What a stale tree does not show may be in the log.
            (LogState::NeedsReplay { .. }, Look::Read { replayed, .. }) => *replayed,
            _ => false,
        };
        current && self.rivals.is_empty() && !self.spans_devices()
    }

    pub(crate) fn find(
        &mut self,
        rule: Rule,
        code: &str,
        effect: Effect,
        text: String,
        hint: String,
    ) {
        self.findings.push(Finding {
            number: rule.number,
            rule: rule.name.to_owned(),
            code: code.to_owned(),
            effect,
            text,
            hint,
        });
    }

    /// The finding that decides about it: what drops it, else the code of 29
    /// if that blocks, else the first that blocks.
    pub(crate) fn verdict(&self) -> Option<&Finding> {
        let with = |effect| {
            self.findings
                .iter()
                .filter(move |finding| finding.effect == effect)
        };
        with(Effect::Drop)
            .next()
            .or_else(|| {
                with(Effect::Block).find(|finding| finding.number == crate::rules::SICK.number)
            })
            .or_else(|| with(Effect::Block).min_by_key(|finding| finding.number))
    }

    pub(crate) fn dropped(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.effect == Effect::Drop)
    }

    pub(crate) fn blocked(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.effect == Effect::Block)
    }

    /// What names it in a selector: the store's id, else the file system's.
    pub(crate) fn id(&self) -> Option<&'a str> {
        self.store_id().or(self.uuid())
    }

    pub(crate) fn store_id(&self) -> Option<&'a str> {
        self.store.and_then(|store| store.id.as_deref())
    }

    pub(crate) fn layout_only(&self) -> bool {
        self.store
            .is_some_and(|store| store.evidence == Evidence::Layout)
    }
}

/// All candidates, in an order that does not depend on the order of the
/// devices in the facts.
pub(crate) fn candidates(facts: &Facts) -> Vec<Candidate<'_>> {
    let mut devices: Vec<&Device> = facts.devices.iter().collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    let mut found = Vec::new();
    let mut spanning: BTreeMap<&str, Candidate<'_>> = BTreeMap::new();
    for device in devices {
        match &device.probe {
            Probe::Skipped { .. } => {}
            Probe::Failed(_) | Probe::TimedOut { .. } => {
                found.push(Candidate::new(device, Content::Unread));
            }
            Probe::Read { signatures, .. } => {
                for signature in signatures
                    .iter()
                    .filter(|s| !matches!(s.standing, Standing::InPartition { .. }))
                {
                    add(facts, device, signature, &mut found, &mut spanning);
                }
            }
        }
    }
    found.extend(spanning.into_values());
    found
}

fn add<'a>(
    facts: &'a Facts,
    device: &'a Device,
    signature: &'a Signature,
    found: &mut Vec<Candidate<'a>>,
    spanning: &mut BTreeMap<&'a str, Candidate<'a>>,
) {
    let superblock = match &signature.outcome {
        Outcome::Damaged(damage) => {
            // Damage inside an array is the array's.
            if !matches!(signature.standing, Standing::Inside { .. }) {
                found.push(Candidate::new(
                    device,
                    Content::Damaged(signature.format, damage),
                ));
            }
            return;
        }
        Outcome::Found(superblock) => superblock,
    };
    if matches!(
        superblock.content,
        asl_facts::Content::Table(_) | asl_facts::Content::Swap(_)
    ) {
        return;
    }
    let mut whole = Candidate::new(device, Content::Sound(signature.format, superblock));
    whole.rivals = rivals(facts, device, signature);
    if let Standing::Inside { format, offset } = signature.standing {
        whole.inside = Some((format, offset));
    }
    if let Some(uuid) = whole.uuid().filter(|_| whole.spans_devices()) {
        match spanning.get_mut(uuid) {
            Some(known) => known.devices.push(device),
            None => {
                spanning.insert(uuid, whole);
            }
        }
        return;
    }
    let stores = superblock
        .filesystem()
        .map_or(&[][..], |filesystem| filesystem.look.stores());
    if stores.is_empty() {
        found.push(whole);
        return;
    }
    for store in stores {
        found.push(Candidate {
            path: store.path.clone(),
            store: Some(store),
            ..whole.clone()
        });
    }
}

/// What contradicts a signature: another valid one on the same device, or a
/// partition table over the same bytes.
fn rivals(facts: &Facts, device: &Device, signature: &Signature) -> Vec<String> {
    let mut rivals: Vec<String> = match &signature.standing {
        Standing::Contested { by } => by
            .iter()
            .map(|(format, offset)| format!("{format} at {offset}"))
            .collect(),
        _ => Vec::new(),
    };
    // A table of a kind that only the kernel knows.
    let partitioned = facts
        .devices
        .iter()
        .any(|other| other.parent.as_ref() == Some(&device.name));
    let table = |other: &Signature| {
        other
            .superblock()
            .is_some_and(|found| matches!(found.content, asl_facts::Content::Table(_)))
    };
    if partitioned && !device.probe.signatures().iter().any(table) {
        rivals.push("a partition table".to_owned());
    }
    if !rivals.is_empty() {
        rivals.insert(0, format!("{} at {}", signature.format, signature.offset));
    }
    rivals
}

/// A device and everything below it: its disk, what it is made of.
pub(crate) fn ancestors<'a>(facts: &'a Facts, device: &'a Device) -> Vec<&'a Device> {
    closure(facts, device, |device| {
        device.parent.iter().chain(&device.slaves).collect()
    })
}

/// A device and everything that is made of it or of its disk.
pub(crate) fn holders<'a>(facts: &'a Facts, device: &'a Device) -> Vec<&'a Device> {
    closure(facts, device, |device| {
        let disk = facts.disk_of(device);
        device.holders.iter().chain(&disk.holders).collect()
    })
}

fn closure<'a>(
    facts: &'a Facts,
    start: &'a Device,
    next: impl Fn(&'a Device) -> Vec<&'a String>,
) -> Vec<&'a Device> {
    let mut seen: Vec<&Device> = vec![start];
    let mut at = 0;
    // Ends: a device enters once.
    while let Some(device) = seen.get(at).copied() {
        at = at.saturating_add(1);
        for name in next(device) {
            match facts.device(name) {
                Some(other) if !seen.iter().any(|known| known.name == other.name) => {
                    seen.push(other);
                }
                _ => {}
            }
        }
    }
    seen
}
