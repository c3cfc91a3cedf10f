//! One call to every vendor of this build: the same words arrive, and the same answer comes back,
//! whatever the dialects on either side.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dialects;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use pointsman::{
    Call, Deployment,
    clock::{Clock, SystemClock},
    provider::{
        Credential, FixedCredential, Incoming, Machine, NoMachine, Pieces, Provider, Reply, Speech,
        Target, Transport,
    },
    types::{Error, Operation, Usage},
};
use serde_json::{Value, json};

use crate::dialects::{DIALECTS, Dialect};

/// Answers in the dialect in which it is asked, in pieces of a few bytes.
#[derive(Debug, Default)]
struct Upstreams {
    /// The last body that arrived.
    seen: Mutex<Bytes>,
    stream: bool,
}

#[async_trait]
impl Transport for Upstreams {
    async fn send(
        &self,
        request: http::Request<Pieces>,
    ) -> Result<http::Response<Incoming>, Error> {
        let path = request.uri().path();
        let asked = |dialect: &&Dialect| dialect.paths.iter().any(|end| path.ends_with(end));
        let dialect = DIALECTS.iter().find(asked);
        let dialect = dialect.unwrap_or_else(|| panic!("give an answer for {path}"));
        *self.seen.lock().unwrap() = request.body().to_bytes();
        let (kind, body) = if self.stream {
            (dialect.stream_type, dialect.streamed())
        } else {
            ("application/json", dialect.whole.into())
        };
        let pieces: Vec<_> =
            body.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body: Incoming = Box::pin(stream::iter(pieces));
        Ok(http::Response::builder().header("content-type", kind).body(body).unwrap())
    }
}

/// What some vendors must be told beside an address.
const SETTINGS: &[(&str, &str)] = &[
    ("aws_region_name", "eu-central-1"),
    ("vertex_location", "global"),
    ("vertex_project", "p"),
    ("project_id", "p"),
];

/// Every vendor that is asked over the network, with a target for it.
fn vendors(upstreams: &Arc<Upstreams>) -> Vec<(Arc<dyn Provider>, Target)> {
    let transport: Arc<dyn Transport> = Arc::clone(upstreams) as Arc<dyn Transport>;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let machine: Arc<dyn Machine> = Arc::new(NoMachine);
    let all = pointsman::providers(&transport, &clock, &machine).into_iter();
    let addressed = all.filter(|provider| provider.vendor().name != "simulated").map(|provider| {
        let name = provider.vendor().name;
        let mut deployment = Deployment::new("g", name, "their-model")
            .with_base("http://host.invalid")
            .with_key("key");
        let settings = SETTINGS.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        deployment.settings.extend(settings);
        let mut target = provider.target(&deployment).unwrap_or_else(|why| panic!("{name}: {why}"));
        // Nobody asks for a token here.
        target.credentials = Arc::new(FixedCredential::new(Credential::Key("key".into())));
        (provider, target)
    });
    addressed.collect()
}

/// Words that every upstream must see, wherever its dialect has them.
const WORDS: [&str; 10] = [
    "their-model",
    "system-words",
    "user-words",
    "iVBORw0KGgo=",
    "assistant-words",
    "argument-words",
    "result-words",
    "look",
    "tool-words",
    "parameter_words",
];

