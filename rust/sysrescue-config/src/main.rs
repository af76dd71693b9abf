//! Merges the YAML files of a SystemRescue-like live medium and the kernel command line
//! into the one JSON file that the live system reads.
//!
//! Runs once, in the initramfs. A file that cannot be read is named on standard error and
//! left out; the result is written all the same, and the exit code says that something was
//! wrong. Standard output has the three switches that the initramfs itself obeys, one
//! `name=y` or `name=n` a line.

mod cmdline;
mod value;
mod yaml;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use value::{Table, Value};

const USAGE: &str = "\
Usage: sysrescue-config --medium DIR --cmdline FILE --out FILE

Merges DIR/sysrescue.d/*.yaml in the order of their names, then the files that
the command line names as sysrescuecfg=, then the command line's own options,
and writes the result as JSON. Prints copytoram, loadsrm and checksum as y or n.

  --medium DIR    where the live medium is mounted
  --cmdline FILE  the kernel command line, as /proc/cmdline
  --out FILE      the JSON file; its directory is made if it is missing

Exit codes: 0 everything was read, 1 something was left out (see standard error)
or the result could not be written, 2 usage.
";

/// Bytes that a configuration file may have. A longer one is not a configuration, and the
/// initramfs has no memory to spare for it.
const FILE_MAX: u64 = 1024 * 1024;

/// Switches that the initramfs obeys.
const SWITCHES: [&str; 3] = ["copytoram", "loadsrm", "checksum"];

struct Arguments {
    medium: PathBuf,
    cmdline: PathBuf,
    out: PathBuf,
}

fn arguments(mut words: impl Iterator<Item = OsString>) -> Result<Arguments, String> {
    let (mut medium, mut cmdline, mut out) = (None, None, None);
    while let Some(word) = words.next() {
        let slot = match word.to_str() {
            Some("--medium") => &mut medium,
            Some("--cmdline") => &mut cmdline,
            Some("--out") => &mut out,
            _ => return Err(format!("{}: unknown argument", word.display())),
        };
        *slot = words.next().map(PathBuf::from);
    }
    match (medium, cmdline, out) {
        (Some(medium), Some(cmdline), Some(out)) => Ok(Arguments {
            medium,
            cmdline,
            out,
        }),
        _ => Err("--medium, --cmdline and --out are all needed".to_owned()),
    }
}

/// The files of `directory` that are configuration, in the order of their names. A medium
/// without the directory has no configuration, which is no error.
fn listed(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("yaml"));
        if is_yaml && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Table, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(FILE_MAX.saturating_add(1))
                .read_to_end(&mut bytes)
        })
        .map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX) {
        return Err(format!("longer than {FILE_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    yaml::parse(&text)
}

/// Merges everything; `problem` is called for each thing that is left out.
fn effective(medium: &Path, cmdline: &str, problem: &mut dyn FnMut(String)) -> Table {
    let directory = medium.join("sysrescue.d");
    let mut files = listed(&directory).unwrap_or_else(|error| {
        problem(format!("{}: {error}", directory.display()));
        Vec::new()
    });
    for name in cmdline::extra_files(cmdline) {
        if name.starts_with("http://") || name.starts_with("https://") {
            problem(format!(
                "sysrescuecfg={name}: there is no network here yet, ignored"
            ));
        } else {
            // An absolute path stays itself.
            files.push(directory.join(name));
        }
    }
    let mut config = Table::new();
    for path in files {
        match read(&path) {
            Ok(table) => value::merge(&mut config, table),
            Err(error) => problem(format!("{}: {error}, ignored", path.display())),
        }
    }
    cmdline::apply(&mut config, cmdline);
    config
}

/// What SystemRescue's initramfs understands as on and as off.
fn switch(config: &Table, name: &str) -> Result<bool, String> {
    let Some(Value::Table(global)) = config.get("global") else {
        return Ok(false);
    };
    let text = match global.get(name) {
        None => return Ok(false),
        Some(Value::Bool(value)) => return Ok(*value),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.to_ascii_lowercase(),
        Some(_) => "a collection".to_owned(),
    };
    match text.as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" | "1.0" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" | "0.0" | "null" => Ok(false),
        _ => Err(format!("global.{name}: neither on nor off: {text}")),
    }
}

/// Writes the result for root alone: it may hold a password.
fn write(out: &Path, config: &Table) -> io::Result<()> {
    if let Some(directory) = out.parent().filter(|path| !path.as_os_str().is_empty()) {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    let mut text = serde_json::to_string_pretty(config)?;
    text.push('\n');
    let mut partial = out.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    // An older one would keep the mode it was made with.
    if let Err(error) = fs::remove_file(&partial)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?
        .write_all(text.as_bytes())?;
    fs::rename(&partial, out)
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut stdout = io::stdout();
    match words.first().and_then(|word| word.to_str()) {
        Some("--help") => return printed(stdout.write_all(USAGE.as_bytes())),
        Some("--version") => {
            return printed(writeln!(
                stdout,
                "sysrescue-config {}",
                env!("CARGO_PKG_VERSION")
            ));
        }
        _ => {}
    }
    let arguments = match arguments(words.into_iter()) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprint!("sysrescue-config: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };

    let mut complete = true;
    let mut problem = |text: String| {
        eprintln!("{text}");
        complete = false;
    };
    let cmdline = fs::read_to_string(&arguments.cmdline).unwrap_or_else(|error| {
        problem(format!("{}: {error}", arguments.cmdline.display()));
        String::new()
    });
    let config = effective(&arguments.medium, &cmdline, &mut problem);
    for name in SWITCHES {
        let on = switch(&config, name).unwrap_or_else(|error| {
            problem(error);
            false
        });
        if writeln!(stdout, "{name}={}", if on { "y" } else { "n" }).is_err() {
            problem("standard output: cannot write".to_owned());
        }
    }
    if let Err(error) = write(&arguments.out, &config) {
        problem(format!("{}: {error}", arguments.out.display()));
    }
    if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn printed(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A medium in a directory of its own, gone when dropped.
    struct Medium(PathBuf);

    impl Medium {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let path = std::env::temp_dir()
                .join(format!("sysrescue-config-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("sysrescue.d")).unwrap();
            for (file, text) in files {
                fs::write(path.join("sysrescue.d").join(file), text).unwrap();
            }
            Self(path)
        }

        fn config(&self, cmdline: &str) -> (String, Vec<String>) {
            let mut problems = Vec::new();
            let table = effective(&self.0, cmdline, &mut |text| problems.push(text));
            (serde_json::to_string(&table).unwrap(), problems)
        }
    }

    impl Drop for Medium {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_merge_in_the_order_of_their_names() {
        let medium = Medium::new(
            "order",
            &[
                ("300-asl.yaml", "global: {loadsrm: true}"),
                (
                    "100-defaults.YAML",
                    "global: {loadsrm: false, copytoram: false}",
                ),
                ("900-no.yml", "global: {loadsrm: false}"),
            ],
        );
        let (json, problems) = medium.config("");
        assert_eq!(json, r#"{"global":{"copytoram":false,"loadsrm":true}}"#);
        assert!(problems.is_empty());
    }

    #[test]
    fn a_bad_file_is_named_and_left_out() {
        let medium = Medium::new(
            "bad",
            &[
                ("100-a.yaml", "a: b"),
                ("200-b.yaml", "a: b: c"),
                ("300-c.yaml", "c: d"),
            ],
        );
        let (json, problems) = medium.config("");
        assert_eq!(json, r#"{"a":"b","c":"d"}"#);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("200-b.yaml"), "{problems:?}");
    }

    #[test]
    fn named_files_come_later_and_the_command_line_last() {
        let medium = Medium::new(
            "named",
            &[
                ("100-a.yaml", "global: {loadsrm: true, setkmap: de}"),
                ("200-b.yaml", "global: {loadsrm: false, setkmap: fr}"),
            ],
        );
        let (json, problems) = medium.config("sysrescuecfg=100-a.yaml setkmap=us");
        assert_eq!(json, r#"{"global":{"loadsrm":true,"setkmap":"us"}}"#);
        assert!(problems.is_empty());
    }

    #[test]
    fn what_cannot_be_had_is_named() {
        let medium = Medium::new("none", &[]);
        let (json, problems) =
            medium.config("sysrescuecfg=https://example.org/a sysrescuecfg=/none/b.yaml");
        assert_eq!(json, "{}");
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn a_file_that_is_too_long_is_left_out() {
        let long = format!("a: {}", "x".repeat(1024 * 1024));
        let medium = Medium::new("long", &[("100-a.yaml", &long)]);
        let (json, problems) = medium.config("");
        assert_eq!(json, "{}");
        assert!(problems[0].contains("longer than"), "{problems:?}");
    }

    #[test]
    fn switches_know_many_words_and_refuse_others() {
        for (text, expected) in [
            ("true", Some(true)),
            ("'YES'", Some(true)),
            ("1", Some(true)),
            ("off", Some(false)),
            ("0.0", Some(false)),
            ("maybe", None),
            ("[a]", None),
        ] {
            let config = yaml::parse(&format!("global: {{loadsrm: {text}}}")).unwrap();
            assert_eq!(switch(&config, "loadsrm").ok(), expected, "{text}");
        }
    }

    #[test]
    fn the_result_is_for_root_alone() {
        let medium = Medium::new("mode", &[]);
        let out = medium.0.join("config/out.json");
        write(&out, &Table::new()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&out), 0o600);
        assert_eq!(mode(out.parent().unwrap()), 0o700);
        assert_eq!(fs::read_to_string(&out).unwrap(), "{}\n");
    }
}
