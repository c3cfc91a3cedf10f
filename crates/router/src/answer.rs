//! How a call ends.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use pointsman_types::{Decimal, DeploymentId, Error, GroupName, Usage};

use crate::{AnswerStream, Trace};

/// A call that was answered.
#[derive(Debug)]
pub struct Answer {
    /// By whom.
    pub deployment: DeploymentId,
    /// In which group.
    pub group: GroupName,
    /// The upstream's headers.
    pub headers: HeaderMap,
    /// What was answered.
    pub payload: Payload,
    /// Why the call went the way it went.
    pub trace: Trace,
    /// Whether it is an earlier call's answer that was kept.
    pub cached: bool,
}

/// What was answered.
#[derive(Debug)]
pub enum Payload {
    /// In one piece.
    Whole {
        /// The body in the caller's dialect.
        body: Bytes,
        /// The usage, if the upstream said it.
        usage: Option<Usage>,
        /// The cost in US dollars, if usage and price are known.
        cost: Option<Decimal>,
    },
    /// As it comes.
    Stream(Box<AnswerStream>),
}

/// A call that was not answered.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Why: the failure of the first group.
    pub error: Error,
    /// Why the call went the way it went; absent if the name meant nothing.
    pub trace: Option<Box<Trace>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
