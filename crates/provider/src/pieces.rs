//! A request body in a few shared pieces.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use smallvec::SmallVec;

/// A body as a few [`Bytes`], spliced and never copied; its length is known.
///
/// ```
/// use pointsman_provider::Pieces;
/// let mut pieces = Pieces::from(bytes::Bytes::from("ab"));
/// pieces.push("c".into());
/// assert_eq!((pieces.len(), pieces.to_bytes()), (3, "abc".into()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    parts: SmallVec<[Bytes; 6]>,
    next: usize,
}

impl Pieces {
    /// Adds a piece at the end; an empty one is left out.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.parts.push(piece);
        }
    }

    /// The bytes that are left to send.
    pub fn len(&self) -> usize {
        self.rest().iter().map(Bytes::len).sum()
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// What is left, in one piece: copies, unless it is one.
    pub fn to_bytes(&self) -> Bytes {
        match self.rest() {
            [one] => one.clone(),
            parts => parts.concat().into(),
        }
    }

    fn rest(&self) -> &[Bytes] {
        self.parts.get(self.next..).unwrap_or_default()
    }
}

impl From<Bytes> for Pieces {
    fn from(bytes: Bytes) -> Self {
        let mut pieces = Self::default();
        pieces.push(bytes);
        pieces
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.rest().first().cloned();
        self.next += 1;
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}
