//! Anthropic's Messages dialect, both ways: for callers that speak it, and for vendors that do.

mod blocks;
mod decoder;
mod read;
mod reply;
mod request;
mod schema;
mod shown;
mod usage;
mod writer;

pub use decoder::{MessagesDecoder, stream_error};
pub(crate) use read::read;
pub(crate) use reply::write_reply;
pub use reply::{kind_of, read_reply};
pub use request::write_request;
pub use schema::{closed, has_formats, is_adaptive, version};
pub use usage::MessagesUsage;
pub(crate) use writer::EventWriter;
