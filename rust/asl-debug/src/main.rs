//! What is on a device, and why.
//!
//! One module a command; this file only routes.
#![forbid(unsafe_code)]

mod explain;
mod input;
mod probe;
mod schema;
mod show;
mod signatures;
mod watch;

use asl_scan::jail::{self, Reader};
use clap::{CommandFactory, Parser, Subcommand};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Low-level inspection. It reads and never writes.
#[derive(Parser)]
#[command(name = "asl-debug", version, after_help = GENERAL)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const GENERAL: &str = "\
Exit codes:
  0  everything was read and shown
  1  something could not be read, or shown
  2  usage

Environment:
  NO_COLOR  if set and not empty: no colours, on terminals either";

const PROBE: &str = "\
Each device is shown, then the arrays, groups and pools that all of them make up
together, then what is in several places at once.

Exit codes:
  0  every path was read
  1  a path could not be read; the others are shown all the same
  2  usage";

const EXPLAIN: &str = "\
The checks are those of `probe`, in the same order, by the same code. Without
--all, places where no magic was seen are counted and not shown. Nobody looks
inside file systems.

Exit codes:
  0  it was read
  1  it could not be read
  2  usage";

const SIGNATURES: &str = "\
Exit codes:
  0  every path was read
  1  a path could not be read
  2  usage";

const SCHEMA: &str = "\
JSON Schema 2020-12. `$defs` has Facts (/run/asl/facts.json), ProbeReport,
ExplainReport and WatchLine (the --json forms of these commands). The number in
`schema` rises when a reader of the old form would misread the new one; added
keys do not raise it.

Exit codes:
  0  it was printed
  1  it could not be printed";

const WATCH: &str = "\
First comes what is there, then what changes. With --json each line is one
object: `event` is present, added, changed, removed, pool or pool-gone. A loop
device without a file and a drive without a medium are not there.

Exit codes:
  0  it was ended by SIGINT or SIGTERM, or what it writes to was closed; with
     --once: all was shown
  1  the kernel's messages could not be received, or there was no scan
  2  usage";

#[derive(Subcommand)]
enum Command {
    /// Shows what devices or image files hold, and what they make up together.
    #[command(after_help = PROBE)]
    Probe {
        /// Block devices or image files; - is standard input (./- a file of
        /// that name).
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
    #[command(after_help = SIGNATURES)]
    Signatures {
        /// Block devices or image files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Devices that are read at once.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Shows what was read where, and why it was taken for what it is.
    #[command(after_help = EXPLAIN)]
    Explain {
        /// Block device or image file; - is standard input.
        path: PathBuf,
        /// Places without a magic too.
        #[arg(long)]
        all: bool,
        /// JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON schema of the facts and of what --json gives.
    #[command(after_help = SCHEMA)]
    Schema,
    /// Shows new facts as devices come and go.
    #[command(after_help = WATCH)]
    Watch {
        /// JSON, an object a line, instead of text.
        #[arg(long)]
        json: bool,
        /// Ends when it has shown what is there.
        #[arg(long)]
        once: bool,
        /// Serial number, WWID or path of a device to leave alone.
        #[arg(long, value_name = "DEVICE")]
        exclude: Vec<String>,
    },
    /// Writes the manual page and the completions, when the image is built.
    #[command(hide = true)]
    Man {
        /// Directory to write below.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// What the others do in a child for each file system: looks inside.
    #[command(hide = true)]
    Look,
}

/// This program, as the child that looks inside.
fn reader() -> Reader {
    Reader::new("/proc/self/exe", ["look"])
}

fn look() -> ExitCode {
    match jail::serve(asl_tree::look, asl_tree::look_pool) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Page and completions.
fn manual(to: &Path) -> ExitCode {
    let documents = asl_manual::documents(Args::command(), &[("asl-admin", 8)]);
    match asl_manual::write(to, &documents) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{}: {error}", to.display()));
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Probe { paths, json } => probe::run(&paths, json),
        Command::Explain { path, all, json } => explain::run(&path, all, json),
        Command::Signatures { paths, threads } => signatures::list(&paths, threads),
        Command::Schema => schema::run(),
        Command::Watch {
            json,
            once,
            exclude,
        } => watch::run(json, once, exclude),
        Command::Man { to } => return manual(&to),
        Command::Look => return look(),
    };
    match result {
        Ok(code) => code,
        // The reader of a pipe left.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("standard output: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A line on standard error.
fn complain(words: &str) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr(), "asl-debug: {words}");
}
