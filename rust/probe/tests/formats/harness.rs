//! Real images, made by the real tools when the test runs, and what every
//! format has to stand.

pub(crate) use crate::loops::run;
use asl_facts::{Format, Outcome, Signature, Superblock, Text};
use asl_probe::{Metered, Probed, ReadAt};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

/// A row: how to make an image and what must hold of it.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// The command; the image's path is its last argument, or stands where
    /// `{}` does.
    pub(crate) make: &'static [&'static str],
    /// Writes the image where no tool makes one without the kernel's driver:
    /// then `make` is empty.
    pub(crate) write: Option<fn(&File)>,
    pub(crate) mib: u64,
    pub(crate) format: Format,
    /// The superblock on the device.
    pub(crate) superblock: Range<u64>,
    /// Bytes of it in which every change must be noticed: a checksum covers
    /// them.
    pub(crate) covered: &'static [Range<u64>],
    /// Keys of blkid that this crate deliberately answers otherwise, and why.
    pub(crate) differs: &'static [(&'static str, &'static str)],
}

/// For labels that are not ASCII.
pub(crate) const BEYOND_ASCII: &[(&str, &str)] = &[(
    "LABEL",
    "`blkid -o export` writes these bytes as `cat -v` does",
)];

impl Subject {
    /// What most rows do not say.
    pub(crate) const PLAIN: Subject = Subject {
        name: "",
        make: &[],
        write: None,
        mib: 64,
        format: Format::Ext4,
        superblock: 0..0,
        covered: &[],
        differs: &[],
    };

    /// Makes the image in `dir`.
    pub(crate) fn image(&self, dir: &Path) -> PathBuf {
        if let Some(write) = self.write {
            let path = dir.join(self.name);
            let file = File::create(&path).unwrap();
            file.set_len(self.mib << 20).unwrap();
            write(&file);
            return path;
        }
        Make {
            command: self.make,
            mib: self.mib,
        }
        .image(dir, self.name)
    }
}

/// Makes these bytes the whole content of an image.
pub(crate) fn fill(file: &File, bytes: &[u8]) {
    file.set_len(0).unwrap();
    file.write_all_at(bytes, 0).unwrap();
}

/// How to make an image: the command, and the size of the file.
pub(crate) struct Make {
    pub(crate) command: &'static [&'static str],
    pub(crate) mib: u64,
}

impl Make {
    /// Makes the image `name` in `dir`.
    pub(crate) fn image(&self, dir: &Path, name: &str) -> PathBuf {
        let path = dir.join(name);
        let file = File::create(&path).unwrap();
        file.set_len(self.mib << 20).unwrap();
        let text = path.to_string_lossy().into_owned();
        let (tool, args) = self.command.split_first().unwrap();
        let mut args: Vec<&str> = args.to_vec();
        match args.iter().position(|arg| *arg == "{}") {
            Some(place) => args[place] = &text,
            None => args.push(&text),
        }
        done(tool, &args);
        path
    }
}

