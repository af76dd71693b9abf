//! One field of a label, of a metadata area or of its text changed: the rule
//! that it breaks is named.

use crate::harness::probe;
use crate::lvm2::{changed, damage, found, volume};
use crate::lvm2_image::{
    AREA, FIRST, SIZE, Volume, put, put32, put64, seal_area, seal_label, text,
};
use asl_facts::Signature;

/// The rule that a changed label breaks; its checksum is made good again.
fn label_rule(at: usize, new: &[u8]) -> String {
    let mut bytes = Volume::kinds().bytes();
    put(&mut bytes, 512 + at, new);
    seal_label(&mut bytes[512..1024]);
    damage(&probe(&bytes)).rule.clone()
}

#[test]
fn one_changed_field_of_a_label_breaks_one_rule() {
    assert_eq!(label_rule(0, b"LABELTWO"), "label");
    assert_eq!(label_rule(8, &[2]), "place");
    assert_eq!(label_rule(20, &473_u32.to_le_bytes()), "header-offset");
    assert_eq!(label_rule(20, &24_u32.to_le_bytes()), "header-offset");
    assert_eq!(label_rule(32, b"-"), "uuid");
    assert_eq!(label_rule(64, &u64::MAX.to_le_bytes()), "size");
    for at in [72, 104, 144] {
        assert_eq!(label_rule(at, &vec![1; 512 - at]), "areas", "{at}");
    }
    let mut bytes = Volume::kinds().bytes();
    bytes[512 + 16] ^= 1;
    assert_eq!(damage(&probe(&bytes)).rule, "checksum");
    // Another type is another format, which LVM leaves alone too.
    let mut bytes = Volume::kinds().bytes();
    put(&mut bytes, 512 + 24, b"LVM9 001");
    seal_label(&mut bytes[512..1024]);
    assert_eq!(probe(&bytes), []);
}

/// The rule that a changed header of the area breaks.
fn area_rule(at: usize, new: &[u8]) -> String {
    let mut bytes = Volume::kinds().bytes();
    put(&mut bytes, FIRST + at, new);
    seal_area(&mut bytes[FIRST..][..512]);
    copy_rule(&bytes)
}

fn copy_rule(bytes: &[u8]) -> String {
    let superblock = found(&probe(&bytes.to_vec()));
    assert_eq!(volume(&superblock).group, None);
    let [copy] = &superblock.damaged_copies[..] else {
        panic!("{superblock:?}");
    };
    copy.rule.clone()
}

#[test]
fn one_changed_field_of_an_area_breaks_one_rule() {
    assert_eq!(area_rule(4, b"X"), "area-magic");
    assert_eq!(area_rule(20, &[2]), "area-version");
    assert_eq!(area_rule(24, &[1]), "area-start");
    assert_eq!(area_rule(32, &512_u64.to_le_bytes()), "area-size");
    assert_eq!(area_rule(32, &u64::MAX.to_le_bytes()), "area-size");
    assert_eq!(area_rule(40, &[1, 0]), "text-offset");
    assert_eq!(area_rule(40, &u64::MAX.to_le_bytes()), "text-offset");
    assert_eq!(area_rule(48, &[0; 8]), "text-size");
    assert_eq!(area_rule(48, &u64::MAX.to_le_bytes()), "text-size");
    assert_eq!(area_rule(56, &[0]), "text-checksum");
    let mut bytes = Volume::kinds().bytes();
    bytes[FIRST] ^= 1;
    assert_eq!(copy_rule(&bytes), "checksum");
    // An area beyond the end of the device.
    let make = Volume::new(vec![(SIZE - 256, 512, String::new())]);
    let mut bytes = make_label(&make);
    bytes.resize(SIZE, 0);
    assert_eq!(copy_rule(&bytes), "truncated");
}

/// The label alone, where the areas do not fit.
fn make_label(make: &Volume) -> Vec<u8> {
    let mut bytes = Volume::new(vec![]).bytes();
    let label = &mut bytes[512..1024];
    label[104..].fill(0);
    put64(label, 104, make.areas[0].0);
    put64(label, 112, AREA);
    put32(label, 136, 2);
    put32(label, 140, 1);
    seal_label(label);
    bytes
}

