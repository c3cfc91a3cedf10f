//! A streamed answer behind its commit point: relayed, watched, and settled once.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use pointsman_provider::{Frame, FrameStream};
use pointsman_state::Lease;
use pointsman_types::{DeploymentId, Error, ErrorKind, Usage, Verdict};
use tokio::time::{Instant as Moment, Sleep};

use crate::ledger::{End, Ledger};

/// A streamed answer: the upstream's frames as they come.
///
/// An error is the last item; what came before it was the answer so far. The lease of the attempt
/// lives in here: it settles at the end, or when this is dropped.
pub struct AnswerStream {
    held: VecDeque<Frame>,
    frames: FrameStream,
    lease: Option<Lease>,
    ledger: Ledger,
    usage: Option<Usage>,
    /// Frames with content that were seen, and the bytes of text in them.
    seen: (u64, u64),
    first_content: Duration,
    stall_timeout: Option<Duration>,
    /// Runs only while the upstream is waited for: a slow client is no stall.
    stall: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    /// The answer was complete, whether or not its end was seen.
    done: bool,
    ended: bool,
}

/// What an [`AnswerStream`] begins with.
pub(crate) struct Beginning {
    pub(crate) held: Vec<Frame>,
    pub(crate) frames: FrameStream,
    pub(crate) lease: Lease,
    pub(crate) ledger: Ledger,
    pub(crate) stall_timeout: Option<Duration>,
}

impl AnswerStream {
    pub(crate) fn new(from: Beginning) -> Self {
        let first_content = from.lease.held();
        from.lease.first_content();
        Self {
            held: from.held.into(),
            frames: from.frames,
            lease: Some(from.lease),
            ledger: from.ledger,
            usage: None,
            seen: (0, 0),
            first_content,
            stall_timeout: from.stall_timeout,
            stall: None,
            waiting: false,
            done: false,
            ended: false,
        }
    }

    /// A stream of these frames, that no upstream sends and nothing is claimed for.
    pub(crate) fn made(frames: Vec<Frame>, ledger: Ledger) -> Self {
        Self {
            held: frames.into(),
            frames: Box::pin(futures_util::stream::empty()),
            lease: None,
            ledger,
            usage: None,
            seen: (0, 0),
            first_content: Duration::ZERO,
            stall_timeout: None,
            stall: None,
            waiting: false,
            done: false,
            ended: false,
        }
    }

    /// The usage, as far as the upstream has said it.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The next frame that is held; an error frame ends the answer.
    fn next_held(&mut self) -> Option<Result<Bytes, Error>> {
        loop {
            let frame = self.held.pop_front()?;
            self.usage = frame.event.usage.or(self.usage);
            self.seen.0 += u64::from(frame.event.content);
            self.seen.1 += frame.event.text as u64;
            self.done |= frame.event.done;
            if let Some(error) = frame.event.error {
                return Some(Err(self.fail(error)));
            }
            // What is for the router alone has nothing for the client.
            if !frame.raw.is_empty() {
                return Some(Ok(frame.raw));
            }
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.ended = true;
        self.held.clear();
        let retry_after = error.detail.retry_after;
        self.settle(Verdict::Failure { kind: error.kind, retry_after });
        error.at(self.deployment())
    }

    fn deployment(&self) -> &DeploymentId {
        self.ledger.topology.id(self.ledger.ix)
    }

    fn settle(&mut self, verdict: Verdict) {
        let Some(lease) = self.lease.take() else { return };
        let end = End {
            verdict,
            sent: true,
            usage: self.usage,
            // A token each, where their text is not longer.
            seen: self.seen.0.max(self.seen.1.div_ceil(4)),
            first_content: Some(self.first_content),
        };
        self.ledger.settle(lease, &end);
    }

    /// Whether the upstream has been silent for too long.
    fn stalled(&mut self, cx: &mut Context<'_>) -> Option<Error> {
        let after = self.stall_timeout?;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        if !std::mem::replace(&mut self.waiting, true) {
            stall.as_mut().reset(Moment::now() + after);
        }
        stall.as_mut().poll(cx).is_ready().then(|| {
            let message = format!("the upstream's stream was silent for {} s", after.as_secs_f64());
            Error::new(ErrorKind::Timeout, message)
        })
    }
}

impl Stream for AnswerStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.next_held() {
                return Poll::Ready(Some(item));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match self.frames.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(batch))) => {
                    self.waiting = false;
                    self.held.extend(batch);
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
                Poll::Ready(None) => {
                    self.ended = true;
                    self.settle(Verdict::Success);
                }
                Poll::Pending => {
                    let stalled = self.stalled(cx);
                    let Some(error) = stalled else { return Poll::Pending };
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
            }
        }
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        self.settle(if self.done { Verdict::Success } else { Verdict::Dropped });
    }
}

impl fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStream")
            .field("deployment", self.deployment())
            .field("lease", &self.lease)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}
