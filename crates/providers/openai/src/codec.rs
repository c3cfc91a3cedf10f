//! The codec: pass-through, with the model's name and the key exchanged.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, OWN_FIELDS, Pieces, Speech, Target, Vendor,
    WholeReply, classify_body, classify_value, retry_after,
};
use pointsman_types::{Deployment, Error, ErrorKind, ExposeSecret, Operation};

use crate::{
    frames::ChunkFrames,
    wire::{Answer, UsageBody},
};

/// OpenAI's dialect for one vendor that speaks it.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiCodec {
    vendor: Vendor,
}

impl OpenAiCodec {
    /// The codec of one of [`crate::VENDORS`], or of a vendor of your own.
    pub fn new(vendor: &Vendor) -> Self {
        Self { vendor: *vendor }
    }

    fn broken(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::BadRequest, message).by(self.vendor.name)
    }
}

impl Codec for OpenAiCodec {
    fn vendor(&self) -> Vendor {
        self.vendor
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        Target::of(of, &self.vendor)
    }

    fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
        match what.operation {
            Operation::Messages | Operation::CountTokens => {
                Speech::No(format!("`{}` does not speak Anthropic's dialect", self.vendor.name))
            }
            _ => Speech::Native,
        }
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let body = &call.envelope;
        let replace = [("model", to.model_json.clone())];
        // The two names of one limit: a default for one must not meet the other.
        let defaults = to.params.iter().filter(|(name, _)| match name.as_str() {
            "max_tokens" => !body.has("max_completion_tokens"),
            "max_completion_tokens" => !body.has("max_tokens"),
            _ => true,
        });
        let pieces = if to.params.is_empty() {
            body.edited(&replace, OWN_FIELDS, &[])
        } else {
            let defaults: Vec<(String, String)> = defaults.cloned().collect();
            body.edited(&replace, OWN_FIELDS, &defaults)
        };
        let uri = format!("{}/{}", to.base, call.head.operation.path());
        let mut request = Request::post(uri)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(pieces)
            .map_err(|error| self.broken(format!("the upstream's address: {error}")))?;
        if let Some(organization) = &to.organization {
            let value = HeaderValue::from_str(organization)
                .map_err(|_| self.broken("`organization` cannot be sent as a header"))?;
            request.headers_mut().insert("openai-organization", value);
        }
        Ok(request)
    }

    fn sign(
        &self,
        _: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        _: Instant,
    ) -> Result<(), Error> {
        if let Credential::Key(key) = with {
            let bearer = format!("Bearer {}", key.expose_secret());
            let mut value = HeaderValue::from_str(&bearer).map_err(|_| {
                Error::new(ErrorKind::Authentication, "`api_key` cannot be sent as a header")
            })?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
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
            return Err(classify_body(status.as_u16(), &body, retry_after(headers, now)));
        }
        let malformed = |why: &str| {
            let message = format!("the upstream's answer cannot be used: {why}");
            Error::new(ErrorKind::Server, message).with_status(status.as_u16())
        };
        if body.is_empty() {
            return Err(malformed("it has no body"));
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| malformed(&error.to_string()))?;
        if answer.error.0 {
            let value = serde_json::from_slice(&body).unwrap_or_default();
            return Err(classify_value(status.as_u16(), &value));
        }
        match what.operation {
            Operation::Embeddings if !answer.data.0 => return Err(malformed("it has no `data`")),
            Operation::Chat | Operation::Completions if !answer.choices.0 => {
                return Err(malformed("it has no `choices`"));
            }
            _ => {}
        }
        let usage = answer.usage.0.as_ref().map(UsageBody::normal);
        Ok(WholeReply { headers: headers.clone(), body, usage })
    }

    fn frames(&self, _: &CallHead, _: Instant) -> Box<dyn Frames> {
        Box::new(ChunkFrames::default())
    }
}

#[cfg(test)]
mod tests {
    use pointsman_provider::{CallOptions, Envelope, Surface};

    use super::*;
    use crate::{OpenAiSurface, VENDORS};

    fn call(body: &str) -> Call {
        let envelope = Envelope::parse(body.to_owned().into()).unwrap();
        OpenAiSurface.read(Operation::Chat, envelope).unwrap()
    }

    fn target(change: impl FnOnce(&mut Deployment)) -> Target {
        let mut deployment = Deployment::new("g", "openai", "theirs");
        deployment.api_base = Some("http://host:1".into());
        change(&mut deployment);
        OpenAiCodec::new(&VENDORS[0]).target(&deployment).unwrap()
    }

    #[test]
    fn everything_but_the_model_and_our_own_fields_passes_through() {
        let codec = OpenAiCodec::new(&VENDORS[0]);
        let sent = call(
            r#"{"messages": [ {"role":"user","content":"\u00e9"} ], "new": {"a": 1.0e3},
 "timeout": 3, "model": "mine", "metadata": {"tags": ["x"]}}"#,
        );
        assert_eq!(
            sent.options,
            CallOptions {
                timeout: CallOptions::time(3.0),
                tags: vec!["x".into()],
                ..CallOptions::default()
            }
        );
        let request = codec.encode(&target(|_| ()), &sent).unwrap();
        assert_eq!(request.uri(), "http://host:1/v1/chat/completions");
        assert_eq!(
            request.body().to_bytes(),
            r#"{"messages": [ {"role":"user","content":"\u00e9"} ], "new": {"a": 1.0e3}, "model": "theirs", "metadata": {"tags": ["x"]}}"#
        );
    }

    #[test]
    fn defaults_yield_to_the_request() {
        let codec = OpenAiCodec::new(&VENDORS[0]);
        let to = target(|deployment| {
            deployment.params =
                vec![("max_tokens".into(), "7".into()), ("top_p".into(), "1".into())];
        });
        let sent = call(r#"{"model":"m","messages":[],"max_completion_tokens":5}"#);
        let body = codec.encode(&to, &sent).unwrap().body().to_bytes();
        assert_eq!(body, r#"{"top_p":1,"model":"theirs","messages":[],"max_completion_tokens":5}"#);
    }

    #[test]
    fn an_answer_that_cannot_be_used_is_the_upstreams_fault() {
        let codec = OpenAiCodec::new(&VENDORS[0]);
        let head = call(r#"{"model":"m","messages":[]}"#).head;
        let decode = |body: &'static str| {
            let body = Bytes::from_static(body.as_bytes());
            codec.decode(&head, StatusCode::OK, &HeaderMap::new(), body, Instant::EPOCH)
        };
        for body in ["", "<html>", "{}", r#"{"choices":[]}"#, r#"{"choices":null}"#, "[]"] {
            let error = decode(body).unwrap_err();
            assert_eq!((error.kind, error.client_status()), (ErrorKind::Server, 502), "{body}");
        }
        let reply = decode(r#"{"choices":[{}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#);
        assert_eq!(reply.unwrap().usage.unwrap().total(), 3);
    }

    #[test]
    fn the_key_is_sent_and_never_printed() {
        let codec = OpenAiCodec::new(&VENDORS[0]);
        let to = target(|deployment| deployment.api_key = Some("sk-planted".into()));
        let mut request = codec.encode(&to, &call(r#"{"model":"m","messages":[]}"#)).unwrap();
        let key = Credential::Key("sk-planted".into());
        codec.sign(&to, &mut request, &key, Instant::EPOCH).unwrap();
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer sk-planted");
        assert!(!format!("{request:?} {to:?} {key:?}").contains("planted"));
    }
}
