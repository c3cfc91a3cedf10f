//! What the codecs of both places have in common.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Credential, Pieces, Speech, Target, WholeReply,
    chat::{Chat, Losses},
    embeddings::Embeddings,
    retry_after, secret_header,
};
use pointsman_types::{Error, ErrorKind, ExposeSecret, Operation};
use serde_json::{Map, Value, json};

use crate::{
    decoder::read_reply,
    embed, errors,
    model::Model,
    request::{Place, write_request},
};

pub(crate) fn speaks(vendor: &str, what: &CallHead) -> Speech {
    match what.operation {
        Operation::Embeddings | Operation::CountTokens => Speech::Translated,
        operation if operation.is_chat() => Speech::Translated,
        operation => Speech::No(format!("`{vendor}` has no {}", operation.path())),
    }
}

/// The method to call, and the body for it.
pub(crate) fn written(
    to: &Target,
    call: &Call,
    place: Place,
) -> Result<(&'static str, Map<String, Value>), Error> {
    let mut losses = Losses::of(to);
    if call.head.operation == Operation::Embeddings {
        let asked = Embeddings::of(call, to)?;
        let written = match place {
            Place::Studio => embed::studio(asked, &path_of(&to.model), &mut losses),
            Place::Vertex => embed::vertex(asked, &to.model, &mut losses),
        };
        losses.settle()?;
        return Ok(written);
    }
    let chat = Chat::of(call, to)?;
    let stream = chat.stream;
    let mut body = write_request(chat, Model::of(&to.model), place, &mut losses)?;
    if call.head.operation == Operation::CountTokens {
        return Ok(("countTokens", counted(to, body, place)));
    }
    losses.settle()?;
    // A caller's own `model` would be refused: it is in the address.
    body.shift_remove("model");
    Ok((if stream { "streamGenerateContent?alt=sse" } else { "generateContent" }, body))
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

pub(crate) fn posted(address: String, body: Map<String, Value>) -> Result<Request<Pieces>, Error> {
    let body = Bytes::from(Value::Object(body).to_string());
    Request::post(address)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body.into())
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
    body: &[u8],
    now: Instant,
) -> Result<WholeReply, Error> {
    if !status.is_success() {
        return Err(errors::classify(status.as_u16(), body, retry_after(headers, now)));
    }
    match what.operation {
        Operation::Embeddings => Ok(embed::read(body)?.whole(what, headers)),
        Operation::CountTokens => {
            let told: Value = serde_json::from_slice(body).unwrap_or_default();
            let tokens = told["totalTokens"].as_u64().ok_or_else(|| {
                let message = "the upstream's answer cannot be used: it has no `totalTokens`";
                Error::new(ErrorKind::Server, message).with_status(status.as_u16())
            })?;
            let body = json!({"input_tokens": tokens}).to_string().into();
            Ok(WholeReply { headers: headers.clone(), body, usage: None })
        }
        _ => Ok(read_reply(body, now)?.whole(what, headers, now)),
    }
}
