//! What a provider answers.

use std::{
    fmt::{self, Debug},
    pin::Pin,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use pointsman_types::{Deployment, Error, Usage};

use crate::{Call, CallHead, Frame, Speech, Target, Vendor};

/// A streamed answer: frames, in the batches in which they arrived.
pub type FrameStream = Pin<Box<dyn Stream<Item = Result<Vec<Frame>, Error>> + Send>>;

/// An answer.
#[derive(Debug)]
pub enum Reply {
    /// In one piece.
    Whole(WholeReply),
    /// As it comes.
    Stream(StreamReply),
}

/// An answer in one piece, in the caller's dialect.
#[derive(Clone, Debug)]
pub struct WholeReply {
    /// The upstream's headers.
    pub headers: HeaderMap,
    /// The body for the client.
    pub body: Bytes,
    /// The usage, if the upstream said it.
    pub usage: Option<Usage>,
}

impl WholeReply {
    /// An answer that is only a body.
    pub fn of(body: Bytes) -> Self {
        Self { headers: HeaderMap::new(), body, usage: None }
    }
}

/// An answer as it comes.
pub struct StreamReply {
    /// The upstream's headers.
    pub headers: HeaderMap,
    /// The frames.
    pub frames: FrameStream,
}

impl Debug for StreamReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReply").field("headers", &self.headers).finish_non_exhaustive()
    }
}

/// One kind of upstream: takes a call to a target and brings the answer.
///
/// Vendors are an [`crate::HttpProvider`] around their codec; implement this port for anything
/// else.
///
/// ```
/// use async_trait::async_trait;
/// use pointsman_provider::*;
/// use pointsman_types::{Deployment, Error};
///
/// /// Answers every call with the same text.
/// #[derive(Debug)]
/// struct Echo;
///
/// #[async_trait]
/// impl Provider for Echo {
///     fn vendor(&self) -> Vendor {
///         Vendor { name: "echo", base: Some("http://none.invalid"), version_path: "", key_env: &[], base_env: &[], needs_key: false }
///     }
///     fn target(&self, of: &Deployment) -> Result<Target, String> {
///         Target::of(of, &self.vendor())
///     }
///     fn speaks(&self, _: &Target, _: &CallHead) -> Speech {
///         Speech::Native
///     }
///     async fn call(&self, _: &Target, call: &Call) -> Result<Reply, Error> {
///         Ok(Reply::Whole(WholeReply::of(call.envelope.bytes().clone())))
///     }
/// }
/// ```
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// What is known of the vendor before any call.
    fn vendor(&self) -> Vendor;

    /// What this provider needs to address a deployment.
    ///
    /// # Errors
    ///
    /// Says what is missing or broken, as text for a configuration finding.
    fn target(&self, of: &Deployment) -> Result<Target, String>;

    /// Whether and how the target can be asked this.
    fn speaks(&self, to: &Target, what: &CallHead) -> Speech;

    /// The settings of a deployment that the environment may hold, and the variables to ask for
    /// each, in order.
    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[]
    }

    /// Takes the call there. Dropping the future gives up on it; time is the caller's to bound.
    ///
    /// # Errors
    ///
    /// What went wrong, classified once and for all.
    async fn call(&self, to: &Target, call: &Call) -> Result<Reply, Error>;
}

const _: fn(&dyn Provider) = |_| ();
