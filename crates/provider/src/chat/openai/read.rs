//! From OpenAI's chat request.

use serde_json::{Map, Value};

use super::reply::thought;
use crate::{
    BodyFault,
    chat::{
        Cache, Chat, Content, Effort, Format, Message, Part, Reasoning, Role, Source, Tool,
        ToolCall, ToolChoice,
        fields::{Fields, wrong},
    },
};

/// Reads a body; the router's own members are out already.
pub(crate) fn read(members: Map<String, Value>) -> Result<Chat, BodyFault> {
    let mut body = Fields::top(members);
    let mut chat = Chat::default();
    for (at, message) in body.list("messages")?.into_iter().enumerate() {
        chat.messages.push(message_of(message, format!("messages[{at}]"))?);
    }
    for (at, tool) in body.list("tools")?.into_iter().enumerate() {
        chat.tools.push(tool_of(tool, format!("tools[{at}]"))?);
    }
    for (at, function) in body.list("functions")?.into_iter().enumerate() {
        let fields = Fields::at(function, format!("functions[{at}]"))?;
        chat.tools.push(function_of(fields, None)?);
    }
    let old_choice = body.value("function_call");
    let choice = body.value("tool_choice").or(old_choice);
    chat.tool_choice = choice.map(|choice| choice_of(choice, &mut chat.tools)).transpose()?;
    chat.parallel_tool_calls = body.flag("parallel_tool_calls")?;
    chat.format = body.object("response_format")?.map(format_of).transpose()?;
    chat.stop = body.texts("stop")?;
    let old_limit = body.whole("max_tokens")?;
    chat.max_output = body.whole("max_completion_tokens")?.or(old_limit);
    sampling(&mut body, &mut chat)?;
    chat.reasoning = reasoning(&mut body)?;
    chat.modalities = body.texts("modalities")?;
    chat.user = body.text("user")?;
    chat.metadata = body.object("metadata")?.map(Fields::rest);
    chat.service_tier = body.text("service_tier")?;
    chat.stream = body.flag("stream")?.unwrap_or(false);
    for read_elsewhere in ["model", "stream_options"] {
        body.value(read_elsewhere);
    }
    // What every other vendor does anyway: not to keep the answer, and to say as much as fits.
    for (name, usual) in [("store", Value::Bool(false)), ("verbosity", "medium".into())] {
        if body.peek(name) == Some(&usual) {
            body.value(name);
        }
    }
    chat.rest = body.rest();
    Ok(chat)
}

fn sampling(body: &mut Fields, chat: &mut Chat) -> Result<(), BodyFault> {
    chat.n = body.whole("n")?.filter(|n| *n != 1);
    chat.temperature = body.number("temperature")?;
    chat.top_p = body.number("top_p")?;
    chat.top_k = body.whole("top_k")?;
    // A penalty of nothing is none.
    chat.frequency_penalty = body.number("frequency_penalty")?.filter(|penalty| *penalty != 0.0);
    chat.presence_penalty = body.number("presence_penalty")?.filter(|penalty| *penalty != 0.0);
    chat.seed = body.integer("seed")?;
    chat.logprobs = body.flag("logprobs")?.filter(|wanted| *wanted);
    chat.top_logprobs = body.whole("top_logprobs")?;
    Ok(())
}

/// `reasoning_effort`, and `thinking` as in LiteLLM.
fn reasoning(body: &mut Fields) -> Result<Option<Reasoning>, BodyFault> {
    let effort = body.text("reasoning_effort")?;
    let effort = effort
        .map(|name| {
            Effort::of(&name).ok_or_else(|| body.fault("reasoning_effort", "is no known effort"))
        })
        .transpose()?;
    let thinking = body.object("thinking")?;
    if thinking.is_none() && effort.is_none() {
        return Ok(None);
    }
    let mut read = Reasoning { effort, budget: None };
    if let Some(mut thinking) = thinking {
        match thinking.text("type")?.as_deref() {
            Some("disabled") => read.effort = Some(Effort::None),
            _ => read.budget = thinking.whole("budget_tokens")?,
        }
    }
    Ok(Some(read))
}

