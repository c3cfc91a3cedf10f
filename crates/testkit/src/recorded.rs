//! Recorded traffic of real vendors, where there is some, and what any reader of it must do.
//!
//! The recordings are in `../shared/fixtures` beside the workspace, listed in its `index.json`.
//! They are no part of the project: without them the tests that replay them say so and pass.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use pointsman_provider::{Event, Frame, Frames};
use pointsman_types::{Error, Usage};
use serde_json::Value;

/// One recorded answer.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its path in the folder.
    pub file: String,
    /// What it shows: `plain`, `stream-tools`, `error-401-auth`…
    pub kind: String,
    /// Its status.
    pub status: u16,
    /// The path that was asked, if it is known: `chat/completions`, `messages`…
    pub endpoint: Option<String>,
    /// The headers that matter.
    pub headers: Vec<(String, String)>,
    /// The finish reasons in it, in the vendor's words.
    pub stop: Vec<String>,
    /// The answer's bytes.
    pub body: Bytes,
    /// The request's, if it is known.
    pub request: Option<Bytes>,
}

impl Recorded {
    /// Whether the answer is a stream.
    pub fn is_stream(&self) -> bool {
        let path = Path::new(&self.file);
        !path.extension().is_some_and(|kind| kind == "json" || kind == "html")
    }
}

/// What a test says that found nothing to replay.
pub const NONE_HERE: &str = "no recorded traffic here: nothing is replayed";

/// What is recorded of a vendor; empty where nothing is, and a test then says [`NONE_HERE`].
pub fn recorded(vendor: &str) -> Vec<Recorded> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    // A worktree of the project may stand one folder deeper.
    let deeper = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/fixtures");
    let Some((folder, index)) = [folder, deeper].into_iter().find_map(|folder| {
        let index = fs::read(folder.join("index.json")).ok()?;
        Some((folder, serde_json::from_slice::<Vec<Value>>(&index).ok()?))
    }) else {
        return Vec::new();
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let one = |entry: &Value| {
        let file = text(&entry["file"])?;
        let headers = entry["headers"].as_object().cloned().unwrap_or_default();
        let request =
            text(&entry["request_file"]).and_then(|file| fs::read(folder.join(file)).ok());
        Some(Recorded {
            kind: text(&entry["kind"])?,
            status: u16::try_from(entry["status"].as_u64()?).ok()?,
            endpoint: text(&entry["endpoint"]),
            headers: headers.iter().filter_map(|(k, v)| Some((k.clone(), text(v)?))).collect(),
            stop: entry["stop"].as_array().into_iter().flatten().filter_map(text).collect(),
            body: fs::read(folder.join(&file)).ok().or_else(|| flat(&folder, &file))?.into(),
            request: request.map(Into::into),
            file,
        })
    };
    index.iter().filter(|entry| entry["provider"] == vendor).filter_map(one).collect()
}

/// What was rebuilt from reports may lie in one folder, whosever it is.
fn flat(folder: &Path, file: &str) -> Option<Vec<u8>> {
    fs::read(folder.join("cited").join(Path::new(file).file_name()?)).ok()
}

/// What a stream was read into.
#[derive(Debug)]
pub struct Stream {
    /// All bytes for the client.
    pub raw: Vec<u8>,
    /// The last usage.
    pub usage: Option<Usage>,
    /// Whether any frame was content.
    pub content: bool,
    /// Whether any frame was the end.
    pub done: bool,
    /// The error that ended it: within it, or of the reader.
    pub error: Option<Error>,
}

/// Reads a stream in these chunks.
pub fn read_stream<'a>(
    mut frames: Box<dyn Frames>,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Stream {
    let mut out: Vec<Frame> = Vec::new();
    let pushed = chunks
        .into_iter()
        .try_for_each(|chunk| frames.push(Bytes::copy_from_slice(chunk), &mut out));
    let failed = pushed.and_then(|()| frames.finish(&mut out)).err();
    let events = || out.iter().map(|frame| &frame.event);
    let within = events().find_map(|event: &Event| event.error.clone());
    Stream {
        raw: out.iter().flat_map(|frame| frame.raw.to_vec()).collect(),
        usage: events().filter_map(|event| event.usage).last(),
        content: events().any(|event| event.content),
        done: events().any(|event| event.done),
        error: within.or(failed),
    }
}

/// Reads a stream whole and cut in many ways: bytes, events and usage must be the same.
///
/// # Panics
///
/// When they are not, naming the cut.
pub fn cuts_do_not_matter(bytes: &[u8], frames: &dyn Fn() -> Box<dyn Frames>) -> Stream {
    let whole = read_stream(frames(), [bytes]);
    for size in [1, 2, 3, 7, 64, 1_000] {
        let parts = read_stream(frames(), bytes.chunks(size));
        let text = |stream: &Stream| String::from_utf8_lossy(&stream.raw).into_owned();
        assert_eq!(text(&whole), text(&parts), "in chunks of {size}");
        assert_eq!(whole.usage, parts.usage, "in chunks of {size}");
        let kind = |stream: &Stream| stream.error.as_ref().map(|error| error.kind);
        assert_eq!(kind(&whole), kind(&parts), "in chunks of {size}");
    }
    whole
}
