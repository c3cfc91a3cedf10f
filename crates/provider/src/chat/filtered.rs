//! Whether an answer was filtered.

use std::borrow::Cow;

use serde::Deserialize;

use super::Finish;

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    /// Anthropic's word for it.
    #[serde(borrow, default)]
    stop_reason: Option<Cow<'a, str>>,
    /// Google's.
    #[serde(borrow, default)]
    candidates: Vec<Candidate<'a>>,
}

#[derive(Deserialize)]
struct Candidate<'a> {
    #[serde(borrow, default, rename = "finishReason")]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
}

/// Whether an answer, or a frame of a stream, ends because its content was filtered.
///
/// ```
/// use pointsman_provider::chat::was_filtered;
/// assert!(was_filtered(br#"{"choices": [{"finish_reason": "content_filter"}]}"#));
/// assert!(was_filtered(b"data: {\"choices\":[{\"finish_reason\":\"content_filter\"}]}\n\n"));
/// assert!(was_filtered(br#"{"type": "message", "stop_reason": "refusal"}"#));
/// assert!(was_filtered(br#"{"candidates": [{"finishReason": "SAFETY"}]}"#));
/// assert!(!was_filtered(br#"{"choices": [{"message": {"content": "\"content_filter\""}}]}"#));
/// ```
pub fn was_filtered(body: &[u8]) -> bool {
    // Nearly all answers end here.
    let named = |word: &str| memchr::memmem::find(body, word.as_bytes()).is_some();
    let google = || named("\"finishReason\"") && !named("\"STOP\"");
    if !named("content_filter") && !named("refusal") && !google() {
        return false;
    }
    let json = body.trim_ascii();
    let json = json.strip_prefix(b"data:").unwrap_or(json);
    let Ok(peek) = serde_json::from_slice::<Peek<'_>>(json) else { return false };
    let filtered = |choice: &Choice<'_>| choice.finish_reason.as_deref() == Some("content_filter");
    let blocked = |candidate: &Candidate<'_>| {
        let reason = candidate.finish_reason.as_deref().and_then(Finish::of);
        reason == Some(Finish::ContentFilter)
    };
    peek.choices.iter().any(filtered)
        || peek.candidates.iter().any(blocked)
        || peek.stop_reason.as_deref() == Some("refusal")
}
