//! An HTTP/1.1 client that can misbehave, and sees when each piece arrives.
//!
//! It sends whatever bytes it is given, whole or not, and reads answers in the pieces in which they
//! were framed. Every wait is bounded by an argument `within`; what takes longer is an error of kind
//! [`io::ErrorKind::TimedOut`] and loses nothing that arrived. A connection that ends inside an answer
//! is [`io::ErrorKind::UnexpectedEof`] (or what the system says of a reset), an answer that is not
//! HTTP is [`io::ErrorKind::InvalidData`].

use std::{fmt::Write as _, io, net::SocketAddr, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use hyper::{
    HeaderMap,
    header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING},
};
use pointsman_clock::Instant;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest head that is read.
const LONGEST_HEAD: usize = 256 << 10;

/// One connection.
///
/// ```
/// use pointsman_testkit::{Behaviour, Upstream, Wire};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let within = Duration::from_secs(10);
/// let up = Upstream::start("a").await?;
/// up.always(Behaviour::ok().sse(["data: 1\n", "\ndata: 2\n\n"]));
///
/// let mut wire = Wire::connect(up.address(), within).await?;
/// // A request in two halves.
/// wire.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n", within).await?;
/// wire.send("\r\n{}", within).await?;
/// assert_eq!(wire.head(within).await?.status, 200);
/// let mut pieces = Vec::new();
/// while let Some(piece) = wire.next_piece(within).await? {
///     pieces.push(piece.bytes);
/// }
/// assert_eq!(pieces, ["data: 1\n", "\ndata: 2\n\n"]);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    arrived: BytesMut,
    framing: Framing,
}

/// How the end of the body that is being read is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// No body is being read.
    None,
    /// So many bytes are left.
    Length(u64),
    /// HTTP chunks.
    Chunked,
    /// Until the connection closes.
    Close,
}

/// The status line and the headers of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status, 100 to 999.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// When the end of it was read.
    pub at: Instant,
}

impl Head {
    /// A header's value as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A part of a body, and when it was read.
#[derive(Clone, Debug)]
pub struct Piece {
    /// One HTTP chunk; without chunked encoding whatever had arrived.
    pub bytes: Bytes,
    /// When the end of it was read.
    pub at: Instant,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status and headers.
    pub head: Head,
    /// The body, without its transfer encoding.
    pub body: Bytes,
}

impl Response {
    /// The body as text, what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null when it is not.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// `ConnectionRefused` where nobody listens, `TimedOut`, or what else the system says.
    pub async fn connect(to: SocketAddr, within: Duration) -> io::Result<Self> {
        let stream = bounded(within, TcpStream::connect(to)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, arrived: BytesMut::new(), framing: Framing::None })
    }

