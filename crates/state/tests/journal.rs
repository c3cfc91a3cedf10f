//! Budgets over crashes: whatever reached the disk, in whatever order, none is overshot.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_state::*;
use pointsman_types::{Charge, Decimal, DeploymentId, Error, ErrorKind, Outcome, Verdict};
use proptest::prelude::*;

/// A disk whose writes end when the test says so, in any order, and that a crash cuts anywhere.
#[derive(Debug, Default)]
struct Model(Mutex<Disk>);

#[derive(Debug, Default)]
struct Disk {
    durable: HashMap<Arc<str>, Entry>,
    under_way: VecDeque<(u64, Vec<Entry>)>,
    ended: HashMap<u64, bool>,
    next: u64,
}

impl Disk {
    fn apply(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            if self.durable.get(&entry.account).is_none_or(|old| old.at < entry.at) {
                self.durable.insert(Arc::clone(&entry.account), entry);
            }
        }
    }
}

impl Model {
    /// Ends one of the writes under way.
    fn end(&self, nth: usize, durable: bool, ok: bool) {
        let mut disk = self.0.lock().unwrap();
        if disk.under_way.is_empty() {
            return;
        }
        let nth = nth % disk.under_way.len();
        let (id, entries) = disk.under_way.remove(nth).unwrap();
        if durable || ok {
            disk.apply(entries);
        }
        disk.ended.insert(id, ok);
    }

    /// What the next process finds: of the writes under way, those that the mask says.
    fn crash(&self, mask: u64) -> Arc<Self> {
        let mut disk = self.0.lock().unwrap();
        let mut left = Disk { durable: disk.durable.clone(), ..Disk::default() };
        for (nth, (_, entries)) in disk.under_way.drain(..).enumerate() {
            if mask >> (nth % 64) & 1 == 1 {
                left.apply(entries);
            }
        }
        Arc::new(Self(Mutex::new(left)))
    }
}

#[async_trait]
impl Journal for Model {
    fn load(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.0.lock().unwrap().durable.values().cloned().collect())
    }

    async fn write(&self, entries: Vec<Entry>) -> Result<(), Error> {
        let id = {
            let mut disk = self.0.lock().unwrap();
            let id = disk.next;
            disk.next += 1;
            disk.under_way.push_back((id, entries));
            id
        };
        std::future::poll_fn(|_| match self.0.lock().unwrap().ended.remove(&id) {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err(Error::new(ErrorKind::Server, "the disk is full"))),
            None => Poll::Pending,
        })
        .await
    }
}

type Claiming = Pin<Box<dyn Future<Output = Result<Grant, Refusal>>>>;

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

const START: u64 = 1_767_225_600;

/// One process after another over one disk. A token costs a dollar.
struct Lives {
    limit: BudgetLimit,
    disk: Arc<Model>,
    store: Arc<MemoryStore>,
    slot: Slot,
    tag: AccountIx,
    waiting: Vec<(u64, Claiming)>,
    sent: Vec<(u64, Grant)>,
    now: Instant,
    grants: u64,
    /// What was truly spent, and when.
    truth: Vec<(Instant, u64)>,
}

fn specs(limit: BudgetLimit) -> (MemberSpec, AccountSpec) {
    let mut member = MemberSpec::new(DeploymentId::from("a"), "g".into());
    member.price = Some(Price::new(Decimal::ONE, Decimal::ZERO));
    member.budget = Some(limit);
    let id = AccountId::tag("t");
    (member, AccountSpec { id, limits: Limits::default(), budget: Some(limit) })
}

impl Lives {
    fn new(limit: BudgetLimit, now: Instant) -> Self {
        let disk = Arc::new(Model::default());
        let (store, slot, tag) = Self::start(&disk, limit, now);
        let (waiting, sent) = (Vec::new(), Vec::new());
        Self { limit, disk, store, slot, tag, waiting, sent, now, grants: 0, truth: Vec::new() }
    }

    fn start(
        disk: &Arc<Model>,
        limit: BudgetLimit,
        now: Instant,
    ) -> (Arc<MemoryStore>, Slot, AccountIx) {
        let journal: Arc<dyn Journal> = Arc::clone(disk) as _;
        let store = Arc::new(MemoryStore::with_journal(7, journal).unwrap());
        let (member, tag) = specs(limit);
        let bound = store.bind(&[member], &[tag], now);
        (store, bound.slots[0], bound.accounts[0])
    }

    fn claim(&mut self, tokens: u64) {
        let take = Take { requests: 1, input: tokens, output: 0 };
        let need = Demand { take, accounts: [self.tag].into_iter().collect(), ..Demand::default() };
        let (store, slot, now, id) =
            (Arc::clone(&self.store), self.slot, self.now, GrantId(self.grants));
        self.grants += 1;
        let claiming = Box::pin(async move { store.reserve(slot, &need, id, now).await });
        self.waiting.push((tokens, claiming));
        self.look();
    }

