//! Drives an answer's body: collects it, or reads it into frames.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use pointsman_types::{Error, ErrorKind};

use crate::{Frame, Frames, Incoming};

/// Collects a body of at most `most` bytes; a body in one chunk is not copied.
///
/// # Errors
///
/// Kind `Server`, when the body is longer; whatever the body itself fails with.
pub async fn collect(mut body: Incoming, most: usize) -> Result<Bytes, Error> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        let chunk = chunk?;
        if first.len() + rest.len() + chunk.len() > most {
            let message = format!("the upstream's answer is longer than {most} bytes");
            return Err(Error::new(ErrorKind::Server, message));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            rest.extend_from_slice(&chunk);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([first, rest.freeze()].concat().into())
}

/// A body read into frames.
pub(crate) struct FrameReader {
    body: Incoming,
    frames: Box<dyn Frames>,
    ended: bool,
}

impl FrameReader {
    pub(crate) fn new(body: Incoming, frames: Box<dyn Frames>) -> Self {
        Self { body, frames, ended: false }
    }

    fn finish(&mut self) -> Option<Result<Vec<Frame>, Error>> {
        self.ended = true;
        let mut out = Vec::new();
        match self.frames.finish(&mut out) {
            Ok(()) if out.is_empty() => None,
            Ok(()) => Some(Ok(out)),
            Err(error) => Some(Err(error)),
        }
    }
}

impl Stream for FrameReader {
    type Item = Result<Vec<Frame>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            // A body that is read to its end leaves its connection for the next call. Nothing
            // that could still come matters, so this only looks.
            let _end = self.body.as_mut().poll_next(cx);
            return Poll::Ready(None);
        }
        loop {
            let chunk = match ready!(self.body.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(self.finish()),
            };
            let mut out = Vec::new();
            let pushed = self.frames.push(chunk, &mut out);
            self.ended = pushed.is_err() || out.iter().any(|frame| frame.event.done);
            match pushed {
                Err(error) => return Poll::Ready(Some(Err(error))),
                Ok(()) if !out.is_empty() => return Poll::Ready(Some(Ok(out))),
                Ok(()) => {}
            }
        }
    }
}
