//! What is on a device, and why.
#![forbid(unsafe_code)]

mod show;
mod signatures;

use asl_facts::{Device, Probe};
use asl_scan::jail::{self, Reader};
use clap::{Parser, Subcommand};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Low-level inspection. It reads and never writes.
#[derive(Parser)]
#[command(name = "asl-debug", version, about, after_help = EXIT_CODES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  every path was read
  1  a path could not be read
  2  usage";

#[derive(Subcommand)]
enum Command {
    /// Shows what devices or image files hold.
    #[command(after_help = EXIT_CODES)]
    Probe {
        /// Block devices or image files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Lists signatures and their cost, without looking for stores.
    ///
    /// Nothing but the given devices is read: no sysfs, no other device. This
    /// is what the benchmark measures.
    #[command(after_help = EXIT_CODES)]
    Signatures {
        /// Block devices or image files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Devices that are read at once.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// What a probe does in a child for each file system: looks inside.
    #[command(hide = true)]
    Look,
}

/// The JSON form of `probe`.
#[derive(Serialize)]
struct Report {
    schema: u32,
    devices: Vec<Device>,
    errors: Vec<PathError>,
}

#[derive(Serialize)]
struct PathError {
    path: String,
    error: String,
}

fn main() -> ExitCode {
    let ended = match Args::parse().command {
        Command::Probe { paths, json } => probe(&paths, json),
        Command::Signatures { paths, threads } => signatures::list(&paths, threads),
        Command::Look => return look(),
    };
    match ended {
        Ok(code) => code,
        // The reader of a pipe left.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "asl-debug: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

fn probe(paths: &[PathBuf], json: bool) -> io::Result<ExitCode> {
    let mut report = Report {
        schema: asl_facts::SCHEMA,
        devices: Vec::new(),
        errors: Vec::new(),
    };
    let reader = Reader::new("/proc/self/exe", ["look"]);
    let style = style(&io::stdout());
    let mut out = io::stdout().lock();
    for path in paths {
        match asl_scan::probe_path_jailed(path, &reader) {
            Ok(device) => {
                if !json {
                    out.write_all(show::device(&device, style).as_bytes())?;
                }
                if let Some(error) = failure(&device) {
                    // The error of the system names no file.
                    complain(&mut report, path, format!("{}: {error}", path.display()))?;
                }
                report.devices.push(device);
            }
            Err(error) => complain(&mut report, path, error.to_string())?,
        }
    }
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    }
    out.flush()?;
    Ok(if report.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Colours on a terminal that has them, unless NO_COLOR asks for none
/// (<https://no-color.org>).
fn style(out: &io::Stdout) -> show::Style {
    let asked_for_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if out.is_terminal() && !asked_for_none && !dumb {
        show::Style::Colour
    } else {
        show::Style::Plain
    }
}

fn complain(report: &mut Report, path: &std::path::Path, error: String) -> io::Result<()> {
    writeln!(io::stderr(), "asl-debug: {error}")?;
    report.errors.push(PathError {
        path: path.to_string_lossy().into_owned(),
        error,
    });
    Ok(())
}

fn failure(device: &Device) -> Option<String> {
    match &device.probe {
        Probe::Failed(fault) => Some(match fault.offset {
            Some(offset) => format!("read at {offset}: {}", fault.error),
            None => format!("open: {}", fault.error),
        }),
        Probe::TimedOut { after_ms } => Some(format!("no answer after {after_ms} ms")),
        Probe::Skipped { why } => Some(format!("not read: {why}")),
        Probe::Read { .. } => None,
    }
}

fn look() -> ExitCode {
    match jail::serve(asl_tree::look) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "asl-debug: {error}");
            ExitCode::FAILURE
        }
    }
}
