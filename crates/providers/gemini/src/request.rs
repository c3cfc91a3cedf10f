//! A chat call in Google's words.

use pointsman_provider::chat::{ANSWER_TOOL, Chat, Format, Losses, Tool, ToolChoice};
use pointsman_types::Error;
use serde_json::{Map, Value, json};

use crate::{
    contents::{Conversation, conversation},
    model::Model,
    schema::open_api,
};

/// Where it is asked: the two take almost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// AI Studio.
    Studio,
    /// Vertex AI.
    Vertex,
}

/// Tools that run at Google, in its two spellings.
const OWN_TOOLS: [&str; 15] = [
    "googleSearch",
    "google_search",
    "googleSearchRetrieval",
    "google_search_retrieval",
    "codeExecution",
    "code_execution",
    "urlContext",
    "url_context",
    "googleMaps",
    "google_maps",
    "enterpriseWebSearch",
    "fileSearch",
    "retrieval",
    "computerUse",
    "functionDeclarations",
];

/// Members of a call that belong into `generationConfig`, and their names there.
const CONFIG: [(&str, &str); 8] = [
    ("mediaResolution", "mediaResolution"),
    ("media_resolution", "mediaResolution"),
    ("speechConfig", "speechConfig"),
    ("imageConfig", "imageConfig"),
    ("thinkingConfig", "thinkingConfig"),
    ("thinking_config", "thinkingConfig"),
    ("responseModalities", "responseModalities"),
    ("audioTimestamp", "audioTimestamp"),
];

/// Members of a call that are Google's own, and its spelling of each.
const SPELLED: [(&str, &str); 6] = [
    ("safetySettings", "safetySettings"),
    ("safety_settings", "safetySettings"),
    ("cachedContent", "cachedContent"),
    ("cached_content", "cachedContent"),
    ("labels", "labels"),
    ("tool_config", "toolConfig"),
];

/// The body of a call for an answer; what Google has no words for goes to `losses`.
///
/// # Errors
///
/// Kind `BadRequest`, when the arguments of a call in it are no JSON object.
pub(crate) fn write_request(
    mut chat: Chat,
    model: Model<'_>,
    place: Place,
    losses: &mut Losses,
) -> Result<Map<String, Value>, Error> {
    let mut body = Map::new();
    let Conversation { system, turns } = conversation(&chat.messages, model, losses)?;
    body.insert("contents".into(), turns.into());
    if !system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": system}));
    }
    let mut config = Map::new();
    format(&mut chat, model, &mut config, losses);
    tools(&mut chat, model, &mut body, losses);
    sampling(&chat, &mut config, losses);
    spoken(&mut chat, &mut config, losses);
    if let Some(thinking) = chat.reasoning.and_then(|how| model.thinking(how, losses)) {
        config.insert("thinkingConfig".into(), thinking.into());
    }
    for (name, own) in CONFIG {
        if let Some(value) = chat.rest.shift_remove(name) {
            config.insert(own.into(), value);
        }
    }
    for name in ["generationConfig", "generation_config"] {
        if let Some(Value::Object(given)) = chat.rest.shift_remove(name) {
            config.extend(given);
        }
    }
    if !config.is_empty() {
        body.insert("generationConfig".into(), config.into());
    }
    tier(&chat, place, &mut body, losses);
    for (name, own) in SPELLED {
        if let Some(value) = chat.rest.shift_remove(name) {
            body.entry(own).or_insert(value);
        }
    }
    losses.rest(chat.rest, &mut body);
    Ok(body)
}

fn sampling(chat: &Chat, config: &mut Map<String, Value>, losses: &mut Losses) {
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.into(), value);
        }
    };
    set("temperature", chat.temperature.map(Into::into));
    set("topP", chat.top_p.map(Into::into));
    set("topK", chat.top_k.map(Into::into));
    set("maxOutputTokens", chat.max_output.map(Into::into));
    set("candidateCount", chat.n.map(Into::into));
    set("stopSequences", (!chat.stop.is_empty()).then(|| json!(chat.stop)));
    set("frequencyPenalty", chat.frequency_penalty.map(Into::into));
    set("presencePenalty", chat.presence_penalty.map(Into::into));
    set("responseLogprobs", chat.logprobs.map(Into::into));
    set("logprobs", chat.top_logprobs.filter(|most| *most > 0).map(Into::into));
    // Google's seed has 32 bits.
    let seed = chat.seed.map(i32::try_from);
    match seed {
        Some(Ok(seed)) => set("seed", Some(seed.into())),
        Some(Err(_)) => losses.lose("seed"),
        None => {}
    }
}

/// What the answer consists of, and in whose voice.
fn spoken(chat: &mut Chat, config: &mut Map<String, Value>, losses: &mut Losses) {
    if chat.modalities.iter().any(|what| what != "text") {
        let names = chat.modalities.iter().map(|what| what.to_uppercase());
        config.insert("responseModalities".into(), names.collect::<Vec<_>>().into());
    }
    let Some(audio) = chat.rest.shift_remove("audio") else { return };
    if let Some(voice) = audio["voice"].as_str() {
        let voice = json!({"prebuiltVoiceConfig": {"voiceName": voice}});
        config.insert("speechConfig".into(), json!({"voiceConfig": voice}));
    }
    // Google speaks in plain samples.
    if audio["format"].as_str().is_some_and(|format| format != "pcm16") {
        losses.lose("audio");
    }
}

