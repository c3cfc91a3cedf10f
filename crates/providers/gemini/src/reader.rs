//! From Google's answers, whole or in pieces, to what happens in them.

use std::collections::BTreeMap;

use pointsman_clock::Instant;
use pointsman_provider::chat::{ChatEvent, Content, Finish, Part, Source, made_id};
use pointsman_types::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use crate::{
    arguments::Arguments,
    citations::{cited, grounded, searches},
    errors,
    wire::{Answer, Candidate, Feedback},
};

/// No call asks for more answers at once.
pub(crate) const MOST_CHOICES: usize = 128;
/// The most text of an answer that is kept, to tell where in it a citation is.
const MOST_TEXT: usize = 1 << 20;

/// Reads the answers of one call, in their order.
#[derive(Debug)]
pub(crate) struct Reader {
    now: Instant,
    started: bool,
    choices: BTreeMap<u32, Choice>,
    searches: u64,
    /// Ids that were made.
    ids: u32,
    /// Said in place of an answer.
    failed: bool,
}

/// What is known of one answer so far.
#[derive(Debug, Default)]
struct Choice {
    text: String,
    /// Calls that have begun.
    calls: u32,
    open: Option<(u32, Arguments)>,
    /// Anything at all was said.
    content: bool,
    finish: Option<String>,
    message: Option<String>,
    /// A text's, which stands behind what is cited in it.
    seal: Option<String>,
}

impl Reader {
    /// A reader of what began at a moment, which ids are made of.
    pub(crate) fn new(now: Instant) -> Self {
        Self { now, started: false, choices: BTreeMap::new(), searches: 0, ids: 0, failed: false }
    }

    /// Takes a document: an answer, or several, in a list or one after the other.
    pub(crate) fn document(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let unreadable = |error: serde_json::Error| {
            let message = format!("the upstream's answer cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        };
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            let list: Vec<Answer> = serde_json::from_slice(bytes).map_err(unreadable)?;
            return list.into_iter().try_for_each(|answer| self.answer(answer, out));
        }
        let mut answers = serde_json::Deserializer::from_slice(bytes).into_iter();
        answers.try_for_each(|answer| self.answer(answer.map_err(unreadable)?, out))
    }

    fn answer(&mut self, answer: Answer, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.failed {
            return Ok(());
        }
        if let Some(error) = answer.error {
            self.fail(errors::within(&error), out);
            return Ok(());
        }
        if !answer.is_one() {
            let message = "the upstream's answer cannot be used: it has no `candidates`";
            return Err(Error::new(ErrorKind::Server, message));
        }
        let candidates = answer.candidates.unwrap_or_default();
        if let Some(feedback) = answer.prompt_feedback.filter(Feedback::is_block)
            && candidates.is_empty()
        {
            self.fail(blocked(&feedback), out);
            return Ok(());
        }
        for metadata in candidates.iter().filter_map(|one| one.grounding_metadata.as_ref()) {
            self.searches = self.searches.max(searches(metadata));
        }
        // Before the beginning: some dialects tell the prompt's tokens there.
        if let Some(mut usage) = answer.usage_metadata.and_then(|usage| usage.normal()) {
            usage.searches = self.searches;
            out.push(ChatEvent::Usage(usage));
        }
        if !self.started {
            self.started = true;
            out.push(ChatEvent::Start { id: answer.response_id, model: answer.model_version });
        }
        candidates.into_iter().try_for_each(|candidate| self.candidate(candidate, out))
    }

    fn fail(&mut self, error: Error, out: &mut Vec<ChatEvent>) {
        self.failed = true;
        out.push(ChatEvent::Error(error));
    }

    fn candidate(&mut self, candidate: Candidate, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let index = candidate.index.unwrap_or(0);
        if index as usize >= MOST_CHOICES {
            let message = format!("the upstream sent more than {MOST_CHOICES} answers");
            return Err(Error::new(ErrorKind::Server, message));
        }
        let (now, ids) = (self.now, &mut self.ids);
        let choice = self.choices.entry(index).or_default();
        let logprobs = candidate.logprobs_result.as_ref().and_then(logprobs);
        let begin = out.len();
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
            let mut id = || {
                *ids += 1;
                made_id("call_", now, *ids - 1)
            };
            choice.part(index, part, &mut id, out);
        }
        if let Some(logprobs) = logprobs {
            probable(index, logprobs, begin, out);
        }
        let mut citations = Vec::new();
        if let Some(metadata) = &candidate.citation_metadata {
            citations.extend(cited(metadata, &choice.text));
        }
        if let Some(metadata) = &candidate.grounding_metadata {
            citations.extend(grounded(metadata, &choice.text));
        }
        out.extend(
            citations.into_iter().map(|citation| ChatEvent::Citation { choice: index, citation }),
        );
        // Older models say `STOP` with every piece: the last word counts.
        choice.finish = candidate.finish_reason.or(choice.finish.take());
        choice.message = candidate.finish_message.or(choice.message.take());
        Ok(())
    }

