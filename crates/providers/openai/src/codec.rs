//! The codec: pass-through, with the model's name and the key exchanged; other dialects than
//! OpenAI's by way of the neutral form.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, Lack, Pieces, Speech, Target, Vendor, WholeReply,
    chat::{
        Chat, Losses,
        openai::{ChunkDecoder, read_reply, write_request},
        translated,
    },
    classify_body,
    embeddings::{self, Embeddings},
    retry_after, secret_header,
};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::Value;

use crate::{
    answers,
    dialect::Dialect,
    edits,
    frames::{ChunkFrames, ResponseFrames},
    snowflake,
};

/// OpenAI's dialect for one vendor that speaks it.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiCodec {
    dialect: Dialect,
}

impl OpenAiCodec {
    /// The codec of one of [`crate::VENDORS`], or of a vendor of your own.
    pub fn new(dialect: &Dialect) -> Self {
        Self { dialect: *dialect }
    }

    /// Whether an answer is relayed as it comes.
    fn relays(&self, operation: Operation) -> bool {
        let told_otherwise = operation == Operation::Chat && self.dialect.rewrites_answers;
        !told_otherwise && self.dialect.has(operation)
    }

    /// The path and the body of a request, with its type.
    pub(crate) fn body(
        &self,
        to: &Target,
        call: &Call,
    ) -> Result<(&'static str, HeaderValue, Pieces), Error> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let operation = call.head.operation;
        if self.speaks(to, &call.head) == Speech::Translated {
            return Ok(if operation.is_embeddings() {
                (Operation::Embeddings.path(), JSON, vectors(to, call)?)
            } else {
                (Operation::Chat.path(), JSON, self.written(to, call)?)
            });
        }
        if let Some(form) = &call.form {
            let (kind, pieces) = form.write(&edits::fields(to, call)?);
            let kind =
                HeaderValue::from_str(&kind).map_err(|error| self.broken(error.to_string()))?;
            return Ok((operation.path(), kind, pieces));
        }
        if operation == Operation::Chat && edits::wants_rewrite(&self.dialect, call) {
            return Ok((operation.path(), JSON, self.written(to, call)?));
        }
        Ok((operation.path(), JSON, edits::passed_through(&self.dialect, to, call)))
    }

    fn written(&self, to: &Target, call: &Call) -> Result<Pieces, Error> {
        let mut losses = Losses::of(to);
        let chat = Chat::of(call, to)?;
        let mut body = write_request(chat, &to.model, self.dialect.taste, &mut losses);
        losses.settle()?;
        body.insert("model".into(), to.model.as_str().into());
        edits::rename(&self.dialect, &mut body);
        if self.dialect.strict_messages {
            edits::for_mistral(&mut body);
        }
        Ok(Bytes::from(Value::Object(body).to_string()).into())
    }

    pub(crate) fn broken(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::BadRequest, message).by(self.dialect.vendor.name)
    }
}

impl Codec for OpenAiCodec {
    fn vendor(&self) -> Vendor {
        self.dialect.vendor
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        if self.dialect.vendor.name == snowflake::NAME {
            return Target::of(&snowflake::at_cortex(of), &self.dialect.vendor);
        }
        Target::of(of, &self.dialect.vendor)
    }

    fn at(&self, to: &Target) -> Option<Self> {
        let dialect = self.dialect.at(to);
        (dialect != self.dialect).then_some(Self { dialect })
    }

    fn lack(&self, to: &Target, call: &Call, refused: &Error) -> Option<Lack> {
        self.dialect.at(to).lack(to, call, refused)
    }

    fn speaks(&self, to: &Target, what: &CallHead) -> Speech {
        let operation = what.operation;
        // Whoever gives another address than the vendor's knows what is served there.
        let elsewhere = operation == Operation::Rerank && self.dialect.is_elsewhere(to);
        if self.dialect.has(operation) || elsewhere {
            return Speech::Native;
        }
        if operation.is_count() {
            return Speech::Estimated;
        }
        let vectors = operation.is_embeddings() && self.dialect.has(Operation::Embeddings);
        if operation.is_chat() || vectors {
            return Speech::Translated;
        }
        Speech::No(format!("`{}` has no {}", to.vendor, operation.path()))
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let (path, kind, body) = self.body(to, call)?;
        let mut request = Request::post(format!("{}/{path}", to.base))
            .header(CONTENT_TYPE, kind)
            .body(body)
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
        if let Credential::Key(key) | Credential::Bearer(key) = with {
            if self.dialect.vendor.name == snowflake::NAME {
                return snowflake::sign(request.headers_mut(), key);
            }
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
            let error = classify_body(status.as_u16(), &body, retry_after(headers, now));
            return Err(self.dialect.classified(error));
        }
        let by_chat = what.operation.is_chat() && !self.relays(what.operation);
        if by_chat {
            return Ok(read_reply(&body)?.whole(what, headers, now));
        }
        if what.operation.is_embeddings() && !self.relays(what.operation) {
            return Ok(embeddings::openai::read_reply(&body)?.whole(what, headers));
        }
        let usage = answers::peek(what, status, headers, &body)?;
        Ok(WholeReply { headers: headers.clone(), body, usage })
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        match what.operation {
            operation if operation.is_chat() && !self.relays(operation) => {
                translated(what, now, ChunkDecoder::new())
            }
            Operation::Responses => Box::new(ResponseFrames::default()),
            Operation::Chat | Operation::Completions => {
                Box::new(ChunkFrames::new(what.include_usage))
            }
            _ => Box::new(ChunkFrames::of_something_else(what.include_usage)),
        }
    }
}

