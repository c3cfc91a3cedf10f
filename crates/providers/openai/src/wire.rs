//! What is read of OpenAI's bodies: as little as the router needs, of any type.

use pointsman_provider::{
    chat::openai::OpenAiUsage,
    wire::{Count, Filled, Lenient},
};
use serde::{Deserialize, de::IgnoredAny};

/// A whole answer, peeked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) choices: Filled,
    pub(crate) data: Filled,
    pub(crate) results: Filled,
    pub(crate) output: Option<IgnoredAny>,
    pub(crate) error: Filled,
    pub(crate) usage: Lenient<OpenAiUsage>,
}

/// What is billed beside tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pieces {
    pub(crate) data: Vec<IgnoredAny>,
    pub(crate) meta: Meta,
    pub(crate) duration: Lenient<f64>,
}

/// Cohere's place for what it bills.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Meta {
    pub(crate) billed_units: Billed,
}

/// What Cohere bills.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Billed {
    pub(crate) search_units: Count,
}

/// One chunk of a stream, peeked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chunk {
    pub(crate) choices: Option<Vec<Choice>>,
    pub(crate) error: Filled,
    pub(crate) usage: Lenient<OpenAiUsage>,
    pub(crate) x_groq: Lenient<Groq>,
}

/// Groq's place for usage.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Groq {
    pub(crate) usage: Lenient<OpenAiUsage>,
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

/// One event of a Responses stream, peeked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseEvent {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) response: Lenient<ResponseBody>,
    pub(crate) error: Filled,
}

/// The response within it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseBody {
    pub(crate) usage: Lenient<OpenAiUsage>,
    pub(crate) error: serde_json::Value,
}
