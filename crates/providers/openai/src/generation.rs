//! watsonx's text generation, which answers what is asked of completions.

use bytes::Bytes;
use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_provider::{
    BodyFault, Call, CallHead, Completion, Event, Frame, Frames, Prompted, SseSplitter, Target,
    WholeReply,
    chat::{Finish, Losses},
    classify_value, sse_data,
    wire::{Count, Filled},
};
use pointsman_types::{Error, ErrorKind, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The body of a call, without what names the model.
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
    let mut asked = Prompted::of(call, to)?;
    let mut parameters = parameters(&mut asked, losses)?;
    // What nobody here knows are watsonx's own.
    parameters.extend(asked.fields.rest());
    let mut body = Map::from_iter([("input".to_owned(), asked.prompt.into())]);
    if !parameters.is_empty() {
        body.insert("parameters".into(), parameters.into());
    }
    Ok(body)
}

fn parameters(asked: &mut Prompted, losses: &mut Losses) -> Result<Map<String, Value>, BodyFault> {
    let Prompted { fields, .. } = asked;
    let mut parameters = match fields.value("parameters") {
        Some(Value::Object(own)) => own,
        _ => Map::new(),
    };
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            parameters.insert(name.to_owned(), value);
        }
    };
    let limit = fields.whole("max_completion_tokens")?;
    set("max_new_tokens", limit.or(fields.whole("max_tokens")?).map(Into::into));
    let temperature = fields.number("temperature")?.map(Value::from);
    let top_p = fields.number("top_p")?.map(Value::from);
    let top_k = fields.whole("top_k")?.map(Value::from);
    let seed = fields.integer("seed")?.map(Value::from);
    let chance = [&temperature, &top_p, &top_k, &seed].iter().any(|one| one.is_some());
    let method = fields.text("decoding_method")?;
    set("decoding_method", method.map(Value::from).or_else(|| chance.then(|| "sample".into())));
    set("temperature", temperature);
    set("top_p", top_p);
    set("top_k", top_k);
    set("random_seed", seed);
    let stop = fields.texts("stop")?;
    set("stop_sequences", (!stop.is_empty()).then(|| json!(stop)));
    for name in ["frequency_penalty", "presence_penalty"] {
        losses.unless_none(name, &fields.number(name)?);
    }
    for name in ["logprobs", "logit_bias", "suffix"] {
        losses.unless_none(name, &fields.value(name));
    }
    asked.lose(losses)?;
    Ok(parameters)
}

/// An answer, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    model_id: Option<String>,
    results: Option<Vec<Piece>>,
    errors: Filled,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Piece {
    generated_text: String,
    generated_token_count: Count,
    input_token_count: Count,
    stop_reason: Option<String>,
}

impl Piece {
    /// Why it ended; `None` while it goes on.
    fn finish(&self) -> Option<Finish> {
        match self.stop_reason.as_deref()? {
            "" | "not_finished" => None,
            "token_limit" | "time_limit" => Some(Finish::Length),
            reason => Some(Finish::of(reason).unwrap_or_default()),
        }
    }

    /// The generation broke off.
    fn broken(&self) -> bool {
        matches!(self.stop_reason.as_deref(), Some("error" | "cancelled"))
    }
}

/// Reads a whole answer.
pub(crate) fn read(
    body: &[u8],
    what: &CallHead,
    headers: &HeaderMap,
    now: Instant,
) -> Result<WholeReply, Error> {
    let unusable = |why: &str| {
        let message = format!("the upstream's answer cannot be used: {why}");
        Error::new(ErrorKind::Server, message).with_status(200)
    };
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| unusable(&error.to_string()))?;
    let results = answer.results.unwrap_or_default();
    let Some(last) = results.last() else { return Err(unusable("it has no `results`")) };
    if last.broken() {
        return Err(unusable("the generation broke off"));
    }
    let mut usage = Usage::default();
    for one in &results {
        usage.input = usage.input.saturating_add(one.input_token_count.or_zero());
        usage.output = usage.output.saturating_add(one.generated_token_count.or_zero());
    }
    let mut shape = Completion::new(what, now);
    shape.model = answer.model_id.unwrap_or(shape.model);
    let text: String = results.iter().map(|one| one.generated_text.as_str()).collect();
    let finish = last.finish().unwrap_or_default().name();
    let mut told = chunk(&shape, &text, Some(finish));
    told["usage"] = Completion::usage(&usage);
    Ok(WholeReply { headers: headers.clone(), body: told.to_string().into(), usage: Some(usage) })
}

