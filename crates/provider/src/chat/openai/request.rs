//! To OpenAI's chat request.

use serde_json::{Map, Value, json};

use crate::chat::{
    Chat, Content, Effort, Format, Losses, Message, Part, Reasoning, Role, Source, Tool, ToolCall,
    ToolChoice,
};

/// How a vendor that speaks OpenAI's dialect differs from OpenAI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a difference of its own")]
pub struct Taste {
    /// Whether the bound on the answer is `max_completion_tokens`, not `max_tokens`.
    pub completion_limit: bool,
    /// Whether a stream is asked for its usage; others send it unasked, or not at all.
    pub stream_options: bool,
    /// Whether there is a role `developer`.
    pub developer: bool,
    /// Whether thoughts of earlier turns go back, as `reasoning_content`.
    pub thoughts: bool,
}

impl Taste {
    /// OpenAI's own.
    pub const OPENAI: Self =
        Self { completion_limit: true, stream_options: true, developer: true, thoughts: false };
    /// What everybody takes.
    pub const PLAIN: Self =
        Self { completion_limit: false, stream_options: true, developer: false, thoughts: false };
}

/// What OpenAI takes beside what the neutral form has words for.
const OWN: &[&str] = &[
    "logit_bias",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
    "verbosity",
    "web_search_options",
];

/// The body of a chat request, without `model`. What the dialect has no words for goes to
/// `losses`.
///
/// ```
/// use pointsman_provider::chat::{Chat, Losses, Message, Part, Role, openai};
/// let chat = Chat { messages: vec![Message::new(Role::User, vec![Part::text("Hi")])], max_output: Some(5), ..Chat::default() };
/// let mut losses = Losses::new("openai", false);
/// let body = openai::write_request(chat, "gpt-4o", openai::Taste::OPENAI, &mut losses);
/// losses.settle()?;
/// assert_eq!(body["messages"][0]["content"], "Hi");
/// assert_eq!(body["max_completion_tokens"], 5);
/// # Ok::<(), pointsman_types::Error>(())
/// ```
pub fn write_request(
    mut chat: Chat,
    model: &str,
    taste: Taste,
    losses: &mut Losses,
) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("messages".into(), conversation(&chat.messages, taste, losses).into());
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.into(), value);
        }
    };
    let limit = if taste.completion_limit { "max_completion_tokens" } else { "max_tokens" };
    set(limit, chat.max_output.map(Into::into));
    set("temperature", chat.temperature.map(Into::into));
    set("top_p", chat.top_p.map(Into::into));
    set("frequency_penalty", chat.frequency_penalty.map(Into::into));
    set("presence_penalty", chat.presence_penalty.map(Into::into));
    set("seed", chat.seed.map(Into::into));
    set("n", chat.n.map(Into::into));
    set("logprobs", chat.logprobs.map(Into::into));
    set("top_logprobs", chat.top_logprobs.map(Into::into));
    set("stop", (!chat.stop.is_empty()).then(|| json!(chat.stop)));
    set("modalities", (!chat.modalities.is_empty()).then(|| json!(chat.modalities)));
    set("user", chat.user.take().map(Into::into));
    set("metadata", chat.metadata.take().map(Into::into));
    set("service_tier", chat.service_tier.take().map(Into::into));
    set("response_format", chat.format.as_ref().and_then(format));
    set("reasoning_effort", effort(chat.reasoning, model, losses).map(Into::into));
    let tools: Vec<Value> = chat.tools.iter().filter_map(|tool| tool_of(tool, losses)).collect();
    if !tools.is_empty() {
        set("tools", Some(tools.into()));
        set("tool_choice", chat.tool_choice.take().map(choice));
        set("parallel_tool_calls", chat.parallel_tool_calls.map(Into::into));
    }
    if chat.stream {
        set("stream", Some(true.into()));
        set("stream_options", taste.stream_options.then(|| json!({"include_usage": true})));
    }
    // Many who speak the dialect take it, OpenAI does not.
    if taste == Taste::OPENAI {
        losses.unless_none("top_k", &chat.top_k);
        for name in OWN {
            set(name, chat.rest.shift_remove(*name));
        }
    } else if let Some(top_k) = chat.top_k {
        body.insert("top_k".into(), top_k.into());
    }
    losses.rest(chat.rest, &mut body);
    body
}

