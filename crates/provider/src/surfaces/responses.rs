//! OpenAI's Responses front door.

use bytes::Bytes;
use pointsman_types::{Attempt, Error, Operation};
use serde_json::json;

use super::openai::{OpenAiSurface, code_of, model_of, names};
use crate::{BodyFault, Call, CallHead, Envelope, Surface};

/// Reads requests and tells of failures in the shape of OpenAI's responses.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponsesSurface;

impl Surface for ResponsesSurface {
    fn read(&self, operation: Operation, body: Envelope) -> Result<Call, BodyFault> {
        let head = CallHead::read(operation, model_of(&body)?, &body)?;
        Call::of(head, body)
    }

    fn failure(&self, error: &Error, attempts: &[Attempt]) -> Bytes {
        OpenAiSurface.failure(error, attempts)
    }

    fn failure_event(&self, error: &Error) -> Bytes {
        let detail = &error.detail;
        let (type_name, _) = names(error.kind);
        let body = json!({
            "type": "error",
            "code": code_of(error).unwrap_or(type_name),
            "message": detail.message,
            "param": detail.param,
            "sequence_number": 0,
        });
        format!("event: error\ndata: {body}\n\n").into()
    }
}
