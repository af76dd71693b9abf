//! The manual: what the image's pages say, made from the tables that the code
//! itself obeys.

use crate::cli::Args;
use crate::{console, exit};
use asl_config::{File, KEYS, Kind, MAX_FILE, MAX_LINE, VERSION};
use asl_decide::RULES;
use asl_manual::{Document, Page, documents, write};
use clap::CommandFactory;
use std::path::Path;
use std::process::ExitCode;

/// The programs' page and the two of what they read and decide.
const PAGES: [(&str, u8); 5] = [
    ("asl-admin", 8),
    ("asl-debug", 8),
    ("asl-intake", 8),
    ("asl.conf", 5),
    ("asl-mode", 7),
];

/// What there is to know before the table of rules.
const RULES_INTRODUCTION: [(&str, &[&str]); 5] = [
    (
        "Modes",
        &[
            "A rescue node has one mode: none, local, import or remote. Preflight decides it \
             from what it reads on the disks and from the configuration, and writes it to \
             /run/asl/mode with the rule, a code, the reason and the next command.",
            "local: one file system with a store, which can be mounted as it is. import: \
             something comes before the mount, for example an array to assemble or a container \
             to unlock. remote: the configured endpoint. none: there is nothing to serve, or \
             more than one thing could have been meant; then the node waits for a word and \
             does not guess.",
        ],
    ),
    (
        "What counts as a store",
        &[
            "A store is one that was read: its marker, its domain, or its log with a record \
             whose hash verifies. The bare directories of a store count too, and are served \
             read-only. A pool is not a store because it is the only pool, and a label or a \
             flag on a disk consents to nothing.",
            "The local.* keys and `asl-admin use` name what is meant; then nothing else is \
             taken, also when it is not there.",
        ],
    ),
    (
        "What is touched",
        &[
            "Before the decision nothing is written, mounted, assembled or unlocked. Without \
             consent the store's disks are set read-only before they are used, and a log that \
             needs replay is replayed in memory. Consent to write names one store and the disk \
             or pool that carries it: write.allow in the configuration, or `asl-admin \
             allow-write`. It never makes a damaged, sleeping or degraded disk writable. Where it \
             is withdrawn, or something new speaks against writing, what is mounted becomes \
             read-only at once and is served on.",
        ],
    ),
    (
        "For a site",
        &[
            "With mode = auto any readable store is preferred to an endpoint that answers. A \
             stick with a store that somebody plugs in can so turn remote into local, or into \
             none where it is one store too many. A site that means its endpoint sets mode = \
             remote; one that means a disk names it.",
            "A locked or damaged disk of unknown content stops nothing: most machines have one.",
        ],
    ),
    (
        "How the rules are applied",
        &[
            "Rules 1 to 5 are about the configuration; the first that applies decides. Rules 6 \
             to 9 look for what is named. Then every place where a store could be is judged by \
             all of 10 to 32: one may drop it, block it, make it read-only, or only be noted. \
             Of 33 to 43 the first that applies makes the choice, and 44 holds on to a store \
             that is being served. `asl-admin status` shows what was judged and how.",
        ],
    ),
];

/// Writes all of it below a directory.
pub(crate) fn run(to: &Path) -> ExitCode {
    let others: Vec<(&str, u8)> = PAGES.into_iter().skip(1).collect();
    let mut all = documents(Args::command(), &others);
    all.push(Document::page("asl.conf", 5, configuration()));
    all.push(Document::page("asl-mode", 7, mode()));
    match write(to, &all) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail(exit::FAILURE, &format!("{}: {error}", to.display())),
    }
}

/// Prints the page of the rules, for those who read it in the sources.
pub(crate) fn rules() -> ExitCode {
    console::say(&markdown());
    ExitCode::SUCCESS
}

fn see_also(page: &mut Page, but: &str) {
    let others: Vec<(&str, u8)> = PAGES.into_iter().filter(|(name, _)| *name != but).collect();
    page.see_also(&others);
}

