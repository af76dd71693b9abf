//! The compact form of a situation, and what it stands for.
//!
//! A device is one table; what it does not say is that of a sound, clean disk
//! of 64 MiB. The disk of a partition need not be written down.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::result_large_err,
    reason = "a test may panic, and its numbers are small"
)]

pub(crate) mod layers;

use asl_config::{Config, ConfigError};
use asl_decide::{Cause, Report, decide, rerun};
use asl_facts::{
    Container, Content, Damage, Device, DeviceKind, Facts, Filesystem, Format, Identity, IoFault,
    LiveUse, LogState, LogicalVolume, Look, Outcome, Part, Partition, PhysicalVolume, Piece, Probe,
    Remote, SCHEMA, Segment, Signature, Standing, Store, Superblock, Swap, System, Text, Use,
    Virtuals, VolumeGroup,
};
use layers::{Group, View, store};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;

const MIB: u64 = 1 << 20;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Situation {
    /// The rule that it is about.
    pub(crate) about: String,
    /// Keys and values of the configuration.
    #[serde(default)]
    pub(crate) config: BTreeMap<String, String>,
    /// The configuration could not be read: this key was wrong.
    pub(crate) config_error: Option<String>,
    /// What the system can mount, if not everything.
    pub(crate) drivers: Option<Vec<String>>,
    /// Drivers and programs of layers that the system has not.
    #[serde(default)]
    pub(crate) lacks: Vec<String>,
    /// The endpoint `answers` or is `silent`.
    pub(crate) remote: Option<String>,
    #[serde(default)]
    pub(crate) device: Vec<Dev>,
    /// Arrays, groups and pools.
    #[serde(default)]
    pub(crate) pool: Vec<Group>,
    /// What shows through them.
    #[serde(default)]
    pub(crate) view: Vec<View>,
    /// What is served was decided with these devices and the same
    /// configuration; now the kernel said that something changed.
    pub(crate) before: Option<Vec<Dev>>,
    /// Configuration of that decision, where it was another one.
    pub(crate) before_config: Option<BTreeMap<String, String>>,
    /// What the endpoint did then, where it was something else.
    pub(crate) before_remote: Option<String>,
    /// It is not served any more: intake was stopped.
    #[serde(default)]
    pub(crate) stopped: bool,
    /// Who wants the new decision is the operator.
    #[serde(default)]
    pub(crate) asked: bool,
    pub(crate) expect: Expect,
}

/// What layers need, all of which the system has unless `lacks` says so.
pub(crate) const DRIVERS: &[&str] = &[
    "dm_crypt",
    "dm_mod",
    "dm_raid",
    "dm_snapshot",
    "loop",
    "nfsv4",
    "raid0",
    "raid1",
    "raid10",
    "raid456",
    "zfs",
];
pub(crate) const TOOLS: &[&str] = &[
    "cryptsetup",
    "dmsetup",
    "losetup",
    "lvm",
    "mdadm",
    "mount.nfs",
    "zpool",
];

/// One device.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dev {
    pub(crate) name: String,
    pub(crate) mib: Option<u64>,
    pub(crate) serial: Option<String>,
    pub(crate) wwid: Option<String>,
    pub(crate) partuuid: Option<String>,
    pub(crate) fs: Option<Format>,
    pub(crate) uuid: Option<String>,
    pub(crate) label: Option<String>,
    /// The id of an identified store at the root.
    pub(crate) store: Option<String>,
    /// A bare layout at the root.
    pub(crate) layout: bool,
    /// Stores elsewhere: path to id; an empty id is a bare layout.
    pub(crate) stores: BTreeMap<String, String>,
    pub(crate) dirty: bool,
    pub(crate) replayed: bool,
    pub(crate) log_unknown: bool,
    /// Why the reader refused it.
    pub(crate) unreadable: Option<String>,
    /// The broken rule; no other copy is valid.
    pub(crate) damaged: Option<String>,
    /// The broken rule of a copy.
    pub(crate) damaged_copy: Option<String>,
    pub(crate) errors: bool,
    pub(crate) features: Vec<String>,
    /// Devices of one btrfs.
    pub(crate) spans: Option<u64>,
    /// A second valid signature.
    pub(crate) also: Option<Format>,
    pub(crate) failed: Option<String>,
    pub(crate) timeout: bool,
    pub(crate) skipped: Option<String>,
    pub(crate) live: Option<LiveUse>,
    pub(crate) mounted: Option<String>,
    pub(crate) writable: bool,
    pub(crate) swap: bool,
    pub(crate) holders: Vec<String>,
    pub(crate) slaves: Vec<String>,
    pub(crate) transport: Option<String>,
    /// A member of the pool with this id; empty where it names none.
    pub(crate) member: Option<String>,
    /// Version of the metadata that it holds, if not the pool's.
    pub(crate) seqno: Option<u64>,
    /// Logical volumes that its metadata names, with the kind of each.
    pub(crate) volumes: BTreeMap<String, String>,
    /// A system sleeps on it.
    pub(crate) hibernated: bool,
    /// What was under way in a container.
    pub(crate) under_way: Option<String>,
    /// Live part of the log, MiB.
    pub(crate) log_mib: Option<u64>,
    /// Where its superblock lies; in the middle of a disk it is a partition's.
    pub(crate) offset: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    pub(crate) mode: String,
    pub(crate) rule: String,
    /// The rule's name if it is not written down.
    pub(crate) code: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) store: Option<String>,
    /// Where it has to be seen.
    pub(crate) mount: Option<String>,
    /// Words of the reason or the hint.
    pub(crate) says: Vec<String>,
    /// Words of a note.
    pub(crate) notes: Vec<String>,
    /// How many places there are where a store could be.
    pub(crate) candidates: Option<usize>,
    /// Node and code of a candidate.
    pub(crate) judged: BTreeMap<String, String>,
    /// Node or dataset that is mounted.
    pub(crate) mounted: Option<String>,
    /// Directory that is bound to the mount point.
    pub(crate) bind: Option<String>,
    /// Options of the mount.
    pub(crate) options: Option<String>,
    /// `ro` if it is not written down.
    pub(crate) access: Option<String>,
    /// Kinds of the steps before the mount.
    pub(crate) steps: Vec<String>,
}

