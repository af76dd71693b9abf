//! The tree that people read.

use asl_facts::{
    Device, Evidence, Filesystem, LogState, Look, Outcome, Probe, Signature, Store, Text, Use,
};

/// Width of the names, so that the values of all levels stand below each
/// other.
const COLUMN: usize = 18;

/// A device and everything on it.
pub(crate) fn device(device: &Device) -> String {
    let mut tree = Tree::default();
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
        tree.line(1, "in use", &value);
    }
    match &device.probe {
        Probe::Read {
            reads,
            bytes,
            signatures,
        } => {
            tree.line(1, "read", &format!("{bytes} bytes in {reads} reads"));
            if signatures.is_empty() {
                // Other formats exist, so this is no word about its content.
                tree.line(1, "signatures", "none that is known here");
            }
            for signature in signatures {
                self::signature(&mut tree, signature);
            }
        }
        Probe::Failed(fault) => tree.line(1, "failed", &fault.error),
        Probe::TimedOut { after_ms } => {
            tree.line(1, "timed out", &format!("after {after_ms} ms"));
        }
        Probe::Skipped { why } => tree.line(1, "left alone", why),
    }
    tree.out
}

fn signature(tree: &mut Tree, signature: &Signature) {
    tree.title(1, &format!("{} at {}", signature.format, signature.offset));
    match &signature.outcome {
        Outcome::Damaged(damage) => tree.line(2, "damaged", &broken(damage)),
        Outcome::Found(filesystem) => self::filesystem(tree, filesystem),
    }
}

fn filesystem(tree: &mut Tree, filesystem: &Filesystem) {
    tree.line(2, "uuid", &filesystem.uuid);
    tree.text(2, "label", filesystem.label.as_ref());
    if let Some(version) = &filesystem.version {
        tree.line(2, "version", version);
    }
    tree.line(2, "size", &size(filesystem.size));
    tree.line(2, "block size", &filesystem.block_size.to_string());
    if filesystem.devices != 1 {
        tree.line(2, "devices", &filesystem.devices.to_string());
    }
    let log = match filesystem.log {
        LogState::Clean => "clean".to_owned(),
        LogState::NeedsReplay { live_bytes: None } => "needs replay".to_owned(),
        LogState::NeedsReplay {
            live_bytes: Some(bytes),
        } => format!("needs replay of {bytes} bytes"),
        LogState::Unknown => "not judged".to_owned(),
    };
    tree.line(2, "log", &log);
    if filesystem.errors {
        tree.line(2, "errors", "recorded by the file system");
    }
    for feature in &filesystem.unknown_features {
        tree.line(2, "unknown feature", feature);
    }
    for damage in &filesystem.damaged_copies {
        tree.line(2, "damaged copy", &broken(damage));
    }
    match &filesystem.look {
        Look::NotLooked => {}
        Look::Unreadable { why } => tree.line(2, "unreadable", why),
        Look::Read { stores, replayed } => {
            if *replayed {
                tree.line(2, "read", "with the log replayed in memory");
            }
            if stores.is_empty() {
                tree.line(2, "store", "none");
            }
            for store in stores {
                self::store(tree, store);
            }
        }
    }
}

fn store(tree: &mut Tree, store: &Store) {
    tree.line(2, "store", &printable(&store.path));
    let evidence = match store.evidence {
        Evidence::Marker => "store.toml",
        Evidence::Domain => "domain.json",
        Evidence::Log => "first log record",
        Evidence::Layout => "its directories only",
    };
    tree.line(3, "known by", evidence);
    if let Some(id) = &store.id {
        tree.line(3, "id", &printable(id));
    }
    tree.line(3, "directories", &store.entries.join(" "));
}

fn broken(damage: &asl_facts::Damage) -> String {
    format!(
        "{} at {}: {}, expected {}",
        damage.rule, damage.offset, damage.seen, damage.expected
    )
}

/// A disk chose it: it must not move the cursor of a terminal.
fn printable(text: &str) -> String {
    Text::from(text).printable()
}

/// With a unit for people and the exact number for the rest.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes;
    let mut unit = "bytes";
    for next in units {
        if value < 10_240 {
            break;
        }
        value /= 1024;
        unit = next;
    }
    if unit == "bytes" {
        format!("{bytes} bytes")
    } else {
        format!("{value} {unit} ({bytes} bytes)")
    }
}

#[derive(Default)]
struct Tree {
    out: String,
}

impl Tree {
    fn title(&mut self, level: usize, title: &str) {
        self.out
            .push_str(&format!("{}{title}\n", "  ".repeat(level)));
    }

    fn line(&mut self, level: usize, name: &str, value: &str) {
        let indent = "  ".repeat(level);
        let width = COLUMN.saturating_add(6).saturating_sub(indent.len());
        self.out
            .push_str(&format!("{indent}{name:<width$}{value}\n"));
    }

    fn text(&mut self, level: usize, name: &str, text: Option<&Text>) {
        if let Some(text) = text {
            self.line(level, name, &text.printable());
        }
    }
}
