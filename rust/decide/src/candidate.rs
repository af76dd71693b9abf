//! Places where a store could be, from the facts.
//!
//! One candidate is one store, or one file system without a store, or one
//! thing that could not be read. Containment is settled here: what lies in a
//! partition belongs to the partition, a member belongs to its pool, and what
//! a pool holds shows on the views through its members.

use crate::rules::Rule;
use crate::stack::{self, Stack};
use crate::{Effect, Finding};
use asl_config::ImageFile;
use asl_facts::{
    Damage, Device, DeviceKind, Evidence, Facts, Filesystem, Format, LogState, Look, Outcome, Pool,
    Probe, Signature, Standing, Store, Superblock,
};
use std::collections::BTreeSet;

/// A place where a store could be.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<'a> {
    /// The device or view that would be mounted; of a pool its first member.
    pub(crate) device: &'a Device,
    /// All its devices, sorted by name; more than one for a pool alone.
    pub(crate) devices: Vec<&'a Device>,
    /// A pool that is a file system itself: ZFS, or a btrfs on several devices.
    pub(crate) pool: Option<&'a Pool>,
    /// All that it stands on.
    pub(crate) stack: Stack<'a>,
    pub(crate) content: Content<'a>,
    /// Directory of the store from the root of the file system.
    pub(crate) path: String,
    /// The store that was read there.
    pub(crate) store: Option<&'a Store>,
    /// The image file in it that is the candidate: all else is told of the
    /// file system that holds the file.
    pub(crate) image: Option<&'a ImageFile>,
    /// Offsets of other valid structures, when containment does not settle
    /// which of them counts.
    pub(crate) rivals: Vec<String>,
    /// The member of an array that it shows through.
    pub(crate) inside: Option<(Format, u64)>,
    pub(crate) selected: bool,
    /// Somebody allowed writes to it, whatever else stands against that.
    pub(crate) consent: bool,
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
    /// A view that was not built, and why.
    Refused(&'a str),
}

impl<'a> Candidate<'a> {
    fn new(facts: &'a Facts, device: &'a Device, content: Content<'a>) -> Self {
        Self {
            device,
            devices: vec![device],
            pool: None,
            stack: stack::stack(facts, &[device], None),
            content,
            path: "/".to_owned(),
            store: None,
            image: None,
            rivals: Vec::new(),
            inside: None,
            selected: false,
            consent: false,
            findings: Vec::new(),
        }
    }

