//! Parts as Converse's content blocks.

use std::collections::{HashMap, HashSet};

use pointsman_provider::chat::{Cache, Content, Losses, Part, Source, ToolCall};
use serde_json::{Map, Value, json};

use super::media;
use crate::family::Family;

/// Content blocks of Converse's own that go through as they came, under `type` and their name.
const OWN: [&str; 9] = [
    "audio",
    "cachePoint",
    "citationsContent",
    "document",
    "guardContent",
    "image",
    "searchResult",
    "toolResult",
    "video",
];

/// Writes the blocks of one request.
pub(super) struct Blocks<'a> {
    family: Family,
    pub(super) losses: &'a mut Losses,
    /// Names of documents, in lower case: no two may be equal, whatever their case.
    names: HashSet<String>,
    /// The last number behind each name that came more than once.
    numbers: HashMap<String, u64>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(family: Family, losses: &'a mut Losses) -> Self {
        Self { family, losses, names: HashSet::new(), numbers: HashMap::new() }
    }

    /// The blocks of a system message.
    pub(super) fn system(&mut self, parts: &[Part]) -> Vec<Value> {
        let mut out = Vec::new();
        for part in parts {
            match &part.content {
                Content::Text { text, .. } => out.extend(text_block(text)),
                Content::Other(value)
                    if native(value).is_some_and(|(name, _)| is_of_system(name)) =>
                {
                    out.extend(native(value).map(|(name, block)| json!({name: block})));
                }
                _ => self.losses.lose("messages.content (of the system)"),
            }
            self.mark(part.cache, &mut out);
        }
        out
    }

    /// The blocks of a message.
    pub(super) fn of(&mut self, parts: &[Part]) -> Vec<Value> {
        let mut out = Vec::new();
        for part in parts {
            out.extend(self.block(&part.content));
            // Within a result there are no marks: they stand behind it.
            let within = match &part.content {
                Content::ToolResult { parts, .. } => parts.iter().find_map(|part| part.cache),
                _ => None,
            };
            self.mark(part.cache.or(within), &mut out);
        }
        out
    }

    fn mark(&mut self, cache: Option<Cache>, out: &mut Vec<Value>) {
        if !out.is_empty() {
            out.extend(cache_point(self.family, cache));
        }
    }

    fn block(&mut self, content: &Content) -> Option<Value> {
        match content {
            Content::Text { text, .. } | Content::Refusal(text) => text_block(text),
            Content::Reasoning { text, signature, hidden } => {
                self.thought(text, signature.as_deref(), hidden.as_deref())
            }
            Content::Image { source, .. } => self.medium(source, None, "image_url"),
            Content::File { source, name } => self.medium(source, name.as_deref(), "file"),
            Content::Audio { source, .. } => self.medium(source, None, "input_audio"),
            Content::ToolCall(call) => Some(self.call(call)),
            Content::ToolResult { id, parts, is_error } => {
                let content = self.of(parts);
                let content: Vec<Value> =
                    content.into_iter().filter(|block| block.get("cachePoint").is_none()).collect();
                let mut result = json!({"toolUseId": id_of(id), "content": content});
                if *is_error {
                    result["status"] = "error".into();
                }
                Some(json!({"toolResult": result}))
            }
            Content::Other(value) => self.other(value),
        }
    }

    /// A thought goes back to its vendor alone, and with its seal.
    fn thought(&self, text: &str, seal: Option<&str>, hidden: Option<&str>) -> Option<Value> {
        if !matches!(self.family, Family::Claude | Family::Unknown) {
            return None;
        }
        let thought = match (seal, hidden) {
            (_, Some(hidden)) => json!({"redactedContent": hidden}),
            (Some(seal), None) => json!({"reasoningText": {"text": text, "signature": seal}}),
            (None, None) => return None,
        };
        Some(json!({"reasoningContent": thought}))
    }

    fn medium(&mut self, from: &Source, name: Option<&str>, what: &str) -> Option<Value> {
        let (Some((block, format)), Some(source)) = (media::kind(from, name), media::source(from))
        else {
            self.losses.lose(&format!("messages.content.{what}"));
            return None;
        };
        let mut medium = json!({"format": format, "source": source});
        if block == "document" {
            medium["name"] = self.unique(&media::document_name(name)).into();
        }
        Some(json!({block: medium}))
    }

    fn unique(&mut self, name: &str) -> String {
        let lower = name.to_ascii_lowercase();
        if self.names.insert(lower.clone()) {
            return name.to_owned();
        }
        let nth = self.numbers.entry(lower).or_insert(1);
        loop {
            *nth += 1;
            let unique = format!("{name}-{nth}");
            if self.names.insert(unique.to_ascii_lowercase()) {
                return unique;
            }
        }
    }

    fn call(&mut self, call: &ToolCall) -> Value {
        let input = serde_json::from_str::<Map<String, Value>>(&call.arguments);
        if input.is_err() {
            self.losses.lose("messages.tool_calls.function.arguments");
        }
        let input = input.unwrap_or_default();
        json!({"toolUse": {"toolUseId": id_of(&call.id), "name": call.name, "input": input}})
    }

    fn other(&mut self, value: &Value) -> Option<Value> {
        let kind = value["type"].as_str().unwrap_or_default();
        match kind {
            // As in LiteLLM.
            "guarded_text" if value["text"].is_string() => {
                return Some(json!({"guardContent": {"text": {"text": value["text"]}}}));
            }
            "video_url" => {
                let url = value["video_url"].as_str().or(value["video_url"]["url"].as_str());
                return self.medium(&Source::of_url(url.unwrap_or_default()), None, kind);
            }
            _ => {}
        }
        if let Some((name, block)) = native(value) {
            return Some(json!({name: block}));
        }
        self.losses.lose(&format!("messages.content.{kind}"));
        None
    }
}

/// A block of Converse's own: `{"type": "guardContent", "guardContent": {…}}`.
fn native(value: &Value) -> Option<(&'static str, &Value)> {
    let kind = value["type"].as_str()?;
    let name = OWN.iter().find(|name| **name == kind)?;
    Some((name, value.get(*name).filter(|block| block.is_object())?))
}

fn is_of_system(name: &str) -> bool {
    matches!(name, "guardContent" | "cachePoint")
}

/// Text as a block; there are no blank ones.
fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"text": text}))
}

/// A mark for families that have caches; elsewhere it changes nothing, and only Claudes know how
/// long.
pub(super) fn cache_point(family: Family, cache: Option<Cache>) -> Option<Value> {
    let cache = cache.filter(|_| family.caches())?;
    let mut point = json!({"type": "default"});
    match cache {
        Cache::Long if family != Family::Nova => point["ttl"] = "1h".into(),
        Cache::Short if family != Family::Nova => point["ttl"] = "5m".into(),
        _ => {}
    }
    Some(json!({"cachePoint": point}))
}

/// A call's id in the characters that Bedrock takes, the same for the call and its result.
fn id_of(id: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if (1..=64).contains(&id.len()) && id.chars().all(known) {
        return id.to_owned();
    }
    format!("call_{:016x}", pointsman_types::stable_hash(id.as_bytes()))
}
