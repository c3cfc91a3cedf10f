//! Reads request bodies: bounded in size, and in how long a client may be silent.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT},
};
use http_body_util::BodyExt;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// The longest body: 32 MiB.
pub(crate) const LONGEST: usize = 32 << 20;
/// The longest silence within a body.
const SILENCE: Duration = Duration::from_secs(20);
/// How long the rest of a body that was refused is still read, so that its sender sees why.
const DROPPED_FOR: Duration = Duration::from_secs(5);
/// How much of it.
const MOST_DROPPED: usize = 64 << 20;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is longer than [`LONGEST`].
    TooLong,
    /// Its sender fell silent.
    Silent,
    /// Its sender left before its end.
    Broken,
    /// It is compressed.
    Encoded,
}

/// Reads a body; one that arrives in one piece is not copied.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    tasks: &TaskTracker,
) -> Result<Bytes, Unread> {
    if headers.get_all(CONTENT_ENCODING).iter().any(|how| how != "identity" && !how.is_empty()) {
        return Err(refused(Unread::Encoded, headers, body, tasks));
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LONGEST as u64) {
        return Err(refused(Unread::TooLong, headers, body, tasks));
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = timeout(SILENCE, body.frame()).await.map_err(|_| Unread::Silent)?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > LONGEST {
            tasks.spawn(drop_rest(body));
            return Err(Unread::TooLong);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.reserve(announced.map_or(0, |n| usize::try_from(n).unwrap_or(0)).min(LONGEST));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// A body that is refused for what is said of it.
fn refused(why: Unread, headers: &HeaderMap, body: Body, tasks: &TaskTracker) -> Unread {
    // Who waits for a word before sending has sent nothing that would have to be read.
    if !headers.contains_key(EXPECT) {
        tasks.spawn(drop_rest(body));
    }
    why
}

/// Reads and drops: a client that is still sending sees the answer only then.
async fn drop_rest(mut body: Body) {
    let drop_all = async {
        let mut dropped = 0;
        while let Some(Ok(frame)) = body.frame().await
            && dropped < MOST_DROPPED
        {
            dropped += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // Whether it ended or was given up makes no difference.
    let _ = timeout(DROPPED_FOR, drop_all).await;
}
