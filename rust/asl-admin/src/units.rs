//! Our units, as systemctl shows and moves them.

use crate::tool::output;
use asl_activate::Command;
use serde::Serialize;
use std::time::Duration;

/// Those whose state says how the node is.
pub(crate) const UNITS: [&str; 6] = [
    "asl-preflight.service",
    "asl-activate.service",
    "asl-intake.service",
    "asl-intake.socket",
    "asl-watch.service",
    "usr-local-bin.mount",
];

/// A question to the manager takes milliseconds.
const ASK: Duration = Duration::from_secs(10);
/// Stopping intake and activation: both units' stop times, and some.
pub(crate) const MOVE: Duration = Duration::from_secs(200);
/// Longest answer, bytes.
const ANSWER: u64 = 64 * 1024;

/// One unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Unit {
    /// `asl-intake.service`
    pub(crate) name: String,
    /// `active`, `inactive`, `failed`, ...
    pub(crate) active: String,
    /// `running`, `exited`, `dead`, ...
    pub(crate) sub: String,
    /// `success`, or how it failed.
    pub(crate) result: String,
}

/// All of them in one question.
pub(crate) fn show() -> Result<Vec<Unit>, String> {
    let words = ["show", "--property=Id,ActiveState,SubState,Result"];
    let command = Command::new("systemctl", &[words.as_slice(), &UNITS].concat());
    Ok(parse(&output(command.keeping(ANSWER).within(ASK))?))
}

/// Blocks of `Key=value` lines with a blank line between two units.
fn parse(answer: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    for block in answer.split("\n\n") {
        let value = |key: &str| {
            let mut lines = block.lines();
            let found = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            asl_mode::clean(found.unwrap_or_default())
        };
        let name = value("Id");
        if !name.is_empty() {
            units.push(Unit {
                name,
                active: value("ActiveState"),
                sub: value("SubState"),
                result: value("Result"),
            });
        }
    }
    units
}

/// Starts intake, and activation before it, and waits for neither: a disk may
/// take a minute to be mounted.
pub(crate) fn start() -> Result<String, String> {
    systemctl(&["start", "--no-block", "asl-intake.service"], MOVE)
}

/// Lets activation begin anew: what requires it is stopped before and started
/// after it.
pub(crate) fn restart_activation() -> Result<String, String> {
    systemctl(&["restart", "asl-activate.service"], MOVE)
}

/// Takes the right to write: from the server first, because what it has open
/// for writing would keep the mount as it is. The mount does not wait for a
/// server that fails.
pub(crate) fn lower() -> Result<(), String> {
    let server = systemctl(&["try-restart", "asl-intake.service"], MOVE);
    systemctl(&["try-reload-or-restart", "asl-activate.service"], MOVE)?;
    server.map(|_| ())
}

/// Stops intake, its socket, through which a client would start it again, and
/// activation, in that order.
pub(crate) fn stop() -> Result<String, String> {
    systemctl(
        &[
            "stop",
            "asl-intake.socket",
            "asl-intake.service",
            "asl-activate.service",
        ],
        MOVE,
    )
}

/// Has the manager do something, and hands back the command.
pub(crate) fn systemctl(words: &[&str], within: Duration) -> Result<String, String> {
    let command = Command::new("systemctl", words).within(within);
    let shown = command.to_string();
    output(command)?;
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_unit() {
        let answer = "Result=success\nId=a.service\nActiveState=active\nSubState=exited\n\n\
                      Id=b.mount\nActiveState=failed\nSubState=failed\nResult=exit-code\n";
        let units = parse(answer);
        let seen: Vec<_> = units
            .iter()
            .map(|unit| (&*unit.name, &*unit.active, &*unit.sub, &*unit.result))
            .collect();
        assert_eq!(
            seen,
            [
                ("a.service", "active", "exited", "success"),
                ("b.mount", "failed", "failed", "exit-code")
            ]
        );
    }
}