    fn look(&mut self) {
        for (tokens, mut claiming) in std::mem::take(&mut self.waiting) {
            match poll(&mut claiming) {
                Poll::Ready(Ok(grant)) => self.sent.push((tokens, grant)),
                Poll::Ready(Err(_)) => {}
                Poll::Pending => self.waiting.push((tokens, claiming)),
            }
        }
    }

    fn settle(&mut self, nth: usize, share: u64) {
        if self.sent.is_empty() {
            return;
        }
        let nth = nth % self.sent.len();
        let (tokens, grant) = self.sent.swap_remove(nth);
        let cost = tokens * share / 100;
        let charged = Charge { input: cost, output: 0, money: Some(Decimal::from(cost)) };
        let outcome = Outcome { charged, ..Outcome::bare(Verdict::Success, Duration::ZERO) };
        self.store.settle(grant, &outcome, self.now);
        self.truth.push((self.now, cost));
    }

    /// The flush of one second; its write ends at once, or when the disk likes.
    fn tick(&mut self, millis: u64, at_once: bool) {
        self.now += Duration::from_millis(millis);
        let mut flush = self.store.flush(false, self.now);
        if poll(&mut flush).is_pending() && at_once {
            let last = self.disk.0.lock().unwrap().under_way.len() - 1;
            self.disk.end(last, true, true);
            assert!(poll(&mut flush).is_ready());
        }
    }

    fn spent(&self) -> [Decimal; 2] {
        let own = self.store.report(self.slot, self.now).account.spend.unwrap().spent;
        [own, self.store.account(self.tag, self.now).spend.unwrap().spent]
    }

    fn crash(&mut self, mask: u64) -> Result<(), TestCaseError> {
        let under_way: u64 = self.sent.iter().map(|(tokens, _)| tokens).sum();
        let before = self.spent().map(|spent| spent + Decimal::from(under_way));
        self.disk = self.disk.crash(mask);
        self.waiting.clear();
        self.truth.extend(self.sent.drain(..).map(|(tokens, _)| (self.now, tokens)));
        (self.store, self.slot, self.tag) = Self::start(&self.disk, self.limit, self.now);
        for (after, before) in self.spent().into_iter().zip(before) {
            prop_assert!(after >= before, "{after} is less than {before}");
        }
        Ok(())
    }

    /// Of a budget without window, or with one that lies fixed in the calendar.
    fn none_is_overshot(&self, window: u64) -> Result<(), TestCaseError> {
        let mut spent: HashMap<u64, u64> = HashMap::new();
        for (at, cost) in &self.truth {
            *spent.entry(at.as_secs() / window).or_default() += cost;
        }
        for (_, spent) in spent {
            prop_assert!(Decimal::from(spent) <= self.limit.max, "{spent} of {}", self.limit.max);
        }
        Ok(())
    }

