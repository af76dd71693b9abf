//! What activation needs of a machine.

use crate::make::Make;
use asl_facts::Signature;
use std::io;

/// A block node as the machine shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `major:minor`.
    pub devnum: String,
    /// Bytes.
    pub size: u64,
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPoint {
    /// As mount(2) got it; a node, for the file systems of interest.
    pub source: String,
    /// `major:minor` of the node that `source` names, where it names one.
    pub devnum: Option<String>,
}

impl MountPoint {
    /// It shows this node's file system.
    #[must_use]
    pub fn is_of(&self, node: &str, devnum: Option<&str>) -> bool {
        self.source == node || (devnum.is_some() && self.devnum.as_deref() == devnum)
    }
}

/// What is there where something is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Absent,
    /// A name with nothing behind it: a tool was killed half-way.
    Empty,
    /// What is to be made.
    Ours,
    /// Something else.
    Other(String),
}

/// The machine, or a simulated one.
pub trait System {
    /// The id of this boot.
    ///
    /// # Errors
    /// Of the system call, here and below.
    fn boot_id(&self) -> io::Result<String>;
    /// What the node is.
    ///
    /// # Errors
    /// There is no such block node.
    fn node(&self, node: &str) -> io::Result<Node>;
    /// The signatures on it.
    ///
    /// # Errors
    /// It cannot be read.
    fn signatures(&self, node: &str) -> io::Result<Vec<Signature>>;
    /// The node is mounted for writing or is swap, or carries something that
    /// is.
    ///
    /// # Errors
    /// The mounts cannot be read.
    fn is_written(&self, devnum: &str) -> io::Result<bool>;
    /// `BLKROGET`.
    ///
    /// # Errors
    /// The node cannot be opened.
    fn read_only(&self, node: &str) -> io::Result<bool>;
    /// `BLKROSET`.
    ///
    /// # Errors
    /// The node cannot be opened, or without privilege.
    fn set_read_only(&self, node: &str, value: bool) -> io::Result<()>;
    /// Those of the modules that the kernel does not have yet.
    ///
    /// # Errors
    /// It cannot be told.
    fn missing_modules(&self, modules: &[String]) -> io::Result<Vec<String>>;
    /// Loads modules.
    ///
    /// # Errors
    /// There is no such module, or the kernel refuses it.
    fn load_modules(&self, modules: &[String]) -> io::Result<()>;
    /// What is there in place of what is to be made.
    ///
    /// # Errors
    /// It cannot be told.
    fn state_of(&self, make: &Make) -> io::Result<State>;
    /// Makes it.
    ///
    /// # Errors
    /// The tool is missing, fails or does not end in time; something may be
    /// half made.
    fn make(&self, make: &Make) -> io::Result<()>;
    /// Takes it away, whole or half made.
    ///
    /// # Errors
    /// It is in use.
    fn unmake(&self, make: &Make) -> io::Result<()>;
    /// Whether a snapshot ran out of room.
    ///
    /// # Errors
    /// It cannot be told.
    fn is_overflowed(&self, node: &str) -> io::Result<bool>;
    /// There is a directory.
    ///
    /// # Errors
    /// It cannot be told.
    fn is_dir(&self, path: &str) -> io::Result<bool>;
    /// Makes a directory.
    ///
    /// # Errors
    /// It is there, or its parent is not.
    fn make_dir(&self, path: &str, mode: u32) -> io::Result<()>;
    /// Removes an empty directory.
    ///
    /// # Errors
    /// It is not there, or not empty.
    fn remove_dir(&self, path: &str) -> io::Result<()>;
    /// Which of the names are in the directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn present(&self, dir: &str, names: &[String]) -> io::Result<Vec<String>>;
    /// What is mounted at exactly this path, lowest first.
    ///
    /// # Errors
    /// The mounts cannot be read.
    fn mounts_at(&self, target: &str) -> io::Result<Vec<MountPoint>>;
    /// mount(2).
    ///
    /// # Errors
    /// The kernel refuses.
    fn mount(&self, node: &str, driver: &str, options: &[String], target: &str) -> io::Result<()>;
    /// mount(8) with the helper of this type.
    ///
    /// # Errors
    /// The helper refuses, or does not end in time.
    fn mount_by_helper(
        &self,
        format: &str,
        source: &str,
        options: &[String],
        target: &str,
    ) -> io::Result<()>;
    /// Makes the btrfs driver forget devices, whether or not it knows them.
    ///
    /// # Errors
    /// It refuses.
    fn forget(&self, nodes: &[String]) -> io::Result<()>;
    /// Bind-mounts `from` + `path` without following a link in `path`.
    ///
    /// # Errors
    /// The directory is not there, a part of it is a link, or the kernel
    /// refuses.
    fn bind(&self, from: &str, path: &str, target: &str) -> io::Result<()>;
    /// Makes the topmost mount read-only and leaves its file system as it is:
    /// to make that read-only would write its log and its superblock.
    ///
    /// # Errors
    /// A file below it is open for writing.
    fn close_mount(&self, target: &str) -> io::Result<()>;
    /// umount(2) of the topmost mount. One that a helper made may wait for a
    /// server that is gone: with `detach` it goes away all the same.
    ///
    /// # Errors
    /// It is in use.
    fn unmount(&self, target: &str, detach: bool) -> io::Result<()>;
    /// The journal's bytes, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    fn load_journal(&self) -> io::Result<Option<Vec<u8>>>;
    /// Replaces the journal; when this returns it survives a power cut.
    ///
    /// # Errors
    /// It cannot be written; the old one is still there.
    fn store_journal(&self, bytes: &[u8]) -> io::Result<()>;
    /// Removes the journal.
    ///
    /// # Errors
    /// It cannot be removed.
    fn remove_journal(&self) -> io::Result<()>;
}
