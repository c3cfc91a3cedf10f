//! The store: in memory what is local, leased what is shared.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pointsman_clock::{Clock, Instant};
use pointsman_state::{
    AccountIx, AccountReport, AccountSpec, Allowance, Allowances, Bound, BudgetLimit, Cooldown,
    Demand, Denied, Freed, Grant, GrantId, Limits, MemberSpec, MemoryStore, Progress, Refusal,
    Report, Sight, Slot, StateStore,
};
use pointsman_types::{DeploymentId, Error, ErrorKind, Outcome};
use tokio::{
    sync::watch,
    time::{Instant as Timer, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    account::Account,
    hints::Hint,
    hub::Hub,
    keeper,
    link::{Connection, Link, Scripts},
    listener,
    settings::RedisSettings,
    spends,
};

/// The longest that a call waits for an answer of the server.
const WAIT: Duration = Duration::from_millis(50);
/// The longest that it waits for a server that answers, and for others to give way.
const IN_ALL: Duration = Duration::from_millis(100);
/// The longest that the end waits for it.
const LAST: Duration = Duration::from_millis(500);

/// How the connection to Redis stands, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisHealth {
    /// Whether the server answered last time.
    pub reachable: bool,
    /// How often it was out of reach.
    pub outages: u64,
    /// Exchanges that were answered.
    pub round_trips: u64,
    /// Exchanges that were not, connections included.
    pub failures: u64,
    /// How long the last answer took.
    pub latency: Duration,
    /// Instances that live, this one included.
    pub instances: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) reachable: AtomicBool,
    pub(crate) outages: AtomicU64,
    pub(crate) round_trips: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) latency_ns: AtomicU64,
}

/// The names of keys and of the channel.
#[derive(Debug)]
pub(crate) struct Names {
    start: String,
    pub(crate) members: String,
    pub(crate) cooldowns: String,
    pub(crate) news: String,
}

impl Names {
    fn new(prefix: &str) -> Self {
        let start = format!("{prefix}:1:");
        Self {
            members: format!("{start}{{members}}"),
            cooldowns: format!("{start}{{cooldowns}}"),
            news: format!("{start}news"),
            start,
        }
    }

    pub(crate) fn account(&self, name: &str) -> String {
        format!("{}{{{name}}}", self.start)
    }

    /// The account whose key this is.
    pub(crate) fn of_account<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.start)?.strip_prefix('{')?.strip_suffix('}')
    }
}

/// All accounts with limits.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) hub: Arc<Hub>,
    accounts: Mutex<BTreeMap<String, Arc<Account>>>,
}

impl Book {
    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Allowances for Book {
    fn of(
        &self,
        account: &str,
        limits: &Limits,
        budget: Option<&BudgetLimit>,
    ) -> Option<Arc<dyn Allowance>> {
        let none = Limits { daily_reset_time: limits.daily_reset_time, ..Limits::default() };
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if *limits == none && budget.is_none() {
            accounts.remove(account);
            return None;
        }
        let new = || Arc::new(Account::new(account.to_owned(), Arc::clone(&self.hub)));
        let one = Arc::clone(accounts.entry(account.to_owned()).or_insert_with(new));
        one.configure(limits, budget);
        Some(one)
    }
}

/// A cooldown that others have to be told of.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) id: DeploymentId,
    pub(crate) until: Instant,
    pub(crate) kind: ErrorKind,
}

/// What the store and its tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) memory: MemoryStore,
    pub(crate) book: Arc<Book>,
    pub(crate) clock: Arc<dyn Clock>,
    own_time: bool,
    pub(crate) link: Link,
    pub(crate) scripts: Scripts,
    pub(crate) names: Names,
    /// This instance.
    pub(crate) me: String,
    pub(crate) counters: Counters,
    connection: Mutex<Option<Connection>>,
    /// Counts exchanges, answered or not: whoever waits looks again.
    pub(crate) exchanged: watch::Sender<u64>,
    /// How many bindings the last answered exchange knew of, if one was answered.
    pub(crate) begun: watch::Sender<Option<u64>>,
    /// Counts bindings.
    pub(crate) bound: AtomicU64,
    pub(crate) to_tell: Mutex<Vec<Told>>,
    /// Whether something may have been missed, so that all cooldowns are read.
    pub(crate) read_cooldowns: AtomicBool,
    /// What others see, by the hash of the deployment's id.
    pub(crate) hints: RwLock<HashMap<u64, Hint>>,
    places: RwLock<Places>,
}

#[derive(Debug, Default)]
struct Places {
    by_id: HashMap<DeploymentId, Slot>,
    /// In the order of slots.
    ids: Vec<(DeploymentId, u64)>,
}

