//! Images, what is seen through them, and what a test asks of that.

use asl_facts::{Content, Device, DeviceKind, Look, Outcome, Probe, Virtuals};
use asl_probe::Metered;
use asl_stack::{Named, Node, see_through};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const STORE_ID: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
const BUDGET: u64 = 1 << 30;

/// Runs a tool that must succeed, with this for its standard input.
pub(crate) fn done(command: &[&str], input: &str) -> String {
    let search = std::env::var("PATH").unwrap_or_default();
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .env("PATH", format!("{search}:/usr/sbin:/sbin"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: install it", command[0]));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A directory that holds a store.
pub(crate) fn tree_with_store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["blocks", "segments", "snapshots", "logs", "meta"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    let marker = format!("format = \"asl-store\"\nversion = 1\nuuid = \"{STORE_ID}\"\n");
    fs::write(dir.path().join("meta/store.toml"), marker).unwrap();
    dir
}

/// A file system of `mib` MiB holding `tree`.
pub(crate) fn filesystem(format: &str, mib: u64, tree: &Path) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    fs::File::create(&path).unwrap().set_len(mib * MIB).unwrap();
    let (path, tree) = (path.to_str().unwrap(), tree.to_str().unwrap());
    match format {
        "xfs" => {
            let proto = dir.path().join("proto");
            let marker = format!("{tree}/meta/store.toml");
            let text = format!(
                "none\n0 0\nd--755 0 0\nblocks d--755 0 0\n$\nsegments d--755 0 0\n$\n\
                 snapshots d--755 0 0\n$\nlogs d--755 0 0\n$\nmeta d--755 0 0\n\
                 store.toml ---644 0 0 {marker}\n$\n$\n"
            );
            fs::write(&proto, text).unwrap();
            let proto = proto.to_str().unwrap();
            done(&["mkfs.xfs", "-q", "-p", proto, path], "");
        }
        "btrfs" => {
            done(&["mkfs.btrfs", "-q", "-r", tree, path], "");
        }
        ext => {
            done(&["mke2fs", "-q", "-t", ext, "-d", tree, path], "");
        }
    }
    fs::read(path).unwrap()
}

/// A disk of `mib` MiB with a table by sfdisk, and this content at these
/// offsets.
pub(crate) fn disk_with(script: &str, mib: u64, parts: &[(u64, &Vec<u8>)]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    fs::File::create(&path).unwrap().set_len(mib * MIB).unwrap();
    done(&["sfdisk", "-q", path.to_str().unwrap()], script);
    let mut disk = fs::read(&path).unwrap();
    for (at, bytes) in parts {
        let at = usize::try_from(*at).unwrap();
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    }
    disk
}

/// Images as devices, read as a scan reads them.
pub(crate) fn devices(images: &[Vec<u8>]) -> Vec<(Device, Node)> {
    let mut devices = Vec::new();
    for (number, image) in images.iter().enumerate() {
        let name = format!("disk{number}");
        let node: Node = Arc::new(Named::new(name.clone(), image.clone()));
        let mut device = Device {
            probe: read(&node),
            ..Device::new(name, DeviceKind::Disk, node.size())
        };
        asl_topology::rank(std::slice::from_mut(&mut device));
        devices.push((device, node));
    }
    devices
}

fn read(node: &Node) -> Probe {
    let dev = Arc::new(Metered::new(node.clone(), BUDGET, Arc::default()));
    let probed = match asl_probe::probe(&*dev) {
        Ok(probed) => probed,
        Err(fault) => {
            return Probe::Failed(asl_facts::IoFault {
                offset: Some(fault.offset),
                error: fault.error.to_string(),
            });
        }
    };
    let mut signatures = probed.signatures;
    for signature in &mut signatures {
        let format = signature.format;
        let Outcome::Found(superblock) = &mut signature.outcome else {
            continue;
        };
        if superblock.filesystem().is_none() {
            continue;
        }
        let shared: asl_tree::Shared = dev.clone();
        let look = asl_tree::look(&shared, format, superblock);
        if let Content::Filesystem(filesystem) = &mut superblock.content {
            filesystem.look = look;
        }
    }
    Probe::Read {
        reads: 0,
        bytes: dev.bytes(),
        blank: probed.blank,
        faults: Vec::new(),
        signatures,
    }
}

pub(crate) fn see(devices: Vec<(Device, Node)>) -> Virtuals {
    let (devices, nodes): (Vec<Device>, Vec<Node>) = devices.into_iter().unzip();
    let open = |device: &Device| {
        let at = devices.iter().position(|other| other.name == device.name)?;
        Some(nodes[at].clone())
    };
    let through = see_through(&devices, &open, &mut |views| {
        let views = views.into_iter();
        views
            .map(|(name, node)| {
                let probe = read(&node);
                (name, probe)
            })
            .collect::<BTreeMap<_, _>>()
    });
    through.virtuals
}

pub(crate) fn see_images(images: Vec<Vec<u8>>) -> Virtuals {
    see(devices(&images))
}

/// Names of the view that the only store is on and of all below it, from the
/// top.
pub(crate) fn only_store(seen: &Virtuals) -> Vec<String> {
    let has_store = |device: &&Device| {
        let mut filesystems = device.probe.signatures().iter();
        filesystems.any(|signature| match signature.filesystem() {
            Some((_, filesystem)) => match &filesystem.look {
                Look::Read { stores, .. } => stores
                    .iter()
                    .any(|store| store.id.as_deref() == Some(STORE_ID)),
                _ => false,
            },
            None => false,
        })
    };
    let with: Vec<&Device> = seen.devices.iter().filter(has_store).collect();
    assert_eq!(with.len(), 1, "{seen:#?}");
    let mut names = vec![with[0].name.clone()];
    let mut next = 0;
    while let Some(name) = names.get(next) {
        let device = seen.devices.iter().find(|device| device.name == *name);
        names.extend(
            device
                .map(|device| device.slaves.clone())
                .unwrap_or_default(),
        );
        next += 1;
    }
    names
}

/// Why the view of this name could not be read.
pub(crate) fn refusal(seen: &Virtuals, name: &str) -> String {
    let device = seen.devices.iter().find(|device| device.name == name);
    match &device.unwrap_or_else(|| panic!("{name}: {seen:#?}")).probe {
        Probe::Skipped { why } => why.clone(),
        other => panic!("{name}: {other:?}"),
    }
}
