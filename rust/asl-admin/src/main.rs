//! `asl-admin`: decides what a rescue node is and shows why.
//!
//! One module a command; this file only routes.

mod activate;
mod again;
mod allow;
mod bundle;
mod cli;
mod config;
mod confirm;
mod console;
mod deadline;
mod detach;
mod evidence;
mod exit;
mod import;
mod in_use;
mod manual;
mod mode;
mod names;
mod ours;
mod paths;
mod pick;
mod preflight;
mod question;
mod report;
mod rerun;
mod scan;
mod session;
mod stack;
mod status;
mod tool;
mod units;
mod unlock;
mod watch;

use asl_decide::Cause;
use clap::Parser;
use cli::{Args, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let root = args.root.as_path();
    match args.command {
        Command::Preflight {
            json,
            dry_run,
            rerun,
        } => {
            let cause = if rerun {
                Cause::Watcher
            } else {
                Cause::Operator
            };
            preflight::run(root, json, dry_run, cause)
        }
        Command::Activate {
            read_only: true, ..
        } => activate::lower(root),
        Command::Activate { dry_run, .. } => activate::run(root, dry_run),
        Command::Deactivate => activate::undo(root),
        Command::Scan {
            settle,
            exclude,
            ours,
        } => scan::run(root, settle, exclude, ours),
        Command::Watch => watch::run(root),
        Command::Look => scan::look(),
        Command::Status { json } => status::run(root, json),
        Command::Use { id, clear } => match id {
            Some(id) if !clear => pick::run(root, &id),
            _ => pick::clear(root),
        },
        Command::AllowWrite { id, yes, revoke } => match (id, revoke) {
            (Some(id), false) => allow::run(root, &id, yes),
            (id, _) => allow::revoke(root, id.as_deref()),
        },
        Command::Detach => detach::run(root),
        Command::Report { to } => report::run(root, &to),
        Command::Import { id, look, yes } => import::run(root, id.as_deref(), look, yes),
        Command::Unlock { uuid, key_file } => unlock::run(root, &uuid, key_file.as_deref()),
        Command::Lock { uuid } => unlock::lock(root, &uuid),
        Command::Man { to, rules } => match to {
            Some(to) if !rules => manual::run(&to),
            _ => manual::rules(),
        },
        Command::Mode { json, check } => mode::run(root, json, check),
        Command::Config { json, keys, check } => match (keys, check) {
            (true, _) => config::keys(),
            (false, check) => config::run(root, json, check.as_deref()),
        },
    }
}
