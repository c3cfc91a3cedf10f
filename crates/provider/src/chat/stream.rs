//! From a vendor's stream to the caller's.

use bytes::Bytes;
use pointsman_clock::Instant;
use pointsman_types::{Error, Operation};

use super::{
    ChatEvent, answers::AnswerCalls, google::AnswerWriter, messages::EventWriter,
    openai::ChunkWriter, responses::ResponseWriter,
};
use crate::{CallHead, Event, Frame, Frames};

/// Reads one vendor's stream. However the bytes are cut, the events are the same.
///
/// It holds no more than a bounded piece of the stream, and the state that later events need.
pub trait ChatDecoder: Send {
    /// Takes the next bytes; adds the events that they complete.
    ///
    /// # Errors
    ///
    /// Kind `Server`, when the bytes are not the vendor's dialect.
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error>;

    /// The upstream's end of the body.
    ///
    /// # Errors
    ///
    /// Kind `Connection`, when it came before the answer's own end.
    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error>;
}

/// Writes a stream in the caller's dialect.
pub(crate) trait ChatWriter: Send {
    fn write(&mut self, event: ChatEvent, out: &mut Vec<Frame>);
    /// The answer is complete.
    fn end(&mut self, out: &mut Vec<Frame>);
}

/// A vendor's stream as frames in the dialect in which the caller asked.
///
/// ```
/// use bytes::Bytes;
/// use pointsman_clock::Instant;
/// use pointsman_provider::{Call, chat::{ChatDecoder, ChatEvent, Finish, translated}};
/// use pointsman_types::Error;
///
/// /// Every chunk is text; the end is the end.
/// struct Plain;
///
/// impl ChatDecoder for Plain {
///     fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
///         let text = String::from_utf8_lossy(&chunk).into_owned();
///         out.push(ChatEvent::Text { choice: 0, text, logprobs: None });
///         Ok(())
///     }
///     fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
///         out.push(ChatEvent::Finish { choice: 0, reason: Finish::Stop, native: None, stop_sequence: None });
///         Ok(())
///     }
/// }
///
/// let call = Call::chat("fast", serde_json::json!({"messages": []}))?.streamed();
/// let (mut frames, mut out) = (translated(&call.head, Instant::EPOCH, Plain), Vec::new());
/// frames.push("Hi".into(), &mut out)?;
/// frames.finish(&mut out)?;
/// assert!(out[1].raw.starts_with(b"data: {\"id\":"));
/// assert!(out[3].event.done);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn translated(
    what: &CallHead,
    now: Instant,
    decoder: impl ChatDecoder + 'static,
) -> Box<dyn Frames> {
    let writer: Box<dyn ChatWriter> = match what.operation {
        Operation::Messages => Box::new(EventWriter::new(what, now)),
        Operation::Responses => Box::new(ResponseWriter::new(what, now)),
        Operation::GenerateContent => Box::new(AnswerWriter::new(what, now)),
        _ => Box::new(ChunkWriter::new(what, now)),
    };
    let answers = AnswerCalls::new(what.one_call);
    Box::new(Translated { decoder, writer, answers, events: Vec::new(), ended: false })
}

struct Translated<D> {
    decoder: D,
    writer: Box<dyn ChatWriter>,
    answers: AnswerCalls,
    events: Vec<ChatEvent>,
    /// The end, or an error, was passed on: nothing follows.
    ended: bool,
}

impl<D: ChatDecoder> Translated<D> {
    fn pass_on(&mut self, out: &mut Vec<Frame>) {
        for event in self.events.drain(..) {
            if self.ended {
                continue;
            }
            match event {
                ChatEvent::Error(error) => {
                    self.ended = true;
                    let event = Event { error: Some(error), ..Event::default() };
                    out.push(Frame { raw: Bytes::new(), event });
                }
                ChatEvent::End => {
                    self.ended = true;
                    self.writer.end(out);
                }
                event => {
                    if let Some(event) = self.answers.passed(event) {
                        let (before, length) = (out.len(), event.length());
                        self.writer.write(event, out);
                        if let Some(frame) = out.get_mut(before..).and_then(<[Frame]>::last_mut) {
                            frame.event.text += length;
                        }
                    }
                }
            }
        }
    }
}

impl<D: ChatDecoder> Frames for Translated<D> {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        if self.ended {
            return Ok(());
        }
        let read = self.decoder.push(chunk, &mut self.events);
        self.pass_on(out);
        if self.ended { Ok(()) } else { read }
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        if self.ended {
            return Ok(());
        }
        let read = self.decoder.finish(&mut self.events);
        self.pass_on(out);
        if !self.ended {
            read?;
            self.ended = true;
            self.writer.end(out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::{ErrorKind, Usage};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Call,
        chat::{Finish, Part, Source},
    };

    /// Hands out what it was given, at the first chunk.
    struct Given(Vec<ChatEvent>);

    impl ChatDecoder for Given {
        fn push(&mut self, _: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
            out.append(&mut self.0);
            Ok(())
        }
        fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
            Err(Error::new(ErrorKind::Connection, "cut"))
        }
    }

