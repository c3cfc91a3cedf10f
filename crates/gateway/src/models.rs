//! `GET /v1/models`, in the dialect of who asks: OpenAI, Anthropic and Google have it at the same
//! address.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use pointsman::{
    provider::surfaces,
    types::{Error, ErrorKind, GroupName, Operation},
};
use serde_json::{Value, json};

use crate::{app::App, failure, paths};

/// Who asks, by what its clients send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    OpenAi,
    Anthropic,
    Google,
    /// By the address alone.
    Vertex,
}

impl Asker {
    fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key("anthropic-version") {
            Self::Anthropic
        } else if ["x-goog-api-key", "x-goog-api-client"].iter().any(|n| headers.contains_key(*n)) {
            Self::Google
        } else {
            Self::OpenAi
        }
    }

    fn list(self, names: &[&str]) -> Value {
        let all: Vec<Value> = names.iter().map(|name| self.model(name)).collect();
        match self {
            Self::OpenAi => json!({"object": "list", "data": all}),
            Self::Anthropic => json!({
                "data": all,
                "has_more": false,
                "first_id": names.first(),
                "last_id": names.last(),
            }),
            Self::Google => json!({"models": all}),
            Self::Vertex => json!({"publisherModels": all}),
        }
    }

    // A group has no day of birth; clients want one.
    fn model(self, name: &str) -> Value {
        match self {
            Self::OpenAi => {
                json!({"id": name, "object": "model", "created": 0, "owned_by": "pointsman"})
            }
            Self::Anthropic => json!({
                "id": name,
                "type": "model",
                "display_name": name,
                "created_at": "1970-01-01T00:00:00Z",
            }),
            Self::Google => json!({
                "name": format!("models/{name}"),
                "displayName": name,
                "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
            }),
            Self::Vertex => json!({"name": format!("publishers/google/models/{name}")}),
        }
    }

    fn operation(self) -> Operation {
        match self {
            Self::OpenAi => Operation::Chat,
            Self::Anthropic => Operation::Messages,
            Self::Google | Self::Vertex => Operation::GenerateContent,
        }
    }
}

/// All names that callers may use.
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Json<Value> {
    all(&app, Asker::of(&headers))
}

/// One of them.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    single(&app, &paths::text(name), Asker::of(&headers))
}

/// All names, where Google alone has them.
pub(crate) async fn googles_list(State(app): State<Arc<App>>) -> Json<Value> {
    all(&app, Asker::Google)
}

/// One of them.
pub(crate) async fn googles(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    single(&app, &paths::text(name), Asker::Google)
}

/// All names, as Vertex AI has them.
pub(crate) fn vertex_list(app: &App) -> Json<Value> {
    all(app, Asker::Vertex)
}

/// One of them.
pub(crate) fn vertex(app: &App, name: &str) -> Response {
    single(app, name, Asker::Vertex)
}

fn all(app: &App, asker: Asker) -> Json<Value> {
    let models = app.router.models();
    let names: Vec<&str> = models.iter().map(GroupName::as_str).collect();
    Json(asker.list(&names))
}

fn single(app: &App, name: &str, asker: Asker) -> Response {
    if app.router.models().iter().any(|known| known.as_str() == name) {
        return Json(asker.model(name)).into_response();
    }
    let error = Error::new(ErrorKind::NotFound, format!("the model `{name}` does not exist"));
    failure::plain(
        surfaces::of(asker.operation()),
        &error.with_code("model_not_found").with_param("model"),
    )
}