/// A call for vectors of a caller who speaks another dialect.
fn vectors(to: &Target, call: &Call) -> Result<Pieces, Error> {
    let mut losses = Losses::of(to);
    let mut body = embeddings::openai::write_request(Embeddings::of(call, to)?, &mut losses);
    losses.settle()?;
    body.insert("model".into(), to.model.as_str().into());
    Ok(Bytes::from(Value::Object(body).to_string()).into())
}

#[cfg(test)]
mod tests {
    use pointsman_provider::{CallOptions, Envelope, Surface, surfaces::OpenAiSurface};

    use super::*;
    use crate::VENDORS;

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
 "timeout": 3, "model": "mine", "metadata": {"tags": ["x"], "k" : "v"}}"#,
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
            r#"{"messages": [ {"role":"user","content":"\u00e9"} ], "new": {"a": 1.0e3}, "model": "theirs", "metadata": {"k" : "v"}}"#
        );
    }

    #[test]
    fn usage_is_asked_for_where_the_caller_did_not() {
        let codec = OpenAiCodec::new(&VENDORS[0]);
        let sent =
            |body: &str| codec.encode(&target(|_| ()), &call(body)).unwrap().into_body().to_bytes();
        assert_eq!(
            sent(r#"{"model":"m","messages":[],"stream":true}"#),
            r#"{"stream_options":{"include_usage":true},"model":"theirs","messages":[],"stream":true}"#
        );
        for options in [r#"{"include_usage":false,"x":1}"#, r#"{"x":1}"#] {
            let body = format!(
                r#"{{"model":"m","messages":[],"stream":true,"stream_options":{options}}}"#
            );
            let sent: Value = serde_json::from_slice(&sent(&body)).unwrap();
            let wanted = serde_json::json!({"include_usage": true, "x": 1});
            assert_eq!(sent["stream_options"], wanted);
        }
        let asked = r#"{"model":"theirs","messages":[],"stream":true,"stream_options": {"include_usage": true}}"#;
        assert_eq!(sent(asked), asked);
        let whole = r#"{"model":"theirs","messages":[],"stream":false}"#;
        assert_eq!(sent(whole), whole);
        let with_default = target(|deployment| {
            deployment.params = vec![("stream_options".into(), r#"{"x":2}"#.into())];
        });
        let body = r#"{"model":"theirs","messages":[],"stream":true}"#;
        let sent = codec.encode(&with_default, &call(body)).unwrap().into_body().to_bytes();
        let wanted = r#"{"stream_options":{"x":2,"include_usage":true},"model":"theirs","messages":[],"stream":true}"#;
        assert_eq!(sent, wanted, "once");
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
    fn what_is_billed_beside_tokens_is_counted() {
        let codec = OpenAiCodec::new(&VENDORS[0]);
        let usage = |operation, asked: Value, kind: &'static str, body: &'static str| {
            let head = Call::json(operation, "g", asked).unwrap().head;
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            let body = Bytes::from_static(body.as_bytes());
            let whole = codec.decode(&head, StatusCode::OK, &headers, body, Instant::EPOCH);
            whole.unwrap().usage.unwrap()
        };
        let json = "application/json";
        let speech = serde_json::json!({"input": "h\u{e9}!"});
        assert_eq!(usage(Operation::Speech, speech, "audio/mpeg", "\u{1}").characters, 3);
        let images = r#"{"data":[{},{}],"usage":{"input_tokens":1,"output_tokens":9}}"#;
        let images = usage(Operation::Images, serde_json::json!({}), json, images);
        assert_eq!((images.images_made, images.image_output), (2, 9));
        let heard = r#"{"text":"x","usage":{"type":"duration","seconds":1.5}}"#;
        let heard = usage(Operation::Transcription, serde_json::json!({}), json, heard);
        assert_eq!(heard.audio_millis, 1_500);
        let ranked = r#"{"results":[{}],"meta":{"billed_units":{"search_units":2}}}"#;
        assert_eq!(usage(Operation::Rerank, serde_json::json!({}), json, ranked).queries, 2);
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
