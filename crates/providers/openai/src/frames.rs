//! A streamed answer: chunks relayed as they are, and only peeked at.

use bytes::Bytes;
use pointsman_provider::{Event, Frame, Frames, SseSplitter, classify_value, sse_data};
use pointsman_types::{Error, ErrorKind};

use crate::wire::{Chunk, ResponseEvent, Typed, with_tier};

/// Reads one stream in OpenAI's shape.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that happens once, or never")]
pub(crate) struct ChunkFrames {
    splitter: SseSplitter,
    /// A finish reason or `[DONE]` was seen, so the answer is complete.
    complete: bool,
    /// Content was seen, or what is asked for has none that is known here.
    answers: bool,
    /// The caller did not ask for the usage: what tells only of it is not passed on.
    hides_usage: bool,
    /// A page of the web was cited: one search at least is billed.
    searched: bool,
}

impl Frames for ChunkFrames {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        let mut events = Vec::new();
        self.splitter.push(chunk, &mut |event| events.push(event))?;
        for raw in events {
            let frame = self.frame(raw)?;
            out.push(frame);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        if let Some(rest) = self.splitter.finish() {
            // The last event came without its blank line; the client gets it with one.
            let frame = self.frame([&rest[..], b"\n\n"].concat().into())?;
            out.push(frame);
        }
        if self.complete || out.iter().any(|frame| frame.event.error.is_some()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did"))
    }
}

impl ChunkFrames {
    /// The reader of a stream for a caller who asked for its usage, or did not.
    pub(crate) fn new(include_usage: bool) -> Self {
        Self { hides_usage: !include_usage, ..Self::default() }
    }

    /// The reader of a stream whose content is none of a chat's or a completion's.
    pub(crate) fn of_something_else(include_usage: bool) -> Self {
        Self { answers: true, ..Self::new(include_usage) }
    }

    fn frame(&mut self, raw: Bytes) -> Result<Frame, Error> {
        let (event, bare) = self.event(&raw)?;
        let raw = match (self.hides_usage, bare) {
            (true, true) => Bytes::new(),
            (true, false) => without_null(raw),
            (false, _) => raw,
        };
        Ok(Frame { raw, event })
    }

