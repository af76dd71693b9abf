//! Write consent: it names one store and what carries it, or it is none.

use crate::candidate::Candidate;
use crate::selector::Selector;
use crate::stack;
use asl_config::{Config, Consent};
use asl_facts::{Facts, Text};
use asl_mode::Access;

/// What may be done with a candidate that is used.
pub(crate) fn access(candidate: &Candidate<'_>) -> Access {
    if candidate.consent && !candidate.capped() {
        Access::Rw
    } else {
        Access::Ro
    }
}

/// What may be done with a remote store: the consent names the endpoint.
pub(crate) fn remote(config: &Config, endpoint: &str) -> Access {
    let named = |consent: &Consent| consent.id == endpoint;
    if config.write.allow.iter().any(named) {
        Access::Rw
    } else {
        Access::Ro
    }
}

/// Somebody allowed writes to it, whatever else stands against that.
pub(crate) fn has_consent(
    facts: &Facts,
    config: &Config,
    selectors: &[Selector<'_>],
    candidate: &Candidate<'_>,
) -> bool {
    // What is mounted unseen has an id that is not known yet; that of what
    // holds it is not its own.
    let seen = candidate.pool.is_some() || candidate.filesystem().is_some();
    if candidate.image.is_some() || !seen {
        return false;
    }
    let allows = |consent: &Consent| {
        let ids = [candidate.store_id(), candidate.uuid()];
        let id = ids.into_iter().flatten();
        let named = id
            .into_iter()
            .any(|id| id.eq_ignore_ascii_case(&consent.id));
        named
            && match &consent.carrier {
                Some(carrier) => carries(facts, candidate, carrier),
                // An id is on every copy; the selector says which disk.
                None => candidate.selected && selectors.iter().any(Selector::names_carrier),
            }
    };
    config.write.allow.iter().any(allows)
}

/// A disk below it has this serial number or WWID, or a pool this id.
fn carries(facts: &Facts, candidate: &Candidate<'_>, carrier: &str) -> bool {
    let is = |text: &Option<Text>| {
        text.as_ref()
            .is_some_and(|text| text.0 == carrier.as_bytes())
    };
    candidate.stack.pools.iter().any(|pool| pool.id == carrier)
        || stack::disks(facts, &candidate.stack.leaves)
            .iter()
            .any(|disk| is(&disk.identity.serial) || is(&disk.identity.wwid))
}
