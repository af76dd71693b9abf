//! The grammar of LVM2 metadata text.
//!
//! A file is a list of settings `key = value` and sections `key { ... }`. A
//! value is a number, a quoted or bare string, or an array of these in square
//! brackets; `#` begins a comment, a NUL byte ends the text. The metadata is
//! written by LVM itself, but on a disk of whoever wants to: depth, count and
//! length are bounded. Source: lvm2, `libdm/libdm-config.c`.

use std::borrow::Cow;

/// Sections inside each other. LVM nests four: group, list of volumes,
/// volume, segment.
const MAX_DEPTH: usize = 8;
/// Settings, sections and array elements of one text: some 9000 logical
/// volumes of about 28 each. What they take in memory is bounded by it.
const MAX_ITEMS: usize = 1 << 18;
/// One word, bytes. The longest that LVM writes is the command line in
/// `description`.
const MAX_WORD: usize = 64 * 1024;

/// A rule of the grammar or of its meaning that is broken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Where in the text, bytes; none where only its meaning is wrong.
    pub(crate) at: Option<usize>,
    pub(crate) rule: String,
    pub(crate) seen: String,
    pub(crate) expected: String,
}

/// What stands behind a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(i64),
    Text(Cow<'a, [u8]>),
    /// A fraction, which nothing in the metadata is.
    Fraction,
    List(Vec<Value<'a>>),
    Section(Section<'a>),
}

impl Value<'_> {
    pub(crate) fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// Settings and sections in the order of the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section<'a>(Vec<(Cow<'a, [u8]>, Value<'a>)>);

impl<'a> Section<'a> {
    /// The first value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0
            .iter()
            .find(|(known, _)| known.as_ref() == key.as_bytes())
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&[u8]> {
        self.get(key)?.text()
    }

    /// The elements of an array; a single value is an array of one.
    pub(crate) fn list(&self, key: &str) -> Option<&[Value<'a>]> {
        match self.get(key)? {
            Value::List(list) => Some(list),
            Value::Section(_) => None,
            single => Some(std::slice::from_ref(single)),
        }
    }

    pub(crate) fn section(&self, key: &str) -> Option<&Section<'a>> {
        match self.get(key)? {
            Value::Section(section) => Some(section),
            _ => None,
        }
    }

    /// The sections inside, with their names.
    pub(crate) fn sections(&self) -> impl Iterator<Item = (&[u8], &Section<'a>)> {
        self.0.iter().filter_map(|(key, value)| match value {
            Value::Section(section) => Some((key.as_ref(), section)),
            _ => None,
        })
    }
}

/// Parses a whole text.
pub(crate) fn parse(text: &[u8]) -> Result<Section<'_>, Broken> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut parser = Parser {
        text,
        at: 0,
        items: 0,
    };
    parser.settings(0)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    items: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn step(&mut self, len: usize) {
        self.at = self.at.saturating_add(len).min(self.text.len());
    }

    /// The next byte that is neither blank nor in a comment.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let rest = self.rest();
            let blank = rest.iter().take_while(|byte| is_blank(**byte)).count();
            self.step(blank);
            let rest = self.rest();
            match rest.first() {
                Some(b'#') => {
                    let comment = rest.iter().take_while(|byte| **byte != b'\n').count();
                    self.step(comment);
                }
                other => return other.copied(),
            }
        }
    }

    /// Takes the next byte if it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        if is {
            self.step(1);
        }
        is
    }

    fn broken(&self, rule: &str, seen: impl ToString, expected: impl ToString) -> Broken {
        Broken {
            at: Some(self.at),
            rule: rule.to_owned(),
            seen: seen.to_string(),
            expected: expected.to_string(),
        }
    }

    fn unexpected(&self, expected: &str) -> Broken {
        let seen = match self.rest().first() {
            Some(byte) => format!("byte {byte:#04x}"),
            None => "the end of the text".to_owned(),
        };
        self.broken("text-syntax", seen, expected)
    }

    fn count(&mut self) -> Result<(), Broken> {
        self.items = self.items.saturating_add(1);
        if self.items > MAX_ITEMS {
            return Err(self.broken("text-items", self.items, format!("at most {MAX_ITEMS}")));
        }
        Ok(())
    }

    /// What stands between braces, or in the file.
    fn settings(&mut self, depth: usize) -> Result<Section<'a>, Broken> {
        let mut section = Section::default();
        if depth > MAX_DEPTH {
            return Err(self.broken("text-depth", depth, format!("at most {MAX_DEPTH}")));
        }
        loop {
            match self.peek() {
                None if depth == 0 => return Ok(section),
                Some(b'}') if depth > 0 => {
                    self.step(1);
                    return Ok(section);
                }
                None | Some(b'}' | b'{' | b'=') => return Err(self.unexpected("a key")),
                Some(_) => {}
            }
            self.count()?;
            let key = self.word(is_key)?;
            let value = if self.takes(b'=') {
                self.value()?
            } else if self.takes(b'{') {
                Value::Section(self.settings(depth.saturating_add(1))?)
            } else {
                return Err(self.unexpected("= or {"));
            };
            section.0.push((key, value));
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Broken> {
        if !self.takes(b'[') {
            return self.single();
        }
        let mut list = Vec::new();
        while !self.takes(b']') {
            self.count()?;
            list.push(self.single()?);
            if !self.takes(b',') && self.peek() != Some(b']') {
                return Err(self.unexpected(", or ]"));
            }
        }
        Ok(Value::List(list))
    }

    fn single(&mut self) -> Result<Value<'a>, Broken> {
        match self.peek() {
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => self.number(),
            None | Some(b'[' | b']' | b',' | b'{' | b'}' | b'=') => Err(self.unexpected("a value")),
            Some(_) => Ok(Value::Text(self.word(is_bare)?)),
        }
    }

    fn number(&mut self) -> Result<Value<'a>, Broken> {
        let signs = self.rest().iter().take_while(|byte| is_sign(**byte));
        let signs = signs.count().min(1);
        let digits = self.rest().get(signs..).unwrap_or_default();
        let digits = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .count();
        let len = signs.saturating_add(digits);
        let word = self.rest().get(..len).unwrap_or_default();
        let word = str::from_utf8(word).unwrap_or_default();
        if word.contains('.') {
            self.step(len);
            return Ok(Value::Fraction);
        }
        // A leading zero means octal, as in C.
        let bare = word.trim_start_matches(['+', '-']);
        let radix = if bare.len() > 1 && bare.starts_with('0') {
            8
        } else {
            10
        };
        let Ok(number) = i64::from_str_radix(word, radix) else {
            return Err(self.broken("text-number", shown(word), "an integer of 64 bits"));
        };
        self.step(len);
        Ok(Value::Number(number))
    }

    /// A quoted string, or bytes of which each is `of` the right kind.
    fn word(&mut self, of: fn(u8) -> bool) -> Result<Cow<'a, [u8]>, Broken> {
        let (word, len) = match self.rest() {
            [b'"', rest @ ..] => (escaped(rest), 2),
            [b'\'', rest @ ..] => (until(rest, b'\''), 2),
            rest => {
                let len = rest.iter().take_while(|byte| of(**byte)).count();
                (rest.get(..len), 0)
            }
        };
        let Some(word) = word else {
            return Err(self.broken("text-syntax", "the end of the text", "a closing quote"));
        };
        if word.is_empty() && len == 0 {
            return Err(self.unexpected("a word"));
        }
        if word.len() > MAX_WORD {
            return Err(self.broken("text-word", word.len(), format!("at most {MAX_WORD}")));
        }
        let double = self.rest().first() == Some(&b'"');
        self.step(word.len().saturating_add(len));
        Ok(if double && word.contains(&b'\\') {
            Cow::Owned(unescape(word))
        } else {
            Cow::Borrowed(word)
        })
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_sign(byte: u8) -> bool {
    matches!(byte, b'+' | b'-')
}

