//! `watch`: how it begins and ends. What comes in between needs devices that
//! come and go; the modules test their parts of it.

use crate::common::{program, text};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Starts it and waits until it listens: it blocks the signal by then.
fn ends_by(signal: Signal, number: u32) {
    let mut child = program()
        .arg("watch")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let bit = 1_u64 << (number - 1);
    let started = Instant::now();
    loop {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let blocked = status
            .lines()
            .find_map(|line| u64::from_str_radix(line.strip_prefix("SigBlk:")?.trim(), 16).ok());
        if blocked.is_some_and(|blocked| blocked & bit != 0) {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{status}");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(pid, signal).unwrap();
    let status = child.wait().unwrap();
    let mut errors = Vec::new();
    child.stderr.unwrap().read_to_end(&mut errors).unwrap();
    assert_eq!(status.code(), Some(0), "{}", text(&errors));
}

#[test]
fn a_signal_ends_it_well() {
    ends_by(Signal::SIGTERM, 15);
    ends_by(Signal::SIGINT, 2);
}

#[test]
fn it_ends_when_nobody_reads_on() {
    let mut child = program()
        .arg("watch")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
