//! The metadata of LUKS2: a right checksum does not make it sound.

use super::luks2::{HDR, IMAGE, broken, changed, copies, resum, rule, signature, sound, text};
use super::{container, damage, judge};
use serde_json::{Value, json};

#[test]
fn broken_metadata_is_named() {
    fn set(value: &mut Value, path: &str, new: Value) {
        *value.pointer_mut(path).unwrap() = new;
    }
    let one = |path: &str, new: Value| rule(&changed(|value| set(value, path, new)));
    for (path, new, expected) in [
        ("/config/json_size", json!("12289"), "json-size"),
        ("/config/json_size", json!(12288), "json"),
        ("/config/json_size", json!("-1"), "json"),
        ("/config/json_size", json!("99999999999999999999"), "json"),
        ("/config/keyslots_size", json!("4097"), "keyslots-size"),
        (
            "/config/keyslots_size",
            json!("18446744073709547520"),
            "keyslots-size",
        ),
        ("/config/keyslots_size", json!("8192"), "keyslot-area"),
        ("/config/keyslots_size", json!("134217728"), "data-offset"),
        ("/keyslots", json!([]), "json"),
        ("/keyslots", json!({}), "reference"),
        ("/keyslots", json!({"x": {}}), "json"),
        ("/keyslots/0/type", json!(7), "json"),
        ("/keyslots/0/key_size", json!(-1), "json"),
        ("/keyslots/0/area/offset", json!("4096"), "keyslot-area"),
        ("/keyslots/0/area/size", json!("0"), "keyslot-area"),
        (
            "/keyslots/0/area/size",
            json!("18446744073709551615"),
            "keyslot-area",
        ),
        ("/segments", json!({}), "reference"),
        ("/segments/0/offset", json!("512"), "data-offset"),
        ("/segments/0/offset", json!("1048577"), "segment"),
        ("/segments/0/size", json!("0"), "json"),
        ("/segments/0/size", json!("100"), "segment"),
        ("/segments/0/size", json!("18446744073709551104"), "segment"),
        ("/segments/0/sector_size", json!(0), "sector-size"),
        ("/segments/0/sector_size", json!(8192), "sector-size"),
        ("/digests/0/keyslots", json!(["1"]), "reference"),
        ("/digests/0/segments", json!(["1"]), "reference"),
        (
            "/tokens",
            json!({"0": {"type": "t", "keyslots": ["9"]}}),
            "reference",
        ),
        ("/digests", Value::Null, "json"),
    ] {
        assert_eq!(one(path, new.clone()), expected, "{path}: {new}");
    }
    let overlap = changed(|value| value["keyslots"]["1"] = value["keyslots"]["0"].clone());
    assert_eq!(rule(&overlap), "keyslot-overlap");
    let only_backup = changed(|value| value["segments"]["0"]["flags"] = json!(["backup-final"]));
    assert_eq!(rule(&only_backup), "segments");
    // A payload that ends beyond the device.
    let mut image = changed(|value| set(value, "/segments/0/size", json!("1048576000")));
    image[HDR..HDR + 4096].fill(0);
    assert_eq!(broken(&signature(&image)).rule, "size");
}

