//! A state store of your own: implement `StateStore`, hand it to the builder.
//!
//! `cargo run -p pointsman --example own_store`
//!
//! This one wraps the store in memory and keeps a ledger of what was claimed and how it ended.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    error::Error,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use pointsman::{
    Call, Deployment,
    clock::Instant,
    state::{
        AccountIx, AccountReport, AccountSpec, Bound, Cooldown, Demand, Freed, Grant, GrantId,
        MemberSpec, MemoryStore, Progress, Refusal, Report, Sight, Slot, StateStore,
    },
    types::{self, Outcome, Verdict},
};
use serde_json::json;

#[derive(Debug)]
struct Ledger {
    inner: MemoryStore,
    claimed: AtomicU64,
    answered: AtomicU64,
}

#[async_trait]
impl StateStore for Ledger {
    fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec], now: Instant) -> Bound {
        self.inner.bind(members, accounts, now)
    }

    fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight) {
        self.inner.view(among, need, now, out);
    }

    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        let grant = self.inner.reserve(at, need, id, now).await?;
        self.claimed.fetch_add(1, Ordering::Relaxed);
        Ok(grant)
    }

    fn progress(&self, grant: &Grant, what: Progress<'_>, now: Instant) {
        self.inner.progress(grant, what, now);
    }

    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
        if outcome.verdict == Verdict::Success {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.settle(grant, outcome, now)
    }

    fn report(&self, at: Slot, now: Instant) -> Report {
        self.inner.report(at, now)
    }

    fn account(&self, at: AccountIx, now: Instant) -> AccountReport {
        self.inner.account(at, now)
    }

    fn on_free(&self, listener: Weak<dyn Freed>) {
        self.inner.on_free(listener);
    }

    async fn flush(&self, end: bool, now: Instant) -> Result<(), types::Error> {
        self.inner.flush(end, now).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let ledger = Arc::new(Ledger {
        inner: MemoryStore::new(7),
        claimed: AtomicU64::new(0),
        answered: AtomicU64::new(0),
    });
    let router = pointsman::builder()?
        .deployment(Deployment::new("chat", "simulated", "quick"))
        .store(Arc::clone(&ledger) as Arc<dyn StateStore>)
        .build()?;
    for _ in 0..3 {
        router.call(Call::chat("chat", json!({"messages": []}))?).await?;
    }
    let count = |what: &AtomicU64| what.load(Ordering::Relaxed);
    println!("claimed {}, answered {}", count(&ledger.claimed), count(&ledger.answered));
    Ok(())
}
