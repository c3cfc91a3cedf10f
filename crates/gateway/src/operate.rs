//! One call, from its request to its response.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
    routing::{MethodRouter, post},
};
use http::{HeaderMap, request::Parts};
use pointsman::{
    clock::Instant,
    provider::{Call, Envelope, surfaces},
    types::{Error, ErrorKind, Operation},
};
use serde_json::Value;

use crate::{
    app::App,
    auth,
    body::{self, LONGEST, Unread},
    failure, form, options,
    respond::{self, Framing},
    traces::CallSpan,
};

/// A path on which an operation is asked for.
pub(crate) fn at(operation: Operation) -> MethodRouter<Arc<App>> {
    post(move |State(app): State<Arc<App>>, request: Request| async move {
        operate(&app, operation, None, request).await
    })
}

/// One call; the model may stand in its address.
pub(crate) async fn operate(
    app: &App,
    operation: Operation,
    model: Option<&str>,
    request: Request,
) -> Response {
    let began = app.clock.now();
    let surface = surfaces::of(operation);
    let (head, body) = request.into_parts();
    let parent = app.traces.as_ref().map(|traces| (traces, traces.parent(&head.headers)));
    let call = match read(app, operation, model, head, body).await {
        Ok(call) => call,
        Err(error) => return failure::plain(surface, &error),
    };
    let span = parent.map(|(traces, parent)| traces.call(parent, &call.head, began));
    routed(app, call, span, began, Framing::Events).await
}

/// The response to a call that was read.
pub(crate) async fn routed(
    app: &App,
    call: Call,
    span: Option<CallSpan>,
    began: Instant,
    framing: Framing,
) -> Response {
    let surface = surfaces::of(call.head.operation);
    match app.router.call(call).await {
        Ok(answer) => {
            let watched = span.map(|span| span.answered(&answer));
            respond::answered(app, surface, answer, watched, began, framing)
        }
        Err(failed) => {
            if let Some(span) = span {
                span.failed(&failed);
            }
            failure::routed(app, surface, &failed, began)
        }
    }
}

pub(crate) async fn read(
    app: &App,
    operation: Operation,
    model: Option<&str>,
    head: Parts,
    body: axum::body::Body,
) -> Result<Call, Error> {
    let bytes = body::read(&head.headers, body, &app.tasks).await.map_err(unread)?;
    let (mut envelope, form) = if operation == Operation::Transcription {
        let (fields, form) = Box::pin(form::read(head.clone(), bytes)).await?;
        (fields, Some(form))
    } else {
        (Envelope::parse(bytes)?, None)
    };
    if let Some(model) = model {
        let named = [("model", Value::from(model).to_string().into())];
        envelope = Envelope::parse(envelope.edited(&named, &[], &[]).to_bytes())?;
    }
    let mut call = surfaces::of(operation).read(operation, envelope)?;
    call.form = form;
    finished(app, &head.headers, call)
}

/// The call with what the headers say.
pub(crate) fn finished(app: &App, headers: &HeaderMap, mut call: Call) -> Result<Call, Error> {
    let operation = call.head.operation;
    options::add(headers, &mut call.options)?;
    call.options.caller = caller(app, headers, &call)?;
    app.router.affinity_header(|name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        call.options.mark = value.map(str::to_owned);
    });
    if matches!(operation, Operation::Messages | Operation::CountTokens) {
        let own = headers.iter().filter(|(name, _)| name.as_str().starts_with("anthropic-"));
        call.headers = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    Ok(call)
}

/// The caller whose account the call draws on, if it may ask for all that the request names.
fn caller(app: &App, headers: &HeaderMap, call: &Call) -> Result<Option<String>, Error> {
    let Some(caller) = app.caller(|| auth::presented(headers)) else { return Ok(None) };
    let models = call.head.model.split(',').map(str::trim);
    let mut named = models.chain(call.options.own_targets());
    let Some(model) = named.find(|name| !caller.may_ask(name)) else {
        return Ok(Some(caller.name.clone()));
    };
    let message = format!("the key of `{}` may not ask for the model `{model}`", caller.name);
    Err(Error::new(ErrorKind::Permission, message).with_code("model_not_allowed"))
}

pub(crate) fn unread(why: Unread) -> Error {
    let (status, message, code) = match why {
        Unread::TooLong => {
            (413, format!("the body is longer than {LONGEST} bytes"), "request_too_large")
        }
        Unread::Silent => (408, "the body did not arrive in time".to_owned(), "request_timeout"),
        Unread::Encoded => {
            let message = "the body is compressed, which is not read here: send it without \
                           `content-encoding`";
            (415, message.to_owned(), "unsupported_content_encoding")
        }
        Unread::Broken => {
            (400, "the body ended before it was complete".to_owned(), "incomplete_body")
        }
    };
    Error::new(ErrorKind::BadRequest, message).with_status(status).with_code(code)
}
