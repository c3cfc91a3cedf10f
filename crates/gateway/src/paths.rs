//! Addresses as clients really write them.

use axum::extract::{Path, rejection::PathRejection};
use http::Uri;

/// Takes out the slash that a client doubles where it joins an address to a path that begins with
/// one, and the one at the end.
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
    if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path }
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
        ] {
            let mut uri: Uri = given.parse().unwrap();
            straighten(&mut uri);
            assert_eq!(uri.to_string(), want);
        }
    }
}
