//! Who may pass.

use axum::response::Response;
use http::{HeaderMap, header::AUTHORIZATION};
use pointsman::types::{Error, ErrorKind, ExposeSecret, Secret};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{app::App, failure, routes};

/// A key as its digest: what is compared says nothing of the key, not even its length.
#[derive(Clone, Debug)]
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    pub(crate) fn of(key: &Secret) -> Self {
        Self(Sha256::digest(key.expose_secret().as_bytes()).into())
    }

    pub(crate) fn is(&self, key: &str) -> bool {
        let other: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        self.0.ct_eq(&other).into()
    }
}

/// What a request is told that may not pass; every path but the open ones needs the key, if one is
/// set, whether there is anything at it or not.
pub(crate) fn refusal(app: &App, path: &str, headers: &HeaderMap) -> Option<Response> {
    if routes::is_open(path) || app.admits(|| presented(headers)) {
        return None;
    }
    let told = match presented(headers) {
        None => "no key: send `Authorization: Bearer KEY`, `x-api-key` or `api-key`",
        Some(_) => "the key is not valid here",
    };
    let error = Error::new(ErrorKind::Authentication, told).with_code("invalid_api_key");
    Some(failure::plain(app, &error))
}

/// The key that a request presents.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let plain = |name| headers.get(name).and_then(|value| value.to_str().ok());
    bearer.or_else(|| plain("x-api-key")).or_else(|| plain("api-key"))
}
