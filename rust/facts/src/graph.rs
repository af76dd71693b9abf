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
