//! The conversation in Ollama's words.

use std::collections::BTreeMap;

use pointsman_provider::chat::{Content, Losses, Message, Part, Role, Source};
use serde_json::{Map, Value, json};

/// The messages; what Ollama has no words for is lost.
pub(crate) fn written(messages: &[Message], losses: &mut Losses) -> Vec<Value> {
    let mut out = Vec::with_capacity(messages.len());
    // A result names its function; callers name the call.
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for message in messages {
        if message.role != Role::Tool {
            losses.unless_none("messages.name", &message.name);
        }
        for name in message.rest.keys() {
            losses.lose(&format!("messages.{name}"));
        }
        let role = match message.role {
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => {
                out.extend(message.parts.iter().filter_map(|part| result(part, &names, losses)));
                continue;
            }
        };
        let mut said = Said::default();
        for part in &message.parts {
            if let Content::ToolCall(call) = &part.content {
                names.insert(&call.id, &call.name);
            }
            said.add(&part.content, losses);
        }
        out.push(said.message(role));
    }
    out
}

/// What a function answered. There is no mark for one that failed: its answer says so.
fn result(part: &Part, names: &BTreeMap<&str, &str>, losses: &mut Losses) -> Option<Value> {
    let Content::ToolResult { id, parts, is_error } = &part.content else { return None };
    let mut said = Said::default();
    for part in parts {
        said.add(&part.content, losses);
    }
    if *is_error {
        said.text = json!({ "error": said.text }).to_string();
    }
    let mut message = said.message("tool");
    message["tool_call_id"] = id.as_str().into();
    // Functions of OpenAI's older kind are answered by their name.
    message["tool_name"] = names.get(id.as_str()).copied().unwrap_or(id).into();
    Some(message)
}

/// The members of a message, collected from its parts.
#[derive(Default)]
struct Said {
    text: String,
    thinking: String,
    images: Vec<Value>,
    calls: Vec<Value>,
}

impl Said {
    fn add(&mut self, content: &Content, losses: &mut Losses) {
        match content {
            Content::Text { text, .. } | Content::Refusal(text) => {
                if !self.text.is_empty() && !text.is_empty() {
                    self.text.push('\n');
                }
                self.text.push_str(text);
            }
            // A sealed thought is another vendor's, and readable there alone.
            Content::Reasoning { text, signature: None, hidden: None } => {
                self.thinking.push_str(text);
            }
            Content::Reasoning { .. } | Content::ToolResult { .. } => {}
            Content::Image { source: Source::Data { base64, .. }, .. } => {
                self.images.push(base64.as_str().into());
            }
            Content::Image { .. } => losses.lose("messages.content.image_url"),
            Content::Audio { .. } => losses.lose("messages.content.input_audio"),
            Content::File { .. } => losses.lose("messages.content.file"),
            Content::ToolCall(call) => {
                let arguments = serde_json::from_str::<Map<String, Value>>(&call.arguments);
                if arguments.is_err() {
                    losses.lose("messages.tool_calls.function.arguments");
                }
                let arguments = arguments.unwrap_or_default();
                let function = json!({"name": call.name, "arguments": arguments});
                self.calls.push(json!({"id": call.id, "function": function}));
            }
            Content::Other(value) => {
                let kind = value["type"].as_str().unwrap_or("part");
                losses.lose(&format!("messages.content.{kind}"));
            }
        }
    }

    fn message(self, role: &str) -> Value {
        let mut message = json!({"role": role, "content": self.text});
        if !self.thinking.is_empty() {
            message["thinking"] = self.thinking.into();
        }
        for (name, list) in [("images", self.images), ("tool_calls", self.calls)] {
            if !list.is_empty() {
                message[name] = list.into();
            }
        }
        message
    }
}
