//! Parts and Anthropic's content blocks.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::shown::is_own;
use crate::{
    BodyFault,
    chat::{
        Cache, Citation, Content, Losses, Part, Source, ToolCall,
        fields::{Fields, wrong},
        openai::cache_of,
    },
};

/// Content: text, or a list of blocks.
pub(super) fn parts_of(fields: &mut Fields, name: &str) -> Result<Vec<Part>, BodyFault> {
    let at = fields.path(name);
    let list = match fields.value(name) {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => return Ok(vec![Part::text(text)]),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(wrong(&at, "a string or an array of blocks", &other)),
    };
    let part = |(nth, block): (usize, Value)| part_of(block, format!("{at}[{nth}]"));
    list.into_iter().enumerate().map(part).collect()
}

/// One block.
pub(super) fn part_of(block: Value, at: String) -> Result<Part, BodyFault> {
    let original = block.clone();
    let mut fields = Fields::at(block, at)?;
    let kind = fields.needed("type")?;
    let cache = cache_of(&mut fields)?;
    let content = match kind.as_str() {
        "text" => {
            let citations = fields.list("citations")?.into_iter().map(citation_of).collect();
            Content::Text { text: fields.needed("text")?, citations }
        }
        "thinking" => Content::Reasoning {
            text: fields.text("thinking")?.unwrap_or_default(),
            signature: fields.text("signature")?.filter(|seal| !seal.is_empty()),
            hidden: None,
        },
        "redacted_thinking" => Content::Reasoning {
            text: String::new(),
            signature: None,
            hidden: Some(fields.needed("data")?),
        },
        "tool_use" => Content::ToolCall(ToolCall {
            id: fields.needed("id")?,
            name: fields.needed("name")?,
            arguments: fields.value("input").unwrap_or_else(|| json!({})).to_string(),
            signature: None,
        }),
        "tool_result" => Content::ToolResult {
            id: fields.needed("tool_use_id")?,
            parts: parts_of(&mut fields, "content")?,
            is_error: fields.flag("is_error")?.unwrap_or(false),
        },
        "image" => Content::Image { source: source_of(&mut fields, &original)?, detail: None },
        "document" => {
            let name = fields.text("title")?;
            match source_of(&mut fields, &original) {
                Ok(source) => Content::File { source, name },
                // Blocks as a document are Anthropic's alone.
                Err(_) => Content::Other(original),
            }
        }
        _ => Content::Other(original),
    };
    Ok(Part { content, cache })
}

fn source_of(fields: &mut Fields, block: &Value) -> Result<Source, BodyFault> {
    let inner = fields.object("source")?;
    let mut inner = inner.ok_or_else(|| fields.fault("source", "is missing"))?;
    match inner.needed("type")?.as_str() {
        "base64" => Ok(Source::Data {
            media_type: inner.needed("media_type")?,
            base64: inner.needed("data")?,
        }),
        "text" => Ok(Source::Data {
            media_type: "text/plain".into(),
            base64: BASE64_STANDARD.encode(inner.needed("data")?),
        }),
        "url" => Ok(Source::Url(inner.needed("url")?)),
        "file" => Ok(Source::Id(inner.needed("file_id")?)),
        _ => Err(wrong(&fields.path("source"), "base64, text, url or file", block)),
    }
}

pub(super) fn citation_of(native: Value) -> Citation {
    let text = |name: &str| native.get(name).and_then(Value::as_str).map(str::to_owned);
    Citation {
        url: text("url"),
        title: text("title").or_else(|| text("document_title")),
        text: text("cited_text"),
        range: None,
        native,
    }
}

/// Blocks of parts; what Anthropic has no block for is lost.
pub(super) fn blocks_of(parts: &[Part], losses: &mut Losses) -> Vec<Value> {
    parts.iter().filter_map(|part| block_of(part, losses)).collect()
}

