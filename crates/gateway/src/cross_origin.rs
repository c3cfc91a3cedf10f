//! Pages of other origins, which browsers let in only where they are told to.
//!
//! Where a key is needed, any page that has one may ask: nothing else than the key opens the gateway,
//! no cookie and no address. An open gateway tells browsers nothing, so that no page that somebody
//! happens to visit can read its answers.

use axum::{body::Body, response::Response};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    },
};

/// Anybody, or anything.
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Whether a page of another origin asks.
pub(crate) fn is_asked(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN)
}

/// The answer to a browser that asks what it may send, before it sends it.
pub(crate) fn preflight(method: &Method, headers: &HeaderMap) -> Option<Response> {
    if *method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let told = response.headers_mut();
    // `*` does not stand for `authorization`, so what is asked for is said again.
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(ANY);
    told.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    told.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    told.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(response)
}

/// Lets the page read the answer, and its headers.
pub(crate) fn allow(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANY);
}
