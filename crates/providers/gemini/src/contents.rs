//! The conversation in Google's words.

use std::collections::HashMap;

use pointsman_provider::chat::{Content, Losses, Message, Part, Role, Source, ToolCall};
use pointsman_types::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use crate::model::Model;

/// Stands for the seal of a call that another vendor's model has made; Google documents it.
const NO_SEAL: &str = "skip_thought_signature_validator";

/// The system's parts, and the turns.
pub(crate) struct Conversation {
    pub(crate) system: Vec<Value>,
    pub(crate) turns: Vec<Value>,
}

/// Writes the conversation: roles alternate, and results follow the calls they answer by name.
///
/// # Errors
///
/// Kind `BadRequest`, when the arguments of a call are no JSON object.
pub(crate) fn conversation(
    messages: &[Message],
    model: Model<'_>,
    losses: &mut Losses,
) -> Result<Conversation, Error> {
    let mut writer = Writer { model, names: HashMap::new(), losses };
    let mut system = Vec::new();
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let parts = writer.message(message)?;
        let role = match message.role {
            Role::System | Role::Developer => {
                system.extend(parts);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "model",
        };
        if parts.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.extend(parts),
            _ => turns.push((role, parts)),
        }
    }
    if turns.is_empty() {
        // There is no conversation without a turn.
        turns.push(("user", std::mem::take(&mut system)));
    }
    let turns = turns.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts}));
    Ok(Conversation { system, turns: turns.collect() })
}

struct Writer<'a, 'l> {
    model: Model<'a>,
    /// The functions behind the ids of their calls.
    names: HashMap<&'a str, &'a str>,
    losses: &'l mut Losses,
}

