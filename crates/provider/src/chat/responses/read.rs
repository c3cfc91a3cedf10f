//! From a Responses request.

use serde_json::{Map, Value};

use super::{HIDDEN, SEAL};
use crate::{
    BodyFault,
    chat::{
        Chat, Content, Effort, Format, Message, Part, Reasoning, Role, Source, Tool, ToolCall,
        fields::{Fields, wrong},
        openai::choice_of,
    },
};

/// Reads a body; the router's own members are out already.
pub(crate) fn read(members: Map<String, Value>) -> Result<Chat, BodyFault> {
    let mut body = Fields::top(members);
    let mut chat = Chat::default();
    if let Some(text) = body.text("instructions")? {
        chat.messages.push(Message::new(Role::System, vec![Part::text(text)]));
    }
    match body.value("input") {
        None => {}
        Some(Value::String(text)) => {
            chat.messages.push(Message::new(Role::User, vec![Part::text(text)]));
        }
        Some(Value::Array(items)) => {
            for (at, item) in items.into_iter().enumerate() {
                item_of(item, format!("input[{at}]"), &mut chat.messages)?;
            }
        }
        Some(other) => return Err(wrong("input", "a string or an array of items", &other)),
    }
    for (at, tool) in body.list("tools")?.into_iter().enumerate() {
        chat.tools.push(tool_of(tool, format!("tools[{at}]"))?);
    }
    let choice = body.value("tool_choice");
    chat.tool_choice = choice.map(|choice| choice_of(choice, &mut chat.tools)).transpose()?;
    chat.parallel_tool_calls = body.flag("parallel_tool_calls")?.filter(|parallel| !parallel);
    chat.max_output = body.whole("max_output_tokens")?;
    chat.temperature = body.number("temperature")?;
    chat.top_p = body.number("top_p")?;
    chat.top_logprobs = body.whole("top_logprobs")?.filter(|top| *top > 0);
    chat.user = body.text("user")?.or(body.text("safety_identifier")?);
    chat.metadata = body.object("metadata")?.map(Fields::rest).filter(|notes| !notes.is_empty());
    chat.service_tier = body.text("service_tier")?;
    chat.stream = body.flag("stream")?.unwrap_or(false);
    if let Some(how) = body.object("reasoning")? {
        chat.reasoning = reasoning(how)?;
    }
    if let Some(text) = body.object("text")? {
        format(text, &mut chat)?;
    }
    expected(&mut body);
    chat.rest.extend(body.rest());
    Ok(chat)
}

/// Takes out what is so anyway.
fn expected(body: &mut Fields) {
    body.value("model");
    body.value("stream_options");
    let same = |name: &str, value: &Value| match name {
        "store" | "background" => value == false,
        "truncation" => value == "disabled",
        "include" => value
            .as_array()
            .is_some_and(|list| list.iter().all(|what| what == "reasoning.encrypted_content")),
        _ => false,
    };
    for name in ["store", "background", "truncation", "include"] {
        if body.peek(name).is_some_and(|value| same(name, value)) {
            body.value(name);
        }
    }
}

fn reasoning(mut how: Fields) -> Result<Option<Reasoning>, BodyFault> {
    let Some(word) = how.text("effort")? else { return Ok(None) };
    let effort = Effort::of(&word).ok_or_else(|| how.fault("effort", "is no known effort"))?;
    Ok(Some(Reasoning { effort: Some(effort), budget: None }))
}

fn format(mut text: Fields, chat: &mut Chat) -> Result<(), BodyFault> {
    if let Some(verbosity) = text.text("verbosity")?.filter(|word| word != "medium") {
        chat.rest.insert("verbosity".into(), verbosity.into());
    }
    let Some(mut format) = text.object("format")? else { return Ok(()) };
    chat.format = match format.needed("type")?.as_str() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => {
            let schema = format.value("schema");
            Some(Format::Schema {
                name: format.text("name")?.unwrap_or_else(|| "answer".into()),
                description: format.text("description")?,
                schema: schema.ok_or_else(|| format.fault("schema", "is missing"))?,
                strict: format.flag("strict")?,
            })
        }
        other => return Err(format.fault("type", &format!("is no known form: {other:?}"))),
    };
    Ok(())
}

