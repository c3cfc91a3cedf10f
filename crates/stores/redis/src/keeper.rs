//! The task that talks to the server, when it does, and what follows from its silence.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use pointsman_clock::Instant;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    link::Connection,
    store::Shared,
    talk::{Came, Talk, kind_of},
};

/// How often what was used is told, at least.
const TICK: Duration = Duration::from_millis(200);
/// How often accounts without traffic are asked for, and the heartbeat is sent.
const BEAT: Duration = Duration::from_millis(400);
/// How often all cooldowns are read, in case news was lost.
const READ: Duration = Duration::from_secs(2);
/// Exchanges are at least so far apart.
const GAP: Duration = Duration::from_millis(1);
/// From when on a server that has not answered counts as slow: whoever waits for it does so at most
/// 50 ms.
const SLOW: Duration = Duration::from_millis(40);
/// How long to wait before the next attempt to reach the server.
const RETRY: Duration = Duration::from_millis(100);

/// Talks to the server until it is told to stop; then everything goes back.
pub(crate) async fn keep(shared: Arc<Shared>, stop: CancellationToken) {
    let mut keeper = Keeper::new(shared);
    while !stop.is_cancelled() {
        let wait = keeper.wait();
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = keeper.shared.book.hub.kick.notified() => {
                let since = keeper.shared.clock.now() - keeper.began;
                sleep(GAP.saturating_sub(since)).await;
            }
            () = sleep(wait) => {}
        }
        keeper.round(false).await;
    }
    // The first one may repeat a report whose answer was lost.
    keeper.round(true).await;
    keeper.round(true).await;
}

struct Keeper {
    shared: Arc<Shared>,
    /// When the last exchange, heartbeat and reading of cooldowns began.
    began: Instant,
    beat: Instant,
    read: Instant,
    /// Since when the server is out of reach, and whether that was logged.
    out_since: Option<Instant>,
    logged: bool,
}

impl Keeper {
    fn new(shared: Arc<Shared>) -> Self {
        let never = Instant::EPOCH;
        Self { shared, began: never, beat: never, read: never, out_since: None, logged: false }
    }

    fn wait(&self) -> Duration {
        let every = if self.shared.connection().is_some() { TICK } else { RETRY };
        every.saturating_sub(self.shared.clock.now() - self.began)
    }

    /// The connection, or a new one.
    async fn reach(&mut self, end: bool) -> Option<Connection> {
        if let Some(connection) = self.shared.connection() {
            return Some(connection);
        }
        // Kicks do not hasten attempts.
        if !end {
            sleep(RETRY.saturating_sub(self.shared.clock.now() - self.began)).await;
        }
        self.began = self.shared.clock.now();
        let connection = match self.shared.link.connect().await {
            Ok(connection) => connection,
            Err(error) => {
                self.out(&error);
                return None;
            }
        };
        self.shared.connected(Some(connection.clone()));
        (self.beat, self.read) = (Instant::EPOCH, Instant::EPOCH);
        Some(connection)
    }

    /// One exchange. `end`: the last one.
    async fn round(&mut self, end: bool) {
        let Some(connection) = self.reach(end).await else { return };
        let bound = self.shared.bound.load(Ordering::Relaxed);
        self.began = self.shared.clock.now();
        let (came, whole) = self.say(&connection, end).await;
        match came.failed {
            // In a Cluster the others may answer.
            Some(error) if !self.shared.link.is_cluster() || came.answered == 0 => self.out(&error),
            Some(_) => self.again(),
            None => {
                self.answered();
                self.cool(came.cooldowns);
                self.shared.begun.send_replace(Some(bound));
                self.again();
                if whole {
                    self.shared.slots().iter().for_each(|(at, _)| self.shared.memory.freed(*at));
                }
            }
        }
    }

    /// Says all that there is to say. From a moment on without an answer, nobody waits for it.
    async fn say(&mut self, connection: &Connection, end: bool) -> (Came, bool) {
        let whole = end || self.began - self.beat >= BEAT;
        if whole {
            self.beat = self.began;
        }
        // Some may have been missed.
        let missed = self.shared.read_cooldowns.swap(false, Ordering::Relaxed);
        let cooldowns = missed || self.began - self.read >= READ;
        if cooldowns {
            self.read = self.began;
        }
        let shared = Arc::clone(&self.shared);
        let talk = Talk { shared: &shared, connection, whole, cooldowns, end };
        let mut saying = pin!(talk.say());
        if let Ok(came) = timeout(SLOW, &mut saying).await {
            return (came, whole);
        }
        self.slow();
        (saying.await, whole)
    }

    /// The server is slow: everybody goes by their share until it answers.
    fn slow(&mut self) {
        let (began, counters) = (self.began, &self.shared.counters);
        counters.reachable.store(false, Ordering::Relaxed);
        if self.out_since.is_none() {
            counters.outages.fetch_add(1, Ordering::Relaxed);
        }
        self.out_since.get_or_insert(began);
        self.shared.slow(self.shared.clock.now());
        self.again();
    }

    /// Whoever waits looks again.
    fn again(&self) {
        self.shared.exchanged.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn answered(&mut self) {
        let counters = &self.shared.counters;
        let took = self.shared.clock.now() - self.began;
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        counters.latency_ns.store(took, Ordering::Relaxed);
        counters.round_trips.fetch_add(1, Ordering::Relaxed);
        counters.reachable.store(true, Ordering::Relaxed);
        let Some(since) = self.out_since.take() else { return };
        // Those that were not asked about go by their share until they are.
        self.shared.book.hub.kick.notify_one();
        if std::mem::take(&mut self.logged) {
            let out = (self.shared.clock.now() - since).as_millis();
            tracing::info!(out_ms = out, "Redis answers again: what was used meanwhile is told");
        }
    }

    /// The server is out of reach: everybody goes by their share.
    fn out(&mut self, error: &redis::RedisError) {
        self.shared.connected(None);
        let (now, counters) = (self.shared.clock.now(), &self.shared.counters);
        counters.failures.fetch_add(1, Ordering::Relaxed);
        counters.reachable.store(false, Ordering::Relaxed);
        if self.out_since.is_none() {
            counters.outages.fetch_add(1, Ordering::Relaxed);
        }
        let since = *self.out_since.get_or_insert(now);
        // A hiccup is no news.
        if !self.logged && now - since >= RETRY {
            self.logged = true;
            tracing::warn!(
                "Redis is out of reach ({error}): calls go on, each instance by its share of the \
                 limits, until it answers"
            );
        }
        self.shared.cut_off(now);
        self.again();
    }

    /// Takes over what others know to be cooling.
    fn cool(&self, all: Vec<(String, String)>) {
        let shared = &self.shared;
        let (time, now) = (shared.book.hub.time(), shared.clock.now());
        for (id, value) in all {
            let parts = value
                .split_once(' ')
                .and_then(|(until, kind)| Some((until.parse::<u64>().ok()?, kind_of(kind)?)));
            if let (Some((until, kind)), Some(slot)) = (parts, shared.slot(&id)) {
                shared.memory.cool(slot, time.local(until), kind, now);
            }
        }
    }
}
