//! One call, as a codec sees it.

use pointsman_types::Operation;

use crate::{CallOptions, Envelope};

/// What is asked, without the body.
#[derive(Clone, Debug)]
pub struct CallHead {
    /// What the upstream shall do.
    pub operation: Operation,
    /// The name the caller asked for: a group, an alias, a deployment.
    pub model: String,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The caller's bound on the answer, in tokens.
    pub max_output: Option<u64>,
}

/// One call: what is asked, the body as it came, and the router's own options.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked.
    pub head: CallHead,
    /// The body as it came.
    pub envelope: Envelope,
    /// The router's own fields.
    pub options: CallOptions,
}
