//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit codes:
  0  success; preflight: a mode file was written, whatever the mode
  1  failure; mode --check: the mode is none
  2  usage
  3  the configuration cannot be used
  4  no usable mode file, or mode none where one is needed

Files:
  /run/asl/mode        the mode: TOML and EnvironmentFile
  /run/asl/facts.json  all that was seen, and why it was decided so
  /run/asl/issue       the mode for the console
  /etc/asl/*.conf      configuration; asl-admin config lists all keys";

/// Decides what this rescue node is, and shows why.
#[derive(Debug, Parser)]
#[command(name = "asl-admin", version, about, after_help = AFTER_HELP)]
pub(crate) struct Args {
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
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Looks at every block device, writes to none, decides the mode.
    Preflight {
        /// Print facts and decision as JSON.
        #[arg(long)]
        json: bool,
        /// Write no file below /run/asl.
        #[arg(long)]
        dry_run: bool,
        /// Because devices or routes changed, not because somebody asked:
        /// write nothing if that makes no difference.
        #[arg(long, hide = true)]
        rerun: bool,
    },
    /// Mounts the store that preflight chose.
    Activate {
        /// Print what would be done as commands, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Takes an activation back.
    Deactivate,
    /// What preflight does in a child: prints the facts.
    #[command(hide = true)]
    Scan {
        /// Longest wait for devices, seconds.
        #[arg(long)]
        settle: u64,
        /// A device to leave alone.
        #[arg(long)]
        exclude: Vec<String>,
    },
    /// Has the node decide again when devices or routes change.
    Watch,
    /// What a scan does in a child for each file system: looks inside.
    #[command(hide = true)]
    Look,
    /// Shows the mode of this boot.
    Mode {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Print nothing; exit 0 if there is something to serve, 1 if not.
        #[arg(long, conflicts_with = "json")]
        check: bool,
    },
    /// Shows each key of the configuration, its value and the layer it is from.
    Config {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Describe all keys instead.
        #[arg(long, conflicts_with_all = ["json", "check"])]
        keys: bool,
        /// Read this file instead, and say what is wrong with it.
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
    },
}
