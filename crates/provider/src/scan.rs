//! One scan over a JSON object: whether it is one, and where its members are.
//!
//! Most of a body is texts. A scanner that stops at each quote and each backslash in them pays for a
//! guess of the processor's that fails, four times the rest in prose with line breaks; here the
//! bytes of a text are looked at 32 at a time, without a branch for each. It takes what serde_json
//! takes and refuses what that refuses: properties hold the two together.

use std::ops::Range;

use smallvec::SmallVec;
use wide::u8x32;

/// The bytes that are looked at at once.
const WIDTH: usize = 32;

/// The text is no JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// The members of a JSON object, in order: where the key is, with its quotes, and the value.
///
/// An error is the last item. A text without one is an object, whole and nothing but it.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    text: &'a [u8],
    next: Next,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// The object.
    Object,
    /// A comma, or the end of the object.
    More(usize),
    /// Nothing.
    Over,
}

/// A member: key and value.
type Member = (Range<usize>, Range<usize>);

impl<'a> Members<'a> {
    pub(crate) fn of(text: &'a [u8]) -> Self {
        Self { text, next: Next::Object }
    }

    fn step(&mut self) -> Result<Option<Member>, Broken> {
        let text = self.text;
        let at = match self.next {
            Next::Over => return Ok(None),
            Next::Object => {
                let at = expect(text, space(text, 0), b'{').ok_or(Broken)?;
                let at = space(text, at);
                if text.get(at) == Some(&b'}') {
                    return self.end(at + 1);
                }
                at
            }
            Next::More(at) => {
                let at = space(text, at);
                if text.get(at) == Some(&b'}') {
                    return self.end(at + 1);
                }
                space(text, expect(text, at, b',').ok_or(Broken)?)
            }
        };
        let (key, start) = key(text, at).ok_or(Broken)?;
        let end = value(text, start).ok_or(Broken)?;
        self.next = Next::More(end);
        Ok(Some((at..key, start..end)))
    }

    /// Nothing may come behind the object.
    fn end(&mut self, at: usize) -> Result<Option<Member>, Broken> {
        self.next = Next::Over;
        if space(self.text, at) == self.text.len() { Ok(None) } else { Err(Broken) }
    }
}

impl Iterator for Members<'_> {
    type Item = Result<Member, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().inspect_err(|_| self.next = Next::Over).transpose()
    }
}

/// Behind the white space at `at`.
fn space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// Behind that byte.
fn expect(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (text.get(at) == Some(&byte)).then_some(at + 1)
}

/// Behind a key, and where its value begins.
fn key(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let end = string(text, expect(text, at, b'"')?)?;
    Some((end, space(text, expect(text, space(text, end), b':')?)))
}

/// Behind a value of any depth.
fn value(text: &[u8], mut at: usize) -> Option<usize> {
    // How what is open will be closed.
    let mut open: SmallVec<[u8; 32]> = SmallVec::new();
    loop {
        let first = *text.get(at)?;
        at = match first {
            b'"' => string(text, at + 1)?,
            b'{' | b'[' => {
                // Both ends are two behind their beginnings.
                let close = first + 2;
                at = space(text, at + 1);
                if text.get(at) == Some(&close) {
                    at + 1
                } else {
                    open.push(close);
                    at = if close == b'}' { key(text, at)?.1 } else { at };
                    continue;
                }
            }
            b't' => word(text, at, b"true")?,
            b'f' => word(text, at, b"false")?,
            b'n' => word(text, at, b"null")?,
            _ => number(text, at)?,
        };
        loop {
            let Some(close) = open.last() else { return Some(at) };
            at = space(text, at);
            if text.get(at) != Some(close) {
                break;
            }
            open.pop();
            at += 1;
        }
        at = space(text, expect(text, at, b',')?);
        if open.last() == Some(&b'}') {
            at = key(text, at)?.1;
        }
    }
}

fn word(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text[at..].starts_with(word).then_some(at + word.len())
}

fn number(text: &[u8], at: usize) -> Option<usize> {
    let at = expect(text, at, b'-').unwrap_or(at);
    let mut at = expect(text, at, b'0').or_else(|| digits(text, at))?;
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits(text, at)?;
    }
    Some(at)
}

/// Behind one digit or more.
fn digits(text: &[u8], at: usize) -> Option<usize> {
    let many = text.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (many > 0).then_some(at + many)
}

