//! The task that talks to the server: leases, reports, heartbeat, cooldowns.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use pointsman_clock::Instant;
use pointsman_types::ErrorKind;
use redis::{RedisResult, Value};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    account::{Account, LIFE},
    hints::{self, Hint},
    known::ServerTime,
    link::{ANSWER, CONNECT, Call, Connection},
    store::{Shared, Told},
    wire::{self, Arguments},
};

/// How often what was used is told, at least.
const TICK: Duration = Duration::from_millis(200);
/// How often accounts without traffic are asked for, and the heartbeat is sent.
const BEAT: Duration = Duration::from_millis(400);
/// How long an instance is counted after its last heartbeat, in milliseconds: one that is slow for a
/// moment still has its part.
const BEAT_LIFE: u64 = 5_000;
/// How often all cooldowns are read, in case news was lost.
const READ: Duration = Duration::from_secs(2);
/// Exchanges are at least so far apart.
const GAP: Duration = Duration::from_millis(1);
/// How long to wait before the next attempt to reach the server.
const RETRY: Duration = Duration::from_millis(100);
/// The most accounts without traffic that are asked for at once.
const IDLE: usize = 256;
/// The most accounts in one call of the script, which nobody else can interrupt.
const ACCOUNTS: usize = 64;

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
    connection: Option<Connection>,
    /// When the last exchange, heartbeat and reading of cooldowns began.
    began: Instant,
    beat: Instant,
    read: Instant,
    /// Since when the server is out of reach, and whether that was logged.
    out_since: Option<Instant>,
    logged: bool,
}

/// What came of the calls of one exchange.
#[derive(Default)]
struct Came {
    answered: usize,
    failed: Option<redis::RedisError>,
}

impl Keeper {
    fn new(shared: Arc<Shared>) -> Self {
        let never = Instant::EPOCH;
        Self {
            shared,
            connection: None,
            began: never,
            beat: never,
            read: never,
            out_since: None,
            logged: false,
        }
    }

    fn wait(&self) -> Duration {
        let every = if self.connection.is_some() { TICK } else { RETRY };
        every.saturating_sub(self.shared.clock.now() - self.began)
    }

    /// One exchange. `end`: the last one.
    async fn round(&mut self, end: bool) {
        let before = self.began;
        let now = self.shared.clock.now();
        if self.connection.is_none() {
            // Kicks do not hasten attempts.
            if !end {
                sleep(RETRY.saturating_sub(now - before)).await;
            }
            self.began = self.shared.clock.now();
            match self.shared.link.connect().await {
                Ok(connection) => self.connection = Some(connection),
                Err(error) => {
                    self.out(&error);
                    return;
                }
            }
            (self.beat, self.read) = (Instant::EPOCH, Instant::EPOCH);
        }
        self.began = self.shared.clock.now();
        let Some(connection) = self.connection.clone() else { return };
        let whole = end || self.began - self.beat >= BEAT;
        if whole {
            self.beat = self.began;
            if let Err(error) = self.heartbeat(&connection, end).await {
                self.out(&error);
                return;
            }
        }
        let (came, told) =
            tokio::join!(self.exchange(&connection, whole, end), self.tell(&connection));
        match came.failed.or(told.err()) {
            // In a Cluster the others may answer.
            Some(error) if !self.shared.link.is_cluster() || came.answered == 0 => self.out(&error),
            Some(_) => self.again(),
            None => {
                self.answered();
                self.cooldowns(&connection).await;
                self.shared.begun.send_replace(true);
                self.again();
                if whole {
                    self.shared.slots().iter().for_each(|(at, _)| self.shared.memory.freed(*at));
                }
            }
        }
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
        if let Some(since) = self.out_since.take()
            && std::mem::take(&mut self.logged)
        {
            let out = (self.shared.clock.now() - since).as_millis();
            tracing::info!(out_ms = out, "Redis answers again: what was used meanwhile is told");
        }
    }

