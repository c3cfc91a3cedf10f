//! To Anthropic's request.

use serde_json::{Map, Value, json};

use super::{
    blocks::{blocks_of, mark},
    schema::{closed, has_formats, is_adaptive},
};
use crate::chat::{
    ANSWER_TOOL, Chat, Content, Effort, Format, Losses, Message, Part, Role, Tool, ToolChoice,
};

/// The bound on the answer where nobody gave one: Anthropic wants one.
const MAX_TOKENS: u64 = 4_096;
/// The least that can be thought.
const LEAST_BUDGET: u64 = 1_024;

/// What Anthropic takes beside what the neutral form has words for.
const OWN: &[&str] = &[
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "mcp_servers",
    "output_config",
    "speed",
];

/// The body of a Messages request, without `model` and `stream`. What Anthropic has no words for
/// goes to `losses`.
///
/// `model` decides how thinking and schemas are asked for.
///
/// ```
/// use pointsman_provider::chat::{Chat, Losses, Message, Part, Role, messages};
/// let chat = Chat { messages: vec![Message::new(Role::User, vec![Part::text("Hi")])], ..Chat::default() };
/// let mut losses = Losses::new("anthropic", false);
/// let body = messages::write_request(chat, "claude-sonnet-4-5", &mut losses);
/// losses.settle()?;
/// assert_eq!(body["max_tokens"], 4_096);
/// assert_eq!(body["messages"][0]["content"][0]["text"], "Hi");
/// # Ok::<(), pointsman_types::Error>(())
/// ```
pub fn write_request(mut chat: Chat, model: &str, losses: &mut Losses) -> Map<String, Value> {
    let mut body = Map::new();
    lose_unknown(&chat, losses);
    let (system, messages) = conversation(&chat.messages, losses);
    body.insert("max_tokens".into(), chat.max_output.unwrap_or(MAX_TOKENS).into());
    body.insert("messages".into(), messages.into());
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    for name in OWN {
        // OpenAI has a list by the name of one of them.
        if chat
            .rest
            .get(*name)
            .is_some_and(|value| *name != "context_management" || value.is_object())
            && let Some(value) = chat.rest.shift_remove(*name)
        {
            body.insert((*name).to_owned(), value);
        }
    }
    thinking(&mut chat, model, &mut body, losses);
    format(&mut chat, model, &mut body, losses);
    tools(&chat, &mut body, losses);
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.into(), value);
        }
    };
    // Newer models take one of the two only: one that changes nothing gives way.
    let top_p = chat.top_p.filter(|top_p| *top_p < 1.0 || chat.temperature.is_none());
    let temperature = chat.temperature.filter(|t| (t - 1.0).abs() > 1e-9 || top_p.is_none());
    set("temperature", temperature.map(Into::into));
    set("top_p", top_p.map(Into::into));
    set("top_k", chat.top_k.map(Into::into));
    set("stop_sequences", (!chat.stop.is_empty()).then(|| json!(chat.stop)));
    let noted = chat.metadata.as_ref().and_then(|notes| notes.get("user_id")?.as_str());
    let user = chat.user.as_deref().or(noted);
    set("metadata", user.map(|user| json!({"user_id": user})));
    let tier = match chat.service_tier.as_deref() {
        Some("auto") => Some("auto"),
        Some("default" | "standard_only") => Some("standard_only"),
        Some(_) => {
            losses.lose("service_tier");
            None
        }
        None => None,
    };
    set("service_tier", tier.map(Into::into));
    losses.rest(chat.rest, &mut body);
    body
}

/// What there are no words for; a value that is lost is taken out by `drop_params` alone.
fn lose_unknown(chat: &Chat, losses: &mut Losses) {
    losses.unless_none("n", &chat.n);
    losses.unless_none("seed", &chat.seed);
    losses.unless_none("frequency_penalty", &chat.frequency_penalty);
    losses.unless_none("presence_penalty", &chat.presence_penalty);
    losses.unless_none("logprobs", &chat.logprobs);
    losses.unless_none("top_logprobs", &chat.top_logprobs);
    if chat.modalities.iter().any(|what| what != "text") {
        losses.lose("modalities");
    }
}

/// The system's blocks, and the turns: roles alternate, results of tools come first in theirs.
fn conversation(messages: &[Message], losses: &mut Losses) -> (Vec<Value>, Vec<Value>) {
    let mut system = Vec::new();
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        if message.role != Role::Tool {
            losses.unless_none("messages.name", &message.name);
        }
        for name in message.rest.keys() {
            losses.lose(&format!("messages.{name}"));
        }
        let blocks = blocks_of(&message.parts, losses);
        let role = match message.role {
            Role::System | Role::Developer => {
                system.extend(blocks);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        if blocks.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    // There is no conversation of instructions alone: they are what the user says.
    if turns.is_empty() && !system.is_empty() {
        turns.push(("user", std::mem::take(&mut system)));
    }
    for (_, blocks) in &mut turns {
        blocks.sort_by_key(|block| block["type"] != "tool_result");
    }
    let turns = turns.into_iter().map(|(role, content)| json!({"role": role, "content": content}));
    (system, turns.collect())
}

fn thinking(chat: &mut Chat, model: &str, body: &mut Map<String, Value>, losses: &mut Losses) {
    let Some(how) = chat.reasoning else {
        cool(chat, losses);
        return;
    };
    if how.is_off() {
        body.insert("thinking".into(), json!({"type": "disabled"}));
        cool(chat, losses);
        return;
    }
    if let (None, true) = (how.budget, is_adaptive(model)) {
        body.insert("thinking".into(), json!({"type": "adaptive"}));
        if let Some(effort) = how.effort {
            let word = if effort == Effort::Minimal { "low" } else { effort.name() };
            let config = body.entry("output_config").or_insert_with(|| json!({}));
            if config.is_object() {
                config["effort"] = word.into();
            }
        }
    } else {
        let wanted = how.budget.unwrap_or_else(|| how.effort.unwrap_or(Effort::Medium).budget());
        let budget = wanted.max(LEAST_BUDGET);
        // The budget is within the bound on the answer.
        let budget = match chat.max_output {
            None => {
                body.insert("max_tokens".into(), (budget + MAX_TOKENS).into());
                budget
            }
            Some(most) if most > LEAST_BUDGET => budget.min(most - 1),
            Some(_) => {
                losses.lose("reasoning_effort");
                return;
            }
        };
        body.insert("thinking".into(), json!({"type": "enabled", "budget_tokens": budget}));
    }
    // Whoever thinks samples at 1.
    if chat.temperature.take().is_some_and(|temperature| (temperature - 1.0).abs() > 1e-9) {
        losses.lose("temperature");
    }
    if matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_))) {
        losses.lose("tool_choice");
        chat.tool_choice = None;
    }
}

