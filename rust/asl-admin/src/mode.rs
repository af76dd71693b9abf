//! `asl-admin mode`: what this boot of the node is.

use crate::{console, exit, paths};
use asl_mode::{Mode, ModeFile, current_boot_id};
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(root: &Path, json: bool, check: bool) -> ExitCode {
    let boot_id = match current_boot_id(root) {
        Ok(boot_id) => boot_id,
        Err(error) => return exit::fail(exit::NO_MODE, &format!("the id of this boot: {error}")),
    };
    let mode = match ModeFile::read(&paths::below(root, paths::MODE), &boot_id) {
        Ok(mode) => mode,
        Err(error) => return exit::fail(exit::NO_MODE, &error),
    };
    if check {
        return match mode.mode {
            Mode::None => ExitCode::from(exit::MODE_NONE),
            Mode::Local | Mode::Import | Mode::Remote => ExitCode::SUCCESS,
        };
    }
    if json {
        return match console::say_json(&mode) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::fail(exit::FAILURE, &error),
        };
    }
    console::say(&console::text(&mode));
    ExitCode::SUCCESS
}
