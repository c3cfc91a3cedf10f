//! A request body, as it came, and where its top-level members are.

use std::{fmt, ops::Range};

use bytes::Bytes;
use pointsman_types::{Error, ErrorKind};
use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::{Pieces, scan::Members};

/// More top-level members than any real request has.
const MAX_MEMBERS: usize = 4_096;

/// A JSON object as it came, with the places of its top-level members.
///
/// Built by one scan and no tree: nothing below the top level is looked at, and an edit shares the
/// bytes it keeps.
///
/// ```
/// use pointsman_provider::Envelope;
/// let body = Envelope::parse(r#"{"model": "mine", "x": {"kept": [1]}, "timeout": 3}"#.into())?;
/// assert_eq!(body.text("model")?.as_deref(), Some("mine"));
/// let sent = body.edited(&[("model", "\"theirs\"".into())], &["timeout"], &[]).to_bytes();
/// assert_eq!(sent, r#"{"model": "theirs", "x": {"kept": [1]}}"#);
/// # Ok::<(), pointsman_provider::BodyFault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Envelope {
    bytes: Bytes,
    /// Just behind the opening brace.
    open: usize,
    members: SmallVec<[Member; 8]>,
    /// A bit for each length that a key has: most names that are asked for are not there, and most
    /// of those by their length alone.
    lengths: u64,
}

#[derive(Clone, Debug)]
struct Member {
    /// With its quotes.
    key: Range<usize>,
    value: Range<usize>,
    /// Whether the key has escapes, so that its bytes are not its name.
    escaped: bool,
}

/// What is wrong with a request body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFault {
    /// What is wrong, for people.
    pub message: String,
    /// The member at fault, if it is one member's.
    pub member: Option<String>,
}

impl From<BodyFault> for Error {
    fn from(fault: BodyFault) -> Self {
        let mut error = Self::new(ErrorKind::BadRequest, fault.message);
        error.detail.param = fault.member;
        error
    }
}

impl BodyFault {
    /// A fault of one member: what was found there and what is wanted.
    pub fn of(member: &str, message: impl Into<String>) -> Self {
        Self { message: message.into(), member: Some(member.to_owned()) }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BodyFault {}

impl Envelope {
    /// Scans the body once.
    ///
    /// # Errors
    ///
    /// Broken JSON names line and column; a body that is no object, has a member twice that this
    /// router reads, or has more than 4,096 members says so.
    pub fn parse(bytes: Bytes) -> Result<Self, BodyFault> {
        let mut members: SmallVec<[Member; 8]> = SmallVec::new();
        let (mut seen, mut lengths) = ([false; ONCE.len()], 0);
        for member in Members::of(&bytes) {
            let (key, value) = member.map_err(|_| fault(&bytes))?;
            let raw = &bytes[key.clone()];
            let escaped = raw.contains(&b'\\');
            let known = ONCE.iter().position(|name| same_name(raw, escaped, name));
            if let Some(at) = known
                && std::mem::replace(&mut seen[at], true)
            {
                return Err(unusable(format!("has `{}` twice", ONCE[at])));
            }
            if members.len() == MAX_MEMBERS {
                return Err(unusable(format!("has more than {MAX_MEMBERS} members")));
            }
            // Whatever has escapes may be of any length.
            lengths |= if escaped { u64::MAX } else { length_bit(key.len()) };
            members.push(Member { key, value, escaped });
        }
        let open = memchr::memchr(b'{', &bytes).map_or(0, |at| at + 1);
        Ok(Self { bytes, open, members, lengths })
    }

    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The raw JSON of a member.
    pub fn raw(&self, name: &str) -> Option<&str> {
        simdutf8::basic::from_utf8(self.value(name)?).ok()
    }

    /// The first byte of a member's raw JSON, which tells its type; `None` if it is absent or
    /// null. However long the member is, nothing of it is looked at.
    pub fn first_byte(&self, name: &str) -> Option<u8> {
        self.value(name)?.first().copied().filter(|first| *first != b'n')
    }

    /// Whether the member is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.first_byte(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        if self.lengths & length_bit(name.len() + 2) == 0 {
            return None;
        }
        let member = self.members.iter().find(|member| self.is_named(member, name))?;
        Some(&self.bytes[member.value.clone()])
    }

