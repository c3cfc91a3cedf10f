//! How long a pick takes: each strategy, over 2, 10, 100 and 1,000 busy candidates, and 100 that are
//! all alike.
//!
//! `cargo bench -p pointsman-strategy`; a name after it picks single benchmarks.

#[path = "../examples/members/mod.rs"]
mod members;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pointsman_clock::Dice;
use pointsman_strategy::Candidate;

fn picks(criterion: &mut Criterion) {
    for (name, strategy) in members::strategies() {
        let mut group = criterion.benchmark_group(name);
        let mut bench = |kind: &str, count: u32, among: Vec<Candidate>| {
            let (ask, mut dice) = (members::ask(), Dice::new(1));
            group.throughput(Throughput::Elements(u64::from(count)));
            group.bench_function(BenchmarkId::new(kind, count), |bencher| {
                bencher.iter(|| strategy.pick(black_box(&ask), black_box(&among), &mut dice));
            });
        };
        for count in [2, 10, 100, 1_000] {
            bench("busy", count, members::busy(count));
        }
        bench("alike", 100, members::alike(100));
    }
}

criterion_group!(benches, picks);
criterion_main!(benches);
