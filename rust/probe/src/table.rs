//! The one table of signatures.
//!
//! The read plan, the fuzz targets and the coverage page follow from it. The
//! order decides nothing: all answers are kept, and what they mean together
//! is settled by containment in the topology crate.

use crate::format::{
    apfs, bcache, bcachefs, bitlocker, btrfs, ddf, dmraid, drbd, erofs, exfat, ext, f2fs, fat,
    gfs2, gpt, hfsplus, imsm, integrity, iso9660, jfs, luks, lvm2, mbr, md, nilfs2, ntfs, ocfs2,
    reiserfs, squashfs, stratis, swap, udf, vdo, verity, xfs, zfs,
};
use crate::row::Row;

/// All formats, one list a module.
pub const TABLE: &[&[Row]] = &[
    // File systems.
    ext::ROWS,
    xfs::ROWS,
    btrfs::ROWS,
    f2fs::ROWS,
    bcachefs::ROWS,
    fat::ROWS,
    exfat::ROWS,
    ntfs::ROWS,
    jfs::ROWS,
    reiserfs::ROWS,
    nilfs2::ROWS,
    hfsplus::ROWS,
    udf::ROWS,
    iso9660::ROWS,
    squashfs::ROWS,
    erofs::ROWS,
    apfs::ROWS,
    ocfs2::ROWS,
    gfs2::ROWS,
    swap::ROWS,
    // Members.
    md::ROWS,
    imsm::ROWS,
    ddf::ROWS,
    dmraid::ROWS,
    lvm2::ROWS,
    zfs::ROWS,
    stratis::ROWS,
    bcache::ROWS,
    drbd::ROWS,
    vdo::ROWS,
    // Containers.
    luks::ROWS,
    bitlocker::ROWS,
    integrity::ROWS,
    verity::ROWS,
    // Partition tables.
    gpt::ROWS,
    mbr::ROWS,
];

/// Every row of the table.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::HEAD;
    use crate::row::Place;

    #[test]
    fn no_primary_lies_beyond_the_head_read() {
        for row in rows() {
            for place in row.places {
                if let Place::Start(at) = place {
                    assert!(*at < HEAD, "{}", row.name);
                }
            }
        }
    }
}
