//! One field of a real superblock changed: the rule that it breaks is named.

use crate::harness::{Image, Make};
use asl_facts::{Damage, Format, LogState};
use asl_probe::{Decoded, Found, read_up_to, rows};
use crc::{CRC_32_ISCSI, Crc};
use std::sync::LazyLock;

const EXT: u64 = 1024;
const BTRFS: u64 = 65536;

fn superblock(command: &'static [&'static str], mib: u64, at: u64, len: usize) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = Make { command, mib }.image(dir.path(), "image");
    read_up_to(&Image::open(&path), at, len).unwrap()
}

/// Without checksums, so that the changed field is what is wrong.
static PLAIN_EXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    superblock(
        &["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum"],
        16,
        EXT,
        1024,
    )
});
static EXT4: LazyLock<Vec<u8>> =
    LazyLock::new(|| superblock(&["mke2fs", "-q", "-t", "ext4"], 16, EXT, 1024));
static XFS4: LazyLock<Vec<u8>> =
    LazyLock::new(|| superblock(&["mkfs.xfs", "-q", "-m", "crc=0"], 320, 0, 512));
static XFS5: LazyLock<Vec<u8>> = LazyLock::new(|| superblock(&["mkfs.xfs", "-q"], 320, 0, 512));
static BTRFS_SB: LazyLock<Vec<u8>> =
    LazyLock::new(|| superblock(&["mkfs.btrfs", "-q"], 128, BTRFS, 4096));

fn with(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..][..new.len()].copy_from_slice(new);
    bytes
}

fn judge(row: &str, bytes: &[u8], at: u64) -> Decoded {
    let row = rows().find(|known| known.name == row).unwrap();
    row.judge(bytes, at)
}

fn damage(decoded: Decoded) -> Damage {
    match decoded {
        Decoded::Damaged(_, damage) => damage,
        other => panic!("not damaged: {other:?}"),
    }
}

fn found(decoded: Decoded) -> Found {
    match decoded {
        Decoded::Found(found) => *found,
        other => panic!("not found: {other:?}"),
    }
}

fn ext_rule(at: usize, new: &[u8]) -> String {
    damage(judge("ext", &with(&PLAIN_EXT, at, new), EXT)).rule
}

fn xfs_rule(at: usize, new: &[u8]) -> String {
    damage(judge("xfs", &with(&XFS4, at, new), 0)).rule
}

/// With the checksum made good again.
fn btrfs_with(at: usize, new: &[u8]) -> Vec<u8> {
    let bytes = with(&BTRFS_SB, at, new);
    let crc = Crc::<u32>::new(&CRC_32_ISCSI).checksum(&bytes[32..]);
    with(&bytes, 0, &crc.to_le_bytes())
}

fn btrfs_rule(at: usize, new: &[u8]) -> String {
    damage(judge("btrfs", &btrfs_with(at, new), BTRFS)).rule
}

#[test]
fn ext_without_its_magic_is_absent() {
    assert_eq!(judge("ext", &with(&EXT4, 0x38, &[0]), EXT), Decoded::Absent);
}

#[test]
fn ext_with_a_wrong_checksum_names_both_values() {
    let damage = damage(judge("ext", &with(&EXT4, 0x78, b"x"), EXT));
    assert_eq!((damage.rule.as_str(), damage.offset), ("checksum", 2044));
    assert!(damage.seen.starts_with("0x") && damage.expected.starts_with("0x"));
    assert_ne!(damage.seen, damage.expected);
}

#[test]
fn ext_with_another_checksum_type_is_damaged() {
    let damage = damage(judge("ext", &with(&EXT4, 0x175, &[2]), EXT));
    assert_eq!(damage.rule, "checksum-type");
}

#[test]
fn ext_cut_inside_its_superblock_is_damaged() {
    assert_eq!(damage(judge("ext", &EXT4[..512], EXT)).rule, "truncated");
}

#[test]
fn ext_blocks_above_64_kib_are_damaged() {
    assert_eq!(ext_rule(0x18, &7_u32.to_le_bytes()), "block-size");
}

#[test]
fn ext_zero_blocks_per_group_is_damaged() {
    assert_eq!(ext_rule(0x20, &[0; 4]), "blocks-per-group");
}

#[test]
fn ext_more_clusters_in_a_group_than_bits_in_a_block_is_damaged() {
    assert_eq!(
        ext_rule(0x24, &8193_u32.to_le_bytes()),
        "clusters-per-group"
    );
}

#[test]
fn ext_zero_inodes_per_group_is_damaged() {
    assert_eq!(ext_rule(0x28, &[0; 4]), "inodes-per-group");
}

#[test]
fn ext_inode_size_of_no_power_of_two_is_damaged() {
    assert_eq!(ext_rule(0x58, &200_u16.to_le_bytes()), "inode-size");
}

#[test]
fn ext_zero_blocks_is_damaged() {
    assert_eq!(ext_rule(0x4, &[0; 4]), "block-count");
}

#[test]
fn ext_descriptor_smaller_than_64_bit_needs_is_damaged() {
    assert_eq!(ext_rule(0xfe, &32_u16.to_le_bytes()), "descriptor-size");
}

#[test]
fn ext_first_data_block_above_1_is_damaged() {
    assert_eq!(ext_rule(0x14, &[2]), "first-data-block");
}

