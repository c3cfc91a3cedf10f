//! What is read of OpenAI's bodies: as little as the router needs, of any type.

use pointsman_provider::{
    chat::openai::OpenAiUsage,
    wire::{Count, Filled, Lenient, Weighed, members, served},
};
use pointsman_types::{ServiceTier, Usage};
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
    #[serde(deserialize_with = "served")]
    pub(crate) service_tier: Option<ServiceTier>,
}

impl Answer {
    /// What is read of an answer.
    pub(crate) fn of(body: &[u8]) -> Result<Self, serde_json::Error> {
        let Some(found) = members(body, READ) else { return serde_json::from_slice(body) };
        let [choices, data, results, output, error, usage, tier] = found;
        let tier = tier.map(|raw| served(&mut serde_json::Deserializer::from_slice(raw)));
        Ok(Self {
            choices: Filled::raw(choices),
            data: Filled::raw(data),
            results: Filled::raw(results),
            output: output.filter(|raw| *raw != b"null").map(|_| IgnoredAny),
            error: Filled::raw(error),
            usage: Lenient(usage.and_then(|raw| serde_json::from_slice(raw).ok())),
            service_tier: tier.transpose()?.flatten(),
        })
    }
}

/// The members that are read of an answer.
const READ: [&str; 7] = ["choices", "data", "results", "output", "error", "usage", "service_tier"];

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
    #[serde(deserialize_with = "served")]
    pub(crate) service_tier: Option<ServiceTier>,
}

impl Chunk {
    /// The usage, wherever the vendor has it: at the top, as Groq has it, or as Moonshot does.
    pub(crate) fn used(&self) -> Option<Usage> {
        let groq = || self.x_groq.0.as_ref().and_then(|groq| groq.usage.0.as_ref());
        let within = || self.choices.iter().flatten().find_map(|choice| choice.usage.0.as_ref());
        let said = self.usage.0.as_ref().or_else(groq).or_else(within)?;
        Some(with_tier(said.normal()?, self.service_tier))
    }
}

/// The usage in the tier that the body around it names.
pub(crate) fn with_tier(mut usage: Usage, named: Option<ServiceTier>) -> Usage {
    usage.tier = named.or(usage.tier);
    usage
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
    text: Weighed,
    pub(crate) finish_reason: Filled,
    usage: Lenient<OpenAiUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Weighed,
    reasoning_content: Weighed,
    reasoning: Weighed,
    refusal: Weighed,
    audio: Filled,
    tool_calls: Weighed,
    function_call: Weighed,
    annotations: Lenient<Vec<Typed>>,
}

impl Delta {
    /// All but the sound.
    fn texts(&self) -> [Weighed; 6] {
        let (reasoning, called) = (self.reasoning, self.function_call);
        [self.content, self.reasoning_content, reasoning, self.refusal, self.tool_calls, called]
    }
}

impl Choice {
    /// Whether it carries text, reasoning, a refusal, audio, a tool call or a finish reason.
    pub(crate) fn has_content(&self) -> bool {
        let delta = self
            .delta
            .0
            .as_ref()
            .is_some_and(|delta| delta.audio.0 || delta.texts().iter().any(|text| text.filled));
        delta || self.text.filled || self.finish_reason.0
    }

    /// Whether it cites a page of the web.
    pub(crate) fn cites(&self) -> bool {
        let delta = self.delta.0.as_ref();
        delta.is_some_and(|delta| Typed::count(&delta.annotations, "url_citation") > 0)
    }

    /// How long what it carries is, in bytes.
    pub(crate) fn length(&self) -> usize {
        let delta = self.delta.0.as_ref().map(Delta::texts).unwrap_or_default();
        delta.iter().map(|one| one.text).sum::<usize>() + self.text.text
    }
}

/// One event of a Responses stream, peeked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseEvent {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) delta: Weighed,
    pub(crate) response: Lenient<ResponseBody>,
    pub(crate) error: Filled,
}

/// Something that says what it is: an item of a response's output, an annotation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    r#type: Lenient<String>,
}

impl Typed {
    /// How many of a list are of this type.
    pub(crate) fn count(of: &Lenient<Vec<Self>>, what: &str) -> u64 {
        let all = of.0.iter().flatten();
        all.filter(|one| one.r#type.0.as_deref() == Some(what)).count() as u64
    }
}

/// The response within it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResponseBody {
    pub(crate) usage: Lenient<OpenAiUsage>,
    #[serde(deserialize_with = "served")]
    pub(crate) service_tier: Option<ServiceTier>,
    pub(crate) error: serde_json::Value,
    pub(crate) output: Lenient<Vec<Typed>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_serde_reads_it() {
        let read = |body: &[u8]| {
            let of = Answer::of(body).map_err(|error| error.to_string());
            let serde: Result<Answer, _> = serde_json::from_slice(body);
            assert_eq!(
                format!("{of:?}"),
                format!("{:?}", serde.map_err(|error| error.to_string()))
            );
            of
        };
        for value in
            ["null", "[]", "[ ]", "{\n}", "\"\"", "[{}]", "{\"a\":1}", "\"priority\"", "0", "true"]
        {
            for name in READ {
                read(format!("{{\"id\": 1, \"{name}\" : {value} }}").as_bytes()).unwrap();
            }
        }
        let usage = read(br#"{"choices":[{}],"usage":{"prompt_tokens":1}}"#).unwrap().usage;
        assert_eq!(usage.0.unwrap().normal().unwrap().input, 1);
        for broken in ["", "{", r#"{"usage":{},"usage":{}}"#, r#"{"choices":[1],"choices":[]}"#] {
            read(broken.as_bytes()).unwrap_err();
        }
        read(b"[]").unwrap();
        // What is only passed on need not be right.
        read(br#"{"model":"a","model":"b","choices":[1]}"#).unwrap();
        read(b"{\"choices\":[\"\xff\"]}").unwrap();
    }
}
