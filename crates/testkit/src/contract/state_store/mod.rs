//! What every store of live state must do.

mod accounts;
mod events;
mod health;
mod limits;
mod reload;
mod threads;
mod turns;

use std::{cell::Cell, sync::Arc, time::Duration};

use pointsman_clock::Instant;
use pointsman_state::{
    AccountId, AccountIx, AccountSpec, Bound, BudgetLimit, Demand, Grant, GrantId, Limit, Limits,
    MemberSpec, Price, Refusal, Report, Sight, Slot, StateStore, Take,
};
use pointsman_types::{Charge, Decimal, DeploymentId, ErrorKind, Outcome, Verdict};

/// Runs everything that a store of live state must do, each thing on a store of its own.
///
/// `make` makes a store that nothing is bound to yet. Moments are handed to it as arguments: they
/// begin at this one and run ahead of the clock.
///
/// ```
/// use pointsman_state::MemoryStore;
/// use pointsman_testkit::contract;
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// contract::state_store(|| Arc::new(MemoryStore::new(7))).await;
/// # }
/// ```
pub async fn state_store(make: impl Fn() -> Arc<dyn StateStore>) {
    limits::run(&make).await;
    accounts::run(&make).await;
    health::run(&make).await;
    turns::run(&make).await;
    reload::run(&make).await;
    events::run(&make).await;
    threads::run(&make).await;
}

type Make<'a> = &'a dyn Fn() -> Arc<dyn StateStore>;

/// A store, and the moment that it is told.
struct World {
    store: Arc<dyn StateStore>,
    now: Cell<Instant>,
    grants: Cell<u64>,
}

impl World {
    fn new(make: Make<'_>) -> Self {
        // A whole second, so that what is counted by seconds is easily foretold.
        let start = Instant::from_secs(crate::now().as_secs() + 1);
        Self { store: make(), now: Cell::new(start), grants: Cell::new(1) }
    }

    fn now(&self) -> Instant {
        self.now.get()
    }

    fn pass(&self, time: Duration) {
        self.now.set(self.now() + time);
    }

    fn seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec]) -> Bound {
        self.store.bind(members, accounts, self.now())
    }

    fn grant_id(&self) -> GrantId {
        let id = self.grants.get();
        self.grants.set(id + 1);
        GrantId(id)
    }

    async fn reserve(&self, at: Slot, need: &Demand) -> Result<Grant, Refusal> {
        self.store.reserve(at, need, self.grant_id(), self.now()).await
    }

    async fn take(&self, at: Slot, need: &Demand) -> Grant {
        self.reserve(at, need).await.expect("it fits")
    }

    async fn refused(&self, at: Slot, need: &Demand) -> Refusal {
        match self.reserve(at, need).await {
            Err(refusal) => refusal,
            Ok(_) => panic!("it must be refused: {need:?}"),
        }
    }

    fn settle(&self, grant: Grant, outcome: &Outcome) {
        self.store.settle(grant, outcome, self.now());
    }

    fn report(&self, at: Slot) -> Report {
        self.store.report(at, self.now())
    }

    /// What of a deployment's own limit is used.
    fn used(&self, at: Slot, limit: Limit) -> u64 {
        let windows = self.report(at).account.windows;
        windows.iter().find(|one| one.limit == limit).expect("it is limited").used
    }

    /// The same of a shared account.
    fn used_of(&self, at: AccountIx, limit: Limit) -> u64 {
        let windows = self.store.account(at, self.now()).windows;
        windows.iter().find(|one| one.limit == limit).expect("it is limited").used
    }

    /// Spent and reserved of a deployment's budget.
    fn spend(&self, at: Slot) -> (Decimal, Decimal) {
        let spend = self.report(at).account.spend.expect("it has a budget");
        (spend.spent, spend.reserved)
    }

    /// The same of a shared account.
    fn spend_of(&self, at: AccountIx) -> (Decimal, Decimal) {
        let spend = self.store.account(at, self.now()).spend.expect("it has a budget");
        (spend.spent, spend.reserved)
    }

    fn view(&self, among: &[Slot], need: &Demand) -> Sight {
        let mut sight = Sight::default();
        self.store.view(among, need, self.now(), &mut sight);
        let seen = sight.rows.iter().map(|row| row.at).chain(sight.refused.iter().map(|one| one.0));
        let mut seen: Vec<usize> = seen.collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..among.len()), "each member is a row or a refusal");
        sight
    }

    /// Why the view refuses this one of the members.
    fn sees_refused(&self, among: &[Slot], nth: usize) -> Option<Refusal> {
        let sight = self.view(among, &one());
        sight.refused.iter().find(|refused| refused.0 == nth).map(|refused| refused.1)
    }

    /// One call that ends like this, and whether a cooldown began.
    async fn ends(&self, at: Slot, verdict: Verdict) -> bool {
        let grant = self.take(at, &one()).await;
        let outcome = Outcome::bare(verdict, Duration::from_secs(1));
        self.store.settle(grant, &outcome, self.now()).is_some()
    }
}

/// A member of the group `g`.
fn member(id: &str) -> MemberSpec {
    let mut member = MemberSpec::new(DeploymentId::from(id), "g".into());
    // A dollar for each token, to count by.
    member.price = Some(Price::new(Decimal::ONE, Decimal::ONE));
    member
}

fn limited(id: &str, limits: Limits) -> MemberSpec {
    MemberSpec { limits, ..member(id) }
}

fn account(name: &str, limits: Limits, budget: Option<u64>) -> AccountSpec {
    AccountSpec { id: AccountId::quota(name), limits, budget: budget.map(dollars) }
}

/// A budget without a window.
fn dollars(max: u64) -> BudgetLimit {
    BudgetLimit { max: max.into(), window: None }
}

fn rpm(value: u32) -> Limits {
    Limits { rpm: Some(value), ..Limits::default() }
}

fn tpm(value: u64) -> Limits {
    Limits { tpm: Some(value), ..Limits::default() }
}

fn slots(value: u32) -> Limits {
    Limits { max_parallel_requests: Some(value), ..Limits::default() }
}

fn tokens(input: u64, output: u64) -> Demand {
    let take = Take { requests: 1, input, output };
    Demand { take, ..Demand::default() }
}

/// One request without tokens.
fn one() -> Demand {
    tokens(0, 0)
}

/// A success that used this much, at a dollar for each token.
fn used(input: u64, output: u64) -> Outcome {
    let money = Some(Decimal::from(input + output));
    let charged = Charge { input, output, money };
    Outcome { charged, ..Outcome::bare(Verdict::Success, Duration::from_secs(1)) }
}

/// An attempt that never left.
fn unsent() -> Outcome {
    Outcome { sent: false, ..Outcome::bare(Verdict::Dropped, Duration::ZERO) }
}

fn failure(kind: ErrorKind, after: Option<u64>) -> Verdict {
    Verdict::Failure { kind, retry_after: after.map(Duration::from_secs) }
}