/// asl.conf(5)
fn configuration() -> String {
    let about = "configuration of a rescue node";
    let mut page = Page::new("asl.conf", 5, VERSION, about);
    page.section("SYNOPSIS");
    let files: Vec<&str> = File::ALL.into_iter().map(File::path).collect();
    page.literal(&files.join("\n"));
    page.section("DESCRIPTION");
    page.paragraph(
        "A line is `key = value`. `#` starts a comment at the start of a line or after white \
         space. A key stands once in a file, a list is separated by commas, and none is the word \
         for nothing. What is wrong is named with file, line, column and key, and the mode is \
         then none.",
    );
    page.paragraph(&format!(
        "A line has at most {MAX_LINE} bytes and a file at most {MAX_FILE}."
    ));
    page.section("LAYERS");
    page.paragraph("From the weakest to the strongest; asl-admin config shows which one won.");
    page.tagged("built-in", "The default of each key below.");
    page.tagged("file", "The files named above.");
    page.tagged(
        "scope",
        "The asl: table of sysrescue.d/*.yaml on the medium. Text that YAML takes for a number \
         or a truth value stands in quotes there.",
    );
    page.tagged(
        "cmdline",
        "asl.KEY=VALUE on the kernel command line. asl.config=ignore there drops file and scope.",
    );
    page.tagged(
        "session",
        &format!(
            "{}, written by asl-admin use and asl-admin allow-write and lost at reboot. What it \
             allows adds to write.allow.",
            File::Session.path()
        ),
    );
    page.section("KEYS");
    page.paragraph(
        "In the files federation.conf and logging.conf the part before the first dot is left \
         out; everywhere else the names are as here.",
    );
    for key in KEYS {
        let mut text = format!("{}.\n", sentence(key.doc));
        text.push_str(&format!("Form: {}.\n", key.form));
        let kind = match key.kind {
            Kind::Text => "text",
            Kind::List => "list",
            Kind::Number => "number",
        };
        text.push_str(&format!(
            "A {kind}, {} by default, in {} as {}.\n",
            key.default,
            key.file.path(),
            key.name_in_file()
        ));
        if !key.used {
            text.push_str("This version reads it and does not act on it.\n");
        }
        page.tagged(key.name, &text);
    }
    page.section("EXAMPLE");
    page.literal(
        "mode = auto\nlocal.mount = /mnt/asl/local\nremote.endpoint = none\n\
         write.allow = 1b4e28ba-2fa1-41d2-883f-0016d3cca427@WD-WX12A3456789",
    );
    see_also(&mut page, "asl.conf");
    page.finish()
}

/// asl-mode(7)
fn mode() -> String {
    let about = "how a rescue node decides what it serves";
    let mut page = Page::new("asl-mode", 7, VERSION, about);
    page.section("DESCRIPTION");
    for (title, paragraphs) in RULES_INTRODUCTION {
        page.part(title);
        for paragraph in paragraphs {
            page.paragraph(paragraph);
        }
    }
    page.section("RULES");
    for rule in RULES {
        page.tagged(&format!("{} {}", rule.number, rule.name), &rule_text(rule));
    }
    page.section("FILES");
    page.tagged("/run/asl/mode", "The mode; everybody can read it.");
    page.tagged(
        "/run/asl/facts.json",
        "What was seen, and what was made of it.",
    );
    see_also(&mut page, "asl-mode");
    page.finish()
}

fn rule_text(rule: &asl_decide::Rule) -> String {
    let waiting = if rule.built {
        ""
    } else {
        " This version does not ask it yet."
    };
    let codes = rule.codes.join(", ");
    format!("{}. Code {codes}.{waiting}", sentence(rule.doc))
}

/// rust/decide/RULES.md
fn markdown() -> String {
    let mut text = String::from(
        "# How a node decides its mode\n\n\
         <!-- Made from the table in src/rules.rs: `asl-admin man --rules`. -->\n",
    );
    for (title, paragraphs) in RULES_INTRODUCTION {
        text.push_str(&format!("\n## {title}\n"));
        for paragraph in paragraphs {
            text.push_str(&format!("\n{paragraph}\n"));
        }
    }
    text.push_str(
        "\n## The rules\n\n| # | rule | codes | when, and what follows |\n|---|---|---|---|\n",
    );
    for rule in RULES {
        let codes: Vec<String> = rule.codes.iter().map(|code| format!("`{code}`")).collect();
        let waiting = if rule.built { "" } else { " (not asked yet)" };
        text.push_str(&format!(
            "| {} | {} | {} | {}{waiting} |\n",
            rule.number,
            rule.name,
            codes.join(", "),
            rule.doc.replace('|', "\\|")
        ));
    }
    text
}

/// With a capital at its start.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beside what it is made from.
    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../decide/RULES.md");

    #[test]
    fn the_committed_page_of_the_rules_is_the_table() {
        let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
        assert!(
            committed == markdown(),
            "asl-admin man --rules >rust/decide/RULES.md"
        );
    }

    #[test]
    fn every_key_and_rule_has_its_entry() {
        let (keys, rules) = (configuration(), mode());
        let tagged = |page: &str, word: &str| {
            page.contains(&format!("\n.TP\n\\fB{}\\fR\n", word.replace('-', "\\-")))
        };
        for key in KEYS {
            assert!(tagged(&keys, key.name), "{}", key.name);
        }
        for rule in RULES {
            let word = format!("{} {}", rule.number, rule.name);
            assert!(tagged(&rules, &word), "{word}");
        }
    }
}
