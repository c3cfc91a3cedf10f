//! The codec.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, Pieces, Speech, Target, Vendor, WholeReply,
    chat::{Chat, Losses, translated},
    embeddings::Embeddings,
    secret_header,
};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Map, Value};

use crate::{decoder::ChatLines, embed, errors, generate, reply, request};

const fn vendor(name: &'static str) -> Vendor {
    Vendor {
        name,
        base: Some("http://localhost:11434"),
        version_path: "",
        key_env: &["OLLAMA_API_KEY"],
        base_env: &["OLLAMA_API_BASE", "OLLAMA_HOST"],
        needs_key: false,
    }
}

/// Ollama under LiteLLM's two prefixes; both speak `/api/chat` for chat.
pub const VENDORS: &[Vendor] = &[vendor("ollama"), vendor("ollama_chat")];

/// Ollama's dialect.
#[derive(Clone, Copy, Debug)]
pub struct OllamaCodec {
    vendor: Vendor,
}

impl OllamaCodec {
    /// The codec of one of [`VENDORS`].
    pub fn new(vendor: &Vendor) -> Self {
        Self { vendor: *vendor }
    }
}

impl Codec for OllamaCodec {
    fn vendor(&self) -> Vendor {
        self.vendor
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        let mut of = of.clone();
        of.api_base = of.api_base.as_deref().map(base_of);
        Target::of(&of, &self.vendor)
    }

    fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
        match what.operation {
            Operation::Completions => Speech::Translated,
            operation if operation.is_count() => Speech::Estimated,
            operation if operation.is_chat() || operation.is_embeddings() => Speech::Translated,
            operation => Speech::No(format!("Ollama has no {}", operation.path())),
        }
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let mut losses = Losses::of(to);
        let (path, mut body) = match call.head.operation {
            Operation::Completions => ("generate", generate::write(call, to, &mut losses)?),
            operation if operation.is_embeddings() => {
                ("embed", embed::write(Embeddings::of(call, to)?, &mut losses)?)
            }
            _ => ("chat", request::write(Chat::of(call, to)?, &to.model, &mut losses)?),
        };
        losses.settle()?;
        body.insert("model".into(), to.model.as_str().into());
        Request::post(format!("{}/api/{path}", to.base))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(pieces(body))
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
            Operation::Completions => generate::read(&body, what, headers, now),
            operation if operation.is_embeddings() => Ok(embed::read(&body)?.whole(what, headers)),
            _ => Ok(reply::read(&body, now)?.whole(what, headers, now)),
        }
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        match what.operation {
            Operation::Completions => Box::new(generate::TextFrames::new(what, now)),
            _ => translated(what, now, ChatLines::new(now)),
        }
    }

    fn streams_json(&self) -> bool {
        true
    }
}

fn pieces(body: Map<String, Value>) -> Pieces {
    Bytes::from(Value::Object(body).to_string()).into()
}

/// The server's address: `api_base` may name an endpoint, as in LiteLLM, and `OLLAMA_HOST` may
/// leave out scheme and port, or be the address that a server listens on.
fn base_of(given: &str) -> String {
    let given = given.trim().trim_end_matches('/');
    let ends = ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api"];
    let base = ends.iter().find_map(|end| given.strip_suffix(end)).unwrap_or(given);
    if base.contains("://") {
        return base.to_owned();
    }
    // A colon within brackets is no port's.
    let behind = base.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match base[behind..].rfind(':') {
        Some(at) => (&base[..behind + at], &base[behind + at + 1..]),
        None => (base, "11434"),
    };
    let host = if matches!(host, "" | "0.0.0.0" | "[::]") { "127.0.0.1" } else { host };
    format!("http://{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::base_of;

    #[test]
    fn an_address_may_be_short_or_name_an_endpoint() {
        for (given, want) in [
            ("http://host:1/", "http://host:1"),
            ("https://ollama.com/api", "https://ollama.com"),
            ("http://host:1/api/generate", "http://host:1"),
            ("http://host/prefix", "http://host/prefix"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            (":8080", "http://127.0.0.1:8080"),
            ("box", "http://box:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::]:5", "http://127.0.0.1:5"),
        ] {
            assert_eq!(base_of(given), want);
        }
    }
}
