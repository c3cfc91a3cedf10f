//! One way through a member that carries a prompt: texts, tokens, messages and pictures.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Prompt;

/// Deeper than any message: a tool's result in a message, its parts and their sources.
const MAX_DEPTH: u8 = 12;

/// Where in a request a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A list of messages; a text alone is one.
    Messages,
    /// One message, whatever its shape.
    Whole,
    /// What a message, or a prompt without messages, consists of.
    Content,
    /// The same, where a text that is a `data:` address is a picture.
    Inputs,
    /// A definition: its JSON is its text.
    Raw,
}

/// Where what is found goes.
pub(super) struct Sink<'f> {
    pub(super) weight: Prompt,
    each: Option<&'f mut dyn FnMut(&str)>,
}

impl<'f> Sink<'f> {
    pub(super) fn new(each: Option<&'f mut dyn FnMut(&str)>) -> Self {
        Self { weight: Prompt::default(), each }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.add(text.len(), 0, 0, 0);
        if let Some(each) = self.each.as_mut().filter(|_| !text.is_empty()) {
            each(text);
        }
    }

    fn token(&mut self) {
        self.add(0, 1, 0, 0);
    }

    fn message(&mut self) {
        self.add(0, 0, 1, 0);
    }

    fn image(&mut self) {
        self.add(0, 0, 0, 1);
    }

    fn add(&mut self, text: usize, tokens: u64, messages: u32, images: u32) {
        let text_bytes = u64::try_from(text).unwrap_or(u64::MAX);
        self.weight.add(Prompt { text_bytes, tokens, messages, images });
    }
}

/// Walks one value.
pub(super) fn walked(
    raw: &str,
    place: Place,
    sink: &mut Sink<'_>,
) -> Result<(), serde_json::Error> {
    if place == Place::Raw {
        return leaf(raw, sink);
    }
    let mut json = serde_json::Deserializer::from_str(raw);
    Walk { sink, place, depth: MAX_DEPTH }.deserialize(&mut json)
}

/// A value that is not looked into: a text, or its raw bytes.
fn leaf(raw: &str, sink: &mut Sink<'_>) -> Result<(), serde_json::Error> {
    match raw.as_bytes() {
        [b'"', ..] => {
            let mut json = serde_json::Deserializer::from_str(raw);
            Walk { sink, place: Place::Inputs, depth: 1 }.deserialize(&mut json)
        }
        b"null" | b"[]" | b"{}" => Ok(()),
        _ => {
            sink.text(raw);
            Ok(())
        }
    }
}

