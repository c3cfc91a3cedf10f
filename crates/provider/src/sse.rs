//! Server-sent events, cut out of a stream of bytes without copying where it can be helped.

use std::borrow::Cow;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr2;
use pointsman_types::{Error, ErrorKind};

/// The longest event that is read: 16 MiB.
const MAX_EVENT: usize = 16 << 20;

/// Cuts a byte stream into server-sent events, each with its delimiter.
///
/// Lines end in LF, CRLF or CR. An event that arrives in one chunk is a slice of it.
///
/// ```
/// use pointsman_provider::{SseSplitter, sse_data};
/// let mut splitter = SseSplitter::default();
/// let mut events = Vec::new();
/// splitter.push("data: a\n\nda".into(), &mut |event| events.push(event))?;
/// splitter.push("ta: b\n\n".into(), &mut |event| events.push(event))?;
/// assert_eq!(events, ["data: a\n\n", "data: b\n\n"]);
/// assert_eq!(sse_data(&events[1]).as_deref(), Some(&b"b"[..]));
/// # Ok::<(), pointsman_types::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct SseSplitter {
    /// The beginning of an event whose end has not come yet.
    carry: BytesMut,
    /// How far `carry` was looked at, and where its last line begins.
    seen: Place,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    scanned: usize,
    line: usize,
}

impl SseSplitter {
    /// Takes the next bytes; hands out the events that they complete.
    ///
    /// # Errors
    ///
    /// Kind `Server`, when an event is longer than 16 MiB.
    pub fn push(&mut self, chunk: Bytes, event: &mut dyn FnMut(Bytes)) -> Result<(), Error> {
        let mut chunk = chunk;
        if self.carry.is_empty() {
            while let Some(end) = find_end(&chunk, &mut self.seen) {
                event(chunk.split_to(end));
                self.seen = Place::default();
            }
            self.carry.extend_from_slice(&chunk);
        } else {
            self.carry.extend_from_slice(&chunk);
            while let Some(end) = find_end(&self.carry, &mut self.seen) {
                event(self.carry.split_to(end).freeze());
                self.seen = Place::default();
            }
        }
        if self.carry.len() > MAX_EVENT {
            let message = format!("the upstream sent an event longer than {MAX_EVENT} bytes");
            return Err(Error::new(ErrorKind::Server, message));
        }
        Ok(())
    }

    /// The stream's end: what is left is an event, if it is more than blank.
    pub fn finish(&mut self) -> Option<Bytes> {
        let rest = std::mem::take(&mut self.carry).freeze();
        self.seen = Place::default();
        (!rest.iter().all(u8::is_ascii_whitespace)).then_some(rest)
    }
}

/// Where the first event ends, its blank line included; `place` remembers how far was looked.
fn find_end(bytes: &[u8], place: &mut Place) -> Option<usize> {
    while let Some(found) = bytes.get(place.scanned..).and_then(|rest| memchr2(b'\n', b'\r', rest))
    {
        let at = place.scanned + found;
        let next = match (bytes[at], bytes.get(at + 1)) {
            (b'\r', Some(b'\n')) => at + 2,
            // The LF of a CRLF may still come.
            (b'\r', None) => {
                place.scanned = at;
                return None;
            }
            _ => at + 1,
        };
        let blank = at == place.line;
        *place = Place { scanned: next, line: next };
        if blank {
            return Some(next);
        }
    }
    place.scanned = bytes.len();
    None
}

/// The data of an event: its `data:` lines, joined by newlines; `None` if it has none.
pub fn sse_data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut rest = event.strip_prefix(b"\xef\xbb\xbf").unwrap_or(event);
    let mut data: Option<Cow<'_, [u8]>> = None;
    while !rest.is_empty() {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest.advance((end + 1).min(rest.len()));
        let Some(value) = line.strip_prefix(b"data:") else { continue };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        data = Some(match data {
            None => Cow::Borrowed(value),
            Some(before) => Cow::Owned([&before, &b"\n"[..], value].concat()),
        });
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<Bytes> {
        let (mut splitter, mut events) = (SseSplitter::default(), Vec::new());
        for chunk in chunks {
            splitter.push(Bytes::copy_from_slice(chunk), &mut |event| events.push(event)).unwrap();
        }
        events.extend(splitter.finish());
        events
    }

    #[test]
    fn every_line_ending_and_a_missing_last_blank_line() {
        assert_eq!(split(&[b"data: a\r\n\r\ndata: b\r\n\r\n"]).len(), 2);
        assert_eq!(split(&[b"data: a\r\rdata: b\r\r\n"]).len(), 2);
        assert_eq!(split(&[b": note\n\ndata:a\ndata: b\n\ndata: c"]).len(), 3);
        let events = split(&[b"\xef\xbb\xbfdata:a\ndata: b\nid: 1\n\n"]);
        assert_eq!(sse_data(&events[0]).as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(sse_data(b": note\n\n"), None);
        assert_eq!(sse_data(b"data\n\n"), None);
        assert_eq!(sse_data(b"data:\r\n\r\n").as_deref(), Some(&b""[..]));
    }

    proptest! {
        #[test]
        fn where_the_chunks_are_cut_does_not_matter(
            text in "(data: ?[a-c]{0,3}|:|\n|\r\n|\r|\n\n|\r\n\r\n){0,12}",
            cuts in proptest::collection::vec(0_usize..60, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(split(&[bytes]), split(&chunks));
        }
    }
}
