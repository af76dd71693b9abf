//! `watch`: new facts as devices come and go.

mod change;
mod kernel;

use crate::{complain, show};
use asl_facts::Facts;
use asl_scan::Options;
use change::Event;
use kernel::{Kernel, Woken};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The JSON form of `watch`: one line.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WatchLine")]
pub(crate) struct Line<'a> {
    /// Version of the form.
    schema: u32,
    /// When it was seen, milliseconds of `CLOCK_BOOTTIME`.
    at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    event: Event<'a>,
}

pub(crate) fn run(json: bool, once: bool, exclude: Vec<String>) -> io::Result<ExitCode> {
    let options = Options {
        exclude,
        reader: Some(crate::reader()),
        // What appears later is an event.
        settle: Duration::ZERO,
        quiet: Duration::ZERO,
        ..Options::default()
    };
    // Listening begins before looking, so that nothing falls in between.
    let kernel = if once {
        None
    } else {
        match Kernel::listen() {
            Ok(kernel) => Some(kernel),
            Err(error) => return failed(&format!("the kernel's messages: {error}")),
        }
    };
    let mut facts = match asl_scan::scan(&options) {
        Ok(facts) => facts,
        Err(error) => return failed(&error.to_string()),
    };
    tell(&facts, change::present(&facts), json)?;
    let Some(kernel) = kernel else {
        return Ok(ExitCode::SUCCESS);
    };
    loop {
        let touched = match kernel.wait() {
            Ok(Woken::Ended) => return Ok(ExitCode::SUCCESS),
            Ok(Woken::Devices(names)) => names,
            // Messages were lost: any device may be another one.
            Ok(Woken::Lost) => facts
                .devices
                .iter()
                .map(|device| device.name.clone())
                .collect::<BTreeSet<_>>(),
            Err(error) => return failed(&format!("the kernel's messages: {error}")),
        };
        let next = match asl_scan::rescan(&options, &facts, &touched) {
            Ok(next) => next,
            Err(error) => return failed(&error.to_string()),
        };
        tell(&next, change::between(&facts, &next), json)?;
        facts = next;
    }
}

fn failed(words: &str) -> io::Result<ExitCode> {
    complain(words);
    Ok(ExitCode::FAILURE)
}

fn tell(facts: &Facts, events: Vec<Event<'_>>, json: bool) -> io::Result<()> {
    let style = show::Style::of(&io::stdout());
    let mut out = io::stdout().lock();
    for event in events {
        if json {
            let line = Line {
                schema: asl_facts::SCHEMA,
                at_ms: facts.timing.ended_ms,
                event,
            };
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        } else {
            out.write_all(text(&event, style).as_bytes())?;
        }
    }
    out.flush()
}

fn text(event: &Event<'_>, style: show::Style) -> String {
    match event {
        Event::Present { device } => format!("present {}\n", show::brief(device)),
        Event::Added { device } => format!("added {}", show::device(device, style)),
        Event::Changed { device } => format!("changed {}", show::device(device, style)),
        Event::Removed { name } => format!("removed {name}\n"),
        Event::Pool { pool } => show::pool(pool, style),
        Event::PoolGone { format, id } => format!("gone pool {format}: {id}\n"),
    }
}
