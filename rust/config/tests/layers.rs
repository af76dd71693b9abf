//! The layers over small root trees, and the files that the image ships.

#![allow(
    clippy::result_large_err,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use asl_config::{Config, ConfigError, Degraded, LogLevel, Seconds, Warning, check_file};
use std::fs;
use std::path::{Path, PathBuf};

const ASL: &str = "etc/asl/asl.conf";
const CMDLINE: &str = "proc/cmdline";
const SCOPE: &str = "run/archiso/config/sysrescue-effective-config.json";
const SESSION: &str = "var/lib/asl/runtime/session.conf";
const MEDIUM: &str = "run/archiso/bootmnt/sysrescue.d/300-asl.yaml";

/// A root tree that is gone at the end.
struct Root(PathBuf);

impl Root {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let name = format!("asl-config-{name}-{}", std::process::id());
        let root = Self(std::env::temp_dir().join(name));
        for file in [
            "etc/asl/federation.conf",
            "etc/asl/logging.conf",
            ASL,
            CMDLINE,
        ] {
            root.write(file, "");
        }
        for (path, text) in files {
            root.write(path, text);
        }
        root
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn load(&self) -> Result<(Config, Vec<Warning>), ConfigError> {
        Config::load(&self.0)
    }

    fn values(&self) -> Config {
        self.load().unwrap().0
    }

