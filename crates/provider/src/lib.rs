//! The ports towards upstreams.
//!
//! A vendor is a [`Codec`]: bytes to types and back, no I/O. [`HttpProvider`] joins a codec to a
//! [`Transport`] and is a [`Provider`], as a user's own may be. Front doors are [`Surface`]s.
//! Bodies stay as they came: an [`Envelope`] knows where their top-level members are, and an edit
//! is spliced into [`Pieces`] without a copy. Where caller and vendor speak different dialects they
//! meet in [`chat`], and only there.

mod body_reader;
mod call;
pub mod chat;
mod classify;
mod codec;
mod completions;
mod credentials;
pub mod embeddings;
mod envelope;
mod estimate;
mod form;
mod headers;
mod http_provider;
mod lacks;
mod machine;
mod metadata;
mod oauth;
mod options;
mod pieces;
mod prompt;
mod rate;
mod renewed;
mod reply;
mod scan;
mod sse;
mod surface;
pub mod surfaces;
mod target;
mod transport;
pub mod wire;

pub use body_reader::collect;
pub use call::{Call, CallHead, MAX_OUTPUT};
pub use classify::{classify_body, classify_value, classify_words};
pub use codec::{Codec, Event, Frame, Frames, Speech};
pub use completions::{Completion, Prompted};
pub use credentials::{AwsKeys, Credential, Credentials, FixedCredential, secret_header};
pub use envelope::{BodyFault, Envelope};
pub use estimate::{MovingAverage, near, output_estimate};
pub use form::{FilePart, Form};
pub use headers::{passes_to_client, retry_after, retry_delay};
pub use http_provider::{HttpProvider, MAX_REPLY};
pub use lacks::{Lack, Lacks};
pub use machine::{Machine, NoMachine, Running};
pub use oauth::{ask_issuer, escaped, form_request, oauth_token, unread};
pub use options::{CacheOptions, CallOptions, FallbackTarget, OWN_FIELDS};
pub use pieces::Pieces;
pub use prompt::Prompt;
pub use rate::rate_headers;
pub use renewed::{Issued, Issuer, Renewed};
pub use reply::{FrameStream, Provider, Reply, StreamReply, WholeReply};
pub use sse::{SseSplitter, sse_data};
pub use surface::Surface;
pub use target::{Target, Vendor};
pub use transport::{Incoming, Transport};
