//! Several instances over a real server.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what the tests share is a test as well"
)]

use std::{sync::Arc, time::Duration};

use pointsman_clock::{Clock, SystemClock};
use pointsman_redis::{Place, RedisSettings, RedisStore};
use pointsman_state::{
    AccountId, AccountSpec, Bound, BudgetLimit, Demand, Grant, GrantId, Limits, MemberSpec, Price,
    Refusal, Slot, Standing, StateStore, Take,
};
use pointsman_testkit::RedisServer;
use pointsman_types::{Charge, Decimal, DeploymentId, ErrorKind, Outcome, Secret, Verdict};
use tokio::time::{sleep, timeout};

/// How long anything may take that takes no time.
const WITHIN: Duration = Duration::from_secs(20);

struct Instance {
    store: Arc<RedisStore>,
    clock: Arc<SystemClock>,
    slot: Slot,
    bound: Bound,
}

impl Instance {
    async fn join(server: &RedisServer, seed: u64, what: &What) -> Self {
        Self::join_as(server, seed, what, false).await
    }

    async fn join_as(server: &RedisServer, seed: u64, what: &What, strict: bool) -> Self {
        let url = Secret::from(server.url());
        let settings = RedisSettings { strict, ..RedisSettings::new(Place::Url(url)) };
        let clock = Arc::new(SystemClock::new());
        let by: Arc<dyn Clock> = Arc::<SystemClock>::clone(&clock);
        let store = Arc::new(RedisStore::start(&settings, seed, by).unwrap());
        let member = |name: &str| MemberSpec {
            limits: what.limits,
            budget: what.budget,
            accounts: (0..what.accounts.len()).collect(),
            price: Some(Price::new(Decimal::new(1, 6), Decimal::new(1, 6))),
            ..MemberSpec::new(DeploymentId::from(name), "m".into())
        };
        let bound = store.bind(&[member("a"), member("b")], &what.accounts, clock.now());
        store.ready(WITHIN).await;
        Self { store, clock, slot: bound.slots[0], bound }
    }

    async fn claim(&self, tokens: u64) -> Result<Grant, Refusal> {
        let take = Take { requests: 1, input: tokens, output: 0 };
        let need = Demand { take, ..Demand::default() };
        self.store.reserve(self.slot, &need, GrantId(1), self.clock.now()).await
    }

    fn settle(&self, grant: Grant, tokens: u64) {
        let money = Some(Decimal::from(tokens) / Decimal::from(1_000_000));
        let charged = Charge { input: tokens, output: 0, money };
        let outcome = Outcome { charged, ..Outcome::bare(Verdict::Success, Duration::ZERO) };
        self.store.settle(grant, &outcome, self.clock.now());
    }

    fn fail(&self, grant: Grant, kind: ErrorKind, retry_after: Duration) {
        let verdict = Verdict::Failure { kind, retry_after: Some(retry_after) };
        self.store.settle(grant, &Outcome::bare(verdict, Duration::ZERO), self.clock.now());
    }

    /// As many as there are, in bursts; what they used is what they took.
    async fn burst(&self, calls: usize, tokens: u64) -> u64 {
        let claims = (0..calls).map(|_| self.claim(tokens));
        let mut made = 0;
        for grant in futures_util::future::join_all(claims).await.into_iter().flatten() {
            self.settle(grant, tokens);
            made += 1;
        }
        made
    }

    fn is_cooling(&self) -> bool {
        let report = self.store.report(self.slot, self.clock.now());
        matches!(report.standing, Standing::Cooling { .. })
    }

    fn spent(&self) -> Decimal {
        let report = self.store.account(self.bound.accounts[0], self.clock.now());
        report.spend.unwrap().spent
    }
}

#[derive(Default)]
struct What {
    limits: Limits,
    budget: Option<BudgetLimit>,
    accounts: Vec<AccountSpec>,
}

fn rpm(rpm: u32) -> What {
    What { limits: Limits { rpm: Some(rpm), ..Limits::default() }, ..What::default() }
}

fn budget(max: Decimal) -> What {
    let budget = Some(BudgetLimit { max, window: None });
    let account = AccountSpec { id: AccountId::quota("q"), limits: Limits::default(), budget };
    What { accounts: vec![account], ..What::default() }
}

async fn three(server: &RedisServer, what: &What) -> [Instance; 3] {
    let all = [1, 2, 3].map(|seed| Instance::join(server, seed, what));
    let [a, b, c] = all;
    tokio::join!(a, b, c).into()
}

