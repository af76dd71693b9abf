//! The tree that people read.

mod explain;
mod member;
mod pool;
mod tree;

use asl_facts::{
    Container, Content, Damage, Device, Evidence, Filesystem, LogState, Look, Outcome, Probe,
    Signature, Standing, Store, Superblock, Swap, Table, Text, Use,
};
pub(crate) use explain::explain;
pub(crate) use pool::{pool, twins};
pub(crate) use tree::Style;
use tree::{Tree, size};

/// A device in one line.
pub(crate) fn brief(device: &Device) -> String {
    let holds = match &device.probe {
        Probe::Read { signatures, .. } if signatures.is_empty() => "nothing known here".to_owned(),
        Probe::Read { signatures, .. } => {
            let names = signatures.iter().map(|signature| {
                let damaged = match signature.outcome {
                    Outcome::Damaged(_) => " (damaged)",
                    Outcome::Found(_) => "",
                };
                format!("{} at {}{damaged}", signature.format, signature.offset)
            });
            names.collect::<Vec<_>>().join(", ")
        }
        Probe::Failed(fault) => format!("failed: {}", fault.error),
        Probe::TimedOut { after_ms } => format!("no answer after {after_ms} ms"),
        Probe::Skipped { why } => format!("left alone: {why}"),
    };
    Text::from(format!("{}: {}: {holds}", device.node, size(device.size)).as_str()).printable()
}

/// A device and everything on it.
pub(crate) fn device(device: &Device, style: Style) -> String {
    let mut tree = Tree::new(style);
    tree.title(0, &format!("{}: {}", device.node, size(device.size)));
    let identity = &device.identity;
    tree.text(1, "model", identity.model.as_ref());
    tree.text(1, "serial", identity.serial.as_ref());
    for used in &device.uses {
        let value = match used {
            Use::Mounted { target, read_only } => {
                let access = if *read_only {
                    "read-only"
                } else {
                    "read-write"
                };
                format!("mounted {access} on {target}")
            }
            Use::Swap => "swap".to_owned(),
        };
        tree.line(1, "in use", value);
    }
    match &device.probe {
        Probe::Read {
            reads,
            bytes,
            blank,
            faults,
            signatures,
        } => {
            tree.line(1, "read", format!("{bytes} bytes in {reads} reads"));
            for fault in faults {
                let at = fault.offset.unwrap_or(0);
                tree.bad(1, "failed", format!("read at {at}: {}", fault.error));
            }
            if signatures.is_empty() {
                let text = if *blank {
                    "none, and nothing but one value at either end"
                } else {
                    // Other formats exist, so this is no word about its content.
                    "none that is known here"
                };
                tree.line(1, "signatures", text);
            }
            for signature in signatures {
                self::signature(&mut tree, signature);
            }
        }
        Probe::Failed(fault) => tree.bad(1, "failed", &fault.error),
        Probe::TimedOut { after_ms } => tree.bad(1, "timed out", format!("after {after_ms} ms")),
        Probe::Skipped { why } => tree.line(1, "left alone", why),
    }
    tree.finish()
}

fn signature(tree: &mut Tree, signature: &Signature) {
    let (format, offset) = (signature.format, signature.offset);
    tree.title(1, &format!("{format} at {offset}"));
    if signature.standing != Standing::Content {
        standing(tree, 2, &signature.standing);
    }
    match &signature.outcome {
        Outcome::Damaged(damage) => tree.bad(2, "damaged", broken(damage)),
        Outcome::Found(found) => superblock(tree, found),
    }
}

fn standing(tree: &mut Tree, level: usize, standing: &Standing) {
    match standing {
        Standing::Content => tree.good(level, "counts", "as what the device holds"),
        Standing::InPartition { number } => {
            tree.line(level, "belongs to", format!("partition {number}"));
        }
        Standing::Inside { format, offset } => {
            tree.line(level, "belongs to", format!("the {format} at {offset}"));
        }
        Standing::Contested { by } => {
            let by: Vec<String> = by
                .iter()
                .map(|(format, offset)| format!("{format} at {offset}"))
                .collect();
            tree.bad(level, "contested by", by.join(", "));
        }
    }
}

fn superblock(tree: &mut Tree, found: &Superblock) {
    tree.some(2, "uuid", found.uuid.as_ref());
    tree.text(2, "label", found.label.as_ref());
    tree.some(2, "version", found.version.as_ref());
    tree.line(2, "size", size(found.size));
    match &found.content {
        Content::Filesystem(content) => filesystem(tree, content),
        Content::Swap(content) => swap(tree, content),
        Content::Raid(content) => member::raid(tree, content),
        Content::PhysicalVolume(content) => member::physical_volume(tree, content),
        Content::Vdev(content) => member::vdev(tree, content),
        Content::Piece(content) => member::piece(tree, content),
        Content::Container(content) => container(tree, content),
        Content::Table(content) => table(tree, content),
    }
    for feature in &found.unknown_features {
        tree.bad(2, "unknown feature", feature);
    }
    for damage in &found.damaged_copies {
        tree.bad(2, "damaged copy", broken(damage));
    }
}

