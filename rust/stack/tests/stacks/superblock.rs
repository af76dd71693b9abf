//! md superblocks of version 1, as mdadm writes them.

use crate::md_sum::summed;

pub(crate) const DATA: usize = 1 << 20;

/// An array to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Array {
    pub(crate) level: &'static str,
    pub(crate) layout: u32,
    pub(crate) chunk_kib: u32,
    pub(crate) disks: usize,
    /// Version 1.x.
    pub(crate) minor: u32,
    pub(crate) clean: bool,
    pub(crate) events: u64,
    /// Data of each member, MiB; empty where all are alike.
    pub(crate) sizes: &'static [usize],
    /// The layout of a raid0 is written down.
    pub(crate) recorded: bool,
}

impl Array {
    pub(crate) const fn of(level: &'static str, layout: u32, chunk_kib: u32, disks: usize) -> Self {
        Self {
            level,
            layout,
            chunk_kib,
            disks,
            minor: 2,
            clean: true,
            events: 77,
            sizes: &[],
            recorded: true,
        }
    }

    pub(crate) fn chunk(&self) -> usize {
        usize::try_from(self.chunk_kib).unwrap() * 1024
    }

    /// A member with this data.
    pub(crate) fn member(&self, slot: usize, data: &[u8]) -> Vec<u8> {
        let (at, start, len) = match self.minor {
            // The superblock behind the data, and nothing else there.
            0 => {
                let len = data.len() + 64 * 1024;
                ((len - 8192) / 4096 * 4096, 0, len)
            }
            _ => (4096, DATA, DATA + data.len() + 4096),
        };
        let mut image = vec![0; len];
        image[start..start + data.len()].copy_from_slice(data);
        let sb = self.bytes(slot, at, start, data.len());
        image[at..at + sb.len()].copy_from_slice(&sb);
        image
    }

    fn bytes(&self, slot: usize, at: usize, start: usize, data: usize) -> Vec<u8> {
        let sectors = |bytes: usize| u64::try_from(bytes / 512).unwrap();
        let level: i32 = match self.level {
            "linear" => -1,
            level => level.trim_start_matches("raid").parse().unwrap(),
        };
        let mut sb = vec![0; 256 + 2 * self.disks];
        let mut put = |at: usize, bytes: &[u8]| sb[at..][..bytes.len()].copy_from_slice(bytes);
        put(0, &0xa92b_4efc_u32.to_le_bytes());
        put(4, &1_u32.to_le_bytes());
        if level == 0 && self.recorded {
            put(8, &0x1000_u32.to_le_bytes());
        }
        put(16, b"\xa5\x10\0\0\0\0\x40\0\x80\0the-s!");
        put(32, b"vm:array");
        put(72, &level.to_le_bytes());
        let layout = if self.recorded { self.layout } else { 0 };
        put(76, &layout.to_le_bytes());
        put(80, &sectors(data).to_le_bytes());
        put(88, &(self.chunk_kib * 2).to_le_bytes());
        put(92, &u32::try_from(self.disks).unwrap().to_le_bytes());
        put(128, &sectors(start).to_le_bytes());
        put(136, &sectors(data).to_le_bytes());
        put(144, &sectors(at).to_le_bytes());
        put(160, &u32::try_from(slot).unwrap().to_le_bytes());
        put(168, format!("device-{slot:09}").as_bytes());
        put(200, &self.events.to_le_bytes());
        let resync = if self.clean { u64::MAX } else { 0 };
        put(208, &resync.to_le_bytes());
        put(220, &u32::try_from(self.disks).unwrap().to_le_bytes());
        for disk in 0..self.disks {
            put(256 + 2 * disk, &u16::try_from(disk).unwrap().to_le_bytes());
        }
        summed(sb)
    }
}
