//! From Anthropic's request.

use serde_json::{Map, Value};

use super::blocks::parts_of;
use crate::{
    BodyFault,
    chat::{
        Chat, Content, Effort, Format, Message, Part, Reasoning, Role, Tool, ToolChoice,
        fields::Fields, openai::cache_of,
    },
};

/// Reads a body; the router's own members are out already.
pub(crate) fn read(members: Map<String, Value>) -> Result<Chat, BodyFault> {
    let mut body = Fields::top(members);
    let mut chat = Chat::default();
    let system = parts_of(&mut body, "system")?;
    if !system.is_empty() {
        chat.messages.push(Message::new(Role::System, system));
    }
    for (at, message) in body.list("messages")?.into_iter().enumerate() {
        message_of(message, format!("messages[{at}]"), &mut chat.messages)?;
    }
    for (at, tool) in body.list("tools")?.into_iter().enumerate() {
        chat.tools.push(tool_of(tool, format!("tools[{at}]"))?);
    }
    if let Some(choice) = body.object("tool_choice")? {
        choice_of(choice, &mut chat)?;
    }
    chat.stop = body.texts("stop_sequences")?;
    chat.max_output = body.whole("max_tokens")?;
    chat.temperature = body.number("temperature")?;
    chat.top_p = body.number("top_p")?;
    chat.top_k = body.whole("top_k")?;
    thinking(&mut body, &mut chat)?;
    if let Some(mut metadata) = body.object("metadata")? {
        chat.user = metadata.text("user_id")?;
    }
    chat.service_tier = body.text("service_tier")?.map(|tier| match tier.as_str() {
        "standard_only" => "default".to_owned(),
        _ => tier,
    });
    chat.stream = body.flag("stream")?.unwrap_or(false);
    body.value("model");
    clear_thoughts(&mut body);
    chat.rest = body.rest();
    Ok(chat)
}

/// To leave out old thoughts is what every translation does anyway.
fn clear_thoughts(body: &mut Fields) {
    let edits = body.peek("context_management").and_then(|how| how.get("edits"));
    let thoughts =
        |edit: &Value| edit["type"].as_str().is_some_and(|kind| kind.starts_with("clear_thinking"));
    if edits.and_then(Value::as_array).is_some_and(|edits| edits.iter().all(thoughts)) {
        body.value("context_management");
    }
}

/// `thinking`, and `output_config` with its effort and its format.
fn thinking(body: &mut Fields, chat: &mut Chat) -> Result<(), BodyFault> {
    if let Some(mut thinking) = body.object("thinking")? {
        chat.reasoning = Some(match thinking.needed("type")?.as_str() {
            "disabled" => Reasoning { effort: Some(Effort::None), budget: None },
            _ => Reasoning { effort: None, budget: thinking.whole("budget_tokens")? },
        });
    }
    let mut format = body.object("output_format")?;
    if let Some(mut config) = body.object("output_config")? {
        if let Some(word) = config.text("effort")? {
            let effort =
                Effort::of(&word).ok_or_else(|| config.fault("effort", "is no known effort"))?;
            let off = chat.reasoning.is_some_and(Reasoning::is_off);
            if !off {
                chat.reasoning.get_or_insert_default().effort = Some(effort);
            }
        }
        format = config.object("format")?.or(format);
    }
    if let Some(mut format) = format {
        let schema = format.value("schema");
        chat.format = Some(Format::Schema {
            name: "answer".into(),
            description: None,
            schema: schema.ok_or_else(|| format.fault("schema", "is missing"))?,
            strict: Some(true),
        });
    }
    Ok(())
}

/// A user's message with results of tools in it is several: the results come first.
fn message_of(value: Value, at: String, out: &mut Vec<Message>) -> Result<(), BodyFault> {
    let mut fields = Fields::at(value, at)?;
    let role = match fields.needed("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        other => return Err(fields.fault("role", &format!("is no role: {other:?}"))),
    };
    let parts = parts_of(&mut fields, "content")?;
    let is_result = |part: &Part| matches!(part.content, Content::ToolResult { .. });
    let (results, others): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(is_result);
    out.extend(results.into_iter().map(|result| Message::new(Role::Tool, vec![result])));
    if !others.is_empty() {
        out.push(Message { role, parts: others, name: None, rest: fields.rest() });
    }
    Ok(())
}

fn tool_of(value: Value, at: String) -> Result<Tool, BodyFault> {
    if value.get("type").is_some_and(|kind| kind != "custom" && !kind.is_null()) {
        return Ok(Tool::Native(value));
    }
    let mut fields = Fields::at(value, at)?;
    Ok(Tool::Function {
        name: fields.needed("name")?,
        description: fields.text("description")?,
        schema: fields.value("input_schema"),
        strict: fields.flag("strict")?,
        cache: cache_of(&mut fields)?,
    })
}

fn choice_of(mut choice: Fields, chat: &mut Chat) -> Result<(), BodyFault> {
    chat.tool_choice = Some(match choice.needed("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Function(choice.needed("name")?),
        other => return Err(choice.fault("type", &format!("is no choice: {other:?}"))),
    });
    if choice.flag("disable_parallel_tool_use")? == Some(true) {
        chat.parallel_tool_calls = Some(false);
    }
    Ok(())
}