fn swap(tree: &mut Tree, swap: &Swap) {
    tree.line(2, "page size", swap.page_size);
    if let Some(image) = &swap.hibernated {
        tree.bad(2, "hibernated", format!("a system sleeps in it ({image})"));
    }
}

fn container(tree: &mut Tree, container: &Container) {
    let locked = if container.locked { "yes" } else { "no" };
    tree.line(2, "locked", locked);
    tree.some(2, "algorithm", container.algorithm.as_ref());
    tree.some(2, "key bits", container.key_bits);
    tree.text(2, "subsystem", container.subsystem.as_ref());
    for slot in &container.keyslots {
        let kdf = slot.kdf.as_deref().unwrap_or("no derivation");
        tree.line(2, "key slot", format!("{}: {}, {kdf}", slot.id, slot.kind));
    }
    for token in &container.tokens {
        tree.line(2, "token", token);
    }
    tree.some(2, "data at", container.data_offset);
    tree.some(2, "data size", container.data_size.map(size));
    if let Some(work) = &container.under_way {
        tree.bad(2, "under way", work);
    }
    if container.suspended {
        tree.bad(2, "protection", "suspended: a clear key lies beside it");
    }
}

fn table(tree: &mut Tree, table: &Table) {
    tree.line(2, "sector", table.sector_size);
    if table.protective {
        tree.line(2, "protective", "yes");
    }
    if table.hybrid {
        tree.line(2, "hybrid", "its MBR shows partitions too");
    }
    for entry in &table.partitions {
        let name = entry.name.as_ref();
        let name = name.map_or(String::new(), |name| format!(", {}", name.printable()));
        let text = format!(
            "{} at {}, {}{name}",
            size(entry.size),
            entry.start,
            entry.kind
        );
        tree.line(2, &format!("partition {}", entry.number), text);
    }
}

fn filesystem(tree: &mut Tree, filesystem: &Filesystem) {
    tree.line(2, "block size", filesystem.block_size);
    if filesystem.devices != 1 {
        tree.line(2, "devices", filesystem.devices);
    }
    if let Some(part) = &filesystem.part {
        let uuid = part.uuid.as_deref().unwrap_or("no UUID");
        let seed = if part.seed { ", a seed" } else { "" };
        let text = format!(
            "{}: {uuid}, {}, generation {}{seed}",
            part.number,
            size(part.size),
            part.generation
        );
        tree.line(2, "device", text);
    }
    match filesystem.log {
        LogState::Clean => tree.good(2, "log", "clean"),
        LogState::NeedsReplay { live_bytes: None } => tree.bad(2, "log", "needs replay"),
        LogState::NeedsReplay {
            live_bytes: Some(bytes),
        } => tree.bad(2, "log", format!("needs replay of {bytes} bytes")),
        LogState::Unknown => tree.bad(2, "log", "not judged"),
    }
    if filesystem.errors {
        tree.bad(2, "errors", "recorded by the file system");
    }
    if filesystem.hibernated {
        tree.bad(2, "hibernated", "a system sleeps on it");
    }
    look(tree, 2, &filesystem.look);
}

/// What was found inside a file system or a pool.
fn look(tree: &mut Tree, level: usize, look: &Look) {
    match look {
        Look::NotLooked => {}
        Look::Unreadable { why } => tree.bad(level, "unreadable", why),
        Look::Read { stores, replayed } => {
            if *replayed {
                tree.line(level, "read", "with the log replayed in memory");
            }
            if stores.is_empty() {
                tree.line(level, "store", "none");
            }
            for store in stores {
                self::store(tree, level, store);
            }
        }
    }
}

fn store(tree: &mut Tree, level: usize, store: &Store) {
    tree.good(level, "store", &store.path);
    let level = level.saturating_add(1);
    let evidence = match store.evidence {
        Evidence::Marker => "store.toml",
        Evidence::Domain => "domain.json",
        Evidence::Log => "first log record",
        Evidence::Layout => "its directories only",
    };
    tree.line(level, "known by", evidence);
    tree.some(level, "id", store.id.as_ref());
    tree.line(level, "directories", store.entries.join(" "));
}

fn broken(damage: &Damage) -> String {
    format!(
        "{} at {}: {}, expected {}",
        damage.rule, damage.offset, damage.seen, damage.expected
    )
}
