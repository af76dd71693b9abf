//! `asl-admin watch`: has the node decide again when devices or routes change.
//!
//! It looks at no disk itself. It listens to the kernel, asks an endpoint that
//! is silent again, starts the unit that looks, and carries out what a change
//! of the mode asks for.

mod effect;
mod kernel;
mod tell;

use crate::{activate, console, evidence, exit, ours, paths, units};
use asl_config::{Config, Endpoint};
use asl_facts::Remote;
use effect::Effect;
use kernel::{Kernel, News};
use sd_notify::NotifyState;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Looks and decides, with the rights of preflight.
const RERUN: &str = "asl-rerun.service";
/// The unit's own TimeoutStartSec=, and some.
const LOOK: Duration = Duration::from_secs(220);
/// Between two questions to an endpoint that is silent: a server that boots
/// takes minutes.
const ASK_AGAIN: Duration = Duration::from_secs(15);
/// For its answer; what the kernel says meanwhile is heard afterwards.
const ANSWER: Duration = Duration::from_secs(5);
/// sysfs counts in these, whatever the device's sector size is.
const SECTOR: u64 = 512;

pub(crate) fn run(root: &Path) -> ExitCode {
    activate::start_log(root);
    // Listening begins before looking, so that nothing falls in between.
    let kernel = match Kernel::listen() {
        Ok(kernel) => kernel,
        Err(error) => {
            return exit::fail(exit::FAILURE, &format!("the kernel's messages: {error}"));
        }
    };
    status(&[
        NotifyState::Ready,
        NotifyState::Status("waiting for devices and routes"),
    ]);
    if devices_now(root) != devices_then(root) {
        tracing::info!("other devices than preflight saw");
        decide_again(root);
    }
    loop {
        let awaited = awaited(root);
        match kernel.wait(awaited.is_some().then_some(ASK_AGAIN)) {
            Ok(news) if is_of_interest(root, news) => decide_again(root),
            Ok(_) if awaited.is_some_and(answers) => decide_again(root),
            Ok(_) => {}
            Err(error) => {
                return exit::fail(exit::FAILURE, &format!("the kernel's messages: {error}"));
            }
        }
    }
}

/// The endpoint whose answer would change the mode.
fn awaited(root: &Path) -> Option<Endpoint> {
    let mode = evidence::mode(root).ok()?;
    if !asl_decide::awaits_endpoint(&mode) {
        return None;
    }
    let (config, _) = Config::load(root).ok()?;
    config.remote.endpoint
}

/// Asked here, so that the disks are not read again for every silence.
fn answers(endpoint: Endpoint) -> bool {
    matches!(asl_remote::probe(&endpoint, ANSWER), Remote::Answers { .. })
}

/// Routes matter only to an endpoint.
fn is_of_interest(root: &Path, news: News) -> bool {
    news.devices
        || (news.routes
            && Config::load(root).is_ok_and(|(config, _)| config.remote.endpoint.is_some()))
}

/// Names and sizes of the block devices that are there, without those that
/// our own activation made: no report has them.
fn devices_now(root: &Path) -> BTreeSet<(String, u64)> {
    let class = paths::below(root, "/sys/class/block");
    let size = |name: &str| {
        let text = fs::read_to_string(class.join(name).join("size")).unwrap_or_default();
        text.trim()
            .parse::<u64>()
            .unwrap_or_default()
            .saturating_mul(SECTOR)
    };
    let ours = ours::names(root);
    let entries = fs::read_dir(&class).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !ours.contains(name))
        .map(|name| {
            let size = size(&name);
            (name, size)
        })
        .collect()
}

/// Those of the last report.
fn devices_then(root: &Path) -> BTreeSet<(String, u64)> {
    let report = evidence::report(root);
    let devices = report
        .map(|report| report.facts.devices)
        .unwrap_or_default();
    devices
        .into_iter()
        .map(|device| (device.name, device.size))
        .collect()
}

fn decide_again(root: &Path) {
    let before = evidence::mode(root).ok();
    status(&[NotifyState::Status("deciding again")]);
    // Waits for it: what happens meanwhile is heard afterwards.
    systemctl(&["start", RERUN], LOOK);
    if let Ok(after) = evidence::mode(root) {
        for effect in effect::effects(before.as_ref(), &after) {
            match effect {
                Effect::Start => done(units::start()),
                Effect::Stop => systemctl(
                    &[
                        "stop",
                        "--no-block",
                        "asl-intake.service",
                        "asl-activate.service",
                    ],
                    units::MOVE,
                ),
                Effect::Lower => done(units::lower()),
                Effect::Mount => systemctl(
                    &["restart", "--no-block", "asl-activate.service"],
                    units::MOVE,
                ),
                Effect::Tell => {
                    let text = console::text(&after);
                    tracing::warn!("mode {}, code {}: {}", after.mode, after.code, after.reason);
                    tell::tell(root, &text);
                }
            }
        }
    }
    status(&[NotifyState::Status("waiting for devices and routes")]);
}

fn systemctl(words: &[&str], within: Duration) {
    done(units::systemctl(words, within));
}

fn done<T>(result: Result<T, String>) {
    if let Err(error) = result {
        tracing::error!("{error}");
    }
}

/// Nobody to tell is no error: outside systemd there is no socket for it.
fn status(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("sd_notify: {error}");
    }
}
