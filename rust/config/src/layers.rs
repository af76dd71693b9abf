//! From the files of a root to one configuration.

use crate::error::{ConfigError, Warning, quoted};
use crate::keys::{self, File, KEYS, Kind, SESSION};
use crate::types::NONE;
use crate::{Assignment, Config, Layer, Origin, Place, VERSION, cmdline, lines, scope};
use std::fs;
use std::io::{self, Read};
use std::path::Path;

const WRITE_ALLOW: &str = "write.allow";
const CMDLINE: &str = "/proc/cmdline";
const SCOPE: &str = "/run/archiso/config/sysrescue-effective-config.json";
/// Our YAML file on the medium. Where it is and its scope is not, something
/// between the medium and us lost the site's configuration.
const MEDIUM: &str = "/run/archiso/bootmnt/sysrescue.d/300-asl.yaml";

impl Config {
    /// Reads all layers below `root`.
    ///
    /// # Errors
    /// The first thing that is wrong in any layer that counts.
    pub fn load(root: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut loader = Loader::default();
        let cmdline = match read(root, CMDLINE, lines::MAX_FILE)? {
            Some(bytes) => cmdline::parse(CMDLINE, &bytes)?,
            None => {
                loader.warn(CMDLINE, None, "not there");
                cmdline::Cmdline::default()
            }
        };
        if cmdline.ignore {
            loader.warn(
                CMDLINE,
                None,
                "asl.config=ignore: files and YAML scope are not read",
            );
        } else {
            for file in File::ALL {
                match read(root, file.path(), lines::MAX_FILE)? {
                    Some(bytes) => loader.file(file, file.path(), &bytes)?,
                    None => loader.warn(file.path(), None, "not there"),
                }
            }
            loader.scope(root)?;
        }
        for assignment in cmdline.assignments {
            loader.apply(Layer::Cmdline, None, assignment)?;
        }
        loader.session_below(root)?;
        Ok((loader.config, loader.warnings))
    }
}

impl Config {
    /// What the command line would make of these keys and values, on a node
    /// without any other layer.
    ///
    /// # Errors
    /// A key is not known, or a value is not one of its key.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConfigError> {
        let mut loader = Loader::default();
        for (key, value) in pairs {
            let assignment = Assignment {
                key: key.to_owned(),
                value: value.to_owned(),
                number: false,
                place: Place {
                    file: CMDLINE.to_owned(),
                    line: None,
                    key_column: None,
                    value_column: None,
                },
            };
            loader.apply(Layer::Cmdline, None, assignment)?;
        }
        Ok(loader.config)
    }
}

/// Reads one file by itself, as what its name says it is.
///
/// # Errors
/// The first thing that is wrong in it.
pub fn check_file(path: &Path) -> Result<(Config, Vec<Warning>), ConfigError> {
    let name = path.display().to_string();
    let file_name = path.file_name().unwrap_or_default();
    let file = File::ALL
        .into_iter()
        .chain([File::Session])
        .find(|file| Path::new(file.path()).file_name() == Some(file_name))
        .unwrap_or(File::Asl);
    let mut loader = Loader::default();
    match read(Path::new(""), &name, lines::MAX_FILE)? {
        Some(bytes) if file == File::Session => loader.session(&name, &bytes)?,
        Some(bytes) => loader.file(file, &name, &bytes)?,
        None => return Err(unreadable(&name, "no file".to_owned())),
    }
    Ok((loader.config, loader.warnings))
}

/// The session's file by itself.
pub(crate) fn session_alone(root: &Path) -> Result<Config, ConfigError> {
    let mut loader = Loader::default();
    loader.session_below(root)?;
    Ok(loader.config)
}

/// A text that would be the session's file.
pub(crate) fn session_text(text: &str) -> Result<Config, ConfigError> {
    let mut loader = Loader::default();
    loader.session(SESSION, text.as_bytes())?;
    Ok(loader.config)
}

/// Nobody edits that file, and one command takes it away.
fn session_error(error: ConfigError) -> ConfigError {
    ConfigError {
        hint: "asl-admin use --clear".to_owned(),
        ..error
    }
}