/// Runs a tool that must succeed.
pub(crate) fn done(tool: &str, args: &[&str]) -> Output {
    let mut output = run(tool, args);
    // bcachefs-tools 1.12 dies of its own allocator now and then as it ends.
    for _ in 0..3 {
        if tool != "bcachefs" || output.status.success() {
            break;
        }
        output = run(tool, args);
    }
    assert!(
        output.status.success(),
        "{tool} {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// `blkid -p`, one image a call: it stops at the first that it does not know.
pub(crate) fn blkid(path: &Path) -> BTreeMap<String, String> {
    let output = run("blkid", &["-p", "-o", "export", &path.to_string_lossy()]);
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once('='))
        // `export` quotes for a shell.
        .map(|(key, value)| (key.to_owned(), value.replace('\\', "")))
        .collect()
}

/// A label as its bytes are, which `export` does not show beyond ASCII.
fn blkid_label(path: &Path) -> String {
    let path = path.to_string_lossy();
    let output = done(
        "env",
        &[
            "LC_ALL=C.UTF-8",
            "blkid",
            "-p",
            "-o",
            "value",
            "-s",
            "LABEL",
            &path,
        ],
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Reads that probing an image costs.
pub(crate) fn reads(image: Image) -> u64 {
    let metered = Metered::new(image, u64::MAX, Arc::default());
    probe(&metered);
    metered.reads()
}

/// All signatures of an image.
pub(crate) fn probe(dev: &dyn ReadAt) -> Vec<Signature> {
    asl_probe::probe(dev).unwrap().signatures
}

/// The only signature of an image, which must be a sound one.
pub(crate) fn only(path: &Path) -> (Format, Superblock) {
    let mut signatures = probe(&Image::open(path));
    assert_eq!(signatures.len(), 1, "{}: {signatures:?}", path.display());
    let signature = signatures.remove(0);
    match signature.outcome {
        Outcome::Found(superblock) => (signature.format, *superblock),
        Outcome::Damaged(damage) => panic!("{}: {damage:?}", path.display()),
    }
}

/// The signature of `format` in an image that may hold others too.
pub(crate) fn sound(signatures: &[Signature], format: Format) -> &Superblock {
    signatures
        .iter()
        .find(|signature| signature.format == format)
        .and_then(Signature::superblock)
        .unwrap_or_else(|| panic!("no sound {format}: {signatures:?}"))
}

/// The name that blkid has for a format.
fn blkid_type(format: Format) -> &'static str {
    match format {
        Format::Md => "linux_raid_member",
        Format::Imsm => "isw_raid_member",
        Format::Ddf => "ddf_raid_member",
        Format::Lvm2 => "LVM2_member",
        Format::Zfs => "zfs_member",
        Format::Luks => "crypto_LUKS",
        Format::Bitlocker => "BitLocker",
        Format::Integrity => "DM_integrity",
        Format::Verity => "DM_verity_hash",
        Format::Stratis => "stratis",
        Format::Vdo => "vdo",
        format => format.name(),
    }
}

/// Labels that `export` does not show are those of blkid too.
pub(crate) fn labels_agree_with_blkid(subjects: &[Subject]) {
    let beyond = |s: &&Subject| s.differs.iter().any(|(key, _)| *key == "LABEL");
    for subject in subjects.iter().filter(beyond) {
        let dir = tempfile::tempdir().unwrap();
        let path = subject.image(dir.path());
        let ours = sound(&probe(&Image::open(&path)), subject.format)
            .label
            .clone();
        assert_eq!(
            ours.map(|label| label.printable()),
            Some(blkid_label(&path)),
            "{}",
            subject.name
        );
    }
}

/// Type, UUID, label, version and block size are those of blkid, in every
/// field that both give.
pub(crate) fn agrees_with_blkid<'a>(subjects: impl IntoIterator<Item = &'a Subject>) {
    for subject in subjects {
        let dir = tempfile::tempdir().unwrap();
        let name = subject.name;
        let path = subject.image(dir.path());
        let signatures = probe(&Image::open(&path));
        let superblock = sound(&signatures, subject.format);
        let expected = blkid(&path);
        let differs = |key: &str| subject.differs.iter().any(|(name, _)| *name == key);
        let compare = |key: &str, ours: Option<String>| {
            let theirs = expected.get(key).cloned();
            assert!(
                differs(key) != (ours == theirs),
                "{name}: {key}: ours {ours:?}, blkid {theirs:?}, differs on purpose: {}",
                differs(key)
            );
        };
        compare("TYPE", Some(blkid_type(subject.format).to_owned()));
        if expected.contains_key("UUID") {
            compare("UUID", superblock.uuid.clone());
        }
        compare("LABEL", superblock.label.as_ref().map(Text::printable));
        if expected.contains_key("VERSION") {
            compare("VERSION", superblock.version.clone());
        }
        if let Some(filesystem) = superblock.filesystem() {
            // For these blkid calls the sector BLOCK_SIZE and names both.
            let key = match subject.format {
                Format::Xfs | Format::Vfat | Format::Exfat | Format::Ntfs => "FSBLOCKSIZE",
                _ => "BLOCK_SIZE",
            };
            if expected.contains_key(key) {
                compare(key, Some(filesystem.block_size.to_string()));
            }
            assert!(superblock.unknown_features.is_empty(), "{name}");
        }
    }
}

/// Some signature of the subject's format is believed by its primary.
fn believed(signatures: &[Signature], subject: &Subject) -> bool {
    signatures.iter().any(|signature| {
        signature.format == subject.format
            && signature.offset == subject.superblock.start
            && signature
                .superblock()
                .is_some_and(|superblock| superblock.damaged_copies.is_empty())
    })
}

/// A changed byte is found out wherever a checksum covers it, and no value of
/// any field makes the probe panic.
pub(crate) fn stands_changed_bytes<'a>(subjects: impl IntoIterator<Item = &'a Subject>) {
    for subject in subjects {
        let dir = tempfile::tempdir().unwrap();
        let name = subject.name;
        let mut image = Image::open(&subject.image(dir.path()));
        assert!(
            believed(&probe(&image), subject),
            "{name}: {:?}",
            probe(&image)
        );
        for offset in subject.superblock.clone() {
            let byte = image.bytes(offset, 1)[0];
            for change in [0x01, 0x80, 0xff] {
                image.patches = vec![(offset, vec![byte ^ change])];
                let result = asl_probe::probe(&image);
                if subject.covered.iter().any(|range| range.contains(&offset)) {
                    let signatures = result.unwrap().signatures;
                    assert!(
                        !believed(&signatures, subject),
                        "{name}: byte {offset} ^ {change:#x}: {signatures:?}"
                    );
                }
            }
            for value in [[0; 8], [0xff; 8], [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0x80]] {
                for len in [2, 4, 8] {
                    image.patches = vec![(offset, value[..len].to_vec())];
                    let _: Result<Probed, _> = asl_probe::probe(&image);
                }
            }
            image.patches.clear();
        }
    }
}

