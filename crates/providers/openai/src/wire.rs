//! What is read of OpenAI's bodies: as little as the router needs, of any type.

use std::fmt;

use pointsman_types::Usage;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Whether a value is there and holds something: not null, not `""`, not `[]`, not `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled(pub(crate) bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FilledVisitor)
    }
}

struct FilledVisitor;

impl<'de> Visitor<'de> for FilledVisitor {
    type Value = Filled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Filled, E> {
        Ok(Filled(false))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
        Ok(Filled(!text.is_empty()))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Filled, S::Error> {
        let mut filled = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            filled = true;
        }
        Ok(Filled(filled))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Filled, M::Error> {
        let mut filled = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            filled = true;
        }
        Ok(Filled(filled))
    }
}

/// A count of tokens, however it is written; what is no count is 0.
#[derive(Clone, Copy, Debug, Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get();
        let whole = raw.parse::<u64>().ok();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float count saturates, and a negative or NaN one is 0"
        )]
        let count = whole.or_else(|| raw.parse::<f64>().ok().map(|count| count as u64));
        Ok(Self(count.unwrap_or(0)))
    }
}

/// A value that is read if it has the shape, and passed over if not: an odd detail must not cost
/// the answer around it.
#[derive(Debug)]
pub(crate) struct Lenient<T>(pub(crate) Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(serde_json::from_str(<&RawValue>::deserialize(from)?.get()).ok()))
    }
}

/// `usage`, in OpenAI's shape and the variants of those who speak it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UsageBody {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_cache_hit_tokens: Count,
    prompt_tokens_details: Lenient<InputDetails>,
    completion_tokens_details: Lenient<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    audio_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
}

impl UsageBody {
    pub(crate) fn normal(&self) -> Usage {
        let input = self.prompt_tokens.0;
        let details = self.prompt_tokens_details.0.as_ref();
        let cached = details.map_or(0, |d| d.cached_tokens.0).max(self.prompt_cache_hit_tokens.0);
        let made = self.completion_tokens_details.0.as_ref();
        let reasoning = made.map_or(0, |d| d.reasoning_tokens.0);
        let mut output = self.completion_tokens.0;
        // xAI leaves reasoning out of `completion_tokens`; its total gives that away.
        let with_reasoning = input.saturating_add(output).saturating_add(reasoning);
        if reasoning > 0 && self.total_tokens.0 == with_reasoning {
            output = output.saturating_add(reasoning);
        }
        let mut usage = Usage::text(input, output);
        // Some report more cached tokens than the prompt has.
        usage.cache_read = cached.min(input);
        usage.cache_write = details.map_or(0, |d| d.cache_write_tokens.0);
        usage.audio_input = details.map_or(0, |d| d.audio_tokens.0);
        usage.reasoning = reasoning;
        usage.audio_output = made.map_or(0, |d| d.audio_tokens.0);
        usage
    }
}

/// A whole answer, peeked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) choices: Filled,
    pub(crate) data: Filled,
    pub(crate) error: Filled,
    pub(crate) usage: Lenient<UsageBody>,
}

/// One chunk of a stream, peeked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chunk {
    pub(crate) choices: Option<Vec<Choice>>,
    pub(crate) error: Filled,
    pub(crate) usage: Lenient<UsageBody>,
    pub(crate) x_groq: Lenient<Groq>,
}

/// Groq's place for usage.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Groq {
    pub(crate) usage: Lenient<UsageBody>,
}

/// One choice of a chunk.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    delta: Lenient<Delta>,
    text: Filled,
    pub(crate) finish_reason: Filled,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Filled,
    reasoning_content: Filled,
    reasoning: Filled,
    refusal: Filled,
    audio: Filled,
    tool_calls: Filled,
    function_call: Filled,
}

impl Choice {
    /// Whether it carries text, reasoning, a refusal, audio, a tool call or a finish reason.
    pub(crate) fn has_content(&self) -> bool {
        let delta = self.delta.0.as_ref().is_some_and(|delta| {
            [
                delta.content,
                delta.reasoning_content,
                delta.reasoning,
                delta.refusal,
                delta.audio,
                delta.tool_calls,
                delta.function_call,
            ]
            .contains(&Filled(true))
        });
        delta || self.text.0 || self.finish_reason.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str) -> Usage {
        serde_json::from_str::<UsageBody>(text).unwrap().normal()
    }

    #[test]
    fn usage_of_every_shape() {
        let read = usage(
            r#"{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 2}}"#,
        );
        assert_eq!((read.input, read.output, read.cache_read, read.reasoning), (10, 5, 4, 2));
        let xai = usage(
            r#"{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 22,
            "completion_tokens_details": {"reasoning_tokens": 7}}"#,
        );
        assert_eq!((xai.output, xai.reasoning), (12, 7));
        let clamped =
            usage(r#"{"prompt_tokens": 7, "prompt_tokens_details": {"cached_tokens": 163}}"#);
        assert_eq!(clamped.cache_read, 7);
        let odd =
            usage(r#"{"prompt_tokens": 7.0, "completion_tokens": null, "total_tokens": "9"}"#);
        assert_eq!((odd.input, odd.output), (7, 0));
        let odd = usage(r#"{"prompt_tokens": 7, "prompt_tokens_details": [1]}"#);
        assert_eq!(odd.input, 7);
    }
}
