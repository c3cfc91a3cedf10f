//! The provider that joins a codec to a transport.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
};
use pointsman_clock::Clock;
use pointsman_types::{Deployment, Error, ErrorKind};

use crate::{
    Call, CallHead, Codec, Lack, Pieces, Provider, Reply, Speech, StreamReply, Target, Transport,
    Vendor,
    body_reader::{FrameReader, collect},
    chat::estimated_count,
    rate_headers,
};

/// The longest whole answer that is read, in bytes: 128 MiB.
pub const MAX_REPLY: usize = 128 << 20;

/// A vendor over HTTP: its codec, and the way there.
#[derive(Debug)]
pub struct HttpProvider<C> {
    codec: C,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl<C: Codec> HttpProvider<C> {
    /// A provider that speaks `codec` over `transport`.
    pub fn new(codec: C, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { codec, transport, clock }
    }

    /// The request as it is sent.
    async fn prepare(
        &self,
        codec: &C,
        to: &Target,
        call: &Call,
    ) -> Result<http::Request<Pieces>, Error> {
        let mut request = codec.encode(to, call)?;
        for (name, value) in &to.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let now = self.clock.now();
        let credential = to.credentials.current(now).await?;
        codec.sign(to, &mut request, &credential, now)?;
        // Without it any coding would be as good.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Ok(request)
    }

    async fn ask(&self, to: &Target, call: &Call) -> Result<Reply, Error> {
        let lesser = self.codec.at(to);
        let codec = lesser.as_ref().unwrap_or(&self.codec);
        if codec.speaks(to, &call.head) == Speech::Estimated {
            return Ok(Reply::Whole(estimated_count(call)));
        }
        let request = self.prepare(codec, to, call).await.map_err(Error::unsent)?;
        let (head, body) = self.transport.send(request).await?.into_parts();
        let packed = packed(&head.headers);
        if let Some(coding) = packed.filter(|_| head.status.is_success()) {
            let message =
                format!("the upstream's answer is packed ({coding}), which nobody asked for");
            return Err(Error::new(ErrorKind::Server, message).with_status(head.status.as_u16()));
        }
        let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        let streamed = call.head.stream && head.status.is_success();
        if streamed && (codec.streams_json() || !kind.starts_with(b"application/json")) {
            let frames = codec.frames(&head_for(to, call), self.clock.now());
            let frames = FrameReader::new(body, frames);
            return Ok(Reply::Stream(StreamReply {
                headers: head.headers,
                frames: Box::pin(frames),
            }));
        }
        let body = collect(&head.headers, body, MAX_REPLY).await?;
        // Of a packed error the status still tells.
        let body = if packed.is_some() { Bytes::new() } else { body };
        let now = self.clock.now();
        let whole = codec.decode(&call.head, head.status, &head.headers, body, now);
        let whole = whole.map_err(|error| error.with_rate(rate_headers(&head.headers, now)))?;
        if streamed {
            let message = "the upstream answered a call for a stream with one whole answer";
            return Err(Error::new(ErrorKind::Server, message).with_status(head.status.as_u16()));
        }
        Ok(Reply::Whole(whole))
    }

    /// The call once more without what the target seems to lack. Where that is refused with the
    /// same status, the lack was not it.
    async fn ask_without(
        &self,
        lack: Lack,
        to: &Target,
        call: &Call,
        refused: Error,
    ) -> Result<Reply, Error> {
        let again = self.ask(&to.lacking(lack), call).await;
        match again {
            // What its chat has no words for says nothing of what the target has.
            Err(again) if again.kind == ErrorKind::Unsupported => Err(again),
            Err(again)
                if again.detail.status.is_none()
                    || again.detail.status == refused.detail.status =>
            {
                Err(refused)
            }
            told => {
                to.lacks.add(lack);
                told
            }
        }
    }
}

/// The coding of a body that cannot be read as it is.
fn packed(headers: &HeaderMap) -> Option<&str> {
    let coding = headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("unknown").trim();
    (!coding.is_empty() && !coding.eq_ignore_ascii_case("identity")).then_some(coding)
}

/// What is asked, with what the deployment asks for where the caller says nothing.
fn head_for<'a>(to: &Target, call: &'a Call) -> Cow<'a, CallHead> {
    let options = to.param("stream_options").filter(|_| !call.envelope.has("stream_options"));
    let options = options.and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok());
    if options.is_some_and(|options| options["include_usage"] == true) {
        return Cow::Owned(CallHead { include_usage: true, ..call.head.clone() });
    }
    Cow::Borrowed(&call.head)
}

#[async_trait]
impl<C: Codec> Provider for HttpProvider<C> {
    fn vendor(&self) -> Vendor {
        self.codec.vendor()
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        self.codec.target(of)
    }

    fn speaks(&self, to: &Target, what: &CallHead) -> Speech {
        let lesser = self.codec.at(to);
        lesser.as_ref().unwrap_or(&self.codec).speaks(to, what)
    }

    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        self.codec.settings_env()
    }

    async fn call(&self, to: &Target, call: &Call) -> Result<Reply, Error> {
        let mut told = self.ask(to, call).await;
        if let Err(refused) = told {
            told = match self.codec.lack(to, call, &refused) {
                Some(lack) => self.ask_without(lack, to, call, refused).await,
                None => Err(refused),
            };
        }
        told.map_err(|error| error.by(to.vendor))
    }
}
