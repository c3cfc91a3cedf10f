//! A client's connection that answers 408 to a request head that never ends.
//!
//! Idle connections between requests are kept; only a head that has begun is waited for in vain.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long a request head may take, from its first byte.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\n\
    content-type: application/json\r\ncontent-length: 132\r\nconnection: close\r\n\r\n\
    {\"error\":{\"message\":\"the request head did not arrive in time\",\
    \"type\":\"invalid_request_error\",\"param\":null,\"code\":\"request_timeout\"}}";

/// Counts the beginnings and ends of requests on one connection: even between requests, odd
/// within one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<AtomicU64>);

impl Requests {
    /// A request's head is complete; it lasts until the returned guard is dropped.
    pub(crate) fn begin(&self) -> Serving {
        self.0.fetch_add(1, Ordering::Relaxed);
        Serving(self.clone())
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request that is being served.
#[derive(Debug)]
pub(crate) struct Serving(Requests);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client's connection.
pub(crate) struct Socket {
    tcp: TcpStream,
    requests: Requests,
    /// Runs from the first byte of a head, of the request after so many.
    head: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, requests: Requests) -> Self {
        Self { tcp, requests, head: None }
    }

    /// Whether the head that has begun took too long; then the client is told.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let count = self.requests.count();
        let late = match &mut self.head {
            Some((since, timer)) if *since == count => timer.as_mut().poll(cx).is_ready(),
            _ => false,
        };
        if late {
            // Nothing else is being written between requests; a full buffer is a lost client.
            let _ = self.tcp.try_write(TIMED_OUT);
            self.head = None;
        }
        late
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(cx, into);
        let count = self.requests.count();
        if read.is_ready() && into.filled().len() > before && count.is_multiple_of(2) {
            let begun = self.head.as_ref().is_some_and(|(since, _)| *since == count);
            if !begun {
                self.head = Some((count, Box::pin(sleep(HEAD_WITHIN))));
            }
        }
        if read.is_pending() && self.is_late(cx) {
            // To the server this is a client that left.
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// A response body during which its request counts as being served.
pub(crate) struct Served<B> {
    body: B,
    _serving: Serving,
}

impl<B> Served<B> {
    pub(crate) fn new(body: B, serving: Serving) -> Self {
        Self { body, _serving: serving }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Served<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_408_says_how_long_it_is() {
        let text = std::str::from_utf8(TIMED_OUT).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
