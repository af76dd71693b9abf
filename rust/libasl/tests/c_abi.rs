//! The library as C sees it: a program compiled against asl.h, the exported
//! symbols against the header, and what the library needs of its host.

// The allowance for tests in clippy.toml does not reach their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use asl::Code;
use asl::abi::AslMode;
use std::collections::BTreeSet;
use std::fs;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

const HEADER: &str = include_str!("../include/asl.h");

/// The library that cargo built for this test, beside it or one level up.
fn library() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join("libasl.so"))
        .find(|path| path.exists())
        .unwrap()
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The functions that the header declares: `name(` after a type.
fn declared() -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    HEADER
        .lines()
        .filter(|line| line.ends_with(';') && !line.starts_with([' ', '\t', '*']))
        .filter_map(|line| line.split_once('('))
        .filter_map(|(before, _)| before.rsplit(|c| !is_name(c)).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn c_program_gets_what_the_header_promises() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = library();
    // The name by which the loader looks for it.
    fs::copy(&library, path("libasl.so.0")).unwrap();
    let rpath = format!("-Wl,-rpath,{}", dir.path().display());
    let source = here.join("tests/probe.c");
    let include = format!("-I{}", here.join("include").display());
    output(
        "cc",
        &[
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            &include,
            source.to_str().unwrap(),
            &path("libasl.so.0"),
            &rpath,
            "-o",
            &path("probe"),
        ],
    );
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let mode = format!(
        "schema='1'\nmode='local'\ncode='c'\nrule='r'\naccess='ro'\nbackend='posix'\n\
         source='s'\nstore='i'\nmount='/m'\nreason='w'\nhint='h'\ngeneration='7'\nboot_id='{}'\n",
        boot.trim()
    );
    fs::write(path("mode"), mode).unwrap();
    fs::write(path("bad"), "mode=\n").unwrap();
    fs::write(path("image"), vec![0; 1 << 20]).unwrap();
    let printed = output(
        &path("probe"),
        &[&path("mode"), &path("bad"), &path("image")],
    );
    let line = |key: &str| {
        printed
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap()
    };
    assert_eq!(line("version "), env!("CARGO_PKG_VERSION"));
    assert!(line("json ").starts_with('{'));
    let layout = [
        size_of::<AslMode>(),
        offset_of!(AslMode, boot_id),
        offset_of!(AslMode, schema),
    ];
    assert_eq!(line("layout "), layout.map(|n| n.to_string()).join(" "));
}

#[test]
fn header_declares_what_is_exported() {
    let symbols = output("nm", &["-D", "--defined-only", library().to_str().unwrap()]);
    let exported: BTreeSet<String> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(|name| name.split('@').next().unwrap_or(name).to_owned())
        .collect();
    assert_eq!(exported, declared());
}

#[test]
fn header_has_the_numbers_of_the_code() {
    for code in Code::ALL {
        let define = format!("#define {} {} ", code.name(), code.number());
        assert!(HEADER.contains(&define), "{define}");
    }
}

#[test]
fn library_asks_little_of_its_host() {
    let library = library();
    let library = library.to_str().unwrap();
    let dynamic = output("objdump", &["-p", library]);
    let values = |key: &str| -> Vec<String> {
        dynamic
            .lines()
            .filter_map(|line| line.trim().strip_prefix(key))
            .map(|value| value.trim().to_owned())
            .collect()
    };
    assert_eq!(values("SONAME "), ["libasl.so.0"]);
    for needed in values("NEEDED ") {
        let allowed = ["libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"];
        assert!(allowed.contains(&needed.as_str()), "{needed}");
    }
    assert!(values("RUNPATH ").is_empty() && values("RPATH ").is_empty());
    // The oldest glibc that it must run with.
    let newest = (2, 34);
    for symbol in output("objdump", &["-T", library]).lines() {
        let Some((_, version)) = symbol.split_once("GLIBC_") else {
            continue;
        };
        let digits = version.split(|c: char| c != '.' && !c.is_ascii_digit());
        let mut parts = digits.into_iter().next().unwrap_or_default().split('.');
        let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok());
        let seen = (next().unwrap(), next().unwrap_or(0));
        assert!(seen <= newest, "{symbol}");
    }
}
