//! From Google's stream, and from its whole answers, to the neutral form.

use bytes::Bytes;
use pointsman_clock::Instant;
use pointsman_provider::chat::{
    ChatDecoder, ChatEvent, ChatReply, Choice, Content, Part, ToolCall,
};
use pointsman_types::Error;
use serde_json::{Value, json};

use crate::{
    documents::Documents,
    reader::{MOST_CHOICES, Reader},
};

/// Reads one stream of Google's.
#[derive(Debug)]
pub(crate) struct GeminiDecoder {
    documents: Documents,
    reader: Reader,
}

impl GeminiDecoder {
    /// A reader for a stream that began at a moment.
    pub(crate) fn new(now: Instant) -> Self {
        Self { documents: Documents::default(), reader: Reader::new(now) }
    }
}

impl ChatDecoder for GeminiDecoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let mut found = Vec::new();
        let cut = self.documents.push(chunk, &mut |document| found.push(document));
        found.iter().try_for_each(|document| self.reader.document(document, out))?;
        cut
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let mut found = Vec::new();
        let cut = self.documents.finish(&mut |document| found.push(document));
        found.iter().try_for_each(|document| self.reader.document(document, out))?;
        cut?;
        self.reader.end(false, out)
    }
}

/// A whole answer.
pub(crate) fn read_reply(body: &[u8], now: Instant) -> Result<ChatReply, Error> {
    let (mut reader, mut events) = (Reader::new(now), Vec::new());
    reader.document(body, &mut events).map_err(|error| error.with_status(200))?;
    reader.end(true, &mut events).map_err(|error| error.with_status(200))?;
    gathered(events)
}

/// What happened, as one answer.
fn gathered(events: Vec<ChatEvent>) -> Result<ChatReply, Error> {
    let mut reply = ChatReply::default();
    for event in events {
        match event {
            ChatEvent::Start { id, model } => (reply.id, reply.model) = (id, model),
            ChatEvent::Text { choice, text, logprobs } => {
                let choice = at(&mut reply, choice);
                if !text.is_empty() {
                    choice.parts.push(Part::text(text));
                }
                if let Some(found) = logprobs {
                    join(&mut choice.logprobs, &found);
                }
            }
            ChatEvent::Reasoning { choice, text } => {
                let thought = Content::Reasoning { text, signature: None, hidden: None };
                at(&mut reply, choice).parts.push(thought.into());
            }
            ChatEvent::Signature { choice, signature } => {
                let (text, signature) = (String::new(), Some(signature));
                let seal = Content::Reasoning { text, signature, hidden: None };
                at(&mut reply, choice).parts.push(seal.into());
            }
            ChatEvent::ToolCall { choice, id, name, signature, .. } => {
                let call = ToolCall { id, name, arguments: String::new(), signature };
                at(&mut reply, choice).parts.push(Content::ToolCall(call).into());
            }
            // Calls come one after the other, each with its arguments.
            ChatEvent::Arguments { choice, piece, .. } => {
                let parts = at(&mut reply, choice).parts.iter_mut().rev();
                let call = parts.into_iter().find_map(|part| match &mut part.content {
                    Content::ToolCall(call) => Some(call),
                    _ => None,
                });
                if let Some(call) = call {
                    call.arguments.push_str(&piece);
                }
            }
            ChatEvent::Citation { choice, citation } => {
                let parts = at(&mut reply, choice).parts.iter_mut().rev();
                let cited = parts.into_iter().find_map(|part| match &mut part.content {
                    Content::Text { citations, .. } => Some(citations),
                    _ => None,
                });
                if let Some(citations) = cited {
                    citations.push(citation);
                }
            }
            ChatEvent::Part { choice, part } => at(&mut reply, choice).parts.push(part),
            ChatEvent::Finish { choice, reason, native, .. } => {
                let choice = at(&mut reply, choice);
                (choice.finish, choice.native_finish) = (reason, native);
            }
            ChatEvent::Usage(usage) => reply.usage = Some(usage),
            ChatEvent::Error(error) => return Err(error),
            _ => {}
        }
    }
    Ok(reply)
}

fn at(reply: &mut ChatReply, choice: u32) -> &mut Choice {
    let index = usize::try_from(choice).map_or(0, |index| index.min(MOST_CHOICES));
    if reply.choices.len() <= index {
        reply.choices.resize_with(index + 1, Choice::default);
    }
    &mut reply.choices[index]
}

/// More probabilities behind those that are there.
fn join(all: &mut Option<Value>, found: &Value) {
    let all = all.get_or_insert_with(|| json!({"content": [], "refusal": null}));
    if let (Some(list), Some(more)) = (all["content"].as_array_mut(), found["content"].as_array()) {
        list.extend(more.iter().cloned());
    }
}
