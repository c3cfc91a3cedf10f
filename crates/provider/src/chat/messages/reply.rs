//! Whole answers in Anthropic's words, both ways.

use pointsman_clock::Instant;
use pointsman_types::{Error, ErrorKind};
use serde_json::{Value, json};

use super::{
    blocks::{blocks_of, part_of},
    decoder::stream_error,
    shown::{OwnBlocks, citation_block},
    usage::MessagesUsage,
};
use crate::{
    CallHead,
    chat::{ChatReply, Choice, Content, Finish, Losses, Part, made_id},
};

/// Reads a `message`.
///
/// # Errors
///
/// Kind `Server`, when it is none; what an error within it says.
pub fn read_reply(body: &[u8]) -> Result<ChatReply, Error> {
    let broken = |why: &str| {
        let message = format!("the upstream's answer cannot be used: {why}");
        Error::new(ErrorKind::Server, message).with_status(200)
    };
    let bytes = body;
    let mut body: Value =
        serde_json::from_slice(bytes).map_err(|error| broken(&error.to_string()))?;
    if body["error"].is_object() {
        return Err(stream_error(bytes));
    }
    let Some(Value::Array(blocks)) = body.get_mut("content").map(Value::take) else {
        return Err(broken("it has no `content`"));
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for (at, block) in blocks.into_iter().enumerate() {
        let part = part_of(block, format!("content[{at}]"));
        parts.push(part.map_err(|fault| broken(&fault.message))?);
    }
    let word = |name: &str| body[name].as_str().map(str::to_owned);
    let native = word("stop_reason");
    if native.as_deref() == Some("refusal")
        && let Some(why) = body["stop_details"]["explanation"].as_str()
    {
        parts.push(Content::Refusal(why.to_owned()).into());
    }
    let usage: Option<MessagesUsage> = serde_json::from_value(body["usage"].clone()).ok();
    let choice = Choice {
        parts,
        finish: native.as_deref().and_then(Finish::of).unwrap_or_default(),
        native_finish: native,
        stop_sequence: word("stop_sequence"),
        logprobs: None,
    };
    Ok(ChatReply {
        id: word("id"),
        model: word("model"),
        choices: vec![choice],
        usage: usage.and_then(|usage| usage.normal()),
        service_tier: body["usage"]["service_tier"].as_str().map(str::to_owned),
        ..ChatReply::default()
    })
}

/// Writes a `message`: the first choice, for there is one only.
pub(crate) fn write_reply(reply: &ChatReply, what: &CallHead, now: Instant) -> Value {
    let none = Choice::default();
    let choice = reply.choices.first().unwrap_or(&none);
    let mut own = OwnBlocks::default();
    let parts: Vec<Part> = choice.parts.iter().filter_map(|part| shown(part, &mut own)).collect();
    // What is lost here was said by the vendor, and the caller's dialect has no words for it.
    let content = blocks_of(&parts, &mut Losses::new("", true));
    json!({
        "id": reply.id.clone().unwrap_or_else(|| made_id("msg_", now, 0)),
        "type": "message",
        "role": "assistant",
        "model": reply.model.as_ref().unwrap_or(&what.model),
        "content": content,
        "stop_reason": stop_reason(
            choice.finish,
            choice.native_finish.as_deref(),
            choice.stop_sequence.is_some(),
        ),
        "stop_sequence": choice.stop_sequence,
        "usage": MessagesUsage::of(&reply.usage.unwrap_or_default()),
    })
}

/// A part as the dialect has it; a thought without a seal is shown with an empty one.
fn shown(part: &Part, own: &mut OwnBlocks) -> Option<Part> {
    let mut part = part.clone();
    match &mut part.content {
        Content::Reasoning { signature, hidden: None, .. } => {
            signature.get_or_insert_default();
        }
        Content::Text { citations, .. } => {
            for citation in citations {
                citation.native = citation_block(citation).unwrap_or_default();
            }
        }
        Content::Other(block) => *block = own.block(block)?,
        _ => {}
    }
    Some(part)
}

/// Anthropic's word for why an answer ended; its own stays as it was.
pub(super) fn stop_reason(finish: Finish, native: Option<&str>, by_sequence: bool) -> &str {
    match (native, finish) {
        (
            Some(
                word @ ("end_turn"
                | "max_tokens"
                | "stop_sequence"
                | "tool_use"
                | "pause_turn"
                | "refusal"
                | "model_context_window_exceeded"),
            ),
            _,
        ) => word,
        (_, Finish::Stop) if by_sequence => "stop_sequence",
        (_, Finish::Stop) => "end_turn",
        (_, Finish::Length) => "max_tokens",
        (_, Finish::ToolCalls) => "tool_use",
        (_, Finish::ContentFilter) => "refusal",
    }
}

/// What one of Anthropic's types of errors means; `None` where status and words decide.
pub fn kind_of(type_name: &str) -> Option<ErrorKind> {
    Some(match type_name {
        "authentication_error" => ErrorKind::Authentication,
        "billing_error" => ErrorKind::QuotaExhausted,
        "permission_error" => ErrorKind::Permission,
        "not_found_error" => ErrorKind::NotFound,
        "rate_limit_error" => ErrorKind::RateLimited,
        "timeout_error" => ErrorKind::Timeout,
        "overloaded_error" => ErrorKind::Overloaded,
        "api_error" => ErrorKind::Server,
        _ => return None,
    })
}
