//! A probe, step by step.

use super::tree::{Style, Tree, size};
use super::{broken, standing};
use crate::explain::Report;
use asl_facts::{Outcome, Probe};
use asl_probe::{At, Magic, Purpose, Sought, Step, Verdict};

pub(crate) fn explain(report: &Report, style: Style) -> String {
    let mut tree = Tree::new(style);
    let device = &report.device;
    tree.title(0, &format!("{}: {}", device.node, size(device.size)));
    tree.title(1, "read from the device");
    for step in &report.steps {
        if let Step::Read { .. } = step {
            read(&mut tree, step);
        }
    }
    tree.title(1, "looked for");
    for step in &report.steps {
        match step {
            Step::Read { .. } => {}
            Step::Check {
                place,
                magics,
                verdict,
            } => check(&mut tree, place, magics, verdict),
            Step::TooSmall { row, minimum } => {
                tree.line(2, row, format!("not looked for: it needs {minimum} bytes"));
            }
        }
    }
    tree.line(2, "without a magic", report.without_magic);
    if report.left_out > 0 {
        tree.bad(
            2,
            "left out",
            format!("{} steps, too many", report.left_out),
        );
    }
    tree.title(1, "taken for");
    result(&mut tree, report);
    tree.finish()
}

fn read(tree: &mut Tree, step: &Step) {
    let Step::Read {
        purpose,
        offset,
        length,
        got,
        error,
    } = step
    else {
        return;
    };
    let purpose = match purpose {
        Purpose::Head => "the beginning, for all formats".to_owned(),
        Purpose::Tail => "the end, for all formats".to_owned(),
        Purpose::Superblock(at) => format!("superblock of {}", place(at)),
        Purpose::Complete(at) => format!("what {} points to", place(at)),
    };
    let name = format!("at {offset}");
    match (got, error) {
        (_, Some(error)) => tree.bad(2, &name, format!("{length} bytes: {purpose}: {error}")),
        (Some(got), _) if got < length => {
            tree.line(2, &name, format!("{got} of {length} bytes: {purpose}"));
        }
        _ => tree.line(2, &name, format!("{length} bytes: {purpose}")),
    }
}

fn check(tree: &mut Tree, at: &At, magics: &[Magic], verdict: &Verdict) {
    tree.title(2, &place(at));
    // Of what was accepted by its magic only that one is of interest.
    let matched = magics.iter().find(|magic| magic.expected == magic.seen);
    match (matched, verdict) {
        (_, Verdict::Unreadable) => {}
        (Some(magic), _) => {
            let text = format!("{} at {}", letters(&magic.expected), magic.offset);
            tree.line(3, "magic", text);
        }
        (None, _) => {
            for magic in magics {
                let text = format!(
                    "{} at {}, expected {}",
                    letters(&magic.seen),
                    magic.offset,
                    letters(&magic.expected)
                );
                tree.line(3, "no magic", text);
            }
        }
    }
    match verdict {
        Verdict::Absent => {}
        Verdict::Other => tree.line(
            3,
            "not this format",
            "others have this magic too, and the rest does not fit",
        ),
        Verdict::Damaged { format, damage } => {
            tree.bad(3, "damaged", format!("{format}: {}", broken(damage)));
        }
        Verdict::Found { format, generation } => {
            let generation = match generation {
                0 => String::new(),
                generation => format!(", generation {generation}"),
            };
            tree.good(
                3,
                "found",
                format!("{format}: every rule holds{generation}"),
            );
        }
        Verdict::TooLarge { format, claims } => {
            tree.bad(
                3,
                "too large",
                format!("{format}: it claims {claims} bytes"),
            );
        }
        Verdict::Unreadable => tree.bad(3, "unreadable", "nothing could be read there"),
    }
}

fn place(at: &At) -> String {
    let sought = match at.sought {
        Sought::Primary => "",
        Sought::Copy => " (a copy: the primary is damaged)",
        Sought::Peer => " (a copy of what has no primary)",
        Sought::Orphan => " (a copy: nothing else was found)",
    };
    format!("{} at {}{sought}", at.row, at.offset)
}

fn result(tree: &mut Tree, report: &Report) {
    let Probe::Read {
        signatures, blank, ..
    } = &report.device.probe
    else {
        tree.bad(2, "nothing", "the device could not be read");
        return;
    };
    if signatures.is_empty() {
        let text = if *blank {
            "nothing but one value at either end"
        } else {
            "no signature that is known here"
        };
        tree.line(2, "nothing", text);
    }
    for (signature, reason) in signatures.iter().zip(&report.reasons) {
        tree.title(2, &format!("{} at {}", signature.format, signature.offset));
        standing(tree, 3, &signature.standing);
        tree.line(3, "because", reason);
        match &signature.outcome {
            Outcome::Damaged(damage) => tree.bad(3, "damaged", broken(damage)),
            Outcome::Found(found) => {
                tree.some(3, "uuid", found.uuid.as_ref());
                for damage in &found.damaged_copies {
                    tree.bad(3, "damaged copy", broken(damage));
                }
            }
        }
    }
}

/// Bytes in hex, with the letters that they are if they are some.
fn letters(hex: &str) -> String {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let text: Option<String> = pairs
        .iter()
        .map(|pair| {
            let byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            byte.is_ascii_graphic().then_some(char::from(byte))
        })
        .collect();
    match text {
        Some(text) if !text.is_empty() => format!("{hex} ({text})"),
        _ if hex.is_empty() => "nothing".to_owned(),
        _ => hex.to_owned(),
    }
}