/// What the model said and did in a row is one message.
fn item_of(value: Value, at: String, out: &mut Vec<Message>) -> Result<(), BodyFault> {
    let original = value.clone();
    let mut item = Fields::at(value, at)?;
    let kind = item.text("type")?.unwrap_or_else(|| "message".into());
    let part: Part = match kind.as_str() {
        "message" => return message_of(&mut item, out),
        "function_call" => {
            let arguments = item.text("arguments")?.filter(|text| !text.trim().is_empty());
            Content::ToolCall(ToolCall {
                id: item.needed("call_id")?,
                name: item.needed("name")?,
                arguments: arguments.unwrap_or_else(|| "{}".into()),
                signature: None,
            })
            .into()
        }
        "reasoning" => thought_of(&mut item)?.into(),
        "function_call_output" => {
            let id = item.needed("call_id")?;
            let parts = content_of(&mut item, "output")?;
            let result = Content::ToolResult { id, parts, is_error: false }.into();
            out.push(Message::new(Role::Tool, vec![result]));
            return Ok(());
        }
        "item_reference" => {
            return Err(item.fault("id", "refers to what was kept at another vendor"));
        }
        _ => Content::Other(original).into(),
    };
    assistant(vec![part], out);
    Ok(())
}

fn assistant(parts: Vec<Part>, out: &mut Vec<Message>) {
    match out.last_mut() {
        Some(last) if last.role == Role::Assistant => last.parts.extend(parts),
        _ => out.push(Message::new(Role::Assistant, parts)),
    }
}

fn thought_of(item: &mut Fields) -> Result<Content, BodyFault> {
    let texts = |list: Vec<Value>| -> String {
        let texts: Vec<&str> = list.iter().filter_map(|piece| piece["text"].as_str()).collect();
        texts.join("\n")
    };
    let summary = texts(item.list("summary")?);
    let whole = texts(item.list("content")?);
    let sealed = item.text("encrypted_content")?.unwrap_or_default();
    Ok(Content::Reasoning {
        text: if whole.is_empty() { summary } else { whole },
        signature: sealed.strip_prefix(SEAL).map(str::to_owned),
        hidden: sealed.strip_prefix(HIDDEN).map(str::to_owned),
    })
}

fn message_of(item: &mut Fields, out: &mut Vec<Message>) -> Result<(), BodyFault> {
    let role = match item.needed("role")?.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(item.fault("role", &format!("is no role: {other:?}"))),
    };
    let parts = content_of(item, "content")?;
    if role == Role::Assistant {
        assistant(parts, out);
    } else {
        out.push(Message::new(role, parts));
    }
    Ok(())
}

fn content_of(fields: &mut Fields, name: &str) -> Result<Vec<Part>, BodyFault> {
    let at = fields.path(name);
    let list = match fields.value(name) {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => return Ok(vec![Part::text(text)]),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(wrong(&at, "a string or an array of parts", &other)),
    };
    let part = |(nth, part): (usize, Value)| part_of(part, format!("{at}[{nth}]"));
    list.into_iter().enumerate().map(part).collect()
}

fn part_of(value: Value, at: String) -> Result<Part, BodyFault> {
    let original = value.clone();
    let mut part = Fields::at(value, at)?;
    let content = match part.needed("type")?.as_str() {
        "input_text" | "output_text" | "text" | "summary_text" => {
            return Ok(Part::text(part.needed("text")?));
        }
        "refusal" => Content::Refusal(part.needed("refusal")?),
        "input_image" => {
            let source = match (part.text("image_url")?, part.text("file_id")?) {
                (Some(url), _) => Source::of_url(&url),
                (None, Some(id)) => Source::Id(id),
                (None, None) => return Err(part.fault("image_url", "is missing")),
            };
            Content::Image { source, detail: part.text("detail")? }
        }
        "input_file" => file(&mut part)?,
        "input_audio" => {
            let inner = part.object("input_audio")?;
            let mut inner = inner.ok_or_else(|| part.fault("input_audio", "is missing"))?;
            let format = inner.text("format")?.unwrap_or_else(|| "wav".into());
            let base64 = inner.needed("data")?;
            let source = Source::Data { media_type: format!("audio/{format}"), base64 };
            Content::Audio { source, transcript: None }
        }
        _ => Content::Other(original),
    };
    Ok(content.into())
}

fn file(part: &mut Fields) -> Result<Content, BodyFault> {
    let name = part.text("filename")?;
    let data = part.text("file_data")?;
    let source = match (data, part.text("file_url")?, part.text("file_id")?) {
        (Some(data), ..) if data.contains(':') => Source::of_url(&data),
        (Some(base64), ..) => Source::Data { media_type: "application/pdf".into(), base64 },
        (None, Some(url), _) => Source::Url(url),
        (None, None, Some(id)) => Source::Id(id),
        (None, None, None) => return Err(part.fault("file_data", "is missing")),
    };
    Ok(Content::File { source, name })
}

fn tool_of(value: Value, at: String) -> Result<Tool, BodyFault> {
    if value.get("type").is_none_or(|kind| kind != "function") {
        return Ok(Tool::Native(value));
    }
    let mut fields = Fields::at(value, at)?;
    Ok(Tool::Function {
        name: fields.needed("name")?,
        description: fields.text("description")?,
        schema: fields.value("parameters"),
        strict: fields.flag("strict")?,
        cache: None,
    })
}
