//! The codec.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, OWN_FIELDS, Pieces, Speech, Target, Vendor,
    WholeReply,
    chat::{Chat, Losses, translated},
    embeddings::Embeddings,
    secret_header,
};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Map, Value};

use crate::{decoder::ChatEvents, embed, errors, reply, request};

const fn vendor(name: &'static str) -> Vendor {
    Vendor {
        name,
        base: Some("https://api.cohere.com/v2"),
        version_path: "/v2",
        key_env: &["COHERE_API_KEY", "CO_API_KEY"],
        base_env: &["COHERE_API_BASE", "CO_API_URL"],
        needs_key: true,
    }
}

/// Cohere under LiteLLM's two prefixes; both speak version 2.
pub const VENDORS: &[Vendor] = &[vendor("cohere"), vendor("cohere_chat")];

/// Cohere's dialect.
#[derive(Clone, Copy, Debug)]
pub struct CohereCodec {
    vendor: Vendor,
}

impl CohereCodec {
    /// The codec of one of [`VENDORS`].
    pub fn new(vendor: &Vendor) -> Self {
        Self { vendor: *vendor }
    }
}

impl Codec for CohereCodec {
    fn vendor(&self) -> Vendor {
        self.vendor
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        let mut target = Target::of(of, &self.vendor)?;
        target.base = base_of(&target.base);
        Ok(target)
    }

    fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
        match what.operation {
            Operation::Rerank => Speech::Native,
            operation if operation.is_count() => Speech::Estimated,
            operation if operation.is_chat() || operation.is_embeddings() => Speech::Translated,
            operation => Speech::No(format!("Cohere has no {}", operation.path())),
        }
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let (path, body) = match call.head.operation {
            Operation::Rerank => ("rerank", passed_through(to, call)),
            operation if operation.is_embeddings() => ("embed", embeddings(to, call)?),
            _ => ("chat", chat(to, call)?),
        };
        Request::post(format!("{}/{path}", to.base))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
            .map_err(|error| {
                let message = format!("the upstream's address: {error}");
                Error::new(ErrorKind::BadRequest, message)
            })
    }

    fn sign(
        &self,
        _: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        _: Instant,
    ) -> Result<(), Error> {
        if let Credential::Key(key) | Credential::Bearer(key) = with {
            request.headers_mut().insert(AUTHORIZATION, secret_header("Bearer ", key)?);
        }
        Ok(())
    }

    fn decode(
        &self,
        what: &CallHead,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        now: Instant,
    ) -> Result<WholeReply, Error> {
        if !status.is_success() {
            return Err(errors::of(status.as_u16(), headers, &body, now));
        }
        match what.operation {
            Operation::Rerank => {
                let usage = reply::ranked(&body)?;
                Ok(WholeReply { headers: headers.clone(), body, usage })
            }
            operation if operation.is_embeddings() => Ok(embed::read(&body)?.whole(what, headers)),
            _ => Ok(reply::read(&body)?.whole(what, headers, now)),
        }
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        translated(what, now, ChatEvents::default())
    }
}

/// The base below which version 2 is: LiteLLM's `api_base` names a whole endpoint, and of the two
/// versions only the second is spoken.
fn base_of(base: &str) -> String {
    let endpoints = ["/chat", "/embed", "/rerank"];
    let base = endpoints.iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base);
    base.strip_suffix("/v1").map_or_else(|| base.to_owned(), |host| format!("{host}/v2"))
}

/// The caller's own body. Of the defaults those apply that mean something here.
fn passed_through(to: &Target, call: &Call) -> Pieces {
    const KNOWN: [&str; 3] = ["max_tokens_per_doc", "priority", "top_n"];
    let known = to.params.iter().filter(|(name, _)| KNOWN.contains(&name.as_str()));
    let defaults: Vec<(String, String)> = known.cloned().collect();
    let dropped = to.dropped();
    let cut: Vec<&str> =
        OWN_FIELDS.iter().copied().chain(dropped.iter().map(String::as_str)).collect();
    call.envelope.edited(&[("model", to.model_json.clone())], &cut, &defaults)
}

fn chat(to: &Target, call: &Call) -> Result<Pieces, Error> {
    let chat = Chat::of(call, to)?;
    let mut losses = Losses::of(to);
    let stream = chat.stream;
    let mut body = request::write(chat, &mut losses);
    losses.settle()?;
    if stream {
        body.insert("stream".into(), true.into());
    }
    Ok(pieces(to, body))
}

fn embeddings(to: &Target, call: &Call) -> Result<Pieces, Error> {
    let mut losses = Losses::of(to);
    let body = embed::write(Embeddings::of(call, to)?, &mut losses);
    losses.settle()?;
    Ok(pieces(to, body))
}

fn pieces(to: &Target, mut body: Map<String, Value>) -> Pieces {
    body.insert("model".into(), to.model.as_str().into());
    Bytes::from(Value::Object(body).to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::base_of;

    #[test]
    fn an_address_may_name_an_endpoint_or_the_older_version() {
        for (given, want) in [
            ("https://api.cohere.com/v2", "https://api.cohere.com/v2"),
            ("https://api.cohere.com/v2/chat", "https://api.cohere.com/v2"),
            ("https://api.cohere.ai/v1/embed", "https://api.cohere.ai/v2"),
            ("http://host:1/cohere", "http://host:1/cohere"),
        ] {
            assert_eq!(base_of(given), want);
        }
    }
}