    pub(crate) fn superblock(&self) -> Option<&'a Superblock> {
        match self.content {
            Content::Sound(_, superblock) => Some(superblock),
            _ => None,
        }
    }

    /// Its format, where one was recognised.
    pub(crate) fn format(&self) -> Option<Format> {
        match self.content {
            Content::Sound(format, _) | Content::Damaged(format, _) => Some(format),
            Content::Unread | Content::Refused(_) => None,
        }
    }

    pub(crate) fn filesystem(&self) -> Option<(Format, &'a Filesystem)> {
        match self.content {
            Content::Sound(format, superblock) => Some((format, superblock.filesystem()?)),
            _ => None,
        }
    }

    /// The UUID of its file system or container; of ZFS the pool's id.
    pub(crate) fn uuid(&self) -> Option<&'a str> {
        match self.pool {
            Some(pool) => Some(&pool.id),
            None => self.superblock()?.uuid.as_deref(),
        }
    }

    /// Something must come before its mount.
    pub(crate) fn is_layered(&self) -> bool {
        self.pool.is_some()
            || self.image.is_some()
            || self.device.kind == DeviceKind::Virtual
            || matches!(
                self.superblock().map(|found| &found.content),
                Some(asl_facts::Content::Container(_))
            )
    }

    /// What was found inside.
    pub(crate) fn look(&self) -> Option<&'a Look> {
        match self.pool {
            Some(pool) => Some(&pool.look),
            None => self.filesystem().map(|(_, filesystem)| &filesystem.look),
        }
    }

    /// Everything in which a store could be was read.
    pub(crate) fn read_to_end(&self) -> bool {
        if self.image.is_some() {
            return false;
        }
        let replayed = match self.look() {
            Some(Look::Read { replayed, .. }) => *replayed,
            _ => return false,
        };
        // What a stale tree does not show may be in the log.
        let current = match self.filesystem().map(|(_, filesystem)| filesystem.log) {
            Some(LogState::Clean) | None => true,
            Some(LogState::NeedsReplay { .. }) => replayed,
            Some(LogState::Unknown) => false,
        };
        current && self.rivals.is_empty()
    }

    pub(crate) fn find(
        &mut self,
        rule: Rule,
        code: &str,
        effect: Effect,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.findings.push(Finding {
            number: rule.number,
            rule: rule.name.to_owned(),
            code: code.to_owned(),
            effect,
            text: text.into(),
            hint: hint.into(),
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

    fn has(&self, effect: Effect) -> bool {
        self.findings.iter().any(|finding| finding.effect == effect)
    }

    pub(crate) fn dropped(&self) -> bool {
        self.has(Effect::Drop)
    }

    pub(crate) fn blocked(&self) -> bool {
        self.has(Effect::Block)
    }

    /// Read-only, consent or not.
    pub(crate) fn capped(&self) -> bool {
        self.has(Effect::Cap)
    }

    /// What names it in a selector: the store's id, else the file system's.
    pub(crate) fn id(&self) -> Option<&'a str> {
        self.store_id().or(self.uuid())
    }

    /// What stands for its store in the mode file.
    pub(crate) fn store_name(&self) -> Option<String> {
        match self.image {
            Some(image) => Some(image.to_string()),
            None => self.id().map(str::to_owned),
        }
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
    let mut found = Vec::new();
    let mut devices: Vec<&Device> = facts.all_devices().collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    for device in devices {
        match &device.probe {
            Probe::Skipped { why } => {
                if device.kind == DeviceKind::Virtual && refusal_counts(facts, device) {
                    found.push(Candidate::new(facts, device, Content::Refused(why)));
                }
            }
            Probe::Failed(_) | Probe::TimedOut { .. } => {
                found.push(Candidate::new(facts, device, Content::Unread));
            }
            Probe::Read { signatures, .. } => {
                for signature in signatures
                    .iter()
                    .filter(|s| !matches!(s.standing, Standing::InPartition { .. }))
                {
                    of_signature(facts, device, signature, &mut found);
                }
            }
        }
    }
    let views = facts.virtuals.devices.iter();
    let shown: BTreeSet<&str> = views
        .filter_map(|view| stack::layer(facts, view).pool())
        .map(|pool| pool.id.as_str())
        .collect();
    let tells = |pool: &&Pool| {
        is_filesystem(pool) || (pool.active.is_empty() && !shown.contains(pool.id.as_str()))
    };
    let mut pools: Vec<&Pool> = facts.all_pools().filter(tells).collect();
    pools.sort_by(|a, b| (a.format, &a.id).cmp(&(b.format, &b.id)));
    for pool in pools {
        of_pool(facts, pool, &mut found);
    }
    found
}

/// Rule 31: adds the image file that is named, once for each file system that
/// could hold it. It takes over all that its host stands on, so whatever
/// speaks against the host speaks against it.
pub(crate) fn add_image<'a>(image: &'a ImageFile, candidates: &mut Vec<Candidate<'a>>) {
    let mut files: Vec<Candidate<'a>> = Vec::new();
    for host in candidates.iter().filter(|host| could_hold(host, image)) {
        // One with several stores is several candidates.
        if files
            .iter()
            .any(|file| file.device.name == host.device.name)
        {
            continue;
        }
        files.push(Candidate {
            path: "/".to_owned(),
            store: None,
            image: Some(image),
            ..host.clone()
        });
    }
    candidates.append(&mut files);
}

/// It is a file system with that UUID, or a locked container with it: what
/// such a one holds has no UUID before it is open.
fn could_hold(host: &Candidate<'_>, image: &ImageFile) -> bool {
    let named = host
        .uuid()
        .is_some_and(|uuid| uuid.eq_ignore_ascii_case(&image.filesystem));
    let is_filesystem = match (host.pool, host.superblock().map(|found| &found.content)) {
        (Some(pool), _) => is_filesystem(pool),
        (None, Some(asl_facts::Content::Filesystem(_))) => true,
        (None, Some(asl_facts::Content::Container(container))) => container.locked,
        _ => false,
    };
    named && is_filesystem
}

/// Not an array or a group, whose parts hold file systems.
fn is_filesystem(pool: &Pool) -> bool {
    matches!(pool.format, Format::Zfs | Format::Btrfs | Format::Bcachefs)
}

/// A view that was not built hides something, unless the system has made the
/// thing itself, or the part that is meant is a candidate anyway.
fn refusal_counts(facts: &Facts, view: &Device) -> bool {
    // A partition of which nothing can be said is the table's concern.
    let pool = stack::layer(facts, view).pool();
    pool.is_some_and(|pool| pool.active.is_empty())
}

fn of_signature<'a>(
    facts: &'a Facts,
    device: &'a Device,
    signature: &'a Signature,
    found: &mut Vec<Candidate<'a>>,
) {
    let superblock = match &signature.outcome {
        Outcome::Damaged(damage) => {
            // Damage inside an array is the array's.
            if !matches!(signature.standing, Standing::Inside { .. }) {
                let content = Content::Damaged(signature.format, damage);
                found.push(Candidate::new(facts, device, content));
            }
            return;
        }
        Outcome::Found(superblock) => superblock,
    };
    if matches!(
        superblock.content,
        asl_facts::Content::Table(_) | asl_facts::Content::Swap(_)
    ) || is_represented(facts, device, signature)
    {
        return;
    }
    let content = Content::Sound(signature.format, superblock);
    let mut whole = Candidate::new(facts, device, content);
    whole.rivals = rivals(facts, device, signature);
    if let Standing::Inside { format, offset } = signature.standing {
        whole.inside = Some((format, offset));
    }
    let stores = superblock
        .filesystem()
        .map_or(&[][..], |filesystem| filesystem.look.stores());
    each_store(whole, stores, found);
}

