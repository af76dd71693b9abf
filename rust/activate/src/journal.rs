//! What was done to the machine and not yet taken back.

use crate::action::Action;
use crate::make::Make;
use serde::{Deserialize, Serialize};

/// Version of the journal.
const SCHEMA: u32 = 2;
/// Longest journal, bytes: a step is a few hundred.
pub(crate) const MAX_JOURNAL: usize = 1024 * 1024;

/// `/var/lib/asl/runtime/activation.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Version of the form.
    schema: u32,
    /// The boot: mounts and read-only flags do not outlive it.
    pub boot_id: String,
    /// Generation of the decision that was carried out.
    pub generation: u64,
    /// All steps were done.
    pub complete: bool,
    /// The whole plan, to tell the same activation from another one.
    pub plan: Vec<Action>,
    /// What changed the machine, in order. The last one may not have happened.
    pub entries: Vec<Entry>,
}

/// One change that was about to happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The change. Those that had nothing to do are not in the journal: a
    /// node that was read-only stays so when everything is taken back.
    pub action: Action,
    /// The old value of the read-only flag; none for other actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_read_only: Option<bool>,
}

impl Journal {
    /// An empty one.
    pub(crate) fn new(boot_id: &str, generation: u64, plan: &[Action]) -> Self {
        Self {
            schema: SCHEMA,
            boot_id: boot_id.to_owned(),
            generation,
            complete: false,
            plan: plan.to_vec(),
            entries: Vec::new(),
        }
    }

    /// From the bytes of the file.
    ///
    /// # Errors
    /// It is too long, no journal, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_JOURNAL {
            return Err(format!("longer than {MAX_JOURNAL} bytes"));
        }
        let journal: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if journal.schema != SCHEMA {
            return Err(format!("schema {} seen, {SCHEMA} expected", journal.schema));
        }
        Ok(journal)
    }

    pub(crate) fn render(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// What this activation made and has not taken away again, in order.
    pub fn made(&self) -> impl Iterator<Item = &Make> {
        self.entries.iter().filter_map(|entry| match &entry.action {
            Action::Make { make } => Some(make),
            _ => None,
        })
    }

    /// Where its last mount is.
    pub(crate) fn target(&self) -> String {
        let target = self.plan.iter().rev().find_map(Action::target);
        target.unwrap_or_default().to_owned()
    }
}
