//! OpenAI's chat dialect: requests read, answers and chunks written.

mod chunks;
mod read;
mod write;

pub(crate) use chunks::ChunkWriter;
pub(crate) use read::{cache_of, read};
pub(crate) use write::completion;
