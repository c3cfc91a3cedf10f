//! The clients of the demo: each asks, reads the answer, pauses and asks again.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pointsman_testkit::{Wire, wire::Response};
use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::upstreams::GROUP;

const CALLERS: usize = 6;
const PAUSE: Duration = Duration::from_millis(100);
/// How long a client waits for anything.
const WITHIN: Duration = Duration::from_secs(10);

/// What became of the calls so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// Answered, and not at the first attempt.
    pub(super) retried: u64,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    answered: AtomicU64,
    retried: AtomicU64,
}

/// Clients at work.
pub(super) struct Callers {
    counts: Arc<Counts>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Callers {
    pub(super) fn start(at: SocketAddr) -> Self {
        let callers = Self {
            counts: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        for nth in 0..CALLERS {
            let (counts, stop) = (Arc::clone(&callers.counts), callers.stop.clone());
            // Every other one streams.
            callers.tasks.spawn(async move { call(at, nth % 2 == 0, &counts, &stop).await });
        }
        callers
    }

    pub(super) fn sums(&self) -> Sums {
        let read = |of: &AtomicU64| of.load(Ordering::Relaxed);
        // Ends before beginnings, so that there are never more answers than calls.
        let (retried, answered) = (read(&self.counts.retried), read(&self.counts.answered));
        Sums { sent: read(&self.counts.sent), answered, retried }
    }

    /// Begins no more calls, and waits for those under way.
    pub(super) async fn stop(&self, within: Duration) {
        self.stop.cancel();
        self.tasks.close();
        // What takes longer counts as not answered.
        let _ = timeout(within, self.tasks.wait()).await;
    }
}

async fn call(at: SocketAddr, stream: bool, counts: &Counts, stop: &CancellationToken) {
    let hello = json!({"role": "user", "content": "Which of you is there?"});
    let body = json!({"model": GROUP, "messages": [hello], "stream": stream}).to_string();
    let mut kept = None;
    while !stop.is_cancelled() {
        counts.sent.fetch_add(1, Ordering::Relaxed);
        if let Ok(response) = exchange(&mut kept, at, &body).await {
            count(&response, counts);
        }
        sleep(PAUSE).await;
    }
}

/// One call, on the kept connection if there is one.
async fn exchange(kept: &mut Option<Wire>, at: SocketAddr, body: &str) -> io::Result<Response> {
    let mut wire = match kept.take() {
        Some(wire) => wire,
        None => Wire::connect(at, WITHIN).await?,
    };
    wire.post("/v1/chat/completions", &[], body, WITHIN).await?;
    let response = wire.response(WITHIN).await?;
    *kept = Some(wire);
    Ok(response)
}

fn count(response: &Response, counts: &Counts) {
    if response.head.status != 200 {
        return;
    }
    if response.head.header("x-pointsman-attempts") != Some("1") {
        counts.retried.fetch_add(1, Ordering::Relaxed);
    }
    counts.answered.fetch_add(1, Ordering::Relaxed);
}