fn chunk(shape: &Completion, text: &str, finish: Option<&str>) -> Value {
    let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish});
    shape.object(&json!([choice]))
}

/// Reads one stream.
#[derive(Debug)]
pub(crate) struct GenerationFrames {
    splitter: SseSplitter,
    shape: Completion,
    include_usage: bool,
    usage: Usage,
    ended: bool,
}

impl GenerationFrames {
    /// A reader for one stream, which began `now`.
    pub(crate) fn new(what: &CallHead, now: Instant) -> Self {
        Self {
            splitter: SseSplitter::default(),
            shape: Completion::new(what, now),
            include_usage: what.include_usage,
            usage: Usage::default(),
            ended: false,
        }
    }

    fn event(&mut self, raw: &[u8], out: &mut Vec<Frame>) -> Result<(), Error> {
        let Some(data) = sse_data(raw).filter(|data| !self.ended && !data.trim_ascii().is_empty())
        else {
            return Ok(());
        };
        let unreadable = |error: serde_json::Error| {
            let message = format!("the upstream sent a piece that cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        };
        let answer: Answer = serde_json::from_slice(&data).map_err(unreadable)?;
        if answer.errors.0 {
            let value = serde_json::from_slice(&data).unwrap_or_default();
            self.fail(classify_value(200, &value), out);
            return Ok(());
        }
        self.shape.model = answer.model_id.unwrap_or_else(|| std::mem::take(&mut self.shape.model));
        for one in answer.results.unwrap_or_default() {
            self.piece(&one, out);
        }
        Ok(())
    }

    fn piece(&mut self, one: &Piece, out: &mut Vec<Frame>) {
        // The prompt is counted once, the answer from its beginning.
        self.usage.input = self.usage.input.max(one.input_token_count.or_zero());
        self.usage.output = self.usage.output.max(one.generated_token_count.or_zero());
        if one.broken() {
            self.fail(Error::new(ErrorKind::Server, "the upstream's generation broke off"), out);
            return;
        }
        let finish = one.finish().map(Finish::name);
        if finish.is_some() || !one.generated_text.is_empty() {
            let mut chunk = chunk(&self.shape, &one.generated_text, finish);
            if self.include_usage {
                chunk["usage"] = Value::Null;
            }
            let text = one.generated_text.len();
            send(&chunk, Event { content: true, text, ..Event::default() }, out);
        }
        if finish.is_some() {
            self.end(out);
        }
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        self.ended = true;
        if self.include_usage {
            let mut chunk = self.shape.object(&json!([]));
            chunk["usage"] = Completion::usage(&self.usage);
            send(&chunk, Event::default(), out);
        }
        let event = Event { done: true, usage: Some(self.usage), ..Event::default() };
        out.push(Frame { raw: Bytes::from_static(b"data: [DONE]\n\n"), event });
    }

    fn fail(&mut self, error: Error, out: &mut Vec<Frame>) {
        self.ended = true;
        let event = Event { error: Some(error), ..Event::default() };
        out.push(Frame { raw: Bytes::new(), event });
    }
}

fn send(chunk: &Value, event: Event, out: &mut Vec<Frame>) {
    out.push(Frame { raw: format!("data: {chunk}\n\n").into(), event });
}

impl Frames for GenerationFrames {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        let mut events = Vec::new();
        let split = self.splitter.push(chunk, &mut |event| events.push(event));
        events.iter().try_for_each(|event| self.event(event, out))?;
        split
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        if let Some(rest) = self.splitter.finish() {
            self.event(&rest, out)?;
        }
        if self.ended {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did"))
    }
}
