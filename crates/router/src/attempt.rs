//! One send: bounded in time, settled once.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use pointsman_provider::{
    Call, Frame, Reply, StreamReply, WholeReply, chat::was_filtered, rate_headers,
};
use pointsman_state::Lease;
use pointsman_types::{Attempt, Error, ErrorKind, Ix, Usage, Verdict};
use tokio::time::timeout;

use crate::{
    Payload, Settings,
    ledger::{End, Ledger, Waited},
    stream::{AnswerStream, Beginning},
    topology::Node,
};

/// Start-up frames that are held until the first content.
const MOST_FRAMES: usize = 64;
/// Their bytes.
const MOST_BYTES: usize = 256 << 10;

/// What bounds one send, until its first content or its whole answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) after: Duration,
    /// What runs out, for the message.
    pub(crate) what: &'static str,
    /// Whether only the request's own timeout made it so short: then nobody is to blame.
    pub(crate) own: bool,
}

impl Bound {
    /// The smallest of what bounds an attempt of this node.
    pub(crate) fn of(node: &Node, settings: &Settings, call: &Call, left: Self) -> Self {
        let mut bound = left;
        let mut narrow = |after: Option<Duration>, what, own| {
            if let Some(after) = after.filter(|after| *after < bound.after) {
                bound = Self { after, what, own };
            }
        };
        narrow(node.deployment.timeout, "the deployment's timeout", false);
        if call.head.stream {
            narrow(node.deployment.stream_timeout, "the deployment's stream_timeout", false);
            narrow(settings.stream_timeout, "the stream_timeout", false);
            narrow(settings.ttft_timeout, "the ttft_timeout", false);
            narrow(call.options.stream_timeout, "the request's stream_timeout", true);
        }
        bound
    }

    pub(crate) fn ran_out(self) -> Error {
        let message = format!("no answer within {} s: {}", self.after.as_secs_f64(), self.what);
        Error::new(ErrorKind::Timeout, message)
    }
}

/// One send, with all it needs: it borrows nothing, so two may be under way at one time.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) ledger: Ledger,
    pub(crate) taken: Option<Arc<[String]>>,
    /// Whether a filtered answer is a failure.
    pub(crate) minds_filters: bool,
    pub(crate) call: Arc<Call>,
    pub(crate) lease: Lease,
    pub(crate) bound: Bound,
    pub(crate) stall_timeout: Option<Duration>,
}

/// What a send came to.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) ix: Ix,
    pub(crate) attempt: Attempt,
    pub(crate) result: Result<(HeaderMap, Payload), Error>,
}

impl Sending {
    /// Sends the call to its deployment and settles the lease, or hands it to the stream.
    pub(crate) async fn run(self) -> Sent {
        let Self { ledger, taken, minds_filters, call, lease, bound, stall_timeout } = self;
        let mut lease = lease.with_prompt(ledger.prompt());
        let ix = ledger.ix;
        let opened = {
            let mut waited = Waited { ledger: &ledger, lease: &mut lease, over: false };
            let asked = ask(&ledger, taken.as_deref(), minds_filters, &call, waited.lease);
            let opened = timeout(bound.after, asked).await;
            waited.over = true;
            opened.unwrap_or_else(|_| Err(bound.ran_out()))
        };
        let took = lease.held();
        let result = match opened {
            Ok(Opened::Whole(whole)) => Ok(answered(&ledger, lease, whole)),
            Ok(Opened::Filtered(usage)) => Err(filtered(&ledger, lease, usage)),
            Ok(Opened::Stream { held, reply }) => {
                let stream = AnswerStream::new(Beginning {
                    held,
                    frames: reply.frames,
                    lease,
                    ledger: ledger.clone(),
                    stall_timeout,
                });
                Ok((reply.headers, Payload::Stream(Box::new(stream))))
            }
            Err(error) => Err(failed(&ledger, lease, error, bound)),
        };
        let failure = result.as_ref().err().map(|error| error.kind);
        let deployment = ledger.topology.id(ix).clone();
        Sent { ix, attempt: Attempt { deployment, failure, after: Duration::ZERO, took }, result }
    }
}