/// Behind the quote that ends a text, from behind the one that begins it.
fn string(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut carry, mut foreign) = (start, 0, 0);
    loop {
        let block = block(text, at)?;
        let (quotes, backslashes) = (equal(block, b'"'), equal(block, b'\\'));
        let escaped = escaped(backslashes, &mut carry);
        let ends = quotes & !escaped;
        // All below the first end; all, if there is none.
        let inside = (ends & ends.wrapping_neg()).wrapping_sub(1);
        if controls(block) & inside != 0 {
            return None;
        }
        if escaped != 0 {
            let rare = escaped & inside & !(quotes | backslashes | equal(block, b'n'));
            if !are_escapes(text, at, rare) {
                return None;
            }
        }
        // The highest bit of each byte: the text is not ASCII alone.
        foreign |= block.to_bitmask() & inside;
        if ends != 0 {
            let end = at + ends.trailing_zeros() as usize;
            let utf8 = foreign == 0 || simdutf8::basic::from_utf8(&text[start..end]).is_ok();
            return utf8.then_some(end + 1);
        }
        at += WIDTH;
    }
}

/// The bytes from `at` on, with spaces behind the end; `None` at the end.
fn block(text: &[u8], at: usize) -> Option<u8x32> {
    let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
    if let Some(whole) = rest.first_chunk::<WIDTH>() {
        return Some(u8x32::new(*whole));
    }
    let mut padded = [b' '; WIDTH];
    padded[..rest.len()].copy_from_slice(rest);
    Some(u8x32::new(padded))
}

/// A bit for each byte that is this one.
fn equal(block: u8x32, byte: u8) -> u32 {
    block.simd_eq(u8x32::splat(byte)).to_bitmask()
}

/// A bit for each control character, which no text may have as it is.
fn controls(block: u8x32) -> u32 {
    block.min(u8x32::splat(0x1F)).simd_eq(block).to_bitmask()
}

/// A bit for each byte that the backslash before it gives its meaning; `carry` says whether the
/// first one is such a byte, and whether the first one of the next block is.
///
/// As simdjson has it: of a run of backslashes every other one is a mere byte. Subtracting the
/// runs' starts from all odd places flips them from the start to the end of each run, which leaves
/// its odd and its even places told apart, wherever it began.
fn escaped(backslashes: u32, carry: &mut u32) -> u32 {
    const ODD: u32 = 0xAAAA_AAAA;
    if backslashes == 0 {
        return std::mem::take(carry);
    }
    let starts = backslashes & !*carry;
    let codes = ((starts << 1) | ODD).wrapping_sub(starts) ^ ODD;
    let escaped = codes ^ (backslashes | *carry);
    *carry = (codes & backslashes) >> (WIDTH - 1);
    escaped
}

