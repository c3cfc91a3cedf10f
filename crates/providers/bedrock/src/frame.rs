//! Event-stream frames (`application/vnd.amazon.eventstream`), however the bytes are cut.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use bytes::{Buf, Bytes, BytesMut};
use pointsman_types::{Error, ErrorKind};

/// The longest frame that is read: the most that the format allows, in bytes.
const LONGEST: usize = 24 << 20;
/// Lengths of the frame and of its headers, and their checksum.
const PRELUDE: usize = 12;

/// Cuts a stream into frames; holds at most one that is not complete.
#[derive(Debug, Default)]
pub(crate) struct FrameSplitter {
    held: BytesMut,
}

impl FrameSplitter {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.held.extend_from_slice(chunk);
    }

    /// The next complete frame, with both checksums checked.
    ///
    /// # Errors
    ///
    /// Kind `Server`, when the bytes are no frame: nothing that follows can be read.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Error> {
        let Some(mut prelude) = self.held.get(..PRELUDE) else { return Ok(None) };
        let length = prelude.get_u32() as usize;
        // A length that is wrong shall not keep us waiting for what never comes.
        if !(PRELUDE + 4..=LONGEST).contains(&length) {
            return Err(broken(&format!("a frame of {length} bytes")));
        }
        if self.held.len() < length {
            return Ok(None);
        }
        let frame = self.held.split_to(length).freeze();
        let message = read_message_from(frame).map_err(|error| broken(&error.to_string()))?;
        Ok(Some(Event::of(&message)))
    }

    /// Whether the stream ended within a frame.
    pub(crate) fn is_cut(&self) -> bool {
        !self.held.is_empty()
    }
}

fn broken(why: &str) -> Error {
    let message = format!("the upstream's event stream cannot be read: {why}");
    Error::new(ErrorKind::Server, message)
}

/// A frame's meaning.
#[derive(Debug)]
pub(crate) enum Event {
    /// An event of this type.
    Event(String, Bytes),
    /// The upstream broke off: the type of its error, and what it said.
    Exception(String, Bytes),
}

impl Event {
    fn of(message: &Message) -> Self {
        let header = |name: &str| {
            let of_name =
                |header: &&aws_smithy_types::event_stream::Header| header.name().as_str() == name;
            let header = message.headers().iter().find(of_name)?;
            Some(header.value().as_string().ok()?.as_str().to_owned())
        };
        match header(":message-type").as_deref() {
            Some("exception") => Self::Exception(
                header(":exception-type").unwrap_or_default(),
                message.payload().clone(),
            ),
            Some("error") => {
                let words = serde_json::json!({"message": header(":error-message")});
                let code = header(":error-code").unwrap_or_default();
                Self::Exception(code, words.to_string().into())
            }
            _ => Self::Event(header(":event-type").unwrap_or_default(), message.payload().clone()),
        }
    }
}
