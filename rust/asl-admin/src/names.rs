//! What the operator can name, and what a name stands for.

use asl_config::Pick;
use asl_decide::{Judged, Report, pool_name};
use asl_facts::{Device, Facts, Pool, Text};

/// Names shown in one message.
const MAX_SHOWN: usize = 24;

/// What an id stands for.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// A place where a store is or could be.
    Candidate(&'a Judged),
    /// A pool in which no place was seen.
    Pool(&'a Pool),
}

/// The one thing that `pick` names, or why it is not one.
pub(crate) fn find<'a>(report: &'a Report, pick: &Pick) -> Result<Found<'a>, String> {
    let candidates = candidates(report, pick);
    match candidates.as_slice() {
        [only] => return Ok(Found::Candidate(only)),
        [] => {}
        several => {
            let lines = several.iter().map(|one| line(report, one));
            return Err(format!(
                "{pick} is there {} times:\n{}",
                several.len(),
                shown(lines)
            ));
        }
    }
    let pools: Vec<&Pool> = match pick.path {
        None => report
            .facts
            .all_pools()
            .filter(|pool| same(&pool.id, &pick.id))
            .collect(),
        Some(_) => Vec::new(),
    };
    match pools.as_slice() {
        [only] => Ok(Found::Pool(only)),
        [] => Err(format!(
            "{pick} is not here; what can be named:\n{}",
            shown(all(report).into_iter())
        )),
        several => Err(format!(
            "{pick} is the id of {} pools; leave the copies alone with detect.exclude in \
             /etc/asl/asl.conf, or detach them",
            several.len()
        )),
    }
}

/// The places that `pick` names: those with a store, where there are such.
fn candidates<'a>(report: &'a Report, pick: &Pick) -> Vec<&'a Judged> {
    let named = |one: &&Judged| {
        let ids = one.id.iter().chain(&one.uuid);
        !one.dropped
            // local.image names it, and the UUID is that of what holds it.
            && one.image.is_none()
            && ids.into_iter().any(|id| same(id, &pick.id))
            && pick.path.as_ref().is_none_or(|path| *path == one.path)
    };
    let all: Vec<&Judged> = report.decision.candidates.iter().filter(named).collect();
    let stores: Vec<&Judged> = all
        .iter()
        .copied()
        .filter(|one| one.evidence.is_some())
        .collect();
    if stores.is_empty() { all } else { stores }
}

/// Ids are compared as the decision compares them.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The argument that names only this place, the shortest first.
pub(crate) fn argument(report: &Report, wanted: &Judged) -> Option<String> {
    let ids: Vec<&String> = wanted.id.iter().chain(&wanted.uuid).collect();
    let with = |path: Option<&String>| {
        ids.iter()
            .map(|id| Pick {
                id: (*id).clone(),
                path: path.cloned(),
            })
            .collect::<Vec<_>>()
    };
    let mut picks = with(None);
    picks.extend(with(Some(&wanted.path)));
    picks
        .into_iter()
        .find(|pick| {
            let named = candidates(report, pick);
            named.len() == 1 && named.iter().all(|one| std::ptr::eq(*one, wanted))
        })
        .map(|pick| pick.to_string())
}

/// A line for a place: what names it, where it is, what is against it.
fn line(report: &Report, one: &Judged) -> String {
    let argument = argument(report, one)
        .unwrap_or_else(|| "(no id of its own: local.serial in /etc/asl/asl.conf)".to_owned());
    let what = match one.evidence {
        Some(_) => format!("store at {}", one.path),
        None => one
            .format
            .map_or("unread", |format| format.name())
            .to_owned(),
    };
    format!("{argument}  {}: {what}, {}", one.place, one.code)
}

/// Everything that can be named.
fn all(report: &Report) -> Vec<String> {
    let named = |one: &&Judged| {
        !one.dropped && one.image.is_none() && (one.id.is_some() || one.uuid.is_some())
    };
    let places = report.decision.candidates.iter().filter(named);
    let mut lines: Vec<String> = places.map(|one| line(report, one)).collect();
    lines.extend(
        report
            .facts
            .all_pools()
            .map(|pool| format!("{}  pool {}", pool.id, pool_name(pool))),
    );
    lines
}

/// A list with an indent, cut where it is long. A disk chose some of it.
fn shown(lines: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = lines.collect();
    if all.is_empty() {
        return "  (nothing)".to_owned();
    }
    let mut text: Vec<String> = all
        .iter()
        .take(MAX_SHOWN)
        .map(|line| format!("  {}", Text::from(line.as_str()).printable()))
        .collect();
    let rest = all.len().saturating_sub(MAX_SHOWN);
    if rest > 0 {
        text.push(format!("  and {rest} more in /run/asl/facts.json"));
    }
    text.join("\n")
}

/// What carries a place, as a consent names it: the id of the pool that it is
/// in, else its disk's serial number, else its disk's WWID.
pub(crate) fn carrier(facts: &Facts, one: &Judged) -> Option<String> {
    let devices = one.devices.iter().filter_map(|name| facts.find(name));
    let below: Vec<&Device> = devices.flat_map(|device| facts.below(device)).collect();
    let pool = below.iter().find_map(|device| {
        facts.all_pools().find(|pool| {
            pool.members
                .iter()
                .any(|member| member.device == device.name)
        })
    });
    if let Some(pool) = pool {
        return Some(pool.id.clone());
    }
    let text = |text: &Text| String::from_utf8(text.0.clone()).ok();
    below.iter().find_map(|device| {
        let identity = &device.identity;
        let ids = identity.serial.iter().chain(&identity.wwid);
        ids.filter_map(text).next()
    })
}
