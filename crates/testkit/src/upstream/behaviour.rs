//! How one call is answered.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use super::{
    body::Step,
    reply::{Asked, Frames, Reply, Tokens, Who, event, json_bytes},
};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// How one call is answered: a value that is built up from [`Behaviour::ok`].
///
/// The answer is well formed unless told otherwise: chat, completions, responses, embeddings and the
/// list of models in OpenAI's shapes, as server-sent events when the body says `"stream": true`, with a
/// usage frame when it says `"stream_options": {"include_usage": true}`. A path of any other kind
/// gets a small JSON object that names the path, the model and the upstream. The `model` is that of
/// the request.
///
/// *Chunks* are the content frames of a stream; before them comes a frame with only the role (chat)
/// or four without text (responses), after them the finish reason, the usage and `[DONE]`. Of a scripted stream ([`Behaviour::sse`])
/// every piece is a chunk. A whole body is written at once, and in as many chunks of bytes when
/// something is to happen between them. Each chunk leaves in a write of its own.
///
/// ```
/// use pointsman_testkit::Behaviour;
/// use std::time::Duration;
///
/// let limited = Behaviour::ok()
///     .error(429, "rate_limit_exceeded", "rate_limit_error", "slow down")
///     .header("retry-after", "2");
/// let stalls = Behaviour::ok().chunks(8).chunk_delay(Duration::from_millis(5)).hang_after_chunks(3);
/// # drop((limited, stalls));
/// ```
#[derive(Clone, Debug)]
pub struct Behaviour {
    delay: Duration,
    first_chunk_delay: Duration,
    chunk_delay: Duration,
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
    reply: Reply,
    fault: Option<(At, Fault)>,
    abrupt: bool,
}

#[derive(Clone, Debug)]
enum Content {
    Reply,
    Whole(Bytes),
    Stream(Vec<Piece>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    BeforeHeaders,
    AfterHeaders,
    AfterChunks(usize),
}

#[derive(Clone, Debug)]
enum Fault {
    Cut,
    Hang,
    Frame(Bytes),
}

/// A part of a scripted stream: bytes that are written as they stand, or a pause before the next.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Written as one HTTP chunk and in one write.
    Bytes(Bytes),
    /// Nothing is written for so long.
    Pause(Duration),
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&'static str> for Piece {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

impl From<Duration> for Piece {
    fn from(pause: Duration) -> Self {
        Self::Pause(pause)
    }
}

/// How a call is answered, in steps.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) delay: Duration,
    pub(super) start: Start,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) steps: VecDeque<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Answer,
    Hang,
    Cut { reset: bool },
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::ok()
    }
}

/// What is answered.
impl Behaviour {
    /// A well-formed answer with status 200, at once.
    pub fn ok() -> Self {
        Self {
            delay: Duration::ZERO,
            first_chunk_delay: Duration::ZERO,
            chunk_delay: Duration::ZERO,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            content: Content::Reply,
            reply: Reply::default(),
            fault: None,
            abrupt: false,
        }
    }

