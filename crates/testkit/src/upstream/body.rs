//! A body that follows a plan: pieces, pauses and an end of any kind.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use super::seen::Open;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Write(Bytes),
    Pause(Duration),
    /// Nothing more comes, and the connection stays.
    Hang,
    /// The connection closes; with a reset if so asked. What the peer had no room for by then is lost.
    Cut {
        reset: bool,
    },
}

/// The steps of one answer. Each piece leaves the process before the next is looked at.
#[derive(Debug)]
pub(super) struct Steps {
    left: VecDeque<Step>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Something was handed over and may not have left yet. The head was, to begin with.
    unflushed: bool,
    wrote: bool,
    reset: Arc<AtomicBool>,
    call: Open,
}

impl Steps {
    /// `reset` is set when the connection has to end with a reset.
    pub(super) fn new(steps: VecDeque<Step>, reset: Arc<AtomicBool>, call: Open) -> Self {
        Self { left: steps, pause: None, unflushed: true, wrote: false, reset, call }
    }

    /// hyper flushes when a body has nothing for now; so it has nothing, once.
    fn breathe(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.unflushed = false;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for Steps {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
                this.unflushed = false;
            }
            let Some(step) = this.left.pop_front() else { return Poll::Ready(None) };
            match step {
                Step::Pause(pause) => this.pause = Some(Box::pin(sleep(pause))),
                Step::Hang => {
                    this.left.push_front(step);
                    return Poll::Pending;
                }
                Step::Write(_) if this.wrote && this.unflushed => {
                    this.left.push_front(step);
                    return this.breathe(cx);
                }
                Step::Write(bytes) => {
                    this.wrote = true;
                    this.unflushed = true;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Step::Cut { .. } if this.unflushed => {
                    this.left.push_front(step);
                    return this.breathe(cx);
                }
                Step::Cut { reset } => {
                    this.reset.store(reset, Ordering::Relaxed);
                    this.left.clear();
                    return Poll::Ready(Some(Err(io::Error::other("cut as scripted"))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.pause.is_none()
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.call.end();
        }
    }
}
