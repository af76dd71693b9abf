//! Name-value lists in XDR, as the labels of ZFS hold them.
//!
//! Layout: 4 bytes of header (encoding, byte order of the writer, two zeros),
//! then a list: version, flags, pairs, and two zeros for its end. A pair: its
//! encoded size, its decoded size, name, type, number of elements, value. All
//! integers are big endian, whoever wrote them, and everything is padded to 4
//! bytes. Source: OpenZFS `module/nvpair/nvpair.c`, `nvs_xdr_*`.
//!
//! A list borrows from the bytes that it was read from. Types that nobody asks
//! for are stepped over by the size of their pair.

use std::fmt::Display;

/// Lists inside lists. The deepest label has five levels (itself, the top
/// device, a spare or a replacement inside, a leaf); the kernel allows 100.
const MAX_DEPTH: usize = 16;
/// Pairs in all lists together. A label has room for fewer than 5,000.
const MAX_PAIRS: usize = 8192;
/// Two sizes, an empty name, type and count.
const LEAST_PAIR: usize = 20;
/// Version, flags and the two zeros of the end.
const LEAST_LIST: usize = 16;

/// `NV_ENCODE_XDR`.
const ENCODE_XDR: u8 = 1;
const HEADER: usize = 4;

const BOOLEAN: u32 = 1;
const UINT64: u32 = 8;
const STRING: u32 = 9;
const UINT64_ARRAY: u32 = 16;
const NVLIST: u32 = 19;
const NVLIST_ARRAY: u32 = 20;

/// A list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<'a> {
    pairs: Vec<(&'a [u8], Value<'a>)>,
}

