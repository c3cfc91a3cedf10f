//! What an upstream's error means: by its code, then its status, then its words.

use std::time::Duration;

use pointsman_types::{Error, ErrorKind};
use serde_json::Value;

/// The most of an upstream's message that is kept, in characters.
const MOST_WORDS: usize = 2_000;

/// What an error answer means, in any of the shapes that are seen: OpenAI's and its variants,
/// FastAPI's, RFC 7807's, flat ones, plain text, a proxy's page.
///
/// A codec whose vendor has codes of its own sets the kind for those and keeps the rest.
///
/// ```
/// use pointsman_provider::classify_body;
/// use pointsman_types::ErrorKind;
/// let error = classify_body(429, br#"{"error": {"code": "insufficient_quota", "message": "no"}}"#, None);
/// assert_eq!((error.kind, error.message()), (ErrorKind::QuotaExhausted, "no"));
/// ```
pub fn classify_body(status: u16, body: &[u8], retry_after: Option<Duration>) -> Error {
    let error = match serde_json::from_slice::<Value>(body) {
        Ok(value) => classify_value(status, &value),
        Err(_) => classify_text(status, &String::from_utf8_lossy(body)),
    };
    error.with_retry_after(retry_after)
}

/// What an error body that was read means; one within a success carries its status inside.
pub fn classify_value(status: u16, value: &Value) -> Error {
    let said = Said::read(value);
    // An error within a success carries its status inside.
    let status = if status < 400 { said.status.unwrap_or(500) } else { status };
    let kind = said.kind(status);
    let mut error = Error::new(kind, words(&said.message, status)).with_status(status);
    // Some put the status there.
    error.detail.code = said.code.filter(|code| *code != status.to_string());
    error.detail.type_name = said.type_name;
    error.detail.param = said.param;
    error
}

fn classify_text(status: u16, text: &str) -> Error {
    let said = Said { message: text.trim().to_owned(), ..Said::default() };
    let kind = said.kind(status);
    // A page of a proxy in between says nothing to a caller.
    let shown = if text.trim_start().starts_with('<') { "" } else { said.message.as_str() };
    Error::new(kind, words(shown, status)).with_status(status)
}

fn words(message: &str, status: u16) -> String {
    if message.is_empty() {
        return format!("the upstream answered with status {status}");
    }
    message.chars().take(MOST_WORDS).collect()
}

/// What an error body says.
#[derive(Debug, Default)]
struct Said {
    message: String,
    code: Option<String>,
    type_name: Option<String>,
    param: Option<String>,
    /// Azure's, of the filter behind it.
    inner_code: Option<String>,
    status: Option<u16>,
    /// What a relay was told by the one behind it.
    inner: Option<String>,
}

impl Said {
    fn read(value: &Value) -> Self {
        let inner = match &value["error"] {
            Value::Object(_) => &value["error"],
            _ => value.get("errors").and_then(|errors| errors.get(0)).unwrap_or(value),
        };
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(_) | Value::Object(_) => Some(value.to_string()),
            _ => None,
        };
        let first = |names: &[&str]| names.iter().find_map(|name| text(&inner[*name]));
        let own_text = value["error"].as_str().map(str::to_owned);
        let status = ["status_code", "code", "status"].iter().find_map(|name| {
            let number = inner[*name].as_u64().or_else(|| inner[*name].as_str()?.parse().ok())?;
            u16::try_from(number).ok().filter(|status| (400..600).contains(status))
        });
        Self {
            message: first(&["message", "detail", "title"]).or(own_text).unwrap_or_default(),
            code: first(&["code", "error_code"]),
            type_name: first(&["type", "error_type"]),
            param: inner["param"].as_str().filter(|name| !name.is_empty()).map(str::to_owned),
            inner_code: ["innererror", "inner_error"]
                .iter()
                .find_map(|name| text(&inner[*name]["code"])),
            status,
            inner: text(&inner["metadata"]),
        }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        self.by_code().unwrap_or_else(|| match status {
            // An item, an answer, a file that the caller named: the model is there.
            404 if self.param.as_deref().is_some_and(|name| !name.contains("model")) => {
                ErrorKind::BadRequest
            }
            _ => classify_words(status, &self.words()),
        })
    }

    /// All that may tell something: who relays another's error has its words inside.
    fn words(&self) -> String {
        [self.message.as_str(), self.inner.as_deref().unwrap_or_default()].join("\n")
    }

    fn by_code(&self) -> Option<ErrorKind> {
        // A call too large for a minute's tokens never fits, whatever its code says.
        if TOO_LARGE.iter().all(|words| self.message.to_lowercase().contains(words)) {
            return Some(ErrorKind::ContextWindow);
        }
        let names = [&self.code, &self.type_name, &self.inner_code];
        names.into_iter().flatten().find_map(|name| kind_of_code(&name.to_ascii_lowercase()))
    }
}

