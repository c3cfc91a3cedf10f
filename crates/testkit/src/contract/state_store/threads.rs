//! Many threads at one store: nothing goes over any limit, and all comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

use pointsman_clock::{Dice, EntropyExt, Instant};
use pointsman_state::{
    Bound, Demand, GrantId, Limit, Limits, MemberSpec, Refusal, StateStore, Take, Why,
};
use pointsman_types::{Decimal, Outcome, Verdict};
use tokio::{runtime::Handle, task::JoinSet};

use super::{Make, World, account, dollars, limited, tokens, unsent, used};

const THREADS: u64 = 8;
const CALLS: u64 = 400;
const MEMBERS: usize = 4;
const SLOTS: u32 = 3;
const RPM: u32 = 150;
const SHARED_RPM: u32 = 400;
/// Dollars of the budget that all share; each call costs two at most.
const BUDGET: u64 = 700;

/// What truly happened.
#[derive(Debug, Default)]
struct Truth {
    in_flight: [AtomicU32; MEMBERS],
    sent: [AtomicU64; MEMBERS],
    spent: AtomicU64,
    refused: AtomicU64,
}

pub(super) async fn run(make: Make<'_>) {
    let world = World::new(make);
    let limits = Limits { rpm: Some(RPM), ..super::slots(SLOTS) };
    let members = ["a", "b", "c", "d"].map(|id| MemberSpec {
        accounts: vec![0, 1],
        budget: Some(dollars(BUDGET)),
        ..limited(id, limits)
    });
    let accounts = [
        account("q", super::rpm(SHARED_RPM), None),
        account("money", Limits::default(), Some(BUDGET)),
    ];
    let bound = world.bind(&members, &accounts);
    let (truth, now) = (Arc::new(Truth::default()), world.now());
    let mut threads = JoinSet::new();
    for nth in 0..THREADS {
        let (store, bound) = (Arc::clone(&world.store), bound.clone());
        let (truth, runtime) = (Arc::clone(&truth), Handle::current());
        // Threads of their own: they meet wherever the machine lets them.
        threads.spawn_blocking(move || runtime.block_on(hammer(nth, store, bound, truth, now)));
    }
    threads.join_all().await;
    compare(&world, &bound, &truth);
}

async fn hammer(
    nth: u64,
    store: Arc<dyn StateStore>,
    bound: Bound,
    truth: Arc<Truth>,
    now: Instant,
) {
    let mut dice = Dice::of_call(nth, 5);
    for call in 0..CALLS {
        let at = usize::try_from(dice.below(MEMBERS as u64)).unwrap_or_default();
        let id = GrantId(nth * CALLS + call);
        let need = tokens(1, 1);
        let grant = match store.reserve(bound.slots[at], &need, id, now).await {
            Ok(grant) => grant,
            Err(refusal) => {
                expected(&refusal);
                truth.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
        };
        let under_way = truth.in_flight[at].fetch_add(1, Ordering::SeqCst) + 1;
        assert!(under_way <= SLOTS, "{under_way} under way in {SLOTS} slots");
        if dice.below(3) == 0 {
            thread::yield_now();
        }
        let outcome = outcome(&mut dice, &truth, at);
        truth.in_flight[at].fetch_sub(1, Ordering::SeqCst);
        store.settle(grant, &outcome, now);
    }
}

/// How a call ends, noted before it is settled: then the limits are known to be kept.
fn outcome(dice: &mut Dice, truth: &Truth, at: usize) -> Outcome {
    let cost = match dice.below(5) {
        0 => return unsent(),
        1 => 0,
        cost => cost.min(2),
    };
    let sent = truth.sent[at].fetch_add(1, Ordering::SeqCst) + 1;
    assert!(sent <= u64::from(RPM), "{sent} requests of {RPM}");
    let dollars = truth.spent.fetch_add(cost, Ordering::SeqCst) + cost;
    assert!(dollars <= BUDGET, "${dollars} of ${BUDGET}");
    let all: u64 = truth.sent.iter().map(|one| one.load(Ordering::SeqCst)).sum();
    assert!(all <= u64::from(SHARED_RPM), "{all} requests of {SHARED_RPM}");
    let verdict = if dice.below(2) == 0 { Verdict::Success } else { Verdict::Dropped };
    Outcome { verdict, ..used(cost, 0) }
}

fn expected(refusal: &Refusal) {
    assert!(
        matches!(refusal.why, Why::Limit { .. } | Why::Budget { .. } | Why::Raced),
        "{refusal:?}"
    );
}

fn compare(world: &World, bound: &Bound, truth: &Truth) {
    let mut all = 0;
    for (at, slot) in bound.slots.iter().enumerate() {
        let sent = truth.sent[at].load(Ordering::SeqCst);
        all += sent;
        let row = world.view(&[*slot], &Demand { take: Take::default(), ..Demand::default() });
        let in_flight = row.rows.first().map_or(0, |row| row.tokens_in_flight);
        assert_eq!((world.report(*slot).in_flight, in_flight), (0, 0), "all came back");
        assert_eq!(world.used(*slot, Limit::Rpm), sent);
        assert_eq!(world.spend(*slot).1, Decimal::ZERO);
    }
    let [quota, money] = [bound.accounts[0], bound.accounts[1]];
    assert_eq!(world.used_of(quota, Limit::Rpm), all);
    let spent = truth.spent.load(Ordering::SeqCst);
    assert_eq!(world.spend_of(money), (spent.into(), Decimal::ZERO));
    let refused = truth.refused.load(Ordering::SeqCst);
    assert!(all > 0 && refused > 0, "{all} sent and {refused} refused: this tests nothing");
}
