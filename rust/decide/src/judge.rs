//! Rules 10 to 32: what stands against a candidate.
//!
//! Every rule is asked about every candidate, so that a report names all
//! that is wrong with a disk and not only what was noticed first.

mod content;
mod place;
mod pool;

use crate::Effect::Drop;
use crate::access;
use crate::candidate::{Candidate, Content};
use crate::rules;
use crate::selector::Selector;
use crate::stack::{self, holders};
use crate::text;
use asl_config::Config;
use asl_facts::{Device, Facts};

/// Rules 11 and 27, before the selectors: what shows on a member of an array
/// shows on the array too, and there it belongs; what shows on several paths
/// to a disk is one thing.
pub(crate) fn topology(facts: &Facts, candidates: &mut [Candidate<'_>]) {
    for candidate in candidates.iter_mut() {
        if let Some((format, offset)) = candidate.inside {
            let text = format!("it shows through a member of {format} (superblock at {offset})");
            candidate.find(rules::RAW_MEMBER, "raw-member", Drop, text, "");
            continue;
        }
        if let Some(first) = other_path(facts, candidate) {
            let text = format!("it is another path to {}", text::place(facts, first));
            candidate.find(rules::MULTIPATH, "multipath", Drop, text, "");
            continue;
        }
        let Some(uuid) = candidate.uuid() else {
            continue;
        };
        let owner = holders(facts, candidate.device)
            .into_iter()
            .filter(|holder| holder.name != candidate.device.name)
            .find(|holder| {
                let signatures = holder.probe.signatures().iter();
                signatures
                    .filter_map(|signature| signature.superblock())
                    .any(|superblock| superblock.uuid.as_deref() == Some(uuid))
            });
        if let Some(owner) = owner {
            let text = format!(
                "it is the same file system as on {}",
                text::place(facts, owner)
            );
            candidate.find(rules::RAW_MEMBER, "raw-member", Drop, text, "");
        }
    }
}

/// The path that stands for all of them, if it is not the candidate's own.
fn other_path<'a>(facts: &'a Facts, candidate: &Candidate<'a>) -> Option<&'a Device> {
    let [leaf] = candidate.stack.leaves.as_slice() else {
        return None;
    };
    let first = stack::other_paths(facts, leaf).min_by(|a, b| a.name.cmp(&b.name))?;
    (first.name < leaf.name).then_some(first)
}

/// Rules 10 and 12 to 32, once it is known what is selected.
pub(crate) fn judge(
    facts: &Facts,
    config: &Config,
    selectors: &[Selector<'_>],
    candidates: &mut [Candidate<'_>],
) {
    place::clones(facts, selectors, candidates);
    place::layout_only(candidates);
    for candidate in candidates.iter_mut() {
        candidate.consent = access::has_consent(facts, config, selectors, candidate);
        place::own_medium(candidate);
        place::ambiguous(candidate);
        place::busy(facts, &config.local.mount.0, candidate);
        place::hibernated(facts, candidate);
        pool::judge(facts, config, candidate);
        match candidate.content {
            Content::Unread => content::sick(candidate),
            Content::Refused(why) => content::refused(candidate, why),
            Content::Damaged(format, damage) => content::damaged(candidate, format, damage),
            Content::Sound(format, superblock) => {
                content::worn(candidate, format, superblock);
                match &superblock.content {
                    asl_facts::Content::Filesystem(filesystem) => {
                        content::kind(facts, candidate, format, superblock, filesystem);
                        content::dirty(facts, candidate, format, filesystem);
                        content::unreadable(candidate);
                    }
                    asl_facts::Content::Container(container) => {
                        content::locked(config, candidate, format, container);
                    }
                    _ if candidate.pool.is_some() => content::unreadable(candidate),
                    _ => content::member(candidate, format),
                }
            }
        }
        content::driver(facts, config, candidate);
        place::image_file(candidate);
        candidate.findings.sort_by_key(|finding| finding.number);
    }
}

/// A node that commands of a hint can be asked about.
fn node<'a>(candidate: &'a Candidate<'_>) -> &'a str {
    let leaf = candidate.stack.leaves.first();
    match (candidate.device.node.as_str(), leaf) {
        ("", Some(leaf)) => &leaf.node,
        (node, _) => node,
    }
}
