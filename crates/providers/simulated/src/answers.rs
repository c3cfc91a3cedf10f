//! What a simulated deployment says.

use bytes::Bytes;
use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, Event, Frame, Prompt, Target, WholeReply,
    chat::{mock_frames, mock_reply},
    embeddings::Vectors,
};
use pointsman_types::{Error, Operation, Usage};
use serde_json::{Value, json};

/// The dimensions of a simulated embedding.
const DIMENSIONS: u8 = 8;

/// The answer to one call.
pub(crate) struct Answer<'a> {
    to: &'a Target,
    call: &'a Call,
    text: String,
    usage: Usage,
    now: Instant,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(to: &'a Target, call: &'a Call, now: Instant) -> Self {
        let text = to.settings.get("reply").cloned().unwrap_or_else(|| {
            format!(
                "This is a simulated answer from the deployment {}. No model was asked: \
                 set OPENAI_API_KEY to talk to the real thing.",
                to.id
            )
        });
        let operation = call.head.operation;
        let input = Prompt::of(&call.envelope, operation).estimate();
        let output = if operation.writes() { text.split_whitespace().count() as u64 } else { 0 };
        Self { to, call, text, usage: Usage::text(input, output), now }
    }

    pub(crate) fn whole(&self) -> WholeReply {
        let head = &self.call.head;
        if head.operation.is_embeddings() {
            let vector: Vec<f64> = (1..=DIMENSIONS).map(|n| 1.0 / f64::from(n)).collect();
            let vectors = Vectors {
                vectors: vec![vector; texts(self.call)],
                model: Some(self.to.model.clone()),
                usage: Some(self.usage),
            };
            return vectors.whole(head, &HeaderMap::new());
        }
        if head.operation.is_chat() {
            return mock_reply(head, &self.to.model, &self.text, self.usage, self.now);
        }
        let mut body = self.completion(&self.text, Some("stop"));
        body["usage"] = self.usage_json();
        let body = body.to_string().into();
        WholeReply { headers: HeaderMap::new(), body, usage: Some(self.usage) }
    }

    /// A word each.
    pub(crate) fn frames(&self) -> Result<Vec<Frame>, Error> {
        let head = &self.call.head;
        if head.operation.is_chat() {
            return mock_frames(head, &self.to.model, &self.text, self.usage, self.now);
        }
        let told = |chunk: &Value, event| Frame { raw: data(chunk), event };
        let content = || Event { content: true, ..Event::default() };
        let words = self.text.split_inclusive(' ').map(|word| self.completion(word, None));
        let mut frames: Vec<Frame> = words
            .chain([self.completion("", Some("stop"))])
            .map(|chunk| told(&chunk, content()))
            .collect();
        if head.include_usage {
            let mut chunk = self.completion("", None);
            chunk["choices"] = json!([]);
            chunk["usage"] = self.usage_json();
            frames.push(told(&chunk, Event { usage: Some(self.usage), ..Event::default() }));
        }
        let event = Event { done: true, ..Event::default() };
        frames.push(Frame { raw: Bytes::from_static(b"data: [DONE]\n\n"), event });
        Ok(frames)
    }

    /// OpenAI's older shape, which no other dialect shares.
    fn completion(&self, text: &str, finish: Option<&str>) -> Value {
        json!({
            "id": format!("simulated-{}", self.now.as_secs()),
            "object": "text_completion",
            "created": self.now.as_secs(),
            "model": self.to.model,
            "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": null}],
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

/// How many vectors are wanted: an array of numbers is one text, in tokens.
fn texts(call: &Call) -> usize {
    let name = match call.head.operation {
        Operation::Predict => "instances",
        operation if operation.is_google() => "requests",
        _ => "input",
    };
    let list = call.envelope.raw(name).and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    match list {
        Some(Value::Array(list)) if !list.iter().any(Value::is_number) => list.len(),
        _ => 1,
    }
}

fn data(chunk: &Value) -> Bytes {
    format!("data: {chunk}\n\n").into()
}
