//! `asl-intake`: serves the store that `/run/asl/mode` names.
//!
//! Without a command it is the server that `asl-intake.service` starts;
//! `asl-intake status` asks that server.

mod api;
mod cli;
mod client;
mod error;
mod server;
mod service;
mod store;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    let result = match &args.command {
        None => service::run(&args),
        Some(cli::Command::Status { json }) => client::status(&args, *json),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("asl-intake: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
