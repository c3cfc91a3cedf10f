//! The store in memory of one process.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak},
    time::Duration,
};

use async_trait::async_trait;
use pointsman_clock::{Dice, Instant};
use pointsman_health::{Cooldown, Failure};
use pointsman_types::{Charge, Decimal, Error, ErrorKind, Outcome, Verdict};
use smallvec::SmallVec;

use crate::{
    AccountIx, AccountReport, AccountSpec, Allowances, Bound, Claim, Demand, Denied, Entry, Freed,
    Grant, GrantId, Journal, MemberSpec, Progress, Refusal, Report, Row, Sight, Slot, StateStore,
    Until, Whose, Why,
    cell::{Cell, lock},
    port::Claims,
    spread::{Cooled, Hosts, Spread},
    table::{Locked, Table},
    waiting::Waiting,
};

/// The state of all deployments and accounts, in this process.
///
/// One small lock for each deployment, each shared account and the turns of each group, taken in
/// the order turns, cell, accounts by index. Nothing is awaited while one is held.
#[derive(Debug)]
pub struct MemoryStore {
    table: RwLock<Table>,
    hosts: Mutex<Hosts>,
    listeners: RwLock<Vec<Weak<dyn Freed>>>,
    journal: Option<Arc<dyn Journal>>,
    seed: u64,
}

impl MemoryStore {
    /// An empty store; the seed decides the jitter of cooldowns.
    pub fn new(seed: u64) -> Self {
        Self {
            table: RwLock::default(),
            hosts: Mutex::default(),
            listeners: RwLock::default(),
            journal: None,
            seed,
        }
    }

    /// A store whose spend survives in a journal.
    ///
    /// # Errors
    ///
    /// What of the journal cannot be read.
    pub fn with_journal(seed: u64, journal: Arc<dyn Journal>) -> Result<Self, Error> {
        let written = journal.load()?.into_iter();
        let written = written.map(|entry| (Arc::clone(&entry.account), entry)).collect();
        let table = RwLock::new(Table::remembering(written));
        Ok(Self { table, journal: Some(journal), ..Self::new(seed) })
    }

