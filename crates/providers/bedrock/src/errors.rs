//! What Bedrock's errors mean: by their type, then the status, then the words.

use std::time::Duration;

use http::HeaderMap;
use pointsman_provider::{classify_body, classify_words};
use pointsman_types::{Error, ErrorKind};
use serde_json::Value;

/// The type of an error: the header's, else the body's, without its namespace.
pub(crate) fn type_of(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let within = || {
        let value: Value = serde_json::from_slice(body).ok()?;
        ["__type", "code", "Code"].iter().find_map(|name| value[*name].as_str()).map(str::to_owned)
    };
    let name = header.map(str::to_owned).or_else(within)?;
    let name = name.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// What an error means, whole or within a stream (`status` 200).
pub(crate) fn classify(
    status: u16,
    type_name: Option<&str>,
    body: &[u8],
    retry_after: Option<Duration>,
) -> Error {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let original =
        value["originalStatusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let shown = if status < 400 { type_name.and_then(status_of).unwrap_or(500) } else { status };
    let mut error = classify_body(shown, body, retry_after);
    if status < 400 {
        error.detail.status = None;
    }
    // Some of AWS's front ends write it so.
    if let (true, Some(message)) = (value["message"].is_null(), value["Message"].as_str()) {
        message.clone_into(&mut error.detail.message);
    }
    let said = error.detail.message.to_lowercase();
    if let Some(kind) = type_name.and_then(|name| by_type(name, &said, original)) {
        error.kind = kind;
    } else if type_name.is_none() {
        error.kind = by_words(shown, &said);
    }
    if error.detail.type_name.is_none() {
        error.detail.type_name = type_name.map(str::to_owned);
    }
    error
}

/// A name without its first letter's case and its ending: `throttlingException` is `Throttling`.
fn bare(name: &str) -> String {
    let name = name.trim_end_matches("Exception");
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// The status that a type comes with.
fn status_of(name: &str) -> Option<u16> {
    Some(match bare(name).as_str() {
        "Validation" | "ServiceQuotaExceeded" => 400,
        "AccessDenied" => 403,
        "ResourceNotFound" => 404,
        "ModelTimeout" => 408,
        "ModelError" | "ModelStreamError" => 424,
        "Throttling" | "ModelNotReady" => 429,
        "ServiceUnavailable" => 503,
        _ => return None,
    })
}

fn by_type(name: &str, said: &str, original: Option<u16>) -> Option<ErrorKind> {
    Some(match bare(name).as_str() {
        "AccessDenied" if says(said, BAD_KEY) => ErrorKind::Authentication,
        "AccessDenied" | "NotAuthorized" | "OptInRequired" => ErrorKind::Permission,
        "UnrecognizedClient"
        | "InvalidSignature"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "ExpiredToken"
        | "ExpiredTokenFault"
        | "InvalidToken"
        | "InvalidClientTokenId"
        | "InvalidIdentityToken"
        | "MissingAuthenticationToken"
        | "RequestExpired" => ErrorKind::Authentication,
        "Throttling" | "Throttled" | "TooManyRequests" | "RequestLimitExceeded" => {
            ErrorKind::RateLimited
        }
        "ServiceQuotaExceeded" => ErrorKind::QuotaExhausted,
        "ResourceNotFound" | "UnknownOperation" => ErrorKind::NotFound,
        "ModelTimeout" | "RequestTimeout" => ErrorKind::Timeout,
        "ModelNotReady" | "ServiceUnavailable" => ErrorKind::Overloaded,
        "InternalServer" | "InternalFailure" | "InternalServerError" => ErrorKind::Server,
        "ModelError" | "ModelStreamError" => match original {
            Some(status @ (408 | 429 | 500..=599)) => classify_words(status, said),
            _ if is_context(said) => ErrorKind::ContextWindow,
            _ => ErrorKind::Server,
        },
        "Validation" => by_words(400, said),
        _ => return None,
    })
}

fn by_words(status: u16, said: &str) -> ErrorKind {
    match status {
        // A throttle speaks of tokens too, and of no window.
        429 => ErrorKind::RateLimited,
        424 => ErrorKind::Server,
        403 if says(said, BAD_KEY) => ErrorKind::Authentication,
        400 if is_context(said) => ErrorKind::ContextWindow,
        400 if says(said, BAD_MODEL) => ErrorKind::NotFound,
        400 if says(said, FORBIDDEN) => ErrorKind::Permission,
        400 if said.starts_with("too many tokens, please wait") => ErrorKind::RateLimited,
        _ => classify_words(status, said),
    }
}

fn is_context(said: &str) -> bool {
    says(said, CONTEXT) || classify_words(400, said) == ErrorKind::ContextWindow
}

fn says(said: &str, words: &[&str]) -> bool {
    words.iter().any(|words| said.contains(words))
}

const CONTEXT: &[&str] =
    &["expected maxlength:", "exceeds the model's context", "input length and"];

const BAD_MODEL: &[&str] = &[
    "model identifier is invalid",
    "on-demand throughput isn",
    "could not resolve the foundation model",
    "provisioned throughput with model",
];

const FORBIDDEN: &[&str] =
    &["operation not allowed", "access to this model", "access to the model"];

const BAD_KEY: &[&str] = &[
    "security token",
    "signature we calculated",
    "signature expired",
    "api key",
    "bearer token",
    "authentication failed",
    "authentication token",
    "access key",
];

#[cfg(test)]
mod tests {
    use super::*;

    use ErrorKind as K;

    const CASES: &[(u16, &str, &str, K)] = &[
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            K::Authentication,
        ),
        (403, "ExpiredTokenException", "", K::Authentication),
        (
            403,
            "InvalidSignatureException",
            "The request signature we calculated does not match",
            K::Authentication,
        ),
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            K::Permission,
        ),
        (
            403,
            "AccessDeniedException",
            "Authentication failed: Please make sure your API Key is valid.",
            K::Authentication,
        ),
        (403, "", "The security token included in the request is expired", K::Authentication),
        (403, "", "User: x is not authorized to perform: bedrock:InvokeModel", K::Permission),
        (
            429,
            "ThrottlingException",
            "Too many tokens, please wait before trying again.",
            K::RateLimited,
        ),
        (429, "", "Too many tokens per day, please wait before trying again.", K::RateLimited),
        (429, "ModelNotReadyException", "", K::Overloaded),
        (400, "ThrottlingException", "", K::RateLimited),
        (400, "ServiceQuotaExceededException", "", K::QuotaExhausted),
        (
            400,
            "ValidationException",
            "The model returned the following errors: Input is too long for requested model.",
            K::ContextWindow,
        ),
        (
            400,
            "ValidationException",
            "Malformed input request: expected maxLength: 9, actual: 10",
            K::ContextWindow,
        ),
        (400, "ValidationException", "The provided model identifier is invalid.", K::NotFound),
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn’t supported.",
            K::NotFound,
        ),
        (400, "ValidationException", "messages: roles must alternate", K::BadRequest),
        (400, "", "The provided model identifier is invalid.", K::NotFound),
        (404, "ResourceNotFoundException", "", K::NotFound),
        (408, "ModelTimeoutException", "", K::Timeout),
        (424, "ModelErrorException", "", K::Server),
        (424, "", "", K::Server),
        (500, "InternalServerException", "", K::Server),
        (503, "ServiceUnavailableException", "", K::Overloaded),
        (200, "throttlingException", "Too many tokens", K::RateLimited),
        (200, "modelStreamErrorException", "", K::Server),
        (200, "validationException", "prompt is too long: 9 > 8", K::ContextWindow),
        (200, "serviceUnavailableException", "", K::Overloaded),
        (200, "somethingNew", "", K::Server),
    ];

    #[test]
    fn the_type_decides_then_the_status_then_the_words() {
        for (status, name, message, want) in CASES {
            let body = serde_json::json!({"message": message}).to_string();
            let name = (!name.is_empty()).then_some(*name);
            let error = classify(*status, name, body.as_bytes(), None);
            assert_eq!(error.kind, *want, "{status} {name:?} {message}");
        }
    }

    #[test]
    fn the_type_is_in_the_header_or_the_body() {
        let mut headers = HeaderMap::new();
        let body = br#"{"__type":"com.amazon.coral.service#ThrottlingException"}"#;
        assert_eq!(type_of(&headers, body).as_deref(), Some("ThrottlingException"));
        assert_eq!(type_of(&headers, b"<html>"), None);
        let value =
            http::HeaderValue::from_static("ValidationException:http://internal.amazon.com/");
        headers.insert("x-amzn-errortype", value);
        assert_eq!(type_of(&headers, body).as_deref(), Some("ValidationException"));
    }
}
