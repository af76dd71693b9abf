//! `asl-admin activate` and `asl-admin deactivate`: carry out the decision of
//! preflight, and take it back.

use crate::evidence::{self, Missing};
use crate::{console, exit};
use asl_activate::{Error, Linux, Outcome, Plan};
use asl_config::{Config, Logging};
use asl_mode::{Mode, ModeFile};
use std::fmt;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

pub(crate) fn run(root: &Path, dry_run: bool) -> ExitCode {
    start_log(root);
    let result = if dry_run {
        commands(root)
    } else {
        activate(root)
    };
    finish(result)
}

pub(crate) fn lower(root: &Path) -> ExitCode {
    start_log(root);
    finish(close(root))
}

pub(crate) fn undo(root: &Path) -> ExitCode {
    start_log(root);
    finish(deactivate(root))
}

/// Why nothing was activated.
enum Failure {
    Missing(Missing),
    ModeNone(Box<ModeFile>),
    Activate(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Activate(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Missing(missing) => missing.fmt(f),
            Failure::ModeNone(mode) => {
                write!(
                    f,
                    "mode none ({}): {}\nnext: {}",
                    mode.code, mode.reason, mode.hint
                )
            }
            Failure::Activate(error) => error.fmt(f),
        }
    }
}

fn finish(result: Result<String, Failure>) -> ExitCode {
    match result {
        Ok(text) => {
            console::say(&format!("{text}\n"));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let code = match &failure {
                Failure::Missing(Missing::Report { .. }) | Failure::Activate(_) => exit::FAILURE,
                Failure::Missing(_) | Failure::ModeNone(_) => exit::NO_MODE,
            };
            exit::fail(code, &failure)
        }
    }
}

/// A broken configuration is preflight's to report: here it costs the level.
pub(crate) fn start_log(root: &Path) {
    match Config::load(root) {
        Ok((config, _)) => asl_log::start(&config.logging),
        Err(_) => asl_log::start(&Logging::default()),
    }
}

/// The plan as the commands that it comes to.
fn commands(root: &Path) -> Result<String, Failure> {
    let mut mode = read_mode(root)?;
    let plan = read_plan(root, &mut mode)?;
    if plan.actions.is_empty() {
        return Ok(format!("mode {}: nothing to do", mode.mode));
    }
    let lines: Vec<_> = plan.actions.iter().map(ToString::to_string).collect();
    Ok(lines.join("\n"))
}

fn activate(root: &Path) -> Result<String, Failure> {
    let mut mode = read_mode(root)?;
    let linux = Linux::new(root);
    let _lock = linux.lock()?;
    let result =
        read_plan(root, &mut mode).and_then(|plan| Ok(asl_activate::activate(&plan, &linux)?));
    match result {
        Ok(Outcome::Activated) => Ok(format!("{} is mounted at {}", mode.source, mode.mount)),
        Ok(Outcome::AlreadyActive) => Ok(format!("{} is mounted already", mode.mount)),
        Ok(Outcome::NothingToDo) => Ok(format!("mode {}: nothing to do", mode.mode)),
        Err(failure) => {
            if let Some(after) = mode_after(&mode, &failure) {
                // The failure is told in any case.
                if let Err(error) = console::publish(root, &after) {
                    tracing::error!("{error}");
                }
            }
            Err(failure)
        }
    }
}

fn deactivate(root: &Path) -> Result<String, Failure> {
    let linux = Linux::new(root);
    let _lock = linux.lock()?;
    Ok(match asl_activate::deactivate(&linux)? {
        true => "all steps of the activation are taken back".to_owned(),
        false => "nothing is active".to_owned(),
    })
}

fn close(root: &Path) -> Result<String, Failure> {
    let linux = Linux::new(root);
    let _lock = linux.lock()?;
    Ok(match asl_activate::lower(&linux)? {
        true => "what is mounted is read-only now".to_owned(),
        false => "nothing is mounted".to_owned(),
    })
}

/// The mode of this boot, if there is something to activate.
fn read_mode(root: &Path) -> Result<ModeFile, Failure> {
    let mode = evidence::mode(root).map_err(Failure::Missing)?;
    match mode.mode {
        Mode::None => Err(Failure::ModeNone(Box::new(mode))),
        Mode::Local | Mode::Import | Mode::Remote => Ok(mode),
    }
}

/// How often a pair of files that do not belong together is read again, and
/// after how long: a preflight that runs meanwhile writes one after the other.
const READ_AGAIN: (u32, Duration) = (10, Duration::from_millis(100));

/// The plan of the decision that `mode` tells of; where another preflight was
/// just writing its own, of that one, and `mode` is the new one then.
fn read_plan(root: &Path, mode: &mut ModeFile) -> Result<Plan, Failure> {
    let (times, pause) = READ_AGAIN;
    for _ in 0..times {
        match plan_of(root, mode) {
            Err(Failure::Missing(Missing::Report { .. })) => {
                thread::sleep(pause);
                *mode = read_mode(root)?;
            }
            other => return other,
        }
    }
    plan_of(root, mode)
}

/// The plan of the report that belongs to this mode file: after a failed
/// activation the report still holds the steps that the mode no longer wants.
fn plan_of(root: &Path, mode: &ModeFile) -> Result<Plan, Failure> {
    let report = evidence::report(root).map_err(Failure::Missing)?;
    let decided = &report.decision.mode;
    let same = decided.boot_id == mode.boot_id
        && decided.generation == mode.generation
        && decided.mode == mode.mode;
    if !same {
        let why = format!(
            "mode {} of decision {} seen, mode {} of decision {} expected",
            decided.mode, decided.generation, mode.mode, mode.generation
        );
        return Err(Failure::Missing(Missing::Report { why }));
    }
    Ok(asl_activate::plan(&report).map_err(Error::from)?)
}

