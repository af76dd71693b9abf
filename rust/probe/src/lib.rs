//! One decoder per on-disk format over bytes that were read.
//!
//! [`probe`] reads what [`TABLE`] asks for; the decoders see bytes only. No
//! input makes them panic, and each answers absent, damaged (which rule,
//! where, what was seen) or found.
#![forbid(unsafe_code)]

mod apfs;
mod bcache;
mod bcachefs;
mod bitlocker;
mod btrfs;
mod buffer;
mod bytes;
mod ddf;
mod decoded;
mod disk;
mod dmraid;
mod drbd;
mod erofs;
mod exfat;
mod ext;
mod f2fs;
mod fat;
mod gfs2;
mod gpt;
mod hfsplus;
mod imsm;
mod integrity;
mod iso9660;
mod jfs;
mod luks;
mod luks2;
mod luks2_json;
mod lvm2;
mod lvm2_group;
mod lvm2_text;
mod mbr;
mod md;
mod nilfs2;
mod ntfs;
mod nvlist;
mod ocfs2;
mod probe;
mod read;
mod reiserfs;
mod squashfs;
mod stratis;
mod swap;
mod table;
mod udf;
mod vdo;
mod verity;
mod xfs;
pub mod xfs_log;
mod zfs;
mod zfs_label;
mod zfs_uberblock;

pub use decoded::{Decoded, Found, Refused};
pub use disk::{Disk, HEAD, TAIL};
pub use probe::{Probed, probe};
pub use read::{Fault, Metered, ReadAt, read_up_to};
pub use table::{Complete, Decode, Kind, Place, Row, TABLE, rows};
