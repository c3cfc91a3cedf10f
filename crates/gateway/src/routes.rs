//! The paths of the gateway.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::Uri,
    middleware,
    response::Response,
    routing::{get, post},
};
use http::Method;
use pointsman::types::{Error, ErrorKind};

use crate::{app::App, auth, explain, failure, models, operate, state};

/// All paths; the operations with and without `/v1`.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let operations = Router::new()
        .route("/chat/completions", post(operate::chat))
        .route("/completions", post(operate::completions))
        .route("/embeddings", post(operate::embeddings))
        .route("/models", get(models::list))
        .route("/models/{*name}", get(models::one));
    let guarded = Router::new()
        .merge(operations.clone())
        .nest("/v1", operations)
        .route("/router/state", get(state::router))
        .route("/router/explain", post(explain::explain))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), auth::guard));
    Router::new()
        .route("/health/liveliness", get(state::liveliness))
        .route("/health/liveness", get(state::liveliness))
        .route("/health/readiness", get(state::readiness))
        .merge(guarded)
        .with_state(app)
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
