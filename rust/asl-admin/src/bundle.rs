//! A set of small files, written as a directory or as one tar file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name and content.
pub(crate) type Entry = (String, Vec<u8>);

/// Size of a block of a tar file.
const BLOCK: usize = 512;

/// Writes a directory of this name below `parent`: under another name first,
/// so that one that is there is complete.
pub(crate) fn directory(parent: &Path, name: &str, entries: &[Entry]) -> io::Result<PathBuf> {
    let path = parent.join(name);
    let partial = parent.join(format!(".{name}.partial"));
    // What lies in a memory stick's directory is for root's eyes, where the
    // file system has such.
    DirBuilder::new().mode(0o700).create(&partial)?;
    let result = entries
        .iter()
        .try_for_each(|(file, bytes)| synced(&partial.join(file), bytes))
        .and_then(|()| fs::rename(&partial, &path));
    if result.is_err() {
        // Best effort: the error that matters is already known.
        let _ = fs::remove_dir_all(&partial);
    }
    result.map(|()| path)
}

/// Writes one tar file, in which everything is below a directory of this name.
pub(crate) fn tar(path: &Path, name: &str, seconds: u64, entries: &[Entry]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for (file, content) in entries {
        bytes.extend(header(&format!("{name}/{file}"), content.len(), seconds)?);
        bytes.extend_from_slice(content);
        let rest = content.len() % BLOCK;
        if rest > 0 {
            bytes.resize(bytes.len().saturating_add(BLOCK.saturating_sub(rest)), 0);
        }
    }
    // Two empty blocks are the end.
    bytes.resize(bytes.len().saturating_add(BLOCK.saturating_mul(2)), 0);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{file}.partial"));
    let result = synced(&partial, &bytes).and_then(|()| fs::rename(&partial, path));
    if result.is_err() {
        let _ = fs::remove_file(&partial);
    }
    result
}

fn synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    // It is about to be pulled out.
    file.sync_all()
}

/// POSIX ustar.
fn header(name: &str, size: usize, seconds: u64) -> io::Result<[u8; BLOCK]> {
    let mut block = [0_u8; BLOCK];
    let mut put = |offset: usize, length: usize, bytes: &[u8]| {
        let field = block.get_mut(offset..offset.saturating_add(length));
        match field.and_then(|field| field.get_mut(..bytes.len())) {
            Some(field) => {
                field.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(io::Error::other(format!("{name}: too long for a tar file"))),
        }
    };
    put(0, 100, name.as_bytes())?;
    put(100, 8, b"0000600\0")?;
    put(108, 8, b"0000000\0")?;
    put(116, 8, b"0000000\0")?;
    put(124, 12, format!("{size:011o}\0").as_bytes())?;
    put(136, 12, format!("{seconds:011o}\0").as_bytes())?;
    // The checksum counts its own field as blanks.
    put(148, 8, b"        ")?;
    put(156, 1, b"0")?;
    put(257, 8, b"ustar\x0000")?;
    put(265, 32, b"root")?;
    put(297, 32, b"root")?;
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    if let Some(field) = block.get_mut(148..156) {
        field.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    Ok(block)
}
