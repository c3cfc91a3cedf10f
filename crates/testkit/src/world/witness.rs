//! A store that watches the store: every claim and settle is written down and checked, and bugs on
//! purpose are put in here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_state::{
    AccountIx, AccountReport, AccountSpec, Bound, Cooldown, Demand, Freed, Grant, GrantId, Limits,
    MemberSpec, MemoryStore, Progress, Refusal, Report, Sight, Slot, StateStore, Until, Why,
};
use pointsman_types::{Blame, Charge, Decimal, Error, ErrorKind, Outcome, Verdict};

use super::{
    Mutant,
    build::doubled,
    log::{Attempt, Log, seconds},
};

const SECOND: Duration = Duration::from_secs(1);

/// What is known of a member from its configuration and from how it was settled.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) spec: MemberSpec,
    pub(crate) accounts: Vec<AccountIx>,
    /// Its limits, and since when.
    pub(crate) eras: Vec<(Instant, Limits)>,
    lone: bool,
    in_flight: u32,
    /// Out until then, and whether hard, as far as it was told.
    out: Option<(Instant, bool)>,
    /// The grant of the probe that is under way.
    probe: Option<u64>,
}

/// The books of the watcher.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// By slot.
    pub(crate) known: Vec<Known>,
    /// Limits and budget of each account, and since when.
    pub(crate) accounts: Vec<(AccountSpec, Vec<(Instant, Limits)>)>,
    members: HashMap<String, usize>,
    settles: u64,
}

/// The store in memory, watched.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) inner: MemoryStore,
    log: Arc<Log>,
    registry: Mutex<Registry>,
    /// Whether others seem to draw on limits too, see [`super::scene::Scene`].
    shared: bool,
    mutant: Option<Mutant>,
}

impl Witness {
    /// Watches a store; `members` are the ids in the order of the scene.
    pub(crate) fn new(
        inner: MemoryStore,
        log: Arc<Log>,
        members: impl Iterator<Item = String>,
        shared: bool,
        mutant: Option<Mutant>,
    ) -> Self {
        let members = members.zip(0..).collect();
        let registry = Mutex::new(Registry { members, ..Registry::default() });
        Self { inner, log, registry, shared, mutant }
    }

    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether another instance has just taken what was left of the member's limit.
    fn taken_elsewhere(&self, at: Slot, now: Instant) -> Option<Refusal> {
        let registry = self.registry();
        let limited = registry.known[at.0 as usize].spec.limits != Limits::default();
        let moment = now.as_nanos() / 1_000_000 + u64::from(at.0);
        let taken = self.shared && limited && moment.is_multiple_of(5);
        taken.then(|| Refusal { why: Why::Headroom, until: Until::At(now + SECOND) })
    }

    /// The laws of a claim.
    fn claimed(&self, at: Slot, need: &Demand, grant: &Grant, now: Instant) {
        let mut registry = self.registry();
        let Registry { known, members, .. } = &mut *registry;
        let known = &mut known[at.0 as usize];
        let mut book = self.log.book();
        book.steps += 1;
        let id = &known.spec.id;
        if let Some(probe) = known.probe {
            book.breaks("one probe at a time", now, || {
                format!("{id} took {:?} while its probe {probe} was under way", grant.id.0)
            });
        }
        if let Some((until, hard)) = known.out {
            if now < until && (hard || !need.last_resort) {
                book.breaks("nothing reaches a cooling member", now, || {
                    format!("{id} cools until {}", seconds(until))
                });
            }
            if now >= until && !grant.is_probe() {
                book.breaks("the first after a cooldown is its probe", now, || id.to_string());
            }
        }
        known.probe = grant.is_probe().then_some(grant.id.0).or(known.probe);
        known.in_flight += 1;
        if let Some(slots) = known.eras.iter().filter_map(|era| era.1.max_parallel_requests).max()
            && known.eras.iter().all(|era| era.1.max_parallel_requests.is_some())
            && known.in_flight > slots
        {
            book.breaks("slots", now, || format!("{} of {slots} at {id}", known.in_flight));
        }
        let mut accounts: smallvec::SmallVec<[AccountIx; 4]> =
            known.accounts.iter().chain(&need.accounts).copied().collect();
        accounts.sort_unstable();
        accounts.dedup();
        let price = known.spec.price.as_ref();
        let attempt = Attempt {
            grant: grant.id.0,
            member: members[known.spec.id.as_str()],
            call: None,
            reserved: now,
            take: need.take,
            estimate: price.map(|price| price.estimate(need.take.input, need.take.output)),
            accounts,
            sent: None,
            content: None,
            tokens: 0,
            usage: None,
            said: None,
            over: None,
            settled: None,
        };
        let (place, member) = (book.attempts.len(), attempt.member);
        if book.by_grant.insert(attempt.grant, place).is_some() {
            book.breaks("a grant has one name", now, || attempt.grant.to_string());
        }
        book.unsent.entry(member).or_default().push(place);
        book.attempts.push(attempt);
        drop((book, registry));
        self.agrees(at, now);
    }

