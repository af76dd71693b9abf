//! Messages of the kernel about devices.
//!
//! `ACTION@DEVPATH`, then `KEY=VALUE` for each variable, all ended by NUL:
//! Linux `lib/kobject_uevent.c`. udev's own messages have another group and
//! begin with `libudev`.

/// Kernel name of the block device that a message is about; none where it is
/// about something else or is no message.
#[must_use]
pub fn block_device(message: &[u8]) -> Option<String> {
    let mut fields = message.split(|byte| *byte == 0);
    let (_, path) = std::str::from_utf8(fields.next()?).ok()?.split_once('@')?;
    if !fields.any(|field| field == b"SUBSYSTEM=block") {
        return None;
    }
    let name = path.rsplit('/').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_the_name_that_its_path_ends_in() {
        let message = b"add@/devices/pci0000:00/block/sda/sda1\0ACTION=add\0\
            DEVPATH=/devices/pci0000:00/block/sda/sda1\0SUBSYSTEM=block\0DEVNAME=sda1\0";
        assert_eq!(block_device(message).as_deref(), Some("sda1"));
    }

    #[test]
    fn other_subsystems_and_other_messages_are_none() {
        for message in [
            b"add@/devices/virtual/net/lo\0ACTION=add\0SUBSYSTEM=net\0".as_slice(),
            b"libudev\0\xfe\xed\xca\xfe SUBSYSTEM=block\0",
            b"add@/\0SUBSYSTEM=block\0",
            b"\xff@/x\0SUBSYSTEM=block\0",
            b"",
        ] {
            assert_eq!(block_device(message), None);
        }
    }
}
