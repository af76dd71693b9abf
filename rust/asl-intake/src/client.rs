//! `asl-intake status`: asks the running server.

use crate::api::{STATUS, Status};
use crate::cli::Args;
use crate::error::Error;
use crate::service::{read_mode, something_to_serve};
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use varlink::{Reply, Request};

const SOCKET: &str = "/run/asl/sockets/intake.sock";
/// The server waits 3 s for its store; the first call may have to start it.
const DEADLINE: Duration = Duration::from_secs(30);
/// Longest reply, bytes: thirteen values of at most 1 KiB, escaped.
const MAX_REPLY: u64 = 256 * 1024;

/// Prints the status.
pub(crate) fn status(args: &Args, json: bool) -> Result<(), Error> {
    let path = args.socket.clone().unwrap_or_else(|| args.path(SOCKET));
    // Knocking in mode none would only make systemd try a unit that it then
    // skips. A server that runs is asked even when the file is damaged.
    if let Ok(mode) = read_mode(args) {
        something_to_serve(mode)?;
    }
    let bytes = match ask(&path, STATUS) {
        Ok(bytes) => bytes,
        // Without a server the mode is the likelier cause. It is read anew:
        // the knock may have started activation, which may have failed.
        Err(source) => {
            something_to_serve(read_mode(args)?)?;
            return Err(Error::Ask { path, source });
        }
    };
    let status = parse(&bytes).map_err(|why| Error::Answer { path, why })?;
    let text = if json {
        serde_json::to_string_pretty(&status).unwrap_or_default()
    } else {
        describe(&status)
    };
    // A closed pipe (`| head`) is no failure of the status.
    let _ = writeln!(io::stdout(), "{text}");
    Ok(())
}

/// One call, one reply.
fn ask(path: &Path, method: &'static str) -> io::Result<Vec<u8>> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    let request = Request {
        method: Cow::Borrowed(method),
        parameters: Some(serde_json::json!({})),
        ..Request::default()
    };
    let mut message = serde_json::to_vec(&request)?;
    message.push(0);
    (&stream).write_all(&message)?;
    let mut reply = Vec::new();
    BufReader::new(stream.take(MAX_REPLY)).read_until(0, &mut reply)?;
    match reply.pop() {
        Some(0) => Ok(reply),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server hung up before its reply was whole",
        )),
    }
}

fn parse(bytes: &[u8]) -> Result<Status, String> {
    let reply: Reply = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if let Some(error) = reply.error {
        return Err(format!("the server answered {error}"));
    }
    serde_json::from_value(reply.parameters.unwrap_or_default()).map_err(|error| error.to_string())
}

fn describe(status: &Status) -> String {
    let readable = match &status.fault {
        None => "yes".to_owned(),
        Some(fault) => format!("no: {fault}"),
    };
    let lines = [
        ("mode", format!("{} ({})", status.mode, status.code)),
        ("store", status.store.clone()),
        ("source", status.source.clone()),
        ("root", status.root.clone()),
        ("backend", status.backend.clone()),
        ("access", status.access.clone()),
        ("readable", readable),
        ("reason", status.reason.clone()),
        ("next", status.hint.clone()),
    ];
    lines
        .iter()
        .map(|(name, value)| format!("{name:<9} {value}"))
        .collect::<Vec<_>>()
        .join("\n")
}
