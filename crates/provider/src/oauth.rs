//! Tokens of OAuth's issuers.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pointsman_clock::Instant;
use pointsman_types::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::Value;

use crate::{Credential, Issued, Pieces, Transport, collect};

/// What is sent as it is in a path and in a form.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest answer of an issuer that is read, in bytes.
const LONGEST: usize = 1 << 20;
/// How long a token is good whose issuer does not say.
const LIFE: Duration = Duration::from_hours(1);
/// No token is believed to be good for longer.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// A text as one segment of a path, or as a value in a query or a form.
///
/// ```
/// assert_eq!(pointsman_provider::escaped("a b/~"), "a%20b%2F~");
/// ```
pub fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// A request that asks an issuer with a form of these fields.
///
/// # Errors
///
/// Kind `Authentication`, when the address is none.
pub fn form_request(uri: &Uri, fields: &[(&str, &str)]) -> Result<Request<Pieces>, Error> {
    let field = |(name, value): &(&str, &str)| format!("{name}={}", escaped(value));
    let form = fields.iter().map(field).collect::<Vec<_>>().join("&");
    Request::post(uri.clone())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form).into())
        .map_err(|error| Error::new(ErrorKind::Authentication, format!("{uri}: {error}")))
}

/// Asks an issuer, and returns what it answers.
///
/// # Errors
///
/// In the issuer's words: kind `Authentication` where it refuses, `Connection` where it cannot be
/// asked or cannot answer.
pub async fn ask_issuer(
    over: &dyn Transport,
    request: Request<Pieces>,
    issuer: &str,
) -> Result<Bytes, Error> {
    let unreachable = |error: Error| {
        let message = format!("{issuer} cannot be asked for a token: {}", error.message());
        Error::new(ErrorKind::Connection, message).with_source(error)
    };
    let (head, body) = over.send(request).await.map_err(unreachable)?.into_parts();
    let body = collect(&head.headers, body, LONGEST).await.map_err(unreachable)?;
    if head.status.is_success() {
        return Ok(body);
    }
    let status = head.status.as_u16();
    let kind = match status {
        408 | 429 | 500.. => ErrorKind::Connection,
        _ => ErrorKind::Authentication,
    };
    let said = refusal(&body).unwrap_or_else(|| format!("status {status}"));
    Err(Error::new(kind, format!("{issuer} gives no token: {said}")).with_status(status))
}

/// A token, by OAuth's own rules.
///
/// # Errors
///
/// As [`ask_issuer`], and kind `Connection` for an answer without a token.
pub async fn oauth_token(
    over: &dyn Transport,
    request: Request<Pieces>,
    issuer: &str,
    now: Instant,
) -> Result<Issued, Error> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        expires_in: Option<Value>,
        expires_on: Option<Value>,
    }
    let body = ask_issuer(over, request, issuer).await?;
    // What came is not told: it may be a token.
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| unread(issuer))?;
    // Azure's machines say it in a string, some of them as a moment.
    let whole = |told: Option<Value>| match told? {
        Value::String(text) => text.parse().ok(),
        told => told.as_u64(),
    };
    let until = whole(answer.expires_on).map(Instant::from_secs);
    let life = whole(answer.expires_in).map(Duration::from_secs);
    let life = life.or(until.map(|until| until.since(now))).unwrap_or(LIFE);
    let credential = Credential::Bearer(answer.access_token.into());
    Ok(Issued { credential, until: Some(now + life.min(LONGEST_LIFE)) })
}

/// The error for an issuer's answer that has not what it should; its text is not told, for it may
/// be a secret.
pub fn unread(issuer: &str) -> Error {
    Error::new(ErrorKind::Connection, format!("{issuer} gives no token: the answer has none"))
}

/// Why an issuer refuses, in its words: OAuth's, IBM's, or those of Google's other interfaces.
fn refusal(body: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let word = |at: &str| said.pointer(at).and_then(Value::as_str).filter(|word| !word.is_empty());
    let code = ["/error", "/error/status", "/errorCode"].into_iter().find_map(word);
    let why = ["/error_description", "/error/message", "/errorMessage"].into_iter().find_map(word);
    let said: Vec<&str> = [code, why].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(": ").chars().take(500).collect())
}
