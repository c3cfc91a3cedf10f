//! The Gemini API of AI Studio.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, Pieces, Speech, Target, Vendor, WholeReply,
    chat::translated,
};
use pointsman_types::{Deployment, Error, Operation};

use crate::{
    codec::{address, decode, path_of, posted, sign, speaks, written},
    decoder::GeminiDecoder,
    native::NativeFrames,
    request::Place,
};

/// Google's Gemini API, as AI Studio has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct GeminiCodec;

impl Codec for GeminiCodec {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "gemini",
            base: Some("https://generativelanguage.googleapis.com/v1beta"),
            version_path: "/v1beta",
            key_env: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
            base_env: &["GEMINI_API_BASE"],
            needs_key: true,
        }
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        Target::of(of, &self.vendor())
    }

    fn speaks(&self, to: &Target, what: &CallHead) -> Speech {
        speaks(to.vendor, what, Place::Studio)
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let (method, body) = written(to, call, Place::Studio)?;
        posted(address(&to.base, &path_of(&to.model), method)?, body)
    }

    fn sign(
        &self,
        _: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        _: Instant,
    ) -> Result<(), Error> {
        sign(request, with)
    }

    fn decode(
        &self,
        what: &CallHead,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        now: Instant,
    ) -> Result<WholeReply, Error> {
        decode(what, status, headers, body, now, Place::Studio)
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        if what.operation == Operation::GenerateContent {
            return Box::new(NativeFrames::new(now));
        }
        translated(what, now, GeminiDecoder::new(now))
    }

    fn streams_json(&self) -> bool {
        true
    }
}
