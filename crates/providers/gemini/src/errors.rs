//! What Google's errors mean: `google.rpc.Status`, with the details that say more than its code.

use std::time::Duration;

use pointsman_provider::{classify_body, classify_value, classify_words};
use pointsman_types::{Error, ErrorKind};
use serde_json::{Value, json};

/// The longest wait that is believed, in seconds.
const LONGEST: f64 = 86_400.0;

/// An error answer; `retry_after` is what its headers say.
pub(crate) fn classify(status: u16, body: &[u8], retry_after: Option<Duration>) -> Error {
    match serde_json::from_slice::<Value>(body) {
        // A call for a stream is refused in an array.
        Ok(Value::Array(list)) => of(status, list.first().unwrap_or(&Value::Null), retry_after),
        Ok(value) => of(status, &value, retry_after),
        Err(_) => classify_body(status, body, retry_after),
    }
}

/// An error within an answer; its status is inside.
pub(crate) fn within(error: &Value) -> Error {
    of(200, &json!({"error": error}), None)
}

fn of(status: u16, value: &Value, retry_after: Option<Duration>) -> Error {
    let mut error = classify_value(status, value);
    let said = &value["error"];
    let Some(code) = said["status"].as_str() else { return error.with_retry_after(retry_after) };
    let details = Details::read(said);
    if let Some(kind) = kind(code, &details, error.message()) {
        error.kind = kind;
    }
    // A kind has a code of its own, which callers know; a plain mistake has Google's.
    let plain = error.kind == ErrorKind::BadRequest;
    error.detail.code = plain.then(|| details.reason.clone().unwrap_or_else(|| code.to_owned()));
    error.detail.type_name = Some(code.to_owned());
    error.detail.param = details.field;
    error.with_retry_after(details.retry_delay.or(retry_after))
}

#[derive(Debug, Default)]
struct Details {
    /// `ErrorInfo.reason`, such as `API_KEY_INVALID`.
    reason: Option<String>,
    /// `RetryInfo.retryDelay`.
    retry_delay: Option<Duration>,
    /// Which quotas are used up.
    quotas: Vec<String>,
    /// The first member at fault.
    field: Option<String>,
}

impl Details {
    fn read(error: &Value) -> Self {
        let mut read = Self::default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        for detail in error["details"].as_array().into_iter().flatten() {
            read.reason = read.reason.or_else(|| text(&detail["reason"]));
            read.retry_delay = read.retry_delay.or_else(|| duration(&detail["retryDelay"]));
            read.quotas.extend(text(&detail["metadata"]["quota_limit"]));
            for violation in detail["violations"].as_array().into_iter().flatten() {
                read.quotas.extend(text(&violation["quotaId"]));
            }
            read.field = read.field.or_else(|| text(&detail["fieldViolations"][0]["field"]));
        }
        read
    }

    fn says(&self, span: &str) -> bool {
        self.quotas.iter().any(|quota| quota.contains(span))
    }
}

/// `34.4s`.
fn duration(value: &Value) -> Option<Duration> {
    let seconds: f64 = value.as_str()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds.min(LONGEST)).ok().filter(|after| !after.is_zero())
}

fn kind(code: &str, details: &Details, message: &str) -> Option<ErrorKind> {
    match details.reason.as_deref() {
        Some("API_KEY_INVALID" | "ACCESS_TOKEN_EXPIRED" | "ACCOUNT_STATE_INVALID") => {
            return Some(ErrorKind::Authentication);
        }
        Some("BILLING_DISABLED") => return Some(ErrorKind::QuotaExhausted),
        _ => {}
    }
    Some(match code {
        "UNAUTHENTICATED" => ErrorKind::Authentication,
        "PERMISSION_DENIED" => ErrorKind::Permission,
        "NOT_FOUND" => ErrorKind::NotFound,
        "RESOURCE_EXHAUSTED" => exhausted(details, message),
        "UNAVAILABLE" => ErrorKind::Overloaded,
        "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
        // Cancelled by Google: the caller is still there.
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" | "CANCELLED" | "ABORTED" | "UNIMPLEMENTED" => {
            ErrorKind::Server
        }
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => wrong(message),
        _ => return None,
    })
}

