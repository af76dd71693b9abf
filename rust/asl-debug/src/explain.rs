//! `explain`: what a probe read, what it expected and what it saw.

use crate::input::{Input, failure, forget};
use crate::{complain, show};
use asl_facts::Device;
use asl_probe::{Step, Verdict};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// The JSON form of `explain`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExplainReport")]
pub(crate) struct Report {
    /// Version of the form.
    schema: u32,
    /// The device, as `probe` has it but not looked into.
    pub(crate) device: Device,
    /// Why each of its signatures has its standing, in their order.
    pub(crate) reasons: Vec<String>,
    /// What the probe did, in order.
    pub(crate) steps: Vec<Step>,
    /// Places without a magic and formats that need a larger device; their
    /// steps are there with --all only.
    pub(crate) without_magic: u64,
    /// Steps beyond those that are kept.
    pub(crate) left_out: u64,
}

pub(crate) fn run(path: &Path, all: bool, json: bool) -> io::Result<ExitCode> {
    let explained = Input::new(path).and_then(|input| {
        let mut explained =
            asl_scan::explain_path(input.path()).map_err(|error| error.to_string())?;
        input.name(&mut explained.device);
        forget(&mut explained.device);
        Ok(explained)
    });
    let explained = match explained {
        Ok(explained) => explained,
        Err(error) => {
            complain(&error);
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut steps = explained.steps;
    let dull = steps.iter().filter(|step| is_dull(step)).count();
    steps.retain(|step| all || !is_dull(step));
    let report = Report {
        schema: asl_facts::SCHEMA,
        device: explained.device,
        reasons: explained.reasons,
        steps,
        without_magic: u64::try_from(dull).unwrap_or(u64::MAX),
        left_out: explained.left_out,
    };
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        let style = show::Style::of(&io::stdout());
        out.write_all(show::explain(&report, style).as_bytes())?;
    }
    out.flush()?;
    Ok(match failure(&report.device) {
        None => ExitCode::SUCCESS,
        Some(error) => {
            complain(&format!("{}: {error}", path.display()));
            ExitCode::FAILURE
        }
    })
}

/// Nothing was seen that speaks for the format.
fn is_dull(step: &Step) -> bool {
    matches!(
        step,
        Step::TooSmall { .. }
            | Step::Check {
                verdict: Verdict::Absent,
                ..
            }
    )
}
