//! `probe`: what devices and images hold, alone and together.

use crate::input::{Input, failure, forget};
use crate::{complain, reader, show};
use asl_facts::{Device, Pool, Twins, Virtuals};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The JSON form of `probe`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProbeReport")]
pub(crate) struct Report {
    /// Version of the form.
    schema: u32,
    /// What was read, in the order of the command line, each once.
    devices: Vec<Device>,
    /// What these devices make up together.
    pools: Vec<Pool>,
    /// What is in several of them at once.
    twins: Vec<Twins>,
    /// What stands on these devices and is not activated, read through them.
    virtuals: Virtuals,
    /// What could not be read.
    errors: Vec<PathError>,
}

/// A path that could not be read, whole or in part.
#[derive(Serialize, JsonSchema)]
struct PathError {
    /// The path as it was given.
    path: String,
    /// What was wrong.
    error: String,
}

pub(crate) fn run(paths: &[PathBuf], json: bool) -> io::Result<ExitCode> {
    let report = report(paths);
    let style = show::Style::of(&io::stdout());
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        for device in report.devices.iter().chain(&report.virtuals.devices) {
            out.write_all(show::device(device, style).as_bytes())?;
        }
        for pool in report.pools.iter().chain(&report.virtuals.pools) {
            out.write_all(show::pool(pool, style).as_bytes())?;
        }
        for twins in &report.twins {
            out.write_all(show::twins(twins, style).as_bytes())?;
        }
    }
    out.flush()?;
    Ok(if report.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn report(paths: &[PathBuf]) -> Report {
    let mut report = Report {
        schema: asl_facts::SCHEMA,
        devices: Vec::new(),
        pools: Vec::new(),
        twins: Vec::new(),
        virtuals: Virtuals::default(),
        errors: Vec::new(),
    };
    let reader = reader();
    // What comes through a pipe is held until all are read.
    let mut inputs: Vec<Input> = Vec::new();
    for path in paths {
        let input = match Input::new(path) {
            Ok(input) => input,
            Err(error) => {
                note(&mut report, path, error);
                continue;
            }
        };
        // One device under two names would look like a pool with a clone.
        let identity = input.identity();
        if inputs.iter().any(|other| other.identity() == identity) {
            continue;
        }
        match asl_scan::probe_path_jailed(input.path(), &reader) {
            Ok(mut device) => {
                input.name(&mut device);
                if let Some(error) = failure(&device) {
                    // The error of the system names no file.
                    note(&mut report, path, format!("{}: {error}", path.display()));
                }
                report.devices.push(device);
            }
            Err(error) => note(&mut report, path, error.to_string()),
        }
        inputs.push(input);
    }
    // A disk and its partition say more of each other when both are here.
    asl_topology::rank(&mut report.devices);
    report.twins = asl_topology::twins(&report.devices);
    let together = asl_scan::see_through(&report.devices, &reader);
    report.pools = together.pools;
    report.virtuals = together.virtuals;
    report.devices.iter_mut().for_each(forget);
    report
}

fn note(report: &mut Report, path: &Path, error: String) {
    complain(&error);
    report.errors.push(PathError {
        path: path.to_string_lossy().into_owned(),
        error,
    });
}
