//! The paths of the gateway.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::Uri,
    response::Response,
    routing::{get, post},
};
use http::Method;
use pointsman::types::{Error, ErrorKind};

use crate::{app::App, failure, models, operate, state};

/// All paths; the operations with and without `/v1`. Each prefix is spelt out: a nested router would
/// rewrite the address of every call.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let mut routes = Router::new();
    for prefix in ["", "/v1"] {
        routes = routes
            .route(&format!("{prefix}/chat/completions"), post(operate::chat))
            .route(&format!("{prefix}/completions"), post(operate::completions))
            .route(&format!("{prefix}/embeddings"), post(operate::embeddings))
            .route(&format!("{prefix}/models"), get(models::list))
            .route(&format!("{prefix}/models/{{*name}}"), get(models::one));
    }
    routes
        .route("/router/state", get(state::router))
        .route("/health/liveliness", get(state::liveliness))
        .route("/health/liveness", get(state::liveliness))
        .route("/health/readiness", get(state::readiness))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

/// Whether a path is open to everybody, key or not.
pub(crate) fn is_open(path: &str) -> bool {
    matches!(path, "/health/liveliness" | "/health/liveness" | "/health/readiness")
}

async fn unknown(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let message = format!("there is nothing at {}", uri.path());
    failure::plain(&app, &Error::new(ErrorKind::NotFound, message).with_code("unknown_url"))
}

async fn wrong_method(State(app): State<Arc<App>>, method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    let error = Error::new(ErrorKind::BadRequest, message).with_status(405);
    failure::plain(&app, &error.with_code("method_not_allowed"))
}
