//! The stack as a tree: from the disk, over what lies on it, to the mount.

use asl_activate::{Action, Journal, Make};
use asl_decide::{Judged, Report, pool_name};
use asl_facts::{
    Device, DeviceKind, Health, LiveUse, Outcome, Pool, Probe, Signature, Standing, Text, Use,
};
use serde::Serialize;

/// Deepest stack that is shown.
const DEPTH: usize = 16;
/// Most lines that are shown; the facts have the rest.
const MAX_LINES: usize = 400;

/// One line and what lies on it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Item {
    /// What it is.
    pub(crate) what: String,
    /// What lies on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) on_it: Vec<Item>,
}

/// The disks with all that lies on them.
pub(crate) fn stack(report: &Report, journal: Option<&Journal>) -> Vec<Item> {
    let mut builder = Builder {
        report,
        journal,
        shown: Vec::new(),
        lines: 0,
    };
    let facts = &report.facts;
    let whole =
        |device: &&Device| device.parent.is_none() && device.slaves.is_empty() && device.size > 0;
    let mut items: Vec<Item> = facts
        .devices
        .iter()
        .filter(whole)
        .map(|device| builder.item(device, 0))
        .collect();
    // What lies on nothing that was seen: an array with all members gone.
    let rest = facts.all_devices();
    for device in rest.filter(|device| device.size > 0) {
        if !builder.shown.contains(&device.name.as_str()) {
            items.push(builder.item(device, 0));
        }
    }
    // A node that activation made is not in facts from before it.
    for (source, target) in mounted(journal) {
        let all = facts.all_devices();
        if !all.into_iter().any(|device| device.node == source) {
            let file = attached(journal, source);
            let file = file.map(|file| format!(", image file {file}"));
            let file = file.unwrap_or_default();
            items.push(leaf(format!("{source}{file}: {}", by_us(target))));
        }
    }
    if builder.lines > MAX_LINES {
        let more = builder.lines.saturating_sub(MAX_LINES);
        items.push(leaf(format!("and {more} more in /run/asl/facts.json")));
    }
    items
}

fn leaf(what: String) -> Item {
    Item {
        what: clean(&what),
        on_it: Vec::new(),
    }
}

/// A disk chose some of it.
fn clean(text: &str) -> String {
    Text::from(text).printable()
}

struct Builder<'a> {
    report: &'a Report,
    journal: Option<&'a Journal>,
    /// Names of what is in the tree: an array lies on several disks.
    shown: Vec<&'a str>,
    lines: usize,
}

impl<'a> Builder<'a> {
    fn item(&mut self, of: &'a Device, depth: usize) -> Item {
        self.lines = self.lines.saturating_add(1);
        if self.shown.contains(&of.name.as_str()) {
            return leaf(format!("{}: see above", of.node));
        }
        self.shown.push(&of.name);
        let mut item = leaf(self.describe(of));
        if self.lines > MAX_LINES || depth >= DEPTH {
            return item;
        }
        let facts = &self.report.facts;
        let on_it = |other: &&Device| {
            other.parent.as_deref() == Some(of.name.as_str()) || other.slaves.contains(&of.name)
        };
        let all = facts.all_devices();
        for above in all.filter(on_it) {
            item.on_it.push(self.item(above, depth.saturating_add(1)));
        }
        item.on_it.extend(self.stores(of).map(leaf));
        item.on_it.extend(self.mounts(of).into_iter().map(leaf));
        item
    }

    /// Node, size, content, members.
    fn describe(&self, of: &Device) -> String {
        let facts = &self.report.facts;
        let disk = matches!(
            of.kind,
            DeviceKind::Disk | DeviceKind::Loop | DeviceKind::Rom
        );
        let mut parts = vec![if disk {
            asl_decide::place(facts, of)
        } else {
            format!("{}, {}", of.node, asl_decide::size(of.size))
        }];
        parts.extend(content(&of.probe));
        match of.live {
            Some(LiveUse::Medium) => parts.push("the live system runs from it".to_owned()),
            Some(LiveUse::Ancestor) | None => {}
        }
        if of.kind == DeviceKind::Virtual {
            parts.push("not active, read through its members".to_owned());
        }
        let pools = facts.all_pools();
        let member = |pool: &&Pool| pool.members.iter().any(|member| member.device == of.name);
        for pool in pools.filter(member) {
            parts.push(format!(
                "in pool {}, {}",
                pool_name(pool),
                health(pool.health)
            ));
        }
        parts.join("; ")
    }

