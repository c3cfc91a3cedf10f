//! Well-formed answers in OpenAI's shapes.

use bytes::Bytes;
use serde_json::{Value, json};

/// When every answer was made, in seconds since 1970: a constant, so that answers compare.
pub(super) const CREATED: u64 = 1_767_225_600;

/// What kind of answer a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Chat,
    Completion,
    Responses,
    Embeddings,
    Models,
    Other,
}

/// What an answer depends on, read from the request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) route: Route,
    pub(super) path: String,
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    /// How many texts are to be embedded.
    pub(super) inputs: usize,
}

impl Asked {
    pub(super) fn read(path: &str, body: &[u8]) -> Self {
        let bare = path.split('?').next().unwrap_or_default();
        let route = match bare {
            p if p.ends_with("/chat/completions") => Route::Chat,
            p if p.ends_with("/completions") => Route::Completion,
            p if p.ends_with("/responses") => Route::Responses,
            p if p.ends_with("/embeddings") => Route::Embeddings,
            p if p.ends_with("/models") => Route::Models,
            _ => Route::Other,
        };
        // A body that is not JSON (a form, a broken one) asks for nothing in particular.
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let streams = matches!(route, Route::Chat | Route::Completion | Route::Responses);
        let flag = |at: &Value| at.as_bool().unwrap_or_default();
        Self {
            route,
            path: bare.to_owned(),
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            stream: streams && flag(&body["stream"]),
            include_usage: flag(&body["stream_options"]["include_usage"]),
            inputs: embedded(&body["input"]),
        }
    }
}

/// One text, a list of texts, the tokens of one, or a list of those.
fn embedded(input: &Value) -> usize {
    match input.as_array() {
        Some(list) if !list.first().is_some_and(Value::is_number) => list.len(),
        _ => 1,
    }
}

/// Who answers, and how often it did before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    pub(super) name: &'a str,
    pub(super) nth: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    pub(super) prompt: u64,
    pub(super) cached: u64,
    pub(super) completion: u64,
}

/// The frames of a stream: those before any content, the content, and those after.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) lead: Vec<Bytes>,
    pub(super) content: Vec<Bytes>,
    pub(super) tail: Vec<Bytes>,
}

/// What can be set about a well-formed answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) text: Option<String>,
    pub(super) usage: Option<Tokens>,
    pub(super) chunks: usize,
    pub(super) finish: String,
    pub(super) done: bool,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            text: None,
            usage: Some(Tokens { prompt: 10, cached: 0, completion: 5 }),
            chunks: 4,
            finish: "stop".into(),
            done: true,
        }
    }
}

impl Reply {
    /// The whole answer as one JSON document.
    pub(super) fn whole(&self, asked: &Asked, who: Who<'_>) -> Bytes {
        let mut body = match asked.route {
            Route::Chat => self.chat(asked, who),
            Route::Completion => self.completion(asked, who),
            Route::Responses => return json_bytes(&self.response(asked, who)),
            Route::Embeddings => embeddings(asked),
            Route::Models => return json_bytes(&models(who)),
            Route::Other => json!({
                "id": id("call", who), "object": "answer", "created": CREATED,
                "model": asked.model, "path": asked.path, "text": self.text(who),
            }),
        };
        if let Some(tokens) = self.usage {
            body["usage"] = match asked.route {
                Route::Embeddings => usage(Tokens { completion: 0, ..tokens }),
                _ => usage(tokens),
            };
        }
        json_bytes(&body)
    }

    fn chat(&self, asked: &Asked, who: Who<'_>) -> Value {
        json!({
            "id": id("chatcmpl", who), "object": "chat.completion", "created": CREATED,
            "model": asked.model,
            "choices": [{
                "index": 0, "logprobs": null, "finish_reason": self.finish,
                "message": { "role": "assistant", "content": self.text(who), "refusal": null },
            }],
        })
    }

    fn completion(&self, asked: &Asked, who: Who<'_>) -> Value {
        json!({
            "id": id("cmpl", who), "object": "text_completion", "created": CREATED,
            "model": asked.model,
            "choices": [{
                "index": 0, "logprobs": null, "finish_reason": self.finish,
                "text": self.text(who),
            }],
        })
    }

