//! Responses that carry an answer.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pointsman::{
    Answer, Payload,
    clock::Instant,
    provider::{Surface, passes_to_client},
    router::{AnswerStream, Trace},
};

use crate::app::App;

/// The response for an answer.
pub(crate) fn answered(
    app: &App,
    surface: &'static dyn Surface,
    answer: Answer,
    began: Instant,
) -> Response {
    let (streamed, cost, body) = match answer.payload {
        Payload::Whole { body, cost, .. } => (false, cost, Body::from(body)),
        Payload::Stream(frames) => {
            let events = Events { frames, surface, ended: false };
            (true, None, Body::from_stream(events))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        if passes_to_client(name) {
            headers.append(name, value.clone());
        }
    }
    if streamed {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Proxies in between must not collect what is meant to arrive as it comes.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    set(headers, "x-pointsman-deployment", answer.deployment.as_str());
    set(headers, "x-litellm-model-id", answer.deployment.as_str());
    set(headers, "x-pointsman-model-group", answer.group.as_str());
    set(headers, "x-litellm-model-group", answer.group.as_str());
    if let Some(cost) = cost {
        let cost = cost.normalize().to_string();
        set(headers, "x-pointsman-cost", &cost);
        set(headers, "x-litellm-response-cost", &cost);
    }
    trace_headers(app, headers, &answer.trace, began);
    response
}

/// What the trace of a call says in headers.
pub(crate) fn trace_headers(app: &App, headers: &mut HeaderMap, trace: &Trace, began: Instant) {
    headers.insert("x-pointsman-attempts", HeaderValue::from(trace.attempts.len()));
    headers.insert("x-pointsman-fallbacks", HeaderValue::from(trace.fallbacks));
    headers.insert("x-litellm-attempted-fallbacks", HeaderValue::from(trace.fallbacks));
    headers.insert("x-litellm-attempted-retries", HeaderValue::from(trace.retries));
    let own = (app.clock.now() - began).saturating_sub(trace.elsewhere);
    let micros = u64::try_from(own.as_micros()).unwrap_or(u64::MAX);
    headers.insert("x-pointsman-overhead-us", HeaderValue::from(micros));
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // A name with control characters in it cannot be a header; the answer matters more.
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A streamed answer as a body: a failure is its last event.
struct Events {
    frames: Box<AnswerStream>,
    surface: &'static dyn Surface,
    ended: bool,
}

impl Stream for Events {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        Pin::new(&mut *self.frames).poll_next(cx).map(|item| match item? {
            Ok(raw) => Some(Ok(raw)),
            Err(error) => {
                self.ended = true;
                tracing::info!(kind = %error.kind, "a stream broke off: {error}");
                Some(Ok(self.surface.failure_event(&error)))
            }
        })
    }
}
