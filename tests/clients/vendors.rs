//! Upstreams that answer in their vendor's dialect, by what they are asked.

use bytes::Bytes;
use pointsman_testkit::{Behaviour, event_stream, upstream::Seen};
use serde_json::{Value, json};

/// A vendor's dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    OpenAi,
    Azure,
    Anthropic,
    Gemini,
    Bedrock,
}

impl Vendor {
    /// In the order in which they are asked.
    pub(crate) const ALL: [Self; 5] =
        [Self::OpenAi, Self::Azure, Self::Anthropic, Self::Gemini, Self::Bedrock];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
        }
    }

    /// `model` of a deployment, and what it needs beside an address and a key.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::OpenAi => "openai/gpt-x",
            Self::Azure => "azure/gpt-x, api_version: '2024-10-21'",
            Self::Anthropic => "anthropic/claude-opus-4-6",
            Self::Gemini => "gemini/gemini-2.5-flash",
            Self::Bedrock => {
                "'bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0', aws_region_name: eu-west-1"
            }
        }
    }

    /// Busy, in the vendor's own words.
    pub(crate) fn busy(self) -> Behaviour {
        let body = match self {
            Self::OpenAi | Self::Azure => {
                json!({"error": {"message": "busy", "type": "server_error", "code": null}})
            }
            Self::Anthropic => {
                json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
            }
            Self::Gemini => {
                json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}})
            }
            Self::Bedrock => json!({"message": "busy"}),
        };
        Behaviour::ok()
            .status(if self == Self::Anthropic { 529 } else { 503 })
            .body(body.to_string())
    }

    /// The answer to a call.
    pub(crate) fn answer(self, asked: &Seen) -> Behaviour {
        if asked.path.contains("mbed") {
            return self.vectors(asked);
        }
        let counted = match self {
            Self::Anthropic if asked.path.contains("count_tokens") => json!({"input_tokens": 7}),
            Self::Gemini if asked.path.contains(":countTokens") => json!({"totalTokens": 7}),
            Self::Bedrock if asked.path.contains("count-tokens") => json!({"inputTokens": 7}),
            _ => Value::Null,
        };
        if !counted.is_null() {
            return whole(&counted);
        }
        let stream = asked.json()["stream"] == true || asked.path.contains(":stream");
        let turn = Turn::of(asked, self.name());
        match self {
            _ if asked.path.contains("/responses") => Behaviour::ok().text(turn.text()),
            Self::OpenAi | Self::Azure => chat(&turn, stream, &asked.json()),
            Self::Anthropic => message(&turn, stream),
            Self::Gemini => contents(&turn, stream),
            Self::Bedrock => converse(&turn, asked.path.ends_with("converse-stream")),
        }
    }

    fn vectors(self, asked: &Seen) -> Behaviour {
        let body = asked.json();
        if self != Self::Gemini {
            return Behaviour::ok();
        }
        let values = json!({"values": [0.25, 0.5, 0.75]});
        match body["requests"].as_array() {
            Some(list) => whole(&json!({"embeddings": vec![values; list.len()]})),
            None => whole(&json!({"embedding": values})),
        }
    }
}

/// What is said.
enum Turn {
    Text(String),
    /// A call of `weather`.
    Call,
}

impl Turn {
    fn of(asked: &Seen, who: &str) -> Self {
        let body = String::from_utf8_lossy(&asked.body);
        let text = if body.contains("sunny") {
            "It is sunny in Paris.".to_owned()
        } else if body.contains("\"weather\"") {
            return Self::Call;
        } else if body.contains("iVBORw0KGgo") {
            "A picture.".to_owned()
        } else if body.contains("capital") {
            json!({"capital": "Paris"}).to_string()
        } else {
            format!("Hello from {who}.")
        };
        Self::Text(text)
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Call => String::new(),
        }
    }

    /// The text in two pieces.
    fn halves(&self) -> [String; 2] {
        let text = self.text();
        let (first, second) = text.split_at(text.len() / 2);
        [first.to_owned(), second.to_owned()]
    }
}

const CITY: &str = r#"{"city": "Paris"}"#;

fn whole(body: &Value) -> Behaviour {
    Behaviour::ok().body(body.to_string())
}

fn events(events: &[Value], named: bool, end: &str) -> Behaviour {
    let event = |body: &Value| {
        let name = body["type"].as_str().filter(|_| named);
        let name = name.map_or_else(String::new, |name| format!("event: {name}\n"));
        Bytes::from(format!("{name}data: {body}\n\n"))
    };
    Behaviour::ok().sse(events.iter().map(event).chain([Bytes::from(end.to_owned())]))
}