/// What a vendor's code or type means, whichever vendor's; `None` where others decide.
fn kind_of_code(name: &str) -> Option<ErrorKind> {
    Some(match name {
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "exceeded_current_quota_error"
        | "token_quota_reached"
        | "allocationquota.freetieronly"
        | "arrearage" => ErrorKind::QuotaExhausted,
        "context_length_exceeded"
        | "exceed_context_size_error"
        | "too_many_prompt_tokens"
        | "too_many_tokens"
        | "tokens_limit_reached"
        | "string_too_long" => ErrorKind::ContextWindow,
        "content_policy_violation"
        | "content_filter"
        | "contentfilter"
        | "responsibleaipolicyviolation"
        | "moderation_blocked"
        | "data_inspection_failed"
        | "datainspectionfailed" => ErrorKind::ContentPolicy,
        "invalid_api_key" | "account_deactivated" => ErrorKind::Authentication,
        "organization_restricted" => ErrorKind::Permission,
        "model_not_found"
        | "deploymentnotfound"
        | "invalid_model"
        | "unknown_model"
        | "model_decommissioned"
        | "model_not_available"
        | "model_not_supported" => ErrorKind::NotFound,
        "rate_limit_exceeded" | "ratelimitreached" => ErrorKind::RateLimited,
        "overloaded_error"
        | "engine_overloaded_error"
        | "overloaded"
        | "capacity_exceeded"
        | "service_tier_capacity_exceeded" => ErrorKind::Overloaded,
        _ => return None,
    })
}

/// What a status and the words beside it mean, where no code decides.
///
/// ```
/// use pointsman_provider::classify_words;
/// use pointsman_types::ErrorKind;
/// assert_eq!(classify_words(400, "prompt is too long: 9 tokens > 8 maximum"), ErrorKind::ContextWindow);
/// ```
pub fn classify_words(status: u16, message: &str) -> ErrorKind {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match status {
        401 | 498 => ErrorKind::Authentication,
        402 => ErrorKind::QuotaExhausted,
        403 if says(POLICY) => ErrorKind::ContentPolicy,
        403 | 429 if says(QUOTA) => ErrorKind::QuotaExhausted,
        403 if says(BAD_KEY) => ErrorKind::Authentication,
        403 => ErrorKind::Permission,
        404 | 410 => ErrorKind::NotFound,
        408 | 504 | 524 => ErrorKind::Timeout,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        // What failed, or left, was behind it: the caller is still there.
        424 | 499 => ErrorKind::Server,
        400..=499 if says(CAPACITY) => ErrorKind::Overloaded,
        400..=499 if says(BAD_KEY) => ErrorKind::Authentication,
        400..=499 if says(QUOTA) => ErrorKind::QuotaExhausted,
        400..=499 if says(CONTEXT) && !says(NOT_CONTEXT) => ErrorKind::ContextWindow,
        400..=499 if says(POLICY) => ErrorKind::ContentPolicy,
        400..=499 if says(NO_MODEL) => ErrorKind::NotFound,
        400..=499 if says(FORBIDDEN) => ErrorKind::Permission,
        400..=499 => ErrorKind::BadRequest,
        _ => ErrorKind::Server,
    }
}

/// Both together: more tokens than the account has in a minute.
const TOO_LARGE: [&str; 2] = ["request too large", "tokens per minute"];

const QUOTA: &[&str] = &[
    "exceeded your current quota",
    "insufficient balance",
    "used all available credits",
    "monthly spending limit",
    "api calls / month",
    "credit balance",
    "insufficient credits",
    "requires more credits",
    "api usage limits",
    "daily free allocation",
    "exceeded your current token quota",
    "any credits or licenses",
    "key limit exceeded",
];

const CAPACITY: &[&str] = &["service tier capacity exceeded"];

const BAD_KEY: &[&str] =
    &["incorrect api key", "invalid api key", "api key not valid", "invalid access token"];

const NO_MODEL: &[&str] = &["model not exist", "model not found", "is not a valid model id"];

const FORBIDDEN: &[&str] = &["organization has been disabled"];