impl Shared {
    /// The microseconds that the scripts go by; 0: the server's own.
    pub(crate) fn told(&self) -> String {
        let micros = if self.own_time { self.clock.now().as_nanos() / 1_000 } else { 0 };
        micros.to_string()
    }

    /// The connection, if there is one.
    pub(crate) fn connection(&self) -> Option<Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn connected(&self, connection: Option<Connection>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    pub(crate) fn slot(&self, id: &str) -> Option<Slot> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).by_id.get(id).copied()
    }

    /// All deployments that were ever bound, and the hashes of their ids.
    pub(crate) fn slots(&self) -> Vec<(Slot, u64)> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let all = places.ids.iter().zip(0_u32..).map(|((_, hash), at)| (Slot(at), *hash));
        all.collect()
    }

    /// Nobody waits for the server from here on: it is out of reach.
    pub(crate) fn cut_off(&self, now: Instant) {
        for account in self.book.all() {
            account.failed(now);
        }
    }

    /// The same, but its answers may come still.
    pub(crate) fn slow(&self, now: Instant) {
        for account in self.book.all() {
            account.slow(now);
        }
    }

    fn tell(&self, cooled: &[(Slot, Cooldown)]) {
        if cooled.is_empty() {
            return;
        }
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let told = cooled.iter().filter_map(|(slot, cooldown)| {
            let (id, _) = places.ids.get(slot.0 as usize)?;
            Some(Told { id: id.clone(), until: cooldown.until, kind: cooldown.kind })
        });
        self.to_tell.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
        self.book.hub.kick.notify_one();
    }
}

