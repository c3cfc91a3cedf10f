//! What a call pays for its limits: viewing, reserving, settling.

use std::{hint::black_box, num::NonZeroU32, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use pointsman_clock::Instant;
use pointsman_limits::{Gate, Limits, Pace, Settled, Take};

const NOW: Instant = Instant::from_secs(1_767_225_600);
const WANT: Take = Take { requests: 1, input: 900, output: 300 };
const ALL: Limits = Limits {
    rpm: Some(u32::MAX),
    tpm: Some(u64::MAX / 2),
    itpm: Some(u64::MAX / 2),
    otpm: Some(u64::MAX / 2),
    rpd: Some(u64::MAX / 2),
    tpd: Some(u64::MAX / 2),
    max_parallel_requests: Some(u32::MAX),
    daily_reset_time: Duration::ZERO,
};

/// A gate with a call in each of the last 60 seconds.
fn busy() -> (Gate, Instant) {
    let (mut gate, mut now) = (Gate::default(), NOW);
    for _ in 0..60 {
        now += Duration::from_millis(1_001);
        call(&mut gate, &ALL, now);
    }
    (gate, now)
}

fn call(gate: &mut Gate, limits: &Limits, now: Instant) {
    if let Ok(hold) = gate.reserve(limits, &WANT, now) {
        gate.settle(hold, Settled::Sent { input: 905, output: 210 }, now);
    }
}

fn gates(c: &mut Criterion) {
    let full = Limits { rpm: Some(60), tpm: Some(60_000), ..Limits::default() };
    let (gate, now) = busy();
    for (name, limits) in [("none", Limits::default()), ("all", ALL), ("refused", full)] {
        c.bench_function(&format!("view/{name}"), |b| {
            b.iter(|| gate.view(black_box(&limits), black_box(&WANT), black_box(now)));
        });
    }
    c.bench_function("headroom/all", |b| b.iter(|| gate.headroom(black_box(&ALL), now)));
    c.bench_function("report/all", |b| b.iter(|| gate.report(black_box(&ALL), now).count()));
    for (name, limits) in [("none", Limits::default()), ("all", ALL)] {
        for (kind, step) in [("same second", 1_000), ("next second", 1_000_000_000)] {
            let (mut gate, mut now) = busy();
            c.bench_function(&format!("reserve and settle/{name}/{kind}"), |b| {
                b.iter(|| {
                    now += Duration::from_nanos(step);
                    call(black_box(&mut gate), black_box(&limits), now);
                });
            });
        }
    }
}

fn paces(c: &mut Criterion) {
    let (mut pace, mut now) = (Pace::new(NonZeroU32::MAX, NonZeroU32::MIN), NOW);
    c.bench_function("pace", |b| {
        b.iter(|| {
            now += Duration::from_nanos(20);
            black_box(&mut pace).check(now)
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = gates, paces
}
criterion_main!(benches);