fn conversation(messages: &[Message], taste: Taste, losses: &mut Losses) -> Vec<Value> {
    let mut out = Vec::with_capacity(messages.len());
    // Pictures that tools answered with: the dialect has them in a user's message only, behind
    // the last of the answers.
    let mut shown: Vec<Part> = Vec::new();
    for message in messages {
        if message.role != Role::Tool && !shown.is_empty() {
            out.push(said("user", &std::mem::take(&mut shown), losses));
        }
        let mut body = match message.role {
            Role::Tool => {
                results(&message.parts, &mut out, &mut shown, losses);
                continue;
            }
            Role::Assistant => assistant(&message.parts, taste, losses),
            Role::Developer if taste.developer => said("developer", &message.parts, losses),
            Role::System | Role::Developer => said("system", &message.parts, losses),
            Role::User => said("user", &message.parts, losses),
        };
        if let Some(name) = &message.name {
            body["name"] = name.as_str().into();
        }
        for (name, value) in &message.rest {
            body[name] = value.clone();
        }
        out.push(body);
    }
    if !shown.is_empty() {
        out.push(said("user", &shown, losses));
    }
    out
}

fn results(parts: &[Part], out: &mut Vec<Value>, shown: &mut Vec<Part>, losses: &mut Losses) {
    for part in parts {
        let Content::ToolResult { id, parts, is_error } = &part.content else { continue };
        let is_text = |part: &&Part| matches!(part.content, Content::Text { .. });
        let (texts, others): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(is_text);
        let text: Vec<&str> = texts.iter().filter_map(|part| text_of(part)).collect();
        let mut text = text.join("\n");
        // The dialect has no word for a failure: the text says it.
        if *is_error && !text.to_ascii_lowercase().contains("error") {
            text = format!("Error: {text}");
        }
        out.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
        for other in others {
            match other.content {
                Content::Image { .. } | Content::File { .. } => shown.push(other.clone()),
                _ => drop(part_of(other, losses)),
            }
        }
    }
}

fn text_of(part: &Part) -> Option<&str> {
    match &part.content {
        Content::Text { text, .. } => Some(text),
        _ => None,
    }
}

/// A message of someone who only says things: text where it is one, else a list of parts.
fn said(role: &str, parts: &[Part], losses: &mut Losses) -> Value {
    if let [one] = parts
        && let Some(text) = text_of(one)
    {
        return json!({"role": role, "content": text});
    }
    let content: Vec<Value> = parts.iter().filter_map(|part| part_of(part, losses)).collect();
    json!({"role": role, "content": content})
}

fn assistant(parts: &[Part], taste: Taste, losses: &mut Losses) -> Value {
    let mut thought = String::new();
    let mut text: Option<String> = None;
    let mut refusal: Option<String> = None;
    let mut calls = Vec::new();
    for part in parts {
        match &part.content {
            Content::Text { text: more, .. } => text.get_or_insert_default().push_str(more),
            Content::Refusal(more) => refusal.get_or_insert_default().push_str(more),
            Content::ToolCall(call) => calls.push(tool_call(call)),
            // A sealed thought goes back to the vendor that had it, and to no other.
            Content::Reasoning { text, signature: None, hidden: None } if taste.thoughts => {
                thought.push_str(text);
            }
            Content::Reasoning { .. } => {}
            _ => drop(part_of(part, losses)),
        }
    }
    let mut body = json!({"role": "assistant", "content": text});
    if let Some(refusal) = refusal {
        body["refusal"] = refusal.into();
    }
    if !thought.is_empty() {
        body["reasoning_content"] = thought.into();
    }
    if !calls.is_empty() {
        body["tool_calls"] = calls.into();
    }
    body
}