/// A schema, whole where the model takes JSON's own, else in OpenAPI's words. Older models give no
/// form beside functions: there the answer is a call of a function of that schema, which the
/// neutral form turns back into text. Without a schema there is no such function.
fn format(chat: &mut Chat, model: Model<'_>, config: &mut Map<String, Value>, losses: &mut Losses) {
    let schema = match &chat.format {
        None | Some(Format::Text) => return,
        Some(Format::Json) => None,
        Some(Format::Schema { schema, .. }) => Some(schema.clone()),
    };
    let functions = chat.tools.iter().any(|tool| matches!(tool, Tool::Function { .. }));
    if functions && !model.since((3, 0)) && chat.tool_choice != Some(ToolChoice::None) {
        let Some(schema) = schema else { return losses.lose("response_format") };
        if !matches!(chat.tool_choice, Some(ToolChoice::Function(_))) {
            chat.tool_choice = Some(ToolChoice::Required);
        }
        chat.tools.push(Tool::Function {
            name: ANSWER_TOOL.to_owned(),
            description: Some("Gives the answer.".to_owned()),
            schema: Some(schema),
            strict: None,
            cache: None,
        });
        return;
    }
    config.insert("responseMimeType".into(), "application/json".into());
    match schema {
        Some(schema) if model.since((2, 5)) => {
            config.insert("responseJsonSchema".into(), schema);
        }
        Some(schema) => {
            config.insert("responseSchema".into(), open_api(&schema));
        }
        None => {}
    }
}

fn tools(chat: &mut Chat, model: Model<'_>, body: &mut Map<String, Value>, losses: &mut Losses) {
    let mut functions = Vec::new();
    let mut own = Vec::new();
    let mut all_strict = true;
    for tool in &chat.tools {
        match tool {
            Tool::Function { name, description, schema, strict, .. } => {
                all_strict &= *strict == Some(true);
                functions.push(function(name, description.as_deref(), schema.as_ref(), model));
            }
            Tool::Native(tool) => match native(tool) {
                Some(tool) => own.push(tool),
                None => losses.lose("tools"),
            },
        }
    }
    if let Some(options) = chat.rest.shift_remove("web_search_options") {
        if options.as_object().is_none_or(|options| !options.is_empty()) {
            losses.lose("web_search_options");
        }
        own.push(json!({"googleSearch": {}}));
    }
    if !functions.is_empty() {
        let calling = match &chat.tool_choice {
            Some(ToolChoice::None) => Some(json!({"mode": "NONE"})),
            Some(ToolChoice::Required) => Some(json!({"mode": "ANY"})),
            Some(ToolChoice::Function(name)) => {
                Some(json!({"mode": "ANY", "allowedFunctionNames": [name]}))
            }
            // Calls that match their schema, or text.
            None | Some(ToolChoice::Auto) if all_strict && model.since((2, 5)) => {
                Some(json!({"mode": "VALIDATED"}))
            }
            Some(ToolChoice::Auto) => Some(json!({"mode": "AUTO"})),
            None => None,
        };
        if let Some(calling) = calling {
            body.insert("toolConfig".into(), json!({"functionCallingConfig": calling}));
        }
        own.insert(0, json!({"functionDeclarations": functions}));
    }
    if !own.is_empty() {
        body.insert("tools".into(), own.into());
    }
}

fn function(
    name: &str,
    description: Option<&str>,
    schema: Option<&Value>,
    model: Model<'_>,
) -> Value {
    let mut function = json!({"name": name});
    if let Some(description) = description {
        function["description"] = description.into();
    }
    // An object without members is refused in OpenAPI's words, and means the same as nothing.
    let members = |schema: &&Value| {
        schema["properties"].as_object().is_some_and(|members| !members.is_empty())
            || schema.get("$ref").is_some()
            || schema.get("anyOf").is_some()
    };
    match schema.filter(members) {
        Some(schema) if model.since((2, 5)) => {
            function["parametersJsonSchema"] = schema.clone();
        }
        Some(schema) => function["parameters"] = open_api(schema),
        None => {}
    }
    function
}

/// Google's own tools as they came, and a search of the web, whoever's word for it is used.
fn native(tool: &Value) -> Option<Value> {
    let members = tool.as_object()?;
    if members.keys().any(|name| OWN_TOOLS.contains(&name.as_str())) {
        return Some(tool.clone());
    }
    let kind = members.get("type")?.as_str()?;
    let plain = members.keys().all(|name| name == "type" || name == "name");
    (kind.starts_with("web_search") && plain).then(|| json!({"googleSearch": {}}))
}

fn tier(chat: &Chat, place: Place, body: &mut Map<String, Value>, losses: &mut Losses) {
    let tier = match (chat.service_tier.as_deref(), place) {
        (None | Some("auto"), _) | (Some("default" | "standard"), Place::Vertex) => return,
        (Some("default" | "standard"), Place::Studio) => "standard",
        (Some("flex"), Place::Studio) => "flex",
        (Some("priority"), Place::Studio) => "priority",
        (Some(_), _) => return losses.lose("service_tier"),
    };
    body.insert("serviceTier".into(), tier.into());
}
