//! `asl-admin`: decides what a rescue node is and shows why.
//!
//! One module a command; this file only routes.

mod activate;
mod cli;
mod config;
mod console;
mod exit;
mod mode;
mod paths;
mod preflight;
mod scan;
mod watch;

use clap::Parser;
use cli::{Args, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let root = args.root.as_path();
    match args.command {
        Command::Preflight { json, dry_run } => preflight::run(root, json, dry_run),
        Command::Activate { dry_run } => activate::run(root, dry_run),
        Command::Deactivate => activate::undo(root),
        Command::Scan {
            settle,
            exclude,
            ours,
        } => scan::run(root, settle, exclude, ours),
        Command::Look => scan::look(),
        Command::Mode { json, check } => mode::run(root, json, check),
        Command::Config { json, keys, check } => match (keys, check) {
            (true, _) => config::keys(),
            (false, check) => config::run(root, json, check.as_deref()),
        },
    }
}
