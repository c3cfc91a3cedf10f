//! Whole answers that are relayed, and only peeked at.

use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use pointsman_provider::{chat::openai::OpenAiUsage, classify_value};
use pointsman_types::{Error, ErrorKind, Operation, Usage};

use crate::wire::Answer;

/// The usage of an answer that can be used.
pub(crate) fn peek(
    operation: Operation,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<Usage>, Error> {
    let malformed = |why: &str| {
        let message = format!("the upstream's answer cannot be used: {why}");
        Error::new(ErrorKind::Server, message).with_status(status.as_u16())
    };
    if body.is_empty() {
        return Err(malformed("it has no body"));
    }
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    // Speech is sound, and a transcription may be plain text.
    let bare = match operation {
        Operation::Speech => true,
        Operation::Transcription => !kind.starts_with(b"application/json"),
        _ => false,
    };
    if bare {
        return Ok(None);
    }
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    if answer.error.0 {
        let value = serde_json::from_slice(body).unwrap_or_default();
        return Err(classify_value(status.as_u16(), &value));
    }
    let (there, name) = match operation {
        Operation::Chat | Operation::Completions => (answer.choices.0, "choices"),
        Operation::Embeddings | Operation::Images => (answer.data.0, "data"),
        Operation::Moderations | Operation::Rerank => (answer.results.0, "results"),
        Operation::Responses => (answer.output.is_some(), "output"),
        _ => (true, ""),
    };
    if !there {
        return Err(malformed(&format!("it has no `{name}`")));
    }
    Ok(answer.usage.0.as_ref().map(OpenAiUsage::normal))
}