#[test]
fn ext_unknown_revision_is_damaged() {
    assert_eq!(ext_rule(0x4c, &[2]), "revision");
}

#[test]
fn ext_recover_needs_replay_and_the_state_field_says_nothing_of_it() {
    let incompat = PLAIN_EXT[0x60] | 0x4;
    let found = found(judge("ext", &with(&PLAIN_EXT, 0x60, &[incompat]), EXT));
    assert_eq!(
        found.superblock.filesystem().unwrap().log,
        LogState::NeedsReplay { live_bytes: None }
    );
    assert!(!found.superblock.filesystem().unwrap().errors);
    assert_eq!(found.format, Format::Ext4);
}

#[test]
fn ext_error_bit_is_reported() {
    assert!(
        found(judge("ext", &with(&PLAIN_EXT, 0x3a, &[3]), EXT))
            .superblock
            .filesystem()
            .unwrap()
            .errors
    );
}

#[test]
fn ext_unknown_incompatible_feature_is_named_by_its_bit() {
    let found = found(judge("ext", &with(&PLAIN_EXT, 0x63, &[0x80]), EXT));
    assert_eq!(found.superblock.unknown_features, ["0x80000000"]);
}

#[test]
fn xfs_with_a_wrong_checksum_is_damaged() {
    let damage = damage(judge("xfs", &with(&XFS5, 108, b"x"), 0));
    assert_eq!((damage.rule.as_str(), damage.offset), ("checksum", 224));
}

#[test]
fn xfs_of_another_version_is_damaged() {
    assert_eq!(xfs_rule(101, &[XFS4[101] & 0xf0 | 6]), "version");
}

#[test]
fn xfs_sector_size_that_its_log_denies_is_damaged() {
    assert_eq!(xfs_rule(121, &[10]), "sector-size");
}

#[test]
fn xfs_block_size_of_no_power_of_two_is_damaged() {
    assert_eq!(xfs_rule(4, &5000_u32.to_be_bytes()), "block-size");
}

#[test]
fn xfs_inode_larger_than_2_kib_is_damaged() {
    assert_eq!(xfs_rule(104, &4096_u16.to_be_bytes()), "inode-size");
}

#[test]
fn xfs_wrong_inodes_per_block_is_damaged() {
    assert_eq!(xfs_rule(106, &9_u16.to_be_bytes()), "inodes-per-block");
}

#[test]
fn xfs_groups_below_64_blocks_are_damaged() {
    assert_eq!(xfs_rule(84, &63_u32.to_be_bytes()), "ag-blocks");
}

#[test]
fn xfs_more_blocks_than_its_groups_hold_is_damaged() {
    assert_eq!(xfs_rule(8, &u64::MAX.to_be_bytes()), "block-count");
}

#[test]
fn xfs_zero_groups_is_damaged() {
    assert_eq!(xfs_rule(88, &[0; 4]), "block-count");
}

#[test]
fn xfs_that_mkfs_did_not_finish_is_damaged() {
    assert_eq!(xfs_rule(126, &[1]), "in-progress");
}

#[test]
fn btrfs_with_a_wrong_checksum_is_damaged() {
    let damage = damage(judge("btrfs", &with(&BTRFS_SB, 0x12b, b"x"), BTRFS));
    assert_eq!((damage.rule.as_str(), damage.offset), ("checksum", BTRFS));
}

#[test]
fn btrfs_unknown_checksum_type_is_damaged() {
    assert_eq!(btrfs_rule(0xc4, &[9]), "checksum-type");
}

#[test]
fn btrfs_superblock_at_another_place_is_damaged() {
    let decoded = judge("btrfs", &BTRFS_SB, BTRFS * 2);
    assert_eq!(damage(decoded).rule, "place");
}

#[test]
fn btrfs_sector_size_of_no_power_of_two_is_damaged() {
    assert_eq!(btrfs_rule(0x90, &5000_u32.to_le_bytes()), "sector-size");
}

#[test]
fn btrfs_node_smaller_than_a_sector_is_damaged() {
    assert_eq!(btrfs_rule(0x94, &2048_u32.to_le_bytes()), "node-size");
}

#[test]
fn btrfs_system_chunks_past_their_array_are_damaged() {
    assert_eq!(btrfs_rule(0xa0, &2049_u32.to_le_bytes()), "system-chunks");
}

#[test]
fn btrfs_tree_of_8_levels_is_damaged() {
    assert_eq!(btrfs_rule(0xc7, &[8]), "chunk-root-level");
}

#[test]
fn btrfs_of_no_device_is_damaged() {
    assert_eq!(btrfs_rule(0x88, &[0; 8]), "devices");
}

#[test]
fn btrfs_with_a_tree_log_needs_replay() {
    let found = found(judge("btrfs", &btrfs_with(0x60, &[1]), BTRFS));
    assert_eq!(
        found.superblock.filesystem().unwrap().log,
        LogState::NeedsReplay { live_bytes: None }
    );
}

#[test]
fn btrfs_unknown_incompatible_feature_is_named_by_its_bit() {
    let found = found(judge("btrfs", &btrfs_with(0xc3, &[0x40]), BTRFS));
    assert_eq!(found.superblock.unknown_features, ["0x4000000000000000"]);
}
