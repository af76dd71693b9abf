//! What is new between two scans.

use asl_facts::{Device, Facts, Format, Pool, Probe};
use schemars::JsonSchema;
use serde::Serialize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event<'a> {
    /// A device was there at the start.
    Present {
        /// The device.
        device: &'a Device,
    },
    /// A device came.
    Added {
        /// The device.
        device: &'a Device,
    },
    /// Something about a device is new.
    Changed {
        /// The device as it is now.
        device: &'a Device,
    },
    /// A device left.
    Removed {
        /// Its kernel name.
        name: &'a str,
    },
    /// A pool was there at the start, came, or is not what it was.
    Pool {
        /// The pool as it is now.
        pool: &'a Pool,
    },
    /// No member of a pool is left.
    PoolGone {
        /// Its members' format.
        format: Format,
        /// Its id.
        id: &'a str,
    },
}

/// What is there.
pub(crate) fn present(facts: &Facts) -> Vec<Event<'_>> {
    let devices = devices(facts).map(|device| Event::Present { device });
    devices
        .chain(facts.all_pools().map(|pool| Event::Pool { pool }))
        .collect()
}

/// The devices that are there, and what was seen through them.
fn devices(facts: &Facts) -> impl Iterator<Item = &Device> {
    facts.all_devices().filter(|device| is_there(device))
}

/// What happened from `before` to `after`, first what left.
pub(crate) fn between<'a>(before: &'a Facts, after: &'a Facts) -> Vec<Event<'a>> {
    let there = |facts: &'a Facts, name: &str| devices(facts).find(|device| device.name == name);
    let mut events: Vec<Event<'a>> = devices(before)
        .filter(|device| there(after, &device.name).is_none())
        .map(|device| Event::Removed { name: &device.name })
        .collect();
    let pool_in = |facts: &'a Facts, pool: &Pool| {
        facts
            .all_pools()
            .find(|other| (other.format, &other.id) == (pool.format, &pool.id))
    };
    events.extend(
        before
            .all_pools()
            .filter(|pool| pool_in(after, pool).is_none())
            .map(|pool| Event::PoolGone {
                format: pool.format,
                id: &pool.id,
            }),
    );
    events.extend(
        devices(after).filter_map(|device| match there(before, &device.name) {
            None => Some(Event::Added { device }),
            Some(old) if old != device => Some(Event::Changed { device }),
            Some(_) => None,
        }),
    );
    events.extend(
        after
            .all_pools()
            .filter(|pool| pool_in(before, pool) != Some(*pool))
            .map(|pool| Event::Pool { pool }),
    );
    events
}

/// The kernel keeps loop devices without a file and drives without a medium;
/// for a person they come when they hold something.
fn is_there(device: &Device) -> bool {
    match &device.probe {
        Probe::Skipped { why } => !matches!(why.as_str(), "unbound" | "empty" | "no-medium"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_facts::DeviceKind;

    fn device(name: &str, size: u64, skipped: Option<&str>) -> Device {
        Device {
            devnum: "7:0".to_owned(),
            probe: match skipped {
                Some(why) => Probe::skipped(why),
                None => Probe::Read {
                    reads: 2,
                    bytes: size,
                    blank: true,
                    faults: Vec::new(),
                    signatures: Vec::new(),
                },
            },
            ..Device::new(name, DeviceKind::Loop, size)
        }
    }

    fn facts(devices: Vec<Device>) -> Facts {
        Facts {
            devices,
            ..Facts::new("", 1)
        }
    }

    fn words(events: &[Event<'_>]) -> Vec<String> {
        let words = events.iter().map(|event| match event {
            Event::Present { device } => format!("present {}", device.name),
            Event::Added { device } => format!("added {}", device.name),
            Event::Changed { device } => format!("changed {}", device.name),
            Event::Removed { name } => format!("removed {name}"),
            Event::Pool { pool } => format!("pool {}", pool.id),
            Event::PoolGone { id, .. } => format!("gone {id}"),
        });
        words.collect()
    }

    #[test]
    fn a_loop_device_comes_with_its_file_and_goes_with_it() {
        let without = facts(vec![device("loop0", 0, Some("unbound"))]);
        let with = facts(vec![device("loop0", 4096, None)]);
        assert_eq!(words(&present(&without)), [""; 0]);
        assert_eq!(words(&between(&without, &with)), ["added loop0"]);
        assert_eq!(words(&between(&with, &without)), ["removed loop0"]);
        assert_eq!(words(&between(&with, &with)), [""; 0]);
    }

    #[test]
    fn what_left_stands_before_what_came_and_changed() {
        let before = facts(vec![device("sda", 1, None), device("sdb", 1, None)]);
        let after = facts(vec![device("sdb", 2, None), device("sdc", 1, None)]);
        assert_eq!(
            words(&between(&before, &after)),
            ["removed sda", "changed sdb", "added sdc"]
        );
    }
}
