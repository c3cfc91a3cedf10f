//! A vendor's dialect: bytes to types and back.

use std::fmt::Debug;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_types::{Deployment, Error, Usage};

use crate::{Call, CallHead, Credential, Lack, Pieces, Target, Vendor, WholeReply};

/// How a codec can carry a call to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Speech {
    /// In the caller's own dialect: the body is passed through.
    Native,
    /// In another one, by way of [`crate::chat`].
    Translated,
    /// The vendor counts no tokens: what it is asked to count is estimated here, and nothing sent.
    Estimated,
    /// Not at all, and why.
    No(String),
}

/// A vendor's dialect. Nothing here awaits, reads a clock or does I/O.
///
/// ```
/// use bytes::Bytes;
/// use http::{HeaderMap, Request, StatusCode};
/// use pointsman_clock::Instant;
/// use pointsman_provider::*;
/// use pointsman_types::{Deployment, Error, ErrorKind};
///
/// /// Answers are plain text, there are no streams.
/// #[derive(Debug)]
/// struct Plain;
///
/// impl Codec for Plain {
///     fn vendor(&self) -> Vendor {
///         Vendor { name: "plain", base: None, version_path: "", key_env: &[], base_env: &[], needs_key: false }
///     }
///     fn target(&self, of: &Deployment) -> Result<Target, String> {
///         Target::of(of, &self.vendor())
///     }
///     fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
///         if what.stream { Speech::No("`plain` has no streams".into()) } else { Speech::Native }
///     }
///     fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
///         // The upstream's name of the model, and nothing that is meant for the router.
///         let model = [("model", to.model_json.clone())];
///         Request::post(&to.base)
///             .body(call.envelope.edited(&model, OWN_FIELDS, &to.params))
///             .map_err(|error| Error::new(ErrorKind::BadRequest, error.to_string()))
///     }
///     fn sign(&self, _: &Target, _: &mut Request<Pieces>, _: &Credential, _: Instant) -> Result<(), Error> {
///         Ok(())
///     }
///     fn decode(&self, _: &CallHead, status: StatusCode, headers: &HeaderMap, body: Bytes, now: Instant) -> Result<WholeReply, Error> {
///         if status.is_success() { return Ok(WholeReply::of(body)) }
///         Err(classify_body(status.as_u16(), &body, retry_after(headers, now)))
///     }
///     fn frames(&self, _: &CallHead, _: Instant) -> Box<dyn Frames> {
///         Box::new(NoFrames)
///     }
/// }
///
/// struct NoFrames;
/// impl Frames for NoFrames {
///     fn push(&mut self, _: Bytes, _: &mut Vec<Frame>) -> Result<(), Error> { Ok(()) }
///     fn finish(&mut self, _: &mut Vec<Frame>) -> Result<(), Error> { Ok(()) }
/// }
/// ```
pub trait Codec: Debug + Send + Sync + 'static {
    /// What is known of the vendor before any call.
    fn vendor(&self) -> Vendor;

    /// What this codec needs to address a deployment.
    ///
    /// # Errors
    ///
    /// Says what is missing or broken, as text for a configuration finding.
    fn target(&self, of: &Deployment) -> Result<Target, String>;

    /// Whether and how the target can be asked this.
    fn speaks(&self, to: &Target, what: &CallHead) -> Speech;

    /// The request for the upstream, unsigned.
    ///
    /// # Errors
    ///
    /// Kind `Unsupported`, naming what the vendor cannot express; `BadRequest`, naming what nobody
    /// could.
    fn encode(&self, to: &Target, call: &Call) -> Result<http::Request<Pieces>, Error>;

    /// Signs the final bytes.
    ///
    /// # Errors
    ///
    /// Kind `Authentication`, when the credential is not of a kind this vendor takes.
    fn sign(
        &self,
        to: &Target,
        request: &mut http::Request<Pieces>,
        with: &Credential,
        now: Instant,
    ) -> Result<(), Error>;

    /// A whole answer. The one place that knows the vendor's error bodies.
    ///
    /// # Errors
    ///
    /// What the vendor said was wrong, by its own code first, then status, then message; kind
    /// `Server` for a success that cannot be used.
    fn decode(
        &self,
        what: &CallHead,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        now: Instant,
    ) -> Result<WholeReply, Error>;

    /// A reader for one streamed answer, which began `now`.
    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames>;

    /// Whether a stream may come as `application/json`. Where it may not, such an answer to a call
    /// for a stream is a whole one: an error, or a mistake.
    fn streams_json(&self) -> bool {
        false
    }

    /// The dialect as this target has it, where it has less than its vendor; asked for each call,
    /// before anything else.
    fn at(&self, to: &Target) -> Option<Self>
    where
        Self: Sized,
    {
        let _ = to;
        None
    }

    /// What the target seems to lack, by how it refused a call that can be made without: then it is
    /// made once more, so, and what is found out is kept in [`Target::lacks`].
    fn lack(&self, to: &Target, call: &Call, refused: &Error) -> Option<Lack> {
        let _ = (to, call, refused);
        None
    }

    /// The settings of a deployment that the environment may hold, and the variables to ask for
    /// each, in order.
    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[]
    }
}

const _: fn(&dyn Codec) = |_| ();

/// Reads one streamed answer. However the bytes are cut, the events are the same.
pub trait Frames: Send {
    /// Takes the next bytes; adds the frames that they complete.
    ///
    /// # Errors
    ///
    /// Kind `Server`, when the bytes are not the vendor's dialect.
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error>;

    /// The upstream's end of the body.
    ///
    /// # Errors
    ///
    /// Kind `Connection`, when it came without an end marker.
    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error>;
}

const _: fn(&dyn Frames) = |_| ();

/// One frame of a stream: the bytes for the client, and what they mean.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The frame in the client's dialect, with its delimiter; empty if it is not for the client.
    pub raw: Bytes,
    /// What it means.
    pub event: Event,
}

/// What a frame means; a frame may mean several things, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// It carries content: text, reasoning, a refusal, audio, a tool call, or a finish reason.
    pub content: bool,
    /// How long what it carries is: text, reasoning, a refusal, a call's arguments; in bytes.
    pub text: usize,
    /// The usage so far.
    pub usage: Option<Usage>,
    /// The answer is complete.
    pub done: bool,
    /// The upstream broke off with an error.
    pub error: Option<Error>,
}
