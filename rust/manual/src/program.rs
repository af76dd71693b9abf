//! The page of a program, from what its `--help` is made of.

use crate::Page;
use clap::{Arg, Command};

/// One page for the program and all its commands.
pub(crate) fn page(program: &Command, see_also: &[(&str, u8)]) -> String {
    let name = program.get_name();
    let version = program.get_version().unwrap_or_default();
    let about = program.get_about().map(ToString::to_string);
    let mut page = Page::new(name, 8, version, &about.unwrap_or_default());
    page.section("SYNOPSIS");
    page.literal(&usage(program));
    let arguments: Vec<&Arg> = shown(program).collect();
    if !arguments.is_empty() {
        page.section("OPTIONS");
        options(&mut page, &arguments);
    }
    let commands: Vec<&Command> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
        .collect();
    if !commands.is_empty() {
        page.section("COMMANDS");
    }
    for command in commands {
        page.part(command.get_name());
        page.literal(&usage(command));
        let long = command.get_long_about().or_else(|| command.get_about());
        if let Some(about) = long {
            page.paragraph(&about.to_string());
        }
        // Each command has --help; saying it once is enough.
        let own = shown(command).filter(|argument| argument.get_id() != "help");
        options(&mut page, &own.collect::<Vec<_>>());
        if let Some(more) = command.get_after_help() {
            page.literal(&more.to_string());
        }
    }
    if let Some(more) = program.get_after_help() {
        page.section("NOTES");
        page.literal(&more.to_string());
    }
    page.see_also(see_also);
    page.finish()
}

fn usage(command: &Command) -> String {
    let text = command.clone().render_usage().to_string();
    text.trim_start_matches("Usage: ").to_owned()
}

/// What `--help` shows, and no more.
fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| {
        !argument.is_hide_set() && !argument.is_global_set()
            || argument.is_global_set() && !argument.is_hide_set() && command.has_subcommands()
    })
}

fn options(page: &mut Page, arguments: &[&Arg]) {
    for argument in arguments {
        let mut words: Vec<String> = Vec::new();
        words.extend(argument.get_short().map(|short| format!("-{short}")));
        words.extend(argument.get_long().map(|long| format!("--{long}")));
        let names = argument.get_value_names().unwrap_or_default();
        let takes = argument.get_action().takes_values();
        let values = names.iter().map(|name| name.to_string());
        let value = values.collect::<Vec<_>>().join(" ");
        let word = match (words.is_empty(), takes) {
            (true, _) => value,
            (false, true) => format!("{} {value}", words.join(", ")),
            (false, false) => words.join(", "),
        };
        let help = argument.get_help().map(ToString::to_string);
        page.tagged(&word, &help.unwrap_or_default());
    }
}
