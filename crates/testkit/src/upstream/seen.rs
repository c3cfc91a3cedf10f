//! What an upstream saw.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use pointsman_clock::Instant;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many calls are kept.
const KEPT_CALLS: usize = 10_000;
/// How many bytes of bodies are kept.
const KEPT_BYTES: usize = 64 << 20;

/// How a call ended, or that it has not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    /// The answer is still being made or written.
    Open,
    /// The answer was written as scripted, faults included. The last bytes may still be on their way.
    Ended,
    /// The client closed the connection before that.
    HungUp,
    /// The upstream was stopped before that.
    Stopped,
}

/// One request that reached an upstream whole.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which call it was, from 0.
    pub nth: u64,
    /// When its head had arrived.
    pub at: Instant,
    /// Its method.
    pub method: Method,
    /// Its path and query, `/v1/chat/completions?a=b`.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: HeaderMap,
    /// Its body; empty when bodies are not recorded.
    pub body: Bytes,
    pub(super) fate: Arc<AtomicU8>,
}

impl Seen {
    /// How the call ended; the truth of this moment, also on a copy.
    pub fn fate(&self) -> Fate {
        match self.fate.load(Ordering::Acquire) {
            0 => Fate::Open,
            1 => Fate::Ended,
            2 => Fate::HungUp,
            _ => Fate::Stopped,
        }
    }

    /// Whether the client closed the connection before the answer ended.
    pub fn hung_up(&self) -> bool {
        self.fate() == Fate::HungUp
    }

    /// A header's value as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null when it is not.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The counts of an upstream at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that came.
    pub count: u64,
    /// Calls whose answer has not ended.
    pub in_flight: u64,
    /// Calls whose client closed the connection before the answer ended.
    pub hung_up: u64,
}

/// The latest calls, within bounds.
#[derive(Debug, Default)]
pub(super) struct Ring {
    calls: VecDeque<Seen>,
    bytes: usize,
}

impl Ring {
    pub(super) fn push(&mut self, seen: Seen) {
        self.bytes += seen.body.len();
        self.calls.push_back(seen);
        while self.calls.len() > KEPT_CALLS || (self.bytes > KEPT_BYTES && self.calls.len() > 1) {
            self.bytes -= self.calls.pop_front().map_or(0, |old| old.body.len());
        }
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.calls.iter().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A call that has not ended; it ends on drop, and well only if [`Open::end`] was called.
#[derive(Debug)]
pub(super) struct Open {
    fate: Arc<AtomicU8>,
    tally: watch::Sender<Tally>,
    stop: CancellationToken,
    ended: bool,
}

impl Open {
    /// Counted as in flight by the caller.
    pub(super) fn new(
        fate: Arc<AtomicU8>,
        tally: watch::Sender<Tally>,
        stop: CancellationToken,
    ) -> Self {
        Self { fate, tally, stop, ended: false }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let fate = match (self.ended, self.stop.is_cancelled()) {
            (true, _) => Fate::Ended,
            (false, true) => Fate::Stopped,
            (false, false) => Fate::HungUp,
        };
        // Before the tally, so that whoever waits for the count finds the fate.
        self.fate.store(fate as u8, Ordering::Release);
        self.tally.send_modify(|tally| {
            tally.in_flight = tally.in_flight.saturating_sub(1);
            tally.hung_up += u64::from(fate == Fate::HungUp);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(nth: u64, body: Bytes) -> Seen {
        Seen {
            nth,
            at: Instant::EPOCH,
            method: Method::POST,
            path: "/".into(),
            headers: HeaderMap::new(),
            body,
            fate: Arc::default(),
        }
    }

    #[test]
    fn the_ring_keeps_the_latest_calls() {
        let mut ring = Ring::default();
        for nth in 0..KEPT_CALLS as u64 + 5 {
            ring.push(seen(nth, Bytes::new()));
        }
        assert_eq!(ring.all().len(), KEPT_CALLS);
        assert_eq!(ring.all()[0].nth, 5);
    }

    #[test]
    fn the_ring_bounds_the_bytes_but_always_keeps_the_last_call() {
        let mut ring = Ring::default();
        for nth in 0..5 {
            ring.push(seen(nth, Bytes::from(vec![0; KEPT_BYTES / 2])));
        }
        assert_eq!(ring.all().iter().map(|s| s.nth).collect::<Vec<_>>(), [3, 4]);
        ring.push(seen(5, Bytes::from(vec![0; KEPT_BYTES + 1])));
        assert_eq!(ring.all().iter().map(|s| s.nth).collect::<Vec<_>>(), [5]);
        ring.push(seen(6, Bytes::new()));
        assert_eq!(ring.all().iter().map(|s| s.nth).collect::<Vec<_>>(), [6]);
    }
}
