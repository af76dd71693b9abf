//! The steps that make nodes.

use super::Content;
use super::build::{Build, Made, check_name, check_path};
use crate::action::{Action, Role};
use crate::error::PlanError;
use crate::make::{COW, Make};
use asl_decide::Key;
use asl_facts::{Content as Holding, Device, Format, Health, Pool, Raid, Signature, Superblock};

/// Memory for what an array writes to its own superblocks and bitmaps, per
/// member, bytes: some hundred KiB at most, and sparse.
const MEMBER_COW: u64 = 16 << 20;
/// As DECISION has it: no snapshot takes more.
const MOST_COW: u64 = 256 << 20;

/// Characters of LVM's names, lvm(8).
const LVM: &str = "+_.-";

impl<'a> Build<'a> {
    pub(super) fn window(
        &mut self,
        node: &str,
        start: u64,
        size: u64,
        makes: &str,
    ) -> Result<(), PlanError> {
        numbered(makes, "/dev/loop")?;
        let device = self.stand_on(node, Content::Any)?;
        let under = device.or_else(|| self.made.get(node).and_then(|made| made.shows));
        if let Some(under) = under
            && start.checked_add(size).is_none_or(|end| end > under.size)
        {
            return Err(PlanError::Outside {
                node: node.to_owned(),
                start,
                size,
            });
        }
        let shows = under.and_then(|under| {
            let views = self.facts.virtuals.devices.iter();
            let mut views = views.filter(|view| view.parent.as_ref() == Some(&under.name));
            views.find(|view| view.partition.as_ref().is_some_and(|p| p.start == start))
        });
        self.load(&["loop"]);
        let make = Make::Window {
            node: node.to_owned(),
            start,
            size,
            makes: makes.to_owned(),
        };
        let size = if size == 0 { None } else { Some(size) };
        // A loop device over a part of a disk is for reading.
        self.made(make, shows, size, false);
        Ok(())
    }

    pub(super) fn attach(&mut self, file: &str, makes: &str) -> Result<(), PlanError> {
        numbered(makes, "/dev/loop")?;
        check_path(file)?;
        if !self.is_on_a_mount(file) {
            return Err(PlanError::NotMounted {
                file: file.to_owned(),
            });
        }
        self.load(&["loop"]);
        let make = Make::Attached {
            file: file.to_owned(),
            makes: makes.to_owned(),
        };
        self.made(make, None, None, false);
        Ok(())
    }

    pub(super) fn assemble(
        &mut self,
        array: &str,
        members: &[String],
        degraded: bool,
        makes: &str,
    ) -> Result<(), PlanError> {
        numbered(makes, "/dev/md")?;
        check_name(array, ":-.")?;
        let of_array = |raid: &Raid| same_id(&raid.array, array);
        // Only what was read as sound and quiet is let near its members.
        let mut quiet = true;
        for node in members {
            let device = self.member(
                node,
                Format::Md,
                |superblock| matches!(&superblock.content, Holding::Raid(raid) if of_array(raid)),
            )?;
            quiet &= device.is_some_and(|device| {
                let mut signatures = device.probe.signatures().iter();
                signatures.any(|signature| raid_of(signature).is_some_and(is_quiet))
            });
        }
        let view = self.view(|view| same_id(&id_of(view), array));
        let pool = self.pool(Format::Md, |pool| same_id(&pool.id, array));
        let writable = self.is_writable(makes);
        let mut modules = vec!["md_mod"];
        let level = pool.and_then(|pool| pool.level.as_deref());
        modules.extend(level.and_then(personality));
        self.load(&modules);
        let members = if quiet || writable {
            members.to_vec()
        } else {
            self.over_all(members)
        };
        let make = Make::Array {
            uuid: array.to_owned(),
            members,
            degraded,
            writable,
            makes: makes.to_owned(),
        };
        let size = view.map(|view| view.size);
        self.made(make, view, size, writable);
        Ok(())
    }

    pub(super) fn volume(
        &mut self,
        group: &str,
        group_id: &str,
        volume: &str,
        members: &[String],
        makes: &str,
    ) -> Result<(), PlanError> {
        for name in [group, volume] {
            check_name(name, LVM)?;
        }
        check_name(group_id, "-")?;
        mapped(makes)?;
        for node in members {
            self.member(node, Format::Lvm2, |superblock| {
                // One that leaves the metadata to others names no group.
                matches!(&superblock.content, Holding::PhysicalVolume(volume)
                    if volume.group.as_ref().is_none_or(|group| group.id == group_id))
            })?;
        }
        let pool = self.pool(Format::Lvm2, |pool| pool.id == group_id);
        let known = pool.and_then(|pool| pool.volumes.iter().find(|one| one.name == volume));
        // By id: a group of the same name may have one of the same name.
        let view = known.and_then(|known| {
            let id = format!("{group_id}/{}", known.id);
            self.view(|view| id_of(view) == id)
        });
        let kind = known.map_or("", |volume| volume.kind.as_str());
        let degraded = known.is_some_and(|volume| volume.health == Health::Degraded);
        let owner = pool.and_then(|pool| pool.host.as_ref());
        let owner = owner.map(asl_facts::Text::printable);
        if let Some(owner) = &owner {
            check_name(owner, LVM)?;
        }
        let writable = self.is_writable(makes);
        let mut modules = vec!["dm_mod"];
        if kind.starts_with("raid") {
            modules.push("dm_raid");
            modules.extend(personality(kind));
        }
        let thin = kind == "thin";
        if thin {
            modules.push("dm_thin_pool");
        }
        self.load(&modules);
        let quiet = kind
            .split('+')
            .all(|kind| ["linear", "striped"].contains(&kind));
        let members = if quiet || writable {
            members.to_vec()
        } else {
            self.over_all(members)
        };
        let make = Make::Volume {
            group: group.to_owned(),
            volume: volume.to_owned(),
            members,
            degraded,
            owner,
            thin,
            writable,
            makes: makes.to_owned(),
        };
        let size = view.map(|view| view.size).filter(|size| *size != 0);
        self.made(make, view, size, writable);
        Ok(())
    }

