//! What changes in a body that passes through.

use pointsman_provider::{Call, Envelope, OWN_FIELDS, Pieces, Target};
use pointsman_types::{Error, ErrorKind, Operation, stable_hash};
use serde_json::{Map, Value, json};
use smallvec::SmallVec;

use crate::dialect::Dialect;

/// Where a stream's usage is asked for.
pub(crate) const OPTIONS: &str = "stream_options";

/// The body with the model exchanged, the router's own fields taken out, the vendor's names for
/// what has another, and the deployment's defaults where it has nothing to say.
pub(crate) fn passed_through(dialect: &Dialect, to: &Target, call: &Call) -> Pieces {
    let body = &call.envelope;
    let dropped = to.dropped();
    let mut replace: SmallVec<[(&str, bytes::Bytes); 4]> = SmallVec::new();
    replace.push(("model", to.model_json.clone()));
    let asks = asks_for_usage(dialect, call) && !dropped.iter().any(|name| name == OPTIONS);
    if asks {
        let said = body.raw(OPTIONS).filter(|_| body.has(OPTIONS));
        replace.push((OPTIONS, with_usage(said.or(to.param(OPTIONS)))));
    }
    let mut cut: SmallVec<[&str; 28]> = SmallVec::from_slice(OWN_FIELDS);
    if call.head.operation == Operation::Chat {
        for (name, theirs) in renames(dialect, &to.model) {
            if let Some(value) = body.raw(name) {
                cut.push(name);
                if !body.has(theirs) {
                    replace.push((theirs, value.to_owned().into()));
                }
            }
        }
        cut.extend(dialect.cuts.iter().copied());
    }
    cut.extend(dropped.iter().map(String::as_str));
    if to.params.is_empty() {
        return body.edited(&replace, &cut, &[]);
    }
    let defaults: Vec<(String, String)> = to
        .params
        .iter()
        .filter(|(name, _)| fits(call.head.operation, name, body) && !(asks && name == OPTIONS))
        .map(|(name, json)| (theirs(dialect, &to.model, name).to_owned(), json.clone()))
        .collect();
    body.edited(&replace, &cut, &defaults)
}

/// Whether the upstream has to be asked for the usage of a stream that the caller did not ask for.
pub(crate) fn asks_for_usage(dialect: &Dialect, call: &Call) -> bool {
    let head = &call.head;
    let by_chunks = matches!(head.operation, Operation::Chat | Operation::Completions);
    head.stream && by_chunks && !head.include_usage && dialect.taste.stream_options
}

/// The options of a stream with its usage, and whatever else they say.
fn with_usage(options: Option<&str>) -> bytes::Bytes {
    let said = options.and_then(|json| serde_json::from_str::<Map<String, Value>>(json).ok());
    let Some(mut said) = said.filter(|said| !said.is_empty()) else {
        return bytes::Bytes::from_static(b"{\"include_usage\":true}");
    };
    said.insert("include_usage".into(), true.into());
    Value::Object(said).to_string().into()
}

/// Whether a default applies: it is in the words of chat, and the two names of one limit must not
/// meet.
fn fits(operation: Operation, name: &str, body: &Envelope) -> bool {
    match (operation, name) {
        (Operation::Responses, _) => {
            matches!(name, "temperature" | "top_p" | "user" | "service_tier" | "store" | "metadata")
        }
        (_, "max_tokens") => !body.has("max_completion_tokens"),
        (_, "max_completion_tokens") => !body.has("max_tokens"),
        _ => true,
    }
}

/// The vendor's names; OpenAI's models that think know the newer name of the limit only.
fn renames<'a>(
    dialect: &'a Dialect,
    model: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let newer = dialect.taste.completion_limit && thinks(model);
    let newer = newer.then_some(("max_tokens", "max_completion_tokens"));
    dialect.renames.iter().copied().chain(newer)
}

fn theirs<'a>(dialect: &'a Dialect, model: &str, name: &'a str) -> &'a str {
    renames(dialect, model).find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs)
}