const CONTEXT: &[&str] = &[
    "input tokens exceeded",
    "exceeds maximum length",
    "too many tokens: size limit exceeded",
    "total length of all messages is too long",
    "string too long. expected a string with maximum length",
    "prompt: length",
    "prompt has too many tokens",
    "too many input tokens",
    "request payload size exceeds",
    "length limit exceeded",
    "maximum context length",
    "exceeds the context window",
    "prompt is too long",
    "input is too long",
    "exceeds the maximum number of tokens allowed",
    "exceeded max context length",
    "exceeds the available context size",
    "cannot be greater than max_model_len",
    "exceed context limit",
    "model's maximum context limit",
    "is longer than the model's context length",
    "input tokens exceed the configured limit",
    "tokens + `max_new_tokens` must be",
    "`inputs` must have less than",
    "current length is",
    "maximum input length is",
    "the model's context length is only",
    "the maximum supported sequence length is just",
    "maximum prompt length is",
    "longer than the maximum model length",
    "range of input length should be",
    "exceeded model token limit",
    "prompt exceeds max length",
    "cannot exceed the total tokens limit",
    "context window limit",
    "exceeds the context length",
];

const NOT_CONTEXT: &[&str] = &["string_above_max_length", "invalid 'user'"];

const POLICY: &[&str] = &[
    "violating our usage policy",
    "rejected as a result of the safety system",
    "content management policy",
    "the response was blocked",
    "requires moderation",
    "flagged for",
    "output blocked by content filtering policy",
    "rejected by the safety system",
    "as a result of our safety system",
    "content exists risk",
    "violates usage guidelines",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> ErrorKind {
        classify_body(status, body.as_bytes(), None).kind
    }

    #[test]
    fn the_code_decides_before_the_status_and_the_status_before_the_words() {
        for (status, body, want) in [
            (
                401,
                r#"{"error":{"message":"no","code":"invalid_api_key"}}"#,
                ErrorKind::Authentication,
            ),
            (429, r#"{"error":{"code":"insufficient_quota"}}"#, ErrorKind::QuotaExhausted),
            (
                429,
                r#"{"error":{"code":"rate_limit_exceeded","type":"tokens"}}"#,
                ErrorKind::RateLimited,
            ),
            (429, r#"{"message":"limited to 1000 API calls / month"}"#, ErrorKind::QuotaExhausted),
            (400, r#"{"error":{"code":"context_length_exceeded"}}"#, ErrorKind::ContextWindow),
            (
                400,
                r#"{"error":"This model's maximum context length is 8"}"#,
                ErrorKind::ContextWindow,
            ),
            (400, r#"{"error":{"code":"content_filter"}}"#, ErrorKind::ContentPolicy),
            (
                400,
                r#"{"code":"invalid-argument","error":"Incorrect API key provided"}"#,
                ErrorKind::Authentication,
            ),
            (400, r#"{"error":{"message":"odd","param":"n"}}"#, ErrorKind::BadRequest),
            (422, r#"{"detail":[{"loc":["body"]}]}"#, ErrorKind::BadRequest),
            (404, "not here", ErrorKind::NotFound),
            (404, r#"{"error":{"message":"no such model","param":"model"}}"#, ErrorKind::NotFound),
            (404, r#"{"error":{"message":"no such model","param":""}}"#, ErrorKind::NotFound),
            (
                404,
                r#"{"error":{"message":"Item not found","param":"input"}}"#,
                ErrorKind::BadRequest,
            ),
            (
                400,
                r#"{"error":{"message":"However, the model's context length is only 8 tokens"}}"#,
                ErrorKind::ContextWindow,
            ),
            (
                400,
                r#"{"error":{"message":"but the maximum supported sequence length is just 8!"}}"#,
                ErrorKind::ContextWindow,
            ),
            (403, r#"{"error":{"message":"Key limit exceeded"}}"#, ErrorKind::QuotaExhausted),
            (402, "", ErrorKind::QuotaExhausted),
            (403, "{}", ErrorKind::Permission),
            (408, "{}", ErrorKind::Timeout),
            (500, "<html>oops</html>", ErrorKind::Server),
            (502, "[]", ErrorKind::Server),
            (503, "null", ErrorKind::Overloaded),
            (529, "{}", ErrorKind::Overloaded),
            (302, "", ErrorKind::Server),
            (200, r#"{"error":{"message":"later","code":429}}"#, ErrorKind::RateLimited),
        ] {
            assert_eq!(kind(status, body), want, "{status} {body}");
        }
    }

    use ErrorKind as K;

    const WORDS: &[(u16, &str, K)] = &[
        (400, r#"{"error":{"code":"contentFilter"}}"#, K::ContentPolicy),
        (
            400,
            r#"{"error":{"inner_error":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            K::ContentPolicy,
        ),
        (
            400,
            r#"{"error":{"type":"image_generation_user_error","code":"moderation_blocked"}}"#,
            K::ContentPolicy,
        ),
        (400, r#"{"error":{"code":"data_inspection_failed"}}"#, K::ContentPolicy),
        (
            400,
            r#"{"error":{"message":"Content Exists Risk","code":"invalid_request_error"}}"#,
            K::ContentPolicy,
        ),
        (
            403,
            r#"{"code":"no permission","error":"Content violates usage guidelines."}"#,
            K::ContentPolicy,
        ),
        (
            403,
            r#"{"code":"no permission","error":"Your team doesn't have any credits or licenses yet."}"#,
            K::QuotaExhausted,
        ),
        (403, r#"{"errors":[{"code":"token_quota_reached","message":"no"}]}"#, K::QuotaExhausted),
        (400, r#"{"error":{"message":"Access denied","code":"Arrearage"}}"#, K::QuotaExhausted),
        (
            400,
            r#"{"error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}"#,
            K::QuotaExhausted,
        ),
        (
            429,
            r#"{"error":{"type":"exceeded_current_quota_error","message":"no"}}"#,
            K::QuotaExhausted,
        ),
        (
            429,
            r#"{"errors":[{"code":4006,"message":"you have used up your daily free allocation of 10,000 neurons"}]}"#,
            K::QuotaExhausted,
        ),
        (429, r#"{"error":{"type":"engine_overloaded_error","message":"no"}}"#, K::Overloaded),
        (
            429,
            r#"{"type":"service_tier_capacity_exceeded","code":"3505","message":"no"}"#,
            K::Overloaded,
        ),
        (498, r#"{"error":{"code":"capacity_exceeded","message":"no"}}"#, K::Overloaded),
        (403, r#"{"error_code":403,"message":"Invalid access token."}"#, K::Authentication),
        (400, r#"{"error":{"code":"organization_restricted","message":"no"}}"#, K::Permission),
        (400, r#"{"error":{"message":"This organization has been disabled."}}"#, K::Permission),
        (
            400,
            r#"{"type":"invalid_model","code":"1500","message":"Invalid model: x"}"#,
            K::NotFound,
        ),
        (400, r#"{"error":{"message":"x is not a valid model ID","code":400}}"#, K::NotFound),
        (
            400,
            r#"{"error":{"message":"Model Not Exist","code":"invalid_request_error"}}"#,
            K::NotFound,
        ),
        (400, r#"{"error":{"code":"model_decommissioned","message":"no"}}"#, K::NotFound),
        (410, r#"{"error":"no longer supported"}"#, K::NotFound),
        (
            424,
            r#"{"error":"Request failed during generation","error_type":"generation"}"#,
            K::Server,
        ),
        (
            400,
            r#"{"error":"This model's maximum prompt length is 8 but the request contains 9 tokens."}"#,
            K::ContextWindow,
        ),
        (
            400,
            r#"{"error":{"message":"Your request exceeded model token limit: 8192"}}"#,
            K::ContextWindow,
        ),
        (
            400,
            r#"{"error":{"message":"Range of input length should be [1, 129024]"}}"#,
            K::ContextWindow,
        ),
        (
            400,
            r#"{"error":{"message":"The decoder prompt (length 9) is longer than the maximum model length of 8."}}"#,
            K::ContextWindow,
        ),
        (400, r#"{"message":"Current length is 9 while limit is 8"}"#, K::ContextWindow),
        (400, r#"{"error":"the input length exceeds the context length"}"#, K::ContextWindow),
        (
            422,
            r#"{"error":"`inputs` must have less than 1024 tokens. Given: 2000"}"#,
            K::ContextWindow,
        ),
        (
            400,
            r#"{"errors":[{"code":"invalid","message":"the number of input tokens 9 cannot exceed the total tokens limit 8"}]}"#,
            K::ContextWindow,
        ),
    ];

    #[test]
    fn each_vendor_has_words_of_its_own() {
        for (status, body, want) in WORDS {
            assert_eq!(kind(*status, body), *want, "{status} {body}");
        }
    }

    #[test]
    fn a_bad_request_keeps_what_the_upstream_said() {
        let body = r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#;
        let error = classify_body(422, body.as_bytes(), None);
        assert_eq!((error.message(), error.client_status()), ("m", 422));
        assert_eq!(error.detail.param.as_deref(), Some("p"));
        assert_eq!(error.detail.code.as_deref(), Some("c"));
    }
}
