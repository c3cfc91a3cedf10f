//! Cuts a streamed answer into JSON documents, in whichever of Google's ways it comes.

use bytes::{Buf, Bytes, BytesMut};
use pointsman_provider::{SseSplitter, sse_data};
use pointsman_types::{Error, ErrorKind};

/// The longest document that is read: 32 MiB, for pictures.
const MAX_DOCUMENT: usize = 32 << 20;

/// Cuts a body into JSON objects: server-sent events, the elements of an array, or one object.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    way: Way,
}

#[derive(Debug, Default)]
enum Way {
    /// Nothing but white space has come.
    #[default]
    Unknown,
    Events(SseSplitter),
    Json(JsonSplitter),
}

impl Documents {
    /// Takes the next bytes; hands out the documents that they complete.
    pub(crate) fn push(
        &mut self,
        mut chunk: Bytes,
        document: &mut dyn FnMut(Bytes),
    ) -> Result<(), Error> {
        if matches!(self.way, Way::Unknown) {
            let blank = chunk.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            chunk.advance(blank);
            self.way = match chunk.first() {
                None => return Ok(()),
                Some(b'[' | b'{') => Way::Json(JsonSplitter::default()),
                Some(_) => Way::Events(SseSplitter::default()),
            };
        }
        match &mut self.way {
            Way::Unknown => Ok(()),
            Way::Events(splitter) => splitter.push(chunk, &mut |event| told(&event, document)),
            Way::Json(splitter) => splitter.push(&chunk, document),
        }
    }

    /// The end of the body.
    pub(crate) fn finish(&mut self, document: &mut dyn FnMut(Bytes)) -> Result<(), Error> {
        match &mut self.way {
            Way::Events(splitter) => {
                if let Some(rest) = splitter.finish() {
                    told(&rest, document);
                }
            }
            Way::Json(splitter) if splitter.depth > 0 => {
                let message = "the upstream's stream ended within a document";
                return Err(Error::new(ErrorKind::Connection, message));
            }
            Way::Json(_) | Way::Unknown => {}
        }
        Ok(())
    }
}

/// The document of an event. An error in mid-stream comes without the words of an event around it.
fn told(event: &[u8], document: &mut dyn FnMut(Bytes)) {
    let data = match sse_data(event) {
        Some(data) => data.trim_ascii().to_vec(),
        None if matches!(event.trim_ascii().first(), Some(b'{' | b'[')) => event.to_vec(),
        None => return,
    };
    if !data.is_empty() && data != b"[DONE]" {
        document(data.into());
    }
}

/// Cuts the elements out of a JSON array of objects, whose end may never come.
#[derive(Debug, Default)]
struct JsonSplitter {
    carry: BytesMut,
    /// How far `carry` was looked at.
    seen: usize,
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl JsonSplitter {
    fn push(&mut self, chunk: &[u8], document: &mut dyn FnMut(Bytes)) -> Result<(), Error> {
        self.carry.extend_from_slice(chunk);
        while let Some(byte) = self.carry.get(self.seen) {
            self.seen += 1;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' if self.depth > 0 => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' => self.depth += 1,
                b'}' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        document(self.carry.split_to(self.seen).freeze());
                        self.seen = 0;
                    }
                }
                _ if self.depth > 0 => {}
                // The array around the documents.
                b'[' | b']' | b',' => self.skip(),
                byte if byte.is_ascii_whitespace() => self.skip(),
                _ => return Err(Error::new(ErrorKind::Server, "the upstream's stream is no JSON")),
            }
        }
        if self.carry.len() > MAX_DOCUMENT {
            let message = format!("the upstream sent a document longer than {MAX_DOCUMENT} bytes");
            return Err(Error::new(ErrorKind::Server, message));
        }
        Ok(())
    }

    fn skip(&mut self) {
        self.carry.advance(self.seen);
        self.seen = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(body: &str, size: usize) -> (Vec<String>, bool) {
        let (mut documents, mut out) = (Documents::default(), Vec::new());
        let mut take = |document: Bytes| out.push(String::from_utf8_lossy(&document).into_owned());
        let mut read = Ok(());
        for chunk in body.as_bytes().chunks(size) {
            read = read.and_then(|()| documents.push(Bytes::copy_from_slice(chunk), &mut take));
        }
        let read = read.and_then(|()| documents.finish(&mut take));
        (out, read.is_ok())
    }

    #[test]
    fn every_way_and_every_cut() {
        for size in [1, 2, 5, 100] {
            let array = "[{\"a\": \"}\\\"{\"}\n,\r\n{\"b\": [{}]}\n]\n";
            let two = vec!["{\"a\": \"}\\\"{\"}".to_owned(), "{\"b\": [{}]}".to_owned()];
            assert_eq!(cut(array, size), (two.clone(), true));
            let events = "\r\ndata: {\"a\": \"}\\\"{\"}\r\n\r\ndata: {\"b\": [{}]}\r\n\r\n";
            assert_eq!(cut(events, size), (two, true));
            let broken = "data: {}\n\n{\n \"error\": {}\n}\n";
            let (found, whole) = cut(broken, size);
            assert_eq!((found.len(), whole), (2, true));
            assert_eq!(cut("{\"a\":1}", size), (vec!["{\"a\":1}".to_owned()], true));
            assert_eq!(cut("[{\"a\":1},{", size), (vec!["{\"a\":1}".to_owned()], false));
            assert_eq!(cut("[1]", size), (vec![], false));
            assert_eq!(cut("", size), (vec![], true));
        }
    }
}