fn message_of(value: Value, at: String) -> Result<Message, BodyFault> {
    let mut fields = Fields::at(value, at)?;
    let role = match fields.needed("role")?.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        other => return Err(fields.fault("role", &format!("is no role: {other:?}"))),
    };
    let name = fields.text("name")?;
    let cache = cache_of(&mut fields)?;
    let mut parts = content_of(&mut fields, "content")?;
    if role == Role::Assistant {
        said(&mut fields, &mut parts)?;
    }
    if let (Some(_), Some(last)) = (cache, parts.last_mut()) {
        last.cache = cache;
    }
    if role == Role::Tool {
        // A function of the older kind is answered by its name.
        let id = fields.text("tool_call_id")?.or_else(|| name.clone());
        let id = id.ok_or_else(|| fields.fault("tool_call_id", "is missing"))?;
        let cache = parts.last().and_then(|last| last.cache);
        let result = Content::ToolResult { id, parts, is_error: false };
        parts = vec![Part { content: result, cache }];
    }
    Ok(Message { role, parts, name, rest: fields.rest() })
}

/// What only the model says: thoughts before the text, a refusal and calls behind it.
fn said(fields: &mut Fields, parts: &mut Vec<Part>) -> Result<(), BodyFault> {
    let mut before = thoughts(fields)?;
    before.append(parts);
    *parts = before;
    if let Some(refusal) = fields.text("refusal")? {
        parts.push(Content::Refusal(refusal).into());
    }
    let at = fields.path("tool_calls");
    for (nth, call) in fields.list("tool_calls")?.into_iter().enumerate() {
        let mut call = Fields::at(call, format!("{at}[{nth}]"))?;
        let id = call.text("id")?.unwrap_or_default();
        let signature = signature_of(&mut call);
        let function = call.object("function")?;
        let mut function = function.ok_or_else(|| call.fault("function", "is missing"))?;
        parts.push(called(id, &mut function, signature)?.into());
    }
    if let Some(mut function) = fields.object("function_call")? {
        let id = function.peek("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        parts.push(called(id, &mut function, None)?.into());
    }
    // Members of answers that clients send back with them.
    for echoed in
        ["annotations", "images", "provider_specific_fields", "reasoning", "reasoning_details"]
    {
        fields.value(echoed);
    }
    Ok(())
}

fn called(
    id: String,
    function: &mut Fields,
    signature: Option<String>,
) -> Result<Content, BodyFault> {
    let name = function.needed("name")?;
    let arguments = match function.value("arguments") {
        None => "{}".to_owned(),
        Some(Value::String(text)) if text.trim().is_empty() => "{}".to_owned(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    Ok(Content::ToolCall(ToolCall { id, name, arguments, signature }))
}

/// `provider_specific_fields.thought_signature`, or Google's `extra_content`.
fn signature_of(call: &mut Fields) -> Option<String> {
    let own = call.value("provider_specific_fields");
    let google = call.value("extra_content");
    let text = |value: Option<&Value>| value?.as_str().map(str::to_owned);
    text(own.as_ref().and_then(|own| own.get("thought_signature")))
        .or_else(|| text(google.as_ref().and_then(|g| g.pointer("/google/thought_signature"))))
}

/// `thinking_blocks`, else `reasoning_content`, which has no seal.
fn thoughts(fields: &mut Fields) -> Result<Vec<Part>, BodyFault> {
    let at = fields.path("thinking_blocks");
    let mut parts = Vec::new();
    for (nth, block) in fields.list("thinking_blocks")?.into_iter().enumerate() {
        let mut block = Fields::at(block, format!("{at}[{nth}]"))?;
        let content = Content::Reasoning {
            text: block.text("thinking")?.unwrap_or_default(),
            signature: block.text("signature")?,
            hidden: block.text("data")?,
        };
        parts.push(content.into());
    }
    let plain = fields.text("reasoning_content")?;
    match (plain, parts.as_mut_slice()) {
        (Some(text), []) => {
            parts.push(Content::Reasoning { text, signature: None, hidden: None }.into());
        }
        // Streams tell a thought's text and its seal one after the other.
        (Some(text), [Part { content: Content::Reasoning { text: told, signature, .. }, .. }])
            if told.is_empty() && signature.is_some() =>
        {
            *told = text;
        }
        _ => {}
    }
    Ok(parts)
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
    if let Value::String(text) = value {
        return Ok(Part::text(text));
    }
    let original = value.clone();
    let mut fields = Fields::at(value, at)?;
    let kind = fields.needed("type")?;
    let cache = cache_of(&mut fields)?;
    let content = match kind.as_str() {
        "text" => Content::Text { text: fields.needed("text")?, citations: Vec::new() },
        "refusal" => Content::Refusal(fields.needed("refusal")?),
        "image_url" => image(&mut fields)?,
        "input_audio" => audio(&mut fields)?,
        "file" => file(&mut fields)?,
        "thinking" => Content::Reasoning {
            text: thought(&original["thinking"]).unwrap_or_default(),
            signature: fields.text("signature")?,
            hidden: None,
        },
        _ => Content::Other(original),
    };
    Ok(Part { content, cache })
}

fn image(fields: &mut Fields) -> Result<Content, BodyFault> {
    if fields.peek("image_url").is_some_and(Value::is_string) {
        let url = fields.needed("image_url")?;
        return Ok(Content::Image { source: Source::of_url(&url), detail: None });
    }
    let inner = fields.object("image_url")?;
    let mut inner = inner.ok_or_else(|| fields.fault("image_url", "is missing"))?;
    let source = Source::of_url(&inner.needed("url")?);
    Ok(Content::Image { source, detail: inner.text("detail")? })
}

fn audio(fields: &mut Fields) -> Result<Content, BodyFault> {
    let inner = fields.object("input_audio")?;
    let mut inner = inner.ok_or_else(|| fields.fault("input_audio", "is missing"))?;
    let format = inner.text("format")?.unwrap_or_else(|| "wav".into());
    let media_type = format!("audio/{format}");
    let source = Source::Data { media_type, base64: inner.needed("data")? };
    Ok(Content::Audio { source, transcript: None })
}

fn file(fields: &mut Fields) -> Result<Content, BodyFault> {
    let inner = fields.object("file")?;
    let mut inner = inner.ok_or_else(|| fields.fault("file", "is missing"))?;
    let name = inner.text("filename")?;
    let source = match (inner.text("file_data")?, inner.text("file_id")?) {
        (Some(data), _) if data.contains(':') => Source::of_url(&data),
        (Some(base64), _) => Source::Data { media_type: "application/pdf".into(), base64 },
        // As in LiteLLM, an address may stand for the id.
        (None, Some(id)) if id.contains("://") => Source::Url(id),
        (None, Some(id)) => Source::Id(id),
        (None, None) => return Err(inner.fault("file_data", "or `file_id` is missing")),
    };
    Ok(Content::File { source, name })
}

/// `cache_control`, as Anthropic and LiteLLM have it.
pub(crate) fn cache_of(fields: &mut Fields) -> Result<Option<Cache>, BodyFault> {
    let Some(mut mark) = fields.object("cache_control")? else { return Ok(None) };
    Ok(Some(match mark.text("ttl")?.as_deref() {
        None => Cache::Default,
        Some("5m") => Cache::Short,
        Some("1h") => Cache::Long,
        Some(other) => return Err(mark.fault("ttl", &format!("must be 5m or 1h, not {other:?}"))),
    }))
}

fn tool_of(value: Value, at: String) -> Result<Tool, BodyFault> {
    let function = value.get("type").is_none_or(|kind| kind == "function");
    if !function || value.get("function").is_none() {
        return Ok(Tool::Native(value));
    }
    let mut fields = Fields::at(value, at)?;
    let cache = cache_of(&mut fields)?;
    let inner = fields.object("function")?;
    function_of(inner.ok_or_else(|| fields.fault("function", "is missing"))?, cache)
}

fn function_of(mut fields: Fields, cache: Option<Cache>) -> Result<Tool, BodyFault> {
    let inner = cache_of(&mut fields)?;
    Ok(Tool::Function {
        name: fields.needed("name")?,
        description: fields.text("description")?,
        schema: fields.value("parameters"),
        strict: fields.flag("strict")?,
        cache: cache.or(inner),
    })
}

pub(crate) fn choice_of(value: Value, tools: &mut Vec<Tool>) -> Result<ToolChoice, BodyFault> {
    let at = "tool_choice";
    if let Value::String(word) = &value {
        return match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(wrong(at, "auto, none, required or a function", &value)),
        };
    }
    let mut fields = Fields::at(value, at.to_owned())?;
    if fields.text("type")?.as_deref() == Some("allowed_tools") {
        return allowed(&mut fields, tools);
    }
    let name = match fields.object("function")? {
        Some(mut function) => function.needed("name")?,
        None => fields.needed("name")?,
    };
    Ok(ToolChoice::Function(name))
}

/// A choice among some of the tools: the others are as if they were not there.
fn allowed(fields: &mut Fields, tools: &mut Vec<Tool>) -> Result<ToolChoice, BodyFault> {
    // Responses have them beside the type.
    let mut within = fields.object("allowed_tools")?;
    let inner = within.as_mut().unwrap_or(fields);
    let list = inner.list("tools")?;
    if list.is_empty() {
        return Err(inner.fault("tools", "names no tool"));
    }
    let named = |name: &str| {
        let of =
            |tool: &Value| tool.pointer("/function/name").or_else(|| tool.get("name")).cloned();
        list.iter().filter_map(of).any(|known| known == name)
    };
    tools.retain(|tool| match tool {
        Tool::Function { name, .. } => named(name),
        Tool::Native(_) => true,
    });
    let required = inner.text("mode")?.as_deref() == Some("required");
    Ok(if required { ToolChoice::Required } else { ToolChoice::Auto })
}

fn format_of(mut fields: Fields) -> Result<Format, BodyFault> {
    match fields.needed("type")?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => {
            let inner = fields.object("json_schema")?;
            let mut inner = inner.ok_or_else(|| fields.fault("json_schema", "is missing"))?;
            let schema = inner.value("schema");
            Ok(Format::Schema {
                name: inner.text("name")?.unwrap_or_else(|| "answer".into()),
                description: inner.text("description")?,
                schema: schema.ok_or_else(|| inner.fault("schema", "is missing"))?,
                strict: inner.flag("strict")?,
            })
        }
        other => Err(fields.fault("type", &format!("is no known form: {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat(body: Value) -> Result<Chat, BodyFault> {
        let Value::Object(members) = body else { panic!("no object") };
        read(members)
    }

    #[test]
    fn every_kind_of_message_and_part() {
        let read = chat(json!({"messages": [
            {"role": "developer", "content": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": "https://host.invalid/a.png"},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "video_url", "video_url": {"url": "x"}}]},
            {"role": "assistant", "content": null, "refusal": null,
             "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "s"},
                                 {"type": "redacted_thinking", "data": "d"}],
             "reasoning_content": "Hm",
             "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""},
                             "provider_specific_fields": {"thought_signature": "t"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "42"}]}))
        .unwrap();
        let [system, user, assistant, tool] = &read.messages[..] else { panic!("{read:?}") };
        assert_eq!((system.role, system.parts[0].cache), (Role::Developer, Some(Cache::Long)));
        assert_eq!(user.name.as_deref(), Some("ann"));
        assert_eq!(user.parts[0].cache, Some(Cache::Default));
        let png = Source::Data { media_type: "image/png".into(), base64: "AAAA".into() };
        assert_eq!(
            user.parts[1].content,
            Content::Image { source: png, detail: Some("low".into()) }
        );
        assert!(matches!(&user.parts[2].content, Content::Image { source: Source::Url(_), .. }));
        assert!(
            matches!(&user.parts[3].content, Content::Audio { source: Source::Data { media_type, .. }, .. } if media_type == "audio/mp3")
        );
        assert!(
            matches!(&user.parts[5].content, Content::File { source: Source::Id(id), .. } if id == "file-1")
        );
        assert!(matches!(&user.parts[6].content, Content::Other(_)));
        assert_eq!(assistant.parts.len(), 3);
        let call = ToolCall {
            id: "c1".into(),
            name: "f".into(),
            arguments: "{}".into(),
            signature: Some("t".into()),
        };
        assert_eq!(assistant.parts[2].content, Content::ToolCall(call));
        let result =
            Content::ToolResult { id: "c1".into(), parts: vec![Part::text("42")], is_error: false };
        assert_eq!(tool.parts[0].content, result);
    }

    #[test]
    fn parameters_and_what_is_left() {
        let read = chat(json!({
            "model": "m", "messages": [], "stream_options": {"include_usage": true},
            "max_tokens": 5, "max_completion_tokens": 9, "stop": "x", "n": 1, "logprobs": false,
            "thinking": {"type": "enabled", "budget_tokens": 2000}, "tool_choice": "required",
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": 2}}},
                      {"type": "web_search"}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
            "store": false, "verbosity": "low", "vendor_thing": {"b": 1}, "nothing": null}))
        .unwrap();
        assert_eq!((read.max_output, read.n, read.logprobs), (Some(9), None, None));
        assert_eq!(read.stop, ["x"]);
        assert_eq!(read.reasoning, Some(Reasoning { effort: None, budget: Some(2_000) }));
        assert_eq!(read.tool_choice, Some(ToolChoice::Required));
        let Tool::Function { schema: Some(schema), .. } = &read.tools[0] else {
            panic!("{read:?}")
        };
        assert_eq!(schema.to_string(), r#"{"z":1,"a":2}"#, "the order is the caller's");
        assert!(matches!(read.tools[1], Tool::Native(_)));
        assert!(matches!(read.format, Some(Format::Schema { .. })));
        let rest: Vec<&String> = read.rest.keys().collect();
        assert_eq!(rest, ["verbosity", "vendor_thing"]);
    }

    #[test]
    fn faults_name_the_place() {
        for (body, place) in [
            (json!({"messages": "x"}), "messages"),
            (json!({"messages": ["x"]}), "messages[0]"),
            (json!({"messages": [{"role": "king"}]}), "messages[0].role"),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
                "messages[0].content[0].text",
            ),
            (
                json!({"messages": [{"role": "assistant", "tool_calls": [{}]}]}),
                "messages[0].tool_calls[0].function",
            ),
            (json!({"messages": [{"role": "tool"}]}), "messages[0].tool_call_id"),
            (json!({"temperature": "hot"}), "temperature"),
            (json!({"max_tokens": -1}), "max_tokens"),
            (json!({"tool_choice": "maybe"}), "tool_choice"),
            (json!({"reasoning_effort": "huge"}), "reasoning_effort"),
            (json!({"response_format": {"type": "xml"}}), "response_format.type"),
            (json!({"tools": [{"type": "function", "function": {}}]}), "tools[0].name"),
        ] {
            let fault = chat(body.clone()).unwrap_err();
            let member = fault.member.as_deref().unwrap();
            assert_eq!(member.replace("function.", ""), place, "{body}");
        }
    }
}
