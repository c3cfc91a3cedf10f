//! Addresses as clients really write them.

use axum::extract::{Path, rejection::PathRejection};
use http::Uri;

/// What LiteLLM puts before a vendor's own addresses, and those that have a door here.
const DOORS: [(&str, &[&str]); 3] = [
    ("/anthropic", &["/v1/messages"]),
    ("/gemini", &["/v1beta"]),
    ("/cohere", &["/v1/rerank", "/v2/rerank"]),
];

/// Takes out the slash that a client doubles where it joins an address to a path that begins with
/// one, the one at the end, and the vendor before its own address.
pub(crate) fn straighten(uri: &mut Uri) {
    let path = uri.path();
    let straight = straight(path);
    if straight == path {
        return;
    }
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    if let Ok(straight) = format!("{straight}{query}").parse() {
        *uri = straight;
    }
}

/// The end of an address; what is no text is no model's name either.
pub(crate) fn text(of: Result<Path<String>, PathRejection>) -> String {
    of.map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string(), |Path(text)| text)
}

fn straight(path: &str) -> &str {
    let start = path.len() - path.trim_start_matches('/').len();
    let path = &path[start.saturating_sub(1)..];
    let path = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let behind = |(vendor, doors): &(&str, &[&str])| {
        let rest = path.strip_prefix(vendor)?;
        let is_door = |door: &&str| {
            rest.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        doors.iter().any(is_door).then_some(rest)
    };
    DOORS.iter().find_map(behind).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_are_taken_out() {
        for (given, want) in [
            ("/", "/"),
            ("//", "/"),
            ("/v1/models", "/v1/models"),
            ("//v1/models/?a=%20/", "/v1/models?a=%20/"),
            ("/v1/models/a//b/", "/v1/models/a//b"),
            ("*", "*"),
            ("/anthropic/v1/messages/count_tokens", "/v1/messages/count_tokens"),
            ("/anthropic/v1/messages?beta=true", "/v1/messages?beta=true"),
            ("/gemini/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
            ("/cohere/v2/rerank/", "/v2/rerank"),
            ("/anthropic/v1/messagesx", "/anthropic/v1/messagesx"),
            ("/anthropic/v1/files", "/anthropic/v1/files"),
        ] {
            let mut uri: Uri = given.parse().unwrap();
            straighten(&mut uri);
            assert_eq!(uri.to_string(), want);
        }
    }
}
