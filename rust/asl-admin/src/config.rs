//! `asl-admin config`: each key, its value and the layer that gave it.

use crate::{console, exit};
use asl_config::{Config, ConfigError, File, KEYS, Key, Layer, Setting, Warning, check_file};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Output<'a> {
    Error(&'a ConfigError),
    #[serde(untagged)]
    Settings {
        settings: &'a [Setting],
        warnings: &'a [Warning],
    },
}

pub(crate) fn run(root: &Path, json: bool, check: Option<&Path>) -> ExitCode {
    let result = match check {
        Some(file) => check_file(file),
        None => Config::load(root),
    };
    let (config, warnings) = match result {
        Ok(loaded) => loaded,
        Err(error) => {
            if json {
                // What cannot be printed is still told by the exit code.
                let _ = console::say_json(&Output::Error(&error));
                return ExitCode::from(exit::CONFIG);
            }
            return exit::fail(exit::CONFIG, &format!("{error}; {}", error.hint));
        }
    };
    let keys = KEYS
        .iter()
        .filter(|key| check.is_none_or(|file| stands_in(key, file)));
    let settings: Vec<Setting> = keys.map(|key| config.setting(key)).collect();
    if json {
        let output = Output::Settings {
            settings: &settings,
            warnings: &warnings,
        };
        return match console::say_json(&output) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::fail(exit::FAILURE, &error),
        };
    }
    console::say(&table(&settings));
    for warning in warnings {
        exit::tell(&warning);
    }
    ExitCode::SUCCESS
}

/// The table of keys, for people.
pub(crate) fn keys() -> ExitCode {
    let mut text = String::new();
    for key in KEYS {
        text.push_str(&format!(
            "{} = {}\n    {}\n    default {}, in {} as {}\n",
            key.name,
            key.form,
            key.doc,
            key.default,
            key.file.path(),
            key.name_in_file(),
        ));
    }
    console::say(&text);
    ExitCode::SUCCESS
}

fn stands_in(key: &Key, file: &Path) -> bool {
    let name = file.file_name();
    let own = |file: File| Path::new(file.path()).file_name();
    if own(File::Session) == name {
        key.file == File::Session || key.name == "write.allow"
    } else if File::ALL.into_iter().any(|file| own(file) == name) {
        own(key.file) == name
    } else {
        key.file == File::Asl
    }
}

/// The lines can be pasted into asl.conf: the layer is a comment.
fn table(settings: &[Setting]) -> String {
    let lines: Vec<(String, &Setting)> = settings
        .iter()
        .map(|setting| (format!("{} = {}", setting.key, setting.value), setting))
        .collect();
    // A long value may push its own comment out, not that of all others.
    const WIDEST: usize = 44;
    let width = lines
        .iter()
        .map(|(line, _)| line.chars().count())
        .filter(|width| *width <= WIDEST)
        .max()
        .unwrap_or_default();
    let mut table = String::new();
    for (line, setting) in &lines {
        let place = match (setting.layer, setting.place.as_str()) {
            (Layer::BuiltIn, _) | (_, "") => String::new(),
            (_, place) => format!(" {place}"),
        };
        table.push_str(&format!(
            "{line:<width$}  # {}{place}\n",
            setting.layer.name()
        ));
    }
    table
}
