//! Well-formed answers in the shape of OpenAI's Responses.

use bytes::Bytes;
use serde_json::{Value, json};

use super::reply::{Asked, CREATED, Frames, Reply, Tokens, Who, id, split};

impl Reply {
    /// The whole answer.
    pub(super) fn response(&self, asked: &Asked, who: Who<'_>) -> Value {
        let reason = match self.finish.as_str() {
            "length" => Some("max_output_tokens"),
            "content_filter" => Some("content_filter"),
            _ => None,
        };
        json!({
            "id": id("resp", who), "object": "response", "created_at": CREATED,
            "model": asked.model, "error": null,
            "status": if reason.is_some() { "incomplete" } else { "completed" },
            "incomplete_details": reason.map(|reason| json!({ "reason": reason })),
            "output": [message(who, "completed", &[part(&self.text(who))])],
            "usage": self.usage.map(usage),
        })
    }

    /// The same answer as a stream: everything before the first delta, the deltas, and the rest.
    pub(super) fn response_frames(&self, asked: &Asked, who: Who<'_>) -> Frames {
        let mut sequence = 0;
        let mut event = |kind: &str, mut body: Value| -> Bytes {
            body["type"] = kind.into();
            body["sequence_number"] = sequence.into();
            sequence += 1;
            format!("event: {kind}\ndata: {body}\n\n").into()
        };
        let whole = self.response(asked, who);
        let mut begun = whole.clone();
        (begun["status"], begun["output"], begun["usage"]) =
            ("in_progress".into(), json!([]), Value::Null);
        begun["incomplete_details"] = Value::Null;
        let text = self.text(who);
        let item = |item: Value| json!({ "output_index": 0, "item": item });
        let inside = |name: &str, value: Value| json!({ "item_id": id("msg", who), "output_index": 0, "content_index": 0, name: value });

        let lead = vec![
            event("response.created", json!({ "response": begun })),
            event("response.in_progress", json!({ "response": begun })),
            event("response.output_item.added", item(message(who, "in_progress", &[]))),
            event("response.content_part.added", inside("part", part(""))),
        ];
        let content = split(&text, self.chunks)
            .into_iter()
            .map(|delta| event("response.output_text.delta", inside("delta", delta.into())))
            .collect();
        let mut tail = vec![
            event("response.output_text.done", inside("text", text.as_str().into())),
            event("response.content_part.done", inside("part", part(&text))),
            event("response.output_item.done", item(message(who, "completed", &[part(&text)]))),
        ];
        if self.done {
            let kind = format!("response.{}", whole["status"].as_str().unwrap_or_default());
            tail.push(event(&kind, json!({ "response": whole })));
        }
        Frames { lead, content, tail }
    }
}

fn message(who: Who<'_>, status: &str, content: &[Value]) -> Value {
    json!({
        "type": "message", "id": id("msg", who), "status": status, "role": "assistant",
        "content": content,
    })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn usage(tokens: Tokens) -> Value {
    json!({
        "input_tokens": tokens.prompt,
        "input_tokens_details": { "cached_tokens": tokens.cached },
        "output_tokens": tokens.completion,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": tokens.prompt + tokens.completion,
    })
}