    /// A store whose limits and budgets are kept by allowances that other instances share.
    pub fn sharing(seed: u64, allowances: Arc<dyn Allowances>) -> Self {
        Self { table: RwLock::new(Table::sharing(allowances)), ..Self::new(seed) }
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims everything, or nothing; and what the journal must hold before the send.
    fn claim(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<(Grant, Vec<Entry>), Denied> {
        let table = self.table();
        let place = &table.places[at.0 as usize];
        let turns = need.turn.map(|turn| (turn, table.turns(need.group)));
        let mut turns = turns.as_ref().map(|(turn, turns)| (*turn, lock(turns)));
        let raced = Refusal { why: Why::Raced, until: Until::Event };
        if turns.as_ref().is_some_and(|(turn, turns)| !turns.allows(*turn)) {
            return Err(Denied::Refused(raced));
        }
        let mut cell = lock(&place.cell);
        let money = cell.money(need);
        let mut refused = cell.check(need, money, now).err();
        let mut shared = table.lock_accounts(&cell.accounts, &need.accounts);
        for (ix, account) in &shared {
            if let Some(refusal) = account.view(Whose::Account(*ix), &need.take, money, now) {
                refused = Some(refusal.and(refused));
            }
        }
        if let Some(refusal) = refused {
            return Err(Denied::Refused(refusal));
        }
        let (own, claims) = draw(&mut cell, &mut shared, need, money, now)?;
        let Some(pass) = cell.pass(need, now) else {
            give_all(&mut cell, own, &mut shared, claims, now);
            return Err(Denied::Refused(raced));
        };
        let grant = Grant { id, slot: at, pass, own, shared: claims };
        if let Some((turn, turns)) = &mut turns {
            turns.take(*turn, at);
        }
        let writes = if self.journal.is_some() {
            let others = shared.iter_mut().filter_map(|(_, account)| account.before_send(now));
            cell.own.before_send(now).into_iter().chain(others).collect()
        } else {
            Vec::new()
        };
        Ok((grant, writes))
    }

    fn give_back(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Cooled {
        let Grant { id, slot, pass, own, shared } = grant;
        let table = self.table();
        let mut dice = Dice::of_call(self.seed, id.0);
        let (cooldown, spread) = {
            let mut cell = lock(&table.places[slot.0 as usize].cell);
            let cooldown = cell.settle(pass, own, outcome, &mut dice, now);
            let (credential, host) = (cell.spec.credential, cell.spec.host);
            (cooldown, move |what| Spread {
                slot,
                what,
                cooled: cooldown.is_some(),
                credential,
                host,
            })
        };
        for (ix, claim) in shared {
            let mut account = lock(&table.accounts[ix.0 as usize]);
            account.settle(claim, outcome.sent, &outcome.charged, now);
        }
        let mut cooled: Cooled = cooldown.map(|cooldown| (slot, cooldown)).into_iter().collect();
        if let Verdict::Failure { kind, retry_after } = outcome.verdict {
            let what = Failure { kind, retry_after, lone: false };
            cooled.extend(spread(what).over(&table, &self.hosts, &mut dice, now));
        }
        cooled
    }

    /// Claims as [`reserve`](StateStore::reserve) does, without a journal and without waiting.
    ///
    /// # Errors
    ///
    /// Why not, and whether more may be fetched.
    pub fn try_reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Denied> {
        self.claim(at, need, id, now).map(|(grant, _)| grant)
    }

    /// Has more fetched of everything shared that such a call needs, all at once, for as long as what
    /// is returned is kept.
    pub fn wait_for(&self, at: Slot, need: &Demand) -> Waiting {
        let table = self.table();
        let cell = lock(&table.places[at.0 as usize].cell);
        let accounts = table.lock_accounts(&cell.accounts, &need.accounts);
        let shared = accounts.iter().filter_map(|(_, account)| account.shared());
        let all = cell.own.shared().into_iter().chain(shared);
        Waiting::at(all, need.take, cell.money(need))
    }

    /// Settles as [`settle`](StateStore::settle) does, and tells of every cooldown that this began
    /// or prolonged: the deployment's own comes first, then those of who shares the blame.
    pub fn settle_all(
        &self,
        grant: Grant,
        outcome: &Outcome,
        now: Instant,
    ) -> SmallVec<[(Slot, Cooldown); 1]> {
        let slot = grant.slot;
        let cooled = self.give_back(grant, outcome, now);
        self.freed(slot);
        cooled
    }

    /// What decisions see of a deployment now, willing or not; `stream` is what a call would ask.
    pub fn seen(&self, at: Slot, stream: bool, now: Instant) -> Row {
        let need = Demand { stream, ..Demand::default() };
        lock(&self.table().places[at.0 as usize].cell).seen(0, 0, &need, now)
    }

    /// Cools a deployment until a moment that another instance decided.
    pub fn cool(&self, at: Slot, until: Instant, kind: ErrorKind, now: Instant) {
        lock(&self.table().places[at.0 as usize].cell).cool(until, kind, now);
    }

    /// Tells whoever waits that capacity may have freed at a deployment.
    pub fn freed(&self, at: Slot) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.freed(at);
        }
    }

    /// Writes, and notes for each account what came of it.
    async fn write(&self, journal: &dyn Journal, entries: Vec<Entry>) -> Result<(), Error> {
        let written = journal.write(entries.clone()).await;
        let table = self.table();
        for entry in &entries {
            table.with_account(&entry.account, |account| account.written(entry, written.is_ok()));
        }
        written
    }
}

/// Claims all of a demand in every account, or nothing.
fn draw(
    cell: &mut Cell,
    shared: &mut Locked<'_>,
    need: &Demand,
    money: Option<Decimal>,
    now: Instant,
) -> Result<(Claim, Claims), Denied> {
    let take = &need.take;
    let mut claims = Claims::new();
    let mut own = cell.own.claim(Whose::Own, take, money, now);
    if own.is_ok() {
        for (ix, account) in &mut *shared {
            match account.claim(Whose::Account(*ix), take, money, now) {
                Ok(claim) => claims.push((*ix, claim)),
                Err(denied) => {
                    if let Ok(own) = std::mem::replace(&mut own, Err(denied)) {
                        give_all(cell, own, shared, std::mem::take(&mut claims), now);
                    }
                    break;
                }
            }
        }
    }
    Ok((own?, claims))
}

/// Gives back what was claimed of an attempt that is not made.
fn give_all(cell: &mut Cell, own: Claim, shared: &mut Locked<'_>, claims: Claims, now: Instant) {
    let nothing = Charge::default();
    cell.own.settle(own, false, &nothing, now);
    for (ix, claim) in claims {
        if let Some((_, account)) = shared.iter_mut().find(|(at, _)| *at == ix) {
            account.settle(claim, false, &nothing, now);
        }
    }
}

/// A grant that is given back unless somebody takes it: its caller may leave while it waits.
struct Held<'a> {
    store: &'a MemoryStore,
    grant: Option<Grant>,
    now: Instant,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            let outcome =
                Outcome { sent: false, ..Outcome::bare(Verdict::Dropped, Duration::ZERO) };
            self.store.settle(grant, &outcome, self.now);
        }
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec], now: Instant) -> Bound {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.bind(members, accounts, now)
    }

    fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight) {
        self.table().view(among, need, now, out);
    }

    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        let (grant, writes) = self.claim(at, need, id, now).map_err(Denied::refusal)?;
        let Some(journal) = self.journal.as_ref().filter(|_| !writes.is_empty()) else {
            return Ok(grant);
        };
        let mut held = Held { store: self, grant: Some(grant), now };
        // The journal tells of its own failures. Calls go on: what is lost is the memory of a
        // crash, not the budget of this process.
        drop(self.write(journal.as_ref(), writes).await);
        held.grant.take().ok_or(Refusal { why: Why::Raced, until: Until::Event })
    }

    fn progress(&self, grant: &Grant, what: Progress<'_>, now: Instant) {
        {
            let table = self.table();
            let mut cell = lock(&table.places[grant.slot.0 as usize].cell);
            match what {
                Progress::Headers(rate) => return cell.headers(rate, now),
                Progress::FirstContent => cell.first_content(grant, now),
            }
        }
        // A probe's first content lets others in again.
        if grant.is_probe() {
            self.freed(grant.slot);
        }
    }

    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
        let slot = grant.slot;
        let own = |(at, cooldown)| (at == slot).then_some(cooldown);
        self.settle_all(grant, outcome, now).into_iter().find_map(own)
    }

    fn report(&self, at: Slot, now: Instant) -> Report {
        lock(&self.table().places[at.0 as usize].cell).report(now)
    }

    fn account(&self, at: AccountIx, now: Instant) -> AccountReport {
        lock(&self.table().accounts[at.0 as usize]).report(now)
    }

    fn on_free(&self, listener: Weak<dyn Freed>) {
        let mut all = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.push(listener);
    }

    async fn flush(&self, end: bool, now: Instant) -> Result<(), Error> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let entries = self.table().behind(end, now);
        if entries.is_empty() {
            return Ok(());
        }
        self.write(journal.as_ref(), entries).await
    }
}