    fn told(events: Vec<ChatEvent>) -> (Vec<Frame>, Result<(), Error>) {
        let body =
            json!({"messages": [], "stream": true, "stream_options": {"include_usage": true}});
        let call = Call::chat("g", body).unwrap();
        let mut frames = translated(&call.head, Instant::from_secs(5), Given(events));
        let mut out = Vec::new();
        frames.push(Bytes::new(), &mut out).unwrap();
        let end = frames.finish(&mut out);
        (out, end)
    }

    fn chunk(frame: &Frame) -> Value {
        let text = std::str::from_utf8(&frame.raw).unwrap();
        serde_json::from_str(text.strip_prefix("data: ").unwrap()).unwrap()
    }

    #[test]
    fn calls_behind_the_first_are_left_out_where_one_is_asked_for() {
        let call = |index, name: &str| ChatEvent::ToolCall {
            choice: 0,
            index,
            id: format!("c{index}"),
            name: name.into(),
            signature: None,
        };
        let piece = |index| ChatEvent::Arguments { choice: 0, index, piece: "{}".into() };
        let all = || vec![call(0, "f"), piece(0), call(1, "g"), piece(1), ChatEvent::End];
        for (asked, want) in [(json!(false), vec!["f"]), (json!(true), vec!["f", "g"])] {
            let body = json!({"messages": [], "stream": true, "parallel_tool_calls": asked});
            let call = Call::chat("g", body).unwrap();
            let mut frames = translated(&call.head, Instant::EPOCH, Given(all()));
            let mut out = Vec::new();
            frames.push(Bytes::new(), &mut out).unwrap();
            let said = out.iter().filter(|frame| frame.raw.starts_with(b"data: {")).map(chunk);
            let called: Vec<String> = said
                .filter_map(|chunk| {
                    let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
                    Some(call["function"]["name"].as_str()?.to_owned())
                })
                .collect();
            assert_eq!(called, want);
        }
    }

    #[test]
    fn every_event_in_openais_shape() {
        let (out, end) = told(vec![
            ChatEvent::Start { id: Some("id1".into()), model: Some("m1".into()) },
            ChatEvent::Usage(Usage::text(7, 0)),
            ChatEvent::Ping,
            ChatEvent::Reasoning { choice: 0, text: "Hm".into() },
            ChatEvent::Signature { choice: 0, signature: "s".into() },
            ChatEvent::Text { choice: 0, text: String::new(), logprobs: None },
            ChatEvent::Text { choice: 0, text: "Hi".into(), logprobs: None },
            ChatEvent::ToolCall {
                choice: 0,
                index: 0,
                id: "c".into(),
                name: "f".into(),
                signature: None,
            },
            ChatEvent::Arguments { choice: 0, index: 0, piece: "{}".into() },
            ChatEvent::Part {
                choice: 0,
                part: super::super::Content::Image {
                    source: Source::Url("u".into()),
                    detail: None,
                }
                .into(),
            },
            ChatEvent::Part { choice: 0, part: Part::text("!") },
            ChatEvent::Finish {
                choice: 0,
                reason: Finish::ToolCalls,
                native: Some("tool_use".into()),
                stop_sequence: None,
            },
            ChatEvent::Usage(Usage::text(7, 2)),
            ChatEvent::End,
            ChatEvent::Text { choice: 0, text: "late".into(), logprobs: None },
        ]);
        end.unwrap();
        let content: Vec<bool> = out.iter().map(|frame| frame.event.content).collect();
        assert_eq!(
            content,
            [false, false, true, true, true, true, true, true, true, true, false, false]
        );
        assert_eq!(chunk(&out[0])["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunk(&out[0])["id"], "id1");
        assert_eq!(&out[1].raw[..], b": ping\n\n");
        assert_eq!(out[2].event.usage.unwrap().input, 7);
        let delta = |at: usize| chunk(&out[at])["choices"][0]["delta"].clone();
        assert_eq!(delta(3)["thinking_blocks"][0]["signature"], "s");
        assert_eq!(delta(4), json!({"content": "Hi"}));
        assert_eq!(delta(5)["tool_calls"][0]["function"]["name"], "f");
        assert_eq!(delta(6)["tool_calls"][0]["function"]["arguments"], "{}");
        assert_eq!(chunk(&out[9])["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(chunk(&out[9])["choices"][0]["native_finish_reason"], "tool_use");
        assert_eq!(chunk(&out[10])["usage"]["total_tokens"], 9);
        assert_eq!(out[10].event.usage.unwrap().output, 2);
        assert!(out[11].event.done && &out[11].raw[..] == b"data: [DONE]\n\n");
    }

    #[test]
    fn an_error_ends_it_and_a_cut_is_one() {
        let error = Error::new(ErrorKind::Overloaded, "busy");
        let late = ChatEvent::Text { choice: 0, text: "late".into(), logprobs: None };
        let (out, end) = told(vec![ChatEvent::Error(error), late.clone()]);
        end.unwrap();
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].event.error.as_ref().unwrap().kind, ErrorKind::Overloaded);
        let (out, end) = told(vec![late]);
        assert_eq!((out.len(), end.unwrap_err().kind), (2, ErrorKind::Connection));
    }
}