/// The state of all deployments and accounts, shared with other instances over Redis.
///
/// It starts tasks on the runtime that it is made on, and ends them when it is dropped; those that
/// are to return leases do so at [`flush`](StateStore::flush) with `end`.
///
/// ```no_run
/// # async fn run() -> Result<(), pointsman_types::Error> {
/// use pointsman_clock::SystemClock;
/// use pointsman_redis::{Place, RedisSettings, RedisStore};
/// use std::{sync::Arc, time::Duration};
///
/// let settings = RedisSettings::new(Place::Node("127.0.0.1".into(), 6379));
/// let store = RedisStore::start(&settings, 7, Arc::new(SystemClock::new()))?;
/// store.ready(Duration::from_secs(1)).await;
/// println!("{:?}", store.health());
/// # Ok(())
/// # }
/// ```
pub struct RedisStore {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("health", &self.health()).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Starts to share over this server, which need not be there yet. The seed names the instance
    /// and decides the jitter of cooldowns: no two instances may have the same. Call it on a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// Kind `Connection`: the settings name no server.
    pub fn start(
        settings: &RedisSettings,
        seed: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let link = Link::new(settings).map_err(|error| {
            Error::new(ErrorKind::Connection, format!("Redis cannot be used: {error}"))
        })?;
        let hub = Arc::new(Hub::new(settings.strict));
        let book = Arc::new(Book { hub, accounts: Mutex::default() });
        let allowances: Arc<dyn Allowances> = Arc::<Book>::clone(&book);
        let shared = Arc::new(Shared {
            memory: MemoryStore::sharing(seed, allowances),
            book,
            clock,
            own_time: settings.own_time,
            link,
            scripts: Scripts::new(),
            names: Names::new(&settings.prefix),
            me: format!("{seed:016x}"),
            counters: Counters::default(),
            connection: Mutex::default(),
            exchanged: watch::Sender::new(0),
            begun: watch::Sender::new(None),
            bound: AtomicU64::new(0),
            to_tell: Mutex::default(),
            read_cooldowns: AtomicBool::new(true),
            hints: RwLock::default(),
            places: RwLock::default(),
        });
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(keeper::keep(Arc::clone(&shared), stop.clone()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(listener::listen(Arc::clone(&shared))));
        tasks.spawn(stop.clone().run_until_cancelled_owned(spends::tell(Arc::clone(&shared))));
        tasks.close();
        Ok(Self { shared, tasks, stop })
    }

    /// Waits until the server has answered about all that is bound, so that the limits, spend and
    /// cooldowns of others are known, and this instance to them; `most` bounds it.
    pub async fn ready(&self, most: Duration) {
        let mut begun = self.shared.begun.subscribe();
        let bound = Some(self.shared.bound.load(Ordering::Relaxed));
        // Without an answer it begins all the same.
        let _ = timeout(most, begun.wait_for(|begun| *begun >= bound)).await;
    }

    /// Tells what was used so far, now rather than within 200 ms, and waits until that is answered
    /// or has failed.
    pub async fn tell(&self) {
        let mut exchanged = self.shared.exchanged.subscribe();
        // One may be under way that began before.
        for _ in 0..2 {
            self.shared.book.hub.kick.notify_one();
            if exchanged.changed().await.is_err() {
                return;
            }
        }
    }

    /// How the connection stands.
    pub fn health(&self) -> RedisHealth {
        let counters = &self.shared.counters;
        RedisHealth {
            reachable: counters.reachable.load(Ordering::Relaxed),
            outages: counters.outages.load(Ordering::Relaxed),
            round_trips: counters.round_trips.load(Ordering::Relaxed),
            failures: counters.failures.load(Ordering::Relaxed),
            latency: Duration::from_nanos(counters.latency_ns.load(Ordering::Relaxed)),
            instances: self.shared.book.hub.instances(),
        }
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl StateStore for RedisStore {
    fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec], now: Instant) -> Bound {
        let bound = self.shared.memory.bind(members, accounts, now);
        {
            let mut places = self.shared.places.write().unwrap_or_else(PoisonError::into_inner);
            for (member, slot) in members.iter().zip(&bound.slots) {
                if places.by_id.insert(member.id.clone(), *slot).is_none() {
                    places.ids.push((member.id.clone(), member.id.stable_hash()));
                }
            }
        }
        self.shared.read_cooldowns.store(true, Ordering::Relaxed);
        self.shared.bound.fetch_add(1, Ordering::Relaxed);
        self.shared.book.hub.kick.notify_one();
        bound
    }

    fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight) {
        self.shared.memory.view(among, need, now, out);
        let hints = self.shared.hints.read().unwrap_or_else(PoisonError::into_inner);
        if hints.is_empty() {
            return;
        }
        let places = self.shared.places.read().unwrap_or_else(PoisonError::into_inner);
        for row in &mut out.rows {
            let place = among.get(row.at).and_then(|slot| places.ids.get(slot.0 as usize));
            if let Some(hint) = place.and_then(|(_, hash)| hints.get(hash)) {
                hint.add_to(row);
            }
        }
    }

    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        let shared = &self.shared;
        let refusal = match shared.memory.try_reserve(at, need, id, now) {
            Ok(grant) => return Ok(grant),
            Err(Denied::Refused(refusal)) => return Err(refusal),
            Err(Denied::Short(refusal)) => refusal,
        };
        // No exchange that asks for it is missed.
        let mut exchanged = shared.exchanged.subscribe();
        let mut waiting = shared.memory.wait_for(at, need);
        let (mut heard, mut last) = (Timer::now(), refusal);
        let end = heard + IN_ALL;
        while timeout_at(end.min(heard + WAIT), exchanged.changed()).await.is_ok() {
            heard = Timer::now();
            // What it takes is not asked for once more in between.
            drop(waiting);
            match shared.memory.try_reserve(at, need, id, shared.clock.now()) {
                Ok(grant) => return Ok(grant),
                Err(Denied::Refused(refusal)) => return Err(refusal),
                Err(Denied::Short(refusal)) => last = refusal,
            }
            waiting = shared.memory.wait_for(at, need);
        }
        if heard.elapsed() < WAIT {
            return Err(last);
        }
        // It does not answer: by our share, then.
        let now = shared.clock.now();
        shared.slow(now);
        shared.memory.try_reserve(at, need, id, now).map_err(Denied::refusal)
    }

    fn progress(&self, grant: &Grant, what: Progress<'_>, now: Instant) {
        self.shared.memory.progress(grant, what, now);
    }

    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
        let slot = grant.slot;
        let cooled = self.shared.memory.settle_all(grant, outcome, now);
        self.shared.tell(&cooled);
        cooled.into_iter().find_map(|(at, cooldown)| (at == slot).then_some(cooldown))
    }

    fn report(&self, at: Slot, now: Instant) -> Report {
        self.shared.memory.report(at, now)
    }

    fn account(&self, at: AccountIx, now: Instant) -> AccountReport {
        self.shared.memory.account(at, now)
    }

    fn on_free(&self, listener: Weak<dyn Freed>) {
        self.shared.memory.on_free(listener);
    }

    /// With `end` it returns all leases, tells what it used and ends its tasks: half a second at
    /// most. Else it does nothing: use is told all the time.
    async fn flush(&self, end: bool, _: Instant) -> Result<(), Error> {
        if !end {
            return Ok(());
        }
        self.stop.cancel();
        timeout(LAST, self.tasks.wait()).await.map_err(|_| {
            Error::new(ErrorKind::Timeout, "Redis does not take back what was leased; it expires")
        })
    }
}
