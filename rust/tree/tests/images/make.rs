//! Images made by the real tools.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs a tool; where it is missing, says what to install rather than pass.
pub(crate) fn run(command: &[&str]) -> Output {
    let search = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(command[0])
        .args(&command[1..])
        .env("PATH", format!("{search}:/usr/sbin:/sbin"))
        .stdin(Stdio::null())
        .output();
    let output = output.unwrap_or_else(|error| {
        let package = match command[0] {
            "mkfs.xfs" => "xfsprogs",
            "mkfs.btrfs" => "btrfs-progs",
            "mkfs.exfat" | "fsck.exfat" => "exfatprogs",
            "mkfs.fat" => "dosfstools",
            "xz" => "xz-utils",
            _ => "e2fsprogs",
        };
        panic!(
            "{}: {error}: install the Debian package {package}",
            command[0]
        )
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    output
}

/// A new image of `mib` MiB holding the directory `tree`.
pub(crate) fn image(format: &str, mib: u64, tree: &Path) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    fs::File::create(&path).unwrap().set_len(mib << 20).unwrap();
    let (path_text, tree_text) = (path.to_str().unwrap(), tree.to_str().unwrap());
    match format {
        "xfs4" | "xfs5" => {
            let crc = if format == "xfs4" { "crc=0" } else { "crc=1" };
            let proto = dir.path().join("proto");
            fs::write(
                &proto,
                format!("none\n0 0\nd--755 0 0\n{}$\n", proto_of(tree)),
            )
            .unwrap();
            let proto = proto.to_str().unwrap();
            run(&["mkfs.xfs", "-q", "-m", crc, "-p", proto, path_text]);
        }
        "btrfs" => {
            run(&["mkfs.btrfs", "-q", "-r", tree_text, path_text]);
        }
        "exfat" => {
            run(&["mkfs.exfat", path_text]);
            crate::exfat::fill(&path, tree);
        }
        "fat12" | "fat16" | "fat32" => {
            let width = format.trim_start_matches("fat");
            run(&["mkfs.fat", "-F", width, path_text]);
            // Code page 850 would need a module of the C library; that of
            // ASCII is built in.
            let config = dir.path().join("mtoolsrc");
            fs::write(&config, "default_codepage=367\n").unwrap();
            let config = format!("MTOOLSRC={}", config.display());
            let mut command = vec!["env", &config, "mcopy", "-s", "-i", path_text];
            let names: Vec<String> = fs::read_dir(tree)
                .unwrap()
                .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
                .collect();
            command.extend(names.iter().map(String::as_str));
            command.push("::/");
            // Without a source it fails.
            if !names.is_empty() {
                run(&command);
            }
        }
        ext => {
            run(&["mke2fs", "-q", "-t", ext, "-d", tree_text, path_text]);
        }
    }
    fs::read(&path).unwrap()
}

/// The lines of a mkfs.xfs prototype for what lies in `dir`.
fn proto_of(dir: &Path) -> String {
    let mut lines = String::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            lines += &format!("{name} d--755 0 0\n{}$\n", proto_of(&path));
        } else {
            lines += &format!("{name} ---644 0 0 {}\n", path.display());
        }
    }
    lines
}
