//! The server's start: mode, store, socket, ready.

use crate::api::Intake;
use crate::cli::{Args, below};
use crate::error::Error;
use crate::server;
use crate::store::{Posix, Remote, Store};
use asl_config::{Config, Logging};
use asl_mode::{Mode, ModeFile};
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use varlink::VarlinkService;

const MODE_FILE: &str = "/run/asl/mode";

/// Starts logging. What is wrong with the configuration was judged with the
/// mode; the store is served all the same.
fn start_log(root: &Path) {
    match Config::load(root) {
        Ok((config, _)) => asl_log::start(&config.logging),
        Err(error) => {
            asl_log::start(&Logging::default());
            tracing::warn!("{error}");
        }
    }
}

/// Reads the mode, opens its store and serves until it is stopped.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    start_log(&args.root);
    let mode = something_to_serve(read_mode(args)?)?;
    let store = open(args, &mode)?;
    let (listener, path) = listen(args)?;
    let line = format!(
        "mode {}, backend {}, access {}, root {}, source {}, store {}",
        mode.mode, mode.backend, mode.access, mode.mount, mode.source, mode.store
    );
    let service = Arc::new(VarlinkService::new(
        "ASL rescue image",
        "asl-intake",
        env!("CARGO_PKG_VERSION"),
        "",
        vec![Box::new(Intake { mode, store })],
    ));
    tracing::info!("{line}");
    // Nobody to tell is no error: outside systemd there is no socket for it.
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&line)]) {
        tracing::warn!("sd_notify: {error}");
    }
    server::serve(&listener, &service).map_err(|source| Error::Listen {
        path: path.into(),
        source,
    })
}

/// The mode file of this boot.
pub(crate) fn read_mode(args: &Args) -> Result<ModeFile, Error> {
    let boot_id = asl_mode::current_boot_id(&args.root).map_err(Error::BootId)?;
    Ok(ModeFile::read(&args.path(MODE_FILE), &boot_id)?)
}

/// Any mode but none.
pub(crate) fn something_to_serve(mode: ModeFile) -> Result<ModeFile, Error> {
    match mode.mode {
        Mode::None => Err(Error::NothingToServe {
            code: mode.code,
            reason: mode.reason,
            hint: mode.hint,
        }),
        Mode::Local | Mode::Import | Mode::Remote => Ok(mode),
    }
}

/// The backend that the mode names, over the root that it names. A directory
/// must answer now; later failures are part of the status.
fn open(args: &Args, mode: &ModeFile) -> Result<Store, Error> {
    match mode.backend.as_str() {
        "posix" => {
            let root = below(&args.root, &mode.mount);
            let store = Store::start(Posix { root }).map_err(Error::Worker)?;
            match store.list() {
                Ok(_) => Ok(store),
                Err(fault) => Err(Error::Store {
                    root: mode.mount.clone(),
                    fault,
                }),
            }
        }
        "remote" => Store::start(Remote).map_err(Error::Worker),
        other => Err(Error::UnknownBackend {
            path: args.path(MODE_FILE),
            seen: other.to_owned(),
        }),
    }
}

/// The socket of `--socket`, else the one that systemd passes.
fn listen(args: &Args) -> Result<(UnixListener, String), Error> {
    if let Some(path) = &args.socket {
        let listener = bind(path).map_err(|source| Error::Listen {
            path: path.clone(),
            source,
        })?;
        return Ok((listener, path.display().to_string()));
    }
    let passed = ListenFd::from_env()
        .take_unix_listener(0)
        .map_err(|source| Error::Listen {
            path: "LISTEN_FDS".into(),
            source,
        })?;
    passed
        .map(|listener| (listener, "passed by systemd".to_owned()))
        .ok_or(Error::NoSocket)
}

/// Binds, and takes the place of a socket that a killed server left, but not
/// of one that a server still listens on.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => match UnixStream::connect(path) {
            Err(stale) if stale.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            _ => Err(error),
        },
        result => result,
    }
}
