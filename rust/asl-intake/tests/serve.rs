//! The built server over a small root directory: what it serves, and what it
//! refuses.

// The allowance for tests in clippy.toml does not reach their helpers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const BOOT: &str = "4a4e12d3-43a2-48bf-a4fa-1e3912fa4ade";
const PATIENCE: Duration = Duration::from_secs(20);

fn mode_file(mode: &str, backend: &str, boot: &str) -> String {
    format!(
        "schema='1'\nmode='{mode}'\ncode='sole-plain'\nrule='sole-plain'\naccess='ro'\n\
         backend='{backend}'\nsource='/dev/vdb1'\nstore='0b1c'\nmount='/mnt/asl/local'\n\
         reason='one store'\nhint='asl-intake status'\ngeneration='2'\nboot_id='{boot}'\n"
    )
}

struct Root {
    dir: TempDir,
}

impl Root {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("proc/sys/kernel/random")).unwrap();
        fs::write(
            root.join("proc/sys/kernel/random/boot_id"),
            format!("{BOOT}\n"),
        )
        .unwrap();
        fs::create_dir_all(root.join("run/asl/sockets")).unwrap();
        fs::create_dir_all(root.join("mnt/asl/local/blocks")).unwrap();
        fs::write(root.join("mnt/asl/local/store.toml"), "x").unwrap();
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn with_mode(self, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path().join("run/asl/mode"), text).unwrap();
        self
    }

    fn socket(&self) -> PathBuf {
        self.path().join("run/asl/sockets/intake.sock")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asl-intake"));
        command.arg("--root").arg(self.path());
        command
            .env_remove("NOTIFY_SOCKET")
            .env_remove("JOURNAL_STREAM");
        command
    }

    /// Runs the server to its end, which must come by itself.
    fn refusal(&self) -> Output {
        let mut command = self.command();
        command.arg("--socket").arg(self.socket());
        let output = command.output().unwrap();
        assert!(
            !self.socket().exists(),
            "no socket before the mode is accepted"
        );
        output
    }

    /// Starts the server and waits for READY=1.
    fn serve(&self) -> Server {
        let notify = UnixDatagram::bind(self.path().join("notify")).unwrap();
        notify.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = self
            .command()
            .arg("--socket")
            .arg(self.socket())
            .env("NOTIFY_SOCKET", self.path().join("notify"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Server(child);
        let mut text = [0; 4096];
        let length = notify.recv(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text[..length]).into_owned();
        assert!(text.contains("READY=1\n"), "{text}");
        assert!(text.contains("STATUS=mode "), "{text}");
        server
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn call(&self, method: &str) -> Value {
        let stream = self.connect();
        let mut reader = BufReader::new(&stream);
        exchange(&stream, &mut reader, method)
    }
}

fn exchange(mut stream: &UnixStream, reader: &mut impl BufRead, method: &str) -> Value {
    let request = json!({"method": method, "parameters": {}}).to_string();
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(&[0]).unwrap();
    let mut reply = Vec::new();
    reader.read_until(0, &mut reply).unwrap();
    assert_eq!(reply.pop(), Some(0), "reply is whole");
    serde_json::from_slice(&reply).unwrap()
}

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn status_agrees_with_the_mode_file() {
    let root = Root::new().with_mode(mode_file("local", "posix", BOOT));
    let _server = root.serve();
    let reply = root.call("internal.asl.Intake1.Status");
    assert_eq!(
        reply["parameters"],
        json!({
            "version": env!("CARGO_PKG_VERSION"), "mode": "local", "code": "sole-plain",
            "backend": "posix", "root": "/mnt/asl/local", "source": "/dev/vdb1",
            "store": "0b1c", "access": "ro", "reason": "one store",
            "hint": "asl-intake status", "generation": 2, "readable": true,
        })
    );
    let output = root.command().args(["status", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, reply["parameters"]);
}

#[test]
fn one_connection_carries_many_calls() {
    let root = Root::new().with_mode(mode_file("local", "posix", BOOT));
    let _server = root.serve();
    let stream = root.connect();
    let mut reader = BufReader::new(&stream);
    let info = exchange(&stream, &mut reader, "org.varlink.service.GetInfo");
    assert_eq!(info["parameters"]["product"], "asl-intake");
    let listing = exchange(&stream, &mut reader, "internal.asl.Intake1.List");
    assert_eq!(
        listing["parameters"],
        json!({"complete": true, "entries": [
            {"name": "blocks", "kind": "directory"},
            {"name": "store.toml", "kind": "file", "size": 1},
        ]})
    );
    let unknown = exchange(&stream, &mut reader, "internal.asl.Intake1.Put");
    assert_eq!(unknown["error"], "org.varlink.service.MethodNotFound");
    let foreign = exchange(&stream, &mut reader, "org.example.Other.Put");
    assert_eq!(foreign["error"], "org.varlink.service.InterfaceNotFound");
}

#[test]
fn store_that_went_away_is_a_fault_and_the_server_stays() {
    let root = Root::new().with_mode(mode_file("import", "posix", BOOT));
    let _server = root.serve();
    fs::remove_dir_all(root.path().join("mnt/asl/local")).unwrap();
    let status = root.call("internal.asl.Intake1.Status");
    assert_eq!(status["parameters"]["readable"], false);
    assert!(status["parameters"]["fault"].is_string());
    let listing = root.call("internal.asl.Intake1.List");
    assert_eq!(listing["error"], "internal.asl.Intake1.StoreUnavailable");
}

#[test]
fn mode_remote_is_served_as_not_readable_yet() {
    let root = Root::new().with_mode(mode_file("remote", "remote", BOOT));
    let _server = root.serve();
    let status = root.call("internal.asl.Intake1.Status");
    assert_eq!(status["parameters"]["mode"], "remote");
    assert_eq!(status["parameters"]["readable"], false);
}

#[test]
fn junk_ends_the_connection_and_not_the_server() {
    let root = Root::new().with_mode(mode_file("local", "posix", BOOT));
    let _server = root.serve();
    for junk in [
        &b"\0"[..],
        b"{}\0",
        b"\xff\xfe\0",
        b"{\"method\":\"x\"}\0",
        b"[[[[[[[[",
        &[b'['; 64 * 1024],
    ] {
        let mut stream = root.connect();
        let _ = stream.write_all(junk);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
    }
    let reply = root.call("internal.asl.Intake1.Status");
    assert_eq!(reply["parameters"]["readable"], true);
}

#[test]
fn client_beyond_the_limit_is_turned_away() {
    let root = Root::new().with_mode(mode_file("local", "posix", BOOT));
    let _server = root.serve();
    let held: Vec<_> = (0..16).map(|_| root.connect()).collect();
    // The server counts in order, so the last one held is served already.
    let mut late = root.connect();
    assert_eq!(late.read(&mut [0; 1]).unwrap(), 0);
    drop(held);
}

#[test]
fn unusable_mode_files_are_refused_with_exit_code_4() {
    let good = mode_file("local", "posix", BOOT);
    let cases: [(&str, Option<Vec<u8>>, &str); 8] = [
        ("missing", None, "there is no mode file"),
        ("empty", Some(Vec::new()), "schema"),
        ("binary", Some(b"schema='1'\n\xff\xfe".to_vec()), "UTF-8"),
        ("garbled", Some(b"mode=local\n[[[".to_vec()), "line"),
        (
            "older schema",
            Some(good.replace("schema='1'", "schema='0'").into_bytes()),
            "schema 0 seen",
        ),
        (
            "earlier boot",
            Some(mode_file("local", "posix", "0-0").into_bytes()),
            "boot_id 0-0 seen",
        ),
        (
            "other backend",
            Some(mode_file("local", "zfs", BOOT).into_bytes()),
            "backend `zfs` seen",
        ),
        (
            "none",
            Some(mode_file("none", "none", BOOT).into_bytes()),
            "mode none",
        ),
    ];
    for (name, text, expected) in cases {
        let root = match text {
            Some(text) => Root::new().with_mode(text),
            None => Root::new(),
        };
        let output = root.refusal();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{name}: {stderr}");
        assert!(stderr.contains(expected), "{name}: {stderr}");
        let output = root.command().arg("status").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let code = if name == "other backend" { 1 } else { 4 };
        assert_eq!(output.status.code(), Some(code), "status, {name}: {stderr}");
    }
}

#[test]
fn mount_point_without_a_store_is_not_served() {
    let root = Root::new().with_mode(mode_file("local", "posix", BOOT));
    fs::remove_dir_all(root.path().join("mnt/asl/local")).unwrap();
    fs::create_dir_all(root.path().join("mnt/asl/local")).unwrap();
    let output = root.refusal();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("nothing is mounted there"), "{stderr}");
}

#[test]
fn exit_codes_and_version_are_pinned() {
    let root = Root::new().with_mode(mode_file("local", "posix", BOOT));
    let version = root.command().arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        concat!("asl-intake ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = root.command().arg("--help").output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("Exit codes:"));
    let usage = root.command().arg("--nonsense").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
    // Neither systemd nor --socket.
    let no_socket = root.command().output().unwrap();
    assert_eq!(no_socket.status.code(), Some(1));
    let nobody = root.command().arg("status").output().unwrap();
    assert_eq!(nobody.status.code(), Some(1));
}

#[test]
fn socket_of_a_killed_server_is_replaced_and_of_a_running_one_not() {
    let root = Root::new().with_mode(mode_file("local", "posix", BOOT));
    drop(root.serve());
    fs::remove_file(root.path().join("notify")).unwrap();
    let _server = root.serve();
    let second = root
        .command()
        .arg("--socket")
        .arg(root.socket())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(
        root.call("internal.asl.Intake1.Status")["parameters"]["mode"],
        "local"
    );
}