fn chat(stream: bool) -> Call {
    let parameters =
        json!({"type": "object", "properties": {"parameter_words": {"type": "string"}}});
    let form = json!({"type": "object", "properties": {"format_words": {"type": "string"}}});
    let function = json!({"name": "look", "arguments": "{\"q\":\"argument-words\"}"});
    let body = json!({
        "messages": [
            {"role": "system", "content": "system-words"},
            {"role": "user", "content": [
                {"type": "text", "text": "user-words, \"quoted\" é"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]},
            {"role": "assistant", "content": "assistant-words",
             "tool_calls": [{"id": "c0", "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": "c0", "content": "result-words"}],
        "tools": [{"type": "function", "function":
            {"name": "look", "description": "tool-words", "parameters": parameters}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "form", "schema": form}},
        "max_tokens": 64, "temperature": 0.5, "stop": ["stop-words"],
        "stream": stream, "stream_options": {"include_usage": true}});
    Call::chat("g", body).unwrap()
}

/// The same conversation in Anthropic's words, which have no form for the answer.
fn messages(stream: bool) -> Call {
    let schema = json!({"type": "object", "properties": {"parameter_words": {"type": "string"}}});
    let image = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="});
    let input = json!({"q": "argument-words"});
    let body = json!({
        "system": "system-words",
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "user-words, \"quoted\" é"},
                {"type": "image", "source": image}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "assistant-words"},
                {"type": "tool_use", "id": "c0", "name": "look", "input": input}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c0", "content": "result-words"}]}],
        "tools": [{"name": "look", "description": "tool-words", "input_schema": schema}],
        "max_tokens": 64, "temperature": 0.5, "stop_sequences": ["stop-words"], "stream": stream});
    Call::json(Operation::Messages, "g", body).unwrap()
}

/// The same conversation in the words of OpenAI's responses, which have no texts that stop it.
fn responses(stream: bool) -> Call {
    let schema = json!({"type": "object", "properties": {"parameter_words": {"type": "string"}}});
    let form = json!({"type": "object", "properties": {"format_words": {"type": "string"}}});
    let body = json!({
        "instructions": "system-words",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "user-words, \"quoted\" é"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "assistant-words"}]},
            {"type": "function_call", "call_id": "c0", "name": "look",
             "arguments": "{\"q\":\"argument-words\"}"},
            {"type": "function_call_output", "call_id": "c0", "output": "result-words"}],
        "tools": [{"type": "function", "name": "look", "description": "tool-words", "parameters": schema}],
        "text": {"format": {"type": "json_schema", "name": "form", "schema": form}},
        "max_output_tokens": 64, "temperature": 0.5, "stream": stream});
    Call::json(Operation::Responses, "g", body).unwrap()
}

fn arrived(name: &str, upstreams: &Upstreams, more: &[&str]) {
    let body = upstreams.seen.lock().unwrap().clone();
    let read: Value = serde_json::from_slice(&body).unwrap_or_else(|why| panic!("{name}: {why}"));
    // The model may stand in the path.
    let text = format!("{read} their-model");
    for words in WORDS.iter().chain(more) {
        assert!(text.contains(words), "{name} was not told {words}: {text}");
    }
}

/// What an answer says, in neither dialect: text, calls, why it ended.
type Told = (String, Vec<(String, String, Value)>, String);

fn expected(end: &str) -> Told {
    ("Hé!".into(), vec![("c1".into(), "look".into(), json!({"q": 1}))], end.into())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn completion(body: &Value) -> Told {
    let message = &body["choices"][0]["message"];
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| {
        let arguments = serde_json::from_str(&text(&call["function"]["arguments"])).unwrap();
        (text(&call["id"]), text(&call["function"]["name"]), arguments)
    });
    (text(&message["content"]), calls.collect(), text(&body["choices"][0]["finish_reason"]))
}

fn message(body: &Value) -> Told {
    let mut told = Told::default();
    for block in body["content"].as_array().unwrap() {
        match block["type"].as_str() {
            Some("text") => told.0.push_str(&text(&block["text"])),
            _ => told.1.push((text(&block["id"]), text(&block["name"]), block["input"].clone())),
        }
    }
    told.2 = text(&body["stop_reason"]);
    told
}

fn response(body: &Value) -> Told {
    let mut told = Told::default();
    for item in body["output"].as_array().unwrap() {
        if item["type"] == "message" {
            told.0.push_str(&text(&item["content"][0]["text"]));
        } else {
            let arguments = serde_json::from_str(&text(&item["arguments"])).unwrap();
            told.1.push((text(&item["call_id"]), text(&item["name"]), arguments));
        }
    }
    told.2 = text(&body["status"]);
    told
}

