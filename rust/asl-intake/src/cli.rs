//! The command line.

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Without a command: serve, on the socket that systemd passes or on --socket.

Exit codes:
  0  success
  1  failure
  2  usage
  4  no usable mode file, or mode none

Interface: internal.asl.Intake1 (Varlink); try
  varlinkctl call /run/asl/sockets/intake.sock internal.asl.Intake1.Status {}";

/// Serves the ASL store that /run/asl/mode names.
#[derive(Debug, Parser)]
#[command(name = "asl-intake", version, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Socket to serve on or to ask, in place of the one of the system.
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) socket: Option<PathBuf>,
    /// Directory that stands for `/`, for tests.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/",
        hide = true,
        global = true
    )]
    pub(crate) root: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Asks the running server what it serves.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Writes the manual page and the completions, when the image is built.
    #[command(hide = true)]
    Man {
        /// Directory to write below.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

impl Args {
    /// A path of the system, below `--root`.
    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        below(&self.root, absolute)
    }
}

/// `absolute` below `root`; `join` alone would let an absolute path win.
pub(crate) fn below(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}
