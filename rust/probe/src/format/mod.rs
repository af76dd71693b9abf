//! One module per format; a folder holds what only its family needs.

// File systems and swap.
pub(crate) mod apfs;
pub(crate) mod bcachefs;
pub(crate) mod btrfs;
pub(crate) mod erofs;
pub(crate) mod exfat;
pub(crate) mod ext;
pub(crate) mod f2fs;
pub(crate) mod fat;
pub(crate) mod gfs2;
pub(crate) mod hfsplus;
pub(crate) mod iso9660;
pub(crate) mod jfs;
pub(crate) mod nilfs2;
pub(crate) mod ntfs;
pub(crate) mod ocfs2;
pub(crate) mod reiserfs;
pub(crate) mod squashfs;
pub(crate) mod swap;
pub(crate) mod udf;
pub(crate) mod xfs;

// Members of something larger.
pub(crate) mod bcache;
pub(crate) mod ddf;
pub(crate) mod dmraid;
pub(crate) mod drbd;
pub(crate) mod imsm;
pub(crate) mod lvm2;
pub(crate) mod md;
pub(crate) mod stratis;
pub(crate) mod vdo;
pub(crate) mod zfs;

// What shows only through a mapping.
pub(crate) mod bitlocker;
pub(crate) mod integrity;
pub(crate) mod luks;
pub(crate) mod verity;

// Partition tables.
pub(crate) mod gpt;
pub(crate) mod mbr;
pub(crate) mod partitions;

pub use xfs::log as xfs_log;
