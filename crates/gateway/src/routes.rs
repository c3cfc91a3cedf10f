//! The paths of the gateway.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::Uri,
    response::Response,
    routing::{get, post},
};
use http::Method;
use pointsman::types::{Error, ErrorKind, Operation};

use crate::{
    app::App, deployment_paths, explain, failure, google, health, metrics, model_info, models,
    operate, state, ui,
};

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

/// What the operations and the models stand behind: nothing, the version, and what Azure has.
const PREFIXES: [&str; 4] = ["", "/v1", "/openai/v1", "/openai"];

/// All paths; the operations behind each prefix. Each is spelt out: a nested router would
/// rewrite the address of every call.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let mut routes = Router::new();
    for prefix in PREFIXES {
        routes = OPERATIONS.iter().fold(routes, |routes, operation| {
            routes.route(&format!("{prefix}/{}", operation.path()), operate::at(*operation))
        });
        routes = routes
            .route(&format!("{prefix}/models"), get(models::list))
            .route(&format!("{prefix}/model/info"), get(model_info::get))
            .route(&format!("{prefix}/model_group/info"), get(model_info::groups))
            .route(&format!("{prefix}/models/{{*name}}"), get(models::one).post(google::at));
    }
    for root in ["/v1beta1", "/v1", ""] {
        for kind in ["projects", "publishers"] {
            let at = get(google::list_vertex).post(google::at_vertex);
            routes = routes.route(&format!("{root}/{kind}/{{*path}}"), at);
        }
    }
    routes
        .route("/openai/deployments/{*rest}", post(deployment_paths::at))
        .route("/engines/{*rest}", post(deployment_paths::at))
        .route("/v2/rerank", operate::at(Operation::Rerank))
        .route("/v1beta/models", get(models::googles_list))
        .route("/v1beta/models/{*name}", get(models::googles).post(google::at))
        .route("/metrics", get(metrics::get))
        .route("/router/state", get(state::router))
        .route("/router/explain", post(explain::explain))
        .route("/ui", get(ui::page))
        .route("/health", get(health::get))
        .route("/health/liveliness", get(state::liveliness))
        .route("/health/liveness", get(state::liveliness))
        .route("/health/readiness", get(state::readiness))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        // Bodies are bounded where they are read.
        .layer(DefaultBodyLimit::disable())
        .with_state(app)
}

/// Whether a path is open to everybody, key or not: the probes of whoever runs the process, and a
/// page that says nothing without the key.
pub(crate) fn is_open(path: &str) -> bool {
    matches!(path, "/health/liveliness" | "/health/liveness" | "/health/readiness" | "/ui")
}

pub(crate) async fn unknown(uri: Uri) -> Response {
    let mut message = format!("there is nothing at {}", uri.path());
    if uri.path() == "/" {
        message.push_str(": a page is at /ui, and the API at /v1");
    } else if let Some(why) = elsewhere(uri.path()) {
        message = format!("{message}: {why}");
    }
    failure::plain(
        failure::surface_at(uri.path()),
        &Error::new(ErrorKind::NotFound, message).with_code("unknown_url"),
    )
}

/// What LiteLLM has at such addresses, and where that is here.
const LITELLMS: [(&str, &str); 4] = [
    (
        "keys, users, teams and their spend are in no database here: callers stand in \
         router_settings.pointsman.keys, and GET /router/state tells what was spent",
        "key user team organization customer end_user budget spend global tag project sso \
         invitation",
    ),
    (
        "models and settings stand in the configuration file, which SIGHUP reads anew",
        "model config credentials callbacks reload",
    ),
    (
        "the gateway has no such API",
        "files batches fine_tuning assistants threads vector_stores containers realtime videos \
         images audio responses mcp guardrails policies prompts agents a2a search ocr rag cache utils",
    ),
    (
        "nothing is passed through to a vendor by its address: name a group as the `model` at \
         /v1/chat/completions, /v1/messages or the like",
        "anthropic openai_passthrough gemini vertex_ai vertex-ai bedrock cohere mistral azure \
         azure_ai assemblyai langfuse",
    ),
];

/// Where to turn with an address of LiteLLM's.
fn elsewhere(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let first = parts.find(|part| !matches!(*part, "v1" | "v2" | "api"))?;
    let has = |names: &str| names.split_whitespace().any(|name| name == first);
    LITELLMS.iter().find(|(_, names)| has(names)).map(|(why, _)| *why)
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    let error = Error::new(ErrorKind::BadRequest, message).with_status(405);
    failure::plain(failure::surface_at(uri.path()), &error.with_code("method_not_allowed"))
}
