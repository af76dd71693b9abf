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

use clap::{CommandFactory, Parser};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// The manual page and the completions.
fn manual(to: &Path) -> Result<(), error::Error> {
    let see_also = [("asl-admin", 8), ("asl-mode", 7)];
    let documents = asl_manual::documents(cli::Args::command(), &see_also);
    asl_manual::write(to, &documents).map_err(|source| error::Error::Manual {
        path: to.to_owned(),
        source,
    })
}

fn main() -> ExitCode {
    let args = cli::Args::parse();
    let result = match &args.command {
        None => service::run(&args),
        Some(cli::Command::Status { json }) => client::status(&args, *json),
        Some(cli::Command::Man { to }) => manual(to),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "asl-intake: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