/// Where the situations are, a file each.
pub(crate) const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/decide");

/// The situation of this name.
pub(crate) fn named(name: &str) -> Situation {
    let text = fs::read_to_string(format!("{DIRECTORY}/{name}.toml"));
    let text = text.unwrap_or_else(|error| panic!("{name}: {error}"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

impl Situation {
    /// The situation before, if this one follows another.
    pub(crate) fn earlier(&self) -> Option<Situation> {
        let device = self.before.clone()?;
        Some(Situation {
            device,
            before: None,
            config: self
                .before_config
                .clone()
                .unwrap_or_else(|| self.config.clone()),
            config_error: None,
            remote: self.before_remote.clone().or_else(|| self.remote.clone()),
            ..self.clone()
        })
    }

    pub(crate) fn report(&self) -> Report {
        let facts = self.facts();
        let decision = decide(&facts, self.config().as_ref());
        let next = Report {
            schema: SCHEMA,
            facts,
            decision,
        };
        let cause = if self.asked {
            Cause::Operator
        } else {
            Cause::Watcher
        };
        match self.earlier() {
            Some(earlier) => rerun(&earlier.report(), !self.stopped, cause, next),
            None => next,
        }
    }

    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        if let Some(key) = &self.config_error {
            return Err(ConfigError {
                file: "/etc/asl/asl.conf".to_owned(),
                line: Some(3),
                column: Some(8),
                key: Some(key.clone()),
                seen: "`maybe`".to_owned(),
                expected: "something else".to_owned(),
                hint: "correct /etc/asl/asl.conf".to_owned(),
            });
        }
        // `use` is the session's own key.
        let pairs = self.config.iter().filter(|(key, _)| *key != "use");
        let mut config = Config::from_pairs(pairs.map(|(key, value)| (&**key, &**value)))?;
        config.r#use = self.config.get("use").map(|pick| pick.parse().unwrap());
        Ok(config)
    }

    pub(crate) fn facts(&self) -> Facts {
        let all = ["btrfs", "ext4", "xfs"].map(str::to_owned).to_vec();
        let endpoint = || self.config["remote.endpoint"].clone();
        let mut devices: Vec<Device> = self.device.iter().map(Dev::device).collect();
        for dev in &self.device {
            let parent = parent(&dev.name);
            if let Some(parent) = parent
                && !devices.iter().any(|device| device.name == parent)
            {
                let disk = Dev {
                    name: parent.to_owned(),
                    mib: Some(1024),
                    serial: dev.serial.clone(),
                    wwid: dev.wwid.clone(),
                    ..Dev::default()
                };
                devices.push(disk.device());
            }
        }
        asl_topology::rank(&mut devices);
        let mut pools = asl_topology::pools(&devices);
        pools.retain(|pool| self.pool.iter().all(|known| known.id != pool.id));
        pools.extend(self.pool.iter().map(Group::pool));
        Facts {
            system: System {
                filesystems: self.drivers.clone().unwrap_or(all),
                memory_bytes: 1 << 30,
                drivers: self.all_but_lacking(DRIVERS),
                tools: self.all_but_lacking(TOOLS),
            },
            twins: asl_topology::twins(&devices),
            virtuals: self.virtuals(&devices),
            pools,
            devices,
            remote: match self.remote.as_deref() {
                None => Remote::None,
                Some("answers") => Remote::Answers {
                    endpoint: endpoint(),
                },
                Some(why) => Remote::Silent {
                    endpoint: endpoint(),
                    why: why.to_owned(),
                },
            },
            ..Facts::new("b0", 1)
        }
    }
}

impl Situation {
    fn all_but_lacking(&self, all: &[&str]) -> Vec<String> {
        let has = |one: &&&str| !self.lacks.iter().any(|lacking| lacking == **one);
        all.iter()
            .filter(has)
            .map(|one| (*one).to_owned())
            .collect()
    }

    fn virtuals(&self, devices: &[Device]) -> Virtuals {
        let mut views: Vec<Device> = self.view.iter().map(View::device).collect();
        asl_topology::rank(&mut views);
        let is_view = |name: &String| !devices.iter().any(|device| device.name == *name);
        let pools = self
            .pool
            .iter()
            .filter(|pool| pool.members.iter().any(is_view))
            .map(Group::pool)
            .collect();
        Virtuals {
            devices: views,
            pools,
        }
    }
}

/// `sda` for `sda1`, `loop0` for `loop0p1`.
fn parent(name: &str) -> Option<&str> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == name.len() || ["md", "dm-", "loop", "sr"].contains(&stem) {
        return None;
    }
    Some(
        stem.strip_suffix('p')
            .filter(|stem| stem.ends_with(char::is_numeric))
            .unwrap_or(stem),
    )
}

impl Dev {
    fn kind(&self) -> DeviceKind {
        let kinds = [
            ("md", DeviceKind::Md),
            ("dm-", DeviceKind::Dm),
            ("sr", DeviceKind::Rom),
            ("loop", DeviceKind::Loop),
        ];
        if parent(&self.name).is_some() {
            return DeviceKind::Partition;
        }
        let of =
            |(prefix, kind): &(&str, DeviceKind)| self.name.starts_with(prefix).then_some(*kind);
        kinds.iter().find_map(of).unwrap_or(DeviceKind::Disk)
    }

    pub(crate) fn device(&self) -> Device {
        let kind = self.kind();
        let parent = parent(&self.name).map(str::to_owned);
        let disk = parent.clone().unwrap_or(self.name.clone());
        let physical = matches!(kind, DeviceKind::Disk | DeviceKind::Partition);
        let serial = self
            .serial
            .clone()
            .or(physical.then(|| format!("S-{disk}")));
        let number = self.name[disk.len()..]
            .trim_start_matches('p')
            .parse()
            .unwrap_or(0);
        let mounted = self.mounted.clone().map(|target| Use::Mounted {
            target,
            read_only: !self.writable,
        });
        Device {
            devnum: "8:0".to_owned(),
            slaves: self.slaves.clone(),
            holders: self.holders.clone(),
            partition: parent.is_some().then(|| Partition {
                number,
                start: u64::from(number) * 100 * MIB,
                uuid: self.partuuid.clone(),
                name: None,
            }),
            parent,
            identity: Identity {
                model: physical.then(|| Text::from("QEMU HARDDISK")),
                serial: serial.as_deref().map(Text::from),
                wwid: self.wwid.as_deref().map(Text::from),
                transport: self.transport.clone(),
            },
            backing_file: (kind == DeviceKind::Loop).then(|| format!("/tmp/{disk}.img")),
            uses: mounted
                .into_iter()
                .chain(self.swap.then_some(Use::Swap))
                .collect(),
            live: self.live,
            probe: self.probe(),
            ..Device::new(self.name.as_str(), kind, self.mib.unwrap_or(64) * MIB)
        }
    }

    fn probe(&self) -> Probe {
        if let Some(error) = &self.failed {
            return Probe::Failed(IoFault {
                offset: Some(1024),
                error: error.clone(),
            });
        }
        if self.timeout {
            return Probe::TimedOut { after_ms: 5000 };
        }
        if let Some(why) = &self.skipped {
            return Probe::skipped(why.as_str());
        }
        let mut signatures = Vec::new();
        if let Some(format) = self.fs {
            signatures.push(Signature {
                format,
                offset: self.offset.unwrap_or(1024),
                outcome: match &self.damaged {
                    Some(rule) => Outcome::Damaged(damage(rule)),
                    None => Outcome::Found(Box::new(self.superblock())),
                },
                standing: Standing::Content,
            });
        }
        if let Some(format) = self.also {
            let other = Dev {
                uuid: Some("other".to_owned()),
                ..Dev::default()
            };
            signatures.push(Signature {
                format,
                offset: 65536,
                outcome: Outcome::Found(Box::new(other.superblock())),
                standing: Standing::Content,
            });
        }
        Probe::Read {
            reads: 2,
            bytes: 131_072,
            blank: signatures.is_empty(),
            faults: Vec::new(),
            signatures,
        }
    }

    fn superblock(&self) -> Superblock {
        Superblock {
            uuid: Some(self.uuid.clone().unwrap_or(format!("fs-{}", self.name))),
            label: self.label.as_deref().map(Text::from),
            version: None,
            size: self.mib.unwrap_or(64) * MIB,
            unknown_features: self.features.clone(),
            damaged_copies: self.damaged_copy.iter().map(|rule| damage(rule)).collect(),
            content: self.content(),
        }
    }

    fn content(&self) -> Content {
        if let Some(whole) = &self.member {
            return self.part(whole);
        }
        match self.fs {
            Some(Format::Swap) => Content::Swap(Swap {
                page_size: 4096,
                hibernated: self.hibernated.then(|| "S1SUSPEND".to_owned()),
            }),
            Some(
                format @ (Format::Luks | Format::Bitlocker | Format::Integrity | Format::Verity),
            ) => Content::Container(Container {
                locked: matches!(format, Format::Luks | Format::Bitlocker),
                algorithm: None,
                key_bits: None,
                keyslots: Vec::new(),
                tokens: Vec::new(),
                subsystem: None,
                data_offset: None,
                data_size: None,
                sector_size: None,
                generation: 0,
                under_way: self.under_way.clone(),
                suspended: false,
            }),
            _ => Content::Filesystem(self.filesystem()),
        }
    }

    /// A member, of which the rules need the metadata of a group and no more:
    /// the pool is written down by itself.
    fn part(&self, whole: &str) -> Content {
        if self.fs != Some(Format::Lvm2) {
            return Content::Piece(Piece {
                whole: (!whole.is_empty()).then(|| whole.to_owned()),
                name: None,
                role: "member".to_owned(),
                state: None,
                data_offset: None,
                generation: 7,
            });
        }
        let logical = self.volumes.iter().map(|(name, kind)| LogicalVolume {
            id: name.clone(),
            name: name.clone(),
            status: vec!["VISIBLE".to_owned()],
            segments: vec![Segment {
                start: 0,
                extents: 16,
                kind: kind.clone(),
                stripe: 0,
                places: Vec::new(),
                needs: Vec::new(),
                numbers: Vec::new(),
            }],
        });
        Content::PhysicalVolume(PhysicalVolume {
            group: Some(VolumeGroup {
                id: whole.to_owned(),
                name: whole.to_owned(),
                seqno: self.seqno.unwrap_or(7),
                system_id: None,
                lock_type: None,
                status: Vec::new(),
                extent_size: 4 * MIB,
                physical: Vec::new(),
                logical: logical.collect(),
            }),
            areas: Vec::new(),
            data_offset: MIB,
            used: true,
        })
    }

    fn filesystem(&self) -> Filesystem {
        Filesystem {
            block_size: 4096,
            log: match (self.dirty, self.log_unknown) {
                (true, _) => LogState::NeedsReplay {
                    live_bytes: Some(self.log_mib.map_or(8192, |mib| mib * MIB)),
                },
                (_, true) => LogState::Unknown,
                _ => LogState::Clean,
            },
            devices: self.spans.unwrap_or(1),
            part: self.spans.map(|_| Part {
                number: self.name.bytes().map(u64::from).sum(),
                uuid: None,
                size: 64 * MIB,
                generation: 9,
                seed: false,
            }),
            errors: self.errors,
            hibernated: self.hibernated,
            look: match &self.unreadable {
                Some(why) => Look::Unreadable { why: why.clone() },
                None => Look::Read {
                    stores: self.all_stores(),
                    replayed: self.replayed,
                },
            },
        }
    }

    fn all_stores(&self) -> Vec<Store> {
        let root = self.store.iter().map(|id| store("/", Some(id)));
        let bare = self.layout.then(|| store("/", None));
        let below = self
            .stores
            .iter()
            .map(|(path, id)| store(path, (!id.is_empty()).then_some(id)));
        root.chain(bare).chain(below).collect()
    }
}

fn damage(rule: &str) -> Damage {
    Damage {
        offset: 1024,
        rule: rule.to_owned(),
        seen: "0x1".to_owned(),
        expected: "0x2".to_owned(),
    }
}