struct Walk<'s, 'f> {
    sink: &'s mut Sink<'f>,
    place: Place,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.depth == 0 {
            let raw = <&RawValue as serde::Deserialize>::deserialize(json)?;
            return leaf(raw.get(), self.sink).map_err(D::Error::custom);
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let message = matches!(self.place, Place::Messages | Place::Whole);
        if message && !text.is_empty() {
            self.sink.message();
        }
        if self.place == Place::Inputs && is_data(text) {
            self.sink.image();
        } else {
            self.sink.text(text);
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.sink.token();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.sink.token();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.sink.token();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.sink.token();
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let place = match self.place {
            Place::Messages => Place::Whole,
            Place::Whole => {
                self.sink.message();
                Place::Content
            }
            same => same,
        };
        let depth = self.depth - 1;
        while seq.next_element_seed(Walk { sink: &mut *self.sink, place, depth })?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { sink, place, depth } = self;
        if matches!(place, Place::Messages | Place::Whole) {
            sink.message();
        }
        let (mut kind, mut media, pictures) = (Kind::Other, false, sink.weight.images);
        // What these two are is told by the object's type, which may come behind them.
        let (mut data, mut result): (Option<&RawValue>, Option<&RawValue>) = (None, None);
        while let Some(key) = map.next_key_seed(Word(key_of))? {
            match key.unwrap_or(Key::Leaf) {
                Key::Type => kind = map.next_value_seed(Word(kind_of))?.unwrap_or(Kind::Other),
                Key::Walk => {
                    let place = Place::Content;
                    map.next_value_seed(Walk { sink: &mut *sink, place, depth: depth - 1 })?;
                }
                Key::Leaf => {
                    let raw: &RawValue = map.next_value()?;
                    leaf(raw.get(), sink).map_err(M::Error::custom)?;
                }
                Key::Media => media |= map.next_value::<Option<IgnoredAny>>()?.is_some(),
                Key::Data => data = map.next_value()?,
                Key::Result => result = map.next_value()?,
                Key::Skip => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let held = match kind {
            Kind::Text | Kind::Other => result,
            Kind::Media | Kind::Sealed | Kind::Drawing => None,
        };
        let shown = if kind == Kind::Text { data } else { None };
        for raw in held.into_iter().chain(shown) {
            leaf(raw.get(), sink).map_err(M::Error::custom)?;
        }
        media |= match kind {
            Kind::Media => true,
            Kind::Drawing => result.is_some(),
            Kind::Other => data.is_some(),
            Kind::Text | Kind::Sealed => false,
        };
        // A picture whose source was counted below is one picture.
        if media && sink.weight.images == pictures {
            sink.image();
        }
        Ok(())
    }
}

/// What a member of an object is.
#[derive(Clone, Copy)]
enum Key {
    Type,
    /// Text, or parts that are looked into.
    Walk,
    /// A text, or JSON that is text as it is.
    Leaf,
    /// A picture, a sound, a file.
    Media,
    Data,
    Result,
    /// Nothing a model is shown.
    Skip,
}

fn key_of(name: &str) -> Key {
    match name {
        "type" => Key::Type,
        "text" | "content" | "name" | "refusal" | "output" | "thinking" | "summary"
        | "function" | "tool_calls" | "function_call" | "custom" | "source" | "format"
        | "title" | "parts" | "contents" | "systemInstruction" | "functionCall"
        | "functionResponse" | "function_response" => Key::Walk,
        "image_url" | "video_url" | "audio_url" | "image" | "input_audio" | "file"
        | "file_data" | "fileData" | "file_url" | "inline_data" | "inlineData" => Key::Media,
        "data" => Key::Data,
        "result" => Key::Result,
        "role"
        | "id"
        | "call_id"
        | "tool_call_id"
        | "tool_use_id"
        | "file_id"
        | "filename"
        | "cache_control"
        | "detail"
        | "media_type"
        | "url"
        | "status"
        | "index"
        | "signature"
        | "annotations"
        | "logprobs"
        | "audio"
        | "phase"
        | "is_error"
        | "verbosity"
        | "effort"
        | "model"
        | "thought"
        | "thoughtSignature"
        | "thought_signature"
        | "taskType"
        | "outputDimensionality"
        | "generationConfig" => Key::Skip,
        _ => Key::Leaf,
    }
}

/// What an object says it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A picture, a sound, a file, or where one comes from.
    Media,
    /// A picture that a model drew.
    Drawing,
    /// Text, or where it comes from.
    Text,
    /// Thoughts that only their vendor can read.
    Sealed,
    Other,
}

fn kind_of(name: &str) -> Kind {
    match name {
        "image"
        | "input_image"
        | "image_url"
        | "input_audio"
        | "audio_url"
        | "video_url"
        | "file"
        | "input_file"
        | "computer_screenshot"
        | "base64"
        | "url" => Kind::Media,
        "image_generation_call" => Kind::Drawing,
        "text" => Kind::Text,
        "redacted_thinking" => Kind::Sealed,
        _ => Kind::Other,
    }
}

/// A text that is looked up, not kept; `None` for anything else.
struct Word<T>(fn(&str) -> T);

impl<'de, T> DeserializeSeed<'de> for Word<T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<T>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, T> Visitor<'de> for Word<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<T>, E> {
        Ok(Some((self.0)(text)))
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Option<T>, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Option<T>, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// Whether a text is a `data:` address of something in base64.
fn is_data(text: &str) -> bool {
    let head = &text.as_bytes()[..text.len().min(128)];
    head.starts_with(b"data:") && memchr::memmem::find(head, b";base64,").is_some()
}

/// The same JSON with U+FFFD in place of each escape that is half a pair.
pub(super) fn mended(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        let (kept, behind) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        out.push_str(kept);
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The code unit of the `\u` escape that a text starts with.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}
