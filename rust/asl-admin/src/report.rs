//! `asl-admin report`: what somebody elsewhere needs to see to say what is
//! wrong. No key, no passphrase, no user of an endpoint.

use crate::bundle::{self, Entry};
use crate::tool::output;
use crate::{console, evidence, exit, in_use, paths, unlock};
use asl_activate::{Command, JOURNAL};
use asl_config::Config;
use asl_decide::Report;
use asl_facts::{Device, Use};
use asl_mode::{Mode, clean};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest file of ours, bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// Longest log, bytes, and its most lines.
const MAX_LOG: u64 = 16 * 1024 * 1024;
const MAX_LINES: &str = "50000";
/// The journal of a boot is read in seconds.
const LOG_TIME: Duration = Duration::from_secs(60);
/// Where the running image is.
const IMAGE: &str = "/run/archiso";
/// Deepest directory of it that is looked into, and most files.
const IMAGE_DEPTH: usize = 5;
const IMAGE_FILES: usize = 64;
/// Read at once, to hash.
const CHUNK: usize = 1024 * 1024;
/// Files that take longer than about a second are announced.
const LARGE: u64 = 64 * 1024 * 1024;

pub(crate) fn run(root: &Path, to: &Path) -> ExitCode {
    match report(root, to) {
        Ok(written) => {
            console::say(&format!("{}\n", written.display()));
            ExitCode::SUCCESS
        }
        Err(error) => exit::fail(exit::FAILURE, &error),
    }
}

fn report(root: &Path, to: &Path) -> Result<PathBuf, String> {
    let single = to.extension().is_some_and(|extension| extension == "tar");
    let directory = match (single, to.parent()) {
        (true, Some(parent)) if parent.as_os_str().is_empty() => Path::new("."),
        (true, Some(parent)) => parent,
        _ => to,
    };
    check_directory(root, directory)?;
    let boot = asl_mode::current_boot_id(root).unwrap_or_else(|_| "unknown-boot".to_owned());
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let plain: String = boot
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(36)
        .collect();
    let name = format!("asl-report-{plain}-{}", stamp(seconds));
    let mut entries = gather(root);
    for (_, bytes) in &mut entries {
        *bytes = without_users(bytes);
    }
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => format!(
            "{}: a read-only file system; give a directory that can be written to",
            directory.display()
        ),
        _ => format!("{}: {error}", to.display()),
    };
    if single {
        bundle::tar(to, &name, seconds, &entries).map_err(told)?;
        Ok(to.to_owned())
    } else {
        bundle::directory(to, &name, &entries).map_err(told)
    }
}

/// A report on the store's own file system would be a write before consent.
fn check_directory(root: &Path, directory: &Path) -> Result<(), String> {
    let shown = directory.display();
    let real = fs::canonicalize(directory).map_err(|error| format!("{shown}: {error}"))?;
    if !real.is_dir() {
        return Err(format!("{shown}: no directory"));
    }
    let refused = || {
        Err(format!(
            "{shown}: on the store's own file system; give a directory on another one"
        ))
    };
    for base in [asl_config::MOUNT_BASE, "/run/asl"] {
        let base = paths::below(root, base);
        if real.starts_with(fs::canonicalize(&base).unwrap_or(base)) {
            return refused();
        }
    }
    let Ok(mode) = evidence::mode(root) else {
        return Ok(());
    };
    if mode.mode != Mode::None && in_use::source_at(root, &real).as_deref() == Some(&mode.source) {
        return refused();
    }
    Ok(())
}

/// Everything, with what could not be had in a file of its own.
fn gather(root: &Path) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut problems = String::new();
    let mut told = |what: &str, error: &dyn std::fmt::Display| {
        let _ = writeln!(problems, "{what}: {error}");
    };
    for (name, path) in [
        ("facts.json", paths::REPORT),
        ("mode", paths::MODE),
        ("activation.json", JOURNAL),
        ("unlocked.json", unlock::UNLOCKED),
        ("session.conf", asl_config::SESSION),
    ] {
        match evidence::bounded(&paths::below(root, path), MAX_FILE) {
            Ok(bytes) => entries.push((name.to_owned(), bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.starts_with("/var") => {}
            Err(error) => told(path, &error),
        }
    }
    match evidence::report(root) {
        Ok(report) => {
            match serde_json::to_vec_pretty(&report.decision) {
                Ok(bytes) => entries.push(("decision.json".to_owned(), bytes)),
                Err(error) => told("decision.json", &error),
            }
            entries.push(("devices.txt".to_owned(), devices(&report).into_bytes()));
        }
        Err(missing) => told("decision.json and devices.txt", &missing),
    }
    let config = match Config::load(root) {
        Ok((config, warnings)) => {
            serde_json::json!({ "settings": config.settings(), "warnings": warnings })
        }
        Err(error) => serde_json::json!({ "error": error }),
    };
    entries.push((
        "config.json".to_owned(),
        format!("{config:#}\n").into_bytes(),
    ));
    match output(journalctl()) {
        Ok(log) => entries.push(("log.txt".to_owned(), log.into_bytes())),
        Err(error) => told("log.txt", &error),
    }
    entries.push(("versions.txt".to_owned(), versions(root).into_bytes()));
    let mut sums = String::new();
    for path in image_files(root) {
        match sha256(&path) {
            Ok(sum) => {
                let shown = path.strip_prefix(root).unwrap_or(&path);
                let _ = writeln!(sums, "{sum}  /{}", shown.display());
            }
            Err(error) => told(&path.display().to_string(), &error),
        }
    }
    entries.push(("image.sha256".to_owned(), sums.into_bytes()));
    if !problems.is_empty() {
        entries.push(("problems.txt".to_owned(), problems.into_bytes()));
    }
    entries
}

fn journalctl() -> Command {
    let words = ["--boot", "--no-pager", "--output=short-iso-precise"];
    Command::new("journalctl", &words)
        .arg("--unit=asl-*")
        .arg("--lines")
        .arg(MAX_LINES)
        .keeping(MAX_LOG)
        .within(LOG_TIME)
}

fn versions(root: &Path) -> String {
    let mut text = format!("overlay {}\n", asl_config::VERSION);
    for path in ["/proc/sys/kernel/osrelease", "/etc/os-release"] {
        let bytes = evidence::bounded(&paths::below(root, path), 64 * 1024).unwrap_or_default();
        let content = String::from_utf8_lossy(&bytes);
        let _ = writeln!(text, "{path}\n{}", content.trim());
    }
    text
}

/// Like lsblk, from the facts.
fn devices(report: &Report) -> String {
    let facts = &report.facts;
    let mut text = String::new();
    let all = facts.all_devices();
    for device in all.filter(|device| device.size > 0) {
        let uses: Vec<String> = device.uses.iter().map(used).collect();
        let _ = writeln!(
            text,
            "{:<16} {:>10} {} {:<24} {} {}",
            clean(&device.node),
            asl_decide::size(device.size),
            if device.read_only { "ro" } else { "rw" },
            formats(device),
            clean(&asl_decide::place(facts, device)),
            clean(&uses.join(", "))
        );
    }
    text
}

fn used(used: &Use) -> String {
    match used {
        Use::Mounted { target, .. } => target.clone(),
        Use::Swap => "[swap]".to_owned(),
    }
}

fn formats(device: &Device) -> String {
    let names: Vec<&str> = device
        .probe
        .signatures()
        .iter()
        .map(|signature| signature.format.name())
        .collect();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(",")
    }
}

