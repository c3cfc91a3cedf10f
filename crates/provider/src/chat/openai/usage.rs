//! Usage in OpenAI's words.

use pointsman_types::{ServiceTier, Usage};
use serde::Deserialize;

use crate::wire::{Count, Lenient, served};

/// `usage` as OpenAI reports it, in chat and in responses, and the variants of those who speak its
/// dialect.
///
/// ```
/// use pointsman_provider::chat::openai::OpenAiUsage;
/// let said: OpenAiUsage = serde_json::from_str(r#"{"prompt_tokens": 3, "completion_tokens": 2}"#)?;
/// assert_eq!(said.normal().map(|usage| usage.total()), Some(5));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OpenAiUsage {
    prompt_tokens: Count,
    input_tokens: Count,
    completion_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    prompt_cache_hit_tokens: Count,
    cached_tokens: Count,
    num_cached_tokens: Count,
    /// So of gateways that answer in this dialect for Anthropic.
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    num_search_queries: Count,
    /// Of sound that was heard.
    seconds: Lenient<f64>,
    prompt_audio_seconds: Lenient<f64>,
    prompt_tokens_details: Lenient<InputDetails>,
    input_tokens_details: Lenient<InputDetails>,
    /// So of transcriptions.
    input_token_details: Lenient<InputDetails>,
    completion_tokens_details: Lenient<OutputDetails>,
    output_tokens_details: Lenient<OutputDetails>,
    output_token_details: Lenient<OutputDetails>,
    #[serde(deserialize_with = "served")]
    service_tier: Option<ServiceTier>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    cache_creation_tokens: Count,
    cache_creation_token_details: Lenient<ByLife>,
    audio_tokens: Count,
    image_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ByLife {
    ephemeral_1h_input_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
struct OutputDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

impl OpenAiUsage {
    /// Reads it from a tree; `None` if it is no object.
    pub fn of(value: &serde_json::Value) -> Option<Self> {
        if !value.is_object() {
            return None;
        }
        serde_json::from_str(&value.to_string()).ok()
    }

    /// The same, normalised; `None` if it tells no count at all, which is not the same as none.
    pub fn normal(&self) -> Option<Usage> {
        // A vendor uses one of the sets of names; who uses several says the same again.
        let (input, output) = self.counted()?;
        let details =
            [&self.prompt_tokens_details, &self.input_tokens_details, &self.input_token_details];
        let details = details.into_iter().find_map(|one| one.0.as_ref());
        let made = [
            &self.completion_tokens_details,
            &self.output_tokens_details,
            &self.output_token_details,
        ];
        let made = made.into_iter().find_map(|one| one.0.as_ref());
        let reasoning = made.map_or(0, |d| d.reasoning_tokens.or_zero());
        // xAI leaves reasoning out of `completion_tokens`; its total gives that away.
        let with_reasoning = input.saturating_add(output).saturating_add(reasoning);
        let beside = reasoning > 0 && self.total_tokens.0 == Some(with_reasoning);
        let mut usage = Usage::text(input, output + if beside { reasoning } else { 0 });
        let cached = [
            self.prompt_cache_hit_tokens,
            self.cached_tokens,
            self.num_cached_tokens,
            self.cache_read_input_tokens,
        ];
        let cached = most(cached).max(details.map_or(0, |d| d.cached_tokens.or_zero()));
        // Some report more cached tokens than the prompt has.
        usage.cache_read = cached.min(input);
        let written = details.map_or(0, |d| most([d.cache_write_tokens, d.cache_creation_tokens]));
        let written = written.max(self.cache_creation_input_tokens.or_zero());
        let long = details.and_then(|d| d.cache_creation_token_details.0.as_ref());
        let long = long.map_or(0, |by_life| by_life.ephemeral_1h_input_tokens.or_zero());
        usage.cache_write_long = long.min(written);
        usage.cache_write = written - usage.cache_write_long;
        usage.audio_input = details.map_or(0, |d| d.audio_tokens.or_zero());
        usage.reasoning = reasoning;
        usage.audio_output = made.map_or(0, |d| d.audio_tokens.or_zero());
        usage.image_input = details.map_or(0, |d| d.image_tokens.or_zero());
        usage.image_output = made.map_or(0, |d| d.image_tokens.or_zero());
        usage.searches = self.num_search_queries.or_zero();
        usage.audio_millis = self.seconds().map_or(0, millis);
        usage.tier = self.service_tier;
        Some(usage)
    }

    /// Tokens of the prompt and of the answer: what is not told of them is the rest of the sum.
    fn counted(&self) -> Option<(u64, u64)> {
        let first = |one: Count, other: Count| one.0.max(other.0);
        let input = first(self.prompt_tokens, self.input_tokens);
        let output = first(self.completion_tokens, self.output_tokens);
        let rest = |part: u64| self.total_tokens.or_zero().saturating_sub(part);
        Some(match (input, output) {
            // Of vectors and ranks some tell the sum alone, which the prompt is all of.
            (Some(0) | None, Some(0) | None) if self.total_tokens.0.is_some() => (rest(0), 0),
            (None, None) => {
                self.seconds()?;
                (0, 0)
            }
            (Some(input), None) => (input, rest(input)),
            (None, Some(output)) => (rest(output), output),
            (Some(input), Some(output)) => (input, output),
        })
    }

    /// Of sound that was heard.
    fn seconds(&self) -> Option<f64> {
        self.seconds.0.or(self.prompt_audio_seconds.0)
    }
}

fn most<const N: usize>(counts: [Count; N]) -> u64 {
    counts.into_iter().map(Count::or_zero).max().unwrap_or(0)
}

/// A time as vendors tell it, in whole milliseconds; what is no time is none.
pub fn millis(seconds: f64) -> u64 {
    let ms = (seconds * 1e3).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float saturates, and a negative or NaN one is 0"
    )]
    let ms = ms as u64;
    ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str) -> Usage {
        told(text).unwrap()
    }

    fn told(text: &str) -> Option<Usage> {
        serde_json::from_str::<OpenAiUsage>(text).unwrap().normal()
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
        assert_eq!((odd.input, odd.output), (7, 2));
        let odd = usage(r#"{"prompt_tokens": 7, "prompt_tokens_details": [1]}"#);
        assert_eq!(odd.input, 7);
        let odd = usage(r#"{"prompt_tokens": 7, "service_tier": [1]}"#);
        assert_eq!((odd.input, odd.tier), (7, None));
    }

    #[test]
    fn what_is_no_count_is_not_told() {
        for nothing in [
            "{}",
            r#"{"prompt_tokens": null, "completion_tokens": null, "total_tokens": null}"#,
            r#"{"prompt_tokens": -5, "completion_tokens": -6, "total_tokens": -11}"#,
            r#"{"prompt_tokens": 1e30, "completion_tokens": [], "cost": 1}"#,
        ] {
            assert_eq!(told(nothing), None, "{nothing}");
        }
        assert_eq!(told(r#"{"prompt_tokens": 0, "completion_tokens": 0}"#), Some(Usage::default()));
        let rest = usage(r#"{"completion_tokens": 3, "total_tokens": 9}"#);
        assert_eq!((rest.input, rest.output), (6, 3));
        let partly = usage(r#"{"prompt_tokens": 7, "completion_tokens": 99999999999999999999}"#);
        assert_eq!((partly.input, partly.output), (7, 0));
    }

    #[test]
    fn a_gateway_before_anthropic_tells_what_was_written_to_the_cache() {
        let read = usage(
            r#"{"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
            "cache_creation_input_tokens": 20, "cache_read_input_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 30, "cache_creation_tokens": 20,
                "cache_creation_token_details": {"ephemeral_5m_input_tokens": 5,
                    "ephemeral_1h_input_tokens": 15}}}"#,
        );
        assert_eq!((read.cache_read, read.cache_write, read.cache_write_long), (30, 5, 15));
        let older = usage(r#"{"prompt_tokens": 100, "cache_creation_input_tokens": 20}"#);
        assert_eq!((older.input, older.cache_write), (100, 20));
    }

    #[test]
    fn what_some_vendors_call_otherwise() {
        let heard = usage(
            r#"{"type": "tokens", "input_tokens": 14, "output_tokens": 20, "total_tokens": 34,
            "input_token_details": {"text_tokens": 10, "audio_tokens": 4},
            "output_token_details": {"audio_tokens": 3}}"#,
        );
        assert_eq!((heard.input, heard.audio_input, heard.audio_output), (14, 4, 3));
        let voxtral = usage(
            r#"{"prompt_audio_seconds": 36, "prompt_tokens": 13, "completion_tokens": 151,
            "total_tokens": 164}"#,
        );
        assert_eq!((voxtral.audio_millis, voxtral.input), (36_000, 13));
        let mistral =
            usage(r#"{"prompt_tokens": 9, "num_cached_tokens": 5, "service_tier": "standard"}"#);
        assert_eq!((mistral.cache_read, mistral.tier), (5, Some(ServiceTier::Standard)));
        assert_eq!(usage(r#"{"total_tokens": 8}"#).input, 8);
    }
}
