//! One send: bounded in time, settled once.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use pointsman_cost::Terms;
use pointsman_provider::{Call, Frame, Provider, Reply, StreamReply, Target, WholeReply};
use pointsman_state::Lease;
use pointsman_types::{DeploymentId, Error, ErrorKind, Outcome, Verdict};
use tokio::time::timeout;

use crate::{
    Payload, Settings,
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

    fn ran_out(self) -> Error {
        let message = format!("no answer within {} s: {}", self.after.as_secs_f64(), self.what);
        Error::new(ErrorKind::Timeout, message)
    }
}

/// Sends the call to one deployment and settles the lease, or hands it to the stream.
pub(crate) async fn attempt(
    node: &Node,
    call: &Call,
    lease: Lease,
    bound: Bound,
    stall_timeout: Option<Duration>,
) -> Result<(HeaderMap, Payload), Error> {
    let sent = timeout(bound.after, ask(&node.provider, &node.target, call)).await;
    let flat = sent.unwrap_or_else(|_| Err(Broken { error: bound.ran_out(), own: bound.own }));
    match flat {
        Ok(Opened::Whole(whole)) => Ok(answered(node, lease, whole)),
        Ok(Opened::Stream { held, reply }) => {
            let stream = AnswerStream::new(Beginning {
                held,
                frames: reply.frames,
                lease,
                deployment: node.deployment.id.clone(),
                price: node.price.clone(),
                stall_timeout,
            });
            Ok((reply.headers, Payload::Stream(Box::new(stream))))
        }
        Err(Broken { error, own }) => {
            let retry_after = error.detail.retry_after;
            let verdict = if own {
                Verdict::Dropped
            } else {
                Verdict::Failure { kind: error.kind, retry_after }
            };
            let outcome = Outcome::bare(verdict, lease.held());
            settle(lease, &outcome, &node.deployment.id);
            let error =
                if error.detail.provider.is_some() { error } else { error.by(node.target.vendor) };
            Err(error.at(&node.deployment.id))
        }
    }
}

struct Broken {
    error: Error,
    own: bool,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self { error, own: false }
    }
}

/// An answer that has begun.
enum Opened {
    Whole(WholeReply),
    Stream { held: Vec<Frame>, reply: StreamReply },
}

async fn ask(provider: &Arc<dyn Provider>, target: &Target, call: &Call) -> Result<Opened, Broken> {
    match provider.call(target, call).await? {
        Reply::Whole(whole) => Ok(Opened::Whole(whole)),
        Reply::Stream(mut reply) => {
            let held = hold(&mut reply).await?;
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
            break;
        }
    }
    Ok(held)
}

fn answered(node: &Node, lease: Lease, whole: WholeReply) -> (HeaderMap, Payload) {
    let cost =
        whole.usage.and_then(|usage| Some(node.price.as_ref()?.of(&usage, &Terms::default())));
    let held = lease.held();
    let outcome = Outcome {
        verdict: Verdict::Success,
        usage: whole.usage,
        money: cost,
        first_content: Some(held),
        total: held,
    };
    settle(lease, &outcome, &node.deployment.id);
    (whole.headers, Payload::Whole { body: whole.body, usage: whole.usage, cost })
}

/// Settles, and tells of a cooldown that this began.
pub(crate) fn settle(lease: Lease, outcome: &Outcome, deployment: &DeploymentId) {
    let at = lease.now();
    if let Some(cooldown) = lease.settle(outcome) {
        let seconds = (cooldown.until - at).as_secs_f64();
        tracing::warn!(%deployment, kind = %cooldown.kind, seconds, streak = cooldown.streak, "cooling");
    }
}
