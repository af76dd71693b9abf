//! Manual pages and shell completions, made from what the programs already
//! say about themselves. Used at build time, through a hidden command of each
//! program.
#![forbid(unsafe_code)]

mod page;
mod program;

pub use page::Page;

use clap::Command;
use clap_complete::{Shell, generate};
use std::fs;
use std::io;
use std::path::Path;

/// Where each shell looks, below `share`.
const COMPLETIONS: [(Shell, &str, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions/", "", ""),
    (Shell::Zsh, "zsh/site-functions/", "_", ""),
    (Shell::Fish, "fish/vendor_completions.d/", "", ".fish"),
];

/// A file and where it goes below `/usr/local/share`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `man/man8/asl-admin.8`
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Document {
    /// A manual page.
    #[must_use]
    pub fn page(name: &str, section: u8, text: String) -> Self {
        Self {
            path: format!("man/man{section}/{name}.{section}"),
            bytes: text.into_bytes(),
        }
    }
}

/// A program's page and its completions.
#[must_use]
pub fn documents(program: Command, see_also: &[(&str, u8)]) -> Vec<Document> {
    let name = program.get_name().to_owned();
    let mut built = program.clone();
    built.build();
    let mut documents = vec![Document::page(&name, 8, program::page(&built, see_also))];
    for (shell, directory, before, after) in COMPLETIONS {
        let mut bytes = Vec::new();
        generate(shell, &mut visible(&program), &name, &mut bytes);
        documents.push(Document {
            path: format!("{directory}{before}{name}{after}"),
            bytes,
        });
    }
    documents
}

/// The program without what its help hides: nobody is to complete to it.
fn visible(program: &Command) -> Command {
    let mut clean = Command::new(program.get_name().to_owned());
    if let Some(about) = program.get_about() {
        clean = clean.about(about.clone());
    }
    if let Some(version) = program.get_version() {
        clean = clean.version(version.to_owned());
    }
    let arguments = program.get_arguments().filter(|one| !one.is_hide_set());
    clean = clean.args(arguments.cloned());
    let commands = program.get_subcommands().filter(|one| !one.is_hide_set());
    clean.subcommands(commands.cloned())
}

/// Writes them below a directory.
///
/// # Errors
/// A directory or file cannot be written.
pub fn write(directory: &Path, documents: &[Document]) -> io::Result<()> {
    for document in documents {
        let path = directory.join(&document.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &document.bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn program() -> Command {
        Command::new("asl-x")
            .version("1.2")
            .about("Does it")
            .after_help("Exit codes:\n  0  fine")
            .arg(Arg::new("root").long("root").hide(true).global(true))
            .subcommand(
                Command::new("go")
                    .about("Goes")
                    .arg(Arg::new("to").long("to").value_name("DIR").help("Where to"))
                    .after_help("It goes."),
            )
            .subcommand(Command::new("secret").hide(true))
    }

    #[test]
    fn the_page_says_what_help_says_and_hides_the_same() {
        let documents = documents(program(), &[("asl-mode", 7)]);
        let paths: Vec<_> = documents.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "man/man8/asl-x.8",
                "bash-completion/completions/asl-x",
                "zsh/site-functions/_asl-x",
                "fish/vendor_completions.d/asl-x.fish"
            ]
        );
        let page = String::from_utf8(documents[0].bytes.clone()).unwrap();
        for part in [
            ".SS \"go\"",
            "asl\\-x go [OPTIONS]",
            "\\fB\\-\\-to DIR\\fR\nWhere to",
            "It goes.",
            "  0  fine",
            "\\fBasl\\-mode\\fR(7)",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for document in &documents {
            let text = String::from_utf8(document.bytes.clone()).unwrap();
            assert!(!text.contains("secret"), "{}", document.path);
            assert!(!text.contains("root"), "{}", document.path);
        }
    }
}