    /// The end of it all. `whole` is an answer in one piece, which may do without the reason of its
    /// end if it says anything.
    pub(crate) fn end(&mut self, whole: bool, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.failed {
            return Ok(());
        }
        let ended = |choice: &Choice| choice.finish.is_some() || (whole && choice.content);
        if self.choices.is_empty() || !self.choices.values().all(ended) {
            let (kind, message) = if whole {
                (ErrorKind::Server, "the upstream's answer cannot be used: it says nothing")
            } else {
                (ErrorKind::Connection, "the upstream's stream ended before its answer did")
            };
            return Err(Error::new(kind, message));
        }
        if let Some(error) = self.choices.values().find_map(Choice::broken) {
            self.fail(error, out);
            return Ok(());
        }
        for (index, choice) in &mut self.choices {
            choice.sealed(*index, out);
            choice.close(*index, out);
            let native = choice.finish.take();
            let reason = native.as_deref().and_then(Finish::of).unwrap_or_default();
            let calls = choice.calls > 0 && reason == Finish::Stop;
            out.push(ChatEvent::Finish {
                choice: *index,
                reason: if calls { Finish::ToolCalls } else { reason },
                native,
                stop_sequence: None,
            });
        }
        out.push(ChatEvent::End);
        Ok(())
    }
}

/// The prompt was filtered: there is no answer.
fn blocked(feedback: &Feedback) -> Error {
    let reason = feedback.block_reason.as_deref().unwrap_or("OTHER");
    let mut message = format!("the prompt was blocked: {reason}");
    if let Some(words) = &feedback.block_reason_message {
        message.push_str(": ");
        message.push_str(words);
    }
    let mut error = Error::new(ErrorKind::ContentPolicy, message).with_code("content_filter");
    error.detail.type_name = Some(reason.to_owned());
    error
}

impl Choice {
    fn part(
        &mut self,
        choice: u32,
        mut part: Map<String, Value>,
        id: &mut dyn FnMut() -> String,
        out: &mut Vec<ChatEvent>,
    ) {
        self.sealed(choice, out);
        let seal = part.shift_remove("thoughtSignature").and_then(|seal| match seal {
            Value::String(seal) if !seal.is_empty() => Some(seal),
            _ => None,
        });
        if let Some(function) = part.get_mut("functionCall") {
            self.content = true;
            let function = function.take();
            self.call(choice, &function, seal, id, out);
            return;
        }
        let thought = part.get("thought") == Some(&Value::Bool(true));
        match part.get("text") {
            Some(Value::String(text)) if thought => {
                out.push(ChatEvent::Reasoning { choice, text: text.clone() });
            }
            Some(Value::String(text)) => {
                if !text.is_empty() {
                    self.content = true;
                    if self.text.len() + text.len() <= MOST_TEXT {
                        self.text.push_str(text);
                    }
                    out.push(ChatEvent::Text { choice, text: text.clone(), logprobs: None });
                }
            }
            _ => {
                if !thought && let Some(content) = other(part) {
                    self.content = true;
                    out.push(ChatEvent::Part { choice, part: Part::from(content) });
                }
            }
        }
        self.seal = seal;
    }

    fn sealed(&mut self, choice: u32, out: &mut Vec<ChatEvent>) {
        if let Some(signature) = self.seal.take() {
            out.push(ChatEvent::Signature { choice, signature });
        }
    }

