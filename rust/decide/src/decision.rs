//! What was decided, and why.

use asl_facts::{Evidence, Facts, Format, Text};
use asl_mode::ModeFile;
use serde::{Deserialize, Serialize};

/// The content of `/run/asl/facts.json`: evidence of this boot, not state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`asl_facts::SCHEMA`] of the writer.
    pub schema: u32,
    /// What was seen; without devices when the scan itself failed.
    pub facts: Facts,
    /// What was made of it.
    pub decision: Decision,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The content of the mode file.
    pub mode: ModeFile,
    /// What to do, in order, to get at the store.
    pub steps: Vec<Step>,
    /// Every place where a store could be, with what was found against it.
    pub candidates: Vec<Judged>,
    /// What an operator may want to know and what decided nothing.
    pub notes: Vec<String>,
}

/// One step of an activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Mount a file system.
    Mount {
        /// The block node: `/dev/sda1`.
        node: String,
        /// Type for mount(2): `ext4`.
        format: String,
        /// Options, one each: `ro`, `noload`, `nodev`, ...
        options: Vec<String>,
        /// Directory of the store from the root of the file system.
        store_path: String,
        /// Where the store must be seen.
        target: String,
        /// The store is below the root: mount elsewhere and bind it.
        bind: bool,
    },
}

/// A candidate and what the rules made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Kernel names of its devices.
    pub devices: Vec<String>,
    /// The node that would be mounted.
    pub node: String,
    /// The disk by model, serial and size, then the node.
    pub place: String,
    /// Its file system, where one was recognised.
    pub format: Option<Format>,
    /// UUID of the file system.
    pub uuid: Option<String>,
    /// Label of the file system.
    pub label: Option<Text>,
    /// Directory of the store from the root of the file system.
    pub path: String,
    /// The store's id, where one was read.
    pub id: Option<String>,
    /// What identifies the store; none where none was read.
    pub evidence: Option<Evidence>,
    /// Everything in which a store could be was read.
    pub read_to_end: bool,
    /// A selector names it.
    pub selected: bool,
    /// It has evidence and was not dropped.
    pub claimed: bool,
    /// It is no longer a candidate.
    pub dropped: bool,
    /// It cannot be used.
    pub blocked: bool,
    /// Code of what blocks or drops it, else `usable` or `no-evidence`.
    pub code: String,
    /// Name of the rule that blocks or drops it; `none` where none does.
    pub rule: String,
    /// Everything that the rules found, in the order of the table.
    pub findings: Vec<Finding>,
}

/// What one rule found about a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's number in the table.
    pub number: u8,
    /// The rule's name.
    pub rule: String,
    /// The code.
    pub code: String,
    /// What follows from it.
    pub effect: Effect,
    /// As a clause.
    pub text: String,
    /// The next command.
    pub hint: String,
}

/// What a finding does to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is no candidate.
    Drop,
    /// It cannot be used.
    Block,
    /// It is used read-only, consent or not.
    Cap,
    /// Nothing; it is told.
    Note,
}