/// A member of a pool stands for nothing by itself: what the pool holds is a
/// candidate, and where nothing of it could be read, the pool is.
fn is_represented(facts: &Facts, device: &Device, signature: &Signature) -> bool {
    if matches!(signature.standing, Standing::Contested { .. }) {
        return false;
    }
    facts.all_pools().any(|pool| {
        pool.format == signature.format
            && pool
                .members
                .iter()
                .any(|member| member.device == device.name)
    })
}

/// A pool that is a file system, or one of which no view tells anything.
fn of_pool<'a>(facts: &'a Facts, pool: &'a Pool, found: &mut Vec<Candidate<'a>>) {
    let members = pool.members.iter();
    let mut devices: Vec<&Device> = members
        .filter_map(|member| facts.find(&member.device))
        .collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    devices.dedup_by(|a, b| a.name == b.name);
    let mut current = stack::current(facts, pool);
    current.sort_by(|a, b| a.name.cmp(&b.name));
    let Some(first) = current.first().or(devices.first()).copied() else {
        return;
    };
    let superblock =
        first.probe.signatures().iter().find_map(|signature| {
            (signature.format == pool.format).then_some(signature.superblock()?)
        });
    let content = match superblock {
        Some(superblock) => Content::Sound(pool.format, superblock),
        None => Content::Unread,
    };
    let whole = Candidate {
        stack: stack::stack(facts, &devices, Some(pool)),
        devices,
        pool: Some(pool),
        ..Candidate::new(facts, first, content)
    };
    each_store(whole, pool.look.stores(), found);
}

fn each_store<'a>(whole: Candidate<'a>, stores: &'a [Store], found: &mut Vec<Candidate<'a>>) {
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
