//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit codes:
  0  success; preflight, use, allow-write, unlock: it was decided, whatever the
     mode
  1  failure; mode --check: the mode is none
  2  usage
  3  the configuration cannot be used
  4  no usable mode file, or mode none where one is needed

Files:
  /run/asl/mode        the mode: TOML and EnvironmentFile
  /run/asl/facts.json  all that was seen, and why it was decided so
  /run/asl/issue       the mode for the console
  /etc/asl/*.conf      configuration; asl-admin config lists all keys
  /var/lib/asl/runtime/session.conf
                       what use and allow-write set; lost at reboot";

const STATUS: &str = "\
Exit codes:
  0  shown, whatever the mode
  1  it could not be printed
  4  no usable mode file";

const USE: &str = "\
ID is the id of a store, a file system or a pool; ID:/path where the id is there
more than once. It holds until reboot, in place of all local.* selectors, and is
kept in /var/lib/asl/runtime/session.conf. Preflight runs again, and when there
is something to serve, asl-activate and asl-intake are started. A store that is
being served stays until asl-admin detach.

Exit codes:
  0  it was named and decided, whatever the mode
  1  nothing or more than one thing has this id; or a step failed
  2  usage
  4  no facts of this boot";

const ALLOW_WRITE: &str = "\
Consent names one store and the pool or disk that carries it, and holds until
reboot. Ids are no secrets: who can type this command may give consent. Preflight
decides again, because consent does not make a damaged or sleeping disk writable,
and asl-activate starts anew.

Exit codes:
  0  consent was given or taken back, and decided upon
  1  it was not confirmed, names no store, or a step failed
  2  usage
  4  no facts of this boot";

const IMPORT: &str = "\
The steps are those of asl-activate, as commands; without a yes, on a terminal or
by --yes, nothing is done.

Exit codes:
  0  shown with --look; or started, or active already
  1  not confirmed, not to be imported (the reasons are shown), or a step failed
  2  usage
  4  no facts of this boot";

const UNLOCK: &str = "\
The container's node and its disk are set read-only first, unless the live system
needs the disk. The content shows as /dev/mapper/asl-UUID; then preflight decides
again. The key is in no argument and no log. `asl-admin lock UUID` takes it back.

Exit codes:
  0  it is open, and it was decided, whatever the mode
  1  no such container, no key, a wrong key, or a step failed
  2  usage
  4  no facts of this boot";

const REPORT: &str = "\
Facts, decision, mode, journal, configuration, log, a table of devices, hashes of
the running image, versions; in a directory asl-report-BOOT-TIME or in a tar file.
No keys, no passphrases, no users of endpoints. What could not be had stands in
problems.txt. Nothing is written to the file system of the store.

Exit codes:
  0  it was written; its path is printed
  1  it could not be written there
  2  usage";

const DETACH: &str = "\
Stops asl-intake, its socket and asl-activate, which takes back all that it did,
then says which disks nobody uses any more.

Exit codes:
  0  nothing of the activation is left
  1  something could not be taken back; it is named";

/// Decides what this rescue node is, shows why, and brings its store up.
#[derive(Debug, Parser)]
#[command(name = "asl-admin", version, after_help = AFTER_HELP)]
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
        /// Take the right to write from what is mounted; nothing is written
        /// for it.
        #[arg(long, conflicts_with = "dry_run")]
        read_only: bool,
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
        /// Kernel name of a node that our own activation made.
        #[arg(long)]
        ours: Vec<String>,
    },
    /// Has the node decide again when devices or routes change.
    Watch,
    /// What a scan does in a child for each file system: looks inside.
    #[command(hide = true)]
    Look,
    /// Shows the mode, why, and the stack from the disk to the mount.
    #[command(after_help = STATUS)]
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Serves this store in this session, and no other.
    #[command(after_help = USE)]
    Use {
        /// Id of a store, file system or pool, or ID:/path.
        #[arg(required_unless_present = "clear")]
        id: Option<String>,
        /// Back to what is configured.
        #[arg(long, conflicts_with = "id")]
        clear: bool,
    },
    /// Lets one store be written to in this session.
    #[command(after_help = ALLOW_WRITE)]
    AllowWrite {
        /// Id of the store or of its file system; of a remote store its endpoint.
        #[arg(required_unless_present = "revoke")]
        id: Option<String>,
        /// Do not ask.
        #[arg(long, conflicts_with = "revoke")]
        yes: bool,
        /// Take consent back: for ID, or all that this session gave. What is
        /// mounted becomes read-only at once.
        #[arg(long)]
        revoke: bool,
    },
    /// Lets go of the store, and says what can be pulled.
    #[command(after_help = DETACH)]
    Detach,
    /// Shows the steps that come before the mount, and takes them.
    #[command(after_help = IMPORT)]
    Import {
        /// Id of a store, file system or pool; with --look a pool's name too.
        id: Option<String>,
        /// Show what is known of pools instead.
        #[arg(long)]
        look: bool,
        /// Do not ask.
        #[arg(long, conflicts_with = "look")]
        yes: bool,
    },
    /// Opens an encrypted container, read-only.
    #[command(after_help = UNLOCK)]
    Unlock {
        /// UUID of the container.
        uuid: String,
        /// File with the key; without it the passphrase is asked for.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Takes an unlock back.
    Lock {
        /// UUID of the container.
        uuid: String,
    },
    /// Writes what somebody elsewhere needs to see.
    #[command(after_help = REPORT)]
    Report {
        /// Directory to write below, or a file that ends in .tar.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Writes the manual pages and the completions, when the image is built.
    #[command(hide = true)]
    Man {
        /// Directory to write below.
        #[arg(long, value_name = "DIR", required_unless_present = "rules")]
        to: Option<PathBuf>,
        /// Print the page of the rules instead.
        #[arg(long, conflicts_with = "to")]
        rules: bool,
    },
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
