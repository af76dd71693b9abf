//! LVM2 volumes put together around a text that LVM wrote: LVM itself writes
//! to block devices only.

use crc::{Algorithm, Crc};
use std::path::{Path, PathBuf};

/// Size of an image, and of a metadata area, bytes.
pub(crate) const SIZE: usize = 4 << 20;
pub(crate) const AREA: usize = 1_044_480;
/// Where LVM puts them.
pub(crate) const FIRST: usize = 4096;
pub(crate) const SECOND: usize = SIZE - AREA;

/// The text of the group `kinds`; see `lvm2/README.md`.
pub(crate) fn text() -> String {
    std::fs::read_to_string(text_path()).unwrap()
}

pub(crate) fn text_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/lvm2/kinds.txt")
}

/// crc32 as LVM starts and ends it.
static CRC: Crc<u32> = Crc::<u32>::new(&Algorithm {
    width: 32,
    poly: 0x04c1_1db7,
    init: 0xf597_a6cf_u32.reverse_bits(),
    refin: true,
    refout: true,
    xorout: 0,
    check: 0,
    residue: 0,
});

fn crc(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// A physical volume in the making.
#[derive(Clone)]
pub(crate) struct Volume {
    /// Sector of the label.
    pub(crate) sector: usize,
    pub(crate) used: bool,
    /// Metadata areas: first byte, place of the text in it, text.
    pub(crate) areas: Vec<(usize, usize, String)>,
}

impl Volume {
    pub(crate) fn new(areas: Vec<(usize, usize, String)>) -> Self {
        Self {
            sector: 1,
            used: true,
            areas,
        }
    }

    /// The group `kinds` in one area.
    pub(crate) fn kinds() -> Self {
        Self::new(vec![(FIRST, 512, text())])
    }

    pub(crate) fn with(text: String) -> Self {
        Self::new(vec![(FIRST, 512, text)])
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        let mut label = vec![0; 512];
        put(&mut label, 0, b"LABELONE");
        put64(&mut label, 8, self.sector);
        put32(&mut label, 20, 32);
        put(&mut label, 24, b"LVM2 001");
        put(&mut label, 32, b"fj6Kpu9541pzWiPM3exynhNbQ6gdYX1R");
        put64(&mut label, 64, SIZE);
        put64(&mut label, 72, 1 << 20);
        let mut at = 104;
        for (start, _, _) in &self.areas {
            put64(&mut label, at, *start);
            put64(&mut label, at + 8, AREA);
            at += 16;
        }
        put32(&mut label, at + 16, 2);
        put32(&mut label, at + 20, u32::from(self.used));
        seal_label(&mut label);
        put(&mut bytes, self.sector * 512, &label);
        for (start, place, text) in &self.areas {
            let text = [text.as_bytes(), b"\0"].concat();
            let mut header = vec![0; 512];
            put(&mut header, 4, b" LVM2 x[5A%r0N*>");
            put32(&mut header, 20, 1);
            put64(&mut header, 24, *start);
            put64(&mut header, 32, AREA);
            if text.len() > 1 {
                put64(&mut header, 40, *place);
                put64(&mut header, 48, text.len());
                put32(&mut header, 56, crc(&text));
            }
            seal_area(&mut header);
            put(&mut bytes, *start, &header);
            let first = text.len().min(AREA - place);
            put(&mut bytes, start + place, &text[..first]);
            put(&mut bytes, start + 512, &text[first..]);
        }
        bytes
    }

    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.bytes()).unwrap();
    }
}

pub(crate) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..][..new.len()].copy_from_slice(new);
}

pub(crate) fn put32(bytes: &mut [u8], at: usize, value: u32) {
    put(bytes, at, &value.to_le_bytes());
}

pub(crate) fn put64(bytes: &mut [u8], at: usize, value: usize) {
    put(bytes, at, &u64::try_from(value).unwrap().to_le_bytes());
}

pub(crate) fn seal_label(label: &mut [u8]) {
    let sum = crc(&label[20..512]);
    put32(label, 16, sum);
}

pub(crate) fn seal_area(header: &mut [u8]) {
    let sum = crc(&header[4..512]);
    put32(header, 0, sum);
}
