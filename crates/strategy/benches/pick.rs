//! How long a pick takes: each strategy, over 2, 10, 100 and 1,000 candidates.
//!
//! `cargo bench -p pointsman-strategy`; a name after it picks single benchmarks.

#[path = "../examples/members/mod.rs"]
mod members;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pointsman_clock::Dice;

fn picks(criterion: &mut Criterion) {
    for (name, strategy) in members::strategies() {
        let mut group = criterion.benchmark_group(name);
        for count in [2, 10, 100, 1_000] {
            let (ask, among, mut dice) = (members::ask(), members::members(count), Dice::new(1));
            group.throughput(Throughput::Elements(u64::from(count)));
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| strategy.pick(black_box(&ask), black_box(&among), &mut dice));
            });
        }
    }
}

criterion_group!(benches, picks);
criterion_main!(benches);