/// Whether each of these bytes may stand behind a backslash, with what must follow it.
fn are_escapes(text: &[u8], at: usize, mut bits: u32) -> bool {
    while bits != 0 {
        let here = at + bits.trailing_zeros() as usize;
        let holds = match text.get(here) {
            Some(b'/' | b'b' | b'f' | b'r' | b't') => true,
            Some(b'u') => text
                .get(here + 1..here + 5)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
            _ => false,
        };
        if !holds {
            return false;
        }
        bits &= bits - 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn found(text: &(impl AsRef<[u8]> + ?Sized)) -> Result<Vec<(&str, &str)>, Broken> {
        let text = text.as_ref();
        let part = |range: Range<usize>| std::str::from_utf8(&text[range]).unwrap();
        Members::of(text).map(|one| one.map(|(key, value)| (part(key), part(value)))).collect()
    }

    /// What serde_json finds.
    fn expected(text: &(impl AsRef<[u8]> + ?Sized)) -> Result<Vec<(&str, &str)>, Broken> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Vec<(&'de str, &'de str)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(
                self,
                mut map: M,
            ) -> Result<Self::Value, M::Error> {
                let mut all = Vec::new();
                while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    all.push((key.get(), value.get()));
                }
                Ok(all)
            }
        }
        let mut json = serde_json::Deserializer::from_slice(text.as_ref());
        let all = serde::Deserializer::deserialize_map(&mut json, All).map_err(|_| Broken)?;
        json.end().map_err(|_| Broken)?;
        Ok(all)
    }

    #[test]
    fn the_ends_of_texts_and_escapes_lie_anywhere() {
        let texts = [
            "", "\\\\", "\\\"", "\\\\\\\"", "\\u00e9", "\\uG234", "\\u123G", "\\u12", "\\x",
            "\u{e9}", "\\",
        ];
        for pad in 0..=70 {
            let pad = "x".repeat(pad);
            for text in texts {
                for body in [
                    format!("{{\"{pad}{text}\":1}}"),
                    format!("{{\"a\":\"{pad}{text}\"}}"),
                    format!("{{\"a\":[\"{pad}{text}\\n{pad}\",{{\"b\":\"{text}\"}}]}}"),
                    format!("{{\"a\":\"{pad}{text}"),
                    format!("{{\"a\":\"{pad}\t{text}\"}}"),
                ] {
                    assert_eq!(found(&body), expected(&body), "{body}");
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_lie_anywhere() {
        for before in 0..=70 {
            for after in [0, 1, 31, 32, 70] {
                let parts = [&b"{\"a\":\""[..], &b"x".repeat(before), b"\xc3", &b"x".repeat(after)];
                let mut body = [&parts.concat()[..], b"\"}"].concat();
                assert_eq!(found(&body), Err(Broken));
                body.insert(parts[0].len() + before + 1, 0xA9);
                assert_eq!(found(&body), expected(&body));
            }
        }
    }

    #[test]
    fn nothing_is_too_deep() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{{\"a\":{}0{}}}", open.repeat(10_000), close.repeat(10_000));
            assert_eq!(found(&deep).map(|all| all.len()), Ok(1));
            assert_eq!(found(&deep[..deep.len() - 1]), Err(Broken));
        }
    }

    /// Text that is JSON, or nearly.
    fn nearly() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\\\\",
            "\\\"",
            "\\n",
            "\\u00e9",
            "\\u1",
            "\n",
            " ",
            "\t",
            "\u{1}",
            "\u{e9}",
            "\u{7f}",
            "0",
            "1",
            "-",
            ".5",
            "e9",
            "E+1",
            "01",
            "true",
            "false",
            "null",
            "nul",
            "\"a\":",
            "\"b\": 1,",
            "{\"c\":",
            "\"text that is longer, ",
            "it goes on and on and on",
            "},",
            "],",
            "\"d\"",
            "{}",
            "[]",
        ]);
        prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
    }

    /// A value as it may be written.
    fn json() -> impl Strategy<Value = String> {
        let text = prop_oneof!["[ -~\u{e9}\u{4e00}\n\t\"\\\\/\u{8}]{0,80}", "[\"\\\\]{0,40}"];
        let number = prop::sample::select(vec!["0", "-1", "12.50", "1e9", "-0.1E-2"]);
        let leaf = prop_oneof![
            text.clone().prop_map(|text| serde_json::to_string(&text).unwrap()),
            number.prop_map(str::to_owned),
            Just("null".to_owned()),
            Just(" true ".to_owned()),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            let key = text.clone().prop_map(|key| serde_json::to_string(&key).unwrap());
            let list = prop::collection::vec(inner.clone(), 0..4);
            let pair = (key, inner).prop_map(|(key, value)| format!("{key} : {value}"));
            prop_oneof![
                list.prop_map(|all| format!("[{}]", all.join(" ,\n"))),
                prop::collection::vec(pair, 0..4)
                    .prop_map(|all| format!("{{ {} }}", all.join(",\r"))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_finds_is_found(value in json(), cut in any::<prop::sample::Index>()) {
            let body = format!("{{\"first\":{value}, \"second\" : {value}}}");
            prop_assert!(expected(&body).is_ok());
            prop_assert_eq!(found(&body), expected(&body));
            prop_assert_eq!(found(&value), expected(&value));
            // One character less is hardly ever JSON.
            let mut less = body;
            let (at, _) = less.char_indices().nth(cut.index(less.chars().count())).unwrap();
            less.remove(at);
            prop_assert_eq!(found(&less), expected(&less));
        }

        #[test]
        fn what_serde_json_refuses_is_refused(tail in nearly(), whole in any::<bool>()) {
            let body = if whole { format!("{{\"a\":{tail}}}") } else { tail };
            prop_assert_eq!(found(&body), expected(&body));
        }

        #[test]
        fn any_bytes_are_judged_alike(text in "\\PC{0,60}", odd: Vec<u8>, at in any::<prop::sample::Index>()) {
            let mut body = format!("{{\"a\":\"{text}\"}}").into_bytes();
            prop_assert_eq!(found(&body), expected(&body));
            let at = at.index(body.len());
            body.splice(at..at, odd);
            prop_assert_eq!(found(&body), expected(&body));
        }
    }
}