    /// A member of any type that JSON can be read into; `None` if it is absent or null.
    ///
    /// # Errors
    ///
    /// Names the member, what was found and `want`.
    pub fn read<'a, T: serde::Deserialize<'a>>(
        &'a self,
        name: &str,
        want: &str,
    ) -> Result<Option<T>, BodyFault> {
        match self.raw(name) {
            None | Some("null") => Ok(None),
            Some(raw) => serde_json::from_str(raw).map(Some).map_err(|_| {
                let found = match kind_of(raw) {
                    // Half of a surrogate pair.
                    "a string" if want == "a string" => "text that is no Unicode",
                    other => other,
                };
                BodyFault::of(name, format!("`{name}` must be {want}, not {found}"))
            }),
        }
    }

    /// A member that is text.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn text(&self, name: &str) -> Result<Option<String>, BodyFault> {
        self.read(name, "a string")
    }

    /// The body with members replaced (by raw JSON), cut out, and defaults put in front for names
    /// that it does not have.
    pub fn edited(
        &self,
        replace: &[(&str, Bytes)],
        cut: &[&str],
        defaults: &[(String, String)],
    ) -> Pieces {
        let mut edits: SmallVec<[(Range<usize>, Bytes); 8]> = SmallVec::new();
        let mut kept = 0_usize;
        for (at, member) in self.members.iter().enumerate() {
            if cut.iter().any(|name| self.is_named(member, name)) {
                edits.push((self.cut_range(at, kept > 0), Bytes::new()));
                continue;
            }
            kept += 1;
            let with = replace.iter().find(|(name, _)| self.is_named(member, name));
            if let Some((_, json)) = with {
                edits.push((member.value.clone(), json.clone()));
            }
        }
        let added = self.added(replace, defaults, kept > 0);
        let mut pieces = Pieces::default();
        pieces.push(self.bytes.slice(..self.open));
        pieces.push(added);
        let mut from = self.open;
        for (range, with) in edits {
            // Adjacent cuts may overlap by the comma they share.
            pieces.push(self.bytes.slice(from..range.start.max(from)));
            pieces.push(with);
            from = range.end.max(from);
        }
        pieces.push(self.bytes.slice(from..));
        pieces
    }

    /// Members to put in front: replacements and defaults for names that are not there.
    fn added(
        &self,
        replace: &[(&str, Bytes)],
        defaults: &[(String, String)],
        comma: bool,
    ) -> Bytes {
        let missing = |name: &str| !self.members.iter().any(|member| self.is_named(member, name));
        let mut text = String::new();
        let replaced = replace
            .iter()
            .filter_map(|(name, json)| Some((*name, std::str::from_utf8(json).ok()?)));
        let defaults = defaults.iter().map(|(name, json)| (name.as_str(), json.as_str()));
        for (name, json) in replaced.chain(defaults).filter(|(name, _)| missing(name)) {
            if !text.is_empty() {
                text.push(',');
            }
            push_key(&mut text, name);
            text.push(':');
            text.push_str(json);
        }
        if comma && !text.is_empty() {
            text.push(',');
        }
        Bytes::from(text)
    }

    /// The bytes to drop with a member: with the comma before it, or, while nothing was kept
    /// before it, with the one behind it.
    fn cut_range(&self, at: usize, comma_before: bool) -> Range<usize> {
        let member = &self.members[at];
        if comma_before {
            let before = at.checked_sub(1).map_or(self.open, |at| self.members[at].value.end);
            return before..member.value.end;
        }
        let behind = self.members.get(at + 1).map_or(member.value.end, |next| next.key.start);
        member.key.start..behind
    }

    fn is_named(&self, member: &Member, name: &str) -> bool {
        same_name(&self.bytes[member.key.clone()], member.escaped, name)
    }
}

/// A name as a key. Few have anything in them that needs an escape.
fn push_key(text: &mut String, name: &str) {
    if name.contains(|c: char| c == '"' || c == '\\' || c.is_control()) {
        text.push_str(&serde_json::Value::from(name).to_string());
    } else {
        text.extend(["\"", name, "\""]);
    }
}

/// The bit of a key's length, with its quotes.
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// Whether a raw key (with quotes, perhaps with escapes) is this name.
#[inline]
fn same_name(raw: &[u8], escaped: bool, name: &str) -> bool {
    if escaped { spells(raw, name) } else { raw.get(1..raw.len() - 1) == Some(name.as_bytes()) }
}

/// Whether a raw key with escapes stands for this name.
#[cold]
fn spells(raw: &[u8], name: &str) -> bool {
    serde_json::from_slice::<String>(raw).is_ok_and(|key| key == name)
}

/// What a raw JSON value is, for people.
fn kind_of(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "this number",
    }
}

