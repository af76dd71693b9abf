//! How texts name things. A node name says nothing about which disk it is,
//! so the disk comes first: model, serial and size, then the node.

use crate::stack;
use asl_facts::{Device, DeviceKind, Facts, Format, Pool, Text};

/// Things named in one sentence; the rest is counted and stands in facts.json.
const MAX_NAMED: usize = 4;

/// Its node; of a view its name.
pub(crate) fn node(device: &Device) -> &str {
    if device.node.is_empty() {
        &device.name
    } else {
        &device.node
    }
}

/// `raid1 host:0` or `lvm2 data`.
#[must_use]
pub fn pool_name(pool: &Pool) -> String {
    let name = pool.name.as_ref().map(Text::printable);
    let name = name.unwrap_or_else(|| pool.id.clone());
    match &pool.level {
        Some(level) if pool.format == Format::Md => format!("{level} {name}"),
        _ => format!("{} {name}", pool.format),
    }
}

/// `QEMU HARDDISK (serial S1, 8.0 GiB) /dev/sda1`; of a view its name and
/// the disks below it.
#[must_use]
pub fn place(facts: &Facts, device: &Device) -> String {
    if device.kind == DeviceKind::Virtual {
        let leaves = stack::stack(facts, &[device], None).leaves;
        let places: Vec<String> = leaves.iter().map(|leaf| place(facts, leaf)).collect();
        let name = Text::from(device.name.as_str()).printable();
        return format!("{name} ({})", list(&places));
    }
    let disk = facts.disk_of(device);
    let identity = &device.identity;
    let model = identity.model.as_ref().map(Text::printable);
    let model = model.unwrap_or_else(|| kind(disk).to_owned());
    let id = match (&identity.serial, &identity.wwid, &disk.backing_file) {
        (Some(serial), _, _) => format!("serial {}", serial.printable()),
        (None, Some(wwid), _) => format!("wwid {}", wwid.printable()),
        (None, None, Some(file)) => format!("file {}", Text::from(file.as_str()).printable()),
        (None, None, None) => "no serial".to_owned(),
    };
    format!("{model} ({id}, {}) {}", size(disk.size), device.node)
}

fn kind(device: &Device) -> &'static str {
    match device.kind {
        DeviceKind::Disk => "disk",
        DeviceKind::Partition => "partition",
        DeviceKind::Loop => "loop device",
        DeviceKind::Md => "md array",
        DeviceKind::Dm => "mapped device",
        DeviceKind::Rom => "optical drive",
        DeviceKind::Virtual => "device seen through its members",
    }
}

/// `64 MiB`, `1.5 GiB`: at most three digits and a unit.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    const STEP: u64 = 1024;
    if bytes < STEP {
        return format!("{bytes} bytes");
    }
    let mut tenths = bytes.saturating_mul(10) / STEP;
    let mut unit = "KiB";
    // Past 1.6 EiB the product above saturates; no device is that large.
    for next in UNITS.iter().skip(1) {
        if tenths < STEP.saturating_mul(10) {
            break;
        }
        tenths /= STEP;
        unit = next;
    }
    if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// `a; b; c`, and how many more there are.
pub(crate) fn list(items: &[String]) -> String {
    let mut shown: Vec<String> = items.iter().take(MAX_NAMED).cloned().collect();
    let rest = items.len().saturating_sub(MAX_NAMED);
    if rest > 0 {
        shown.push(format!("and {rest} more in /run/asl/facts.json"));
    }
    shown.join("; ")
}

/// The command that checks a file system and writes nothing.
pub(crate) fn check_command(format: Format, node: &str) -> String {
    match format {
        Format::Ext2 | Format::Ext3 | Format::Ext4 => format!("e2fsck -n {node}"),
        Format::Xfs => format!("xfs_repair -n {node}"),
        Format::Btrfs => format!("btrfs check --readonly {node}"),
        _ => format!("asl-debug probe {node}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_at_most_one_decimal() {
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(1024), "1 KiB");
        assert_eq!(size(64 << 20), "64 MiB");
        assert_eq!(size(3 << 29), "1.5 GiB");
        assert_eq!(size(1_000_204_886_016), "931 GiB");
        assert_eq!(size(u64::MAX), "1.5 EiB");
    }

    #[test]
    fn a_long_list_is_counted() {
        let items: Vec<String> = (0..6).map(|n| n.to_string()).collect();
        assert_eq!(
            list(&items),
            "0; 1; 2; 3; and 2 more in /run/asl/facts.json"
        );
    }
}
