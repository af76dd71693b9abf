//! `asl-admin`: decides what a rescue node is and shows why.
//!
//! One module a command; this file only routes.

mod activate;
mod again;
mod cli;
mod config;
mod console;
mod deadline;
mod exit;
mod mode;
mod paths;
mod preflight;
mod question;
mod scan;
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
        Command::Activate { dry_run } => activate::run(root, dry_run),
        Command::Deactivate => activate::undo(root),
        Command::Scan { settle, exclude } => scan::run(root, settle, exclude),
        Command::Watch => watch::run(root),
        Command::Look => scan::look(),
        Command::Mode { json, check } => mode::run(root, json, check),
        Command::Config { json, keys, check } => match (keys, check) {
            (true, _) => config::keys(),
            (false, check) => config::run(root, json, check.as_deref()),
        },
    }
}
