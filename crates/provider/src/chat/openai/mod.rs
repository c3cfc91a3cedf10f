//! OpenAI's chat dialect, both ways: for callers that speak it, and for vendors that do.

mod chunks;
mod decoder;
mod read;
mod reply;
mod request;
mod usage;
mod write;

pub(crate) use chunks::ChunkWriter;
pub use decoder::ChunkDecoder;
pub(crate) use read::{cache_of, choice_of, read};
pub use reply::read_reply;
pub use request::{Taste, write_request};
pub use usage::{OpenAiUsage, millis};
pub(crate) use write::{completion, tier};