    /// Answers with this status; from 400 on with an error body of type `server_error` or
    /// `invalid_request_error`, unless something else is set to be answered. Panics when it is no
    /// HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status)
            .unwrap_or_else(|_| panic!("{status} is not an HTTP status"));
        self
    }

    /// Answers with this status and OpenAI's error body. An empty `code` is written as null.
    /// Panics when `status` is no HTTP status.
    #[must_use]
    pub fn error(self, status: u16, code: &str, kind: &str, message: &str) -> Self {
        let code = if code.is_empty() { Value::Null } else { code.into() };
        let body = json_bytes(&error_body(&code, kind, message));
        let mut this = self.status(status);
        this.content = Content::Whole(body);
        this
    }

    /// Adds a header; `content-type` and `content-length` take the place of the usual ones.
    /// Panics when it is no header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let parsed = (name.parse::<HeaderName>(), value.parse::<HeaderValue>());
        let (Ok(name), Ok(value)) = parsed else { panic!("{name}: {value} is not a header") };
        self.headers.append(name, value);
        self
    }

    /// Answers with exactly these bytes, as `application/json` unless a header says otherwise.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.content = Content::Whole(body.into());
        self
    }

    /// Answers with exactly these pieces as `text/event-stream`, one write each, cut anywhere.
    ///
    /// ```
    /// use pointsman_testkit::{Behaviour, upstream::Piece};
    /// use std::time::Duration;
    /// let torn = Behaviour::ok().sse(["data: {\"cho", "ices\":[]}\n", "\ndata: [DONE]\n\n"]);
    /// let slow = Behaviour::ok().sse([Piece::from("data: 1\n"), Duration::from_millis(5).into(), "\n".into()]);
    /// # drop((torn, slow));
    /// ```
    #[must_use]
    pub fn sse<P: Into<Piece>>(mut self, pieces: impl IntoIterator<Item = P>) -> Self {
        self.content = Content::Stream(pieces.into_iter().map(Into::into).collect());
        self
    }

    /// Says this text; without it, `Hello from NAME.` A text shorter than the number of chunks is
    /// filled up with dots.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.reply.text = Some(text.into());
        self
    }

    /// Reports so many tokens, the cached ones being part of the prompt's; otherwise 10, 0 and 5.
    #[must_use]
    pub fn usage(mut self, prompt: u64, cached: u64, completion: u64) -> Self {
        self.reply.usage = Some(Tokens { prompt, cached, completion });
        self
    }

    /// Reports no usage, even when asked to.
    #[must_use]
    pub fn no_usage(mut self) -> Self {
        self.reply.usage = None;
        self
    }

    /// Ends with this finish reason instead of `stop`.
    #[must_use]
    pub fn finish(mut self, reason: impl Into<String>) -> Self {
        self.reply.finish = reason.into();
        self
    }

    /// Says the text in so many chunks, at least 1; otherwise 4.
    #[must_use]
    pub fn chunks(mut self, chunks: usize) -> Self {
        self.reply.chunks = chunks.max(1);
        self
    }

    /// Leaves out the end marker: `[DONE]`, or `response.completed`.
    #[must_use]
    pub fn no_done(mut self) -> Self {
        self.reply.done = false;
        self
    }
}

/// When, and what goes wrong. Of several faults the last one set counts.
impl Behaviour {
    /// Waits so long before the headers, or before closing or hanging instead of them.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits so long between the headers and the first byte of the body.
    #[must_use]
    pub fn first_chunk_delay(mut self, delay: Duration) -> Self {
        self.first_chunk_delay = delay;
        self
    }

    /// Waits so long before each chunk but the first.
    #[must_use]
    pub fn chunk_delay(mut self, delay: Duration) -> Self {
        self.chunk_delay = delay;
        self
    }

    /// Reads the request and closes the connection without a word.
    #[must_use]
    pub fn cut_before_headers(self) -> Self {
        self.fault(At::BeforeHeaders, Fault::Cut)
    }

    /// Closes the connection after the headers, before any of the body.
    #[must_use]
    pub fn cut_after_headers(self) -> Self {
        self.fault(At::AfterHeaders, Fault::Cut)
    }

    /// Closes the connection after `n` chunks, short of the promised length or the last HTTP chunk.
    /// With 0 a chat stream has sent its role and nothing else.
    #[must_use]
    pub fn cut_after_chunks(self, n: usize) -> Self {
        self.fault(At::AfterChunks(n), Fault::Cut)
    }

    /// Never answers; ends when the client leaves or the upstream stops.
    #[must_use]
    pub fn hang(self) -> Self {
        self.fault(At::BeforeHeaders, Fault::Hang)
    }

    /// Sends the headers and then nothing.
    #[must_use]
    pub fn hang_after_headers(self) -> Self {
        self.fault(At::AfterHeaders, Fault::Hang)
    }

    /// Stalls after `n` chunks. With 0 a chat stream has sent its role and nothing else.
    #[must_use]
    pub fn hang_after_chunks(self, n: usize) -> Self {
        self.fault(At::AfterChunks(n), Fault::Hang)
    }

    /// Sends `data: JSON` after `n` chunks and ends the stream there, well formed and without
    /// `[DONE]`. A whole body is cut there instead.
    #[must_use]
    pub fn error_frame_after_chunks(self, n: usize, error: &Value) -> Self {
        let frame = event(error);
        self.fault(At::AfterChunks(n), Fault::Frame(frame))
    }

    /// Makes the cut a TCP reset instead of an orderly close; by itself, one before the headers.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.abrupt = true;
        self.fault.get_or_insert((At::BeforeHeaders, Fault::Cut));
        self
    }

    fn fault(mut self, at: At, fault: Fault) -> Self {
        self.fault = Some((at, fault));
        self
    }
}

