//! `asl-admin`: decides what a rescue node is and shows why.
//!
//! One module a command; this file only routes.

mod activate;
mod again;
mod allow;
mod cli;
mod config;
mod confirm;
mod console;
mod deadline;
mod detach;
mod evidence;
mod exit;
mod in_use;
mod mode;
mod names;
mod paths;
mod pick;
mod preflight;
mod question;
mod rerun;
mod scan;
mod session;
mod stack;
mod status;
mod tool;
mod units;

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
        Command::Activate { dry_run } => activate::run(root, dry_run),
        Command::Deactivate => activate::undo(root),
        Command::Scan {
            settle,
            exclude,
            ours,
        } => scan::run(root, settle, exclude, ours),
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
        Command::Mode { json, check } => mode::run(root, json, check),
        Command::Config { json, keys, check } => match (keys, check) {
            (true, _) => config::keys(),
            (false, check) => config::run(root, json, check.as_deref()),
        },
    }
}
