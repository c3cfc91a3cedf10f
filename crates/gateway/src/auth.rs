//! Who may pass.

use std::{collections::HashMap, sync::Arc};

use axum::response::Response;
use http::{HeaderMap, HeaderValue, Uri, header::AUTHORIZATION};
use pointsman::{
    config::{CallerSpec, ServerSpec},
    types::{Error, ErrorKind, ExposeSecret},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{app::App, failure, google::address, routes};

/// Where LiteLLM's callers may present theirs.
const LITELLMS: &str = "x-litellm-api-key";
/// Where Google's clients present their key.
const GOOGLES: &str = "x-goog-api-key";

/// Who may pass, by the digests of their keys: what is compared says nothing of a key, not even its
/// length.
#[derive(Debug, Default)]
pub(crate) struct Door {
    master: Option<[u8; 32]>,
    callers: HashMap<[u8; 32], Arc<Caller>>,
}

/// A caller with a key of its own.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) name: String,
    /// The names that it may ask for, with `*` for anything; empty: all.
    models: Vec<String>,
}

impl Door {
    pub(crate) fn new(server: &ServerSpec) -> Self {
        let caller = |of: &CallerSpec| {
            let caller = Caller { name: of.name.clone(), models: of.models.clone() };
            (of.hash, Arc::new(caller))
        };
        Self {
            master: server.master_key.as_ref().map(|key| digest(key.expose_secret())),
            callers: server.keys.iter().map(caller).collect(),
        }
    }

    /// Whether a key is needed.
    pub(crate) fn is_locked(&self) -> bool {
        self.master.is_some()
    }

    /// Whether a caller who presents this key may pass.
    pub(crate) fn admits<'a>(&self, presented: impl FnOnce() -> Option<&'a str>) -> bool {
        let Some(master) = &self.master else { return true };
        let Some(key) = presented().map(digest) else { return false };
        bool::from(master.ct_eq(&key)) || self.callers.contains_key(&key)
    }

    /// The caller whose key this is.
    pub(crate) fn caller<'a>(
        &self,
        presented: impl FnOnce() -> Option<&'a str>,
    ) -> Option<Arc<Caller>> {
        if self.callers.is_empty() {
            return None;
        }
        self.callers.get(&digest(presented()?)).cloned()
    }
}

impl Caller {
    /// Whether it may ask for this name.
    pub(crate) fn may_ask(&self, model: &str) -> bool {
        let matches = |pattern: &String| match pattern.split_once('*') {
            None => pattern == model,
            Some((head, tail)) => {
                model.len() >= head.len() + tail.len()
                    && model.starts_with(head)
                    && model.ends_with(tail)
            }
        };
        self.models.is_empty() || self.models.iter().any(matches)
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// What a request is told that may not pass; every path but the open ones needs the key, if one is
/// set, whether there is anything at it or not.
pub(crate) fn refusal(app: &App, path: &str, headers: &HeaderMap) -> Option<Response> {
    if routes::is_open(path) || app.admits(|| presented(headers)) {
        return None;
    }
    let told = match presented(headers) {
        None => {
            "no key: send `Authorization: Bearer KEY`, `x-api-key`, `api-key`, `x-goog-api-key` or \
             `x-litellm-api-key`"
        }
        Some(_) => "the key is not valid here",
    };
    let error = Error::new(ErrorKind::Authentication, told).with_code("invalid_api_key");
    Some(failure::plain(failure::surface_at(path), &error))
}

/// The key that a request presents.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&str> {
    fn token(text: &str) -> Option<&str> {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }
    let plain = |name: &&str| headers.get(*name).and_then(|value| value.to_str().ok());
    let bearer = headers.get(AUTHORIZATION).and_then(|value| token(value.to_str().ok()?));
    // It is for who has to say something else in `authorization`.
    let litellms = plain(&LITELLMS).map(|text| token(text).unwrap_or(text));
    let named = ["x-api-key", "api-key", GOOGLES];
    litellms.or(bearer).or_else(|| named.iter().find_map(plain))
}

/// Takes the key that a request presents in its address, as Google's may, for one in its headers:
/// from there on there is one way to present it.
pub(crate) fn take_from_address(uri: &Uri, headers: &mut HeaderMap) {
    let Some(key) = uri.query().and_then(|query| address::parameter(query, "key")) else { return };
    if !address::may_be_googles(uri.path()) || presented(headers).is_some() {
        return;
    }
    if let Ok(mut value) = HeaderValue::from_str(&key) {
        value.set_sensitive(true);
        headers.insert(GOOGLES, value);
    }
}