/// From the description to steps.
impl Behaviour {
    pub(super) fn plan(&self, asked: &Asked, who: Who<'_>) -> Plan {
        let start = match &self.fault {
            Some((At::BeforeHeaders, Fault::Hang)) => Start::Hang,
            Some((At::BeforeHeaders, _)) => Start::Cut { reset: self.abrupt },
            _ => Start::Answer,
        };
        let failed = self.status.as_u16() >= 400;
        let (kind, script) = match &self.content {
            Content::Whole(body) => (JSON, self.cut_up(body)),
            Content::Reply if failed => (JSON, self.cut_up(&self.usual_error())),
            Content::Reply if !asked.stream => (JSON, self.cut_up(&self.reply.whole(asked, who))),
            Content::Reply => (EVENTS, self.reply.frames(asked, who).into()),
            Content::Stream(pieces) => (EVENTS, Script::scripted(pieces)),
        };
        let mut headers = self.headers.clone();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        if let Some(length) = script.length {
            headers.entry(CONTENT_LENGTH).or_insert(length.into());
        }
        let steps = self.steps(script);
        Plan { delay: self.delay, start, status: self.status, headers, steps }
    }

    fn usual_error(&self) -> Bytes {
        let kind =
            if self.status.is_server_error() { "server_error" } else { "invalid_request_error" };
        let message = self.status.canonical_reason().unwrap_or("failed");
        json_bytes(&error_body(&Value::Null, kind, message))
    }

    /// A whole body as chunks: one, unless something is to happen between them.
    fn cut_up(&self, body: &Bytes) -> Script {
        let parts = match self.fault {
            // One more than are sent, so that something is missing.
            Some((At::AfterChunks(n), _)) => self.reply.chunks.max(n + 1),
            _ if self.chunk_delay.is_zero() => 1,
            _ => self.reply.chunks,
        };
        let at = |part: usize| body.len() * part / parts;
        let chunks = (0..parts)
            .map(|part| body.slice(at(part)..at(part + 1)))
            .filter(|chunk| !chunk.is_empty())
            .map(Piece::Bytes)
            .collect();
        Script { length: Some(body.len()), chunks, ..Script::default() }
    }

    fn steps(&self, script: Script) -> VecDeque<Step> {
        let mut steps = VecDeque::new();
        let (at, fault) = match &self.fault {
            Some((at, fault)) => (Some(*at), Some(fault)),
            None => (None, None),
        };
        let fail = |mut steps: VecDeque<Step>| {
            steps.extend(fault.map(|fault| match fault {
                Fault::Frame(frame) if script.length.is_none() => Step::Write(frame.clone()),
                Fault::Frame(_) | Fault::Cut => Step::Cut { reset: self.abrupt },
                Fault::Hang => Step::Hang,
            }));
            steps
        };
        if at == Some(At::AfterHeaders) {
            return fail(steps);
        }
        pause(&mut steps, self.first_chunk_delay);
        steps.extend(script.lead.into_iter().map(Step::Write));
        let mut sent = 0;
        for piece in script.chunks {
            if at == Some(At::AfterChunks(sent)) {
                return fail(steps);
            }
            match piece {
                Piece::Pause(time) => pause(&mut steps, time),
                Piece::Bytes(bytes) => {
                    if sent > 0 {
                        pause(&mut steps, self.chunk_delay);
                    }
                    steps.push_back(Step::Write(bytes));
                    sent += 1;
                }
            }
        }
        if matches!(at, Some(At::AfterChunks(_))) {
            return fail(steps);
        }
        steps.extend(script.tail.into_iter().map(Step::Write));
        steps
    }
}

fn pause(steps: &mut VecDeque<Step>, time: Duration) {
    if !time.is_zero() {
        steps.push_back(Step::Pause(time));
    }
}

fn error_body(code: &Value, kind: &str, message: &str) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

/// What is to be written: what precedes the chunks, the chunks, and what follows them.
#[derive(Debug, Default)]
struct Script {
    /// Of a whole body, its bytes.
    length: Option<usize>,
    lead: Vec<Bytes>,
    chunks: Vec<Piece>,
    tail: Vec<Bytes>,
}

impl Script {
    fn scripted(pieces: &[Piece]) -> Self {
        let empty = |piece: &Piece| matches!(piece, Piece::Bytes(bytes) if bytes.is_empty());
        let chunks = pieces.iter().filter(|piece| !empty(piece)).cloned().collect();
        Self { chunks, ..Self::default() }
    }
}

impl From<Frames> for Script {
    fn from(frames: Frames) -> Self {
        let chunks = frames.content.into_iter().map(Piece::Bytes).collect();
        Self { length: None, lead: frames.lead, chunks, tail: frames.tail }
    }
}
