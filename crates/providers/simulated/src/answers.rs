//! What a simulated deployment says.

use bytes::Bytes;
use pointsman_provider::{Call, Event, Frame, Target};
use pointsman_types::{Operation, Usage};
use serde_json::{Value, json};

/// The dimensions of a simulated embedding.
const DIMENSIONS: u8 = 8;

/// The answer to one call.
pub(crate) struct Answers {
    operation: Operation,
    model: String,
    text: String,
    created: u64,
    usage: Usage,
    include_usage: bool,
}

impl Answers {
    pub(crate) fn new(to: &Target, call: &Call, created: u64) -> Self {
        let own = to.settings.get("reply").cloned();
        let text = own.unwrap_or_else(|| {
            format!(
                "This is a simulated answer from the deployment {}. No model was asked: \
                 set OPENAI_API_KEY to talk to the real thing.",
                to.id
            )
        });
        let input = call.envelope.bytes().len().div_ceil(4) as u64;
        let output = text.split_whitespace().count() as u64;
        let include_usage = call
            .envelope
            .raw("stream_options")
            .and_then(|raw| serde_json::from_str::<Value>(raw).ok())
            .is_some_and(|options| options["include_usage"] == true);
        Self {
            operation: call.head.operation,
            model: to.model.clone(),
            text,
            created,
            usage: Usage::text(input, output),
            include_usage,
        }
    }

    pub(crate) fn whole(&self) -> (Bytes, Usage) {
        let mut body = match self.operation {
            Operation::Embeddings => {
                let vector: Vec<f64> = (1..=DIMENSIONS).map(|n| 1.0 / f64::from(n)).collect();
                let one = json!({"object": "embedding", "index": 0, "embedding": vector});
                json!({"object": "list", "data": [one]})
            }
            Operation::Completions => self.envelope(
                "text_completion",
                &json!({"index": 0, "text": self.text, "finish_reason": "stop", "logprobs": null}),
            ),
            _ => self.envelope(
                "chat.completion",
                &json!({
                    "index": 0,
                    "message": {"role": "assistant", "content": self.text, "refusal": null},
                    "finish_reason": "stop",
                    "logprobs": null,
                }),
            ),
        };
        body["model"] = self.model.as_str().into();
        body["usage"] = self.usage_json();
        (body.to_string().into(), self.usage)
    }

    pub(crate) fn frames(&self) -> Vec<Frame> {
        let chat = self.operation == Operation::Chat;
        let mut frames = Vec::new();
        if chat {
            frames.push(self.delta(&json!({"role": "assistant", "content": ""}), None));
        }
        for word in self.text.split_inclusive(' ') {
            frames.push(if chat {
                self.delta(&json!({"content": word}), None)
            } else {
                self.text_chunk(word, None)
            });
        }
        frames.push(if chat {
            self.delta(&json!({}), Some("stop"))
        } else {
            self.text_chunk("", Some("stop"))
        });
        if self.include_usage {
            let mut chunk = self.envelope(self.chunk_object(), &Value::Null);
            chunk["choices"] = json!([]);
            chunk["usage"] = self.usage_json();
            let event = Event { usage: Some(self.usage), ..Event::default() };
            frames.push(Frame { raw: data(&chunk), event });
        }
        let event = Event { done: true, ..Event::default() };
        frames.push(Frame { raw: Bytes::from_static(b"data: [DONE]\n\n"), event });
        frames
    }

    fn delta(&self, delta: &Value, finish: Option<&str>) -> Frame {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let content = finish.is_some() || delta["content"].as_str().is_some_and(|t| !t.is_empty());
        self.frame(&choice, content)
    }

    fn text_chunk(&self, text: &str, finish: Option<&str>) -> Frame {
        let choice = json!({"index": 0, "text": text, "finish_reason": finish, "logprobs": null});
        self.frame(&choice, true)
    }

    fn frame(&self, choice: &Value, content: bool) -> Frame {
        let raw = data(&self.envelope(self.chunk_object(), choice));
        Frame { raw, event: Event { content, ..Event::default() } }
    }

    fn chunk_object(&self) -> &'static str {
        if self.operation == Operation::Chat { "chat.completion.chunk" } else { "text_completion" }
    }

    fn envelope(&self, object: &str, choice: &Value) -> Value {
        json!({
            "id": format!("simulated-{}", self.created),
            "object": object,
            "created": self.created,
            "model": self.model,
            "choices": [choice],
        })
    }

    fn usage_json(&self) -> Value {
        json!({
            "prompt_tokens": self.usage.input,
            "completion_tokens": self.usage.output,
            "total_tokens": self.usage.total(),
        })
    }
}

fn data(chunk: &Value) -> Bytes {
    format!("data: {chunk}\n\n").into()
}
