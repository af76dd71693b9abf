//! What a path of the command line stands for: itself, or standard input.

use asl_facts::{Device, Probe};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Most bytes of a pipe that are held in memory: more than the images of a
/// test or a boot partition, less than a rescue system can spare.
const MAX_PIPE: u64 = 256 << 20;
/// Standard input, for whoever opens it by name.
const STDIN: &str = "/proc/self/fd/0";

/// Something to open.
pub(crate) struct Input {
    path: PathBuf,
    stdin: bool,
    /// Keeps what came through a pipe.
    _memory: Option<File>,
}

impl Input {
    /// A pipe is read to its end here; what can be read at any offset is
    /// opened where it is.
    pub(crate) fn new(path: &Path) -> Result<Self, String> {
        if path != Path::new("-") {
            return Ok(Self {
                path: path.to_owned(),
                stdin: false,
                _memory: None,
            });
        }
        let told = |error: io::Error| format!("standard input: {error}");
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err("standard input: a terminal, where an image is expected".to_owned());
        }
        let kind = std::fs::metadata(STDIN).map_err(told)?.file_type();
        if kind.is_file() || kind.is_block_device() {
            return Ok(Self {
                path: PathBuf::from(STDIN),
                stdin: true,
                _memory: None,
            });
        }
        let memory = in_memory(&mut stdin.lock(), MAX_PIPE)?;
        Ok(Self {
            path: PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd())),
            stdin: true,
            _memory: Some(memory),
        })
    }

    /// Where it can be opened.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What tells it from the other inputs.
    pub(crate) fn identity(&self) -> PathBuf {
        std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// The name that it has in facts: a file of /proc means nothing to
    /// anybody else. A block device keeps its own.
    pub(crate) fn name(&self, device: &mut Device) {
        if self.stdin && device.devnum.is_empty() {
            "-".clone_into(&mut device.name);
        }
    }
}

/// Takes away where [`Input::name`]'s device was opened, which is of no use
/// any more when everything is read.
pub(crate) fn forget(device: &mut Device) {
    if device.name == "-" {
        "-".clone_into(&mut device.node);
        device.backing_file = None;
    }
}

/// All that `from` gives, in a file that has no name.
fn in_memory(from: &mut dyn Read, limit: u64) -> Result<File, String> {
    let told = |error: io::Error| format!("standard input: {error}");
    let memory = memfd_create("stdin", MFdFlags::MFD_CLOEXEC);
    let mut memory = File::from(memory.map_err(|error| told(error.into()))?);
    let mut limited = from.take(limit.saturating_add(1));
    if io::copy(&mut limited, &mut memory).map_err(told)? > limit {
        return Err(format!(
            "standard input: more than {} MiB, which are held in memory; write it to a file and give its path",
            limit >> 20
        ));
    }
    Ok(memory)
}

/// Why a device was not read, if it was not.
pub(crate) fn failure(device: &Device) -> Option<String> {
    match &device.probe {
        Probe::Failed(fault) => Some(match fault.offset {
            Some(offset) => format!("read at {offset}: {}", fault.error),
            None => format!("open: {}", fault.error),
        }),
        Probe::TimedOut { after_ms } => Some(format!("no answer after {after_ms} ms")),
        Probe::Skipped { why } => Some(format!("not read: {why}")),
        Probe::Read { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_pipe_is_whole_in_memory_up_to_the_limit() {
        let file = in_memory(&mut [7_u8; 4096].as_slice(), 4096).unwrap();
        let mut last = [0];
        file.read_exact_at(&mut last, 4095).unwrap();
        assert_eq!(last, [7]);
        let error = in_memory(&mut [7_u8; 4097].as_slice(), 4096).unwrap_err();
        assert!(error.contains("more than 0 MiB"), "{error}");
    }
}