async fn until(mut holds: impl FnMut() -> bool) {
    let polling = async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(WITHIN, polling).await.expect("it came about");
}

/// Bursts from all sides, until nobody gets anything for a while.
async fn all_of(instances: &[Instance], calls: usize, tokens: u64) -> u64 {
    let (mut all, mut idle) = (0, 0);
    while idle < 12 {
        let bursts = instances.iter().map(|one| one.burst(calls, tokens));
        let made: u64 = futures_util::future::join_all(bursts).await.into_iter().sum();
        all += made;
        idle = if made == 0 { idle + 1 } else { 0 };
        sleep(Duration::from_millis(50)).await;
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_from_all_sides_are_one_limit() {
    for (seed, strict) in [(10, false), (20, true)] {
        let server = RedisServer::start().await.unwrap();
        let what = rpm(60);
        let join = |one: u64| Instance::join_as(&server, seed + one, &what, strict);
        let instances = [join(1).await, join(2).await, join(3).await];
        let made = all_of(&instances, 20, 10).await;
        assert!((57..=60).contains(&made), "{made} of 60, strict: {strict}");
        let refusal = instances[0].claim(10).await.unwrap_err();
        let left = refusal.until.moment().unwrap() - instances[0].clock.now();
        assert!(left > Duration::from_secs(30) && left < Duration::from_secs(62), "{refusal:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_instance_may_have_all_of_it_at_once() {
    let server = RedisServer::start().await.unwrap();
    let instances = three(&server, &rpm(60)).await;
    // The others are idle, and promised a part for an outage: they give way.
    sleep(Duration::from_millis(500)).await;
    assert_eq!(instances[1].burst(100, 1).await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_money_are_one_limit_too() {
    let server = RedisServer::start().await.unwrap();
    let limits = Limits { tpm: Some(60_000), ..Limits::default() };
    let tokens = What { limits, ..What::default() };
    let made = all_of(&three(&server, &tokens).await, 10, 1_000).await;
    assert!((57..=60).contains(&made), "{made} of 60 times 1,000 tokens");
    let server = RedisServer::start().await.unwrap();
    let instances = three(&server, &budget(Decimal::new(6, 2))).await;
    let made = all_of(&instances, 10, 1_000).await;
    assert!((57..=60).contains(&made), "{made} of 60 times a tenth of a cent");
    let spent = Decimal::from(made) / Decimal::from(1_000);
    until(|| instances.iter().all(|one| one.spent() == spent)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_used_comes_back_to_everybody() {
    let server = RedisServer::start().await.unwrap();
    let limits = Limits { tpm: Some(10_000), ..Limits::default() };
    let what = What { limits, ..What::default() };
    let [a, b, _] = three(&server, &what).await;
    let grant = a.claim(9_000).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    assert!(b.claim(2_000).await.is_err(), "it is reserved");
    a.settle(grant, 1_000);
    let mut made = 0;
    for _ in 0..100 {
        made += b.burst(4, 2_000).await;
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(made, 4, "9,000 were left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cooldowns_are_everybodys_and_known_to_whoever_joins() {
    let server = RedisServer::start().await.unwrap();
    let [a, b, c] = three(&server, &rpm(1_000)).await;
    let grant = a.claim(1).await.unwrap();
    let began = a.clock.now();
    a.fail(grant, ErrorKind::RateLimited, Duration::from_secs(30));
    until(|| b.is_cooling() && c.is_cooling()).await;
    let took = a.clock.now() - began;
    assert!(took < Duration::from_secs(1), "{took:?}");
    println!("cooldown everywhere after {took:?}");
    let late = Instance::join(&server, 9, &rpm(1_000)).await;
    until(|| late.is_cooling()).await;
    // A shorter one changes nothing.
    let of = |one: &Instance| match one.store.report(one.slot, one.clock.now()).standing {
        Standing::Cooling { until, .. } => until,
        other => panic!("{other:?}"),
    };
    let apart = of(&a).max(of(&late)) - of(&a).min(of(&late));
    assert!(apart < Duration::from_millis(100), "{apart:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_not_renewed_counts_as_used() {
    let server = RedisServer::start().await.unwrap();
    let [a, b, c] = three(&server, &rpm(60)).await;
    // A crash: nothing is returned.
    let held = a.burst(30, 1).await;
    assert_eq!(held, 30);
    drop(a);
    sleep(Duration::from_secs(2)).await;
    let made = all_of(&[b, c], 20, 1).await;
    // At most one lease of it is lost: two.
    assert!((26..=30).contains(&made), "{made} of the 30 that were left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_returns_what_is_held() {
    let server = RedisServer::start().await.unwrap();
    let [a, b, c] = three(&server, &rpm(60)).await;
    assert_eq!(a.burst(30, 1).await, 30);
    a.store.flush(true, a.clock.now()).await.unwrap();
    assert_eq!(all_of(&[b, c], 20, 1).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_through_an_outage_and_a_server_that_comes_back_empty() {
    let mut server = RedisServer::start().await.unwrap();
    let instances = three(&server, &rpm(60)).await;
    let mut made = 0;
    for one in &instances {
        made += one.burst(10, 1).await;
    }
    assert_eq!(made, 30);
    sleep(Duration::from_millis(500)).await;
    server.kill().await.unwrap();
    made += all_of(&instances, 20, 1).await;
    assert!((31..=60).contains(&made), "{made}: promised parts are spent, and no more");
    server.restart().await.unwrap();
    until(|| instances.iter().all(|one| one.store.health().reachable)).await;
    sleep(Duration::from_millis(2_500)).await;
    made += all_of(&instances, 20, 1).await;
    assert!((57..=60).contains(&made), "{made} of 60, before, during and after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_through_a_pause() {
    let server = RedisServer::start().await.unwrap();
    let instances = three(&server, &rpm(60)).await;
    let mut made = 0;
    for one in &instances {
        made += one.burst(10, 1).await;
    }
    sleep(Duration::from_millis(500)).await;
    server.pause().await.unwrap();
    made += all_of(&instances, 20, 1).await;
    server.resume().await.unwrap();
    until(|| instances.iter().all(|one| one.store.health().reachable)).await;
    sleep(Duration::from_millis(2_500)).await;
    made += all_of(&instances, 20, 1).await;
    assert!((57..=60).contains(&made), "{made} of 60, before, during and after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_or_fails_when_the_server_dies_and_the_spend_is_right_in_the_end() {
    let mut server = RedisServer::start().await.unwrap();
    let instances = three(&server, &budget(Decimal::from(1_000))).await;
    let mut calls = 0_u64;
    let mut longest = Duration::ZERO;
    for round in 0..250 {
        if round == 120 {
            server.kill().await.unwrap();
        }
        if round == 200 {
            server.restart().await.unwrap();
        }
        for one in &instances {
            let began = one.clock.now();
            let claim = one.claim(1_234).await;
            let grant =
                claim.unwrap_or_else(|why| panic!("in round {round}: {why:?}, {:?}", one.store));
            longest = longest.max(one.clock.now() - began);
            one.settle(grant, 1_234);
            calls += 1;
        }
        sleep(Duration::from_millis(10)).await;
    }
    println!("longest claim {longest:?}");
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    let spent = Decimal::from(calls * 1_234) / Decimal::from(1_000_000);
    until(|| instances.iter().all(|one| one.spent() == spent)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_finds_no_server_serves() {
    let mut server = RedisServer::start().await.unwrap();
    server.kill().await.unwrap();
    let alone = Instance::join(&server, 1, &rpm(60)).await;
    assert_eq!(alone.burst(100, 1).await, 60);
    server.restart().await.unwrap();
    until(|| alone.store.health().reachable).await;
    let late = Instance::join(&server, 2, &rpm(60)).await;
    sleep(Duration::from_millis(1_500)).await;
    assert_eq!(late.burst(100, 1).await, 0, "it was told what was used");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steady_load_takes_few_round_trips() {
    let server = RedisServer::start().await.unwrap();
    let instances = three(&server, &rpm(60_000)).await;
    let trips = |of: &Instance| of.store.health().round_trips;
    let mut before = 0;
    let mut calls = 0;
    for round in 0..600 {
        if round == 100 {
            before = instances.iter().map(trips).sum();
            calls = 0;
        }
        for one in &instances {
            let grant = one.claim(10).await.unwrap();
            one.settle(grant, 10);
            calls += 1;
        }
        sleep(Duration::from_millis(4)).await;
    }
    let after: u64 = instances.iter().map(trips).sum();
    println!("{} round trips for {calls} calls", after - before);
    assert!((after - before) * 10 < calls, "{} for {calls}", after - before);
}