    /// The same answer as a stream.
    pub(super) fn frames(&self, asked: &Asked, who: Who<'_>) -> Frames {
        if asked.route == Route::Responses {
            return self.response_frames(asked, who);
        }
        let chat = asked.route == Route::Chat;
        let frame = |choices: Value| self.frame(asked, who, &choices, Value::Null);
        let delta = |delta: Value, finish: Value| json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        let text = |text: &str, finish: Value| json!([{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish }]);
        let mut frames = Frames::default();
        if chat {
            let role = json!({ "role": "assistant", "content": "", "refusal": null });
            frames.lead.push(frame(delta(role, Value::Null)));
        }
        for part in split(&self.text(who), self.chunks) {
            frames.content.push(frame(if chat {
                delta(json!({ "content": part }), Value::Null)
            } else {
                text(part, Value::Null)
            }));
        }
        let finish = Value::from(self.finish.as_str());
        frames.tail.push(frame(if chat { delta(json!({}), finish) } else { text("", finish) }));
        if let Some(tokens) = self.usage.filter(|_| asked.include_usage) {
            frames.tail.push(self.frame(asked, who, &json!([]), usage(tokens)));
        }
        if self.done {
            frames.tail.push(Bytes::from_static(b"data: [DONE]\n\n"));
        }
        frames
    }

    fn frame(&self, asked: &Asked, who: Who<'_>, choices: &Value, usage: Value) -> Bytes {
        let (prefix, object) = match asked.route {
            Route::Chat => ("chatcmpl", "chat.completion.chunk"),
            _ => ("cmpl", "text_completion"),
        };
        let mut body = json!({
            "id": id(prefix, who), "object": object, "created": CREATED, "model": asked.model,
            "choices": choices,
        });
        // As OpenAI does: null in every frame but the one that has it, absent when not asked for.
        if asked.include_usage && self.usage.is_some() {
            body["usage"] = usage;
        }
        event(&body)
    }

    /// What is said, whole or in parts: as long as there are chunks, so that none is empty.
    pub(super) fn text(&self, who: Who<'_>) -> String {
        let mut text = self.text.clone().unwrap_or_else(|| format!("Hello from {}.", who.name));
        let short = self.chunks.saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n('.', short));
        text
    }
}

/// `data: JSON` and an empty line.
pub(super) fn event(body: &Value) -> Bytes {
    format!("data: {body}\n\n").into()
}

pub(super) fn json_bytes(body: &Value) -> Bytes {
    body.to_string().into()
}

/// The text in at most `parts` pieces of nearly the same number of characters.
pub(super) fn split(text: &str, parts: usize) -> Vec<&str> {
    let parts = parts.max(1);
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let chars = starts.len() - 1;
    (0..parts)
        .map(|part| &text[starts[part * chars / parts]..starts[(part + 1) * chars / parts]])
        .filter(|piece| !piece.is_empty())
        .collect()
}

pub(super) fn id(prefix: &str, who: Who<'_>) -> String {
    format!("{prefix}-{}-{}", who.name, who.nth)
}

fn usage(tokens: Tokens) -> Value {
    json!({
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "prompt_tokens_details": { "cached_tokens": tokens.cached, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
    })
}

fn embeddings(asked: &Asked) -> Value {
    let data: Vec<Value> = (0..asked.inputs)
        .map(|index| json!({ "object": "embedding", "index": index, "embedding": [0.25, -0.5, 1.0] }))
        .collect();
    json!({ "object": "list", "model": asked.model, "data": data })
}

fn models(who: Who<'_>) -> Value {
    let model =
        json!({ "id": who.name, "object": "model", "created": CREATED, "owned_by": "testkit" });
    json!({ "object": "list", "data": [model] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_characters_end_and_loses_nothing() {
        for text in ["", "a", "ab", "Grüße, 世界 🌍!", &"x".repeat(1_000)] {
            for parts in 0..20 {
                let pieces = split(text, parts);
                assert_eq!(pieces.concat(), text);
                assert_eq!(pieces.len(), parts.max(1).min(text.chars().count()));
            }
        }
    }

    #[test]
    fn counts_what_is_to_be_embedded() {
        for (input, count) in [
            (json!("one"), 1),
            (json!(["one", "two"]), 2),
            (json!([1, 2, 3]), 1),
            (json!([[1, 2], [3]]), 2),
            (Value::Null, 1),
        ] {
            assert_eq!(embedded(&input), count, "{input}");
        }
    }
}
