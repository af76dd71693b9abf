//! The table of keys. The parser, `asl-admin config` and the documentation
//! are made from it.

use crate::Config;
use crate::types::Value;

/// The files, each with its own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// Mode selection, stores, consent.
    Asl,
    /// This node's domain and its peers.
    Federation,
    /// How much is logged, and where.
    Logging,
    /// What `asl-admin` was told to do during this boot.
    Session,
}

impl File {
    /// The files below `/etc/asl`, in the order in which they are read.
    pub const ALL: [File; 3] = [File::Asl, File::Federation, File::Logging];

    /// Path on the target.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            File::Asl => "/etc/asl/asl.conf",
            File::Federation => "/etc/asl/federation.conf",
            File::Logging => "/etc/asl/logging.conf",
            File::Session => SESSION,
        }
    }

    /// What a key of this file is prefixed with elsewhere: `level` in
    /// logging.conf is `logging.level` in the YAML scope.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            File::Asl | File::Session => "",
            File::Federation => "federation.",
            File::Logging => "logging.",
        }
    }
}

/// Where `asl-admin use` and `asl-admin allow-write` keep what they were told.
/// It is lost at reboot.
pub const SESSION: &str = "/var/lib/asl/runtime/session.conf";

/// Keys of other files that the session's file may hold too: what is in it is
/// added to what is configured.
const ALSO_IN_SESSION: [&str; 1] = ["write.allow"];

/// Kinds of values that YAML tells apart and a line of text does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text. A number is refused: a serial number that YAML took for a
    /// number has lost its leading zeros.
    Text,
    /// Texts separated by commas, or a list.
    List,
    /// A number.
    Number,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its full name: `local.mount`.
    pub name: &'static str,
    /// The file it stands in.
    pub file: File,
    /// How a value that is no text, from YAML, is taken.
    pub kind: Kind,
    /// What its value looks like.
    pub form: &'static str,
    /// The built-in value.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Whether this version acts on it. One that is only read is announced
    /// with a warning when it is set.
    pub used: bool,
    pub(crate) read: fn(&mut Config, &str) -> Result<(), &'static str>,
}

impl Key {
    /// Its name inside its own file.
    #[must_use]
    pub fn name_in_file(&self) -> &'static str {
        self.name
            .strip_prefix(self.file.prefix())
            .unwrap_or(self.name)
    }

    /// Whether it may stand in `file`; where that is none, in the YAML scope
    /// and on the command line.
    pub(crate) fn stands_in(&self, file: Option<File>) -> bool {
        match file {
            None => self.file != File::Session,
            Some(File::Session) => {
                self.file == File::Session || ALSO_IN_SESSION.contains(&self.name)
            }
            Some(file) => self.file == file,
        }
    }
}

/// The key with this full name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Reads a value into its field.
fn set<T: Value>(field: &mut T, text: &str) -> Result<(), &'static str> {
    *field = T::read(text)?;
    Ok(())
}