/// A quota for a day, or the account's credit, is not back within a minute.
fn exhausted(details: &Details, message: &str) -> ErrorKind {
    if details.says("PerDay") {
        return ErrorKind::QuotaExhausted;
    }
    let soon = details.says("PerMinute")
        || details.reason.as_deref() == Some("RATE_LIMIT_EXCEEDED")
        || details.retry_delay.is_some();
    if soon { ErrorKind::RateLimited } else { classify_words(429, message) }
}

fn wrong(message: &str) -> ErrorKind {
    let lower = message.to_lowercase();
    let too_long = lower.contains("input token count")
        && (lower.contains("only supports up to") || lower.contains("exceeds"));
    if too_long { ErrorKind::ContextWindow } else { classify_words(400, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str =
        "The input token count (9) exceeds the maximum number of tokens allowed (8).";
    const LONG_AT_VERTEX: &str = "Unable to submit request because the input token count is 9 \
        but model only supports up to 8.";
    const QUOTA: &str = "You exceeded your current quota, please check your plan.";

    fn error(status: u16, code: &str, message: &str, details: &Value) -> Error {
        let error = json!({"code": status, "status": code, "message": message, "details": details});
        let body = json!({"error": error}).to_string();
        let listed = classify(status, json!([{"error": error}]).to_string().as_bytes(), None);
        let plain = classify(status, body.as_bytes(), None);
        assert_eq!((listed.kind, listed.message()), (plain.kind, plain.message()));
        plain
    }

    #[test]
    fn the_code_decides() {
        for (status, code, message, want) in [
            (400, "INVALID_ARGUMENT", LONG, ErrorKind::ContextWindow),
            (400, "INVALID_ARGUMENT", LONG_AT_VERTEX, ErrorKind::ContextWindow),
            (400, "INVALID_ARGUMENT", "Cached content is too small.", ErrorKind::BadRequest),
            (400, "FAILED_PRECONDITION", "User location", ErrorKind::BadRequest),
            (401, "UNAUTHENTICATED", "", ErrorKind::Authentication),
            (404, "NOT_FOUND", "", ErrorKind::NotFound),
            (429, "RESOURCE_EXHAUSTED", QUOTA, ErrorKind::QuotaExhausted),
            (429, "RESOURCE_EXHAUSTED", "Please try again later.", ErrorKind::RateLimited),
            (499, "CANCELLED", "", ErrorKind::Server),
            (500, "INTERNAL", "", ErrorKind::Server),
            (503, "UNAVAILABLE", "The model is overloaded.", ErrorKind::Overloaded),
            (504, "DEADLINE_EXCEEDED", "", ErrorKind::Timeout),
        ] {
            assert_eq!(error(status, code, message, &json!([])).kind, want, "{code} {message}");
        }
    }

    #[test]
    fn the_details_decide_first() {
        let kind = |status, code, message, details| error(status, code, message, &details).kind;
        let reason = |status, code, reason: &str| {
            kind(status, code, "", json!([{"@type": "ErrorInfo", "reason": reason}]))
        };
        let key = reason(400, "INVALID_ARGUMENT", "API_KEY_INVALID");
        assert_eq!(key, ErrorKind::Authentication);
        let disabled = reason(403, "PERMISSION_DENIED", "SERVICE_DISABLED");
        assert_eq!(disabled, ErrorKind::Permission);
        let billing = reason(403, "PERMISSION_DENIED", "BILLING_DISABLED");
        assert_eq!(billing, ErrorKind::QuotaExhausted);
        let quota = |id: &str| {
            let details = json!([{"violations": [{"quotaId": id}]}]);
            kind(429, "RESOURCE_EXHAUSTED", QUOTA, details)
        };
        assert_eq!(quota("RequestsPerMinutePerProject"), ErrorKind::RateLimited);
        assert_eq!(quota("RequestsPerDayPerProject"), ErrorKind::QuotaExhausted);
    }

    #[test]
    fn the_delay_is_read_where_google_says_it() {
        let details = json!([{"retryDelay": "34.4s"}]);
        let error = error(429, "RESOURCE_EXHAUSTED", "", &details);
        assert_eq!(error.detail.retry_after, Some(Duration::from_millis(34_400)));
        assert_eq!(error.detail.code, None, "callers know the kind's");
        for odd in ["0s", "-1s", "NaNs", "infs", "1m", "s"] {
            let found = duration(&json!(odd));
            assert!(found.is_none_or(|after| after.as_secs() == 86_400), "{odd} {found:?}");
        }
    }
}