/// Names that must not come twice: whoever reads the body behind us might read the other one.
const ONCE: [&str; 14] = [
    "model",
    "stream",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "messages",
    "input",
    "prompt",
    "contents",
    "content",
    "requests",
    "instances",
    "user",
    "metadata",
];

fn unusable(why: impl fmt::Display) -> BodyFault {
    BodyFault { message: format!("the body {why}"), member: None }
}

/// What is wrong with a body that is no JSON object, in the words of who tells line and column.
fn fault(body: &[u8]) -> BodyFault {
    let mut json = serde_json::Deserializer::from_slice(body);
    match json.deserialize_map(AnyObject).and_then(|()| json.end()) {
        Err(error) if !error.is_data() => unusable(format!("is not valid JSON: {error}")),
        _ => unusable("must be a JSON object"),
    }
}

struct AnyObject;

impl<'de> Visitor<'de> for AnyObject {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while map.next_entry::<&RawValue, &RawValue>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(body: &str, cut: &[&str]) -> String {
        let envelope = Envelope::parse(body.to_owned().into()).unwrap();
        let sent = envelope.edited(&[("model", "\"m\"".into())], cut, &[]).to_bytes();
        String::from_utf8(sent.to_vec()).unwrap()
    }

    #[test]
    fn cuts_leave_valid_json_wherever_they_are() {
        let cut = ["a", "b", "z"];
        assert_eq!(edited(r#"{"a":1,"model":"x"}"#, &cut), r#"{"model":"m"}"#);
        assert_eq!(edited(r#"{"a":1,"b":2,"model":"x"}"#, &cut), r#"{"model":"m"}"#);
        assert_eq!(edited(r#"{"model":"x","a":1,"b":2}"#, &cut), r#"{"model":"m"}"#);
        assert_eq!(edited(r#"{"a":1,"model":"x","b":2}"#, &cut), r#"{"model":"m"}"#);
        assert_eq!(
            edited(r#"{"a":1,"model":"x","z":{},"k":3,"b":2}"#, &cut),
            r#"{"model":"m","k":3}"#
        );
        assert_eq!(edited(r#"{ "a" : 1 }"#, &cut), r#"{"model":"m"  }"#);
        assert_eq!(edited(r#" {"\u0061":1 , "mod\u0065l":"x"}"#, &cut), r#" {"mod\u0065l":"m"}"#);
        assert_eq!(edited("{}", &cut), r#"{"model":"m"}"#);
    }

    #[test]
    fn defaults_apply_where_the_request_has_none() {
        let envelope = Envelope::parse(r#"{"temperature":0,"model":"x"}"#.into()).unwrap();
        let defaults =
            [("temperature".to_owned(), "1".to_owned()), ("top_p".to_owned(), "0.5".to_owned())];
        let sent = envelope.edited(&[], &[], &defaults).to_bytes();
        assert_eq!(sent, r#"{"top_p":0.5,"temperature":0,"model":"x"}"#);
    }

    #[test]
    fn members_are_found_by_names_of_any_length_and_spelling() {
        let long = "n".repeat(100);
        let body = format!(r#"{{"mod\u0065l":"x","{long}":1,"":2}}"#);
        let envelope = Envelope::parse(body.into()).unwrap();
        assert_eq!(envelope.text("model").unwrap().as_deref(), Some("x"));
        assert_eq!((envelope.raw(&long), envelope.raw("")), (Some("1"), Some("2")));
        assert_eq!((envelope.raw("c"), envelope.raw("models")), (None, None));
    }

    #[test]
    fn faults_say_what_and_where() {
        let fault = |body: &'static str| Envelope::parse(body.into()).unwrap_err().to_string();
        assert!(fault("{\"a\":\n  tru}").contains("line 2 column"), "{}", fault("{\"a\":\n  tru}"));
        assert_eq!(fault("[]"), "the body must be a JSON object");
        assert_eq!(fault(r#"{"model":"a","model":"b"}"#), "the body has `model` twice");
        let prompt = r#"{"messages":[],"x":1,"x":2,"mess\u0061ges":["more"]}"#;
        assert_eq!(fault(prompt), "the body has `messages` twice", "one is weighed, one is sent");
        assert!(fault("").contains("not valid JSON"));
        assert!(fault("{} x").contains("trailing characters"));
        assert!(Envelope::parse(Bytes::from_static(b"{\"a\":\"\xff\"}")).is_err());
        let body = Envelope::parse(r#"{"model":5,"stream":"yes"}"#.into()).unwrap();
        let fault = body.text("model").unwrap_err();
        assert_eq!(fault.message, "`model` must be a string, not this number");
        assert_eq!(fault.member.as_deref(), Some("model"));
    }
}
