//! Anthropic's Messages front door.

use bytes::Bytes;
use pointsman_types::{Attempt, Error, ErrorKind, Operation};
use serde_json::{Value, json};

use super::openai::{list_of, model_of, told};
use crate::{BodyFault, Call, CallHead, Envelope, Surface};

/// Reads requests and tells of failures in Anthropic's shape.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagesSurface;

impl Surface for MessagesSurface {
    fn read(&self, operation: Operation, body: Envelope) -> Result<Call, BodyFault> {
        let model = model_of(&body)?;
        list_of(&body, "messages")?;
        let mut head = CallHead::read(operation, model, &body)?;
        head.stream &= operation == Operation::Messages;
        if operation == Operation::Messages && head.max_output.is_none() {
            return Err(BodyFault::of("max_tokens", "`max_tokens` is missing"));
        }
        Call::of(head, body)
    }

    fn failure(&self, error: &Error, attempts: &[Attempt]) -> Bytes {
        let mut body = inner(error);
        if !attempts.is_empty() {
            body["attempts"] = attempts.iter().map(told).collect();
        }
        json!({"type": "error", "error": body}).to_string().into()
    }

    fn failure_event(&self, error: &Error) -> Bytes {
        format!("event: error\ndata: {}\n\n", json!({"type": "error", "error": inner(error)}))
            .into()
    }
}

fn inner(error: &Error) -> Value {
    json!({"type": name(error), "message": error.message()})
}

/// The type a kind is told with.
fn name(error: &Error) -> &'static str {
    match error.kind {
        ErrorKind::RateLimited | ErrorKind::Refused => "rate_limit_error",
        ErrorKind::QuotaExhausted => "billing_error",
        ErrorKind::Authentication => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::NotFound => "not_found_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Overloaded => "overloaded_error",
        ErrorKind::Connection | ErrorKind::Server => "api_error",
        ErrorKind::BadRequest if error.detail.status == Some(413) => "request_too_large",
        ErrorKind::ContextWindow
        | ErrorKind::ContentPolicy
        | ErrorKind::BadRequest
        | ErrorKind::Unsupported
        | ErrorKind::Cancelled => "invalid_request_error",
    }
}
