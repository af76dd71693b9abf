//! An aligned tree of titles, names and values.

use asl_facts::Text;
use std::fmt::Display;
use std::io::{self, IsTerminal};

/// Width of the names, so that the values of all levels stand below each
/// other.
const COLUMN: usize = 24;

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For a pipe, a file or a dumb terminal.
    Plain,
    /// With the colours of a terminal.
    Colour,
}

impl Style {
    /// Colours on a terminal that has them, unless NO_COLOR asks for none
    /// (<https://no-color.org>).
    pub(crate) fn of(out: &io::Stdout) -> Self {
        let asked_for_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if out.is_terminal() && !asked_for_none && !dumb {
            Style::Colour
        } else {
            Style::Plain
        }
    }
}

/// What a line is about, and so its colour.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Title,
    Plain,
    Good,
    Bad,
}

impl Tone {
    fn codes(self) -> (&'static str, &'static str) {
        match self {
            Tone::Title => ("\u{1b}[1m", "\u{1b}[0m"),
            Tone::Plain => ("", ""),
            Tone::Good => ("\u{1b}[32m", "\u{1b}[0m"),
            Tone::Bad => ("\u{1b}[31m", "\u{1b}[0m"),
        }
    }
}

/// Collects the lines.
pub(crate) struct Tree {
    out: String,
    style: Style,
}

impl Tree {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            out: String::new(),
            style,
        }
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    pub(crate) fn title(&mut self, level: usize, title: &str) {
        // A disk or a file chose some of it: it must not move the cursor.
        let title = Text::from(title).printable();
        let title = self.toned(Tone::Title, &title);
        self.out
            .push_str(&format!("{}{title}\n", "  ".repeat(level)));
    }

    pub(crate) fn line(&mut self, level: usize, name: &str, value: impl Display) {
        self.toned_line(level, name, Tone::Plain, value);
    }

    pub(crate) fn good(&mut self, level: usize, name: &str, value: impl Display) {
        self.toned_line(level, name, Tone::Good, value);
    }

    pub(crate) fn bad(&mut self, level: usize, name: &str, value: impl Display) {
        self.toned_line(level, name, Tone::Bad, value);
    }

    /// A text that a device chose, if there is one.
    pub(crate) fn text(&mut self, level: usize, name: &str, text: Option<&Text>) {
        if let Some(text) = text {
            self.line(level, name, text.printable());
        }
    }

    /// A value, if there is one.
    pub(crate) fn some(&mut self, level: usize, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.line(level, name, value);
        }
    }

    fn toned_line(&mut self, level: usize, name: &str, tone: Tone, value: impl Display) {
        let indent = "  ".repeat(level);
        let width = COLUMN.saturating_sub(indent.len());
        // A disk chose some of it: it must not move the cursor.
        let value = Text::from(value.to_string().as_str()).printable();
        let value = self.toned(tone, &value);
        self.out
            .push_str(&format!("{indent}{name:<width$}{value}\n"));
    }

    fn toned(&self, tone: Tone, text: &str) -> String {
        match self.style {
            Style::Plain => text.to_owned(),
            Style::Colour => {
                let (on, off) = tone.codes();
                format!("{on}{text}{off}")
            }
        }
    }
}

/// With a unit for people and the exact number for the rest.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes;
    let mut unit = "bytes";
    for next in units {
        if value < 10_240 {
            break;
        }
        value /= 1024;
        unit = next;
    }
    if unit == "bytes" {
        format!("{bytes} bytes")
    } else {
        format!("{value} {unit} ({bytes} bytes)")
    }
}