/// A value of one of the types that labels use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A boolean that is true by being there.
    Flag,
    Number(u64),
    Numbers(Vec<u64>),
    /// Up to its first NUL.
    Text(&'a [u8]),
    List(List<'a>),
    Lists(Vec<List<'a>>),
    /// Another type, by its number.
    Other(u32),
}

/// A broken rule, and how far into the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) offset: usize,
    pub(crate) rule: &'static str,
    pub(crate) seen: String,
    pub(crate) expected: String,
}

impl<'a> List<'a> {
    /// The first value of this name.
    fn value(&self, name: &str) -> Option<&Value<'a>> {
        self.pairs
            .iter()
            .find(|(known, _)| *known == name.as_bytes())
            .map(|(_, value)| value)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn numbers(&self, name: &str) -> &[u64] {
        match self.value(name) {
            Some(Value::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a [u8]> {
        match self.value(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> Option<&List<'a>> {
        match self.value(name) {
            Some(Value::List(list)) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn lists(&self, name: &str) -> &[List<'a>] {
        match self.value(name) {
            Some(Value::Lists(lists)) => lists,
            _ => &[],
        }
    }

    /// The names of its pairs.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.pairs.iter().map(|(name, _)| *name)
    }
}

/// Reads the list that `bytes` begin with; what follows its end is ignored.
pub(crate) fn read(bytes: &[u8]) -> Result<List<'_>, Broken> {
    let mut reader = Reader {
        bytes,
        at: 0,
        pairs: 0,
    };
    let header = reader.take(HEADER, bytes.len())?;
    let encoding = header.first().copied().unwrap_or(0);
    if encoding != ENCODE_XDR {
        return Err(broken(0, "nvlist-encoding", encoding, ENCODE_XDR));
    }
    reader.list(bytes.len(), 0)
}

fn broken(offset: usize, rule: &'static str, seen: impl Display, expected: impl Display) -> Broken {
    Broken {
        offset,
        rule,
        seen: seen.to_string(),
        expected: expected.to_string(),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Pairs so far.
    pairs: usize,
}

impl<'a> Reader<'a> {
    /// The next `len` bytes, which end before `end`.
    fn take(&mut self, len: usize, end: usize) -> Result<&'a [u8], Broken> {
        let taken = self
            .at
            .checked_add(len)
            .filter(|next| *next <= end)
            .and_then(|next| Some((next, self.bytes.get(self.at..next)?)));
        let Some((next, bytes)) = taken else {
            let left = end.saturating_sub(self.at);
            return Err(broken(
                self.at,
                "nvlist-bounds",
                format!("{len} bytes"),
                format!("at most {left}, what is left"),
            ));
        };
        self.at = next;
        Ok(bytes)
    }

    fn number32(&mut self, end: usize) -> Result<u32, Broken> {
        let bytes = self.take(4, end)?;
        Ok(bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b)))
    }

    fn number64(&mut self, end: usize) -> Result<u64, Broken> {
        let bytes = self.take(8, end)?;
        Ok(bytes.first_chunk().map_or(0, |b| u64::from_be_bytes(*b)))
    }

    /// A size or a count, which fits where the bytes do.
    fn size(&mut self, end: usize) -> Result<usize, Broken> {
        Ok(usize::try_from(self.number32(end)?).unwrap_or(usize::MAX))
    }

    fn string(&mut self, end: usize) -> Result<&'a [u8], Broken> {
        let len = self.size(end)?;
        let text = self.take(len, end)?;
        let padding = len.next_multiple_of(4).saturating_sub(len);
        self.take(padding, end)?;
        Ok(text.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    /// A list that ends before `end`.
    fn list(&mut self, end: usize, depth: usize) -> Result<List<'a>, Broken> {
        if depth >= MAX_DEPTH {
            let expected = format!("at most {MAX_DEPTH}");
            return Err(broken(self.at, "nvlist-depth", depth, expected));
        }
        let start = self.at;
        let nvl_version = self.number32(end)?;
        if nvl_version != 0 {
            return Err(broken(start, "nvlist-version", nvl_version, 0));
        }
        let _nvl_nvflag = self.number32(end)?;
        let mut pairs = Vec::new();
        loop {
            let start = self.at;
            let encoded = self.size(end)?;
            let decoded = self.size(end)?;
            if encoded == 0 && decoded == 0 {
                return Ok(List { pairs });
            }
            let left = end.saturating_sub(start);
            if !(LEAST_PAIR..=left).contains(&encoded) || decoded == 0 {
                return Err(broken(
                    start,
                    "nvpair-size",
                    format!("{encoded} encoded, {decoded} decoded"),
                    format!("{LEAST_PAIR} to {left} encoded, more than 0 decoded"),
                ));
            }
            self.pairs = self.pairs.saturating_add(1);
            if self.pairs > MAX_PAIRS {
                let expected = format!("at most {MAX_PAIRS}");
                return Err(broken(start, "nvlist-pairs", self.pairs, expected));
            }
            let end = start.saturating_add(encoded);
            pairs.push(self.pair(end, depth)?);
            self.at = end;
        }
    }

    /// Name and value of a pair that ends before `end`.
    fn pair(&mut self, end: usize, depth: usize) -> Result<(&'a [u8], Value<'a>), Broken> {
        let name = self.string(end)?;
        let kind = self.number32(end)?;
        let at = self.at;
        let count = self.size(end)?;
        if matches!(kind, UINT64 | STRING | NVLIST) && count != 1 {
            return Err(broken(at, "nvpair-elements", count, 1));
        }
        let value = match kind {
            BOOLEAN => Value::Flag,
            UINT64 => Value::Number(self.number64(end)?),
            STRING => Value::Text(self.string(end)?),
            UINT64_ARRAY => Value::Numbers(self.numbers(count, end)?),
            NVLIST => Value::List(self.list(end, depth.saturating_add(1))?),
            NVLIST_ARRAY => Value::Lists(self.lists(count, end, depth)?),
            other => Value::Other(other),
        };
        Ok((name, value))
    }

    /// XDR counts an array once more before its elements.
    fn numbers(&mut self, count: usize, end: usize) -> Result<Vec<u64>, Broken> {
        let at = self.at;
        let counted = self.size(end)?;
        if counted != count {
            return Err(broken(at, "nvpair-elements", counted, count));
        }
        self.fits(count, 8, end)?;
        (0..count).map(|_| self.number64(end)).collect()
    }

    fn lists(&mut self, count: usize, end: usize, depth: usize) -> Result<Vec<List<'a>>, Broken> {
        self.fits(count, LEAST_LIST, end)?;
        (0..count)
            .map(|_| self.list(end, depth.saturating_add(1)))
            .collect()
    }

    /// There is room for `count` elements of `least` bytes: nothing is
    /// allocated by a number that only claims so.
    fn fits(&self, count: usize, least: usize, end: usize) -> Result<(), Broken> {
        let most = end.saturating_sub(self.at).checked_div(least).unwrap_or(0);
        if count > most {
            let expected = format!("at most {most}, what there is room for");
            return Err(broken(self.at, "nvpair-elements", count, expected));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may"
)]
mod tests {
    use super::*;

    fn number32(value: usize) -> [u8; 4] {
        u32::try_from(value).unwrap().to_be_bytes()
    }

    fn string(text: &str) -> Vec<u8> {
        let mut bytes = number32(text.len()).to_vec();
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn pair(name: &str, kind: u32, count: usize, value: &[u8]) -> Vec<u8> {
        let mut body = string(name);
        body.extend(kind.to_be_bytes());
        body.extend(number32(count));
        body.extend(value);
        let mut bytes = number32(body.len() + 8).to_vec();
        bytes.extend(number32(64));
        bytes.extend(body);
        bytes
    }

    fn list(pairs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 1];
        bytes.extend(pairs.concat());
        bytes.extend([0; 8]);
        bytes
    }

    fn packed(pairs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![ENCODE_XDR, 1, 0, 0];
        bytes.extend(list(pairs));
        bytes
    }

    fn nested(depth: usize) -> Vec<u8> {
        (1..depth).fold(list(&[]), |inner, _| list(&[pair("in", NVLIST, 1, &inner)]))
    }

    /// A value of every type that is read, and one of another type.
    fn sample() -> Vec<u8> {
        let leaf = list(&[pair("guid", UINT64, 1, &7_u64.to_be_bytes())]);
        let mut array = number32(2).to_vec();
        array.extend(3_u64.to_be_bytes());
        array.extend(4_u64.to_be_bytes());
        packed(&[
            pair("version", UINT64, 1, &5000_u64.to_be_bytes()),
            pair("name", STRING, 1, &string("tank")),
            pair("flag", BOOLEAN, 0, &[]),
            pair("holes", UINT64_ARRAY, 2, &array),
            pair("int8", 22, 1, &[0, 0, 0, 9]),
            pair("tree", NVLIST, 1, &leaf),
            pair("children", NVLIST_ARRAY, 2, &[leaf.clone(), leaf].concat()),
        ])
    }

    fn rule(bytes: &[u8]) -> &'static str {
        read(bytes).unwrap_err().rule
    }

    #[test]
    fn every_type_is_read_or_stepped_over() {
        let bytes = sample();
        let list = read(&bytes).unwrap();
        assert_eq!(list.number("version"), Some(5000));
        assert_eq!(list.text("name"), Some(b"tank".as_slice()));
        assert_eq!(list.numbers("holes"), [3, 4]);
        assert_eq!(list.value("int8"), Some(&Value::Other(22)));
        assert_eq!(list.list("tree").unwrap().number("guid"), Some(7));
        assert_eq!(list.lists("children").len(), 2);
        assert_eq!(list.value("flag"), Some(&Value::Flag));
        // A value of another type is no value.
        assert_eq!(list.number("name"), None);
        assert_eq!(list.names().count(), 7);
    }

    #[test]
    fn lists_are_read_to_the_deepest_and_no_deeper() {
        let framed = |depth| [vec![ENCODE_XDR, 1, 0, 0], nested(depth)].concat();
        assert!(read(&framed(MAX_DEPTH)).is_ok());
        assert_eq!(rule(&framed(MAX_DEPTH + 1)), "nvlist-depth");
    }

    #[test]
    fn pairs_past_the_limit_are_refused() {
        let flags = vec![pair("", BOOLEAN, 0, &[]); MAX_PAIRS + 1];
        assert!(read(&packed(&flags[1..])).is_ok());
        assert_eq!(rule(&packed(&flags)), "nvlist-pairs");
    }

    #[test]
    fn one_wrong_number_breaks_one_rule() {
        let value = 1_u64.to_be_bytes();
        assert_eq!(
            rule(&packed(&[pair("a", UINT64, 2, &value)])),
            "nvpair-elements"
        );
        assert_eq!(
            rule(&packed(&[pair("a", UINT64, 1, &value[4..])])),
            "nvlist-bounds"
        );
        assert_eq!(
            rule(&packed(&[pair("a", NVLIST_ARRAY, 1 << 30, &value)])),
            "nvpair-elements"
        );
        let array = [number32(1 << 30).as_slice(), &value].concat();
        assert_eq!(
            rule(&packed(&[pair("a", UINT64_ARRAY, 1 << 30, &array)])),
            "nvpair-elements"
        );
        assert_eq!(
            rule(&packed(&[pair("a", UINT64_ARRAY, 1, &array)])),
            "nvpair-elements"
        );

        let good = sample();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        assert_eq!(rule(&with(0, 0)), "nvlist-encoding");
        assert_eq!(rule(&with(7, 1)), "nvlist-version");
        assert_eq!(rule(&with(15, 8)), "nvpair-size");
        assert_eq!(rule(&with(12, 0x7f)), "nvpair-size");
        assert_eq!(rule(&with(19, 0)), "nvpair-size");
        assert_eq!(rule(&with(20, 0x7f)), "nvlist-bounds");
        assert_eq!(rule(&good[..good.len() - 4]), "nvlist-bounds");
    }

    /// Every cut, every byte in every value, and words at their extremes at
    /// every place: an answer, never a panic, never more lists than bytes.
    #[test]
    fn no_change_of_the_bytes_makes_it_panic() {
        let good = sample();
        for len in 0..good.len() {
            assert!(read(&good[..len]).is_err(), "{len} bytes");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            for value in 0..=u8::MAX {
                bytes[at] = value;
                let _: Result<List<'_>, _> = read(&bytes);
            }
            for word in [[0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0x80, 0, 0, 0], [0; 4]] {
                let mut bytes = good.clone();
                let len = word.len().min(bytes.len() - at);
                bytes[at..at + len].copy_from_slice(&word[..len]);
                let _: Result<List<'_>, _> = read(&bytes);
            }
        }
        // Two changes at once, at places that follow from a fixed seed.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..4 {
                let at = next(good.len());
                bytes[at] = u8::try_from(next(256)).unwrap();
            }
            let _: Result<List<'_>, _> = read(&bytes);
        }
    }
}