fn whole(operation: Operation, body: &Value) -> Told {
    match operation {
        Operation::Messages => message(body),
        Operation::Responses => response(body),
        _ => completion(body),
    }
}

/// A stream of any dialect put together again.
fn joined(operation: Operation, raw: &[u8]) -> Told {
    let raw = std::str::from_utf8(raw).unwrap();
    let data = raw.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    let all = |path: &str| -> String {
        events.iter().filter_map(|event| event.pointer(path)?.as_str()).collect()
    };
    let call = "/choices/0/delta/tool_calls/0";
    let [content, id, name, arguments, end] = match operation {
        // The last event has it all; the pieces are the same.
        Operation::Responses => {
            let told = response(&events.last().unwrap()["response"]);
            let pieces: String =
                events.iter().filter_map(|event| event["delta"].as_str()).collect();
            assert_eq!(pieces, format!("{}{}", told.0, told.1[0].2));
            return told;
        }
        Operation::Messages => [
            all("/delta/text"),
            all("/content_block/id"),
            all("/content_block/name"),
            all("/delta/partial_json"),
            all("/delta/stop_reason"),
        ],
        _ => [
            all("/choices/0/delta/content"),
            all(&format!("{call}/id")),
            all(&format!("{call}/function/name")),
            all(&format!("{call}/function/arguments")),
            all("/choices/0/finish_reason"),
        ],
    };
    (content, vec![(id, name, serde_json::from_str(&arguments).unwrap())], end)
}

async fn answer(provider: &Arc<dyn Provider>, target: &Target, call: &Call) -> (Told, Usage) {
    let (name, operation) = (provider.vendor().name, call.head.operation);
    match provider.call(target, call).await.unwrap_or_else(|why| panic!("{name}: {why}")) {
        Reply::Whole(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            (whole(operation, &body), reply.usage.unwrap())
        }
        Reply::Stream(mut reply) => {
            let (mut raw, mut usage, mut done) = (Vec::new(), None, false);
            while let Some(frames) = reply.frames.next().await {
                for frame in frames.unwrap_or_else(|why| panic!("{name}: {why}")) {
                    raw.extend_from_slice(&frame.raw);
                    usage = frame.event.usage.or(usage);
                    done |= frame.event.done;
                }
            }
            assert!(done, "{name}");
            (joined(operation, &raw), usage.unwrap())
        }
    }
}

/// Asks all vendors: the words of all dialects arrive, and those that this one has beside them.
async fn ask(call: fn(bool) -> Call, own_words: &[&str], end: &str) {
    for stream in [false, true] {
        let upstreams = Arc::new(Upstreams { stream, ..Upstreams::default() });
        let call = call(stream);
        let all = vendors(&upstreams);
        assert!(!all.is_empty() || cfg!(not(feature = "openai")));
        for (provider, target) in all {
            let name = provider.vendor().name;
            let speech = provider.speaks(&target, &call.head);
            assert!(!matches!(speech, Speech::No(_)), "{name}: {speech:?}");
            let (told, usage) = answer(&provider, &target, &call).await;
            arrived(name, &upstreams, own_words);
            assert_eq!(told, expected(end), "{name}");
            assert_eq!((usage.input, usage.output), (7, 2), "{name}");
        }
    }
}

#[tokio::test]
async fn a_chat_is_the_same_with_every_vendor() {
    ask(chat, &["stop-words", "format_words"], "tool_calls").await;
}

#[tokio::test]
async fn a_message_is_the_same_with_every_vendor() {
    ask(messages, &["stop-words"], "tool_use").await;
}

#[tokio::test]
async fn a_response_is_the_same_with_every_vendor() {
    ask(responses, &["format_words"], "completed").await;
}