fn tool_call(call: &ToolCall) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments});
    json!({"id": call.id, "type": "function", "function": function})
}

fn part_of(part: &Part, losses: &mut Losses) -> Option<Value> {
    let part = match &part.content {
        Content::Text { text, .. } => json!({"type": "text", "text": text}),
        Content::Refusal(text) => json!({"type": "refusal", "refusal": text}),
        Content::Image { source, detail } => {
            let Some(url) = source.to_url() else {
                losses.lose("messages.content.image.file_id");
                return None;
            };
            let mut image = json!({"url": url});
            if let Some(detail) = detail {
                image["detail"] = detail.as_str().into();
            }
            json!({"type": "image_url", "image_url": image})
        }
        Content::Audio { source: Source::Data { media_type, base64 }, .. } => {
            let format = media_type.rsplit('/').next().unwrap_or("wav");
            json!({"type": "input_audio", "input_audio": {"data": base64, "format": format}})
        }
        Content::File { source: Source::Id(id), .. } => {
            json!({"type": "file", "file": {"file_id": id}})
        }
        Content::File { source: source @ Source::Data { .. }, name } => {
            let name = name.as_deref().unwrap_or("document");
            json!({"type": "file", "file": {"filename": name, "file_data": source.to_url()}})
        }
        Content::Audio { .. } => {
            losses.lose("messages.content.audio");
            return None;
        }
        Content::File { .. } => {
            losses.lose("messages.content.file.url");
            return None;
        }
        Content::Other(value) => {
            let kind = value["type"].as_str().unwrap_or("unknown");
            losses.lose(&format!("messages.content.{kind}"));
            return None;
        }
        Content::Reasoning { .. } | Content::ToolCall(_) | Content::ToolResult { .. } => {
            return None;
        }
    };
    Some(part)
}

fn tool_of(tool: &Tool, losses: &mut Losses) -> Option<Value> {
    let Tool::Function { name, description, schema, strict, .. } = tool else {
        losses.lose("tools");
        return None;
    };
    let mut function = json!({"name": name});
    if let Some(description) = description {
        function["description"] = description.as_str().into();
    }
    if let Some(schema) = schema {
        function["parameters"] = schema.clone();
    }
    if let Some(strict) = strict {
        function["strict"] = (*strict).into();
    }
    Some(json!({"type": "function", "function": function}))
}

fn choice(choice: ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Function(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn format(format: &Format) -> Option<Value> {
    match format {
        Format::Text => None,
        Format::Json => Some(json!({"type": "json_object"})),
        Format::Schema { name, description, schema, strict } => {
            let mut inner = json!({"name": name, "schema": schema});
            if let Some(description) = description {
                inner["description"] = description.as_str().into();
            }
            if let Some(strict) = strict {
                inner["strict"] = (*strict).into();
            }
            Some(json!({"type": "json_schema", "json_schema": inner}))
        }
    }
}

/// The word for it. Models that do not think are not asked to, and need not be told not to.
fn effort(how: Option<Reasoning>, model: &str, losses: &mut Losses) -> Option<&'static str> {
    const NEVER: [&str; 3] = ["gpt-3", "gpt-4", "chatgpt-4"];
    const ALWAYS: [&str; 9] =
        ["gpt-5", "gpt-oss", "o1", "o3", "o4", "reason", "thinking", "-r1", "magistral"];
    let how = how?;
    let word = how.effort.or_else(|| how.budget.map(Effort::of_budget))?;
    let name = model.rsplit('/').next().unwrap_or(model);
    if how.is_off() {
        return ALWAYS.iter().any(|part| name.contains(part)).then_some("none");
    }
    if NEVER.iter().any(|family| name.starts_with(family)) {
        losses.lose("reasoning_effort");
        return None;
    }
    Some(word.name())
}