#[test]
fn one_changed_field_of_the_text_breaks_one_rule() {
    for (from, to, rule) in [
        ("Text Format Volume", "Another", "contents"),
        ("version = 1", "version = 2", "version"),
        ("kinds {", "ki/nds {", "name"),
        ("ghMCZv-", "ghMCZv", "id"),
        ("seqno = 2", "seqno = -1", "seqno"),
        ("seqno = 2", "seqno = 4294967296", "seqno"),
        ("extent_size = 128", "extent_size = 0", "extent-size"),
        ("extent_size = 128", "extent_sizes = 128", "extent-size"),
        ("status = [\"RES", "stat = [\"RES", "status"),
        ("status = [\"RES", "status = [1, \"RES", "status"),
        ("flags = []", "flags = [\"a b\"]", "flags"),
        ("physical_volumes {", "volumes {", "physical-volumes"),
        ("pv1 {", "pv0 {", "duplicate"),
        ("pe_start = 2048", "pe_start = \"x\"", "pe-start"),
        (
            "pe_start = 2048",
            "pe_start = 9223372036854775807",
            "pe-start",
        ),
        ("pe_count = 1008", "pe_count = 10", "extent-bounds"),
        ("segment_count = 3", "segment_count = 2", "segment-count"),
        ("start_extent = 8", "start_extent = 9", "segments"),
        ("start_extent = 8", "start_extent = 7", "segments"),
        ("stripe_count = 1", "stripe_count = 2", "areas"),
        ("stripe_count = 1", "stripe_count = 0", "areas"),
        ("stripe_size = 128", "stripe_size = 0", "stripe-size"),
        ("extent_count = 12", "extent_count = 13", "stripes"),
        ("\"pv1\", 0", "\"pv9\", 0", "reference"),
        ("\"pv1\", 0", "\"pv1\", -1", "stripes"),
        ("device_count = 2", "device_count = 3", "areas"),
        ("raid0_lvs = [", "raids = [", "raid0-lvs"),
        ("thin_pool = \"pool\"", "thin_pool = \"nool\"", "reference"),
        ("cow_store = \"snap\"", "cow_store = \"sn ap\"", "name"),
        ("type = \"thin\"", "type = 5", "type"),
        ("device_id = 1", "device = 1", "device-id"),
        ("chunk_size = 128\ndiscards", "discards", "chunk-size"),
        ("}", "", "text-syntax"),
    ] {
        let make = Volume::with(changed(from, to));
        assert_eq!(copy_rule(&make.bytes()), rule, "{from} -> {to}");
    }
    assert_eq!(
        copy_rule(&Volume::with("a = 1\n".to_owned()).bytes()),
        "contents"
    );
}

#[test]
fn a_syntax_error_is_placed_on_the_device_also_behind_the_wrap() {
    let text = "contents = \"Text Format Volume Group\" }";
    for (place, offset) in [(512, 512 + 38), (AREA - 38, 512), (AREA - 30, 520)] {
        let bytes = Volume::new(vec![(FIRST, place, text.to_owned())]).bytes();
        let superblock = found(&probe(&bytes));
        let copy = &superblock.damaged_copies[0];
        let seen = (copy.rule.as_str(), copy.offset);
        assert_eq!(
            seen,
            ("text-syntax", u64::try_from(FIRST + offset).unwrap())
        );
    }
}

#[test]
fn every_changed_byte_of_the_text_is_noticed_and_no_text_makes_it_panic() {
    let text = text();
    let mut bytes = Volume::kinds().bytes();
    for at in (0..text.len()).step_by(211) {
        bytes[FIRST + 512 + at] ^= 0x20;
        assert_eq!(copy_rule(&bytes), "text-checksum", "byte {at}");
        bytes[FIRST + 512 + at] ^= 0x20;
    }
    // With the checksum made good again, any outcome but a panic.
    for at in (0..text.len()).step_by(509) {
        for byte in ['{', '}', '"', '#', '-', '9', ' ', '['] {
            let mut text = text.clone();
            text.replace_range(at..=at, &byte.to_string());
            let _: Vec<Signature> = probe(&Volume::with(text).bytes());
        }
    }
}
