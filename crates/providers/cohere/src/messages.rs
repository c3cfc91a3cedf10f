//! The conversation in Cohere's words.

use base64::{Engine, prelude::BASE64_STANDARD};
use pointsman_provider::chat::{Content, Losses, Message, Part, Role, Source};
use serde_json::{Map, Value, json};

/// The messages, and the documents that stood in them: Cohere has those beside the conversation.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) messages: Vec<Value>,
    pub(crate) documents: Vec<Value>,
}

impl Conversation {
    pub(crate) fn of(messages: &[Message], losses: &mut Losses) -> Self {
        let mut out = Self::default();
        for message in messages {
            if message.role != Role::Tool {
                losses.unless_none("messages.name", &message.name);
            }
            for name in message.rest.keys().filter(|name| *name != "citations") {
                losses.lose(&format!("messages.{name}"));
            }
            match message.role {
                Role::System | Role::Developer => out.said("system", &message.parts, losses),
                Role::User => out.said("user", &message.parts, losses),
                Role::Assistant => out.answered(message, losses),
                Role::Tool => out.results(&message.parts, losses),
            }
        }
        out
    }

    fn said(&mut self, role: &str, parts: &[Part], losses: &mut Losses) {
        let content = parts.iter().filter_map(|part| self.item(&part.content, losses)).collect();
        self.messages.push(json!({"role": role, "content": plain(content)}));
    }

    /// A part of what is said by anyone but a function.
    fn item(&mut self, content: &Content, losses: &mut Losses) -> Option<Value> {
        match content {
            Content::Text { text, .. } | Content::Refusal(text) => {
                return Some(json!({"type": "text", "text": text}));
            }
            Content::Image { source, detail } => match source.to_url() {
                Some(url) => {
                    let mut image = json!({"url": url});
                    if let Some(detail) = detail {
                        image["detail"] = detail.as_str().into();
                    }
                    return Some(json!({"type": "image_url", "image_url": image}));
                }
                None => losses.lose("messages.content.image_url"),
            },
            Content::File { source, name } => match text_of(source) {
                Some(text) => self.document(name.as_deref(), &text),
                None => losses.lose("messages.content.file"),
            },
            Content::Audio { .. } => losses.lose("messages.content.input_audio"),
            Content::Other(value) => lose_other(value, losses),
            Content::Reasoning { .. } | Content::ToolCall(_) | Content::ToolResult { .. } => {}
        }
        None
    }

    fn document(&mut self, name: Option<&str>, text: &str) {
        let mut data = json!({"text": text});
        if let Some(name) = name {
            data["title"] = name.into();
        }
        let id = format!("doc:{}", self.documents.len());
        self.documents.push(json!({"id": id, "data": data}));
    }

    /// What the model said. A thought in front of calls is the plan for them.
    fn answered(&mut self, message: &Message, losses: &mut Losses) {
        let (mut content, mut calls, mut plan) = (Vec::new(), Vec::new(), String::new());
        let calling = message.parts.iter().any(|part| matches!(part.content, Content::ToolCall(_)));
        for part in &message.parts {
            match &part.content {
                // A sealed thought is another vendor's, and readable there alone.
                Content::Reasoning { signature: Some(_), .. }
                | Content::Reasoning { hidden: Some(_), .. } => {}
                Content::Reasoning { text, .. } if calling => plan.push_str(text),
                Content::Reasoning { text, .. } if text.is_empty() => {}
                Content::Reasoning { text, .. } => {
                    content.push(json!({"type": "thinking", "thinking": text}));
                }
                Content::ToolCall(call) => calls.push(json!({
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                })),
                other => content.extend(self.item(other, losses)),
            }
        }
        let mut said = json!({"role": "assistant"});
        if !content.is_empty() || !calling {
            said["content"] = plain(content);
        }
        if !plan.is_empty() {
            said["tool_plan"] = plan.into();
        }
        if calling {
            said["tool_calls"] = calls.into();
        }
        if let Some(citations) = message.rest.get("citations") {
            said["citations"] = citations.clone();
        }
        self.messages.push(said);
    }

    fn results(&mut self, parts: &[Part], losses: &mut Losses) {
        for part in parts {
            if let Content::ToolResult { id, parts, is_error } = &part.content {
                let items = parts.iter().filter_map(|part| result_item(&part.content, losses));
                let mut content = plain(items.collect());
                if *is_error {
                    content = failed(&content);
                }
                let said = json!({"role": "tool", "tool_call_id": id, "content": content});
                self.messages.push(said);
            }
        }
    }
}

/// A part of what a function answered: text, or a document.
fn result_item(content: &Content, losses: &mut Losses) -> Option<Value> {
    match content {
        Content::Text { text, .. } | Content::Refusal(text) => {
            return Some(json!({"type": "text", "text": text}));
        }
        Content::File { source, name } => match text_of(source) {
            Some(text) => {
                let mut data = json!({"text": text});
                if let Some(name) = name {
                    data["title"] = name.as_str().into();
                }
                return Some(json!({"type": "document", "document": {"data": data}}));
            }
            None => losses.lose("messages.content.file"),
        },
        Content::Other(value) if value["type"] == "document" && value["document"].is_object() => {
            return Some(value.clone());
        }
        Content::Other(value) => lose_other(value, losses),
        Content::Image { .. } => losses.lose("messages.content.image_url"),
        Content::Audio { .. } => losses.lose("messages.content.input_audio"),
        Content::Reasoning { .. } | Content::ToolCall(_) | Content::ToolResult { .. } => {}
    }
    None
}

/// There is no mark for a call that failed: its result is a document that says so.
fn failed(content: &Value) -> Value {
    let text = match content {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    json!([{"type": "document", "document": {"data": {"error": text}}}])
}

/// Plain text is a string, anything else a list.
fn plain(mut items: Vec<Value>) -> Value {
    match items.as_mut_slice() {
        [] => "".into(),
        [one] if one["type"] == "text" => one["text"].take(),
        _ => items.into(),
    }
}

/// The text of a document that is text.
fn text_of(source: &Source) -> Option<String> {
    let Source::Data { media_type, base64 } = source else { return None };
    if !media_type.starts_with("text/") && media_type != "application/json" {
        return None;
    }
    String::from_utf8(BASE64_STANDARD.decode(base64).ok()?).ok()
}

fn lose_other(value: &Value, losses: &mut Losses) {
    let kind = value["type"].as_str().unwrap_or("part");
    losses.lose(&format!("messages.content.{kind}"));
}

/// The documents that the caller gave beside the conversation, then those that stood in it.
pub(crate) fn add_documents(body: &mut Map<String, Value>, found: Vec<Value>) {
    if found.is_empty() {
        return;
    }
    let documents = body.entry("documents").or_insert_with(|| json!([]));
    if let Some(documents) = documents.as_array_mut() {
        documents.extend(found);
    }
}
