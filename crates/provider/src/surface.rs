//! A front door: how callers of one dialect ask and are answered.

use std::fmt::Debug;

use bytes::Bytes;
use pointsman_types::{Attempt, Error, Operation};

use crate::{BodyFault, Call, Envelope};

/// A front door's dialect.
///
/// ```
/// use bytes::Bytes;
/// use pointsman_provider::*;
/// use pointsman_types::{Attempt, Error, Operation};
///
/// /// Errors are plain text.
/// #[derive(Debug)]
/// struct PlainText;
///
/// impl Surface for PlainText {
///     fn read(&self, operation: Operation, body: Envelope) -> Result<Call, BodyFault> {
///         Call::of(CallHead::read(operation, "any".into(), &body)?, body)
///     }
///     fn failure(&self, error: &Error, _: &[Attempt]) -> Bytes {
///         error.message().to_owned().into()
///     }
///     fn failure_event(&self, error: &Error) -> Bytes {
///         error.message().to_owned().into()
///     }
/// }
/// ```
pub trait Surface: Debug + Send + Sync + 'static {
    /// Reads a request body.
    ///
    /// # Errors
    ///
    /// Names the member that is missing or wrong.
    fn read(&self, operation: Operation, body: Envelope) -> Result<Call, BodyFault>;

    /// The body that tells the caller of a failure, and of the attempts that were made.
    fn failure(&self, error: &Error, attempts: &[Attempt]) -> Bytes;

    /// The last event of a stream that broke off.
    fn failure_event(&self, error: &Error) -> Bytes;
}

const _: fn(&dyn Surface) = |_| ();
