//! Answers that no model was asked for.

use bytes::Bytes;
use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_types::{Error, Usage};

use super::{ChatDecoder, ChatEvent, ChatReply, Choice, Finish, Part, translated};
use crate::{CallHead, Frame, WholeReply};

/// An answer of this text in the dialect of the call, as if a model had given it: that of a
/// `mock_response`, or of a simulated deployment.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_provider::{Call, chat::mock_reply};
/// use pointsman_types::Usage;
/// let call = Call::chat("fast", serde_json::json!({"messages": []}))?;
/// let whole = mock_reply(&call.head, "m", "Hi", Usage::default(), Instant::EPOCH);
/// let body: serde_json::Value = serde_json::from_slice(&whole.body)?;
/// assert_eq!(body["choices"][0]["message"]["content"], "Hi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mock_reply(
    what: &CallHead,
    model: &str,
    text: &str,
    usage: Usage,
    now: Instant,
) -> WholeReply {
    let choice = Choice { parts: vec![Part::text(text)], ..Choice::default() };
    let reply = ChatReply {
        model: Some(model.to_owned()),
        choices: vec![choice],
        usage: Some(usage),
        ..ChatReply::default()
    };
    reply.whole(what, &HeaderMap::new(), now)
}

/// The same as a stream, word by word.
///
/// # Errors
///
/// None that a text could bring about.
pub fn mock_frames(
    what: &CallHead,
    model: &str,
    text: &str,
    usage: Usage,
    now: Instant,
) -> Result<Vec<Frame>, Error> {
    let mock = Mock { model: Some(model.to_owned()), usage };
    let (mut frames, mut out) = (translated(what, now, mock), Vec::new());
    for word in text.split_inclusive(' ') {
        frames.push(Bytes::copy_from_slice(word.as_bytes()), &mut out)?;
    }
    frames.finish(&mut out)?;
    Ok(out)
}

/// Each chunk of the stream is a word.
struct Mock {
    /// Until it is told.
    model: Option<String>,
    usage: Usage,
}

impl ChatDecoder for Mock {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if let Some(model) = self.model.take() {
            out.push(ChatEvent::Start { id: None, model: Some(model) });
        }
        let text = String::from_utf8_lossy(&chunk).into_owned();
        out.push(ChatEvent::Text { choice: 0, text, logprobs: None });
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let (reason, native, stop_sequence) = (Finish::Stop, None, None);
        out.push(ChatEvent::Finish { choice: 0, reason, native, stop_sequence });
        out.push(ChatEvent::Usage(self.usage));
        Ok(())
    }
}
