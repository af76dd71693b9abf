//! The on-disk formats that are known.

use serde::{Deserialize, Serialize};

macro_rules! formats {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// The on-disk formats that are known.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Format {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Format {
            /// All of them.
            pub const ALL: &[Format] = &[$(Format::$variant,)+];

            /// Its name in facts and texts: that of `mount -t` for what can
            /// be mounted, the usual one in lower case for the rest.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Format::$variant => $name,)+
                }
            }
        }
    };
}

formats! {
    /// ext2: no journal.
    Ext2 = "ext2",
    /// ext3: a journal and nothing that ext3 lacks.
    Ext3 = "ext3",
    /// ext4.
    Ext4 = "ext4",
    /// The external journal of an ext3 or ext4.
    Jbd = "jbd",
    /// XFS, v4 and v5.
    Xfs = "xfs",
    /// btrfs.
    Btrfs = "btrfs",
    /// F2FS.
    F2fs = "f2fs",
    /// bcachefs.
    Bcachefs = "bcachefs",
    /// FAT12, FAT16 and FAT32.
    Vfat = "vfat",
    /// exFAT.
    Exfat = "exfat",
    /// NTFS.
    Ntfs = "ntfs",
    /// JFS.
    Jfs = "jfs",
    /// ReiserFS 3.5 and 3.6.
    Reiserfs = "reiserfs",
    /// NILFS2.
    Nilfs2 = "nilfs2",
    /// HFS+ and HFSX, also inside an HFS wrapper.
    Hfsplus = "hfsplus",
    /// UDF.
    Udf = "udf",
    /// ISO 9660.
    Iso9660 = "iso9660",
    /// SquashFS 4.
    Squashfs = "squashfs",
    /// EROFS.
    Erofs = "erofs",
    /// APFS container.
    Apfs = "apfs",
    /// OCFS2.
    Ocfs2 = "ocfs2",
    /// GFS2.
    Gfs2 = "gfs2",
    /// Swap space or an image of a sleeping system in one.
    Swap = "swap",
    /// Member of a Linux md array.
    Md = "md",
    /// Member of an Intel firmware array.
    Imsm = "imsm",
    /// Member of a SNIA DDF array.
    Ddf = "ddf",
    /// Member of a firmware array that dm-raid tools know by name.
    Dmraid = "dmraid",
    /// LVM2 physical volume.
    Lvm2 = "lvm2",
    /// Device of a ZFS pool.
    Zfs = "zfs",
    /// Device of a Stratis pool.
    Stratis = "stratis",
    /// bcache backing or cache device.
    Bcache = "bcache",
    /// DRBD, internal metadata.
    Drbd = "drbd",
    /// VDO volume.
    Vdo = "vdo",
    /// LUKS1 and LUKS2.
    Luks = "luks",
    /// BitLocker.
    Bitlocker = "bitlocker",
    /// dm-integrity.
    Integrity = "dm-integrity",
    /// dm-verity hash device.
    Verity = "dm-verity",
    /// GUID partition table.
    Gpt = "gpt",
    /// MBR partition table.
    Mbr = "mbr",
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
