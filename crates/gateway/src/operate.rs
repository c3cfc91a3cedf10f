//! One call, from its request to its response.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::request::Parts;
use pointsman::{
    provider::{BodyFault, Call, Envelope, Surface},
    types::{Error, ErrorKind, Operation},
};

use crate::{
    app::App,
    body::{self, LONGEST, Unread},
    failure, options, respond,
};

/// `POST /v1/chat/completions`
pub(crate) async fn chat(State(app): State<Arc<App>>, request: Request) -> Response {
    operate(&app, Operation::Chat, request).await
}

/// `POST /v1/completions`
pub(crate) async fn completions(State(app): State<Arc<App>>, request: Request) -> Response {
    operate(&app, Operation::Completions, request).await
}

/// `POST /v1/embeddings`
pub(crate) async fn embeddings(State(app): State<Arc<App>>, request: Request) -> Response {
    operate(&app, Operation::Embeddings, request).await
}

async fn operate(app: &App, operation: Operation, request: Request) -> Response {
    let began = app.clock.now();
    let (head, body) = request.into_parts();
    let call = match read(app, operation, &head, body).await {
        Ok(call) => call,
        Err(error) => return failure::plain(app, &error),
    };
    match app.router.call(call).await {
        Ok(answer) => respond::answered(app, answer, began),
        Err(failed) => failure::routed(app, &failed, began),
    }
}

pub(crate) async fn read(
    app: &App,
    operation: Operation,
    head: &Parts,
    body: axum::body::Body,
) -> Result<Call, Error> {
    let bytes = body::read(&head.headers, body, &app.tasks).await.map_err(unread)?;
    let envelope = Envelope::parse(bytes).map_err(faulty)?;
    let mut call = app.surface.read(operation, envelope).map_err(faulty)?;
    options::add(&head.headers, &mut call.options).map_err(faulty)?;
    Ok(call)
}

fn faulty(fault: BodyFault) -> Error {
    let mut error = Error::new(ErrorKind::BadRequest, fault.message);
    error.detail.param = fault.member;
    error
}

fn unread(why: Unread) -> Error {
    let (status, message, code) = match why {
        Unread::TooLong => {
            (413, format!("the body is longer than {LONGEST} bytes"), "request_too_large")
        }
        Unread::Silent => (408, "the body did not arrive in time".to_owned(), "request_timeout"),
        Unread::Broken => {
            (400, "the body ended before it was complete".to_owned(), "incomplete_body")
        }
    };
    Error::new(ErrorKind::BadRequest, message).with_status(status).with_code(code)
}
