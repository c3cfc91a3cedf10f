//! Answers that nobody was asked for.

use bytes::Bytes;
use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_types::{Error, Usage};

use super::{ChatDecoder, ChatEvent, ChatReply, Choice, Finish, Part, translated};
use crate::{CallHead, Frame, WholeReply};

/// An answer of this text in the dialect of the call, as if the model had given it (`mock_response`).
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_provider::{Call, chat::mock_reply};
/// let call = Call::chat("fast", serde_json::json!({"messages": []}))?;
/// let whole = mock_reply(&call.head, "m", "Hi", Instant::EPOCH);
/// let body: serde_json::Value = serde_json::from_slice(&whole.body)?;
/// assert_eq!(body["choices"][0]["message"]["content"], "Hi");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mock_reply(what: &CallHead, model: &str, text: &str, now: Instant) -> WholeReply {
    let choice = Choice { parts: vec![Part::text(text)], ..Choice::default() };
    let reply = ChatReply {
        model: Some(model.to_owned()),
        choices: vec![choice],
        usage: Some(Usage::default()),
        ..ChatReply::default()
    };
    reply.whole(what, &HeaderMap::new(), now)
}

/// The same as a stream.
///
/// # Errors
///
/// None that a text could bring about.
pub fn mock_frames(
    what: &CallHead,
    model: &str,
    text: &str,
    now: Instant,
) -> Result<Vec<Frame>, Error> {
    let (mut frames, mut out) = (translated(what, now, Mock(model.to_owned())), Vec::new());
    frames.push(Bytes::copy_from_slice(text.as_bytes()), &mut out)?;
    frames.finish(&mut out)?;
    Ok(out)
}

/// The model's name; the stream is the text.
struct Mock(String);

impl ChatDecoder for Mock {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let text = String::from_utf8_lossy(&chunk).into_owned();
        out.push(ChatEvent::Start { id: None, model: Some(self.0.clone()) });
        out.push(ChatEvent::Text { choice: 0, text, logprobs: None });
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let (reason, native, stop_sequence) = (Finish::Stop, None, None);
        out.push(ChatEvent::Finish { choice: 0, reason, native, stop_sequence });
        out.push(ChatEvent::Usage(Usage::default()));
        Ok(())
    }
}
