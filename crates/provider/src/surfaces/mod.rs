//! The front doors: OpenAI's, its responses, Anthropic's messages, and Google's contents.

mod google;
mod messages;
mod openai;
mod responses;

use pointsman_types::Operation;

pub use google::GoogleSurface;
pub use messages::MessagesSurface;
pub use openai::OpenAiSurface;
pub use responses::ResponsesSurface;

use crate::Surface;

/// The front door of an operation.
///
/// ```
/// use pointsman_provider::surfaces;
/// use pointsman_types::{Error, ErrorKind, Operation};
/// let error = Error::new(ErrorKind::Overloaded, "busy");
/// let body = surfaces::of(Operation::Messages).failure(&error, &[]);
/// assert!(body.starts_with(br#"{"type":"error","error":{"type":"overloaded_error""#));
/// ```
pub fn of(operation: Operation) -> &'static dyn Surface {
    match operation {
        Operation::Messages | Operation::CountTokens => &MessagesSurface,
        Operation::Responses => &ResponsesSurface,
        google if google.is_google() => &GoogleSurface,
        _ => &OpenAiSurface,
    }
}