/// All keys, in the order in which they are shown.
pub const KEYS: &[Key] = &[
    Key {
        name: "mode",
        file: File::Asl,
        kind: Kind::Text,
        form: "auto | none | local | import | remote",
        default: "auto",
        doc: "what the node is to be; auto lets the rules decide",
        used: true,
        read: |config, text| set(&mut config.mode, text),
    },
    Key {
        name: "local.mount",
        file: File::Asl,
        kind: Kind::Text,
        form: "directory below /mnt/asl",
        default: "/mnt/asl/local",
        doc: "where a local store is mounted",
        used: true,
        read: |config, text| set(&mut config.local.mount, text),
    },
    Key {
        name: "local.uuid",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | UUID",
        default: "none",
        doc: "the store with this id, or on the file system with this UUID, and no other",
        used: true,
        read: |config, text| set(&mut config.local.uuid, text),
    },
    Key {
        name: "local.label",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | LABEL",
        default: "none",
        doc: "the store on the file system with this label, and no other",
        used: true,
        read: |config, text| set(&mut config.local.label, text),
    },
    Key {
        name: "local.device",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | /dev/NAME | /dev/disk/by-{uuid,label,partuuid}/NAME",
        default: "none",
        doc: "the store on this device or one of its partitions, and no other",
        used: true,
        read: |config, text| set(&mut config.local.device, text),
    },
    Key {
        name: "local.serial",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | SERIAL | WWID",
        default: "none",
        doc: "the store on the disk with this serial number or WWID, and no other",
        used: true,
        read: |config, text| set(&mut config.local.serial, text),
    },
    Key {
        name: "local.pool",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | NAME | ID",
        default: "none",
        doc: "the store in this pool or volume group, or on this array, and no other",
        used: true,
        read: |config, text| set(&mut config.local.pool, text),
    },
    Key {
        name: "local.image",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | FS-UUID:/path",
        default: "none",
        doc: "the store at the root of this image file, and no other: the UUID of the file system \
              that holds the file, and its path from the root there; the file is attached \
              read-only, whatever write.allow says",
        used: true,
        read: |config, text| set(&mut config.local.image, text),
    },
    Key {
        name: "remote.endpoint",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | nfs://HOST/PATH | smb://HOST/SHARE | ssh://HOST/PATH | s3://BUCKET | asl://HOST",
        default: "none",
        doc: "where a remote store is; smb:// is mounted as a guest, or as the user it names, whose \
              password is asked for; ssh:// with the key and the known hosts in /root/.ssh",
        used: true,
        read: |config, text| set(&mut config.remote.endpoint, text),
    },
    Key {
        name: "import.degraded",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | ro",
        default: "none",
        doc: "whether a pool that lost redundancy may be imported, read-only",
        used: true,
        read: |config, text| set(&mut config.import.degraded, text),
    },
    Key {
        name: "import.foreign",
        file: File::Asl,
        kind: Kind::List,
        form: "none | list of pool names or IDs",
        default: "none",
        doc: "pools that another host may be using and that may be imported all the same, read-only",
        used: true,
        read: |config, text| set(&mut config.import.foreign, text),
    },
    Key {
        name: "import.assume",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | sole-pool",
        default: "none",
        doc: "whether the only pool counts as the store although it was not read, read-only",
        used: true,
        read: |config, text| set(&mut config.import.assume, text),
    },
    Key {
        name: "write.allow",
        file: File::Asl,
        kind: Kind::List,
        form: "none | list of ID@SERIAL or ID@POOL-ID",
        default: "none",
        doc: "the stores that may be written to, each with the disk or pool that carries it; an ID alone counts for what a selector names by serial, path or pool",
        used: true,
        read: |config, text| set(&mut config.write.allow, text),
    },
    Key {
        name: "unlock.keyfile",
        file: File::Asl,
        kind: Kind::List,
        form: "none | list of UUID:/path",
        default: "none",
        doc: "key files of locked containers, each for the container that it names",
        used: true,
        read: |config, text| set(&mut config.unlock.keyfile, text),
    },
    Key {
        name: "unlock.prompt",
        file: File::Asl,
        kind: Kind::List,
        form: "none | list of UUIDs, or any",
        default: "none",
        doc: "locked containers whose passphrase may be asked for on the console",
        used: true,
        read: |config, text| set(&mut config.unlock.prompt, text),
    },
    Key {
        name: "detect.exclude",
        file: File::Asl,
        kind: Kind::List,
        form: "none | list of serials, WWIDs or /dev paths",
        default: "none",
        doc: "disks to leave alone: a dying one may not survive being read",
        used: true,
        read: |config, text| set(&mut config.detect.exclude, text),
    },
    Key {
        name: "settle.timeout",
        file: File::Asl,
        kind: Kind::Number,
        form: "seconds, 0 to 120",
        default: "10",
        doc: "longest wait for devices to appear",
        used: true,
        read: |config, text| set(&mut config.settle.timeout, text),
    },
    Key {
        name: "image.version",
        file: File::Asl,
        kind: Kind::Text,
        form: "none | VERSION",
        default: "none",
        doc: "version of the image; the build writes it into the YAML scope of the medium",
        used: true,
        read: |config, text| set(&mut config.image.version, text),
    },
    Key {
        name: "federation.domain",
        file: File::Federation,
        kind: Kind::Text,
        form: "none | DOMAIN-ID",
        default: "none",
        doc: "this node's own domain",
        used: false,
        read: |config, text| set(&mut config.federation.domain, text),
    },
    Key {
        name: "federation.peers",
        file: File::Federation,
        kind: Kind::List,
        form: "none | list of asl://HOST",
        default: "none",
        doc: "peers of the federation",
        used: false,
        read: |config, text| set(&mut config.federation.peers, text),
    },
    Key {
        name: "logging.level",
        file: File::Logging,
        kind: Kind::Text,
        form: "error | warn | info | debug | trace",
        default: "info",
        doc: "how much is logged",
        used: true,
        read: |config, text| set(&mut config.logging.level, text),
    },
    Key {
        name: "logging.target",
        file: File::Logging,
        kind: Kind::Text,
        form: "journal | stderr",
        default: "journal",
        doc: "where the log goes; on a terminal it goes there too",
        used: true,
        read: |config, text| set(&mut config.logging.target, text),
    },
    Key {
        name: "use",
        file: File::Session,
        kind: Kind::Text,
        form: "none | ID | ID:/path",
        default: "none",
        doc: "the store, file system or pool with this id, in place of all local.* selectors; set by `asl-admin use`",
        used: true,
        read: |config, text| set(&mut config.r#use, text),
    },
];

/// The known key that was most likely meant, among `candidates`.
pub(crate) fn nearest<'a>(
    seen: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Two slips of the finger; more is another word.
    const MAX_DISTANCE: usize = 2;
    candidates
        .map(|name| (distance(seen, name), name))
        .filter(|(distance, name)| *distance <= MAX_DISTANCE && *distance < name.len())
        .min()
        .map(|(_, name)| name)
}

/// Edits between two words. Both are at most a line long.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut last = i.saturating_add(1);
        let mut next = vec![last];
        for ((cb, diagonal), above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(ca != *cb));
            last = replaced
                .min(above.saturating_add(1))
                .min(last.saturating_add(1));
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_key() {
        for key in KEYS {
            let mut config = Config::default();
            (key.read)(&mut config, key.default).unwrap();
            assert_eq!(config, Config::default(), "{}", key.name);
        }
    }

    #[test]
    fn names_are_unique_and_carry_their_files_prefix() {
        for (i, key) in KEYS.iter().enumerate() {
            assert!(key.name.starts_with(key.file.prefix()));
            assert!(KEYS.iter().skip(i + 1).all(|other| other.name != key.name));
        }
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("local.mout", names()), Some("local.mount"));
        assert_eq!(nearest("mdoe", names()), Some("mode"));
        assert_eq!(nearest("local.moutn", names()), Some("local.mount"));
        assert_eq!(nearest("frobnicate", names()), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
