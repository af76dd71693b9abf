//! A reader with every vice that a planted disk could give it: the label of
//! the file system names the vice. One that names none is read soundly.

#![allow(
    clippy::panic,
    clippy::exit,
    clippy::expect_used,
    reason = "as the tests want it"
)]

use asl_facts::{Format, Look, Superblock};
use asl_probe::ReadAt;
use asl_tree::{Member, Shared};
use rustix::stdio::{stdin, stdout};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    match asl_scan::jail::serve(look, look_pool) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("test-reader: {error}");
            ExitCode::FAILURE
        }
    }
}

fn look(dev: &Shared, format: Format, superblock: &Superblock) -> Look {
    match label(superblock).as_str() {
        "trickles" => read_for(dev, Duration::from_millis(1500)),
        "never-ends" => read_for(dev, Duration::MAX),
        _ => {}
    }
    vice(superblock).unwrap_or_else(|| asl_tree::look(dev, format, superblock))
}

/// As a slow disk is read: each read comes back. The jail has no sleep.
fn read_for(dev: &Shared, time: Duration) {
    let since = Instant::now();
    while since.elapsed() < time {
        dev.read_at(0, &mut [0]).expect("a sound device");
    }
}

fn label(superblock: &Superblock) -> String {
    let label = superblock.label.as_ref().map(asl_facts::Text::printable);
    label.as_deref().unwrap_or_default().to_owned()
}

fn look_pool(format: Format, members: &[Member<'_>]) -> Look {
    let mut vices = members.iter().filter_map(|member| vice(member.superblock));
    vices
        .next()
        .unwrap_or_else(|| asl_tree::look_pool(format, members))
}

fn vice(superblock: &Superblock) -> Option<Look> {
    let why = match label(superblock).as_str() {
        "panics" => panic!("as the label wants it"),
        "aborts" => std::process::abort(),
        "spins" => loop {
            std::hint::spin_loop();
        },
        "waits" => loop {
            std::thread::park();
        },
        "eats" => eat().to_string(),
        "recurses" => recurse(1).to_string(),
        "opens" => format!("{:?}", std::fs::File::open("/etc/hostname")),
        // The device's descriptor is for reading, and no write is let there.
        "writes" => format!("{:?}", rustix::io::write(stdin(), b"x")),
        "writes-at" => format!("{:?}", rustix::io::pwrite(stdin(), b"x", 0)),
        "starts" => format!("{:?}", Command::new("/bin/true").status()),
        "connects" => format!("{:?}", std::net::TcpListener::bind("127.0.0.1:0")),
        "lifts" => format!(
            "{:?}",
            rustix::process::setrlimit(
                rustix::process::Resource::Core,
                rustix::process::Rlimit {
                    current: None,
                    maximum: None
                },
            )
        ),
        // The device without an offset: for what a parent left open as well.
        "borrows" => format!("{:?}", rustix::io::read(stdin(), &mut [0_u8; 1])),
        "babbles" => "x".repeat(2 << 20),
        "garbles" => format!("{:?}", rustix::io::write(stdout(), b"{\"look\"")),
        "leaves" => std::process::exit(7),
        _ => return None,
    };
    Some(Look::Unreadable { why })
}

/// Until there is no more.
fn eat() -> usize {
    let mut eaten = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        if eaten.len() > 1 << 20 {
            return eaten.len();
        }
    }
}

fn recurse(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 128]);
    if depth == 0 {
        return 0;
    }
    recurse(depth.wrapping_add(1)).wrapping_add(room.iter().copied().max().unwrap_or(0))
}
