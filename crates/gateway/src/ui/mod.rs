//! `/ui`: how everything stands, as a page that needs nothing but this gateway.

use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};

const PAGE: &str = include_str!("page.html");
/// Nothing from elsewhere, nothing to elsewhere, and in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page. It is open to everybody and says nothing: what it shows it asks `/router/state` for,
/// with the key that its reader types.
pub(crate) async fn page() -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, Html(PAGE)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for outside in ["http://", "https://", "src=", "href=", "@import", "url(", "innerHTML"] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
    }
}