    pub(super) fn unlock(
        &mut self,
        node: &str,
        format: Format,
        uuid: &str,
        key: &Key,
        makes: &str,
    ) -> Result<(), PlanError> {
        if format != Format::Luks {
            return Err(PlanError::NoDriver {
                node: node.to_owned(),
                driver: format.name().to_owned(),
            });
        }
        mapped(makes)?;
        if let Key::File { path } = key {
            check_path(path)?;
        }
        self.member(node, format, |superblock| {
            superblock.uuid.as_deref() == Some(uuid)
        })?;
        self.load(&["dm_crypt"]);
        let writable = self.is_writable(makes);
        let make = Make::Unlocked {
            node: node.to_owned(),
            format: format.name().to_owned(),
            key: key.clone(),
            writable,
            makes: makes.to_owned(),
        };
        self.made(make, None, None, writable);
        Ok(())
    }

    pub(super) fn import(
        &mut self,
        guid: &str,
        name: &str,
        members: &[String],
        foreign: bool,
    ) -> Result<(), PlanError> {
        check_name(guid, "")?;
        check_name(name, "-_.: ")?;
        let mut claimed = false;
        for node in members {
            let device = self.member(node, Format::Zfs, |_| true)?;
            claimed |= device.is_some_and(|device| {
                let mut signatures = device.probe.signatures().iter();
                signatures.any(is_multihost)
            });
        }
        self.load(&["zfs"]);
        self.pools.push(name.to_owned());
        let writable = self.is_writable(name);
        let copied = claimed && !writable;
        let members = if copied {
            self.over_all(members)
        } else {
            members.to_vec()
        };
        let make = Make::Pool {
            guid: guid.to_owned(),
            name: name.to_owned(),
            members,
            foreign,
            writable,
            copied,
        };
        self.push(Action::Make { make });
        Ok(())
    }

    pub(super) fn snapshot(
        &mut self,
        node: &str,
        bytes: u64,
        makes: &str,
    ) -> Result<(), PlanError> {
        mapped(makes)?;
        if bytes == 0 || bytes > MOST_COW {
            return Err(PlanError::CowSize {
                node: node.to_owned(),
                bytes,
                most: MOST_COW,
            });
        }
        let device = self.stand_on(node, Content::Any)?;
        let below = self.made.get(node).and_then(|made| made.shows);
        self.over(node, device.or(below), bytes, makes);
        Ok(())
    }

    /// Snapshots over nodes; gives theirs.
    fn over_all(&mut self, nodes: &[String]) -> Vec<String> {
        let mut made = Vec::new();
        for node in nodes {
            let name = node.trim_start_matches("/dev/").replace('/', "_");
            let makes = format!("/dev/mapper/asl-cow-{name}");
            let device = self
                .facts
                .devices
                .iter()
                .find(|device| device.node == *node);
            let below = self.made.get(node).and_then(|made| made.shows);
            self.over(node, device.or(below), MEMBER_COW, &makes);
            made.push(makes);
        }
        made
    }

    fn over(&mut self, node: &str, shows: Option<&'a Device>, bytes: u64, makes: &str) {
        let file = format!("{COW}/{}", makes.trim_start_matches("/dev/mapper/"));
        self.load(&["loop", "dm_snapshot"]);
        self.make_dir(COW, 0o700);
        self.push(Action::Make {
            make: Make::CowFile {
                path: file.clone(),
                bytes,
            },
        });
        self.push(Action::Make {
            make: Make::CowLoop { file: file.clone() },
        });
        let make = Make::Snapshot {
            node: node.to_owned(),
            file,
            makes: makes.to_owned(),
        };
        self.plan.snapshots.push(makes.to_owned());
        let size = shows.map(|shown| shown.size).filter(|size| *size != 0);
        // It is written to: that is what it is for.
        self.made(make, shows, size, true);
        let snapshot_of = Some(node.to_owned());
        if let Some(made) = self.made.get_mut(makes) {
            made.snapshot_of = snapshot_of;
        }
    }

