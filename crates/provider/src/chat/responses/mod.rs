//! OpenAI's Responses dialect, for callers that speak it; vendors that do are passed through.
//!
//! What is kept at the vendor between calls (`previous_response_id`, `conversation`, `store`) is
//! lost in translation. A thought's seal travels as `encrypted_content`.

mod read;
mod write;
mod writer;

pub(crate) use read::read;
pub(crate) use write::write_reply;
pub(crate) use writer::ResponseWriter;

/// Marks a seal of ours in `encrypted_content`, which has to be told from OpenAI's own.
const SEAL: &str = "pointsman.seal.";
/// Marks a thought that its vendor alone can read.
const HIDDEN: &str = "pointsman.hidden.";