fn chat(turn: &Turn, stream: bool, asked: &Value) -> Behaviour {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let call = |arguments: &str| {
        json!([{"index": 0, "id": "call_1", "type": "function",
            "function": {"name": "weather", "arguments": arguments}}])
    };
    let is_call = matches!(turn, Turn::Call);
    let finish = if is_call { "tool_calls" } else { "stop" };
    let head = |object: &str, choices: Value| json!({"id": "chatcmpl-1", "object": object, "created": 1, "model": "gpt-x", "choices": choices});
    if !stream {
        let message = if is_call {
            json!({"role": "assistant", "content": null, "tool_calls": call(CITY)})
        } else {
            json!({"role": "assistant", "content": turn.text(), "refusal": null})
        };
        let choices =
            json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}]);
        let mut body = head("chat.completion", choices);
        body["usage"] = usage;
        return whole(&body);
    }
    let chunk = |delta: Value, finish: Value| {
        head(
            "chat.completion.chunk",
            json!([{"index": 0, "delta": delta, "finish_reason": finish}]),
        )
    };
    let mut said = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    if is_call {
        said.push(chunk(json!({"tool_calls": call("")}), Value::Null));
        for piece in [&CITY[..6], &CITY[6..]] {
            let delta = json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
            said.push(chunk(delta, Value::Null));
        }
    } else {
        said.extend(turn.halves().map(|half| chunk(json!({"content": half}), Value::Null)));
    }
    said.push(chunk(json!({}), finish.into()));
    if asked["stream_options"]["include_usage"] == true {
        let mut last = head("chat.completion.chunk", json!([]));
        last["usage"] = usage;
        said.push(last);
    }
    events(&said, false, "data: [DONE]\n\n")
}

fn message(turn: &Turn, stream: bool) -> Behaviour {
    let is_call = matches!(turn, Turn::Call);
    let stop = if is_call { "tool_use" } else { "end_turn" };
    let head = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 10, "output_tokens": 1}});
    let block = |input: Value, text: &str| {
        if is_call {
            json!({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": input})
        } else {
            json!({"type": "text", "text": text})
        }
    };
    if !stream {
        let mut body = head;
        body["content"] = json!([block(json!({"city": "Paris"}), &turn.text())]);
        body["stop_reason"] = stop.into();
        body["usage"]["output_tokens"] = 5.into();
        return whole(&body);
    }
    let mut said = vec![
        json!({"type": "message_start", "message": head}),
        json!({"type": "content_block_start", "index": 0, "content_block": block(json!({}), "")}),
        json!({"type": "ping"}),
    ];
    let delta = |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    if is_call {
        said.extend(
            [&CITY[..6], &CITY[6..]]
                .map(|piece| delta(json!({"type": "input_json_delta", "partial_json": piece}))),
        );
    } else {
        said.extend(turn.halves().map(|half| delta(json!({"type": "text_delta", "text": half}))));
    }
    said.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
            "usage": {"input_tokens": 10, "output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ]);
    events(&said, true, "")
}

fn contents(turn: &Turn, stream: bool) -> Behaviour {
    let piece = |part: Value, end: Value| {
        json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": end, "index": 0}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
            "modelVersion": "gemini-x", "responseId": "r1"})
    };
    let call = json!({"functionCall": {"name": "weather", "args": {"city": "Paris"}}});
    let is_call = matches!(turn, Turn::Call);
    if !stream {
        let part = if is_call { call } else { json!({"text": turn.text()}) };
        return whole(&piece(part, "STOP".into()));
    }
    if is_call {
        return events(&[piece(call, "STOP".into())], false, "");
    }
    let [first, second] = turn.halves();
    let said =
        [piece(json!({"text": first}), Value::Null), piece(json!({"text": second}), "STOP".into())];
    events(&said, false, "")
}

fn converse(turn: &Turn, stream: bool) -> Behaviour {
    let is_call = matches!(turn, Turn::Call);
    let stop = if is_call { "tool_use" } else { "end_turn" };
    let usage = json!({"inputTokens": 10, "outputTokens": 5, "totalTokens": 15});
    let tool = json!({"toolUseId": "tooluse_1", "name": "weather"});
    if !stream {
        let block = if is_call {
            let mut tool = tool;
            tool["input"] = json!({"city": "Paris"});
            json!({"toolUse": tool})
        } else {
            json!({"text": turn.text()})
        };
        return whole(&json!({
            "output": {"message": {"role": "assistant", "content": [block]}},
            "stopReason": stop, "usage": usage}));
    }
    let delta =
        |delta: Value| ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": delta}));
    let mut said = vec![("messageStart", json!({"role": "assistant"}))];
    if is_call {
        let start = json!({"contentBlockIndex": 0, "start": {"toolUse": tool}});
        said.push(("contentBlockStart", start));
        said.extend(
            [&CITY[..6], &CITY[6..]].map(|piece| delta(json!({"toolUse": {"input": piece}}))),
        );
    } else {
        said.extend(turn.halves().map(|half| delta(json!({"text": half}))));
    }
    said.extend([
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": stop})),
        ("metadata", json!({"usage": usage})),
    ]);
    let kind = "application/vnd.amazon.eventstream";
    Behaviour::ok().header("content-type", kind).body(event_stream::events(&said))
}