    /// What the store says is in flight is what was claimed and not settled.
    fn agrees(&self, at: Slot, now: Instant) {
        let says = self.inner.report(at, now).in_flight;
        let registry = self.registry();
        let known = &registry.known[at.0 as usize];
        if says != known.in_flight {
            self.log.book().breaks("what is claimed is given back", now, || {
                format!("{} says {says} in flight, it is {}", known.spec.id, known.in_flight)
            });
        }
    }

    /// The laws of a settle, before the store knows of it.
    fn settling(&self, grant: &Grant, outcome: &Outcome, now: Instant) {
        let mut registry = self.registry();
        registry.settles += 1;
        let known = &mut registry.known[grant.slot.0 as usize];
        known.in_flight = known.in_flight.saturating_sub(1);
        let mut book = self.log.book();
        book.steps += 1;
        let Some(place) = book.by_grant.get(&grant.id.0).copied() else { return };
        let member = book.attempts[place].member;
        if let Some(unsent) = book.unsent.get_mut(&member) {
            unsent.retain(|at| *at != place);
        }
        if book.attempts[place].settled.replace((now, outcome.clone())).is_some() {
            book.breaks("settled once", now, || format!("grant {} twice", grant.id.0));
        }
        if known.probe == Some(grant.id.0) {
            known.probe = None;
            if outcome.verdict == Verdict::Success {
                known.out = None;
                book.asked_off.remove(&member);
            }
        }
        if let Verdict::Failure { kind: ErrorKind::RateLimited, retry_after: Some(after) } =
            outcome.verdict
            && !known.lone
            && !known.spec.health.disabled
        {
            let until = book.asked_off.entry(member).or_insert(now);
            *until = (*until).max(now + after);
        }
    }

    /// The laws of a settle, after it.
    fn settled(&self, at: Slot, outcome: &Outcome, cooled: Option<Cooldown>, now: Instant) {
        let blameless = match outcome.verdict {
            Verdict::Success | Verdict::Dropped => true,
            Verdict::Failure { kind, .. } => kind.blame() == Blame::Client,
        };
        let mut registry = self.registry();
        let known = &mut registry.known[at.0 as usize];
        if let Some(cooldown) = cooled {
            if blameless {
                self.log.book().breaks("a client's fault cools nobody", now, || {
                    format!("{} after {:?}", known.spec.id, outcome.verdict)
                });
            }
            let longest = known.out.map_or(cooldown.until, |(out, _)| out.max(cooldown.until));
            known.out = Some((longest, cooldown.hard));
            self.shares_blame(&registry, at, cooldown, now);
        }
        drop(registry);
        self.agrees(at, now);
    }

    /// A refused credential cools whoever shares it.
    fn shares_blame(&self, registry: &Registry, at: Slot, cooldown: Cooldown, now: Instant) {
        let known = &registry.known[at.0 as usize];
        if cooldown.kind.blame() != Blame::Credential || known.spec.credential.is_none() {
            return;
        }
        for (slot, other) in (0..).map(Slot).zip(&registry.known) {
            let shares = other.spec.credential == known.spec.credential;
            let willing = || self.inner.report(slot, now).standing.is_willing();
            if shares && !other.spec.health.disabled && other.probe.is_none() && willing() {
                self.log.book().breaks("a bad credential cools all that share it", now, || {
                    format!("{} still serves", other.spec.id)
                });
            }
        }
    }

    /// An outcome as a bug on purpose has it.
    fn mutated(&self, grant: &Grant, outcome: &Outcome) -> Outcome {
        let mut outcome = outcome.clone();
        let failed = matches!(outcome.verdict, Verdict::Failure { .. });
        match (self.mutant, &mut outcome.verdict) {
            (Some(Mutant::ForgetRequest), Verdict::Failure { .. }) => outcome.sent = false,
            (Some(Mutant::ForgetCharge), Verdict::Dropped) => {
                outcome.charged = Charge { money: Some(Decimal::ZERO), ..Charge::default() };
            }
            (Some(Mutant::ForgetRetryAfter), Verdict::Failure { retry_after, .. }) => {
                *retry_after = None;
            }
            (Some(Mutant::BlameClient), Verdict::Failure { kind, .. })
                if kind.blame() == Blame::Client =>
            {
                *kind = ErrorKind::RateLimited;
            }
            (Some(Mutant::ForgetBlame), verdict) if failed => *verdict = Verdict::Success,
            (Some(Mutant::ChargeEstimate), _) if outcome.usage.is_some() && outcome.stream => {
                let book = self.log.book();
                let attempt = &book.attempts[book.by_grant[&grant.id.0]];
                let (input, output) = (attempt.take.input, attempt.take.output);
                outcome.charged = Charge { input, output, money: attempt.estimate };
            }
            _ => {}
        }
        outcome
    }
}

