//! Google's front door: its methods of a model, and its lists.

pub(crate) mod address;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use pointsman::{
    provider::{Call, Envelope, Surface, surfaces, surfaces::GoogleSurface},
    types::{Error, ErrorKind, Operation},
};
use serde_json::{Value, json};

use self::address::Asked;
use crate::{
    app::App,
    body, failure,
    operate::{faulty, finished, unread},
    respond,
};

/// One call of a method of a model.
pub(crate) async fn at(
    State(app): State<Arc<App>>,
    Path(rest): Path<String>,
    request: Request,
) -> Response {
    let began = app.clock.now();
    let surface = surfaces::of(Operation::GenerateContent);
    let Some(asked) = Asked::read(&rest) else { return unknown(surface, &rest) };
    let framing = address::framing(request.uri().query());
    let call = match read(&app, &asked, request).await {
        Ok(call) => call,
        Err(error) => return failure::plain(surface, &error),
    };
    match app.router.call(call).await {
        Ok(answer) => respond::answered(&app, surface, answer, began, framing),
        Err(failed) => failure::routed(&app, surface, &failed, began),
    }
}

fn unknown(surface: &dyn Surface, rest: &str) -> Response {
    let message = format!(
        "there is nothing at models/{rest}: ask a model for `generateContent`, \
         `streamGenerateContent`, `countTokens`, `embedContent` or `batchEmbedContents`"
    );
    failure::plain(surface, &Error::new(ErrorKind::NotFound, message).with_code("unknown_url"))
}

async fn read(app: &App, asked: &Asked<'_>, request: Request) -> Result<Call, Error> {
    let (head, body) = request.into_parts();
    let bytes = body::read(&head.headers, body, &app.tasks).await.map_err(unread)?;
    let envelope = Envelope::parse(bytes).map_err(faulty)?;
    let call = GoogleSurface.asked(asked.operation, asked.model.to_owned(), asked.stream, envelope);
    finished(app, &head.headers, call.map_err(faulty)?)
}

/// All names that callers may use.
pub(crate) async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let models = app.router.models();
    let list: Vec<Value> = models.iter().map(|name| told(name.as_str())).collect();
    Json(json!({"models": list}))
}

/// One of them.
pub(crate) async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    if app.router.models().iter().any(|known| known.as_str() == name) {
        return Json(told(&name)).into_response();
    }
    let error = Error::new(ErrorKind::NotFound, format!("the model `{name}` does not exist"));
    failure::plain(surfaces::of(Operation::GenerateContent), &error.with_param("model"))
}

fn told(name: &str) -> Value {
    json!({
        "name": format!("models/{name}"),
        "displayName": name,
        "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
    })
}
