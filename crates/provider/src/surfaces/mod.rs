//! The front doors: OpenAI's, its responses, and Anthropic's messages.

mod messages;
mod openai;
mod responses;

use pointsman_types::Operation;

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
        _ => &OpenAiSurface,
    }
}
