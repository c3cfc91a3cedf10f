//! Drives an answer's body: collects it, or reads it into frames.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, header::CONTENT_LENGTH};
use pointsman_types::{Error, ErrorKind};

use crate::{Frame, Frames, Incoming};

/// What some put before their text, and no reader of JSON takes.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Collects the body of an answer with these headers, at most `most` bytes of it and without a byte
/// order mark; a body in one chunk is not copied, and any other once, if its length was announced.
///
/// # Errors
///
/// Kind `Server`, when the body is longer; whatever the body itself fails with.
pub async fn collect(headers: &HeaderMap, mut body: Incoming, most: usize) -> Result<Bytes, Error> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(chunk) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        let chunk = chunk?;
        let length = first.len() + all.len() + chunk.len();
        if length > most {
            let message = format!("the upstream's answer is longer than {most} bytes");
            return Err(Error::new(ErrorKind::Server, message));
        }
        if length == chunk.len() {
            first = chunk;
            continue;
        }
        if all.is_empty() {
            all.reserve(announced.unwrap_or(0).clamp(length, most));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&chunk);
    }
    let mut body = if all.is_empty() { first } else { all.freeze() };
    if body.starts_with(MARK) {
        body.advance(MARK.len());
    }
    Ok(body)
}

/// A body read into frames.
pub(crate) struct FrameReader {
    body: Incoming,
    frames: Box<dyn Frames>,
    /// Comes after the frames that were read before it.
    failure: Option<Error>,
    ended: bool,
}

impl FrameReader {
    pub(crate) fn new(body: Incoming, frames: Box<dyn Frames>) -> Self {
        Self { body, frames, failure: None, ended: false }
    }

    /// What was read, however the body was cut: frames that were good before the failure, and
    /// nothing after the end.
    fn read(
        &mut self,
        mut out: Vec<Frame>,
        read: Result<(), Error>,
    ) -> Option<Result<Vec<Frame>, Error>> {
        if let Some(end) = out.iter().position(|frame| frame.event.done) {
            self.ended = true;
            out.truncate(end + 1);
        } else if let Err(error) = read {
            self.ended = true;
            self.failure = Some(error);
        }
        if out.is_empty() { self.failure.take().map(Err) } else { Some(Ok(out)) }
    }
}

impl Stream for FrameReader {
    type Item = Result<Vec<Frame>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failure.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.ended {
            // A body that is read to its end leaves its connection for the next call. Nothing
            // that could still come matters, so this only looks.
            let _end = self.body.as_mut().poll_next(cx);
            return Poll::Ready(None);
        }
        loop {
            let mut out = Vec::new();
            let read = match ready!(self.body.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => self.frames.push(chunk, &mut out),
                Some(Err(error)) => Err(error),
                None => {
                    self.ended = true;
                    self.frames.finish(&mut out)
                }
            };
            let read = self.read(out, read);
            if read.is_some() || self.ended {
                return Poll::Ready(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};
    use pointsman_types::ErrorKind;

    use super::*;
    use crate::Event;

    /// A frame for each letter: `.` is the end, `!` is not understood.
    struct Letters;

    impl Frames for Letters {
        fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
            for at in 0..chunk.len() {
                if chunk[at] == b'!' {
                    return Err(Error::new(ErrorKind::Server, "what?"));
                }
                let event = Event { done: chunk[at] == b'.', ..Event::default() };
                out.push(Frame { raw: chunk.slice(at..=at), event });
            }
            Ok(())
        }

        fn finish(&mut self, _: &mut Vec<Frame>) -> Result<(), Error> {
            Err(Error::new(ErrorKind::Connection, "cut"))
        }
    }

    fn body(chunks: &[&'static str]) -> Incoming {
        let chunks: Vec<_> =
            chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        Box::pin(stream::iter(chunks))
    }

    fn read(chunks: &[&'static str]) -> (String, Option<ErrorKind>) {
        let reader = FrameReader::new(body(chunks), Box::new(Letters));
        let mut seen = (String::new(), None);
        for batch in reader.collect::<Vec<_>>().now_or_never().unwrap() {
            assert!(seen.1.is_none(), "an error is the last");
            match batch {
                Ok(frames) => seen.0.extend(frames.iter().map(|frame| frame.raw[0] as char)),
                Err(error) => seen.1 = Some(error.kind),
            }
        }
        seen
    }

    #[test]
    fn what_came_before_a_failure_is_passed_on_and_nothing_after_the_end() {
        for (text, want) in [
            (["ab!c", ""], ("ab".to_owned(), Some(ErrorKind::Server))),
            (["a", "b!c"], ("ab".to_owned(), Some(ErrorKind::Server))),
            (["ab", "!c"], ("ab".to_owned(), Some(ErrorKind::Server))),
            (["ab.cd!", ""], ("ab.".to_owned(), None)),
            (["ab.c", "d!"], ("ab.".to_owned(), None)),
            (["ab.", "cd!"], ("ab.".to_owned(), None)),
            (["ab", ""], ("ab".to_owned(), Some(ErrorKind::Connection))),
        ] {
            assert_eq!(read(&text), want, "{text:?}");
        }
    }

    #[test]
    fn whatever_length_was_announced_the_body_is_what_came() {
        let collected = |announced: &str, chunks: &[&'static str], most: usize| {
            let headers = [(CONTENT_LENGTH, announced.parse().unwrap())].into_iter().collect();
            collect(&headers, body(chunks), most).now_or_never().unwrap()
        };
        for announced in ["0", "3", "7", "99999999999999", "many"] {
            assert_eq!(collected(announced, &[], 9).unwrap(), "");
            assert_eq!(collected(announced, &["ab"], 9).unwrap(), "ab");
            assert_eq!(collected(announced, &["ab", "", "cde", "fg"], 9).unwrap(), "abcdefg");
            let error = collected(announced, &["ab", "cde", "fg"], 6).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Server);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_body() {
        for chunks in [&["\u{feff}{}"][..], &["\u{feff}", "{}"]] {
            let collected = collect(&HeaderMap::new(), body(chunks), 9).now_or_never().unwrap();
            assert_eq!(collected.unwrap(), "{}");
        }
    }
}
