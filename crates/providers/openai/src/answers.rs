//! Whole answers that are relayed, and only peeked at.

use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use memchr::memmem;
use pointsman_provider::{
    CallHead,
    chat::openai::{OpenAiUsage, millis},
    classify_value,
    wire::Lenient,
};
use pointsman_types::{Error, ErrorKind, Operation, Usage};
use serde_json::Value;

use crate::wire::{Answer, Pieces, Typed, with_tier};

/// The usage of an answer that can be used.
pub(crate) fn peek(
    what: &CallHead,
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
    let operation = what.operation;
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    // Speech is sound, and a transcription may be plain text.
    let bare = match operation {
        Operation::Speech => true,
        Operation::Transcription => !kind.starts_with(b"application/json"),
        _ => false,
    };
    if bare {
        let mut usage = Usage::default();
        usage.characters = what.characters;
        return Ok((what.characters > 0).then_some(usage));
    }
    let answer = Answer::of(body).map_err(|error| malformed(&error.to_string()))?;
    if answer.error.0 {
        let value = serde_json::from_slice(body).unwrap_or_default();
        return Err(classify_value(status.as_u16(), &value));
    }
    if operation == Operation::Chat
        && memmem::find(body, b"\"error\"").is_some()
        && let Some(choice) = failed_choice(body)
    {
        return Err(classify_value(status.as_u16(), &choice));
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
    let usage = answer.usage.0.as_ref().and_then(OpenAiUsage::normal);
    let usage = usage.map(|usage| with_tier(usage, answer.service_tier));
    Ok(match operation {
        Operation::Images | Operation::Rerank | Operation::Transcription => {
            let usage = by_the_piece(operation, body, usage.unwrap_or_default());
            // A transcription may tell nothing.
            Some(usage).filter(|usage| *usage != Usage::default())
        }
        _ => usage.map(|usage| with_searches(operation, body, usage)),
    })
}

/// The usage with the searches of the web that an answer shows. Chat tells of none, but that it
/// cites pages.
fn with_searches(operation: Operation, body: &[u8], mut usage: Usage) -> Usage {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Response {
        output: Lenient<Vec<Typed>>,
    }
    // Within a text these quotes would be escaped.
    let shown = match operation {
        Operation::Chat => memmem::find(body, b"\"url_citation\"").is_some().into(),
        Operation::Responses if memmem::find(body, b"\"web_search_call\"").is_some() => {
            let read: Response = serde_json::from_slice(body).unwrap_or_default();
            Typed::count(&read.output, "web_search_call")
        }
        _ => 0,
    };
    usage.searches = usage.searches.max(shown);
    usage
}

/// A choice with an error of its own: relays put it there when the one behind them fails late.
fn failed_choice(body: &[u8]) -> Option<Value> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let choice = answer.pointer_mut("/choices/0")?.take();
    choice["error"].is_object().then_some(choice)
}

/// The usage with what vendors bill beside tokens: images, searches, time.
fn by_the_piece(operation: Operation, body: &[u8], mut usage: Usage) -> Usage {
    let pieces: Pieces = serde_json::from_slice(body).unwrap_or_default();
    match operation {
        Operation::Images => {
            usage.images_made = pieces.data.len() as u64;
            // All tokens of such an answer are pictures'.
            usage.image_output = usage.output;
        }
        // A search at least, where the vendor does not tell how many it bills.
        Operation::Rerank => usage.queries = pieces.meta.billed_units.search_units.or_zero().max(1),
        _ => usage.audio_millis = usage.audio_millis.max(pieces.duration.0.map_or(0, millis)),
    }
    usage
}
