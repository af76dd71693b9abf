//! A host id for the time that a pool takes to be imported without consent.
//!
//! ZFS refuses a pool with `multihost=on` to a host that has none, and a
//! rescue system has none: one in the image would be the same on all that boot
//! it. So the id reaches no label of a disk; what is imported for writing would
//! keep it after a crash, and its own host would then need `-f`. A run that is
//! killed meanwhile leaves it to this boot.

use crate::linux::Linux;
use crate::system::System;
use std::fs;
use std::io;

/// The id in use; 0 is that of the file, if it is there.
const PARAMETER: &str = "/sys/module/spl/parameters/spl_hostid";
const FILE: &str = "/etc/hostid";

impl Linux {
    /// Does `work` with an id of this boot where the system has none.
    pub(crate) fn with_host_id<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let parameter = self.path(PARAMETER);
        let none = fs::read_to_string(&parameter).is_ok_and(|id| id.trim() == "0");
        if !none || self.path(FILE).exists() {
            return work();
        }
        fs::write(&parameter, of_boot(&self.boot_id()?).to_string())?;
        let result = work();
        // Not after a failure alone: whoever imports next decides for himself.
        fs::write(&parameter, "0")?;
        result
    }
}

/// 32 bits, not 0, of the boot's id, which is random.
fn of_boot(boot_id: &str) -> u32 {
    let digits = boot_id.get(..8).unwrap_or_default();
    u32::from_str_radix(digits, 16).unwrap_or_default().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = "0000002a-1111-4222-8333-444444444444";

    fn system(id: &str) -> (tempfile::TempDir, Linux) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [(PARAMETER, id), ("/proc/sys/kernel/random/boot_id", BOOT)] {
            let path = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
        let linux = Linux::new(root.path());
        (root, linux)
    }

    fn seen(linux: &Linux) -> String {
        let id = fs::read_to_string(linux.path(PARAMETER)).unwrap();
        id.trim().to_owned()
    }

    #[test]
    fn there_is_a_host_id_only_meanwhile() {
        let (_root, linux) = system("0");
        assert_eq!(linux.with_host_id(|| Ok(seen(&linux))).unwrap(), "42");
        assert_eq!(seen(&linux), "0");
        let failed: io::Result<()> = linux.with_host_id(|| Err(io::ErrorKind::Other.into()));
        assert!(failed.is_err());
        assert_eq!(seen(&linux), "0");
    }

    #[test]
    fn a_host_id_that_is_there_is_kept() {
        let (_root, linux) = system("7");
        assert_eq!(linux.with_host_id(|| Ok(seen(&linux))).unwrap(), "7");
        assert_eq!(seen(&linux), "7");
        let (root, linux) = system("0");
        fs::create_dir_all(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/hostid"), [1, 2, 3, 4]).unwrap();
        assert_eq!(linux.with_host_id(|| Ok(seen(&linux))).unwrap(), "0");
    }

    #[test]
    fn an_id_is_never_none() {
        assert_eq!(of_boot("00000000-1111"), 1);
        assert_eq!(of_boot("ffffffff-1111"), u32::MAX);
        assert_eq!(of_boot(""), 1);
    }
}
