//! What Cohere's errors mean.

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

/// An error within a stream; it has no status of its own.
pub(crate) fn within(value: &Value) -> Error {
    let mut error = classify_value(200, value);
    if let Some(kind) = kind_of(200, error.message()) {
        error.kind = kind;
    }
    error
}

/// What is Cohere's alone; `None` where code, status and the words of all decide.
fn kind_of(status: u16, message: &str) -> Option<ErrorKind> {
    let message = message.to_lowercase();
    let says = |words: &str| message.contains(words);
    match status {
        // The connection to the model was closed: nothing is wrong with the call.
        499 => Some(ErrorKind::Server),
        400 | 422 if says("no valid response generated") => Some(ErrorKind::Server),
        400 | 422 if says("too many tokens") => Some(ErrorKind::ContextWindow),
        200 | 400 | 422 if says("blocked output") || says("blocked input") => {
            Some(ErrorKind::ContentPolicy)
        }
        _ => None,
    }
}

/// A success that cannot be used.
pub(crate) fn unusable(why: &str) -> Error {
    let message = format!("the upstream's answer cannot be used: {why}");
    Error::new(ErrorKind::Server, message).with_status(200)
}

/// Why there is no answer, in the word for its end: `None` if there may be one.
///
/// A bound of time that was reached leaves what was said until then.
pub(crate) fn ended_by(word: &str, detail: Option<&str>, said: bool) -> Option<Error> {
    let (kind, what) = match word {
        "ERROR" => (ErrorKind::Server, "the upstream's generation failed"),
        "TIMEOUT" if !said => (ErrorKind::Timeout, "the upstream's generation took too long"),
        _ => return None,
    };
    let message = detail.map_or_else(|| what.to_owned(), |detail| format!("{what}: {detail}"));
    Some(Error::new(kind, message).with_status(200).with_code(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_status_and_words() {
        for (status, body, want) in [
            (400, r#"{"error_type":"TOO_MANY_TOKENS","message":"x"}"#, ErrorKind::ContextWindow),
            (
                400,
                r#"{"message":"too many tokens: total number of tokens cannot exceed 4081"}"#,
                ErrorKind::ContextWindow,
            ),
            (400, r#"{"message":"invalid request: p must be less"}"#, ErrorKind::BadRequest),
            (400, r#"{"message":"blocked output: no"}"#, ErrorKind::ContentPolicy),
            (401, r#"{"message":"invalid api token"}"#, ErrorKind::Authentication),
            (403, "{}", ErrorKind::Permission),
            (404, r#"{"message":"model 'x' not found"}"#, ErrorKind::NotFound),
            (422, r#"{"message":"unprocessable"}"#, ErrorKind::BadRequest),
            (
                429,
                r#"{"message":"a Trial key, which is limited to 10 API calls / minute"}"#,
                ErrorKind::RateLimited,
            ),
            (
                429,
                r#"{"message":"a Trial key, which is limited to 1000 API calls / month"}"#,
                ErrorKind::QuotaExhausted,
            ),
            (498, r#"{"message":"invalid token"}"#, ErrorKind::Authentication),
            (499, r#"{"message":"client closed request"}"#, ErrorKind::Server),
            (500, "{}", ErrorKind::Server),
            (501, "{}", ErrorKind::Server),
            (503, "{}", ErrorKind::Overloaded),
            (504, "{}", ErrorKind::Timeout),
        ] {
            let error = of(status, &HeaderMap::new(), body.as_bytes(), Instant::EPOCH);
            assert_eq!(error.kind, want, "{status} {body}");
        }
    }
}
