//! The Varlink interface `internal.asl.Intake1`.

use crate::store::Store;
use asl_mode::ModeFile;
use serde::{Deserialize, Serialize};
use std::io::BufRead;
use varlink::{Call, CallTrait, Reply};

/// The description that is shipped and that `GetInterfaceDescription` gives.
const DESCRIPTION: &str = include_str!("internal.asl.Intake1.varlink");
const NAME: &str = "internal.asl.Intake1";
pub(crate) const STATUS: &str = "internal.asl.Intake1.Status";
const LIST: &str = "internal.asl.Intake1.List";
const UNAVAILABLE: &str = "internal.asl.Intake1.StoreUnavailable";

/// The answer of `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) mode: String,
    pub(crate) code: String,
    pub(crate) backend: String,
    pub(crate) root: String,
    pub(crate) source: String,
    pub(crate) store: String,
    pub(crate) access: String,
    pub(crate) reason: String,
    pub(crate) hint: String,
    pub(crate) generation: u64,
    pub(crate) readable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

#[derive(Debug, Serialize)]
struct Unavailable {
    reason: String,
}

/// What the server knows: the mode it started with and its store.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) mode: ModeFile,
    pub(crate) store: Store,
}

impl Intake {
    fn status(&self) -> Status {
        let fault = self.store.list().err().map(|fault| fault.to_string());
        let mode = self.mode.clone();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: mode.mode.name().to_owned(),
            code: mode.code,
            backend: mode.backend,
            root: mode.mount,
            source: mode.source,
            store: mode.store,
            access: mode.access.name().to_owned(),
            reason: mode.reason,
            hint: mode.hint,
            generation: mode.generation,
            readable: fault.is_none(),
            fault,
        }
    }
}

impl varlink::Interface for Intake {
    fn get_description(&self) -> &'static str {
        DESCRIPTION
    }

    fn get_name(&self) -> &'static str {
        NAME
    }

    /// No method of ours upgrades a connection.
    fn call_upgraded(&self, _: &mut Call<'_>, _: &mut dyn BufRead) -> varlink::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn call(&self, call: &mut Call<'_>) -> varlink::Result<()> {
        let method = call
            .request
            .map(|request| request.method.to_string())
            .unwrap_or_default();
        let reply = match method.as_str() {
            STATUS => Reply::parameters(value(&self.status())),
            LIST => match self.store.list() {
                Ok(listing) => Reply::parameters(value(&listing)),
                Err(fault) => {
                    let reason = fault.to_string();
                    Reply::error(UNAVAILABLE, value(&Unavailable { reason }))
                }
            },
            _ => return call.reply_method_not_found(method),
        };
        if call.is_oneway() {
            return Ok(());
        }
        call.reply_struct(reply)
    }
}

/// Strings, numbers and booleans below string keys always have a JSON form.
fn value(reply: &impl Serialize) -> Option<serde_json::Value> {
    serde_json::to_value(reply).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Remote;

    /// The fields between the parentheses of a method's or error's line.
    fn fields(after: &str) -> Vec<String> {
        let (_, rest) = DESCRIPTION.split_once(after).unwrap();
        let (body, _) = rest.split_once("\n)").unwrap();
        body.lines()
            .filter_map(|line| line.trim().split_once(':'))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    #[test]
    fn description_names_each_field_of_status() {
        let mode = ModeFile::none("rule", "code", "reason", "hint");
        let store = Store::start(Remote).unwrap();
        let status = Intake { mode, store }.status();
        let json = serde_json::to_value(&status).unwrap();
        let mut expected: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let mut seen = fields("method Status() -> (");
        expected.sort();
        seen.sort();
        assert_eq!(seen, expected);
    }

    #[test]
    fn description_bears_the_names_that_are_answered() {
        assert!(DESCRIPTION.contains(&format!("\ninterface {NAME}\n")));
        for (kind, name) in [("method", STATUS), ("method", LIST), ("error", UNAVAILABLE)] {
            let short = name.strip_prefix(NAME).unwrap().trim_start_matches('.');
            assert!(DESCRIPTION.contains(&format!("\n{kind} {short}")), "{name}");
        }
    }
}