/// An answer that has begun.
enum Opened {
    Whole(WholeReply),
    /// It has begun and ended, filtered; and what it used.
    Filtered(Option<Usage>),
    Stream {
        held: Vec<Frame>,
        reply: StreamReply,
    },
}

async fn ask(
    ledger: &Ledger,
    taken: Option<&[String]>,
    minds: bool,
    call: &Call,
    lease: &Lease,
) -> Result<Opened, Error> {
    let node = ledger.topology.node(ledger.ix);
    let target = node.target(taken);
    lease.sent();
    match node.provider.call(&target, call).await? {
        Reply::Whole(whole) => {
            lease.headers(&rate_headers(&whole.headers, lease.now()));
            if minds && was_filtered(&whole.body) {
                return Ok(Opened::Filtered(whole.usage));
            }
            Ok(Opened::Whole(whole))
        }
        Reply::Stream(mut reply) => {
            lease.headers(&rate_headers(&reply.headers, lease.now()));
            let held = hold(&mut reply).await?;
            let first = held.iter().find(|frame| frame.event.content);
            if minds && first.is_some_and(|frame| was_filtered(&frame.raw)) {
                return Ok(Opened::Filtered(held.iter().rev().find_map(|one| one.event.usage)));
            }
            Ok(Opened::Stream { held, reply })
        }
    }
}

/// Holds start-up frames until the first content, so that a failure before it is nobody's but
/// ours.
async fn hold(reply: &mut StreamReply) -> Result<Vec<Frame>, Error> {
    let mut held: Vec<Frame> = Vec::new();
    let mut bytes = 0;
    while let Some(batch) = std::future::poll_fn(|cx| reply.frames.as_mut().poll_next(cx)).await {
        let mut commit = false;
        for frame in batch? {
            if let (Some(error), false) = (&frame.event.error, commit) {
                return Err(error.clone());
            }
            commit |= frame.event.content || frame.event.done;
            bytes += frame.raw.len();
            held.push(frame);
        }
        if commit || held.len() >= MOST_FRAMES || bytes >= MOST_BYTES {
            return Ok(held);
        }
    }
    Err(Error::new(ErrorKind::Server, "the upstream's stream ended before any content"))
}

/// A filtered answer is a client's fault, and was paid for.
fn filtered(ledger: &Ledger, lease: Lease, usage: Option<Usage>) -> Error {
    let kind = ErrorKind::ContentPolicy;
    ledger.settle(lease, &End { usage, ..End::failed(kind, None) });
    let node = ledger.topology.node(ledger.ix);
    Error::new(kind, "the answer was filtered")
        .with_code("content_filter")
        .by(node.target.vendor)
        .at(&node.deployment.id)
}

pub(crate) fn answered(ledger: &Ledger, lease: Lease, whole: WholeReply) -> (HeaderMap, Payload) {
    let end = End {
        verdict: Verdict::Success,
        sent: true,
        usage: whole.usage,
        seen: 0,
        first_content: None,
    };
    let charged = ledger.settle(lease, &end);
    let cost = whole.usage.and(charged.money);
    (whole.headers, Payload::Whole { body: whole.body, usage: whole.usage, cost })
}

pub(crate) fn failed(ledger: &Ledger, lease: Lease, error: Error, bound: Bound) -> Error {
    if let Some(rate) = &error.detail.rate {
        lease.headers(rate);
    }
    // What only the caller's own timeout cut short is a caller who left.
    let left = bound.own && error.kind == ErrorKind::Timeout && error.detail.status.is_none();
    let node = ledger.topology.node(ledger.ix);
    // A model that the caller named through a wildcard is missing by the caller's fault.
    let kind = match error.kind {
        ErrorKind::NotFound if node.target.model.contains('*') => ErrorKind::BadRequest,
        kind => kind,
    };
    let mut end = End::failed(kind, error.detail.retry_after);
    end.sent = !error.detail.unsent;
    if left {
        end.verdict = Verdict::Dropped;
    }
    ledger.settle(lease, &end);
    let error = if error.detail.provider.is_some() { error } else { error.by(node.target.vendor) };
    error.at(&node.deployment.id)
}
