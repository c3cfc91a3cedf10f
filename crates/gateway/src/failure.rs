//! Responses that tell of a failure.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use pointsman::{
    Failure,
    clock::Instant,
    provider::{Surface, surfaces},
    types::{Attempt, Error, Operation},
};

use crate::{app::App, google::address, respond};

/// A failure before any routing.
pub(crate) fn plain(surface: &dyn Surface, error: &Error) -> Response {
    tell(surface, error, &[])
}

/// In whose dialect a path is answered.
pub(crate) fn surface_at(path: &str) -> &'static dyn Surface {
    if address::is_googles(path) {
        return surfaces::of(Operation::GenerateContent);
    }
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let messages = path == "/messages" || path.starts_with("/messages/");
    surfaces::of(if messages { Operation::Messages } else { Operation::Chat })
}

/// A call that no deployment answered.
pub(crate) fn routed(
    app: &App,
    surface: &dyn Surface,
    failed: &Failure,
    began: Instant,
) -> Response {
    let error = &failed.error;
    tracing::info!(kind = %error.kind, deployment = ?error.detail.deployment, "not answered: {error}");
    let Some(trace) = &failed.trace else { return plain(surface, error) };
    let mut response = tell(surface, error, &trace.attempts);
    respond::trace_headers(app, response.headers_mut(), trace, began);
    response
}

fn tell(surface: &dyn Surface, error: &Error, attempts: &[Attempt]) -> Response {
    let body = surface.failure(error, attempts);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(error.client_status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(after) = error.detail.retry_after {
        // Rounded up: who comes back at that second is not refused again.
        let ms = after.as_nanos().div_ceil(1_000_000);
        let number = |n: u128| HeaderValue::from(u64::try_from(n).unwrap_or(u64::MAX));
        headers.insert(header::RETRY_AFTER, number(ms.div_ceil(1_000)));
        headers.insert("retry-after-ms", number(ms));
    }
    response
}
