//! No pick allocates, nor does a score.

use std::{hint::black_box, sync::Arc};

use allocation_counter::measure;
use pointsman_clock::Dice;
use pointsman_strategy::{Affinity, Ask, Candidate, NAMES, Pick, builtin};
use pointsman_types::Decimal;

/// Members in all kinds of situations.
fn mixed(count: u32) -> Vec<Candidate> {
    let member = |ix: u32| {
        let base = Candidate::of(ix).in_flight(ix % 7).served(u64::from(ix % 3));
        match ix % 4 {
            0 => base.weight(ix % 5).price(Decimal::new(i64::from(ix), 6)),
            1 => base.ttft(0.2).per_token(0.01).draining(u64::from(ix), 50.0),
            2 => base.ttft(0.2).headroom(0.5),
            _ => base.used(u64::from(ix % 2), 10),
        }
    };
    (0..count).map(member).collect()
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(vec![1_u8]))).count_total, 1);
}

#[test]
fn no_pick_allocates() {
    for name in NAMES {
        let inner = builtin(name).unwrap();
        let sticky: Arc<dyn Pick> = Arc::new(Affinity::new(inner.clone(), Affinity::BOUND));
        for (count, strategy) in [0, 1, 2, 10, 100, 1_000]
            .into_iter()
            .flat_map(|count| [(count, &inner), (count, &sticky)])
        {
            // All alike, all sampled, and mixed.
            let alike: Vec<_> = (0..count).map(Candidate::of).collect();
            let sampled: Vec<_> =
                alike.iter().map(|one| one.clone().ttft(0.1).per_token(0.1).in_flight(1)).collect();
            for among in [alike, sampled, mixed(count)] {
                for ticket in 0..8 {
                    let key = (ticket % 2 == 0).then_some(ticket);
                    let ask = Ask { ticket, key, stream: ticket % 3 == 0, ..Ask::default() };
                    let counted = measure(|| {
                        let at = strategy.pick(&ask, &among, &mut Dice::new(ticket));
                        black_box(at.and_then(|at| strategy.score(&ask, &among, at)));
                    });
                    assert_eq!(counted.count_total, 0, "{name} of {count}");
                }
            }
        }
    }
}
