//! Google's front door: its methods of a model.

pub(crate) mod address;

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use pointsman::{
    provider::{Call, Envelope, Surface, surfaces, surfaces::GoogleSurface},
    types::{Error, ErrorKind, Operation},
};

use self::address::Asked;
use crate::{
    app::App,
    body, failure,
    operate::{faulty, finished, routed, unread},
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
    let parent = app.traces.as_ref().map(|traces| (traces, traces.parent(request.headers())));
    let call = match read(&app, &asked, request).await {
        Ok(call) => call,
        Err(error) => return failure::plain(surface, &error),
    };
    let span = parent.map(|(traces, parent)| traces.call(parent, &call.head, began));
    routed(&app, call, span, began, framing).await
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
