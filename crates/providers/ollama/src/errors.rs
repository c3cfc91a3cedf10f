//! What Ollama's errors mean: it has words for them, and no codes.

use http::HeaderMap;
use pointsman_clock::Instant;
use pointsman_provider::{classify_body, classify_value, retry_after};
use pointsman_types::{Error, ErrorKind};
use serde_json::Value;

/// An error answer.
pub(crate) fn of(status: u16, headers: &HeaderMap, body: &[u8], now: Instant) -> Error {
    let mut error = classify_body(status, body, retry_after(headers, now));
    if let Some(kind) = kind_of(status, error.message()) {
        error.kind = kind;
    }
    error
}

/// An error within a success, whole or streamed; it has no status of its own.
pub(crate) fn within(value: &Value) -> Option<Error> {
    value.get("error").filter(|error| !error.is_null())?;
    let mut error = classify_value(200, value);
    if let Some(kind) = kind_of(200, error.message()) {
        error.kind = kind;
    }
    Some(error)
}

/// What is Ollama's alone; `None` where status and the words of all decide.
fn kind_of(status: u16, message: &str) -> Option<ErrorKind> {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match status {
        // Quota comes before the others: a cloud answers 429 for both.
        200 | 402 | 403 | 429 if says(&["usage limit"]) => Some(ErrorKind::QuotaExhausted),
        200 | 503 if says(&["server busy", "maximum pending requests"]) => {
            Some(ErrorKind::Overloaded)
        }
        200 | 400 | 500
            if says(&[
                "exceeds the context length",
                "exceeded max context length",
                "exceeds the available context size",
                "exceeds maximum context length",
            ]) =>
        {
            Some(ErrorKind::ContextWindow)
        }
        // Another model of the group may: `"x" does not support tools`.
        200 | 400 | 500 if says(&["does not support"]) => Some(ErrorKind::Unsupported),
        200 | 400 if says(&["model"]) && says(&["not found"]) => Some(ErrorKind::NotFound),
        _ => None,
    }
}

/// A success that cannot be used.
pub(crate) fn unusable(why: &str) -> Error {
    let message = format!("the upstream's answer cannot be used: {why}");
    Error::new(ErrorKind::Server, message).with_status(200)
}

/// A whole answer as JSON, unless it is an error.
pub(crate) fn parsed(body: &[u8]) -> Result<Value, Error> {
    let body: Value = serde_json::from_slice(body).map_err(|error| unusable(&error.to_string()))?;
    within(&body).map_or(Ok(body), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_words() {
        for (status, message, want) in [
            (404, "model 'x' not found", ErrorKind::NotFound),
            (400, "\"x\" does not support thinking", ErrorKind::Unsupported),
            (400, "registry.ollama.ai/library/x does not support tools", ErrorKind::Unsupported),
            (400, "the input length exceeds the context length", ErrorKind::ContextWindow),
            (
                400,
                "prompt too long; exceeded max context length by 9 tokens",
                ErrorKind::ContextWindow,
            ),
            (400, "invalid format", ErrorKind::BadRequest),
            (401, "unauthorized", ErrorKind::Authentication),
            (403, "this model requires a subscription", ErrorKind::Permission),
            (429, "too many requests", ErrorKind::RateLimited),
            (429, "you've reached your weekly usage limit", ErrorKind::QuotaExhausted),
            (500, "llama runner process has terminated", ErrorKind::Server),
            (
                503,
                "server busy, please try again. maximum pending requests exceeded",
                ErrorKind::Overloaded,
            ),
        ] {
            let body = serde_json::json!({ "error": message });
            let error = of(status, &HeaderMap::new(), body.to_string().as_bytes(), Instant::EPOCH);
            assert_eq!((error.kind, error.message()), (want, message), "{status}");
            let known = kind_of(200, message).is_some();
            let inner = within(&body).unwrap();
            assert_eq!(inner.kind, if known { want } else { ErrorKind::Server }, "{message}");
        }
        assert!(within(&serde_json::json!({"error": null})).is_none());
    }
}
