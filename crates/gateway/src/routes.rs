//! The paths of the gateway.

use std::sync::Arc;

use axum::{
    Router, extract::DefaultBodyLimit, http::Uri, middleware, response::Response, routing::get,
};
use http::Method;
use pointsman::types::{Error, ErrorKind, Operation};

use crate::{app::App, auth, explain, failure, models, operate, state};

/// What can be asked, each at its own path.
const OPERATIONS: [Operation; 11] = [
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Responses,
    Operation::Messages,
    Operation::CountTokens,
    Operation::Images,
    Operation::Speech,
    Operation::Transcription,
    Operation::Rerank,
    Operation::Moderations,
];

/// All paths; the operations with and without `/v1`.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let asked = OPERATIONS.iter().fold(Router::new(), |router, operation| {
        router.route(&format!("/{}", operation.path()), operate::at(*operation))
    });
    let operations =
        asked.route("/models", get(models::list)).route("/models/{*name}", get(models::one));
    let guarded = Router::new()
        .merge(operations.clone())
        .nest("/v1", operations)
        .route("/router/state", get(state::router))
        .route("/router/explain", post(explain::explain))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), auth::guard))
        // Bodies are bounded where they are read.
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/health/liveliness", get(state::liveliness))
        .route("/health/liveness", get(state::liveliness))
        .route("/health/readiness", get(state::readiness))
        .merge(guarded)
        .with_state(app)
}

async fn unknown(uri: Uri) -> Response {
    let message = format!("there is nothing at {}", uri.path());
    failure::plain(
        failure::surface_at(uri.path()),
        &Error::new(ErrorKind::NotFound, message).with_code("unknown_url"),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    let error = Error::new(ErrorKind::BadRequest, message).with_status(405);
    failure::plain(failure::surface_at(uri.path()), &error.with_code("method_not_allowed"))
}