fn block_of(part: &Part, losses: &mut Losses) -> Option<Value> {
    let mut block = match &part.content {
        Content::Text { text, citations } => text_block(text, citations)?,
        Content::Refusal(text) => text_block(text, &[])?,
        Content::Reasoning { hidden: Some(data), .. } => {
            json!({"type": "redacted_thinking", "data": data})
        }
        Content::Reasoning { text, signature: Some(seal), .. } => {
            json!({"type": "thinking", "thinking": text, "signature": seal})
        }
        // A thought without a seal is not taken back.
        Content::Reasoning { .. } => return None,
        Content::Image { source, .. } => json!({"type": "image", "source": source_block(source)}),
        Content::File { source, name } => {
            let mut block = json!({"type": "document", "source": document(source)});
            if let Some(name) = name {
                block["title"] = name.as_str().into();
            }
            block
        }
        Content::ToolCall(call) => {
            let input = serde_json::from_str::<Map<String, Value>>(&call.arguments);
            if input.is_err() {
                losses.lose("messages.tool_calls.function.arguments");
            }
            let input = input.unwrap_or_default();
            json!({"type": "tool_use", "id": tool_id(&call.id), "name": call.name, "input": input})
        }
        Content::ToolResult { id, parts, is_error } => {
            let content = blocks_of(parts, losses);
            let mut block = json!({"type": "tool_result", "tool_use_id": tool_id(id)});
            if !content.is_empty() {
                block["content"] = content.into();
            }
            if *is_error {
                block["is_error"] = true.into();
            }
            block
        }
        Content::Audio { .. } => {
            losses.lose("messages.content.input_audio");
            return None;
        }
        Content::Other(value) if is_anothers(value) => {
            let kind = value["type"].as_str().unwrap_or("unknown");
            losses.lose(&format!("messages.content.{kind}"));
            return None;
        }
        Content::Other(value) => return Some(value.clone()),
    };
    if let Some(cache) = part.cache {
        block["cache_control"] = mark(cache);
    }
    Some(block)
}

/// Blocks that nobody here reads go to Anthropic as they came, but for what is plainly another
/// vendor's: Google's parts have no type, and OpenAI's items other words in it.
fn is_anothers(value: &Value) -> bool {
    const ENDS: [&str; 5] = ["_call", "_output", "_request", "_response", "_url"];
    const ITEMS: [&str; 3] = ["additional_tools", "configuration_update", "mcp_list_tools"];
    let Some(kind) = value["type"].as_str() else { return true };
    // Both have one by this name: Anthropic's can be read.
    let sealed = kind == "compaction" && value.get("content").is_none();
    sealed || ITEMS.contains(&kind) || ENDS.iter().any(|end| kind.ends_with(end))
}

/// Text as a block; there are no empty ones.
pub(super) fn text_block(text: &str, citations: &[Citation]) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    let mut block = json!({"type": "text", "text": text});
    let native: Vec<&Value> =
        citations.iter().map(|one| &one.native).filter(|native| is_own(native)).collect();
    if !native.is_empty() {
        block["citations"] = json!(native);
    }
    Some(block)
}

/// Anthropic takes letters, digits, `_` and `-`; others make ids of more.
fn tool_id(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    id.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

fn source_block(source: &Source) -> Value {
    match source {
        Source::Url(url) => json!({"type": "url", "url": url}),
        Source::Data { media_type, base64 } => {
            json!({"type": "base64", "media_type": media_type, "data": base64})
        }
        Source::Id(id) => json!({"type": "file", "file_id": id}),
    }
}

/// Documents that are text are sent as such.
fn document(source: &Source) -> Value {
    if let Source::Data { media_type, base64 } = source
        && media_type.starts_with("text/")
        && let Ok(bytes) = BASE64_STANDARD.decode(base64)
        && let Ok(text) = String::from_utf8(bytes)
    {
        return json!({"type": "text", "media_type": "text/plain", "data": text});
    }
    source_block(source)
}

pub(super) fn mark(cache: Cache) -> Value {
    match cache {
        Cache::Default => json!({"type": "ephemeral"}),
        Cache::Short => json!({"type": "ephemeral", "ttl": "5m"}),
        Cache::Long => json!({"type": "ephemeral", "ttl": "1h"}),
    }
}
