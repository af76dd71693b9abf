//! A manual page, in the macros of man(7).
//!
//! No date stands in it: the same program gives the same bytes.

/// The name that the pages have together.
const MANUAL: &str = "ASL rescue";

/// A page that is being written.
#[derive(Debug)]
pub struct Page {
    text: String,
}

impl Page {
    /// A page with its title and its NAME section.
    #[must_use]
    pub fn new(name: &str, section: u8, version: &str, about: &str) -> Self {
        let mut page = Self {
            text: format!(
                ".TH {} {section} \"\" \"{MANUAL} {}\" \"{MANUAL}\"\n",
                escape(&name.to_uppercase()),
                escape(version)
            ),
        };
        page.section("NAME");
        let about = about.trim_end_matches('.');
        let name = escape(name);
        page.text
            .push_str(&format!("{name} \\- {}\n", escape(about)));
        page
    }

    /// Begins a section.
    pub fn section(&mut self, title: &str) {
        self.text.push_str(&format!(".SH \"{}\"\n", escape(title)));
    }

    /// Begins a part of a section.
    pub fn part(&mut self, title: &str) {
        self.text.push_str(&format!(".SS \"{}\"\n", escape(title)));
    }

    /// A paragraph, filled by whoever shows it.
    pub fn paragraph(&mut self, text: &str) {
        self.text.push_str(".PP\n");
        self.lines(text);
    }

    /// Lines as they are.
    pub fn literal(&mut self, text: &str) {
        self.text.push_str(".PP\n.nf\n");
        self.lines(text);
        self.text.push_str(".fi\n");
    }

    /// A word and what it means.
    pub fn tagged(&mut self, word: &str, text: &str) {
        self.text.push_str(".TP\n");
        self.text.push_str(&format!("\\fB{}\\fR\n", escape(word)));
        self.lines(text);
    }

    /// The names of other pages.
    pub fn see_also(&mut self, pages: &[(&str, u8)]) {
        self.section("SEE ALSO");
        let names: Vec<String> = pages
            .iter()
            .map(|(name, section)| format!("\\fB{}\\fR({section})", escape(name)))
            .collect();
        self.text.push_str(&names.join(", "));
        self.text.push('\n');
    }

    /// The page's text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn lines(&mut self, text: &str) {
        for line in text.trim_end().lines() {
            self.text.push_str(&line_of(line));
        }
    }
}

/// A line that begins with a dot or an apostrophe would be a request, and an
/// empty one a space of its own.
fn line_of(line: &str) -> String {
    let escaped = escape(line);
    if line.is_empty() {
        ".sp\n".to_owned()
    } else if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}\n")
    } else {
        format!("{escaped}\n")
    }
}

/// A hyphen is to be a minus, which can be searched and pasted; a quote must
/// not end the argument of a macro.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '"' => escaped.push_str("\\(dq"),
            '`' => escaped.push_str("\\(ga"),
            '\'' => escaped.push_str("\\(aq"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_be_taken_for_a_request() {
        let mut page = Page::new("asl-x", 8, "1", "Does it.");
        page.paragraph(".SH no\n'tis \\fB\n\nend");
        assert_eq!(
            page.finish(),
            ".TH ASL\\-X 8 \"\" \"ASL rescue 1\" \"ASL rescue\"\n.SH \"NAME\"\nasl\\-x \\- Does it\n\
             .PP\n\\&.SH no\n\\(aqtis \\efB\n.sp\nend\n"
        );
    }
}