    /// Sends these bytes as they stand.
    ///
    /// # Errors
    /// `TimedOut` when the peer does not take them, or what the system says of a closed connection.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>, within: Duration) -> io::Result<()> {
        bounded(within, self.stream.write_all(bytes.as_ref())).await
    }

    /// Sends a whole GET request.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub async fn get(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        within: Duration,
    ) -> io::Result<()> {
        self.send(request("GET", path, headers, None), within).await
    }

    /// Sends a whole POST request with this body, as JSON unless a header says otherwise.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
        within: Duration,
    ) -> io::Result<()> {
        self.send(request("POST", path, headers, Some(body.as_ref())), within).await
    }

    /// Reads the next answer's head. What is left of the body before it must have been read.
    ///
    /// Interim answers (100 to 199) are answers too. An answer to HEAD is not understood.
    ///
    /// # Errors
    /// Those of the [module](self).
    pub async fn head(&mut self, within: Duration) -> io::Result<Head> {
        bounded(within, async {
            loop {
                if let Some(end) = find(&self.arrived, b"\r\n\r\n") {
                    let head = parse_head(&self.arrived.split_to(end + 4))?;
                    self.framing = framing(&head)?;
                    return Ok(head);
                }
                if self.arrived.len() > LONGEST_HEAD {
                    return Err(invalid("the head does not end"));
                }
                self.more().await?;
            }
        })
        .await
    }

    /// Reads the next piece of the body; none when it has ended as its framing says it should.
    ///
    /// # Errors
    /// Those of the [module](self).
    pub async fn next_piece(&mut self, within: Duration) -> io::Result<Option<Piece>> {
        let bytes = bounded(within, async {
            match self.framing {
                Framing::None => Ok(None),
                Framing::Length(left) => self.measured(left).await.map(Some),
                Framing::Chunked => self.chunk().await,
                Framing::Close => self.rest().await,
            }
        })
        .await?;
        Ok(bytes.map(|bytes| Piece { bytes, at: crate::now() }))
    }

    /// Reads what is left of the body, in `within` altogether.
    ///
    /// # Errors
    /// Those of the [module](self).
    pub async fn body(&mut self, within: Duration) -> io::Result<Bytes> {
        let end = crate::now() + within;
        let mut body = BytesMut::new();
        while let Some(piece) = self.next_piece(end - crate::now()).await? {
            body.extend_from_slice(&piece.bytes);
        }
        Ok(body.freeze())
    }

    /// Reads the next answer, in `within` altogether.
    ///
    /// # Errors
    /// Those of the [module](self).
    pub async fn response(&mut self, within: Duration) -> io::Result<Response> {
        let end = crate::now() + within;
        let head = self.head(within).await?;
        let body = self.body(end - crate::now()).await?;
        Ok(Response { head, body })
    }

    /// Waits until the peer closes the connection, and returns what it sent before, undecoded.
    ///
    /// # Errors
    /// `TimedOut`, or what the system says of a reset.
    pub async fn closed(&mut self, within: Duration) -> io::Result<Bytes> {
        bounded(within, async {
            loop {
                match self.more().await {
                    Ok(()) => {}
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                        return Ok(self.arrived.split().freeze());
                    }
                    Err(e) => return Err(e),
                }
            }
        })
        .await
    }

    /// Says that nothing more will be sent, and goes on reading.
    ///
    /// # Errors
    /// As the system has them.
    pub async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Closes the connection, as dropping it does.
    pub fn hang_up(self) {
        drop(self);
    }

    /// Closes the connection with a TCP reset.
    ///
    /// # Errors
    /// As the system has them.
    pub fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    /// At least one byte more; the end of the connection is an error. Nothing is lost if dropped.
    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.arrived).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn measured(&mut self, left: u64) -> io::Result<Bytes> {
        if self.arrived.is_empty() {
            self.more().await?;
        }
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.arrived.len());
        let left = left - take as u64;
        self.framing = if left == 0 { Framing::None } else { Framing::Length(left) };
        Ok(self.arrived.split_to(take).freeze())
    }

    async fn rest(&mut self) -> io::Result<Option<Bytes>> {
        if self.arrived.is_empty() {
            match self.more().await {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    self.framing = Framing::None;
                    return Ok(None);
                }
                other => other?,
            }
        }
        Ok(Some(self.arrived.split().freeze()))
    }

    async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(size_end) = find(&self.arrived, b"\r\n") {
                let size = chunk_size(&self.arrived[..size_end])?;
                let start = size_end + 2;
                if size == 0 {
                    // Trailers, if any, up to an empty line.
                    if let Some(end) = find(&self.arrived[size_end..], b"\r\n\r\n") {
                        self.arrived.advance(size_end + end + 4);
                        self.framing = Framing::None;
                        return Ok(None);
                    }
                } else if self.arrived.len() - start >= size.saturating_add(2) {
                    if &self.arrived[start + size..start + size + 2] != b"\r\n" {
                        return Err(invalid("a chunk is longer than its size"));
                    }
                    self.arrived.advance(start);
                    let bytes = self.arrived.split_to(size).freeze();
                    self.arrived.advance(2);
                    return Ok(Some(bytes));
                }
            }
            self.more().await?;
        }
    }
}

/// A whole request as bytes, for those who want to send it in parts or several at once.
///
/// `host` and, with a body, `content-length` and `content-type: application/json` are added unless
/// the headers have them.
///
/// ```
/// let bytes = pointsman_testkit::wire::request("GET", "/v1/models", &[("host", "a")], None);
/// assert_eq!(bytes, b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n");
/// ```
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    let length = body.map(|body| body.len().to_string());
    let usual = [
        ("host", Some("127.0.0.1")),
        ("content-type", body.map(|_| "application/json")),
        ("content-length", length.as_deref()),
    ];
    let usual = usual.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    for (name, value) in headers.iter().copied().chain(usual.filter(|(name, _)| !given(name))) {
        // Writing to a string does not fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

async fn bounded<T>(within: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(within, work).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, format!("not within {} ms", within.as_millis()))
    })?
}

fn parse_head(bytes: &[u8]) -> io::Result<Head> {
    let text = str::from_utf8(bytes).map_err(|_| invalid("the head is not UTF-8"))?;
    let mut lines = text.trim_end().split("\r\n");
    let line = lines.next().unwrap_or_default();
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| line.strip_prefix("HTTP/1.0 "))
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| invalid(&format!("no status line: {line:?}")))?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or_default();
        let parsed = (name.parse::<HeaderName>(), value.trim().parse::<HeaderValue>());
        let (Ok(name), Ok(value)) = parsed else {
            return Err(invalid(&format!("no header: {line:?}")));
        };
        headers.append(name, value);
    }
    Ok(Head { status, headers, at: crate::now() })
}

fn framing(head: &Head) -> io::Result<Framing> {
    if head.status < 200 || matches!(head.status, 204 | 304) {
        return Ok(Framing::None);
    }
    if head.header(TRANSFER_ENCODING.as_str()).is_some_and(|coding| coding.ends_with("chunked")) {
        return Ok(Framing::Chunked);
    }
    match head.header(CONTENT_LENGTH.as_str()).map(str::parse) {
        None => Ok(Framing::Close),
        Some(Ok(0)) => Ok(Framing::None),
        Some(Ok(length)) => Ok(Framing::Length(length)),
        Some(Err(_)) => Err(invalid("the content-length is no number")),
    }
}

fn chunk_size(line: &[u8]) -> io::Result<usize> {
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default();
    str::from_utf8(digits)
        .ok()
        .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
        .ok_or_else(|| invalid("a chunk's size is no number"))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
