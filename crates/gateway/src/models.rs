//! `GET /v1/models`

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use pointsman::types::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::{app::App, failure};

/// All names that callers may use.
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let models = app.router.models();
    let data: Vec<Value> = models.iter().map(|name| model(name.as_str())).collect();
    Json(json!({"object": "list", "data": data}))
}

/// One of them.
pub(crate) async fn one(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    if app.router.models().iter().any(|known| known.as_str() == name) {
        return Json(model(&name)).into_response();
    }
    let error = Error::new(ErrorKind::NotFound, format!("the model `{name}` does not exist"));
    failure::plain(
        failure::surface_at("/models"),
        &error.with_code("model_not_found").with_param("model"),
    )
}

fn model(name: &str) -> Value {
    // A group has no day of birth; clients want a number.
    json!({"id": name, "object": "model", "created": 0, "owned_by": "pointsman"})
}
