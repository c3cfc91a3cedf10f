//! Lines of JSON, cut out of a stream of bytes.

use bytes::{Bytes, BytesMut};
use pointsman_types::{Error, ErrorKind};
use serde_json::Value;

/// The longest line that is read: 16 MiB.
const MAX_LINE: usize = 16 << 20;

/// Cuts a byte stream into lines; blank ones are left out.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The beginning of a line whose end has not come yet.
    carry: BytesMut,
    /// How far it was looked at.
    seen: usize,
}

impl Lines {
    /// Takes the next bytes; hands out the lines that they complete.
    ///
    /// # Errors
    ///
    /// Kind `Server`, when a line is no JSON or longer than 16 MiB; whatever `line` fails with.
    pub(crate) fn push(
        &mut self,
        chunk: &Bytes,
        line: &mut dyn FnMut(Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.carry.extend_from_slice(chunk);
        while let Some(end) = self.carry[self.seen..].iter().position(|byte| *byte == b'\n') {
            let whole = self.carry.split_to(self.seen + end + 1);
            self.seen = 0;
            told(&whole, line)?;
        }
        self.seen = self.carry.len();
        if self.seen > MAX_LINE {
            let message = format!("the upstream sent a line longer than {MAX_LINE} bytes");
            return Err(Error::new(ErrorKind::Server, message));
        }
        Ok(())
    }

    /// The stream's end: what is left is a line.
    pub(crate) fn finish(
        &mut self,
        line: &mut dyn FnMut(Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.seen = 0;
        told(&std::mem::take(&mut self.carry), line)
    }
}

fn told(bytes: &[u8], line: &mut dyn FnMut(Value) -> Result<(), Error>) -> Result<(), Error> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Ok(());
    }
    let value = serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the upstream sent a line that cannot be read: {error}");
        Error::new(ErrorKind::Server, message)
    })?;
    line(value)
}

/// The body ended before the answer did.
pub(crate) fn cut() -> Error {
    Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did")
}
