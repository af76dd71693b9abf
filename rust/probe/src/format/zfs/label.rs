//! What a label of ZFS says: the list of names and values, judged.
//!
//! Source: OpenZFS `module/zfs/spa_config.c`, `spa_config_generate`, and
//! `module/zfs/vdev_label.c`, `vdev_config_generate` and
//! `vdev_aux_label_generate`; what a label must have is what `zpool import`
//! asks of it (`lib/libzutil/zutil_import.c`).

use super::nvlist::List;
use crate::decoded::{Found, Refused, Rules};
use asl_facts::{Content, Format, PoolState, Text, Vdev, VdevNode};

/// Least and greatest `ashift`: 512 bytes (`SPA_MINBLOCKSHIFT`) and 64 KiB
/// (`ASHIFT_MAX`).
const ASHIFT: std::ops::RangeInclusive<u64> = 9..=16;
/// `SPA_VERSION_FEATURES`, and the last of the versions before features.
const VERSION_FEATURES: u64 = 5000;
const LAST_VERSION: u64 = 28;
/// Before and behind the data of a leaf: two labels and the boot area of 3.5
/// MiB, and the other two labels.
const AROUND: u64 = (4 << 20) + (512 << 10);

/// Features that a label can name: those without which the pool's own
/// metadata cannot be read (`ZFEATURE_FLAG_MOS`), up to OpenZFS 2.4.
const KNOWN_FEATURES: &[&str] = &[
    "com.delphix:device_removal",
    "com.delphix:embedded_data",
    "com.delphix:hole_birth",
    "com.klarasystems:dynamic_gang_header",
    "com.klarasystems:vdev_zaps_v2",
    "com.seagate:draid_failure_domains",
    "org.openzfs:draid",
    "org.openzfs:raidz_expansion",
];

/// The facts of one label, as far as it alone tells them.
pub(crate) fn decode(list: &List<'_>, rules: &Rules) -> Result<Found, Refused> {
    let guid = needed(list, rules, "guid")?;
    let version = needed(list, rules, "version")?;
    let state = match number(list, rules, "state")? {
        0 => PoolState::Active,
        1 => PoolState::Exported,
        2 => PoolState::Destroyed,
        3 => PoolState::Spare,
        4 => PoolState::L2cache,
        _ => PoolState::Other,
    };
    let features: Vec<String> = list
        .list("features_for_read")
        .into_iter()
        .flat_map(List::names)
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    let host = list.text("hostname").map(|name| {
        let hostid = list.number("hostid").unwrap_or(0);
        (hostid, Text(name.to_vec()))
    });
    let mut vdev = Vdev {
        pool: None,
        name: None,
        guid,
        top: 0,
        state,
        txg: 0,
        updated: 0,
        label_txg: 0,
        host,
        multihost: false,
        tops: list.number("vdev_children").unwrap_or(0),
        holes: list.numbers("hole_array").to_vec(),
        tree: None,
        features_for_read: features,
        labels: Vec::new(),
    };
    let mut room = Room::default();
    if !matches!(state, PoolState::Spare | PoolState::L2cache) {
        vdev.pool = Some(needed(list, rules, "pool_guid")?.to_string());
        vdev.name = list.text("name").and_then(Text::from_field);
        let named = vdev.name.is_some();
        rules.check(named, "name", 0, "none", "the pool's name")?;
        vdev.top = needed(list, rules, "top_guid")?;
        vdev.label_txg = number(list, rules, "txg")?;
        let tree = list.list("vdev_tree");
        rules.check(tree.is_some(), "vdev_tree", 0, "none", "a list")?;
        vdev.tree = tree.map(node);
        if vdev.label_txg == 0 {
            vdev.state = PoolState::Removed;
        } else if let (Some(list), Some(tree)) = (tree, &vdev.tree) {
            judge(tree, rules, &vdev)?;
            room = Room::of(list, tree);
        }
    }
    let mut unknown_features: Vec<String> = vdev
        .features_for_read
        .iter()
        .filter(|feature| !KNOWN_FEATURES.contains(&feature.as_str()))
        .cloned()
        .collect();
    if version > LAST_VERSION && version != VERSION_FEATURES {
        unknown_features.push(format!("version {version}"));
    }
    let (uuid, name, txg) = (vdev.pool.clone(), vdev.name.clone(), vdev.label_txg);
    let mut found = Found::new(Format::Zfs, room.size, Content::Vdev(vdev));
    found.claims = room.claims;
    found.generation = txg;
    found.superblock.uuid = uuid;
    found.superblock.label = name;
    found.superblock.version = Some(version.to_string());
    found.superblock.unknown_features = unknown_features;
    Ok(found)
}

