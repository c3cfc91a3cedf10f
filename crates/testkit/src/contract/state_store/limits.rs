//! Limits of one deployment: exact, to the moment.

use std::{future::poll_fn, task::Poll, time::Duration};

use pointsman_state::{Demand, Limit, Limits, MemberSpec, Until, Whose, Why};
use pointsman_types::{Decimal, ErrorKind, Outcome, Verdict};

use super::{
    Make, World, account, dollars, failure, limited, member, one, rpm, slots, tokens, tpm, unsent,
    used,
};

pub(super) async fn run(make: Make<'_>) {
    requests_are_counted_exactly(make).await;
    tokens_come_back_or_become_debt(make).await;
    slots_are_what_is_under_way(make).await;
    what_is_under_way_is_seen(make).await;
    what_never_left_comes_back(make).await;
    whoever_leaves_keeps_nothing(make).await;
    what_never_fits_is_said_so(make).await;
    of_several_reasons_the_last_to_end_counts(make).await;
}

async fn requests_are_counted_exactly(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[limited("a", rpm(25))], &[]).slots[0];
    for nth in 0..25 {
        world.pass(Duration::from_millis(300));
        assert!(world.sees_refused(&[a], 0).is_none(), "request {nth} fits");
        let grant = world.take(a, &one()).await;
        world.settle(grant, &used(0, 0));
    }
    let refusal = world.refused(a, &one()).await;
    let why = Why::Limit { whose: Whose::Own, limit: Limit::Rpm, used: 25, value: 25, asked: 1 };
    assert_eq!(refusal.why, why);
    assert_eq!(world.sees_refused(&[a], 0), Some(refusal), "the view says the same");
    let Until::At(until) = refusal.until else { panic!("it has a moment: {refusal:?}") };
    assert!(until > world.now(), "it is to come");
    world.now.set(until - Duration::from_nanos(1));
    assert_eq!(world.refused(a, &one()).await.until, Until::At(until), "not a moment before");
    world.pass(Duration::from_nanos(1));
    world.take(a, &one()).await;
}

async fn tokens_come_back_or_become_debt(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[limited("a", tpm(1_000))], &[]).slots[0];
    let grant = world.take(a, &tokens(100, 800)).await;
    assert_eq!(world.used(a, Limit::Tpm), 900, "what is reserved counts");
    world.refused(a, &tokens(100, 1)).await;
    world.settle(grant, &used(100, 100));
    assert_eq!(world.used(a, Limit::Tpm), 200, "what was not used comes back");
    let grant = world.take(a, &tokens(0, 800)).await;
    world.seconds(1);
    world.settle(grant, &used(0, 1_700));
    assert_eq!(world.used(a, Limit::Tpm), 1_900, "what was used beyond is debt");
    world.seconds(58);
    world.refused(a, &tokens(1, 0)).await;
    world.seconds(1);
    // 1,000 have slid out; 900 were charged a second later.
    assert_eq!(world.used(a, Limit::Tpm), 900);
    world.refused(a, &tokens(101, 0)).await;
    world.take(a, &tokens(100, 0)).await;
}

async fn slots_are_what_is_under_way(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[limited("a", slots(2))], &[]).slots[0];
    let (first, second) = (world.take(a, &one()).await, world.take(a, &one()).await);
    let refusal = world.refused(a, &one()).await;
    assert_eq!(refusal.until, Until::Event, "a slot frees with an event");
    world.seconds(3_600);
    world.refused(a, &one()).await;
    world.settle(first, &used(0, 0));
    let third = world.take(a, &one()).await;
    world.settle(second, &unsent());
    world.settle(third, &unsent());
    assert_eq!(world.report(a).in_flight, 0);
}

async fn what_is_under_way_is_seen(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[member("a")], &[]).slots[0];
    let grant = world.take(a, &tokens(30, 12)).await;
    assert_eq!(world.report(a).in_flight, 1, "before anything else is done");
    let row = world.view(&[a], &one()).rows[0];
    assert_eq!((row.in_flight, row.tokens_in_flight), (1, 42));
    assert_eq!((row.requests, row.tokens), (1, 42), "counted without a limit, too");
    world.settle(grant, &used(30, 10));
    let row = world.view(&[a], &one()).rows[0];
    assert_eq!((row.in_flight, row.tokens_in_flight), (0, 0));
    assert_eq!((row.requests, row.tokens), (1, 40));
}