    /// What an event means, and whether it tells of the usage and nothing else.
    fn event(&mut self, raw: &[u8]) -> Result<(Event, bool), Error> {
        let Some(data) = sse_data(raw) else { return Ok((Event::default(), false)) };
        let data = data.trim_ascii();
        if data.is_empty() {
            return Ok((Event::default(), false));
        }
        if data == b"[DONE]" {
            if !self.answers && !self.complete {
                let message = "the upstream's stream ended without an answer";
                return Err(Error::new(ErrorKind::Server, message));
            }
            self.complete = true;
            return Ok((Event { done: true, ..Event::default() }, false));
        }
        let chunk: Chunk = serde_json::from_slice(data).map_err(|error| {
            let message = format!("the upstream sent a chunk that cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        })?;
        if chunk.error.0 {
            let value = serde_json::from_slice(data).unwrap_or_default();
            let error = Some(classify_value(200, &value));
            return Ok((Event { error, ..Event::default() }, false));
        }
        let choices = chunk.choices.as_deref().unwrap_or_default();
        self.complete |= choices.iter().any(|choice| choice.finish_reason.0);
        let bare = chunk.choices.as_ref().is_some_and(Vec::is_empty) && chunk.usage.0.is_some();
        let content = choices.iter().any(crate::wire::Choice::has_content);
        self.answers |= content;
        self.searched |= choices.iter().any(crate::wire::Choice::cites);
        let mut usage = chunk.used();
        if let Some(usage) = usage.as_mut().filter(|_| self.searched) {
            usage.searches = usage.searches.max(1);
        }
        let event = Event {
            content,
            text: choices.iter().map(crate::wire::Choice::length).sum(),
            usage,
            ..Event::default()
        };
        Ok((event, bare))
    }
}

/// A chunk without the `null` that stands in it only because the usage was asked for.
fn without_null(raw: Bytes) -> Bytes {
    // Within a text these quotes would be escaped.
    for null in [&b",\"usage\":null"[..], b", \"usage\": null"] {
        if let Some(at) = memchr::memmem::find(&raw, null) {
            return [&raw[..at], &raw[at + null.len()..]].concat().into();
        }
    }
    raw
}

/// Reads one stream of responses' events.
#[derive(Debug, Default)]
pub(crate) struct ResponseFrames {
    splitter: SseSplitter,
    complete: bool,
}

impl Frames for ResponseFrames {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        let mut events = Vec::new();
        let split = self.splitter.push(chunk, &mut |event| events.push(event));
        for raw in events {
            let event = self.event(&raw)?;
            out.push(Frame { raw, event });
        }
        split
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        if let Some(rest) = self.splitter.finish() {
            let event = self.event(&rest)?;
            out.push(Frame { raw: [&rest[..], b"\n\n"].concat().into(), event });
        }
        if self.complete || out.iter().any(|frame| frame.event.error.is_some()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did"))
    }
}

impl ResponseFrames {
    fn event(&mut self, raw: &[u8]) -> Result<Event, Error> {
        let Some(data) = sse_data(raw) else { return Ok(Event::default()) };
        let data = data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(Event::default());
        }
        let said: ResponseEvent = serde_json::from_slice(data).map_err(|error| {
            let message = format!("the upstream sent an event that cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        })?;
        let usage = said.response.0.as_ref().and_then(|response| {
            let usage = response.usage.0.as_ref()?;
            let mut usage = with_tier(usage.normal()?, response.service_tier);
            usage.searches = usage.searches.max(Typed::count(&response.output, "web_search_call"));
            Some(usage)
        });
        let mut event = Event { usage, ..Event::default() };
        match said.kind.as_str() {
            "response.completed" | "response.incomplete" => {
                self.complete = true;
                (event.content, event.done) = (true, true);
            }
            "response.failed" => {
                let why = said.response.0.map(|response| response.error).unwrap_or_default();
                event.error = Some(classify_value(200, &serde_json::json!({"error": why})));
            }
            kind if kind == "error" || said.error.0 => {
                let value = serde_json::from_slice(data).unwrap_or_default();
                event.error = Some(classify_value(200, &value));
            }
            kind if kind.rsplit('.').next() == Some("delta") => {
                event.content = true;
                // Sound is no text.
                event.text = if kind.contains("audio.") { 0 } else { said.delta.text };
            }
            _ => {}
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = concat!(
        ": hello\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\u{e9}\"},\"finish_reason\":null}]}\r\n\r\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n",
        "data: [DONE]\n\n",
    );

    fn read(chunks: &[&[u8]]) -> Result<Vec<Frame>, Error> {
        let (mut frames, mut out) = (ChunkFrames::new(true), Vec::new());
        for chunk in chunks {
            frames.push(Bytes::copy_from_slice(chunk), &mut out)?;
        }
        frames.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn start_up_content_usage_and_end_are_told_apart() {
        let frames = read(&[STREAM.as_bytes()]).unwrap();
        let content: Vec<bool> = frames.iter().map(|frame| frame.event.content).collect();
        assert_eq!(content, [false, false, true, true, false, false]);
        assert_eq!(frames[4].event.usage.unwrap().total(), 5);
        assert!(frames[5].event.done);
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        assert_eq!(raw, STREAM.as_bytes());
    }

    #[test]
    fn usage_that_nobody_asked_for_is_read_and_not_passed_on() {
        let stream = STREAM.replace("\"stop\"}]}", "\"stop\"}],\"usage\":null}");
        let (mut frames, mut out) = (ChunkFrames::new(false), Vec::new());
        frames.push(stream.into(), &mut out).unwrap();
        frames.finish(&mut out).unwrap();
        assert_eq!(out[4].event.usage.unwrap().total(), 5);
        let raw: Vec<u8> = out.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        let usage = STREAM.find("data: {\"choices\":[],").unwrap();
        let end = STREAM.find("data: [DONE]").unwrap();
        assert_eq!(String::from_utf8(raw).unwrap(), [&STREAM[..usage], &STREAM[end..]].concat());
    }

    #[test]
    fn tool_calls_and_reasoning_are_content() {
        for delta in [
            r#"{"tool_calls":[{"index":0}]}"#,
            r#"{"reasoning_content":"x"}"#,
            r#"{"reasoning":"x"}"#,
            r#"{"refusal":"no"}"#,
            r#"{"content":[{"type":"thinking"}]}"#,
        ] {
            let text = format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\ndata: [DONE]\n\n");
            assert!(read(&[text.as_bytes()]).unwrap()[0].event.content, "{delta}");
        }
    }

    #[test]
    fn an_end_without_an_end_marker_is_an_error() {
        let cut = STREAM.find("data: {\"choices\":[{\"index\":0,\"delta\":{},").unwrap();
        let error = read(&[&STREAM.as_bytes()[..cut]]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Connection);
        let no_done = STREAM.replace("data: [DONE]\n\n", "");
        assert!(read(&[no_done.as_bytes()]).is_ok());
        assert_eq!(read(&[]).unwrap_err().kind, ErrorKind::Connection);
    }

    #[test]
    fn an_end_without_an_answer_is_an_error() {
        let nothing = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
        let role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n";
        for before in ["", ": hello\n\n", nothing, role] {
            let error = read(&[before.as_bytes(), b"data: [DONE]\n\n"]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Server, "{before}");
        }
    }

    #[test]
    fn usage_may_be_within_the_choice() {
        let text = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\
            \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}]}\n\n";
        assert_eq!(read(&[text.as_bytes()]).unwrap()[0].event.usage.unwrap().total(), 5);
    }

    #[test]
    fn errors_within_a_stream_are_classified() {
        let text = "event: error\ndata: {\"error\":{\"message\":\"busy\",\"code\":503}}\n\n";
        let frames = read(&[text.as_bytes()]).unwrap();
        assert_eq!(frames[0].event.error.as_ref().unwrap().kind, ErrorKind::Overloaded);
        assert_eq!(read(&[b"data: <html>\n\n"]).unwrap_err().kind, ErrorKind::Server);
    }

    proptest! {
        #[test]
        fn where_the_chunks_are_cut_does_not_matter(
            cuts in proptest::collection::vec(0..STREAM.len(), 0..8),
        ) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let bytes = STREAM.as_bytes();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let (whole, parts) = (read(&[bytes]).unwrap(), read(&chunks).unwrap());
            let raw = |frames: &[Frame]| -> Vec<Bytes> {
                frames.iter().map(|frame| frame.raw.clone()).collect()
            };
            prop_assert_eq!(raw(&whole), raw(&parts));
        }

        #[test]
        fn any_bytes_end_in_a_value_or_an_error(bytes: Vec<u8>) {
            drop(read(&[&bytes]));
        }
    }
}