fn is_key(byte: u8) -> bool {
    !is_blank(byte) && !matches!(byte, b'#' | b'=' | b'{' | b'}')
}

fn is_bare(byte: u8) -> bool {
    is_key(byte) && !matches!(byte, b'[' | b']' | b',')
}

fn until(rest: &[u8], end: u8) -> Option<&[u8]> {
    rest.get(..rest.iter().position(|byte| *byte == end)?)
}

/// Up to the quote that no backslash is before.
fn escaped(rest: &[u8]) -> Option<&[u8]> {
    let mut backslash = false;
    let end = rest.iter().position(|byte| {
        let is_end = *byte == b'"' && !backslash;
        backslash = *byte == b'\\' && !backslash;
        is_end
    })?;
    rest.get(..end)
}

/// A backslash before a quote or a backslash goes; any other is a character.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    loop {
        match rest {
            [b'\\', byte @ (b'"' | b'\\'), more @ ..] | [byte, more @ ..] => {
                plain.push(*byte);
                rest = more;
            }
            [] => return plain,
        }
    }
}

/// The beginning of a word that may be as long as the text.
fn shown(word: &str) -> String {
    word.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().rule
    }

    #[test]
    fn settings_sections_and_comments_are_read() {
        let text =
            b"# made by hand\na = 5 # five\nb { c = \"x\" d { e = [ 1, \"two\", ] } }\n\0junk{";
        let root = parse(text).unwrap();
        assert_eq!(root.get("a"), Some(&Value::Number(5)));
        let b = root.section("b").unwrap();
        assert_eq!(b.text("c"), Some(b"x".as_slice()));
        let e = b.section("d").unwrap().list("e").unwrap();
        assert_eq!(e[0].number(), Some(1));
        assert_eq!(e[1].text(), Some(b"two".as_slice()));
        assert_eq!(root.sections().count(), 1);
    }

    #[test]
    fn a_single_value_is_a_list_of_one_and_a_list_may_be_empty() {
        let root = parse(b"a = \"x\" b = [] c { }").unwrap();
        assert_eq!(root.list("a").unwrap().len(), 1);
        assert_eq!(root.list("b").unwrap().len(), 0);
        assert!(root.list("c").is_none());
    }

    #[test]
    fn numbers_are_those_of_c() {
        let root = parse(b"a=-7 b=+7 c=010 d=0 e=1.5").unwrap();
        let number = |key| root.get(key).unwrap().number();
        assert_eq!(number("a"), Some(-7));
        assert_eq!(number("b"), Some(7));
        assert_eq!(number("c"), Some(8));
        assert_eq!(number("d"), Some(0));
        assert_eq!(root.get("e"), Some(&Value::Fraction));
        assert_eq!(rule("a=9223372036854775808"), "text-number");
        assert_eq!(rule("a=-"), "text-number");
        assert_eq!(rule("a=09"), "text-number");
    }

    #[test]
    fn quotes_are_undone() {
        let root = parse(br#"a="x\"y\\z\n" b='q\"' "k\"1"=bare"#).unwrap();
        assert_eq!(root.text("a"), Some(br#"x"y\z\n"#.as_slice()));
        assert_eq!(root.text("b"), Some(br#"q\""#.as_slice()));
        assert_eq!(root.text("k\"1"), Some(b"bare".as_slice()));
    }

    #[test]
    fn bytes_of_no_encoding_survive() {
        let root = parse(b"a=\"\xff\xfe\"").unwrap();
        assert_eq!(root.text("a"), Some([0xff, 0xfe].as_slice()));
    }

    #[test]
    fn broken_grammar_is_named_with_its_place() {
        for text in [
            "a",
            "a =",
            "a = {",
            "a {",
            "}",
            "= 1",
            "a = [1",
            "a = [1 2]",
            "a = [[1]]",
            "a = \"x",
            "a = 'x",
            "a = ]",
            "{ }",
            "a = [ , ]",
        ] {
            assert_eq!(rule(text), "text-syntax", "{text}");
        }
        assert_eq!(parse(b"a = 1\nb ?").unwrap_err().at, Some(8));
    }

    #[test]
    fn depth_count_and_length_are_bounded() {
        assert_eq!(rule(&"a{".repeat(1_000_000)), "text-depth");
        assert!(parse(format!("{}{}", "a{".repeat(8), "}".repeat(8)).as_bytes()).is_ok());
        assert_eq!(rule(&"a=1 ".repeat(MAX_ITEMS + 1)), "text-items");
        assert_eq!(
            rule(&format!("a=[{}]", "1,".repeat(MAX_ITEMS))),
            "text-items"
        );
        assert_eq!(
            rule(&format!("a=\"{}\"", "x".repeat(MAX_WORD + 1))),
            "text-word"
        );
    }

    #[test]
    fn no_prefix_of_a_text_makes_it_panic() {
        let text = br#"vg { id = "a\"b" n = [ -1, 2.5, 'x' ] # c
            s { } }"#;
        for end in 0..text.len() {
            let _: Result<Section<'_>, Broken> = parse(&text[..end]);
        }
        assert!(parse(text).is_ok());
    }
}
