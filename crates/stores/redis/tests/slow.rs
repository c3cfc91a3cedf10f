//! Instances whose ways to the server are slow now and then, each for itself: whatever comes when,
//! the limit is one. In real time, since it is the server's.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

use std::{sync::Arc, time::Duration};

use pointsman_clock::{Clock, Dice, EntropyExt, SystemClock};
use pointsman_redis::{Place, RedisSettings, RedisStore};
use pointsman_state::{
    BudgetLimit, Demand, GrantId, Limits, MemberSpec, Price, Slot, StateStore, Take,
};
use pointsman_testkit::{RedisServer, SlowLink};
use pointsman_types::{Charge, Decimal, DeploymentId, Outcome, Secret, Verdict};

const RPM: u32 = 60;
/// Micro-dollars, as many as sixty calls cost: it never begins anew.
const BUDGET: i64 = 60;

struct Instance {
    store: RedisStore,
    slot: Slot,
    clock: Arc<dyn Clock>,
    link: SlowLink,
}

impl Instance {
    async fn join(server: &RedisServer, seed: u64, prefix: &str, spec: &MemberSpec) -> Self {
        let link = SlowLink::to(server.port()).await.unwrap();
        let settings = RedisSettings {
            prefix: prefix.to_owned(),
            ..RedisSettings::new(Place::Url(Secret::from(format!(
                "redis://127.0.0.1:{}",
                link.port()
            ))))
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = RedisStore::start(&settings, seed, Arc::clone(&clock)).unwrap();
        let slot = store.bind(std::slice::from_ref(spec), &[], clock.now()).slots[0];
        store.ready(Duration::from_secs(20)).await;
        Self { store, slot, clock, link }
    }

    /// How many of so many calls at once are admitted; each is settled with what it claimed.
    async fn burst(&self, calls: usize) -> u64 {
        let claims = (0..calls).map(|_| {
            let take = Take { requests: 1, input: 1, output: 0 };
            let need = Demand { take, ..Demand::default() };
            async move { self.store.reserve(self.slot, &need, GrantId(1), self.clock.now()).await }
        });
        let mut made = 0;
        for grant in futures_util::future::join_all(claims).await.into_iter().flatten() {
            let charged = Charge { input: 1, output: 0, money: Some(Decimal::new(1, 6)) };
            let outcome = Outcome { charged, ..Outcome::bare(Verdict::Success, Duration::ZERO) };
            self.store.settle(grant, &outcome, self.clock.now());
            made += 1;
        }
        made
    }
}

/// Three instances take what they can for a while, as far as their links let them; then in peace.
async fn taken(server: &RedisServer, seed: u64, spec: &MemberSpec) -> u64 {
    let prefix = format!("slow-{seed}");
    let (mut all, mut made, mut dice) = (Vec::new(), 0, Dice::new(seed));
    for nth in 0..3 {
        all.push(Instance::join(server, seed * 10 + nth, &prefix, spec).await);
        // Whoever is there first has it all for itself for a moment.
        made += all[0].burst(1).await;
    }
    for round in 0..60 {
        let slow = &all[dice.index(3)];
        slow.link.delay(Duration::from_millis([0, 0, 15, 60, 150, 300][dice.index(6)]));
        // Some do nothing at times.
        let calls = [0, 0, 1, 3][dice.index(4)];
        let bursts = all.iter().map(|one| one.burst(calls));
        made += futures_util::future::join_all(bursts).await.into_iter().sum::<u64>();
        assert!(made <= 60, "{made} of 60 in round {round} of {seed}");
        // So long as one of them has something said.
        all[dice.index(3)].store.tell().await;
    }
    for one in &all {
        one.link.delay(Duration::ZERO);
    }
    let mut idle = 0;
    while idle < 40 {
        let bursts = all.iter().map(|one| one.burst(5));
        let more = futures_util::future::join_all(bursts).await.into_iter().sum::<u64>();
        idle = if more == 0 { idle + 1 } else { 0 };
        made += more;
        assert!(made <= 60, "{made} of 60 in the end of {seed}");
        for one in &all {
            one.store.tell().await;
        }
    }
    made
}

fn spec() -> MemberSpec {
    MemberSpec::new(DeploymentId::from("a"), "m".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_one_limit_whoever_is_slow() {
    let server = RedisServer::start().await.unwrap();
    let limits = Limits { rpm: Some(RPM), ..Limits::default() };
    let spec = MemberSpec { limits, ..spec() };
    let runs = (1..9).map(|seed| taken(&server, seed, &spec));
    for made in futures_util::future::join_all(runs).await {
        assert!((57..=60).contains(&made), "{made} of 60");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_is_one_limit_whoever_is_slow() {
    let server = RedisServer::start().await.unwrap();
    let budget = Some(BudgetLimit { max: Decimal::new(BUDGET, 6), window: None });
    let price = Some(Price::new(Decimal::new(1, 6), Decimal::new(1, 6)));
    let spec = MemberSpec { budget, price, ..spec() };
    let runs = (11..19).map(|seed| taken(&server, seed, &spec));
    for made in futures_util::future::join_all(runs).await {
        assert!((57..=60).contains(&made), "{made} of 60");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_stays_on_the_books_while_an_exchange_is_under_way() {
    let server = RedisServer::start().await.unwrap();
    let spec = MemberSpec { limits: Limits { rpm: Some(RPM), ..Limits::default() }, ..spec() };
    let first = Instance::join(&server, 1, "promise", &spec).await;
    let second = Instance::join(&server, 2, "promise", &spec).await;
    first.link.delay(Duration::from_millis(300));
    // The first one's next exchange comes in late, and does not tell yet of what follows.
    while first.store.health().reachable {
        second.store.tell().await;
    }
    let mut made = first.burst(60).await;
    assert!(made > 0, "it goes by its promise");
    let over = std::sync::atomic::AtomicBool::new(false);
    let telling = async {
        first.store.tell().await;
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let taking = async {
        let mut taken = 0;
        while !over.load(std::sync::atomic::Ordering::Relaxed) {
            taken += second.burst(10).await;
            second.store.tell().await;
        }
        taken
    };
    made += tokio::join!(telling, taking).1;
    assert!(made <= 60, "{made} of 60");
}