    /// The server is out of reach: everybody goes by their share.
    fn out(&mut self, error: &redis::RedisError) {
        self.connection = None;
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

    async fn heartbeat(&self, connection: &Connection, end: bool) -> RedisResult<()> {
        let (shared, sent) = (&self.shared, self.shared.clock.now());
        let hints = shared
            .slots()
            .into_iter()
            .map(|(slot, hash)| (hash, Hint::of(&shared.memory.seen(slot, true, sent))));
        let life = if end { 0 } else { BEAT_LIFE };
        let arguments = [shared.told(), shared.me.clone(), life.to_string(), hints::write(hints)];
        // While it is out of reach nobody waits: who shares is known of a slow server as well.
        let reachable = shared.counters.reachable.load(Ordering::Relaxed);
        let call = Call {
            script: &shared.scripts.beat,
            keys: std::slice::from_ref(&shared.names.members),
            arguments: &arguments,
            within: if reachable { ANSWER } else { CONNECT },
        };
        let answer = connection.run(call).await?;
        let received = shared.clock.now();
        let parts = wire::array(answer).unwrap_or_default();
        let numbers = (parts.first().and_then(wire::number), parts.get(1).and_then(wire::number));
        if let (Some(server), Some(instances)) = numbers {
            shared.book.hub.set_time(ServerTime::of_reply(server, sent, received));
            shared.book.hub.instances.store(instances.max(1), Ordering::Relaxed);
        }
        let mut all = HashMap::new();
        for text in parts.iter().skip(3).step_by(2).filter_map(wire::text) {
            hints::read(&text, &mut all);
        }
        *shared.hints.write().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(())
    }

    /// Reports and leases.
    async fn exchange(&self, connection: &Connection, whole: bool, end: bool) -> Came {
        let accounts = self.due(whole);
        let size = if self.shared.link.is_cluster() { 1 } else { ACCOUNTS };
        let calls = accounts.chunks(size).map(|some| self.share(connection, some, end));
        let mut came = Came::default();
        for result in join_all(calls).await {
            match result {
                Ok(()) => came.answered += 1,
                Err(error) => came.failed = Some(error),
            }
        }
        came
    }

    /// The accounts to talk of: those with something to say, and now and then the others, so that
    /// what is known and promised stays fresh; of very many some each time.
    fn due(&self, whole: bool) -> Vec<Arc<Account>> {
        let mut all = self.shared.book.all();
        let turns = all.len().div_ceil(IDLE).max(1);
        let turn = usize::try_from(*self.shared.exchanged.borrow()).unwrap_or(0) % turns;
        let mut at = 0..;
        all.retain(|account| {
            let its_turn = at.next().unwrap_or(0) / IDLE == turn;
            account.is_busy() || (whole && its_turn)
        });
        all
    }

    async fn share(
        &self,
        connection: &Connection,
        accounts: &[Arc<Account>],
        end: bool,
    ) -> RedisResult<()> {
        let (shared, sent) = (&self.shared, self.shared.clock.now());
        let hub = &shared.book.hub;
        let mut arguments = Arguments::default();
        arguments.put(shared.told());
        arguments.put(&shared.me);
        arguments.put(hub.instances());
        arguments.put(&shared.names.news);
        arguments.put(LIFE);
        for account in accounts {
            account.prepare(&mut arguments, sent, end);
        }
        let keys: Vec<String> =
            accounts.iter().map(|account| shared.names.account(&account.name)).collect();
        let call = Call {
            script: &shared.scripts.share,
            keys: &keys,
            arguments: &arguments.0,
            within: ANSWER,
        };
        let answer = connection.run(call).await;
        let now = shared.clock.now();
        let failed = || {
            for one in accounts {
                one.failed(now);
            }
        };
        let answer = answer.inspect_err(|_| failed())?;
        let understood = wire::answers(answer).filter(|(_, all)| all.len() == accounts.len());
        let Some((server, answers)) = understood else {
            failed();
            let what = "the answer of the script is not understood";
            return Err((redis::ErrorKind::UnexpectedReturnType, what).into());
        };
        hub.set_time(ServerTime::of_reply(server, sent, now));
        let mut lost = false;
        for (account, answer) in accounts.iter().zip(answers) {
            lost |= answer == wire::Answer::Lost;
            account.answered(answer, sent, now);
        }
        if lost {
            tracing::warn!("Redis has lost what it knew of some limits: it is told again");
            hub.kick.notify_one();
        }
        Ok(())
    }

    /// Tells others of cooldowns; what could not be told is kept.
    async fn tell(&self, connection: &Connection) -> RedisResult<()> {
        let shared = &self.shared;
        let take = || std::mem::take(&mut *lock(&shared.to_tell));
        let now = shared.clock.now();
        let told: Vec<Told> = take().into_iter().filter(|one| one.until > now).collect();
        if told.is_empty() {
            return Ok(());
        }
        let mut arguments = vec![shared.told(), shared.me.clone(), shared.names.news.clone()];
        for one in &told {
            let left = (one.until - now).as_millis();
            arguments.extend([one.id.to_string(), left.to_string(), one.kind.name().to_owned()]);
        }
        let call = Call {
            script: &shared.scripts.cool,
            keys: std::slice::from_ref(&shared.names.cooldowns),
            arguments: &arguments,
            within: ANSWER,
        };
        let done = connection.run(call).await;
        if done.is_err() {
            lock(&shared.to_tell).extend(told);
        }
        done.map(drop)
    }

    /// Reads all cooldowns, when some may have been missed.
    async fn cooldowns(&mut self, connection: &Connection) {
        let shared = &self.shared;
        let missed = shared.read_cooldowns.swap(false, Ordering::Relaxed);
        if !missed && self.began - self.read < READ {
            return;
        }
        self.read = self.began;
        let words = ["HGETALL", &shared.names.cooldowns];
        let Ok(all) = connection.ask::<Value>(&words).await.map(pairs) else { return };
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

/// The fields of a hash.
fn pairs(value: Value) -> Vec<(String, String)> {
    let pair = |one: (Value, Value)| Some((wire::text(&one.0)?, wire::text(&one.1)?));
    match value {
        Value::Map(pairs) => pairs.into_iter().filter_map(pair).collect(),
        Value::Array(flat) => {
            let texts: Vec<String> = flat.iter().filter_map(wire::text).collect();
            texts.chunks_exact(2).map(|two| (two[0].clone(), two[1].clone())).collect()
        }
        _ => Vec::new(),
    }
}

pub(crate) fn kind_of(name: &str) -> Option<ErrorKind> {
    ErrorKind::ALL.into_iter().find(|kind| kind.name() == name)
}

fn lock<T>(what: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
