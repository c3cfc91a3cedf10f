//! Google's front door: its methods of a model, at AI Studio's addresses and at Vertex AI's.

pub(crate) mod address;

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::Uri;
use percent_encoding::percent_decode_str;
use pointsman::{
    provider::{Call, Envelope, surfaces, surfaces::GoogleSurface},
    types::{Error, ErrorKind, Operation},
};

use self::address::{Asked, Published};
use crate::{
    app::App,
    body, failure, models,
    operate::{finished, routed, unread},
    paths,
};

/// One call of a method of a model.
pub(crate) async fn at(
    State(app): State<Arc<App>>,
    rest: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let rest = paths::text(rest);
    match Asked::read(&rest) {
        Some(asked) => served(&app, asked, request).await,
        None => unknown(&rest),
    }
}

/// The same at an address of Vertex AI.
pub(crate) async fn at_vertex(State(app): State<Arc<App>>, request: Request) -> Response {
    let uri = request.uri().clone();
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    let Some(published) = Published::read(vertex_path(&path)) else { return nothing(&path) };
    let Some(asked) = Asked::read(published.rest) else { return unknown(published.rest) };
    let model = named(&app, &published, asked.model);
    served(&app, Asked { model: &model, ..asked }, request).await
}

/// All models, or one, at an address of Vertex AI.
pub(crate) async fn list_vertex(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    let Some(published) = Published::read(vertex_path(&path)) else { return nothing(&path) };
    if published.rest.is_empty() {
        return models::vertex_list(&app).into_response();
    }
    models::vertex(&app, &named(&app, &published, published.rest))
}

/// What stands behind the version, where there is one.
fn vertex_path(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    ["v1beta1/", "v1/"].iter().find_map(|version| path.strip_prefix(version)).unwrap_or(path)
}

/// The name that somebody has, else the likelier one.
fn named(app: &App, published: &Published<'_>, model: &str) -> String {
    let [likely, other] = published.names(model);
    let known = app.router.models();
    let is = |name: &str| known.iter().any(|known| known.as_str() == name);
    if !is(&likely) && is(&other) { other } else { likely }
}

async fn served(app: &Arc<App>, asked: Asked<'_>, request: Request) -> Response {
    let began = app.clock.now();
    let surface = surfaces::of(Operation::GenerateContent);
    let framing = address::framing(request.uri().query());
    let parent = app.traces.as_ref().map(|traces| (traces, traces.parent(request.headers())));
    let call = match read(app, &asked, request).await {
        Ok(call) => call,
        Err(error) => return failure::plain(surface, &error),
    };
    let span = parent.map(|(traces, parent)| traces.call(parent, &call.head, began));
    routed(app, call, span, began, framing).await
}

fn unknown(rest: &str) -> Response {
    let message = format!(
        "there is nothing at models/{rest}: ask a model for `generateContent`, \
         `streamGenerateContent`, `countTokens`, `embedContent` or `batchEmbedContents`, \
         and at Vertex AI's addresses for `predict`"
    );
    refused(message)
}

fn nothing(path: &str) -> Response {
    refused(format!("there is nothing at {path}"))
}

fn refused(message: String) -> Response {
    let error = Error::new(ErrorKind::NotFound, message).with_code("unknown_url");
    failure::plain(surfaces::of(Operation::GenerateContent), &error)
}

async fn read(app: &App, asked: &Asked<'_>, request: Request) -> Result<Call, Error> {
    let (head, body) = request.into_parts();
    let bytes = body::read(&head.headers, body, &app.tasks).await.map_err(unread)?;
    let envelope = Envelope::parse(bytes)?;
    let call = GoogleSurface.asked(asked.operation, asked.model.to_owned(), asked.stream, envelope);
    finished(app, &head.headers, call?)
}
