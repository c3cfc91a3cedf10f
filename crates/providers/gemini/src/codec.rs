//! What the codecs of both places have in common.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Credential, Pieces, Speech, Target, WholeReply,
    chat::{self, Chat, Losses},
    embeddings::Embeddings,
    escaped, retry_after, secret_header,
};
use pointsman_types::{Error, ErrorKind, ExposeSecret, Operation};
use serde_json::{Map, Value};

use crate::{
    decoder::read_reply,
    embed, errors,
    model::Model,
    native,
    request::{Place, write_request},
};

pub(crate) fn speaks(vendor: &str, what: &CallHead, place: Place) -> Speech {
    match what.operation {
        operation if is_native(operation, place) => Speech::Native,
        operation if operation.is_embeddings() || operation.is_count() => Speech::Translated,
        operation if operation.is_chat() => Speech::Translated,
        operation => Speech::No(format!("`{vendor}` has no {}", operation.path())),
    }
}

/// Whether it is passed through. Vertex AI has several ways to ask for vectors, by model, and one
/// that AI Studio has not.
pub(crate) fn is_native(operation: Operation, place: Place) -> bool {
    let elsewhere = operation == Operation::Predict || place == Place::Vertex;
    operation.is_google() && !(elsewhere && operation.is_embeddings())
}

/// The method to call, and the body for it.
pub(crate) fn written(
    to: &Target,
    call: &Call,
    place: Place,
) -> Result<(&'static str, Pieces), Error> {
    if is_native(call.head.operation, place) {
        return native::passed_through(to, call, place);
    }
    let mut losses = Losses::of(to);
    if call.head.operation.is_embeddings() {
        let asked = Embeddings::of(call, to)?;
        let (method, body) = match place {
            Place::Studio => embed::studio(asked, &path_of(&to.model), &mut losses),
            Place::Vertex => embed::vertex(asked, &to.model, &mut losses),
        };
        losses.settle()?;
        return Ok((method, bytes_of(body)));
    }
    let chat = Chat::of(call, to)?;
    let stream = chat.stream;
    let mut body = write_request(chat, Model::of(&to.model), place, &mut losses)?;
    if call.head.operation == Operation::CountTokens {
        return Ok(("countTokens", bytes_of(counted(to, body, place))));
    }
    losses.settle()?;
    // A caller's own `model` would be refused: it is in the address.
    body.shift_remove("model");
    let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    Ok((method, bytes_of(body)))
}

pub(crate) fn bytes_of(body: Map<String, Value>) -> Pieces {
    Bytes::from(Value::Object(body).to_string()).into()
}

/// What is counted: the conversation with its tools. How it would be answered does not matter.
fn counted(to: &Target, body: Map<String, Value>, place: Place) -> Map<String, Value> {
    let counts = |name: &str| ["contents", "systemInstruction", "tools"].contains(&name);
    let mut body: Map<String, Value> = body.into_iter().filter(|(name, _)| counts(name)).collect();
    if place == Place::Vertex {
        return body;
    }
    body.insert("model".into(), path_of(&to.model).into());
    Map::from_iter([("generateContentRequest".to_owned(), body.into())])
}

/// A model's path at AI Studio.
pub(crate) fn path_of(model: &str) -> String {
    if model.contains('/') { model.to_owned() } else { format!("models/{model}") }
}

/// The address of a method of a model. The path may hold a caller's words, where a wildcard led
/// here: nothing in them is anything but a name.
pub(crate) fn address(base: &str, path: &str, method: &str) -> Result<String, Error> {
    let mut address = base.to_owned();
    for name in path.split('/') {
        if matches!(name, "" | "." | "..") {
            let message = format!("`{path}` is not the name of a model");
            return Err(Error::new(ErrorKind::BadRequest, message).with_param("model"));
        }
        address.push('/');
        // It stands in names of models, and Google writes it as it is.
        address.push_str(&escaped(name).replace("%40", "@"));
    }
    address.extend([":", method]);
    Ok(address)
}

pub(crate) fn posted(address: String, body: Pieces) -> Result<Request<Pieces>, Error> {
    Request::post(address)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body)
        .map_err(|error| {
            let message = format!("the upstream's address: {error}");
            Error::new(ErrorKind::BadRequest, message)
        })
}

pub(crate) fn sign(request: &mut Request<Pieces>, with: &Credential) -> Result<(), Error> {
    match with {
        // Google's tokens are told by their beginning.
        Credential::Key(key) if !key.expose_secret().starts_with("ya29.") => {
            request.headers_mut().insert("x-goog-api-key", secret_header("", key)?);
        }
        Credential::Key(token) | Credential::Bearer(token) => {
            request.headers_mut().insert(AUTHORIZATION, secret_header("Bearer ", token)?);
        }
        _ => {}
    }
    Ok(())
}

pub(crate) fn decode(
    what: &CallHead,
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    now: Instant,
    place: Place,
) -> Result<WholeReply, Error> {
    if !status.is_success() {
        return Err(errors::classify(status.as_u16(), &body, retry_after(headers, now)));
    }
    match what.operation {
        operation if is_native(operation, place) => {
            let usage = native::peek(operation, &body, now)?;
            Ok(WholeReply { headers: headers.clone(), body, usage })
        }
        operation if operation.is_embeddings() => Ok(embed::read(&body)?.whole(what, headers)),
        Operation::CountTokens => Ok(chat::counted(native::counted(&body)?, what, headers)),
        _ => Ok(read_reply(&body, now)?.whole(what, headers, now)),
    }
}