#[test]
fn a_right_checksum_makes_no_json_sound() {
    let deep = format!("{}{}", "[".repeat(6000), "]".repeat(6000));
    let full = "x".repeat(HDR - 4096);
    let doubled = r#"{"keyslots":{"1":1,"1":2}}"#;
    for (json, expected) in [
        ("", "json"),
        ("garbage", "json"),
        ("{", "json"),
        ("{}", "json"),
        ("[]", "json"),
        ("\u{1b}]0;\u{7}", "json"),
        (doubled, "json"),
        (&deep, "json"),
        (&format!(r#"{{"unknown":{deep}"#)[..12000], "json"),
        (&full, "json-end"),
    ] {
        let image = text(&IMAGE, 0, json.as_bytes());
        let damage = damage(judge("luks", &image[..64 << 10]));
        assert_eq!(damage.rule, expected, "{json:.20}");
        assert!(!damage.seen.chars().any(char::is_control), "{damage:?}");
        assert!(damage.seen.chars().count() <= 160, "{damage:?}");
        // The secondary says what the primary does not.
        assert_eq!(sound(&image).content, sound(&*IMAGE).content);
    }
    let mut stray = IMAGE.clone();
    stray[HDR - 1] = 1;
    resum(&mut stray, 0);
    assert_eq!(rule(&stray), "json-padding");
    // What the parser repeats of a device's text is made printable.
    let forged = json!({"keyslots": "\n\u{1b}[2J'"}).to_string();
    let damage = damage(judge(
        "luks",
        &text(&IMAGE, 0, forged.as_bytes())[..64 << 10],
    ));
    assert!(!damage.seen.contains('\u{1b}'), "{damage:?}");
}

/// 4 MiB of header with a right checksum: neither depth nor length nor count
/// costs more than reading it.
#[test]
fn a_forged_area_of_4_mib_is_bounded() {
    let hdr = 4_usize << 20;
    let mut image = IMAGE.clone();
    image.resize(9 << 20, 0);
    image[HDR..HDR + 4096].fill(0);
    image[8..16].copy_from_slice(&(hdr as u64).to_be_bytes());
    let area = hdr - 4096;
    let mut judged = |text: &str| {
        image[4096..hdr].fill(0);
        image[4096..][..text.len()].copy_from_slice(text.as_bytes());
        resum(&mut image, 0);
        copies(&sound(&image))[0].0.to_owned()
    };
    let long = format!("\"{}\"", "x".repeat(area - 3));
    assert_eq!(judged(&long), "json-length");
    let many: String = (0..60_000).map(|id| format!(r#""{id}":{{}},"#)).collect();
    assert_eq!(judged(&format!(r#"{{"unknown":{{{many}"x":0}}}}"#)), "json");
    let items = "0,".repeat(500_000);
    let mandatory = format!(r#"{{"config":{{"requirements":{{"mandatory":[{items}0]}}}}}}"#);
    assert_eq!(judged(&mandatory), "json");
    assert_eq!(judged(&"[".repeat(1 << 20)), "json");
}

#[test]
fn counts_go_up_to_their_maxima() {
    let slots = |count: usize| {
        changed(|value| {
            let mut slot = value["keyslots"]["0"].clone();
            slot["area"]["size"] = json!("4096");
            for id in 0..count {
                slot["area"]["offset"] = json!((32768 + 4096 * id).to_string());
                value["keyslots"][id.to_string()] = slot.clone();
            }
        })
    };
    let superblock = sound(&slots(32));
    let ids: Vec<&str> = container(&superblock)
        .keyslots
        .iter()
        .map(|slot| slot.id.as_str())
        .collect();
    let expected: Vec<String> = (0..32).map(|id| id.to_string()).collect();
    assert_eq!(ids, expected);
    assert_eq!(rule(&slots(33)), "json");

    let tokens = |count: usize| {
        changed(|value| {
            for id in 0..count {
                value["tokens"][id.to_string()] = json!({"type": "t", "keyslots": ["0"]});
            }
        })
    };
    assert_eq!(container(&sound(&tokens(32))).tokens.len(), 32);
    assert_eq!(rule(&tokens(33)), "json");
    let list =
        |count: usize| changed(|value| value["digests"]["0"]["keyslots"] = json!(vec!["0"; count]));
    assert!(sound(&list(32)).damaged_copies.is_empty());
    assert_eq!(rule(&list(33)), "json");
}

#[test]
fn a_requirement_is_an_operation_or_unknown() {
    let required = |words: Value| {
        let image = changed(|value| value["config"]["requirements"] = json!({"mandatory": words}));
        let superblock = sound(&image);
        let under_way = container(&superblock).under_way.clone();
        (under_way, superblock.unknown_features)
    };
    let online = Some("online-reencrypt".to_owned());
    assert_eq!(required(json!([])), (None, vec![]));
    assert_eq!(
        required(json!(["online-reencrypt"])),
        (online.clone(), vec![])
    );
    assert_eq!(required(json!(["online-reencrypt-v3"])), (online, vec![]));
    let offline = Some("offline-reencrypt".to_owned());
    assert_eq!(required(json!(["offline-reencrypt"])), (offline, vec![]));
    assert_eq!(required(json!(["opal"])), (None, vec![]));
    let unknown = vec!["from?the-future".to_owned()];
    assert_eq!(required(json!(["from\nthe-future"])), (None, unknown));
}

#[test]
fn words_of_the_device_are_made_printable() {
    let image = changed(|value| {
        value["keyslots"]["0"]["type"] = json!("a\n\u{1b}b");
        value["tokens"]["0"] = json!({"type": "x".repeat(500), "keyslots": []});
        value["segments"]["0"]["encryption"] = json!("aes\u{202e}");
    });
    let superblock = sound(&image);
    let ours = container(&superblock);
    assert_eq!(ours.keyslots[0].kind, "a??b");
    assert_eq!(ours.tokens[0].len(), 64);
    assert_eq!(ours.algorithm.as_deref(), Some("aes?"));
}
