//! To the body of `/api/chat`.

use pointsman_provider::chat::{Chat, Effort, Format, Losses, Reasoning, Tool, ToolChoice};
use pointsman_types::Error;
use serde_json::{Map, Value, json};

use crate::{
    messages::written,
    options::{put, set, taken},
};

/// The body of a call of `/api/chat`, without `model`. What Ollama has no words for goes to
/// `losses`.
///
/// # Errors
///
/// Kind `BadRequest`, when `options` is no object.
pub(crate) fn write(
    mut chat: Chat,
    model: &str,
    losses: &mut Losses,
) -> Result<Map<String, Value>, Error> {
    lose_unknown(&chat, losses);
    let mut options = taken(&mut chat.rest)?;
    sampling(&chat, &mut options);
    let mut body = Map::new();
    body.insert("messages".into(), written(&chat.messages, losses).into());
    // Ollama streams unless it is told not to.
    body.insert("stream".into(), chat.stream.into());
    tools(&chat, &mut body, losses);
    match &chat.format {
        None | Some(Format::Text) => {}
        Some(Format::Json) => set(&mut body, "format", Some("json")),
        Some(Format::Schema { schema, .. }) => set(&mut body, "format", Some(schema.clone())),
    }
    set(&mut body, "think", chat.reasoning.map(|how| think(how, model)));
    set(&mut body, "logprobs", chat.logprobs);
    set(&mut body, "top_logprobs", chat.top_logprobs);
    put(options, &mut body);
    losses.rest(chat.rest, &mut body);
    Ok(body)
}

/// What there are no words for; a value that is lost is taken out by `drop_params` alone.
fn lose_unknown(chat: &Chat, losses: &mut Losses) {
    losses.unless_none("n", &chat.n);
    if chat.modalities.iter().any(|what| what != "text") {
        losses.lose("modalities");
    }
    if chat.service_tier.as_deref().is_some_and(|tier| !matches!(tier, "auto" | "default")) {
        losses.lose("service_tier");
    }
}

fn sampling(chat: &Chat, options: &mut Map<String, Value>) {
    set(options, "num_predict", chat.max_output);
    set(options, "temperature", chat.temperature);
    set(options, "top_p", chat.top_p);
    set(options, "top_k", chat.top_k);
    set(options, "seed", chat.seed);
    set(options, "frequency_penalty", chat.frequency_penalty);
    set(options, "presence_penalty", chat.presence_penalty);
    set(options, "stop", (!chat.stop.is_empty()).then(|| json!(chat.stop)));
}

/// Whether the model thinks; how much can be told to gpt-oss alone, in three words.
fn think(how: Reasoning, model: &str) -> Value {
    if how.is_off() {
        return false.into();
    }
    if !model.contains("gpt-oss") {
        return true.into();
    }
    match how.effort.or(how.budget.map(Effort::of_budget)) {
        None => true.into(),
        Some(Effort::None | Effort::Minimal | Effort::Low) => "low".into(),
        Some(Effort::Medium) => "medium".into(),
        Some(Effort::High | Effort::XHigh | Effort::Max) => "high".into(),
    }
}

/// There is no choice: functions that may not be called are left out, and none can be a must.
fn tools(chat: &Chat, body: &mut Map<String, Value>, losses: &mut Losses) {
    match chat.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => return,
        Some(ToolChoice::Required | ToolChoice::Function(_)) => losses.lose("tool_choice"),
    }
    let mut tools = Vec::new();
    for tool in &chat.tools {
        let Tool::Function { name, description, schema, strict, .. } = tool else {
            losses.lose("tools");
            continue;
        };
        if *strict == Some(true) {
            losses.lose("tools.function.strict");
        }
        let empty = || json!({"type": "object", "properties": {}});
        let schema = schema.clone().unwrap_or_else(empty);
        let mut function = json!({"name": name, "parameters": schema});
        if let Some(description) = description {
            function["description"] = description.as_str().into();
        }
        tools.push(json!({"type": "function", "function": function}));
    }
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
}