    fn ends_clean(mut self) -> Result<(), TestCaseError> {
        while !self.disk.0.lock().unwrap().under_way.is_empty() {
            self.disk.end(0, true, true);
            self.look();
        }
        while !self.sent.is_empty() {
            self.settle(0, 50);
        }
        let before = self.spent();
        let mut flush = self.store.flush(true, self.now);
        if poll(&mut flush).is_pending() {
            self.disk.end(0, true, true);
            prop_assert!(matches!(poll(&mut flush), Poll::Ready(Ok(()))));
        }
        drop(flush);
        self.disk = self.disk.crash(0);
        (self.store, self.slot, self.tag) = Self::start(&self.disk, self.limit, self.now);
        prop_assert_eq!(self.spent(), before);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Claim(u64),
    EndWrite(usize),
    Leave(usize),
    Settle(usize, u64),
    Tick(u64, bool),
    Crash(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop_oneof![Just(0), Just(1), 1..10u64, 10..200u64].prop_map(Step::Claim),
        6 => any::<usize>().prop_map(Step::EndWrite),
        1 => any::<usize>().prop_map(Step::Leave),
        4 => (any::<usize>(), prop_oneof![Just(0), Just(100), 0..=100u64])
            .prop_map(|(nth, share)| Step::Settle(nth, share)),
        3 => (prop_oneof![Just(0), 1..1_000u64, Just(1_000)], any::<bool>())
            .prop_map(|(millis, at_once)| Step::Tick(millis, at_once)),
        1 => prop_oneof![Just(0), Just(u64::MAX), any::<u64>()].prop_map(Step::Crash),
    ];
    proptest::collection::vec(step, 1..200)
}

fn live(lives: &mut Lives, steps: &[Step], prompt: bool) -> Result<(), TestCaseError> {
    for step in steps {
        match *step {
            Step::Claim(tokens) => lives.claim(tokens),
            Step::EndWrite(nth) => {
                lives.disk.end(nth, true, true);
                lives.look();
            }
            Step::Leave(nth) if !lives.waiting.is_empty() => {
                let nth = nth % lives.waiting.len();
                drop(lives.waiting.swap_remove(nth));
            }
            Step::Leave(_) => {}
            Step::Settle(nth, share) => lives.settle(nth, share),
            Step::Tick(millis, at_once) => lives.tick(millis, at_once || prompt),
            Step::Crash(mask) => lives.crash(mask)?,
        }
    }
    Ok(())
}

fn max() -> impl Strategy<Value = Decimal> {
    prop_oneof![Just(0u64), Just(1), 1..100u64, 100..1_000u64, Just(100_000)]
        .prop_map(Decimal::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_budget_for_good_is_not_overshot(max in max(), steps in steps()) {
        let limit = BudgetLimit { max, window: None };
        let mut lives = Lives::new(limit, Instant::from_secs(START));
        live(&mut lives, &steps, false)?;
        lives.none_is_overshot(u64::MAX)?;
        lives.ends_clean()?;
    }

    #[test]
    fn a_day_is_not_overshot_over_midnight(max in max(), early in 0..90u64, steps in steps()) {
        let limit = BudgetLimit { max, window: Some("1d".parse().unwrap()) };
        let mut lives = Lives::new(limit, Instant::from_secs(START - early));
        live(&mut lives, &steps, true)?;
        lives.none_is_overshot(86_400)?;
        lives.ends_clean()?;
    }

    #[test]
    fn short_windows_remember_what_they_spent(
        max in max(),
        seconds in prop_oneof![Just(1u32), Just(7), Just(30)],
        steps in steps(),
    ) {
        let limit = BudgetLimit { max, window: Some(format!("{seconds}s").parse().unwrap()) };
        let mut lives = Lives::new(limit, Instant::from_secs(START));
        live(&mut lives, &steps, true)?;
        lives.ends_clean()?;
    }
}

#[test]
fn a_full_disk_holds_up_no_call_and_is_tried_again() {
    let limit = BudgetLimit { max: Decimal::from(100), window: None };
    let mut lives = Lives::new(limit, Instant::from_secs(START));
    lives.claim(3);
    lives.disk.end(0, false, false);
    lives.look();
    assert_eq!(lives.sent.len(), 1, "the call goes on");
    lives.settle(0, 100);
    for _ in 0..2 {
        let mut flush = lives.store.flush(false, lives.now);
        assert!(poll(&mut flush).is_pending(), "it is tried again");
        lives.disk.end(0, false, false);
        assert!(matches!(poll(&mut flush), Poll::Ready(Err(_))));
    }
    // What is written ahead goes back when nothing is spent any more.
    for _ in 0..3 {
        lives.tick(1_000, true);
    }
    lives.crash(0).unwrap();
    assert_eq!(lives.spent(), [Decimal::from(3); 2]);
    let mut idle = lives.store.flush(false, lives.now);
    assert!(matches!(poll(&mut idle), Poll::Ready(Ok(()))), "there is nothing to write");
}

#[test]
fn writes_that_never_end_are_no_leak_and_no_cover() {
    let limit = BudgetLimit { max: Decimal::from(100_000), window: None };
    let mut lives = Lives::new(limit, Instant::from_secs(START));
    for _ in 0..100 {
        lives.claim(1);
    }
    assert!(lives.sent.is_empty());
    // The newest is written, and so all of them are covered.
    lives.disk.end(99, true, true);
    lives.look();
    assert_eq!(lives.sent.len(), 1);
    lives.claim(0);
    assert_eq!(lives.sent.len(), 2, "it needs no entry of its own");
    lives.crash(0).unwrap();
    assert_eq!(lives.spent(), [Decimal::from(100); 2]);
}

/// A day's budget with one call that began 20 s before midnight.
fn before_midnight() -> Lives {
    let limit = BudgetLimit { max: Decimal::from(100), window: Some("1d".parse().unwrap()) };
    let mut lives = Lives::new(limit, Instant::from_secs(START - 20));
    lives.claim(7);
    lives.disk.end(0, true, true);
    lives.look();
    lives
}

#[test]
fn a_call_over_midnight_counts_in_the_new_day_even_after_a_crash() {
    let mut lives = before_midnight();
    for _ in 0..19 {
        lives.tick(1_000, true);
    }
    // The power goes in the new day, before anything of it is written.
    lives.now = Instant::from_secs(START);
    assert_eq!(lives.spent(), [Decimal::ZERO; 2]);
    lives.crash(0).unwrap();
    assert_eq!(lives.spent(), [Decimal::from(7); 2]);
}

#[test]
fn a_crash_before_midnight_leaves_the_new_day_alone() {
    let mut lives = before_midnight();
    let disk = lives.disk.crash(0);
    lives.now += Duration::from_secs(21);
    let (store, slot, _) = Lives::start(&disk, lives.limit, lives.now);
    assert_eq!(store.report(slot, lives.now).account.spend.unwrap().spent, Decimal::ZERO);
}
