//! OpenAI's front door: chat, completions, embeddings, images, audio, moderations, and rerank.

use bytes::Bytes;

use pointsman_types::{Attempt, Error, ErrorKind, Operation};
use serde_json::{Value, json};

use crate::{BodyFault, Call, CallHead, Envelope, Surface};

/// Reads requests and tells of failures in OpenAI's shape.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiSurface;

impl Surface for OpenAiSurface {
    fn read(&self, operation: Operation, body: Envelope) -> Result<Call, BodyFault> {
        let model = model_of(&body)?;
        match operation {
            Operation::Chat => list_of(&body, "messages")?,
            Operation::Embeddings | Operation::Moderations | Operation::Speech => {
                needed(&body, "input")?;
            }
            Operation::Images => _ = needed(&body, "prompt")?,
            Operation::Rerank => {
                needed(&body, "query")?;
                list_of(&body, "documents")?;
            }
            _ => {}
        }
        let mut head = CallHead::read(operation, model, &body)?;
        head.stream &= matches!(operation, Operation::Chat | Operation::Completions);
        Call::of(head, body)
    }

    fn failure(&self, error: &Error, attempts: &[Attempt]) -> Bytes {
        let mut body = inner(error);
        if !attempts.is_empty() {
            body["attempts"] = attempts.iter().map(told).collect();
        }
        json!({ "error": body }).to_string().into()
    }

    fn failure_event(&self, error: &Error) -> Bytes {
        format!("data: {}\n\n", json!({ "error": inner(error) })).into()
    }
}

/// The name of what is asked for.
pub(super) fn model_of(body: &Envelope) -> Result<String, BodyFault> {
    body.text("model")?
        .filter(|model| !model.is_empty())
        .ok_or_else(|| BodyFault::of("model", "`model` is missing: name a model group"))
}

fn needed(body: &Envelope, name: &str) -> Result<u8, BodyFault> {
    body.first_byte(name).ok_or_else(|| BodyFault::of(name, format!("`{name}` is missing")))
}

/// A member that has to be there and a list.
pub(super) fn list_of(body: &Envelope, name: &str) -> Result<(), BodyFault> {
    if needed(body, name)? == b'[' {
        return Ok(());
    }
    Err(BodyFault::of(name, format!("`{name}` must be an array")))
}

/// An attempt, for the caller.
pub(super) fn told(attempt: &Attempt) -> Value {
    json!({
        "deployment": attempt.deployment,
        "kind": attempt.failure.map_or("answered", ErrorKind::name),
        "ms": u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
    })
}

fn inner(error: &Error) -> Value {
    let detail = &error.detail;
    let (type_name, _) = names(error.kind);
    // A client's fault is told in the upstream's own words, for programs that know them.
    let own = error.kind == ErrorKind::BadRequest;
    let type_name = detail.type_name.as_deref().filter(|_| own).unwrap_or(type_name);
    json!({
        "message": detail.message,
        "type": type_name,
        "param": detail.param,
        "code": code_of(error),
    })
}

/// The code an error is told with: the upstream's own, if it has one.
pub(super) fn code_of(error: &Error) -> Option<&str> {
    // Vendors have many words for these two, and programs look for OpenAI's.
    let alike = matches!(error.kind, ErrorKind::ContextWindow | ErrorKind::ContentPolicy);
    error.detail.code.as_deref().filter(|_| !alike).or(names(error.kind).1)
}

/// The type and the code a kind is told with.
pub(super) const fn names(kind: ErrorKind) -> (&'static str, Option<&'static str>) {
    match kind {
        ErrorKind::RateLimited | ErrorKind::Refused => {
            ("rate_limit_error", Some("rate_limit_exceeded"))
        }
        ErrorKind::QuotaExhausted => ("insufficient_quota", Some("insufficient_quota")),
        ErrorKind::Authentication => ("authentication_error", Some("invalid_api_key")),
        ErrorKind::Permission => ("permission_error", Some("permission_denied")),
        ErrorKind::NotFound => ("invalid_request_error", Some("model_not_found")),
        ErrorKind::Timeout => ("timeout_error", Some("timeout")),
        ErrorKind::Connection => ("api_connection_error", Some("upstream_unreachable")),
        ErrorKind::Overloaded => ("server_error", Some("overloaded")),
        ErrorKind::Server => ("server_error", Some("server_error")),
        ErrorKind::ContextWindow => ("invalid_request_error", Some("context_length_exceeded")),
        ErrorKind::ContentPolicy => ("invalid_request_error", Some("content_filter")),
        ErrorKind::BadRequest => ("invalid_request_error", None),
        ErrorKind::Unsupported => ("invalid_request_error", Some("unsupported_parameter")),
        ErrorKind::Cancelled => ("cancelled", Some("cancelled")),
    }
}
