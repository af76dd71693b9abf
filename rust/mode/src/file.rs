//! The mode file on disk: read with a bound, replaced in one step.

use crate::{Fault, MAX_FILE, ModeFile, ReadError, WriteError};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

impl ModeFile {
    /// Reads `path`, which must have been written during the boot `boot_id`:
    /// after a reboot the same name may stand for another disk.
    ///
    /// # Errors
    /// The file is missing, garbled, of another schema or of another boot.
    pub fn read(path: &Path, boot_id: &str) -> Result<Self, ReadError> {
        read(path, boot_id).map_err(|fault| ReadError {
            path: path.to_owned(),
            fault,
        })
    }

    /// Puts the file in place in one step, readable for everybody.
    ///
    /// # Errors
    /// Any step of the writing fails; the old file is then still there.
    pub fn write_atomic(&self, path: &Path) -> Result<(), WriteError> {
        write_atomic(path, self.render().as_bytes())
    }
}

fn read(path: &Path, boot_id: &str) -> Result<ModeFile, Fault> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Fault::Missing),
        Err(error) => return Err(Fault::Io(error)),
    };
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Fault::Io)?;
    if bytes.len() > MAX_FILE {
        return Err(Fault::TooBig { limit: MAX_FILE });
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| Fault::NotText {
        offset: error.valid_up_to(),
    })?;
    let file = ModeFile::parse(text)?;
    if file.boot_id != boot_id {
        return Err(Fault::OtherBoot {
            seen: file.boot_id,
            expected: boot_id.to_owned(),
        });
    }
    Ok(file)
}

/// The id of the running boot, from `/proc/sys/kernel/random/boot_id` below
/// `root`.
///
/// # Errors
/// The file cannot be read.
pub fn current_boot_id(root: &Path) -> io::Result<String> {
    let path = root.join("proc/sys/kernel/random/boot_id");
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

/// Replaces `path` in one step with mode 0644: a reader sees the old file or
/// the new one, never a part of either, and a full `/run` leaves the old one.
///
/// # Errors
/// Any step fails; nothing but the old file is left behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let temporary = temporary_beside(path);
    let result = write_steps(path, &temporary, bytes);
    if result.is_err() {
        // Best effort: the error that matters is already known.
        let _ = fs::remove_file(&temporary);
    }
    result.map_err(|(step, source)| WriteError {
        path: path.to_owned(),
        step,
        source,
    })
}

/// A hidden name in the same directory, so that the rename cannot cross file
/// systems; with the process id, so that two runs do not share it.
fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn write_steps(
    path: &Path,
    temporary: &Path,
    bytes: &[u8],
) -> Result<(), (&'static str, io::Error)> {
    // A leftover of a killed run with the same process id; create_new below
    // fails if it is still there.
    let _ = fs::remove_file(temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(temporary)
        .map_err(|error| ("create", error))?;
    file.write_all(bytes).map_err(|error| ("write", error))?;
    // The umask of whoever runs preflight by hand must not hide the mode
    // from the server's user.
    file.set_permissions(Permissions::from_mode(0o644))
        .map_err(|error| ("chmod", error))?;
    file.sync_all().map_err(|error| ("fsync", error))?;
    fs::rename(temporary, path).map_err(|error| ("rename", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("asl-mode-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn sample(boot_id: &str) -> ModeFile {
        let mut file = ModeFile::none("empty", "empty", "reason", "hint");
        file.boot_id = boot_id.to_owned();
        file
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = Dir::new("back");
        let path = dir.0.join("mode");
        sample("b1").write_atomic(&path).unwrap();
        sample("b1").write_atomic(&path).unwrap();
        assert_eq!(ModeFile::read(&path, "b1").unwrap(), sample("b1"));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1);
    }

    #[test]
    fn another_boot_is_refused_and_says_what_to_do() {
        let dir = Dir::new("boot");
        let path = dir.0.join("mode");
        sample("b1").write_atomic(&path).unwrap();
        let error = ModeFile::read(&path, "b2").unwrap_err();
        assert!(matches!(error.fault, Fault::OtherBoot { .. }));
        assert!(error.to_string().ends_with("run `asl-admin preflight`"));
    }

    #[test]
    fn missing_and_binary_files_are_told_apart() {
        let dir = Dir::new("junk");
        let path = dir.0.join("mode");
        assert!(matches!(
            ModeFile::read(&path, "b").unwrap_err().fault,
            Fault::Missing
        ));
        fs::write(&path, b"schema='1'\n\xff\xfe").unwrap();
        assert!(matches!(
            ModeFile::read(&path, "b").unwrap_err().fault,
            Fault::NotText { offset: 11 }
        ));
        fs::write(&path, vec![b'#'; MAX_FILE + 1]).unwrap();
        assert!(matches!(
            ModeFile::read(&path, "b").unwrap_err().fault,
            Fault::TooBig { .. }
        ));
    }

    #[test]
    fn failure_leaves_the_directory_as_it_was() {
        let dir = Dir::new("fail");
        let path = dir.0.join("mode");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), b"").unwrap();
        assert_eq!(sample("b").write_atomic(&path).unwrap_err().step, "rename");
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1);
    }
}