#[async_trait]
impl StateStore for Witness {
    fn bind(&self, members: &[MemberSpec], accounts: &[AccountSpec], now: Instant) -> Bound {
        let mut told = (members.to_vec(), accounts.to_vec());
        if self.is(Mutant::DoubleLimit) {
            told.0.iter_mut().for_each(|one| one.limits = doubled(one.limits));
        }
        if self.is(Mutant::ForgetAccount) {
            told.1.iter_mut().for_each(|one| one.limits = Limits::default());
        }
        let bound = self.inner.bind(&told.0, &told.1, now);
        let mut registry = self.registry();
        for (ix, account) in bound.accounts.iter().zip(accounts) {
            let at = ix.0 as usize;
            if at == registry.accounts.len() {
                registry.accounts.push((account.clone(), Vec::new()));
            }
            registry.accounts[at].1.push((now, account.limits));
        }
        for (slot, spec) in bound.slots.iter().zip(members) {
            let at = slot.0 as usize;
            let shared: Vec<AccountIx> =
                spec.accounts.iter().map(|at| bound.accounts[*at]).collect();
            let lone = members.iter().filter(|other| other.group == spec.group).count() == 1;
            if at == registry.known.len() {
                registry.known.push(Known {
                    spec: spec.clone(),
                    accounts: Vec::new(),
                    eras: Vec::new(),
                    lone,
                    in_flight: 0,
                    out: None,
                    probe: None,
                });
            }
            let known = &mut registry.known[at];
            known.eras.push((now, spec.limits));
            (known.spec, known.accounts, known.lone) = (spec.clone(), shared, lone);
        }
        bound
    }

    fn view(&self, among: &[Slot], need: &Demand, now: Instant, out: &mut Sight) {
        let early =
            self.is(Mutant::EarlyProbe).then(|| Demand { last_resort: true, ..need.clone() });
        self.inner.view(among, early.as_ref().unwrap_or(need), now, out);
        if self.is(Mutant::RefuseWilling)
            && (now.as_nanos() / 1_000_000).is_multiple_of(7)
            && let Some(row) = out.rows.pop()
        {
            let until = Until::At(now + SECOND);
            out.refused.push((row.at, Refusal { why: Why::Headroom, until }));
        }
    }

    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        if let Some(refusal) = self.taken_elsewhere(at, now) {
            return Err(refusal);
        }
        let early =
            self.is(Mutant::EarlyProbe).then(|| Demand { last_resort: true, ..need.clone() });
        let grant = self.inner.reserve(at, early.as_ref().unwrap_or(need), id, now).await?;
        self.claimed(at, need, &grant, now);
        if self.is(Mutant::SecondProbe) && grant.is_probe() {
            self.inner.progress(&grant, Progress::FirstContent, now);
        }
        if self.is(Mutant::CountTurnTwice)
            && let Some(turn) = need.turn
        {
            let turn = pointsman_state::Turn { total: turn.total + 1, ..turn };
            let again = Demand { turn: Some(turn), ..need.clone() };
            let second = GrantId(id.0.wrapping_add(1 << 60));
            if id.0.is_multiple_of(3)
                && let Ok(second) = self.inner.reserve(at, &again, second, now).await
            {
                let unsent =
                    Outcome { sent: false, ..Outcome::bare(Verdict::Dropped, Duration::ZERO) };
                self.inner.settle(second, &unsent, now);
            }
        }
        Ok(grant)
    }

    fn progress(&self, grant: &Grant, what: Progress<'_>, now: Instant) {
        if matches!(what, Progress::FirstContent) {
            let mut registry = self.registry();
            let known = &mut registry.known[grant.slot.0 as usize];
            if known.probe == Some(grant.id.0) {
                (known.probe, known.out) = (None, None);
                // Its upstream has just shown that it answers.
                let mut book = self.log.book();
                if let Some(at) = book.by_grant.get(&grant.id.0).copied() {
                    let member = book.attempts[at].member;
                    book.asked_off.remove(&member);
                }
            }
        }
        self.inner.progress(grant, what, now);
    }

    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
        self.settling(&grant, outcome, now);
        let slot = grant.slot;
        if self.is(Mutant::ForgetSettle) && outcome.verdict == Verdict::Dropped {
            drop(grant);
            self.agrees(slot, now);
            return None;
        }
        let told = self.mutated(&grant, outcome);
        let cooled = self.inner.settle(grant, &told, now);
        self.settled(slot, outcome, cooled, now);
        cooled
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

    async fn flush(&self, end: bool, now: Instant) -> Result<(), Error> {
        self.inner.flush(end, now).await
    }
}
