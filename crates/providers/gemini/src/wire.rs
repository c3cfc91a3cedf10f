//! Google's answers, as they come.

use pointsman_provider::wire::{count, lenient, served};
use pointsman_types::{ServiceTier, Usage};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// One `GenerateContentResponse`: a whole answer, or a piece of a streamed one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) candidates: Option<Vec<Candidate>>,
    pub(crate) prompt_feedback: Option<Feedback>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) usage_metadata: Option<UsageMetadata>,
    pub(crate) model_version: Option<String>,
    pub(crate) response_id: Option<String>,
    pub(crate) error: Option<Value>,
}

impl Answer {
    /// Whether it has anything of an answer at all.
    pub(crate) fn is_one(&self) -> bool {
        self.candidates.is_some()
            || self.prompt_feedback.is_some()
            || self.usage_metadata.is_some()
            || self.response_id.is_some()
            || self.model_version.is_some()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Candidate {
    pub(crate) content: Option<ContentBody>,
    #[serde(deserialize_with = "finish_word")]
    pub(crate) finish_reason: Option<String>,
    pub(crate) finish_message: Option<String>,
    pub(crate) index: Option<u32>,
    pub(crate) citation_metadata: Option<Value>,
    pub(crate) grounding_metadata: Option<Value>,
    pub(crate) logprobs_result: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContentBody {
    pub(crate) parts: Option<Vec<Map<String, Value>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Feedback {
    #[serde(deserialize_with = "block_word")]
    pub(crate) block_reason: Option<String>,
    pub(crate) block_reason_message: Option<String>,
}

impl Feedback {
    pub(crate) fn is_block(&self) -> bool {
        let reason = self.block_reason.as_deref();
        reason.is_some_and(|reason| !reason.ends_with("_UNSPECIFIED"))
            || self.block_reason_message.is_some()
    }
}

/// The tokens of a call, in Google's classes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct UsageMetadata {
    #[serde(deserialize_with = "count")]
    prompt_token_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    cached_content_token_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    candidates_token_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    thoughts_token_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    tool_use_prompt_token_count: Option<u64>,
    #[serde(deserialize_with = "count")]
    total_token_count: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    prompt_tokens_details: Option<Vec<Modal>>,
    #[serde(deserialize_with = "lenient")]
    cache_tokens_details: Option<Vec<Modal>>,
    #[serde(deserialize_with = "lenient")]
    candidates_tokens_details: Option<Vec<Modal>>,
    #[serde(deserialize_with = "lenient")]
    tool_use_prompt_tokens_details: Option<Vec<Modal>>,
    #[serde(deserialize_with = "served")]
    service_tier: Option<ServiceTier>,
    /// Vertex AI's word for it.
    #[serde(deserialize_with = "served")]
    traffic_type: Option<ServiceTier>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Modal {
    #[serde(deserialize_with = "modality_word")]
    modality: Option<String>,
    #[serde(deserialize_with = "count")]
    token_count: Option<u64>,
}

impl UsageMetadata {
    /// The usage, if any tokens are told.
    pub(crate) fn normal(&self) -> Option<Usage> {
        let told = [self.prompt_token_count, self.candidates_token_count, self.total_token_count];
        told.iter().any(Option::is_some).then(|| self.counted())
    }

    fn counted(&self) -> Usage {
        let number = Option::unwrap_or_default;
        let (prompt, said) = (number(self.prompt_token_count), number(self.candidates_token_count));
        let (tools, thoughts) =
            (number(self.tool_use_prompt_token_count), number(self.thoughts_token_count));
        let mut input = prompt.saturating_add(tools);
        // Thoughts come beside the answer's tokens; where the total says otherwise, within them.
        let within = self.total_token_count == Some(input.saturating_add(said)) && thoughts <= said;
        let mut output = if within { said } else { said.saturating_add(thoughts) };
        // What is not told is the rest of the sum.
        let rest = number(self.total_token_count).saturating_sub(input.saturating_add(output));
        match (self.prompt_token_count, self.candidates_token_count.or(self.thoughts_token_count)) {
            (None, _) => input = input.saturating_add(rest),
            (_, None) => output = rest,
            _ => {}
        }
        let of = |list: &Option<Vec<Modal>>, what: &str| {
            let same = list.iter().flatten().filter(|one| one.modality.as_deref() == Some(what));
            same.filter_map(|one| one.token_count).fold(0_u64, u64::saturating_add)
        };
        let heard = |what: &str| {
            let prompt = of(&self.prompt_tokens_details, what);
            prompt.saturating_add(of(&self.tool_use_prompt_tokens_details, what)).min(input)
        };
        let mut usage = Usage::text(input, output);
        usage.cache_read = number(self.cached_content_token_count).min(input);
        usage.reasoning = thoughts;
        usage.audio_input = heard("AUDIO");
        usage.image_input = heard("IMAGE");
        usage.cache_read_audio = of(&self.cache_tokens_details, "AUDIO").min(usage.cache_read);
        usage.cache_read_image = of(&self.cache_tokens_details, "IMAGE").min(usage.cache_read);
        usage.audio_output = of(&self.candidates_tokens_details, "AUDIO").min(output);
        usage.image_output = of(&self.candidates_tokens_details, "IMAGE").min(output);
        usage.tier = self.service_tier.or(self.traffic_type);
        usage
    }
}

// Some of Google's clients write the names of constants as their numbers.

const FINISHES: [&str; 17] = [
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
    "UNEXPECTED_TOOL_CALL",
    "NO_IMAGE",
];

const BLOCKS: [&str; 5] =
    ["BLOCKED_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT"];

const MODALITIES: [&str; 6] =
    ["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"];

fn finish_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(word(&FINISHES, &Value::deserialize(from)?))
}

fn block_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(word(&BLOCKS, &Value::deserialize(from)?))
}

fn modality_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(word(&MODALITIES, &Value::deserialize(from)?))
}

fn word(names: &[&str], value: &Value) -> Option<String> {
    match value {
        Value::String(word) if !word.is_empty() => Some(word.clone()),
        Value::Number(number) => {
            let name = usize::try_from(number.as_u64()?).ok().and_then(|at| names.get(at));
            Some(name.map_or_else(|| number.to_string(), |name| (*name).to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usage(body: Value) -> Option<Usage> {
        serde_json::from_value::<UsageMetadata>(body).unwrap().normal()
    }

    #[test]
    fn every_class_of_tokens() {
        let used = usage(json!({
            "promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 30,
            "thoughtsTokenCount": 20, "toolUsePromptTokenCount": 7, "totalTokenCount": 157,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40},
                {"modality": "AUDIO", "tokenCount": 50}, {"modality": 2, "tokenCount": 10}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 9}]}))
        .unwrap();
        let mut want = Usage::text(107, 50);
        (want.cache_read, want.reasoning) = (60, 20);
        (want.audio_input, want.image_input, want.image_output) = (50, 10, 9);
        want.cache_read_audio = 5;
        assert_eq!(used, want);
    }

    #[test]
    fn thoughts_are_counted_once() {
        let told = |total: u64| {
            json!({"promptTokenCount": 10, "candidatesTokenCount": 8, "thoughtsTokenCount": 3,
                "totalTokenCount": total})
        };
        assert_eq!(usage(told(21)).unwrap().output, 11);
        assert_eq!(usage(told(18)).unwrap().output, 8);
        assert_eq!(usage(json!({"trafficType": "ON_DEMAND"})), None);
    }

    #[test]
    fn what_is_no_count_is_not_told() {
        let odd = json!({"promptTokenCount": -1, "candidatesTokenCount": 1e30,
            "promptTokensDetails": 5});
        assert_eq!(usage(odd), None);
        assert_eq!(usage(json!({"totalTokenCount": 20})), Some(Usage::text(20, 0)));
        let rest = json!({"promptTokenCount": "10", "totalTokenCount": 25});
        assert_eq!(usage(rest), Some(Usage::text(10, 15)));
        let thoughts = usage(json!({"promptTokenCount": 10, "thoughtsTokenCount": 3,
            "totalTokenCount": 25}));
        assert_eq!(thoughts.unwrap().output, 3);
    }
}
