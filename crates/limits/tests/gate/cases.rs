//! Cases that once failed: at a draft of the rules, or at a build with one of them broken.

use super::*;

const ONE: Take = Take { requests: 1, input: 0, output: 1 };
const ALL: Limits = Limits {
    rpm: Some(u32::MAX),
    tpm: Some(u64::MAX),
    itpm: Some(u64::MAX),
    otpm: Some(u64::MAX),
    rpd: Some(u64::MAX),
    tpd: Some(u64::MAX),
    max_parallel_requests: Some(u32::MAX),
    daily_reset_time: Duration::ZERO,
};
const NONE: Limits = Limits {
    rpm: None,
    tpm: None,
    itpm: None,
    otpm: None,
    rpd: None,
    tpd: None,
    max_parallel_requests: None,
    daily_reset_time: Duration::ZERO,
};

fn check(limits: Limits, start: u64, ops: &[Op]) {
    let run = Run::new(limits, Instant::from_nanos(start)).all(ops.iter().copied()).unwrap();
    run.end().unwrap();
}

fn now(take: Take) -> Op {
    Op::Reserve(take, Duration::ZERO)
}

fn millis(millis: u64) -> Op {
    Op::Wait(Duration::from_millis(millis))
}

#[test]
fn a_refund_after_midnight_moves_no_day() {
    let settle = Op::Settle(0, Settled::Sent { input: 0, output: 1 }, Duration::ZERO);
    check(ALL, 1_767_225_599_917_000_000, &[now(ONE), millis(83), settle]);
}

#[test]
fn a_hold_of_yesterday_gives_nothing_back_to_today() {
    let big = Take { output: 2, ..ONE };
    let settle = Op::Settle(0, Settled::Unsent, Duration::ZERO);
    check(ALL, 1_767_225_599_656_000_000, &[now(big), millis(344), now(ONE), settle]);
}

#[test]
fn the_bucket_of_three_seconds_back_is_still_there() {
    let late = Op::Reserve(ONE, Duration::from_millis(1_800));
    check(ALL, 2_000_000_000, &[now(ONE), millis(61_500), late, now(ONE)]);
    let start = 52_962_000_000;
    check(ALL, start, &[now(ONE), millis(60_000), millis(3_038), now(ONE), millis(0)]);
}

#[test]
fn a_late_reserve_is_stamped_with_the_newest_moment() {
    let late = Op::Reserve(Take { input: 1, ..ONE }, Duration::from_millis(1));
    check(ALL, 2_000_000_000, &[now(Take::default()), late]);
    let settle = Op::Settle(0, Settled::Sent { input: 0, output: 2 }, Duration::from_millis(1));
    check(ALL, 2_000_000_000, &[now(ONE), Op::Wait(SPAN), now(ONE), settle]);
}

#[test]
fn the_last_addition_of_a_second_keeps_it() {
    let early = Op::Reserve(ONE, Duration::from_millis(1));
    check(ALL, 2_001_000_001, &[early, now(ONE), Op::Wait(SPAN), now(ONE)]);
}

#[test]
fn a_full_slot_outlasts_a_full_window() {
    let full = Limits { tpm: Some(0), max_parallel_requests: Some(1), ..NONE };
    let free = Take { output: 0, ..ONE };
    check(NONE, 2_000_000_000, &[now(ONE), Op::Reload(full), now(free)]);
    let never = Limits { otpm: Some(20), tpd: Some(60), ..NONE };
    check(NONE, 2_000_000_000, &[Op::Reload(never), now(Take { output: 1 << 53, ..ONE })]);
}