/// Anthropic's scale ends at 1.
fn cool(chat: &mut Chat, losses: &mut Losses) {
    if chat.temperature.is_some_and(|temperature| temperature > 1.0) {
        losses.lose("temperature");
        chat.temperature = Some(1.0);
    }
}

/// A schema where the model has formats; else the answer is a call of a tool of that schema, which
/// the neutral form turns back into text.
fn format(chat: &mut Chat, model: &str, body: &mut Map<String, Value>, losses: &mut Losses) {
    let schema = match &chat.format {
        None | Some(Format::Text) => return,
        Some(Format::Schema { schema, .. }) if has_formats(model) => {
            let config = body.entry("output_config").or_insert_with(|| json!({}));
            if config.is_object() {
                config["format"] = json!({"type": "json_schema", "schema": closed(schema)});
            }
            return;
        }
        Some(Format::Schema { schema, .. }) => schema.clone(),
        Some(Format::Json) => json!({"type": "object", "additionalProperties": true}),
    };
    if chat.reasoning.is_some_and(|how| !how.is_off()) {
        // Whoever thinks cannot be made to call a tool.
        losses.lose("response_format");
        return;
    }
    chat.tool_choice = match (chat.tools.is_empty(), chat.tool_choice.take()) {
        (true, _) | (_, Some(ToolChoice::None)) => {
            Some(ToolChoice::Function(ANSWER_TOOL.to_owned()))
        }
        (false, Some(ToolChoice::Function(name))) => Some(ToolChoice::Function(name)),
        (false, _) => Some(ToolChoice::Required),
    };
    chat.tools.push(Tool::Function {
        name: ANSWER_TOOL.to_owned(),
        description: Some("Gives the answer.".to_owned()),
        schema: Some(schema),
        strict: None,
        cache: None,
    });
}

fn tools(chat: &Chat, body: &mut Map<String, Value>, losses: &mut Losses) {
    let mut tools: Vec<Value> =
        chat.tools.iter().filter_map(|tool| tool_of(tool, losses)).collect();
    let mut choice = match &chat.tool_choice {
        None => None,
        Some(ToolChoice::Auto) => Some(json!({"type": "auto"})),
        Some(ToolChoice::None) => Some(json!({"type": "none"})),
        Some(ToolChoice::Required) => Some(json!({"type": "any"})),
        Some(ToolChoice::Function(name)) => Some(json!({"type": "tool", "name": name})),
    };
    if tools.is_empty() {
        // A conversation with calls in it needs their tools, even if there are none to call now.
        tools = called(&chat.messages);
        choice = Some(json!({"type": "none"}));
    }
    if tools.is_empty() {
        return;
    }
    if chat.parallel_tool_calls == Some(false) {
        let choice = choice.get_or_insert_with(|| json!({"type": "auto"}));
        if choice["type"] != "none" {
            choice["disable_parallel_tool_use"] = true.into();
        }
    }
    body.insert("tools".into(), tools.into());
    if let Some(choice) = choice {
        body.insert("tool_choice".into(), choice);
    }
}

fn tool_of(tool: &Tool, losses: &mut Losses) -> Option<Value> {
    match tool {
        Tool::Function { name, description, schema, strict, cache } => {
            let mut schema = schema.clone().unwrap_or_else(|| json!({"properties": {}}));
            if let Some(members) = schema.as_object_mut() {
                members.entry("type").or_insert_with(|| "object".into());
            }
            let mut tool = json!({"name": name, "input_schema": schema});
            if let Some(description) = description {
                tool["description"] = description.as_str().into();
            }
            if *strict == Some(true) {
                tool["strict"] = true.into();
            }
            if let Some(cache) = cache {
                tool["cache_control"] = mark(*cache);
            }
            Some(tool)
        }
        Tool::Native(tool) => {
            // Anthropic's own tools carry the day of their version, and nobody else's do.
            let dated = |kind: &str| {
                kind.rsplit_once('_')
                    .is_some_and(|(_, day)| day.len() == 8 && day.parse::<u32>().is_ok())
            };
            let own =
                tool["type"].as_str().is_some_and(|kind| dated(kind) || kind == "mcp_toolset");
            if !own {
                losses.lose("tools");
            }
            own.then(|| tool.clone())
        }
    }
}

/// The tools that a conversation speaks of.
fn called(messages: &[Message]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    let parts = messages.iter().flat_map(|message| &message.parts);
    for Part { content, .. } in parts {
        if let Content::ToolCall(call) = content
            && !names.contains(&call.name.as_str())
        {
            names.push(&call.name);
        }
    }
    let tool = |name| json!({"name": name, "input_schema": {"type": "object", "properties": {}}});
    names.into_iter().map(tool).collect()
}
