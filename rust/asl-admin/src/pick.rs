//! `asl-admin use`: what this session serves, in place of all selectors.

use crate::names::{self, Found};
use crate::{again, console, evidence, exit, session};
use asl_config::{Pick, Session};
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(root: &Path, id: &str) -> ExitCode {
    let pick: Pick = match id.parse() {
        Ok(pick) => pick,
        Err(expected) => return exit::fail(exit::USAGE, &format!("{id}: {expected} expected")),
    };
    let report = match evidence::report(root) {
        Ok(report) => report,
        Err(missing) => return exit::fail(missing.code(), &missing),
    };
    let what = match names::find(&report, &pick) {
        Ok(Found::Candidate(one)) => format!("{}, {}", one.place, one.path),
        Ok(Found::Pool(pool)) => format!("pool {}", asl_decide::pool_name(pool)),
        Err(why) => return exit::fail(exit::FAILURE, &why),
    };
    let changed = change(root, |session| session.r#use = Some(pick.clone()));
    finish(root, changed, &format!("use = {pick}: {what}"))
}

/// Back to what is configured. A file that cannot be read goes away as a
/// whole: that is the way out of it.
pub(crate) fn clear(root: &Path) -> ExitCode {
    let taken = match session::load(root) {
        Ok(session) if session.r#use.is_none() => "nothing was named in this session",
        Ok(_) => "what was named in this session counts no more",
        Err(_) => "the settings of this session are taken away",
    };
    let changed = match session::load(root) {
        Ok(_) => change(root, |session| session.r#use = None),
        Err(_) => session::lock(root, session::LOCK).and_then(|_lock| session::clear(root)),
    };
    finish(root, changed, taken)
}

fn change(root: &Path, edit: impl FnOnce(&mut Session)) -> Result<(), String> {
    let _lock = session::lock(root, session::LOCK)?;
    let mut session = session::load(root)?;
    edit(&mut session);
    session::store(root, &session)
}

fn finish(root: &Path, changed: Result<(), String>, what: &str) -> ExitCode {
    if let Err(error) = changed {
        return exit::fail(exit::FAILURE, &error);
    }
    console::say(&format!("{what}\n"));
    let before = evidence::mode(root).ok();
    let decided = again::preflight(root).and_then(|mode| {
        again::show_and_start(&mode)?;
        let active = evidence::journal(root)?.is_some_and(|journal| journal.complete);
        if active && before.is_some_and(|before| before.source == mode.source) {
            // Rule 44: nobody who uses it is to lose it by a word.
            console::say(&format!(
                "{} is served and stays until `asl-admin detach`; then asl-admin preflight, \
                 and systemctl start asl-intake\n",
                asl_mode::clean(&mode.source)
            ));
        }
        Ok(())
    });
    match decided {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail(exit::FAILURE, &error),
    }
}