#[derive(Default)]
struct Loader {
    config: Config,
    warnings: Vec<Warning>,
}

impl Loader {
    fn warn(&mut self, file: &str, key: Option<&str>, text: &str) {
        self.warnings.push(Warning {
            file: file.to_owned(),
            key: key.map(str::to_owned),
            text: text.to_owned(),
        });
    }

    fn file(&mut self, file: File, name: &str, bytes: &[u8]) -> Result<(), ConfigError> {
        let assignments = lines::parse(name, file.prefix(), bytes)?;
        self.apply_all(Layer::File, Some(file), assignments)
    }

    fn session_below(&mut self, root: &Path) -> Result<(), ConfigError> {
        match read(root, SESSION, lines::MAX_FILE).map_err(session_error)? {
            Some(bytes) => self.session(SESSION, &bytes),
            None => Ok(()),
        }
    }

    /// What the session allows is added to what is configured; the rest of it
    /// wins as any later layer does.
    fn session(&mut self, name: &str, bytes: &[u8]) -> Result<(), ConfigError> {
        let allowed = std::mem::take(&mut self.config.write.allow);
        let origin = self.config.origins.remove(WRITE_ALLOW);
        let result = lines::parse(name, "", bytes)
            .and_then(|all| self.apply_all(Layer::Session, Some(File::Session), all));
        for consent in allowed.into_iter().rev() {
            if !self.config.write.allow.contains(&consent) {
                self.config.write.allow.insert(0, consent);
            }
        }
        if let Some(configured) = origin {
            self.config
                .origins
                .entry(WRITE_ALLOW)
                .and_modify(|session| {
                    let both = [&configured.value, &session.value];
                    let said = both.map(String::as_str).into_iter();
                    let said: Vec<_> = said.filter(|value| *value != NONE).collect();
                    session.value = said.join(", ");
                    session.place =
                        format!("{}, in addition to {}", session.place, configured.place);
                })
                .or_insert(configured);
        }
        result.map_err(session_error)
    }

    fn scope(&mut self, root: &Path) -> Result<(), ConfigError> {
        let assignments = match read(root, SCOPE, scope::MAX_FILE)? {
            Some(bytes) => scope::parse(SCOPE, &bytes)?,
            None => None,
        };
        let Some(assignments) = assignments else {
            if below(root, MEDIUM).exists() {
                return Err(ConfigError {
                    file: SCOPE.to_owned(),
                    line: None,
                    column: None,
                    key: Some("asl".to_owned()),
                    seen: "no asl scope".to_owned(),
                    expected: format!("the scope of {MEDIUM}"),
                    hint: "look for a YAML error: journalctl -b | grep -i sysrescue".to_owned(),
                });
            }
            return Ok(());
        };
        self.apply_all(Layer::Scope, None, assignments)?;
        if let Some(version) = &self.config.image.version
            && version != VERSION
        {
            let text = format!("the medium is of version {version}, the overlay of {VERSION}");
            self.warn(SCOPE, Some("image.version"), &text);
        }
        Ok(())
    }

    /// One source: a key stands in it once, since which of two was meant
    /// would be a guess.
    fn apply_all(
        &mut self,
        layer: Layer,
        file: Option<File>,
        assignments: Vec<Assignment>,
    ) -> Result<(), ConfigError> {
        let mut seen: Vec<(String, Option<usize>)> = Vec::new();
        for assignment in assignments {
            if let Some((_, line)) = seen.iter().find(|(key, _)| *key == assignment.key) {
                let first = line.map_or(String::new(), |line| format!(", first in line {line}"));
                return Err(key_error(
                    &assignment,
                    format!("the key a second time{first}"),
                    "each key once".to_owned(),
                ));
            }
            seen.push((assignment.key.clone(), assignment.place.line));
            self.apply(layer, file, assignment)?;
        }
        Ok(())
    }