/// The modules, the root of the running system, and our programs.
fn image_files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    search(&paths::below(root, IMAGE), 0, &mut found);
    for name in ["asl-admin", "asl-debug", "asl-intake"] {
        let path = paths::below(root, "/usr/local/bin").join(name);
        if path.is_file() {
            found.push(path);
        }
    }
    found
}

fn search(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths {
        let Ok(kind) = fs::symlink_metadata(&path) else {
            continue;
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The modules' own content is mounted below sfs/.
        if kind.is_dir() && depth < IMAGE_DEPTH && name != "sfs" {
            search(&path, depth.saturating_add(1), found);
        } else if kind.is_file()
            && (name.ends_with(".srm") || name.starts_with("airootfs"))
            && found.len() < IMAGE_FILES
        {
            found.push(path);
        }
    }
}

/// In hex.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if size >= LARGE {
        let size = asl_decide::size(size);
        crate::exit::tell(&format!("hashing {} ({size})", path.display()));
    }
    let mut hash = Sha256::new();
    let mut chunk = vec![0_u8; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => hash.update(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut hex = String::new();
    for byte in hash.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

/// `ssh://somebody:secret@host/` becomes `ssh://host/`: what stands between
/// the scheme and the host, and all of a query, which may hold a token.
fn without_users(bytes: &[u8]) -> Vec<u8> {
    const SCHEME: &[u8] = b"://";
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`<>\\,".contains(byte);
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(SCHEME.len()).position(|part| part == SCHEME) {
        let (before, behind) = rest.split_at(at.saturating_add(SCHEME.len()));
        clean.extend_from_slice(before);
        let length = behind.iter().position(ends).unwrap_or(behind.len());
        let (address, more) = behind.split_at(length);
        let slash = address.iter().position(|byte| *byte == b'/');
        let (host, path) = address.split_at(slash.unwrap_or(address.len()));
        let user = host.iter().rposition(|byte| *byte == b'@');
        let host = user.map_or(host, |at| {
            host.get(at.saturating_add(1)..).unwrap_or_default()
        });
        clean.extend_from_slice(host);
        let query = path.iter().position(|byte| *byte == b'?');
        clean.extend_from_slice(path.get(..query.unwrap_or(path.len())).unwrap_or_default());
        rest = more;
    }
    clean.extend_from_slice(rest);
    clean
}

/// `20260117T092147Z`
fn stamp(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    let (days, rest) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
        rest / 3600,
        rest % 3600 / 60,
        rest % 60
    )
}

/// The date of a day since 1970, in the Gregorian calendar. Years begin in
/// March, so that the leap day is the last one (H. Hinnant, `civil_from_days`).
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a day count of seconds in 64 bits is far below the type's end"
)]
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_utc() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_782_399), "20000228T235959Z");
        assert_eq!(stamp(951_782_400), "20000229T000000Z");
        assert_eq!(stamp(1_768_641_707), "20260117T092147Z");
    }

    #[test]
    fn whoever_an_endpoint_is_used_as_is_cut_out() {
        for (text, expected) in [
            ("a ssh://me:pw@host/p b", "a ssh://host/p b"),
            ("\"s3://k:s@bucket\",", "\"s3://bucket\","),
            ("nfs://h/p@q", "nfs://h/p@q"),
            ("x://a@b@c/?token=1 y", "x://c/ y"),
            ("smb://u@h/s, ssh://v@h/s", "smb://h/s, ssh://h/s"),
            ("://", "://"),
        ] {
            let seen = without_users(text.as_bytes());
            assert_eq!(String::from_utf8(seen).unwrap(), expected);
        }
    }
}