/// Code that Google ran, and what came of it, in its words or in Anthropic's.
fn ran(own: &Value) -> Option<Value> {
    if own.get("executableCode").is_some() || own.get("codeExecutionResult").is_some() {
        return Some(own.clone());
    }
    match own["type"].as_str()? {
        "server_tool_use" if own["name"] == "code_execution" => {
            let code = own["input"]["code"].as_str()?;
            Some(json!({"executableCode": {"language": "PYTHON", "code": code}}))
        }
        "code_execution_tool_result" => {
            let result = &own["content"];
            let text = |name: &str| result[name].as_str().unwrap_or_default();
            let ok = result["return_code"].as_u64()? == 0;
            let outcome = if ok { "OUTCOME_OK" } else { "OUTCOME_FAILED" };
            let output = [text("stdout"), text("stderr")].concat();
            Some(json!({"codeExecutionResult": {"outcome": outcome, "output": output}}))
        }
        _ => None,
    }
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, message: &'a Message) -> Result<Vec<Value>, Error> {
        if message.role != Role::Tool {
            self.losses.unless_none("messages.name", &message.name);
        }
        let mut out = Vec::new();
        for part in &message.parts {
            self.part(part, message, &mut out)?;
        }
        for name in message.rest.keys() {
            self.losses.lose(&format!("messages.{name}"));
        }
        if message.role == Role::Assistant {
            self.seal(message, &mut out);
        }
        Ok(out)
    }

    fn part(
        &mut self,
        part: &'a Part,
        message: &Message,
        out: &mut Vec<Value>,
    ) -> Result<(), Error> {
        match &part.content {
            Content::Text { text, .. } | Content::Refusal(text) => {
                if !text.is_empty() {
                    out.push(json!({"text": text}));
                }
            }
            // Thoughts are not taken back; their seals are, see `seal`.
            Content::Reasoning { .. } => {}
            Content::Image { source, detail } => {
                let mut image = self.media(source, "image/jpeg", "messages.content.image_url");
                if let (Some(image), Some(level)) = (&mut image, detail.as_deref().and_then(level))
                    && self.model.since((3, 0))
                {
                    image["mediaResolution"] = json!({"level": level});
                }
                out.extend(image);
            }
            Content::Audio { source, .. } => {
                out.extend(self.media(source, "audio/wav", "messages.content.input_audio"));
            }
            Content::File { source, .. } => {
                out.extend(self.media(source, "application/pdf", "messages.content.file"));
            }
            Content::ToolCall(call) => out.push(self.call(call)?),
            Content::ToolResult { id, parts, is_error } => {
                self.result(id, parts, *is_error, message, out);
            }
            Content::Other(own) => match ran(own) {
                Some(part) => out.push(part),
                None => self.losses.lose("messages.content"),
            },
        }
        Ok(())
    }

    /// The seal of an answer's text. Google seals no thoughts, so that a seal on one is another
    /// vendor's, which would be refused.
    fn seal(&mut self, message: &Message, out: &mut Vec<Value>) {
        let seal = message.parts.iter().rev().find_map(|part| match &part.content {
            Content::Reasoning { text, signature: Some(seal), hidden: None } if text.is_empty() => {
                Some(seal)
            }
            _ => None,
        });
        if let Some(seal) = seal {
            match out.iter_mut().rev().find(|part| part.get("text").is_some()) {
                Some(text) => text["thoughtSignature"] = seal.as_str().into(),
                None => out.insert(0, json!({"text": "", "thoughtSignature": seal})),
            }
        }
        // The first call of a turn has a seal, or the turn is refused.
        let first = out.iter_mut().find(|part| part.get("functionCall").is_some());
        if let Some(call) = first
            && self.model.since((3, 0))
            && call.get("thoughtSignature").is_none()
        {
            call["thoughtSignature"] = NO_SEAL.into();
        }
    }

    fn call(&mut self, call: &'a ToolCall) -> Result<Value, Error> {
        self.names.insert(&call.id, &call.name);
        let arguments = serde_json::from_str::<Map<String, Value>>(&call.arguments);
        let arguments = arguments.map_err(|_| {
            let message =
                format!("the arguments of the call of `{}` are no JSON object", call.name);
            Error::new(ErrorKind::BadRequest, message)
                .with_param("messages.tool_calls.function.arguments")
        })?;
        let mut function = json!({"name": call.name, "args": arguments});
        self.identify(&call.id, &mut function);
        let mut part = json!({"functionCall": function});
        if let Some(seal) = &call.signature {
            part["thoughtSignature"] = seal.as_str().into();
        }
        Ok(part)
    }

    /// Models that give ids want them back; the others go by name and order.
    fn identify(&self, id: &str, function: &mut Value) {
        if self.model.since((3, 0)) && !id.is_empty() {
            function["id"] = id.into();
        }
    }

    fn result(
        &mut self,
        id: &'a str,
        parts: &'a [Part],
        is_error: bool,
        message: &Message,
        out: &mut Vec<Value>,
    ) {
        let known = self.names.get(id).copied();
        let name = known.or(message.name.as_deref()).unwrap_or(id).to_owned();
        let (mut texts, mut media) = (Vec::new(), Vec::new());
        for part in parts {
            match &part.content {
                Content::Text { text, .. } => texts.push(text.as_str()),
                Content::Image { source, .. } => {
                    media.extend(self.media(source, "image/jpeg", "messages.content.image_url"));
                }
                Content::File { source, .. } => {
                    media.extend(self.media(source, "application/pdf", "messages.content.file"));
                }
                _ => self.losses.lose("messages.content"),
            }
        }
        let text = texts.join("\n");
        let response = match serde_json::from_str::<Value>(&text) {
            _ if is_error => json!({"error": text}),
            Ok(object @ Value::Object(_)) => object,
            _ => json!({"output": text}),
        };
        let mut function = json!({"name": name, "response": response});
        self.identify(id, &mut function);
        if self.model.since((3, 0)) && !media.is_empty() {
            function["parts"] = std::mem::take(&mut media).into();
        }
        out.push(json!({"functionResponse": function}));
        out.extend(media);
    }

    fn media(&mut self, source: &Source, usual: &str, name: &str) -> Option<Value> {
        match source {
            Source::Data { media_type, base64 } => {
                let kind = if media_type.is_empty() { usual } else { media_type };
                Some(json!({"inlineData": {"mimeType": kind, "data": base64}}))
            }
            Source::Url(url) => {
                Some(json!({"fileData": {"mimeType": media_type(url, usual), "fileUri": url}}))
            }
            Source::Id(_) => {
                self.losses.lose(name);
                None
            }
        }
    }
}

fn level(detail: &str) -> Option<&'static str> {
    match detail {
        "low" => Some("MEDIA_RESOLUTION_LOW"),
        "high" => Some("MEDIA_RESOLUTION_HIGH"),
        _ => None,
    }
}

/// The type of what an address leads to, by its ending.
fn media_type(url: &str, usual: &str) -> String {
    const KNOWN: [(&str, &str); 22] = [
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("webp", "image/webp"),
        ("gif", "image/gif"),
        ("heic", "image/heic"),
        ("heif", "image/heif"),
        ("pdf", "application/pdf"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
        ("html", "text/html"),
        ("csv", "text/csv"),
        ("json", "application/json"),
        ("mp3", "audio/mp3"),
        ("wav", "audio/wav"),
        ("ogg", "audio/ogg"),
        ("flac", "audio/flac"),
        ("m4a", "audio/m4a"),
        ("aac", "audio/aac"),
        ("mp4", "video/mp4"),
        ("mov", "video/mov"),
        ("webm", "video/webm"),
    ];
    if url.contains("youtube.com/") || url.contains("youtu.be/") {
        return "video/mp4".to_owned();
    }
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let known = KNOWN.iter().find(|(known, _)| ending.as_deref() == Some(*known));
    known.map_or(usual, |(_, kind)| kind).to_owned()
}