async fn what_never_left_comes_back(make: Make<'_>) {
    let world = World::new(make);
    let limits = Limits { rpm: Some(1), tpm: Some(50), ..slots(1) };
    let a = world.bind(&[limited("a", limits)], &[]).slots[0];
    for _ in 0..5 {
        let grant = world.take(a, &tokens(25, 25)).await;
        world.settle(grant, &unsent());
    }
    assert_eq!((world.used(a, Limit::Rpm), world.used(a, Limit::Tpm)), (0, 0));
    let grant = world.take(a, &tokens(25, 25)).await;
    world.settle(grant, &used(0, 0));
    assert_eq!(world.used(a, Limit::Rpm), 1, "what was sent keeps its request");
    assert_eq!(world.used(a, Limit::Tpm), 0, "and no tokens, if it used none");
}

/// Dropping the future of a reserve gives back whatever it took.
async fn whoever_leaves_keeps_nothing(make: Make<'_>) {
    let world = World::new(make);
    let limits = Limits { rpm: Some(1), ..slots(1) };
    // A store that writes spend down may have to wait for it.
    let a = MemberSpec { budget: Some(dollars(1)), ..limited("a", limits) };
    let a = world.bind(&[a], &[]).slots[0];
    for _ in 0..5 {
        let (need, id, now) = (tokens(1, 0), world.grant_id(), world.now());
        let mut reserving = world.store.reserve(a, &need, id, now);
        let polled = poll_fn(|cx| Poll::Ready(reserving.as_mut().poll(cx))).await;
        drop(reserving);
        if let Poll::Ready(reserved) = polled {
            world.settle(reserved.expect("it fits each time"), &unsent());
        }
        assert_eq!(world.report(a).in_flight, 0);
        assert_eq!(world.spend(a), (Decimal::ZERO, Decimal::ZERO));
    }
    world.take(a, &tokens(1, 0)).await;
}

async fn what_never_fits_is_said_so(make: Make<'_>) {
    let world = World::new(make);
    let a = world.bind(&[limited("a", tpm(100))], &[]).slots[0];
    assert_eq!(world.refused(a, &tokens(60, 41)).await.until, Until::Never);
    world.take(a, &tokens(60, 40)).await;
}

/// A refusal tells when the demand fits, and not when the first of several reasons ends.
async fn of_several_reasons_the_last_to_end_counts(make: Make<'_>) {
    let world = World::new(make);
    let a = MemberSpec { accounts: vec![0], ..limited("a", rpm(1)) };
    let bound = world.bind(&[a, member("b")], &[account("q", rpm(2), None)]);
    let (a, q) = (bound.slots[0], bound.accounts[0]);
    let need = Demand { accounts: [q].into_iter().collect(), ..one() };
    let grant = world.take(a, &need).await;
    world.settle(grant, &used(0, 0));
    let own = world.now() + Duration::from_mins(1);
    assert_eq!(world.refused(a, &one()).await.until, Until::At(own));
    world.seconds(20);
    let grant = world.take(bound.slots[1], &need).await;
    world.settle(grant, &Outcome::bare(Verdict::Success, Duration::ZERO));
    // One of the account's two slides out as soon as the deployment's own.
    let refusal = world.refused(a, &one()).await;
    assert_eq!(refusal.until, Until::At(own));
    assert_eq!(world.sees_refused(&[a], 0), Some(refusal));

    let world = World::new(make);
    let a = MemberSpec { accounts: vec![0], ..limited("a", rpm(1)) };
    let bound = world.bind(&[a, member("b")], &[account("q", rpm(1), None)]);
    let (a, b) = (bound.slots[0], bound.slots[1]);
    let draws = Demand { accounts: [bound.accounts[0]].into_iter().collect(), ..one() };
    let grant = world.take(a, &Demand::default()).await;
    world.settle(grant, &unsent());
    let grant = world.take(b, &draws).await;
    world.settle(grant, &used(0, 0));
    let shared = Until::At(world.now() + Duration::from_mins(1));
    assert_eq!(world.refused(a, &one()).await.until, shared);
    // A cooldown that is shorter than the limit, and one that is longer.
    world.ends(b, failure(ErrorKind::RateLimited, Some(5))).await;
    let refusal = world.refused(b, &draws).await;
    assert!(matches!(refusal.why, Why::Cooling { .. }), "{refusal:?}");
    assert_eq!(refusal.until, shared);
}
