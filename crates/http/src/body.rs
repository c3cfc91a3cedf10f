//! The data of an answer's body, as it comes.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame};
use pointsman_types::Error;

/// The data of a body; how its failures are told is the transport's.
pub(crate) struct Data<B: Body> {
    body: B,
    classify: fn(B::Error) -> Error,
}

impl<B: Body> Data<B> {
    pub(crate) fn new(body: B, classify: fn(B::Error) -> Error) -> Self {
        Self { body, classify }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Stream for Data<B> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => return Poll::Ready(Some(Ok(data))),
                // Trailers carry nothing that a caller is shown.
                Some(Ok(Err(_))) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err((self.classify)(error)))),
                None => return Poll::Ready(None),
            }
        }
    }
}
