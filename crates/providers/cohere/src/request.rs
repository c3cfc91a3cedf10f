//! To Cohere's request.

use pointsman_provider::chat::{ANSWER_TOOL, Chat, Effort, Format, Losses, Tool, ToolChoice};
use serde_json::{Map, Value, json};

use crate::messages::{Conversation, add_documents};

/// The body of a call of `/v2/chat`, without `model` and `stream`. What Cohere has no words for
/// goes to `losses`.
pub(crate) fn write(mut chat: Chat, losses: &mut Losses) -> Map<String, Value> {
    lose_unknown(&chat, losses);
    let mut body = Map::new();
    let said = Conversation::of(&chat.messages, losses);
    body.insert("messages".into(), said.messages.into());
    if let Some(documents) = chat.rest.shift_remove("documents") {
        body.insert("documents".into(), documents);
    }
    add_documents(&mut body, said.documents);
    format(&mut chat, &mut body, losses);
    tools(&chat, &mut body, losses);
    sampling(&chat, &mut body, losses);
    losses.rest(chat.rest, &mut body);
    body
}

/// What there are no words for; a value that is lost is taken out by `drop_params` alone.
fn lose_unknown(chat: &Chat, losses: &mut Losses) {
    losses.unless_none("n", &chat.n);
    losses.unless_none("top_logprobs", &chat.top_logprobs);
    if chat.modalities.iter().any(|what| what != "text") {
        losses.lose("modalities");
    }
    if chat.service_tier.as_deref().is_some_and(|tier| !matches!(tier, "auto" | "default")) {
        losses.lose("service_tier");
    }
}

fn sampling(chat: &Chat, body: &mut Map<String, Value>, losses: &mut Losses) {
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.into(), value);
        }
    };
    set("max_tokens", chat.max_output.map(Into::into));
    set("stop_sequences", (!chat.stop.is_empty()).then(|| json!(chat.stop)));
    set("temperature", chat.temperature.map(Into::into));
    // Cohere's scale has neither end of OpenAI's.
    set("p", chat.top_p.map(|p| p.clamp(0.01, 0.99).into()));
    set("k", chat.top_k.map(Into::into));
    set("seed", chat.seed.map(Into::into));
    set("logprobs", chat.logprobs.map(Into::into));
    for (name, penalty) in
        [("frequency_penalty", chat.frequency_penalty), ("presence_penalty", chat.presence_penalty)]
    {
        // Cohere's scale is 0 to 1.
        match penalty {
            Some(penalty) if (0.0..=1.0).contains(&penalty) => set(name, Some(penalty.into())),
            Some(_) => losses.lose(name),
            None => {}
        }
    }
    set(
        "thinking",
        chat.reasoning.map(|how| match (how.budget, how.effort) {
            (_, Some(Effort::None)) => json!({"type": "disabled"}),
            (None, None) => json!({"type": "enabled"}),
            (budget, effort) => {
                let budget = budget.or(effort.map(Effort::budget));
                json!({"type": "enabled", "token_budget": budget})
            }
        }),
    );
}

/// JSON and schemas as Cohere has them; beside tools, where it has none, the answer is a call of a
/// tool of that schema, which the neutral form turns back into text.
fn format(chat: &mut Chat, body: &mut Map<String, Value>, losses: &mut Losses) {
    let schema = match &chat.format {
        None | Some(Format::Text) => return,
        Some(Format::Json) => None,
        Some(Format::Schema { schema, .. }) => Some(schema.clone()),
    };
    if body.contains_key("documents") {
        losses.lose("response_format");
        return;
    }
    if chat.tool_choice == Some(ToolChoice::None) {
        // Tools that may not be called are as if they were not there.
        chat.tools.clear();
    }
    if chat.tools.is_empty() {
        let mut form = json!({"type": "json_object"});
        if let Some(schema) = schema {
            form["json_schema"] = schema;
        }
        body.insert("response_format".into(), form);
        return;
    }
    if !matches!(chat.tool_choice, Some(ToolChoice::Function(_))) {
        chat.tool_choice = Some(ToolChoice::Required);
    }
    chat.tools.push(Tool::Function {
        name: ANSWER_TOOL.to_owned(),
        description: Some("Gives the answer.".to_owned()),
        schema: Some(schema.unwrap_or_else(|| json!({"type": "object"}))),
        strict: None,
        cache: None,
    });
}

/// There is no choice of one function: it is a must among this one alone.
fn tools(chat: &Chat, body: &mut Map<String, Value>, losses: &mut Losses) {
    let only = match &chat.tool_choice {
        Some(ToolChoice::Function(name)) => Some(name),
        _ => None,
    };
    let (mut tools, mut exact) = (Vec::new(), false);
    for tool in &chat.tools {
        let Tool::Function { name, description, schema, strict, .. } = tool else {
            losses.lose("tools");
            continue;
        };
        if only.is_some_and(|only| only != name) {
            continue;
        }
        exact |= *strict == Some(true);
        let empty = || json!({"type": "object", "properties": {}});
        let schema = schema.clone().unwrap_or_else(empty);
        let mut function = json!({"name": name, "parameters": schema});
        if let Some(description) = description {
            function["description"] = description.as_str().into();
        }
        tools.push(json!({"type": "function", "function": function}));
    }
    if tools.is_empty() {
        if matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_))) {
            losses.lose("tool_choice");
        }
        return;
    }
    body.insert("tools".into(), tools.into());
    if exact {
        body.insert("strict_tools".into(), true.into());
    }
    let choice = match &chat.tool_choice {
        None | Some(ToolChoice::Auto) => return,
        Some(ToolChoice::None) => "NONE",
        Some(ToolChoice::Required | ToolChoice::Function(_)) => "REQUIRED",
    };
    body.insert("tool_choice".into(), choice.into());
}
