//! The table of rules, as data: the decisions name their rule by its row, and
//! the page for users is made from it.

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its number. The order of the numbers is the order in which the rules
    /// are asked.
    pub number: u8,
    /// Its name, `rule` in the mode file.
    pub name: &'static str,
    /// The codes that it gives.
    pub codes: &'static [&'static str],
    /// When it applies and what follows.
    pub doc: &'static str,
    /// Whether this version has it.
    pub built: bool,
}

const fn rule(
    number: u8,
    name: &'static str,
    codes: &'static [&'static str],
    built: bool,
    doc: &'static str,
) -> Rule {
    Rule {
        number,
        name,
        codes,
        doc,
        built,
    }
}

/// Rules with a name in the code.
macro_rules! rules {
    ($($constant:ident = $number:literal $name:literal $codes:expr, $built:literal, $doc:literal;)*) => {
        $(pub(crate) const $constant: Rule = rule($number, $name, &$codes, $built, $doc);)*
        /// All rules, in their order.
        pub const RULES: &[Rule] = &[$($constant),*];
    };
}

rules! {
    INTERNAL = 1 "internal" ["internal"], true, "preflight itself failed or ran out of time: none";
    CONFIG_ERROR = 2 "config-error" ["config-error"], true, "a layer of the configuration cannot be read: none";
    FORCED_NONE = 3 "forced-none" ["forced-none"], true, "mode = none: none";
    FORCED_REMOTE = 4 "forced-remote" ["forced-remote", "waiting"], true, "mode = remote with an endpoint: remote, waiting while it is silent";
    REMOTE_UNSET = 5 "remote-unset" ["remote-unset"], true, "mode = remote without an endpoint: none";
    SELECTOR_CONFLICT = 6 "selector-conflict" ["selector-conflict"], true, "two selectors name different things: none";
    SELECTOR_MISSING = 7 "selector-missing" ["selector-missing"], true, "a selector names nothing, or nothing that holds a store: none, never another store instead";
    SELECTOR_MANY = 8 "selector-many" ["selector-many"], true, "the selectors name more than one store: none";
    SELECTOR_HIT = 9 "selector-hit" ["selector-hit"], true, "the selectors name one place: it alone is claimed, and 10 to 32 still apply";
    OWN_MEDIUM = 10 "own-medium" ["own-medium"], true, "the live system runs from it: blocked; its sibling partitions are not";
    RAW_MEMBER = 11 "raw-member" ["raw-member"], true, "a file system that shows on a member of an array or volume too: dropped there";
    AMBIGUOUS = 12 "ambiguous" ["ambiguous"], true, "two valid signatures on one device: blocked";
    BUSY = 13 "busy" ["busy"], true, "mounted or held by something that is not ours: blocked";
    HIBERNATED = 14 "hibernated" ["hibernated"], true, "a sleeping system may cover it: read-only";
    DAMAGED = 15 "damaged" ["damaged"], true, "no valid copy of a needed structure: blocked; with a valid copy read-only";
    LOCKED = 16 "locked" ["locked"], true, "encrypted without an allowed key source: blocked";
    KEYED = 17 "keyed" ["keyed"], true, "encrypted with a key source that names it: unlocked first";
    INCOMPLETE = 18 "incomplete" ["incomplete"], true, "fewer members than the minimum: blocked";
    DEGRADED = 19 "degraded" ["degraded"], true, "redundancy lost: blocked unless import.degraded = ro, then read-only; raid4, 5 and 6 that also need a resync stay blocked";
    STALE_MEMBER = 20 "stale-member" ["stale-member"], true, "a member that is behind: dropped from its pool";
    SPLIT_BRAIN = 21 "split-brain" ["split-brain"], true, "two halves that moved on separately: blocked";
    IN_FLIGHT = 22 "in-flight" ["in-flight"], true, "a reshape, move or re-encryption under way: blocked";
    FOREIGN_LIVE = 23 "foreign-live" ["foreign-live"], true, "another host may be using it: blocked unless allowed";
    NOT_EXPORTED = 24 "not-exported" ["not-exported"], true, "last used by another host: noted";
    NO_DRIVER = 25 "no-driver" ["no-driver", "no-mount-option"], true, "no driver, or no proven way to mount it in this state: blocked";
    DIRTY = 26 "dirty" ["needs-replay", "log-too-big"], true, "its log needs replay, or its array a resync: usable, replayed in memory unless it may be written; blocked where memory has no room for that";
    MULTIPATH = 27 "multipath" ["multipath"], true, "one disk on several paths: merged, read-only";
    CLONE = 28 "clone" ["clone"], true, "the same store or file system id in two places: all blocked unless a selector names one by disk";
    SICK = 29 "sick" ["sick"], true, "time-out or I/O error: blocked";
    UNREADABLE = 30 "unreadable" ["unreadable"], true, "no reader for what is on it: no evidence of its own";
    IMAGE_FILE = 31 "image-file" ["image-file"], true, "local.image names a file: the file system that holds it is brought up and mounted read-only for root alone, all that stands against it stands against the file, and the file is attached read-only, consent or not; import when it then shows one clean file system with a store at its root";
    LAYOUT_ONLY = 32 "layout-only" ["layout-only"], true, "the tree of a store without an id: read-only; dropped when an identified store exists";
    MODE_MISMATCH = 33 "mode-mismatch" ["mode-mismatch"], true, "the forced mode does not fit what is usable: none";
    SOLE_PLAIN = 34 "sole-plain" ["sole-plain"], true, "one usable store that only needs its mount: local";
    SOLE_LAYERED = 35 "sole-layered" ["sole-layered"], true, "one usable store that needs steps first: import";
    USABLE_AND_BLOCKED = 36 "usable-and-blocked" ["usable-and-blocked"], true, "one usable store and another that is not: none";
    MANY = 37 "many" ["many"], true, "two or more usable stores: none";
    BLOCKED_ONLY = 38 "blocked-only" ["blocked"], true, "stores, all of them blocked: none, with the code of the only one";
    REMOTE_OK = 39 "remote-ok" ["remote-ok"], true, "no store here and the endpoint answers: remote";
    REMOTE_DOWN = 40 "remote-down" ["remote-not-probed", "remote-down"], true, "no store here and the endpoint is silent or was not asked: none";
    ASSUMED_POOL = 41 "assumed-pool" ["assumed-pool"], true, "the only pool, when the configuration takes it for the store: import";
    NOTHING_READ = 42 "nothing-read" ["no-store"], true, "no store, and something that was not read to the end: none";
    EMPTY = 43 "empty" ["empty"], true, "everything was read and holds no store: none";
    RERUN = 44 "rerun" ["store-lost"], true, "a new decision while a store is served: the store stays, and its access may fall";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_without_a_gap_and_named_once() {
        for (index, rule) in RULES.iter().enumerate() {
            assert_eq!(usize::from(rule.number), index + 1);
            assert!(
                RULES[index + 1..]
                    .iter()
                    .all(|other| other.name != rule.name)
            );
            assert!(!rule.codes.is_empty());
        }
    }
}