    fn error(&self) -> ConfigError {
        self.load().unwrap_err()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn layer(config: &Config, key: &str) -> (&'static str, String, String) {
    let setting = config.setting(asl_config::find(key).unwrap());
    (setting.layer.name(), setting.value, setting.place)
}

#[test]
fn the_later_layer_wins_and_is_named() {
    let root = Root::new(
        "order",
        &[
            (ASL, "mode = local\nlocal.label = A\nlocal.serial = S\n"),
            (SCOPE, r#"{"asl":{"local":{"label":"B","serial":"T"}}}"#),
            (CMDLINE, "quiet asl.local.serial=U asl.settle.timeout=3\n"),
        ],
    );
    let config = root.values();
    assert_eq!(
        layer(&config, "mode"),
        ("file", "local".into(), "/etc/asl/asl.conf:1".into())
    );
    assert_eq!(layer(&config, "local.label").0, "scope");
    assert_eq!(
        layer(&config, "local.serial"),
        ("cmdline", "U".into(), "/proc/cmdline".into())
    );
    assert_eq!(layer(&config, "local.mount").0, "built-in");
    assert_eq!(config.settle.timeout, Seconds(3));
    assert_eq!(config.local.label.as_deref(), Some("B"));
}

#[test]
fn ignore_is_the_way_out_of_a_broken_file() {
    let broken = [(ASL, "mdoe = none\n"), (SCOPE, "{"), (MEDIUM, "asl: {}\n")];
    let root = Root::new("ignore", &broken);
    assert_eq!(root.error().file, "/etc/asl/asl.conf");
    root.write(CMDLINE, "asl.config=ignore asl.local.label=X\n");
    assert_eq!(root.values().local.label.as_deref(), Some("X"));
}

#[test]
fn an_unknown_key_is_placed_and_the_nearest_is_told() {
    let root = Root::new(
        "unknown",
        &[(ASL, "mode = auto\n  local.moutn = /mnt/asl/x\n")],
    );
    let error = root.error();
    assert_eq!((error.line, error.column), (Some(2), Some(3)));
    assert_eq!(error.key.as_deref(), Some("local.moutn"));
    assert_eq!(
        error.to_string(),
        "/etc/asl/asl.conf:2:3: key local.moutn: unknown key `local.moutn` seen, \
         a known key, perhaps local.mount expected"
    );
}

#[test]
fn a_key_of_another_file_is_sent_there() {
    let root = Root::new("elsewhere", &[(ASL, "logging.level = debug\n")]);
    assert!(
        root.error()
            .expected
            .contains("/etc/asl/logging.conf, as level")
    );
    root.write(ASL, "");
    root.write("etc/asl/logging.conf", "level = debug\n");
    assert_eq!(root.values().logging.level, LogLevel::Debug);
}

#[test]
fn a_bad_value_is_placed_at_the_value() {
    let root = Root::new("value", &[(ASL, "mode =  maybe # or not\n")]);
    let error = root.error();
    assert_eq!((error.line, error.column), (Some(1), Some(9)));
    assert_eq!(error.seen, "`maybe`");
    assert_eq!(error.expected, "auto, none, local, import or remote");
}

#[test]
fn a_key_stands_once() {
    let root = Root::new("twice", &[(ASL, "mode = none\nmode = auto\n")]);
    assert!(root.error().seen.contains("first in line 1"));
    // On the command line the last one counts, as for the kernel's own keys.
    root.write(ASL, "");
    root.write(CMDLINE, "asl.local.label=A asl.local.label=B");
    assert_eq!(root.values().local.label.as_deref(), Some("B"));
}

#[test]
fn our_yaml_without_its_scope_is_an_error() {
    let root = Root::new("lost", &[(MEDIUM, "asl: {}\n")]);
    assert_eq!(root.error().key.as_deref(), Some("asl"));
    root.write(SCOPE, r#"{"global":{}}"#);
    assert_eq!(root.error().seen, "no asl scope");
    root.write(SCOPE, r#"{"asl":{"image":{"version":"0.1.0"}}}"#);
    assert!(root.load().unwrap().1.is_empty());
}

#[test]
fn another_version_on_the_medium_is_a_warning() {
    let scope = r#"{"asl":{"image":{"version":"9.9.9"}}}"#;
    let (_, warnings) = Root::new("version", &[(SCOPE, scope)]).load().unwrap();
    assert_eq!(warnings[0].key.as_deref(), Some("image.version"));
}

#[test]
fn the_type_of_the_key_decides_about_a_number() {
    let scope = r#"{"asl":{"settle":{"timeout":10.0}}}"#;
    let root = Root::new("number", &[(SCOPE, scope)]);
    assert_eq!(root.values().settle.timeout, Seconds(10));
    root.write(SCOPE, r#"{"asl":{"settle":{"timeout":10.5}}}"#);
    assert_eq!(root.error().key.as_deref(), Some("settle.timeout"));
    root.write(SCOPE, r#"{"asl":{"local":{"serial":123.0}}}"#);
    assert!(root.error().expected.starts_with("text in quotes"));
}

#[test]
fn a_mount_elsewhere_is_refused_with_the_reason() {
    for bad in [
        "/mnt/asl",
        "/mnt/asl/../x",
        "/etc",
        "/mnt/aslx/y",
        "/mnt/asl//x",
        "/mnt/asl/remote",
    ] {
        let root = Root::new("mount", &[(ASL, &format!("local.mount = {bad}\n"))]);
        assert!(root.error().expected.contains("/mnt/asl"), "{bad}");
    }
    let root = Root::new("mount", &[(ASL, "local.mount = /mnt/asl/other\n")]);
    assert_eq!(root.values().local.mount.0, "/mnt/asl/other");
}

#[test]
fn endpoints_have_a_scheme_and_no_password() {
    for bad in [
        "host:/path",
        "nfs://host",
        "ftp://h/p",
        "nfs:///p",
        "ssh://u:pw@h/p",
        "s3://",
    ] {
        let root = Root::new("endpoint", &[(ASL, &format!("remote.endpoint = {bad}\n"))]);
        assert_eq!(
            root.error().key.as_deref(),
            Some("remote.endpoint"),
            "{bad}"
        );
    }
    for good in [
        "nfs://h/p",
        "s3://bucket",
        "asl://h:1",
        "ssh://u@h/p",
        "smb://h/s",
    ] {
        let root = Root::new("endpoint", &[(ASL, &format!("remote.endpoint = {good}\n"))]);
        assert_eq!(root.values().remote.endpoint.unwrap().text, good);
    }
}

#[test]
fn an_image_file_has_one_plain_path() {
    let long = format!("u:/{}", "x".repeat(512));
    for bad in [
        "u",
        "/a",
        ":/a",
        "u:a",
        "u:/",
        "u:/a/../b",
        "u:/..",
        "u:/./a",
        "u://a",
        "u:/a/",
        "u:/a'b",
        "u v:/a",
        &long,
    ] {
        let root = Root::new("image", &[(ASL, &format!("local.image = {bad}\n"))]);
        let error = root.error();
        assert_eq!(error.key.as_deref(), Some("local.image"), "{bad}");
        assert!(error.expected.starts_with("FS-UUID:/path"), "{error}");
    }
    let good = "12AB-34CD:/images/..the store:1.img";
    let root = Root::new("image", &[(ASL, &format!("local.image = {good}\n"))]);
    let image = root.values().local.image.unwrap();
    assert_eq!(image.filesystem, "12AB-34CD");
    assert_eq!(image.path, "/images/..the store:1.img");
    assert_eq!(image.to_string(), good);
}

#[test]
fn there_is_no_consent_for_every_store() {
    for blanket in ["*", "yes", "all"] {
        let root = Root::new("consent", &[(ASL, &format!("write.allow = {blanket}\n"))]);
        assert!(root.error().expected.contains("no consent for every store"));
    }
    let root = Root::new("consent", &[(ASL, "write.allow = id@S1, other\n")]);
    let (config, warnings) = root.load().unwrap();
    assert_eq!(config.write.allow.len(), 2);
    assert_eq!(config.write.allow[0].carrier.as_deref(), Some("S1"));
    assert_eq!(warnings, []);
    // The endpoint itself is the id of a remote store.
    root.write(ASL, "write.allow = ssh://u@h/p\n");
    assert_eq!(root.values().write.allow[0].id, "ssh://u@h/p");
}

#[test]
fn a_key_that_nothing_acts_on_is_a_warning() {
    let root = Root::new("idle", &[("etc/asl/federation.conf", "domain = d\n")]);
    let (_, warnings) = root.load().unwrap();
    assert_eq!(warnings[0].key.as_deref(), Some("federation.domain"));
}

#[test]
fn the_session_wins_and_its_consent_is_added() {
    let root = Root::new(
        "session",
        &[
            (ASL, "write.allow = a@S1\nlocal.label = A\n"),
            (
                SESSION,
                "# by a command\nuse = log:0f:/x\nwrite.allow = b@S2, a@S1\n",
            ),
        ],
    );
    let config = root.values();
    let pick = config.r#use.clone().unwrap();
    assert_eq!((&*pick.id, pick.path.as_deref()), ("log:0f", Some("/x")));
    assert_eq!(pick.to_string(), "log:0f:/x");
    let ids: Vec<_> = config.write.allow.iter().map(|one| &*one.id).collect();
    assert_eq!(ids, ["b", "a"]);
    let place = |line| format!("/var/lib/asl/runtime/session.conf:{line}");
    assert_eq!(
        layer(&config, "use"),
        ("session", "log:0f:/x".into(), place(2))
    );
    assert_eq!(
        layer(&config, "write.allow"),
        (
            "session",
            "a@S1, b@S2, a@S1".into(),
            format!("{}, in addition to /etc/asl/asl.conf:1", place(3))
        )
    );
    assert_eq!(config.local.label.as_deref(), Some("A"));
    // `none` there takes nothing away from what the site allows.
    root.write(SESSION, "write.allow = none\n");
    assert_eq!(root.values().write.allow.len(), 1);
    assert_eq!(layer(&root.values(), "write.allow").1, "a@S1");
    root.write(SESSION, "");
    assert_eq!(layer(&root.values(), "write.allow").0, "file");
}

#[test]
fn a_broken_session_is_placed_and_taken_away_by_a_command() {
    let root = Root::new("broken-session", &[(CMDLINE, "asl.config=ignore")]);
    for (text, line, column, key) in [
        ("use = :/x\n", 1, 7, Some("use")),
        ("\nmode = none\n", 2, 1, Some("mode")),
        ("use = a\nuse = b\n", 2, 1, Some("use")),
        ("use\n", 1, 1, None),
        ("write.allow = *\n", 1, 15, Some("write.allow")),
    ] {
        root.write(SESSION, text);
        let error = root.error();
        assert_eq!(error.file, "/var/lib/asl/runtime/session.conf");
        assert_eq!(
            (error.line, error.column),
            (Some(line), Some(column)),
            "{text}"
        );
        assert_eq!(error.key.as_deref(), key, "{text}");
        assert_eq!(error.hint, "asl-admin use --clear");
    }
    fs::remove_file(root.0.join(SESSION)).unwrap();
    fs::create_dir(root.0.join(SESSION)).unwrap();
    assert_eq!(root.error().hint, "asl-admin use --clear");
}

/// It would hold for a disk of another boot.
#[test]
fn use_is_for_the_session_alone() {
    for (file, text) in [
        (ASL, "use = u\n"),
        (CMDLINE, "asl.use=u"),
        (SCOPE, r#"{"asl":{"use":"u"}}"#),
    ] {
        let error = Root::new("elsewhere-use", &[(file, text)]).error();
        assert_eq!(error.key.as_deref(), Some("use"));
        assert_eq!(error.expected, "that key from `asl-admin use` alone");
    }
}

#[test]
fn lists_are_split_at_commas() {
    let root = Root::new(
        "list",
        &[(
            ASL,
            "detect.exclude = S1, /dev/sda ,W\nimport.degraded = ro\n",
        )],
    );
    let config = root.values();
    assert_eq!(config.detect.exclude, ["S1", "/dev/sda", "W"]);
    assert_eq!(config.import.degraded, Degraded::Ro);
}

#[test]
fn what_is_no_file_is_named_and_blocks_nothing() {
    let root = Root::new("directory", &[]);
    fs::remove_file(root.0.join(ASL)).unwrap();
    fs::create_dir(root.0.join(ASL)).unwrap();
    assert_eq!(root.error().seen, "no regular file");
}

#[test]
fn a_file_that_is_not_there_is_a_warning() {
    let root = Root::new("gone", &[]);
    fs::remove_file(root.0.join(ASL)).unwrap();
    let (config, warnings) = root.load().unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(warnings[0].to_string(), "/etc/asl/asl.conf: not there");
}

/// The files of the image, beside this workspace.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../overlay/etc/asl")
        .join(name)
}

#[test]
fn the_shipped_files_say_what_is_built_in() {
    for name in ["asl.conf", "federation.conf", "logging.conf"] {
        let (config, warnings) = check_file(&shipped(name)).unwrap();
        assert!(warnings.is_empty(), "{name}");
        for setting in config.settings() {
            let default = asl_config::find(setting.key).unwrap().default;
            assert_eq!(setting.value, default, "{name}: {}", setting.key);
        }
    }
}

#[test]
fn the_shipped_asl_conf_has_the_specifications_three_lines() {
    let text = fs::read_to_string(shipped("asl.conf")).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let expected = [
        "mode = auto",
        "local.mount = /mnt/asl/local",
        "remote.endpoint = none",
    ];
    assert_eq!(lines, expected);
}
