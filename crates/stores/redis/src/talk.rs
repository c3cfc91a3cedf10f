//! What is said to the server in one exchange: heartbeat, reports, leases, cooldowns.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use futures_util::future::join_all;
use pointsman_types::ErrorKind;
use redis::{RedisError, RedisResult, Value};

use crate::{
    account::{Account, LIFE},
    hints::{self, Hint},
    known::ServerTime,
    link::{Call, Connection},
    store::{Shared, Told},
    wire::{self, Arguments},
};

/// How long an instance is counted after its last heartbeat, in milliseconds: one that is slow for a
/// moment still has its part.
const BEAT_LIFE: u64 = 5_000;
/// The most accounts without traffic that are asked for at once.
const IDLE: usize = 256;
/// The most accounts in one call of the script, which nobody else can interrupt.
pub(crate) const ACCOUNTS: usize = 64;

/// What came of an exchange.
#[derive(Default)]
pub(crate) struct Came {
    /// Calls about accounts that were answered.
    pub(crate) answered: usize,
    pub(crate) failed: Option<RedisError>,
    /// All cooldowns, if they were read: the deployment, and what is kept of it.
    pub(crate) cooldowns: Vec<(String, String)>,
}

/// One exchange.
pub(crate) struct Talk<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) connection: &'a Connection,
    /// With the heartbeat, and with accounts that have nothing to say.
    pub(crate) whole: bool,
    /// With all cooldowns.
    pub(crate) cooldowns: bool,
    /// The last one.
    pub(crate) end: bool,
}

impl Talk<'_> {
    /// Says all of it at once.
    pub(crate) async fn say(&self) -> Came {
        let heartbeat = async { if self.whole { self.heartbeat().await } else { Ok(()) } };
        let reading = async { if self.cooldowns { self.read().await } else { Ok(Vec::new()) } };
        let (beat, came, told, read) =
            tokio::join!(heartbeat, self.exchange(), self.tell(), reading);
        let mut came = came;
        let failed = came.failed.take().or(beat.err()).or(told.err());
        match read {
            Ok(read) => Came { cooldowns: read, failed, ..came },
            Err(error) => Came { failed: failed.or(Some(error)), ..came },
        }
    }

    async fn heartbeat(&self) -> RedisResult<()> {
        let (shared, sent) = (self.shared, self.shared.clock.now());
        let hints = shared
            .slots()
            .into_iter()
            .map(|(slot, hash)| (hash, Hint::of(&shared.memory.seen(slot, true, sent))));
        let life = if self.end { 0 } else { BEAT_LIFE };
        let arguments = [shared.told(), shared.me.clone(), life.to_string(), hints::write(hints)];
        let call = Call {
            script: &shared.scripts.beat,
            keys: std::slice::from_ref(&shared.names.members),
            arguments: &arguments,
        };
        let answer = self.connection.run(call).await?;
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
    async fn exchange(&self) -> Came {
        let accounts = self.due();
        let size = if self.shared.link.is_cluster() { 1 } else { ACCOUNTS };
        let calls = accounts.chunks(size).map(|some| self.share(some));
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
    fn due(&self) -> Vec<Arc<Account>> {
        let mut all = self.shared.book.all();
        let turns = all.len().div_ceil(IDLE).max(1);
        let turn = usize::try_from(*self.shared.exchanged.borrow()).unwrap_or(0) % turns;
        let mut at = 0..;
        all.retain(|account| {
            let its_turn = at.next().unwrap_or(0) / IDLE == turn;
            account.is_busy() || (self.whole && its_turn)
        });
        all
    }

    async fn share(&self, accounts: &[Arc<Account>]) -> RedisResult<()> {
        let (shared, sent) = (self.shared, self.shared.clock.now());
        let hub = &shared.book.hub;
        let mut arguments = opening(shared, "shares");
        for account in accounts {
            account.prepare(&mut arguments, sent, self.end);
        }
        let keys: Vec<String> =
            accounts.iter().map(|account| shared.names.account(&account.name)).collect();
        let call = Call { script: &shared.scripts.share, keys: &keys, arguments: &arguments.0 };
        let answer = self.connection.run(call).await;
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
    async fn tell(&self) -> RedisResult<()> {
        let shared = self.shared;
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
        };
        let done = self.connection.run(call).await;
        if done.is_err() {
            lock(&shared.to_tell).extend(told);
        }
        done.map(drop)
    }

    async fn read(&self) -> RedisResult<Vec<(String, String)>> {
        let words = ["HGETALL", &self.shared.names.cooldowns];
        self.connection.ask::<Value>(&words).await.map(pairs)
    }
}

/// The arguments that each call of the script of the shares begins with.
pub(crate) fn opening(shared: &Shared, word: &str) -> Arguments {
    let mut arguments = Arguments::default();
    arguments.put(shared.told());
    arguments.put(&shared.me);
    arguments.put(shared.book.hub.instances());
    arguments.put(&shared.names.news);
    arguments.put(LIFE);
    arguments.put(word);
    arguments
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