/// What the node is after a failure: the store stays claimed and blocked, and
/// nothing else takes its place. None where the mode still holds.
fn mode_after(mode: &ModeFile, failure: &Failure) -> Option<ModeFile> {
    let code = match failure {
        // The other run knows better; the active store stays as it is.
        Failure::Activate(Error::Locked { .. } | Error::OtherActive { .. }) => return None,
        // Decided so meanwhile.
        Failure::ModeNone(_) => return None,
        Failure::Activate(error) => error.code(),
        _ => "activation-failed",
    };
    let reason = format!(
        "{} was chosen, but could not be activated: {failure}",
        mode.source
    );
    let hint = "systemctl restart asl-preflight, then systemctl start asl-intake";
    let mut after = ModeFile::none("blocked-only", code, &reason, hint);
    after.generation = mode.generation.saturating_add(1);
    after.boot_id.clone_from(&mode.boot_id);
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_decide::{Decision, Report, internal};
    use asl_facts::{Facts, SCHEMA};
    use asl_mode::Access;
    use std::fs;
    use tempfile::TempDir;

    const BOOT: &str = "b1";

    fn mode(mode: Mode, generation: u64) -> ModeFile {
        let mut file = ModeFile::none("sole-plain", "sole-plain", "why", "next");
        file.mode = mode;
        file.access = Access::Ro;
        file.source = "/dev/sda1".to_owned();
        file.generation = generation;
        file.boot_id = BOOT.to_owned();
        file
    }

    fn report(mode: ModeFile) -> Report {
        let facts = Facts::new(BOOT, mode.generation);
        let decision = Decision {
            mode,
            ..internal(&facts, "")
        };
        Report {
            schema: SCHEMA,
            facts,
            decision,
        }
    }

    /// A root with this mode file and a report for that decision.
    fn root(file: &ModeFile, decided: ModeFile) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        let random = dir.path().join("proc/sys/kernel/random");
        fs::create_dir_all(&random).unwrap();
        fs::write(random.join("boot_id"), BOOT).unwrap();
        let run = dir.path().join("run/asl");
        fs::create_dir_all(&run).unwrap();
        file.write_atomic(&run.join("mode")).unwrap();
        let json = serde_json::to_vec(&report(decided)).unwrap();
        fs::write(run.join("facts.json"), json).unwrap();
        dir
    }

    fn mode_now(root: &TempDir) -> ModeFile {
        ModeFile::read(&root.path().join("run/asl/mode"), BOOT).unwrap()
    }

    #[test]
    fn mode_without_steps_activates_nothing() {
        let root = root(&mode(Mode::Remote, 1), mode(Mode::Remote, 1));
        let expected = "mode remote: nothing to do";
        assert_eq!(commands(root.path()).ok().unwrap(), expected);
        assert_eq!(activate(root.path()).ok().unwrap(), expected);
        assert_eq!(deactivate(root.path()).ok().unwrap(), "nothing is active");
        assert_eq!(mode_now(&root).mode, Mode::Remote);
    }

    #[test]
    fn mode_none_is_refused_and_kept() {
        let none = ModeFile {
            boot_id: BOOT.to_owned(),
            ..ModeFile::none("empty", "empty", "why", "next")
        };
        let root = root(&none, none.clone());
        let failure = activate(root.path()).err().unwrap();
        assert!(matches!(failure, Failure::ModeNone(_)));
        assert_eq!(mode_now(&root), none);
    }

    #[test]
    fn report_of_another_decision_is_refused_and_the_mode_becomes_none() {
        let root = root(&mode(Mode::Local, 2), mode(Mode::Local, 1));
        assert!(matches!(
            commands(root.path()),
            Err(Failure::Missing(Missing::Report { .. }))
        ));
        // A dry run changes nothing.
        assert_eq!(mode_now(&root).mode, Mode::Local);
        assert!(matches!(
            activate(root.path()),
            Err(Failure::Missing(Missing::Report { .. }))
        ));
        let after = mode_now(&root);
        assert_eq!(after.mode, Mode::None);
        assert_eq!(after.code, "activation-failed");
        assert_eq!(after.generation, 3);
        let issue = fs::read_to_string(root.path().join("run/asl/issue")).unwrap();
        assert!(issue.contains("/dev/sda1 was chosen"), "{issue}");
    }

    #[test]
    fn report_that_comes_after_its_mode_file_is_waited_for() {
        let root = root(&mode(Mode::Remote, 2), mode(Mode::Remote, 1));
        let json = serde_json::to_vec(&report(mode(Mode::Remote, 2))).unwrap();
        let file = root.path().join("run/asl/facts.json");
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(150));
            fs::write(file, json).unwrap();
        });
        let done = activate(root.path()).ok().unwrap();
        assert_eq!(done, "mode remote: nothing to do");
        late.join().unwrap();
    }

    #[test]
    fn second_run_waits_for_nothing_and_changes_nothing() {
        let root = root(&mode(Mode::Local, 1), mode(Mode::Local, 1));
        let _lock = Linux::new(root.path()).lock().unwrap();
        let failure = activate(root.path()).err().unwrap();
        assert!(matches!(failure, Failure::Activate(Error::Locked { .. })));
        assert_eq!(mode_now(&root).mode, Mode::Local);
    }
}
