//! Several instances over a real server, in a time of their own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what the tests share is a test as well"
)]

use std::{sync::Arc, time::Duration};

use pointsman_clock::{Clock, ManualClock};
use pointsman_redis::{Place, RedisSettings, RedisStore};
use pointsman_state::{
    AccountId, AccountSpec, Bound, BudgetLimit, Demand, Grant, GrantId, Limits, MemberSpec, Price,
    Refusal, Slot, Standing, StateStore, Take,
};
use pointsman_testkit::RedisServer;
use pointsman_types::{Charge, Decimal, DeploymentId, ErrorKind, Outcome, Secret, Verdict};
use tokio::time::timeout;

/// How long an instance waits for a server that may not be there.
const START: Duration = Duration::from_secs(1);
/// How long anything may take that takes no time.
const WITHIN: Duration = Duration::from_secs(20);

struct Instance {
    store: Arc<RedisStore>,
    clock: Arc<ManualClock>,
    slot: Slot,
    bound: Bound,
}

impl Instance {
    async fn join(server: &RedisServer, seed: u64, what: &What, clock: &Arc<ManualClock>) -> Self {
        let settings = RedisSettings {
            strict: what.strict,
            own_time: true,
            ..RedisSettings::new(Place::Url(Secret::from(server.url())))
        };
        let clock = Arc::clone(clock);
        let by: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let store = Arc::new(RedisStore::start(&settings, seed, by).unwrap());
        let member = |name: &str| MemberSpec {
            limits: what.limits,
            budget: what.budget,
            accounts: (0..what.accounts.len()).collect(),
            price: Some(Price::new(Decimal::new(1, 6), Decimal::new(1, 6))),
            ..MemberSpec::new(DeploymentId::from(name), "m".into())
        };
        let bound = store.bind(&[member("a"), member("b")], &what.accounts, clock.now());
        store.ready(START).await;
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
    strict: bool,
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
    let clock = Arc::new(ManualClock::at(pointsman_testkit::now()));
    let [a, b, c] = [1, 2, 3].map(|seed| Instance::join(server, seed, what, &clock));
    let all: [Instance; 3] = tokio::join!(a, b, c).into();
    pass(&all, Duration::from_secs(1)).await;
    all
}

/// So much time passes, in which everybody says what there is to say, as often as they do.
async fn pass(instances: &[Instance], time: Duration) {
    const STEP: Duration = Duration::from_millis(200);
    let mut left = time;
    while !left.is_zero() {
        instances[0].clock.advance(left.min(STEP));
        left = left.saturating_sub(STEP);
        for one in instances {
            one.store.tell().await;
        }
    }
}

async fn until(instances: &[Instance], mut holds: impl FnMut() -> bool) {
    let telling = async {
        while !holds() {
            pass(instances, Duration::from_millis(100)).await;
        }
    };
    timeout(WITHIN, telling).await.expect("it came about");
}

/// Bursts from all sides, until nobody gets anything for a while.
async fn all_of(instances: &[Instance], calls: usize, tokens: u64) -> u64 {
    let (mut all, mut idle) = (0, 0);
    while idle < 6 {
        let bursts = instances.iter().map(|one| one.burst(calls, tokens));
        let made: u64 = futures_util::future::join_all(bursts).await.into_iter().sum();
        all += made;
        idle = if made == 0 { idle + 1 } else { 0 };
        pass(instances, Duration::from_millis(100)).await;
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_ready_knows_of_all_that_it_has_bound() {
    let server = RedisServer::start().await.unwrap();
    let all = three(&server, &rpm(60)).await;
    let clock = Arc::clone(&all[0].clock);
    let used = |store: &RedisStore, slot| store.report(slot, clock.now()).account.windows[0].used;
    let telling = async {
        let mut made = 0;
        while made < 40 || used(&all[1].store, all[1].slot) < 40 {
            made += all[0].burst(40 - usize::try_from(made).unwrap(), 1).await;
            pass(&all, Duration::from_millis(1)).await;
        }
    };
    timeout(WITHIN, telling).await.expect("the others know of forty");
    let settings = RedisSettings {
        own_time: true,
        ..RedisSettings::new(Place::Url(Secret::from(server.url())))
    };
    let by: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let store = RedisStore::start(&settings, 4, by).unwrap();
    // It has talked to the server before it knows what it limits.
    store.ready(WITHIN).await;
    let limits = rpm(60).limits;
    let member = MemberSpec { limits, ..MemberSpec::new(DeploymentId::from("a"), "m".into()) };
    let slot = store.bind(&[member], &[], clock.now()).slots[0];
    store.ready(WITHIN).await;
    assert_eq!(used(&store, slot), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_hold_and_do_not_use_is_called_back() {
    let server = RedisServer::start().await.unwrap();
    let [a, b, c] = three(&server, &rpm(60)).await;
    // Time stands still from here on: nothing comes back by itself.
    let twenty = async |one: &Instance| {
        let mut made = 0;
        while made < 20 {
            made += usize::try_from(one.burst(20 - made, 1).await).unwrap();
        }
    };
    for one in [&a, &b, &c] {
        timeout(WITHIN, twenty(one)).await.expect("sixty are sixty, whoever asks");
    }
    assert_eq!(a.burst(5, 1).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_from_all_sides_are_one_limit() {
    for strict in [false, true] {
        let server = RedisServer::start().await.unwrap();
        let instances = three(&server, &What { strict, ..rpm(60) }).await;
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
    until(&instances, || instances.iter().all(|one| one.spent() == spent)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_used_comes_back_to_everybody() {
    let server = RedisServer::start().await.unwrap();
    let limits = Limits { tpm: Some(10_000), ..Limits::default() };
    let what = What { limits, ..What::default() };
    let instances = three(&server, &what).await;
    let [a, b, _] = &instances;
    let grant = a.claim(9_000).await.unwrap();
    pass(&instances, Duration::from_millis(500)).await;
    assert!(b.claim(2_000).await.is_err(), "it is reserved");
    a.settle(grant, 1_000);
    assert_eq!(all_of(&instances, 4, 2_000).await, 4, "9,000 were left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cooldowns_are_everybodys_and_known_to_whoever_joins() {
    let server = RedisServer::start().await.unwrap();
    let instances = three(&server, &rpm(1_000)).await;
    let [a, b, c] = &instances;
    let grant = a.claim(1).await.unwrap();
    a.fail(grant, ErrorKind::RateLimited, Duration::from_secs(30));
    until(&instances, || b.is_cooling() && c.is_cooling()).await;
    let late = Instance::join(&server, 9, &rpm(1_000), &a.clock).await;
    assert!(late.is_cooling(), "it knew before its first call");
    let of = |one: &Instance| match one.store.report(one.slot, one.clock.now()).standing {
        Standing::Cooling { until, .. } => until,
        other => panic!("{other:?}"),
    };
    let apart = of(a).max(of(&late)) - of(a).min(of(&late));
    assert!(apart < Duration::from_millis(100), "{apart:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_returns_what_is_held() {
    let server = RedisServer::start().await.unwrap();
    let instances = three(&server, &rpm(60)).await;
    let a = &instances[0];
    assert_eq!(a.burst(30, 1).await, 30);
    a.store.flush(true, a.clock.now()).await.unwrap();
    assert_eq!(all_of(&instances[1..], 20, 1).await, 30);
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
    pass(&instances, Duration::from_millis(500)).await;
    server.kill().await.unwrap();
    made += all_of(&instances, 20, 1).await;
    assert!((31..=60).contains(&made), "{made}: promised parts are spent, and no more");
    server.restart().await.unwrap();
    until(&instances, || instances.iter().all(|one| one.store.health().reachable)).await;
    pass(&instances, Duration::from_millis(2_500)).await;
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
    pass(&instances, Duration::from_millis(500)).await;
    server.pause().await.unwrap();
    made += all_of(&instances, 20, 1).await;
    server.resume().await.unwrap();
    until(&instances, || instances.iter().all(|one| one.store.health().reachable)).await;
    pass(&instances, Duration::from_millis(2_500)).await;
    made += all_of(&instances, 20, 1).await;
    assert!((57..=60).contains(&made), "{made} of 60, before, during and after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_when_the_server_dies_and_the_spend_is_right_in_the_end() {
    let mut server = RedisServer::start().await.unwrap();
    let instances = three(&server, &budget(Decimal::from(1_000))).await;
    let mut calls = 0_u64;
    for round in 0..150 {
        match round {
            50 => server.kill().await.unwrap(),
            100 => server.restart().await.unwrap(),
            _ => {}
        }
        for one in &instances {
            let claim = one.claim(1_234).await;
            let grant =
                claim.unwrap_or_else(|why| panic!("round {round}: {why:?} {:?}", one.store));
            one.settle(grant, 1_234);
            calls += 1;
        }
        instances[0].clock.advance(Duration::from_millis(10));
    }
    let spent = Decimal::from(calls * 1_234) / Decimal::from(1_000_000);
    until(&instances, || instances.iter().all(|one| one.spent() == spent)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_finds_no_server_serves() {
    let mut server = RedisServer::start().await.unwrap();
    server.kill().await.unwrap();
    let clock = Arc::new(ManualClock::at(pointsman_testkit::now()));
    let alone = [Instance::join(&server, 1, &rpm(60), &clock).await];
    assert_eq!(alone[0].burst(100, 1).await, 60);
    server.restart().await.unwrap();
    until(&alone, || alone[0].store.health().reachable).await;
    pass(&alone, Duration::from_millis(1_500)).await;
    let late = Instance::join(&server, 2, &rpm(60), &clock).await;
    assert_eq!(late.burst(100, 1).await, 0, "it was told what was used");
}