    /// The action, and what must hold after it.
    fn made(&mut self, make: Make, shows: Option<&'a Device>, size: Option<u64>, writable: bool) {
        let node = make.node().unwrap_or_default().to_owned();
        self.push(Action::Make { make });
        if !writable {
            self.push(Action::SetReadOnly {
                node: node.clone(),
                devnum: None,
                role: Role::Made,
            });
        }
        self.push(Action::Verify {
            node: node.clone(),
            size,
            holds: None,
        });
        self.made.insert(
            node,
            Made {
                shows,
                snapshot_of: None,
            },
        );
    }

    /// Drivers, each named once.
    fn load(&mut self, modules: &[&str]) {
        let known = |module: &str| {
            self.plan.actions.iter().any(|action| {
                matches!(action, Action::Load { modules } if modules.iter().any(|m| m == module))
            })
        };
        let new: Vec<String> = modules
            .iter()
            .filter(|module| !known(module))
            .map(|module| (*module).to_owned())
            .collect();
        if !new.is_empty() {
            self.push(Action::Load { modules: new });
        }
    }

    /// A member that the facts know as one.
    fn member(
        &mut self,
        node: &str,
        format: Format,
        is_of: impl Fn(&Superblock) -> bool,
    ) -> Result<Option<&'a Device>, PlanError> {
        let shown = match self.made.get(node) {
            // Nobody could look into it: the tool finds out.
            Some(made) if made.shows.is_none() => return Ok(None),
            Some(made) => made.shows,
            None => self.facts.devices.iter().find(|d| d.node == node),
        };
        let shown = shown.ok_or_else(|| PlanError::UnknownNode {
            node: node.to_owned(),
        })?;
        let mut sound = shown
            .probe
            .signatures()
            .iter()
            .filter(|signature| signature.format == format)
            .filter_map(Signature::superblock);
        let superblock = sound.find(|superblock| is_of(superblock));
        let superblock = superblock.ok_or_else(|| PlanError::NotAMember {
            node: node.to_owned(),
            of: format.name().to_owned(),
        })?;
        let content = Content::Member {
            format,
            uuid: superblock.uuid.clone(),
        };
        self.stand_on(node, content)?;
        Ok(Some(shown))
    }

    fn view(&self, is: impl Fn(&Device) -> bool) -> Option<&'a Device> {
        let mut views = self.facts.virtuals.devices.iter();
        views.find(|view| view.partition.is_none() && is(view))
    }

    fn pool(&self, format: Format, is: impl Fn(&Pool) -> bool) -> Option<&'a Pool> {
        let pools = self.facts.all_pools();
        let mut pools = pools.filter(|pool| pool.format == format);
        pools.find(|pool| is(pool))
    }
}

/// The id of a view: that of its array or volume.
fn id_of(view: &Device) -> String {
    let id = view.identity.wwid.as_ref();
    id.map_or_else(String::new, asl_facts::Text::printable)
}

fn raid_of(signature: &Signature) -> Option<&Raid> {
    match &signature.superblock()?.content {
        Holding::Raid(raid) => Some(raid),
        _ => None,
    }
}

/// Such a pool is not imported without a claim that is written to it.
fn is_multihost(signature: &Signature) -> bool {
    let content = signature.superblock().map(|found| &found.content);
    matches!(content, Some(Holding::Vdev(vdev)) if vdev.multihost)
}

/// Started read-only, such an array leaves its members alone. md writes a
/// bitmap's superblock all the same, replays a journal, and what the levels
/// with parity write (a partial parity log) was not tried.
fn is_quiet(raid: &Raid) -> bool {
    let level = ["raid0", "raid1", "raid10"].contains(&raid.level.as_str());
    level && raid.clean && !raid.bitmap && !raid.journal
}

/// The module of a level, of md or of a raid volume.
fn personality(level: &str) -> Option<&'static str> {
    Some(match level {
        level if level.starts_with("raid10") => "raid10",
        level if level.starts_with("raid0") => "raid0",
        level if level.starts_with("raid1") => "raid1",
        level
            if ["raid4", "raid5", "raid6"]
                .iter()
                .any(|p| level.starts_with(p)) =>
        {
            "raid456"
        }
        _ => return None,
    })
}

/// mdadm has colons where a UUID has dashes, and a disk may be asked for in
/// capitals.
fn same_id(a: &str, b: &str) -> bool {
    let digits = |id: &str| -> String {
        id.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    !a.is_empty() && digits(a) == digits(b)
}

fn numbered(node: &str, prefix: &str) -> Result<(), PlanError> {
    let digits = node.strip_prefix(prefix).unwrap_or_default();
    if !digits.is_empty() && digits.len() < 8 && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(())
    } else {
        Err(PlanError::BadName {
            name: node.to_owned(),
        })
    }
}

fn mapped(node: &str) -> Result<(), PlanError> {
    match node.strip_prefix("/dev/mapper/") {
        Some(name) if name != "control" => check_name(name, LVM),
        _ => Err(PlanError::BadName {
            name: node.to_owned(),
        }),
    }
}
