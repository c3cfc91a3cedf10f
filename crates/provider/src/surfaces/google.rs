//! Google's front door: contents, their tokens, and vectors.

use bytes::Bytes;
use pointsman_types::{Attempt, Error, ErrorKind, Operation};
use serde_json::{Value, json};

use super::openai::{model_of, told};
use crate::{BodyFault, Call, CallHead, Envelope, Surface};

/// Reads requests and tells of failures in Google's shape.
///
/// Google names the model and asks for a stream in the address: see [`GoogleSurface::asked`]. The
/// body alone may say both as `model` and `stream`, which no upstream sees.
#[derive(Clone, Copy, Debug, Default)]
pub struct GoogleSurface;

impl GoogleSurface {
    /// A call whose model, and whether it streams, are in its address.
    ///
    /// ```
    /// use pointsman_provider::{Envelope, surfaces::GoogleSurface};
    /// use pointsman_types::Operation;
    /// let body = r#"{"contents": [], "generationConfig": {"maxOutputTokens": 9}}"#;
    /// let body = Envelope::parse(body.into())?;
    /// let call = GoogleSurface.asked(Operation::GenerateContent, "team/fast".into(), true, body)?;
    /// assert_eq!((call.head.max_output, call.head.stream), (Some(9), true));
    /// # Ok::<(), pointsman_provider::BodyFault>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Names the member that is missing or wrong.
    pub fn asked(
        &self,
        operation: Operation,
        model: String,
        stream: bool,
        body: Envelope,
    ) -> Result<Call, BodyFault> {
        match operation {
            Operation::GenerateContent => needed(&body, "contents", b"[{")?,
            Operation::EmbedContent => needed(&body, "content", b"{")?,
            Operation::BatchEmbedContents => needed(&body, "requests", b"[")?,
            Operation::Predict => needed(&body, "instances", b"[")?,
            _ if body.has("generateContentRequest") => {}
            _ => needed(&body, "contents", b"[{")?,
        }
        let stream = stream && operation == Operation::GenerateContent;
        let max_output = max_output(&body)?;
        let head = CallHead {
            operation,
            model,
            stream,
            include_usage: true,
            max_output,
            base64: false,
            characters: 0,
            one_call: false,
        };
        Call::of(head, body)
    }
}

impl Surface for GoogleSurface {
    fn read(&self, operation: Operation, body: Envelope) -> Result<Call, BodyFault> {
        let model = model_of(&body)?;
        let model = model.strip_prefix("models/").unwrap_or(&model).to_owned();
        let stream = body.read("stream", "a boolean")?.unwrap_or(false);
        self.asked(operation, model, stream, body)
    }

    fn failure(&self, error: &Error, attempts: &[Attempt]) -> Bytes {
        let mut body = inner(error);
        if !attempts.is_empty() {
            body["attempts"] = attempts.iter().map(told).collect();
        }
        json!({ "error": body }).to_string().into()
    }

    fn failure_event(&self, error: &Error) -> Bytes {
        format!("data: {}\r\n\r\n", json!({ "error": inner(error) })).into()
    }
}

fn needed(body: &Envelope, name: &str, begins: &[u8]) -> Result<(), BodyFault> {
    match body.first_byte(name) {
        None => Err(BodyFault::of(name, format!("`{name}` is missing"))),
        Some(first) if begins.contains(&first) => Ok(()),
        Some(_) => {
            let want = if begins.contains(&b'[') { "an array" } else { "an object" };
            Err(BodyFault::of(name, format!("`{name}` must be {want}")))
        }
    }
}

fn max_output(body: &Envelope) -> Result<Option<u64>, BodyFault> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Config {
        #[serde(alias = "maxOutputTokens")]
        max_output_tokens: Option<u64>,
    }
    for name in ["generationConfig", "generation_config"] {
        let want = "an object with a whole number of `maxOutputTokens`";
        if let Some(config) = body.read::<Config>(name, want)? {
            return Ok(config.max_output_tokens);
        }
    }
    Ok(None)
}

fn inner(error: &Error) -> Value {
    let mut body = json!({
        "code": error.client_status(),
        "message": error.message(),
        "status": status(error),
    });
    let mut details = Vec::new();
    if let Some(param) = &error.detail.param {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": param, "description": error.message()}],
        }));
    }
    if let Some(after) = error.detail.retry_after {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", after.as_secs_f64()),
        }));
    }
    if !details.is_empty() {
        body["details"] = details.into();
    }
    body
}

/// The code a kind is told with.
fn status(error: &Error) -> &'static str {
    match error.kind {
        ErrorKind::RateLimited | ErrorKind::Refused | ErrorKind::QuotaExhausted => {
            "RESOURCE_EXHAUSTED"
        }
        ErrorKind::Authentication => "UNAUTHENTICATED",
        ErrorKind::Permission => "PERMISSION_DENIED",
        ErrorKind::NotFound => "NOT_FOUND",
        ErrorKind::Timeout => "DEADLINE_EXCEEDED",
        ErrorKind::Connection | ErrorKind::Overloaded => "UNAVAILABLE",
        ErrorKind::Server => "INTERNAL",
        ErrorKind::Cancelled => "CANCELLED",
        ErrorKind::ContextWindow
        | ErrorKind::ContentPolicy
        | ErrorKind::BadRequest
        | ErrorKind::Unsupported => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(operation: Operation, body: &'static str) -> Result<Call, String> {
        let body = Envelope::parse(body.into()).unwrap();
        GoogleSurface.asked(operation, "m".into(), true, body).map_err(|fault| fault.message)
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = |operation, body| read(operation, body).unwrap_err();
        assert_eq!(fault(Operation::GenerateContent, "{}"), "`contents` is missing");
        assert_eq!(
            fault(Operation::GenerateContent, r#"{"contents":"Hi"}"#),
            "`contents` must be an array"
        );
        assert_eq!(
            fault(Operation::EmbedContent, r#"{"content":[]}"#),
            "`content` must be an object"
        );
        assert_eq!(fault(Operation::BatchEmbedContents, "{}"), "`requests` is missing");
        let odd = r#"{"contents":[],"generationConfig":{"maxOutputTokens":"9"}}"#;
        assert!(fault(Operation::GenerateContent, odd).contains("generationConfig"));
        let whole = read(Operation::CountContents, r#"{"generateContentRequest":{}}"#).unwrap();
        assert!(!whole.head.stream, "a count does not stream");
    }

    #[test]
    fn a_body_may_name_the_model_itself() {
        let body = json!({"contents": [], "stream": true});
        let call = Call::json(Operation::GenerateContent, "m", body).unwrap();
        let call = GoogleSurface.read(Operation::GenerateContent, call.envelope).unwrap();
        assert_eq!((call.head.model.as_str(), call.head.stream), ("m", true));
    }
}