/// Whether a model's name is one of OpenAI's own, whoever serves it.
pub(crate) fn is_openais(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let own = ["gpt-", "chatgpt-", "ft:", "o1", "o3", "o4", "codex-"];
    !name.starts_with("gpt-oss") && own.iter().any(|start| name.starts_with(start))
}

fn thinks(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    ["o1", "o3", "o4", "gpt-5"].iter().any(|family| name.starts_with(family))
}

/// Whether the messages carry what the vendor refuses, so that they have to be written anew.
pub(crate) fn wants_rewrite(dialect: &Dialect, call: &Call) -> bool {
    // Members of answers, which clients send back with them.
    const THOUGHTS: [&str; 3] =
        ["\"reasoning_content\"", "\"thinking_blocks\"", "\"provider_specific_fields\""];
    const OTHERS: [&str; 9] = [
        "\"tool_call_id\"",
        "\"name\"",
        "\"refusal\"",
        "\"annotations\"",
        "\"reasoning\"",
        "\"reasoning_details\"",
        "\"audio\"",
        "\"images\"",
        "\"function_call\"",
    ];
    let raw = call.envelope.raw("messages").unwrap_or_default().as_bytes();
    let holds = |name: &str| memchr::memmem::find(raw, name.as_bytes()).is_some();
    dialect.rewrites_answers && THOUGHTS.into_iter().any(holds)
        || dialect.strict_messages && OTHERS.into_iter().any(holds)
}

/// What Mistral refuses in messages and tools that were written anew: ids of calls that others
/// made, which become nine letters and digits, the same for a call and its result; members that it
/// does not know; answers that say nothing; functions without a form.
pub(crate) fn for_mistral(body: &mut Map<String, Value>) {
    if let Some(messages) = body.get_mut("messages").and_then(Value::as_array_mut) {
        messages.iter_mut().filter_map(Value::as_object_mut).for_each(message_for_mistral);
        messages.retain(|message| message["role"] != "assistant" || says_something(message));
    }
    for tool in body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) {
            let nothing = || json!({"type": "object", "properties": {}});
            function.entry("parameters").or_insert_with(nothing);
        }
    }
}

fn message_for_mistral(message: &mut Map<String, Value>) {
    if let Some(id) = message.get_mut("tool_call_id") {
        shorten(id);
    }
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(id) = call.get_mut("id") {
            shorten(id);
        }
    }
    if message.get("role").is_none_or(|role| role != "tool") {
        message.shift_remove("name");
    }
    // A refusal is what was said.
    if let Some(refusal) = message.shift_remove("refusal")
        && message.get("content").is_none_or(Value::is_null)
    {
        message.insert("content".into(), refusal);
    }
}

fn says_something(answer: &Value) -> bool {
    let calls = answer["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
    calls || !matches!(&answer["content"], Value::Null) && answer["content"] != ""
}

fn shorten(id: &mut Value) {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let Value::String(id) = id else { return };
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    let mut hash = stable_hash(id.as_bytes());
    id.clear();
    for _ in 0..9 {
        let digit = usize::try_from(hash % 36).unwrap_or(0);
        id.push(char::from(LETTERS[digit]));
        hash /= 36;
    }
}

/// The same names for a body that was written anew.
pub(crate) fn rename(dialect: &Dialect, body: &mut Map<String, Value>) {
    for (name, theirs) in dialect.renames {
        if let Some(value) = body.shift_remove(*name) {
            body.entry(*theirs).or_insert(value);
        }
    }
    for name in dialect.cuts {
        body.shift_remove(*name);
    }
}

/// The fields of a form, edited as a body is.
pub(crate) fn fields(to: &Target, call: &Call) -> Result<Envelope, Error> {
    let replace = [("model", to.model_json.clone())];
    let edited = call.envelope.edited(&replace, OWN_FIELDS, &to.params).to_bytes();
    Envelope::parse(edited).map_err(|fault| Error::new(ErrorKind::BadRequest, fault.message))
}
