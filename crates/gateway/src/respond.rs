//! Responses that carry an answer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pointsman::{
    Answer, Payload,
    clock::Instant,
    provider::{Surface, passes_to_client, sse_data},
    router::{AnswerStream, Trace},
    types::{Error, ErrorKind},
};

use crate::{app::App, traces::OpenCall};

/// The headers of an answer. As constants their names are not looked at again for each call.
mod names {
    use http::HeaderName;

    pub(super) const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
    pub(super) const DEPLOYMENT: HeaderName = HeaderName::from_static("x-pointsman-deployment");
    pub(super) const GROUP: HeaderName = HeaderName::from_static("x-pointsman-model-group");
    pub(super) const CACHE_HIT: HeaderName = HeaderName::from_static("x-pointsman-cache-hit");
    pub(super) const COST: HeaderName = HeaderName::from_static("x-pointsman-cost");
    pub(super) const ATTEMPTS: HeaderName = HeaderName::from_static("x-pointsman-attempts");
    pub(super) const FALLBACKS: HeaderName = HeaderName::from_static("x-pointsman-fallbacks");
    pub(super) const OVERHEAD: HeaderName = HeaderName::from_static("x-pointsman-overhead-us");
    pub(super) const LITELLM_ID: HeaderName = HeaderName::from_static("x-litellm-model-id");
    pub(super) const LITELLM_GROUP: HeaderName = HeaderName::from_static("x-litellm-model-group");
    pub(super) const LITELLM_COST: HeaderName = HeaderName::from_static("x-litellm-response-cost");
    pub(super) const LITELLM_RETRIES: HeaderName =
        HeaderName::from_static("x-litellm-attempted-retries");
    pub(super) const LITELLM_FALLBACKS: HeaderName =
        HeaderName::from_static("x-litellm-attempted-fallbacks");
}

/// The response for an answer.
pub(crate) fn answered(
    app: &App,
    surface: &'static dyn Surface,
    answer: Answer,
    watched: Option<OpenCall>,
    began: Instant,
    framing: Framing,
) -> Response {
    let (streamed, cost, body) = match answer.payload {
        Payload::Whole { body, usage, cost } => {
            if let Some(watched) = watched {
                watched.end(usage, None);
            }
            (false, cost, Body::from(body))
        }
        Payload::Stream(frames) => {
            let watched = watched.map(Box::new);
            let events = Events { frames, surface, framing, watched, ended: false };
            (true, None, Body::from_stream(events))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(answer.headers.len() + 12);
    for (name, value) in &answer.headers {
        if passes_to_client(name) {
            headers.append(name, value.clone());
        }
    }
    if streamed {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(framing.content_type()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Proxies in between must not collect what is meant to arrive as it comes.
        headers.insert(names::BUFFERING, HeaderValue::from_static("no"));
    }
    set(headers, names::DEPLOYMENT, answer.deployment.as_str());
    set(headers, names::LITELLM_ID, answer.deployment.as_str());
    set(headers, names::GROUP, answer.group.as_str());
    set(headers, names::LITELLM_GROUP, answer.group.as_str());
    if let Some(cost) = cost {
        let cost = cost.normalize().to_string();
        set(headers, names::COST, &cost);
        set(headers, names::LITELLM_COST, &cost);
    }
    if answer.cached {
        headers.insert(names::CACHE_HIT, HeaderValue::from_static("true"));
        app.metrics.cached(&answer.group);
    }
    trace_headers(app, headers, &answer.trace, began);
    response
}

/// What the trace of a call says in headers.
pub(crate) fn trace_headers(app: &App, headers: &mut HeaderMap, trace: &Trace, began: Instant) {
    // What a vendor cannot be asked was not sent.
    let sent = trace.attempts.iter().filter(|one| one.failure != Some(ErrorKind::Unsupported));
    headers.insert(names::ATTEMPTS, HeaderValue::from(sent.count()));
    headers.insert(names::FALLBACKS, HeaderValue::from(trace.fallbacks));
    headers.insert(names::LITELLM_FALLBACKS, HeaderValue::from(trace.fallbacks));
    headers.insert(names::LITELLM_RETRIES, HeaderValue::from(trace.retries));
    let own = (app.clock.now() - began).saturating_sub(trace.elsewhere);
    app.metrics.overhead(own.as_secs_f64());
    let micros = u64::try_from(own.as_micros()).unwrap_or(u64::MAX);
    headers.insert(names::OVERHEAD, HeaderValue::from(micros));
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A name with control characters in it cannot be a header; the answer matters more.
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

/// How a streamed answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As server-sent events.
    Events,
    /// As one JSON array, which has begun if anything was written.
    Array { begun: bool },
}

impl Framing {
    fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Array { .. } => "application/json",
        }
    }

    /// A frame in this way.
    fn written(&mut self, raw: Bytes) -> Bytes {
        let Self::Array { begun } = self else { return raw };
        let Some(data) = sse_data(&raw) else { return Bytes::new() };
        let before: &[u8] = if std::mem::replace(begun, true) { b",\r\n" } else { b"[" };
        [before, data.trim_ascii()].concat().into()
    }

    /// What comes behind the last frame.
    fn end(self) -> Option<Bytes> {
        match self {
            Self::Events => None,
            Self::Array { begun: true } => Some(Bytes::from_static(b"]")),
            Self::Array { begun: false } => Some(Bytes::from_static(b"[]")),
        }
    }
}

/// A streamed answer as a body: a failure is its last event.
struct Events {
    frames: Box<AnswerStream>,
    surface: &'static dyn Surface,
    framing: Framing,
    /// Ends with the answer, if somebody watches.
    watched: Option<Box<OpenCall>>,
    ended: bool,
}

impl Events {
    fn end(&mut self, error: Option<&Error>) {
        if let Some(watched) = self.watched.take() {
            watched.end(self.frames.usage(), error);
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.watched.is_some() {
            self.end(Some(&Error::new(ErrorKind::Cancelled, "the caller left")));
        }
    }
}

impl Stream for Events {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let raw = match ready!(Pin::new(&mut *self.frames).poll_next(cx)) {
                Some(Ok(raw)) => self.framing.written(raw),
                Some(Err(error)) => {
                    self.ended = true;
                    self.end(Some(&error));
                    tracing::info!(kind = %error.kind, "a stream broke off: {error}");
                    let told = self.surface.failure_event(&error);
                    let told = self.framing.written(told);
                    [told, self.framing.end().unwrap_or_default()].concat().into()
                }
                None => {
                    self.ended = true;
                    self.end(None);
                    self.framing.end().unwrap_or_default()
                }
            };
            if !raw.is_empty() {
                return Poll::Ready(Some(Ok(raw)));
            }
        }
    }
}