    fn apply(
        &mut self,
        layer: Layer,
        file: Option<File>,
        assignment: Assignment,
    ) -> Result<(), ConfigError> {
        let known = || KEYS.iter().filter(|key| key.stands_in(file));
        let Some(key) = known().find(|key| key.name == assignment.key) else {
            return Err(unknown_key(&assignment, file));
        };
        if assignment.number && key.kind != Kind::Number {
            return Err(value_error(
                &assignment,
                format!("the number {}", assignment.value),
                format!("text in quotes ({})", key.form),
            ));
        }
        (key.read)(&mut self.config, &assignment.value).map_err(|expected| {
            value_error(&assignment, quoted(&assignment.value), expected.to_owned())
        })?;
        if !key.used && assignment.value != key.default {
            self.warn(
                &assignment.place.file,
                Some(key.name),
                "is read, and this version does not act on it",
            );
        }
        let place = match assignment.place.line {
            Some(line) if matches!(layer, Layer::File | Layer::Session) => {
                format!("{}:{line}", assignment.place.file)
            }
            _ => assignment.place.file,
        };
        self.config.origins.insert(
            key.name,
            Origin {
                layer,
                place,
                value: assignment.value,
            },
        );
        Ok(())
    }
}

fn unknown_key(assignment: &Assignment, file: Option<File>) -> ConfigError {
    let prefix = file.map_or("", File::prefix);
    let shown = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let name = &assignment.key;
    let elsewhere = keys::find(shown(name).as_str()).filter(|key| Some(key.file) != file);
    let known = KEYS
        .iter()
        .filter(|key| key.stands_in(file))
        .map(|key| key.name);
    let expected = match (elsewhere, keys::nearest(name, known)) {
        (Some(key), _) if key.file == File::Session => {
            format!("that key from `asl-admin {}` alone", key.name)
        }
        (Some(key), _) => format!("that key in {}, as {}", key.file.path(), key.name_in_file()),
        (None, Some(near)) => format!("a known key, perhaps {}", shown(near)),
        (None, None) => "a known key (asl-admin config lists them)".to_owned(),
    };
    key_error(
        assignment,
        format!("unknown key {}", quoted(&shown(name))),
        expected,
    )
}

fn key_error(assignment: &Assignment, seen: String, expected: String) -> ConfigError {
    error_at(assignment, assignment.place.key_column, seen, expected)
}

fn value_error(assignment: &Assignment, seen: String, expected: String) -> ConfigError {
    error_at(assignment, assignment.place.value_column, seen, expected)
}

fn error_at(
    assignment: &Assignment,
    column: Option<usize>,
    seen: String,
    expected: String,
) -> ConfigError {
    let place = &assignment.place;
    ConfigError {
        file: place.file.clone(),
        line: place.line,
        column,
        key: Some(assignment.key.clone()),
        seen,
        expected,
        hint: match place.file.as_str() {
            CMDLINE => "correct the entry of the boot menu".to_owned(),
            SCOPE => "correct the asl scope in sysrescue.d/*.yaml on the medium".to_owned(),
            file => format!("correct {file}"),
        },
    }
}

fn unreadable(file: &str, seen: String) -> ConfigError {
    ConfigError {
        file: file.to_owned(),
        line: None,
        column: None,
        key: None,
        seen,
        expected: "a file that can be read".to_owned(),
        hint: format!("look at {file}"),
    }
}

/// `path`, which is absolute on the target, below `root`.
fn below(root: &Path, path: &str) -> std::path::PathBuf {
    if root.as_os_str().is_empty() {
        return path.into();
    }
    root.join(path.trim_start_matches('/'))
}

/// At most one byte more than `limit`; none where there is no file.
fn read(root: &Path, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ConfigError> {
    let error = |error: io::Error| unreadable(path, error.to_string());
    let real = below(root, path);
    match fs::metadata(&real) {
        // A pipe in its place would block the boot.
        Ok(metadata) if !metadata.is_file() => {
            return Err(unreadable(path, "no regular file".to_owned()));
        }
        Ok(_) => {}
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(other) => return Err(error(other)),
    }
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    fs::File::open(&real)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(error)?;
    Ok(Some(bytes))
}