/// A number that must be there; the rule that it breaks has its name, as all
/// rules of this list have.
fn number(list: &List<'_>, rules: &Rules, name: &str) -> Result<u64, Refused> {
    let number = list.number(name);
    rules.check(number.is_some(), name, 0, "none", "a number")?;
    Ok(number.unwrap_or(0))
}

/// The same, and not 0.
fn needed(list: &List<'_>, rules: &Rules, name: &str) -> Result<u64, Refused> {
    let number = number(list, rules, name)?;
    rules.check(number != 0, name, 0, number, "not 0")?;
    Ok(number)
}

/// The top-level device is the one that the label names, and this device is
/// in it.
fn judge(tree: &VdevNode, rules: &Rules, vdev: &Vdev) -> Result<(), Refused> {
    let kind = &tree.kind;
    rules.check(!kind.is_empty(), "type", 0, "none", "a kind of device")?;
    let top = vdev.top;
    rules.check(tree.guid == top, "top_guid", 0, tree.guid, top)?;
    let guid = vdev.guid;
    let leaves = leaves(tree);
    rules.check(
        leaves.contains(&guid),
        "leaf",
        0,
        format!("{} leaves without it", leaves.len()),
        format!("{guid} among them"),
    )?;
    let (from, to) = (ASHIFT.start(), ASHIFT.end());
    let ashift = tree.ashift;
    let expected = format!("{from} to {to}");
    rules.check(ASHIFT.contains(&ashift), "ashift", 0, ashift, expected)
}

/// The depth of a list is bounded, so this ends.
fn node(list: &List<'_>) -> VdevNode {
    let number = |name: &str| list.number(name).unwrap_or(0);
    let set = |name: &&str| number(name) != 0;
    VdevNode {
        kind: String::from_utf8_lossy(list.text("type").unwrap_or_default()).into_owned(),
        guid: number("guid"),
        id: number("id"),
        path: list.text("path").map(|path| Text(path.to_vec())),
        nparity: number("nparity"),
        ashift: number("ashift"),
        asize: number("asize"),
        log: number("is_log") != 0,
        impaired: ["offline", "removed", "faulted", "degraded", "not_present"]
            .iter()
            .any(set),
        resilvering: ["resilver_txg", "rebuild_txg"].iter().any(set),
        children: list.lists("children").iter().map(node).collect(),
    }
}

fn leaves(tree: &VdevNode) -> Vec<u64> {
    if tree.children.is_empty() {
        vec![tree.guid]
    } else {
        tree.children.iter().flat_map(leaves).collect()
    }
}

/// What this device must hold of its top-level device, bytes.
#[derive(Default)]
struct Room {
    size: u64,
    /// The same, without the last metaslab if it is not full: down to this
    /// ZFS opens it (`vdev_get_min_asize`).
    claims: u64,
}

impl Room {
    fn of(list: &List<'_>, tree: &VdevNode) -> Self {
        let spares = list.number("draid_nspares").unwrap_or(0);
        let children = u64::try_from(tree.children.len()).unwrap_or(0);
        // A raidz counts the space of all its parts, the others that of one.
        let parts = match tree.kind.as_str() {
            "raidz" => children,
            "draid" => children.saturating_sub(spares),
            _ => 1,
        };
        let metaslab = list
            .number("metaslab_shift")
            .and_then(|shift| 1_u64.checked_shl(u32::try_from(shift).ok()?))
            .unwrap_or(1);
        let odd = tree.asize.checked_rem(metaslab).unwrap_or(0);
        let part = |asize: u64| {
            let part = asize.checked_div(parts).filter(|part| *part != 0);
            part.map_or(0, |part| part.saturating_add(AROUND))
        };
        Self {
            size: part(tree.asize),
            claims: part(tree.asize.saturating_sub(odd)),
        }
    }
}
