//! From Google's request.

use serde_json::{Map, Value};

use super::{config, object, open, parts::Turns, schema::json_schema, several};
use crate::{
    BodyFault,
    chat::{Chat, Fields, Message, Role, Tool, ToolChoice, fields::wrong},
};

/// Reads a body; the router's own members are out already.
pub(crate) fn read(members: Map<String, Value>) -> Result<Chat, BodyFault> {
    let mut body = open(Value::Object(members), String::new())?;
    // What is counted may be a whole call.
    if let Some(call) = object(&mut body, "generateContentRequest")? {
        body = call;
    }
    let mut chat = Chat::default();
    let mut turns = Turns::default();
    if let Some(system) = body.value("systemInstruction") {
        let parts = turns.system(system, body.path("systemInstruction"))?;
        if !parts.is_empty() {
            chat.messages.push(Message::new(Role::System, parts));
        }
    }
    let at = body.path("contents");
    match body.value("contents") {
        None => {}
        Some(Value::Array(list)) => {
            for (nth, content) in list.into_iter().enumerate() {
                turns.content(content, format!("{at}[{nth}]"), &mut chat.messages)?;
            }
        }
        Some(one) => turns.content(one, at, &mut chat.messages)?,
    }
    for (nth, tool) in several(&mut body, "tools")?.into_iter().enumerate() {
        let at = format!("{}[{nth}]", body.path("tools"));
        tool_of(tool, at, &mut chat.tools)?;
    }
    if let Some(how) = object(&mut body, "toolConfig")? {
        choice_of(how, &mut chat)?;
    }
    if let Some(how) = object(&mut body, "generationConfig")? {
        config::read(how, &mut chat)?;
    }
    chat.service_tier = body.text("serviceTier")?.and_then(|tier| {
        let tier = tier.to_ascii_lowercase();
        match tier.as_str() {
            "unspecified" | "service_tier_unspecified" => None,
            "standard" => Some("default".to_owned()),
            _ => Some(tier),
        }
    });
    chat.stream = body.flag("stream")?.unwrap_or(false);
    body.value("model");
    if body.peek("safetySettings").is_some_and(filters_nothing) {
        body.value("safetySettings");
    }
    if body.peek("store").is_some_and(|store| store == false) {
        body.value("store");
    }
    chat.rest.extend(body.rest());
    Ok(chat)
}

/// Who wants no filter of Google's gets none anywhere.
fn filters_nothing(settings: &Value) -> bool {
    const NONE: [&str; 2] = ["BLOCK_NONE", "OFF"];
    let none = |one: &Value| one["threshold"].as_str().is_some_and(|word| NONE.contains(&word));
    settings.as_array().is_some_and(|list| list.iter().all(none))
}

/// One entry of `tools` declares several functions, or is a tool of Google's own.
fn tool_of(value: Value, at: String, out: &mut Vec<Tool>) -> Result<(), BodyFault> {
    let mut entry = open(value, at)?;
    let path = entry.path("functionDeclarations");
    for (nth, function) in several(&mut entry, "functionDeclarations")?.into_iter().enumerate() {
        let mut function = open(function, format!("{path}[{nth}]"))?;
        let schema = match function.value("parametersJsonSchema") {
            Some(schema) => Some(schema),
            None => function.value("parameters").map(|schema| json_schema(&schema)),
        };
        out.push(Tool::Function {
            name: function.needed("name")?,
            description: function.text("description")?,
            schema,
            strict: None,
            cache: None,
        });
    }
    for (name, how) in entry.rest() {
        out.push(Tool::Native(Value::Object(Map::from_iter([(name, how)]))));
    }
    Ok(())
}

fn choice_of(mut how: Fields, chat: &mut Chat) -> Result<(), BodyFault> {
    if let Some(mut calling) = object(&mut how, "functionCallingConfig")? {
        let allowed = calling.texts("allowedFunctionNames")?;
        chat.tool_choice = match calling.text("mode")?.unwrap_or_default().as_str() {
            "" | "MODE_UNSPECIFIED" => None,
            // Calls that match their schema, or text.
            "AUTO" | "VALIDATED" => Some(ToolChoice::Auto),
            "NONE" => Some(ToolChoice::None),
            "ANY" => Some(match allowed.as_slice() {
                [one] => ToolChoice::Function(one.clone()),
                _ => ToolChoice::Required,
            }),
            other => {
                return Err(wrong(
                    &calling.path("mode"),
                    "AUTO, ANY, NONE or VALIDATED",
                    &Value::String(other.to_owned()),
                ));
            }
        };
        // Of several, the others cannot be called: they are as good as not there.
        if allowed.len() > 1 {
            chat.tools.retain(|tool| match tool {
                Tool::Function { name, .. } => allowed.contains(name),
                Tool::Native(_) => true,
            });
        }
    }
    for (name, value) in how.rest() {
        chat.rest.insert(format!("toolConfig.{name}"), value);
    }
    Ok(())
}
