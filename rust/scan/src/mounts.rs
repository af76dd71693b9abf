//! What is mounted and swapped to: `/proc/self/mountinfo` and `/proc/swaps`,
//! proc(5).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One line of mountinfo.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor`; btrfs has one of its own, which no device has.
    pub devnum: String,
    /// Where it is mounted.
    pub target: PathBuf,
    /// A node, or whatever the file system calls it.
    pub source: String,
    /// The file system is, not only this mount of it.
    pub read_only: bool,
    /// Neither the mount nor its file system is read-only.
    pub writable: bool,
}

/// Lines that do not have the documented form are skipped.
#[must_use]
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mount> {
    // 36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ');
    let devnum = before.nth(2)?.to_owned();
    let target = PathBuf::from(OsString::from_vec(unescape(before.nth(1)?)));
    let of_mount = before.next()?;
    let mut after = after.split(' ');
    let source = String::from_utf8_lossy(&unescape(after.nth(1)?)).into_owned();
    let of_filesystem = after.next()?;
    let has = |options: &str, wanted| options.split(',').any(|option| option == wanted);
    Some(Mount {
        devnum,
        target,
        source,
        read_only: has(of_filesystem, "ro"),
        writable: has(of_mount, "rw") && has(of_filesystem, "rw"),
    })
}

/// The devices and files of `/proc/swaps`.
#[must_use]
pub fn swaps(text: &str) -> Vec<PathBuf> {
    text.lines()
        .skip(1)
        .filter_map(|line| line.split_ascii_whitespace().next())
        .map(|path| PathBuf::from(OsString::from_vec(unescape(path))))
        .collect()
}

/// Blank, tab, line feed and backslash are written as `\` and three octal
/// digits.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(code.unwrap_or(first));
        rest = match code {
            Some(_) => after.get(3..).unwrap_or_default(),
            None => after,
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_with_blanks_in_its_names() {
        let text =
            "41 28 8:1 /sub /mnt/a\\040b rw,nosuid shared:7 master:2 - ext4 /dev/x\\040y ro,x\n";
        assert_eq!(
            parse(text),
            [Mount {
                devnum: "8:1".into(),
                target: "/mnt/a b".into(),
                source: "/dev/x y".into(),
                read_only: true,
                writable: false,
            }]
        );
        assert_eq!(parse("garbage\n\n"), []);
    }

    #[test]
    fn a_mount_may_be_read_only_while_its_file_system_is_not() {
        let state = |mount: &str, filesystem: &str| {
            let line = format!("1 0 8:1 / /mnt {mount},nodev - ext4 /dev/sda1 {filesystem},x=ro");
            let mounts = parse(&line);
            (mounts[0].read_only, mounts[0].writable)
        };
        assert_eq!(state("rw", "rw"), (false, true));
        assert_eq!(state("ro", "rw"), (false, false));
        assert_eq!(state("ro", "ro"), (true, false));
    }

    #[test]
    fn a_lone_backslash_stays() {
        assert_eq!(unescape(r"a\b\04"), br"a\b\04");
    }

    #[test]
    fn swap_files_and_partitions() {
        let text = "Filename\tType\tSize\tUsed\tPriority\n\
            /dev/sda2   partition\t1\t0\t-2\n/my\\040swap file 1 0 -3\n";
        assert_eq!(
            swaps(text),
            [PathBuf::from("/dev/sda2"), PathBuf::from("/my swap")]
        );
    }
}
