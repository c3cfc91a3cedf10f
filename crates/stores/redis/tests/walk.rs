//! Random walks of several instances: whatever they do, and whatever becomes of the server, no 60
//! seconds hold more than the limit.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

use std::{collections::VecDeque, sync::Arc, time::Duration};

use pointsman_clock::{Clock, Dice, EntropyExt, Instant, ManualClock};
use pointsman_redis::{Place, RedisSettings, RedisStore};
use pointsman_state::{
    BudgetLimit, Demand, Grant, GrantId, Limits, MemberSpec, Price, Slot, StateStore, Take,
};
use pointsman_testkit::RedisServer;
use pointsman_types::{Charge, Decimal, DeploymentId, Outcome, Secret, Verdict};

const RPM: u32 = 40;
const TPM: u64 = 4_000;
/// Micro-dollars of an hour; a token costs one.
const BUDGET: u64 = 60_000;
const MINUTE: Duration = Duration::from_mins(1);

struct Walk {
    dice: Dice,
    clock: Arc<ManualClock>,
    instances: Vec<(RedisStore, Slot)>,
    under_way: Vec<(usize, Grant, u64)>,
    /// Claims of the last minute: when, and how many tokens.
    sent: VecDeque<(Instant, u64)>,
    spent: u64,
    made: u64,
}

impl Walk {
    async fn new(server: &RedisServer, seed: u64) -> Self {
        let clock = Arc::new(ManualClock::at(pointsman_testkit::now()));
        let mut instances = Vec::new();
        for nth in 0..3 {
            let settings = RedisSettings {
                prefix: format!("walk-{seed}"),
                own_time: true,
                ..RedisSettings::new(Place::Url(Secret::from(server.url())))
            };
            let by: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
            let store = RedisStore::start(&settings, seed * 10 + nth, by).unwrap();
            let limits = Limits { rpm: Some(RPM), tpm: Some(TPM), ..Limits::default() };
            let max = Decimal::new(i64::try_from(BUDGET).unwrap(), 6);
            let member = MemberSpec {
                limits,
                budget: Some(BudgetLimit { max, window: None }),
                price: Some(Price::new(Decimal::new(1, 6), Decimal::new(1, 6))),
                ..MemberSpec::new(DeploymentId::from("a"), "m".into())
            };
            let slot = store.bind(&[member], &[], clock.now()).slots[0];
            store.tell().await;
            instances.push((store, slot));
        }
        let dice = Dice::new(seed);
        let (under_way, sent) = (Vec::new(), VecDeque::new());
        Self { dice, clock, instances, under_way, sent, spent: 0, made: 0 }
    }

    async fn step(&mut self) {
        match self.dice.below(10) {
            0..6 => self.claim().await,
            6..8 => self.settle(),
            8 => self.clock.advance(Duration::from_millis(self.dice.below(400))),
            _ => self.clock.advance(Duration::from_millis(self.dice.below(5_000))),
        }
    }

    async fn claim(&mut self) {
        let (at, tokens) = (self.dice.index(3), 1 + self.dice.below(200));
        let (store, slot) = &self.instances[at];
        let take = Take { requests: 1, input: tokens, output: 0 };
        let need = Demand { take, ..Demand::default() };
        let now = self.clock.now();
        let Ok(grant) = store.reserve(*slot, &need, GrantId(1), now).await else { return };
        self.made += 1;
        self.under_way.push((at, grant, tokens));
        self.sent.push_back((now, tokens));
        while self.sent.front().is_some_and(|(at, _)| now - *at >= MINUTE) {
            self.sent.pop_front();
        }
        let tokens: u64 = self.sent.iter().map(|one| one.1).sum();
        assert!(self.sent.len() <= RPM as usize, "{} requests in a minute", self.sent.len());
        assert!(tokens <= TPM, "{tokens} tokens in a minute");
        let claimed: u64 = self.under_way.iter().map(|one| one.2).sum();
        assert!(self.spent + claimed <= BUDGET, "{} and {claimed} of {BUDGET}", self.spent);
    }

    /// What is used is what was claimed, so that the sums above are exact.
    fn settle(&mut self) {
        let nth = self.dice.index(self.under_way.len());
        if nth < self.under_way.len() {
            let (at, grant, tokens) = self.under_way.swap_remove(nth);
            let money = Some(Decimal::new(i64::try_from(tokens).unwrap(), 6));
            let charged = Charge { input: tokens, output: 0, money };
            let outcome = Outcome { charged, ..Outcome::bare(Verdict::Success, Duration::ZERO) };
            self.instances[at].0.settle(grant, &outcome, self.clock.now());
            self.spent += tokens;
        }
    }

    /// As in time that does not jump: each lease that has expired meanwhile is returned by its
    /// holder, and everybody knows.
    async fn all_tell(&self) {
        for _ in 0..2 {
            for (store, _) in &self.instances {
                store.tell().await;
            }
            self.clock.advance(Duration::from_millis(450));
        }
        for (store, _) in &self.instances {
            store.tell().await;
        }
    }

    async fn spends_to_the_last(&mut self) {
        while !self.under_way.is_empty() {
            self.settle();
        }
        for _ in 0..2 {
            self.all_tell().await;
            self.clock.advance(Duration::from_secs(3));
        }
        self.all_tell().await;
        for (store, slot) in &self.instances {
            let spend = store.report(*slot, self.clock.now()).account.spend.unwrap();
            let truth = Decimal::new(i64::try_from(self.spent).unwrap(), 6);
            assert_eq!((spend.spent, spend.reserved), (truth, Decimal::ZERO));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_ever_over() {
    let server = RedisServer::start().await.unwrap();
    for seed in 1..4 {
        let mut walk = Walk::new(&server, seed).await;
        for _ in 0..500 {
            walk.step().await;
        }
        assert!(walk.made > 50, "{} calls in walk {seed}", walk.made);
        walk.spends_to_the_last().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_over_when_the_server_dies_and_comes_back_empty() {
    let mut server = RedisServer::start().await.unwrap();
    for seed in 4..6 {
        let mut walk = Walk::new(&server, seed).await;
        for step in 0..500 {
            match step {
                200 => {
                    walk.all_tell().await;
                    server.kill().await.unwrap();
                }
                300 => server.restart().await.unwrap(),
                _ => walk.step().await,
            }
        }
        for (store, _) in &walk.instances {
            while !store.health().reachable {
                store.tell().await;
            }
        }
        walk.spends_to_the_last().await;
    }
}