    fn stores(&self, of: &'a Device) -> impl Iterator<Item = String> + use<'a> {
        let first = |one: &&Judged| one.devices.first() == Some(&of.name);
        let candidates = self.report.decision.candidates.iter();
        candidates
            .filter(first)
            .filter(|one| one.evidence.is_some() || one.selected)
            .map(|one| {
                if let Some(image) = &one.image {
                    return format!("image file {image}: {}", one.code);
                }
                let id = one.id.as_deref().unwrap_or("without an id");
                format!("store {id} at {}: {}", one.path, one.code)
            })
    }

    fn mounts(&self, of: &'a Device) -> Vec<String> {
        let ours = mounted(self.journal);
        let mut lines: Vec<String> = ours
            .iter()
            .filter(|(source, _)| *source == of.node)
            .map(|(_, target)| by_us(target))
            .collect();
        for used in &of.uses {
            match used {
                Use::Mounted { target, .. } if ours.iter().any(|(_, at)| at == target) => {}
                Use::Mounted { target, read_only } => {
                    let how = if *read_only {
                        "read-only"
                    } else {
                        "for writing"
                    };
                    lines.push(format!("mounted at {target} {how}"));
                }
                Use::Swap => lines.push("swap in use".to_owned()),
            }
        }
        lines
    }
}

fn by_us(target: &str) -> String {
    format!("mounted at {target} by asl-activate")
}

/// The image file behind a node that the activation made.
fn attached<'a>(journal: Option<&'a Journal>, node: &str) -> Option<&'a str> {
    let mut made = journal.into_iter().flat_map(Journal::made);
    made.find_map(|make| match make {
        Make::Attached { file, makes } if makes == node => Some(file.as_str()),
        _ => None,
    })
}

/// What the activation mounts, and where.
fn mounted(journal: Option<&Journal>) -> Vec<(&str, &str)> {
    let plan = journal.iter().flat_map(|journal| &journal.plan);
    plan.filter_map(|action| match action {
        Action::Mount { node, target, .. }
        | Action::MountContent { node, target }
        | Action::Bind { node, target, .. } => Some((node.as_str(), target.as_str())),
        Action::MountByHelper { source, target, .. } => Some((source.as_str(), target.as_str())),
        Action::Load { .. }
        | Action::Make { .. }
        | Action::Verify { .. }
        | Action::SetReadOnly { .. }
        | Action::MakeDir { .. } => None,
    })
    .collect()
}

/// What was read on it, in a few words.
fn content(probe: &Probe) -> Vec<String> {
    match probe {
        Probe::Read {
            blank, signatures, ..
        } => {
            let says = |signature: &&Signature| {
                matches!(
                    signature.standing,
                    Standing::Content | Standing::Contested { .. }
                )
            };
            let words: Vec<String> = signatures.iter().filter(says).map(signature).collect();
            match (words.is_empty(), blank) {
                (true, true) => vec!["blank".to_owned()],
                (true, false) => vec!["nothing known on it".to_owned()],
                (false, _) => words,
            }
        }
        Probe::Failed(fault) => vec![format!("not read: {}", fault.error)],
        Probe::TimedOut { after_ms } => vec![format!("no answer within {after_ms} ms")],
        Probe::Skipped { why } => vec![format!("not read: {why}")],
    }
}

fn signature(signature: &Signature) -> String {
    let name = signature.format.name();
    match &signature.outcome {
        Outcome::Damaged(damage) => format!("damaged {name} ({})", damage.rule),
        Outcome::Found(superblock) => {
            let label = superblock.label.as_ref();
            let label = label.map(|label| format!(" label {}", label.printable()));
            let uuid = superblock.uuid.as_ref().map(|uuid| format!(" {uuid}"));
            format!(
                "{name}{}{}",
                uuid.unwrap_or_default(),
                label.unwrap_or_default()
            )
        }
    }
}

fn health(health: Health) -> &'static str {
    match health {
        Health::Complete => "complete",
        Health::Degraded => "degraded",
        Health::Incomplete => "incomplete",
        Health::Unknown => "state unknown",
    }
}

/// The tree with two blanks a level.
pub(crate) fn text(items: &[Item], level: usize) -> String {
    let mut text = String::new();
    for item in items {
        text.push_str(&format!("{}{}\n", "  ".repeat(level), item.what));
        text.push_str(&self::text(&item.on_it, level.saturating_add(1)));
    }
    text
}

/// The device of a place, for its disk's description.
pub(crate) fn place_of(report: &Report, node: &str) -> String {
    let facts = &report.facts;
    let known = facts.devices.iter().find(|device| device.node == node);
    match known.or_else(|| facts.find(node)) {
        Some(device) => clean(&asl_decide::place(facts, device)),
        None => clean(node),
    }
}
