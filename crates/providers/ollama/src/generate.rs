//! Completions, by way of `/api/generate`.

use bytes::Bytes;
use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_provider::{
    BodyFault, Call, CallHead, Completion, Event, Frame, Frames, Prompted, Target, WholeReply,
    chat::Losses,
};
use pointsman_types::{Error, Usage};
use serde_json::{Map, Value, json};

use crate::{
    errors::{parsed, unusable, within},
    lines::{Lines, cut},
    options::{put, set, taken},
    reply::{filled, finish_of, usage_of},
};

/// The body of a call of `/api/generate`, without `model`. What Ollama has no words for goes to
/// `losses`.
///
/// # Errors
///
/// Kind `BadRequest`, naming the member that is missing or wrong; `Unsupported` for a prompt of
/// token ids, and for more than one prompt.
pub(crate) fn write(
    call: &Call,
    to: &Target,
    losses: &mut Losses,
) -> Result<Map<String, Value>, Error> {
    let mut told = Prompted::of(call, to)?;
    let Asked { mut body, options } = asked(&mut told, losses)?;
    body.insert("prompt".into(), told.prompt.into());
    body.insert("stream".into(), call.head.stream.into());
    let mut rest = told.fields.rest();
    let mut all = taken(&mut rest)?;
    all.extend(options);
    put(all, &mut body);
    losses.rest(rest, &mut body);
    Ok(body)
}

/// What a call says in OpenAI's words, in Ollama's.
struct Asked {
    body: Map<String, Value>,
    options: Map<String, Value>,
}

fn asked(told: &mut Prompted, losses: &mut Losses) -> Result<Asked, BodyFault> {
    let Prompted { fields, .. } = told;
    let mut options = Map::new();
    let old_limit = fields.whole("max_tokens")?;
    set(&mut options, "num_predict", fields.whole("max_completion_tokens")?.or(old_limit));
    for name in ["temperature", "top_p", "frequency_penalty", "presence_penalty"] {
        set(&mut options, name, fields.number(name)?);
    }
    set(&mut options, "top_k", fields.whole("top_k")?);
    set(&mut options, "seed", fields.integer("seed")?);
    let stop = fields.texts("stop")?;
    set(&mut options, "stop", (!stop.is_empty()).then(|| json!(stop)));
    let mut body = Map::new();
    set(&mut body, "suffix", fields.text("suffix")?);
    if let Some(others) = fields.whole("logprobs")? {
        set(&mut body, "logprobs", Some(true));
        set(&mut body, "top_logprobs", Some(others));
    }
    told.lose(losses)?;
    Ok(Asked { body, options })
}

/// Reads an answer of `/api/generate`.
pub(crate) fn read(
    body: &[u8],
    what: &CallHead,
    headers: &HeaderMap,
    now: Instant,
) -> Result<WholeReply, Error> {
    let body = parsed(body)?;
    if !body["response"].is_string() {
        return Err(unusable("it has no `response`"));
    }
    let mut shape = Completion::new(what, now);
    model_of(&mut shape, &body);
    let finish = finish_of(filled(&body["done_reason"]), false).name();
    let mut answer = shape.object(&json!([choice(&body, Some(finish), 0)]));
    let usage = usage_of(&body);
    if let Some(used) = &usage {
        answer["usage"] = Completion::usage(used);
    }
    Ok(WholeReply { headers: headers.clone(), body: answer.to_string().into(), usage })
}

fn model_of(told: &mut Completion, line: &Value) {
    if let Some(model) = filled(&line["model"]) {
        model.clone_into(&mut told.model);
    }
}

/// The choice of a line; `offset` is how much text came before, in characters.
fn choice(line: &Value, finish: Option<&str>, offset: usize) -> Value {
    let text = line["response"].as_str().unwrap_or_default();
    let logprobs = logprobs_of(&line["logprobs"], offset);
    json!({"index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish})
}

/// Probabilities in the shape of OpenAI's completions.
fn logprobs_of(native: &Value, offset: usize) -> Option<Value> {
    let (mut tokens, mut logprobs) = (Vec::new(), Vec::new());
    let (mut tops, mut offsets, mut at) = (Vec::new(), Vec::new(), offset);
    for one in native.as_array()? {
        let token = one["token"].as_str().unwrap_or_default();
        let others = one["top_logprobs"].as_array().into_iter().flatten();
        let other = |one: &Value| Some((one["token"].as_str()?.to_owned(), one["logprob"].clone()));
        tokens.push(token);
        logprobs.push(&one["logprob"]);
        tops.push(others.filter_map(other).collect::<Map<_, _>>());
        offsets.push(at);
        at = at.saturating_add(token.chars().count());
    }
    Some(json!({
        "tokens": tokens,
        "token_logprobs": logprobs,
        "top_logprobs": tops,
        "text_offset": offsets,
    }))
}

/// Reads one stream of `/api/generate`.
#[derive(Debug)]
pub(crate) struct TextFrames {
    lines: Lines,
    said: Said,
}

#[derive(Debug)]
struct Said {
    shape: Completion,
    include_usage: bool,
    /// The text so far, in characters.
    offset: usize,
    finished: bool,
}

impl TextFrames {
    /// A reader for one stream, which began `now`.
    pub(crate) fn new(what: &CallHead, now: Instant) -> Self {
        let shape = Completion::new(what, now);
        let include_usage = what.include_usage;
        let said = Said { shape, include_usage, offset: 0, finished: false };
        Self { lines: Lines::default(), said }
    }
}

impl Frames for TextFrames {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        let Self { lines, said } = self;
        if said.finished {
            return Ok(());
        }
        lines.push(&chunk, &mut |line| {
            said.line(&line, out);
            Ok(())
        })
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        let Self { lines, said } = self;
        if said.finished {
            return Ok(());
        }
        lines.finish(&mut |line| {
            said.line(&line, out);
            Ok(())
        })?;
        if said.finished { Ok(()) } else { Err(cut()) }
    }
}

impl Said {
    fn line(&mut self, line: &Value, out: &mut Vec<Frame>) {
        if self.finished {
            return;
        }
        if let Some(error) = within(line) {
            self.finished = true;
            let event = Event { error: Some(error), ..Event::default() };
            out.push(Frame { raw: Bytes::new(), event });
            return;
        }
        model_of(&mut self.shape, line);
        let done = line["done"] == true;
        let finish = done.then(|| finish_of(filled(&line["done_reason"]), false).name());
        let text = line["response"].as_str().unwrap_or_default();
        if done || !text.is_empty() || line["logprobs"].is_array() {
            let choices = json!([choice(line, finish, self.offset)]);
            let mut chunk = self.shape.object(&choices);
            if self.include_usage {
                chunk["usage"] = Value::Null;
            }
            out.push(frame(&chunk, Event { content: true, text: text.len(), ..Event::default() }));
            self.offset = self.offset.saturating_add(text.chars().count());
        }
        if done {
            self.end(usage_of(line), out);
        }
    }

    fn end(&mut self, usage: Option<Usage>, out: &mut Vec<Frame>) {
        self.finished = true;
        if let (true, Some(used)) = (self.include_usage, usage) {
            let mut chunk = self.shape.object(&json!([]));
            chunk["usage"] = Completion::usage(&used);
            out.push(frame(&chunk, Event::default()));
        }
        let event = Event { done: true, usage, ..Event::default() };
        out.push(Frame { raw: Bytes::from_static(b"data: [DONE]\n\n"), event });
    }
}

fn frame(chunk: &Value, event: Event) -> Frame {
    Frame { raw: format!("data: {chunk}\n\n").into(), event }
}
