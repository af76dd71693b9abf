//! What lies on what, over the devices that the system has and the views
//! through members of what it has not activated.

use crate::{Device, Facts, Pool};

impl Facts {
    /// The devices, then the views.
    pub fn all_devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().chain(&self.virtuals.devices)
    }

    /// The device or view with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Device> {
        self.all_devices().find(|device| device.name == name)
    }

    /// Every pool once. One with members behind other layers is known better
    /// by whoever looked through these.
    pub fn all_pools(&self) -> impl Iterator<Item = &Pool> {
        let whole = &self.virtuals.pools;
        let is_whole = |pool: &&Pool| {
            let same = |other: &Pool| other.format == pool.format && other.id == pool.id;
            !whole.iter().any(same)
        };
        self.pools.iter().filter(is_whole).chain(whole)
    }

    /// `start` and everything that it lies on, the nearest first: its disk,
    /// what it is made of.
    #[must_use]
    pub fn below<'a>(&'a self, start: &'a Device) -> Vec<&'a Device> {
        self.reach(start, |device| {
            device.parent.iter().chain(&device.slaves).collect()
        })
    }

    /// `start` and everything that is reached from it, the nearest first.
    pub fn reach<'a>(
        &'a self,
        start: &'a Device,
        next: impl Fn(&'a Device) -> Vec<&'a String>,
    ) -> Vec<&'a Device> {
        let mut found = vec![start];
        let mut at = 0_usize;
        // Each enters once, so a circle in forged or torn facts ends.
        while let Some(device) = found.get(at).copied() {
            at = at.saturating_add(1);
            for name in next(device) {
                match self.find(name) {
                    Some(other) if !found.iter().any(|known| known.name == other.name) => {
                        found.push(other);
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::{Device, DeviceKind, Facts, Format, Pool};

    fn device(name: &str, slaves: &[&str]) -> Device {
        Device {
            slaves: slaves.iter().map(|&name| name.to_owned()).collect(),
            ..Device::new(name, DeviceKind::Disk, 0)
        }
    }

    fn pool(id: &str, expected: u64) -> Pool {
        Pool {
            expected,
            ..Pool::new(Format::Md, id)
        }
    }

    #[test]
    fn what_a_view_lies_on_is_found_through_views_and_a_circle_ends() {
        let mut facts = Facts::new("b", 1);
        facts.devices = vec![device("sda", &[]), device("sdb", &["view"])];
        facts.virtuals.devices = vec![device("view", &["sdb", "sda", "gone"])];
        let start = facts.find("view").unwrap();
        let names: Vec<&str> = facts.below(start).iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["view", "sdb", "sda"]);
        assert_eq!(facts.find("gone"), None);
    }

    #[test]
    fn a_pool_is_told_once_by_whoever_saw_more_of_it() {
        let mut facts = Facts::new("b", 1);
        facts.pools = vec![pool("one", 1), pool("two", 1)];
        facts.virtuals.pools = vec![pool("two", 2)];
        let told: Vec<(&str, u64)> = facts
            .all_pools()
            .map(|p| (p.id.as_str(), p.expected))
            .collect();
        assert_eq!(told, [("one", 1), ("two", 2)]);
    }
}