    fn call(
        &mut self,
        choice: u32,
        function: &Value,
        signature: Option<String>,
        id: &mut dyn FnMut() -> String,
        out: &mut Vec<ChatEvent>,
    ) {
        let goes_on = function["willContinue"] == true;
        if let Some(name) = function["name"].as_str() {
            self.close(choice, out);
            let index = self.calls;
            self.calls += 1;
            let given = function["id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
            let (id, name) = (given.unwrap_or_else(id), name.to_owned());
            out.push(ChatEvent::ToolCall { choice, index, id, name, signature });
            match function.get("args").filter(|args| !args.is_null()) {
                Some(args) => {
                    out.push(ChatEvent::Arguments { choice, index, piece: args.to_string() });
                }
                None => self.open = Some((index, Arguments::new())),
            }
        }
        if let Some((_, arguments)) = &mut self.open {
            for piece in function["partialArgs"].as_array().into_iter().flatten() {
                arguments.add(piece);
            }
        }
        if !goes_on {
            self.close(choice, out);
        }
    }

    /// The open call's arguments are complete.
    fn close(&mut self, choice: u32, out: &mut Vec<ChatEvent>) {
        if let Some((index, arguments)) = self.open.take() {
            out.push(ChatEvent::Arguments { choice, index, piece: arguments.text() });
        }
    }

    /// An end that is a failure, for there is no answer before it.
    fn broken(&self) -> Option<Error> {
        let reason = self.finish.as_deref().filter(|_| !self.content)?;
        let kind = match reason {
            "MISSING_THOUGHT_SIGNATURE" => ErrorKind::BadRequest,
            "OTHER"
            | "MALFORMED_FUNCTION_CALL"
            | "MALFORMED_RESPONSE"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS" => ErrorKind::Server,
            _ => return None,
        };
        let words = self.message.as_deref().unwrap_or("there is no answer");
        let mut error = Error::new(kind, format!("{reason}: {words}"));
        error.detail.type_name = Some(reason.to_owned());
        Some(error)
    }
}

/// Probabilities go with the text they belong to.
fn probable(choice: u32, found: Value, begin: usize, out: &mut Vec<ChatEvent>) {
    let fresh = out.iter_mut().skip(begin).rev();
    let text = fresh.into_iter().find_map(|event| match event {
        ChatEvent::Text { logprobs, .. } => Some(logprobs),
        _ => None,
    });
    match text {
        Some(logprobs) => *logprobs = Some(found),
        None => {
            out.push(ChatEvent::Text { choice, text: String::new(), logprobs: Some(found) });
        }
    }
}

/// A picture, sound, or a part of Google's own, as it came.
fn other(part: Map<String, Value>) -> Option<Content> {
    let data = part.get("inlineData").or_else(|| part.get("fileData"));
    if let Some(data) = data {
        let text = |name: &str| data[name].as_str().map(str::to_owned);
        let media_type = text("mimeType").unwrap_or_default();
        let source = match (text("data"), text("fileUri")) {
            (Some(base64), _) => Some(Source::Data { media_type: media_type.clone(), base64 }),
            (None, Some(uri)) => Some(Source::Url(uri)),
            (None, None) => None,
        };
        if let Some(source) = source {
            if media_type.starts_with("image/") {
                return Some(Content::Image { source, detail: None });
            }
            if media_type.starts_with("audio/") {
                return Some(Content::Audio { source, transcript: None });
            }
        }
    }
    (!part.is_empty()).then(|| Content::Other(part.into()))
}

/// In OpenAI's shape.
fn logprobs(result: &Value) -> Option<Value> {
    let chosen = result["chosenCandidates"].as_array()?;
    let one = |candidate: &Value| {
        let token = candidate["token"].as_str().unwrap_or_default();
        json!({"token": token, "logprob": candidate["logProbability"], "bytes": token.as_bytes()})
    };
    let content = chosen.iter().enumerate().map(|(at, candidate)| {
        let mut content = one(candidate);
        let top = result["topCandidates"][at]["candidates"].as_array();
        content["top_logprobs"] = top.into_iter().flatten().map(one).collect::<Vec<_>>().into();
        content
    });
    Some(json!({"content": content.collect::<Vec<_>>(), "refusal": null}))
}