/// A device cut at a sector, however short, never makes the probe panic or
/// find something that claims more than is there.
pub(crate) fn stands_cuts<'a>(subjects: impl IntoIterator<Item = &'a Subject>) {
    for subject in subjects {
        let dir = tempfile::tempdir().unwrap();
        let name = subject.name;
        let mut image = Image::open(&subject.image(dir.path()));
        let whole = image.size;
        let near = (0..300).map(|sector| sector * 512);
        let far = (1..8).map(|part| whole * part / 8 / 512 * 512);
        for size in near.chain(far) {
            image.size = size;
            for signature in probe(&image) {
                if signature.filesystem().is_some() && signature.format == subject.format {
                    let stated = signature.superblock().unwrap().size;
                    assert!(stated <= size, "{name}: cut to {size}: {signature:?}");
                }
            }
        }
    }
}

/// Every read that fails in turn: no panic, and what is found without it is
/// found all the same.
pub(crate) fn stands_bad_sectors<'a>(subjects: impl IntoIterator<Item = &'a Subject>) {
    for subject in subjects {
        let dir = tempfile::tempdir().unwrap();
        let mut image = Image::open(&subject.image(dir.path()));
        let (start, end) = (subject.superblock.start, subject.superblock.end);
        for sector in (0..280).chain((image.size / 512).saturating_sub(280)..image.size / 512) {
            let bad = sector * 512..(sector + 1) * 512;
            let beside = bad.end <= start || end <= bad.start;
            image.bad = Some(bad);
            match asl_probe::probe(&image) {
                Ok(probed) => {
                    let found = probed
                        .signatures
                        .iter()
                        .any(|signature| signature.format == subject.format);
                    assert!(found || !beside, "{}: sector {sector}", subject.name);
                }
                Err(fault) => assert!(!beside, "{}: sector {sector}: {fault}", subject.name),
            }
        }
    }
}

/// An image file, seen with some bytes changed, cut short, or with sectors
/// that cannot be read.
pub(crate) struct Image {
    file: File,
    pub(crate) size: u64,
    pub(crate) patches: Vec<(u64, Vec<u8>)>,
    pub(crate) bad: Option<std::ops::Range<u64>>,
}

impl Image {
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let size = file.metadata().unwrap().len();
        Self {
            file,
            size,
            patches: Vec::new(),
            bad: None,
        }
    }

    /// The bytes as the patches leave them.
    pub(crate) fn bytes(&self, offset: u64, len: usize) -> Vec<u8> {
        asl_probe::read_up_to(self, offset, len).unwrap()
    }

    /// Changes every bit of a byte.
    pub(crate) fn flip(&mut self, offset: u64) {
        let byte = self.bytes(offset, 1)[0];
        self.patch(offset, &[!byte]);
    }

    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) {
        self.patches.push((offset, bytes.to_vec()));
    }
}

impl ReadAt for Image {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let len = u64::try_from(buf.len()).unwrap();
        let end = offset.saturating_add(len).min(self.size);
        if self
            .bad
            .as_ref()
            .is_some_and(|bad| offset < bad.end && bad.start < end)
        {
            return Err(io::Error::other("bad sector"));
        }
        let count = usize::try_from(end.saturating_sub(offset)).unwrap();
        let buf = &mut buf[..count];
        self.file.read_exact_at(buf, offset)?;
        for (at, bytes) in &self.patches {
            for (place, byte) in (*at..).zip(bytes) {
                if (offset..end).contains(&place) {
                    let index = usize::try_from(place.saturating_sub(offset)).unwrap();
                    buf[index] = *byte;
                }
            }
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// The rule that a changed image breaks.
pub(crate) fn damaged_rule(image: &Image, format: Format) -> String {
    let signatures = probe(image);
    let signature = signatures.iter().find(|s| s.format == format);
    match &signature.unwrap().outcome {
        Outcome::Damaged(damage) => damage.rule.clone(),
        Outcome::Found(found) => panic!("{found:?}"),
    }
}
