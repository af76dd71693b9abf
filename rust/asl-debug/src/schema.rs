//! `schema`: the form of everything that is printed as JSON.

use crate::explain::Report as Explain;
use crate::probe::Report as Probe;
use crate::watch::Line as Watch;
use asl_facts::{Facts, SCHEMA};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;

pub(crate) fn run() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &schema())?;
    writeln!(out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// One document, since the forms share most of their parts.
fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let forms = [
        generator.subschema_for::<Facts>(),
        generator.subschema_for::<Probe>(),
        generator.subschema_for::<Explain>(),
        generator.subschema_for::<Watch>(),
    ];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:asl:facts:{SCHEMA}"),
        "title": "ASL facts",
        "description": format!(
            "/run/asl/facts.json and the --json forms of asl-debug, version {SCHEMA}"
        ),
        "anyOf": forms,
        "$defs": generator.take_definitions(true),
    })
}
