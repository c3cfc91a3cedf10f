//! What every store of live state must do, over a real server.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use pointsman_clock::{Clock, Instant, ManualClock};
use pointsman_redis::{Place, RedisSettings, RedisStore};
use pointsman_state::{
    AccountIx, AccountReport, AccountSpec, Bound, Cooldown, Demand, Freed, Grant, GrantId,
    MemberSpec, Progress, Refusal, Report, Sight, Slot, StateStore,
};
use pointsman_testkit::{RedisServer, contract};
use pointsman_types::{Error, Outcome, Secret};
use tokio::{runtime::Handle, task::block_in_place};

/// A store whose clock, and the server's, show the moments that it is told. What was used before
/// time moves on is told before.
#[derive(Debug)]
struct Following {
    store: RedisStore,
    clock: Arc<ManualClock>,
    handle: Handle,
}

impl Following {
    fn follow(&self, now: Instant) {
        let before = self.clock.now();
        if now <= before {
            return;
        }
        self.wait();
        self.clock.advance(now - before);
        self.wait();
    }

    fn wait(&self) {
        let telling = || self.handle.block_on(self.store.tell());
        if Handle::try_current().is_ok() { block_in_place(telling) } else { telling() }
    }
}

#[async_trait]
impl StateStore for Following {
    fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec], now: Instant) -> Bound {
        self.follow(now);
        let bound = self.store.bind(members, accounts, now);
        self.wait();
        bound
    }

    fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight) {
        self.follow(now);
        self.store.view(among, need, now, out);
    }

    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        self.follow(now);
        self.store.reserve(at, need, id, now).await
    }

    fn progress(&self, grant: &Grant, what: Progress<'_>, now: Instant) {
        self.follow(now);
        self.store.progress(grant, what, now);
    }

    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
        self.follow(now);
        self.store.settle(grant, outcome, now)
    }

    fn report(&self, at: Slot, now: Instant) -> Report {
        self.follow(now);
        self.store.report(at, now)
    }

    fn account(&self, at: AccountIx, now: Instant) -> AccountReport {
        self.follow(now);
        self.store.account(at, now)
    }

    fn on_free(&self, listener: Weak<dyn Freed>) {
        self.store.on_free(listener);
    }

    async fn flush(&self, end: bool, now: Instant) -> Result<(), Error> {
        self.store.flush(end, now).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_a_store_like_any_other() {
    let server = RedisServer::start().await.unwrap();
    let (count, handle) = (AtomicU64::new(0), Handle::current());
    let make = || -> Arc<dyn StateStore> {
        let nth = count.fetch_add(1, Ordering::Relaxed);
        let settings = RedisSettings {
            prefix: format!("store-{nth}"),
            own_time: true,
            ..RedisSettings::new(Place::Url(Secret::from(server.url())))
        };
        let clock = Arc::new(ManualClock::at(pointsman_testkit::now()));
        let by: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let store = RedisStore::start(&settings, nth + 1, by).unwrap();
        Arc::new(Following { store, clock, handle: handle.clone() })
    };
    contract::state_store(make).await;
}
